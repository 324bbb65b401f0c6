"""The command line of the staff: kidohan staff import | export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from api.import_file import read_rows
from api.organisation_view import staff_names
from api.settings import load_settings
from api.staff_file import StaffReport, as_csv, take_in
from api.wiring import open_services
from dispatch.domain.errors import SourceError

staff_cli = typer.Typer(
    no_args_is_help=True, help="Staff: take a list in, write it out."
)
console = Console(highlight=False, soft_wrap=True)
SHOWN_REFUSALS = 20


@staff_cli.command(name="import")
def import_staff(
    file: Annotated[Path, typer.Argument(help="CSV (UTF-8, CP932) or XLSX")],
    who: Annotated[str, typer.Option(help="in whose name")] = "kidohan staff import",
) -> None:
    """Take in people, charges, substitutes and hours; bad rows are reported."""
    with open_services(load_settings()) as services:
        try:
            content = file.read_bytes()
        except OSError as problem:
            message = f"{file.name}: cannot be read"
            raise SourceError(message) from problem
        rows = read_rows(file.name, content)
        report = take_in(services.organisation, rows, staff_names(services), who=who)
    _print(report)


@staff_cli.command(name="export")
def export_staff(
    file: Annotated[Path, typer.Argument(help="CSV to write")],
) -> None:
    """Write every row that ever held, so that it can be taken in again."""
    with open_services(load_settings()) as services:
        book = services.organisation.book()
        text = as_csv(book.rows, staff_names(services))
    file.write_bytes(text.encode("utf-8-sig"))
    console.print(f"{file}: {len(book.rows)}行")


def _print(report: StaffReport) -> None:
    console.print(
        f"{report.rows}行: 追加 {report.added}、登録済み {report.known}、"
        f"受け付けなかった行 {len(report.refused)}"
    )
    for refusal in report.refused[:SHOWN_REFUSALS]:
        console.print(f"  {refusal.row}行目 {refusal.field}: {refusal.problem}")
    if len(report.refused) > SHOWN_REFUSALS:
        console.print(f"  ほか {len(report.refused) - SHOWN_REFUSALS}行")
