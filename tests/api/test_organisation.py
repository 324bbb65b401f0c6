"""The pages of the organisation, the officers and the handover, and lists of staff."""

from __future__ import annotations

import datetime as dt
import io
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from api.cli import cli
from api.demo_staff import add_demo_staff
from api.officer_view import OfficerViews, sections
from api.organisation_view import period_text, span_text, staff_names
from api.pictures import Pictures
from api.reach import reach_of
from api.settings import PREFIX
from api.staff_file import HEADINGS, take_in
from dispatch.domain.access import Actor, Role
from dispatch.domain.case_chart import CaseChart, ChartEntry, ChartStatus, EntryKind
from dispatch.domain.chart_query import EVERYTHING
from dispatch.domain.consultation import Appointment
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.organisation import Charge, Unit, Units
from dispatch.domain.owed import OwedKind, owed_for
from dispatch.domain.transfer import Transfer, TransferState
from dispatch.notice_desk import NoticeDraft
from dispatch.organisation_desk import OrganisationDesk
from tests.api.installation import (
    BROWSER,
    DAY,
    HOSTILE,
    NOW,
    running,
    sent,
    services_of,
    settings_for,
)

WARD = "271225"  # 西成区: two demo officers, W271225-4 and -5
OFFICER = "W271225-4"
HEADER = ",".join(HEADINGS.values())


@pytest.fixture(scope="module")
def staffed(client: TestClient) -> TestClient:
    """Serve a city with its demo staff."""
    assert add_demo_staff(services_of(client), DAY) > 100
    return client


def chart_of(client: TestClient, **overrides: object) -> CaseChart:
    return services_of(client).store.get(str(sent(client, **overrides)["id"]))


def saved(client: TestClient, chart: CaseChart, **changes: object) -> CaseChart:
    after = replace(chart, version=chart.version + 1, **changes)  # type: ignore[arg-type]
    entry = ChartEntry(at=NOW, who="試験", kind=EntryKind.MOVED, text="試験")
    services_of(client).store.save_all([(after, (entry,))])
    return after


def text_at(client: TestClient, path: str) -> str:
    answer = client.get(path, headers=BROWSER)
    assert answer.status_code == 200, answer.text
    return str(answer.text)


# -- the organisation of a day ---------------------------------------------------------


def test_the_organisation_of_2011_and_of_today_are_both_shown(
    staffed: TestClient,
) -> None:
    then = text_at(staffed, "/organisation?date=2011-04-01")
    now = text_at(staffed, "/organisation")
    assert "道路・河川・下水道" in then
    assert "管路管理センター" not in then
    assert "津守管路管理センター" in now
    assert then.count("公園事務所</a>") == 9
    assert now.count("公園事務所</a>") == 7
    assert "職員 0人" in then


def test_a_ward_shows_its_districts_with_officers_and_who_stands_in(
    staffed: TestClient,
) -> None:
    away = next(w for w in services_of(staffed).profile.wards).code
    page = text_at(staffed, f"/organisation?ward={away}")
    assert "(不在)" in page
    assert "(代理)" in page
    assert "登録なし" in page  # no list of community areas is published


def test_a_unit_tells_its_shapes_and_who_took_over(staffed: TestClient) -> None:
    page = text_at(staffed, "/organisation/units/tsumori")
    assert "津守管路管理センター" in page
    assert "西成区" in page
    assert "津守 一郎(合成)" in page
    gone = text_at(staffed, "/organisation/units/park-nishi")
    assert "からはありません" in gone
    assert "前身" in text_at(staffed, "/organisation/units/pipe-tsumori")
    assert staffed.get("/organisation/units/nowhere").status_code == 404


def test_the_list_of_the_staff_is_filtered_by_words_and_day(
    staffed: TestClient,
) -> None:
    page = text_at(staffed, "/organisation/people?q=津守")
    assert "津守 花子(合成)" in page
    assert "平野 一郎(合成)" not in page
    assert "0人" in text_at(staffed, "/organisation/people?date=2011-04-01")


# -- people come, change and go --------------------------------------------------------


def post(client: TestClient, path: str, **values: object) -> str:
    answer = client.post(path, data=values, headers=BROWSER, follow_redirects=True)
    return str(answer.text)


def new_person(client: TestClient, staff_id: str, name: str = "新人 太郎") -> None:
    values = {"staff_id": staff_id, "name": name, "first_day": "2026-04-01"}
    page = post(client, "/organisation/people", **values, why="採用", who="庶務")
    assert staff_id in page


