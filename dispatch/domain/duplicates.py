"""Duplicates (重複): how likely two reports are of one thing, and why, in words."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from dispatch.domain.case_chart import CaseChart
from dispatch.domain.catalogue import Catalogue, Urgency
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.place import BoundingBox, LonLat, great_circle_m
from dispatch.domain.placing import Placement

DAY_S = 86_400
SAME_CATEGORY = 1.0
KINDRED_CATEGORY = 0.8  # named as one another's by the city
SAME_GROUP = 0.4
AGE_WEIGHT = 0.5  # a report at the end of the window counts half
METRES_PER_DEGREE = 111_000  # of latitude; a little less than any, for a bigger box


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateRules:
    """
    When two reports may be of one thing; every number is a city's proposal.

    Parameters
    ----------
    near_m
        Metres between two places that are known exactly.
    max_m
        Metres beyond which nothing is a duplicate, however unsure the places.
    days
        Days between the reports.
    urgent_days
        The same for class S: such things are cleared away at once.
    days_of
        The same for single categories, by code.
    kin
        Sets of categories that people report for one another (穴, くぼみ, 陥没).
    min_score
        Likeness, from 0 to 1, below which nothing is said.
    """

    near_m: float = 50.0
    max_m: float = 400.0
    days: int = 90
    urgent_days: int = 7
    days_of: Mapping[str, int] = field(default_factory=dict)
    kin: tuple[frozenset[str], ...] = ()
    min_score: float = 0.2

    def __post_init__(self) -> None:
        numbers = (self.near_m, self.max_m, self.days, self.urgent_days)
        if min(*numbers, *self.days_of.values()) <= 0 or self.max_m < self.near_m:
            problem = "重複とみなす距離と日数は正の数に、最大の距離は近さ以上にします"
            raise InvalidInputError("duplicates", problem)

    def window_days(self, code: str, catalogue: Catalogue) -> int:
        """Days within which another report of a category may be of the same thing."""
        urgent = catalogue.get(code).urgency is Urgency.S
        return self.days_of.get(code, self.urgent_days if urgent else self.days)

    def kinship(self, one: str, other: str, catalogue: Catalogue) -> tuple[float, str]:
        """How near two categories are, 0 to 1, and that in words."""
        if one == other:
            return SAME_CATEGORY, "同じ分類"
        if any(one in kin and other in kin for kin in self.kin):
            return KINDRED_CATEGORY, "近い分類"
        if catalogue.get(one).group == catalogue.get(other).group:
            return SAME_GROUP, "同じ分野"
        return 0.0, ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What of a report is compared: a chart's, or one that is still being typed."""

    category_code: str
    placement: Placement
    received_at: dt.datetime

    @classmethod
    def of(cls, chart: CaseChart) -> Sighting | None:
        """Sighting of a chart; None when it has no place to compare."""
        placement = chart.placement
        if placement is None or not placement.is_placed:
            return None
        return cls(
            category_code=chart.category_code,
            placement=placement,
            received_at=chart.consultation.received_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """
    Another chart that may be of the same thing.

    `score` is above 0 and at most 1; `distance_m` lies between the two points, however
    unsure; `days` between the two reports; `why` holds the reasons in words.
    """

    chart: CaseChart
    score: float
    distance_m: int
    days: int
    why: tuple[str, ...]


def find_duplicates(
    this: Sighting,
    others: Iterable[CaseChart],
    rules: DuplicateRules,
    catalogue: Catalogue,
) -> tuple[Likeness, ...]:
    """Charts that may be of the same thing, the likeliest first."""
    found = (likeness(this, other, rules, catalogue) for other in others)
    kept = [one for one in found if one is not None]
    return tuple(sorted(kept, key=lambda one: (-one.score, one.days, one.chart.number)))


def likeness(
    this: Sighting, chart: CaseChart, rules: DuplicateRules, catalogue: Catalogue
) -> Likeness | None:
    """
    How likely a chart is of the same thing as a sighting; None when it is not.

    The score is the product of three: place, category and time. Two places are
    compared against both radii: errors of two points do not add up but combine, as
    the root of the sum of their squares; what is surer counts more.
    """
    other = Sighting.of(chart)
    if other is None:
        return None
    kind, kind_words = rules.kinship(this.category_code, other.category_code, catalogue)
    window = min(
        rules.window_days(code, catalogue)
        for code in (this.category_code, other.category_code)
    )
    apart_s = (this.received_at - other.received_at).total_seconds()
    days = abs(apart_s) / DAY_S
    if not kind or days > window:
        return None
    place, distance_m, place_words = _place_score(
        this.placement, other.placement, rules
    )
    score = place * kind * (1 - AGE_WEIGHT * days / window)
    if score < rules.min_score:
        return None
    return Likeness(
        chart=chart,
        score=round(score, 3),
        distance_m=distance_m,
        days=int(days),
        why=(place_words, kind_words, _time_words(apart_s)),
    )


def search_box(place: LonLat, rules: DuplicateRules) -> BoundingBox:
    """Rectangle that holds every place that could be near enough."""
    dlat = rules.max_m / METRES_PER_DEGREE
    dlon = dlat / max(math.cos(math.radians(place.lat)), 0.01)  # near a pole: wide
    return BoundingBox(
        west=place.lon - dlon,
        south=place.lat - dlat,
        east=place.lon + dlon,
        north=place.lat + dlat,
    )


def _place_score(
    one: Placement, other: Placement, rules: DuplicateRules
) -> tuple[float, int, str]:
    """How near two places are, 0 to 1, the metres between them, and in words."""
    if one.place is None or other.place is None:
        return 0.0, 0, ""
    metres = great_circle_m(one.place, other.place)
    if _is_same_address(one, other):
        return 1.0, round(metres), "同じ番地"
    if one.landmark and one.landmark == other.landmark:
        return 1.0, round(metres), "同じ目標物"
    unsure_m = math.hypot(one.radius_m or 0, other.radius_m or 0)
    reach_m = min(rules.near_m + unsure_m, rules.max_m)
    if metres > reach_m:
        return 0.0, round(metres), ""
    score = (1 - metres / reach_m) * math.sqrt(rules.near_m / reach_m)
    words = f"約{metres:.0f}m" if metres >= 1 else "同じ地点"
    if unsure_m > rules.near_m:
        words += f"(位置の誤差 約{unsure_m:.0f}m)"
    return score, round(metres), words


def _is_same_address(one: Placement, other: Placement) -> bool:
    """Whether both say the same town and block (番), and no other number (号)."""
    if not one.block or not one.town:
        return False
    same = (one.town, one.block) == (other.town, other.block)
    return same and (one.number == other.number or not (one.number and other.number))


def _time_words(apart_s: float) -> str:
    days = int(abs(apart_s) // DAY_S)
    if not days:
        return "24時間以内"
    return f"{days}日前の受付" if apart_s > 0 else f"{days}日後の受付"
