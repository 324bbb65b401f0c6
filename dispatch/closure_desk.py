"""Use cases of closures: shut a road, lift it, say what is shut now and what was."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from dispatch.domain.closure import (
    ClosedDay,
    Closure,
    ClosureReason,
    ClosureShape,
    DailyWindow,
    closed_day,
    in_force,
    lifted,
    require_name,
)
from dispatch.domain.consultation import require_aware
from dispatch.domain.deadlines import IsWorkingDay, wall_seconds
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.ids import new_id
from dispatch.domain.place import LonLat
from dispatch.ports import Clock, Closures

STARTED_BEFORE = dt.timedelta(minutes=1)  # typing a form takes that long
DAYS_AHEAD = 366  # further off a date is a slip of the keyboard
MAX_HISTORY = 500
NO_NAME = "担当者の名前を入れてください"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClosure:
    """
    What a dispatcher wants to shut; the fields are those of `Closure`.

    Without `starts_at` it begins now; without `ends_at` it holds until lifted. Parts
    of seconds are cut off.
    """

    name: str
    shape: ClosureShape
    places: tuple[LonLat, ...]
    reason: ClosureReason
    note: str = ""
    starts_at: dt.datetime | None = None
    ends_at: dt.datetime | None = None
    windows: tuple[DailyWindow, ...] = ()
    working_days_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CityTime:
    """The city's time zone and calendar."""

    timezone: dt.tzinfo
    is_working_day: IsWorkingDay


class HeldClosures(Protocol):
    """The one question to the store that the rest of a day needs."""

    def that_hold_between(self, start: dt.datetime, end: dt.datetime) -> list[Closure]:
        """Closures whose time meets [start, end)."""
        ...


def rest_of_day(
    store: HeldClosures, at: dt.datetime, city_time: CityTime
) -> tuple[ClosedDay, dict[str, Closure]]:
    """
    Tell what is shut from a moment until its midnight.

    Parameters
    ----------
    store
        Of closures.
    at
        Aware.
    city_time
        Time zone and calendar.

    Returns
    -------
    tuple
        The rest of the day, and by their ids the closures that it may speak of.
    """
    zone = city_time.timezone
    local = at.astimezone(zone)
    date = local.date()
    midnight = dt.datetime.combine(date + dt.timedelta(days=1), dt.time(), zone)
    held = {one.id: one for one in store.that_hold_between(local, midnight)}
    day = closed_day(
        held.values(),
        date,
        from_s=wall_seconds(local, date, zone),
        timezone=zone,
        is_working_day=city_time.is_working_day(date),
    )
    return day, held


