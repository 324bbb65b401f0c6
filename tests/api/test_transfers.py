"""Transfers and notices through the pages and the API, and who may do what."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from argon2.profiles import CHEAPEST
from fastapi.testclient import TestClient
from httpx2 import Response

from api.access import COOKIE
from api.settings import SignInMode
from dispatch.adapters.password_hasher import Argon2Hasher
from dispatch.domain.access import Actor, Role
from dispatch.domain.case_chart import CaseChart, ChartStatus
from dispatch.domain.transfer import TransferState
from tests.api.installation import (
    AUTH,
    BROWSER,
    HOSTILE,
    NOWHERE,
    running,
    sent,
    services_of,
    settings_for,
)

WARD = "西成区"
NORTH = "北区中之島1丁目3-20"
CENTRE = "環境局南部環境事業センター"  # of 西成区
WHO = "担当 一郎"


def posted(client: TestClient, url: str, **form: str) -> Response:
    return client.post(url, data=form, headers=BROWSER, follow_redirects=False)


def page_of(client: TestClient, url: str) -> str:
    answer = client.get(url, headers=BROWSER)
    assert answer.status_code == 200, answer.text
    return answer.text


def said(client: TestClient, url: str, **body: object) -> dict[str, Any]:
    """Answer of the API to something that it takes."""
    answer = client.post(url, json=body, headers=AUTH)
    assert answer.status_code in {200, 201}, answer.text
    found: dict[str, Any] = answer.json()
    return found


def chart_of(client: TestClient, one: dict[str, Any]) -> CaseChart:
    return services_of(client).store.get(str(one["id"]))


def steps(one: dict[str, Any]) -> str:
    """Address of the steps of a chart's last transfer."""
    return f"/charts/{one['id']}/transfers/{one['transfers'][-1]['id']}"


# -- pages -----------------------------------------------------------------------------


def test_a_referral_waits_in_the_queue_of_its_receiver(client: TestClient) -> None:
    rubbish = sent(client, category="G02")
    leak = sent(client, category="L01")
    page = page_of(client, "/transfers")
    for one in (rubbish, leak):
        assert f"/charts/{one['id']}#transfer" in page
    # received at 8:50, before the offices open: a leak is to be taken by 9:15
    assert "あと25分(9:15)" in page
    assert page.index(str(leak["number"])) < page.index(str(rubbish["number"]))
    only = page_of(client, f"/transfers?receiver={CENTRE}&state=sent&sort=sent")
    assert str(rubbish["number"]) in only
    assert str(leak["number"]) not in only
    assert 'class="empty"' in page_of(client, "/transfers?late=1")
    assert 'class="empty"' in page_of(client, "/transfers?ward=271039")


def test_a_queue_comes_for_excel_without_anybodys_words(client: TestClient) -> None:
    private = "申出人は架空花子"
    one = sent(client, category="W02", description=private)
    posted(
        client,
        f"/charts/{one['id']}/transfers",
        version="1",
        receiver="pipe-tsumori",
        who=WHO,
        why=private,
    )
    answer = client.get("/transfers.csv?receiver=津守管路管理センター")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    found = next(row for row in rows if row["番号"] == one["number"])
    assert (found["送った所"], found["引継先"], found["状態"], found["区"]) == (
        "津守工営所",
        "津守管路管理センター",
        "受け取り待ち",
        WARD,
    )
    assert private not in answer.text


def test_a_chart_is_sent_taken_and_finished_on_its_page(client: TestClient) -> None:
    one = sent(client, category="W02")
    url = f"/charts/{one['id']}"
    page = page_of(client, url)
    assert "ほかの窓口へ移管する" in page
    assert "大阪国道事務所" in page
    answer = posted(
        client,
        f"{url}/transfers",
        version="1",
        receiver="pipe-tsumori",
        who=WHO,
        why=HOSTILE,
    )
    assert (answer.status_code, answer.headers["location"]) == (303, f"{url}#transfer")
    page = page_of(client, url)
    assert "受け取る" in page
    assert HOSTILE not in page  # escaped
    assert "対応結果を記録する" not in page  # our team has no part in it now
    chart = chart_of(client, one)
    step = f"{url}/transfers/{chart.transfers[-1].id}"
    assert posted(client, f"{step}/accept", version="2", who="管路").status_code == 303
    posted(client, f"{step}/finish", version="3", who="管路", done="蓋を直した")
    chart = chart_of(client, one)
    assert chart.status is ChartStatus.DONE
    page = page_of(client, url)
    assert "これまでの移管(1回)" in page
    assert "対応済: 蓋を直した" in page


