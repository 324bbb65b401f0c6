"""The part of a city's profile that says when two reports may be of one thing."""

from __future__ import annotations

from pathlib import Path

import pytest

from dispatch.domain.duplicates import DuplicateRules
from dispatch.domain.errors import SourceError
from geodata.city import load_city
from geodata.duplicate_table import read_duplicate_rules
from tests.builders import catalogue

GOOD = """
[duplicates]
near_m = 40
max_m = 300
days = 60
urgent_days = 5
min_score = 0.3
kin = [["R01", "W01"]]

[duplicates.days_of]
E07 = 30
"""


def profile(folder: Path, text: str) -> Path:
    (folder / "profile.toml").write_text(text, encoding="utf-8")
    return folder


def test_osaka_has_its_own_rules_and_they_fit_its_catalogue() -> None:
    osaka = load_city("osaka")
    rules = read_duplicate_rules(osaka.folder, osaka.catalogue)
    assert (rules.near_m, rules.days) == (50, 90)  # as the meeting counts repeats
    assert rules.kinship("R01", "R02", osaka.catalogue)[0] == 0.8
    assert rules.window_days("R11", osaka.catalogue) == 7  # class S
    assert rules.window_days("G02", osaka.catalogue) == 3


def test_a_city_without_the_section_gets_the_rules_of_the_code(tmp_path: Path) -> None:
    folder = profile(tmp_path, "[triage]\n")
    assert read_duplicate_rules(folder, catalogue()) == DuplicateRules()


def test_a_section_is_read(tmp_path: Path) -> None:
    rules = read_duplicate_rules(profile(tmp_path, GOOD), catalogue())
    assert rules == DuplicateRules(
        near_m=40,
        max_m=300,
        days=60,
        urgent_days=5,
        min_score=0.3,
        kin=(frozenset({"R01", "W01"}),),
        days_of={"E07": 30},
    )


@pytest.mark.parametrize(
    ("good", "wrong", "problem"),
    [
        ('"W01"', '"X99"', "'X99' is not in categories.csv"),
        ("E07 = 30", "X99 = 30", "'X99' is not in categories.csv"),
        ("E07 = 30", 'E07 = "a month"', "not whole numbers"),
        ("near_m = 40", "near_m = -1", "正の数"),
        ("days = 60", "", "duplicates.days: missing"),
    ],
)
def test_a_wrong_section_is_refused(
    tmp_path: Path, good: str, wrong: str, problem: str
) -> None:
    folder = profile(tmp_path, GOOD.replace(good, wrong, 1))
    with pytest.raises(SourceError, match=problem):
        read_duplicate_rules(folder, catalogue())
