"""Real files through the command line: Osaka's addresses and Boston's 311 requests."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from geodata.city import load_city
from tests.acceptance.command import SMALL_SEARCH, environment, run_cli
from tests.acceptance.records import judged, rows
from tests.city_data import OSAKA_DATA
from tests.shared_data import REPO, need_shared

PROFILES = REPO / "geodata"
BOSTON_DAY = "2024-07-16"
GIVEN = "2026-11-24T08:30:00+09:00"


def counted(printed: str) -> tuple[int, int, int, int]:
    """Rows, added, known and refused, as the import prints them."""
    found = re.search(
        r"(\d+)行: 追加 (\d+)、登録済み (\d+)、受け付けなかった行 (\d+)", printed
    )
    assert found is not None, printed
    total, added, known, refused = map(int, found.groups())
    return total, added, known, refused


@dataclass(frozen=True, kw_only=True)
class Imported:
    """An import, the same import again, and what it left."""

    database: Path
    first: tuple[int, int, int, int]
    second: tuple[int, int, int, int]


@pytest.fixture(scope="module")
def osaka(tmp_path_factory: pytest.TempPathFactory) -> Imported:
    file = need_shared("data/addresses/osaka_address_points_dev.csv")
    folder = tmp_path_factory.mktemp("osaka")
    database = folder / "osaka.sqlite3"
    variables = environment(OSAKA_DATA, KIDOHAN_DATABASE_URL=f"sqlite:///{database}")
    mapping = PROFILES / "osaka" / "import_mapping.toml"
    arguments = ("import", str(file), "--mapping", str(mapping), "--received-at", GIVEN)
    runs = [run_cli(folder, variables, *arguments) for _ in range(2)]
    assert [run.returncode for run in runs] == [0, 0], runs[0].stdout + runs[0].stderr
    first, second = (counted(run.stdout) for run in runs)
    return Imported(database=database, first=first, second=second)


def test_real_addresses_are_placed_in_their_own_ward(osaka: Imported) -> None:
    file = need_shared("data/addresses/osaka_address_points_dev.csv")
    wards: dict[str, set[str]] = defaultdict(set)
    with file.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            wards[row["address"].strip()].add(row["ward"])
    names = {ward.code: ward.name for ward in load_city("osaka").wards}
    charts = rows(osaka.database, "SELECT body, ward_code, lon FROM charts")
    placed = [(body, code) for body, code, lon in charts if lon is not None]
    wrong = []
    for body, code in placed:
        address = json.loads(body)["consultation"]["address_text"]
        if names[code] not in wards[address]:
            wrong.append((address, names[code]))
    assert wrong == []
    assert len(placed) >= 0.97 * len(charts)


def test_every_real_row_is_taken_and_the_same_file_again_adds_nothing(
    osaka: Imported,
) -> None:
    assert osaka.first == (2_500, 2_500, 0, 0)
    assert osaka.second == (2_500, 0, 2_500, 0)
    assert rows(osaka.database, "SELECT count(*) FROM charts") == [(2_500,)]


@dataclass(frozen=True, kw_only=True)
class BostonDay:
    """July's requests of ten years as the pile of one morning, planned."""

    folder: Path
    geodata: Path
    imported: tuple[int, int, int, int]
    printed: str

    @property
    def database(self) -> Path:
        return self.folder / "boston.sqlite3"

    @property
    def summary(self) -> dict[str, Any]:
        text = (self.folder / "plan" / "summary.json").read_text(encoding="utf-8")
        figures: dict[str, Any] = json.loads(text)
        return figures


@pytest.fixture(scope="module")
def boston(tmp_path_factory: pytest.TempPathFactory) -> BostonDay:
    file = need_shared("data/reports/boston_311_sample_2015_2024.csv")
    folder = tmp_path_factory.mktemp("boston")
    geodata = folder / "geodata"
    variables = environment(
        geodata,
        KIDOHAN_CITY="boston",
        KIDOHAN_DATABASE_URL=f"sqlite:///{folder / 'boston.sqlite3'}",
        **SMALL_SEARCH,
    )
    mapping = PROFILES / "boston" / "import_mapping.toml"
    pile = ("--month", "7", "--as-if-on", BOSTON_DAY, "--report", "refused.csv")
    taken = run_cli(
        folder, variables, "import", str(file), "--mapping", str(mapping), *pile
    )
    assert taken.returncode == 0, taken.stdout + taken.stderr
    moment = f"{BOSTON_DAY}T08:30:00-04:00"
    planned = run_cli(
        folder, variables, "plan", BOSTON_DAY, "--at", moment, "--out", "plan"
    )
    assert planned.returncode == 0, planned.stdout + planned.stderr
    return BostonDay(
        folder=folder,
        geodata=geodata,
        imported=counted(taken.stdout),
        printed=planned.stdout,
    )


def test_row_report_names_the_two_rows_without_a_position(boston: BostonDay) -> None:
    total, added, known, refused = boston.imported
    assert (known, refused) == (0, 2)
    assert added == total - 2
    report = (boston.folder / "refused.csv").read_text(encoding="utf-8-sig")
    assert len(report.splitlines()) == 1 + 2


def test_pile_is_planned_with_maps_and_sheets(boston: BostonDay) -> None:
    summary = boston.summary
    profile = load_city("boston")
    assert summary["date"] == BOSTON_DAY
    assert summary["consultations"] == boston.imported[1]
    assert 0 < summary["served"] <= summary["feasible_visits"]
    folder = boston.folder / "plan"
    sheets = {file.stem for file in folder.glob("sheets/*.pdf")}
    maps = {file.stem for file in folder.glob("maps/*.html")}
    assert sheets == {team.id for team in profile.teams}
    assert maps == {"overview", *(f"plan-{office.id}" for office in profile.offices)}
    states = Counter(
        status for (status,) in rows(boston.database, "SELECT status FROM plans")
    )
    assert states == {"published": 1}
    assert all(office.name in boston.printed for office in profile.offices)


def test_real_plan_breaks_no_rule_when_judged_anew(boston: BostonDay) -> None:
    assert boston.summary["violations"] == 0
    assert judged(boston.database, "boston", boston.geodata, BOSTON_DAY) == ()
