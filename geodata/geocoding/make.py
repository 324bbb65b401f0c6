"""Making a city's geocoder from its bundle."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dispatch.domain.place import LonLat
from geodata.bundle.national import is_national_for
from geodata.bundle.records import FacilityRecord, Layer
from geodata.bundle.store import Bundle
from geodata.city import CityProfile
from geodata.geocoding.address_book import AddressBook
from geodata.geocoding.area_index import AreaIndex
from geodata.geocoding.geocoder import CityGeocoder
from geodata.geocoding.landmarks import LandmarkIndex
from geodata.geocoding.local import LocalGazetteer
from geodata.geocoding.place_reader import PlaceReader
from geodata.geocoding.second_engine import SecondEngine
from geodata.towns import municipalities

OFFICE_KIND = "工営所"


def make_geocoder(
    profile: CityProfile,
    bundle: Bundle,
    *,
    local: LocalGazetteer | None = None,
    national_folder: Path | None = None,
) -> CityGeocoder:
    """
    Build the geocoder of a city.

    Parameters
    ----------
    profile
        The city.
    bundle
        Its data.
    local
        What people have settled; None without.
    national_folder
        Dictionary of all other municipalities; None or a missing folder: the second
        engine then knows the city alone.

    Raises
    ------
    SourceError
        When the bundle is damaged.
    """
    areas = city_areas(profile, bundle)
    book = AddressBook(
        bundle,
        wards=profile.wards,
        prefecture=profile.gazetteer.prefecture,
        city=profile.gazetteer.city or profile.name,
        municipalities=municipalities(profile),
        named_blocks=profile.gazetteer.named_blocks,
    )

    def ward_of(place: LonLat) -> str | None:
        if areas is None:
            return None
        # Asked for each crossing at the start: nothing but the ward, no borders.
        (code,) = areas.codes_of(Layer.WARDS, [place.lon], [place.lat])
        return str(code) or None

    landmarks = LandmarkIndex(
        (*bundle.facilities(), *_own_offices(profile)),
        [school for school in bundle.schools() if school.active],
        bundle.crossings(),
        ward_of=ward_of,
        wards=profile.wards,
    )
    return CityGeocoder(
        reader=PlaceReader(
            address_book=book,
            landmarks=landmarks,
            assets=bundle,
            second=second_engine(profile, bundle, national_folder),
        ),
        bounds=profile.bounds,
        timezone=profile.timezone,
        areas=areas,
        local=local,
    )


def city_areas(profile: CityProfile, bundle: Bundle) -> AreaIndex | None:
    """Make the index of wards, districts and communities; None without wards."""
    wards = bundle.areas(Layer.WARDS)
    if not wards:
        return None
    others = (Layer.DISTRICTS, Layer.COMMUNITIES)
    areas = (*wards, *(area for layer in others for area in bundle.areas(layer)))
    middle_lat = (profile.bounds.south + profile.bounds.north) / 2
    return AreaIndex(areas, bundle.jurisdictions(), plane_scale_lat=middle_lat)


def second_engine(
    profile: CityProfile, bundle: Bundle, national_folder: Path | None
) -> SecondEngine | None:
    """Open the second engine on the bundle's dictionary; None when it has none."""
    if bundle.dictionary_dir is None:
        return None
    is_ours = national_folder is not None and is_national_for(national_folder, profile)
    return SecondEngine(bundle.dictionary_dir, national_folder if is_ours else None)


def _own_offices(profile: CityProfile) -> Iterable[FacilityRecord]:
    """Our own works offices and partner offices are landmarks that people name."""
    for office in profile.offices:
        yield FacilityRecord(
            id=f"office-{office.id}",
            name=office.name,
            place=office.place,
            kind=OFFICE_KIND,
            address=office.address,
        )
