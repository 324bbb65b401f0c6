"""The city's geocoder: settled places, coordinates, words; then the areas around."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from dispatch.domain.consultation import Consultation
from dispatch.domain.local_place import LocalPlace, written_place
from dispatch.domain.place import BoundingBox, LonLat, great_circle_m
from dispatch.domain.placing import (
    Candidate,
    PlaceLevel,
    Placement,
    PlacingStatus,
    PlacingWarning,
)
from geodata.address_text import is_too_long
from geodata.geocoding.area_answer import AreaSigns
from geodata.geocoding.area_index import AreaIndex
from geodata.geocoding.coordinates import (
    OLD_DATUM_RADII_M,
    CoordinateAnswer,
    read_coordinates,
    suspect_old_datum,
)
from geodata.geocoding.engines import option_from
from geodata.geocoding.local import LocalGazetteer, place_key
from geodata.geocoding.place_reader import PlaceReader

MAX_LAT = 90.0
COORDINATES = "coordinates"
LOCAL = "local_gazetteer"
GIVEN_POINT = "示された座標"
GIVEN_OLD_DATUM = "示された座標(日本測地系と見た場合)"
TOO_LONG = "長すぎて、場所として読めません。住所か目標物だけにしてください。"
_UNKNOWN_WARD = "示された区は、この市にありません。座標を確かめてください。"
_FOREIGN_ADDRESS = "座標は市の中ですが、住所はほかの自治体です。"
_OTHER_WARD = "座標の区と、住所の区が違います。"
_FAR_ADDRESS = "座標と住所が離れています。"
_OLD_DATUM = "座標が日本測地系(約440mずれ)かもしれません。確かめてください。"
_OUTSIDE = "座標が市の外です。"
_TOO_COARSE = "座標の小数の桁が少なく、場所が決まりません。"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceQuery:
    """
    What is known about a place that is sought.

    `address` is an address or all there is; `landmark`, `ward` and `district` are what
    was given beside it, `position` a coordinate with its radius.
    """

    address: str = ""
    landmark: str = ""
    ward: str = ""
    district: str = ""
    position: LonLat | None = None
    radius_m: int | None = None
    warnings: tuple[PlacingWarning, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CityGeocoder:
    """
    Places consultations of one city; fulfils the port `Geocoder`.

    Parameters
    ----------
    reader
        What words mean.
    bounds
        Rectangle around the city: a coordinate beyond it is outside.
    timezone
        Of the day on which a consultation was received: districts change.
    areas
        Wards and districts as polygons; None where the city has none: the stated ward
        and district then count as given.
    local
        What people have settled before; it is asked first.
    coordinate_radius_m
        How far a sender's coordinate may be off (assumption: a phone's position).
    border_tolerance_m
        How far beyond its ward's border an address may lie. Against approximate
        wards 75 of 2,500 real Osaka points did, all by less than 200 m (2026-11).
    agreement_m
        Farthest that two statements about one place may lie apart.
    """

    reader: PlaceReader
    bounds: BoundingBox
    timezone: dt.tzinfo
    areas: AreaIndex | None = None
    local: LocalGazetteer | None = None
    coordinate_radius_m: int = 30
    border_tolerance_m: int = 200
    agreement_m: int = 1_500

    def place(self, consultation: Consultation) -> Placement:
        """Best answer for what the consultation says; never a guess."""
        query = PlaceQuery(
            address=consultation.address_text,
            landmark=consultation.landmark_text,
            ward=consultation.stated_ward,
            district=consultation.stated_district,
            position=consultation.position,
            warnings=(PlacingWarning.SWAPPED,) if consultation.position_swapped else (),
        )
        day = consultation.received_at.astimezone(self.timezone).date()
        return self.find(query, on=day)

    def find(self, query: PlaceQuery, *, on: dt.date | None = None) -> Placement:
        """
        Find one place.

        Parameters
        ----------
        query
            What is known.
        on
            Day for which wards and districts are wanted; None for those without end.
        """
        return self.find_all([query], on=on)[0]

    def find_all(
        self, queries: Iterable[PlaceQuery], *, on: dt.date | None = None
    ) -> list[Placement]:
        """Find many places; their areas are asked for all at once."""
        asked = list(queries)
        found = [self._found(query, on) for query in asked]
        return self._with_areas(found, asked, on)

    def place_at(
        self, place: LonLat, *, radius_m: int, on: dt.date | None = None
    ) -> Placement:
        """Ward and district of a position that a person or a system gave, on a day."""
        found = self._at(place, radius_m, on)
        return self._with_areas([found], [PlaceQuery()], on)[0]

    def warm(self) -> None:
        """Load what the first question would wait for."""
        if self.reader.second is not None:
            self.reader.second.warm()
        self.reader.landmarks.find("あたためる")

    def close(self) -> None:
        """Release the second engine's files."""
        if self.reader.second is not None:
            self.reader.second.close()

    def _found(self, query: PlaceQuery, on: dt.date | None) -> Placement:
        if is_too_long(query.address + query.landmark):
            return _without_place(PlacingStatus.NOT_FOUND, TOO_LONG)
        if query.position is not None:
            return self._from_position(query, query.position, on)
        settled = self._settled(query)
        if settled is not None:
            return settled
        given = read_coordinates(query.address, bounds=self.bounds)
        if given is not None:
            return self._from_text(query, given, on)
        return self.reader.read(
            query.address, stated_ward=query.ward, words=query.landmark
        )

    def _settled(self, query: PlaceQuery) -> Placement | None:
        """Answer from the local gazetteer, when people settled this spelling."""
        if self.local is None:
            return None
        words = written_place(query.address, query.landmark)
        entries = self.local.active(place_key(words))
        if not entries:
            return None
        stated = self.reader.address_book.ward_code(query.ward) if query.ward else ""
        fits = [one for one in entries if one.ward_code == stated]
        if not fits:
            return None
        found = _from_entry(fits[0])
        return found if self.areas else replace(found, ward_code=fits[0].ward_code)

    def _from_text(
        self, query: PlaceQuery, given: CoordinateAnswer, on: dt.date | None
    ) -> Placement:
        """Place by coordinates that stand in the text, beside an address or not."""
        if given.status is not PlacingStatus.OK or given.place is None:
            return _without_place(PlacingStatus.OUTSIDE, _OUTSIDE)
        beside = replace(
            query,
            address=given.rest,
            position=given.place,
            radius_m=given.radius_m,
            warnings=given.warnings,
        )
        found = self._from_position(beside, given.place, on)
        if found.status is PlacingStatus.OK and given.radius_m > self.agreement_m:
            return self._instead_of_coarse(beside, found)
        return replace(found, matched_text=given.matched_text)

    def _instead_of_coarse(self, query: PlaceQuery, found: Placement) -> Placement:
        """Take the address where the coordinates say less than it; else ask."""
        address = self.reader.read(query.address, stated_ward=query.ward)
        if address.is_placed and query.address.strip():
            return replace(address, warnings=(*address.warnings, *found.warnings))
        point = option_from(found)
        options = (point,) if point else ()
        return _without_place(PlacingStatus.AMBIGUOUS, _TOO_COARSE, options)

    def _from_position(
        self, query: PlaceQuery, place: LonLat, on: dt.date | None
    ) -> Placement:
        radius_m = query.radius_m or self.coordinate_radius_m
        found = self._at(place, radius_m, on)
        if found.status is not PlacingStatus.OK or found.place is None:
            return found
        place = found.place
        found = replace(found, warnings=(*query.warnings, *found.warnings))
        book = self.reader.address_book
        stated_code = book.ward_code(query.ward) if query.ward.strip() else None
        if self.areas is None:
            return replace(found, ward_code=stated_code or query.ward.strip())
        address = book.find(query.address, stated_ward=stated_code or "")
        near = self._wards_near(place, on)
        named = {book.named_ward(query.address), stated_code, address.ward_code}
        named -= {None, ""}
        problem, options = self._doubt(query, place, address, (near, named))
        if problem:
            point = _point(GIVEN_POINT, place, radius_m, near[0])
            own = option_from(address)
            others = (own,) if own else address.candidates
            doubted = _without_place(
                PlacingStatus.CONFLICT, problem, (point, *options, *others)
            )
            old = (PlacingWarning.OLD_DATUM,) if problem == _OLD_DATUM else ()
            return replace(doubted, warnings=(*found.warnings, *old))
        # The ward of an address is surer than a polygon within metres of its border.
        ward = next((code for code in near if code in named), near[0])
        return replace(
            found,
            ward_code=ward,
            town=address.town,
            block=address.block,
            number=address.number,
            rest=address.rest,
        )

    def _doubt(
        self,
        query: PlaceQuery,
        place: LonLat,
        address: Placement,
        wards: tuple[Sequence[str], set[str | None]],
    ) -> tuple[str, tuple[Candidate, ...]]:
        """Say why a coordinate and the words beside it do not fit; empty if they do."""
        near, named = wards
        stated = query.ward.strip()
        if stated and self.reader.address_book.ward_code(stated) is None:
            return _UNKNOWN_WARD, ()
        if address.status is PlacingStatus.OUTSIDE:
            return _FOREIGN_ADDRESS, ()
        old = self._old_datum(place, address)
        if old is not None:
            return _OLD_DATUM, (
                _point(
                    GIVEN_OLD_DATUM, old, self.coordinate_radius_m, address.ward_code
                ),
            )
        if len(named) > 1 or not named <= set(near):
            return _OTHER_WARD, ()
        if self._is_apart(address, place, query.radius_m or 0):
            return _FAR_ADDRESS, ()
        return "", ()

    def _old_datum(self, place: LonLat, address: Placement) -> LonLat | None:
        radius_m = OLD_DATUM_RADII_M.get(address.level) if address.level else None
        if address.place is None or radius_m is None:
            return None
        return suspect_old_datum(place, address.place, radius_m)

    def _is_apart(self, found: Placement, place: LonLat, radius_m: int) -> bool:
        if found.place is None or found.radius_m is None:
            return False
        reach = max(self.agreement_m, found.radius_m, radius_m)
        return great_circle_m(found.place, place) > reach

    def _at(self, place: LonLat, radius_m: int, on: dt.date | None) -> Placement:
        if not self.bounds.contains(place):
            return self._swapped(place, radius_m, on)
        wards = self._wards_near(place, on)
        if self.areas is not None and not wards:
            return _without_place(PlacingStatus.OUTSIDE, _OUTSIDE)
        return Placement(
            status=PlacingStatus.OK,
            message="座標から特定しました。",
            level=PlaceLevel.COORDINATE,
            place=place,
            radius_m=radius_m,
            ward_code=wards[0] if wards else "",
            engines=(f"{COORDINATES}:{PlacingStatus.OK}",),
        )

    def _swapped(self, place: LonLat, radius_m: int, on: dt.date | None) -> Placement:
        """Say "outside", unless the numbers lie in the city when turned round."""
        if abs(place.lon) <= MAX_LAT:
            turned = LonLat(place.lat, place.lon)
            if self.bounds.contains(turned):
                found = self._at(turned, radius_m, on)
                return replace(found, warnings=(PlacingWarning.SWAPPED,))
        return _without_place(PlacingStatus.OUTSIDE, _OUTSIDE)

    def _wards_near(self, place: LonLat, on: dt.date | None) -> tuple[str, ...]:
        """List the ward at a place, then those within the border tolerance."""
        if self.areas is None:
            return ()
        return self.areas.wards_near(place, radius_m=self.border_tolerance_m, on=on)

    def _with_areas(
        self,
        found: Sequence[Placement],
        queries: Sequence[PlaceQuery],
        on: dt.date | None,
    ) -> list[Placement]:
        """Add school districts, and say where a border is nearer than the radius."""
        if self.areas is None:
            return [
                replace(one, district_id=query.district.strip())
                if one.is_placed
                else one
                for one, query in zip(found, queries, strict=True)
            ]
        placed = [one for one in found if one.is_placed and one.place is not None]
        signs = iter(
            self.areas.signs(
                [one.place for one in placed if one.place is not None],
                radii_m=[one.radius_m or 0 for one in placed],
                ward_codes=[one.ward_code or None for one in placed],
                on=on,
            )
        )
        return [_in_areas(one, next(signs)) if one.is_placed else one for one in found]


