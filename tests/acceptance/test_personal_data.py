"""A planted person through every way in is in no answer to any GET, but the reveal."""

from __future__ import annotations

import io
import logging
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pypdfium2 as pdfium
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from PIL import Image

from api.day_run import StepTimes, run_day
from api.import_file import read_rows
from api.import_mapping import ImportMapping
from api.importer import Importer
from dispatch.domain.webhook import event_of
from tests.api.access_tables import routes_of
from tests.api.installation import (
    ADDRESS,
    AUTH,
    BROWSER,
    DAY,
    KEY,
    NOW,
    TOKYO,
    running,
    sent,
    services_of,
    settings_for,
)
from tests.city_data import prepared

# Invented; no town, school or other text of the project has any of these words.
PERSON = {
    "name": "蔵前秘子",
    "kana": "クラマエヒメコ",
    "phone": "06-0000-7431",
    "address": "阿倍野区松崎町9-98-76",
    "role": "第七振興町会副班長",
}
WORDS = tuple(PERSON.values())
WARD = "271225"  # 西成区
MEETING = "2026-11-10"
# Where the words go that must be sent along with a form or file.
AS_FIELDS = {f"reporter_{name}": text for name, text in PERSON.items()}
# Signing in is off here, and nobody's account can be looked at.
NO_SIGN_IN = {
    "/sign-in",
    "/sign-in/oidc",
    "/sign-in/oidc/return",
    "/account",
    "/admin/accounts",
    "/admin/accounts/{account_id}",
}
# Nobody is on the staff here, no day was supposed, and this is no sandbox.
MAY_REFUSE = {
    "/organisation/people/{staff_id}",
    "/maps/what-if/{plan_id}/{office_id}",
    "/sandbox",
    "/v1/sandbox",
    # the job is a key's, not the desk's
    "/imports/{import_id}/refused.csv",
    "/imports/{import_id}/refused.xlsx",
}
# What a route has to be asked to show the planted charts.
QUERIES = {
    "/numbers": "month=2026-11&by=category",
    "/numbers.csv": "month=2026-11&by=district",
    "/supervisor": f"ward={WARD}",
    "/supervisor.csv": f"ward={WARD}",
    "/voices/report": f"ward={WARD}&meeting_on={MEETING}",
    "/voices/report.csv": f"ward={WARD}&meeting_on={MEETING}",
    "/voices/report.xlsx": f"ward={WARD}&meeting_on={MEETING}",
    "/plan": f"date={DAY}",
    "/v1/areas": "lon=135.49&lat=34.63",
}
# What somebody sent comes back to that somebody alone, to be mended.
GIVEN_BACK = {
    "/v1/imports/{import_id}/refused.csv",
    "/v1/imports/{import_id}/refused.xlsx",
}
# A stream without end; what it tells is what /v1/changes tells.
ENDLESS = {"/v1/events"}
# Parameters that choose between documents: each is asked for.
CHOICES = {
    "dataset": (
        "consultations",
        "visits",
        "routes",
        "districts",
        "closures",
        "offices",
    ),
    "file_format": ("csv", "xlsx", "geojson", "gpkg"),
    "collection_id": ("consultations", "visits", "plans", "school_districts"),
    "form": ("xml", "json"),
}
ARTIST = 0x013B  # tag of a photo's label (EXIF)
PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, kw_only=True)
class Planted:
    """An installation that knows the person, and ids to fill into addresses."""

    client: TestClient
    chart_ids: tuple[str, ...]
    values: Mapping[str, str]
    folder: Path


