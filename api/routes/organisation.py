"""The organisation of a chosen day (組織): offices, wards, officers, and the staff."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, File, Form, Request, Response, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse

from api.acting import ROLE_TEXT, acting
from api.dependencies import ServicesDep
from api.import_file import read_rows
from api.organisation_view import (
    CONFIDENCE_TEXT,
    PersonRow,
    district_rows,
    people_rows,
    staff_names,
    text_rows,
    units_by_kind,
    ward_rows,
)
from api.pages import day_of, page
from api.staff_file import (
    HEADINGS,
    StaffReport,
    as_csv,
    clock_s,
    day_of_text,
    first_after,
    role_of,
    take_in,
    weekdays_of,
)
from api.staff_form import ChargeForm, MoveForm, PersonForm, TurnForm
from api.wiring import Services
from dispatch.domain.errors import InvalidInputError, NotFoundError
from dispatch.domain.import_job import RowRefusal
from dispatch.domain.organisation import (
    STAFF_ROLES,
    Absence,
    Charge,
    Extra,
    Fact,
    Hours,
    Person,
    StandIn,
)
from dispatch.organisation_desk import NewFact

router = APIRouter(include_in_schema=False)
SEE_OTHER = 303
WORD = Annotated[str, Form(max_length=300)]


@router.get("/organisation")
def show(
    request: Request, services: ServicesDep, date: str = "", ward: str = ""
) -> HTMLResponse:
    """Offices, wards and people of a day; the districts of one ward beneath."""
    day = day_of(request, date)
    staff = services.organisation.book().on(day)
    chosen = next((one for one in services.profile.wards if one.code == ward), None)
    districts = district_rows(services, staff, ward) if chosen else []
    people = people_rows(services, staff)
    return page(
        request,
        "organisation.html",
        {
            "tab": "organisation",
            "day": day,
            "wards": ward_rows(services, staff),
            "units": units_by_kind(services, day),
            "chosen": chosen,
            "districts": districts,
            "num_people": len(people),
            "changed": [one for one in people if one.is_away or one.stands_for],
            "on_duty": services.organisation.on_duty(services.clock.now()),
            "confidence": CONFIDENCE_TEXT,
        },
    )


@router.get("/organisation/units/{unit_id}")
def unit(request: Request, services: ServicesDep, unit_id: str) -> HTMLResponse:
    """History of a unit: its shapes, what it came from and who took over."""
    units = services.organisation.rules.units
    shapes = units.history(unit_id)
    if not shapes:
        raise NotFoundError("unit", unit_id)
    day = services.clock.now().date()
    staff = services.organisation.book().on(day)
    return page(
        request,
        "organisation_unit.html",
        {
            "tab": "organisation",
            "shapes": shapes,
            "before": [
                one
                for shape in shapes
                for name in shape.predecessors
                for one in units.history(name)[:1]
            ],
            "after": units.successors(unit_id),
            "day": day,
            "wards": [
                (services.profile.ward_by_code(row.ward_code), row)
                for row in services.bundle.jurisdictions()
                if row.office_id == unit_id
            ],
            "people": [
                row
                for row in people_rows(services, staff)
                if any(
                    one.unit == unit_id for one in staff.charges_of(row.person.staff_id)
                )
            ],
            "confidence": CONFIDENCE_TEXT,
        },
    )


@router.get("/organisation/people")
def people(
    request: Request, services: ServicesDep, date: str = "", q: str = ""
) -> HTMLResponse:
    """Everybody on the staff on a day."""
    day = day_of(request, date)
    rows = people_rows(services, services.organisation.book().on(day))
    found = [row for row in rows if not q or _matches(row, q)]
    return page(
        request,
        "staff.html",
        {"tab": "organisation", "day": day, "rows": found, "q": q},
    )


def _matches(row: PersonRow, words: str) -> bool:
    texts = (row.person.staff_id, row.person.name, *row.charges)
    return any(words in text for text in texts)


@router.post("/organisation/people")
def add_person(
    request: Request, services: ServicesDep, form: Annotated[PersonForm, Form()]
) -> Response:
    """Add somebody to the staff."""
    person = Person(staff_id=form.staff_id.strip(), name=form.name.strip())
    new = NewFact(fact=person, valid_from=day_of_text("first_day", form.first_day))
    services.organisation.add(new, who=acting(request, form.who), why=form.why)
    return _to_person(person.staff_id)


@router.get("/organisation/people/{staff_id}")
def person(
    request: Request, services: ServicesDep, staff_id: str, ward: str | None = None
) -> HTMLResponse:
    """Show somebody with every row about them, and the forms for the next."""
    book = services.organisation.book()
    rows = book.of(staff_id)
    if not rows:
        raise NotFoundError("person", staff_id)
    day = services.clock.now().date()
    staff = book.on(day)
    names = staff_names(services, day)
    known = [row.fact for row in rows if isinstance(row.fact, Person)]
    return page(
        request,
        "staff_person.html",
        {
            "tab": "organisation",
            "staff_id": staff_id,
            "name": known[-1].name if known else staff_id,
            "rows": text_rows(services, rows, day),
            "is_away": staff_id in staff.away,
            "ward": _ward_for(staff.charges_of(staff_id)) if ward is None else ward,
            "districts": names.districts,
            "district_wards": names.district_wards,
            "teams": names.teams,
            "units": services.organisation.rules.units.on(day),
            "people": sorted(staff.people.values(), key=lambda one: one.staff_id),
            "roles": {str(role): ROLE_TEXT[role] for role in STAFF_ROLES},
            "day": day,
        },
    )


def _ward_for(charges: Sequence[Charge]) -> str:
    """Ward that somebody's next charge is most likely of."""
    return next((one.ward_code for one in charges if one.ward_code), "")


