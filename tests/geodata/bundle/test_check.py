"""A bundle that would put a consultation in the wrong place does not pass the check."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from dispatch.domain.errors import SourceError
from dispatch.domain.place import LonLat
from geodata.bundle.check import CheckedBundle, Finding, check_bundle
from geodata.bundle.manifest import (
    BundleManifest,
    Purpose,
    SourceRecord,
    checksums,
)
from geodata.bundle.records import (
    AreaRecord,
    BlockRecord,
    FacilityRecord,
    JurisdictionRecord,
    Layer,
    SchoolRecord,
    TownRecord,
)
from geodata.bundle.store import Bundle
from geodata.city import load_city

WHOLE_OSAKA = load_city("osaka")
# A city of the first two wards.
OSAKA = replace(WHOLE_OSAKA, wards=WHOLE_OSAKA.wards[:2])
MIYAKOJIMA, FUKUSHIMA = (ward.code for ward in OSAKA.wards)
WEST = shapely.box(135.50, 34.70, 135.51, 34.71)
EAST = shapely.box(135.51, 34.70, 135.52, 34.71)
IN_WEST, IN_EAST = LonLat(135.505, 34.705), LonLat(135.515, 34.705)
EVER = dt.date(2011, 4, 1)


def area(
    layer: Layer, key: str, ward: str, shape: BaseGeometry, **days: dt.date
) -> AreaRecord:
    return AreaRecord(
        layer=layer, id=key, name=key, ward_code=ward, geometry=shape, **days
    )


def town(ward: str, name: str, place: LonLat) -> TownRecord:
    return TownRecord(ward_code=ward, name=name, oaza=name, chome=None, place=place)


def block(ward: str, name: str, place: LonLat) -> BlockRecord:
    return BlockRecord(ward_code=ward, town=name, block="1", place=place)


def school(key: str, ward: str, place: LonLat, *, active: bool = True) -> SchoolRecord:
    return SchoolRecord(
        id=key,
        name=f"{key}小学校",
        short_name=f"{key}小",
        ward_code=ward,
        place=place,
        active=active,
    )


def office_of(
    ward: str,
    office: str,
    *,
    valid_from: dt.date = EVER,
    valid_to: dt.date | None = None,
) -> JurisdictionRecord:
    return JurisdictionRecord(
        ward_code=ward, office_id=office, valid_from=valid_from, valid_to=valid_to
    )


def given(layer: Layer, **more: Any) -> SourceRecord:  # noqa: ANN401 - its fields
    values = {"num_rows": 100, "num_kept": 100, **more}
    return SourceRecord(
        id=layer.value,
        layer=layer,
        format="x",
        title=f"{layer.value}の出典",
        publisher="架空の発行者",
        licence="CC BY 4.0",
        date="2026",
        **values,
    )


def manifest(
    counts: Mapping[str, Mapping[str, int]],
    *sources: SourceRecord,
    **more: Any,  # noqa: ANN401 - its fields
) -> BundleManifest:
    values = {
        "id": "b",
        "city": "osaka",
        "purpose": Purpose.PRODUCTION,
        "built_at": "2026-11-22T09:00:00+09:00",
        "tool_version": "0",
        "files": {},
        "sizes": {},
        "radii": "",
        **more,
    }
    return BundleManifest(counts=counts, sources=sources, **values)


EACH = {MIYAKOJIMA: 100, FUKUSHIMA: 100}
FULL = manifest({layer.value: EACH for layer in Layer})


@dataclass
class FakeBundle:
    """A sound bundle of two wards; a test spoils one thing of it."""

    folder: Path
    manifest: BundleManifest = FULL
    all_towns: tuple[TownRecord, ...] = (
        town(MIYAKOJIMA, "西町", IN_WEST),
        town(FUKUSHIMA, "東町", IN_EAST),
    )
    radii: Mapping[tuple[str, str], int] = field(default_factory=dict)
    all_blocks: tuple[BlockRecord, ...] = (
        block(MIYAKOJIMA, "西町", IN_WEST),
        block(FUKUSHIMA, "東町", IN_EAST),
    )
    houses: Mapping[str, LonLat] = field(default_factory=dict)
    all_schools: tuple[SchoolRecord, ...] = (
        school("西", MIYAKOJIMA, IN_WEST),
        school("東", FUKUSHIMA, IN_EAST),
        school("閉", FUKUSHIMA, IN_EAST, active=False),
    )
    all_facilities: tuple[FacilityRecord, ...] = ()
    all_areas: tuple[AreaRecord, ...] = (
        area(Layer.WARDS, MIYAKOJIMA, MIYAKOJIMA, WEST),
        area(Layer.WARDS, FUKUSHIMA, FUKUSHIMA, EAST),
        area(Layer.DISTRICTS, "西", MIYAKOJIMA, WEST),
        area(Layer.DISTRICTS, "東", FUKUSHIMA, EAST),
    )
    rows: tuple[JurisdictionRecord, ...] = (
        office_of(MIYAKOJIMA, "nakahama"),
        office_of(FUKUSHIMA, "ebie"),
    )

    def towns(self) -> tuple[TownRecord, ...]:
        return self.all_towns

    def radius_m(self, ward_code: str, town: str) -> int:
        return self.radii.get((ward_code, town), 300)

    def blocks(self) -> Mapping[tuple[str, str], Mapping[str, BlockRecord]]:
        return {(one.ward_code, one.town): {one.block: one} for one in self.all_blocks}

    def houses_of(self, ward_code: str, town: str, block: str) -> Mapping[str, LonLat]:
        known = (ward_code, town, block) == (MIYAKOJIMA, "西町", "1")
        return self.houses if known else {}

    def schools(self) -> tuple[SchoolRecord, ...]:
        return self.all_schools

    def facilities(self) -> tuple[FacilityRecord, ...]:
        return self.all_facilities

    def areas(self, layer: Layer, on: dt.date | None = None) -> tuple[AreaRecord, ...]:
        return tuple(
            one
            for one in self.all_areas
            if one.layer is layer and (on is None or one.holds_on(on))
        )

    def jurisdictions(self) -> tuple[JurisdictionRecord, ...]:
        return self.rows


Spoil = Callable[..., FakeBundle]


@pytest.fixture
def bundle(tmp_path: Path) -> Spoil:
    """Make a bundle with some things changed, whole on disk."""

    def made(**changes: Any) -> FakeBundle:  # noqa: ANN401 - keyword overrides
        (tmp_path / "city.sqlite3").write_bytes(b"data")
        files, sizes = checksums(tmp_path)
        one = FakeBundle(tmp_path, **changes)
        one.manifest = replace(one.manifest, files=files, sizes=sizes)
        one.manifest.write(tmp_path)
        return one

    return made


def found(one: CheckedBundle, previous: BundleManifest | None = FULL) -> list[Finding]:
    return check_bundle(one, OSAKA, previous)


def problems(one: CheckedBundle, previous: BundleManifest | None = FULL) -> list[str]:
    return [each.text for each in found(one, previous) if each.is_problem]


def notes(one: CheckedBundle, previous: BundleManifest | None = FULL) -> list[str]:
    return [each.text for each in found(one, previous) if not each.is_problem]


def test_an_opened_bundle_is_what_the_check_asks_for() -> None:
    checked: Callable[[Bundle], CheckedBundle] = lambda opened: opened  # noqa: E731
    assert callable(checked)


def test_a_sound_bundle_has_no_problem(bundle: Spoil) -> None:
    assert found(bundle()) == [
        Finding("町丁目2件は、すべて自分の区の中にあります", is_problem=False)
    ]


def test_of_a_changed_or_missing_file_nothing_else_is_looked_at(
    bundle: Spoil, tmp_path: Path
) -> None:
    one = bundle(all_towns=())
    (tmp_path / "city.sqlite3").write_bytes(b"other")
    assert found(one) == [
        Finding("ファイルがないか、中身が作成時と違います: city.sqlite3")
    ]
    (tmp_path / "manifest.json").unlink()
    (text,) = problems(one)
    assert text.startswith("データを読めません")


def test_data_that_cannot_be_read_are_a_finding(
    bundle: Spoil, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: FakeBundle) -> tuple[TownRecord, ...]:
        raise SourceError("damaged page")

    monkeypatch.setattr(FakeBundle, "towns", broken)
    assert problems(bundle()) == ["データを読めません: damaged page"]


def test_another_citys_bundle_is_a_problem(bundle: Spoil) -> None:
    assert problems(bundle(manifest=replace(FULL, city="boston"))) == [
        "別の都市のデータです: boston"
    ]


@pytest.mark.parametrize("purpose", list(Purpose))
def test_invented_rows_are_a_problem_of_a_production_bundle_only(
    bundle: Spoil, purpose: Purpose
) -> None:
    invented = given(Layer.BLOCKS, is_synthetic=True, num_kept=1_200)
    unused = given(Layer.TOWNS, is_synthetic=True, num_kept=0)
    one = bundle(manifest=replace(FULL, purpose=purpose, sources=(invented, unused)))
    told = problems(one) if purpose is Purpose.PRODUCTION else notes(one)
    assert told[0] == "作り物のデータが1,200件あります: blocksの出典"
    assert len(problems(one)) == (purpose is Purpose.PRODUCTION)


def test_refused_rows_are_a_problem_above_one_in_a_hundred(bundle: Spoil) -> None:
    few = given(Layer.TOWNS, num_rows=99, num_refused=1)
    many = given(Layer.BLOCKS, num_rows=98, num_refused=2)
    one = bundle(manifest=replace(FULL, sources=(few, many)))
    assert notes(one)[0] == "townsの出典: 1行を採りませんでした(全体の1.0%)"
    assert problems(one) == ["blocksの出典: 2行を採りませんでした(全体の2.0%)"]


def test_absent_files_layers_and_estimates_are_said(bundle: Spoil) -> None:
    counts = {key: n for key, n in FULL.counts.items() if key != "assets"}
    absent = given(Layer.ASSETS, is_absent=True, num_rows=0, num_kept=0)
    rough = given(Layer.DISTRICTS, is_approximate=True)
    one = bundle(manifest=manifest(counts, absent, rough))
    assert notes(one, manifest(counts))[:3] == [
        "ファイルがなく、読んでいません: assetsの出典",
        "入っていないデータ: 設備の台帳",
        "校区は推定で、正式な境界ではありません",
    ]
    assert problems(one, manifest(counts)) == []


def test_a_ward_without_towns_is_a_problem(bundle: Spoil) -> None:
    counts = {**FULL.counts, "towns": {MIYAKOJIMA: 100}}
    one = bundle(manifest=manifest(counts))
    assert problems(one, None) == ["町丁目のない区: 1件(福島区)"]
    assert "前回のデータがないため、件数を比べていません" in notes(one, None)


def test_a_drop_above_one_in_a_hundred_or_a_lost_ward_is_a_problem(
    bundle: Spoil,
) -> None:
    new = {
        **FULL.counts,
        "blocks": {MIYAKOJIMA: 99, FUKUSHIMA: 98},  # 1 % and 2 % fewer
        "assets": {MIYAKOJIMA: 100},  # 福島区 is gone
        "houses": {MIYAKOJIMA: 110, FUKUSHIMA: 100},
        "facilities": {"": 1_000},
    }
    old = {**FULL.counts, "facilities": {"": 2_000}}
    one = bundle(manifest=manifest(new))
    assert problems(one, manifest(old)) == [
        "街区が減りました: 福島区 100件 → 98件",
        "施設が減りました: 区の記載なし 2,000件 → 1,000件",
        "設備の台帳が減りました: 福島区 100件 → 0件",
    ]
    assert notes(one, manifest(old))[:2] == [
        "街区が減りました: 都島区 100件 → 99件",
        "住居番号が増えました: 200件 → 210件",
    ]


def test_points_and_areas_far_from_the_city_are_problems(bundle: Spoil) -> None:
    tokyo = LonLat(139.76, 35.68)
    swapped = area(
        Layer.COMMUNITIES, "遠い地域", MIYAKOJIMA, shapely.box(34.70, 80, 34.71, 81)
    )
    hall = FacilityRecord(id="f", name="都庁", place=tokyo)
    one = bundle(
        all_facilities=(hall,),
        all_areas=(*FakeBundle.all_areas, swapped),
        all_schools=(*FakeBundle.all_schools, school("遠", MIYAKOJIMA, tokyo)),
    )
    told = problems(one)
    assert "市から離れた位置の施設: 1件(都庁)" in told
    assert "市から離れた位置の小学校: 1件(遠小学校)" in told
    assert "市から離れた地域: 1件(遠い地域)" in told


def test_blocks_and_houses_out_of_reach_are_problems(bundle: Spoil) -> None:
    # 0.02 degrees of latitude are 2.2 km, 0.01 are 1.1 km.
    far = block(FUKUSHIMA, "東町", LonLat(135.515, 34.725))
    orphan = block(FUKUSHIMA, "無い町", IN_EAST)
    house = LonLat(135.505, 34.715)
    one = bundle(
        all_blocks=(block(MIYAKOJIMA, "西町", IN_WEST), far, orphan),
        houses={"7": house, "8": IN_WEST},
    )
    assert problems(one) == [
        "町丁目のデータにない町の街区: 1件(無い町)",
        "町丁目から限度より遠い街区: 1件(東町1 2,224m>1,500m)",
        "街区から500mより遠い住居番号: 1件(西町1-7)",
    ]


def test_a_block_is_believed_as_far_as_the_build_believes_it(bundle: Spoil) -> None:
    # 2.2 km off: beyond the 1.5 km of a small town, within 2 x 1.2 km of a large one.
    far = block(FUKUSHIMA, "東町", LonLat(135.515, 34.725))
    small, large = ({(FUKUSHIMA, "東町"): radius_m} for radius_m in (700, 1_200))
    told = problems(bundle(all_blocks=(far,), radii=small))
    assert told == ["町丁目から限度より遠い街区: 1件(東町1 2,224m>1,500m)"]
    assert problems(bundle(all_blocks=(far,), radii=large)) == []


@pytest.mark.parametrize("is_approximate", [False, True])
def test_what_does_not_tile_is_a_problem_unless_it_is_an_estimate(
    bundle: Spoil, *, is_approximate: bool
) -> None:
    wide = shapely.box(135.509, 34.70, 135.52, 34.71)
    holed = WEST.difference(shapely.box(135.502, 34.702, 135.503, 34.703))
    sources = tuple(
        given(layer, is_approximate=is_approximate)
        for layer in (Layer.WARDS, Layer.DISTRICTS)
    )
    one = bundle(
        manifest=replace(FULL, sources=sources),
        all_areas=(
            area(Layer.WARDS, MIYAKOJIMA, MIYAKOJIMA, holed),
            area(Layer.WARDS, FUKUSHIMA, FUKUSHIMA, EAST),
            area(Layer.DISTRICTS, "西", MIYAKOJIMA, holed),
            area(Layer.DISTRICTS, "東", FUKUSHIMA, wide),
        ),
    )
    told = notes(one) if is_approximate else problems(one)
    # 0.001 x 0.01 degrees at 34.7 north are 91.6 m x 1,109 m = 101,600 m2.
    assert any(text.startswith("区の区域のすき間: 1件(135.502") for text in told)
    assert any(text.startswith("校区の重なり: 1件(西と東 101,") for text in told)
    assert "自分の区からはみ出す校区: 1件(東 9%)" in told  # 1 of 11 thousandths
    # A gap between districts is only worth knowing.
    assert any(text.startswith("校区のすき間: 1件") for text in notes(one))
    if is_approximate:
        assert problems(one) == []


def test_a_real_district_beyond_an_estimated_ward_is_only_worth_knowing(
    bundle: Spoil,
) -> None:
    wide = shapely.box(135.50, 34.69, 135.51, 34.71)  # half of it is south of its ward
    sources = (given(Layer.WARDS, is_approximate=True), given(Layer.DISTRICTS))
    districts = (
        area(Layer.DISTRICTS, "西", MIYAKOJIMA, wide),
        area(Layer.DISTRICTS, "東", FUKUSHIMA, EAST),
    )
    one = bundle(
        manifest=replace(FULL, sources=sources),
        all_areas=(*FakeBundle.all_areas[:2], *districts),
    )
    assert "自分の区からはみ出す校区: 1件(西 50%)" in notes(one)
    assert problems(one) == []


def test_districts_of_other_days_may_lie_on_one_another(bundle: Spoil) -> None:
    last, first = dt.date(2024, 3, 31), dt.date(2024, 4, 1)
    whole = shapely.union(WEST, EAST)
    areas = [one for one in FakeBundle.all_areas if one.layer is not Layer.DISTRICTS]
    old = area(Layer.DISTRICTS, "旧", MIYAKOJIMA, WEST, valid_to=last)
    new = area(Layer.DISTRICTS, "西", MIYAKOJIMA, WEST, valid_from=first)
    one = bundle(all_areas=(*areas, old, new))
    assert problems(one) == []
    # Both hold in 2025: what overlaps then is found, and said once for all periods.
    late = area(Layer.DISTRICTS, "東", FUKUSHIMA, whole, valid_from=dt.date(2025, 4, 1))
    again = area(Layer.DISTRICTS, "北", MIYAKOJIMA, WEST, valid_from=first)
    one = bundle(all_areas=(*areas, new, again, late))
    overlapping = [text for text in problems(one) if "重なり" in text]
    assert len(overlapping) == 2  # 西と北 from 2024; with 東 as well from 2025
    assert overlapping[0].startswith("校区の重なり: 1件(西と北")
    assert overlapping[1].startswith("校区の重なり: 3件(")


@pytest.mark.parametrize("is_approximate", [False, True])
def test_a_town_outside_its_ward_is_a_problem_of_real_wards(
    bundle: Spoil, *, is_approximate: bool
) -> None:
    source = given(Layer.WARDS, is_approximate=is_approximate)
    astray = town(MIYAKOJIMA, "東町", IN_EAST)
    one = bundle(
        manifest=replace(FULL, sources=(source,)),
        all_towns=(*FakeBundle.all_towns, astray),
    )
    text = "町丁目3件のうち、自分の区の外にあるもの: 1件(271021東町)"
    assert text in (notes(one) if is_approximate else problems(one))


def test_without_wards_or_towns_nothing_is_said_of_towns_in_wards(
    bundle: Spoil,
) -> None:
    assert not any("町丁目" in each.text for each in found(bundle(all_areas=())))
    empty = bundle(all_towns=(), all_blocks=())
    assert not any("町丁目" in each.text for each in found(empty))


@pytest.mark.parametrize("is_approximate", [False, True])
def test_schools_are_looked_for_in_their_district(
    bundle: Spoil, *, is_approximate: bool
) -> None:
    source = given(Layer.DISTRICTS, is_approximate=is_approximate)
    # 0.0005 degrees of latitude are 55 m, 0.002 are 222 m beyond the edge at 34.71.
    one = bundle(
        manifest=replace(FULL, sources=(source,)),
        all_schools=(
            school("西", MIYAKOJIMA, LonLat(135.505, 34.712)),
            school("東", FUKUSHIMA, LonLat(135.515, 34.7105)),
            school("新", FUKUSHIMA, IN_EAST),
        ),
        all_areas=(
            *FakeBundle.all_areas[:4],
            area(
                Layer.DISTRICTS,
                "廃",
                MIYAKOJIMA,
                shapely.box(135.49, 34.7, 135.5, 34.71),
            ),
        ),
    )
    far = "自分の校区の外にある小学校: 1件(西小 222m)"
    assert far in (notes(one) if is_approximate else problems(one))
    told = notes(one)
    assert "自分の校区のすぐ外にある小学校: 1件(東小 55m)" in told
    assert "校区のない小学校: 1件(新小)" in told
    assert "小学校のない校区: 1件(廃)" in told


def test_each_ward_has_one_office_on_every_day(bundle: Spoil) -> None:
    ends, begins = dt.date(2024, 4, 1), dt.date(2024, 10, 1)
    one = bundle(
        rows=(
            office_of(MIYAKOJIMA, "nakahama", valid_to=ends),
            office_of(MIYAKOJIMA, "tajima", valid_from=begins),
            office_of(FUKUSHIMA, "ebie"),
            office_of(FUKUSHIMA, "mars", valid_from=begins),
        )
    )
    assert problems(one) == [
        "所管の表にある、知らない工営所: 1件(mars)",
        "都島区を受け持つ工営所が0か所です(2024-04-01から)",
        "福島区を受け持つ工営所が2か所です(2024-10-01から)",
    ]
    # The end of a row is the day on which the next begins.
    handed = bundle(
        rows=(
            office_of(MIYAKOJIMA, "nakahama", valid_to=ends),
            office_of(MIYAKOJIMA, "tajima", valid_from=ends),
            office_of(FUKUSHIMA, "ebie"),
        )
    )
    assert problems(handed) == []
    assert problems(bundle(rows=())) == []


def test_long_lists_show_the_first_names(bundle: Spoil) -> None:
    tokyo = LonLat(139.76, 35.68)
    halls = tuple(
        FacilityRecord(id=str(n), name=f"館{n}", place=tokyo) for n in range(7)
    )
    assert problems(bundle(all_facilities=halls)) == [
        "市から離れた位置の施設: 7件(館0、館1、館2、館3、館4ほか)"
    ]