class ClosureDesk:
    """
    Shuts roads and opens them again.

    Parameters
    ----------
    store
        Of closures.
    clock
        Time of what is done.
    city_time
        To know in which hours of which days a closure holds.
    on_change
        Called after a change is stored, in the same thread: must return at once and
        raise nothing, for what was done stands.
    """

    def __init__(
        self,
        store: Closures,
        clock: Clock,
        city_time: CityTime,
        *,
        on_change: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._city_time = city_time
        self._on_change = on_change

    def close(self, new: NewClosure, *, who: str) -> Closure:
        """
        Shut a stretch or an area from now, or from a later moment.

        Raises
        ------
        InvalidInputError
            When a rule of `Closure` is broken, nobody is named, it would begin over a
            minute ago, be over already, or begin or end more than 366 days ahead.
        """
        require_name("who", who, NO_NAME)
        now = self._clock.now()
        starts_at = self._moment("starts_at", new.starts_at or now)
        ends_at = None
        if new.ends_at is not None:
            ends_at = self._moment("ends_at", new.ends_at)
        self._require_near(starts_at, ends_at, now)
        closure = Closure(
            id=new_id(),
            name=new.name,
            shape=new.shape,
            places=new.places,
            reason=new.reason,
            note=new.note,
            starts_at=starts_at,
            ends_at=ends_at,
            windows=new.windows,
            working_days_only=new.working_days_only,
            made_at=now,
            made_by=who,
        )
        self._store.add(closure)
        self._on_change()
        return closure

    def lift(self, closure_id: str, version: int, *, who: str) -> Closure:
        """
        End a closure now; one that has not begun is called off.

        Raises
        ------
        InvalidInputError
            When nobody is named.
        NotFoundError
            When there is no such closure.
        ConflictError
            When it has changed meanwhile, is lifted already, or is over.
        """
        require_name("who", who, NO_NAME)
        closure = self._store.get(closure_id)
        closure.require_version(version)
        after = lifted(closure, at=self._clock.now(), who=who)
        self._store.save(after)
        self._on_change()
        return after

    def in_force_now(self) -> list[Closure]:
        """Closures that hold at this moment, in the order of their beginnings."""
        now = self._clock.now().astimezone(dt.UTC)  # in UTC, see `_require_near`
        timezone = self._city_time.timezone
        works = self._city_time.is_working_day(now.astimezone(timezone).date())
        candidates = self._store.that_hold_between(now, now + dt.timedelta.resolution)
        return [
            closure
            for closure in candidates
            if in_force(closure, now, timezone=timezone, is_working_day=works)
        ]

    def not_over(self) -> list[Closure]:
        """Closures that hold or are to come, in the order of their beginnings."""
        now = self._clock.now().astimezone(dt.UTC)
        latest = now + 2 * dt.timedelta(days=DAYS_AHEAD)  # none begins later
        return self._store.that_hold_between(now, latest)

    def between(self, start: dt.datetime, end: dt.datetime) -> list[Closure]:
        """Closures that hold at some time from a moment until another, not included."""
        return self._store.that_hold_between(start, end)

    def in_rest_of_day(self, at: dt.datetime) -> list[Closure]:
        """Closures that hold at some time from a moment until its midnight."""
        day, held = rest_of_day(self._store, at, self._city_time)
        return [held[key] for key in held if key in day.whole | day.timed_ids]

    def history(self, limit: int, *, before: str | None = None) -> list[Closure]:
        """
        Closures newest first, those that are over too.

        Parameters
        ----------
        limit
            At most so many, 1 to `MAX_HISTORY`.
        before
            Id of the last one of the page before.

        Raises
        ------
        InvalidInputError
            When the limit is out of its range.
        NotFoundError
            When there is no closure `before`.
        """
        if not 1 <= limit <= MAX_HISTORY:
            problem = f"件数は1〜{MAX_HISTORY}で指定してください"
            raise InvalidInputError("limit", problem)
        return self._store.all_closures(limit=limit, before=before)

    def _moment(self, field: str, moment: dt.datetime) -> dt.datetime:
        """Whole second in the city's time zone; a naive time is refused."""
        require_aware(field, moment)
        return moment.astimezone(self._city_time.timezone).replace(microsecond=0)

    def _require_near(
        self, starts_at: dt.datetime, ends_at: dt.datetime | None, now: dt.datetime
    ) -> None:
        """Refuse a beginning that is past, an end that is past, and slips of a year."""
        # In UTC: within one zone Python reckons with what the clocks show, which tell
        # one hour twice when summer time ends.
        now = now.astimezone(dt.UTC).replace(microsecond=0)
        latest = now + dt.timedelta(days=DAYS_AHEAD)
        if starts_at < now - STARTED_BEFORE:
            problem = "始まりが過去の時刻です。今か、これからの時刻にしてください"
            raise InvalidInputError("starts_at", problem)
        if ends_at is not None and ends_at <= now:
            raise InvalidInputError("ends_at", "終わりが過去の時刻です")
        for field, moment in (("starts_at", starts_at), ("ends_at", ends_at)):
            if moment is not None and moment > latest:
                problem = (
                    f"今から{DAYS_AHEAD}日以内にしてください"
                    "(終わりが決まっていないときは空けておきます)"
                )
                raise InvalidInputError(field, problem)
