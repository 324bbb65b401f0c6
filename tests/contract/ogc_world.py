"""A small city for the feature service: charts of all kinds, and a day in force."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dispatch.ports import StoredPlan
from tests.api.installation import (
    DAY,
    NOWHERE,
    running,
    sent,
    services_of,
    settings_for,
)

ROOT = "/ogc"
ITEMS = "/ogc/collections/{}/items"
COLLECTIONS = (
    "consultations",
    "visits",
    "plans",
    "wards",
    "school_districts",
    "offices",
)
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
FIRST_AT = dt.datetime.fromisoformat("2026-11-24T08:00:00+09:00")
# Planted in every chart; none of it may be seen anywhere.
PERSON = {
    "name": "秘密花子",
    "kana": "ヒミツハナコ",
    "phone": "06-0000-9999",
    "address": "秘密町九丁目9-9",
}
WORDS = "秘密の相談内容"
SUBJECT = "秘密の件名"
STATED = "秘密の言い回し 津守2丁目の角"
SECRETS = (*PERSON.values(), WORDS, SUBJECT, STATED, "秘密")
ROWS, COLUMNS = 4, 6
# The grid of the shown charts: west and south corner, and the steps, in degrees.
WEST, SOUTH, STEP_LON, STEP_LAT = 135.475, 34.640, 0.006, 0.005
CATEGORIES = ("R02", "R13", "W01")


@dataclass
class OgcWorld:
    """The served city, what was sent to it, and the plan in force."""

    client: TestClient
    shown: dict[str, dict[str, Any]] = field(default_factory=dict)
    hidden: dict[str, str] = field(default_factory=dict)
    plan: StoredPlan | None = None

    def get(self, path: str, **parameters: str) -> dict[str, Any]:
        """Read a document that is there."""
        # An empty set of parameters would take away those of a link.
        answer = self.client.get(path, params=parameters or None)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def items(self, collection: str, **parameters: str) -> dict[str, Any]:
        """Read a page of a collection."""
        return self.get(ITEMS.format(collection), **parameters)

    def ids(self, collection: str, **parameters: str) -> set[str]:
        """Ids of all features that fit."""
        found = self.items(collection, limit="10000", **parameters)
        return {feature["id"] for feature in found["features"]}

    def pages(self, collection: str, **parameters: str) -> list[dict[str, Any]]:
        """Read every page, by the links."""
        pages = [self.items(collection, **parameters)]
        while (onward := href(pages[-1], "next")) is not None:
            pages.append(self.get(onward))
        return pages


def href(document: dict[str, Any], rel: str) -> str | None:
    """Address of a document's link of a kind."""
    return next((one["href"] for one in document["links"] if one["rel"] == rel), None)


@contextmanager
def served_world(
    folder: Path, geodata_dir: Path, *, database: str | None = None
) -> Iterator[OgcWorld]:
    """Serve the small city; its day is planned and in force."""
    with running(settings_for(folder, geodata_dir, database=database)) as client:
        world = OgcWorld(client=client)
        _fill(world)
        services = services_of(client)
        made = services.planning.make(
            DAY, services.search_params(), lambda _: None, who="配車"
        )
        world.plan = services.planning.publish(made.id, who="配車")
        yield world


def _fill(world: OgcWorld) -> None:
    for number in range(ROWS * COLUMNS):
        row, column = divmod(number, COLUMNS)
        place = {"lon": WEST + column * STEP_LON, "lat": SOUTH + row * STEP_LAT}
        at = FIRST_AT + dt.timedelta(minutes=number)
        category = CATEGORIES[number % len(CATEGORIES)]
        chart = planted(world, category, position=place, received_at=at.isoformat())
        world.shown[str(chart["id"])] = chart
    somewhere = {"lon": WEST, "lat": SOUTH}
    for why, category in (
        ("referral", "R22"),
        ("ward desk", "F01"),
        ("business advice", "F02"),
        ("partner", "P01"),
    ):
        chart = planted(world, category, position=somewhere)
        world.hidden[why] = str(chart["id"])
    chart = planted(world, "R02", address=NOWHERE)
    world.hidden["unplaced"] = str(chart["id"])


def planted(world: OgcWorld, category: str, **more: object) -> dict[str, Any]:
    """Send a consultation that holds every secret, and return its chart."""
    body = {
        "address": STATED,
        "description": WORDS,
        "subject": SUBJECT,
        "reporter": PERSON,
        **more,
    }
    return sent(world.client, category=category, **body)


@pytest.fixture(scope="module")
def ogc(
    tmp_path_factory: pytest.TempPathFactory, geodata_dir: Path, served_database: str
) -> Iterator[OgcWorld]:
    """Serve the small city to one module."""
    folder = tmp_path_factory.mktemp("ogc")
    with served_world(folder, geodata_dir, database=served_database) as world:
        yield world