def test_a_return_is_on_the_board_until_somebody_acts(client: TestClient) -> None:
    one = sent(client, category="P01", address=NORTH)
    step = steps(one)
    before = services_of(client).hand_over.queues
    answer = posted(client, f"{step}/return", version="1", who="公園", why="市道の上")
    assert answer.status_code == 303
    assert "差し戻された移管" in page_of(client, "/")
    page = page_of(client, "/transfers?state=returned")
    assert "差し戻しの理由: 市道の上" in page
    page = page_of(client, f"/charts/{one['id']}")
    assert "から差し戻されました" in page
    posted(
        client,
        f"/charts/{one['id']}/transfers",
        version="2",
        receiver="river",
        who=WHO,
        why="河川敷",
    )
    assert str(one["number"]) not in page_of(client, "/transfers?state=returned")
    assert before is services_of(client).hand_over.queues


def test_a_receiver_sends_it_on_and_the_sender_takes_it_back(
    client: TestClient,
) -> None:
    one = sent(client, category="R16")
    posted(
        client,
        f"{steps(one)}/hand-on",
        version="1",
        receiver="river",
        who="公園",
        why="河川敷の木",
    )
    chart = chart_of(client, one)
    assert [t.state for t in chart.transfers] == [
        TransferState.HANDED_ON,
        TransferState.SENT,
    ]
    step = f"/charts/{one['id']}/transfers/{chart.transfers[-1].id}"
    posted(client, f"{step}/withdraw", version="2", who="公園", why="まちがい")
    assert chart_of(client, one).transfers[-1].state is TransferState.WITHDRAWN


def test_a_stale_or_senseless_step_is_refused_on_the_page(client: TestClient) -> None:
    one = sent(client, category="G02")
    stale = posted(client, f"{steps(one)}/accept", version="9", who=WHO)
    assert stale.status_code == 409
    nowhere = posted(client, f"{steps(one)}/return", version="1", who=WHO, why=" ")
    assert nowhere.status_code == 422
    assert "差し戻す理由" in nowhere.text
    unknown = posted(
        client, f"/charts/{one['id']}/transfers/nothing/accept", version="1", who=WHO
    )
    assert unknown.status_code == 404
    assert chart_of(client, one).version == 1


def test_referrals_show_no_place_on_page_map_or_api(client: TestClient) -> None:
    where = {"lon": 135.48147, "lat": 34.64319}
    for category in ("F01", "F02", "L01", "R23"):
        one = sent(client, category=category, position=where)
        assert one["placement"] is None
        url = f"/charts/{one['id']}"
        posted(client, f"{url}/acts", version="1", act="reopen", who=WHO, why="再び")
        again = client.get(f"/v1/consultations/{one['id']}", headers=AUTH).json()
        assert (again["status"], again["placement"]) == ("received", None)
        for address in (url, "/maps/overview", f"/v1{url}".replace("charts", "x")):
            assert "135.48147" not in client.get(address, headers=AUTH).text
        kept = chart_of(client, one).consultation.position
        # whoever is asked for advice at home is not to be found in the store either
        assert (kept is None) is category.startswith("F")


# -- notices ---------------------------------------------------------------------------


def test_a_notice_is_written_read_answered_and_settled(client: TestClient) -> None:
    one = sent(client, address=NORTH)
    url = f"/charts/{one['id']}"
    assert "対応連絡を書く" in page_of(client, url)
    answer = posted(
        client,
        f"{url}/notices",
        to="ward",
        who=WHO,
        done=f"穴を埋めた{HOSTILE}",
        next_step="様子を見る",
        next_by="工営所",
        act_by="2026-11-27",
    )
    assert (answer.status_code, answer.headers["location"]) == (303, f"{url}#notices")
    desk = services_of(client).hand_over.notices
    notice = desk.notices.of_chart(str(one["id"]))[0]
    for page in (page_of(client, "/notices"), page_of(client, url)):
        assert "北区地域担当" in page
        assert "令和8年11月27日(金)" in page
        assert HOSTILE not in page
    assert "<b>1</b>未読の対応連絡" in page_of(client, "/")
    posted(client, f"/notices/{notice.id}/read", who="区 花子")
    assert "<b>0</b>未読の対応連絡" in page_of(client, "/")
    assert "対応待ち" in page_of(client, "/notices?state=open")
    posted(client, f"/notices/{notice.id}/answer", who="区 花子", done="伝えた")
    reply = desk.notices.of_chart(str(one["id"]))
    assert {n.side for n in reply} == {"ward", "office"}
    back = next(n for n in reply if n.answers_id)
    answer = posted(client, f"/notices/{back.id}/settle", who=WHO, note="了解")
    assert answer.status_code == 303
    assert "区 花子 が返信" in page_of(client, url)
    assert 'class="empty"' in page_of(client, "/notices?state=open&side=office")
    settled = page_of(client, "/notices?state=settled&ward=271276&district=nowhere")
    assert "当てはまる対応連絡はありません" in settled


