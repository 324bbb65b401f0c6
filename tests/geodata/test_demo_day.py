"""The synthetic pile: the same for a seed, plausible in every row, nobody's data."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from dispatch.domain.case_chart import hold_end
from dispatch.domain.catalogue import Duty, Urgency
from dispatch.domain.consultation import MAX_DESCRIPTION, MAX_LINE, Channel
from dispatch.domain.errors import InvalidInputError, SourceError
from dispatch.domain.place import great_circle_m
from geodata.bundle.records import TownRecord
from geodata.city import CityProfile, load_city
from geodata.demo_day import DemoItem, DemoParams, demo_consultations
from geodata.tables import read_toml
from geodata.towns import read_towns

DATE = dt.date(2026, 11, 24)  # Tuesday; Monday the 23rd is a holiday
LAST_CLOSE = dt.datetime(2026, 11, 20, 17, 30)  # noqa: DTZ001 - compared as local time
OPENING = dt.datetime(2026, 11, 24, 9, 0)  # noqa: DTZ001 - compared as local time
STORM_CODES = {"R24", "R25", "R06", "W05", "W01", "W03", "R16", "R12", "R11"}
FICTION_PHONE = re.compile(r"06-0000-\d{4}")


@pytest.fixture(scope="module")
def osaka() -> CityProfile:
    return load_city("osaka")


@pytest.fixture(scope="module")
def towns(osaka: CityProfile) -> tuple[TownRecord, ...]:
    return read_towns(osaka)


@pytest.fixture(scope="module")
def items(osaka: CityProfile, towns: tuple[TownRecord, ...]) -> tuple[DemoItem, ...]:
    return demo_consultations(osaka, towns, DemoParams())


@pytest.fixture(scope="module")
def many(osaka: CityProfile, towns: tuple[TownRecord, ...]) -> tuple[DemoItem, ...]:
    """So many that shares are near their expectation."""
    return demo_consultations(osaka, towns, DemoParams(count=4_000))


@pytest.fixture(scope="module")
def storm(osaka: CityProfile, towns: tuple[TownRecord, ...]) -> tuple[DemoItem, ...]:
    return demo_consultations(osaka, towns, DemoParams(storm=True))


def local(item: DemoItem) -> dt.datetime:
    return item.consultation.received_at.replace(tzinfo=None)


def test_same_seed_gives_the_same_pile(
    osaka: CityProfile, towns: tuple[TownRecord, ...], items: tuple[DemoItem, ...]
) -> None:
    assert demo_consultations(osaka, towns, DemoParams()) == items


def test_another_seed_gives_another_pile(
    osaka: CityProfile, towns: tuple[TownRecord, ...], items: tuple[DemoItem, ...]
) -> None:
    assert demo_consultations(osaka, towns, DemoParams(seed=1)) != items


def test_pile_has_the_asked_size_and_running_ids(items: tuple[DemoItem, ...]) -> None:
    ids = [item.consultation.external_id for item in items]
    assert ids == [f"demo-20261124-{n:04d}" for n in range(1, 261)]


def test_every_row_is_marked_synthetic(many: tuple[DemoItem, ...]) -> None:
    assert all(i.consultation.synthetic for i in many)
    assert {i.consultation.source for i in many} == {"demo"}


def test_every_category_is_known_and_occurs(
    osaka: CityProfile, many: tuple[DemoItem, ...]
) -> None:
    # The rarest has weight 0.2 of 122.5, so 6.5 of 4,000 are expected.
    assert {i.consultation.category_code for i in many} == {
        category.code for category in osaka.catalogue.categories
    }


def test_every_category_has_three_to_five_descriptions(osaka: CityProfile) -> None:
    words = read_toml(osaka.folder / "demo_phrases.toml")["descriptions"]
    assert set(words) == {category.code for category in osaka.catalogue.categories}
    assert all(3 <= len(set(texts)) <= 5 for texts in words.values())


def test_all_came_in_between_the_last_close_and_the_opening(
    many: tuple[DemoItem, ...], storm: tuple[DemoItem, ...]
) -> None:
    assert all(LAST_CLOSE <= local(item) < OPENING for item in (*many, *storm))
    assert list(map(local, many)) == sorted(map(local, many))


def test_after_an_ordinary_day_only_the_night_is_waiting(
    osaka: CityProfile, towns: tuple[TownRecord, ...]
) -> None:
    params = DemoParams(date=dt.date(2026, 11, 26), count=100)  # a Thursday
    first = demo_consultations(osaka, towns, params)[0]
    assert local(first) >= LAST_CLOSE + dt.timedelta(days=5)


def test_a_seventh_came_overnight_and_few_at_night(many: tuple[DemoItem, ...]) -> None:
    overnight = [i for i in many if local(i) >= OPENING - dt.timedelta(hours=15.5)]
    assert 0.13 <= len(overnight) / len(many) <= 0.17
    nightly = [i for i in many if local(i).hour < 6]
    assert len(nightly) / len(many) < 0.25 / 3  # a quarter of the hours


def test_urgent_work_is_never_older_than_the_early_morning(
    osaka: CityProfile, many: tuple[DemoItem, ...], storm: tuple[DemoItem, ...]
) -> None:
    for item in (*many, *storm):
        category = osaka.catalogue.get(item.consultation.category_code)
        if category.urgency is Urgency.S:
            assert local(item) >= OPENING.replace(hour=5)


def test_holds_are_tagged_before_they_are_reported(
    osaka: CityProfile, many: tuple[DemoItem, ...]
) -> None:
    ends = []
    for item in many:
        case = item.consultation
        category = osaka.catalogue.get(case.category_code)
        assert case.tagged_on is None or category.hold_days > 0
        end = hold_end(category, case)  # refuses a tag after the receipt
        if end is not None:
            ends.append(end)
            assert case.tagged_on is not None
            assert 2 <= (DATE - case.tagged_on).days <= 12
    assert any(end > DATE for end in ends)
    assert any(end <= DATE for end in ends)
    holds = sum(i.consultation.category_code == "B02" for i in many)
    assert 0.2 < len(ends) / holds < 0.6


def test_appointments_are_on_the_date_and_not_over_lunch(
    osaka: CityProfile, many: tuple[DemoItem, ...]
) -> None:
    found = 0
    for item in many:
        appointment = item.consultation.appointment
        if appointment is None:
            continue
        found += 1
        start, end = appointment.start_at, appointment.end_at
        assert start.date() == end.date() == DATE
        assert dt.time(9) <= start.time() < end.time() <= dt.time(17)
        assert end.time() <= dt.time(12) or start.time() >= dt.time(13)
        assert dt.timedelta(hours=1) <= end - start <= dt.timedelta(hours=2)
        assert item.reporter.phone
    field = {category.code for category in osaka.catalogue.of_duty(Duty.FIELD)}
    num_field = sum(i.consultation.category_code in field for i in many)
    assert 0.03 <= found / num_field <= 0.06


def test_no_item_has_a_real_phone_or_a_phone_in_its_words(
    many: tuple[DemoItem, ...],
) -> None:
    for item in many:
        case, reporter = item.consultation, item.reporter
        assert reporter.is_empty or FICTION_PHONE.fullmatch(reporter.phone)
        assert not re.search(r"0\d{1,4}-\d", case.description)
        assert reporter.is_empty or reporter.name not in case.description


def test_who_is_anonymous_wants_no_contact(many: tuple[DemoItem, ...]) -> None:
    anonymous = [item for item in many if item.reporter.is_empty]
    assert not any(item.consultation.contact_wanted for item in anonymous)
    assert 0.27 <= len(anonymous) / len(many) <= 0.33
    wanted = sum(item.consultation.contact_wanted for item in many)
    assert 0.22 <= wanted / len(many) <= 0.31


def test_texts_keep_their_limits(many: tuple[DemoItem, ...]) -> None:
    for item in many:
        case = item.consultation
        assert 0 < len(case.description) <= MAX_DESCRIPTION
        assert len(case.address_text) <= MAX_LINE
        assert not re.search(r"[{}]", case.description + case.address_text)


def test_channels_vary_and_counters_are_staffed(many: tuple[DemoItem, ...]) -> None:
    counts = Counter(item.consultation.channel for item in many)
    later = {"letter", "fax", "hotline", "line", "officer", "council"}
    assert set(counts) == set(Channel) - later  # as its table of phrases says
    for item in many:
        if item.consultation.channel is Channel.COUNTER:
            assert dt.time(9) <= local(item).time() < dt.time(17, 30)
        if item.consultation.channel is Channel.PATROL:
            assert item.reporter.is_empty


def test_positions_are_near_a_town(
    many: tuple[DemoItem, ...], towns: tuple[TownRecord, ...]
) -> None:
    places = [i.consultation.position for i in many if i.consultation.position]
    assert 0.02 <= len(places) / len(many) <= 0.04
    for place in places:
        assert min(great_circle_m(place, town.place) for town in towns) < 90


def test_places_are_spelled_in_many_ways(many: tuple[DemoItem, ...]) -> None:
    addresses = [i.consultation.address_text for i in many]
    for spelling in (
        "^大阪府",
        "^大阪市",
        "[０-９]",
        "[一二三四]丁目",
        "付近$",
        "−",
        "ー",
    ):
        assert any(re.search(spelling, text) for text in addresses), spelling
    landmarks = sum(bool(i.consultation.landmark_text) for i in many)
    assert 0.05 <= landmarks / len(many) <= 0.09  # 6 % schools, 1 % vague words


def test_storm_has_three_times_as_many_and_early(storm: tuple[DemoItem, ...]) -> None:
    assert len(storm) == 780
    codes = [item.consultation.category_code for item in storm]
    assert sum(code in STORM_CODES for code in codes) > len(codes) / 2
    early = [item for item in storm if local(item) >= OPENING.replace(hour=2)]
    assert len(early) > 0.75 * len(storm)


def test_city_without_towns_has_no_demo(osaka: CityProfile) -> None:
    with pytest.raises(SourceError, match="no gazetteer"):
        demo_consultations(osaka, (), DemoParams())


def test_missing_words_are_named(
    osaka: CityProfile, towns: tuple[TownRecord, ...], tmp_path: Path
) -> None:
    words = (osaka.folder / "demo_phrases.toml").read_text(encoding="utf-8")
    broken = re.sub(r"(?m)^relations = \[[^]]*\]", "relations = []", words)
    (tmp_path / "demo_phrases.toml").write_text(broken, encoding="utf-8")
    with pytest.raises(SourceError, match=r"places\.relations: not a list of texts"):
        demo_consultations(replace(osaka, folder=tmp_path), towns, DemoParams())


def test_negative_count_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        DemoParams(count=-1)
