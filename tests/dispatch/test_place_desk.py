"""The desk of places in doubt: who waits, what a person settles, what is remembered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import Engine

from dispatch.adapters.clocks import FixedClock
from dispatch.adapters.local_place_store import SqlLocalPlaces
from dispatch.adapters.sql_store import SqlStore
from dispatch.chart_opening import Intake
from dispatch.domain.case_chart import CaseChart, ChartStatus, EntryKind
from dispatch.domain.catalogue import Urgency
from dispatch.domain.errors import ConflictError, InvalidInputError, NotFoundError
from dispatch.domain.local_place import LocalPlace
from dispatch.domain.place import LonLat
from dispatch.domain.placing import Placement, PlacingStatus
from dispatch.domain.reporter import Reporter
from dispatch.intake import IntakeDesk
from dispatch.place_desk import (
    MAX_LISTED,
    NewLocalPlace,
    PlaceDesk,
    PlaceTools,
    PlaceWords,
    Settlement,
    waits_for_place,
)
from tests.builders import (
    YARD,
    FakeGeocoder,
    StraightTravel,
    chart,
    consultation,
    intake_rules,
    moment,
    placement,
)

NOW = moment("10:00")
EAST = LonLat(135.55, 34.70)
OUTSIDE = Placement(status=PlacingStatus.OUTSIDE, message="座標が市の外です。")
WHY = "申出人に電話で確かめた"


class SlowToSee(SqlLocalPlaces):
    """Looks up nothing at first, as a process that does not yet know of a change."""

    blind = 0

    def active(self, key: str) -> tuple[LocalPlace, ...]:
        """Answer nothing while blind."""
        self.blind -= 1
        return () if self.blind >= 0 else super().active(key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """A desk with its stores."""

    desk: PlaceDesk
    intake: IntakeDesk
    charts: SqlStore
    places: SlowToSee
    geocoder: FakeGeocoder

    def waiting(self, address: str = "どこか", **overrides: Any) -> CaseChart:  # noqa: ANN401
        """Receive a consultation whose place nobody knows."""
        said = consultation(address_text=address, **overrides)
        return self.intake.receive(
            Intake(consultation=said, reporter=Reporter()), who="受付係"
        ).chart

    def texts(self, chart_id: str) -> list[str]:
        """Lines of a chart's history."""
        return [line.text for line in self.charts.history(chart_id)]


@pytest.fixture
def office(engine: Engine, store: SqlStore) -> Office:
    geocoder = FakeGeocoder(known={"北区中之島1丁目": placement(YARD)})
    clock = FixedClock(NOW)
    intake = IntakeDesk(store, geocoder, StraightTravel(), intake_rules(), clock)
    places = SlowToSee(engine)
    words = PlaceWords(
        key_of=lambda text: text.replace(" ", "").strip("?"),
        ward_code_of={"": "", "北区": "27127", "西区": "27106"}.get,
    )
    tools = PlaceTools(
        charts=store,
        local_places=places,
        intake=intake,
        geocoder=geocoder,
        clock=clock,
    )
    return Office(
        desk=PlaceDesk(tools, words),
        intake=intake,
        charts=store,
        places=places,
        geocoder=geocoder,
    )


def decision(**overrides: Any) -> Settlement:  # noqa: ANN401 - keyword overrides
    """Decide for the east office's yard, to 80 m, for this chart only."""
    plain = Settlement(place=EAST, radius_m=80, reason=WHY)
    return replace(plain, **overrides)


# -- the queue -------------------------------------------------------------------------


def test_the_most_urgent_comes_first_and_then_the_oldest(office: Office) -> None:
    late = office.waiting(received_at=moment("9:30"))
    early = office.waiting(received_at=moment("9:10"))
    urgent = office.waiting(received_at=moment("9:40"), category_code="S01")
    raised = office.waiting(received_at=moment("9:20"), raised_urgency=Urgency.A)
    office.waiting("北区中之島1丁目")  # placed: it does not wait
    assert office.desk.queue() == [urgent, raised, early, late]


def test_a_chart_that_waits_for_an_office_only_has_its_place() -> None:
    without_office = chart(status=ChartStatus.UNPLACED)
    assert not waits_for_place(without_office)
    assert waits_for_place(replace(without_office, placement=None))
    lost = Placement(status=PlacingStatus.NOT_FOUND, message="")
    assert waits_for_place(replace(without_office, placement=lost))
    assert not waits_for_place(chart(placement=lost))  # assigned by a person's word


# -- settling --------------------------------------------------------------------------


def test_a_settled_chart_is_assigned_and_its_history_keeps_who_and_why(
    office: Office,
) -> None:
    lost = office.waiting()
    after = office.desk.settle(lost.id, 1, decision(), who="佐藤")
    assert after == office.charts.get(lost.id)
    assert (after.status, after.version) == (ChartStatus.ASSIGNED, 2)
    assert after.placement is not None
    assert (after.placement.place, after.placement.radius_m) == (EAST, 80)
    last = office.charts.history(lost.id)[-1]
    assert (last.who, last.kind, last.at) == ("佐藤", EntryKind.PLACED, NOW)
    assert last.text == f"場所を決めた理由: {WHY}"
    assert office.desk.queue() == []
    assert office.desk.listed() == []  # not asked to be remembered


