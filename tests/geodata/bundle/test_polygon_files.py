"""Vector files are read as published: zips, encodings, systems; damage is refused."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pandas as pd
import pyogrio  # type: ignore[import-untyped]
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatch.domain.errors import SourceError
from geodata.bundle import polygon_files
from geodata.bundle.area_formats import AREA_FORMATS
from geodata.bundle.polygon_files import sound_polygon
from geodata.bundle.reading import ReadContext
from geodata.bundle.records import (
    Layer,
)
from tests.geodata.bundle.area_files import (
    EAST,
    FUKUSHIMA,
    MIYAKOJIMA,
    N03_SINCE_2024,
    OSAKA,
    TWO_WARDS,
    WEST,
    Rows,
    frame,
    geojson,
    n03_rows,
    read,
    source,
    zipped,
)

BOW_TIE = shapely.Polygon(
    [(135.50, 34.70), (135.51, 34.71), (135.51, 34.70), (135.50, 34.71)]
)


def test_n03_is_read_from_the_zip_as_published(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    frame(n03_rows(N03_SINCE_2024)).to_file(inner / "N03-20240101_27.shp")
    for suffix in (".cpg", ".prj"):  # old editions have neither
        (inner / f"N03-20240101_27{suffix}").unlink()
    (inner / "KS-META.xml").write_text("<x/>", encoding="utf-8")
    file = zipped(tmp_path / "N03-20240101_27_GML.ZIP", inner, under="行政区域/")
    result = read("n03", Layer.WARDS, file)
    assert [one.id for one in result.records] == [MIYAKOJIMA, FUKUSHIMA]


@pytest.mark.parametrize("encoding", ["cp932", "utf-8"])
def test_a_shapefile_that_does_not_say_its_encoding_is_read(
    tmp_path: Path, encoding: str
) -> None:
    file = tmp_path / "districts.shp"
    frame([({"学校": "高倉小学校", "区": "27102"}, EAST)]).to_file(
        file, encoding=encoding
    )
    file.with_suffix(".cpg").unlink()
    columns = {"name": "学校", "ward": "区"}
    result = read("polygons", Layer.DISTRICTS, file, TWO_WARDS, columns=columns)
    assert [one.name for one in result.records] == ["高倉小"]
    told = read(
        "polygons",
        Layer.DISTRICTS,
        file,
        TWO_WARDS,
        columns=columns,
        encoding=encoding,
    )
    assert [one.name for one in told.records] == ["高倉小"]


def test_a_geopackage_in_the_plane_is_brought_to_degrees(tmp_path: Path) -> None:
    file = tmp_path / "wards.gpkg"
    frame([({"code": "27102"}, WEST)]).to_crs(6674).to_file(file, layer="wards")
    (ward,) = read("polygons", Layer.WARDS, file, columns={"id": "code"}).records
    assert ward.geometry.symmetric_difference(WEST).area < 1e-15  # square degrees
    frame([({"code": "27103"}, EAST)]).to_file(file, layer="more")
    with pytest.raises(SourceError, match="name one of wards, more"):
        read("polygons", Layer.WARDS, file, columns={"id": "code"})
    (ward,) = read(
        "polygons",
        Layer.WARDS,
        file,
        columns={"id": "code"},
        options={"layer": "more"},
    ).records
    assert ward.id == FUKUSHIMA


def test_bad_shapes_are_mended_or_refused_and_heights_dropped(tmp_path: Path) -> None:
    flat = shapely.force_3d(EAST, 5.0)
    line = shapely.LineString([(135.5, 34.7), (135.6, 34.7)])
    mixed = shapely.GeometryCollection([WEST, line])
    rows: Rows = [
        ({"name": "蝶"}, BOW_TIE),
        ({"name": "高さ"}, flat),
        ({"name": "線"}, line),
        ({"name": "空"}, shapely.Polygon()),
        ({"name": "混合"}, mixed),
    ]
    file = geojson(tmp_path / "communities.geojson", rows)
    alone = ReadContext(profile=OSAKA)
    columns = {"name": "name", "ward": "name"}
    nowhere = read("polygons", Layer.COMMUNITIES, file, alone, columns=columns)
    assert nowhere.num_elsewhere == len(rows)
    wards: Rows = [({**texts, "区": "都島区"}, shape) for texts, shape in rows]
    file = geojson(tmp_path / "communities.geojson", wards)
    columns = {"name": "name", "ward": "区"}
    result = read("polygons", Layer.COMMUNITIES, file, alone, columns=columns)
    bow_tie, high, both = result.records
    # Two triangles, each a quarter of the square of 0.01 degrees.
    assert bow_tie.geometry.is_valid
    assert bow_tie.geometry.area == pytest.approx(0.5e-4)
    assert not high.geometry.has_z
    assert both.geometry.equals(WEST)
    assert [one.row for one in result.refused] == [4, 5]


def test_a_file_without_a_coordinate_system_asks_for_it(tmp_path: Path) -> None:
    file = tmp_path / "wards.shp"
    plane = frame([({"code": "27102"}, WEST)]).to_crs(6674)
    plane.to_file(file)
    file.with_suffix(".prj").unlink()
    with pytest.raises(SourceError, match=r"EPSG number as options\.epsg"):
        read("polygons", Layer.WARDS, file, columns={"id": "code"})
    (ward,) = read(
        "polygons", Layer.WARDS, file, columns={"id": "code"}, options={"epsg": 6674}
    ).records
    assert ward.geometry.symmetric_difference(WEST).area < 1e-15
    for number in (999_999, "x"):
        with pytest.raises(SourceError, match="unknown coordinate system"):
            read(
                "polygons",
                Layer.WARDS,
                file,
                columns={"id": "code"},
                options={"epsg": number},
            )


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.geojson", b"{oops", "cannot be read"),
        ("a.geojson", b"<OGRVRTDataSource/>", "not that of a .geojson"),
        ("a.shp", b"<OGRVRTDataSource/>", "not that of a .shp"),
        ("a.gpkg", b"", "not that of a .gpkg"),
        ("a.vrt", b"<OGRVRTDataSource/>", "not one of .geojson, .json"),
        ("a.zip", b"PK no", "cannot be unzipped"),
        ("a.geojson", b'{"type":"FeatureCollection","features":[]}', "holds no"),
        ("a.shp", b"\x00\x00\x27\x0a and no more", "cannot be read"),
    ],
)
def test_files_of_another_form_are_refused(
    tmp_path: Path, name: str, content: bytes, told: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(SourceError, match=told) as raised:
        read("n03", Layer.WARDS, file)
    assert str(file) in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="source n03: no file"):
        read("n03", Layer.WARDS, tmp_path / "nothing.geojson")
    with pytest.raises(SourceError, match="source n03: no file None"):
        AREA_FORMATS["n03"].read(source("n03", Layer.WARDS), TWO_WARDS)


def test_a_zip_without_areas_or_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    geojson(inner / "a.geojson", n03_rows(N03_SINCE_2024))
    file = zipped(tmp_path / "a.zip", inner)
    with pytest.raises(SourceError, match=r"holds no file \*b.geojson of"):
        read("n03", Layer.WARDS, file, options={"member": "b.geojson"})
    assert len(read("n03", Layer.WARDS, file).records) == 2
    monkeypatch.setattr(polygon_files, "MAX_UNZIPPED_BYTES", 100)
    with pytest.raises(SourceError, match="more than 100 bytes unzipped"):
        read("n03", Layer.WARDS, file)


@pytest.mark.parametrize("damage", ["password", "content"])
def test_a_zip_that_cannot_be_unpacked_is_refused(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.geojson", "{}" * 1_000)
    content = bytearray(file.read_bytes())
    if damage == "password":
        content[content.index(b"PK\x01\x02") + 8] |= 1  # flag bit 0: encrypted
    else:
        content[39:45] = b"\xff" * 6  # the packed data follow a head of 30 + 9 bytes
    file.write_bytes(content)
    with pytest.raises(SourceError, match="cannot be unzipped"):
        read("n03", Layer.WARDS, file)


def test_a_table_without_shapes_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.shp"
    frame([({"name": "高倉小学校"}, WEST)]).to_file(file, encoding="cp932")
    for suffix in (".cpg", ".shx"):
        file.with_suffix(suffix).unlink()
    with pytest.raises(SourceError, match="cannot be read"):
        read("polygons", Layer.COMMUNITIES, file, columns={"name": "name"})
    table = tmp_path / "b.gpkg"
    pyogrio.write_dataframe(pd.DataFrame({"name": ["高倉小学校"]}), table)
    with pytest.raises(SourceError, match="a table without shapes"):
        read("polygons", Layer.COMMUNITIES, table, columns={"name": "name"})


def test_a_text_in_no_known_encoding_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.shp"
    frame([({"name": "AAAA"}, WEST)]).to_file(file)
    file.with_suffix(".cpg").unlink()
    table = file.with_suffix(".dbf")
    table.write_bytes(table.read_bytes().replace(b"AAAA", b"\x81 \x81 "))
    with pytest.raises(SourceError, match="cannot be read"):
        read("polygons", Layer.COMMUNITIES, file, columns={"name": "name"})


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    content=st.binary(max_size=300),
    form=st.sampled_from(
        [
            ("a.geojson", b'{"type":"FeatureCollection","features":['),
            ("a.geojson", b"{"),
            ("a.shp", b"\x00\x00\x27\x0a"),
            ("a.gpkg", b"SQLite format 3\x00"),
            ("a.zip", b"PK\x03\x04"),
        ]
    ),
)
def test_any_bytes_give_areas_or_a_refusal(
    tmp_path: Path, content: bytes, form: tuple[str, bytes]
) -> None:
    name, head = form
    file = tmp_path / name
    file.write_bytes(head + content)
    with pytest.raises(SourceError):
        read("n03", Layer.WARDS, file)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.tuples(
            st.floats(134.0, 136.0) | st.floats(allow_nan=False, allow_infinity=False),
            st.floats(34.0, 35.0) | st.floats(allow_nan=False, allow_infinity=False),
        ),
        max_size=8,
    )
)
def test_any_ring_gives_a_valid_area_or_a_refused_row(
    tmp_path: Path, ring: list[tuple[float, float]]
) -> None:
    shape = {"type": "Polygon", "coordinates": [[*ring, *ring[:1]]]}
    whole = {"type": "Polygon", "coordinates": [list(WEST.exterior.coords)]}
    features = [
        {"type": "Feature", "properties": {"N03_007": code}, "geometry": geometry}
        for code, geometry in (("27102", shape), ("27103", whole))
    ]
    file = tmp_path / "ring.geojson"
    document = {"type": "FeatureCollection", "features": features}
    file.write_text(json.dumps(document), encoding="utf-8")
    result = read("n03", Layer.WARDS, file)
    assert len(result.records) + len(result.refused) == 2
    for one in result.records:
        assert one.geometry.is_valid
        assert one.geometry.area > 0


def test_a_shape_whose_area_is_lost_in_rounding_is_none() -> None:
    # Its area is 1/2, far below the last digit of its height.
    needle = shapely.Polygon([(1, 9007199254740996), (0, 0), (0, 1)])
    assert needle.is_valid
    assert needle.area == 0
    assert sound_polygon(needle) is None
    assert sound_polygon(WEST) is WEST
