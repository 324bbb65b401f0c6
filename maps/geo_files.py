"""Files for maps: a table of plain rows as GeoJSON (RFC 7946) or GeoPackage."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio  # type: ignore[import-untyped]
from shapely.geometry import shape as shape_of

from dispatch.domain.exported import Column, ExportRow, ExportTable, Kind, Value

# GDAL writes the time of writing into a GeoPackage: the same rows must give the same
# bytes, so it is told this one. The option belongs to the whole process, hence a lock.
NO_TIME = "2000-01-01T00:00:00.000Z"
FEATURES_AT_ONCE = 500  # a part for each would cost more than writing it
DATE_OPTION = "OGR_CURRENT_DATE"
_writing = Lock()


def geojson_parts(table: ExportTable) -> Iterator[bytes]:
    """
    Write a table as a FeatureCollection, a line a feature, no faster than it is read.

    What is on no map has a null geometry; times are ISO 8601 with their offset.
    """
    names = [column.name for column in table.columns]
    lines = [f'{{"type":"FeatureCollection","name":"{table.dataset}","features":[']
    before = "\n"
    for number, row in enumerate(table.rows, start=1):
        properties = dict(zip(names, map(_told, row.cells), strict=True))
        feature = {"type": "Feature", "geometry": row.shape, "properties": properties}
        text = json.dumps(feature, ensure_ascii=False, separators=(",", ":"))
        lines.append(before + text)
        before = ",\n"
        if number % FEATURES_AT_ONCE == 0:
            yield "".join(lines).encode()
            lines.clear()
    yield ("".join(lines) + "\n]}\n").encode()


def as_gpkg(table: ExportTable, *, epsg: int) -> bytes:
    """
    Write a table as a GeoPackage with one layer, named after the data set.

    Parameters
    ----------
    table
        Its shapes are in degrees of the reference system already.
    epsg
        That system; nothing is reprojected.
    """
    rows = list(table.rows)
    frame = gpd.GeoDataFrame(
        {
            column.name: _series(column, rows, at)
            for at, column in enumerate(table.columns)
        },
        geometry=[
            None if row.shape is None else shape_of(dict(row.shape)) for row in rows
        ],
        crs=epsg,
    )
    target = io.BytesIO()
    with _writing:
        pyogrio.set_gdal_config_options({DATE_OPTION: NO_TIME})
        try:
            pyogrio.write_dataframe(
                frame,
                target,
                layer=str(table.dataset),
                driver="GPKG",
                geometry_type=str(table.geometry),
                layer_options={"DESCRIPTION": str(table.dataset)},
            )
        finally:
            pyogrio.set_gdal_config_options({DATE_OPTION: None})
    return target.getvalue()


def _told(value: Value) -> str | float | None:
    return value.isoformat() if isinstance(value, (dt.date, dt.datetime)) else value


def _series(column: Column, rows: Sequence[ExportRow], at: int) -> Any:  # noqa: ANN401 - pandas is untyped here
    values: list[Any] = [row.cells[at] for row in rows]
    match column.kind:
        case Kind.INTEGER:
            return pd.array(values, dtype="Int64")
        case Kind.NUMBER:
            return pd.array(values, dtype="Float64")
        case Kind.MOMENT:
            # A GeoPackage tells times in UTC (its Table 1); GDAL would write offsets.
            return pd.to_datetime(pd.Series(values, dtype="object"), utc=True)
        case Kind.DATE:
            return pd.Series([_told(value) for value in values], dtype="object")
        case Kind.TEXT:
            return pd.Series(values, dtype="object")