def by_form(client: TestClient) -> str:
    form = {
        "category": "R02",
        "description": "道路に穴がある",
        "address": "西成区津守2-7-13",
        "contact_wanted": "1",
        **AS_FIELDS,
    }
    answer = client.post("/charts/new", data=form, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"]).rpartition("/")[2]


def by_file(client: TestClient) -> str:
    columns = {"category": "R02", "description": "穴", "address": ADDRESS, **AS_FIELDS}
    text = f"{','.join(columns)}\n{','.join(columns.values())}\n"
    services = services_of(client)
    importer = Importer(services.intake, services.clock, TOKYO)
    report = importer.run(read_rows("a.csv", text.encode()), ImportMapping())
    (chart_id,) = report.chart_ids
    return chart_id


def by_import(client: TestClient) -> tuple[str, str]:
    """Import a file with a good row and one that comes back; return job and chart."""
    columns = {"category": "R02", "description": "穴", "address": ADDRESS, **AS_FIELDS}
    good, bad = columns.values(), {**columns, "category": "X99"}.values()
    text = "\n".join(",".join(cells) for cells in (columns, good, bad))
    file = {"file": ("b.csv", text.encode())}
    job = client.post("/v1/imports", files=file, headers=AUTH).json()
    while job["state"] in {"queued", "running"}:
        job = client.get(f"/v1/imports/{job['id']}", headers=AUTH).json()
    assert (job["state"], job["added"], job["refused"]) == ("done", 1, 1)
    chart = max(services_of(client).store.find(), key=lambda one: one.number)
    return str(job["id"]), chart.id


def by_voices(client: TestClient) -> list[str]:
    """Voices of a council by API, by the form's rows and by a file."""
    voice = {"subject": "津守の穴", "category": "R02", "address": ADDRESS}
    common = {"kind": "council", "ward": WARD, "meeting_on": MEETING, "who": "区"}
    body = {**common, "voices": [{**voice, "reporter": PERSON}]}
    found = client.post("/v1/voices", json=body, headers=AUTH).json()
    rows = {f"{name}-1": text for name, text in {**voice, **AS_FIELDS}.items()}
    rows["subject-1"] = "津守の二つ目の穴"
    empty = {"file": ("", b"")}
    answer = client.post("/voices/new", data={**common, **rows}, files=empty)
    assert "新しいカルテ 1件" in answer.text
    for word in WORDS:
        assert word not in answer.text
    head = "件名,分類,住所,申出人の氏名,申出人のカナ,申出人の電話,申出人の住所"
    line = f"三つ目,R02,{ADDRESS},{','.join(WORDS[:4])}"
    file = {"file": ("声.csv", f"{head}\n{line}".encode())}
    answer = client.post("/voices/new", data=common, files=file)
    assert "新しいカルテ 1件" in answer.text
    charts = services_of(client).voices.of_meeting(WARD, NOW.date().replace(day=10))
    ids = [chart.id for chart in charts]
    assert len(ids) == 3
    assert found["taken"][0]["chart_id"] in ids
    return ids


def by_open311(client: TestClient) -> str:
    """Report as a city's app does, with the person in every field for one."""
    form = {
        "api_key": KEY,
        "service_code": "R02",
        "description": "道路に穴がある",
        "address_string": ADDRESS,
        "last_name": PERSON["name"],
        "first_name": PERSON["kana"],
        "phone": PERSON["phone"],
        "email": f"{PERSON['role']}@example.jp",
        "account_id": PERSON["address"],
    }
    answer = client.post("/open311/v2/requests.json", data=form)
    number = str(answer.json()[0]["service_request_id"])
    return services_of(client).store.get_by_number(number).id


def by_photo(client: TestClient, chart_id: str) -> str:
    """Add a photo whose name and label name the person; return its id."""
    picture = Image.new("RGB", (64, 48), "gray")
    label = picture.getexif()
    label[ARTIST] = PERSON["phone"]
    target = io.BytesIO()
    picture.save(target, "JPEG", exif=label)
    file = {"photo": (f"{PERSON['name']}.jpg", target.getvalue(), "image/jpeg")}
    answer = client.post(
        f"/v1/consultations/{chart_id}/photos",
        files=file,
        data={"who": "係"},
        headers=AUTH,
    )
    assert answer.status_code == 201, answer.text
    require_nothing(answer.text, "photo")
    return str(answer.json()["id"])


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    folder = tmp_path_factory.mktemp("planted")
    settings = settings_for(folder, prepared(), database="sqlite")
    with running(settings) as client:
        first = str(sent(client, reporter=PERSON, contact_wanted=True)["id"])
        unplaced = sent(client, reporter=PERSON, address="聞き取れなかった場所")
        referred = sent(client, reporter=PERSON, category="G03")
        ids = (
            first,
            str(unplaced["id"]),
            str(referred["id"]),
            by_form(client),
            by_file(client),
            by_open311(client),
            *by_voices(client),
        )
        job_id, imported = by_import(client)
        services = services_of(client)
        webhooks = client.app.state.events.webhooks  # type: ignore[attr-defined]
        told, _ = webhooks.add(
            "市の別のシステム", "http://127.0.0.1:9/", after=0, who="係"
        )
        out = folder / "out"
        run_day(services, DAY, out, who="配車係", times=StepTimes(), told=silent)
        (stored, *_) = services.store.plans_on(DAY)
        route, stop = next((route, stop) for route, _, stop in stored.plan.stops())
        teams = {team.id: team.office_id for team in services.profile.teams}
        yield Planted(
            client=client,
            chart_ids=(*ids, imported),
            folder=folder,
            values={
                "chart_id": first,
                "photo_id": by_photo(client, first),
                "code": "R02",
                "plan_id": stored.id,
                "visit_id": stop.visit_id,
                "office_id": teams[route.team_id],
                "unit_id": services.profile.offices[0].id,
                "staff_id": "none",
                "account_id": "none",
                "webhook_id": told.id,
                "import_id": job_id,
                "feature_id": first,
                "number": services.store.get(first).number,
                "token": first,
            },
        )


def silent(_text: str, _done: float) -> None:
    """Tell nobody how far it is."""


def text_of(content: bytes) -> str:
    """Text of an answer or file as a reader sees it."""
    if content.startswith(b"%PDF"):
        with pdfium.PdfDocument(content) as document:
            pages = [page.get_textpage().get_text_range() for page in document]
        return "".join(pages)
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            return "".join(
                book.read(name).decode(errors="replace") for name in book.namelist()
            )
    return content.decode(errors="replace")


def require_nothing(text: str, where: str) -> None:
    for word in WORDS:
        assert word not in text, where


def addresses(planted: Planted) -> Iterator[tuple[str, str]]:
    """Every GET route of the application with an address that it answers."""
    for method, path in sorted(routes_of(planted.client.app)):
        if method != "GET" or path in ENDLESS:
            continue
        names = PARAMETER.findall(path)
        unknown = [n for n in names if n not in {**planted.values, **CHOICES}]
        assert not unknown, f"{path}: say in `values` what {unknown} is"
        chosen = {**CHOICES, "chart_id": planted.chart_ids}
        asked = [name for name in names if name in chosen]
        for values in product(*(chosen[name] for name in asked)):
            address = path.format_map(
                {**planted.values, **dict(zip(asked, values, strict=True))}
            )
            query = QUERIES.get(path)
            yield path, f"{address}?{query}" if query else address


def asked(planted: Planted, address: str) -> Response:
    is_programs = address.startswith(("/v1/", "/ogc", "/open311/"))
    headers = AUTH if is_programs else BROWSER
    return planted.client.get(address, headers=headers)


def test_a_planted_person_is_in_no_answer_to_any_get(
    planted: Planted, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answered = set()
    for path, address in addresses(planted):
        answer = asked(planted, address)
        if path not in GIVEN_BACK:
            require_nothing(text_of(answer.content), address)
        require_nothing(repr(answer.headers.raw), address)
        if answer.status_code == 200:
            answered.add(path)
    walked = {path for path, _ in addresses(planted)}
    # an address that is refused proves nothing: every route must have answered once
    assert walked - answered - NO_SIGN_IN - MAY_REFUSE == set()
    require_nothing(caplog.text, "log")


def test_a_planted_person_is_in_no_written_file_and_no_line_of_a_history(
    planted: Planted,
) -> None:
    files = [file for file in planted.folder.glob("out/**/*") if file.is_file()]
    assert {file.suffix for file in files} >= {".pdf", ".html", ".json"}
    for file in files:
        require_nothing(text_of(file.read_bytes()), file.name)
    services = services_of(planted.client)
    for chart_id in planted.chart_ids:
        require_nothing(repr(services.store.history(chart_id)), "history")
        require_nothing(repr(services.store.get(chart_id)), "chart")
    for file in (
        *planted.folder.glob("kidohan.sqlite3*"),
        planted.folder / "vault.key",
    ):
        for word in WORDS:
            assert word.encode() not in file.read_bytes(), file.name


def test_a_planted_person_is_in_no_event(planted: Planted) -> None:
    webhooks = planted.client.app.state.events.webhooks  # type: ignore[attr-defined]
    subscriber = webhooks.get(planted.values["webhook_id"])
    webhooks.step(lambda _attempt: None)  # nobody is there; what would be sent?
    deliveries = webhooks.deliveries(subscriber.id, limit=1_000)
    assert {one.change.chart_id for one in deliveries} >= {*planted.chart_ids}
    for delivery in deliveries:
        require_nothing(event_of(delivery, subscriber).decode(), "event")


def test_the_reveal_shows_every_planted_person(planted: Planted) -> None:
    """So the walk looked at charts that do have one."""
    form = {"who": "窓口係", "why": "折り返しのため"}
    for chart_id in planted.chart_ids:
        address = f"/charts/{chart_id}/reporter"
        shown = planted.client.post(address, data=form, headers=BROWSER)
        assert shown.status_code == 200
        assert PERSON["name"] in shown.text
        assert PERSON["phone"] in shown.text


def test_an_error_names_the_field_and_not_the_person(planted: Planted) -> None:
    client = planted.client
    bad = {"category": "R02", "description": "", "reporter": PERSON}
    texts = [client.post("/v1/consultations", json=bad, headers=AUTH).text]
    long = {**bad, "address": "西成区", "reporter": {**PERSON, "phone": "9" * 400}}
    texts.append(client.post("/v1/consultations", json=long, headers=AUTH).text)
    wrong = {
        **bad,
        "description": "穴",
        "reporter": {**PERSON, "name": [PERSON["name"]]},
    }
    texts.append(client.post("/v1/consultations", json=wrong, headers=AUTH).text)
    voice = {"subject": "穴", "category": "Q99", "reporter": PERSON}
    body = {"kind": "council", "ward": WARD, "meeting_on": MEETING, "who": "区"}
    refused = client.post("/v1/voices", json={**body, "voices": [voice]}, headers=AUTH)
    assert [one["field"] for one in refused.json()["refused"]] == ["category"]
    texts.append(refused.text)
    for text in texts:
        require_nothing(text, "refused")
