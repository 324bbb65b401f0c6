"""Monthly numbers (統計): page, CSV, XLSX and API, the same for any past day."""

from __future__ import annotations

from dataclasses import asdict
from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from api.dependencies import ClientDep, ServicesDep
from api.numbers_files import (
    DIMENSION_TEXT,
    as_csv,
    as_xlsx,
    hand_over_table,
    table_of,
)
from api.numbers_view import asked_for, counted, names_of
from api.pages import page
from api.routes.answers import BAD_FIELD, NO_KEY
from dispatch.domain.statistics import Dimension

router = APIRouter()
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("/numbers", include_in_schema=False)
def show(
    request: Request,
    services: ServicesDep,
    month: str = "",
    by: str = "",
    as_of: str = "",
) -> HTMLResponse:
    """Numbers of a month as a table."""
    asked = asked_for(services, month, by, as_of)
    numbers = counted(services, asked)
    names = names_of(services, asked.dimension)
    offices = names_of(services, Dimension.OFFICE)
    return page(
        request,
        "numbers.html",
        {
            "tab": "numbers",
            "asked": asked,
            "rows": table_of(numbers, names),
            "hand_overs": hand_over_table(numbers, offices),
            "dimensions": DIMENSION_TEXT,
        },
    )


@router.get("/numbers.csv", include_in_schema=False)
def show_csv(
    services: ServicesDep,
    month: str = "",
    by: str = "",
    as_of: str = "",
    table: Literal["", "hand_overs"] = "",
) -> Response:
    """Return the same numbers for Excel, or the hand-overs."""
    asked = asked_for(services, month, by, as_of)
    numbers = counted(services, asked)
    if table:
        rows = hand_over_table(numbers, names_of(services, Dimension.OFFICE))
    else:
        rows = table_of(numbers, names_of(services, asked.dimension))
    name = f"{table or 'numbers'}.csv"
    return _file(as_csv(rows), "text/csv; charset=utf-8", name)


@router.get("/numbers.xlsx", include_in_schema=False)
def show_xlsx(
    services: ServicesDep, month: str = "", by: str = "", as_of: str = ""
) -> Response:
    """Return the same numbers as a workbook, with the hand-overs on a second sheet."""
    asked = asked_for(services, month, by, as_of)
    numbers = counted(services, asked)
    offices = names_of(services, Dimension.OFFICE)
    book = as_xlsx(
        {
            f"{asked.month:%Y-%m}": table_of(
                numbers, names_of(services, asked.dimension)
            ),
            "移管": hand_over_table(numbers, offices),
        }
    )
    return _file(book, XLSX, "numbers.xlsx")


def _file(content: bytes, media_type: str, name: str) -> Response:
    disposition = f'attachment; filename="{name}"'
    return Response(
        content, media_type=media_type, headers={"Content-Disposition": disposition}
    )


class HandOverOut(BaseModel):
    """What a pair of holders passed on in the month, and what is there at the end."""

    sender: str = Field(description="office id or receiver; empty for the reception")
    receiver: str
    sent: int
    returned: int
    held: int = Field(description="with the receiver at the end of the day")
    oldest_days: int


class NumbersOut(BaseModel):
    """A table of numbers: names of its columns, rows, and the last row's total."""

    month: str
    as_of: str
    by: Dimension
    columns: list[str]
    rows: list[list[str | int | float | None]]
    hand_overs: list[HandOverOut]


@router.get("/v1/numbers", tags=["numbers"], responses={**NO_KEY, **BAD_FIELD})
def numbers(
    client: ClientDep,
    services: ServicesDep,
    month: str = "",
    by: str = "",
    as_of: str = "",
) -> NumbersOut:
    """Return the numbers of a month, as they were known on a day."""
    del client
    asked = asked_for(services, month, by, as_of)
    counts = counted(services, asked)
    head, *rows = table_of(counts, names_of(services, asked.dimension))
    return NumbersOut(
        month=f"{asked.month:%Y-%m}",
        as_of=str(asked.as_of),
        by=asked.dimension,
        columns=[str(name) for name in head],
        rows=[list(row) for row in rows],
        hand_overs=[HandOverOut(**asdict(one)) for one in counts.hand_overs],
    )
