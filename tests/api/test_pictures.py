"""Pictures: what reaches maps and sheets, and above all what does not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.pictures import (
    Pictures,
    due_text,
    is_overdue,
    time_left_text,
)
from api.sheet_values import promise_text, sheet_values
from dispatch.chart_opening import Intake
from dispatch.domain.case_chart import CaseChart, ChartStatus
from dispatch.domain.consultation import Appointment, Channel, Consultation
from dispatch.domain.place import LonLat
from dispatch.domain.placing import PlaceLevel
from dispatch.domain.reporter import Reporter
from dispatch.domain.travel import TravelLevel
from dispatch.ports import StoredPlan
from maps.route_sheet import SheetStop
from tests.api.installation import (
    ADDRESS,
    DAY,
    NOW,
    TOKYO,
    running,
    services_of,
    settings_for,
)
from tests.builders import chart, consultation

NAME, PHONE, HOME = "ZQ山田ZQ", "ZQ06-1111-2222", "ZQ自宅の住所ZQ"
WORDS, TAIL, MARK = "ZQ話の中身ZQ", "ZQ山田宅前ZQ", "ZQ目印ZQ"
PERSON = Reporter(name=NAME, phone=PHONE, address=HOME)
REPORTED = (NAME, PHONE, HOME, WORDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A planned day of reports full of words that must not be told."""

    pictures: Pictures
    plan: StoredPlan
    charts: dict[str, CaseChart]

    def stops(self, *, call_back: set[str] | None = None) -> dict[str, SheetStop]:
        """All stops on all sheets, by chart."""
        team_ids = [route.team_id for route in self.plan.plan.routes]
        numbers = self.pictures.services.vault.call_back_numbers(
            [self.charts[chart_id] for chart_id in sorted(call_back or ())],
            who="配車係",
            text="印刷",
        )
        sheets = sheet_values(
            self.pictures,
            self.plan,
            team_ids,
            self.charts,
            call_back=numbers,
        )
        return {stop.chart_id: stop for sheet in sheets for stop in sheet.stops}

    def where(self, **of: object) -> CaseChart:
        """Find the first chart whose consultation has these values."""
        return next(
            chart
            for chart in self.charts.values()
            if all(getattr(chart.consultation, k) == v for k, v in of.items())
        )


