"""Documents of the feature service: landing page, conformance, collections, items."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from api.ogc.collections import Collection
from api.ogc.features import Extent, Feature, Json, Page, geojson
from api.ogc.links import (
    GEOJSON,
    JSON,
    OPENAPI,
    QUERYABLES,
    SCHEMA,
    Addresses,
    link,
)
from api.ogc.parameters import ItemsQuery
from api.ogc.reference import CRS84, ReferenceSystems

CORE = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/"
PART_2 = "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/"
CONFORMS_TO = (f"{CORE}core", f"{CORE}oas30", f"{CORE}geojson", f"{PART_2}crs")
GREGORIAN = "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Library:
    """Everything that the documents are made from."""

    title: str
    attribution: str
    collections: Mapping[str, Collection]
    systems: ReferenceSystems


def landing(library: Library, to: Addresses) -> Json:
    """Where to begin: the links to everything else."""
    return {
        "title": library.title,
        "description": "読み取り専用。個人の情報と相談の文面は含まない。",
        "attribution": library.attribution,
        "links": [
            link(to.landing, "self", JSON, "この文書"),
            link(to.api, "service-desc", OPENAPI, "APIの定義"),
            link(to.conformance, "conformance", JSON, "満たしている規格"),
            link(to.collections, "data", JSON, "データの一覧"),
        ],
    }


def conformance() -> Json:
    """Return what of the standard is kept."""
    return {"conformsTo": list(CONFORMS_TO)}


def collection_list(library: Library, to: Addresses) -> Json:
    """All collections."""
    listed = [
        collection_document(collection, library, to)
        for collection in library.collections.values()
    ]
    return {
        "links": [link(to.collections, "self", JSON, "この文書")],
        "crs": library.systems.uris,
        "collections": listed,
    }


def collection_document(
    collection: Collection, library: Library, to: Addresses
) -> Json:
    """One collection: what it holds, where, when, and in which systems."""
    links = [
        link(to.collection(collection.id), "self", JSON, collection.title),
        link(to.items(collection.id), "items", GEOJSON, collection.title),
        link(to.queryables(collection.id), QUERYABLES, SCHEMA, "絞り込める項目"),
    ]
    return {
        "id": collection.id,
        "title": collection.title,
        "description": collection.description,
        "attribution": library.attribution,
        "itemType": "feature",
        "extent": _extent(collection.source.extent()),
        "crs": library.systems.uris,
        "storageCrs": CRS84,
        "links": links,
    }


def _extent(extent: Extent) -> Json:
    box = extent.box
    told: Json = {
        "spatial": {
            "bbox": [[box.west, box.south, box.east, box.north]],
            "crs": CRS84,
        }
    }
    if extent.start is not None:
        interval = [
            _utc(extent.start),
            None if extent.end is None else _utc(extent.end),
        ]
        told["temporal"] = {"interval": [interval], "trs": GREGORIAN}
    return told


def queryables(collection: Collection, to: Addresses) -> Json:
    """Return what a collection can be narrowed by, as a JSON Schema."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": to.queryables(collection.id),
        "type": "object",
        "title": collection.title,
        "properties": {
            name: queryable.schema for name, queryable in collection.queryables.items()
        },
        "additionalProperties": False,
    }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """A request for features: the collection, the query, and how it was written."""

    collection: Collection
    query: ItemsQuery
    given: Mapping[str, str]


def items(
    asked: Asked, page: Page, systems: ReferenceSystems, to: Addresses, at: dt.datetime
) -> Json:
    """One page of features."""
    collection, given = asked.collection, _shown(asked.given)
    here = to.items(collection.id, **given)
    links = [
        link(here, "self", GEOJSON, "この文書"),
        link(to.collection(collection.id), "collection", JSON, collection.title),
    ]
    if page.next_cursor is not None:
        onward = to.items(collection.id, **{**given, "cursor": page.next_cursor})
        links.append(link(onward, "next", GEOJSON, "次のページ"))
    return {
        "type": "FeatureCollection",
        "timeStamp": _utc(at),
        "numberMatched": page.num_matched,
        "numberReturned": len(page.features),
        "features": geojson(page.features, systems, asked.query.crs),
        "links": links,
    }


def item(
    asked: Asked, feature: Feature, systems: ReferenceSystems, to: Addresses
) -> Json:
    """One feature with its links."""
    collection = asked.collection
    here = to.item(collection.id, feature.id, **_shown(asked.given))
    return {
        **geojson([feature], systems, asked.query.crs)[0],
        "links": [
            link(here, "self", GEOJSON, "この文書"),
            link(to.collection(collection.id), "collection", JSON, collection.title),
        ],
    }


def _shown(given: Mapping[str, str]) -> dict[str, str]:
    """Parameters that a link repeats; a key is no part of any document."""
    return {name: value for name, value in given.items() if name != "api_key"}


def attribution_of(texts: Iterable[str]) -> str:
    """Sentence that tells where the data come from."""
    return " / ".join(dict.fromkeys(text for text in texts if text))


def _utc(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
