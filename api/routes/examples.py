"""The library of case examples (相談事例): search, make, take away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, Field

from api.acting import acting
from api.closure_view import plain_cell
from api.dependencies import ClientDep, PicturesDep, ServicesDep, WhoDep
from api.numbers_files import as_csv
from api.pages import page
from api.pictures import Pictures
from api.routes.answers import BAD_FIELD, NO_KEY
from api.wiring import Services
from dispatch.domain.consultation import MAX_DESCRIPTION
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.example import Example, ExampleDraft

router = APIRouter()
SEE_OTHER = 303
Words = Annotated[str, Query(max_length=100)]
Code = Annotated[str, Query(max_length=16)]
DRAFT_TEXT = {
    "question": "相談の内容",
    "action": "したこと",
    "answer": "答えたこと",
    "lesson": "次に生かすこと",
}
HEADINGS = ("分類", "区", *DRAFT_TEXT.values(), "登録日")


@router.get("/examples", include_in_schema=False)
def listed(
    request: Request,
    services: ServicesDep,
    pictures: PicturesDep,
    q: Words = "",
    category: Code = "",
    ward: Code = "",
) -> HTMLResponse:
    """Examples that hold all words, of a category and a ward."""
    found = services.examples.found(q, category_code=category, ward_code=ward)
    values = {
        "tab": "examples",
        "pictures": pictures,
        "found": found,
        "q": q,
        "category": category,
        "ward": ward,
        "names": {one.code: one.name for one in services.profile.catalogue.categories},
        "labels": DRAFT_TEXT,
        "query": request.url.query,
    }
    return page(request, "examples.html", values)


@router.get("/examples.csv", include_in_schema=False)
def listed_csv(
    services: ServicesDep,
    pictures: PicturesDep,
    q: Words = "",
    category: Code = "",
    ward: Code = "",
) -> Response:
    """Return the same examples for Excel."""
    found = services.examples.found(q, category_code=category, ward_code=ward)
    return Response(
        as_csv(_table(services, pictures, found)),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="examples.csv"'},
    )


def _table(
    services: Services, pictures: Pictures, found: Sequence[Example]
) -> list[tuple[str, ...]]:
    catalogue, zone = services.profile.catalogue, services.profile.timezone
    return [
        HEADINGS,
        *(
            (
                catalogue.get(one.category_code).name,
                pictures.ward_name(one.ward_code),
                *(plain_cell(text) for _, text in one.draft.texts()),
                one.at.astimezone(zone).date().isoformat(),
            )
            for one in found
        ),
    ]


@router.get("/charts/{chart_id}/example", include_in_schema=False)
def new(request: Request, services: ServicesDep, chart_id: str) -> HTMLResponse:
    """Form for an example of a closed chart."""
    return _form(request, services, chart_id, {})


class ExampleForm(BaseModel):
    """An example as it was typed."""

    question: str = Field("", max_length=2 * MAX_DESCRIPTION)
    action: str = Field("", max_length=2 * MAX_DESCRIPTION)
    answer: str = Field("", max_length=2 * MAX_DESCRIPTION)
    lesson: str = Field("", max_length=2 * MAX_DESCRIPTION)
    confirmed: str = Field("", max_length=1)
    who: str = Field("", max_length=60)

    def texts(self) -> dict[str, str]:
        """Texts by the name of their field, without blanks around them."""
        return {name: str(getattr(self, name)).strip() for name in DRAFT_TEXT}


@router.post("/charts/{chart_id}/example", include_in_schema=False)
def make(
    request: Request,
    services: ServicesDep,
    chart_id: str,
    form: Annotated[ExampleForm, Form()],
) -> Response:
    """Put an example into the library; what was typed comes back with an error."""
    texts, who = form.texts(), acting(request, form.who)
    try:
        draft = ExampleDraft(**texts)
        services.examples.make(
            chart_id, draft, who=who, is_confirmed=form.confirmed == "1"
        )
    except InvalidInputError as problem:
        return _form(request, services, chart_id, texts, problem)
    code = services.store.get(chart_id).category_code
    return RedirectResponse(f"/examples?category={code}", SEE_OTHER)


def _form(
    request: Request,
    services: Services,
    chart_id: str,
    typed: dict[str, str],
    problem: InvalidInputError | None = None,
) -> HTMLResponse:
    chart = services.store.get(chart_id)
    values = {
        "tab": "examples",
        "chart": chart,
        "category": services.profile.catalogue.get(chart.category_code),
        "there": services.examples.of_chart(chart_id),
        "labels": DRAFT_TEXT,
        "typed": typed,
        "problem": problem,
        "max_text": MAX_DESCRIPTION,
    }
    return page(request, "example_new.html", values, status=422 if problem else 200)


@router.post("/examples/{example_id}/remove", include_in_schema=False)
def remove(
    services: ServicesDep,
    example_id: str,
    who: WhoDep,
    why: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Take an example out of the library."""
    services.examples.remove(example_id, who=who, why=why)
    return RedirectResponse("/examples", SEE_OTHER)


class ExampleOut(BaseModel):
    """An example; nothing in it tells of a person."""

    id: str
    category: str
    ward_code: str
    question: str
    action: str
    answer: str
    lesson: str

    @classmethod
    def from_domain(cls, one: Example) -> ExampleOut:
        """Build it from an example."""
        return cls(
            id=one.id,
            category=one.category_code,
            ward_code=one.ward_code,
            **dict(one.draft.texts()),
        )


@router.get("/v1/examples", tags=["examples"], responses={**NO_KEY, **BAD_FIELD})
def found(
    client: ClientDep,
    services: ServicesDep,
    q: Words = "",
    category: Code = "",
    ward: Code = "",
) -> list[ExampleOut]:
    """Return examples that hold all words, of a category and ward, the newest first."""
    del client
    hits = services.examples.found(q, category_code=category, ward_code=ward)
    return [ExampleOut.from_domain(one) for one in hits]
