"""Description of the feature service for programs: OpenAPI 3.0 by the standard."""

from __future__ import annotations

from api.ogc.collections import Collection
from api.ogc.documents import Library
from api.ogc.features import Json
from api.ogc.links import GEOJSON, JSON, OPENAPI, SCHEMA, Addresses
from api.ogc.parameters import DEFAULT_LIMIT, MAX_LIMIT

VERSION = "1.0.0"
SCHEMAS = "#/components/schemas/"


def api_document(library: Library, to: Addresses) -> Json:
    """Return the whole description."""
    paths = {
        "/": _read("getLandingPage", "はじめの文書", "landingPage"),
        "/conformance": _read("getConformance", "満たしている規格", "confClasses"),
        "/collections": _read("getCollections", "データの一覧", "collections"),
        "/api": _read("getApi", "この定義", "document", kind=OPENAPI),
    }
    for collection in library.collections.values():
        paths |= _paths_of(collection)
    return {
        "openapi": "3.0.3",
        "info": {
            "title": library.title,
            "version": VERSION,
            "description": "OGC API - Features。読み取り専用。",
        },
        "servers": [{"url": to.landing}],
        "tags": [{"name": "server"}, {"name": "data"}],
        "security": [{}, {"header": []}, {"query": []}, {"basic": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "query": {"type": "apiKey", "in": "query", "name": "api_key"},
                "basic": {"type": "http", "scheme": "basic"},
            },
            "parameters": _parameters(library),
            "responses": _errors(),
            "schemas": _schemas(),
        },
    }


def _paths_of(collection: Collection) -> Json:
    """Paths of one collection, each by name: programs look for them so."""
    root = f"/collections/{collection.id}"
    name = "".join(part.capitalize() for part in collection.id.split("_"))
    shared = ("limit", "bbox", "bboxCrs", "datetime", "crs", "cursor")
    narrowed = [
        {
            "name": key,
            "in": "query",
            "required": False,
            "description": queryable.title,
            "schema": queryable.schema,
            "style": "form",
            "explode": False,
        }
        for key, queryable in collection.queryables.items()
    ]
    items = _read(f"get{name}Items", collection.title, "featureCollection", GEOJSON)
    items["get"]["parameters"] += [*map(_parameter, shared), *narrowed]
    item = _read(f"get{name}Item", f"{collection.title}(1件)", "feature", GEOJSON)
    item["get"]["parameters"] += [_parameter("featureId"), _parameter("crs")]
    about = f"{collection.title}について"
    asked = f"{collection.title}を絞り込める項目"
    return {
        root: _read(f"get{name}", about, "collection"),
        f"{root}/queryables": _read(
            f"get{name}Queryables", asked, "document", kind=SCHEMA
        ),
        f"{root}/items": items,
        f"{root}/items/{{featureId}}": item,
    }


def _read(operation: str, summary: str, schema: str, kind: str = JSON) -> Json:
    """Make an operation that reads one kind of document."""
    answer = {"schema": {"$ref": f"{SCHEMAS}{schema}"}}
    return {
        "get": {
            "operationId": operation,
            "summary": summary,
            "tags": [
                "data" if "collections" in schema or "eature" in schema else "server"
            ],
            "parameters": [_parameter("f")],
            "responses": {
                "200": {"description": summary, "content": {kind: answer}},
                "400": {"$ref": "#/components/responses/InvalidParameter"},
                "401": {"$ref": "#/components/responses/KeyNeeded"},
                "404": {"$ref": "#/components/responses/NotFound"},
                "406": {"$ref": "#/components/responses/NotAcceptable"},
                "500": {"$ref": "#/components/responses/ServerError"},
            },
        }
    }


def _parameter(name: str) -> Json:
    return {"$ref": f"#/components/parameters/{name}"}


def _parameters(library: Library) -> Json:
    systems = library.systems.uris
    crs = {"type": "string", "format": "uri", "enum": systems, "default": systems[0]}
    box = [{"minItems": size, "maxItems": size} for size in (4, 6)]
    return {
        "limit": _query(
            "limit",
            "1ページの件数",
            {
                "type": "integer",
                "minimum": 1,
                "maximum": MAX_LIMIT,
                "default": DEFAULT_LIMIT,
            },
        ),
        "bbox": _query(
            "bbox",
            "範囲(西,南,東,北)。bbox-crs を指定したときはその座標系の順",
            {"type": "array", "oneOf": box, "items": {"type": "number"}},
        ),
        "bboxCrs": _query("bbox-crs", "bbox の座標系", crs),
        "datetime": _query(
            "datetime",
            "日時(RFC 3339)または 開始/終了。開いた端は ..",
            {"type": "string"},
        ),
        "crs": _query("crs", "返す座標の座標系", crs),
        "cursor": _query(
            "cursor", "次のページの位置(リンクから得る)", {"type": "string"}
        ),
        "f": _query("f", "形式", {"type": "string", "enum": ["json"]}),
        "featureId": {
            "name": "featureId",
            "in": "path",
            "required": True,
            "description": "地物のID",
            "schema": {"type": "string"},
        },
    }


def _query(name: str, description: str, schema: Json) -> Json:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": schema,
        "style": "form",
        "explode": False,
    }


def _errors() -> Json:
    told = {JSON: {"schema": {"$ref": f"{SCHEMAS}exception"}}}
    said = {
        "InvalidParameter": "知らない、または読めないパラメータ",
        "KeyNeeded": "鍵が必要(鍵なしの閲覧を止めている場合)",
        "NotFound": "見つからない",
        "NotAcceptable": "求められた形式では返せない",
        "ServerError": "サーバの誤り",
    }
    return {name: {"description": text, "content": told} for name, text in said.items()}


def _schemas() -> Json:
    text = {"type": "string"}
    links = {"type": "array", "items": {"$ref": f"{SCHEMAS}link"}}
    count = {"type": "integer", "minimum": 0}
    collections = {"type": "array", "items": {"$ref": f"{SCHEMAS}collection"}}
    features = {"type": "array", "items": {"$ref": f"{SCHEMAS}feature"}}
    return {
        "document": {"type": "object"},
        "exception": _object({"code": text, "description": text}, ("code",)),
        "link": _object(
            {"href": text, "rel": text, "type": text, "title": text}, ("href", "rel")
        ),
        "landingPage": _object(
            {"title": text, "description": text, "attribution": text, "links": links},
            ("links",),
        ),
        "confClasses": _object(
            {"conformsTo": {"type": "array", "items": text}}, ("conformsTo",)
        ),
        "collection": _object(
            {
                "id": text,
                "title": text,
                "description": text,
                "attribution": text,
                "itemType": text,
                "extent": {"type": "object"},
                "crs": {"type": "array", "items": text},
                "storageCrs": text,
                "links": links,
            },
            ("id", "links"),
        ),
        "collections": _object(
            {"links": links, "collections": collections}, ("links", "collections")
        ),
        "feature": _object(
            {
                "type": {"type": "string", "enum": ["Feature"]},
                "id": text,
                "geometry": {"type": "object", "nullable": True},
                "properties": {"type": "object", "nullable": True},
                "links": links,
            },
            ("type", "geometry", "properties"),
        ),
        "featureCollection": _object(
            {
                "type": {"type": "string", "enum": ["FeatureCollection"]},
                "features": features,
                "links": links,
                "timeStamp": {"type": "string", "format": "date-time"},
                "numberMatched": count,
                "numberReturned": count,
            },
            ("type", "features"),
        ),
    }


def _object(properties: Json, required: tuple[str, ...]) -> Json:
    return {
        "type": "object",
        "required": list(required),
        "properties": properties,
    }
