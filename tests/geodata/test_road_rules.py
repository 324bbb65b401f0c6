"""Which tags let a light truck drive, in which direction, and how fast."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata.roads.road_rules import (
    ACCESS_KEYS,
    OPEN,
    SHUT,
    SHUT_BARRIERS,
    RoadSpeed,
    is_shut_node,
    number_of,
    road_speed,
)
from tests.geodata.road_fixtures import NUMBERS

WITH_MOTORWAY = replace(
    NUMBERS,
    speed_kmh=MappingProxyType({**NUMBERS.speed_kmh, "motorway": 80}),
    rank=MappingProxyType({**NUMBERS.rank, "motorway": 5}),
)
# The tables below also drive the engine, in test_light_truck.
BOTH = (36.0, 36.0)  # tertiary: 36 km/h
ALONG = (36.0, 0.0)
AGAINST = (0.0, 36.0)


def speeds(tags: dict[str, str]) -> tuple[float, float] | None:
    found = road_speed({"highway": "tertiary"} | tags, WITH_MOTORWAY)
    return (found.forward_kmh, found.backward_kmh) if found else None


ONE_WAYS: list[tuple[dict[str, str], tuple[float, float] | None]] = [
    ({}, BOTH),
    ({"oneway": "no"}, BOTH),
    ({"oneway": "yes"}, ALONG),
    ({"oneway": "1"}, ALONG),
    ({"oneway": "true"}, ALONG),
    ({"oneway": "-1"}, AGAINST),
    ({"oneway": "reverse"}, AGAINST),
    ({"oneway": "reversible"}, None),
    ({"oneway": "alternating"}, None),
    ({"oneway": "maybe"}, BOTH),
    # what is said of vehicles with an engine outranks what is said of all
    ({"oneway": "yes", "oneway:motor_vehicle": "no"}, BOTH),
    ({"oneway": "no", "oneway:vehicle": "yes"}, ALONG),
    ({"oneway:vehicle": "yes", "oneway:motor_vehicle": "-1"}, AGAINST),
    # an exception for bicycles is none for us
    ({"oneway": "yes", "oneway:bicycle": "no"}, ALONG),
    ({"junction": "roundabout"}, ALONG),
    ({"junction": "circular"}, ALONG),
    ({"junction": "roundabout", "oneway": "-1"}, AGAINST),
    ({"junction": "roundabout", "oneway": "no"}, BOTH),
    ({"junction": "yes"}, BOTH),
    ({"highway": "motorway"}, (80.0, 0.0)),
    ({"highway": "motorway", "oneway": "no"}, (80.0, 80.0)),
]


@pytest.mark.parametrize(("tags", "expected"), ONE_WAYS)
def test_one_way_roads_are_driven_along_only(
    tags: dict[str, str], expected: tuple[float, float] | None
) -> None:
    assert speeds(tags) == expected


ACCESSES: list[tuple[dict[str, str], tuple[float, float] | None]] = [
    ({"access": "private"}, None),
    ({"access": "no"}, None),
    ({"access": "customers"}, None),
    ({"access": "permissive"}, BOTH),
    ({"access": "destination"}, BOTH),
    ({"access": "what"}, BOTH),
    ({"vehicle": "no"}, None),
    ({"motor_vehicle": "no"}, None),
    ({"motorcar": "no"}, None),
    ({"goods": "no"}, None),
    ({"bicycle": "no", "foot": "no", "hgv": "no"}, BOTH),
    # the more special key decides, whichever way
    ({"access": "no", "motor_vehicle": "yes"}, BOTH),
    ({"access": "yes", "motor_vehicle": "private"}, None),
    ({"motor_vehicle": "no", "goods": "delivery"}, BOTH),
    ({"motorcar": "yes", "goods": "no"}, None),
    # a value that says nothing lets the next key speak
    ({"goods": "sometimes", "access": "private"}, None),
    ({"goods": "sometimes", "vehicle": "yes", "access": "private"}, BOTH),
    # one direction alone
    ({"motor_vehicle:backward": "no"}, ALONG),
    ({"access:forward": "no"}, AGAINST),
    ({"access": "no", "motor_vehicle:forward": "yes"}, ALONG),
    ({"access:forward": "no", "access:backward": "no"}, None),
    ({"access:forward": "no", "motorcar:forward": "yes"}, BOTH),
    # a direction is never opened against a one-way sign
    ({"oneway": "yes", "access:backward": "yes"}, ALONG),
    ({"oneway": "yes", "access:forward": "no"}, None),
    ({"oneway": "-1", "access:backward": "no"}, None),
]


@pytest.mark.parametrize(("tags", "expected"), ACCESSES)
def test_what_is_said_of_trucks_outranks_what_is_said_of_all(
    tags: dict[str, str], expected: tuple[float, float] | None
) -> None:
    assert speeds(tags) == expected


LIMITS: list[tuple[dict[str, str], bool]] = [
    # the vehicle: 2.3 m high, 1.9 m wide, 4.7 m long, 5.0 t
    ({"maxheight": "2.2"}, False),
    ({"maxheight": "2.3"}, True),
    ({"maxheight": "2.2 m"}, False),
    ({"maxheight:physical": "2.1", "maxheight": "3"}, False),
    ({"maxheight": "default"}, True),
    ({"maxheight": "6'6\""}, True),  # not metres: nothing is read into it
    ({"maxwidth": "1.8"}, False),
    ({"maxwidth": "1.9"}, True),
    ({"maxwidth:physical": "1.5"}, False),
    ({"width": "1.5"}, False),
    ({"maxweight": "4.9"}, False),
    ({"maxweight": "5t"}, True),
    ({"maxweight": "2t"}, False),
    ({"maxlength": "4.5"}, False),
    ({"maxlength": "5"}, True),
    ({"impassable": "yes"}, False),
    ({"area": "yes"}, False),
    ({"area": "no"}, True),
    ({"highway": "pedestrian"}, False),
    ({"highway": "footway"}, False),
    ({"highway": "construction"}, False),
]


@pytest.mark.parametrize(("tags", "passes"), LIMITS)
def test_the_truck_must_fit_through(tags: dict[str, str], *, passes: bool) -> None:
    assert (speeds(tags) is not None) is passes


def test_what_is_no_road_is_not_driven() -> None:
    assert road_speed({}, NUMBERS) is None
    assert road_speed({"railway": "rail"}, NUMBERS) is None
    # Osaka's numbers, like these, leave the expressways out
    assert road_speed({"highway": "motorway"}, NUMBERS) is None
    assert road_speed({"highway": "motorway_link"}, NUMBERS) is None


SPEEDS: list[tuple[dict[str, str], tuple[float, float]]] = [
    ({"maxspeed": "20"}, (20.0, 20.0)),
    ({"maxspeed": "60"}, BOTH),  # never faster than the class
    ({"maxspeed": "0"}, BOTH),
    ({"maxspeed": "30 mph"}, BOTH),
    ({"maxspeed": "JP:urban"}, BOTH),
    ({"maxspeed:forward": "10"}, (10.0, 36.0)),
    ({"maxspeed:backward": "10", "maxspeed": "20"}, (20.0, 10.0)),
    ({"width": "3.9"}, (12.0, 12.0)),  # narrower than 4 m: at most 12 km/h
    ({"width": "4"}, BOTH),
    ({"width": "3.9", "maxspeed": "10"}, (10.0, 10.0)),
    ({"width": "about 3"}, BOTH),
    ({"width": "3.9", "oneway": "yes"}, (12.0, 0.0)),
]


@pytest.mark.parametrize(("tags", "expected"), SPEEDS)
def test_the_slowest_of_class_sign_and_width_counts(
    tags: dict[str, str], expected: tuple[float, float]
) -> None:
    assert speeds(tags) == expected


def test_a_road_has_the_rank_of_its_class() -> None:
    found = road_speed({"highway": "service"}, NUMBERS)
    assert found == RoadSpeed(9.0, 9.0, 1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2.5", 2.5),
        (" 2.5 m ", 2.5),
        ("3t", 3.0),
        ("3.", 3.0),
        ("", None),
        (None, None),
        ("-1", None),
        (".5", None),
        ("2,5", None),
        ("3 tons", None),
        ("3;4", None),
        ("２", None),  # full-width digits are not read, as Lua does not
    ],
)
def test_only_plain_numbers_are_read(text: str | None, value: float | None) -> None:
    assert number_of(text) == value


BARRIERS: list[tuple[dict[str, str], bool]] = [
    ({}, False),
    ({"highway": "crossing"}, False),
    ({"barrier": "kerb"}, False),
    ({"barrier": "lift_gate"}, False),
    ({"barrier": "bollard"}, True),
    ({"barrier": "gate"}, True),
    ({"barrier": "gate", "access": "yes"}, False),
    ({"barrier": "gate", "access": "private"}, True),
    ({"barrier": "gate", "foot": "yes"}, True),
    ({"barrier": "entrance", "motor_vehicle": "no"}, True),
    ({"barrier": "bollard", "access": "no", "goods": "yes"}, False),
    ({"access": "private"}, True),
]


@pytest.mark.parametrize(("tags", "shut"), BARRIERS)
def test_barriers_shut_a_node_unless_opened(
    tags: dict[str, str], *, shut: bool
) -> None:
    assert is_shut_node(tags) is shut


ACCESS_VALUES = st.sampled_from([*sorted(SHUT | OPEN), "unheard_of"])
TAGS = st.fixed_dictionaries(
    {},
    optional={
        **{
            key + suffix: ACCESS_VALUES
            for key in ACCESS_KEYS
            for suffix in ("", ":forward", ":backward")
        },
        "oneway": st.sampled_from(["yes", "-1", "no", "reversible", "odd"]),
        "junction": st.sampled_from(["roundabout", "yes"]),
        "maxspeed": st.sampled_from(["5", "30", "80", "none"]),
        "width": st.sampled_from(["1", "3", "6", "wide"]),
        "barrier": st.sampled_from([*sorted(SHUT_BARRIERS), "kerb"]),
    },
)


@given(tags=TAGS)
def test_a_road_drawn_the_other_way_round_is_the_same_road(
    tags: dict[str, str],
) -> None:
    other_end = {"forward": "backward", "backward": "forward"}
    swapped = {}
    for key, value in tags.items():
        name, _, end = key.partition(":")
        swapped[f"{name}:{other_end[end]}" if end else name] = value
    turned = {"yes": "-1", "-1": "yes"}
    if "oneway" in swapped:
        swapped["oneway"] = turned.get(swapped["oneway"], swapped["oneway"])
    elif swapped.get("junction") == "roundabout":
        swapped["oneway"] = "-1"
    one, other = speeds(tags), speeds(swapped)
    assert one == (other[::-1] if other else None)


@given(tags=TAGS)
def test_no_road_is_faster_than_its_class_and_a_shut_one_is_none(
    tags: dict[str, str],
) -> None:
    found = speeds(tags)
    if found is not None:
        assert max(found) > 0
        assert all(0 <= speed <= 36 for speed in found)
