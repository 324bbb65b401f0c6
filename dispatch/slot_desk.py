"""Use cases of promises: offer windows to a client, hold one, take it for a chart."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from dispatch.chart_opening import Intake
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.catalogue import Duty
from dispatch.domain.consultation import Appointment, Channel, Consultation
from dispatch.domain.deadlines import add_working_days, counted_from, wall_seconds
from dispatch.domain.errors import ConflictError, DispatchError, InvalidInputError
from dispatch.domain.ids import new_id
from dispatch.domain.place import LonLat, great_circle_m
from dispatch.domain.placing import Placement
from dispatch.domain.slots import Slot, spread, window_grid
from dispatch.domain.visit import TimeWindow
from dispatch.intake import IntakeDesk
from dispatch.plan_desk import PLANNED_DAYS_AHEAD
from dispatch.ports import AddedChart, Clock, KeptSlot
from dispatch.slot_days import DayStores, PromisedDays, SlotRules

HELD = dt.timedelta(minutes=10)
OFFERED = dt.timedelta(hours=1)  # a person reads them out on the telephone
CLAIMED = dt.timedelta(minutes=1)  # in which a claim becomes a chart, or is void
DAYS = 5  # working days that are looked at unless the asker says otherwise
MAX_SLOTS = 20
SAME_PLACE_M = 300.0  # what was priced for a place holds so far around it: a judgement
TRIES = 20  # one of those who hold at once gets through each time
NO_PLACE = "場所が特定できないため、時間帯を約束できません"
NOT_OURS = "機動班が訪問する分類ではないため、時間帯を約束できません"
NO_ROOM = "この時間帯は埋まりました。空いている時間帯を調べ直してください"
BUSY = "同じ日の時間帯の確保が重なっています。もう一度試してください"
OTHER_WORK = "時間帯を調べたときと、場所か分類が違います。調べ直してください"
KNOWN = "この相談は約束の時間帯なしで受け付け済みです"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotTools:
    """What promises need from outside."""

    stores: DayStores
    intake: IntakeDesk
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotWish:
    """
    What a client asks for.

    Parameters
    ----------
    consultation
        Category and place; what else it says is not looked at.
    first, last
        Days, both included; the next five working days unless given.
    window_s
        How long a window is to be.
    limit
        How many windows are wanted at most.
    """

    consultation: Consultation
    first: dt.date | None = None
    last: dt.date | None = None
    window_s: int
    limit: int = MAX_SLOTS


class SlotDesk:
    """
    Offers and keeps promises of time.

    Parameters
    ----------
    tools
        Stores, reception, travel times, clock.
    rules
        The city's rules.
    """

    def __init__(self, tools: SlotTools, rules: SlotRules) -> None:
        self._tools = tools
        self._rules = rules

    def offer(self, wish: SlotWish, *, client: str) -> list[Slot]:
        """
        Windows that can be promised, by date and time; empty when there are none.

        Raises
        ------
        InvalidInputError
            When no crew goes for the category, nobody knows the place, or the days
            lie in the past or too far ahead.
        """
        now = self._now()
        asked = self._asked(wish.consultation, now)
        dates = self._dates(wish, now)
        params = replace(self._rules.params, window_s=wish.window_s)
        windows = window_grid(self._rules.hours, params)
        days = PromisedDays(self._tools.stores, self._rules, dates, now)
        found = ((date, days.priced(date, asked, windows)) for date in dates)
        slots = [
            Slot(
                id=new_id(),
                client=client,
                chart=asked,
                appointment=self._appointment(date, priced.window),
                price_min=priced.price_min,
            )
            for date, priced in spread(found, min(wish.limit, MAX_SLOTS))
        ]
        self._tools.stores.holds.offer(slots, at=now, until=now + OFFERED)
        return slots

    def hold(self, slot_id: str, *, client: str) -> KeptSlot:
        """
        Hold a slot for ten minutes, once more asked whether the day can keep it.

        Who holds it already is answered the same, and no longer.

        Raises
        ------
        NotFoundError
            When the client was offered no such slot.
        ConflictError
            When it is over or taken, or the day has filled up meanwhile.
        """
        holds = self._tools.stores.holds
        for _ in range(TRIES):
            now = self._now()
            kept = holds.get(slot_id, client=client, at=now)
            if kept.held_until is not None:
                return kept
            slot, date = kept.slot, kept.slot.date
            days = PromisedDays(self._tools.stores, self._rules, [date], now)
            if not days.priced(date, slot.chart, [self._window(slot)]):
                raise ConflictError(NO_ROOM)
            until, number = now + HELD, days.held(date).number + 1
            if holds.hold(slot_id, number=number, until=until):
                return KeptSlot(slot=slot, held_until=until)
        raise ConflictError(BUSY)

    def receive(
        self, slot_id: str, intake: Intake, *, client: str, who: str
    ) -> AddedChart:
        """
        Turn a consultation into a chart with the held window as its appointment.

        A retry with the same idempotency key answers with the same chart.

        Raises
        ------
        NotFoundError
            When the client was offered no such slot.
        ConflictError
            When it is not held, over or taken; the hold stays when something else is
            wrong with the consultation.
        InvalidInputError
            When it is another category or place than was asked about, or as for
            `IntakeDesk.receive`.
        """
        holds, now = self._tools.stores.holds, self._now()
        key = intake.idempotency
        by = new_id() if key is None else f"key:{key.key}"
        until = now + CLAIMED
        slot = holds.claim(slot_id, client=client, by=by, at=now, until=until)
        try:
            added = self._received(slot, intake, who=who)
        except DispatchError:
            holds.release(slot_id, by=by)
            raise
        holds.settle(slot_id, by=by, chart_id=added.chart.id)
        return added

    def _received(self, slot: Slot, intake: Intake, *, who: str) -> AddedChart:
        asked = self._tools.intake.as_if(intake.consultation)
        if not _is_same_work(slot.chart, asked):
            raise InvalidInputError("slot_id", OTHER_WORK)
        consultation = replace(intake.consultation, appointment=slot.appointment)
        promised = replace(intake, consultation=consultation)
        added = self._tools.intake.receive(promised, who=who)
        if added.chart.consultation.appointment != slot.appointment:
            raise ConflictError(KNOWN)
        return added

    def _now(self) -> dt.datetime:
        return self._tools.clock.now().astimezone(self._rules.timezone)

    def _asked(self, consultation: Consultation, now: dt.datetime) -> CaseChart:
        """Chart that the consultation would become, without its words."""
        chart = self._tools.intake.as_if(consultation)
        place, placement = _place_of(chart), chart.placement
        if chart.duty is not Duty.FIELD:
            raise InvalidInputError("category", NOT_OURS)
        if place is None or placement is None or chart.assignment is None:
            raise InvalidInputError("address", NO_PLACE)
        return replace(
            chart,
            consultation=Consultation(
                received_at=now,
                channel=Channel.API,
                category_code=consultation.category_code,
                description="",
                position=place,
                raised_urgency=consultation.raised_urgency,
            ),
            placement=Placement(
                status=placement.status,
                message="",
                level=placement.level,
                place=place,
                radius_m=placement.radius_m,
                ward_code=placement.ward_code,
                district_id=placement.district_id,
            ),
        )

    def _dates(self, wish: SlotWish, now: dt.datetime) -> list[dt.date]:
        """Working days that are asked about."""
        today, hours = now.date(), self._rules.hours
        furthest = today + dt.timedelta(days=PLANNED_DAYS_AHEAD)
        first = counted_from(now, hours).date() if wish.first is None else wish.first
        if not today <= first <= furthest:
            problem = f"今日から{PLANNED_DAYS_AHEAD}日先までの日を選んでください"
            raise InvalidInputError("from", problem)
        last = wish.last
        if last is None:
            last = min(
                add_working_days(first, DAYS - 1, hours.is_working_day), furthest
            )
        if not first <= last <= furthest:
            problem = (
                f"始めの日から、今日の{PLANNED_DAYS_AHEAD}日先までの日を選んでください"
            )
            raise InvalidInputError("until", problem)
        days = (first + dt.timedelta(days=n) for n in range((last - first).days + 1))
        return [day for day in days if hours.is_working_day(day)]

    def _appointment(self, date: dt.date, window: TimeWindow) -> Appointment:
        midnight = dt.datetime.combine(date, dt.time(), self._rules.timezone)
        return Appointment(
            start_at=midnight + dt.timedelta(seconds=window.start_s),
            end_at=midnight + dt.timedelta(seconds=window.end_s),
        )

    def _window(self, slot: Slot) -> TimeWindow:
        promised, timezone = slot.appointment, self._rules.timezone
        return TimeWindow(
            start_s=wall_seconds(promised.start_at, slot.date, timezone),
            end_s=wall_seconds(promised.end_at, slot.date, timezone),
        )


def _is_same_work(slot: CaseChart, asked: CaseChart) -> bool:
    """Whether a consultation is what a slot was offered for."""
    here, there = _place_of(slot), _place_of(asked)
    if here is None or there is None:
        return False
    same = slot.consultation.category_code == asked.consultation.category_code
    return same and great_circle_m(here, there) <= SAME_PLACE_M


def _place_of(chart: CaseChart) -> LonLat | None:
    placement = chart.placement
    return placement.place if placement is not None and placement.is_placed else None
