"""What each route needs: one row a route; a route without a row is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from dispatch.domain.access import Action


class Source(StrEnum):
    """Where a route learns whose ward, office or team it touches."""

    CITY = "city"  # no limit of place: a list limits what it shows itself
    CHART = "chart"  # the chart of the path's `chart_id`
    PLAN_OFFICE = "plan_office"  # the office of the path's `office_id`
    BODY = "body"  # the handler asks `api.acting.require` once it has read the body


class Door(StrEnum):
    """Who gets to a route at all."""

    OPEN = "open"  # anybody
    SIGNED_IN = "signed_in"  # any person who is signed in
    ACTION = "action"  # whoever may do the action
    # What holds nothing about people: anybody, or whoever is known (`open_reading`).
    READING = "reading"
    KEY_IN_BODY = "key_in_body"  # the handler asks: the key may stand in the body


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a route needs. `action` is None only where the door asks for none."""

    door: Door = Door.ACTION
    action: Action | None = None
    source: Source = Source.CITY


def need(action: Action, source: Source = Source.CITY) -> Need:
    """Row of a route that needs an action."""
    return Need(action=action, source=source)


OPEN = Need(door=Door.OPEN)
SIGNED_IN = Need(door=Door.SIGNED_IN)
READING = Need(door=Door.READING)
KEY_IN_BODY = Need(door=Door.KEY_IN_BODY)
CHART = Source.CHART
PLAN_OFFICE = Source.PLAN_OFFICE
BODY = Source.BODY

_SERVICE = {
    ("GET", "/healthz"): OPEN,
    ("GET", "/openapi.json"): OPEN,
    ("GET", "/docs"): OPEN,
    ("GET", "/about"): SIGNED_IN,
    ("GET", "/sign-in"): OPEN,
    ("POST", "/sign-in"): OPEN,
    ("GET", "/sign-in/oidc"): OPEN,
    ("GET", "/sign-in/oidc/return"): OPEN,
    ("POST", "/sign-out"): SIGNED_IN,
    ("GET", "/account"): SIGNED_IN,
    ("POST", "/account/password"): SIGNED_IN,
    ("GET", "/admin/accounts"): need(Action.MANAGE_ACCOUNTS),
    ("POST", "/admin/accounts"): need(Action.MANAGE_ACCOUNTS),
    ("GET", "/admin/accounts/{account_id}"): need(Action.MANAGE_ACCOUNTS),
    ("POST", "/admin/accounts/{account_id}/rights"): need(Action.MANAGE_ACCOUNTS),
    ("POST", "/admin/accounts/{account_id}/disable"): need(Action.MANAGE_ACCOUNTS),
    ("POST", "/admin/accounts/{account_id}/enable"): need(Action.MANAGE_ACCOUNTS),
    ("POST", "/admin/accounts/{account_id}/reset"): need(Action.MANAGE_ACCOUNTS),
    ("GET", "/admin/audit"): need(Action.READ_AUDIT),
    # Both answer 404 anywhere but in a sandbox, where nobody's data are.
    ("GET", "/sandbox"): OPEN,
    ("GET", "/v1/sandbox"): OPEN,
    ("GET", "/admin/webhooks"): need(Action.MANAGE_WEBHOOKS),
    ("POST", "/admin/webhooks"): need(Action.MANAGE_WEBHOOKS),
    ("POST", "/admin/webhooks/{webhook_id}/disable"): need(Action.MANAGE_WEBHOOKS),
    ("POST", "/admin/webhooks/{webhook_id}/enable"): need(Action.MANAGE_WEBHOOKS),
    ("POST", "/admin/webhooks/{webhook_id}/test"): need(Action.MANAGE_WEBHOOKS),
    ("POST", "/admin/webhooks/{webhook_id}/deliveries/{delivery_id}/replay"): need(
        Action.MANAGE_WEBHOOKS
    ),
}

