"""Pages about plans: why, offers, proposals, edits by hand, what-if, support."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.jobs import PlanJobs
from api.plan_view import RULE_TEXT, choice_text, team_lines
from api.routes import plans
from api.what_if_form import WhatIfForm
from dispatch.best_so_far import TAKEN
from dispatch.domain.catalogue import Urgency
from dispatch.domain.checks import Rule
from dispatch.domain.emergency import EmergencyChoice
from dispatch.domain.placements import placements
from dispatch.domain.relaxation import RelaxationKind
from dispatch.domain.schedule import DayScheduler
from dispatch.ports import PlanStatus
from dispatch.replanning import Mode
from dispatch.what_if import DeadlineRule
from tests.api.crowded_day import OFFICE, OTHER, TEAM, CrowdedDay, call, crowded_day
from tests.api.installation import DAY, running, sent, services_of, settings_for
from tests.builders import NO_SCORE, at, day_problem, team, team_day, visit

DATE = DAY.isoformat()
WAIT_S = 30.0


@pytest.fixture(scope="module")
def day(
    tmp_path_factory: pytest.TempPathFactory, geodata_dir: Path
) -> Iterator[CrowdedDay]:
    """Serve the crowded day to one module."""
    settings = settings_for(tmp_path_factory.mktemp("crowded"), geodata_dir)
    with running(settings) as client:
        yield crowded_day(client)


@pytest.fixture
def fresh(tmp_path: Path, geodata_dir: Path) -> Iterator[CrowdedDay]:
    """Serve a crowded day to one test that changes it."""
    with running(settings_for(tmp_path, geodata_dir)) as client:
        yield crowded_day(client)


def test_rules_have_words_each() -> None:
    assert set(RULE_TEXT) == set(Rule)


# -- why -------------------------------------------------------------------------------


def test_why_page_tells_every_team_and_marks_the_chosen_one(day: CrowdedDay) -> None:
    text = day.page(f"/plan/{day.plan.id}/visits/{day.served_id}")
    assert "なぜこの班?" in text
    assert text.count('class="chosen"') == 1
    for crew in services_of(day.client).profile.teams:
        assert crew.name in text
    assert "指定された班" in text  # the dispatcher bound it: others may not go


def test_other_teams_are_told_with_what_they_would_cost() -> None:
    # two teams, one visit ten minutes out: the other team would drive the same 20
    problem = day_problem(
        [(visit("a"), 10)], days=[team_day(team("t1")), team_day(team("t2"))]
    )
    found = placements(DayScheduler(problem), ((0,), ()), 0)
    chosen, other = team_lines(found, {"t2": "二班"})
    assert (chosen.team, chosen.is_chosen) == ("t1", True)
    assert (other.team, other.text, other.is_able) == ("二班", "移動 ±0分", True)


def test_offers_of_a_left_out_visit_are_granted_as_told(day: CrowdedDay) -> None:
    url = f"/plan/{day.plan.id}/visits/{day.left_out_id}"
    text = day.page(url)
    assert "入れるには?" in text
    kinds = [kind for kind in RelaxationKind if f'value="{kind}"' in text]
    assert kinds
    assert len(kinds) <= 3
    for kind in kinds:
        seen = day.sent_to(f"{url}/relax", kind=kind, who="佐藤")
        draft = day.newest()
        assert seen == f"/plan?date={DATE}&plan={draft.id}"
        assert day.left_out_id in {stop.visit_id for _, _, stop in draft.plan.stops()}
        assert draft.reasons[day.left_out_id] in day.page(
            f"/plan/{draft.id}/visits/{day.left_out_id}"
        )


def test_plan_pages_lead_to_the_answers(day: CrowdedDay) -> None:
    plan = day.page(f"/plan?date={DATE}&plan={day.plan.id}")
    for target in ("edit", "what-if", "support", f"visits/{day.left_out_id}"):
        assert f'"/plan/{day.plan.id}/{target}"' in plan
    assert f'"/plan/proposals?date={DATE}"' in plan
    office = day.page(f"/plan/{day.plan.id}/{OFFICE}")
    for visit_id in (day.served_id, day.left_out_id):
        assert f'"/plan/{day.plan.id}/visits/{visit_id}"' in office


def test_bound_is_a_sentence(day: CrowdedDay) -> None:
    assert day.page(f"/plan/{day.plan.id}/bound").endswith("。")


def test_unknown_visit_is_not_found(day: CrowdedDay) -> None:
    url = f"/plan/{day.plan.id}/visits/none000000"
    assert day.client.get(url).status_code == 404


# -- edits -----------------------------------------------------------------------------


def edited(day: CrowdedDay, plan_id: str, **form: str) -> str:
    """Edit a plan, and return the new draft's id."""
    seen = day.sent_to(f"/plan/{plan_id}/edit", who="佐藤", office=OFFICE, **form)
    draft_id = seen.split("/")[2]
    assert f"office={OFFICE}" in seen
    return draft_id


