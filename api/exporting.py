"""Exports: the table of a request, its name and its record in the log."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace

from api.export_charts import (
    CHART_COLUMNS,
    ROUTE_COLUMNS,
    VISIT_COLUMNS,
    chart_rows,
)
from api.export_files import file_parts
from api.export_places import (
    CLOSURE_COLUMNS,
    DISTRICT_COLUMNS,
    OFFICE_COLUMNS,
    closure_rows,
    district_rows,
    office_rows,
)
from api.export_request import ExportRequest
from api.wiring import Services
from dispatch.domain.exported import (
    Column,
    Dataset,
    ExportFormat,
    ExportRow,
    ExportTable,
    Geometry,
)

logger = logging.getLogger(__name__)

COLUMNS: dict[Dataset, tuple[Column, ...]] = {
    Dataset.CONSULTATIONS: CHART_COLUMNS,
    Dataset.VISITS: VISIT_COLUMNS,
    Dataset.ROUTES: ROUTE_COLUMNS,
    Dataset.OFFICES: OFFICE_COLUMNS,
    Dataset.DISTRICTS: DISTRICT_COLUMNS,
    Dataset.CLOSURES: CLOSURE_COLUMNS,
}
GEOMETRIES = {
    Dataset.CONSULTATIONS: Geometry.POINT,
    Dataset.VISITS: Geometry.POINT,
    Dataset.ROUTES: Geometry.LINE,
    Dataset.OFFICES: Geometry.POINT,
    Dataset.DISTRICTS: Geometry.AREA,
    Dataset.CLOSURES: Geometry.MIXED,
}


def table_of(services: Services, asked: ExportRequest) -> ExportTable:
    """Table of what was asked for; its rows are read as one goes on."""
    return ExportTable(
        dataset=asked.dataset,
        columns=COLUMNS[asked.dataset],
        geometry=GEOMETRIES[asked.dataset],
        rows=_rows(services, asked),
    )


def exported(
    services: Services, asked: ExportRequest, file_format: ExportFormat, *, who: str
) -> Iterator[bytes]:
    """
    Bytes of a file, part by part; how many rows went to whom is on record.

    Parameters
    ----------
    services
        The wired city.
    asked
        What of it.
    file_format
        How it is written.
    who
        Id of who takes it: an account's or a key's, never a name.
    """
    table = table_of(services, asked)
    told = _Counted(table.rows)
    try:
        yield from file_parts(
            replace(table, rows=told),
            file_format,
            epsg=services.profile.geographic_epsg,
        )
    finally:
        logger.info(
            "export of %s as %s, %d rows, by %s",
            asked.dataset,
            file_format,
            told.count,
            who,
        )


def file_name(asked: ExportRequest, file_format: ExportFormat) -> str:
    """Name of a file: data set and days; no clock and no filter is in it."""
    if not asked.dataset.has_days:
        return f"{asked.dataset}.{file_format}"
    first, last = asked.span.first, asked.span.last
    days = f"{first}" if first == last else f"{first}_{last}"
    return f"{asked.dataset}_{days}.{file_format}"


class _Counted:
    """Rows that are counted as they go by."""

    def __init__(self, rows: Iterable[ExportRow]) -> None:
        self._rows = iter(rows)
        self.count = 0

    def __iter__(self) -> Iterator[ExportRow]:
        for row in self._rows:
            self.count += 1
            yield row


def _rows(services: Services, asked: ExportRequest) -> Iterator[ExportRow]:
    match asked.dataset:
        case Dataset.CONSULTATIONS:
            return chart_rows(services).consultations(asked)
        case Dataset.VISITS:
            return chart_rows(services).visits(asked)
        case Dataset.ROUTES:
            return chart_rows(services).routes(asked)
        case Dataset.OFFICES:
            return office_rows(services)
        case Dataset.DISTRICTS:
            return district_rows(services, asked)
        case Dataset.CLOSURES:
            return closure_rows(services, asked)
