"""Open311 GeoReport v2 as its clients speak it: forms in, XML and JSON out."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from api.open311.words import UPDATE_STATES, UpdateState, state_of
from dispatch.domain.answer import Answer, AnswerKind
from dispatch.domain.case_chart import CaseChart, ChartEntry, ChartStatus, EntryKind
from dispatch.domain.catalogue import Duty
from dispatch.domain.consultation import ContactMethod
from dispatch.domain.life_cycle import Act
from tests.api.installation import (
    HOSTILE,
    KEY,
    NOW,
    running,
    sent,
    services_of,
    settings_for,
)
from tests.contract import open311_schemas as schemas

ROOT = "/open311/v2"
# As FixMyStreet sends it: title, blank line, detail, blank line, address; six digits.
FORM = {
    "api_key": KEY,
    "jurisdiction_id": "osaka",
    "service_code": "R02",
    "description": "歩道の穴\r\n\r\n自転車が落ちます\r\n\r\nhttp://fms.example/report/7",
    "lat": "34.634500",
    "long": "135.483600",
    "first_name": "花子",
    "last_name": "申出",
    "email": "hanako@example.jp",
    "phone": "",
    "address_id": "#NOTPINPOINTED#",
    "attribute[deep]": "no",
    "attribute[easting]": "123",
}


def posted(client: TestClient, **fields: str) -> str:
    """Hand a report in; its number."""
    answer = client.post(f"{ROOT}/requests.json", data={**FORM, **fields})
    assert answer.status_code == 201, answer.text
    jsonschema.validate(answer.json(), schemas.RECEIPT)
    return str(answer.json()[0]["service_request_id"])


def chart_of(client: TestClient, number: str) -> CaseChart:
    return services_of(client).store.get_by_number(number)


def moved(client: TestClient, number: str, **changes: Any) -> None:  # noqa: ANN401
    """Store the chart's next version."""
    chart = chart_of(client, number)
    entry = ChartEntry(at=NOW, who="試験", kind=EntryKind.MOVED, text="試験")
    after = replace(chart, version=chart.version + 1, **changes)
    services_of(client).store.save_all([(after, (entry,))])


def in_json(client: TestClient, path: str) -> Any:  # noqa: ANN401 - JSON
    answer = client.get(f"{ROOT}/{path}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    return answer.json()


def in_xml(client: TestClient, path: str) -> ET.Element:
    answer = client.get(f"{ROOT}/{path}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    return ET.fromstring(answer.content)  # noqa: S314 - our own


def plain(element: ET.Element) -> Any:  # noqa: ANN401 - what JSON says as well
    """Value of an element: lists by their children's one name, texts by no child."""
    lists = {
        *("services", "attributes", "values", "endpoints", "formats"),
        *("service_requests", "service_request_updates", "errors"),
    }
    if element.tag in lists:
        return [plain(one) for one in element]
    if len(element) == 0:
        return element.text or ""
    return {one.tag: plain(one) for one in element}


def as_texts(value: Any) -> Any:  # noqa: ANN401 - JSON
    match value:
        case dict():
            return {key: as_texts(one) for key, one in value.items()}
        case list():
            return [as_texts(one) for one in value]
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:.6f}"
        case _:
            return str(value)


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("discovery", schemas.DISCOVERY),
        ("services", schemas.SERVICES),
        ("services/R02", schemas.DEFINITION),
        ("services/B02", schemas.DEFINITION),
        ("requests", schemas.REQUESTS),
        ("servicerequestupdates", schemas.UPDATES),
    ],
)
def test_a_document_has_its_fields_and_says_the_same_in_both_forms(
    client: TestClient, path: str, schema: dict[str, Any]
) -> None:
    number = posted(client, description=f"両方の形 {path}")
    moved(client, number, status=ChartStatus.ACCEPTED)
    told = in_json(client, f"{path}.json")
    jsonschema.validate(told, schema)
    assert plain(in_xml(client, f"{path}.xml")) == as_texts(told)


