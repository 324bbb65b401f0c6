"""Areas of points: ward, school district, community and works office, on any day."""

from __future__ import annotations

import datetime as dt
import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely import STRtree

from dispatch.domain.errors import InvalidInputError, SourceError
from dispatch.domain.place import MAX_LAT, LonLat
from geodata.bundle.records import AREA_LAYERS, AreaRecord, JurisdictionRecord, Layer
from geodata.geocoding.area_answer import AreasAnswer, AreaSigns, NamedArea

__all__ = ["AreaIndex", "AreasAnswer", "NamedArea"]

BORDER_M = 25.0  # a border nearer than this is always worth seeing
NEAR_M = 1_000.0  # how far outside the ward it is said to be in a point may lie
GRS80_AXIS_M = 6_378_137.0
GRS80_FLATTENING = 1 / 298.257222101
PIECE_CORNERS = 32  # of a border, measured together
NOTHING = -1  # index of no area
ANY_WARD = -1  # number of a ward that was not stated
UNKNOWN_WARD = -2  # number of a stated ward in which no area is
NO_WARD = 0  # number of the ward of an area that does not say it

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]
Points = NDArray[np.object_]  # shapely points in the plane, metres


class AreaIndex:
    """
    Looks up the areas of points; threads may share one.

    Parameters
    ----------
    areas
        Polygons of wards, school districts and communities, degrees (lon, lat), full
        resolution. Where two of a layer cover a point, the first one counts.
    jurisdictions
        Which works office a ward belongs to, and when.
    plane_scale_lat
        Latitude at which degrees become metres; the middle of the areas when None.

    Raises
    ------
    SourceError
        When the geometry of an area is not a polygon.
    InvalidInputError
        When the latitude is none, or that of a pole.

    Notes
    -----
    Distances are measured in a plane whose metres are degrees times the lengths of one
    degree on the GRS 80 ellipsoid at one latitude. Over a city (0.15° north and south
    of it) their error is below 0.25 %: 5 m in 2 km. Borders stay the straight lines of
    degrees that were published, so "inside" is decided as in the source.
    """

    def __init__(
        self,
        areas: Iterable[AreaRecord],
        jurisdictions: Iterable[JurisdictionRecord] = (),
        *,
        plane_scale_lat: float | None = None,
    ) -> None:
        known = tuple(areas)
        lat = _middle_lat(known) if plane_scale_lat is None else plane_scale_lat
        self._degree_m = _degree_lengths_m(lat)
        numbers = {code: at for at, code in enumerate({a.ward_code for a in known}, 1)}
        self._ward_numbers = numbers | {"": NO_WARD}
        self._layers = {
            layer: _DatedLayer(
                [area for area in known if area.layer is layer],
                self._degree_m,
                self._ward_numbers,
            )
            for layer in AREA_LAYERS
        }
        self._offices: defaultdict[str, list[JurisdictionRecord]] = defaultdict(list)
        for row in sorted(jurisdictions, key=lambda row: row.valid_from, reverse=True):
            self._offices[row.ward_code].append(row)

    def at(
        self,
        place: LonLat,
        *,
        on: dt.date | None = None,
        radius_m: int = 0,
        ward_code: str | None = None,
    ) -> AreasAnswer:
        """Areas of one place; the parameters are those of `at_all`."""
        (answer,) = self.at_all(
            [place], radii_m=[radius_m], ward_codes=[ward_code], on=on
        )
        return answer

    def at_all(
        self,
        places: Sequence[LonLat],
        *,
        radii_m: Sequence[int],
        ward_codes: Sequence[str | None],
        on: dt.date | None = None,
    ) -> tuple[AreasAnswer, ...]:
        """
        Areas of places, and the borders that make them doubtful.

        Parameters
        ----------
        places
            Where; n of them.
        radii_m
            How far each true place may lie, metres; n of them.
        ward_codes
            Ward that each address states, or None; n of them. It is trusted above the
            polygons: the school district is the one of that ward at the place, or its
            nearest within about 1 km.
        on
            The day; None takes what has no end, which is what came last.

        Returns
        -------
        tuple of AreasAnswer
            In the order of the places.
        """
        if not places:
            return ()
        points = self._points(places)
        layers = [self._layers[layer].on(on) for layer in AREA_LAYERS]
        stated = self._stated(ward_codes)
        wards, districts = _find_both(layers, points, radii_m, (ward_codes, stated))
        ward_border_m = layers[0].border_m(points, wards.own)
        district_border_m = layers[1].border_m(points, districts.own)
        communities, _ = layers[2].own(points, stated)
        available = frozenset(
            layer for layer, found in zip(AREA_LAYERS, layers, strict=True) if found.ids
        )
        answers = []
        for at, code in enumerate(ward_codes):
            ward = layers[0].name_of(wards.own[at])
            if code is not None and ward is None:
                ward = NamedArea(id=code, name="")
            district = districts.own[at]
            answers.append(
                AreasAnswer(
                    layers=available,
                    ward=ward,
                    district=layers[1].name_of(district),
                    community=layers[2].name_of(communities[at]),
                    office_id=self._office_id(ward.id, on) if ward else "",
                    border_m=_number(ward_border_m[at]),
                    neighbour=next(iter(wards.around.get(at, ())), None),
                    district_border_m=_number(district_border_m[at]),
                    neighbour_districts=tuple(districts.around.get(at, ())),
                    is_district_sure=bool(districts.is_inside[at])
                    and at not in districts.around,
                )
            )
        return tuple(answers)

    def signs(
        self,
        places: Sequence[LonLat],
        *,
        radii_m: Sequence[int],
        ward_codes: Sequence[str | None],
        on: dt.date | None = None,
    ) -> list[AreaSigns]:
        """Tell of places what a list of them needs; parameters are as in `at_all`."""
        if not places:
            return []
        points = self._points(places)
        layers = [self._layers[layer].on(on) for layer in AREA_LAYERS]
        stated = self._stated(ward_codes)
        wards, districts = _find_both(layers, points, radii_m, (ward_codes, stated))
        ward_ids, district_ids = ((*layer.ids, "") for layer in layers[:2])
        return [
            AreaSigns(
                code if code is not None else ward_ids[ward],
                district_ids[district],
                wards.around[at][0].id if at in wards.around else "",
                is_inside and at not in districts.around,
            )
            for at, (code, ward, district, is_inside) in enumerate(
                zip(
                    ward_codes,
                    wards.own.tolist(),
                    districts.own.tolist(),
                    districts.is_inside.tolist(),
                    strict=True,
                )
            )
        ]

    def _stated(self, ward_codes: Sequence[str | None]) -> Indices:
        return np.array([self._ward_number(code) for code in ward_codes])

    def wards_near(
        self, place: LonLat, *, radius_m: float, on: dt.date | None = None
    ) -> tuple[str, ...]:
        """Codes of the wards at a place or within the radius, nearest first."""
        wards = self._layers[Layer.WARDS].on(on)
        points = self._points([place])
        _, near = wards.within(points, np.array([radius_m]), np.array([ANY_WARD]))
        return tuple(wards.ids[at] for at in near)

    def codes_of(
        self,
        layer: Layer,
        lons: ArrayLike,
        lats: ArrayLike,
        on: dt.date | None = None,
    ) -> NDArray[np.object_]:
        """
        Ids of the areas of many points.

        Parameters
        ----------
        layer
            One of `AREA_LAYERS`.
        lons, lats
            Degrees, each of shape (n,).
        on
            The day, as in `at_all`.

        Returns
        -------
        ndarray of str, dtype object, shape (n,)
            Empty where no area covers the point, or its numbers are not finite.
        """
        xs = np.asarray(lons, dtype=np.float64) * self._degree_m[0]
        ys = np.asarray(lats, dtype=np.float64) * self._degree_m[1]
        is_finite = np.isfinite(xs) & np.isfinite(ys)
        areas = self._layers[layer].on(on)
        ids = np.full(xs.shape, "", dtype=object)
        points = shapely.points(np.column_stack((xs[is_finite], ys[is_finite])))
        found = areas.first_at(np.asarray(points))
        ids[is_finite] = np.array([*areas.ids, ""], dtype=object)[found]
        return ids

    def _points(self, places: Sequence[LonLat]) -> Points:
        degrees = np.array([(place.lon, place.lat) for place in places])
        return np.asarray(shapely.points(degrees * self._degree_m))

    def _ward_number(self, code: str | None) -> int:
        return ANY_WARD if code is None else self._ward_numbers.get(code, UNKNOWN_WARD)

    def _office_id(self, ward_code: str, on: dt.date | None) -> str:
        """Office of a ward on a day; of two in force, the later rule counts."""
        for row in self._offices.get(ward_code, ()):
            holds = row.valid_to is None if on is None else row.holds_on(on)
            if holds:
                return row.office_id
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """Areas of n points in one layer; `around` has the points with other areas near."""

    own: Indices
    is_inside: Flags
    around: dict[int, list[NamedArea]]