def test_somebody_is_added_charged_given_hours_and_moved(client: TestClient) -> None:
    new_person(client, "N1")
    new_person(client, "N2", "相手 花子")
    base = "/organisation/people/N1"
    common = {"first_day": "2026-04-01", "why": "異動", "who": "庶務"}
    districts = services_of(client).organisation.rules.districts_on(DAY)
    own = [one for one, code in districts.items() if code == WARD][:2]
    charge = {"role": "ward_officer", "ward": WARD, "districts": own, **common}
    page = post(client, f"{base}/charges", **charge)
    assert "担当 西成区役所 地域担当(" in page
    hours = {"weekdays": ["月", "土"], "start": "17:30", "end": "1:00", **common}
    page = post(client, f"{base}/hours", **hours, holidays="1")
    assert "勤務時間 月土・祝日も 17:30〜翌1:00" in page
    page = post(client, f"{base}/days", **{**common, "first_day": "2026-12-01"})
    assert "不在" in page
    extra = {**common, "first_day": "2026-12-02", "start": "18:00", "end": "21:00"}
    assert "臨時の当番 18:00〜21:00" in post(client, f"{base}/days", **extra)
    stand_in = {**common, "for_staff_id": "N1"}
    page = post(client, "/organisation/people/N2/stand-ins", **stand_in)
    assert "代理(新人 太郎 の代わり)" in page
    book = services_of(client).organisation.book()
    row = next(r for r in book.of("N1") if isinstance(r.fact, Charge))
    move = {"to": "N2", "from_day": "2027-04-01", "why": "異動", "who": "庶務"}
    page = post(client, f"/organisation/rows/{row.id}/hand-over", **move)
    assert "引き継ぎ一覧" in page
    assert "相手 花子" in page


def test_a_row_is_ended_and_the_reason_stays(client: TestClient) -> None:
    new_person(client, "N3")
    row = services_of(client).organisation.book().of("N3")[0]
    values = {"from_day": "2026-05-01", "why": "退職のため", "who": "庶務"}
    page = post(client, f"/organisation/rows/{row.id}/end", **values)
    assert "退職のため" in page
    assert "終わり" in page
    again = client.post(f"/organisation/rows/{row.id}/end", data=values)
    assert again.status_code == 409


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("/organisation/people", {"staff_id": "a b", "name": "名"}),
        ("/organisation/people", {"staff_id": "x", "name": "名", "first_day": "明日"}),
        ("/organisation/people/N9/charges", {"role": "no_such"}),
        ("/organisation/people/N9/charges", {"role": "auditor"}),
        ("/organisation/people/N9/hours", {"weekdays": "X", "start": "9:00"}),
        ("/organisation/people/N9/hours", {"weekdays": "月", "start": "25"}),
    ],
    ids=["space", "day", "role", "no-staff-role", "weekday", "clock"],
)
def test_what_cannot_be_is_refused_and_nothing_is_stored(
    client: TestClient, path: str, values: dict[str, str]
) -> None:
    before = len(services_of(client).organisation.book().rows)
    common = {"first_day": "2026-04-01", "why": "異動", "who": "庶務", "end": "9:00"}
    answer = client.post(path, data={**common, **values})
    assert answer.status_code == 422, answer.text
    assert len(services_of(client).organisation.book().rows) == before
    missing = client.get("/organisation/people/N9")
    assert missing.status_code == 404


def test_a_name_that_is_a_script_does_not_run(client: TestClient) -> None:
    new_person(client, "X1", HOSTILE)
    page = text_at(client, "/organisation/people/X1")
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page


# -- the staff as a file ---------------------------------------------------------------


def take(client: TestClient, text: str, name: str = "staff.csv") -> str:
    file = {"file": (name, io.BytesIO(text.encode()), "text/csv")}
    answer = client.post("/organisation/import", files=file, data={"who": "庶務"})
    return str(answer.text)


