"""What a city gives its telephone desk is read whole, or refused by name."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pytest

from dispatch.domain.catalogue import Catalogue, Duty, Urgency
from dispatch.domain.errors import SourceError
from dispatch.domain.guide import Guide
from dispatch.domain.triage import URGENT_HOURS, TriageRules
from geodata.city import CityProfile, load_city
from geodata.desk_tables import (
    ADVISERS_FILE,
    GUIDE_FILE,
    PROFILE_FILE,
    TRIAGE_FILE,
    read_advisers,
    read_guide,
    read_triage,
)

GUIDE_TEXTS = ("duty", "urgency", "not_ours", "next_step")


@pytest.fixture(scope="module")
def osaka() -> CityProfile:
    return load_city("osaka")


@pytest.fixture
def copy(tmp_path: Path, osaka: CityProfile) -> Path:
    return Path(shutil.copytree(osaka.folder, tmp_path / "copy"))


def replaced(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


# -- triage ----------------------------------------------------------------------------


def test_the_first_three_questions_and_no_other_make_class_s(
    osaka: CityProfile,
) -> None:
    rules = read_triage(osaka.folder, osaka.catalogue)
    assert [one.makes_s for one in rules.questions] == [True] * 3 + [False] * 5
    assert [one.id for one in rules.questions[:3]] == ["deep", "cavity", "block"]
    assert rules.unclear_codes == {"Z01"}


def test_dangerous_field_work_is_always_asked_whether_to_close_the_road(
    osaka: CityProfile,
) -> None:
    rules = read_triage(osaka.folder, osaka.catalogue)
    for category in osaka.catalogue.categories:
        if category.duty is Duty.FIELD and category.urgency is Urgency.S:
            asked = {one.id for one in rules.asked_of(category)}
            assert {"block", "injury"} <= asked, category.code


def test_a_city_without_the_tables_asks_nothing() -> None:
    boston = load_city("boston")
    assert read_triage(boston.folder, boston.catalogue) == TriageRules()
    assert read_triage(boston.folder, boston.catalogue).urgent_hours == URGENT_HOURS
    assert read_guide(boston.folder, boston.catalogue) == Guide()
    advisers = read_advisers(boston.folder, boston.wards, boston.catalogue)
    assert advisers.open_wards(dt.date(2026, 11, 24)) == ()


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (TRIAGE_FILE, "R01|R02|", "R01|X99|", "row 2, categories: 'X99'"),
        (TRIAGE_FILE, "道路|道路/下水|", "道路|港|", "row 4, groups: '港'"),
        (TRIAGE_FILE, "cavity,", "deep,", "row 3, id"),
        (TRIAGE_FILE, "超えますか,S", "超えますか,至急", "row 2, raises_to"),
        (TRIAGE_FILE, ",,R24|R25|W03|W05,", ",,F01,", "row 7, categories: asked of no"),
        (PROFILE_FILE, '["Z01"]', '["X99"]', "unclear_categories: 'X99'"),
    ],
)
def test_a_question_that_fits_no_category_is_refused(
    file: str, old: str, new: str, told: str, copy: Path, osaka: CityProfile
) -> None:
    replaced(copy / file, old, new)
    with pytest.raises(SourceError, match=told.replace(".", r"\.")):
        read_triage(copy, osaka.catalogue)


# -- advisers --------------------------------------------------------------------------


def test_five_wards_have_a_desk_first_and_ten_later(osaka: CityProfile) -> None:
    rules = read_advisers(osaka.folder, osaka.wards, osaka.catalogue)
    assert len(rules.open_wards(dt.date(2011, 6, 1))) == 5
    assert len(rules.open_wards(dt.date(2026, 11, 24))) == 10
    assert rules.open_wards(dt.date(2011, 3, 31)) == ()


def test_every_row_of_the_desks_is_marked_as_a_proposal(osaka: CityProfile) -> None:
    # Which wards had one is not published: nothing here may look like a fact.
    lines = (osaka.folder / ADVISERS_FILE).read_text(encoding="utf-8").splitlines()
    assert all(line.endswith(",P") for line in lines[1:])


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (ADVISERS_FILE, "271071,", "999999,", "row 2, ward_code"),
        (ADVISERS_FILE, "271187,", "271071,", "row 3, opens_on: ward 271071"),
        (
            ADVISERS_FILE,
            "2011-04-01,,",
            "2011-04-01,2011-04-01,",
            "row 2, closes_on: not after",
        ),
        (PROFILE_FILE, '"河川", "公園"', '"港"', "adviser.groups: '港'"),
    ],
)
def test_a_desk_that_cannot_be_is_refused(
    file: str, old: str, new: str, told: str, copy: Path, osaka: CityProfile
) -> None:
    replaced(copy / file, old, new)
    with pytest.raises(SourceError, match=told):
        read_advisers(copy, osaka.wards, osaka.catalogue)


def test_a_desk_that_closed_may_open_again(copy: Path, osaka: CityProfile) -> None:
    replaced(copy / ADVISERS_FILE, "2011-04-01,,", "2011-04-01,2012-04-01,")
    replaced(copy / ADVISERS_FILE, "271187,2011-04-01", "271071,2013-04-01")
    rules = read_advisers(copy, osaka.wards, osaka.catalogue)
    assert rules.is_open("271071", dt.date(2012, 3, 31))
    assert not rules.is_open("271071", dt.date(2012, 12, 1))
    assert rules.is_open("271071", dt.date(2014, 1, 1))


# -- the guide -------------------------------------------------------------------------


def test_every_category_has_a_guide_with_every_part(osaka: CityProfile) -> None:
    guide = read_guide(osaka.folder, osaka.catalogue)
    codes = [category.code for category in osaka.catalogue.categories]
    assert list(guide.entries) == codes
    for entry in guide.entries.values():
        assert all(getattr(entry, name).strip() for name in GUIDE_TEXTS), entry.code
        assert len(entry.ask) >= 2, entry.code
        assert entry.answer, entry.code
        assert entry.words, entry.code


def test_a_category_without_an_entry_is_read_and_an_entry_without_one_refused(
    copy: Path, osaka: CityProfile
) -> None:
    replaced(copy / GUIDE_FILE, "[R01]", "[X01]")
    with pytest.raises(SourceError, match="X01"):
        read_guide(copy, osaka.catalogue)
    fewer = Catalogue(osaka.catalogue.categories[1:])
    with pytest.raises(SourceError, match="R01"):
        read_guide(osaka.folder, fewer)
    text = (osaka.folder / GUIDE_FILE).read_text(encoding="utf-8")
    cut = text[: text.index("[R01]")] + text[text.index("[R02]") :]
    (copy / GUIDE_FILE).write_text(cut, encoding="utf-8")
    assert read_guide(copy, osaka.catalogue).get("R01") is None


def test_an_entry_without_a_part_is_refused(copy: Path, osaka: CityProfile) -> None:
    replaced(copy / GUIDE_FILE, "not_ours", "not_our")
    with pytest.raises(SourceError, match=r"R01\.not_ours"):
        read_guide(copy, osaka.catalogue)
