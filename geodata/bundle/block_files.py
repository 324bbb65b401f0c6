"""Blocks (街区, 番) from ISJ and ABR files, and from points seen in addresses."""

from __future__ import annotations

import re
import unicodedata

from geodata.address_text import DASHES
from geodata.bundle.csv_rows import (
    CP932_OR_UTF8,
    CsvRow,
    TableForm,
    WardFinder,
    main_table,
)
from geodata.bundle.reading import ReadContext, SourceConfig
from geodata.bundle.records import BlockRecord, LayerRead
from geodata.bundle.town_files import (
    abr_key,
    abr_points,
    abr_town_name,
    town_name,
    town_parts,
)

ISJ_GAIKU = TableForm(
    columns={
        "ward": ("市区町村名",),
        "town": ("大字・丁目名", "大字・町丁目名"),
        "koaza": ("小字・通称名",),
        "block": ("街区符号・地番",),
        "lon": ("経度",),
        "lat": ("緯度",),
        "by_houses": ("住居表示フラグ",),
        "is_main": ("代表フラグ",),
        "change": ("更新後履歴フラグ",),
    },
    optional=frozenset({"koaza", "by_houses", "is_main", "change"}),
    encodings=CP932_OR_UTF8,
)
OBSERVED = TableForm(
    columns={
        "ward": ("ward_code", "ward"),
        "town": ("town",),
        "block": ("block",),
        "lon": ("lon", "lng"),
        "lat": ("lat",),
        "num": ("n",),
    },
    optional=frozenset({"num"}),
)
ABR_BLOCK = TableForm(
    columns={
        "ward": ("lg_code",),
        "machiaza": ("machiaza_id",),
        "blk_id": ("blk_id",),
        "oaza": ("oaza_cho",),
        "chome": ("chome",),
        "koaza": ("koaza",),
        "block": ("blk_num",),
        "ended": ("ablt_date",),
    },
    optional=frozenset({"koaza", "ended"}),
)
ABR_BLOCK_POINT = TableForm(
    columns={
        "ward": ("lg_code",),
        "machiaza": ("machiaza_id",),
        "blk_id": ("blk_id",),
        "lon": ("rep_lon",),
        "lat": ("rep_lat",),
    }
)
MAX_NUMBER = 20  # characters of a block or house number

_DELETED = "3"
_KEYS = ("machiaza", "blk_id")
_DASH = re.compile(f"[{DASHES}]")
_UNIT = re.compile(r"(?:番地?|号|街区)$")
_AFTER_CHOME = re.compile(r"(?P<town>.+?丁目)(?P<rest>.+)")


def read_isj_gaiku(
    source: SourceConfig, context: ReadContext
) -> LayerRead[BlockRecord]:
    """
    街区レベル位置参照情報 of the ministry (国土交通省), CP932: 街区 and 地番.

    Of several points of one number only the main one (代表フラグ) is taken, and none
    that the edition deleted (更新後履歴フラグ 3). Blocks of 住居表示 come before 地番
    and so win where a town has both.

    Raises
    ------
    SourceError
        When the file is missing or of another form.
    """
    wards = WardFinder(context.profile)
    towns = frozenset((town.ward_code, town.name) for town in context.towns)

    def make(row: CsvRow) -> tuple[bool, BlockRecord] | None:
        ward_code = wards.code(row.text("ward"))
        if ward_code is None or not _is_taken(row):
            return None
        town = town_name(*town_parts(row.text("town")))
        named = row.optional("koaza")
        if (ward_code, town) not in towns and (match := _AFTER_CHOME.fullmatch(town)):
            # A named block may stand with the town: 久太郎町四丁目渡辺.
            town, named = match["town"], match["rest"] + named
        block = BlockRecord(
            ward_code=ward_code,
            town=town,
            block=number_text(row, "block", named=named),
            place=row.place(),
        )
        return row.optional("by_houses") == "0", block

    read = main_table(source, context, ISJ_GAIKU).read(make)
    ordered = sorted(read.records, key=lambda item: item[0])
    return LayerRead(
        records=[block for _, block in ordered],
        refused=read.refused,
        num_elsewhere=read.num_elsewhere,
    )


def read_observed(source: SourceConfig, context: ReadContext) -> LayerRead[BlockRecord]:
    """
    Points seen in addresses: columns ward, town, block, lat, lon and how many (n).

    Raises
    ------
    SourceError
        When the file is missing or of another form.
    """
    wards = WardFinder(context.profile)

    def make(row: CsvRow) -> BlockRecord | None:
        ward_code = wards.code(row.text("ward"))
        if ward_code is None:
            return None
        num_points = row.number_of("num") if row.optional("num") else 0
        if num_points < 0 or num_points != int(num_points):
            raise row.refusal("num", "not a whole number of 0 or more")
        return BlockRecord(
            ward_code=ward_code,
            town=town_name(*town_parts(row.text("town"))),
            block=number_text(row, "block"),
            place=row.place(),
            num_points=int(num_points),
        )

    return main_table(source, context, OBSERVED).read(make)


def read_abr_blocks(
    source: SourceConfig, context: ReadContext
) -> LayerRead[BlockRecord]:
    """
    住居表示-街区マスター `mt_rsdtdsp_blk` of アドレス・ベース・レジストリ.

    Positions are in `mt_rsdtdsp_blk_pos`, which `options.positions` names.

    Raises
    ------
    SourceError
        When a file is missing or of another form.
    """
    wards = WardFinder(context.profile)
    points = abr_points(source, context, ABR_BLOCK_POINT, keys=_KEYS)

    def make(row: CsvRow) -> BlockRecord | None:
        ward_code = wards.code(row.text("ward"))
        if ward_code is None or row.optional("ended"):
            return None
        place = points.places.get(abr_key(row, _KEYS))
        if place is None:
            raise row.refusal("blk_id", "no position in the second file")
        return BlockRecord(
            ward_code=ward_code,
            town=abr_town_name(row),
            block=number_text(row, "block", named=row.optional("koaza")),
            place=place,
        )

    read = main_table(source, context, ABR_BLOCK).read(make)
    return LayerRead(
        records=read.records,
        refused=(*points.refused, *read.refused),
        num_elsewhere=read.num_elsewhere,
    )


def number_text(row: CsvRow, column: str, *, named: str = "") -> str:
    """
    Write a block or house number as records hold it: ASCII, no 番, no leading zeros.

    `named` is a name that belongs to it (a 小字), before the number or instead of it.
    Letters and names stay: A, 渡辺.
    """
    text = unicodedata.normalize("NFKC", named + row.optional(column)).upper()
    plain = _UNIT.sub("", _DASH.sub("-", text.replace(" ", "")))
    if not plain:
        raise row.refusal(column, "empty")
    if len(plain) > MAX_NUMBER:
        raise row.refusal(column, f"longer than {MAX_NUMBER} characters")
    return re.sub(r"(?<![0-9])0+(?=[0-9])", "", plain)


def _is_taken(row: CsvRow) -> bool:
    is_main = row.optional("is_main") in ("", "1")
    return is_main and row.optional("change") != _DELETED
