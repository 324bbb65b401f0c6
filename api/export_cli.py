"""Command line of the files that go out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.export_request import Asked, request_of, require_usable
from api.exporting import exported
from api.settings import load_settings
from api.wiring import open_services
from dispatch.domain.chart_query import EVERYTHING
from dispatch.domain.exported import Dataset, ExportFormat, Standing

COMMAND_LINE = "command-line"


def export(  # noqa: PLR0913, PLR0917 - each is an option of the command
    dataset: Annotated[Dataset, typer.Argument(help="what the file holds")],
    output: Annotated[Path, typer.Option("--output", "-o", help="file to write")],
    file_format: Annotated[
        ExportFormat | None, typer.Option("--format", help="else by the file's ending")
    ] = None,
    month: Annotated[str, typer.Option(help="YYYY-MM; the present one")] = "",
    first: Annotated[str, typer.Option("--from", help="YYYY-MM-DD")] = "",
    last: Annotated[str, typer.Option("--to", help="YYYY-MM-DD, included")] = "",
    ward: Annotated[str, typer.Option(help="code of a ward")] = "",
    district: Annotated[str, typer.Option(help="id of a school district")] = "",
    office: Annotated[str, typer.Option(help="id of a works office")] = "",
    state: Annotated[Standing | None, typer.Option(help="of consultations")] = None,
) -> None:
    """Write consultations, plans or the city's places as CSV, XLSX, GeoJSON or GPKG."""
    asked = Asked(
        month=month,
        first=first,
        last=last,
        ward=ward,
        district=district,
        office=office,
        state=state or "",
    )
    chosen = file_format or _by_ending(output)
    require_usable(dataset, asked)
    with open_services(load_settings()) as services:
        request = request_of(services, dataset, asked, EVERYTHING)
        with output.open("wb") as target:
            for part in exported(services, request, chosen, who=COMMAND_LINE):
                target.write(part)


def _by_ending(output: Path) -> ExportFormat:
    try:
        return ExportFormat(output.suffix.removeprefix("."))
    except ValueError:
        endings = ", ".join(f".{one}" for one in ExportFormat)
        message = f"--format, or a file that ends in {endings}"
        raise typer.BadParameter(message) from None
