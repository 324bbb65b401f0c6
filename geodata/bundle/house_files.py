"""House numbers (住居番号, 号) from the files of アドレス・ベース・レジストリ."""

from __future__ import annotations

from collections.abc import Mapping

from geodata.bundle.block_files import number_text
from geodata.bundle.csv_rows import (
    CsvRow,
    TableForm,
    WardFinder,
    main_table,
    option_text,
    side_table,
)
from geodata.bundle.reading import ReadContext, SourceConfig
from geodata.bundle.records import HouseRecord, LayerRead, Refused
from geodata.bundle.town_files import (
    ABR_TOWN,
    abr_key,
    abr_points,
    abr_town_name,
    of_second,
)

ABR_HOUSE = TableForm(
    columns={
        "ward": ("lg_code",),
        "machiaza": ("machiaza_id",),
        "blk_id": ("blk_id",),
        "rsdt_id": ("rsdt_id",),
        "rsdt2_id": ("rsdt2_id",),
        "oaza": ("oaza_cho",),
        "chome": ("chome",),
        "koaza": ("koaza",),
        "block": ("blk_num",),
        "number": ("rsdt_num",),
        "number2": ("rsdt_num2",),
        "ended": ("ablt_date",),
    },
    optional=frozenset({"rsdt2_id", "oaza", "chome", "koaza", "number2", "ended"}),
)
ABR_HOUSE_POINT = TableForm(
    columns={
        "ward": ("lg_code",),
        "machiaza": ("machiaza_id",),
        "blk_id": ("blk_id",),
        "rsdt_id": ("rsdt_id",),
        "rsdt2_id": ("rsdt2_id",),
        "lon": ("rep_lon",),
        "lat": ("rep_lat",),
    },
    optional=frozenset({"rsdt2_id"}),
)
_KEYS = ("machiaza", "blk_id", "rsdt_id", "rsdt2_id")


def read_abr_houses(
    source: SourceConfig, context: ReadContext
) -> LayerRead[HouseRecord]:
    """
    住居表示-住居マスター `mt_rsdtdsp_rsdt`.

    Positions are in `mt_rsdtdsp_rsdt_pos`, which `options.positions` names. Where the
    file has no names of towns, `options.towns` names the `mt_town` that has them.

    Raises
    ------
    SourceError
        When a file is missing or of another form.
    """
    wards = WardFinder(context.profile)
    towns, refused = _towns(source, context)
    points = abr_points(source, context, ABR_HOUSE_POINT, keys=_KEYS)

    def make(row: CsvRow) -> HouseRecord | None:
        ward_code = wards.code(row.text("ward"))
        if ward_code is None or row.optional("ended"):
            return None
        place = points.places.get(abr_key(row, _KEYS))
        if place is None:
            raise row.refusal("rsdt_id", "no position in the second file")
        town = towns.get(abr_key(row, ("machiaza",))) or abr_town_name(row)
        number = number_text(row, "number")
        if row.optional("number2"):
            number += "-" + number_text(row, "number2")
        return HouseRecord(
            ward_code=ward_code,
            town=town,
            block=number_text(row, "block", named=row.optional("koaza")),
            number=number,
            place=place,
        )

    read = main_table(source, context, ABR_HOUSE).read(make)
    return LayerRead(
        records=read.records,
        refused=(*refused, *points.refused, *read.refused),
        num_elsewhere=read.num_elsewhere,
    )


def _towns(
    source: SourceConfig, context: ReadContext
) -> tuple[Mapping[str, str], tuple[Refused, ...]]:
    """Names of towns by municipality and machiaza_id; none without `options.towns`."""
    if not option_text(source, "towns"):
        return {}, ()
    wards = WardFinder(context.profile)

    def make(row: CsvRow) -> tuple[str, str] | None:
        if wards.code(row.text("ward")) is None:
            return None
        return abr_key(row, ("machiaza",)), abr_town_name(row)

    read = side_table(source, context, ABR_TOWN, option="towns").read(make)
    return dict(read.records), tuple(of_second(read.refused, "towns"))
