"""The command line of the geocoder: kidohan geocode [FILE] | --explain TEXT."""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import gc
import io
import itertools
import sys
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from api.geocode_records import RecordNames, record_of
from api.settings import load_settings
from dispatch.adapters.clocks import SystemClock
from dispatch.domain.errors import InvalidInputError, SourceError
from geodata.bundle.opening import open_city_bundle
from geodata.city import CityProfile, load_city
from geodata.geocoding.explain import Step, explained
from geodata.geocoding.geocoder import CityGeocoder, PlaceQuery
from geodata.geocoding.make import make_geocoder

CHUNK = 1000  # lines whose areas are asked for at once
STDIN = "-"
QUERY_FIELDS = ("address", "landmark", "ward")
MAX_LINE_BYTES = 1_000_000  # a longer one is no line of text

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console()


class OutputFormat(StrEnum):
    """How answers are written."""

    JSONL = "jsonl"


@cli.callback()
def main() -> None:
    """Make `geocode` a word of the command line although it is the only one."""


@cli.command()
def geocode(
    file: Annotated[
        str, typer.Argument(help="one text a line, or a CSV; - for standard input")
    ] = STDIN,
    bundle: Annotated[
        Path | None, typer.Option("--bundle", "-b", help="city data; var/geodata/CITY")
    ] = None,
    form: Annotated[
        OutputFormat, typer.Option("--format", "-f", help="one JSON object a line")
    ] = OutputFormat.JSONL,
    columns: Annotated[
        str,
        typer.Option(help="CSV with a header: address=住所,ward=区,landmark=目標物"),
    ] = "",
    on: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="day for which areas are wanted"),
    ] = None,
    explain: Annotated[
        str, typer.Option(help="show each step for one text, for a person")
    ] = "",
) -> None:
    """Say where addresses, landmarks and coordinates are, one JSON object a line."""
    del form  # there is one so far
    settings = load_settings()
    profile = load_city(settings.city)
    opened = open_city_bundle(
        bundle or settings.city_data_dir,
        profile,
        allow_test=settings.allow_test_geodata,
    )
    geocoder = make_geocoder(
        profile, opened, national_folder=settings.national_data_dir
    )
    day = on.date() if on else SystemClock(profile.timezone).now().date()
    if explain:
        _explain(explained(geocoder, PlaceQuery(address=explain), on=day), profile)
        return
    names = RecordNames.of(profile, opened)
    gc.freeze()  # the city's data stay: looking through them again costs a tenth
    with _opened(file) as stream:
        asked = _from_csv(stream, _columns(columns)) if columns else _from_lines(stream)
        _answer_all(asked, geocoder, names, day)


def _explain(steps: Iterable[Step], profile: CityProfile) -> None:
    """Print the steps as a table; offices by their names."""
    offices = {office.id: office.name for office in profile.offices}
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for step in steps:
        table.add_row(
            f"[bold]{step.name}[/]", escape(offices.get(step.said, step.said))
        )
    console.print(table)


def _columns(text: str) -> dict[str, str]:
    """Read which column is what."""
    pairs = dict(part.partition("=")[::2] for part in text.split(","))
    strangers = sorted(set(pairs) - set(QUERY_FIELDS))
    if strangers or not all(pairs.values()):
        known = ", ".join(f"{name}=COLUMN" for name in QUERY_FIELDS)
        raise InvalidInputError("--columns", f"needs one or more of {known}")
    return pairs


def _answer_all(
    asked: Iterator[tuple[str, PlaceQuery]],
    geocoder: CityGeocoder,
    names: RecordNames,
    day: dt.date | None,
) -> None:
    """Write the answers in the order of the questions."""
    out = sys.stdout.buffer
    while chunk := list(itertools.islice(asked, CHUNK)):
        found = geocoder.find_all([query for _, query in chunk], on=day)
        for (text, _), one in zip(chunk, found, strict=True):
            out.write(orjson.dumps(record_of(text, one, names)) + b"\n")
    out.flush()


def _opened(file: str) -> BinaryIO:
    if file == STDIN:
        return sys.stdin.buffer
    try:
        return Path(file).open("rb")
    except OSError as error:
        message = f"{file}: cannot be read: {error.strerror}"
        raise SourceError(message) from error


def _from_lines(stream: BinaryIO) -> Iterator[tuple[str, PlaceQuery]]:
    """Read one text a line, in UTF-8 or CP932; or a whole file in UTF-16."""
    for line in _lines(_as_bytes_of_lines(stream)):
        shown = _decoded(line.rstrip(b"\r\n"))
        yield shown, PlaceQuery(address=shown)


def _as_bytes_of_lines(stream: BinaryIO) -> BinaryIO:
    """Turn a file that begins with the mark of UTF-16 into UTF-8."""
    head = stream.peek(2) if isinstance(stream, io.BufferedReader) else b""
    if not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return stream
    text = stream.read().decode("utf-16", "replace")
    return io.BytesIO(text.encode("utf-8", "replace"))


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Give the lines of a stream; an endless one is cut and its rest left out."""
    while line := stream.readline(MAX_LINE_BYTES):
        whole = line
        while not line.endswith(b"\n") and (line := stream.readline(MAX_LINE_BYTES)):
            pass
        yield whole


def _from_csv(
    stream: BinaryIO, columns: Mapping[str, str]
) -> Iterator[tuple[str, PlaceQuery]]:
    """Read a CSV with a header, UTF-8 or CP932."""
    content = _as_bytes_of_lines(stream).read()
    rows = _rows(csv.reader(io.StringIO(_decoded(content), newline=""), strict=True))
    header = next(rows, [])
    missing = [name for name in columns.values() if name not in header]
    if missing:
        raise InvalidInputError("--columns", f"no column {', '.join(missing)}")
    at = {name: header.index(column) for name, column in columns.items()}
    for row in rows:
        values = {
            name: row[index] if index < len(row) else "" for name, index in at.items()
        }
        shown = " ".join(filter(None, (values.get("address"), values.get("landmark"))))
        query = PlaceQuery(
            address=values.get("address", ""),
            landmark=values.get("landmark", ""),
            ward=values.get("ward", ""),
        )
        yield shown, query


def _rows(rows: Iterable[list[str]]) -> Iterator[list[str]]:
    try:
        yield from rows
    except csv.Error as error:
        message = f"CSV: the rest cannot be read ({error}); is a quote not closed?"
        raise SourceError(message) from error


def _decoded(content: bytes) -> str:
    """Read as UTF-8, else as CP932, else with U+FFFD for what is neither."""
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("utf-8", "replace")