_CHARTS = {
    ("GET", "/"): need(Action.READ_BOARD),
    ("GET", "/charts"): need(Action.READ_BOARD),
    ("GET", "/charts.csv"): need(Action.EXPORT),
    ("GET", "/numbers"): need(Action.READ_STATISTICS),
    ("GET", "/numbers.csv"): need(Action.READ_STATISTICS),
    ("GET", "/numbers.xlsx"): need(Action.READ_STATISTICS),
    ("GET", "/exports"): need(Action.EXPORT),
    ("GET", "/exports/{dataset}.{file_format}"): need(Action.EXPORT),
    ("GET", "/examples"): need(Action.READ_BOARD),
    ("GET", "/examples.csv"): need(Action.EXPORT),
    ("POST", "/examples/{example_id}/remove"): need(Action.PUBLISH_ANSWER),
    ("GET", "/charts/{chart_id}/example"): need(Action.PUBLISH_ANSWER, CHART),
    ("POST", "/charts/{chart_id}/example"): need(Action.PUBLISH_ANSWER, CHART),
    ("GET", "/voices"): need(Action.IMPORT_VOICES),
    ("GET", "/voices/new"): need(Action.IMPORT_VOICES),
    ("POST", "/voices/new"): need(Action.IMPORT_VOICES, BODY),
    ("GET", "/voices/report"): need(Action.READ_BOARD),
    ("GET", "/voices/report.csv"): need(Action.EXPORT),
    ("GET", "/voices/report.xlsx"): need(Action.EXPORT),
    ("GET", "/charts/new"): need(Action.CREATE_CONSULTATION),
    ("POST", "/charts/new"): need(Action.CREATE_CONSULTATION),
    ("GET", "/charts/by-phone"): need(Action.SEARCH_PHONE),
    ("POST", "/charts/by-phone"): need(Action.SEARCH_PHONE),
    ("POST", "/charts/{chart_id}/reporter"): need(Action.REVEAL_PERSON, CHART),
    ("POST", "/desk/places"): need(Action.CREATE_CONSULTATION),
    ("GET", "/imports"): need(Action.CREATE_CONSULTATION),
    ("POST", "/imports"): need(Action.CREATE_CONSULTATION),
    ("POST", "/imports/{import_id}/cancel"): need(Action.CREATE_CONSULTATION),
    ("GET", "/imports/{import_id}/refused.csv"): need(Action.CREATE_CONSULTATION),
    ("GET", "/imports/{import_id}/refused.xlsx"): need(Action.CREATE_CONSULTATION),
    ("GET", "/guide"): SIGNED_IN,
    ("GET", "/guide/{code}"): SIGNED_IN,
    ("GET", "/guide/{code}/panel"): SIGNED_IN,
    ("GET", "/triage"): need(Action.TRIAGE),
    ("POST", "/charts/{chart_id}/class"): need(Action.TRIAGE, CHART),
    ("POST", "/charts/{chart_id}/triage"): need(Action.TRIAGE, CHART),
    ("POST", "/charts/{chart_id}/legal-note"): need(Action.TRIAGE, CHART),
    ("GET", "/adviser"): need(Action.TRIAGE),
    ("GET", "/adviser/report"): need(Action.READ_STATISTICS),
    ("GET", "/adviser/report.csv"): need(Action.READ_STATISTICS),
    ("POST", "/desk/duplicates"): need(Action.CREATE_CONSULTATION),
    ("GET", "/charts/{chart_id}/receipt"): need(Action.READ_CHART, CHART),
    ("POST", "/charts/{chart_id}/topics"): need(Action.SPLIT_MERGE, CHART),
    ("POST", "/charts/{chart_id}/merge"): need(Action.SPLIT_MERGE, CHART),
    ("POST", "/charts/{chart_id}/unmerge"): need(Action.SPLIT_MERGE, CHART),
    ("POST", "/charts/{chart_id}/answer-merged"): need(Action.ANSWER, CHART),
    ("POST", "/charts/{chart_id}/photos"): need(Action.ADD_PHOTO, CHART),
    ("GET", "/charts/{chart_id}/photos/{photo_id}"): need(Action.READ_CHART, CHART),
    ("POST", "/charts/{chart_id}/photos/{photo_id}/place"): need(
        Action.SETTLE_PLACE, CHART
    ),
    ("POST", "/charts/{chart_id}/photos/{photo_id}/remove"): need(
        Action.ADD_PHOTO, CHART
    ),
    ("GET", "/charts/{chart_id}"): need(Action.READ_CHART, CHART),
    ("GET", "/c/{chart_id}"): need(Action.READ_CHART, CHART),
    ("POST", "/charts/{chart_id}/place"): need(Action.SETTLE_PLACE, CHART),
    ("POST", "/charts/{chart_id}/override"): need(Action.ASSIGN, CHART),
    ("POST", "/charts/{chart_id}/conditions"): need(Action.STATE_CONDITIONS, CHART),
    ("POST", "/charts/{chart_id}/outcome"): need(Action.RECORD_RESULT, CHART),
    ("POST", "/charts/{chart_id}/acts"): need(Action.TRANSITION, CHART),
    ("POST", "/charts/{chart_id}/pauses"): need(Action.TRANSITION, CHART),
    ("POST", "/charts/{chart_id}/comments"): need(Action.COMMENT, CHART),
    ("GET", "/transfers"): need(Action.READ_BOARD),
    ("GET", "/transfers.csv"): need(Action.EXPORT),
    ("POST", "/charts/{chart_id}/transfers"): need(Action.REFER, CHART),
    ("POST", "/charts/{chart_id}/transfers/{transfer_id}/withdraw"): need(
        Action.REFER, CHART
    ),
    ("POST", "/charts/{chart_id}/transfers/{transfer_id}/accept"): need(
        Action.ACCEPT_TRANSFER, CHART
    ),
    ("POST", "/charts/{chart_id}/transfers/{transfer_id}/return"): need(
        Action.ACCEPT_TRANSFER, CHART
    ),
    ("POST", "/charts/{chart_id}/transfers/{transfer_id}/finish"): need(
        Action.ACCEPT_TRANSFER, CHART
    ),
    ("POST", "/charts/{chart_id}/transfers/{transfer_id}/hand-on"): need(
        Action.ACCEPT_TRANSFER, CHART
    ),
    ("GET", "/notices"): need(Action.READ_NOTICES),
    # Whose notice it is, the handlers ask themselves: a notice is no chart.
    ("POST", "/notices/{notice_id}/read"): need(Action.READ_NOTICES),
    ("POST", "/notices/{notice_id}/answer"): need(Action.READ_NOTICES),
    ("POST", "/notices/{notice_id}/settle"): need(Action.READ_NOTICES),
    ("POST", "/charts/{chart_id}/notices"): need(Action.COMMENT, CHART),
    ("POST", "/charts/{chart_id}/answers"): need(Action.ANSWER, CHART),
    ("POST", "/charts/{chart_id}/summary"): need(Action.PUBLISH_ANSWER, CHART),
    ("GET", "/places"): need(Action.SETTLE_PLACE),
    ("GET", "/places/{chart_id}"): need(Action.SETTLE_PLACE, CHART),
    ("POST", "/places/{chart_id}"): need(Action.SETTLE_PLACE, CHART),
    ("POST", "/places/dictionary/{entry_id}/withdraw"): need(Action.SETTLE_PLACE),
}

