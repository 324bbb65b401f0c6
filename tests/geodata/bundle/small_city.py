"""A few invented towns, blocks and areas of Osaka as readers would give them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import shapely

from dispatch.domain.place import LonLat
from geodata.bundle.build import build_bundle
from geodata.bundle.config import BundleConfig
from geodata.bundle.manifest import BundleManifest, Purpose
from geodata.bundle.reading import Format, Reader, SourceConfig
from geodata.bundle.records import (
    AreaRecord,
    AssetRecord,
    BlockRecord,
    CrossingRecord,
    FacilityRecord,
    HouseRecord,
    JurisdictionRecord,
    Layer,
    LayerRead,
    SchoolRecord,
    TownRecord,
)
from geodata.city import CityProfile, load_city

KITA, CHUO = "271276", "271284"  # 北区, 中央区
AT = dt.datetime(2026, 11, 22, 9, 0, tzinfo=dt.timezone(dt.timedelta(hours=9)))
OSAKA: CityProfile = load_city("osaka")
# 0.005 degrees are 555 m of latitude and 457 m of longitude there.
TOWNS = tuple(
    TownRecord(
        ward_code=code,
        name=f"{oaza}{kanji}丁目",
        oaza=oaza,
        chome=number,
        place=LonLat(135.5 + 0.005 * number, lat),
    )
    for code, oaza, lat in ((KITA, "試町", 34.700), (CHUO, "験町", 34.680))
    for number, kanji in ((1, "一"), (2, "二"))
)
SHI_1 = TOWNS[0]
BLOCK = BlockRecord(
    ward_code=KITA, town=SHI_1.name, block="16", place=LonLat(135.5052, 34.7002)
)
HOUSE = HouseRecord(
    ward_code=KITA,
    town=SHI_1.name,
    block="16",
    number="3-101",
    place=LonLat(135.5053, 34.7002),
)
FACILITY = FacilityRecord(
    id="7",
    name="試公園",
    place=LonLat(135.504, 34.701),
    kana="ためしこうえん",
    kind="公園",
    ward_code=KITA,
    address="北区試町1-16",
    names=("三角公園",),
)
SCHOOL = SchoolRecord(
    id="s1",
    name="大阪市立試小学校",
    short_name="試小",
    ward_code=KITA,
    place=LonLat(135.506, 34.701),
)
LAMP = AssetRecord(
    kind="street_lamp", key="北A-12", place=LonLat(135.507, 34.7), ward_code=KITA
)
CROSSING = CrossingRecord(roads=("御堂筋", "本町通"), place=LonLat(135.5, 34.69))


def ward(
    code: str, south: float, *, name: str = "", **dates: dt.date | None
) -> AreaRecord:
    return AreaRecord(
        layer=Layer.WARDS,
        id=code,
        name=name or code,
        ward_code=code,
        geometry=shapely.box(135.49, south, 135.53, south + 0.02),
        **dates,
    )


WARDS = (ward(KITA, 34.69), ward(CHUO, 34.67))
JURISDICTION = JurisdictionRecord(
    ward_code=KITA, office_id="ebie", valid_from=dt.date(2020, 4, 1), confidence="M"
)
CITY: Mapping[str, tuple[Layer, Sequence[Any]]] = {
    "towns": (Layer.TOWNS, TOWNS),
    "blocks": (Layer.BLOCKS, (BLOCK,)),
    "houses": (Layer.HOUSES, (HOUSE,)),
    "wards": (Layer.WARDS, WARDS),
    "schools": (Layer.SCHOOLS, (SCHOOL,)),
    "jurisdiction": (Layer.JURISDICTION, (JURISDICTION,)),
    "facilities": (Layer.FACILITIES, (FACILITY,)),
    "lamps": (Layer.ASSETS, (LAMP,)),
    "crossings": (Layer.CROSSINGS, (CROSSING,)),
}


Given = Mapping[str, tuple[Layer, Sequence[Any] | LayerRead[Any]]]


def source(source_id: str, layer: Layer) -> SourceConfig:
    return SourceConfig(
        id=source_id,
        layer=layer,
        format=source_id,
        title="試験データ",
        publisher="試験",
        licence="CC0",
        date="2026",
    )


def giving(read: Given, *, needs_file: bool = False) -> dict[str, Format]:
    """Make formats that give these records, whatever the file."""

    def reader(found: Sequence[Any] | LayerRead[Any]) -> Reader:
        given = found if isinstance(found, LayerRead) else LayerRead(records=found)
        return lambda _source, _context: given

    return {
        name: Format(
            layers=frozenset({layer}), read=reader(found), needs_file=needs_file
        )
        for name, (layer, found) in read.items()
    }


def config_of(
    *sources: SourceConfig, purpose: Purpose = Purpose.PRODUCTION
) -> BundleConfig:
    return BundleConfig(
        file=Path("bundle.toml"), city="osaka", purpose=purpose, sources=sources
    )


def build(
    folder: Path,
    read: Given,
    *sources: SourceConfig,
    formats: Mapping[str, Format] | None = None,
    told: Callable[[str], None] = lambda _: None,
) -> BundleManifest:
    """Build from records; without sources, one plain source for each name."""
    chosen = sources or tuple(source(name, layer) for name, (layer, _) in read.items())
    return build_bundle(
        config_of(*chosen),
        folder,
        profile=OSAKA,
        at=AT,
        told=told,
        formats=formats or giving(read),
    )


def refused_in(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "refused.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def with_towns(name: str, layer: Layer, records: Sequence[Any]) -> Given:
    return {"towns": (Layer.TOWNS, TOWNS), name: (layer, records)}
