"""The city's geocoder: coordinates first, then the address, then a landmark."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from dispatch.domain.consultation import Consultation
from dispatch.domain.place import BoundingBox, LonLat, great_circle_m
from dispatch.domain.placing import Candidate, PlaceLevel, Placement, PlacingStatus
from geodata.addresses import AddressBook
from geodata.landmarks import LandmarkIndex

MAX_LAT = 90.0
METRES_PER_DEGREE = 111_195.0  # of latitude, mean sphere
PROBE_BEARINGS = 8
GIVEN_POINT = "示された座標"
GIVEN_SWAPPED = "示された座標(緯度と経度を入れ替えた場合)"


class WardAt(Protocol):
    """The ward at a place, by polygons."""

    def __call__(self, place: LonLat, /) -> str | None:
        """Code of the ward, None outside all."""
        ...


class DistrictAt(Protocol):
    """The school district at a place, by polygons."""

    def __call__(self, place: LonLat, /, ward_code: str | None = None) -> str | None:
        """Id of the district, in the ward when one is given; None when unknown."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CityGeocoder:
    """
    Places consultations of one city; fulfils the port `Geocoder`.

    Parameters
    ----------
    address_book, landmarks
        What addresses and names mean.
    bounds
        Rectangle around the city: a coordinate beyond it is outside.
    ward_at, district_at
        Polygon look-ups; None where the city has no polygons: the stated ward and
        district then count as given.
    coordinate_radius_m
        How far a sender's coordinate may be off (assumption: a phone's position).
    border_tolerance_m
        How far beyond its ward's border an address may lie. Against approximate
        wards 75 of 2,500 real Osaka points did, all by less than 200 m (2026-11).
    agreement_m
        Farthest that two statements about one place may lie apart.
    """

    address_book: AddressBook
    landmarks: LandmarkIndex
    bounds: BoundingBox
    ward_at: WardAt | None = None
    district_at: DistrictAt | None = None
    coordinate_radius_m: int = 30
    border_tolerance_m: int = 200
    agreement_m: int = 1_500

    def place(self, consultation: Consultation) -> Placement:
        """Best answer for what the consultation says; never a guess."""
        if consultation.position is not None:
            found = self._from_position(consultation, consultation.position)
        else:
            found = self._from_words(consultation)
        if not found.is_placed:
            return found
        return self._with_district(found, consultation.stated_district)

    def place_at(self, place: LonLat, *, radius_m: int) -> Placement:
        """Ward and district of a position that a person or a system gave."""
        found = self._at(place, radius_m)
        return self._with_district(found, "") if found.is_placed else found

    def _at(self, place: LonLat, radius_m: int) -> Placement:
        if not self.bounds.contains(place):
            return self._swapped(place, radius_m)
        wards = self._wards_near(place)
        if self.ward_at is not None and not wards:
            return _without_place(PlacingStatus.OUTSIDE, "座標が市の外です。")
        return Placement(
            status=PlacingStatus.OK,
            message="座標から特定しました。",
            level=PlaceLevel.COORDINATE,
            place=place,
            radius_m=radius_m,
            ward_code=wards[0] if wards else "",
        )

    def _swapped(self, place: LonLat, radius_m: int) -> Placement:
        """Say "outside", or offer the place with its numbers swapped."""
        if abs(place.lon) <= MAX_LAT:
            turned = LonLat(place.lat, place.lon)
            if self.bounds.contains(turned):
                ward = next(iter(self._wards_near(turned)), "")
                option = _point(GIVEN_SWAPPED, turned, radius_m, ward)
                problem = "座標が市の外です。緯度と経度が逆かもしれません。"
                return _without_place(PlacingStatus.CONFLICT, problem, (option,))
        return _without_place(PlacingStatus.OUTSIDE, "座標が市の外です。")

    def _wards_near(self, place: LonLat) -> tuple[str, ...]:
        """List the ward at a place, then those within the border tolerance."""
        if self.ward_at is None:
            return ()
        codes = (self.ward_at(p) for p in _ring(place, self.border_tolerance_m))
        return tuple(dict.fromkeys(code for code in codes if code))

    def _from_position(self, consultation: Consultation, place: LonLat) -> Placement:
        found = self._at(place, self.coordinate_radius_m)
        if not found.is_placed:
            return found
        stated = consultation.stated_ward.strip()
        stated_code = self.address_book.ward_code(stated) if stated else None
        if self.ward_at is None:
            return replace(found, ward_code=stated_code or stated)
        text = consultation.address_text
        address = self.address_book.find(text, stated_ward=stated_code or "")
        named = {self.address_book.named_ward(text), stated_code, address.ward_code}
        named -= {None, ""}
        near = self._wards_near(place)
        problem = ""
        if stated and stated_code is None:
            problem = _UNKNOWN_WARD
        elif address.status is PlacingStatus.OUTSIDE:
            problem = _FOREIGN_ADDRESS
        elif len(named) > 1 or not named <= set(near):
            problem = _OTHER_WARD
        elif address.is_placed and self._apart(address, place):
            problem = _FAR_ADDRESS
        if problem:
            point = _point(GIVEN_POINT, place, self.coordinate_radius_m, near[0])
            options = (point, *_options(address))
            return _without_place(PlacingStatus.CONFLICT, problem, options)
        # The ward of an address is surer than a polygon within metres of its border.
        ward = next((code for code in near if code in named), near[0])
        return replace(found, ward_code=ward, town=address.town, rest=address.rest)

    def _apart(self, found: Placement, place: LonLat) -> bool:
        if found.place is None or found.radius_m is None:
            return False
        reach = max(self.agreement_m, found.radius_m)
        return great_circle_m(found.place, place) > reach

    def _from_words(self, consultation: Consultation) -> Placement:
        text, stated = consultation.address_text, consultation.stated_ward
        address = self.address_book.find(text, stated_ward=stated)
        words = consultation.landmark_text
        if address.status in {PlacingStatus.OUTSIDE, PlacingStatus.CONFLICT}:
            return address
        if stated.strip() and self.address_book.ward_code(stated) is None:
            return address
        if not address.is_placed:
            ward = self.address_book.ward_code(stated) if stated.strip() else None
            ward = ward or self.address_book.named_ward(text) or ""
            return self._from_landmark(address, words or text, text, ward)
        mark = self.landmarks.find(words) if words.strip() else None
        return self._refined(address, mark) if mark else address

    def _from_landmark(
        self, address: Placement, words: str, text: str, ward: str
    ) -> Placement:
        """Let a landmark answer where the address gave nothing, or several places."""
        mark = self.landmarks.find(words, ward_code=ward)
        if mark.status is PlacingStatus.NOT_FOUND and words != text:
            mark = self.landmarks.find(text, ward_code=ward)
        if mark.status is PlacingStatus.NOT_FOUND:
            return address if text.strip() else mark
        if address.status is not PlacingStatus.AMBIGUOUS or mark.place is None:
            return address if address.status is PlacingStatus.AMBIGUOUS else mark
        fits = [o for o in address.candidates if self._agree(o, mark)]
        if len(fits) == 1:
            return mark
        options = (*_options(address), *_options(mark))
        return _without_place(PlacingStatus.CONFLICT, _FAR_LANDMARK, options)

    def _refined(self, address: Placement, mark: Placement) -> Placement:
        """Take the landmark's position when it agrees with the address."""
        own = _options(address)[0]
        options = _options(mark)
        fits = [option for option in options if self._agree(own, option)]
        if not options or len(fits) > 1:
            return address
        if not fits:
            both = (own, *options)
            return _without_place(PlacingStatus.CONFLICT, _FAR_LANDMARK, both)
        return replace(
            address,
            message="町名と目標物から特定しました。",
            level=PlaceLevel.LANDMARK,
            place=fits[0].place,
            radius_m=fits[0].radius_m,
        )

    def _agree(self, option: Candidate, other: Candidate | Placement) -> bool:
        if other.place is None or option.ward_code != other.ward_code:
            return False
        return great_circle_m(option.place, other.place) <= self.agreement_m

    def _with_district(self, found: Placement, stated: str) -> Placement:
        if self.district_at is None or found.place is None:
            return replace(found, district_id=stated.strip())
        ward = found.ward_code or None
        district = self.district_at(found.place, ward_code=ward)
        return replace(found, district_id=district or "")