def test_what_the_wards_own_desks_do_cannot_be_reported(client: TestClient) -> None:
    catalogue = services_of(client).profile.catalogue
    offered = {one["service_code"] for one in in_json(client, "services.json")}
    for category in catalogue.categories:
        assert (category.code in offered) is (category.duty is not Duty.REFERRAL)
    hidden = next(c for c in catalogue.categories if c.duty is Duty.REFERRAL)
    answer = client.post(
        f"{ROOT}/requests.json", data={**FORM, "service_code": hidden.code}
    )
    assert answer.status_code == 404
    own = sent(client, category=hidden.code)
    assert client.get(f"{ROOT}/requests/{own['number']}.json").status_code == 404


def test_a_report_becomes_a_chart_with_its_words_and_its_person_apart(
    client: TestClient,
) -> None:
    number = posted(
        client, description="段差\r\n\r\n詳しい話", media_url="http://p/1.jpg"
    )
    chart = chart_of(client, number)
    assert chart.consultation.description == "段差\n\n詳しい話\n写真: http://p/1.jpg"
    assert chart.consultation.source == "intake"
    assert [str(one.reply) for one in chart.triage] == ["no"]
    given = services_of(client).vault.given([chart.id])[chart.id]
    assert [str(one) for one in given] == ["name"]
    told = client.get(f"{ROOT}/requests/{number}.json").text
    for word in ("段差", "詳しい話", "花子", "hanako", "fms.example"):
        assert word not in told
    one = in_json(client, f"requests/{number}.json")[0]
    assert one["status"] == "open"
    assert (one["lat"], one["long"]) == (34.6345, 135.4836)
    assert one["requested_datetime"] == "2026-11-24T08:50:00+09:00"
    assert one["description"].startswith("路面の穴ぼこ")


def test_an_address_alone_is_placed_and_told_as_a_town(client: TestClient) -> None:
    number = posted(client, lat="", long="", address_string="西成区津守2-7-13 山田宅")
    one = in_json(client, f"requests/{number}.json")[0]
    assert one["address"] == "西成区津守二丁目"
    assert "山田" not in str(one)


def test_a_report_without_an_answer_comes_again_and_stays_one(
    client: TestClient,
) -> None:
    form = {**FORM, "description": "同じ穴を何度も"}

    def post(n: int) -> str:
        path = f"{ROOT}/requests.{'xml' if n % 2 else 'json'}"
        answer = client.post(path, data=form)
        assert answer.status_code == 201
        text = answer.text
        for mark in ("<service_request_id>", '"service_request_id": "'):
            text = text.partition(mark)[2] or text
        return text.split("<")[0].split('"')[0]

    with ThreadPoolExecutor(8) as pool:
        numbers = set(pool.map(post, range(30)))
    assert len(numbers) == 1
    (number,) = numbers
    # Another person, another place and other words are other reports.
    others = {
        posted(client, description="同じ穴を何度も", first_name="次郎"),
        posted(client, description="同じ穴を何度も", lat="34.640000"),
        posted(client, description="別の穴"),
        number,
    }
    assert len(others) == 4
    # Once it is over, the same words say that it is there again.
    moved(client, number, status=ChartStatus.CLOSED)
    again = posted(client, description="同じ穴を何度も")
    assert again not in others
    assert posted(client, description="同じ穴を何度も") == again


def test_a_key_of_its_own_is_kept_to(client: TestClient) -> None:
    headers = {"Idempotency-Key": "o311-1"}
    path = f"{ROOT}/requests.json"
    one = client.post(path, data={**FORM, "description": "鍵"}, headers=headers)
    two = client.post(path, data={**FORM, "description": "鍵"}, headers=headers)
    assert one.json() == two.json()
    other = client.post(path, data={**FORM, "description": "別"}, headers=headers)
    assert other.status_code == 400  # the protocol knows no 409


