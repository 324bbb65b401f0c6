"""Wards, school districts and works offices as features."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import shapely
from shapely import MultiPolygon, Point
from shapely.geometry.base import BaseGeometry

from api.ogc.features import Extent, Feature, Page, geometry_filter, page_of
from api.ogc.names import Names
from api.ogc.parameters import ItemsQuery
from api.wiring import Services
from dispatch.domain.place import BoundingBox
from geodata.bundle.records import AreaRecord


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FixedFeatures:
    """
    Source of features that hold all day, from the city's data.

    A time span leaves all of them: they have no time of their own.
    """

    listed: Callable[[], Sequence[Feature]]
    bounds: BoundingBox

    def page(self, query: ItemsQuery) -> Page:
        """Return a page, in the order of the ids."""
        fits = geometry_filter(query.boxes)
        wanted = query.filters.items()
        found = [
            feature
            for feature in sorted(self.listed(), key=lambda feature: feature.id)
            if all(feature.properties[name] == value for name, value in wanted)
            and fits(feature.geometry)
        ]
        return page_of(
            found,
            query,
            key=lambda feature: (feature.id,),
            made=lambda shown: shown,
        )

    def one(self, feature_id: str) -> Feature | None:
        """Return the feature of an id."""
        return next((one for one in self.listed() if one.id == feature_id), None)

    def extent(self) -> Extent:
        """Return the box around all of them; the city's where there are none."""
        geometries = [feature.geometry for feature in self.listed()]
        if not geometries:
            return Extent(box=self.bounds)
        west, south, east, north = map(float, shapely.total_bounds(geometries))
        return Extent(box=BoundingBox(west=west, south=south, east=east, north=north))


def ward_features(services: Services, names: Names) -> list[Feature]:
    """Wards of today with the works office that they belong to."""
    today = _today(services)
    rows = services.bundle.jurisdictions()
    offices = {row.ward_code: row.office_id for row in rows if row.holds_on(today)}
    return [
        Feature(
            id=ward.id,
            geometry=_outlined(ward.geometry),
            properties={
                "code": ward.id,
                "name": ward.name,
                "office": offices.get(ward.id),
                "office_name": names.offices.get(offices.get(ward.id, "")),
                "approximate": services.areas.is_approximate,
            },
        )
        for ward in services.areas.wards
    ]


def district_features(services: Services, names: Names) -> list[Feature]:
    """School districts of today."""
    return [
        Feature(
            id=area.id,
            geometry=_outlined(area.geometry),
            properties={
                "code": area.id,
                "name": area.name,
                **_ward(area, names),
                "approximate": services.areas.is_approximate,
            },
        )
        for area in services.areas.districts
    ]


def office_features(services: Services) -> list[Feature]:
    """Works offices with their public addresses."""
    return [
        Feature(
            id=office.id,
            geometry=Point(office.place.lon, office.place.lat),
            properties={
                "code": office.id,
                "name": office.name,
                "address": office.address,
                "tel": office.tel,
            },
        )
        for office in services.profile.offices
    ]


def _ward(area: AreaRecord, names: Names) -> dict[str, object]:
    return {"ward": area.ward_code, "ward_name": names.wards.get(area.ward_code, "")}


def _today(services: Services) -> dt.date:
    return services.clock.now().astimezone(services.profile.timezone).date()


def _outlined(area: BaseGeometry) -> BaseGeometry:
    """
    Outline in as many parts as it has, always as a list of them.

    A layer of a GIS has one kind of geometry. Outer rings turn left, as GeoJSON has
    them (RFC 7946, 3.1.6).
    """
    turned = shapely.orient_polygons(area, exterior_cw=False)
    return MultiPolygon(list(shapely.get_parts(turned)))
