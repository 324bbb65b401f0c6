"""A city profile is read whole, or refused with the file, the row and the column."""

from __future__ import annotations

import csv
import datetime as dt
import os
import shutil
import tomllib
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from dispatch.domain.assignment import AssignmentPolicy, SharingPolicy
from dispatch.domain.catalogue import Duty, ResponseUnit, Urgency
from dispatch.domain.errors import NotFoundError, SourceError
from dispatch.domain.place import LonLat, great_circle_m
from dispatch.domain.shared_tool import stock_of
from geodata.city import CityProfile, load_city

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("KIDOHAN_SHARED", ROOT.parent / "shared"))
OSAKA_FOLDER = ROOT / "geodata" / "osaka"
FY2011 = dt.date(2011, 4, 1)


@pytest.fixture(scope="module")
def osaka() -> CityProfile:
    return load_city("osaka")


@pytest.fixture(scope="module")
def boston() -> CityProfile:
    return load_city("boston")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(OSAKA_FOLDER, tmp_path / "copy"))


def change_cell(file: Path, row: int, column: str, value: str) -> None:
    """Write a value into the given line of the file (the header is line 1)."""
    with file.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.reader(stream))
    lines[row - 1][lines[0].index(column)] = value
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(lines)


def test_osaka_has_its_tables_in_full(osaka: CityProfile) -> None:
    assert len(osaka.offices) == 8
    assert len(osaka.wards) == 24
    assert len(osaka.schools) == 299
    assert len(osaka.partner_offices) == 37
    assert len(osaka.catalogue.categories) == 50
    assert len(osaka.jurisdictions) == 24


def test_a_folder_and_a_name_load_the_same_city(osaka: CityProfile) -> None:
    assert load_city(OSAKA_FOLDER).offices == osaka.offices


def test_every_ward_code_carries_its_check_digit(osaka: CityProfile) -> None:
    for ward in osaka.wards:
        digits = [int(digit) for digit in ward.code]
        weighted = sum(
            digit * weight
            for digit, weight in zip(digits, (6, 5, 4, 3, 2), strict=False)
        )
        assert digits[5] == (11 - weighted % 11) % 10, ward.name


def test_each_ward_belongs_to_one_office_since_2011(osaka: CityProfile) -> None:
    for ward in osaka.wards:
        assert osaka.responsible_office_id(ward.code, FY2011) is not None
        before = FY2011 - dt.timedelta(days=1)
        assert osaka.responsible_office_id(ward.code, before) is None
    nishinari = osaka.ward_named("西成区")
    assert nishinari is not None
    assert osaka.responsible_office_id(nishinari.code, FY2011) == "tsumori"


def test_neighbours_are_mutual_and_a_few(
    osaka: CityProfile, boston: CityProfile
) -> None:
    for city in (osaka, boston):
        for office in city.offices:
            for other in office.neighbour_ids:
                assert office.id in city.office(other).neighbour_ids
    assert all(2 <= len(office.neighbour_ids) <= 5 for office in osaka.offices)


def test_the_prefectural_office_is_not_one_of_ours(osaka: CityProfile) -> None:
    assert not any("寝屋川" in office.name for office in osaka.offices)


def test_positions_lie_inside_the_bounds(
    osaka: CityProfile, boston: CityProfile
) -> None:
    for city in (osaka, boston):
        places = [office.place for office in city.offices]
        places += [office.place for office in city.partner_offices]
        places += [school.place for school in city.schools]
        assert all(city.bounds.contains(place) for place in places)


def test_every_office_can_do_every_kind_of_field_work(
    osaka: CityProfile, boston: CityProfile
) -> None:
    for city in (osaka, boston):
        teams_of = defaultdict(list)
        for team in city.teams:
            teams_of[team.office_id].append(team)
        for office in city.offices:
            for work in city.catalogue.of_duty(Duty.FIELD):
                assert any(
                    team.can_serve(
                        skills=work.skills, crew=work.crew, load_kg=work.load_kg
                    )
                    for team in teams_of[office.id]
                ), f"{office.id} cannot do {work.code}"


def test_teams_start_at_the_yard_of_their_office(osaka: CityProfile) -> None:
    assert all(team.base == osaka.office(team.office_id).place for team in osaka.teams)
    lunch = osaka.teams[0].shift.lunch
    assert lunch is not None
    assert lunch.nominal_s == (12 * 60 + 15) * 60
    assert lunch.duration_s == 45 * 60


def test_deadlines_and_the_legal_hold_are_as_the_catalogue_says(
    osaka: CityProfile,
) -> None:
    get = osaka.catalogue.get
    assert {c.code for c in osaka.catalogue.categories if c.hold_days} == {"B02"}
    assert get("B02").hold_days == 7
    assert (get("W03").response_unit, get("W03").response_value) == (
        ResponseUnit.MINUTES,
        120,
    )
    assert get("R25").response_value == 30
    others = [c for c in osaka.catalogue.categories if c.urgency is Urgency.S]
    assert {c.response_value for c in others if c.code != "R25"} == {60}


