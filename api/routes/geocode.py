"""Where is it? The geocoder and the areas of a point, for other systems."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import lru_cache
from typing import Annotated

from fastapi import APIRouter, Body, Query

from api.dependencies import ClientDep, ServicesDep
from api.geocode_records import RecordNames
from api.geocode_schemas import (
    AreasIn,
    AreasOut,
    DataNotes,
    GeocodeIn,
    GeocodeOut,
    GeocodeResult,
    OfficeOut,
    place_in_order,
    rounded_degrees,
)
from api.schemas import Problem
from api.wiring import Services
from dispatch.domain.place import LonLat
from dispatch.domain.placing import Placement
from geodata.bundle.records import Layer
from geodata.city import CityProfile
from geodata.geocoding.area_answer import AreasAnswer
from geodata.geocoding.coordinates import point_radius_m
from geodata.geocoding.geocoder import PlaceQuery
from geodata.towns import municipalities

router = APIRouter(prefix="/v1", tags=["places"])
BAD_QUERY: dict[int | str, dict[str, object]] = {
    401: {"model": Problem, "description": "no valid X-API-Key"},
    422: {"model": Problem, "description": "a field breaks a rule; each is named"},
}
BAD_BODY: dict[int | str, dict[str, object]] = {
    400: {"model": Problem, "description": "the body is not JSON"},
    413: {"model": Problem, "description": "the body is too large"},
    **BAD_QUERY,
}
ONE = {
    "summary": "one address",
    "value": {"query": {"address": "大阪市北区中之島1丁目3-20"}},
}
MANY = {
    "summary": "several places, for the districts of a day",
    "value": {
        "on": "2026-11-24",
        "queries": [
            {"id": "1", "address": "津守2-7-13", "ward": "西成区"},
            {"id": "2", "landmark": "天王寺公園"},
            {"id": "3", "lon": 135.50218, "lat": 34.69375},
        ],
    },
}


# A POST that changes nothing: what people wrote must not stand in a URL.
@router.post("/geocode", responses=BAD_BODY)
def geocode(
    body: Annotated[GeocodeIn, Body(openapi_examples={"one": ONE, "many": MANY})],
    client: ClientDep,
    services: ServicesDep,
) -> GeocodeOut:
    """
    Say where places are: addresses, landmarks, coordinates.

    A place that cannot be told for sure is no error: the answer is 200 and `status`
    says what is missing. Nothing is stored, and the words never come back.
    """
    del client
    bounds = services.profile.bounds
    on = body.on or _today(services)
    sent = body.asked()
    queries = [one.to_query(bounds, field=field) for field, one in sent]
    found = services.geocoder.find_all(queries, on=on)
    names = RecordNames.of(services.profile, services.bundle)
    return GeocodeOut(
        on=on,
        results=[
            GeocodeResult.from_domain(
                one, _told(query, placement, services.profile), names
            )
            for (_, one), query, placement in zip(sent, queries, found, strict=True)
        ],
        **DataNotes.of(services.bundle),
    )


@router.get("/areas", responses=BAD_QUERY)
def areas(
    asked: Annotated[AreasIn, Query()], client: ClientDep, services: ServicesDep
) -> AreasOut:
    """
    Areas of a point: ward, school district, community, works office.

    A point outside the city is no error: `outside` is true and its areas are null.
    """
    del client
    place, warnings = place_in_order(
        asked.lon, asked.lat, services.profile.bounds, field="lat"
    )
    on = asked.on or _today(services)
    radius_m = point_radius_m(place) if asked.radius_m is None else asked.radius_m
    answer = _areas_at(services, place, radius_m, on)
    return AreasOut(
        lon=rounded_degrees(place.lon),
        lat=rounded_degrees(place.lat),
        radius_m=radius_m,
        on=on,
        warnings=list(warnings),
        outside=_is_outside(services, place, answer),
        office=_office(services, answer, on),
        **AreasOut.fields_of(answer),
        **DataNotes.of(services.bundle),
    )


def _told(query: PlaceQuery, found: Placement, profile: CityProfile) -> Placement:
    """Say what was corrected in the question, and no name that only stands in it."""
    own = tuple(one for one in found.warnings if one not in query.warnings)
    named = found.municipality
    if named and not any(one.startswith(named) for one in _municipalities(profile)):
        named = ""
    return replace(found, municipality=named, warnings=(*query.warnings, *own))


@lru_cache(maxsize=2)  # read from 1,900 file names: 30 ms
def _municipalities(profile: CityProfile) -> frozenset[str]:
    """Names of all other municipalities, with and without their prefectures."""
    names = municipalities(profile)
    return frozenset((*names, *names.values()))


def _areas_at(
    services: Services, place: LonLat, radius_m: int, on: dt.date
) -> AreasAnswer:
    """Areas of a place in the city; a district that reaches beyond it does not."""
    index = services.geocoder.areas
    if index is None:
        return AreasAnswer()
    answer = index.at(place, on=on, radius_m=radius_m)
    if not _is_outside(services, place, answer):
        return answer
    return AreasAnswer(layers=answer.layers, neighbour=answer.neighbour)


def _is_outside(services: Services, place: LonLat, answer: AreasAnswer) -> bool:
    if Layer.WARDS in answer.layers:
        return answer.ward is None
    return not services.profile.bounds.contains(place)


def _office(services: Services, answer: AreasAnswer, on: dt.date) -> OfficeOut | None:
    if answer.ward is None or not answer.office_id:
        return None
    return OfficeOut.of_ward(
        answer.ward.id,
        answer.office_id,
        on,
        offices=services.profile.offices,
        rules=services.bundle.jurisdictions(),
    )


def _today(services: Services) -> dt.date:
    return services.clock.now().astimezone(services.profile.timezone).date()
