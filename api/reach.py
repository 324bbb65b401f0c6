"""Whose charts a list shows to who asks: the own ones first, all that may be read."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from api.acting import actor_of, has_own, sees_more
from api.wiring import Services
from dispatch.domain.access import Action, Actor, Scope, is_unlimited, scopes_of
from dispatch.domain.chart_query import EVERYTHING, Reach

NONE: frozenset[str] = frozenset()
WIDE = "all"  # value of `scope` in an address: all that may be read


@dataclass(frozen=True, slots=True, kw_only=True)
class ListScope:
    """Whose charts a list shows, and whether more may be read."""

    reach: Reach
    is_own: bool = False
    has_more: bool = False


def list_scope(request: Request) -> ListScope:
    """Own charts of who asks, or all that they may read when the address says so."""
    actor = actor_of(request)
    has_more = has_own(actor) and sees_more(actor)
    is_own = has_more and request.query_params.get("scope") != WIDE
    services: Services = request.app.state.services
    reach = reach_of(actor, services, own_only=is_own)
    return ListScope(reach=reach, is_own=is_own, has_more=has_more)


def reach_of(actor: Actor, services: Services, *, own_only: bool = False) -> Reach:
    """
    Say in columns of the store which charts somebody may read.

    The same as `may(actor, Action.READ_CHART, …)` of each, but for charts that are
    only shared with a partner: a list goes by who has the chart now.
    """
    if is_unlimited(actor, Action.READ_CHART) and not own_only:
        return EVERYTHING
    scopes = scopes_of(actor, Action.READ_CHART)
    if own_only:  # each of these narrows what may be read; none adds to it
        scopes -= {Scope.ALL, Scope.NEAR_OFFICE}
        scopes |= {Scope.OWN_WARD, Scope.OWN_OFFICE, Scope.OWN_TEAM}
    of_office = scopes & {Scope.OWN_OFFICE, Scope.NEAR_OFFICE}
    of_team = Scope.OWN_TEAM in scopes
    is_submitter = Scope.OWN_SUBMISSIONS in scopes and bool(actor.client)
    return Reach(
        ward_codes=actor.ward_codes if Scope.OWN_WARD in scopes else NONE,
        office_ids=_offices_of(actor, services, scopes) if of_office else NONE,
        team_ids=actor.team_ids if of_team else NONE,
        chart_ids=_stops_of(actor, services) if of_team else NONE,
        receivers=actor.receivers if Scope.OWN_RECEIVER in scopes else NONE,
        sources=frozenset({actor.client}) if is_submitter else NONE,
        without_ward=Scope.OWN_WARD in scopes,
        without_office=bool(of_office) and not own_only,
        category_codes=_categories_of(actor, services),
        is_unlimited=Scope.ALL in scopes and not actor.category_groups,
    )


def _categories_of(actor: Actor, services: Services) -> frozenset[str] | None:
    """Codes of the own groups of the catalogue; None for all."""
    if not actor.category_groups or actor.is_everywhere:
        return None
    every = services.profile.catalogue.categories
    return frozenset(one.code for one in every if one.group in actor.category_groups)


def _offices_of(
    actor: Actor, services: Services, scopes: frozenset[Scope]
) -> frozenset[str]:
    """Give the own offices, with their neighbours where these may be read."""
    if Scope.NEAR_OFFICE not in scopes:
        return actor.office_ids
    near = {
        near
        for office in services.profile.offices
        if office.id in actor.office_ids
        for near in office.neighbour_ids
    }
    return actor.office_ids | near


def _stops_of(actor: Actor, services: Services) -> frozenset[str]:
    """Find the own teams' stops of today, whoever they were assigned to."""
    in_force = services.store.in_force(services.clock.now().date())
    return frozenset(
        stop.visit_id
        for route, _, stop in (in_force.plan.stops() if in_force else ())
        if route.team_id in actor.team_ids
    )