def said(**changes: object) -> Consultation:
    plain = Consultation(
        received_at=NOW,
        channel=Channel.PHONE,
        category_code="R02",
        description=WORDS,
        address_text=f"{ADDRESS} {TAIL}",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


CONSULTATIONS = (
    said(contact_wanted=True, external_id="wants a call"),
    said(external_id="wants no call"),
    said(landmark_text=f"津守小学校 {MARK}", address_text="", external_id="landmark"),
    said(position=LonLat(135.4822, 34.6466), address_text="", external_id="position"),
    said(
        address_text="西成区津守",
        stated_district=TAIL,
        appointment=Appointment(
            start_at=NOW.replace(hour=10, minute=0),
            end_at=NOW.replace(hour=12, minute=0),
        ),
        external_id="promise",
    ),
    said(category_code="F01", external_id="referral"),
    said(category_code="P01", external_id="partner"),
    said(address_text=f"{TAIL}", external_id="unplaced"),
)


@pytest.fixture(scope="module")
def drawn(
    tmp_path_factory: pytest.TempPathFactory, geodata_dir: Path
) -> Iterator[Drawn]:
    """Take the consultations, plan their day, and be ready to draw it."""
    settings = settings_for(tmp_path_factory.mktemp("pictures"), geodata_dir)
    with running(settings) as client:
        yield drawn_by(client)


def drawn_by(client: TestClient) -> Drawn:
    services = services_of(client)
    services.intake.receive_all(
        [Intake(consultation=one, reporter=PERSON) for one in CONSULTATIONS],
        who="受付",
    )
    made = services.planning.make(
        DAY, services.search_params(), lambda _progress: None, who="配車"
    )
    plan = services.planning.publish(made.id, who="配車")
    charts = {chart.id: chart for chart in services.store.find()}
    return Drawn(pictures=Pictures(services), plan=plan, charts=charts)


def test_the_day_is_worth_looking_at(drawn: Drawn) -> None:
    status = {
        chart.consultation.external_id: chart.status for chart in drawn.charts.values()
    }
    assert status["referral"] is status["partner"] is ChartStatus.REFERRED
    assert status["unplaced"] is ChartStatus.UNPLACED
    assert len(drawn.stops()) == 5


def test_overview_map_holds_nothing_of_report_or_reporter(drawn: Drawn) -> None:
    data = drawn.pictures.overview(list(drawn.charts.values()))
    # five visits and the partner's; no referral, nothing without a place
    assert len(data.items) == 6
    told = f"{replace(data, wards=())}"
    assert "ZQ" not in told


def test_plan_map_holds_nothing_of_report_or_reporter(drawn: Drawn) -> None:
    stops = 0
    for office in drawn.pictures.services.profile.offices:
        data = drawn.pictures.plan_map(drawn.plan, office.id, drawn.charts)
        stops += sum(len(team.stops) for team in data.teams)
        assert "ZQ" not in f"{replace(data, wards=())}"
    assert stops == 5


def test_sheet_holds_the_way_to_the_place_but_not_the_report(drawn: Drawn) -> None:
    told = f"{drawn.stops()}"
    for secret in REPORTED:
        assert secret not in told


def test_number_is_printed_only_where_it_was_wanted_and_ticked(drawn: Drawn) -> None:
    wants = drawn.where(external_id="wants a call").id
    silent = drawn.where(external_id="wants no call").id
    stops = drawn.stops(call_back={wants, silent})
    assert stops[wants].call_back == PHONE
    assert [s.call_back for s in stops.values() if s.chart_id != wants] == [None] * 4
    assert drawn.stops()[wants].call_back is None
    assert drawn.stops(call_back={silent})[wants].call_back is None


def test_place_in_words_is_ours_and_never_the_reports(drawn: Drawn) -> None:
    for one in drawn.charts.values():
        text = drawn.pictures.place_text(one)
        for word in (*REPORTED, TAIL, MARK, "ZQ"):
            assert word not in text
    by_address = drawn.where(external_id="wants a call")
    assert drawn.pictures.place_text(by_address).startswith("西成区津守")
    by_position = drawn.where(external_id="position")
    assert drawn.pictures.place_text(by_position) == "西成区(座標による)"
    by_landmark = drawn.where(external_id="landmark")
    assert by_landmark.placement is not None
    assert by_landmark.placement.level is PlaceLevel.LANDMARK
    assert "津守" in drawn.pictures.place_text(by_landmark)
    assert drawn.pictures.place_text(drawn.where(external_id="unplaced")) == ""


def test_district_is_called_approximate_and_is_never_the_reports(drawn: Drawn) -> None:
    text = drawn.pictures.district_text(drawn.where(external_id="promise"))
    assert text.endswith("(近似)")
    assert TAIL not in text
    assert drawn.pictures.district_text(drawn.where(external_id="unplaced")) == ""


def test_counts_of_the_districts_add_up_to_what_is_drawn(drawn: Drawn) -> None:
    data = drawn.pictures.overview(list(drawn.charts.values()))
    with_district = [
        chart
        for chart in drawn.charts.values()
        if chart.is_mappable and chart.placement and chart.placement.district_id
    ]
    assert sum(d.open_count or 0 for d in data.districts) == len(with_district)


def test_crew_is_told_of_promise_and_rough_place(drawn: Drawn) -> None:
    stop = drawn.stops()[drawn.where(external_id="promise").id]
    assert "約束 10:00–12:00" in stop.cautions
    assert stop.radius_m > 150
    assert stop.radius_m > 150  # the sheet draws a ring and says how far


def test_estimated_driving_is_called_so(drawn: Drawn) -> None:
    office_id = drawn.pictures.services.profile.offices[0].id
    level = drawn.pictures.plan_map(drawn.plan, office_id, {}).level
    assert level is TravelLevel.STRAIGHT_LINE
    sheets = sheet_values(
        drawn.pictures, drawn.plan, [drawn.plan.plan.routes[0].team_id], drawn.charts
    )
    assert "推定(直線)" in sheets[0].travel_note


def test_base_map_that_is_not_shown_is_not_credited(drawn: Drawn) -> None:
    assert drawn.pictures.attribution
    assert not any("地理院タイル" in line for line in drawn.pictures.attribution)


def test_office_or_the_partner_in_charge_is_named(drawn: Drawn) -> None:
    assert drawn.pictures.office_name(drawn.where(external_id="wants a call")).endswith(
        "工営所"
    )
    partner = drawn.where(external_id="partner")
    assert drawn.pictures.office_name(partner) == partner.receiver != ""


def test_unknown_ward_is_told_by_its_code(drawn: Drawn) -> None:
    assert drawn.pictures.ward_name("271225") == "西成区"
    assert drawn.pictures.ward_name("999999") == "999999"


# -- words about time ------------------------------------------------------------------

HELD = chart(
    status=ChartStatus.ON_HOLD,
    due_at=NOW - dt.timedelta(days=1),
    hold_until=dt.date(2026, 11, 27),
)


def test_what_waits_by_law_is_never_overdue() -> None:
    assert not is_overdue(HELD, NOW)
    assert is_overdue(replace(HELD, status=ChartStatus.ASSIGNED), NOW)
    assert due_text(HELD, TOKYO) == "11月27日(金)から撤去可"
    assert time_left_text(HELD, NOW, TOKYO) == "11月27日(金)から撤去可"


def test_deadline_to_the_minute_is_not_yet_overdue() -> None:
    assert not is_overdue(chart(due_at=NOW), NOW)
    assert is_overdue(chart(due_at=NOW - dt.timedelta(seconds=1)), NOW)
    assert not is_overdue(chart(due_at=None), NOW)
    assert due_text(chart(due_at=None), TOKYO) == "期限なし"


def test_promise_is_told_in_local_time(drawn: Drawn) -> None:
    utc = dt.datetime(2026, 11, 24, 1, 5, tzinfo=dt.UTC)  # 10:05 in Osaka
    promise = Appointment(start_at=utc, end_at=utc + dt.timedelta(hours=2))
    told = promise_text(drawn.pictures, consultation(appointment=promise))
    assert told == "約束 10:05–12:05"
    assert promise_text(drawn.pictures, consultation()) == ""
