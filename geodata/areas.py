"""Areas of the city: approximate wards and school districts, built, kept and asked."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import geopandas as gpd
import shapely
from shapely import MultiPoint, Point, Polygon, STRtree
from shapely.geometry.base import BaseGeometry

from dispatch.domain.errors import SourceError
from dispatch.domain.place import LonLat
from geodata import crs
from geodata.city import CityProfile, School
from geodata.towns import Town, places_around

MARGIN_M = 800.0  # town points lie inside their towns: half a large harbour block
HULL_RATIO = 0.1  # of the concave hull: follows the coast, keeps the city in one piece
NEAR_DEG = (
    0.01  # about 1 km: how far a point may lie outside the ward it is said to be in
)
METHOD = (
    "ward = union of the Voronoi cells of its towns among the towns of all "
    "municipalities around, clipped to the concave hull "
    f"(ratio {HULL_RATIO}) of the city's towns + {MARGIN_M:.0f} m; school district = "
    "Voronoi cell of the active school inside its ward; not simplified"
)
WARD_COLUMNS = ("code", "name")
DISTRICT_COLUMNS = ("id", "name", "ward_code")
MANIFEST_FILE = "manifest.json"
_LAYER_FILES = {"wards": "wards.geojson", "districts": "districts.geojson"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CityAreas:
    """
    Wards and school districts as polygons, degrees (lon, lat).

    `wards` has columns code, name, geometry; `districts` has id, name, ward_code,
    geometry. `approximate` must be said wherever they are shown. `inputs` holds the
    sha256 of what they were built from.
    """

    wards: gpd.GeoDataFrame
    districts: gpd.GeoDataFrame
    approximate: bool
    sources: tuple[str, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    _ward_tree: STRtree = field(init=False, repr=False)
    _district_tree: STRtree = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", MappingProxyType(dict(self.inputs)))
        for name, frame in (("_ward", self.wards), ("_district", self.districts)):
            geometries = frame.geometry.to_numpy()
            shapely.prepare(geometries)
            object.__setattr__(self, f"{name}_tree", STRtree(geometries))

    def ward_at(self, place: LonLat) -> str | None:
        """Code of the ward at a place; None outside the city."""
        hits = self._hits(self._ward_tree, place)
        return str(self.wards["code"].iloc[hits[0]]) if hits else None

    def district_at(self, place: LonLat, ward_code: str | None = None) -> str | None:
        """
        Id of the school district at a place; None where there is none.

        Parameters
        ----------
        place
            Where.
        ward_code
            Ward that the address states. It is trusted above the polygons: when the
            place lies outside that ward, its nearest district within about 1 km counts.
        """
        hits = self._hits(self._district_tree, place)
        codes = self.districts["ward_code"]
        if ward_code is not None:
            hits = [hit for hit in hits if codes.iloc[hit] == ward_code]
        if not hits and ward_code is not None:
            hits = self._near(place, ward_code)
        return str(self.districts["id"].iloc[hits[0]]) if hits else None

    def _hits(self, tree: STRtree, place: LonLat) -> list[int]:
        """Areas that cover the place, in table order: on an edge the first one wins."""
        point = Point(place.lon, place.lat)
        return sorted(int(hit) for hit in tree.query(point, predicate="intersects"))

    def _near(self, place: LonLat, ward_code: str) -> list[int]:
        point = Point(place.lon, place.lat)
        near = self._district_tree.query(point, predicate="dwithin", distance=NEAR_DEG)
        codes, shapes = self.districts["ward_code"], self.districts.geometry
        inside = [int(hit) for hit in near if codes.iloc[hit] == ward_code]
        return sorted(inside, key=lambda hit: (shapes.iloc[hit].distance(point), hit))


def build_areas(profile: CityProfile, towns: Sequence[Town]) -> CityAreas:
    """
    Approximate the areas of a city from the points that are openly known.

    Returns
    -------
    CityAreas
        Empty when the city has no towns, or states its districts in its reports.

    Notes
    -----
    A Voronoi cell is what lies nearer to one town's point than to any other's; the
    union over a ward follows its true border to about half a town's width. The towns
    of other municipalities take part, so that the city ends where they begin.
    """
    inputs = inputs_sha256(profile, towns)
    if not towns or profile.districts_kind == "stated":
        return CityAreas(
            wards=_frame(WARD_COLUMNS, [], profile),
            districts=_frame(DISTRICT_COLUMNS, [], profile),
            approximate=True,
            inputs=inputs,
        )
    ward_shapes = _ward_shapes(profile, towns)
    ward_rows = [
        ((ward.code, ward.name), ward_shapes[ward.code])
        for ward in profile.wards
        if ward.code in ward_shapes
    ]
    return CityAreas(
        wards=_frame(WARD_COLUMNS, ward_rows, profile),
        districts=_frame(
            DISTRICT_COLUMNS, _district_rows(profile, ward_shapes), profile
        ),
        approximate=True,
        sources=tuple(source.shown_text for source in profile.sources),
        inputs=inputs,
    )


def inputs_sha256(profile: CityProfile, towns: Sequence[Town]) -> dict[str, str]:
    """Fingerprint of what areas are built from: other fingerprints, other areas."""
    town_lines = [
        f"{town.ward_code},{town.name},{town.place.lon},{town.place.lat}"
        for town in towns
    ]
    school_lines = [
        f"{school.id},{school.short_name},{school.place.lon},{school.place.lat}"
        for school in profile.schools
        if school.active
    ]
    return {
        "towns": _sha256("\n".join(town_lines).encode()),
        "schools": _sha256("\n".join(school_lines).encode()),
        "method": _sha256(METHOD.encode()),
    }


def save_areas(areas: CityAreas, folder: Path) -> None:
    """Write the layers as GeoJSON with a manifest of sources, method and checksums."""
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, str] = {}
    for layer, name in _LAYER_FILES.items():
        text = getattr(areas, layer).to_json(drop_id=True, ensure_ascii=False)
        (folder / name).write_text(text, encoding="utf-8")
        files[name] = _sha256(text.encode())
    manifest = {
        "method": METHOD,
        "approximate": areas.approximate,
        "sources": list(areas.sources),
        "inputs_sha256": dict(areas.inputs),
        "files_sha256": files,
        "epsg": areas.wards.crs.to_epsg(),
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    (folder / MANIFEST_FILE).write_text(text, encoding="utf-8")


def load_areas(folder: Path) -> CityAreas:
    """
    Read what `save_areas` wrote.

    Raises
    ------
    SourceError
        When a file is missing or is not the one that the manifest describes.
    """
    try:
        manifest = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
        layers = {layer: _read_layer(folder, layer, manifest) for layer in _LAYER_FILES}
        return CityAreas(
            **layers,
            approximate=manifest["approximate"],
            sources=tuple(manifest["sources"]),
            inputs=manifest["inputs_sha256"],
        )
    except (OSError, ValueError, KeyError) as error:
        message = f"{folder}: areas cannot be read ({error}); build them again"
        raise SourceError(message) from error


def _read_layer(
    folder: Path, layer: str, manifest: Mapping[str, Any]
) -> gpd.GeoDataFrame:
    name = _LAYER_FILES[layer]
    content = (folder / name).read_bytes()
    if _sha256(content) != manifest["files_sha256"][name]:
        message = (
            f"{folder / name}: not the file of the manifest; build the areas again"
        )
        raise SourceError(message)
    columns = WARD_COLUMNS if layer == "wards" else DISTRICT_COLUMNS
    return gpd.GeoDataFrame.from_features(
        json.loads(content), columns=[*columns, "geometry"], crs=manifest["epsg"]
    )


def _frame(
    columns: Sequence[str],
    rows: Sequence[tuple[Sequence[str], BaseGeometry]],
    profile: CityProfile,
) -> gpd.GeoDataFrame:
    data = {
        name: [values[index] for values, _ in rows]
        for index, name in enumerate(columns)
    }
    plane = crs.plane_series([shape for _, shape in rows], profile)
    return gpd.GeoDataFrame(data, geometry=crs.to_degrees(plane, profile))


def _ward_shapes(
    profile: CityProfile, towns: Sequence[Town]
) -> dict[str, BaseGeometry]:
    points = crs.points_in_plane([town.place for town in towns], profile)
    around = crs.points_in_plane(list(places_around(profile)), profile)
    hull = shapely.concave_hull(MultiPoint(points), ratio=HULL_RATIO).buffer(MARGIN_M)
    cells = _cells([*points, *around], hull)[: len(points)]
    cells_of_ward: defaultdict[str, list[BaseGeometry]] = defaultdict(list)
    for town, cell in zip(towns, cells, strict=True):
        cells_of_ward[town.ward_code].append(cell)
    return {
        code: shapely.union_all(own_cells).intersection(hull)
        for code, own_cells in cells_of_ward.items()
    }


def _district_rows(
    profile: CityProfile, ward_shapes: Mapping[str, BaseGeometry]
) -> list[tuple[Sequence[str], BaseGeometry]]:
    rows: list[tuple[Sequence[str], BaseGeometry]] = []
    schools_of_ward: defaultdict[str, list[School]] = defaultdict(list)
    for school in profile.schools:
        if school.active and school.ward_code in ward_shapes:
            schools_of_ward[school.ward_code].append(school)
    for code, schools in schools_of_ward.items():
        points = crs.points_in_plane([school.place for school in schools], profile)
        cells = _cells(points, ward_shapes[code])
        rows.extend(
            (
                (school.id, school.short_name, school.ward_code),
                cell.intersection(ward_shapes[code]),
            )
            for school, cell in zip(schools, cells, strict=True)
        )
    return rows


def _cells(points: Sequence[Point], around: BaseGeometry) -> list[BaseGeometry]:
    """Voronoi cell of each point, in order; the later of two equal ones gets none."""
    first_of = {point.wkb: index for index, point in reversed(list(enumerate(points)))}
    firsts = sorted(first_of.values())
    if len(firsts) == 1:
        cells = {firsts[0]: shapely.box(*around.bounds)}
    else:
        voronoi = shapely.voronoi_polygons(
            MultiPoint([points[index] for index in firsts]),
            extend_to=around.envelope,
            ordered=True,
        )
        cells = dict(zip(firsts, voronoi.geoms, strict=True))
    return [cells.get(index, Polygon()) for index in range(len(points))]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
