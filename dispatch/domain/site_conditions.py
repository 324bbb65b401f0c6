"""Conditions of a site (現場の条件): what a chart's work needs beyond its category."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from dispatch.domain.errors import InvalidInputError
from dispatch.domain.team import DAY_S
from dispatch.domain.visit import ForbiddenHours, TimeWindow

MAX_TEAMS = 4  # a proposal: more at one place is a site of its own
MIN_WIDTH_CM, MAX_WIDTH_CM = 100, 400  # no vehicle is narrower, no limit is wider
MAX_GAP_MIN = 24 * 60
MAX_GAP_DAYS = 366
MAX_LISTED = 8  # of each kind; a slip of a program, not of a person, sends more
MAX_PIECES = 1_000
MIN_S = 60
HOUR_S = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterChart:
    """
    Another chart whose work must have ended, and how long ago, before this begins.

    `gap_min` counts from the end of its work, `gap_days` from that day; one of the two.
    """

    chart_id: str
    gap_min: int = 0
    gap_days: int = 0

    def __post_init__(self) -> None:
        if not (
            0 <= self.gap_min <= MAX_GAP_MIN and 0 <= self.gap_days <= MAX_GAP_DAYS
        ):
            problem = f"間隔は{MAX_GAP_MIN}分まで、または{MAX_GAP_DAYS}日までです"
            raise InvalidInputError("after", problem)
        if self.gap_min and self.gap_days:
            raise InvalidInputError(
                "after", "間隔は、分か日のどちらか一つにしてください"
            )

    def free_on(self, ended: dt.datetime) -> dt.date:
        """First day on which this may begin; `ended` in the city's time."""
        return (ended + self._gap).date()

    def free_at(self, ended: dt.datetime) -> dt.datetime:
        """First moment; after a gap of days it is that day's midnight."""
        if not self.gap_days:
            return ended + self._gap
        return dt.datetime.combine(self.free_on(ended), dt.time(), ended.tzinfo)

    @property
    def _gap(self) -> dt.timedelta:
        return dt.timedelta(days=self.gap_days, minutes=self.gap_min)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteConditions:
    """
    What the work of one chart needs beyond its category; nothing, by default.

    Parameters
    ----------
    num_teams
        Teams that begin together; None: as the category says.
    forbidden
        Hours of each working day in which nobody may work there.
    max_width_cm
        Widest vehicle that passes.
    after
        Charts whose work must have ended before (make safe, then repair).
    tools
        Ids of shared tools besides the category's, in order.
    materials
        Pieces by name that one vehicle must carry.
    windows
        Hours offered on the promised day besides the promised ones.

    Raises
    ------
    InvalidInputError
        When a figure is out of range, or something is named twice.
    """

    num_teams: int | None = None
    forbidden: tuple[ForbiddenHours, ...] = ()
    max_width_cm: int | None = None
    after: tuple[AfterChart, ...] = ()
    tools: tuple[str, ...] = ()
    materials: tuple[tuple[str, int], ...] = ()
    windows: tuple[TimeWindow, ...] = ()

    def __post_init__(self) -> None:
        if self.num_teams is not None and not 1 <= self.num_teams <= MAX_TEAMS:
            problem = f"班は1〜{MAX_TEAMS}にしてください"
            raise InvalidInputError("num_teams", problem)
        width_cm = self.max_width_cm
        if width_cm is not None and not MIN_WIDTH_CM <= width_cm <= MAX_WIDTH_CM:
            problem = f"車幅は{MIN_WIDTH_CM}〜{MAX_WIDTH_CM}cmにしてください"
            raise InvalidInputError("max_width_cm", problem)
        if any(not 1 <= count <= MAX_PIECES for _, count in self.materials):
            problem = f"個数は1〜{MAX_PIECES}にしてください"
            raise InvalidInputError("materials", problem)
        _require_hours("forbidden", self.forbidden)
        _require_hours("windows", self.windows)
        _require_once("after", [one.chart_id for one in self.after])
        _require_once("tools", self.tools)
        _require_once("materials", [name for name, _ in self.materials])

    @property
    def is_empty(self) -> bool:
        """Whether nothing beyond the category is asked."""
        return self == NO_CONDITIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionNames:
    """What tools and other charts are called; an unknown id stands for itself."""

    tools: Mapping[str, str] = field(default_factory=dict)
    charts: Mapping[str, str] = field(default_factory=dict)


