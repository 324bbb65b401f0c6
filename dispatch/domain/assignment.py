"""Assignment (振分): which office and first team, and the reason with its numbers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dispatch.domain.catalogue import WorkCategory
from dispatch.domain.place import WorksOffice
from dispatch.domain.team import MobileTeam
from dispatch.domain.travel import TravelLevel, level_text


class AssignmentPolicy(StrEnum):
    """How the responsible office is chosen."""

    NEAREST = "nearest"
    JURISDICTION = "jurisdiction"
    JURISDICTION_THEN_NEAREST = "jurisdiction_then_nearest"


class SharingPolicy(StrEnum):
    """Which offices' teams may serve a visit."""

    OWN = "own"
    NEIGHBOURS = "neighbours"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Jurisdiction:
    """A ward belongs to an office from a day until another (None: until changed)."""

    ward_code: str
    office_id: str
    valid_from: dt.date
    valid_to: dt.date | None = None
    confidence: str = ""

    def holds_on(self, day: dt.date) -> bool:
        """Whether this row is in force on the day."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """
    The responsible office, a first team, and why.

    `reason` is the sentence for people; the numbers stand beside it so that a
    program can check it. `by` is `rule` or `dispatcher`.
    """

    office_id: str
    team_id: str | None
    policy: str
    reason: str
    travel_s: int | None = None
    runner_up_office_id: str | None = None
    runner_up_travel_s: int | None = None
    by: str = "rule"
    who: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDuty:
    """Who can be assigned: offices, their teams, travel to the place, loads so far."""

    offices: Sequence[WorksOffice]
    teams: Sequence[MobileTeam]
    travel_s: Mapping[str, int]  # from each office to the place
    travel_levels: Mapping[str, TravelLevel]  # how each of these times was found
    load_s: Mapping[str, int]  # work already given to each team, seconds


def assign(
    category: WorkCategory,
    on_duty: OnDuty,
    *,
    policy: AssignmentPolicy,
    responsible_office_id: str | None,
) -> Assignment | None:
    """
    Choose the office and a first team for field work.

    Parameters
    ----------
    category
        What is to be done: skills, crew, load.
    on_duty
        Offices and teams on duty, travel times from each office, loads so far.
    policy
        `nearest`: least travel time. `jurisdiction`: the ward's office.
        `jurisdiction_then_nearest`: the ward's office if it has a team that can do
        the work, else the nearest one that has.
    responsible_office_id
        The ward's office on that day, if the table knows one.

    Returns
    -------
    Assignment or None
        None when no office is on duty.
    """
    ranked = sorted(
        (office for office in on_duty.offices if office.id in on_duty.travel_s),
        key=lambda office: (on_duty.travel_s[office.id], office.id),
    )
    if not ranked:
        return None
    by_id = {office.id: office for office in ranked}
    own = by_id.get(responsible_office_id or "")
    nearest = ranked[0]
    if policy is AssignmentPolicy.NEAREST or own is None:
        chosen, rest = nearest, ranked[1:]
    elif policy is AssignmentPolicy.JURISDICTION or _able(category, own, on_duty):
        chosen, rest = own, [office for office in ranked if office is not own]
    else:
        able = [office for office in ranked if _able(category, office, on_duty)]
        chosen = able[0] if able else own
        rest = [office for office in ranked if office is not chosen]
    runner_up = rest[0] if rest else None
    team = _first_team(category, chosen, on_duty)
    return Assignment(
        office_id=chosen.id,
        team_id=team.id if team else None,
        policy=policy.value,
        reason=_sentence(
            chosen, runner_up, team, on_duty, policy=policy, responsible=own
        ),
        travel_s=on_duty.travel_s[chosen.id],
        runner_up_office_id=runner_up.id if runner_up else None,
        runner_up_travel_s=on_duty.travel_s[runner_up.id] if runner_up else None,
    )


def allowed_offices(
    office: WorksOffice, sharing: SharingPolicy, offices: Sequence[WorksOffice]
) -> frozenset[str]:
    """Offices whose teams may serve a visit of this office."""
    match sharing:
        case SharingPolicy.OWN:
            return frozenset({office.id})
        case SharingPolicy.NEIGHBOURS:
            return frozenset({office.id, *office.neighbour_ids})
        case SharingPolicy.ALL:
            return frozenset(other.id for other in offices)


def _able(category: WorkCategory, office: WorksOffice, on_duty: OnDuty) -> bool:
    return _first_team(category, office, on_duty) is not None


def _first_team(
    category: WorkCategory, office: WorksOffice, on_duty: OnDuty
) -> MobileTeam | None:
    """Team with the skill and the least work so far (all start at the same yard)."""
    able = [
        team
        for team in on_duty.teams
        if team.office_id == office.id
        and team.can_serve(
            skills=category.skills, crew=category.crew, load_kg=category.load_kg
        )
    ]
    return min(able, key=lambda t: (on_duty.load_s.get(t.id, 0), t.id), default=None)


def _sentence(
    chosen: WorksOffice,
    runner_up: WorksOffice | None,
    team: MobileTeam | None,
    on_duty: OnDuty,
    *,
    policy: AssignmentPolicy,
    responsible: WorksOffice | None,
) -> str:
    """Say the reason as an officer would, with the numbers."""
    minutes = _minutes(chosen, on_duty)
    if responsible is chosen and policy is not AssignmentPolicy.NEAREST:
        text = f"この区を担当する{chosen.name}({minutes})"
    else:
        text = f"最も近い{chosen.name}({minutes})"
        fell_back = policy is not AssignmentPolicy.NEAREST
        if fell_back and responsible is not None and responsible is not chosen:
            text += f"。担当の{responsible.name}には対応できる班がありません"
    if runner_up is not None:
        text += f"。次点は{runner_up.name}({_minutes(runner_up, on_duty)})"
    if team is None:
        return text + "。必要な技能・人数・積載のそろう班が今日は出勤していません。"
    return text + f"。技能のそろう{team.name}を最初の候補にしました。"


def _minutes(office: WorksOffice, on_duty: OnDuty) -> str:
    """Say an office's travel time, and how it was found."""
    minutes = round(on_duty.travel_s[office.id] / 60)
    return f"約{minutes}分[{level_text(on_duty.travel_levels[office.id])}]"