def test_photos_come_beside_the_form_and_a_script_is_left_out(
    client: TestClient,
) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(picture, "JPEG")
    form = {**FORM, "description": "写真つき"}
    files = {
        "photo1": ("a.jpg", picture.getvalue(), "image/jpeg"),
        "photo2": ("b.jpg", HOSTILE.encode(), "image/jpeg"),
    }
    answer = client.post(f"{ROOT}/requests.json", data=form, files=files)
    assert answer.status_code == 201
    assert "写真は受け取れません" in answer.json()[0]["service_notice"]
    chart = chart_of(client, answer.json()[0]["service_request_id"])
    assert len(services_of(client).cases.photos.listed(chart.id)) == 1


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        (403, {"api_key": ""}),
        (403, {"api_key": "wrong-key-0001"}),
        (400, {"service_code": ""}),
        (404, {"service_code": "ZZ9"}),
        (404, {"jurisdiction_id": "kobe"}),
        (400, {"lat": "", "long": ""}),
        (400, {"lat": "north"}),
        (400, {"lat": "nan"}),
        (400, {"lat": "", "long": "", "address_id": "77"}),
        (400, {"description": "長" * 4_001}),
        (400, {"description": "null\0byte"}),
        (400, {"attribute[deep]": "maybe"}),
        (400, {"last_name": "名" * 200}),
    ],
)
@pytest.mark.parametrize("form", ["xml", "json"])
def test_a_bad_report_is_refused_in_the_protocols_words_and_nothing_is_stored(
    client: TestClient, form: str, status: int, fields: dict[str, str]
) -> None:
    before = len(services_of(client).store.find())
    answer = client.post(f"{ROOT}/requests.{form}", data={**FORM, **fields})
    assert answer.status_code == status, answer.text
    if form == "json":
        jsonschema.validate(answer.json(), schemas.ERRORS)
        assert answer.json()[0]["code"] == status
    else:
        (error,) = ET.fromstring(answer.content)  # noqa: S314 - our own
        assert error.findtext("code") == str(status)
        assert error.findtext("description")
    assert len(services_of(client).store.find()) == before


def test_what_is_no_form_is_refused(client: TestClient) -> None:
    path = f"{ROOT}/requests.json"
    assert client.post(path, json=FORM).status_code == 403  # no key that is seen
    client.headers["X-API-Key"] = KEY
    assert client.post(path, json=FORM).status_code == 400
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'
    kind = {"Content-Type": "text/xml"}
    assert client.post(path, content=bomb, headers=kind).status_code == 400
    parts = {"Content-Type": "multipart/form-data; boundary=x"}
    assert client.post(path, content=b"--x\r\nbroken", headers=parts).status_code in {
        400,
        403,
    }
    del client.headers["X-API-Key"]
    answer = client.post(path, data={**FORM, "description": "大" * 5_000_000})
    assert answer.status_code == 413
    jsonschema.validate(answer.json(), schemas.ERRORS)


@pytest.mark.parametrize(
    ("status", "path"),
    [
        (400, "requests.json?unknown=1"),
        (400, "services.json?unknown=1"),
        (400, "requests.json?start_date=2026-11-24T00:00:00"),
        (400, "requests.json?start_date=令和8年"),
        (
            400,
            "requests.json?start_date=2026-01-01T00:00:00Z&end_date=2026-05-01T00:00:00Z",
        ),
        (
            400,
            "requests.json?start_date=2026-11-02T00:00:00Z&end_date=2026-11-01T00:00:00Z",
        ),
        (400, "requests.json?status=done"),
        (400, "requests.json?page=0"),
        (400, "requests.json?page_size=abc"),
        (400, "requests.json?page_size=99999"),
        (404, "requests.json?jurisdiction_id=kobe"),
        (404, "services/ZZ9.json"),
        (404, "requests/R8-27127-999999.json"),
        (404, "tokens/none.json"),
        (404, "nothing.json"),
        (400, "requests.yaml"),
        (400, "requests.json?start_date=0001-01-01T00:00:00%2B14:00"),
    ],
)
def test_a_bad_question_is_refused_in_the_protocols_words(
    client: TestClient, status: int, path: str
) -> None:
    answer = client.get(f"{ROOT}/{path}")
    assert answer.status_code == status, answer.text
    if ".json" in path:
        jsonschema.validate(answer.json(), schemas.ERRORS)
    else:
        assert answer.text.count("<error>") == 1


