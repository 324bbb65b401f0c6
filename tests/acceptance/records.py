"""What a run left in its database, read back and judged without the program."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from api.settings import Settings
from api.wiring import Services, open_services
from dispatch.domain.checks import Violation, violations
from dispatch.domain.life_cycle import PLANNABLE
from dispatch.domain.shared_tool import stock_of
from dispatch.prepared_day import DayInput, prepare_day
from geodata.city import CityProfile
from geodata.travel_times import StraightLineTravelTimes


def rows(database: Path, query: str) -> list[tuple[Any, ...]]:
    """Answer of a database file to a query."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


def plan_routes(database: Path) -> dict[str, list[tuple[str, int, int]]]:
    """Routes of the published plan by team: what is visited, from when to when."""
    names = dict(rows(database, "SELECT id, external_id FROM charts"))
    ((body,),) = rows(database, "SELECT body FROM plans WHERE status = 'published'")
    return {
        route["team_id"]: [
            (names[stop["visit_id"]], stop["start_s"], stop["end_s"])
            for stop in route["stops"]
        ]
        for route in json.loads(body)["plan"]["routes"]
    }


@contextmanager
def opened(database: Path, city: str, geodata: Path) -> Iterator[Services]:
    """Open the services of a city on a database, with no solving process started."""
    settings = Settings(
        city=city, database_url=f"sqlite:///{database}", geodata_dir=geodata
    )
    with open_services(settings) as services:
        yield services
        services.store._engine.dispose()  # noqa: SLF001 - nobody else may close it


def judged(database: Path, city: str, geodata: Path, day: str) -> tuple[Violation, ...]:
    """Faults of the plan in force, by a problem built anew from the charts."""
    date = dt.date.fromisoformat(day)
    with opened(database, city, geodata) as services:
        stored = services.store.in_force(date)
        assert stored is not None
        profile = services.profile
        midnight = dt.datetime.combine(date, dt.time(), profile.timezone)
        prepared = prepare_day(
            DayInput(
                date=date,
                timezone=profile.timezone,
                offices=profile.offices,
                teams=profile.teams,
                catalogue=profile.catalogue,
                sharing=profile.sharing,
                charts=services.store.find(statuses=PLANNABLE),
                skill_names={},
                now_s=max(0, int((stored.made_at - midnight).total_seconds())),
                in_force=None,
                bundle_m=services.settings.bundle_m,
                tools=stock_of(profile.tools),
                walk_m_per_s=profile.travel.walk_mps,
            ),
            _travel(profile),
        )
        return violations(prepared.problem, stored.plan)


def _travel(profile: CityProfile) -> StraightLineTravelTimes:
    return StraightLineTravelTimes(
        speed_kmh=profile.travel.speed_kmh,
        leg_s=profile.travel.leg_s,
        detour=profile.travel.detour,
    )
