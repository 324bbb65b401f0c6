"""Photos through the pages and the API: in, shown, placed, taken away, checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from api.cli import cli
from dispatch.domain.case_chart import ChartStatus
from dispatch.domain.photo import Photo
from tests.api.installation import (
    AUTH,
    BROWSER,
    HOSTILE,
    NOWHERE,
    sent,
    services_of,
)
from tests.pictures import OWNER, camera_picture, picture, png_bomb

FILE = ("穴.jpg", picture(), "image/jpeg")


def photos_of(client: TestClient, chart_id: object) -> list[Photo]:
    return services_of(client).cases.photos.listed(str(chart_id))


def upload(
    client: TestClient, chart_id: object, data: bytes, **fields: str
) -> httpx2.Response:
    return client.post(
        f"/v1/consultations/{chart_id}/photos",
        files={"photo": ("x.jpg", data, "image/jpeg")},
        data={"who": "班長", **fields},
        headers=AUTH,
    )


def typed(client: TestClient, path: str, status: int = 303, **data: object) -> None:
    response = client.post(path, data=data, headers=BROWSER, follow_redirects=False)
    assert response.status_code == status, response.text


def test_a_photo_comes_in_by_the_api_and_offers_its_place_once(
    client: TestClient,
) -> None:
    chart_id = sent(client)["id"]
    answer = upload(client, chart_id, camera_picture(), kind="before")
    assert answer.status_code == 201, answer.text
    out = answer.json()
    assert (out["kind"], out["width_px"], out["height_px"]) == ("before", 64, 32)
    assert out["offered_lat"] == pytest.approx(34.643333, abs=1e-5)
    assert out["taken_at"] == "2026-11-24T08:31:05+09:00"
    assert photos_of(client, chart_id)[0].who == "班長(API: intake)"


def test_a_photo_is_shown_as_plain_bytes_that_can_run_nothing(
    client: TestClient,
) -> None:
    chart_id = sent(client)["id"]
    upload(client, chart_id, camera_picture())
    photo = photos_of(client, chart_id)[0]
    shown = client.get(f"/charts/{chart_id}/photos/{photo.id}")
    assert shown.status_code == 200
    assert shown.headers["content-type"] == "image/jpeg"
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert shown.headers["cache-control"] == "no-store"
    assert "default-src 'none'; sandbox" in shown.headers["content-security-policy"]
    assert shown.content[:3] == b"\xff\xd8\xff"
    for planted in (OWNER.encode(), b"Exif", b"GPS"):
        assert planted not in shown.content
    # of another chart, it is not there
    other = sent(client)["id"]
    missing = client.get(f"/charts/{other}/photos/{photo.id}")
    assert missing.status_code == 404


def test_the_page_shows_before_and_after_side_by_side(client: TestClient) -> None:
    chart_id = sent(client)["id"]
    assert "写真はまだありません" in client.get(f"/charts/{chart_id}").text
    for kind in ("before", "after", "report"):
        response = client.post(
            f"/charts/{chart_id}/photos",
            files={"photo": FILE},
            data={"kind": kind, "who": "班長"},
            follow_redirects=False,
        )
        assert response.headers["location"] == f"/charts/{chart_id}#photos"
    text = client.get(f"/charts/{chart_id}").text
    for words in ("着手前", "完了後", "申出・現況", "3枚"):
        assert words in text


HOSTILE_FILES = [
    b"<script>alert(1)</script>",
    b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    picture() + b"<html><script>alert(1)</script>",
    camera_picture()[:200],
    png_bomb(),
    b"",
]


@pytest.mark.parametrize("data", HOSTILE_FILES, ids=range(len(HOSTILE_FILES)))
def test_a_hostile_file_is_refused_and_nothing_is_stored(
    client: TestClient, data: bytes
) -> None:
    chart_id = sent(client)["id"]
    answer = upload(client, chart_id, data)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "photo"
    assert "script" not in answer.text
    assert photos_of(client, chart_id) == []


def test_wrong_fields_are_refused(client: TestClient) -> None:
    chart_id = sent(client)["id"]
    assert upload(client, chart_id, picture(), kind="film").status_code == 422
    assert upload(client, chart_id, picture(), who="").status_code == 422
    assert upload(client, "0000000000", picture()).status_code == 404
    no_file = client.post(
        f"/v1/consultations/{chart_id}/photos", data={"who": "班長"}, headers=AUTH
    )
    assert no_file.status_code == 422


def test_only_where_photos_come_in_a_body_may_be_larger(client: TestClient) -> None:
    chart_id = sent(client)["id"]
    settings = services_of(client).settings
    beyond = b"\xff\xd8\xff" + b"x" * settings.max_body_bytes
    assert upload(client, chart_id, beyond).status_code == 422  # read, and no picture
    huge = b"x" * (settings.max_photo_bytes + 70_000)
    assert upload(client, chart_id, huge).status_code == 413
    elsewhere = client.post(f"/charts/{chart_id}/comments", content=beyond)
    assert elsewhere.status_code == 413


def test_the_cameras_place_can_become_the_charts(client: TestClient) -> None:
    chart_id = sent(client, address=NOWHERE)["id"]
    upload(client, chart_id, camera_picture())
    photo = photos_of(client, chart_id)[0]
    text = client.get(f"/charts/{chart_id}").text
    assert "この位置を場所にする" in text
    path = f"/charts/{chart_id}/photos/{photo.id}/place"
    typed(client, path, 409, take="1", version=9, who="係")
    assert photos_of(client, chart_id)[0].offered_place is not None  # still offered
    typed(client, path, take="1", version=1, who="係")
    chart = services_of(client).store.get(str(chart_id))
    assert chart.status is ChartStatus.ASSIGNED
    assert chart.placement is not None
    assert chart.placement.place == photo.offered_place
    assert photos_of(client, chart_id)[0].offered_place is None  # and then gone
    typed(client, path, 409, take="1", version=2, who="係")


def test_the_cameras_place_can_be_forgotten(client: TestClient) -> None:
    chart_id = sent(client)["id"]
    upload(client, chart_id, camera_picture())
    photo = photos_of(client, chart_id)[0]
    assert "このカルテの場所から約" in client.get(f"/charts/{chart_id}").text
    path = f"/charts/{chart_id}/photos/{photo.id}/place"
    typed(client, path, take="0", version=1, who="係")
    assert photos_of(client, chart_id)[0].offered_place is None
    assert "撮った位置" not in client.get(f"/charts/{chart_id}").text


def test_a_photo_is_taken_away_with_a_reason(client: TestClient) -> None:
    chart_id = sent(client)["id"]
    upload(client, chart_id, picture(color="red"))
    photo = photos_of(client, chart_id)[0]
    path = f"/charts/{chart_id}/photos/{photo.id}/remove"
    typed(client, path, 422, why="", who="係")
    typed(client, path, why=f"顔 {HOSTILE}", who="係")
    assert photos_of(client, chart_id) == []
    assert client.get(f"/charts/{chart_id}/photos/{photo.id}").status_code == 404
    assert HOSTILE not in client.get(f"/charts/{chart_id}").text  # escaped
    typed(client, path, 404, why="もう一度", who="係")


def run(client: TestClient, monkeypatch: pytest.MonkeyPatch, *options: str) -> Any:  # noqa: ANN401 - Typer's result
    settings = services_of(client).settings
    for name in ("city", "database_url", "photos_dir", "geodata_dir"):
        value = getattr(settings, name)
        if value is not None:
            monkeypatch.setenv(f"KIDOHAN_{name.upper()}", str(value))
    return CliRunner().invoke(cli, ["photos", "check", *options])


def test_the_command_sweeps_up_and_tells_what_is_missing(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    chart_id = sent(client)["id"]
    upload(client, chart_id, picture(color="blue"))
    files = services_of(client).cases.photos._tools.pictures  # noqa: SLF001 - to break it
    orphan = files.put(b"of nobody")
    young = run(client, monkeypatch)
    assert young.exit_code == 0, young.output
    assert "すべてそろっています" in young.output
    dry = run(client, monkeypatch, "--older-than", "0", "--dry-run")
    assert "まだ消していません" in dry.output
    assert files.has(orphan)
    swept = run(client, monkeypatch, "--older-than", "0")
    assert "1個: 消しました" in swept.output
    assert not files.has(orphan)
    photo = photos_of(client, chart_id)[0]
    path = Path(files.folder) / photo.sha256[:2] / f"{photo.sha256}.jpg"  # type: ignore[attr-defined]
    kept = path.read_bytes()
    path.write_bytes(b"changed")
    assert "中身が変わっています" in run(client, monkeypatch).output
    path.unlink()
    broken = run(client, monkeypatch)
    assert broken.exit_code == 3
    assert photo.sha256 in broken.output
    path.write_bytes(kept)