def test_edit_that_breaks_rules_is_shown_with_them_and_never_published(
    day: CrowdedDay,
) -> None:
    draft_id = edited(
        day,
        day.plan.id,
        action="move",
        visit_id=day.served_id,
        team_id=OTHER,
        order="1",
    )
    text = day.page(f"/plan/{draft_id}/edit?office={OFFICE}&since={day.plan.id}")
    assert RULE_TEXT[Rule.DISPATCHERS_TEAM] in text
    assert f"第{day.plan.version}版からの変化" in text
    refused = day.post(f"/plan/{draft_id}/publish", who="佐藤")
    assert refused.status_code == 409
    assert "規則に" in refused.text
    shown = day.page(f"/plan?date={DATE}&plan={draft_id}")
    assert "確定できません" in shown
    assert "版を確定する" not in shown
    # the day's page shows a plan that can be used
    assert f"/plan/{draft_id}/edit" not in day.page(f"/plan?date={DATE}")
    # taken back, nothing is changed
    back_id = edited(
        day,
        draft_id,
        action="move",
        visit_id=day.served_id,
        team_id=TEAM,
        order="2",
        since=day.plan.id,
    )
    assert day.stored(back_id).plan.routes == day.plan.plan.routes
    text = day.page(f"/plan/{back_id}/edit?office={OFFICE}&since={day.plan.id}")
    assert "規則に反するところはありません" in text


def test_visit_is_locked_and_unlocked_and_keeps_its_charts_team(
    day: CrowdedDay,
) -> None:
    visit_id = day.served_id
    locked_id = edited(day, day.plan.id, action="lock", visit_id=visit_id)
    assert "固定を外す" in day.page(f"/plan/{locked_id}/edit?office={OFFICE}")
    free_id = edited(day, locked_id, action="unlock", visit_id=visit_id)
    assert "固定を外す" not in day.page(f"/plan/{free_id}/edit?office={OFFICE}")
    problem = services_of(day.client).study.opened(free_id).problem
    assert problem.visits_by_id[visit_id].team_id == TEAM


def test_visit_is_dropped_and_put_in_again(day: CrowdedDay) -> None:
    out_id = edited(day, day.plan.id, action="drop", visit_id=day.served_id)
    served = {stop.visit_id for _, _, stop in day.stored(out_id).plan.stops()}
    assert day.served_id not in served
    assert day.served_id in day.page(f"/plan/{out_id}/edit?office={OFFICE}")
    in_id = edited(
        day,
        out_id,
        action="insert",
        visit_id=day.served_id,
        team_id=TEAM,
        order="2",
    )
    assert day.stored(in_id).plan.routes == day.plan.plan.routes


@pytest.mark.parametrize(
    "form",
    [
        {"action": "move", "team_id": "", "order": "1"},
        {"action": "move", "team_id": TEAM, "order": "99"},
        {"action": "burn"},
        {"action": "drop", "who": " "},
    ],
)
def test_senseless_edit_makes_nothing(form: dict[str, str], day: CrowdedDay) -> None:
    before = day.newest()
    sent_form = {"who": "佐藤", "visit_id": day.served_id, **form}
    answer = day.post(f"/plan/{day.plan.id}/edit", **sent_form)
    assert answer.status_code == 422
    assert day.newest() == before


