"""`kidohan geodata check`: whether a bundle is whole, true to the city, and no less."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import shapely
from shapely import STRtree

from dispatch.domain.assignment import Jurisdiction
from dispatch.domain.errors import SourceError
from dispatch.domain.place import BoundingBox, LonLat, great_circle_m
from geodata import crs
from geodata.bundle import tiling
from geodata.bundle.manifest import BundleManifest, Purpose, SourceRecord, verify
from geodata.bundle.radii import reach_of_towns
from geodata.bundle.records import (
    AREA_LAYERS,
    AreaRecord,
    BlockRecord,
    FacilityRecord,
    JurisdictionRecord,
    Layer,
    SchoolRecord,
    TownRecord,
)
from geodata.bundle.voronoi import in_plane
from geodata.city import CityProfile

MAX_DROP = 0.01  # of a ward's records against the last bundle
MAX_REFUSED = 0.01  # of a source's rows
POINT_MARGIN_DEG = 0.02  # some 2 km: what the city owns just beyond its towns
AREA_MARGIN_DEG = 0.05  # some 5 km: harbour ground without a town
HOUSE_REACH_M = 500  # of a house from its block's point
SCHOOL_REACH_M = 100.0  # of a school from its district: across a street, not a town
SHOWN_NAMES = 5
LAYER_NAMES: Mapping[Layer, str] = MappingProxyType(
    {
        Layer.TOWNS: "町丁目",
        Layer.BLOCKS: "街区",
        Layer.HOUSES: "住居番号",
        Layer.WARDS: "区の区域",
        Layer.SCHOOLS: "小学校",
        Layer.DISTRICTS: "校区",
        Layer.COMMUNITIES: "地域",
        Layer.JURISDICTION: "工営所の所管",
        Layer.FACILITIES: "施設",
        Layer.ASSETS: "設備の台帳",
        Layer.CROSSINGS: "交差点",
    }
)
_Blocks = Mapping[tuple[str, str], Mapping[str, BlockRecord]]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or (`is_problem` false) worth knowing."""

    text: str
    is_problem: bool = True


class CheckedBundle(Protocol):
    """What a check asks of an opened bundle."""

    @property
    def folder(self) -> Path:
        """Where it lies."""

    @property
    def manifest(self) -> BundleManifest:
        """Its record."""

    def towns(self) -> tuple[TownRecord, ...]:
        """All towns."""

    def radius_m(self, ward_code: str, town: str) -> int:
        """Radius of a town in metres."""

    def blocks(self) -> _Blocks:
        """Blocks of each town, by (ward code, town) and block."""

    def houses_of(self, ward_code: str, town: str, block: str) -> Mapping[str, LonLat]:
        """House numbers of a block."""

    def schools(self) -> tuple[SchoolRecord, ...]:
        """All schools."""

    def facilities(self) -> tuple[FacilityRecord, ...]:
        """All facilities."""

    def areas(self, layer: Layer, on: dt.date | None = None) -> tuple[AreaRecord, ...]:
        """Areas of a layer in force on a day; of all times without one."""

    def jurisdictions(self) -> tuple[JurisdictionRecord, ...]:
        """Which office each ward belongs to, and when."""


def check_bundle(
    bundle: CheckedBundle,
    profile: CityProfile,
    previous: BundleManifest | None = None,
) -> list[Finding]:
    """
    Look for what would put a consultation in the wrong place.

    Parameters
    ----------
    bundle
        Opened; when one of its files is not as built, nothing else of it is looked at.
    profile
        The city as it is today.
    previous
        Record of the bundle in use until now, to see what was lost since.

    Returns
    -------
    list of Finding
        Problems and notes, in Japanese; no problem means that it may be used.
    """
    broken = list(_files(bundle.folder))
    if broken:
        return broken
    try:
        return [
            *_sources(bundle.manifest, profile),
            *_layers(bundle.manifest, profile),
            *_counts(bundle.manifest, previous, profile),
            *_bounds(bundle, profile),
            *_reach(bundle),
            *_tiling(bundle, profile),
            *_towns_in_wards(bundle),
            *_schools_in_districts(bundle, profile),
            *_jurisdiction(bundle, profile),
        ]
    except SourceError as error:
        return [Finding(f"データを読めません: {error}")]