def test_field_work_says_what_the_crew_does(osaka: CityProfile) -> None:
    for work in osaka.catalogue.of_duty(Duty.FIELD):
        assert work.instruction.endswith("。")
        assert work.skills


def test_what_is_not_there_is_said_to_be_missing(osaka: CityProfile) -> None:
    with pytest.raises(NotFoundError):
        osaka.office("neyagawa")
    with pytest.raises(NotFoundError):
        osaka.ward_by_code("271012")  # 旧北区, merged 1989
    assert osaka.ward_named("大淀区") is None
    assert osaka.ward_named("北区") is osaka.ward_by_code("271276")


def test_every_row_of_every_table_says_where_it_is_from() -> None:
    for file in sorted((ROOT / "geodata").glob("*/*.csv")):
        with file.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                assert row["source"], file
                assert row["source_date"], file
                assert row["confidence"] in set("SDHMLP"), file


@pytest.mark.parametrize(
    ("name", "row", "column", "value"),
    [
        ("works_offices.csv", 3, "lat", "north"),
        ("works_offices.csv", 4, "lat", "135.48"),
        ("works_offices.csv", 4, "lon", "nan"),
        ("works_offices.csv", 2, "neighbours", "ebie|atlantis"),
        ("works_offices.csv", 2, "neighbours", "juso"),
        ("works_offices.csv", 3, "id", "juso"),
        ("wards.csv", 5, "name", ""),
        ("wards.csv", 5, "name", "北区"),
        ("jurisdiction.csv", 6, "ward_code", "999999"),
        ("jurisdiction.csv", 6, "office_id", "atlantis"),
        ("jurisdiction.csv", 6, "valid_from", "2011/04/01"),
        ("jurisdiction.csv", 6, "valid_to", "2011-04-01"),
        ("partner_offices.csv", 12, "wards", "大淀区"),
        ("schools.csv", 9, "active", "perhaps"),
        ("schools.csv", 9, "ward_code", "27102"),
        ("categories.csv", 2, "skills", "road|magic"),
        ("categories.csv", 2, "duty", "someone"),
        ("categories.csv", 2, "load_kg", "-1"),
        ("categories.csv", 3, "code", "R01"),
        ("teams.csv", 2, "office_id", "atlantis"),
        ("teams.csv", 2, "skills", "flying"),
        ("teams.csv", 2, "shift_start", "25:00"),
        ("teams.csv", 2, "width_cm", "wide"),
        ("teams.csv", 2, "carries", "合材"),
        ("teams.csv", 2, "carries", "合材:2|合材:3"),
        ("teams.csv", 2, "carries", "合材:many"),
        ("categories.csv", 2, "num_teams", "two"),
        ("categories.csv", 2, "tools", "rocket"),
        ("tools.csv", 2, "office_id", "atlantis"),
        ("tools.csv", 3, "office_id", "ebie"),
        ("tools.csv", 3, "name", "別の名"),
        ("tools.csv", 2, "count", "-1"),
        ("sources.csv", 2, "shown_text", ""),
        ("teams.csv", 2, "confidence", "X"),
    ],
)
def test_a_bad_cell_is_named_by_file_row_and_column(
    copy: Path, name: str, row: int, column: str, value: str
) -> None:
    change_cell(copy / name, row, column, value)
    with pytest.raises(SourceError) as caught:
        load_city(copy)
    message = str(caught.value)
    assert name in message
    assert column in message
    if (name, value) != ("wards.csv", "北区"):  # there the second 北区 is the bad one
        assert f"row {row}," in message


def test_osaka_shares_four_jetters_and_knows_what_its_vehicles_carry() -> None:
    city = load_city("osaka")
    assert stock_of(city.tools) == (("jetter", 4),)
    assert city.catalogue.get("W03").tools == {"jetter"}
    # the lift truck is a team's own vehicle: a skill, and no shared tool
    assert city.catalogue.get("R13").tools == frozenset()
    small = next(team for team in city.teams if team.id == "juso-3").vehicle
    assert (small.width_cm, small.vehicle_class) == (148, "kei")
    assert dict(small.materials)["カラーコーン"] == 10


def test_a_city_without_tools_widths_and_pieces_is_complete() -> None:
    city = load_city("boston")
    assert city.tools == ()
    assert {category.num_teams for category in city.catalogue.categories} == {1}
    vehicles = {(t.vehicle.width_cm, t.vehicle.materials) for t in city.teams}
    assert vehicles == {(None, ())}


def test_two_offices_cannot_hold_one_ward_on_one_day(copy: Path) -> None:
    file = copy / "jurisdiction.csv"
    first = file.read_text(encoding="utf-8").splitlines()[1]
    rival = first.replace("nakahama", "juso").replace("2011-04-01", "2020-04-01", 1)
    with file.open("a", encoding="utf-8") as stream:
        stream.write(rival + "\n")
    with pytest.raises(SourceError, match=r"row 26, valid_from"):
        load_city(copy)


