"""OGC API – Features part 1 and 2, requirement by requirement (17-069r4, 18-058r1)."""

from __future__ import annotations

import datetime as dt
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from openapi_spec_validator import OpenAPIV30SpecValidator

from api.ogc.links import own_base
from api.settings import Settings
from tests.api.installation import AUTH, KEY, NOW, running, settings_for
from tests.contract.ogc_world import (
    COLLECTIONS,
    CRS84,
    EPSG,
    ITEMS,
    ROOT,
    SOUTH,
    WEST,
    OgcWorld,
    href,
)

JSON = "application/json"
GEOJSON = "application/geo+json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
QUERYABLES = "http://www.opengis.net/def/rel/ogc/1.0/queryables"
SYSTEMS = [CRS84, *(f"{EPSG}{code}" for code in (4326, 6668, 6674, 3857))]
every_collection = pytest.mark.parametrize("collection", COLLECTIONS)


def refused(ogc: OgcWorld, url: str, status: int = 400, **headers: str) -> str:
    """Ask for what is refused; return what is said."""
    answer = ogc.client.get(url, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == JSON
    told = answer.json()
    assert set(told) == {"code", "description"}
    assert told["code"]
    assert told["description"]
    description: str = told["description"]
    return description


# -- landing page, conformance, API definition -----------------------------------------


@pytest.mark.parametrize("path", [ROOT, f"{ROOT}/"])
def test_landing_page_links_to_definition_conformance_and_data(
    ogc: OgcWorld, path: str
) -> None:
    document = ogc.get(path)
    links = {link["rel"]: link for link in document["links"]}
    assert links["service-desc"]["type"] == OPENAPI
    assert document["title"].startswith("大阪市")
    assert document["attribution"]
    for rel in ("self", "service-desc", "conformance", "data"):
        link = links[rel]
        assert link["href"].startswith("http://testserver/ogc")
        answer = ogc.client.get(link["href"])
        assert answer.status_code == 200
        assert answer.headers["content-type"] == link["type"]


def test_conformance_names_core_definition_geojson_and_crs(ogc: OgcWorld) -> None:
    part = "http://www.opengis.net/spec/ogcapi-features-{}/1.0/conf/{}"
    assert ogc.get(f"{ROOT}/conformance")["conformsTo"] == [
        part.format(1, "core"),
        part.format(1, "oas30"),
        part.format(1, "geojson"),
        part.format(2, "crs"),
    ]


def test_definition_is_valid_and_names_every_path(ogc: OgcWorld) -> None:
    definition = ogc.get(f"{ROOT}/api")
    assert definition["openapi"] == "3.0.3"
    assert list(OpenAPIV30SpecValidator(definition).iter_errors()) == []
    assert definition["servers"] == [{"url": "http://testserver/ogc"}]
    paths = {"/", "/api", "/conformance", "/collections"}
    for collection in COLLECTIONS:
        root = f"/collections/{collection}"
        tails = ("", "/queryables", "/items", "/items/{featureId}")
        paths |= {f"{root}{tail}" for tail in tails}
    assert set(definition["paths"]) == paths


@every_collection
def test_parameters_are_defined_as_the_standard_writes_them(
    ogc: OgcWorld, collection: str
) -> None:
    definition = ogc.get(f"{ROOT}/api")
    shared = definition["components"]["parameters"]
    listed = definition["paths"][f"/collections/{collection}/items"]["get"]
    parameters = {}
    for one in listed["parameters"]:
        if "$ref" in one:
            one = shared[one["$ref"].rpartition("/")[2]]  # noqa: PLW2901
        parameters[one["name"]] = one
    form = {"in": "query", "required": False, "style": "form", "explode": False}
    for one in parameters.values():
        assert form.items() <= one.items()
    assert parameters["limit"]["schema"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 10_000,
        "default": 10,
    }
    assert parameters["bbox"]["schema"] == {
        "type": "array",
        "oneOf": [{"minItems": 4, "maxItems": 4}, {"minItems": 6, "maxItems": 6}],
        "items": {"type": "number"},
    }
    assert parameters["datetime"]["schema"] == {"type": "string"}
    assert parameters["crs"]["schema"]["enum"] == SYSTEMS
    queryables = ogc.get(f"{ROOT}/collections/{collection}/queryables")
    common = {"limit", "bbox", "bbox-crs", "datetime", "crs", "cursor", "f"}
    assert set(parameters) - common == set(queryables["properties"])


# -- collections -----------------------------------------------------------------------


def test_collections_are_listed_as_each_tells_of_itself(ogc: OgcWorld) -> None:
    document = ogc.get(f"{ROOT}/collections")
    assert [one["id"] for one in document["collections"]] == list(COLLECTIONS)
    assert document["crs"] == SYSTEMS
    assert href(document, "self") == "http://testserver/ogc/collections"
    for one in document["collections"]:
        assert ogc.get(f"{ROOT}/collections/{one['id']}") == one


@every_collection
def test_a_collection_tells_where_its_items_are_and_in_which_systems(
    ogc: OgcWorld, collection: str
) -> None:
    document = ogc.get(f"{ROOT}/collections/{collection}")
    assert document["itemType"] == "feature"
    assert document["crs"] == SYSTEMS
    assert document["storageCrs"] == CRS84
    for rel, kind in (("self", JSON), ("items", GEOJSON), (QUERYABLES, None)):
        answer = ogc.client.get(str(href(document, rel)))
        assert answer.status_code == 200
        if kind is not None:
            assert answer.headers["content-type"] == kind
    west, south, east, north = document["extent"]["spatial"]["bbox"][0]
    assert document["extent"]["spatial"]["crs"] == CRS84
    inside = ogc.items(collection, limit="10000", bbox=f"{west},{south},{east},{north}")
    assert inside["numberMatched"] == ogc.items(collection)["numberMatched"]


def test_extents_in_time_begin_with_the_first_and_end_with_the_last(
    ogc: OgcWorld,
) -> None:
    def interval(collection: str) -> object:
        document = ogc.get(f"{ROOT}/collections/{collection}")
        return document["extent"].get("temporal", {}).get("interval")

    assert interval("consultations") == [["2026-11-23T23:00:00Z", None]]
    day = [["2026-11-23T15:00:00Z", "2026-11-24T14:59:59.999999Z"]]
    assert interval("visits") == interval("plans") == day
    assert interval("wards") is None


# -- features and pages ----------------------------------------------------------------


@every_collection
def test_items_are_a_feature_collection_with_counts_and_links(
    ogc: OgcWorld, collection: str
) -> None:
    answer = ogc.client.get(ITEMS.format(collection))
    assert answer.headers["content-type"] == GEOJSON
    assert answer.headers["content-crs"] == f"<{CRS84}>"
    page = answer.json()
    assert page["type"] == "FeatureCollection"
    assert dt.datetime.fromisoformat(page["timeStamp"]) == NOW
    assert page["numberReturned"] == len(page["features"]) <= 10
    here = f"http://testserver{ITEMS.format(collection)}"
    assert href(page, "self") == here
    about = f"http://testserver/ogc/collections/{collection}"
    assert href(page, "collection") == about
    for feature in page["features"]:
        assert set(feature) == {"type", "id", "geometry", "properties"}
        assert feature["type"] == "Feature"


@every_collection
@pytest.mark.parametrize("limit", ["1", "3", "7", "10000", "99999999999999999"])
def test_pages_hold_every_feature_once(
    ogc: OgcWorld, collection: str, limit: str
) -> None:
    if limit == "1" and collection == "school_districts":
        limit = "50"  # as good as one: 298 pages take their time
    pages = ogc.pages(collection, limit=limit)
    features = [feature["id"] for page in pages for feature in page["features"]]
    assert len(set(features)) == len(features)
    for page in pages:
        assert page["numberMatched"] == len(features)
        assert page["numberReturned"] <= int(limit)
    assert pages[0]["numberReturned"] == min(int(limit), len(features))


def test_links_to_the_next_page_keep_what_was_asked_for(ogc: OgcWorld) -> None:
    box = "135,34.639,136,34.641"  # the first row: six charts
    pages = ogc.pages("consultations", limit="4", bbox=box, crs=f"{EPSG}6674")
    assert [page["numberReturned"] for page in pages] == [4, 2]
    assert [page["numberMatched"] for page in pages] == [6, 6]
    # Northing and easting in metres from the origin of plane VI, 36° N 136° E.
    x, y = pages[1]["features"][0]["geometry"]["coordinates"]
    assert -160_000 < x < -140_000
    assert -60_000 < y < -30_000


@every_collection
def test_a_feature_is_found_by_its_own_address(ogc: OgcWorld, collection: str) -> None:
    listed = ogc.items(collection, limit="1")["features"][0]
    url = f"{ITEMS.format(collection)}/{listed['id']}"
    answer = ogc.client.get(url)
    assert answer.headers["content-type"] == GEOJSON
    assert answer.headers["content-crs"] == f"<{CRS84}>"
    feature = answer.json()
    assert href(feature, "self") == f"http://testserver{url}"
    about = f"http://testserver/ogc/collections/{collection}"
    assert href(feature, "collection") == about
    del feature["links"]
    assert feature == listed


@every_collection
@pytest.mark.parametrize(
    "feature_id", ["nobody", "%00", "x.y.z", "%F0%9F%92%A9", "' OR 1=1 --", "a" * 5_000]
)
def test_a_feature_that_is_not_there_is_not_found(
    ogc: OgcWorld, collection: str, feature_id: str
) -> None:
    answer = ogc.client.get(f"{ITEMS.format(collection)}/{feature_id}")
    assert answer.status_code in {400, 404}
    assert set(answer.json()) == {"code", "description"}


# -- reference systems -----------------------------------------------------------------


@every_collection
@pytest.mark.parametrize("uri", SYSTEMS)
def test_coordinates_come_in_each_system_and_the_header_says_which(
    ogc: OgcWorld, collection: str, uri: str
) -> None:
    url = ITEMS.format(collection)
    answer = ogc.client.get(url, params={"crs": uri, "limit": "1"})
    assert answer.headers["content-crs"] == f"<{uri}>"
    feature = answer.json()["features"][0]
    one = ogc.client.get(f"{url}/{feature['id']}", params={"crs": uri})
    assert one.headers["content-crs"] == f"<{uri}>"
    assert one.json()["geometry"] == feature["geometry"]


# The first chart lies at 135.475 E 34.640 N. Web Mercator: x = R · 135.475 · π / 180
# = 15,081,008 m and y = R · ln tan(45° + 34.640°/2) = 4,114,640 m or so, R = 6,378,137.
# Plane VI starts at 36° N 136° E: 1.36° of 110,950 m each to the south of it and 0.525°
# of 91,690 m each to the west.
@pytest.mark.parametrize(
    ("code", "first", "second", "within"),
    [
        (4326, SOUTH, WEST, 1e-6),
        (6668, SOUTH, WEST, 1e-6),
        (3857, 15_081_008.0, 4_114_640.0, 3_000.0),
        (6674, -150_750.0, -48_130.0, 200.0),
    ],
)
def test_axes_stand_in_the_order_of_the_system_itself(
    ogc: OgcWorld, code: int, first: float, second: float, within: float
) -> None:
    page = ogc.items("consultations", limit="1", crs=f"{EPSG}{code}")
    place = page["features"][0]["geometry"]["coordinates"]
    assert place == pytest.approx([first, second], abs=within)


@pytest.mark.parametrize("uri", SYSTEMS)
def test_a_box_means_the_same_in_each_system(ogc: OgcWorld, uri: str) -> None:
    """Around a feature, in the numbers that the service itself gave."""
    feature = ogc.items("consultations", limit="1", crs=uri)["features"][0]
    first, second = feature["geometry"]["coordinates"]
    # Half a step of the grid (250 m) in metres or degrees: no other chart is so near.
    far = 200.0 if abs(first) > 360 else 0.002
    box = f"{first - far},{second - far},{first + far},{second + far}"
    found = ogc.ids("consultations", **{"bbox": box, "bbox-crs": uri})
    assert found == {feature["id"]}
    spot = f"{first},{second},{first},{second}"
    assert ogc.items("wards", **{"bbox": spot, "bbox-crs": uri})["numberMatched"] == 1


# -- what is refused -------------------------------------------------------------------

BAD = [
    "limit=abc",
    "limit=",
    "limit=0",
    "limit=-1",
    "limit=1.5",
    "limit=١",
    "limit=1&limit=2",
    "limit=" + "9" * 900,
    "unknown=1",
    "Limit=1",
    "bbox=",
    "bbox=1,2,3",
    "bbox=1,2,3,4,5",
    "bbox=a,b,c,d",
    "bbox=1,2,3,nan",
    "bbox=1,2,3,inf",
    "bbox=1,2,3,1e999",
    "bbox=1,5,3,4",
    "bbox=1,2,9,3,4,5",
    "bbox=1_0,2,3,4",
    "bbox=1,2,3,4&bbox-crs=EPSG:4326",
    f"bbox=5,1,1,2&bbox-crs={EPSG}3857",
    f"bbox=0,0,1e300,1e300&bbox-crs={EPSG}6674",
    "bbox-crs=http://www.opengis.net/def/crs/EPSG/0/2451",
    "crs=EPSG:4326",
    "crs=http://www.opengis.net/def/crs/EPSG/0/99999",
    "datetime=",
    "datetime=foo",
    "datetime=2026",
    "datetime=2026-02-30",
    "datetime=2026-11-24T25:00:00Z",
    "datetime=2026-11-24T09:00:00",
    "datetime=2026-11-24%2009:00:00Z",
    "datetime=2026-11-24T09:00:00+99:00",
    "datetime=0000-01-01T00:00:00Z",
    "datetime=../..",
    "datetime=/",
    "datetime=2026-11-24/2026-11-25/2026-11-26",
    "datetime=2026-11-25/2026-11-24",
    "cursor=!",
    "cursor=日",
    "cursor=MTI",
    "cursor=W10",
    "cursor=WzEsMl0",
    "f=html",
    "f=xml",
]


@every_collection
@pytest.mark.parametrize("query", BAD, ids=lambda query: query[:40])
def test_what_cannot_be_read_is_refused(
    ogc: OgcWorld, collection: str, query: str
) -> None:
    refused(ogc, f"{ITEMS.format(collection)}?{query}")


@pytest.mark.parametrize(
    "query",
    [
        "status=lost",
        "status=referred",
        "status=",
        "category=F01",
        "ward=西成区",
        "district=%00",
        "urgency=D",
        "office=x",
        "date=yesterday",
        "date=2026-13-01",
        "team=juso-1",  # of visits and plans alone
        "cursor=WyJ4IiwgIngiXQ",  # ["x", "x"]: no time
        "cursor=WyIyMDI2LTExLTI0IiwgIngiXQ",  # ["2026-11-24", "x"]: no moment
    ],
)
def test_values_that_no_feature_can_have_are_refused(ogc: OgcWorld, query: str) -> None:
    refused(ogc, f"{ITEMS.format('consultations')}?{query}")


@pytest.mark.parametrize(
    "path",
    [
        ROOT,
        f"{ROOT}/api",
        f"{ROOT}/conformance",
        f"{ROOT}/collections",
        f"{ROOT}/collections/wards",
        f"{ROOT}/collections/wards/queryables",
        f"{ROOT}/collections/wards/items",
        f"{ROOT}/collections/wards/items/271225",
    ],
)
def test_unknown_parameters_and_forms_are_refused_everywhere(
    ogc: OgcWorld, path: str
) -> None:
    said = refused(ogc, f"{path}?秘密花子=1")
    assert "秘密" not in said
    refused(ogc, path, 406, accept="application/xml, text/*")
    refused(ogc, path, 406, accept="application/json;q=0, */*;q=0.0")
    for accept in ("", "*/*", "application/*;q=0.1", "text/html, application/json"):
        answer = ogc.client.get(path, headers={"accept": accept})
        assert answer.status_code == 200
    assert ogc.client.get(f"{path}?f=json", headers={"accept": "x/y"}).is_success
    head = ogc.client.head(path)
    assert head.status_code == 200
    assert head.headers["content-type"] == ogc.client.get(path).headers["content-type"]
    posted = ogc.client.post(path)
    assert (posted.status_code, posted.json()["code"]) == (405, "MethodNotAllowed")


@pytest.mark.parametrize(
    "path",
    ["/x", "/collections/x", "/collections/x/items", "/collections/x/queryables"],
)
def test_what_is_not_there_is_not_found_in_the_form_of_the_standard(
    ogc: OgcWorld, path: str
) -> None:
    refused(ogc, f"{ROOT}{path}", 404)


def test_errors_of_our_own_are_told_in_the_form_of_the_standard(
    ogc: OgcWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("秘密花子")

    monkeypatch.setattr("api.ogc.documents.conformance", broken)
    quiet = TestClient(ogc.client.app, raise_server_exceptions=False)
    answer = quiet.get(f"{ROOT}/conformance")
    assert answer.status_code == 500
    assert set(answer.json()) == {"code", "description"}
    assert "秘密" not in answer.text


# -- keys and links --------------------------------------------------------------------


@pytest.fixture(scope="module")
def closed(
    tmp_path_factory: pytest.TempPathFactory, geodata_dir: Path
) -> Iterator[TestClient]:
    """Serve a city whose maps need a key."""
    folder = tmp_path_factory.mktemp("closed")
    settings = settings_for(folder, geodata_dir).model_dump()
    with running(
        Settings(**{**settings, "open_reading": False, "sign_in": "password"})
    ) as client:
        yield client


def test_a_closed_service_asks_for_a_key_and_takes_it_in_three_ways(
    closed: TestClient,
) -> None:
    url = ITEMS.format("offices")
    answer = closed.get(url)
    assert answer.status_code == 401
    assert set(answer.json()) == {"code", "description"}
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert closed.get(url, params={"api_key": "wrong-key-0001"}).status_code == 401
    word = b64encode(f"qgis:{KEY}".encode()).decode()
    by_header = closed.get(url, headers=AUTH)
    by_password = closed.get(url, headers={"Authorization": f"Basic {word}"})
    by_query = closed.get(url, params={"api_key": KEY, "limit": "1"})
    assert by_header.json() == by_password.json()
    assert by_query.status_code == 200
    assert KEY not in by_query.text
    assert href(by_query.json(), "next") is not None


def test_links_begin_with_the_address_that_was_called() -> None:
    assert own_base("http", "10.0.0.5:8000", "https://city.example") == (
        "http://10.0.0.5:8000"
    )
    # A proxy that ends TLS speaks plain http to us, by the name of the installation.
    assert own_base("http", "city.example", "https://city.example") == (
        "https://city.example"
    )


def test_another_host_s_name_gets_no_links(ogc: OgcWorld) -> None:
    answer = ogc.client.get(ROOT, headers={"host": "evil.example"})
    assert answer.status_code == 400


def test_empty_collections_have_no_time_and_no_features(closed: TestClient) -> None:
    for collection in ("consultations", "visits", "plans"):
        page: dict[str, Any] = closed.get(ITEMS.format(collection), headers=AUTH).json()
        assert (page["numberMatched"], page["features"]) == (0, [])
        about = closed.get(f"{ROOT}/collections/{collection}", headers=AUTH).json()
        assert "temporal" not in about["extent"]