def test_the_officer_writes_back_to_whoever_has_the_chart(client: TestClient) -> None:
    one = sent(client, category="G02")
    url = f"/charts/{one['id']}/notices"
    posted(client, url, to="holder", who="区 花子", done="申出人に会った")
    page = page_of(client, f"/notices?desk={CENTRE}&ward=271225")
    assert "申出人に会った" in page
    assert "津守" in page  # school districts of the ward to choose from
    wrong = posted(client, url, to="holder", who="区", done="見た", act_by="あす")
    assert wrong.status_code == 422
    assert "日付を読めません" in wrong.text


def test_nobody_is_written_to_while_nobody_has_the_chart(client: TestClient) -> None:
    lost = sent(client, address=NOWHERE)
    assert "対応連絡を書く" not in page_of(client, f"/charts/{lost['id']}")
    refused = posted(client, f"/charts/{lost['id']}/notices", who="区", done="見た")
    assert refused.status_code == 409


# -- programs --------------------------------------------------------------------------


def test_each_step_of_a_transfer_has_its_address(client: TestClient) -> None:
    one = sent(client, category="W02")
    url = f"/v1/consultations/{one['id']}/transfers"
    word = {"who": WHO, "why": "管の清掃"}
    after = said(client, url, version=1, receiver="pipe-tsumori", **word)
    transfer = after["transfers"][-1]
    assert (transfer["sender"], transfer["state"]) == ("津守工営所", "sent")
    assert "why" not in transfer
    step = f"{url}/{transfer['id']}"
    after = said(client, f"{step}/hand-on", version=2, receiver="river", **word)
    step = f"{url}/{after['transfers'][-1]['id']}"
    said(client, f"{step}/accept", version=3, who=WHO)
    after = said(client, f"{step}/return", version=4, **word)
    assert after["status"] == "returned"
    after = said(client, url, version=5, receiver="river", **word)
    step = f"{url}/{after['transfers'][-1]['id']}"
    after = said(client, f"{step}/withdraw", version=6, **word)
    after = said(client, url, version=7, receiver="river", **word)
    step = f"{url}/{after['transfers'][-1]['id']}"
    after = said(client, f"{step}/finish", version=8, who=WHO, done="終えた")
    assert after["status"] == "done"
    stale = client.post(f"{step}/accept", json={"version": 1, "who": WHO}, headers=AUTH)
    assert (stale.status_code, stale.json()["current_version"]) == (409, 9)


def test_the_queue_is_told_to_programs_without_words(client: TestClient) -> None:
    one = sent(client, category="G02")
    asked = {"receiver": CENTRE, "state": "sent"}
    answer = client.get("/v1/transfers", params=asked, headers=AUTH).json()
    found = next(q for q in answer["transfers"] if q["chart_id"] == one["id"])
    assert answer["count"] >= 1
    assert found["transfer"]["receiver"] == CENTRE
    assert found["due_at"] == found["transfer"]["accept_by"]
    assert {"why", "return_reason", "result"}.isdisjoint(found["transfer"])
    bad = client.get("/v1/transfers", params={"state": "lost"}, headers=AUTH)
    assert bad.status_code == 422


def test_notices_are_sent_listed_and_read_by_programs(client: TestClient) -> None:
    private = "架空花子に電話した"
    one = sent(client)
    made = said(
        client,
        "/v1/notices",
        chart_id=one["id"],
        who=WHO,
        done=private,
        act_by="2026-11-30",
    )
    assert (made["side"], made["ward_code"], made["act_by"]) == (
        "ward",
        "271225",
        "2026-11-30",
    )
    to_us = said(
        client, "/v1/notices", chart_id=one["id"], to="office", who=WHO, done="頼む"
    )
    assert (to_us["side"], to_us["desk"]) == ("office", "tsumori")
    listed = client.get("/v1/notices", params={"ward": "271225"}, headers=AUTH)
    assert made["id"] in {n["id"] for n in listed.json()["notices"]}
    assert private not in listed.text
    read = said(client, f"/v1/notices/{made['id']}/read", who="区 花子")
    assert read["read_at"] is not None
    left = client.get("/v1/notices", headers=AUTH).json()["notices"]
    assert made["id"] not in {n["id"] for n in left}
    for body in ({"chart_id": "nowhere"}, {"chart_id": one["id"], "extra": 1}):
        answer = client.post(
            "/v1/notices", json={"who": WHO, "done": "x", **body}, headers=AUTH
        )
        assert answer.status_code in {404, 422}