_MAPS = {
    ("GET", "/map"): need(Action.READ_MAP),
    ("GET", "/maps/overview"): need(Action.READ_MAP),
    ("GET", "/maps/plan/{plan_id}/{office_id}"): need(Action.READ_ROUTE, PLAN_OFFICE),
    ("GET", "/maps/what-if/{plan_id}/{office_id}"): need(
        Action.READ_ROUTE, PLAN_OFFICE
    ),
    ("GET", "/maps/wards.geojson"): SIGNED_IN,
    ("GET", "/maps/places.json"): SIGNED_IN,
    ("GET", "/closures"): need(Action.READ_CLOSURES),
    ("POST", "/closures"): need(Action.CLOSE_ROAD),
    ("POST", "/closures/preview"): need(Action.CLOSE_ROAD),
    ("POST", "/closures/{closure_id}/lift"): need(Action.CLOSE_ROAD),
    ("GET", "/closures.csv"): need(Action.READ_CLOSURES),
    ("GET", "/closures/closed.geojson"): need(Action.READ_CLOSURES),
    ("GET", "/closures/roads.geojson"): need(Action.READ_CLOSURES),
}

# A plan is of the whole city: who may plan or read one may do so for every office in
# it; an office's own page, map and sheets ask for the office.
_PLANS = {
    ("GET", "/plan"): need(Action.READ_PLAN),
    ("GET", "/plan/today"): need(Action.READ_ROUTE),
    ("POST", "/plan/make"): need(Action.PLAN),
    ("GET", "/plan/progress"): need(Action.READ_PLAN),
    ("GET", "/plan/progress/stream"): need(Action.READ_PLAN),
    ("POST", "/plan/take-best"): need(Action.PLAN),
    ("POST", "/plan/cancel"): need(Action.PLAN),
    ("POST", "/plan/{plan_id}/publish"): need(Action.PUBLISH),
    ("GET", "/plan/{plan_id}/{office_id}"): need(Action.READ_ROUTE, PLAN_OFFICE),
    ("POST", "/plan/{plan_id}/sheets"): need(Action.PRINT_SHEET, BODY),
    ("GET", "/plan/{plan_id}/visits/{visit_id}"): need(Action.READ_PLAN),
    ("POST", "/plan/{plan_id}/visits/{visit_id}/relax"): need(Action.PLAN),
    ("GET", "/plan/{plan_id}/bound"): need(Action.READ_PLAN),
    ("POST", "/plan/{plan_id}/later"): need(Action.PLAN),
    ("GET", "/plan/proposals"): need(Action.PLAN),
    ("POST", "/plan/proposals"): need(Action.PLAN),
    ("POST", "/plan/proposals/accept"): need(Action.PLAN),
    ("GET", "/plan/{plan_id}/edit"): need(Action.PLAN),
    ("POST", "/plan/{plan_id}/edit"): need(Action.PLAN),
    ("GET", "/plan/{plan_id}/what-if"): need(Action.PLAN),
    ("POST", "/plan/{plan_id}/what-if"): need(Action.PLAN),
    ("GET", "/plan/{plan_id}/support"): need(Action.PLAN),
    ("POST", "/plan/{plan_id}/support"): need(Action.PLAN),
}

