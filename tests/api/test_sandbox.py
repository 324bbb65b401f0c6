"""The sandbox as a developer starts it: keys, logins, verdicts, and nothing left."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import sync_playwright

from dispatch.domain.access import Role
from tests.acceptance.command import START_LIMIT_S, environment, free_port, run_cli
from tests.acceptance.page_audit import (
    AXE,
    SCREEN,
    serious_faults,
    structure_faults,
)
from tests.api.installation import BROWSER
from tests.chromium import ARGS, CHROMIUM
from tests.city_data import OSAKA_DATA

TOKEN = re.compile(r'name="csrf" value="([^"]+)"|name="csrf" content="([^"]+)"')
BODY = {"category": "R02", "description": "道路に穴", "address": "西成区津守2-7-13"}
URL = "/v1/consultations"


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """A running sandbox: where it is, what its file says, where its store is."""

    told: dict[str, Any]
    file: Path
    temp: Path
    process: subprocess.Popen[bytes]

    def client(self, key: str = "") -> httpx2.Client:
        headers = {"X-API-Key": key} if key else {}
        return httpx2.Client(
            base_url=self.told["base_url"], timeout=60, trust_env=False, headers=headers
        )


def started(folder: Path) -> Sandbox:
    """Start one and wait as a test suite would: for the file."""
    file, temp = folder / "credentials.json", folder / "temp"
    temp.mkdir(exist_ok=True)
    variables = {**environment(OSAKA_DATA), "TMPDIR": str(temp)}
    variables.pop("KIDOHAN_SIGN_IN")
    command = [sys.executable, "-m", "api.main", "serve", "--sandbox"]
    port = free_port()
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [*command, "--port", str(port), "--credentials", str(file)],
            cwd=folder,
            env=variables,
            stdout=log,
            stderr=log,
        )
    until = time.monotonic() + START_LIMIT_S
    while time.monotonic() < until and process.poll() is None:
        told = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        if told.get("base_url", "").endswith(f":{port}"):  # no earlier one's
            # Who sees the file can begin: no second try.
            httpx2.get(f"{told['base_url']}/healthz", trust_env=False, timeout=60)
            return Sandbox(told=told, file=file, temp=temp, process=process)
        time.sleep(0.1)
    process.kill()
    raise AssertionError((folder / "log").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    found = started(tmp_path_factory.mktemp("sandbox"))
    yield found
    found.process.kill()
    found.process.wait()


def test_only_its_owner_reads_the_file(sandbox: Sandbox) -> None:
    assert stat.S_IMODE(sandbox.file.stat().st_mode) == 0o600
    assert [
        one.name for one in sandbox.file.parent.iterdir() if "tmp" in one.name
    ] == []


def test_the_key_hands_in_and_reads_and_others_are_refused(sandbox: Sandbox) -> None:
    told = sandbox.told
    with sandbox.client(told["api_key"]) as client:
        assert client.post(URL, json=BODY).status_code == 201
        samples = told["samples"]
        assert client.get(f"{URL}/{samples['chart_id']}").status_code == 200
        assert client.get(f"/v1/plans/{samples['plan_id']}").status_code == 200
    with sandbox.client(told["keys"]["plain"]) as client:
        assert client.post(URL, json=BODY).status_code == 201
        assert client.get(f"{URL}/{told['samples']['chart_id']}").status_code == 403
    for name in ("expired", "revoked"):
        with sandbox.client(told["keys"][name]) as client:
            assert client.post(URL, json=BODY).status_code == 401


@pytest.mark.parametrize("role", [r for r in Role if r is not Role.INTAKE_SYSTEM])
def test_somebody_of_each_role_signs_in(sandbox: Sandbox, role: Role) -> None:
    login = sandbox.told["logins"][str(role)]
    with sandbox.client() as client:
        form = {"login": login["login"], "password": login["password"]}
        answer = client.post("/sign-in", data=form, headers=BROWSER)
        assert answer.status_code == 303, answer.text
        page = client.get("/account", headers=BROWSER)
        assert page.status_code == 200
        assert login["name"] in page.text
        assert 'href="/sandbox"' in page.text  # says that it is none of the city's


def test_the_page_says_what_a_client_can_do(sandbox: Sandbox) -> None:
    with sandbox.client(sandbox.told["keys"]["plain"]) as client:
        headers = {"Idempotency-Key": "one"}
        for _ in range(2):
            client.post(URL, json=BODY, headers=headers)
        bad = {**BODY, "received_at": "令和8年11月24日"}
        assert client.post(URL, json=bad).status_code == 422
        assert client.post(URL, json={**BODY, "colour": "red"}).status_code == 422
        trouble = {"X-Sandbox-Trouble": "lost-answer", "Idempotency-Key": "two"}
        lost = client.post(URL, json={**BODY, "subject": "穴"}, headers=trouble)
        assert lost.status_code == 502
        del trouble["X-Sandbox-Trouble"]
        again = client.post(URL, json={**BODY, "subject": "穴"}, headers=trouble)
        assert again.status_code == 200  # it was stored before its answer was lost
        limited = client.post(URL, json=BODY, headers={"X-Sandbox-Trouble": "429"})
        assert (limited.status_code, limited.headers["retry-after"]) == (429, "5")
        judged = client.get("/v1/sandbox").json()["clients"]
        page = client.get("/sandbox", headers=BROWSER).text
    found = next(one for one in judged if one["client"] == "sandbox-plain")["cases"]
    verdicts = {name: one["verdict"] for name, one in found.items()}
    assert verdicts["retry"] == "handled"
    assert verdicts["japanese_text"] == "handled"
    assert verdicts["bad_time"] == "refused"
    assert verdicts["unknown_field"] == "handled"  # what came after had it no more
    assert verdicts["stale_version"] == "not_tried"
    assert "sandbox-plain" in page
    assert "道路に穴" not in page


def test_open311_is_watched_too(sandbox: Sandbox) -> None:
    form = {
        "api_key": sandbox.told["api_key"],
        "service_code": "R02",
        "description": "道路に穴がある",
        "address_string": BODY["address"],
    }
    with sandbox.client() as client:
        for _ in range(2):
            answer = client.post("/open311/v2/requests.json", data=form)
            assert answer.status_code in {200, 201}, answer.text
        judged = client.get("/v1/sandbox").json()["clients"]
    found = next(one for one in judged if one["client"] == "sandbox")["cases"]
    assert found["japanese_text"]["verdict"] == "handled"
    assert found["retry"]["verdict"] == "handled"


@pytest.mark.browser
@pytest.mark.skipif(
    not Path(CHROMIUM).exists() or not AXE.is_file(),
    reason="NOT TESTED IN A BROWSER: no chromium or no node_modules here",
)
def test_everybody_can_read_the_page(sandbox: Sandbox) -> None:
    with sandbox.client(sandbox.told["api_key"]) as client:
        client.post(URL, json=BODY)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=list(ARGS))
        page = browser.new_page(viewport=SCREEN)  # type: ignore[arg-type]
        page.goto(sandbox.told["page"])
        assert serious_faults(page) == []
        assert structure_faults(page) == []
        browser.close()


def test_nothing_is_left_of_an_ended_one_nor_of_a_killed_one(tmp_path: Path) -> None:
    killed = started(tmp_path)
    killed.process.kill()
    killed.process.wait()
    left = [one for one in killed.temp.iterdir() if one.name.startswith("kidohan-")]
    assert len(left) == 1
    other = started(tmp_path)  # under the same credentials file
    assert other.told["api_key"] != killed.told["api_key"]
    now = [one for one in other.temp.iterdir() if one.name.startswith("kidohan-")]
    assert len(now) == 1
    assert now != left
    os.kill(other.process.pid, signal.SIGTERM)
    other.process.wait(30)
    assert [one for one in other.temp.iterdir() if one.name.startswith("kidohan")] == []
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--sandbox"], "--credentials"),
        (["--credentials", "c.json"], "--sandbox"),
        (["--sandbox", "--credentials", "c.json", "--host", "192.0.2.1"], "loopback"),
        (["--sandbox", "--credentials", "notes.txt"], "something else"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    tmp_path: Path, arguments: list[str], told: str
) -> None:
    (tmp_path / "notes.txt").write_text("買い物", encoding="utf-8")
    ended = run_cli(tmp_path, environment(OSAKA_DATA), "serve", *arguments)
    assert ended.returncode == 2
    assert told in ended.stdout + ended.stderr
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "買い物"


def test_there_is_no_such_page_anywhere_else(client: TestClient) -> None:
    assert client.get("/sandbox", headers=BROWSER).status_code == 404
    assert client.get("/v1/sandbox").status_code == 404
