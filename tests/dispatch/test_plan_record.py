"""Records of plans: equal inputs have equal hashes, and what changed is named."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from dispatch.adapters import plan_record
from dispatch.adapters.plan_record import differences, recorded, versions
from dispatch.adapters.problem_codec import alone, day_json
from dispatch.ports import PlanRecord, SearchParams, WorkStep
from tests.builders import day_problem, visit
from tests.full_day import full_day

PARAMS = SearchParams(seed=7)
WORK = (WorkStep(name="exact 1", counts=(10, 20)),)


def record(far_min: int = 5, **overrides: object) -> PlanRecord:
    made, _ = recorded(alone(day_problem([(visit("a"), far_min)])), PARAMS, WORK)
    return replace(made, **overrides)  # type: ignore[arg-type]


def test_the_record_holds_the_hash_of_the_text_that_is_stored_beside_it() -> None:
    made, text = recorded(full_day(), PARAMS, WORK)
    assert text == day_json(full_day())
    assert made.problem_sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert (made.params, made.work) == (PARAMS, WORK)


def test_versions_tell_python_the_libraries_and_our_own_code() -> None:
    told = versions()
    assert set(told) == {
        "python",
        "code",
        "kidohan",
        "numpy",
        "ortools",
        "numba",
        "scipy",
    }
    assert len(told["code"]) == 12
    assert told["numpy"]


def test_a_library_that_is_not_there_has_no_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plan_record, "SEARCHERS", ("no-such-library",))
    assert versions.__wrapped__()["no-such-library"] == ""


def test_the_same_search_of_the_same_day_has_no_differences() -> None:
    assert differences(record(), record()) == ()


def test_versions_are_named_before_the_matrix_and_the_matrix_before_the_work() -> None:
    then = record(versions={"numpy": "1.0", "gone": "2"})
    now = record(far_min=6, versions={"numpy": "1.1", "new": "3"}, work=())
    told = differences(then, now)
    assert told[:3] == ("gone: 2 → —", "new: — → 3", "numpy: 1.0 → 1.1")
    assert [line.split(":")[0] for line in told[3:]] == [
        "所要時間行列",
        "計画条件",
        "探索の仕事量が違います",
    ]


def test_another_visit_on_the_same_roads_changes_the_problem_and_not_the_matrix() -> (
    None
):
    now, _ = recorded(alone(day_problem([(visit("b"), 5)])), PARAMS, WORK)
    (told,) = differences(record(), now)
    assert told.startswith("計画条件: ")
