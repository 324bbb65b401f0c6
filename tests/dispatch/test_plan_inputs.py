"""Inputs of plans in the store: kept with their plan, and old plans still load."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from alembic import command
from sqlalchemy import Engine, insert, inspect, select
from sqlalchemy.exc import DatabaseError

from dispatch.adapters.database import (
    alembic_config,
    connect,
    open_database,
    reading,
    writing,
)
from dispatch.adapters.plan_record import recorded
from dispatch.adapters.problem_codec import day_of_json
from dispatch.adapters.sql_store import SqlStore
from dispatch.adapters.tables import plan_inputs, plans
from dispatch.ports import SearchParams, WorkStep
from tests.builders import DAY, catalogue, moment
from tests.dispatch.test_codec import OLD
from tests.dispatch.test_sql_store import stored_plan
from tests.full_day import full_day

WORK = (WorkStep(name="exact 1", counts=(3,)),)


def test_a_plan_is_stored_with_its_input_and_its_record(
    store: SqlStore, engine: Engine
) -> None:
    record, text = recorded(full_day(), SearchParams(work=WORK), WORK)
    plan = replace(stored_plan("p1"), record=record)
    added = store.add_plan(plan, text)
    assert store.get_plan("p1") == added
    assert store.get_plan("p1").record == record
    kept = store.problem_of("p1")
    assert kept == text
    assert day_of_json(kept).names == full_day().names
    with reading(engine) as connection:
        packed = connection.execute(select(plan_inputs.c.problem)).scalar_one()
    assert len(packed) < len(text) / 2


def test_a_plan_without_an_input_has_none(store: SqlStore) -> None:
    store.add_plan(stored_plan("p1"))
    assert store.problem_of("p1") is None
    assert store.problem_of("nothing") is None


def test_an_input_that_cannot_be_stored_takes_its_plan_with_it(
    store: SqlStore, engine: Engine
) -> None:
    plan_inputs.drop(engine)
    with pytest.raises(DatabaseError):
        store.add_plan(stored_plan("p1"), "{}")
    assert store.plans_on(DAY) == []


def test_plans_stored_before_there_were_inputs_load_after_the_migration(
    empty_database_url: str,
) -> None:
    engine = connect(empty_database_url)
    with writing(engine) as connection:
        command.upgrade(alembic_config(connection), "0003")
        old = {
            "id": OLD["id"],
            "date": DAY,
            "version": 1,
            "status": "published",
            "made_at": moment("8:00"),
            "made_by": "配車係",
            "body": json.dumps(OLD),
        }
        connection.execute(insert(plans).values(**old))
    engine.dispose()
    opened = open_database(empty_database_url)
    store = SqlStore(opened, catalogue())
    plan = store.in_force(DAY)
    assert plan is not None
    assert (plan.record, plan.plan.score.team_districts) == (None, 0)
    assert store.problem_of(plan.id) is None
    assert "plan_inputs" in inspect(opened).get_table_names()
    opened.dispose()