# Names of the staff are known to colleagues; whose charts are shown the handler limits.
_ORGANISATION = {
    ("GET", "/organisation"): SIGNED_IN,
    ("GET", "/organisation/units/{unit_id}"): SIGNED_IN,
    ("GET", "/organisation/people"): SIGNED_IN,
    ("GET", "/organisation/people/{staff_id}"): SIGNED_IN,
    ("GET", "/organisation/staff.csv"): need(Action.MANAGE_ORGANISATION),
    ("GET", "/organisation/import"): need(Action.MANAGE_ORGANISATION),
    ("POST", "/organisation/import"): need(Action.MANAGE_ORGANISATION),
    ("POST", "/organisation/people"): need(Action.MANAGE_ORGANISATION),
    ("POST", "/organisation/people/{staff_id}/charges"): need(
        Action.MANAGE_ORGANISATION
    ),
    ("POST", "/organisation/people/{staff_id}/stand-ins"): need(
        Action.MANAGE_ORGANISATION
    ),
    ("POST", "/organisation/people/{staff_id}/hours"): need(Action.MANAGE_ORGANISATION),
    ("POST", "/organisation/people/{staff_id}/days"): need(Action.MANAGE_ORGANISATION),
    ("POST", "/organisation/rows/{row_id}/end"): need(Action.MANAGE_ORGANISATION),
    ("POST", "/organisation/rows/{row_id}/hand-over"): need(Action.MANAGE_ORGANISATION),
    ("GET", "/districts"): need(Action.READ_BOARD),
    ("GET", "/districts.csv"): need(Action.EXPORT),
    ("GET", "/supervisor"): need(Action.READ_BOARD),
    ("GET", "/supervisor.csv"): need(Action.EXPORT),
    ("GET", "/handover"): need(Action.READ_BOARD),
    ("GET", "/handover.csv"): need(Action.EXPORT),
}

