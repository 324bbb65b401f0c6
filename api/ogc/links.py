"""Addresses of the feature service and the links between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

from api.ogc.features import Json

ROOT = "/ogc"
JSON = "application/json"
GEOJSON = "application/geo+json"
SCHEMA = "application/schema+json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
QUERYABLES = "http://www.opengis.net/def/rel/ogc/1.0/queryables"


def link(href: str, rel: str, kind: str, title: str) -> Json:
    """One link, as the standard writes it."""
    return {"href": href, "rel": rel, "type": kind, "title": title}


def own_base(scheme: str, host: str, base_url: str) -> str:
    """
    Beginning of every link: the address that the client itself called.

    Behind a proxy that ends TLS we see plain http. Where the host is the one of
    `KIDOHAN_BASE_URL`, its scheme is known to be right; no header is believed.

    Parameters
    ----------
    scheme, host
        Of the request; the host was checked against the names of this service.
    base_url
        Address of this installation.
    """
    ours = urlsplit(base_url)
    return f"{ours.scheme if ours.netloc == host else scheme}://{host}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Absolute addresses of everything in the service."""

    base: str

    @property
    def landing(self) -> str:
        """Where to begin."""
        return f"{self.base}{ROOT}"

    @property
    def api(self) -> str:
        """Description of the service for programs (OpenAPI)."""
        return f"{self.landing}/api"

    @property
    def conformance(self) -> str:
        """What of the standard is kept."""
        return f"{self.landing}/conformance"

    @property
    def collections(self) -> str:
        """List of the collections."""
        return f"{self.landing}/collections"

    def collection(self, collection_id: str) -> str:
        """One collection."""
        return f"{self.collections}/{collection_id}"

    def queryables(self, collection_id: str) -> str:
        """Properties that a collection can be narrowed by."""
        return f"{self.collection(collection_id)}/queryables"

    def items(self, collection_id: str, **parameters: str) -> str:
        """Features of a collection."""
        return _asked(f"{self.collection(collection_id)}/items", parameters)

    def item(self, collection_id: str, feature_id: str, **parameters: str) -> str:
        """One feature."""
        address = f"{self.items(collection_id)}/{quote(feature_id, safe='')}"
        return _asked(address, parameters)


def _asked(address: str, parameters: Mapping[str, str]) -> str:
    return f"{address}?{urlencode(parameters)}" if parameters else address