def test_a_list_is_taken_in_and_each_bad_row_is_told_by_row_and_column(
    client: TestClient,
) -> None:
    lines = [
        "登録,職員番号,氏名,役割,所属,区,校区,曜日,始業,終業,代理する相手,開始日,最終日",
        ",F1,取込 一郎,地域担当,西成区役所,西成区,,,,,,2026-04-01,",
        "勤務時間,F1,,,,,,月火,9:00,21:00,,2026-04-01,2026-04-30",
        "職員,F2,取込 二郎,,,,,,,,,2026/4/1,",
        "代理,F2,,,,,,,,,F1,2026-04-01,",
        "不在,F2,,,,,,,,,,2026-05-01,2026-05-01",
        "臨時の当番,F2,,,,,,,18:00,20:00,,2026-05-02,2026-05-02",
        ",F3,取込 三郎,殿様,,西成区,,,,,,2026-04-01,",  # row 8: no such role
        ",F4,取込 四郎,地域担当,,どこか区,,,,,,2026-04-01,",  # row 9
        "勤務時間,F1,,,,,,月,朝,夜,,2026-04-01,",  # row 10
        ",F5,,地域担当,,西成区,,,,,,2026-04-01,",  # row 11: nobody of that name
        "何か,F1,,,,,,,,,,2026-04-01,",  # row 12
    ]
    page = take(client, "\n".join(lines))
    assert "11行: 追加 6、登録済み 0、受け付けなかった行 5" in page
    for row, column in ((8, "役割"), (9, "区"), (10, "始業"), (12, "登録")):
        assert f'<td class="num">{row}</td><td>{column}</td>' in page
    assert '<td class="num">11</td><td>職員番号</td>' in page
    again = take(client, "\n".join(lines[:7]))
    assert "6行: 追加 0、登録済み 6、受け付けなかった行 0" in again


@pytest.mark.parametrize(
    "text",
    ["", "名前\n太郎", "職員番号\nA1", "職員番号,開始日\nA1,2026-04-01,多い"],
    ids=["empty", "strange", "no-day", "too-wide"],
)
def test_a_file_that_is_no_list_is_refused_as_a_whole(
    client: TestClient, text: str
) -> None:
    before = len(services_of(client).organisation.book().rows)
    assert "受け付けなかった行 1" in take(client, text)
    assert len(services_of(client).organisation.book().rows) == before


def test_a_list_that_is_too_long_is_refused(client: TestClient) -> None:
    services = services_of(client)
    row = {"職員番号": "A1", "開始日": "2026-04-01"}
    with pytest.raises(InvalidInputError, match="5,000行まで"):
        take_in(services.organisation, [row] * 5_001, staff_names(services), who="庶務")


