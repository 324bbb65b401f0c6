"""Records of how plans were found: hashes of the input, versions, and what differs."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from dispatch.adapters.problem_codec import day_json, travel_json
from dispatch.ports import PlanRecord, SearchParams, WorkStep
from dispatch.prepared_day import PreparedDay

# What the bytes of a plan depend on.
SEARCHERS = ("kidohan", "numpy", "ortools", "numba", "scipy")
PACKAGE = Path(__file__).parents[1]
HASH_DIGITS = 12  # enough to tell our own states apart


def recorded(
    day: PreparedDay, params: SearchParams, work: tuple[WorkStep, ...]
) -> tuple[PlanRecord, str]:
    """
    Make the record of a plan, and the text of its input to be stored beside it.

    Parameters
    ----------
    day
        What the plan was made from.
    params, work
        The limits of the search, and what it told that it had done.
    """
    text = day_json(day)
    record = PlanRecord(
        problem_sha256=_sha256(text.encode()),
        matrix_sha256=_sha256(travel_json(day.problem.travel)),
        params=params,
        work=work,
        versions=versions(),
    )
    return record, text


@cache
def versions() -> Mapping[str, str]:
    """Versions of what searches; `code` is a fingerprint of our own, edits told too."""
    found = {"python": platform.python_version(), "code": _code_sha256()}
    for name in SEARCHERS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # a checkout that was never installed
            found[name] = ""
    return found


def differences(then: PlanRecord, now: PlanRecord) -> tuple[str, ...]:
    """Say what is not as it was, versions first; empty when all is the same."""
    told = [
        f"{name}: {then.versions.get(name, '—')} → {now.versions.get(name, '—')}"
        for name in sorted({*then.versions, *now.versions})
        if then.versions.get(name) != now.versions.get(name)
    ]
    pairs = {
        "所要時間行列": (then.matrix_sha256, now.matrix_sha256),
        "計画条件": (then.problem_sha256, now.problem_sha256),
    }
    for name, (was, is_now) in pairs.items():
        if was != is_now:
            told.append(f"{name}: {was[:HASH_DIGITS]}… → {is_now[:HASH_DIGITS]}…")
    if then.work != now.work:
        told.append("探索の仕事量が違います")
    return tuple(told)


def _code_sha256() -> str:
    digest = hashlib.sha256()
    for file in sorted(PACKAGE.rglob("*.py")):
        digest.update(file.relative_to(PACKAGE).as_posix().encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:HASH_DIGITS]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
