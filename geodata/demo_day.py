"""A synthetic morning: the pile of consultations before the day's plan (seeded)."""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from dispatch.domain.catalogue import Duty, Urgency, WorkCategory
from dispatch.domain.consultation import Appointment, Channel, Consultation
from dispatch.domain.errors import InvalidInputError, SourceError
from dispatch.domain.reporter import Reporter
from geodata.bundle.records import TownRecord
from geodata.city import CityProfile
from geodata.demo_places import DemoCity, DemoPlace, demo_place, texts_of
from geodata.tables import Settings, read_toml, seconds_of_clock

PHRASES_FILE = "demo_phrases.toml"
SOURCE = "demo"
STORM_FACTOR = 3
STORM_FROM_S = 2 * 3600  # most calls of a stormy night come after two o'clock
STORM_SHARE = 0.8
URGENT_FROM_S = 5 * 3600  # what was urgent before, the night duty has dealt with
OVERNIGHT_SHARE = 0.15  # of all, after the last closing time
APPOINTMENT_SHARE = 0.05  # of field work
ANONYMOUS_SHARE = 0.24  # of residents; with the patrols 30 % of all
CONTACT_SHARE = 0.36  # of those who gave a name: 25 % of all
ENDING_SHARE = 0.5
TAGGED_SHARE = 0.40
TAGGED_DAYS = (2, 12)  # before the plan's date: around a hold of seven days
# How likely a call is in each hour of the day: thin from ten at night to six.
CALLS_BY_HOUR = (*[0.12] * 6, 0.4, 0.7, *[1.0] * 11, 0.8, 0.6, 0.4, 0.2, 0.15)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoParams:
    """
    Parameters of the synthetic pile.

    `date` is the day to be planned and `count` the size of an ordinary pile; `storm`
    is a morning after heavy weather, with three times as many.

    Raises
    ------
    InvalidInputError
        For a negative count.
    """

    date: dt.date = dt.date(2026, 11, 24)
    count: int = 260
    seed: int = 20261124
    storm: bool = False

    def __post_init__(self) -> None:
        if self.count < 0:
            raise InvalidInputError("count", "0以上の数で指定してください")


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoItem:
    """A synthetic consultation and who is said to have reported it."""

    consultation: Consultation
    reporter: Reporter


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """What every item is drawn from."""

    city: DemoCity
    params: DemoParams
    weights: Mapping[str, float]  # by category

    @property
    def profile(self) -> CityProfile:
        return self.city.profile

    @property
    def rng(self) -> random.Random:
        return self.city.rng

    @property
    def phrases(self) -> Settings:
        return self.city.phrases

    def is_personal(self, category: WorkCategory) -> bool:
        """Whether the category is about a person's own affairs."""
        return category.code in self.phrases.get("person_codes", list)


def demo_consultations(
    profile: CityProfile, towns: Iterable[TownRecord], params: DemoParams
) -> tuple[DemoItem, ...]:
    """
    Invent the consultations that wait when the office opens on a date.

    They came in between the close of the last working day and the opening.

    Parameters
    ----------
    profile
        The city; its folder holds the words, `demo_phrases.toml`.
    towns
        Its towns, as `read_towns` gives them.
    params
        Date, size and seed; equal parameters give equal items.

    Returns
    -------
    tuple of DemoItem
        In the order of receipt, every one marked `synthetic`.

    Raises
    ------
    SourceError
        When the city has no towns, or its file lacks the words for a category.
    """
    desk = _desk(profile, tuple(towns), params)
    codes = tuple(desk.weights)
    size = params.count * (STORM_FACTOR if params.storm else 1)
    drawn = desk.rng.choices(codes, tuple(desk.weights.values()), k=size)
    items = [_item(desk, profile.catalogue.get(code)) for code in drawn]
    items.sort(key=lambda item: item.consultation.received_at)
    return tuple(
        replace(
            item,
            consultation=replace(
                item.consultation, external_id=f"demo-{params.seed}-{n:04d}"
            ),
        )
        for n, item in enumerate(items, start=1)
    )