def test_what_is_written_out_can_be_taken_in_by_another_installation(
    staffed: TestClient,
    tmp_path: Path,
    geodata_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = staffed.get("/organisation/staff.csv")
    file = tmp_path / "staff.csv"
    file.write_bytes(written.content)
    settings = settings_for(tmp_path, geodata_dir, database="sqlite")
    for name in ("city", "geodata_dir", "database_url", "vault_key_file"):
        monkeypatch.setenv(f"{PREFIX}{name.upper()}", str(getattr(settings, name)))
    taken = CliRunner().invoke(cli, ["staff", "import", str(file), "--who", "庶務"])
    assert taken.exit_code == 0, taken.output
    assert "受け付けなかった行 0" in taken.output
    back = tmp_path / "back.csv"
    assert CliRunner().invoke(cli, ["staff", "export", str(back)]).exit_code == 0
    lines = sorted(written.content.decode("utf-8-sig").splitlines())
    assert sorted(back.read_text("utf-8-sig").splitlines()) == lines
    missing = CliRunner().invoke(cli, ["staff", "import", str(tmp_path / "none.csv")])
    assert missing.exit_code != 0


def test_the_command_line_tells_the_first_bad_rows(
    tmp_path: Path, geodata_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "bad.csv"
    bad = "\n".join(["役割なし,A1,2026-04-01"] * 21)
    file.write_text(f"役割,職員番号,開始日\n{bad}\n", encoding="utf-8")
    settings = settings_for(tmp_path, geodata_dir, database="sqlite")
    for name in ("city", "geodata_dir", "database_url", "vault_key_file"):
        monkeypatch.setenv(f"{PREFIX}{name.upper()}", str(getattr(settings, name)))
    told = CliRunner().invoke(cli, ["staff", "import", str(file)]).output
    assert "受け付けなかった行 21" in told
    assert "ほか 1行" in told


# -- charts and the organisation -------------------------------------------------------


def test_a_chart_shows_its_office_by_the_name_of_the_day_it_came(
    client: TestClient,
) -> None:
    services = services_of(client)
    chart = chart_of(client)
    assert chart.assignment is not None
    office_id = chart.assignment.office_id
    renamed = Units(
        shapes=(
            Unit(
                id=office_id,
                kind="工営所",
                name="当時の工営所",
                valid_from=dt.date(2011, 4, 1),
                valid_to=dt.date(2027, 4, 1),
            ),
            Unit(
                id=office_id,
                kind="工営所",
                name="新しい工営所",
                valid_from=dt.date(2027, 4, 1),
            ),
        )
    )
    desk = services.organisation
    later = OrganisationDesk(
        desk._staff,  # noqa: SLF001 - the same store under another table
        services.clock,
        replace(desk.rules, units=renamed),
    )
    pictures = Pictures(replace(services, organisation=later))
    assert pictures.office_name(chart) == "当時の工営所"
    assert services.store.get(chart.id) == chart  # nothing was rewritten
    gone = replace(desk.rules, units=Units())
    nowhere = OrganisationDesk(desk._staff, services.clock, gone)  # noqa: SLF001
    pictures = Pictures(replace(services, organisation=nowhere))
    assert pictures.office_name(chart) == office_id  # known to no table: still shown


def test_a_chart_names_the_officer_of_its_district_without_keeping_it(
    staffed: TestClient,
) -> None:
    chart = chart_of(staffed)
    page = text_at(staffed, f"/charts/{chart.id}")
    assert "<dt>地域担当</dt>" in page
    assert "西成 " in page
    assert "合成" not in services_of(staffed).store.get(chart.id).number


# -- what officers and supervisors owe -------------------------------------------------


def owed_chart(client: TestClient, **changes: object) -> CaseChart:
    """Chart of 西成区 whose first response was due an hour ago."""
    late = NOW - dt.timedelta(hours=1)
    return saved(client, chart_of(client), **{"due_at": late, **changes})


def test_the_supervisor_sees_who_owes_what_by_clock(staffed: TestClient) -> None:
    soon = NOW + dt.timedelta(hours=3)
    chart = owed_chart(staffed, answer_due_at=soon, reasons_due_at=soon)
    page = text_at(staffed, f"/supervisor?ward={WARD}")
    assert chart.number in page
    assert "▲一次対応" in page
    assert "△回答" in page
    assert "緊急出動の理由がまだのもの" in page
    assert chart.number in text_at(staffed, f"/supervisor?ward={WARD}&kind=answer")
    by_field = text_at(staffed, f"/supervisor?ward={WARD}&kind=interim")
    assert chart.number not in by_field.partition('id="late"')[2]
    nobody = text_at(staffed, f"/supervisor?ward={WARD}&officer=ほか")
    assert chart.number not in nobody.partition('id="late"')[2]
    table = staffed.get(f"/supervisor.csv?ward={WARD}").content.decode("utf-8-sig")
    assert chart.number in table
    assert staffed.get("/supervisor").status_code == 200
    assert staffed.get("/supervisor?ward=9").status_code == 404


def test_an_officer_sees_the_own_districts_and_what_was_settled_this_month(
    staffed: TestClient,
) -> None:
    services = services_of(staffed)
    chart = owed_chart(staffed)
    assert chart.placement is not None
    district = chart.placement.district_id
    officers = services.organisation.officers_of(WARD, district, DAY)
    officer = officers[0].person.staff_id
    settled = saved(staffed, chart_of(staffed), status=ChartStatus.DONE)
    page = text_at(staffed, f"/districts?officer={officer}")
    assert chart.number in page
    assert settled.number in page.partition('id="settled"')[2]
    one = text_at(staffed, f"/districts?district={district}")
    assert chart.number in one
    table = staffed.get(f"/districts.csv?district={district}").text
    assert chart.number in table
    assert "担当する校区はありません" in text_at(staffed, "/districts?officer=none")
    assert chart.number not in staffed.get("/districts.csv?district=none").text
    assert "選ぶと" in text_at(staffed, "/districts")


def test_an_officer_who_is_signed_in_begins_with_the_own_districts(
    staffed: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = services_of(staffed)
    chart = owed_chart(staffed)
    notices = services.hand_over.notices
    name = services.organisation.book().on(DAY).people[OFFICER].name
    actor = Actor(id="1", name=name, roles=frozenset({Role.WARD_OFFICER}))
    monkeypatch.setattr("api.routes.officers.actor_of", lambda _: actor)
    page = text_at(staffed, "/districts")
    assert f'<option value="{OFFICER}" selected>' in page
    assert f"/districts.csv?officer={OFFICER}" in page
    assert "<b>0</b>読んでいない対応連絡" in page
    assert chart.placement is not None
    district = chart.placement.district_id
    draft = NoticeDraft(who="試験", done="舗装しました")
    notices.send(chart.id, draft, to_ward=True)
    assert "<b>1</b>読んでいない" in text_at(staffed, f"/districts?district={district}")


def test_a_comment_of_this_month_on_old_work_settles_nothing_anew(
    staffed: TestClient,
) -> None:
    services = services_of(staffed)
    chart = chart_of(staffed)
    last_month = NOW - dt.timedelta(days=40)
    after = replace(chart, version=chart.version + 1, status=ChartStatus.DONE)
    done = ChartEntry(at=last_month, who="班", kind=EntryKind.OUTCOME, text="完了")
    services.store.save_all([(after, (done,))])
    saved(staffed, after)  # a line of today under the same status
    assert chart.placement is not None
    views = OfficerViews(services, Pictures(services), EVERYTHING)
    numbers = [
        c.number for c in views.settled_this_month([chart.placement.district_id])
    ]
    assert chart.number not in numbers


def test_the_handover_list_has_promises_transfers_and_answers_once_each(
    staffed: TestClient,
) -> None:
    services = services_of(staffed)
    plain = owed_chart(staffed)
    assert plain.placement is not None
    start = NOW + dt.timedelta(days=1)
    promise = Appointment(start_at=start, end_at=start + dt.timedelta(hours=2))
    first = chart_of(staffed)
    promised = saved(
        staffed, first, consultation=replace(first.consultation, appointment=promise)
    )
    waiting = Transfer(
        id="t1",
        sender="区",
        receiver="公園事務所",
        state=TransferState.SENT,
        sent_at=NOW,
    )
    sent_on = saved(staffed, chart_of(staffed), transfers=(waiting,))
    answer = saved(staffed, chart_of(staffed), answer_due_at=NOW)
    officers = services.organisation.officers_of(WARD, plain.placement.district_id, DAY)
    officer = officers[0].person.staff_id
    page = text_at(staffed, f"/handover?from={officer}&on=2026-12-01")
    for chart in (plain, promised, sent_on, answer):
        assert page.count(f">{chart.number}<") == 1
    supervisor = text_at(staffed, f"/handover?from=W{WARD}-1")
    assert "まだ決まっていません" in supervisor
    assert plain.number in supervisor  # a supervisor leaves the whole ward
    table = staffed.get(f"/handover.csv?from={officer}&on=2026-12-01").text
    assert "公園事務所" in table
    parts = sections(
        OfficerViews(services, Pictures(services), EVERYTHING).rows_of(
            [plain, promised, sent_on, answer]
        )
    )
    assert [len(rows) for rows in parts.values()] == [1, 1, 1, 1]
    assert "異動する職員" in text_at(staffed, "/handover")
    assert "担当がありません" in text_at(staffed, "/handover?from=nobody")


def test_a_dispatcher_hands_over_the_charts_of_the_own_office(
    staffed: TestClient,
) -> None:
    chart = owed_chart(staffed)
    assert chart.assignment is not None
    dispatcher = f"K-{chart.assignment.office_id}-1"
    assert chart.number in text_at(staffed, f"/handover?from={dispatcher}")


def test_nothing_is_owed_while_the_clocks_stand_still_but_an_emergencys_response(
    staffed: TestClient,
) -> None:
    chart = owed_chart(staffed)
    held = replace(chart, status=ChartStatus.ON_HOLD)
    assert next(one.kind for one in owed_for(chart)) is OwedKind.FIRST
    assert owed_for(held) == ()
    assert owed_for(replace(chart, responded_at=NOW, field_due_at=None)) == ()
    urgent = replace(held, urgency=type(chart.urgency).S)
    assert [one.kind for one in owed_for(urgent)] == [OwedKind.FIRST]


def test_a_report_outside_hours_is_timed_from_the_next_opening(
    staffed: TestClient,
) -> None:
    # Saturday evening: two days before Monday 30 November, 9:00; W271225-4 is off,
    # the evening turn of the works offices is on duty.
    evening = dt.datetime(2026, 11, 28, 19, 30, tzinfo=NOW.tzinfo)
    services = services_of(staffed)
    chart = services.store.get(
        str(sent(staffed, received_at="2026-11-21T19:30:00+09:00")["id"])
    )
    assert chart.consultation.received_at.isoformat() == "2026-11-21T19:30:00+09:00"
    # R02 is class A, the same day: Tuesday 24 (Monday 23 is a holiday), closing 17:30
    assert chart.due_at is not None
    assert chart.due_at.isoformat() == "2026-11-24T17:30:00+09:00"
    on_duty = {one.staff_id for one in services.organisation.on_duty(evening)}
    assert "K-tsumori-2" in on_duty
    assert OFFICER not in on_duty


# -- whose charts a list shows ---------------------------------------------------------


def actor(*roles: Role, **overrides: object) -> Actor:
    plain: dict[str, object] = {"id": "a", "name": "職員", "roles": frozenset(roles)}
    return Actor(**{**plain, **overrides})  # type: ignore[arg-type]


def test_lists_hold_what_each_role_may_read(client: TestClient) -> None:
    services = services_of(client)
    ward = reach_of(actor(Role.WARD_OFFICER, ward_codes=frozenset({WARD})), services)
    assert ward.ward_codes == {WARD}
    assert ward.without_ward
    near = actor(Role.DISPATCHER, office_ids=frozenset({"juso"}))
    assert reach_of(near, services).office_ids == {"juso", "ebie", "nakahama"}
    assert reach_of(near, services, own_only=True).office_ids == {"juso"}
    team = reach_of(actor(Role.TEAM, team_ids=frozenset({"juso-1"})), services)
    assert team.team_ids == {"juso-1"}
    desk = actor(Role.PARTNER, receivers=frozenset({"公園事務所"}))
    assert reach_of(desk, services).receivers == {"公園事務所"}
    system = actor(Role.INTAKE_SYSTEM, client="web")
    assert reach_of(system, services).sources == {"web"}
    assert reach_of(actor(Role.PUBLIC_HEARING), services) is EVERYTHING
    safety = actor(
        Role.SAFETY_OFFICER,
        ward_codes=frozenset({WARD}),
        category_groups=frozenset({"防犯灯"}),
    )
    assert reach_of(safety, services).category_codes == frozenset({"R15"})
    assert not reach_of(safety, services).is_unlimited


def test_a_charge_that_has_no_charts_leaves_nothing_to_hand_over(
    staffed: TestClient,
) -> None:
    services = services_of(staffed)
    new_person(staffed, "H1", "広聴 一郎")
    common = {"first_day": "2026-04-01", "why": "採用", "who": "庶務"}
    path = "/organisation/people/H1/charges"
    assert "広聴" in post(staffed, path, role="public_hearing", unit="局", **common)
    team = {"role": "team", "unit": "juso", "teams": ["juso-1"], **common}
    assert "十三工営所 機動班(十三1班)" in post(staffed, path, **team)
    page = text_at(staffed, "/handover?from=H1")
    assert "局 広聴" in page
    views = OfficerViews(services, Pictures(services), EVERYTHING)
    hearing = Charge(staff_id="H1", role=Role.PUBLIC_HEARING, unit="局")
    assert views.handed_over([hearing]) == []


def test_a_row_that_was_withdrawn_or_is_to_come_says_so(client: TestClient) -> None:
    new_person(client, "R1")
    desk = services_of(client).organisation
    row = desk.book().of("R1")[0]
    values = {"first_day": "2027-01-01", "why": "研修", "who": "庶務"}
    page = post(client, "/organisation/people/R1/days", **values)
    assert "これから" in page
    desk.end(row.id, on=row.valid_from, who="庶務", why="間違い")
    page = text_at(client, "/organisation/people/R1")
    assert "取り消し" in page


def test_words_for_days_and_turns() -> None:
    day = dt.date(2026, 4, 1)
    assert period_text(day, None) == "令和8年4月1日(水)から"
    assert period_text(day, day + dt.timedelta(days=1)) == "令和8年4月1日(水)"
    assert period_text(day, dt.date(2026, 5, 1)).endswith("〜令和8年4月30日(木)")
    assert span_text(64_800, 21_600) == "18:00〜翌6:00"


def test_staff_is_managed_only_by_who_may(tmp_path: Path, geodata_dir: Path) -> None:
    settings = settings_for(tmp_path, geodata_dir, database="sqlite")
    with running(settings) as client:
        assert client.get("/organisation").status_code == 200
        assert "職員を加える" in text_at(client, "/organisation/people")