# -- who may ---------------------------------------------------------------------------


@contextmanager
def signed_in(client: TestClient, **own: Any) -> Iterator[dict[str, str]]:  # noqa: ANN401
    """Headers of somebody with these rights, the form's token among them."""
    accounts = services_of(client).accounts
    accounts._hasher = Argon2Hasher(CHEAPEST)  # noqa: SLF001 - real ones take seconds
    login = f"u{len(accounts.listed())}"
    account, password = accounts.add(login, Actor(id="", name=login, **own))
    accounts.change_password(
        account.id, password, f"long enough {password}", origin="test"
    )
    token = accounts.sign_in_as(login, origin="test").token
    headers = {"Cookie": f"{COOKIE}={token}", "Accept": "text/html"}
    page = client.get("/account", headers=headers).text
    form = page.partition('<meta name="csrf" content="')[2].partition('"')[0]
    yield {**headers, "X-CSRF-Token": form}


@pytest.fixture(scope="module")
def guarded(
    tmp_path_factory: pytest.TempPathFactory, geodata_dir: Path
) -> Iterator[TestClient]:
    """Serve a city in which people sign in."""
    folder = tmp_path_factory.mktemp("guarded")
    settings = settings_for(folder, geodata_dir, sign_in=SignInMode.PASSWORD)
    with running(settings) as client:
        yield client


def test_a_partner_sees_and_moves_its_own_queue_alone(guarded: TestClient) -> None:
    own, foreign = sent(guarded, category="G02"), sent(guarded, category="L01")
    partner = {"roles": frozenset({Role.PARTNER}), "receivers": frozenset({CENTRE})}
    with signed_in(guarded, **partner) as headers:
        page = guarded.get("/transfers", headers=headers).text
        assert str(own["number"]) in page
        assert str(foreign["number"]) not in page
        assert "CSVで保存" not in page
        form = {"version": "1", "who": "ほかの人"}
        for one, status in ((own, 303), (foreign, 403)):
            answer = guarded.post(
                f"{steps(one)}/accept",
                data=form,
                headers=headers,
                follow_redirects=False,
            )
            assert answer.status_code == status
    assert chart_of(guarded, own).transfers[-1].settled_by != "ほかの人"


def test_a_notice_is_read_and_settled_by_whom_it_is_for(guarded: TestClient) -> None:
    one = sent(guarded)
    made = said(guarded, "/v1/notices", chart_id=one["id"], who=WHO, done="穴を埋めた")
    officer = frozenset({Role.WARD_OFFICER})
    hearing = {"roles": frozenset({Role.PUBLIC_HEARING})}
    other = {"roles": officer, "ward_codes": frozenset({"271276"})}
    for rights in (hearing, other):
        with signed_in(guarded, **rights) as headers:
            for step in ("read", "settle"):
                answer = guarded.post(
                    f"/notices/{made['id']}/{step}",
                    data={"who": "だれか"},
                    headers=headers,
                    follow_redirects=False,
                )
                assert answer.status_code == 403
    own = {"roles": officer, "ward_codes": frozenset({"271225"})}
    with signed_in(guarded, **own) as headers:
        page = guarded.get("/notices", headers=headers).text
        assert "穴を埋めた" in page
        assert ">読んだ</button>" in page
        chart = guarded.get(f"/charts/{one['id']}", headers=headers).text
        assert 'value="holder" checked' in chart  # an officer writes to the office
        answer = guarded.post(
            f"/notices/{made['id']}/read",
            data={"who": "ほかの人"},
            headers=headers,
            follow_redirects=False,
        )
        assert answer.status_code == 303
    notice = services_of(guarded).hand_over.notices.notices.get(made["id"])
    assert notice.read_by.startswith("u")  # the session's name


def test_the_board_of_those_who_read_no_notices_shows_none(
    guarded: TestClient,
) -> None:
    safety = {
        "roles": frozenset({Role.SAFETY_OFFICER}),
        "ward_codes": frozenset({"271225"}),
    }
    with signed_in(guarded, **safety) as headers:
        page = guarded.get("/", headers=headers).text
        assert "差し戻された移管" in page
        assert "未読の対応連絡" not in page