def test_what_real_clients_add_is_let_pass(client: TestClient) -> None:
    for path in (
        "services.xml?jurisdiction_id=",
        "services.xml?jurisdiction_id=osaka&api_key=x",
        "requests.xml?page=1&per_page=5",
        # A plus sign that was not escaped arrives as a space.
        "requests.xml?start_date=2026-11-20T00:00:00+09:00",
        "requests.xml?start_date=2026-11-20T00:00:00.123Z&end_date=2026-11-24T00:00:00Z",
    ):
        assert client.get(f"{ROOT}/{path}").status_code == 200, path


def test_a_list_of_ids_overrides_all_else_in_the_order_asked_for(
    client: TestClient,
) -> None:
    numbers = [posted(client, description=f"順番 {n}") for n in range(3)]
    moved(client, numbers[0], status=ChartStatus.DONE)
    asked = [numbers[2], "R8-00000-000000", numbers[0], numbers[1], numbers[2]]
    ids = ",".join(asked + [f"R8-99999-{n:06d}" for n in range(3_000)])
    found = in_json(client, f"requests.json?status=closed&service_request_id={ids}")
    assert [one["service_request_id"] for one in found] == [
        numbers[2],
        numbers[0],
        numbers[1],
    ]
    assert [one["status"] for one in found] == ["open", "closed", "open"]


def test_the_list_is_filtered_and_paged(client: TestClient) -> None:
    for n in range(3):
        posted(client, description=f"頁 {n}", service_code="R01")
    every = in_json(client, "requests.json?service_code=R01")
    assert len(every) == 3
    assert all(one["service_code"] == "R01" for one in every)
    first = client.get(f"{ROOT}/requests.json?service_code=R01&page_size=2")
    assert first.json() == every[:2]
    following = first.headers["link"]
    assert 'rel="next"' in following
    second = client.get(following.partition("<")[2].partition(">")[0])
    assert second.json() == every[2:]
    assert 'rel="prev"' in second.headers["link"]
    moved(client, every[0]["service_request_id"], status=ChartStatus.CLOSED)
    closed = in_json(client, "requests.json?service_code=R01&status=closed")
    assert [one["service_request_id"] for one in closed] == [
        every[0]["service_request_id"]
    ]
    opened = in_json(client, "requests.json?service_code=R01&status=open")
    assert len(opened) == 2
    assert (
        len(in_json(client, "requests.json?service_code=R01&status=open,closed")) == 3
    )
    after = "2027-01-01T00:00:00Z"
    assert in_json(client, f"requests.json?updated_after={after}") == []
    before = in_json(client, f"requests.json?service_code=R01&updated_before={after}")
    assert len(before) == 3
    later = in_json(client, "requests.json?start_date=2027-01-01T00:00:00Z")
    assert later == []


def test_a_merged_report_keeps_its_number_and_stands_where_the_other_stands(
    client: TestClient,
) -> None:
    main, other = posted(client, description="主"), posted(client, description="従")
    moved(
        client,
        other,
        status=ChartStatus.DUPLICATE,
        duplicate_of=chart_of(client, main).id,
    )
    assert in_json(client, f"requests/{other}.json")[0]["status"] == "open"
    moved(client, main, status=ChartStatus.DONE)
    told = in_json(client, f"requests/{other}.json")[0]
    assert (told["status"], told["service_request_id"]) == ("closed", other)
    closed = in_json(client, "requests.json?status=closed")
    assert {main, other} <= {one["service_request_id"] for one in closed}


def test_a_referral_tells_who_has_it_and_no_longer_where_it_is(
    client: TestClient,
) -> None:
    number = posted(client, description="公園の木")
    moved(client, number, status=ChartStatus.REFERRED, receiver="西成公園事務所")
    told = in_json(client, f"requests/{number}.json")[0]
    assert told["agency_responsible"] == "西成公園事務所"
    assert not {"lat", "long"} & told.keys()


