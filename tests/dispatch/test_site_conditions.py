"""Conditions of a site as values: what is refused, and how they are said."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from dispatch.domain.errors import InvalidInputError
from dispatch.domain.shared_tool import SharedTool, stock_of
from dispatch.domain.site_conditions import (
    NO_CONDITIONS,
    AfterChart,
    ConditionNames,
    SiteConditions,
    conditions_in_words,
    require_no_circle,
    width_text,
)
from dispatch.domain.visit import ForbiddenHours, TimeWindow
from tests.builders import DAY, at, moment


def hours(start: str, end: str) -> ForbiddenHours:
    return ForbiddenHours(start_s=at(start), end_s=at(end))


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("num_teams", {"num_teams": 0}),
        ("num_teams", {"num_teams": 5}),
        ("max_width_cm", {"max_width_cm": 99}),
        ("max_width_cm", {"max_width_cm": 401}),
        ("materials", {"materials": (("合材", 0),)}),
        ("materials", {"materials": (("合材", 1_001),)}),
        ("materials", {"materials": (("合材", 1), ("合材", 2))}),
        ("tools", {"tools": ("jetter", "jetter")}),
        ("tools", {"tools": tuple("abcdefghi")}),
        ("after", {"after": (AfterChart(chart_id="a"), AfterChart(chart_id="a"))}),
        ("forbidden", {"forbidden": (hours("8:00", "9:00"), hours("8:59", "9:30"))}),
        ("forbidden", {"forbidden": (hours("23:00", "24:01"),)}),
        ("forbidden", {"forbidden": (ForbiddenHours(start_s=-1, end_s=60),)}),
        (
            "forbidden",
            {"forbidden": tuple(hours(f"{h}:00", f"{h}:30") for h in range(9))},
        ),
        ("windows", {"windows": (TimeWindow(start_s=0, end_s=at("24:01")),)}),
    ],
)
def test_a_figure_out_of_range_or_named_twice_is_refused(
    field: str, wrong: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        SiteConditions(**wrong)
    assert refused.value.field == field


@pytest.mark.parametrize(
    "wrong",
    [
        {"gap_min": -1},
        {"gap_min": 1_441},
        {"gap_days": 367},
        {"gap_min": 10, "gap_days": 1},
    ],
)
def test_a_gap_is_of_minutes_or_of_days_and_no_more_than_a_year(
    wrong: dict[str, int],
) -> None:
    with pytest.raises(InvalidInputError):
        AfterChart(chart_id="a", **wrong)


def test_hours_that_only_touch_may_stand_side_by_side() -> None:
    both = SiteConditions(forbidden=(hours("8:00", "9:00"), hours("9:00", "9:30")))
    assert not both.is_empty
    assert NO_CONDITIONS.is_empty


def test_a_gap_of_days_ends_at_midnight_and_one_of_minutes_to_the_minute() -> None:
    ended = moment("16:40")
    assert AfterChart(chart_id="a").free_at(ended) == ended
    assert AfterChart(chart_id="a", gap_min=30).free_at(ended) == moment("17:10")
    week = AfterChart(chart_id="a", gap_days=7)
    # tagged on the 24th, whatever the hour: removed from the 1st of December on
    assert week.free_on(ended) == dt.date(2026, 12, 1)
    assert week.free_at(ended) == moment("0:00", DAY + dt.timedelta(days=7))


def test_conditions_are_said_in_short_phrases_with_names() -> None:
    stated = SiteConditions(
        num_teams=2,
        max_width_cm=200,
        forbidden=(hours("8:00", "9:00"),),
        after=(
            AfterChart(chart_id="a"),
            AfterChart(chart_id="b", gap_min=30),
            AfterChart(chart_id="c", gap_days=7),
        ),
        tools=("jetter", "crane"),
        materials=(("合材", 3),),
        windows=(TimeWindow(start_s=at("13:00"), end_s=at("15:30")),),
    )
    names = ConditionNames(tools={"jetter": "高圧洗浄車"}, charts={"a": "R8-1"})
    assert conditions_in_words(stated, names) == (
        "2班で同時に",
        "車幅 2.0mまで",
        "8:00–9:00 は作業不可",
        "R8-1 が済んだあとに",
        "b が済んで30分以上あとに",
        "c が済んで7日以上あとに",
        "持ち物: 高圧洗浄車、crane、合材 3個",
        "約束の日は 13:00–15:30 でもよい",
    )
    assert conditions_in_words(NO_CONDITIONS, names) == ()
    one = conditions_in_words(SiteConditions(num_teams=1), names)
    assert one == ("1班で",)


@pytest.mark.parametrize(
    ("width_cm", "text"), [(200, "2.0m"), (185, "1.85m"), (190, "1.9m")]
)
def test_a_width_is_written_as_finely_as_it_was_stated(
    width_cm: int, text: str
) -> None:
    assert width_text(width_cm) == text


def test_a_chart_may_not_wait_for_itself_over_others() -> None:
    def after(*ids: str) -> tuple[AfterChart, ...]:
        return tuple(AfterChart(chart_id=one) for one in ids)

    # d waits for b and c, both for a: twice the same way back is no circle
    waits_for = {"d": after("b", "c"), "b": after("a"), "c": after("a")}
    require_no_circle("e", after("d"), waits_for)
    for circle in (after("a"), after("d")):
        with pytest.raises(InvalidInputError, match="循環"):
            require_no_circle("a", circle, waits_for)


def test_the_stock_is_summed_over_the_offices() -> None:
    def tool(tool_id: str, office_id: str, count: int) -> SharedTool:
        return SharedTool(id=tool_id, name="", office_id=office_id, count=count)

    owned = [tool("lift", "north", 1), tool("jet", "north", 1), tool("lift", "east", 2)]
    assert stock_of(owned) == (("jet", 1), ("lift", 3))
    with pytest.raises(InvalidInputError):
        tool("lift", "north", -1)
