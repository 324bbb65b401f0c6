"""Use cases of places in doubt: what waits, settle it, remember how it was said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from dispatch.domain.case_chart import CaseChart, ChartStatus
from dispatch.domain.closure import require_name
from dispatch.domain.errors import ConflictError, InvalidInputError
from dispatch.domain.ids import new_id
from dispatch.domain.local_place import (
    NO_NAME,
    NO_WORDS,
    TAKEN,
    LocalPlace,
    require_radius,
    require_reason,
    withdrawn,
    written_place,
)
from dispatch.domain.place import LonLat
from dispatch.ports import Charts, Clock, Geocoder, LocalPlaces

MAX_LISTED = 500
UNKNOWN_WARD = "その区は、この市にありません"


class PlacesByHand(Protocol):
    """The one thing that the reception desk does here (`dispatch.intake`)."""

    def place_by_hand(
        self,
        chart_id: str,
        version: int,
        place: LonLat,
        *,
        who: str,
        radius_m: int,
        why: str,
    ) -> CaseChart:
        """Place an unplaced chart; ConflictError when it has changed meanwhile."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceTools:
    """What the desk works with."""

    charts: Charts
    local_places: LocalPlaces
    intake: PlacesByHand
    geocoder: Geocoder
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceWords:
    """
    How the city's texts are compared.

    Parameters
    ----------
    key_of
        Normal form of a way of writing; empty when it has no letter or digit.
    ward_code_of
        Code of a ward's name; empty for no name, None when there is no such ward.
    """

    key_of: Callable[[str], str]
    ward_code_of: Callable[[str], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """
    What a person decided about a chart's place.

    `radius_m` says how far the true place may lie. With `remember` the words of the
    consultation mean this place from now on.
    """

    place: LonLat
    radius_m: int
    reason: str
    remember: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLocalPlace:
    """An entry of the local gazetteer to be made; `ward` is a name or empty."""

    text: str
    ward: str = ""
    place: LonLat
    radius_m: int
    label: str = ""
    reason: str
    chart_id: str = ""


SETTLED_LABEL = "職員が確かめた地点"  # the words of a report are no name for a map


class PlaceDesk:
    """
    Settles where consultations are, and keeps what was settled.

    Parameters
    ----------
    tools
        Stores, the reception desk, geocoder, clock.
    words
        How the city's texts are compared.
    """

    def __init__(self, tools: PlaceTools, words: PlaceWords) -> None:
        self._tools = tools
        self._words = words

    def queue(self) -> list[CaseChart]:
        """Charts that wait for a place: the most urgent first, then the oldest."""
        waiting = self._tools.charts.find(statuses=(ChartStatus.UNPLACED,))
        # `find` tells the oldest first, and a sort keeps the order of equals.
        return sorted(filter(waits_for_place, waiting), key=lambda c: c.urgency.rank)

    def settle(
        self, chart_id: str, version: int, settled: Settlement, *, who: str
    ) -> CaseChart:
        """
        Place a chart where a person decided, and remember it when they wish so.

        The same once more (a double click, a retry after a broken line) changes
        nothing and completes what was not done.

        Raises
        ------
        NotFoundError
            When there is no such chart.
        InvalidInputError
            When a name or reason is missing, the point lies outside the city, or the
            words cannot be remembered; nothing is stored.
        ConflictError
            When the chart has changed meanwhile or does not wait for a place, or
            its words mean another place already; nothing is stored.
        """
        require_name("who", who, NO_NAME)
        require_reason(settled.reason)
        require_radius(settled.radius_m)
        chart = self._tools.charts.get(chart_id)
        entry = self._entry_of(chart, settled, who=who) if settled.remember else None
        if entry is not None:
            self._require_free(entry)
        after = self._placed(chart_id, version, settled, who=who)
        if entry is not None:
            self._add_once(entry)
        return after

    def remember(self, new: NewLocalPlace, *, who: str) -> LocalPlace:
        """
        Make an entry of the local gazetteer.

        Raises
        ------
        InvalidInputError
            When a rule of `LocalPlace` is broken, the ward is unknown, or the point
            lies outside the city.
        ConflictError
            When the words mean another place already.
        """
        entry = self._entry(new, who=who)
        self._tools.local_places.add(entry)
        return entry

    def withdraw(self, entry_id: str, *, why: str, who: str) -> LocalPlace:
        """
        Withdraw an entry: it is kept, but places nothing from now on.

        Raises
        ------
        InvalidInputError
            When nobody or no reason is named.
        NotFoundError
            When there is no such entry.
        ConflictError
            When somebody else has withdrawn it, or for another reason.
        """
        require_name("who", who, NO_NAME)
        require_reason(why)
        entry = self._tools.local_places.get(entry_id)
        if (entry.withdrawn_by, entry.withdrawn_reason) == (who, why):
            return entry  # a double click
        after = withdrawn(entry, at=self._tools.clock.now(), who=who, why=why)
        self._tools.local_places.withdraw(after)
        return after

    def listed(self, limit: int = MAX_LISTED) -> list[LocalPlace]:
        """Entries newest first, withdrawn ones too; at most `MAX_LISTED`."""
        if not 1 <= limit <= MAX_LISTED:
            problem = f"件数は1〜{MAX_LISTED}で指定してください"
            raise InvalidInputError("limit", problem)
        return self._tools.local_places.listed(limit=limit)

    def _placed(
        self, chart_id: str, version: int, settled: Settlement, *, who: str
    ) -> CaseChart:
        try:
            return self._tools.intake.place_by_hand(
                chart_id,
                version,
                settled.place,
                who=who,
                radius_m=settled.radius_m,
                why=settled.reason,
            )
        except ConflictError:
            chart = self._tools.charts.get(chart_id)
            placed = chart.placement
            same = placed is not None and placed.place == settled.place
            if same and chart.version == version + 1:
                return chart  # this very decision is stored already
            raise

    def _entry_of(
        self, chart: CaseChart, settled: Settlement, *, who: str
    ) -> LocalPlace:
        said = chart.consultation
        return self._entry(
            NewLocalPlace(
                text=written_place(said.address_text, said.landmark_text),
                ward=said.stated_ward,
                place=settled.place,
                radius_m=settled.radius_m,
                reason=settled.reason,
                chart_id=chart.id,
            ),
            who=who,
        )

    def _entry(self, new: NewLocalPlace, *, who: str) -> LocalPlace:
        ward_code = self._words.ward_code_of(new.ward)
        if ward_code is None:
            raise InvalidInputError("ward", UNKNOWN_WARD)
        key = self._words.key_of(new.text)
        if not key:
            raise InvalidInputError("text", NO_WORDS)
        entry = LocalPlace(
            id=new_id(),
            key=key,
            text=new.text,
            ward_code=ward_code,
            place=new.place,
            radius_m=new.radius_m,
            label=new.label or SETTLED_LABEL,
            reason=new.reason,
            author=who,
            settled_at=self._tools.clock.now(),
            chart_id=new.chart_id,
        )
        there = self._tools.geocoder.place_at(new.place, radius_m=new.radius_m)
        if not there.is_placed:
            raise InvalidInputError("place", there.message)
        return entry

    def _require_free(self, entry: LocalPlace) -> None:
        known = self._same_words(entry)
        if known is not None and known.place != entry.place:
            raise ConflictError(TAKEN)

    def _add_once(self, entry: LocalPlace) -> None:
        """Add an entry unless the very same place is there (a double click)."""
        try:
            if self._same_words(entry) is None:
                self._tools.local_places.add(entry)
        except ConflictError:
            known = self._same_words(entry)
            if known is None or known.place != entry.place:
                raise

    def _same_words(self, entry: LocalPlace) -> LocalPlace | None:
        known = self._tools.local_places.active(entry.key)
        return next((one for one in known if one.ward_code == entry.ward_code), None)


def waits_for_place(chart: CaseChart) -> bool:
    """Whether a person must say where it is; some wait for an office only."""
    placed = chart.placement is not None and chart.placement.is_placed
    return chart.status is ChartStatus.UNPLACED and not placed
