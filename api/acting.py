"""Who acts in a request, what they may do there, and whose name the history gets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fastapi import Request

from api.settings import SignInMode
from api.wiring import Services
from dispatch.domain.access import (
    Action,
    Actor,
    PersonView,
    Role,
    Scope,
    Where,
    is_unlimited,
    may,
    roles_that_may,
    scopes_of,
    sees_person,
    where_of,
)
from dispatch.domain.account import Account, Session
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.errors import NotAllowedError

ROLE_TEXT = {
    Role.WARD_OFFICER: "地域担当",
    Role.WARD_SUPERVISOR: "地域担当 総括",
    Role.SAFETY_OFFICER: "地域安全対策担当",
    Role.TECHNICAL_ADVISER: "技術職OB",
    Role.DISPATCHER: "配車担当",
    Role.TEAM: "機動班",
    Role.PARTNER: "公園・環境・管路担当",
    Role.PUBLIC_HEARING: "広聴",
    Role.AUDITOR: "監査",
    Role.ADMINISTRATOR: "システム管理",
    Role.INTAKE_SYSTEM: "受付システム",
}
# Without sign-in everybody works at the desks; accounts are not managed there.
DESK_ROLES = frozenset(
    {
        Role.WARD_OFFICER,
        Role.WARD_SUPERVISOR,
        Role.SAFETY_OFFICER,
        Role.TECHNICAL_ADVISER,
        Role.DISPATCHER,
        Role.TEAM,
        Role.PARTNER,
        Role.PUBLIC_HEARING,
    }
)
DESK = Actor(
    id="desk",
    name="窓口(ログインなし)",
    roles=DESK_ROLES,
    granted=frozenset(
        {
            Action.MANAGE_ORGANISATION,
            Action.MANAGE_WEBHOOKS,
            Action.READ_AUDIT,
            Action.ERASE_PERSON,
        }
    ),
    is_everywhere=True,
)
NOBODY = Actor(id="", name="", roles=frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who a request comes from, and by which session or key."""

    actor: Actor = NOBODY
    account: Account | None = None
    session: Session | None = None

    @property
    def is_known(self) -> bool:
        """Whether anybody is behind the request."""
        return self.actor is not NOBODY


def caller_of(request: Request) -> Caller:
    """Who a request comes from; nobody where it was not looked at."""
    found = getattr(request.state, "caller", None)
    return found if isinstance(found, Caller) else Caller()


def actor_of(request: Request) -> Actor:
    """Who acts; `NOBODY` where nobody is signed in."""
    return caller_of(request).actor


def acting(request: Request, typed: str) -> str:
    """
    Name that the history gets.

    Parameters
    ----------
    request
        Of a page.
    typed
        What stood in the form; it counts only where nobody signs in.
    """
    services: Services = request.app.state.services
    if services.settings.sign_in is SignInMode.NONE:
        return typed
    return actor_of(request).name


def can(request: Request, action: Action, where: Where | None = None) -> bool:
    """Whether who asks may do something, anywhere or at one place."""
    return may(actor_of(request), action, where)


def require(request: Request, action: Action, where: Where | None = None) -> None:
    """
    Refuse what who asks may not do.

    Raises
    ------
    NotAllowedError
        Naming the roles that may.
    """
    if not can(request, action, where):
        raise NotAllowedError(refusal(action))


def person_view(request: Request, chart: CaseChart) -> PersonView:
    """How much of a chart's reporter who asks may see."""
    actor = actor_of(request)
    services: Services = request.app.state.services
    return sees_person(actor, chart, chart_where(services, chart))


def require_reveal(request: Request, chart: CaseChart) -> None:
    """
    Refuse the reporter's fields to whoever may not see them all.

    Raises
    ------
    NotAllowedError
        For a role that sees no more than a mask, or only those who want an answer.
    """
    if person_view(request, chart) is not PersonView.REVEAL:
        message = "個人欄を表示できません(連絡を希望する人の分だけ、担当者が見られます)"
        raise NotAllowedError(message)


def refusal(action: Action) -> str:
    """Say whom to ask instead."""
    names = "、".join(ROLE_TEXT[role] for role in roles_that_may(action))
    if not names:
        return "この鍵では、この操作はできません"
    return f"この操作は、担当範囲の中で次の役割の人ができます: {names}"


def chart_where(services: Services, chart: CaseChart) -> Where:
    """Whose ward, office, teams and desks a chart touches today."""
    in_force = services.store.in_force(services.clock.now().date())
    return where_of(
        chart,
        neighbours=_neighbours(services),
        category_group=services.profile.catalogue.get(chart.category_code).group,
        team_ids={
            route.team_id
            for route, _, stop in (in_force.plan.stops() if in_force else ())
            if stop.visit_id == chart.id
        },
    )


def office_where(services: Services, office_id: str) -> Where:
    """Say whose office it is, and which are next to it."""
    return Where(
        office_id=office_id,
        neighbour_ids=frozenset(_neighbours(services).get(office_id, ())),
    )


def readable(
    request: Request,
    charts: Iterable[CaseChart],
    *,
    action: Action = Action.READ_CHART,
    own_only: bool = False,
) -> list[CaseChart]:
    """
    Those charts of a list that who asks may read, or do something with.

    Parameters
    ----------
    request
        Of a page.
    charts
        What was found.
    action
        What is to be done with them.
    own_only
        Leave out, too, what only may be read: the neighbours' and the whole city's.
    """
    actor = actor_of(request)
    services: Services = request.app.state.services
    only_own = own_only and has_own(actor)
    if is_unlimited(actor, action) and not only_own:
        return list(charts)
    neighbours = _neighbours(services)
    catalogue = services.profile.catalogue
    found = []
    for chart in charts:
        group = catalogue.get(chart.category_code).group
        where = where_of(chart, neighbours=neighbours, category_group=group)
        if may(actor, action, where) and (not only_own or is_own(actor, where)):
            found.append(chart)
    return found


def has_own(actor: Actor) -> bool:
    """Whether somebody has a ward, office, team or desk of their own."""
    own = (actor.ward_codes, actor.office_ids, actor.team_ids, actor.receivers)
    return any(own) and not actor.is_everywhere


def sees_more(actor: Actor) -> bool:
    """Whether somebody may read charts beyond their own."""
    wider = {Scope.NEAR_OFFICE, Scope.ALL}
    return bool(scopes_of(actor, Action.READ_CHART) & wider)


def is_own(actor: Actor, where: Where) -> bool:
    """Whether something is somebody's own, or nobody's yet."""
    is_nobodys = where.ward_code is None and where.office_id is None
    return (
        is_nobodys
        or where.ward_code in actor.ward_codes
        or where.office_id in actor.office_ids
        or bool(where.team_ids & actor.team_ids)
        or bool(where.receivers & actor.receivers)
    )


def _neighbours(services: Services) -> dict[str, tuple[str, ...]]:
    return {office.id: office.neighbour_ids for office in services.profile.offices}
