"""Small area files in the form of the published ones, and the call that reads them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import shapely
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from dispatch.domain.place import LonLat
from geodata.bundle.area_formats import AREA_FORMATS
from geodata.bundle.reading import ReadContext, SourceConfig
from geodata.bundle.records import (
    AreaRecord,
    Layer,
    LayerRead,
    SchoolRecord,
)
from geodata.city import load_city

OSAKA = load_city("osaka")

MIYAKOJIMA, FUKUSHIMA = "271021", "271039"

# Two wards side by side, one hundredth of a degree each.
WEST = shapely.box(135.50, 34.70, 135.51, 34.71)

EAST = shapely.box(135.51, 34.70, 135.52, 34.71)

Rows = Sequence[tuple[Mapping[str, Any], BaseGeometry | None]]


def source(
    name: str,
    layer: Layer,
    file: Path | None = None,
    **more: Any,  # noqa: ANN401 - fields of the source
) -> SourceConfig:
    return SourceConfig(
        id=name,
        layer=layer,
        format=name,
        title="架空の区域",
        publisher="架空の発行者",
        licence="CC BY 4.0",
        date="2026",
        file=file,
        **more,
    )


def read(
    name: str,
    layer: Layer,
    file: Path | None = None,
    context: ReadContext | None = None,
    **more: Any,  # noqa: ANN401 - fields of the source
) -> LayerRead[Any]:
    format_ = AREA_FORMATS[name]
    assert layer in format_.layers
    assert format_.needs_file is (file is not None)
    return format_.read(
        source(name, layer, file, **more), context or ReadContext(profile=OSAKA)
    )


def geojson(file: Path, rows: Rows) -> Path:
    features = [
        {
            "type": "Feature",
            "properties": dict(texts),
            "geometry": None if shape is None else mapping(shape),
        }
        for texts, shape in rows
    ]
    document = {"type": "FeatureCollection", "features": features}
    file.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return file


def frame(rows: Rows, epsg: int = 6668) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        [dict(texts) for texts, _ in rows],
        geometry=[shape for _, shape in rows],
        crs=epsg,
    )


def zipped(file: Path, folder: Path, *, under: str = "") -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, f"{under}{path.name}")
    return file


def area(ward_code: str, shape: BaseGeometry, name: str = "") -> AreaRecord:
    return AreaRecord(
        layer=Layer.WARDS, id=ward_code, name=name, ward_code=ward_code, geometry=shape
    )


def school(key: str, name: str, ward_code: str = MIYAKOJIMA) -> SchoolRecord:
    return SchoolRecord(
        id=key,
        name=f"大阪市立{name}学校",
        short_name=name,
        ward_code=ward_code,
        place=LonLat(135.505, 34.705),
    )


TWO_WARDS = ReadContext(
    profile=OSAKA,
    wards=(area(MIYAKOJIMA, WEST), area(FUKUSHIMA, EAST)),
    schools=(school("271021-01", "中野小"), school("271021-99", "桜宮小")),
)

N03_UNTIL_2023 = [
    ("大阪府", "大阪市", "都島区", None, "27102"),
    ("大阪府", "大阪市", "福島区", None, "27103"),
    ("大阪府", "堺市", "北区", None, "27146"),
    ("大阪府", None, "所属未定地", None, None),
]

N03_SINCE_2024 = [
    ("大阪府", None, "大阪市", "都島区", "27102"),
    ("大阪府", None, "大阪市", "福島区", "27103"),
    ("大阪府", None, "堺市", "北区", "27146"),
    ("大阪府", None, "所属未定地", None, None),
]


def n03_rows(layout: Sequence[tuple[str | None, ...]]) -> Rows:
    columns = ("N03_001", "N03_003", "N03_004", "N03_005", "N03_007")
    island = shapely.box(135.505, 34.72, 135.506, 34.721)
    far = shapely.box(135.40, 34.50, 135.41, 34.51)
    shapes = (WEST, EAST, far, far)
    rows = [
        (dict(zip(columns, values, strict=True)), shape)
        for values, shape in zip(layout, shapes, strict=True)
    ]
    return [*rows, (rows[0][0], island)]
