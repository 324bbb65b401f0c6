"""Who takes what over in Osaka, and what the table of receivers refuses."""

from __future__ import annotations

import csv
import datetime as dt
import shutil
from pathlib import Path

import pytest

from dispatch.domain.catalogue import Duty, Urgency
from dispatch.domain.errors import SourceError
from dispatch.domain.receivers import Receivers
from geodata.city import CityProfile, load_city
from geodata.organisation_tables import read_units
from geodata.receiver_tables import PROFILE_FILE, RECEIVERS_FILE, read_receivers

TODAY = dt.date(2026, 11, 24)
FY2011 = dt.date(2011, 7, 24)
NISHINARI, CHUO, ABENO = "271225", "271284", "271195"


@pytest.fixture(scope="module")
def osaka() -> CityProfile:
    return load_city("osaka")


@pytest.fixture(scope="module")
def receivers(osaka: CityProfile) -> Receivers:
    return read_receivers(osaka.folder, osaka.wards, osaka.catalogue)


@pytest.fixture
def copy(tmp_path: Path, osaka: CityProfile) -> Path:
    return Path(shutil.copytree(osaka.folder, tmp_path / "copy"))


def changed(file: Path, row: int, column: str, value: str) -> None:
    """Write a value into a line of a table (the header is line 1)."""
    with file.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.reader(stream))
    lines[row - 1][lines[0].index(column)] = value
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(lines)


def test_park_offices_are_nine_in_2015_and_seven_in_2022(receivers: Receivers) -> None:
    def parks(day: dt.date) -> list[str]:
        return [one.name for one in receivers.open_on(day) if one.kind == "公園事務所"]

    assert len(parks(dt.date(2015, 3, 5))) == 9
    assert len(parks(TODAY)) == 7
    assert "扇町公園事務所" in parks(TODAY)
    assert "北部方面公園事務所" in parks(FY2011)


def test_an_office_has_the_name_that_the_organisation_gives_it(
    osaka: CityProfile, receivers: Receivers
) -> None:
    units = read_units(osaka.folder, osaka.offices)
    shared = {unit.id for unit in units.shapes} & {one.id for one in receivers.shapes}
    assert len(shared) == 9 + 11 + 1 + 2  # parks, environment, rivers, pipes
    for one in receivers.shapes:
        if one.id in shared:
            unit = units.unit_on(one.id, one.valid_from)
            assert unit is not None
            assert (one.name, one.valid_to) == (unit.name, unit.valid_to), one.id


def test_every_partners_work_finds_an_office_in_every_ward(
    osaka: CityProfile, receivers: Receivers
) -> None:
    for work in osaka.catalogue.of_duty(Duty.PARTNER):
        for ward in osaka.wards:
            found = receivers.receiver_for(work, ward.code, TODAY, ward.place)
            assert found.receiver is not None
            assert found.receiver.kind == work.receiver
            assert not found.off_map


def test_environment_centres_share_all_wards_without_overlap(
    osaka: CityProfile, receivers: Receivers
) -> None:
    centres = [one for one in receivers.shapes if one.kind == "環境事業センター"]
    served = [code for one in centres for code in one.ward_codes]
    assert sorted(served) == sorted(ward.code for ward in osaka.wards)


def test_pipe_centres_take_over_in_april_2017_by_a_persons_choice_alone(
    receivers: Receivers,
) -> None:
    before, after = dt.date(2017, 3, 31), dt.date(2017, 4, 1)
    assert receivers.by_id("pipe-tsumori", before) is None
    pipes = receivers.by_id("pipe-tsumori", after)
    assert pipes is not None
    assert pipes.takes == frozenset()


def test_water_goes_to_the_waterworks_and_a_leak_at_once(
    osaka: CityProfile, receivers: Receivers
) -> None:
    for code in ("L01", "L02", "L03", "W07"):
        found = receivers.receiver_for(osaka.catalogue.get(code), NISHINARI, TODAY)
        assert found.name == "水道局"
        assert found.receiver is not None
        assert found.receiver.urgent_accept_min == 15
    assert osaka.catalogue.get("L01").urgency is Urgency.S