_UNKNOWN_WARD = "示された区は、この市にありません。座標を確かめてください。"
_FOREIGN_ADDRESS = "座標は市の中ですが、住所はほかの自治体です。"
_OTHER_WARD = "座標の区と、住所の区が違います。"
_FAR_ADDRESS = "座標と住所が離れています。"
_FAR_LANDMARK = "住所と目標物が離れているか、区が違います。"


def _ring(place: LonLat, radius_m: int) -> Iterator[LonLat]:
    """Give the place itself, then eight places around it."""
    yield place
    d_lat = radius_m / METRES_PER_DEGREE
    d_lon = d_lat / max(math.cos(math.radians(place.lat)), 1e-6)
    for step in range(PROBE_BEARINGS):
        bearing = 2 * math.pi * step / PROBE_BEARINGS
        lon = place.lon + d_lon * math.sin(bearing)
        lat = place.lat + d_lat * math.cos(bearing)
        yield LonLat(max(-180.0, min(180.0, lon)), max(-90.0, min(90.0, lat)))


def _point(label: str, place: LonLat, radius_m: int, ward_code: str) -> Candidate:
    return Candidate(
        label=label,
        place=place,
        level=PlaceLevel.COORDINATE,
        radius_m=radius_m,
        ward_code=ward_code,
    )


def _options(found: Placement) -> tuple[Candidate, ...]:
    """List what a placement may mean: its place, or its candidates."""
    if found.place is None or found.level is None or found.radius_m is None:
        return found.candidates
    return (
        Candidate(
            label=found.town or found.matched_text,
            place=found.place,
            level=found.level,
            radius_m=found.radius_m,
            ward_code=found.ward_code,
        ),
    )


def _without_place(
    status: PlacingStatus, message: str, options: tuple[Candidate, ...] = ()
) -> Placement:
    return Placement(status=status, message=message, candidates=options)
