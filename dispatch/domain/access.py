"""Who may do what (権限): roles, actions, and the one table that joins them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from dispatch.domain.case_chart import CaseChart


class Role(StrEnum):
    """What somebody is in the city's work; one person may be several (兼務)."""

    WARD_OFFICER = "ward_officer"  # 区 地域担当職員
    WARD_SUPERVISOR = "ward_supervisor"  # 地域担当 総括職員
    SAFETY_OFFICER = "safety_officer"  # 地域安全対策担当
    TECHNICAL_ADVISER = "technical_adviser"  # 技術職OB
    DISPATCHER = "dispatcher"  # 工営所 配車担当
    TEAM = "team"  # 機動班
    PARTNER = "partner"  # 公園・環境・管路 担当
    PUBLIC_HEARING = "public_hearing"  # 広聴
    AUDITOR = "auditor"  # 監査
    ADMINISTRATOR = "administrator"  # システム管理
    INTAKE_SYSTEM = "intake_system"  # 受付システム


class Action(StrEnum):
    """What somebody does; each route names one."""

    READ_BOARD = "read_board"
    READ_CHART = "read_chart"
    READ_MAP = "read_map"
    READ_PLAN = "read_plan"
    READ_ROUTE = "read_route"  # one office's day: its page and map
    READ_CLOSURES = "read_closures"
    READ_NOTICES = "read_notices"
    CREATE_CONSULTATION = "create_consultation"
    LOCATE = "locate"  # ask which place words mean
    OFFER_SLOT = "offer_slot"
    TRIAGE = "triage"
    COMMENT = "comment"
    TRANSITION = "transition"
    ASSIGN = "assign"
    PLAN = "plan"
    PUBLISH = "publish"
    PRINT_SHEET = "print_sheet"
    RECORD_RESULT = "record_result"
    STATE_CONDITIONS = "state_conditions"
    SETTLE_PLACE = "settle_place"
    CLOSE_ROAD = "close_road"
    SPLIT_MERGE = "split_merge"
    ADD_PHOTO = "add_photo"
    REFER = "refer"
    ACCEPT_TRANSFER = "accept_transfer"
    ANSWER = "answer"
    PUBLISH_ANSWER = "publish_answer"
    REVEAL_PERSON = "reveal_person"
    SEARCH_PHONE = "search_phone"
    ERASE_PERSON = "erase_person"
    MANAGE_ORGANISATION = "manage_organisation"
    MANAGE_ACCOUNTS = "manage_accounts"
    MANAGE_WEBHOOKS = "manage_webhooks"
    READ_AUDIT = "read_audit"
    READ_STATISTICS = "read_statistics"
    EXPORT = "export"
    IMPORT_VOICES = "import_voices"


class Scope(StrEnum):
    """How far a role's action reaches."""

    OWN_WARD = "own_ward"
    OWN_OFFICE = "own_office"
    NEAR_OFFICE = "near_office"  # the own one and its neighbours
    OWN_TEAM = "own_team"
    OWN_RECEIVER = "own_receiver"  # what was shared with the own desk
    OWN_SUBMISSIONS = "own_submissions"
    ALL = "all"