def test_welfare_goes_to_the_desk_of_the_own_ward_and_off_the_map(
    osaka: CityProfile, receivers: Receivers
) -> None:
    welfare = osaka.catalogue.get("F01")
    for ward in osaka.wards:
        found = receivers.receiver_for(welfare, ward.code, TODAY)
        assert found.name == f"{ward.name}保健福祉センター"
        assert found.off_map
    nowhere = receivers.receiver_for(welfare, "", TODAY)
    assert (nowhere.name, nowhere.off_map) == ("区保健福祉センター", True)
    assert "区がわからない" in nowhere.because


def test_business_advice_opens_ward_by_ward_and_the_nearest_open_one_helps_out(
    osaka: CityProfile, receivers: Receivers
) -> None:
    business = osaka.catalogue.get("F02")

    def desk(ward_code: str, day: dt.date) -> str:
        return receivers.receiver_for(business, ward_code, day).name

    opened = [one for one in receivers.open_on(TODAY) if "F02" in one.takes]
    assert len(opened) == 20
    assert desk(NISHINARI, TODAY) == "西成区役所 経営相談窓口"
    # 中央区 has none: 西区's office is 2.26 km away, 浪速区's 2.62 km
    found = receivers.receiver_for(business, CHUO, TODAY)
    assert found.name == "西区役所 経営相談窓口"
    assert found.because == "中央区の窓口が開いていないため、最も近い区の窓口"
    # in July 2011 the first ten wards are open: 大正区 2.65 km, 浪速区 2.77 km
    assert desk(NISHINARI, FY2011) == "大正区役所 経営相談窓口"
    before = receivers.receiver_for(business, NISHINARI, dt.date(2011, 5, 31))
    assert (before.name, before.off_map) == ("区役所の経営相談窓口", True)


def test_a_prefectural_road_is_never_passed_on_by_a_rule(
    osaka: CityProfile, receivers: Receivers
) -> None:
    others = {"ほかの道路管理者", "ほかの河川管理者"}
    rows = [one for one in receivers.shapes if one.kind in others]
    assert {one.name for one in rows} >= {"大阪国道事務所"}
    assert all(one.takes == frozenset() for one in rows)
    roads = {c.code for c in osaka.catalogue.of_duty(Duty.FIELD)}
    assert not any(one.takes & roads for one in receivers.shapes)


def test_a_city_without_the_table_names_the_kind() -> None:
    boston = load_city("boston")
    found = read_receivers(boston.folder, boston.wards, boston.catalogue)
    parks = found.receiver_for(boston.catalogue.get("X04"), "", TODAY)
    assert (parks.name, parks.receiver, parks.off_map) == (
        "Parks Department",
        None,
        False,
    )
    assert found.accept_working_days == 1


@pytest.mark.parametrize(
    ("row", "column", "value", "told"),
    [
        (2, "wards", "大淀区", "'大淀区' is not in wards.csv"),
        (2, "takes", "P01|X99", "'X99' is not in categories.csv"),
        (2, "valid_to", "2011-04-01", "not after valid_from"),
        (3, "id", "park-nishi", "park-nishi has another shape then"),
        (3, "name", "西部方面公園事務所", "park-nishi has this name then"),
        (2, "off_map", "perhaps", "not true or false"),
        (2, "accept_working_days", "-1", "not a whole number"),
        (2, "opens", "June", "not a date"),
        (2, "lat", "", "lat: empty"),
    ],
)
def test_a_table_that_cannot_be_is_refused_by_row_and_column(
    copy: Path, osaka: CityProfile, row: int, column: str, value: str, told: str
) -> None:
    changed(copy / RECEIVERS_FILE, row, column, value)
    with pytest.raises(SourceError) as refused:
        read_receivers(copy, osaka.wards, osaka.catalogue)
    assert told in str(refused.value)
    assert f"row {row}, " in str(refused.value)


def test_the_clocks_of_the_profile_hold_where_no_row_does(
    copy: Path, osaka: CityProfile
) -> None:
    file = copy / PROFILE_FILE
    text = file.read_text(encoding="utf-8")
    file.write_text(
        text.replace("return_working_days = 1", "return_working_days = 4"),
        encoding="utf-8",
    )
    read = read_receivers(copy, osaka.wards, osaka.catalogue)
    assert read.return_working_days == 4