def _files(folder: Path) -> Iterator[Finding]:
    try:
        for name in verify(folder):
            yield Finding(f"ファイルがないか、中身が作成時と違います: {name}")
    except SourceError as error:
        yield Finding(f"データを読めません: {error}")


def _sources(manifest: BundleManifest, profile: CityProfile) -> Iterator[Finding]:
    if manifest.city != profile.id:
        yield Finding(f"別の都市のデータです: {manifest.city}")
    for source in manifest.sources:
        if source.is_absent:
            text = f"ファイルがなく、読んでいません: {source.title}"
            yield Finding(text, is_problem=False)
        yield from _synthetic(source, manifest.purpose)
        yield from _refused(source)


def _synthetic(source: SourceRecord, purpose: Purpose) -> Iterator[Finding]:
    if source.is_synthetic and source.num_kept:
        text = f"作り物のデータが{source.num_kept:,}件あります: {source.title}"
        yield Finding(text, is_problem=purpose is Purpose.PRODUCTION)


def _refused(source: SourceRecord) -> Iterator[Finding]:
    if source.num_refused:
        share = source.num_refused / (source.num_rows + source.num_refused)
        text = (
            f"{source.title}: {source.num_refused:,}行を採りませんでした"
            f"(全体の{share:.1%})"
        )
        yield Finding(text, is_problem=share > MAX_REFUSED)


def _layers(manifest: BundleManifest, profile: CityProfile) -> Iterator[Finding]:
    """Absent and approximate layers; wards that a layer which covers all lacks."""
    absent = [
        LAYER_NAMES[layer] for layer in Layer if not manifest.counts.get(layer.value)
    ]
    if absent:
        yield Finding(f"入っていないデータ: {'、'.join(absent)}", is_problem=False)
    for layer in AREA_LAYERS:
        if manifest.is_approximate(layer):
            text = f"{LAYER_NAMES[layer]}は推定で、正式な境界ではありません"
            yield Finding(text, is_problem=False)
    for layer in (Layer.TOWNS, Layer.WARDS):
        counts = manifest.counts.get(layer.value)
        lost = [
            ward.name for ward in profile.wards if not (counts or {}).get(ward.code)
        ]
        if counts and lost:
            yield Finding(f"{LAYER_NAMES[layer]}のない区: {_some(lost)}")


def _counts(
    manifest: BundleManifest,
    previous: BundleManifest | None,
    profile: CityProfile,
) -> Iterator[Finding]:
    if previous is None:
        text = "前回のデータがないため、件数を比べていません"
        yield Finding(text, is_problem=False)
        return
    names = {ward.code: ward.name for ward in profile.wards} | {"": "区の記載なし"}
    for layer in Layer:
        old = previous.counts.get(layer.value, {})
        new = manifest.counts.get(layer.value, {})
        for code, before in old.items():
            after = new.get(code, 0)
            if after < before:
                text = (
                    f"{LAYER_NAMES[layer]}が減りました: {names.get(code, code)} "
                    f"{before:,}件 → {after:,}件"
                )
                lost = after == 0 or before - after > MAX_DROP * before
                yield Finding(text, is_problem=lost)
        before, after = sum(old.values()), sum(new.values())
        if after > before:
            text = f"{LAYER_NAMES[layer]}が増えました: {before:,}件 → {after:,}件"
            yield Finding(text, is_problem=False)


def _bounds(bundle: CheckedBundle, profile: CityProfile) -> Iterator[Finding]:
    near = _widened(profile.bounds, POINT_MARGIN_DEG)
    points: dict[Layer, Iterable[tuple[str, LonLat]]] = {
        Layer.TOWNS: ((town.name, town.place) for town in bundle.towns()),
        Layer.BLOCKS: (
            (block.town + block.block, block.place)
            for blocks in bundle.blocks().values()
            for block in blocks.values()
        ),
        Layer.SCHOOLS: ((one.name, one.place) for one in bundle.schools()),
        Layer.FACILITIES: ((one.name, one.place) for one in bundle.facilities()),
    }
    for layer, places in points.items():
        far = [name for name, place in places if not near.contains(place)]
        if far:
            yield Finding(f"市から離れた位置の{LAYER_NAMES[layer]}: {_some(far)}")
    wide = _widened(profile.bounds, AREA_MARGIN_DEG)
    for layer in AREA_LAYERS:
        far = [area.name for area in bundle.areas(layer) if not _is_within(area, wide)]
        if far:
            yield Finding(f"市から離れた{LAYER_NAMES[layer]}: {_some(far)}")