_PROGRAMS = {
    ("GET", "/v1/consultations"): need(Action.READ_CHART),
    ("POST", "/v1/consultations"): need(Action.CREATE_CONSULTATION),
    ("POST", "/v1/consultations/search-by-phone"): need(Action.SEARCH_PHONE),
    ("GET", "/v1/consultations/{chart_id}"): need(Action.READ_CHART, CHART),
    ("POST", "/v1/consultations/{chart_id}/assignment"): need(Action.ASSIGN, CHART),
    ("GET", "/v1/imports"): need(Action.CREATE_CONSULTATION),
    ("POST", "/v1/imports"): need(Action.CREATE_CONSULTATION),
    ("GET", "/v1/imports/{import_id}"): need(Action.CREATE_CONSULTATION),
    ("GET", "/v1/imports/{import_id}/refused.csv"): need(Action.CREATE_CONSULTATION),
    ("GET", "/v1/imports/{import_id}/refused.xlsx"): need(Action.CREATE_CONSULTATION),
    ("POST", "/v1/imports/{import_id}/cancel"): need(Action.CREATE_CONSULTATION),
    ("POST", "/v1/duplicates"): need(Action.CREATE_CONSULTATION),
    ("GET", "/v1/consultations/{chart_id}/duplicates"): need(Action.READ_CHART, CHART),
    ("POST", "/v1/consultations/{chart_id}/topics"): need(Action.SPLIT_MERGE, CHART),
    ("POST", "/v1/consultations/{chart_id}/merge"): need(Action.SPLIT_MERGE, CHART),
    ("POST", "/v1/consultations/{chart_id}/unmerge"): need(Action.SPLIT_MERGE, CHART),
    ("POST", "/v1/consultations/{chart_id}/photos"): need(Action.ADD_PHOTO, CHART),
    ("GET", "/v1/life-cycle"): need(Action.READ_CHART),
    ("GET", "/v1/numbers"): need(Action.READ_STATISTICS),
    ("GET", "/v1/exports/{dataset}.{file_format}"): need(Action.EXPORT),
    ("POST", "/v1/voices"): need(Action.IMPORT_VOICES),
    ("GET", "/v1/examples"): need(Action.READ_STATISTICS),
    ("GET", "/v1/consultations/{chart_id}/acts"): need(Action.READ_CHART, CHART),
    ("GET", "/v1/consultations/{chart_id}/history"): need(Action.READ_CHART, CHART),
    ("POST", "/v1/consultations/{chart_id}/acts"): need(Action.TRANSITION, CHART),
    ("POST", "/v1/consultations/{chart_id}/pauses"): need(Action.TRANSITION, CHART),
    ("POST", "/v1/consultations/{chart_id}/comments"): need(Action.COMMENT, CHART),
    ("POST", "/v1/consultations/{chart_id}/results"): need(Action.RECORD_RESULT, CHART),
    ("POST", "/v1/consultations/{chart_id}/answers"): need(Action.ANSWER, CHART),
    ("POST", "/v1/consultations/{chart_id}/summary"): need(
        Action.PUBLISH_ANSWER, CHART
    ),
    ("GET", "/v1/transfers"): need(Action.READ_BOARD),
    ("POST", "/v1/consultations/{chart_id}/transfers"): need(Action.REFER, CHART),
    ("POST", "/v1/consultations/{chart_id}/transfers/{transfer_id}/withdraw"): need(
        Action.REFER, CHART
    ),
    ("POST", "/v1/consultations/{chart_id}/transfers/{transfer_id}/accept"): need(
        Action.ACCEPT_TRANSFER, CHART
    ),
    ("POST", "/v1/consultations/{chart_id}/transfers/{transfer_id}/return"): need(
        Action.ACCEPT_TRANSFER, CHART
    ),
    ("POST", "/v1/consultations/{chart_id}/transfers/{transfer_id}/finish"): need(
        Action.ACCEPT_TRANSFER, CHART
    ),
    ("POST", "/v1/consultations/{chart_id}/transfers/{transfer_id}/hand-on"): need(
        Action.ACCEPT_TRANSFER, CHART
    ),
    ("GET", "/v1/notices"): need(Action.READ_NOTICES),
    ("POST", "/v1/notices"): need(Action.COMMENT, BODY),
    ("POST", "/v1/notices/{notice_id}/read"): need(Action.READ_NOTICES),
    ("PUT", "/v1/consultations/{chart_id}/conditions"): need(
        Action.STATE_CONDITIONS, CHART
    ),
    ("GET", "/v1/triage/questions"): need(Action.CREATE_CONSULTATION),
    ("POST", "/v1/consultations/{chart_id}/replies"): need(Action.TRIAGE, CHART),
    ("POST", "/v1/consultations/{chart_id}/class"): need(Action.TRIAGE, CHART),
    ("POST", "/v1/consultations/{chart_id}/place"): need(Action.SETTLE_PLACE, CHART),
    ("GET", "/v1/places/review"): need(Action.SETTLE_PLACE),
    ("GET", "/v1/local-places"): need(Action.SETTLE_PLACE),
    ("POST", "/v1/local-places"): need(Action.SETTLE_PLACE),
    ("POST", "/v1/local-places/{entry_id}/withdraw"): need(Action.SETTLE_PLACE),
    ("POST", "/v1/slots"): need(Action.OFFER_SLOT),
    ("POST", "/v1/slots/{slot_id}/hold"): need(Action.OFFER_SLOT),
    ("POST", "/v1/geocode"): need(Action.LOCATE),
    ("GET", "/v1/areas"): need(Action.LOCATE),
    ("GET", "/v1/closures"): need(Action.READ_CLOSURES),
    ("POST", "/v1/closures"): need(Action.CLOSE_ROAD),
    ("POST", "/v1/closures/preview"): need(Action.CLOSE_ROAD),
    ("POST", "/v1/closures/{closure_id}/lift"): need(Action.CLOSE_ROAD),
    ("GET", "/v1/closures.geojson"): need(Action.READ_CLOSURES),
    ("GET", "/v1/plans"): need(Action.READ_PLAN),
    ("GET", "/v1/plans/{plan_id}"): need(Action.READ_PLAN),
    ("GET", "/v1/plans/{plan_id}/visits/{visit_id}/why"): need(Action.READ_PLAN),
    ("POST", "/v1/plans/{plan_id}/edits"): need(Action.PLAN),
    ("POST", "/v1/plans/{plan_id}/what-if"): need(Action.PLAN),
    ("GET", "/v1/plans/{plan_id}/support"): need(Action.PLAN),
    ("GET", "/v1/plans/{plan_id}/bound"): need(Action.READ_PLAN),
    ("GET", "/v1/changes"): need(Action.READ_CHART),
    ("GET", "/v1/events"): need(Action.READ_CHART),
    ("GET", "/v1/webhooks"): need(Action.MANAGE_WEBHOOKS),
    ("POST", "/v1/webhooks"): need(Action.MANAGE_WEBHOOKS),
    ("GET", "/v1/webhooks/{webhook_id}"): need(Action.MANAGE_WEBHOOKS),
    ("DELETE", "/v1/webhooks/{webhook_id}"): need(Action.MANAGE_WEBHOOKS),
    ("POST", "/v1/webhooks/{webhook_id}/disable"): need(Action.MANAGE_WEBHOOKS),
    ("POST", "/v1/webhooks/{webhook_id}/enable"): need(Action.MANAGE_WEBHOOKS),
    ("POST", "/v1/webhooks/{webhook_id}/rotate-secret"): need(Action.MANAGE_WEBHOOKS),
    ("POST", "/v1/webhooks/{webhook_id}/test"): need(Action.MANAGE_WEBHOOKS),
    ("GET", "/v1/webhooks/{webhook_id}/deliveries"): need(Action.MANAGE_WEBHOOKS),
    ("POST", "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay"): need(
        Action.MANAGE_WEBHOOKS
    ),
    ("POST", "/v1/webhooks/{webhook_id}/replay"): need(Action.MANAGE_WEBHOOKS),
}

