"""Who sees how much of a reporter, and how far actions reach."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dispatch.domain.access import (
    GRANTS,
    PERSON_VIEWS,
    Action,
    Actor,
    PersonView,
    Role,
    Where,
    is_unlimited,
    may,
    roles_that_may,
    sees_person,
    where_of,
)
from tests.builders import chart

HERE = Where(
    ward_code="27122",
    office_id="tsumori",
    neighbour_ids=frozenset({"ichioka"}),
    team_ids=frozenset({"tsumori-1"}),
    receivers=frozenset({"公園事務所"}),
    client="uketsuke",
)


def actor(*roles: Role, **scopes: object) -> Actor:
    own = {
        "ward_codes": frozenset({"27122"}),
        "office_ids": frozenset({"tsumori"}),
        "team_ids": frozenset({"tsumori-1"}),
        "receivers": frozenset({"公園事務所"}),
        "client": "uketsuke",
    }
    return Actor(id="1", name="試験", roles=frozenset(roles), **{**own, **scopes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("role", "wanted", "unwanted"),
    [
        (Role.WARD_OFFICER, PersonView.REVEAL, PersonView.NONE),
        (Role.WARD_SUPERVISOR, PersonView.MASKED, PersonView.MASKED),
        (Role.SAFETY_OFFICER, PersonView.NONE, PersonView.NONE),
        (Role.TECHNICAL_ADVISER, PersonView.NONE, PersonView.NONE),
        (Role.DISPATCHER, PersonView.REVEAL, PersonView.REVEAL),
        (Role.TEAM, PersonView.MASKED, PersonView.NONE),
        (Role.PARTNER, PersonView.MASKED, PersonView.MASKED),
        (Role.PUBLIC_HEARING, PersonView.NONE, PersonView.NONE),
        (Role.AUDITOR, PersonView.NONE, PersonView.NONE),
        (Role.ADMINISTRATOR, PersonView.NONE, PersonView.NONE),
        (Role.INTAKE_SYSTEM, PersonView.NONE, PersonView.NONE),
    ],
)
def test_each_role_sees_of_a_person_what_the_design_says(
    role: Role, wanted: PersonView, unwanted: PersonView
) -> None:
    given = chart()
    said = replace(given.consultation, contact_wanted=True)
    assert sees_person(actor(role), replace(given, consultation=said), HERE) is wanted
    said = replace(said, contact_wanted=False)
    assert sees_person(actor(role), replace(given, consultation=said), HERE) is unwanted


def test_of_several_roles_the_one_that_sees_most_counts() -> None:
    both = actor(Role.TECHNICAL_ADVISER, Role.WARD_SUPERVISOR)
    assert sees_person(both, chart(), HERE) is PersonView.MASKED


def test_nothing_is_seen_of_a_chart_that_may_not_be_read() -> None:
    elsewhere = actor(Role.DISPATCHER, office_ids=frozenset({"juso"}))
    assert sees_person(elsewhere, chart(), HERE) is PersonView.NONE


def test_a_granted_reveal_shows_everything() -> None:
    granted = frozenset({Action.READ_CHART, Action.REVEAL_PERSON})
    assert sees_person(actor(granted=granted), chart(), HERE) is PersonView.REVEAL


def test_every_role_has_its_rows() -> None:
    assert set(GRANTS) == set(PERSON_VIEWS) == set(Role)


@pytest.mark.parametrize(
    ("role", "scopes"),
    [
        (Role.WARD_OFFICER, {"ward_codes": frozenset({"27127"})}),
        (Role.TEAM, {"team_ids": frozenset({"tsumori-2"})}),
        (Role.PARTNER, {"receivers": frozenset({"下水道"})}),
        (Role.INTAKE_SYSTEM, {"client": "another"}),
        (Role.INTAKE_SYSTEM, {"client": ""}),
    ],
)
def test_a_foreign_place_is_closed_and_the_own_one_open(
    role: Role, scopes: dict[str, object]
) -> None:
    assert may(actor(role), Action.READ_CHART, HERE)
    assert not may(actor(role, **scopes), Action.READ_CHART, HERE)
    assert may(actor(role, **scopes), Action.READ_CHART)  # a list limits itself


def test_what_has_no_place_yet_is_there_for_anybody_to_place() -> None:
    nowhere = Where()
    assert may(actor(Role.WARD_OFFICER), Action.SETTLE_PLACE, nowhere)
    assert may(actor(Role.DISPATCHER), Action.SETTLE_PLACE, nowhere)
    assert not may(actor(Role.PARTNER), Action.READ_CHART, nowhere)


def test_everywhere_lifts_the_scope_and_not_the_action() -> None:
    desk = actor(Role.WARD_OFFICER, is_everywhere=True, ward_codes=frozenset())
    assert may(desk, Action.READ_CHART, HERE)
    assert is_unlimited(desk, Action.READ_CHART)
    assert not may(desk, Action.MANAGE_ACCOUNTS, HERE)
    assert not is_unlimited(desk, Action.MANAGE_ACCOUNTS)


def test_a_refusal_can_name_whom_to_ask() -> None:
    assert roles_that_may(Action.CLOSE_ROAD) == (Role.DISPATCHER,)


def test_a_chart_touches_its_ward_office_team_and_desks() -> None:
    given = replace(chart(), receiver="公園事務所", partners=("下水道",))
    where = where_of(
        given, neighbours={"tsumori": ("ichioka",)}, team_ids=("tsumori-9",)
    )
    assert where.receivers == {"公園事務所", "下水道"}
    assert "tsumori-9" in where.team_ids
    bare = replace(given, assignment=None, placement=None, receiver="", partners=())
    assert where_of(bare, neighbours={}) == Where(client=where.client)