def _reach(bundle: CheckedBundle) -> Iterator[Finding]:
    """Blocks far from their town's point, and houses far from their block's."""
    towns = bundle.towns()
    keys = [(town.ward_code, town.name) for town in towns]
    reach = reach_of_towns(towns, {key: bundle.radius_m(*key) for key in keys})
    far_blocks, far_houses, orphans = [], [], []
    for (ward_code, town), blocks in bundle.blocks().items():
        if (ward_code, town) not in reach:
            orphans.append(town)
            continue
        centre, reach_m = reach[ward_code, town]
        for key, block in blocks.items():
            off_m = great_circle_m(centre, block.place)
            if off_m > reach_m:
                far_blocks.append(f"{town}{key} {off_m:,.0f}m>{reach_m:,}m")
            far_houses += [
                f"{town}{key}-{number}"
                for number, place in bundle.houses_of(ward_code, town, key).items()
                if great_circle_m(block.place, place) > HOUSE_REACH_M
            ]
    if orphans:
        yield Finding(f"町丁目のデータにない町の街区: {_some(orphans)}")
    if far_blocks:
        yield Finding(f"町丁目から限度より遠い街区: {_some(far_blocks)}")
    if far_houses:
        text = f"街区から{HOUSE_REACH_M:,}mより遠い住居番号: {_some(far_houses)}"
        yield Finding(text)


def _tiling(bundle: CheckedBundle, profile: CityProfile) -> Iterator[Finding]:
    """Proofs on every period; what stays the same over several is said once."""
    for layer in AREA_LAYERS:
        found: dict[Finding, None] = {}
        for day in tiling.periods(bundle.areas(layer)):
            found |= dict.fromkeys(_tiling_on(bundle, layer, day, profile))
        yield from found


def _tiling_on(
    bundle: CheckedBundle, layer: Layer, day: dt.date, profile: CityProfile
) -> Iterator[Finding]:
    """Overlaps, holes and areas outside their ward; of estimates they are notes."""
    areas, name = bundle.areas(layer, on=day), LAYER_NAMES[layer]
    is_firm = not bundle.manifest.is_approximate(layer)
    pairs = [
        f"{pair.a.name}と{pair.b.name} {pair.area_m2:,.0f}㎡"
        for pair in tiling.overlaps(areas, profile)
    ]
    if pairs:
        yield Finding(f"{name}の重なり: {_some(pairs)}", is_problem=is_firm)
    holes = [
        f"{gap.place.lon:.5f},{gap.place.lat:.5f} {gap.area_m2:,.0f}㎡"
        for gap in tiling.gaps(areas, profile)
    ]
    if holes:  # a park may well belong to no community, but not to no ward
        text = f"{name}のすき間: {_some(holes)}"
        yield Finding(text, is_problem=is_firm and layer is Layer.WARDS)
    wards = bundle.areas(Layer.WARDS, on=day)
    out = [
        f"{stray.area.name} {stray.share:.0%}"
        for stray in tiling.strays(areas, wards, profile)
    ]
    if out:  # never a ward: it is its own
        rough_wards = bundle.manifest.is_approximate(Layer.WARDS)
        text = f"自分の区からはみ出す{name}: {_some(out)}"
        yield Finding(text, is_problem=is_firm and not rough_wards)