def test_an_answer_is_told_as_it_is_published_only(client: TestClient) -> None:
    number = posted(client, description="答え")
    answer = Answer(
        at=NOW,
        who="担当",
        method=ContactMethod.PHONE,
        kind=AnswerKind.DONE,
        text="花子さんへ: 直しました",
        summary="穴をふさぎました。",
    )
    moved(client, number, status=ChartStatus.ANSWERED, answers=(answer,))
    path = f"requests/{number}.json"
    assert in_json(client, path)[0]["status_notes"] == "回答済"
    published = replace(answer, published_on=NOW.date())
    moved(client, number, answers=(published,))
    assert in_json(client, path)[0]["status_notes"] == "回答済: 穴をふさぎました。"


def test_updates_are_changes_of_status_in_their_order(client: TestClient) -> None:
    number = posted(client, description="更新")
    moved(client, number, status=ChartStatus.PLANNED)
    moved(client, number, urgency=chart_of(client, number).urgency)  # tells nothing
    moved(client, number, status=ChartStatus.DONE)
    key = f"api_key={KEY}&jurisdiction_id=osaka"
    told = in_json(client, f"servicerequestupdates.json?{key}")
    mine = [one for one in told if one["service_request_id"] == number]
    assert [one["status"] for one in mine] == ["ACTION_SCHEDULED", "FIXED"]
    assert [one["external_status_code"] for one in mine] == ["planned", "done"]
    assert [one["description"] for one in mine] == ["計画済", "現場完了"]
    numbers = [int(one["update_id"]) for one in told]
    assert numbers == sorted(set(numbers))
    # Stored at NOW: told in the window around it, and in no earlier one.
    early = "start_date=2026-11-23T00:00:00Z&end_date=2026-11-23T23:00:00Z"
    assert in_json(client, f"servicerequestupdates.json?{early}") == []
    around = "start_date=2026-11-23T23:30:00Z&end_date=2026-11-24T00:30:00Z"
    assert in_json(client, f"servicerequestupdates.json?{around}")


def test_an_own_key_is_told_of_the_own_requests(client: TestClient) -> None:
    number = posted(client, description="自分の")
    moved(client, number, status=ChartStatus.DONE)
    _, secret = services_of(client).keys.add(
        "other-city", actions=frozenset(), days=1, who="試験"
    )
    others = in_json(client, f"servicerequestupdates.json?api_key={secret}")
    assert others == []
    everybody = in_json(client, "servicerequestupdates.json")
    assert number in {one["service_request_id"] for one in everybody}


def test_an_update_is_written_into_the_chart_once(client: TestClient) -> None:
    number = posted(client, description="追記")
    form = {
        "api_key": KEY,
        "update_id": "fms-7",
        "service_request_id": number,
        "updated_datetime": "2026-11-24T08:40:00+09:00",
        "status": "OPEN",
        "description": "まだ直っていません",
        "first_name": "花子",
    }
    path = f"{ROOT}/servicerequestupdates"
    one = client.post(f"{path}.xml", data=form)
    assert one.status_code == 200, one.text
    root = ET.fromstring(one.content)  # noqa: S314 - our own
    assert root.tag == "service_request_updates"
    assert root.findtext("request_update/update_id")
    assert client.post(f"{path}.xml", data=form).content == one.content
    chart = chart_of(client, number)
    lines = services_of(client).store.history(chart.id)
    assert [e.text for e in lines if e.kind is EntryKind.COMMENT] == [
        "申出人から: まだ直っていません"
    ]
    for status, change in (
        (403, {"api_key": "x"}),
        (400, {"update_id": ""}),
        (404, {"service_request_id": "none"}),
        (400, {"updated_datetime": "2026-11-24T08:40:00"}),
    ):
        assert client.post(f"{path}.xml", data={**form, **change}).status_code == status