def _desk(
    profile: CityProfile, towns: Sequence[TownRecord], params: DemoParams
) -> _Desk:
    if not towns:
        message = f"demo: {profile.id} has no gazetteer of towns"
        raise SourceError(message)
    file = profile.folder / PHRASES_FILE
    phrases = Settings(file=file, values=read_toml(file))
    factors = phrases.section("storm") if params.storm else None
    by_ward: dict[str, list[TownRecord]] = defaultdict(list)
    wards_of_oaza: dict[str, set[str]] = defaultdict(set)
    for town in towns:
        by_ward[town.ward_code].append(town)
        wards_of_oaza[town.oaza].add(town.ward_code)
    city = DemoCity(
        profile=profile,
        rng=random.Random(params.seed),  # noqa: S311 - a demo, no secret
        phrases=phrases,
        schools=[s for s in profile.schools if s.active and s.ward_code in by_ward],
        towns=by_ward,
        wards_of_oaza={oaza: frozenset(w) for oaza, w in wards_of_oaza.items()},
    )
    return _Desk(
        city=city,
        params=params,
        weights={
            c.code: c.weight
            * (
                factors.get(c.code, float)
                if factors and c.code in factors.values
                else 1
            )
            for c in profile.catalogue.categories
        },
    )


def _item(desk: _Desk, category: WorkCategory) -> DemoItem:
    received_at = _received_at(desk, category)
    where = demo_place(desk.city, is_personal=desk.is_personal(category))
    channel = _channel(desk, category, received_at, where)
    appointment = _appointment(desk, category, channel)
    reporter = _reporter(desk, channel, must_be_known=appointment is not None)
    wants_contact = desk.rng.random() < CONTACT_SHARE
    tagged_on = _tagged_on(desk, category, received_at)
    consultation = Consultation(
        received_at=received_at,
        channel=channel,
        category_code=category.code,
        description=_description(desk, category, channel, tagged_on),
        address_text=where.address_text,
        landmark_text=where.landmark_text,
        position=where.position,
        stated_ward=where.stated_ward,
        appointment=appointment,
        contact_wanted=not reporter.is_empty
        and (wants_contact or appointment is not None),
        tagged_on=tagged_on,
        source=SOURCE,
        synthetic=True,
    )
    return DemoItem(consultation=consultation, reporter=reporter)


def _received_at(desk: _Desk, category: WorkCategory) -> dt.datetime:
    """Draw the time of receipt; urgent work only of the last hours."""
    hours, date = desk.profile.hours, desk.params.date
    eve = date - dt.timedelta(days=1)
    last_working_day = eve
    while not hours.is_working_day(last_working_day):
        last_working_day -= dt.timedelta(days=1)
    opening = _moment(desk, date, hours.opens_s)
    closing = _moment(desk, eve, hours.closes_s)
    if category.urgency is Urgency.S:
        start = _moment(desk, date, min(URGENT_FROM_S, hours.opens_s - 60))
        return _call(desk, start, opening)
    if desk.params.storm and desk.rng.random() < STORM_SHARE:
        start = _moment(desk, date, min(STORM_FROM_S, hours.opens_s - 60))
        return _call(desk, start, opening)
    categories = desk.profile.catalogue.categories
    urgent = _share(desk, (c.code for c in categories if c.urgency is Urgency.S))
    overnight = max(0.0, (OVERNIGHT_SHARE - urgent) / (1 - urgent))
    if last_working_day == eve or desk.rng.random() < overnight:
        return _call(desk, closing, opening)
    return _call(desk, _moment(desk, last_working_day, hours.closes_s), closing)


def _moment(desk: _Desk, day: dt.date, second: int) -> dt.datetime:
    midnight = dt.datetime.combine(day, dt.time(), desk.profile.timezone)
    return midnight + dt.timedelta(seconds=second)


