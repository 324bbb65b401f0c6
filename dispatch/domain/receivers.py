"""Receivers (引継先): desks that take over what is not ours, with their dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from dispatch.domain.catalogue import WorkCategory
from dispatch.domain.place import LonLat, great_circle_m

ACCEPT_WORKING_DAYS = 1  # proposal: class D is passed on by the next working day
URGENT_ACCEPT_MIN = 15  # proposal: class S is ordered out within 15 minutes
RETURN_WORKING_DAYS = 1  # proposal: whoever sent it looks at it the next working day


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """
    A desk in the shape that it has from `valid_from` until before `valid_to`.

    `kind` is what categories call it; `name` is what charts carry. `ward_codes` are
    the wards that it serves: all of the city for none. `opens_on` is the day from
    which it takes anything at all. `takes` are codes of categories that a rule may
    send it; none means that only a person may choose it. What goes to a desk that is
    `off_map` (福祉, 子育て, 経営) leaves the map and loses its position.
    """

    id: str
    kind: str
    name: str
    valid_from: dt.date
    valid_to: dt.date | None = None
    opens_on: dt.date | None = None
    ward_codes: tuple[str, ...] = ()
    takes: frozenset[str] = frozenset()
    accept_working_days: int = ACCEPT_WORKING_DAYS
    urgent_accept_min: int = URGENT_ACCEPT_MIN
    off_map: bool = False
    tel: str = ""
    address: str = ""
    place: LonLat | None = None
    confidence: str = ""

    def holds_on(self, day: dt.date) -> bool:
        """Whether it has this shape on a day."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)

    def is_open_on(self, day: dt.date) -> bool:
        """Whether it takes anything on a day."""
        return self.holds_on(day) and (self.opens_on is None or self.opens_on <= day)

    def serves(self, ward_code: str) -> bool:
        """Whether a ward is one of those that it is charged with."""
        return ward_code in self.ward_codes


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundReceiver:
    """
    Who shall take a consultation and why; `receiver` is None for a bare kind.

    What goes to one that is `off_map` leaves the map, and its position is not kept.
    """

    name: str
    because: str
    receiver: Receiver | None = None
    off_map: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Receivers:
    """
    All receivers of a city in all their shapes, and the clocks of what has no row.

    `ward_names` and `ward_places` are of the ward offices: from there the nearest
    other ward is told.
    """

    shapes: tuple[Receiver, ...] = ()
    ward_names: Mapping[str, str] = field(default_factory=dict)
    ward_places: Mapping[str, LonLat] = field(default_factory=dict)
    accept_working_days: int = ACCEPT_WORKING_DAYS
    urgent_accept_min: int = URGENT_ACCEPT_MIN
    return_working_days: int = RETURN_WORKING_DAYS

    def open_on(self, day: dt.date) -> tuple[Receiver, ...]:
        """Receivers that take anything on a day, in the table's order."""
        return tuple(one for one in self.shapes if one.is_open_on(day))

    def by_id(self, receiver_id: str, day: dt.date) -> Receiver | None:
        """Receiver of an id that is open on a day."""
        return next((one for one in self.open_on(day) if one.id == receiver_id), None)

    def named(self, name: str, day: dt.date) -> Receiver | None:
        """Receiver of a name that is open on a day."""
        return next((one for one in self.open_on(day) if one.name == name), None)

    def receiver_for(
        self,
        category: WorkCategory,
        ward_code: str,
        day: dt.date,
        place: LonLat | None = None,
    ) -> FoundReceiver:
        """
        Find who takes a category's consultations from a ward on a day.

        The desk that is charged with the ward; else the only one for the whole city;
        else the nearest to the place, or to the ward's own office, which is told as
        such. Where neither is known the chart names the kind, and a person chooses.

        Parameters
        ----------
        category
            What it is about.
        ward_code
            Of the matter; empty when nobody knows.
        day
            On which it is sent: what was shut or not yet open then is left out.
        place
            Of the matter, degrees; None for what has no position.
        """
        taking = [one for one in self.open_on(day) if category.code in one.takes]
        if not taking:
            return self._kind_of(category, "分類表による引継先")
        ward = self.ward_names.get(ward_code, "")
        for one in taking:
            if one.serves(ward_code):
                return _found(one, f"{ward}を担当")
        if len(taking) == 1 and not taking[0].ward_codes:
            return _found(taking[0], "市内全域を受け持つ窓口")
        return self._nearest(taking, category, ward_code, place)

    def _kind_of(self, category: WorkCategory, because: str) -> FoundReceiver:
        """Kind alone; off the map where a desk of the kind would be."""
        off_map = any(one.off_map and category.code in one.takes for one in self.shapes)
        return FoundReceiver(name=category.receiver, because=because, off_map=off_map)

    def _nearest(
        self,
        taking: Iterable[Receiver],
        category: WorkCategory,
        ward_code: str,
        place: LonLat | None,
    ) -> FoundReceiver:
        """Find the nearest of several, none of which is charged with the ward."""
        origin = place or self.ward_places.get(ward_code)
        placed = [(self._place_of(one), one) for one in taking]
        near = [(spot, one) for spot, one in placed if spot is not None]
        if origin is None or not near:
            return self._kind_of(category, "区がわからないため、窓口は人が選ぶ")
        _, one = min(near, key=lambda pair: great_circle_m(origin, pair[0]))
        ward = self.ward_names.get(ward_code, "")
        if one.ward_codes and one.place is None:
            return _found(one, f"{ward}の窓口が開いていないため、最も近い区の窓口")
        return _found(one, "担当区の資料がないため、最も近いところ(推定)")

    def _place_of(self, receiver: Receiver) -> LonLat | None:
        """Position of a desk; a ward's desk without one sits in its ward office."""
        if receiver.place is not None or not receiver.ward_codes:
            return receiver.place
        return self.ward_places.get(receiver.ward_codes[0])


def _found(receiver: Receiver, because: str) -> FoundReceiver:
    return FoundReceiver(
        name=receiver.name,
        because=because,
        receiver=receiver,
        off_map=receiver.off_map,
    )
