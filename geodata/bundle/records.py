"""Records of a bundle's layers, and what reading a file gives: records and refusals."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from shapely.geometry.base import BaseGeometry

from dispatch.domain.place import LonLat

R_co = TypeVar("R_co", covariant=True)


class Layer(StrEnum):
    """Kinds of data in a bundle, in the order in which they are read."""

    TOWNS = "towns"  # 町丁目
    BLOCKS = "blocks"  # 街区 (番)
    HOUSES = "houses"  # 住居番号 (号)
    WARDS = "wards"  # 区
    SCHOOLS = "schools"  # 小学校
    DISTRICTS = "districts"  # 校区
    COMMUNITIES = "communities"  # 地域
    JURISDICTION = "jurisdiction"  # 工営所の所管
    FACILITIES = "facilities"  # 施設
    ASSETS = "assets"  # 照明灯・電柱・マンホール・カーブミラー
    CROSSINGS = "crossings"  # 名前のある道路どうしの交差点


AREA_LAYERS = (Layer.WARDS, Layer.DISTRICTS, Layer.COMMUNITIES)


@dataclass(frozen=True, slots=True, kw_only=True)
class TownRecord:
    """
    A town (町丁目): 春日出南二丁目, or a 大字 without 丁目.

    `oaza` is the name without its 丁目, `chome` the number. `name` is the official
    form with the number in kanji.
    """

    ward_code: str
    name: str
    oaza: str
    chome: int | None
    place: LonLat


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRecord:
    """
    A block (街区, 番) of a town; `block` in ASCII (16, A, 渡辺 stay as they are).

    `num_points` is how many points its place is the middle of, 0 when published so.
    """

    ward_code: str
    town: str
    block: str
    place: LonLat
    num_points: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseRecord:
    """A house number (住居番号, 号) of a block; `number` in ASCII, 3-101 included."""

    ward_code: str
    town: str
    block: str
    number: str
    place: LonLat


@dataclass(frozen=True, slots=True, kw_only=True)
class FacilityRecord:
    """
    A thing with a name and a place: school, park, station, bridge, crossing.

    `kana` is the reading in hiragana or katakana, `kind` the publisher's class
    (学校/小学校), `names` further names that people use. `ward_code` is empty when the
    publisher does not say.
    """

    id: str
    name: str
    place: LonLat
    kana: str = ""
    kind: str = ""
    ward_code: str = ""
    address: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolRecord:
    """A municipal elementary school, after which a school district may be named."""

    id: str
    name: str
    short_name: str
    ward_code: str
    place: LonLat
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetRecord:
    """A numbered thing of the road: `kind` is street_lamp, pole, manhole or mirror."""

    kind: str
    key: str
    place: LonLat
    ward_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossingRecord:
    """Where two roads with names cross; the names in the order of their spelling."""

    roads: tuple[str, str]
    place: LonLat


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AreaRecord:
    """
    An area: ward, school district or community, degrees (lon, lat), never simplified.

    It holds from `valid_from` to `valid_to`, both days included; None has no end.
    """

    layer: Layer
    id: str
    name: str
    ward_code: str
    geometry: BaseGeometry = field(repr=False)
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None

    def holds_on(self, day: dt.date) -> bool:
        """Whether the area is in force on a day."""
        started = self.valid_from is None or self.valid_from <= day
        return started and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class JurisdictionRecord:
    """
    Which works office a ward belongs to, from `valid_from` until before `valid_to`.

    `confidence` is as in the table.
    """

    ward_code: str
    office_id: str
    valid_from: dt.date
    valid_to: dt.date | None = None
    confidence: str = ""

    def holds_on(self, day: dt.date) -> bool:
        """Whether the rule is in force on a day."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


Record = (
    TownRecord
    | BlockRecord
    | HouseRecord
    | FacilityRecord
    | SchoolRecord
    | AssetRecord
    | CrossingRecord
    | AreaRecord
    | JurisdictionRecord
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A row that was left out; `row` is its line in the file (header = 1)."""

    row: int
    column: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRead(Generic[R_co]):
    """
    What reading one file gave: records, refused rows, and rows of other places.

    `num_elsewhere` counts rows that are rightly not taken, such as those of other
    municipalities in a prefecture's file.
    """

    records: Sequence[R_co]
    refused: tuple[Refused, ...] = ()
    num_elsewhere: int = 0
