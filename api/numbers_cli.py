"""Command line of the monthly numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.numbers_files import as_csv, as_xlsx, hand_over_table, table_of
from api.numbers_view import asked_for, counted, names_of
from api.settings import load_settings
from api.wiring import open_services
from dispatch.domain.statistics import Dimension


def numbers(
    month: Annotated[str, typer.Option(help="YYYY-MM; the present one")] = "",
    by: Annotated[Dimension, typer.Option(help="what the rows stand for")] = (
        Dimension.WARD
    ),
    as_of: Annotated[str, typer.Option(help="YYYY-MM-DD, its end; today")] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help=".csv or .xlsx; else shown")
    ] = None,
) -> None:
    """Count a month as it was known on a day."""
    with open_services(load_settings()) as services:
        asked = asked_for(services, month, by, as_of)
        counts = counted(services, asked)
        rows = table_of(counts, names_of(services, asked.dimension))
        offices = names_of(services, Dimension.OFFICE)
    if output is None:
        typer.echo(as_csv(rows).decode("utf-8-sig"), nl=False)
    elif output.suffix == ".xlsx":
        sheets = {"numbers": rows, "移管": hand_over_table(counts, offices)}
        output.write_bytes(as_xlsx(sheets))
    else:
        output.write_bytes(as_csv(rows))