def test_a_ward_may_change_hands(copy: Path) -> None:
    file = copy / "jurisdiction.csv"
    first = file.read_text(encoding="utf-8").splitlines()[1]
    rival = first.replace("nakahama", "juso").replace("2011-04-01", "2020-04-01", 1)
    change_cell(file, 2, "valid_to", "2020-04-01")
    with file.open("a", encoding="utf-8") as stream:
        stream.write(rival + "\n")
    city = load_city(copy)
    last_day, first_day = dt.date(2020, 3, 31), dt.date(2020, 4, 1)
    assert city.responsible_office_id("271021", last_day) == "nakahama"
    assert city.responsible_office_id("271021", first_day) == "juso"


def test_a_missing_file_and_a_missing_column_are_named(copy: Path) -> None:
    file = copy / "teams.csv"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("crew_size", "crew"), encoding="utf-8")
    with pytest.raises(SourceError, match=r"teams\.csv: row 1: no column crew_size"):
        load_city(copy)
    file.unlink()
    with pytest.raises(SourceError, match=r"teams\.csv: cannot be read"):
        load_city(copy)


def test_a_row_of_another_length_is_refused(copy: Path) -> None:
    with (copy / "wards.csv").open("a", encoding="utf-8") as stream:
        stream.write("271299,27129\n")
    with pytest.raises(SourceError, match=r"wards\.csv: row 26"):
        load_city(copy)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('"Asia/Tokyo"', '"Asia/Atlantis"', "timezone"),
        ('opens = "09:00"', 'opens = "9 o\'clock"', "opens"),
        ('"nearest"', '"lottery"', "assignment_policy"),
        ("speed_kmh = 21", 'speed_kmh = "fast"', "travel.speed_kmh"),
        ("west = 135.36", "", "bounds.west"),
        ('country = "JP"', 'country = "XX"', "XX"),
        ('"12-29"', '"12-32"', "12-32"),
        ('id = "osaka"', "id = ", "profile.toml"),
    ],
)
def test_a_bad_setting_is_named(copy: Path, old: str, new: str, key: str) -> None:
    file = copy / "profile.toml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SourceError, match=key):
        load_city(copy)


def test_an_unknown_city_is_a_source_error() -> None:
    with pytest.raises(SourceError, match="atlantis"):
        load_city("atlantis")


def test_the_policies_and_the_words_are_those_of_the_profile(
    osaka: CityProfile, boston: CityProfile
) -> None:
    assert osaka.assignment_policy is AssignmentPolicy.NEAREST
    assert osaka.sharing is SharingPolicy.NEIGHBOURS
    assert osaka.labels["team"] == "機動班"
    assert boston.labels["team"] == "crew"
    assert osaka.labels.keys() <= boston.labels.keys()  # Boston adds its language


def test_a_second_city_needs_no_code_of_its_own(boston: CityProfile) -> None:
    assert boston.id == "boston"
    assert str(boston.timezone) == "America/New_York"
    assert boston.schools == ()
    assert boston.partner_offices == ()
    assert len(boston.teams) == 2 * len(boston.offices)
    for ward in boston.wards:
        office_id = boston.responsible_office_id(ward.code, FY2011)
        assert office_id == f"pwd-{ward.code.lower()}"


@pytest.mark.parametrize("name", ["osaka", "boston"])
def test_an_import_mapping_leads_to_known_categories(name: str) -> None:
    city = load_city(name)
    mapping = tomllib.loads(
        (city.folder / "import_mapping.toml").read_text(encoding="utf-8")
    )
    assert mapping["defaults"]["category"] in city.catalogue
    codes: Callable[[str], object] = city.catalogue.get
    for code in mapping.get("values", {}).get("category", {}).values():
        assert codes(code)


def test_boston_positions_are_the_means_of_its_cases(boston: CityProfile) -> None:
    file = SHARED / "data" / "reports" / "boston_311_sample_2015_2024.csv"
    if not file.is_file():
        pytest.skip(f"NOT COMPARED WITH REAL CASES: no {file} (set KIDOHAN_SHARED)")
    positions: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    with file.open(encoding="utf-8", newline="") as stream:
        for case in csv.DictReader(stream):
            district = case["pwd_district"].strip()
            if district and case["longitude"] and case["latitude"]:
                code = district.zfill(2)
                position = (float(case["longitude"]), float(case["latitude"]))
                positions[code].append(position)
    assert positions.keys() == {ward.code for ward in boston.wards}
    for code, found in positions.items():
        lons, lats = zip(*found, strict=True)
        mean = LonLat(sum(lons) / len(lons), sum(lats) / len(lats))
        office = boston.office(f"pwd-{code.lower()}")
        assert great_circle_m(mean, office.place) < 1, code
        assert all(boston.bounds.contains(LonLat(*position)) for position in found)