def _call(desk: _Desk, start: dt.datetime, end: dt.datetime) -> dt.datetime:
    """Draw a minute in [start, end), as often by hour as people call."""
    minutes = (end - start) // dt.timedelta(minutes=1)
    while True:
        moment = start + dt.timedelta(minutes=desk.rng.randrange(minutes))
        if desk.params.storm or desk.rng.random() < CALLS_BY_HOUR[moment.hour]:
            return moment


def _channel(
    desk: _Desk, category: WorkCategory, received_at: dt.datetime, where: DemoPlace
) -> Channel:
    if where.position is not None:
        return Channel.API  # an intake system sends coordinates
    second = received_at.hour * 3600 + received_at.minute * 60
    hours = desk.profile.hours
    shares = desk.phrases.section("channels")
    weights = {
        channel: shares.get(channel, float)
        for channel in Channel
        if channel in shares.values
    }
    if not hours.opens_s <= second < hours.closes_s:
        weights[Channel.COUNTER] = 0
    if category.code not in desk.phrases.section("patrol_descriptions").values:
        weights[Channel.PATROL] = 0
    return desk.rng.choices(tuple(weights), tuple(weights.values()))[0]


def _appointment(
    desk: _Desk, category: WorkCategory, channel: Channel
) -> Appointment | None:
    """Promise one or two hours of the date, never over lunch, to a few residents."""
    section = desk.phrases.section("appointments")
    codes = texts_of(section, "codes")
    field = _share(desk, (c.code for c in desk.profile.catalogue.of_duty(Duty.FIELD)))
    share = APPOINTMENT_SHARE * field / _share(desk, codes)
    is_resident = channel is not Channel.PATROL and category.duty is Duty.FIELD
    if category.code not in codes or not is_resident or desk.rng.random() >= share:
        return None
    opens, closes = map(seconds_of_clock, desk.rng.choice(section.get("spans", list)))
    length_s = desk.rng.choice((3600, 5400, 7200))
    start_s = desk.rng.randrange(opens, closes - length_s + 1, 1800)
    start_at = _moment(desk, desk.params.date, start_s)
    return Appointment(
        start_at=start_at, end_at=start_at + dt.timedelta(seconds=length_s)
    )


def _tagged_on(
    desk: _Desk, category: WorkCategory, received_at: dt.datetime
) -> dt.date | None:
    if category.hold_days == 0 or desk.rng.random() >= TAGGED_SHARE:
        return None
    # Nobody reports a tag that is not on yet.
    since_receipt = (desk.params.date - received_at.date()).days
    first, last = max(TAGGED_DAYS[0], since_receipt), TAGGED_DAYS[1]
    days = desk.rng.randint(first, max(first, last))
    return desk.params.date - dt.timedelta(days=days)


def _description(
    desk: _Desk, category: WorkCategory, channel: Channel, tagged_on: dt.date | None
) -> str:
    """Say what is wrong: a resident on the phone, or an officer on patrol."""
    key = "patrol_descriptions" if channel is Channel.PATROL else "descriptions"
    if tagged_on is not None:
        key = "tagged_descriptions"
    said = desk.rng.choice(texts_of(desk.phrases.section(key), category.code))
    is_plain = category.urgency is Urgency.S or desk.is_personal(category)
    if is_plain or desk.rng.random() >= ENDING_SHARE:
        return said
    return said + desk.rng.choice(texts_of(desk.phrases.section("endings"), channel))


def _reporter(desk: _Desk, channel: Channel, *, must_be_known: bool) -> Reporter:
    """Invent a person; officers on patrol and a share of residents give no name."""
    is_anonymous = desk.rng.random() < ANONYMOUS_SHARE
    if channel is Channel.PATROL or (is_anonymous and not must_be_known):
        return Reporter()
    number = desk.rng.randrange(10_000)
    return Reporter(
        name=desk.rng.choice(texts_of(desk.phrases, "family_names")),
        phone=desk.phrases.get("phone", str).format(number=number),
    )


def _share(desk: _Desk, codes: Iterable[str]) -> float:
    """Part of all consultations that have one of the codes."""
    total = sum(desk.weights.values())
    return sum(desk.weights.get(code, 0.0) for code in codes) / total
