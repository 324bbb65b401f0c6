"""Pages of officers and supervisors: own districts, overdue board, handover list."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from api.acting import actor_of
from api.dependencies import PicturesDep, ServicesDep
from api.notice_access import notice_reach
from api.officer_view import (
    OFFICERS_OWN,
    OWED_TEXT,
    Lateness,
    OfficerViews,
    OwedRow,
    sections,
)
from api.organisation_view import charge_text, staff_names
from api.pages import day_of, page
from api.pictures import Pictures
from api.reach import list_scope
from api.wiring import Services
from dispatch.domain.access import Role
from dispatch.domain.notice import NoticeQuery, NoticeSide
from dispatch.domain.organisation import Charge
from dispatch.domain.owed import OwedKind

router = APIRouter(include_in_schema=False)
DAY = dt.timedelta(days=1)
SHOWN_ROWS = 300


# -- the own school districts ----------------------------------------------------------


@router.get("/districts")
def districts(
    request: Request,
    services: ServicesDep,
    pictures: PicturesDep,
    officer: str = "",
    district: str = "",
) -> HTMLResponse:
    """School districts of an officer: what is owed, what was settled this month."""
    views = _views(request, services, pictures)
    names = staff_names(services)
    if not officer and not district:
        officer = _own_officer(request, views)
    chosen = _chosen(views, names.district_wards, officer, district)
    rows = views.rows(district_ids=chosen) if chosen else []
    settled = views.settled_this_month(chosen) if chosen else []
    officers = views.staff.holders(Role.WARD_OFFICER)
    desk = services.organisation
    return page(
        request,
        "districts.html",
        {
            "tab": "districts",
            "pictures": pictures,
            "officer": officer,
            "district": district,
            "officers": [one for one in officers if one.stands_for is None],
            "names": names,
            "chosen": chosen,
            "in_charge": [
                (one, desk.officers_of(names.district_wards[one], one, views.staff.day))
                for one in chosen
            ],
            "communities": [
                area for one in chosen for area in desk.communities_of(one)
            ],
            "rows": rows[:SHOWN_ROWS],
            "num_rows": len(rows),
            "num_overdue": sum(row.lateness is Lateness.OVERDUE for row in rows),
            "num_soon": sum(row.lateness is Lateness.SOON for row in rows),
            "num_answers": sum(
                any(one.kind in OFFICERS_OWN for one in row.owed) for row in rows
            ),
            "settled": settled[:SHOWN_ROWS],
            "num_settled": len(settled),
            "owed_text": OWED_TEXT,
            "lateness": views.lateness,
            "num_unread": _num_unread(request, services, chosen),
            "query": urlencode({"officer": officer, "district": district}),
        },
    )


@router.get("/districts.csv")
def districts_csv(
    request: Request,
    services: ServicesDep,
    pictures: PicturesDep,
    officer: str = "",
    district: str = "",
) -> Response:
    """Return the same list for Excel."""
    views = _views(request, services, pictures)
    names = staff_names(services)
    chosen = _chosen(views, names.district_wards, officer, district)
    rows = views.rows(district_ids=chosen) if chosen else []
    return _csv(views.as_csv(rows), "districts.csv")


def _chosen(
    views: OfficerViews, wards: Mapping[str, str], officer: str, district: str
) -> tuple[str, ...]:
    """School districts that the address asks for; unknown ones are none."""
    if district:
        return (district,) if district in wards else ()
    return views.staff.districts_of(officer, wards) if officer else ()


def _own_officer(request: Request, views: OfficerViews) -> str:
    """
    Id of the officer that who is signed in is by name; empty when not just one is.

    An account is not kept with a person of the staff: people come, go and stand in for
    each other by rows with dates, accounts do not.
    """
    name = actor_of(request).name
    found = {
        one.person.staff_id
        for one in views.staff.holders(Role.WARD_OFFICER)
        if one.person.name == name
    }
    return found.pop() if len(found) == 1 else ""


def _num_unread(request: Request, services: Services, chosen: Sequence[str]) -> int:
    """How many notices (対応連絡) for the districts nobody has read."""
    store, reach = services.hand_over.notices.notices, notice_reach(request)
    return sum(
        store.count(NoticeQuery(side=NoticeSide.WARD, district_id=one, reach=reach))
        for one in chosen
    )


# -- the supervisor's board ------------------------------------------------------------


@router.get("/supervisor")
def supervisor(
    request: Request,
    services: ServicesDep,
    pictures: PicturesDep,
    ward: str = "",
    kind: str = "",
    officer: str = "",
) -> HTMLResponse:
    """Show what a ward owes: overdue and soon due, by clock and by officer."""
    views = _views(request, services, pictures)
    ward = ward or _own_ward(request, services)
    rows = views.rows(ward_code=ward)
    late = [
        row
        for row in _late(views, rows, kind)
        if not officer or row.officer_names == officer
    ]
    counts = views.by_officer(rows)
    return page(
        request,
        "supervisor.html",
        {
            "tab": "supervisor",
            "pictures": pictures,
            "ward": services.profile.ward_by_code(ward),
            "supervisors": views.staff.supervisors_of(ward),
            "counts": counts,
            "sums": {
                key: (
                    sum(one.overdue[key] for one in counts),
                    sum(one.soon[key] for one in counts),
                )
                for key in OwedKind
            },
            "rows": late[:SHOWN_ROWS],
            "num_rows": len(late),
            "num_open": len(rows),
            "reasons": [
                row
                for row in rows
                if any(one.kind is OwedKind.REASONS for one in row.owed)
            ],
            "kind": kind,
            "officer": officer,
            "soon_h": services.settings.soon_due_h,
            "owed_text": OWED_TEXT,
            "lateness": views.lateness,
        },
    )


@router.get("/supervisor.csv")
def supervisor_csv(
    request: Request,
    services: ServicesDep,
    pictures: PicturesDep,
    ward: str = "",
    kind: str = "",
) -> Response:
    """Return what is overdue or soon due in a ward, for Excel."""
    views = _views(request, services, pictures)
    rows = views.rows(ward_code=ward or _own_ward(request, services))
    return _csv(views.as_csv(_late(views, rows, kind)), "supervisor.csv")


def _late(views: OfficerViews, rows: list[OwedRow], kind: str) -> list[OwedRow]:
    """Rows that are late or nearly so, by one clock or any."""
    return [
        row
        for row in rows
        if any(
            views.lateness(one) is not Lateness.LATER and kind in ("", one.kind)
            for one in row.owed
        )
    ]


def _own_ward(request: Request, services: Services) -> str:
    """Ward of who asks; the first of the city where nobody has one."""
    own = sorted(actor_of(request).ward_codes)
    return own[0] if own else services.profile.wards[0].code


# -- handing over ----------------------------------------------------------------------


@router.get("/handover")
def handover(
    request: Request, services: ServicesDep, pictures: PicturesDep
) -> HTMLResponse:
    """Everything that somebody leaves to others from a day on; fits on A4."""
    views = _views(request, services, pictures)
    staff_id, on = _who_when(request)
    charges = _left(services, staff_id, on)
    rows = views.handed_over(charges)
    book = services.organisation.book()
    before, after = book.on(on - DAY), book.on(on)
    people = sorted(before.people.values(), key=lambda one: one.staff_id)
    names = staff_names(services, on)
    return page(
        request,
        "handover.html",
        {
            "tab": "organisation",
            "pictures": pictures,
            "staff_id": staff_id,
            "person": before.people.get(staff_id) or after.people.get(staff_id),
            "on": on,
            "people": people,
            "charges": [
                (
                    charge_text(services, one, names, on - DAY),
                    [
                        other
                        for other in after.holders(one.role, ward_code=one.ward_code)
                        if _takes(other.charge, one)
                        and other.person.staff_id != staff_id
                    ],
                )
                for one in charges
            ],
            "sections": sections(rows),
            "num_rows": len(rows),
            "owed_text": OWED_TEXT,
            "lateness": views.lateness,
        },
    )


@router.get("/handover.csv")
def handover_csv(
    request: Request, services: ServicesDep, pictures: PicturesDep
) -> Response:
    """Return the handover list for Excel."""
    views = _views(request, services, pictures)
    rows = views.handed_over(_left(services, *_who_when(request)))
    return _csv(views.as_csv(rows), "handover.csv")


def _who_when(request: Request) -> tuple[str, dt.date]:
    query = request.query_params
    return query.get("from", ""), day_of(request, query.get("on"))


def _left(services: Services, staff_id: str, on: dt.date) -> tuple[Charge, ...]:
    """Charges that somebody had on the day before; all of them may be handed over."""
    return services.organisation.book().on(on - DAY).charges_of(staff_id)


def _takes(charge: Charge, left: Charge) -> bool:
    """Whether a charge covers one that was left."""
    if charge.unit != left.unit and not charge.ward_code:
        return False
    mine, theirs = set(charge.district_ids), set(left.district_ids)
    return not mine or not theirs or bool(mine & theirs)


def _views(request: Request, services: Services, pictures: Pictures) -> OfficerViews:
    return OfficerViews(services, pictures, list_scope(request).reach)


def _csv(content: bytes, name: str) -> Response:
    return Response(
        content,
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