# -- proposals -------------------------------------------------------------------------


def test_a_choice_tells_its_moment_and_its_price() -> None:
    choice = EmergencyChoice(
        team_id=TEAM,
        team_index=0,
        order=(0,),
        start_s=at("9:40"),
        late_s=90,
        drive_added_s=-130,
        delays_s=(("a", 61), ("b", 300)),
        pushed_out=("c",),
        score=NO_SCORE,
    )
    # 90 s are begun two minutes; 130 s are two minutes less; 300 s are five minutes
    assert choice_text(choice, {"c": "側溝"}) == (
        "9:40開始、期限に2分遅れ、移動 -2分、後の訪問2件が最大5分遅くなる、"
        "外れる訪問 1件(側溝)"
    )
    plain = replace(choice, late_s=0, drive_added_s=600, delays_s=(), pushed_out=())
    assert choice_text(plain, {}) == "9:40開始、移動 +10分"


def test_proposals_wait_for_a_plan_in_force(day: CrowdedDay) -> None:
    assert "確定した計画はまだ" in day.page("/plan/proposals?date=2026-11-25")
    assert day.post("/plan/proposals", date="2026-11-25").status_code == 409
    lost = day.post(
        "/plan/proposals/accept", date="2026-11-25", mode=Mode.FREE, who="佐藤"
    )
    assert lost.status_code == 409


def test_proposal_is_compared_accepted_and_published(fresh: CrowdedDay) -> None:
    url = f"/plan/proposals?date={DATE}"
    assert "いまの状況で案を作る" in fresh.page(url)
    emergency = sent(fresh.client, category="R01", address="西成区津守3-1-1")
    assert fresh.sent_to("/plan/proposals", date=DATE) == url
    assert fresh.job_done()["state"] == "done"
    text = fresh.page(url)
    assert "新しいS・Aの訪問に行ける班" in text
    for words in ("追加のみ", "班を維持", "自由", "順番の入れ替わり", "刷り直す巡回表"):
        assert words in text
    assert [plan.id for plan in services_of(fresh.client).store.plans_on(DAY)] == [
        fresh.plan.id
    ]
    seen = fresh.sent_to(
        "/plan/proposals/accept", date=DATE, mode=Mode.INSERT_ONLY, who="佐藤"
    )
    draft = fresh.newest()
    assert seen.endswith(draft.id)
    assert emergency["id"] in {stop.visit_id for _, _, stop in draft.plan.stops()}
    fresh.sent_to(f"/plan/{draft.id}/publish", who="佐藤")
    assert fresh.stored(draft.id).status is PlanStatus.PUBLISHED
    # the other proposals were made for a plan that is over
    late = fresh.post("/plan/proposals/accept", date=DATE, mode=Mode.FREE, who="佐藤")
    assert late.status_code == 409


# -- what if, support, later -----------------------------------------------------------


def test_supposed_day_stands_beside_the_real_one(day: CrowdedDay) -> None:
    url = f"/plan/{day.plan.id}/what-if"
    assert "条件を入れて" in day.page(url)
    no_map = f"/maps/what-if/{day.plan.id}/{OFFICE}"
    assert day.client.get(no_map).status_code in {200, 404}
    before = day.newest()
    form = {
        "absent": TEAM,
        "like": OTHER,
        "overtime_team": OTHER,
        "overtime_min": "60",
        "urgency": "B",
        "shift_h": "-24",
        "deadline": "soft",
    }
    assert day.sent_to(url, **form) == url
    assert day.job_done()["state"] == "done"
    text = day.page(f"{url}?office={OFFICE}")
    for words in ("が休む", "もう1つ増やす", "残業を60分", "Bの期限を-24時間"):
        assert words in text
    assert f'src="/maps/what-if/{day.plan.id}/{OFFICE}"' in text
    assert f'src="/maps/plan/{day.plan.id}/{OFFICE}"' in text
    assert "仮の条件" in day.page(f"/maps/what-if/{day.plan.id}/{OFFICE}")
    assert day.newest() == before