def conditions_in_words(
    conditions: SiteConditions, names: ConditionNames
) -> tuple[str, ...]:
    """Short Japanese phrases, one a condition; none when there are none."""
    words = []
    if conditions.num_teams is not None:
        num = conditions.num_teams
        words.append(f"{num}班で同時に" if num > 1 else "1班で")
    if conditions.max_width_cm is not None:
        words.append(f"車幅 {width_text(conditions.max_width_cm)}まで")
    words += [f"{hours_text(one)} は作業不可" for one in conditions.forbidden]
    for one in conditions.after:
        gap = f"{one.gap_days}日" if one.gap_days else f"{one.gap_min}分"
        wait = f"で{gap}以上あとに" if one.gap_days or one.gap_min else "だあとに"
        words.append(f"{names.charts.get(one.chart_id, one.chart_id)} が済ん{wait}")
    carried = [names.tools.get(tool, tool) for tool in conditions.tools]
    carried += [f"{name} {count}個" for name, count in conditions.materials]
    if carried:
        words.append(f"持ち物: {'、'.join(carried)}")
    if conditions.windows:
        offered = "、".join(hours_text(one) for one in conditions.windows)
        words.append(f"約束の日は {offered} でもよい")
    return tuple(words)


def width_text(width_cm: int) -> str:
    """Write a width in metres: 2.0m, and 1.85m where it is finer than 10 cm."""
    return f"{width_cm / 100:.2f}".removesuffix("0") + "m"


def hours_text(hours: ForbiddenHours | TimeWindow) -> str:
    """Write a span of hours: 8:00–9:00."""
    return "–".join(
        f"{second // HOUR_S}:{second % HOUR_S // MIN_S:02d}"
        for second in (hours.start_s, hours.end_s)
    )


def require_no_circle(
    chart_id: str,
    after: Sequence[AfterChart],
    waits_for: Mapping[str, Sequence[AfterChart]],
) -> None:
    """
    Refuse a chart that would wait for itself.

    Parameters
    ----------
    chart_id, after
        The chart and what it is to wait for.
    waits_for
        What other charts wait for, by id.

    Raises
    ------
    InvalidInputError
        When the way back over those that come before leads to the chart.
    """
    waiting, seen = [one.chart_id for one in after], set[str]()
    while waiting:
        before = waiting.pop()
        if before == chart_id:
            problem = "前後関係が循環します。先に行う相談を確かめてください"
            raise InvalidInputError("after", problem)
        if before not in seen:
            seen.add(before)
            waiting += [one.chart_id for one in waits_for.get(before, ())]


def _require_hours(
    name: str, hours: Sequence[ForbiddenHours] | Sequence[TimeWindow]
) -> None:
    """Refuse hours beyond the day, too many of them, or two that overlap."""
    if len(hours) > MAX_LISTED:
        raise InvalidInputError(name, f"時間帯は{MAX_LISTED}個までです")
    if any(one.start_s < 0 or one.end_s > DAY_S for one in hours):
        raise InvalidInputError(name, "時間帯は0:00〜24:00の間にしてください")
    spans = sorted((one.start_s, one.end_s) for one in hours)
    if any(later[0] < earlier[1] for earlier, later in pairwise(spans)):
        raise InvalidInputError(name, "時間帯が重なっています")


def _require_once(name: str, named: Sequence[str]) -> None:
    if len(set(named)) != len(named):
        raise InvalidInputError(name, "同じものが2回あります")
    if len(named) > MAX_LISTED:
        raise InvalidInputError(name, f"{MAX_LISTED}個までです")


NO_CONDITIONS = SiteConditions()  # below the functions that check it