def test_not_mended_comes_back_to_triage(client: TestClient) -> None:
    number = posted(client, description="再発")
    chart = chart_of(client, number)
    moved(client, number, status=ChartStatus.DONE)
    form = {
        "api_key": KEY,
        "update_id": "again",
        "service_request_id": number,
        "status": "REOPEN",
        "description": "また穴が",
    }
    path = f"{ROOT}/servicerequestupdates.json"
    assert client.post(path, data=form).status_code == 200
    assert chart_of(client, number).status is ChartStatus.RECEIVED
    lines = services_of(client).store.history(chart.id)
    assert lines[-1].about == str(Act.REOPEN)
    # Open already: the words are kept, and nothing else happens.
    assert client.post(path, data={**form, "update_id": "more"}).status_code == 200
    assert chart_of(client, number).status is ChartStatus.RECEIVED


def test_another_systems_request_is_not_written_into(client: TestClient) -> None:
    number = posted(client, description="よその")
    _, secret = services_of(client).keys.add(
        "stranger", actions=frozenset(), days=1, who="試験"
    )
    form = {"api_key": secret, "update_id": "1", "service_request_id": number}
    answer = client.post(f"{ROOT}/servicerequestupdates.json", data=form)
    assert answer.status_code == 403


def test_a_token_leads_to_the_number(tmp_path: Path, geodata_dir: Path) -> None:
    settings = settings_for(tmp_path, geodata_dir)
    settings = settings.model_copy(update={"open311_tokens": True})
    with running(settings) as client:
        answer = client.post(f"{ROOT}/requests.json", data=FORM)
        jsonschema.validate(answer.json(), schemas.RECEIPT)
        (receipt,) = answer.json()
        assert "service_request_id" not in receipt
        told = in_json(client, f"tokens/{receipt['token']}.json")
        jsonschema.validate(told, schemas.TOKEN)
        assert chart_of(client, told[0]["service_request_id"]).id == receipt["token"]


@pytest.fixture(scope="module")
def closed_city(
    tmp_path_factory: pytest.TempPathFactory, geodata_dir: Path
) -> Iterator[TestClient]:
    """Serve a city that is read with a key only."""
    settings = settings_for(tmp_path_factory.mktemp("closed"), geodata_dir)
    update = {"open_reading": False, "sign_in": "password"}
    with running(settings.model_copy(update=update)) as client:
        yield client


def test_a_city_may_ask_for_a_key_before_it_is_read(closed_city: TestClient) -> None:
    for path in ("requests.json", "servicerequestupdates.json", "tokens/x.json"):
        answer = closed_city.get(f"{ROOT}/{path}")
        assert answer.status_code == 403, path
        jsonschema.validate(answer.json(), schemas.ERRORS)
    assert closed_city.get(f"{ROOT}/services.xml").status_code == 200
    assert closed_city.get(f"{ROOT}/requests.json?api_key={KEY}").status_code == 200
    basic = closed_city.get(f"{ROOT}/requests.json", auth=("any", KEY))
    assert basic.status_code == 200


def test_every_status_has_a_word_and_only_finished_work_is_closed() -> None:
    assert set(UPDATE_STATES) == set(ChartStatus)
    assert set(UPDATE_STATES.values()) | {UpdateState.REOPEN} == set(UpdateState)
    for status in (ChartStatus.AWAITING_REPAIR, ChartStatus.REFERRED):
        assert state_of(status) == "open"


def test_hostile_words_break_no_document(client: TestClient) -> None:
    number = posted(client, description=f"{HOSTILE}]]>&amp;", last_name=HOSTILE)
    assert plain(in_xml(client, f"requests/{number}.xml"))
    moved(client, number, status=ChartStatus.REFERRED, receiver=f"{HOSTILE}\x0b")
    told = plain(in_xml(client, f"requests/{number}.xml"))
    assert told[0]["agency_responsible"] == HOSTILE
    assert dt.datetime.fromisoformat(told[0]["updated_datetime"]).utcoffset()
