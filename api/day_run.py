"""One working day from the store to files: plan, publish, maps, sheets, summary."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from api.pictures import Pictures
from api.progress import Told
from api.sheet_values import sheet_values
from api.wiring import Services
from dispatch.domain.case_chart import CaseChart, ChartStatus
from dispatch.domain.catalogue import Duty
from dispatch.ports import Progress, StoredPlan
from maps.localise import ASSETS
from maps.overview_map import overview_map
from maps.plan_map import plan_map
from maps.route_sheet import render_sheets, sheet_labels

MAP_FOLDER = "maps"
SHEET_FOLDER = "sheets"
ASSET_FOLDER = "assets"
SUMMARY_FILE = "summary.json"
KB_PER_MB = 1024


@dataclass(slots=True)
class StepTimes:
    """Seconds that each step took, in their order."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure one step."""
        began = time.perf_counter()
        yield
        taken = time.perf_counter() - began
        self.seconds[name] = round(self.seconds.get(name, 0.0) + taken, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayResult:
    """What a day's run made, and its figures."""

    stored: StoredPlan
    summary: dict[str, object]
    folder: Path


def fonts_dir(assets_dir: Path) -> Path:
    """Folder of the printing font among the web assets."""
    return assets_dir / "@expo-google-fonts" / "biz-udpgothic"


def run_day(
    services: Services,
    date: dt.date,
    folder: Path,
    *,
    who: str,
    times: StepTimes,
    told: Told,
) -> DayResult:
    """
    Plan a day, publish the plan and write maps, sheets and figures.

    Parameters
    ----------
    services
        The wired city, with its charts in the store.
    date
        The day to plan.
    folder
        Where everything is written.
    who
        In whose name the plan is made and published.
    times
        Takes the seconds of each step.
    told
        Told what is being done and how far it is, 0 to 1.
    """

    def on_progress(progress: Progress) -> None:
        told(progress.step, progress.done)

    folder.mkdir(parents=True, exist_ok=True)
    with times.step("plan"):
        stored = services.planning.make(
            date, services.search_params(), on_progress, who=who
        )
        stored = services.planning.publish(stored.id, who=who)
    pictures = Pictures(services)
    charts = services.store.find()
    with times.step("maps"):
        num_maps = write_maps(services, pictures, stored, charts, folder, told)
    with times.step("sheets"):
        told("巡回表を刷っています", 0.0)
        num_sheets = write_sheets(services, pictures, stored, charts, folder)
        told("巡回表を刷っています", 1.0)
    summary = {
        **figures(charts, stored),
        "sheets": num_sheets,
        "maps": num_maps,
        "seconds_by_step": times.seconds,
        "seconds_total": round(sum(times.seconds.values()), 3),
        "peak_mb": peak_mb(services),
    }
    text = json.dumps(summary, ensure_ascii=False, indent=2) + "\n"
    (folder / SUMMARY_FILE).write_text(text, encoding="utf-8")
    return DayResult(stored=stored, summary=summary, folder=folder)


def figures(charts: list[CaseChart], stored: StoredPlan) -> dict[str, object]:
    """Count what a day was, for people and programs."""
    field_charts = [chart for chart in charts if chart.duty is Duty.FIELD]
    left_out = [item for item in stored.plan.unassigned if not item.reason.is_held]
    reasons = Counter(str(item.reason) for item in stored.plan.unassigned)
    unplaced = [chart for chart in charts if chart.status is ChartStatus.UNPLACED]
    return {
        "date": stored.plan.date.isoformat(),
        "plan_version": stored.version,
        "consultations": len(charts),
        "placed": sum(
            chart.placement is not None and chart.placement.is_placed
            for chart in charts
        ),
        "unplaced": len(unplaced),
        "referred": sum(chart.duty is Duty.REFERRAL for chart in charts),
        "partner": sum(chart.duty is Duty.PARTNER for chart in charts),
        "field_visits": stored.plan.num_served + len(left_out),
        "field_unplaced": sum(chart in unplaced for chart in field_charts),
        "feasible_visits": stored.num_feasible,
        "served": stored.plan.num_served,
        "unserved_by_reason": dict(sorted(reasons.items())),
        "violations": stored.num_violations,
        "drive_minutes": round(stored.plan.drive_s / 60),
        "score": list(stored.plan.score.key()),
        "method": stored.plan.method,
    }


def write_maps(
    services: Services,
    pictures: Pictures,
    stored: StoredPlan,
    charts: list[CaseChart],
    folder: Path,
    told: Told,
) -> int:
    """Write the city's overview and a plan map per office, with their assets."""
    base = services.settings.base_map
    target = folder / MAP_FOLDER
    target.mkdir(exist_ok=True)
    copy_assets(services.settings.assets_dir, target / ASSET_FOLDER)
    told("地図を描いています", 0.0)
    page = overview_map(pictures.overview(charts), base=base, assets_url=ASSET_FOLDER)
    (target / "overview.html").write_text(page, encoding="utf-8")
    by_id = {chart.id: chart for chart in charts}
    offices = services.profile.offices
    for done, office in enumerate(offices, start=1):
        data = pictures.plan_map(stored, office.id, by_id)
        page = plan_map(data, base=base, assets_url=ASSET_FOLDER)
        (target / f"plan-{office.id}.html").write_text(page, encoding="utf-8")
        told("地図を描いています", done / len(offices))
    return 1 + len(offices)


def write_sheets(
    services: Services,
    pictures: Pictures,
    stored: StoredPlan,
    charts: list[CaseChart],
    folder: Path,
) -> int:
    """Print one PDF per team."""
    target = folder / SHEET_FOLDER
    target.mkdir(exist_ok=True)
    team_ids = [route.team_id for route in stored.plan.routes]
    by_id = {chart.id: chart for chart in charts}
    documents = render_sheets(
        sheet_values(pictures, stored, team_ids, by_id),
        fonts_dir=fonts_dir(services.settings.assets_dir),
        labels=sheet_words(services),
    )
    for team_id, document in zip(team_ids, documents, strict=True):
        (target / f"{team_id}.pdf").write_bytes(document)
    return len(documents)


def sheet_words(services: Services) -> dict[str, str]:
    """Labels of the sheet in the city's language."""
    return sheet_labels(services.profile.labels.get("sheet_language", "ja"))


def copy_assets(assets_dir: Path, target: Path) -> None:
    """Copy what the map pages load beside them, so that they open from a folder."""
    for name in ASSETS.values():
        source, copy = assets_dir / name, target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)


def peak_mb(services: Services) -> int:
    """Peak memory of this process and its solving processes, megabytes (Linux)."""
    kilobytes = 0
    for pid in ("self", *map(str, services.solver.process_ids())):
        status = Path("/proc") / pid / "status"
        if not status.is_file():  # pragma: no cover - other systems, or just ended
            continue
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                kilobytes += int(line.split()[1])
    if kilobytes == 0 and sys.platform != "win32":  # pragma: no cover
        import resource  # noqa: PLC0415 - not on Windows

        kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(kilobytes / KB_PER_MB)