def _in_areas(found: Placement, signs: AreaSigns) -> Placement:
    warnings = found.warnings
    if signs.neighbour_ward:
        warnings += (PlacingWarning.NEAR_BORDER,)
    if signs.district_id and not signs.is_district_sure:
        warnings += (PlacingWarning.DISTRICT_UNSURE,)
    return found.in_areas(
        ward_code=found.ward_code or signs.ward_code,
        district_id=signs.district_id,
        neighbour_ward=signs.neighbour_ward,
        warnings=warnings,
    )


def _from_entry(entry: LocalPlace) -> Placement:
    """
    Tell what a person settled; the ward and district come from the areas.

    The ward that was stated beside the words may be wrong, and was perhaps the reason
    why a person had to look.
    """
    return Placement(
        status=PlacingStatus.OK,
        message="地点辞書から特定しました。",
        level=PlaceLevel.LANDMARK,
        place=entry.place,
        radius_m=entry.radius_m,
        matched_text=entry.label,
        landmark=entry.label,
        warnings=(PlacingWarning.SETTLED_BY_PERSON,),
        engines=(f"{LOCAL}:{PlacingStatus.OK}",),
    )


def _point(label: str, place: LonLat, radius_m: int, ward_code: str) -> Candidate:
    return Candidate(
        label=label,
        place=place,
        level=PlaceLevel.COORDINATE,
        radius_m=radius_m,
        ward_code=ward_code,
    )


def _without_place(
    status: PlacingStatus, message: str, options: tuple[Candidate, ...] = ()
) -> Placement:
    return Placement(
        status=status,
        message=message,
        candidates=options,
        engines=(f"{COORDINATES}:{status}",),
    )
