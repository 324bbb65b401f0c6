"""What people do on a chart's page: acts, field results, answers, pauses, comments."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from api.acting import acting
from api.dependencies import ServicesDep, WhoDep
from dispatch.domain.answer import Answer, AnswerKind
from dispatch.domain.consultation import MAX_DESCRIPTION, MAX_LINE, ContactMethod
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.field_result import MAX_MINUTES, FieldResult, UsedMaterial
from dispatch.domain.life_cycle import Act
from dispatch.domain.outcome import Outcome

router = APIRouter(include_in_schema=False)
SEE_OTHER = 303
Version = Annotated[int, Form()]
Why = Annotated[str, Form(max_length=MAX_LINE)]


def _back(chart_id: str, part: str = "") -> Response:
    anchor = f"#{part}" if part else ""
    return RedirectResponse(f"/charts/{chart_id}{anchor}", status_code=SEE_OTHER)


@router.post("/charts/{chart_id}/acts")
def act(
    chart_id: str,
    services: ServicesDep,
    version: Version,
    act: Annotated[Act, Form()],
    who: WhoDep,
    why: Why = "",
) -> Response:
    """Move the chart by a person's word."""
    services.life_cycle.act(chart_id, version, act, who=who, why=why.strip())
    return _back(chart_id)


@router.post("/charts/{chart_id}/comments")
def comment(
    chart_id: str,
    services: ServicesDep,
    version: Version,
    who: WhoDep,
    text: Annotated[str, Form(max_length=MAX_LINE)],
) -> Response:
    """Write a line into the history."""
    services.life_cycle.comment(chart_id, version, text, who=who)
    return _back(chart_id, "history")


@router.post("/charts/{chart_id}/pauses")
def pause(
    chart_id: str,
    services: ServicesDep,
    version: Version,
    who: WhoDep,
    why: Why = "",
) -> Response:
    """Stop the clocks, or let them run on when they stand still."""
    desk = services.life_cycle
    stands_still = services.store.get(chart_id).is_paused
    change = desk.resume if stands_still else desk.pause
    change(chart_id, version, who=who, why=why)
    return _back(chart_id, "clocks")


class ResultForm(BaseModel):
    """What a team found and did, as typed from its sheet."""

    version: int
    outcome: Outcome
    who: str = Field("", max_length=60)
    note: str = Field("", max_length=MAX_LINE)
    minutes: str = Field("", max_length=8)
    materials: str = Field("", max_length=1000)
    cause: str = Field("", max_length=MAX_LINE)
    occupant: str = Field("", max_length=MAX_LINE)
    contract_no: str = Field("", max_length=MAX_LINE)
    next_on: str = Field("", max_length=10)


@router.post("/charts/{chart_id}/outcome")
def record_result(
    request: Request,
    chart_id: str,
    services: ServicesDep,
    form: Annotated[ResultForm, Form()],
) -> Response:
    """Write down what the team found and did."""
    result = FieldResult(
        at=services.clock.now(),
        who=acting(request, form.who),
        outcome=form.outcome,
        minutes=_minutes(form.minutes),
        materials=_materials(form.materials),
        cause=form.cause.strip(),
        occupant=form.occupant.strip(),
        contract_no=form.contract_no.strip(),
        next_on=_day(form.next_on),
        note=form.note.strip(),
    )
    services.life_cycle.record_result(chart_id, form.version, result)
    return _back(chart_id)


def _minutes(text: str) -> int | None:
    if not text.strip():
        return None
    try:
        return int(text)
    except ValueError:
        problem = f"分を 0 から {MAX_MINUTES:,} までの数で入れてください"
        raise InvalidInputError("minutes", problem) from None


def _day(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if text.strip() else None
    except ValueError:
        raise InvalidInputError("next_on", "日付を読めません") from None


def _materials(text: str) -> tuple[UsedMaterial, ...]:
    """Read one material a line, its amount behind the last space or colon."""
    used = []
    for line in filter(str.strip, text.splitlines()):
        name, _, amount = line.replace(":", " ").replace(":", " ").rpartition(" ")
        try:
            used.append(UsedMaterial(name=name.strip(), amount=float(amount)))
        except ValueError:
            problem = "材料は1行に1つ、「常温合材20kg袋 2」のように入れてください"
            raise InvalidInputError("materials", problem) from None
    return tuple(used)


class AnswerForm(BaseModel):
    """What the resident was told."""

    version: int
    method: ContactMethod
    kind: AnswerKind
    text: str = Field(max_length=MAX_DESCRIPTION)
    who: str = Field("", max_length=60)
    interim: str = Field("", max_length=1)
    also_merged: str = Field("", max_length=1)


@router.post("/charts/{chart_id}/answers")
def answer(
    request: Request,
    chart_id: str,
    services: ServicesDep,
    form: Annotated[AnswerForm, Form()],
) -> Response:
    """Record what the resident was told, or that it takes longer."""
    told = Answer(
        at=services.clock.now(),
        who=acting(request, form.who),
        method=form.method,
        kind=form.kind,
        text=form.text,
        interim=form.interim == "1",
    )
    services.life_cycle.answer(chart_id, form.version, told)
    if form.also_merged == "1" and not told.interim:
        services.cases.merges.answer_merged(chart_id, who=told.who)
    return _back(chart_id, "answers")


@router.post("/charts/{chart_id}/summary")
def publish_answer(
    chart_id: str,
    services: ServicesDep,
    version: Version,
    who: WhoDep,
    summary: Annotated[str, Form(max_length=MAX_DESCRIPTION)],
) -> Response:
    """Publish the last answer in a summary."""
    services.life_cycle.publish_answer(chart_id, version, summary, who=who)
    return _back(chart_id, "answers")
