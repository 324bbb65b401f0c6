"""A small city of real towns for tests: nineteen towns of eleven wards of Osaka."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dispatch.domain.place import LonLat, Ward
from geodata.bundle.records import BlockRecord, Layer, TownRecord
from geodata.geocoding.address_book import AddressBook

KANJI = " 一二三四五六七八九"
RADIUS_M = 350
WARDS = {
    "中央区": "271284",
    "浪速区": "271110",
    "天王寺区": "271098",
    "西成区": "271225",
    "住吉区": "271209",
    "阿倍野区": "271195",
    "城東区": "271187",
    "都島区": "271021",
    "鶴見区": "271241",
    "西区": "271063",
    "淀川区": "271233",
}
# Ward, town, its 丁目 (0: without one), and a point: the 丁目 lie 0.004° apart.
PLACES = [
    ("中央区", "谷町", range(1, 10), 135.517, 34.676),
    ("中央区", "上町", (0, 1), 135.522, 34.677),
    ("中央区", "日本橋", (1, 2), 135.506, 34.667),
    ("中央区", "久太郎町", (1, 2, 3, 4), 135.502, 34.682),
    ("浪速区", "日本橋", (3, 4, 5), 135.505, 34.660),
    ("中央区", "上汐", (1,), 135.516, 34.669),
    ("天王寺区", "上汐", (3, 4), 135.517, 34.663),
    ("天王寺区", "餌差町", (0,), 135.523, 34.670),
    ("天王寺区", "茶臼山町", (0,), 135.511, 34.652),
    ("天王寺区", "堀越町", (0,), 135.514, 34.648),
    ("西成区", "松", (1, 2, 3), 135.495, 34.640),
    ("西成区", "天下茶屋", (1, 2, 3), 135.499, 34.636),
    ("住吉区", "万代", (3,), 135.501, 34.617),
    ("阿倍野区", "万代", (1,), 135.505, 34.622),
    ("阿倍野区", "文の里", (1, 2), 135.516, 34.636),
    ("城東区", "中央", (1, 2, 3), 135.545, 34.701),
    ("都島区", "網島町", (0,), 135.524, 34.694),
    ("都島区", "友渕町", (1, 2), 135.527, 34.716),
    ("鶴見区", "横堤", (1, 2, 3, 4, 5), 135.573, 34.703),
    ("西区", "靱本町", (1, 2, 3), 135.494, 34.684),
    ("西区", "九条", (1, 2), 135.473, 34.675),
    ("西区", "九条南", (1, 2), 135.470, 34.672),
    ("淀川区", "十三東", (1, 2, 3), 135.485, 34.720),
]
MUNICIPALITIES = {
    "堺市": "大阪府堺市",
    "堺市堺区": "大阪府堺市堺区",
    "松原市": "大阪府松原市",
    "東大阪市": "大阪府東大阪市",
    "守口市": "大阪府守口市",
    "兵庫県尼崎市": "兵庫県尼崎市",
    "京都府": "京都府",
}
BlockKey = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallGazetteer:
    """The towns of `PLACES` or others, with the blocks and houses of a test."""

    known_towns: tuple[TownRecord, ...] = ()
    block_places: Mapping[BlockKey, Mapping[str, LonLat]] = field(default_factory=dict)
    houses: Mapping[tuple[str, str, str], Mapping[str, LonLat]] = field(
        default_factory=dict
    )
    complete: bool = False

    def towns(self) -> Sequence[TownRecord]:
        """Every 丁目, and every town without one."""
        return self.known_towns or [
            town(ward, oaza, n, x, y) for ward, oaza, ns, x, y in PLACES for n in ns
        ]

    def blocks(self) -> Mapping[BlockKey, Mapping[str, BlockRecord]]:
        """Blocks that the test gave, as published ones."""
        return {
            (code, name): {
                block: BlockRecord(ward_code=code, town=name, block=block, place=place)
                for block, place in places.items()
            }
            for (code, name), places in self.block_places.items()
        }

    def houses_of(self, ward_code: str, town: str, block: str) -> Mapping[str, LonLat]:
        """House numbers that the test gave."""
        return self.houses.get((ward_code, town, block), {})

    def radius_m(self, ward_code: str, town: str) -> int:
        """One radius for all towns."""
        del ward_code, town
        return RADIUS_M

    def is_complete(self, layer: Layer, ward_code: str) -> bool:
        """As the test says."""
        del layer, ward_code
        return self.complete


def town(ward: str, oaza: str, chome: int, lon: float, lat: float) -> TownRecord:
    """Make a town; 0 is none without 丁目."""
    return TownRecord(
        ward_code=WARDS[ward],
        name=f"{oaza}{KANJI[chome]}丁目" if chome else oaza,
        oaza=oaza,
        chome=chome or None,
        place=LonLat(lon + 0.004 * chome, lat),
    )


def book_of(gazetteer: SmallGazetteer) -> AddressBook:
    """Make the address book of a small gazetteer."""
    return AddressBook(
        gazetteer,
        wards=[Ward(code=code, name=name) for name, code in WARDS.items()],
        prefecture="大阪府",
        city="大阪市",
        municipalities=MUNICIPALITIES,
        named_blocks={"久太郎町四丁目": ("渡辺",), "上町": ("A", "B", "C")},
    )


@functools.cache
def small_book() -> AddressBook:
    """Make the address book without any block."""
    return book_of(SmallGazetteer())