def test_what_is_remembered_holds_the_words_the_ward_and_the_chart(
    office: Office,
) -> None:
    lost = office.waiting(landmark_text="工場の裏", stated_ward="北区")
    office.desk.settle(lost.id, 1, decision(remember=True), who="佐藤")
    (entry,) = office.desk.listed()
    assert office.places.active("どこか工場の裏") == (entry,)
    # The words of a report never become a name on a map.
    assert (entry.text, entry.label) == ("どこか 工場の裏", "職員が確かめた地点")
    assert (entry.ward_code, entry.place, entry.radius_m) == ("27127", EAST, 80)
    assert (entry.reason, entry.author, entry.settled_at) == (WHY, "佐藤", NOW)
    assert entry.chart_id == lost.id


@pytest.mark.parametrize("remember", [False, True])
def test_a_double_click_changes_nothing_more(office: Office, *, remember: bool) -> None:
    lost = office.waiting()
    settled = decision(remember=remember)
    first = office.desk.settle(lost.id, 1, settled, who="佐藤")
    before = office.texts(lost.id)
    assert office.desk.settle(lost.id, 1, settled, who="佐藤") == first
    assert office.texts(lost.id) == before
    assert len(office.desk.listed()) == remember


def test_a_retry_completes_what_was_not_done(office: Office) -> None:
    lost = office.waiting()
    # as if the line had broken after the chart was stored
    office.intake.place_by_hand(lost.id, 1, EAST, who="佐藤", radius_m=80, why=WHY)
    office.desk.settle(lost.id, 1, decision(remember=True), who="佐藤")
    assert office.texts(lost.id)[-1] == f"場所を決めた理由: {WHY}"
    assert len(office.desk.listed()) == 1


def test_of_two_people_the_slower_is_told_and_nothing_of_hers_is_stored(
    office: Office,
) -> None:
    lost = office.waiting()
    office.desk.settle(lost.id, 1, decision(), who="佐藤")
    before = office.texts(lost.id)
    slower = decision(place=YARD, remember=True)
    for version in (1, 2):  # from the page of before, and from a new one
        with pytest.raises(ConflictError):
            office.desk.settle(lost.id, version, slower, who="鈴木")
    # the same place, but from a version that was never hers to change
    with pytest.raises(ConflictError):
        office.desk.settle(lost.id, 2, decision(), who="鈴木")
    assert office.texts(lost.id) == before
    assert office.desk.listed() == []
    placed = office.charts.get(lost.id).placement
    assert placed is not None
    assert placed.place == EAST


@pytest.mark.parametrize(
    ("field", "who", "changes"),
    [
        ("who", " ", {}),
        ("reason", "佐藤", {"reason": " "}),
        ("reason", "佐藤", {"reason": "あ" * 201}),
        ("radius_m", "佐藤", {"radius_m": 0}),
        ("radius_m", "佐藤", {"radius_m": 5_001}),
    ],
)
def test_a_decision_without_name_reason_or_measure_is_refused(
    office: Office, field: str, who: str, changes: dict[str, Any]
) -> None:
    lost = office.waiting()
    with pytest.raises(InvalidInputError) as caught:
        office.desk.settle(lost.id, 1, decision(**changes), who=who)
    assert caught.value.field == field
    assert office.charts.get(lost.id) == lost


@pytest.mark.parametrize("remember", [False, True])
def test_a_point_outside_the_city_is_refused_and_stores_nothing(
    office: Office, *, remember: bool
) -> None:
    lost = office.waiting()
    office.geocoder.by_hand = OUTSIDE
    with pytest.raises(InvalidInputError, match="市の外"):
        office.desk.settle(lost.id, 1, decision(remember=remember), who="佐藤")
    assert office.charts.get(lost.id) == lost
    assert office.desk.listed() == []


@pytest.mark.parametrize(
    ("field", "address", "ward"), [("text", "???", ""), ("ward", "どこか", "堺区")]
)
def test_words_that_say_nothing_or_another_city_are_not_remembered(
    office: Office, field: str, address: str, ward: str
) -> None:
    lost = office.waiting(address, stated_ward=ward)
    with pytest.raises(InvalidInputError) as caught:
        office.desk.settle(lost.id, 1, decision(remember=True), who="佐藤")
    assert caught.value.field == field
    assert office.charts.get(lost.id) == lost
    # they can be settled all the same
    assert office.desk.settle(lost.id, 1, decision(), who="佐藤").version == 2


def test_a_chart_that_does_not_exist_is_not_found(office: Office) -> None:
    with pytest.raises(NotFoundError):
        office.desk.settle("nothing", 1, decision(), who="佐藤")