class PersonView(StrEnum):
    """How much of the reporter somebody sees; a reveal is always written down."""

    NONE = "none"
    MASKED = "masked"
    REVEAL = "reveal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """
    Somebody who acts: a person, a system with a key, or the desk without sign-in.

    `receivers` are names of receiving desks as charts carry them. `category_groups`
    limits charts to groups of the catalogue (防犯・照明 …); empty for all. `granted`
    holds actions beside those of the roles, with no limit of place: a key's. `client`
    is the name under which a system hands in; `is_everywhere` lifts every scope.
    """

    id: str
    name: str
    roles: frozenset[Role]
    ward_codes: frozenset[str] = frozenset()
    office_ids: frozenset[str] = frozenset()
    team_ids: frozenset[str] = frozenset()
    receivers: frozenset[str] = frozenset()
    category_groups: frozenset[str] = frozenset()
    granted: frozenset[Action] = frozenset()
    client: str = ""
    is_everywhere: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """
    What an action touches: whose ward, office, team, desk; each may be unknown.

    `neighbour_ids` are the offices next to `office_id`.
    """

    ward_code: str | None = None
    office_id: str | None = None
    neighbour_ids: frozenset[str] = frozenset()
    team_ids: frozenset[str] = frozenset()
    receivers: frozenset[str] = frozenset()
    category_group: str | None = None
    client: str | None = None


def _each(scope: Scope, *actions: Action) -> dict[Action, Scope]:
    return dict.fromkeys(actions, scope)


_OFFICER = _each(
    Scope.OWN_WARD,
    Action.READ_BOARD,
    Action.READ_CHART,
    Action.READ_MAP,
    Action.READ_NOTICES,
    Action.COMMENT,
    Action.TRANSITION,
    Action.TRIAGE,
    Action.SETTLE_PLACE,
    Action.SPLIT_MERGE,
    Action.ADD_PHOTO,
    Action.REFER,
    Action.ANSWER,
    Action.REVEAL_PERSON,
    Action.SEARCH_PHONE,
    Action.READ_STATISTICS,
    Action.EXPORT,
    Action.IMPORT_VOICES,
) | _each(
    # A call about another ward is taken too; the chart then goes to that ward.
    Scope.ALL,
    Action.CREATE_CONSULTATION,
    Action.LOCATE,
    Action.OFFER_SLOT,
    Action.READ_CLOSURES,
)

# The one table. Its rows are the proposal of the design's "who sees what".
GRANTS: Mapping[Role, Mapping[Action, Scope]] = MappingProxyType(
    {
        Role.WARD_OFFICER: _OFFICER,
        Role.WARD_SUPERVISOR: {
            action: scope
            for action, scope in _OFFICER.items()
            if action is not Action.REVEAL_PERSON
        }
        | _each(Scope.OWN_WARD, Action.ASSIGN),
        Role.SAFETY_OFFICER: _each(
            Scope.OWN_WARD,
            Action.READ_BOARD,
            Action.READ_CHART,
            Action.READ_MAP,
            Action.COMMENT,
            Action.ADD_PHOTO,
        )
        | _each(Scope.ALL, Action.CREATE_CONSULTATION, Action.LOCATE),
        Role.TECHNICAL_ADVISER: _each(
            Scope.OWN_WARD,
            Action.READ_BOARD,
            Action.READ_CHART,
            Action.READ_MAP,
            Action.TRIAGE,
            Action.COMMENT,
            Action.ADD_PHOTO,
        ),
        Role.DISPATCHER: _each(
            Scope.OWN_OFFICE,
            Action.COMMENT,
            Action.TRANSITION,
            Action.TRIAGE,
            Action.ASSIGN,
            Action.PLAN,
            Action.PUBLISH,
            Action.PRINT_SHEET,
            Action.RECORD_RESULT,
            Action.STATE_CONDITIONS,
            Action.SETTLE_PLACE,
            Action.SPLIT_MERGE,
            Action.ADD_PHOTO,
            Action.REFER,
            Action.ACCEPT_TRANSFER,
            Action.ANSWER,
            Action.REVEAL_PERSON,
            Action.SEARCH_PHONE,
        )
        | _each(
            Scope.NEAR_OFFICE,
            Action.READ_BOARD,
            Action.READ_CHART,
            Action.READ_MAP,
            Action.READ_PLAN,
            Action.READ_ROUTE,
            Action.READ_NOTICES,
            Action.READ_STATISTICS,
            Action.EXPORT,
        )
        | _each(
            Scope.ALL,
            Action.CREATE_CONSULTATION,
            Action.LOCATE,
            Action.OFFER_SLOT,
            Action.READ_CLOSURES,
            Action.CLOSE_ROAD,
        ),
        Role.TEAM: _each(
            Scope.OWN_TEAM, Action.READ_CHART, Action.RECORD_RESULT, Action.ADD_PHOTO
        )
        | _each(Scope.OWN_OFFICE, Action.READ_ROUTE)
        | _each(Scope.ALL, Action.READ_CLOSURES),
        Role.PARTNER: _each(
            Scope.OWN_RECEIVER,
            Action.READ_BOARD,
            Action.READ_CHART,
            Action.READ_NOTICES,
            Action.COMMENT,
            Action.ADD_PHOTO,
            Action.ACCEPT_TRANSFER,
            Action.ANSWER,
        ),
        Role.PUBLIC_HEARING: _each(
            Scope.ALL,
            Action.READ_BOARD,
            Action.READ_CHART,
            Action.READ_MAP,
            Action.READ_NOTICES,
            Action.PUBLISH_ANSWER,
            Action.READ_STATISTICS,
            Action.EXPORT,
            Action.IMPORT_VOICES,
        ),
        Role.AUDITOR: _each(Scope.ALL, Action.READ_AUDIT),
        Role.ADMINISTRATOR: _each(
            Scope.ALL,
            Action.MANAGE_ACCOUNTS,
            Action.MANAGE_WEBHOOKS,
            Action.MANAGE_ORGANISATION,
            Action.READ_AUDIT,
            Action.ERASE_PERSON,
        ),
        Role.INTAKE_SYSTEM: _each(
            Scope.ALL, Action.CREATE_CONSULTATION, Action.LOCATE, Action.OFFER_SLOT
        )
        | _each(Scope.OWN_SUBMISSIONS, Action.READ_CHART),
    }
)

# How much of the reporter each role sees of a chart that it may read, and whether
# only of somebody who asked to be contacted.
PERSON_VIEWS: Mapping[Role, tuple[PersonView, bool]] = MappingProxyType(
    {
        Role.WARD_OFFICER: (PersonView.REVEAL, True),
        Role.WARD_SUPERVISOR: (PersonView.MASKED, False),
        Role.SAFETY_OFFICER: (PersonView.NONE, False),
        Role.TECHNICAL_ADVISER: (PersonView.NONE, False),
        Role.DISPATCHER: (PersonView.REVEAL, False),
        Role.TEAM: (PersonView.MASKED, True),
        Role.PARTNER: (PersonView.MASKED, False),
        Role.PUBLIC_HEARING: (PersonView.NONE, False),
        Role.AUDITOR: (PersonView.NONE, False),
        Role.ADMINISTRATOR: (PersonView.NONE, False),
        Role.INTAKE_SYSTEM: (PersonView.NONE, False),
    }
)
_VIEW_ORDER = tuple(PersonView)  # from nothing to everything


def may(actor: Actor, action: Action, where: Where | None = None) -> bool:
    """
    Whether somebody may do something.

    Parameters
    ----------
    actor
        Who.
    action
        What.
    where
        What it touches. None asks whether they may do it anywhere at all: what a
        list then shows is for the list to limit.
    """
    if action in actor.granted:
        return True
    scopes = scopes_of(actor, action)
    if where is None or actor.is_everywhere:
        return bool(scopes)
    group = where.category_group
    if actor.category_groups and group not in {None, *actor.category_groups}:
        return False
    return any(_reaches(scope, actor, where) for scope in scopes)


def scopes_of(actor: Actor, action: Action) -> frozenset[Scope]:
    """How far somebody's roles let an action reach; empty when not at all."""
    return frozenset(
        GRANTS[role][action] for role in actor.roles if action in GRANTS[role]
    )


