"""The reception: every way in ends in one chart, once."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from dispatch.adapters.clocks import FixedClock
from dispatch.adapters.sql_store import SqlStore
from dispatch.chart_opening import SYSTEM, Intake, IntakeRules
from dispatch.domain.case_chart import ARROWS, CaseChart, ChartStatus, EntryKind
from dispatch.domain.catalogue import Urgency
from dispatch.domain.errors import ConflictError, InvalidInputError
from dispatch.domain.place import LonLat
from dispatch.domain.placing import Placement, PlacingStatus
from dispatch.domain.reporter import Reporter
from dispatch.intake import IntakeDesk
from dispatch.ports import IdempotencyKey
from tests.builders import (
    YARD,
    FakeGeocoder,
    StraightTravel,
    chart,
    consultation,
    intake_rules,
    moment,
    new_chart,
    placement,
)

NOW = moment("9:10")
KNOWN = {"北区中之島1丁目": placement(YARD)}
Desk = Callable[..., IntakeDesk]


@pytest.fixture
def desk(store: SqlStore) -> Desk:
    def opened(
        rules: IntakeRules | None = None, geocoder: FakeGeocoder | None = None
    ) -> IntakeDesk:
        return IntakeDesk(
            store,
            geocoder or FakeGeocoder(known=KNOWN),
            StraightTravel(),
            rules or intake_rules(),
            FixedClock(NOW),
        )

    return opened


def intake(key: str = "", body: str = "", **overrides: Any) -> Intake:  # noqa: ANN401
    return Intake(
        consultation=consultation(**overrides),
        reporter=Reporter(),
        idempotency=(
            IdempotencyKey(client="web", key=key, body_sha256=body) if key else None
        ),
    )


def received(desk: IntakeDesk, **overrides: Any) -> CaseChart:  # noqa: ANN401
    return desk.receive(intake(**overrides), who="受付係").chart


def kinds(store: SqlStore, chart_id: str) -> list[EntryKind]:
    return [one.kind for one in store.history(chart_id)]


def test_a_consultation_is_placed_assigned_numbered_and_dated(
    desk: Desk, store: SqlStore
) -> None:
    found = received(desk())
    assert found.status is ChartStatus.ASSIGNED
    assert found.number == "2026-27127-000001"
    assert found.assignment is not None
    assert (found.assignment.office_id, found.assignment.team_id) == ("north", "n1")
    # three working days after Tuesday 24: Friday 27, closing time
    assert found.due_at == moment("17:30", dt.date(2026, 11, 27))
    assert store.get(found.id) == found
    history = store.history(found.id)
    assert [one.kind for one in history] == [
        EntryKind.RECEIVED,
        EntryKind.PLACED,
        EntryKind.ASSIGNED,
    ]
    assert [one.who for one in history] == ["受付係", SYSTEM, SYSTEM]
    assert {one.at for one in history} == {NOW}


def test_the_received_time_is_kept_in_the_citys_zone(desk: Desk) -> None:
    utc = dt.datetime(2026, 11, 24, 0, 5, tzinfo=dt.UTC)
    found = received(desk(), received_at=utc)
    assert found.consultation.received_at.isoformat() == "2026-11-24T09:05:00+09:00"


def test_a_retry_with_the_same_key_returns_the_same_chart(
    desk: Desk, store: SqlStore
) -> None:
    first = desk().receive(intake("k1", "aa"), who="受付係")
    again = desk().receive(intake("k1", "aa"), who="受付係")
    assert (first.is_new, again.is_new) == (True, False)
    assert again.chart == first.chart
    assert len(store.find()) == 1
    assert len(store.history(first.chart.id)) == 3


def test_the_same_key_with_another_body_is_refused_and_stores_nothing(
    desk: Desk, store: SqlStore
) -> None:
    desk().receive(intake("k1", "aa"), who="受付係")
    with pytest.raises(ConflictError, match="Idempotency-Key"):
        desk().receive(intake("k1", "bb"), who="受付係")
    assert len(store.find()) == 1


def test_the_same_key_of_another_sender_is_another_chart(
    desk: Desk, store: SqlStore
) -> None:
    key = IdempotencyKey(client="kiosk", key="k1", body_sha256="bb")
    desk().receive(intake("k1", "aa"), who="受付係")
    other = desk().receive(replace(intake(), idempotency=key), who="受付係")
    assert other.is_new
    assert len(store.find()) == 2


def test_a_batch_keeps_its_order_with_known_ones_between(
    desk: Desk, store: SqlStore
) -> None:
    known = desk().receive(intake("k1", "aa"), who="受付係").chart
    batch = [intake(description="一"), intake("k1", "aa"), intake(description="二")]
    added = desk().receive_all(batch, who="取込")
    assert [one.is_new for one in added] == [True, False, True]
    assert added[1].chart == known
    assert [one.chart.consultation.description for one in added] == [
        "一",
        "道路に穴があいている",
        "二",
    ]
    assert len(store.find()) == 3


def test_a_batch_shares_the_work_between_the_teams(desk: Desk) -> None:
    added = desk().receive_all([intake(), intake(), intake()], who="取込")
    teams = [one.chart.assignment.team_id for one in added if one.chart.assignment]
    # n1, n2 (n1 has 30 minutes now), n1 again (both have 30, first by id)
    assert teams == ["n1", "n2", "n1"]


def test_a_batch_with_one_unknown_category_stores_nothing(
    desk: Desk, store: SqlStore
) -> None:
    with pytest.raises(InvalidInputError):
        desk().receive_all([intake(), intake(category_code="X99")], who="取込")
    assert store.find() == []


def test_a_referral_is_never_placed_and_goes_to_its_desk(
    desk: Desk, store: SqlStore
) -> None:
    found = received(desk(), category_code="D01", raised_urgency=Urgency.S)
    assert (found.status, found.receiver) == (ChartStatus.REFERRED, "市民相談室")
    assert found.placement is None
    assert found.assignment is None
    assert found.urgency is Urgency.D
    assert not found.is_mappable
    assert kinds(store, found.id) == [EntryKind.RECEIVED, EntryKind.REFERRED]


def test_a_partners_work_is_placed_and_handed_over(desk: Desk) -> None:
    found = received(desk(), category_code="P01")
    assert (found.status, found.receiver) == (ChartStatus.REFERRED, "park事務所")
    assert found.placement is not None
    assert found.assignment is None


def test_a_raised_urgency_counts_and_brings_its_deadline(desk: Desk) -> None:
    found = received(desk(), raised_urgency=Urgency.S)
    assert found.urgency is Urgency.S
    assert found.due_at == moment("10:05")  # received 9:05 + 60 minutes


def test_a_tagged_bicycle_waits_until_its_hold_is_over(desk: Desk) -> None:
    tagged = received(desk(), category_code="E07", tagged_on=dt.date(2026, 11, 20))
    assert tagged.status is ChartStatus.ON_HOLD
    assert tagged.hold_until == dt.date(2026, 11, 27)
    over = received(desk(), category_code="E07", tagged_on=dt.date(2026, 11, 17))
    assert over.status is ChartStatus.ASSIGNED  # 17 + 7 = 24, today


def test_an_unknown_address_waits_for_a_person_and_is_then_assigned(
    desk: Desk, store: SqlStore
) -> None:
    lost = received(desk(), address_text="どこか")
    assert lost.status is ChartStatus.UNPLACED
    assert lost.assignment is None
    found = desk().place_by_hand(lost.id, 1, LonLat(135.55, 34.70), who="佐藤")
    assert (found.status, found.version) == (ChartStatus.ASSIGNED, 2)
    assert found.assignment is not None
    assert found.assignment.office_id == "east"  # its yard is at that very place
    assert store.get(lost.id) == found
    history = store.history(lost.id)
    assert [one.kind for one in history] == [
        EntryKind.RECEIVED,
        EntryKind.UNPLACED,
        EntryKind.PLACED,
        EntryKind.ASSIGNED,
    ]
    assert history[2].who == "佐藤"
    assert history[2].text.startswith("地図で場所を指定")


def test_placing_a_held_thing_by_hand_follows_an_arrow_of_the_table(
    desk: Desk,
) -> None:
    lost = received(
        desk(),
        address_text="どこか",
        category_code="E07",
        tagged_on=dt.date(2026, 11, 20),
    )
    assert lost.status is ChartStatus.UNPLACED
    found = desk().place_by_hand(lost.id, 1, YARD, who="佐藤")
    assert found.status is ChartStatus.ON_HOLD
    assert found.status in ARROWS[lost.status]


def test_placing_twice_or_from_a_stale_page_is_refused(desk: Desk) -> None:
    lost = received(desk(), address_text="どこか")
    desk().place_by_hand(lost.id, 1, YARD, who="佐藤")
    with pytest.raises(ConflictError, match="先に変更"):
        desk().place_by_hand(lost.id, 1, YARD, who="鈴木")
    with pytest.raises(ConflictError, match="確認待ちではありません"):
        desk().place_by_hand(lost.id, 2, YARD, who="鈴木")


def test_a_point_outside_the_city_is_refused_and_changes_nothing(
    desk: Desk, store: SqlStore
) -> None:
    outside = Placement(status=PlacingStatus.OUTSIDE, message="市外です")
    lost = received(desk(), address_text="どこか")
    with pytest.raises(InvalidInputError, match="市外です"):
        desk(geocoder=FakeGeocoder(by_hand=outside)).place_by_hand(
            lost.id, 1, YARD, who="佐藤"
        )
    assert store.get(lost.id) == lost


def test_without_any_office_a_placed_chart_waits_with_its_reason(
    desk: Desk, store: SqlStore
) -> None:
    found = received(desk(intake_rules(offices=(), teams=())))
    assert found.status is ChartStatus.UNPLACED
    assert "出勤している事業所がない" in store.history(found.id)[-1].text


def test_an_override_keeps_who_why_and_what_was_before(
    desk: Desk, store: SqlStore
) -> None:
    found = received(desk())
    after = desk().override(
        found.id, 1, office_id="east", team_id="e1", who="課長", why="前回も担当"
    )
    assert after.assignment is not None
    assert (after.assignment.office_id, after.assignment.team_id) == ("east", "e1")
    assert (after.assignment.by, after.assignment.who) == ("dispatcher", "課長")
    assert (after.version, after.status) == (2, ChartStatus.ASSIGNED)
    assert store.get(found.id) == after
    last = store.history(found.id)[-1]
    assert (last.kind, last.who) == (EntryKind.OVERRIDDEN, "課長")
    assert "前回も担当" in last.text
    assert found.assignment is not None
    assert found.assignment.reason in last.text


def test_a_stale_override_is_refused_and_changes_nothing(
    desk: Desk, store: SqlStore
) -> None:
    found = received(desk())
    first = desk().override(
        found.id, 1, office_id="east", team_id=None, who="課長", why="近い"
    )
    with pytest.raises(ConflictError, match="先に変更"):
        desk().override(
            found.id, 1, office_id="south", team_id=None, who="係長", why="空き"
        )
    assert store.get(found.id) == first


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("office_id", {"office_id": "west"}),
        ("team_id", {"team_id": "t9"}),
        ("team_id", {"office_id": "south", "team_id": "n1"}),
        ("why", {"why": "  "}),
        ("who", {"who": ""}),
    ],
)
def test_an_override_names_what_is_wrong(
    desk: Desk, field: str, given: dict[str, str]
) -> None:
    found = received(desk())
    words = {"office_id": "north", "team_id": "n1", "who": "課長", "why": "理由"}
    words |= given
    with pytest.raises(InvalidInputError) as refused:
        desk().override(
            found.id,
            1,
            office_id=words["office_id"],
            team_id=words["team_id"],
            who=words["who"],
            why=words["why"],
        )
    assert refused.value.field == field


def test_what_has_no_assignment_cannot_be_overridden(desk: Desk) -> None:
    referral = received(desk(), category_code="D01")
    with pytest.raises(ConflictError, match="振り分けの前"):
        desk().override(
            referral.id, 1, office_id="north", team_id=None, who="課長", why="理由"
        )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (ChartStatus.PLANNED, ChartStatus.ASSIGNED),
        (ChartStatus.ON_HOLD, ChartStatus.ON_HOLD),
    ],
)
def test_an_override_takes_a_planned_chart_back_and_leaves_a_hold_alone(
    desk: Desk, store: SqlStore, before: ChartStatus, after: ChartStatus
) -> None:
    store.add_all([new_chart("x", chart=chart("x", status=before))])
    found = desk().override(
        "x", 1, office_id="north", team_id="n2", who="課長", why="理由"
    )
    assert found.status is after


# -- several callers at once -----------------------------------------------------------


def test_of_several_at_once_each_gets_its_own_answer(
    desk: Desk, store: SqlStore
) -> None:
    desk().receive(intake("taken", "aa"), who="受付係")
    asked = [
        intake("k1", "aa", description="一"),
        intake(category_code="X99"),  # no such category
        intake("taken", "bb"),  # another body
        intake("k1", "aa", description="一"),  # the first one's retry
        intake("taken", "aa"),
        intake("k2", "aa", description="\ud800"),  # half a letter: nothing can keep it
        intake(source="311", external_id="e1", description="二"),
        intake(source="311", external_id="e1", description="二"),
    ] * 3
    for_all = desk()
    start = threading.Barrier(len(asked))

    def hand_in(numbered: tuple[int, Intake]) -> CaseChart | Exception:
        n, one = numbered
        start.wait(30)
        try:
            return for_all.receive(one, who=f"係{n}").chart
        except Exception as problem:  # noqa: BLE001 - each as it was answered
            return problem

    with ThreadPoolExecutor(len(asked)) as threads:
        found = list(threads.map(hand_in, enumerate(asked)))
    kept = [one for one in found if isinstance(one, CaseChart)]
    problems = {type(one) for one in found if isinstance(one, Exception)}
    assert len(kept) == 3 * 5
    assert len(problems) == 3
    stored = {one.id: one for one in store.find()}
    assert {one.id: one for one in kept} == stored
    assert sorted(one.number for one in stored.values()) == [
        f"2026-27127-{n:06d}" for n in range(1, 4)
    ]
    for one in stored.values():
        assert kinds(store, one.id) == [
            EntryKind.RECEIVED,
            EntryKind.PLACED,
            EntryKind.ASSIGNED,
        ]


def test_the_history_names_who_handed_in_whoever_stored_it(
    desk: Desk, store: SqlStore
) -> None:
    for_all = desk()
    start = threading.Barrier(8)

    def hand_in(n: int) -> str:
        start.wait(30)
        return for_all.receive(intake(description=f"{n}"), who=f"係{n}").chart.id

    with ThreadPoolExecutor(8) as threads:
        ids = list(threads.map(hand_in, range(8)))
    for n, chart_id in enumerate(ids):
        assert store.get(chart_id).consultation.description == f"{n}"
        assert store.history(chart_id)[0].who == f"係{n}"