def _find_both(
    layers: Sequence[_DayLayer],
    points: Points,
    radii_m: Sequence[int],
    wards: tuple[Sequence[str | None], Indices],
) -> tuple[_Found, _Found]:
    """Find wards and school districts of points, by the stated wards where given."""
    codes, stated = wards
    radii = np.asarray(radii_m, dtype=np.float64)
    return (
        _find_wards(layers[0], points, radii, codes),
        _find_districts(layers[1], points, radii, stated),
    )


def _find_wards(
    wards: _DayLayer,
    points: Points,
    radii: Floats,
    codes: Sequence[str | None],
) -> _Found:
    anywhere = np.full(len(points), ANY_WARD)
    own, is_inside = wards.own(points, anywhere)
    for at, code in enumerate(codes):
        if code is not None:
            own[at] = wards.index_of.get(code, NOTHING)
    reach = np.maximum(radii, BORDER_M)
    return _Found(
        own=own,
        is_inside=is_inside,
        around=wards.around(points, reach, anywhere, own),
    )


def _find_districts(
    districts: _DayLayer, points: Points, radii: Floats, stated: Indices
) -> _Found:
    own, is_inside = districts.own(points, stated)
    return _Found(
        own=own,
        is_inside=is_inside,
        around=districts.around(points, radii, stated, own),
    )