def is_unlimited(actor: Actor, action: Action) -> bool:
    """Whether somebody may do something everywhere, so that nothing need be read."""
    if action in actor.granted:
        return True
    scopes = scopes_of(actor, action)
    if actor.is_everywhere:
        return bool(scopes)
    return Scope.ALL in scopes and not actor.category_groups


def roles_that_may(action: Action) -> tuple[Role, ...]:
    """Roles to ask for an action, for those who are refused."""
    return tuple(role for role in Role if action in GRANTS[role])


def _reaches(scope: Scope, actor: Actor, where: Where) -> bool:
    """Whether a scope of somebody's holds what an action touches."""
    near = {where.office_id, *where.neighbour_ids}
    # What has no ward or office yet waits for anybody to place and assign it.
    reached = {
        Scope.ALL: True,
        Scope.OWN_WARD: where.ward_code in {None, *actor.ward_codes},
        Scope.OWN_OFFICE: where.office_id in {None, *actor.office_ids},
        Scope.NEAR_OFFICE: where.office_id is None or bool(near & actor.office_ids),
        Scope.OWN_TEAM: bool(where.team_ids & actor.team_ids),
        Scope.OWN_RECEIVER: bool(where.receivers & actor.receivers),
        Scope.OWN_SUBMISSIONS: bool(actor.client) and where.client == actor.client,
    }
    return reached[scope]


def where_of(
    chart: CaseChart,
    *,
    neighbours: Mapping[str, Iterable[str]],
    category_group: str | None = None,
    team_ids: Iterable[str] = (),
) -> Where:
    """
    Say what an action on a chart touches.

    Parameters
    ----------
    chart
        The chart.
    neighbours
        Offices next to each office.
    category_group
        Group of its category in the catalogue.
    team_ids
        Teams that visit it by the plan in force, beside the one it is assigned to.
    """
    assigned = chart.assignment
    office_id = assigned.office_id if assigned is not None else None
    teams = {assigned.team_id} if assigned is not None and assigned.team_id else set()
    desks = {chart.receiver, *chart.partners} - {""}
    return Where(
        ward_code=chart.ward_code if chart.placement else chart.ward_code or None,
        office_id=office_id,
        neighbour_ids=frozenset(neighbours.get(office_id or "", ())),
        team_ids=frozenset({*teams, *team_ids}),
        receivers=frozenset(desks),
        category_group=category_group,
        client=chart.consultation.source or None,
    )


def sees_person(actor: Actor, chart: CaseChart, where: Where) -> PersonView:
    """
    How much of a chart's reporter somebody may see.

    Nothing of a chart that they may not read; otherwise the most that one of their
    roles sees. What is revealed is written down by whoever reveals it.
    """
    if not may(actor, Action.READ_CHART, where):
        return PersonView.NONE
    wanted = chart.consultation.contact_wanted
    views = [
        view
        for view, only_wanted in map(PERSON_VIEWS.__getitem__, actor.roles)
        if wanted or not only_wanted
    ]
    if Action.REVEAL_PERSON in actor.granted:
        views.append(PersonView.REVEAL)
    return max(views, key=_VIEW_ORDER.index, default=PersonView.NONE)