# -- what the words mean already -------------------------------------------------------


def test_words_that_mean_another_place_are_not_remembered_twice(
    office: Office,
) -> None:
    first, second = office.waiting(), office.waiting()
    office.desk.settle(first.id, 1, decision(remember=True), who="佐藤")
    other = decision(place=YARD, remember=True)
    with pytest.raises(ConflictError, match="もう地点辞書に"):
        office.desk.settle(second.id, 1, other, who="鈴木")
    assert office.charts.get(second.id) == second
    # the same place is no quarrel, and beside another ward the words are others
    office.desk.settle(second.id, 1, decision(remember=True), who="鈴木")
    third = office.waiting(stated_ward="西区")
    office.desk.settle(third.id, 1, other, who="鈴木")
    assert [one.place for one in office.desk.listed()] in ([YARD, EAST], [EAST, YARD])


@pytest.mark.parametrize(("place", "is_refused"), [(EAST, False), (YARD, True)])
def test_who_remembers_in_the_same_moment_elsewhere_is_seen_in_the_end(
    office: Office, place: LonLat, *, is_refused: bool
) -> None:
    first, second = office.waiting(), office.waiting()
    office.desk.settle(first.id, 1, decision(remember=True), who="佐藤")
    office.places.blind = 2  # once before the chart is stored, once after
    later = decision(place=place, remember=True)
    if is_refused:
        with pytest.raises(ConflictError, match="もう地点辞書に"):
            office.desk.settle(second.id, 1, later, who="鈴木")
    else:
        office.desk.settle(second.id, 1, later, who="鈴木")
    assert len(office.desk.listed()) == 1
    # the chart itself is placed: its place was not in doubt, the words were
    assert office.charts.get(second.id).status is ChartStatus.ASSIGNED


# -- the local gazetteer by itself -----------------------------------------------------


def entry_to_make(**overrides: Any) -> NewLocalPlace:  # noqa: ANN401 - keyword overrides
    plain = NewLocalPlace(text="津守のポンプ場", place=EAST, radius_m=40, reason=WHY)
    return replace(plain, **overrides)


def test_an_entry_is_made_without_a_chart_and_has_a_label_of_its_own(
    office: Office,
) -> None:
    made = office.desk.remember(
        entry_to_make(ward="北区", label="津守抽水所"), who="佐藤"
    )
    assert (made.label, made.ward_code, made.chart_id) == ("津守抽水所", "27127", "")
    assert office.desk.listed() == [made]
    with pytest.raises(ConflictError):
        office.desk.remember(entry_to_make(ward="北区"), who="佐藤")


@pytest.mark.parametrize(
    ("field", "changes"),
    [("ward", {"ward": "堺区"}), ("text", {"text": "?"}), ("reason", {"reason": ""})],
)
def test_an_entry_that_breaks_a_rule_is_not_made(
    office: Office, field: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        office.desk.remember(entry_to_make(**changes), who="佐藤")
    assert caught.value.field == field
    assert office.desk.listed() == []


def test_an_entry_outside_the_city_is_not_made(office: Office) -> None:
    office.geocoder.by_hand = OUTSIDE
    with pytest.raises(InvalidInputError, match="市の外"):
        office.desk.remember(entry_to_make(), who="佐藤")
    assert office.desk.listed() == []


def test_an_entry_is_withdrawn_and_a_double_click_is_forgiven(office: Office) -> None:
    made = office.desk.remember(entry_to_make(), who="佐藤")
    gone = office.desk.withdraw(made.id, why="移転した", who="鈴木")
    assert (gone.withdrawn_by, gone.withdrawn_at) == ("鈴木", NOW)
    assert office.places.active("津守のポンプ場") == ()
    assert office.desk.withdraw(made.id, why="移転した", who="鈴木") == gone
    with pytest.raises(ConflictError, match="もう取り下げ"):
        office.desk.withdraw(made.id, why="移転した", who="佐藤")
    with pytest.raises(NotFoundError):
        office.desk.withdraw("nothing", why="移転した", who="佐藤")
    # the words are free again
    assert office.desk.remember(entry_to_make(place=YARD), who="佐藤").is_active


@pytest.mark.parametrize(
    ("field", "who", "why"), [("who", "", "x"), ("reason", "x", "")]
)
def test_a_withdrawal_names_who_and_why(
    office: Office, field: str, who: str, why: str
) -> None:
    made = office.desk.remember(entry_to_make(), who="佐藤")
    with pytest.raises(InvalidInputError) as caught:
        office.desk.withdraw(made.id, why=why, who=who)
    assert caught.value.field == field
    assert office.desk.listed() == [made]


@pytest.mark.parametrize("limit", [0, MAX_LISTED + 1])
def test_a_list_has_a_limit_that_makes_sense(office: Office, limit: int) -> None:
    with pytest.raises(InvalidInputError) as caught:
        office.desk.listed(limit)
    assert caught.value.field == "limit"