class _DatedLayer:
    """Areas of one layer with their days; one tree for each stretch without change."""

    def __init__(
        self,
        records: Sequence[AreaRecord],
        degree_m: tuple[float, float],
        ward_numbers: dict[str, int],
    ) -> None:
        self._records = records
        self._wards = np.array([ward_numbers[r.ward_code] for r in records], dtype=int)
        self._shapes = _shapes_in_plane(records, degree_m)
        starts = {r.valid_from for r in records if r.valid_from}
        ends = {r.valid_to for r in records if r.valid_to and r.valid_to < dt.date.max}
        self._changes = sorted(starts | {end + dt.timedelta(days=1) for end in ends})
        self._made: dict[int, _DayLayer] = {}

    def on(self, day: dt.date | None) -> _DayLayer:
        """Areas in force on a day; without one, those without an end."""
        key = NOTHING if day is None else bisect_right(self._changes, day)
        if key not in self._made:
            keep = [
                at
                for at, record in enumerate(self._records)
                if (record.valid_to is None if day is None else record.holds_on(day))
            ]
            # Two threads may both make it: they make the same, and one is kept.
            records = [self._records[at] for at in keep]
            self._made[key] = _DayLayer(records, self._shapes[keep], self._wards[keep])
        return self._made[key]


class _DayLayer:
    """Areas of one layer that are in force together; shapes in the plane, metres."""

    def __init__(
        self,
        records: Sequence[AreaRecord],
        shapes: NDArray[np.object_],
        wards: Indices,
    ) -> None:
        self.ids = tuple(record.id for record in records)
        self.index_of = {id_: at for at, id_ in reversed([*enumerate(self.ids)])}
        self._names = [NamedArea(id=r.id, name=r.name) for r in records]
        self._shapes = shapes
        self._borders: dict[int, STRtree] = {}
        self._wards = wards
        self._tree = STRtree(shapes)

    def name_of(self, index: int) -> NamedArea | None:
        return None if index == NOTHING else self._names[index]

    def own(self, points: Points, stated: Indices) -> tuple[Indices, Flags]:
        """First area at each point, in its ward; and whether it covers the point."""
        own = self.first_at(points, stated)
        is_inside = own != NOTHING
        outside = np.flatnonzero(~is_inside & (stated != ANY_WARD))
        if len(outside):
            reach = np.full(len(outside), NEAR_M)
            rows, near = self.within(points[outside], reach, stated[outside])
            firsts, starts = np.unique(rows, return_index=True)
            own[outside[firsts]] = near[starts]
        return own, is_inside

    def first_at(self, points: Points, stated: Indices | None = None) -> Indices:
        """First area that covers each point: on an edge, in the order of the areas."""
        rows, hits = self._tree.query(points)
        # The areas are prepared; the tree's own predicate would prepare the points.
        is_hit = shapely.intersects(self._shapes[hits], points[rows])
        if stated is not None:
            is_hit &= self._fits(hits, stated[rows])
        own = np.full(len(points), len(self.ids), dtype=np.int64)
        np.minimum.at(own, rows[is_hit], hits[is_hit])
        own[own == len(self.ids)] = NOTHING
        return own

    def within(
        self, points: Points, reach: Floats, stated: Indices
    ) -> tuple[Indices, Indices]:
        """Rows of points and the areas within reach of them, nearest first."""
        xs, ys = shapely.get_x(points), shapely.get_y(points)
        around = shapely.box(xs - reach, ys - reach, xs + reach, ys + reach)
        rows, hits = self._tree.query(np.asarray(around))
        keep = self._fits(hits, stated[rows])
        rows, hits = rows[keep], hits[keep]
        near = shapely.dwithin(self._shapes[hits], points[rows], reach[rows])
        rows, hits = rows[near], hits[near]
        metres = np.zeros(len(rows))
        is_out = ~shapely.intersects(self._shapes[hits], points[rows])
        metres[is_out] = self.border_m(points[rows[is_out]], hits[is_out])
        order = np.lexsort((hits, metres, rows))
        return rows[order], hits[order]

    def around(
        self, points: Points, reach: Floats, stated: Indices, own: Indices
    ) -> dict[int, list[NamedArea]]:
        """Areas within reach other than the own, nearest first, by row of the point."""
        others: defaultdict[int, list[NamedArea]] = defaultdict(list)
        rows, hits = self.within(points, reach, stated)
        for row, hit in zip(rows.tolist(), hits.tolist(), strict=True):
            if hit != own[row]:
                others[row].append(self._names[hit])
        return dict(others)

    def border_m(self, points: Points, own: Indices) -> Floats:
        """Metres to the border of each point's area, NaN without one."""
        metres = np.full(len(points), np.nan)
        for area in np.unique(own[own != NOTHING]).tolist():
            rows = np.flatnonzero(own == area)
            (found, _), nearest_m = self._border(area).query_nearest(
                points[rows], return_distance=True, all_matches=False
            )
            metres[rows[found]] = nearest_m
        return metres

    def _border(self, area: int) -> STRtree:
        """Border of an area in short pieces: measured whole, a long one is slow."""
        if area not in self._borders:
            lines = shapely.get_parts(shapely.boundary(self._shapes[area]))
            pieces = [
                shapely.linestrings(corners[start : start + PIECE_CORNERS + 1])
                for corners in map(shapely.get_coordinates, lines)
                for start in range(0, len(corners) - 1, PIECE_CORNERS)
            ]
            self._borders[area] = STRtree(np.array(pieces, dtype=object))
        return self._borders[area]

    def _fits(self, hits: Indices, stated: Indices) -> Flags:
        wards = self._wards[hits]
        fits: Flags = (stated == ANY_WARD) | (wards == NO_WARD) | (wards == stated)
        return fits


