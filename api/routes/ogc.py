"""OGC API – Features for GIS desks: read-only, no words of residents, no person."""

from __future__ import annotations

from collections.abc import Collection as Names
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request, Response

from api.dependencies import ServicesDep
from api.ogc import documents
from api.ogc.answers import document, is_wanted
from api.ogc.collections import Collection
from api.ogc.documents import Asked, Library
from api.ogc.links import GEOJSON, JSON, OPENAPI, ROOT, SCHEMA, Addresses, own_base
from api.ogc.openapi import api_document
from api.ogc.parameters import (
    EVERYWHERE,
    OF_ITEM,
    OF_ITEMS,
    ItemsQuery,
    given,
    read_boxes,
    read_crs,
    read_cursor,
    read_format,
    read_interval,
    read_limit,
)
from api.ogc.reference import ReferenceSystem
from api.wiring import Services

router = APIRouter(include_in_schema=False)
READ = ["GET", "HEAD"]
NO_COLLECTION = "この名前のデータはありません(/ogc/collections に一覧があります)"
NO_FEATURE = "このIDの地物はありません"
NO_FORMAT = "この形式では返せません(JSONで返します)"


def library_of(request: Request) -> Library:
    """Return the wired feature service."""
    wired: Library = request.app.state.ogc
    return wired


def addresses_of(request: Request, services: ServicesDep) -> Addresses:
    """Return the addresses of the service as this client calls it."""
    host = request.headers.get("host", request.url.netloc)
    base = own_base(request.url.scheme, host, services.settings.base_url)
    return Addresses(base=base)


def collection_of(
    collection_id: str, library: Annotated[Library, Depends(library_of)]
) -> Collection:
    """Return the collection of the path."""
    found = library.collections.get(collection_id)
    if found is None:
        raise HTTPException(status_code=404, detail=NO_COLLECTION)
    return found


LibraryDep = Annotated[Library, Depends(library_of)]
ToDep = Annotated[Addresses, Depends(addresses_of)]
CollectionDep = Annotated[Collection, Depends(collection_of)]
ONE = f"{ROOT}/collections/{{collection_id}}"


@router.api_route(ROOT, methods=READ)
@router.api_route(f"{ROOT}/", methods=READ)
def landing(request: Request, library: LibraryDep, to: ToDep) -> Response:
    """Where to begin."""
    _asked(request, JSON)
    return document(documents.landing(library, to), JSON)


@router.api_route(f"{ROOT}/api", methods=READ)
def api(request: Request, library: LibraryDep, to: ToDep) -> Response:
    """Describe the service for programs."""
    _asked(request, OPENAPI)
    return document(api_document(library, to), OPENAPI)


@router.api_route(f"{ROOT}/conformance", methods=READ)
def conformance(request: Request) -> Response:
    """Return what of the standard is kept."""
    _asked(request, JSON)
    return document(documents.conformance(), JSON)


@router.api_route(f"{ROOT}/collections", methods=READ)
def collections(request: Request, library: LibraryDep, to: ToDep) -> Response:
    """List the collections."""
    _asked(request, JSON)
    return document(documents.collection_list(library, to), JSON)


@router.api_route(ONE, methods=READ)
def one_collection(
    request: Request, collection: CollectionDep, library: LibraryDep, to: ToDep
) -> Response:
    """Tell of one collection."""
    _asked(request, JSON)
    return document(documents.collection_document(collection, library, to), JSON)


@router.api_route(f"{ONE}/queryables", methods=READ)
def queryables(request: Request, collection: CollectionDep, to: ToDep) -> Response:
    """Return what a collection can be narrowed by."""
    _asked(request, SCHEMA)
    return document(documents.queryables(collection, to), SCHEMA)


@router.api_route(f"{ONE}/items", methods=READ)
def items(
    request: Request,
    collection: CollectionDep,
    library: LibraryDep,
    services: ServicesDep,
    to: ToDep,
) -> Response:
    """Return one page of features."""
    values = _asked(request, GEOJSON, OF_ITEMS | set(collection.queryables))
    asked = Asked(
        collection=collection,
        query=_query(collection, library, services, values),
        given=values,
    )
    page = collection.source.page(asked.query)
    told = documents.items(asked, page, library.systems, to, services.clock.now())
    return document(told, GEOJSON, **_content_crs(asked.query.crs))


@router.api_route(f"{ONE}/items/{{feature_id}}", methods=READ)
def item(
    request: Request,
    collection: CollectionDep,
    feature_id: str,
    library: LibraryDep,
    to: ToDep,
) -> Response:
    """Return one feature."""
    values = _asked(request, GEOJSON, OF_ITEM)
    crs = read_crs("crs", values.get("crs"), library.systems)
    found = collection.source.one(feature_id)
    if found is None:
        raise HTTPException(status_code=404, detail=NO_FEATURE)
    asked = Asked(collection=collection, query=ItemsQuery(crs=crs), given=values)
    told = documents.item(asked, found, library.systems, to)
    return document(told, GEOJSON, **_content_crs(crs))


def _asked(
    request: Request, kind: str, allowed: Names[str] = EVERYWHERE
) -> dict[str, str]:
    """Parameters of a request, all of them known; refused where it wants no JSON."""
    values = given(request.query_params.multi_items(), allowed)
    named = read_format(values.get("f"))
    if not named and not is_wanted(request.headers.get("accept", ""), kind):
        raise HTTPException(status_code=406, detail=NO_FORMAT)
    return values


def _query(
    collection: Collection,
    library: Library,
    services: Services,
    values: dict[str, str],
) -> ItemsQuery:
    systems = library.systems
    box_crs = read_crs("bbox-crs", values.get("bbox-crs"), systems)
    return ItemsQuery(
        limit=read_limit(values.get("limit")),
        after=read_cursor(values.get("cursor"), collection.key_parts),
        boxes=read_boxes(values.get("bbox"), box_crs, systems),
        interval=read_interval(values.get("datetime"), services.profile.timezone),
        filters=collection.filters(values),
        crs=read_crs("crs", values.get("crs"), systems),
    )


def _content_crs(crs: ReferenceSystem) -> dict[str, str]:
    """Header that says which system the coordinates are in."""
    return {"Content-Crs": f"<{crs.uri}>"}