def test_conditions_are_told_as_they_were_meant() -> None:
    form = WhatIfForm(urgency=Urgency.C, deadline="dropped")
    wished, words = form.to_domain({})
    assert wished == (DeadlineRule(urgency=Urgency.C, dropped=True),)
    assert words == ("Cは計画しない",)
    later = WhatIfForm(urgency=Urgency.A, shift_h=2).to_domain({})
    assert later == (
        (DeadlineRule(urgency=Urgency.A, shift_s=2 * 3600),),
        ("Aの期限を+2時間",),
    )


def test_nothing_supposed_is_refused(day: CrowdedDay) -> None:
    answer = day.post(f"/plan/{day.plan.id}/what-if", absent="")
    assert answer.status_code == 422
    assert "条件を1つ以上" in answer.text


def test_map_of_a_day_that_nobody_supposed_is_not_found(fresh: CrowdedDay) -> None:
    url = f"/maps/what-if/{fresh.plan.id}/{OFFICE}"
    assert fresh.client.get(url).status_code == 404


def test_support_is_told_with_its_numbers(fresh: CrowdedDay) -> None:
    client = fresh.client
    url = f"/plan/{fresh.plan.id}/support"
    assert "応援を調べる" in fresh.page(url)
    assert fresh.sent_to(url) == url
    assert fresh.job_done()["state"] == "done"
    # every visit is bound to one team: nobody else may come
    assert "貸して得になる班はありません" in fresh.page(url)
    del client


def test_later_days_are_told_beside_what_is_left_out(day: CrowdedDay) -> None:
    plan_url = f"/plan?date={DATE}&plan={day.plan.id}"
    assert "後日の見込みを調べる" in day.page(plan_url)
    assert day.sent_to(f"/plan/{day.plan.id}/later") == plan_url
    assert day.job_done()["state"] == "done"
    text = day.page(plan_url)
    assert text.count("後日の見込み: ") == len(day.plan.plan.unassigned)
    assert "11月25日(水)" in text


# -- progress --------------------------------------------------------------------------


def events(text: str) -> list[dict[str, object]]:
    """Read server events."""
    return [
        json.loads(line.removeprefix("data: "))
        for line in text.splitlines()
        if line.startswith("data: ")
    ]


def test_stream_of_no_job_says_so_and_ends(client: TestClient) -> None:
    response = client.get("/plan/progress/stream")
    assert response.headers["content-type"].startswith("text/event-stream")
    assert events(response.text) == [{"state": "none"}]
    client.post("/plan/take-best", follow_redirects=False)


def test_stream_tells_a_running_job_until_it_has_ended(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = client.app
    assert isinstance(app, FastAPI)
    jobs: PlanJobs = app.state.jobs
    go = threading.Event()
    jobs.begin(DAY, lambda _: go.wait(WAIT_S))
    with monkeypatch.context() as short:  # a stream ends, so that the server can stop
        short.setattr(plans, "LOOKS", 2)
        (only,) = events(client.get("/plan/progress/stream").text)
    assert only["state"] == "running"
    threading.Timer(0.6, go.set).start()
    told = events(client.get("/plan/progress/stream").text)
    assert [one["state"] for one in told] == ["running", "done"]


def test_best_so_far_is_taken_and_told_by_events(
    tmp_path: Path, geodata_dir: Path
) -> None:
    settings = settings_for(tmp_path, geodata_dir).model_copy(
        update={"plan_iterations": 0, "plan_time_limit_s": 60.0}
    )
    with running(settings) as client:
        for number in range(1, 7):
            call(client, number)
        client.post("/plan/make", data={"date": DATE, "who": "山田"})
        ends_s = time.monotonic() + WAIT_S
        while not client.get("/plan/progress").json().get("has_best"):
            assert time.monotonic() < ends_s
            time.sleep(0.1)
        answer = client.post("/plan/take-best", follow_redirects=False)
        assert answer.headers["location"] == f"/plan?date={DATE}"
        (last,) = events(client.get("/plan/progress/stream").text)[-1:]
        assert last["state"] == "done"
        stored = services_of(client).store.get_plan(str(last["plan_id"]))
        assert stored.plan.method.startswith(TAKEN)
        assert stored.plan.num_served == 6