_FEATURES = {
    (method, f"/ogc{path}"): READING
    for method in ("GET", "HEAD")
    for path in (
        "",
        "/",
        "/api",
        "/conformance",
        "/collections",
        "/collections/{collection_id}",
        "/collections/{collection_id}/queryables",
        "/collections/{collection_id}/items",
        "/collections/{collection_id}/items/{feature_id}",
    )
}

_OPEN311 = {
    ("GET", "/open311/v2/discovery.{form}"): OPEN,
    ("GET", "/open311/v2/services.{form}"): OPEN,
    ("GET", "/open311/v2/services/{code}.{form}"): OPEN,
    ("GET", "/open311/v2/requests.{form}"): READING,
    ("GET", "/open311/v2/requests/{number}.{form}"): READING,
    ("GET", "/open311/v2/tokens/{token}.{form}"): READING,
    ("GET", "/open311/v2/servicerequestupdates.{form}"): READING,
    ("POST", "/open311/v2/requests.{form}"): KEY_IN_BODY,
    ("POST", "/open311/v2/servicerequestupdates.{form}"): KEY_IN_BODY,
}

NEEDS: Mapping[tuple[str, str], Need] = MappingProxyType(
    {
        **_SERVICE,
        **_CHARTS,
        **_MAPS,
        **_PLANS,
        **_ORGANISATION,
        **_PROGRAMS,
        **_FEATURES,
        **_OPEN311,
    }
)
