"""Composition of the desk that settles places."""

from __future__ import annotations

from dataclasses import dataclass

from dispatch.adapters.local_place_store import SqlLocalPlaces
from dispatch.adapters.sql_store import SqlStore
from dispatch.intake import IntakeDesk
from dispatch.place_desk import PlaceDesk, PlaceTools, PlaceWords
from dispatch.ports import Clock
from geodata.geocoding.geocoder import CityGeocoder
from geodata.geocoding.local import place_key


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceStores:
    """Charts, and the city's own names of places."""

    charts: SqlStore
    local_places: SqlLocalPlaces


def place_desk(
    geocoder: CityGeocoder, stores: PlaceStores, intake: IntakeDesk, clock: Clock
) -> PlaceDesk:
    """Make the desk that settles places; words are compared as the geocoder does."""
    book = geocoder.reader.address_book
    tools = PlaceTools(
        charts=stores.charts,
        local_places=stores.local_places,
        intake=intake,
        geocoder=geocoder,
        clock=clock,
    )

    def ward_code_of(name: str) -> str | None:
        return book.ward_code(name) if name.strip() else ""

    return PlaceDesk(tools, PlaceWords(key_of=place_key, ward_code_of=ward_code_of))