def _shapes_in_plane(
    records: Sequence[AreaRecord], degree_m: tuple[float, float]
) -> NDArray[np.object_]:
    """Polygons in metres, prepared once, before threads meet them."""
    for record in records:
        if record.geometry.geom_type not in {"Polygon", "MultiPolygon"}:
            kind = record.geometry.geom_type
            message = f"{record.layer} {record.id}: a {kind} where a polygon must be"
            raise SourceError(message)
    shapes = np.array([record.geometry for record in records], dtype=object)
    scale = np.array(degree_m)
    shapes = np.asarray(shapely.transform(shapes, lambda xy: xy * scale))
    shapely.prepare(shapes)
    shapely.intersects_xy(shapes, 0.0, 0.0)  # builds what is otherwise built on use
    return shapes


def _degree_lengths_m(lat: float) -> tuple[float, float]:
    """Metres of a degree of longitude and of latitude, on GRS 80."""
    if not abs(lat) < MAX_LAT:
        raise InvalidInputError(
            "plane_scale_lat", "緯度は -90 より大きく 90 未満の数にしてください"
        )
    phi = math.radians(lat)
    eccentric = GRS80_FLATTENING * (2 - GRS80_FLATTENING)
    share = 1 - eccentric * math.sin(phi) ** 2
    across = GRS80_AXIS_M / math.sqrt(share)
    along = across * (1 - eccentric) / share
    return math.radians(across * math.cos(phi)), math.radians(along)


def _middle_lat(areas: Sequence[AreaRecord]) -> float:
    if not areas:
        return 0.0
    _, south, _, north = shapely.total_bounds([area.geometry for area in areas])
    return float((south + north) / 2)


def _number(metres: float) -> float | None:
    return None if math.isnan(metres) else float(metres)