@router.post("/organisation/people/{staff_id}/charges")
def add_charge(
    request: Request,
    services: ServicesDep,
    staff_id: str,
    form: Annotated[ChargeForm, Form()],
) -> Response:
    """Charge somebody with a role in a unit."""
    charge = Charge(
        staff_id=staff_id,
        role=role_of(form.role),
        unit=form.unit.strip() or _ward_office(services, form),
        ward_code=form.ward,
        district_ids=tuple(form.districts),
        team_ids=tuple(form.teams),
    )
    return _added(request, services, charge, form)


def _ward_office(services: Services, form: ChargeForm) -> str:
    """Ward office of a charge that names no unit."""
    wards = services.profile.wards
    return next((one.office_name for one in wards if one.code == form.ward), "")


@router.post("/organisation/people/{staff_id}/stand-ins")
def add_stand_in(
    request: Request,
    services: ServicesDep,
    staff_id: str,
    form: Annotated[TurnForm, Form()],
) -> Response:
    """Let somebody stand in for another."""
    fact = StandIn(staff_id=staff_id, for_staff_id=form.for_staff_id.strip())
    return _added(request, services, fact, form)


@router.post("/organisation/people/{staff_id}/hours")
def add_hours(
    request: Request,
    services: ServicesDep,
    staff_id: str,
    form: Annotated[TurnForm, Form()],
) -> Response:
    """Give somebody working hours on days of the week."""
    fact = Hours(
        staff_id=staff_id,
        weekdays=weekdays_of("".join(form.weekdays)),
        start_s=clock_s("start", form.start),
        end_s=clock_s("end", form.end),
        on_holidays=form.holidays == "1",
    )
    return _added(request, services, fact, form)


@router.post("/organisation/people/{staff_id}/days")
def add_days(
    request: Request,
    services: ServicesDep,
    staff_id: str,
    form: Annotated[TurnForm, Form()],
) -> Response:
    """Note days on which somebody is away, or on duty besides when a time is given."""
    fact: Fact = Absence(staff_id=staff_id)
    if form.start or form.end:
        start_s, end_s = clock_s("start", form.start), clock_s("end", form.end)
        fact = Extra(staff_id=staff_id, start_s=start_s, end_s=end_s)
    last = form.last_day or form.first_day
    return _added(request, services, fact, form.model_copy(update={"last_day": last}))


def _added(
    request: Request,
    services: Services,
    fact: Fact,
    form: ChargeForm | TurnForm,
) -> Response:
    new = NewFact(
        fact=fact,
        valid_from=day_of_text("first_day", form.first_day),
        valid_to=first_after("last_day", form.last_day),
    )
    services.organisation.add(new, who=acting(request, form.who), why=form.why)
    return _to_person(fact.staff_id)


@router.post("/organisation/rows/{row_id}/end")
def end(
    request: Request,
    services: ServicesDep,
    row_id: str,
    form: Annotated[MoveForm, Form()],
) -> Response:
    """End a row: from the day on it no longer holds."""
    on, who = day_of_text("from_day", form.from_day), acting(request, form.who)
    row = services.organisation.end(row_id, on=on, who=who, why=form.why)
    return _to_person(row.fact.staff_id)


@router.post("/organisation/rows/{row_id}/hand-over")
def hand_over(
    request: Request,
    services: ServicesDep,
    row_id: str,
    form: Annotated[MoveForm, Form()],
) -> Response:
    """Move a charge to a colleague; the list of what is handed over comes next."""
    on, who = day_of_text("from_day", form.from_day), acting(request, form.who)
    desk = services.organisation
    before = desk.row(row_id).fact.staff_id
    desk.hand_over(row_id, to=form.to.strip(), on=on, who=who, why=form.why)
    query = urlencode({"from": before, "on": on.isoformat()})
    return RedirectResponse(f"/handover?{query}", SEE_OTHER)


@router.get("/organisation/staff.csv")
def staff_csv(services: ServicesDep) -> Response:
    """Return every row that ever held, in the form that can be taken in."""
    text = as_csv(services.organisation.book().rows, staff_names(services))
    return Response(
        text.encode("utf-8-sig"),  # Excel takes UTF-8 only with the mark
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="staff.csv"'},
    )


@router.get("/organisation/import")
def import_form(request: Request) -> HTMLResponse:
    """Form for a list of the staff."""
    return _import_page(request, None)


@router.post("/organisation/import")
async def import_list(
    request: Request,
    services: ServicesDep,
    file: Annotated[UploadFile, File()],
    who: WORD = "",
) -> HTMLResponse:
    """Take in a list; good rows are kept, others are told by row and column."""
    content = await file.read()
    name, names = acting(request, who), staff_names(services)
    try:
        rows = read_rows(file.filename or "", content)
        report = take_in(services.organisation, rows, names, who=name)
    except InvalidInputError as problem:
        refusal = RowRefusal(
            row=problem.row or 1,
            field=HEADINGS.get(problem.field, ""),
            problem=problem.problem,
        )
        report = StaffReport(refused=(refusal,))
        return _import_page(request, report, status=422)
    return _import_page(request, report)


def _import_page(
    request: Request, report: StaffReport | None, *, status: int = 200
) -> HTMLResponse:
    values = {"tab": "organisation", "report": report, "headings": HEADINGS}
    return page(request, "staff_import.html", values, status=status)


def _to_person(staff_id: str) -> Response:
    return RedirectResponse(f"/organisation/people/{staff_id}", SEE_OTHER)