def _towns_in_wards(bundle: CheckedBundle) -> Iterator[Finding]:
    wards, towns = _newest(bundle, Layer.WARDS), bundle.towns()
    if not wards or not towns:
        return
    tree = STRtree([ward.geometry for ward in wards])
    points = shapely.points([(town.place.lon, town.place.lat) for town in towns])
    wards_at: defaultdict[int, set[str]] = defaultdict(set)
    for index, hit in zip(*tree.query(points, predicate="intersects"), strict=True):
        wards_at[int(index)].add(wards[int(hit)].ward_code)
    names = {ward.ward_code: ward.name for ward in wards}
    wrong = [
        f"{names.get(town.ward_code, town.ward_code)}{town.name}"
        for index, town in enumerate(towns)
        if town.ward_code not in wards_at[index]
    ]
    if wrong:
        text = f"町丁目{len(towns):,}件のうち、自分の区の外にあるもの: {_some(wrong)}"
        rough = bundle.manifest.is_approximate(Layer.WARDS)
        yield Finding(text, is_problem=not rough)
    else:
        text = f"町丁目{len(towns):,}件は、すべて自分の区の中にあります"
        yield Finding(text, is_problem=False)


def _schools_in_districts(
    bundle: CheckedBundle, profile: CityProfile
) -> Iterator[Finding]:
    schools = [school for school in bundle.schools() if school.active]
    districts = _newest(bundle, Layer.DISTRICTS)
    if not schools or not districts:
        return
    shape_of = {
        area.id: shape
        for area, shape in zip(districts, in_plane(districts, profile), strict=True)
    }
    known = [school for school in schools if school.id in shape_of]
    points = crs.points_in_plane([school.place for school in known], profile)
    off_m = [
        (school, shape_of[school.id].distance(point))
        for school, point in zip(known, points, strict=True)
    ]
    far = [f"{one.short_name} {m:,.0f}m" for one, m in off_m if m > SCHOOL_REACH_M]
    near = [
        f"{one.short_name} {m:,.0f}m" for one, m in off_m if 0 < m <= SCHOOL_REACH_M
    ]
    if far:
        rough = bundle.manifest.is_approximate(Layer.DISTRICTS)
        text = f"自分の校区の外にある小学校: {_some(far)}"
        yield Finding(text, is_problem=not rough)
    if near:
        text = f"自分の校区のすぐ外にある小学校: {_some(near)}"
        yield Finding(text, is_problem=False)
    alone = [school.short_name for school in schools if school.id not in shape_of]
    if alone:
        yield Finding(f"校区のない小学校: {_some(alone)}", is_problem=False)
    ids = {school.id for school in schools}
    empty = [area.name for area in districts if area.id not in ids]
    if empty:
        yield Finding(f"小学校のない校区: {_some(empty)}", is_problem=False)


def _jurisdiction(bundle: CheckedBundle, profile: CityProfile) -> Iterator[Finding]:
    """Each ward has exactly one office on every day from the first of the table on."""
    rows = [
        Jurisdiction(
            ward_code=row.ward_code,
            office_id=row.office_id,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
        )
        for row in bundle.jurisdictions()
    ]
    if not rows:
        return
    offices = {office.id for office in profile.offices}
    strange = sorted({row.office_id for row in rows} - offices)
    if strange:
        yield Finding(f"所管の表にある、知らない工営所: {_some(strange)}")
    changes = {row.valid_from for row in rows}
    changes |= {row.valid_to for row in rows if row.valid_to is not None}
    for ward in profile.wards:
        own = [row for row in rows if row.ward_code == ward.code]
        for day in sorted(changes):
            num_offices = sum(1 for row in own if row.holds_on(day))
            if num_offices != 1:
                text = f"{ward.name}を受け持つ工営所が{num_offices}か所です({day}から)"
                yield Finding(text)


def _newest(bundle: CheckedBundle, layer: Layer) -> tuple[AreaRecord, ...]:
    """Areas of the last period."""
    return bundle.areas(layer, on=tiling.periods(bundle.areas(layer))[-1])


def _is_within(area: AreaRecord, box: BoundingBox) -> bool:
    west, south, east, north = area.geometry.bounds
    return box.contains(LonLat(west, south)) and box.contains(LonLat(east, north))


def _widened(box: BoundingBox, margin_deg: float) -> BoundingBox:
    return BoundingBox(
        west=box.west - margin_deg,
        south=box.south - margin_deg,
        east=box.east + margin_deg,
        north=box.north + margin_deg,
    )


def _some(names: Sequence[str]) -> str:
    """Say how many there are, and the first of them."""
    more = "ほか" if len(names) > SHOWN_NAMES else ""
    return f"{len(names):,}件({'、'.join(names[:SHOWN_NAMES])}{more})"
