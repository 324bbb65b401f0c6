"""Conditions of a site for people: on the chart's page and on the route sheet."""

from __future__ import annotations

from dataclasses import dataclass

from api.pictures import Pictures
from api.wiring import Services
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.plan import Plan
from dispatch.domain.site_conditions import (
    HOUR_S,
    MAX_LISTED,
    MIN_S,
    hours_text,
    width_text,
)
from dispatch.domain.team import DAY_S
from dispatch.domain.visit import ForbiddenHours, TimeWindow
from dispatch.site_desk import takes_conditions

NUM_ROWS = 2  # empty rows beside what is stated: the API takes more at once

Hours = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteView:
    """
    What the chart's page shows and its form begins with.

    Parameters
    ----------
    words
        Conditions in short phrases; none: nothing beyond the category.
    can_change
        Whether the work is still owed.
    category_tools
        Names of the shared tools that the category needs anyway.
    num_teams, max_width
        As typed; empty when not stated. The width in metres.
    forbidden, windows
        Beginning and end of each, empty rows after them.
    after
        Number, gap and unit (`min`, `days`) of each, an empty row after them.
    tools
        Id and name of each shared tool, and whether it is asked for.
    materials
        Each name with its pieces, empty when none are asked for.
    """

    words: tuple[str, ...]
    can_change: bool
    category_tools: tuple[str, ...]
    num_teams: str
    max_width: str
    forbidden: tuple[Hours, ...]
    windows: tuple[Hours, ...]
    after: tuple[tuple[str, str, str], ...]
    tools: tuple[tuple[str, str, bool], ...]
    materials: tuple[tuple[str, str], ...]


def site_view(services: Services, chart: CaseChart) -> SiteView:
    """Conditions of a chart as its page shows them."""
    asked, rules = chart.conditions, services.sites.rules
    category = services.profile.catalogue.get(chart.category_code)
    before = services.store.get_many(one.chart_id for one in asked.after)
    pieces = dict(asked.materials)
    width_cm = asked.max_width_cm
    return SiteView(
        words=services.sites.words(asked),
        can_change=takes_conditions(chart),
        category_tools=tuple(
            rules.tool_names.get(tool, tool) for tool in sorted(category.tools)
        ),
        num_teams="" if asked.num_teams is None else str(asked.num_teams),
        max_width="" if width_cm is None else width_text(width_cm).removesuffix("m"),
        forbidden=_rows(asked.forbidden),
        windows=_rows(asked.windows),
        after=(
            *(
                (
                    before[one.chart_id].number,
                    str(one.gap_days or one.gap_min),
                    "days" if one.gap_days else "min",
                )
                for one in asked.after
            ),
            ("", "", "min"),
        )[:MAX_LISTED],
        tools=tuple(
            (tool, name, tool in asked.tools) for tool, name in rules.tool_names.items()
        ),
        materials=tuple((name, str(pieces.get(name, ""))) for name in rules.materials),
    )


def sheet_conditions(
    pictures: Pictures, chart: CaseChart, plan: Plan, team_id: str
) -> tuple[str, ...]:
    """
    Tell a crew what it must know of a site, in the words of the sheet.

    Parameters
    ----------
    plan
        Who else goes there is read from it.
    team_id
        Whose sheet it is.
    """
    profile = pictures.services.profile
    category = profile.catalogue.get(chart.category_code)
    asked, word = chart.conditions, pictures.word
    names = {team.id: team.name for team in profile.teams}
    lines = []
    others = [
        names[route.team_id]
        for route, _, stop in plan.stops()
        if stop.visit_id == chart.id and route.team_id != team_id
    ]
    num_teams = asked.num_teams or category.num_teams
    if num_teams > 1:
        beside = word("site_beside").format(teams=word("site_and").join(others))
        lines.append(
            word("site_teams").format(n=num_teams) + (beside if others else "")
        )
    if asked.max_width_cm is not None:
        width = width_text(asked.max_width_cm)
        lines.append(word("site_width").format(width=width))
    lines += [
        word("site_forbidden").format(hours=hours_text(one)) for one in asked.forbidden
    ]
    before = pictures.services.store.get_many(one.chart_id for one in asked.after)
    lines += [word("site_after").format(number=one.number) for one in before.values()]
    bring = _to_bring(pictures, chart)
    if bring:
        items = word("site_and").join(bring)
        lines.append(word("site_bring").format(items=items))
    return tuple(lines)


def _to_bring(pictures: Pictures, chart: CaseChart) -> list[str]:
    """Shared tools of category and site, and pieces of material."""
    profile = pictures.services.profile
    category = profile.catalogue.get(chart.category_code)
    names = {tool.id: tool.name for tool in profile.tools}
    wanted = sorted(category.tools.union(chart.conditions.tools))
    pieces = pictures.word("site_pieces")
    return [
        *(names.get(tool, tool) for tool in wanted),
        *(
            pieces.format(name=name, n=count)
            for name, count in chart.conditions.materials
        ),
    ]


def _rows(
    hours: tuple[ForbiddenHours, ...] | tuple[TimeWindow, ...],
) -> tuple[Hours, ...]:
    """Rows of a form: what is stated, and empty ones after it."""
    stated = [(_clock(one.start_s), _clock(one.end_s)) for one in hours]
    return (*stated, *([("", "")] * NUM_ROWS))[:MAX_LISTED]


def _clock(second: int) -> str:
    """Write a moment of the day as a form's time field takes it: 23:59 at the most."""
    second = min(second, DAY_S - MIN_S)
    return f"{second // HOUR_S:02d}:{second % HOUR_S // MIN_S:02d}"
