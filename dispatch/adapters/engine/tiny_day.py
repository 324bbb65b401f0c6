"""A made-up day of two visits that meets every part of the search once."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np

from dispatch.domain.catalogue import Urgency
from dispatch.domain.place import LonLat
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.team import Lunch, MobileTeam, Shift, Vehicle
from dispatch.domain.travel import TravelLevel, TravelMatrix
from dispatch.domain.visit import Visit

HOUR_S = 3600
HERE = LonLat(lon=135.5, lat=34.7)


def tiny_day() -> DayProblem:
    """Two teams, one visit for each and one for both, ten minutes apart."""
    apart_s = 600 * (1 - np.eye(4, dtype=np.int64))
    lunch = Lunch(
        nominal_s=12 * HOUR_S,
        duration_s=HOUR_S,
        earliest_s=11 * HOUR_S,
        latest_end_s=14 * HOUR_S,
    )
    team = MobileTeam(
        id="1",
        office_id="office",
        name="1",
        letter="A",
        vehicle=Vehicle(name="", load_kg=1),
        crew_size=1,
        skills=frozenset(),
        base=HERE,
        shift=Shift(start_s=9 * HOUR_S, end_s=17 * HOUR_S, lunch=lunch),
    )
    teams = [team, replace(team, id="2", name="2")]
    visits = tuple(
        Visit(
            id=str(at),
            category_code="",
            urgency=Urgency.B,
            place=HERE,
            service_s=HOUR_S,
            office_id="office",
            allowed_office_ids=frozenset({"office"}),
            due_s=10 * HOUR_S,
            num_teams=2 if at == 2 else 1,  # noqa: PLR2004 - the last one
        )
        for at in range(3)
    )
    return DayProblem(
        date=dt.date(2026, 1, 5),
        visits=visits,
        team_days=tuple(
            TeamDay(team=one, start_node=0, end_node=0, free_from_s=9 * HOUR_S)
            for one in teams
        ),
        travel=TravelMatrix(
            duration_s=apart_s,
            distance_m=apart_s.copy(),
            level=TravelLevel.STRAIGHT_LINE,
        ),
        visit_nodes=(1, 2, 3),
    )
