"""The feature service as its real clients read it: OWSLib, GDAL, ogrinfo, QGIS."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pyogrio  # type: ignore[import-untyped]
import pytest
from owslib.ogcapi.features import Features  # type: ignore[import-untyped]

from tests.api.installation import services_of
from tests.contract.ogc_server import on_socket
from tests.contract.ogc_world import (
    COLLECTIONS,
    SOUTH,
    STEP_LAT,
    OgcWorld,
    served_world,
)

LIMIT_S = 120
DEBIAN_PYTHON = Path("/usr/bin/python3")
# The first row of the grid: six charts.
ROW = (135.0, SOUTH - STEP_LAT / 2, 136.0, SOUTH + STEP_LAT / 2)
KINDS = {
    "consultations": "Point",
    "visits": "Point",
    "plans": "LineString",
    "wards": "MultiPolygon",
    "school_districts": "MultiPolygon",
    "offices": "Point",
}
QGIS = """
import json, sys
from qgis.core import (
    QgsApplication, QgsFeatureRequest, QgsRectangle, QgsVectorLayer, QgsWkbTypes
)
url, *names = sys.argv[1:]
app = QgsApplication([], False)
app.initQgis()
told = {}
for name in names:
    source = f"url='{url}' typename='{name}' pageSize='5'"
    layer = QgsVectorLayer(source, name, "OAPIF")
    told[name] = {
        "valid": layer.isValid(),
        "count": sum(1 for _ in layer.getFeatures()),
        "kind": QgsWkbTypes.displayString(layer.wkbType()),
    }
source = f"url='{url}' typename='consultations' restrictToRequestBBOX='1'"
layer = QgsVectorLayer(source, "row", "OAPIF")
row = QgsFeatureRequest(QgsRectangle(*ROW))
told["row"] = sum(1 for _ in layer.getFeatures(row))
print("TOLD " + json.dumps(told))
del layer
app.exitQgis()
"""


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, geodata_dir: Path
) -> Iterator[OgcWorld]:
    """Serve the small city on the usual database."""
    with served_world(tmp_path_factory.mktemp("clients"), geodata_dir) as opened:
        yield opened


@pytest.fixture(scope="module")
def url(world: OgcWorld) -> Iterator[str]:
    """Address of the feature service on a socket."""
    with on_socket(services_of(world.client).settings) as base:
        yield f"{base}/ogc"


def num_items(world: OgcWorld, collection: str) -> int:
    return int(world.items(collection)["numberMatched"])


def test_a_query_of_100_000_characters_is_refused(url: str) -> None:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=LIMIT_S)
    path = f"{parts.path}/collections/wards/items?bbox={'1,' * 50_000}"
    connection.request("GET", path)
    assert connection.getresponse().status == 400
    connection.close()


def test_owslib_reads_everything_by_its_own_links(url: str, world: OgcWorld) -> None:
    service = Features(url)
    assert service.feature_collections() == list(COLLECTIONS)
    assert service.api()["openapi"] == "3.0.3"
    assert len(service.conformance()["conformsTo"]) == 4
    for collection in COLLECTIONS:
        assert service.collection(collection)["id"] == collection
        assert service.collection_queryables(collection)["type"] == "object"
        page = service.collection_items(collection, limit=3)
        assert page["numberMatched"] == num_items(world, collection)
        assert len(page["features"]) == 3
        feature = service.collection_item(collection, page["features"][0]["id"])
        assert feature["id"] == page["features"][0]["id"]
    row = service.collection_items("consultations", limit=100, bbox=list(ROW))
    assert len(row["features"]) == row["numberMatched"] == 6


def test_gdal_reads_every_layer_whole_with_its_kind_of_geometry(
    url: str, world: OgcWorld
) -> None:
    source = f"OAPIF:{url}"
    listed = {str(name): str(kind) for name, kind in pyogrio.list_layers(source)}
    assert listed == KINDS
    for collection in COLLECTIONS:
        # Pages of seven: every layer but one has more than one.
        frame = pyogrio.read_dataframe(source, layer=collection, PAGE_SIZE=7)
        assert len(frame) == num_items(world, collection)
        assert frame["id"].is_unique
        assert set(frame.geom_type) == {KINDS[collection]}


def test_gdal_reads_boxes_properties_and_the_city_s_own_plane(url: str) -> None:
    source = f"OAPIF:{url}"

    def count(**more: object) -> int:
        read = pyogrio.read_dataframe(source, layer="consultations", **more)
        return len(read)

    assert count(bbox=ROW) == 6
    assert count(where="category = 'R13'") == 8  # each third of 24
    assert count(bbox=ROW, where="category = 'R13'") == 2
    plane = pyogrio.read_dataframe(source, layer="consultations", CRS="EPSG:6674")
    degrees = pyogrio.read_dataframe(source, layer="consultations")
    assert plane.crs.to_epsg() == 6674
    turned = plane.to_crs(epsg=6668).geometry
    there = degrees.set_crs(epsg=6668, allow_override=True).geometry
    # Centimetres of the plane are 1e-7 degrees, six decimals 5e-7.
    assert turned.geom_equals_exact(there, tolerance=2e-6).all()


def test_ogrinfo_summarises_all_layers(url: str, world: OgcWorld) -> None:
    program = shutil.which("ogrinfo")
    if program is None:
        pytest.skip("NOT TESTED WITH OGRINFO: apt-get install gdal-bin")
    done = subprocess.run(  # noqa: S603 - ogrinfo
        [program, "-ro", "-al", "-so", f"OAPIF:{url}"],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=True,
    )
    names = re.findall(r"^Layer name: (.+)$", done.stdout, re.MULTILINE)
    counts = re.findall(r"^Feature Count: (\d+)$", done.stdout, re.MULTILINE)
    told = dict(zip(names, map(int, counts), strict=True))
    assert told == {name: num_items(world, name) for name in COLLECTIONS}
    assert "ERROR" not in done.stdout + done.stderr


@pytest.mark.slow
def test_qgis_opens_all_layers_page_by_page(
    url: str, world: OgcWorld, tmp_path: Path
) -> None:
    probe = [str(DEBIAN_PYTHON), "-c", "import qgis.core"]
    if not DEBIAN_PYTHON.exists() or subprocess.run(probe, check=False).returncode:  # noqa: S603
        pytest.skip("NOT TESTED WITH QGIS: apt-get install python3-qgis qgis-providers")
    script = tmp_path / "read.py"
    script.write_text(QGIS.replace("*ROW", ", ".join(map(str, ROW))), encoding="utf-8")
    done = subprocess.run(  # noqa: S603 - Debian's Python, our own script
        [str(DEBIAN_PYTHON), str(script), url, *COLLECTIONS],
        env={"QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    line = re.search(r"^TOLD (.+)$", done.stdout, re.MULTILINE)
    assert line is not None, done.stderr
    told = json.loads(line.group(1))
    assert told.pop("row") == 6
    assert {name: one["count"] for name, one in told.items()} == {
        name: num_items(world, name) for name in COLLECTIONS
    }
    assert {name: one["kind"] for name, one in told.items()} == KINDS
    assert all(one["valid"] for one in told.values())
