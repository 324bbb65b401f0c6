"""A working day from the store to files: plan, maps, sheets, figures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from api.day_run import DayResult, StepTimes, run_day
from api.summary import print_summary
from api.wiring import Services, open_services
from dispatch.adapters.clocks import FixedClock
from dispatch.chart_opening import Intake
from dispatch.domain.case_chart import ChartStatus
from dispatch.domain.catalogue import Duty
from dispatch.ports import PlanStatus
from geodata.demo_day import DemoItem, DemoParams, demo_consultations
from geodata.towns import read_towns
from tests.api.installation import DAY, NOW, settings_for

COUNT = 15
KEYS = {
    "consultations",
    "placed",
    "unplaced",
    "field_visits",
    "feasible_visits",
    "referred",
    "served",
    "unserved_by_reason",
    "violations",
    "drive_minutes",
    "sheets",
    "maps",
    "seconds_by_step",
    "seconds_total",
    "peak_mb",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A day that was run, and what was told meanwhile."""

    services: Services
    items: tuple[DemoItem, ...]
    result: DayResult
    told: list[tuple[str, float]]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, geodata_dir: Path) -> Iterator[Ran]:
    """Run a small synthetic day."""
    folder = tmp_path_factory.mktemp("day")
    with open_services(settings_for(folder, geodata_dir), FixedClock(NOW)) as services:
        services.solver.warm()
        params = DemoParams(date=DAY, count=COUNT)
        items = demo_consultations(
            services.profile, read_towns(services.profile), params
        )
        services.intake.receive_all(
            [Intake(consultation=i.consultation, reporter=i.reporter) for i in items],
            who="受付",
        )
        told: list[tuple[str, float]] = []
        result = run_day(
            services,
            DAY,
            folder / "out",
            who="配車",
            times=StepTimes(),
            told=lambda step, done: told.append((step, done)),
        )
        yield Ran(services=services, items=items, result=result, told=told)


def read_summary(ran: Ran) -> dict[str, int]:
    text = (ran.result.folder / "summary.json").read_text(encoding="utf-8")
    summary: dict[str, int] = json.loads(text)
    return summary


def test_summary_has_every_figure(ran: Ran) -> None:
    assert set(read_summary(ran)) >= KEYS


def test_figures_agree_with_the_store_and_with_each_other(ran: Ran) -> None:
    summary = read_summary(ran)
    charts = ran.services.store.find()
    plan = ran.result.stored.plan
    assert summary["consultations"] == len(charts) == COUNT
    assert summary["unplaced"] == sum(
        chart.status is ChartStatus.UNPLACED for chart in charts
    )
    assert summary["referred"] == sum(chart.duty is Duty.REFERRAL for chart in charts)
    # every consultation is placed, waits for a person, or is another desk's
    others = summary["placed"] + summary["unplaced"] + summary["referred"]
    assert others == COUNT
    assert summary["served"] == plan.num_served == len(list(plan.stops()))
    assert summary["served"] <= summary["feasible_visits"] <= summary["field_visits"]
    assert summary["violations"] == 0
    left_out = json.loads(json.dumps(summary["unserved_by_reason"]))
    assert sum(left_out.values()) == len(plan.unassigned)


def test_day_serves_what_can_be_served(ran: Ran) -> None:
    summary = read_summary(ran)
    # fifteen calls for twenty-five teams: nothing may be left for want of time
    assert summary["served"] == summary["feasible_visits"] > 0


def test_times_and_memory_are_measured(ran: Ran) -> None:
    summary = json.loads(json.dumps(ran.result.summary))
    assert list(summary["seconds_by_step"]) == ["plan", "maps", "sheets"]
    total = sum(summary["seconds_by_step"].values())
    assert summary["seconds_total"] == pytest.approx(total, abs=0.01)
    assert summary["peak_mb"] > 50


def test_plan_is_published_in_the_name_given(ran: Ran) -> None:
    stored = ran.services.store.in_force(DAY)
    assert stored is not None
    assert stored.id == ran.result.stored.id
    assert (stored.status, stored.made_by) == (PlanStatus.PUBLISHED, "配車")


def test_there_is_a_sheet_for_each_team_and_a_map_for_each_office(ran: Ran) -> None:
    sheets = sorted((ran.result.folder / "sheets").iterdir())
    assert [file.stem for file in sheets] == sorted(
        route.team_id for route in ran.result.stored.plan.routes
    )
    assert all(file.read_bytes().startswith(b"%PDF") for file in sheets)
    maps = {file.name for file in (ran.result.folder / "maps").glob("*.html")}
    offices = {f"plan-{office.id}.html" for office in ran.services.profile.offices}
    assert maps == {"overview.html", *offices}
    summary = read_summary(ran)
    assert (summary["sheets"], summary["maps"]) == (len(sheets), len(maps))


def test_maps_load_only_files_that_lie_beside_them(ran: Ran) -> None:
    folder = ran.result.folder / "maps"
    for file in folder.glob("*.html"):
        text = file.read_text(encoding="utf-8")
        loaded = re.findall(
            r'<(?:script|link|img|iframe)[^>]*?(?:src|href)="([^"]*)"', text
        )
        assert loaded
        for address in set(loaded) - {"data:,"}:  # no icon is asked for
            assert address.startswith("assets/"), (file.name, address)
            assert (folder / address).is_file(), (file.name, address)
        assert "tileLayer(" not in text
        assert "cdn." not in text


def test_maps_hold_nothing_of_the_reporters(ran: Ran) -> None:
    secrets = {
        text
        for item in ran.items
        for text in (item.reporter.name, item.reporter.phone, item.reporter.address)
        if text
    }
    assert secrets
    for file in (ran.result.folder / "maps").glob("*.html"):
        text = file.read_text(encoding="utf-8")
        assert not [secret for secret in secrets if secret in text]


def test_progress_only_grows_within_a_step_and_ends_at_one(ran: Ran) -> None:
    by_step: dict[str, list[float]] = {}
    for step, done in ran.told:
        by_step.setdefault(step, []).append(done)
    assert len(by_step) >= 4
    for step in ("地図を描いています", "巡回表を刷っています"):
        assert by_step[step] == sorted(by_step[step])
        assert by_step[step][-1] == 1.0


def test_summary_for_a_person_tells_offices_and_files(ran: Ran) -> None:
    console = Console(record=True, width=120, file=None, quiet=False)
    with console.capture() as shown:
        print_summary(console, ran.services, ran.result)
    text = shown.get()
    for office in ran.services.profile.offices:
        assert office.name in text
    assert f"相談 {COUNT}件" in text
    assert "overview.html" in text
    for item in ran.items:
        assert not item.reporter.name or item.reporter.name not in text
