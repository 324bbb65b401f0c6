"""A chart's life through its page and through the API."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from api.chart_acts_view import PlannedVisit, life_view
from api.schemas import ConsultationIn
from dispatch.domain.case_chart import ChartStatus, Pause
from dispatch.domain.catalogue import Urgency
from tests.api.installation import AUTH, BROWSER, HOSTILE, NOW, sent, services_of

WHO = "担当 一郎"
RESULT = {"outcome": "permanent", "who": WHO, "minutes": "30"}


def post(client: TestClient, chart_id: str, what: str, **form: str) -> int:
    answer = client.post(
        f"/charts/{chart_id}/{what}",
        data={"version": str(version_of(client, chart_id)), "who": WHO, **form},
        headers=BROWSER,
        follow_redirects=False,
    )
    return answer.status_code


def version_of(client: TestClient, chart_id: str) -> int:
    return services_of(client).store.get(chart_id).version


def status_of(client: TestClient, chart_id: str) -> ChartStatus:
    return services_of(client).store.get(chart_id).status


def page_of(client: TestClient, chart_id: str, query: str = "") -> str:
    answer = client.get(f"/charts/{chart_id}{query}", headers=BROWSER)
    assert answer.status_code == 200
    return answer.text


def test_a_chart_goes_from_receipt_to_its_end_by_the_page_alone(
    client: TestClient,
) -> None:
    chart_id = str(sent(client, contact_wanted=True)["id"])
    page = page_of(client, chart_id)
    assert "受理する" in page
    assert "「出動する」はまだできません: 緊急(S)の相談だけです" in page
    assert "申出人への回答" in page
    assert post(client, chart_id, "acts", act="accept") == 303
    assert (
        post(client, chart_id, "outcome", **RESULT, materials="合材 2\n砕石:1.5") == 303
    )
    assert status_of(client, chart_id) is ChartStatus.DONE
    page = page_of(client, chart_id)
    assert "「終結する」はまだできません: 申出人への回答がまだです" in page
    assert "本復旧。作業30分。材料: 合材 2、砕石 1.5" in page
    told = {"method": "phone", "kind": "done", "text": "埋めました"}
    assert post(client, chart_id, "answers", **told) == 303
    assert post(client, chart_id, "acts", act="close") == 303
    assert status_of(client, chart_id) is ChartStatus.CLOSED
    assert post(client, chart_id, "acts", act="reopen", why="また穴が") == 303
    assert status_of(client, chart_id) is ChartStatus.RECEIVED


def test_clocks_stop_and_run_on_from_the_page(client: TestClient) -> None:
    chart_id = str(sent(client)["id"])
    assert post(client, chart_id, "pauses", why="ガス会社の立会い") == 303
    assert "停止中" in page_of(client, chart_id)
    assert post(client, chart_id, "pauses") == 303
    assert "停止中" not in page_of(client, chart_id)


def test_an_illegal_act_and_a_stale_version_are_pages_that_say_so(
    client: TestClient,
) -> None:
    chart_id = str(sent(client)["id"])
    assert post(client, chart_id, "acts", act="close") == 409
    assert post(client, chart_id, "acts", act="accept", version="9") == 409
    assert post(client, chart_id, "acts", act="return", why=" ") == 422
    assert post(client, chart_id, "acts", act="nonsense") == 422
    assert version_of(client, chart_id) == 1


@pytest.mark.parametrize(
    "form",
    [
        {"minutes": "半日"},
        {"minutes": "9999"},
        {"materials": "合材たくさん"},
        {"materials": "合材 -1"},
        {"next_on": "来週"},
        {"note": "長" * 301},
        {"outcome": "vanished"},
    ],
)
def test_a_result_that_cannot_be_is_refused_and_nothing_is_stored(
    client: TestClient, form: dict[str, str]
) -> None:
    chart_id = str(sent(client)["id"])
    assert post(client, chart_id, "outcome", **{**RESULT, **form}) == 422
    assert version_of(client, chart_id) == 1


def test_hostile_words_are_shown_as_words(client: TestClient) -> None:
    chart_id = str(sent(client)["id"])
    assert post(client, chart_id, "comments", text=HOSTILE) == 303
    assert post(client, chart_id, "acts", act="observe", why=HOSTILE) == 303
    page = page_of(client, chart_id)
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_long_history_is_shown_in_part_with_a_way_to_all_of_it(
    client: TestClient,
) -> None:
    chart_id = str(sent(client)["id"])
    for n in range(60):
        assert post(client, chart_id, "comments", text=f"記録その{n:02d}") == 303
    page = page_of(client, chart_id)
    assert "記録その59" in page
    assert "記録その05" not in page
    assert "経過をすべて表示する(63行)" in page  # 60 and three of the receipt
    assert "記録その05" in page_of(client, chart_id, "?history=all")


def test_a_published_summary_names_nobody(client: TestClient) -> None:
    chart_id = str(
        sent(
            client,
            channel="web",
            reporter={
                "name": "架空 花子",
                "phone": "06-0000-1234",
                "address": "西区九条9-98",
            },
        )["id"]
    )
    assert post(client, chart_id, "outcome", **RESULT) == 303
    spoken = {"method": "phone", "kind": "done", "text": "埋めました"}
    assert post(client, chart_id, "answers", **spoken) == 422  # 市民の声: in writing
    written = {**spoken, "method": "letter"}
    assert post(client, chart_id, "answers", **written) == 303
    for bad in ("架空花子さんより", "架空さん", "06-0000-1234 へ電話", "西区九条9-98"):
        assert post(client, chart_id, "summary", summary=bad) == 422
    assert post(client, chart_id, "summary", summary="穴を補修しました") == 303
    assert "公表" in page_of(client, chart_id)


# -- the API ---------------------------------------------------------------------------


def call(
    client: TestClient, chart_id: str, what: str, **body: object
) -> tuple[int, dict[str, object]]:
    answer = client.post(
        f"/v1/consultations/{chart_id}/{what}",
        json={"version": version_of(client, chart_id), "who": WHO, **body},
        headers=AUTH,
    )
    return answer.status_code, answer.json()


def test_programs_see_what_is_legal_and_do_it(client: TestClient) -> None:
    chart_id = str(sent(client, contact_wanted=True)["id"])
    told = client.get(f"/v1/consultations/{chart_id}/acts", headers=AUTH).json()
    # A pothole: the same day, three days of work, fourteen days for the answer
    assert told["clocks"]["first_response_due_at"] == "2026-11-24T17:30:00+09:00"
    assert told["clocks"]["field_due_at"] == "2026-11-27T17:30:00+09:00"
    assert told["clocks"]["answer_due_at"] == "2026-12-08T17:30:00+09:00"
    by_act = {one["act"]: one for one in told["acts"]}
    assert by_act["accept"]["label"] == "受理する"
    assert by_act["return"]["needs_reason"]
    assert by_act["set_out"]["obstacle"]
    assert call(client, chart_id, "acts", act="accept")[1]["status"] == "accepted"
    assert call(client, chart_id, "comments", text="見た")[0] == 200
    assert call(client, chart_id, "pauses", paused=True, why="待ち")[0] == 200
    assert call(client, chart_id, "pauses", paused=False)[0] == 200
    material = {"name": "合材", "amount": 2}
    done = call(client, chart_id, "results", outcome="permanent", materials=[material])
    assert done[1]["status"] == "done"
    answer = {"method": "mail", "kind": "done", "text": "埋めました"}
    assert call(client, chart_id, "answers", **answer)[1]["status"] == "answered"
    lines = client.get(f"/v1/consultations/{chart_id}/history", headers=AUTH).json()
    assert [one["kind"] for one in lines["entries"]][-3:] == [
        "resumed",
        "outcome",
        "answered",
    ]
    assert "埋めました" not in str(lines)
    assert WHO not in str(lines)


def test_an_illegal_act_names_the_legal_ones_and_a_stale_one_the_version(
    client: TestClient,
) -> None:
    chart_id = str(sent(client)["id"])
    status, problem = call(client, chart_id, "acts", act="close")
    assert status == 409
    assert "accept" in str(problem["detail"])
    status, problem = call(client, chart_id, "acts", act="accept", version=7)
    assert (status, problem["current_version"]) == (409, 1)
    status, problem = call(client, chart_id, "summary", summary="要約")
    assert status == 409


def test_the_table_is_the_same_for_programs(client: TestClient) -> None:
    table = client.get("/v1/life-cycle", headers=AUTH).json()
    labels = {one["status"]: one["label"] for one in table["statuses"]}
    assert labels["on_hold"] == "保留(法定待機)"
    assert set(labels) == set(ChartStatus)
    assert any(
        arrow["act"] == "close" and arrow["target"] == "closed"
        for arrow in table["arrows"]
    )


STATED = {
    "subject": "歩道の穴",
    "desk": "西区役所 市民協働課",
    "scheme": "citizen_voice",
    "reporter_kind": "community",
    "contact_method": "letter",
    "contact_hours": "平日の午前",
    "meeting_on": "2026-11-20",
}


def test_programs_state_scheme_and_how_to_answer_and_old_keys_keep_their_meaning(
    client: TestClient,
) -> None:
    made = sent(client, **STATED)
    assert made["scheme"] == "citizen_voice"
    kept = services_of(client).store.get(str(made["id"])).consultation
    assert (kept.subject, kept.desk) == (STATED["subject"], STATED["desk"])
    assert (kept.contact_method, kept.contact_hours) == ("letter", "平日の午前")
    assert kept.reporter_kind == "community"
    assert str(kept.meeting_on) == STATED["meeting_on"]
    body: dict[str, object] = {
        "category": "R02",
        "description": "穴",
        "address": "西区",
    }
    plain = ConsultationIn.model_validate(body).fingerprint()
    for name, value in STATED.items():
        other = ConsultationIn.model_validate({**body, name: value})
        assert other.fingerprint() != plain, name
    default = ConsultationIn.model_validate({**body, "reporter_kind": "resident"})
    assert default.fingerprint() == plain


def test_a_stopped_clock_shows_what_was_left_and_an_emergency_runs_on(
    client: TestClient,
) -> None:
    services = services_of(client)
    chart = services.store.get(str(sent(client)["id"]))  # due today at closing time
    first = life_view(services, chart).clocks[0]
    assert (first.left, first.slack) == ("あと8時間(17:30)", "開庁日で1日")
    stopped = replace(chart, pauses=(Pause(start_at=NOW, why="立会い"),))
    first = life_view(services, stopped).clocks[0]
    assert (first.left, first.slack) == ("停止中", "開庁日で1日")
    urgent = replace(stopped, urgency=Urgency.S)
    assert life_view(services, urgent).clocks[0].left == "あと8時間(17:30)"


def test_a_clock_says_when_the_plan_comes_too_late_for_it(client: TestClient) -> None:
    services = services_of(client)
    chart = services.store.get(str(sent(client)["id"]))
    assert chart.due_at is not None
    for minutes, is_late in ((0, False), (1, True)):
        begin = chart.due_at + dt.timedelta(minutes=minutes)
        planned = PlannedVisit(start_at=begin, end_at=begin + dt.timedelta(hours=1))
        first, field, *_ = life_view(services, chart, planned).clocks
        assert first.is_late_by_plan is is_late
        assert field.by_plan
        assert not field.is_late_by_plan  # three days later
