"""The lint of turn restrictions, on a town of our own and on true extracts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dispatch.domain.errors import SourceError
from geodata.roads.restrictions import (
    Finding,
    Problem,
    RestrictionReport,
    lint_restrictions,
)
from tests.geodata.road_fixtures import Crossing, Extra, Member, Town, write_town
from tests.shared_data import need_shared

# Every case below is the same turn: eastbound into (1, 1), right into the south.
VIA: Crossing = (1, 1)
WEST: Crossing = (0, 1)
SOUTH: Crossing = (1, 0)
EAST: Crossing = (2, 1)
NORTH: Crossing = (1, 2)
RIGHT = {"type": "restriction", "restriction": "no_right_turn"}
Build = Callable[[Town], object]


def arm(town: Town, end: Crossing, role: str) -> Member:
    return ("w", town.block(VIA, end), role)


def via(town: Town, crossing: Crossing = VIA) -> Member:
    return ("n", town.node(*crossing), "via")


def whole(town: Town) -> list[Member]:
    return [arm(town, WEST, "from"), via(town), arm(town, SOUTH, "to")]


def through(town: Town, here: Crossing, there: Crossing) -> int:
    """Make the two blocks on both sides of the via node one way."""
    town.drop(town.block(here, VIA))
    town.drop(town.block(VIA, there))
    return town.add_way((here, VIA, there), highway="tertiary")


def report(path: Path, build: Build) -> RestrictionReport:
    town = Town()
    build(town)
    return lint_restrictions(town.write(path / "town.osm.pbf"))


def problems(found: RestrictionReport) -> list[Problem]:
    return [one.problem for one in found.findings]


def via_way(*crossings: Crossing, kind: str = "no_u_turn") -> Build:
    return lambda town: town.ban(kind, *crossings)


def shuffled(town: Town) -> object:
    """From (0, 1) over (1, 1), (1, 2), (1, 3) to (0, 3), its via ways out of order."""
    members: list[Member] = [
        ("w", town.block((0, 1), (1, 1)), "from"),
        ("w", town.block((1, 2), (1, 3)), "via"),
        ("w", town.block((1, 1), (1, 2)), "via"),
        ("w", town.block((1, 3), (0, 3)), "to"),
    ]
    return town.add_relation(members, type="restriction", restriction="no_u_turn")


GOOD: dict[str, Build] = {
    "a plain one": lambda town: town.ban("no_right_turn", WEST, VIA, SOUTH),
    "straight on only": lambda town: town.ban("only_straight_on", WEST, VIA, EAST),
    "two values": lambda town: town.add_relation(
        whole(town), type="restriction", restriction="no_right_turn; no_u_turn"
    ),
    "a further member": lambda town: town.add_relation(
        [*whole(town), ("n", town.node(*NORTH), "location_hint"), ("r", 7, "")],
        **RIGHT,
    ),
    "several from of no_entry": lambda town: town.add_relation(
        [*whole(town), arm(town, NORTH, "from")],
        type="restriction",
        restriction="no_entry",
    ),
    "several to of no_exit": lambda town: town.add_relation(
        [*whole(town), arm(town, EAST, "to")], type="restriction", restriction="no_exit"
    ),
    "for our kind of vehicle": lambda town: town.add_relation(
        whole(town), **{"type": "restriction", "restriction:goods": "no_right_turn"}
    ),
    "for another kind too": lambda town: town.add_relation(
        whole(town), **RIGHT, **{"restriction:hgv": "no_u_turn", "except": "bus; psv"}
    ),
    "by its type for our vehicle": lambda town: town.add_relation(
        whole(town), type="restriction:motorcar", restriction="no_right_turn"
    ),
    "without any type": lambda town: town.add_relation(
        whole(town), restriction="no_right_turn"
    ),
    "a via way": via_way(WEST, VIA, NORTH, (0, 2)),
    "two via ways": via_way(WEST, VIA, NORTH, (1, 3), (0, 3)),
    "a via node beside the via way": lambda town: town.add_relation(
        [
            arm(town, WEST, "from"),
            via(town),
            arm(town, NORTH, "via"),
            ("w", town.block(NORTH, (0, 2)), "to"),
        ],
        type="restriction",
        restriction="no_u_turn",
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_restriction_that_the_engine_obeys_is_good(tmp_path: Path, name: str) -> None:
    assert report(tmp_path, GOOD[name]) == RestrictionReport(
        num_relations=1, num_good=1, num_not_ours=0, findings=()
    )


NOT_OURS: dict[str, dict[str, str]] = {
    "for heavy goods": {"type": "restriction", "restriction:hgv": "no_right_turn"},
    "for heavy goods at hours": {
        "type": "restriction",
        "restriction:hgv:conditional": "no_right_turn @ (07:00-09:00)",
    },
    "except motor vehicles": {**RIGHT, "except": "bicycle; motor_vehicle"},
}


@pytest.mark.parametrize("name", NOT_OURS)
def test_a_restriction_of_other_vehicles_is_counted_apart(
    tmp_path: Path, name: str
) -> None:
    found = report(tmp_path, lambda town: town.add_relation([], **NOT_OURS[name]))
    assert found == RestrictionReport(
        num_relations=1, num_good=0, num_not_ours=1, findings=()
    )


def test_a_profile_that_obeys_other_vehicles_is_told(tmp_path: Path) -> None:
    town = Town()
    town.add_relation(whole(town), **NOT_OURS["for heavy goods"])
    pbf = town.write(tmp_path / "town.osm.pbf")
    assert lint_restrictions(pbf, vehicles={"hgv"}).num_good == 1


def tagged(**tags: str) -> Build:
    return lambda town: town.add_relation(whole(town), **tags)


def members(*chosen: Callable[[Town], Member]) -> Build:
    return lambda town: town.add_relation([one(town) for one in chosen], **RIGHT)


def from_west(town: Town) -> Member:
    return arm(town, WEST, "from")


def to_south(town: Town) -> Member:
    return arm(town, SOUTH, "to")


def gone(town: Town) -> None:
    town.add_relation(whole(town), **RIGHT)
    town.drop(town.block(WEST, VIA))


def no_road(town: Town) -> None:
    fence = town.add_way((VIA, (0.5, 0.5)), barrier="fence")
    town.add_relation([from_west(town), via(town), ("w", fence, "to")], **RIGHT)


def inside_to(town: Town) -> None:
    street = through(town, NORTH, SOUTH)
    town.add_relation([from_west(town), via(town), ("w", street, "to")], **RIGHT)


def inside_from(town: Town) -> None:
    street = through(town, WEST, EAST)
    town.add_relation([("w", street, "from"), via(town), to_south(town)], **RIGHT)


def inside_ring(town: Town) -> None:
    ring = town.add_way(((0, 0), VIA, (2, 0), (0, 0)), highway="service")
    town.add_relation([from_west(town), via(town), ("w", ring, "to")], **RIGHT)


def leaves_the_via_way_halfway(town: Town) -> None:
    street = through(town, NORTH, SOUTH)
    start = ("w", town.block((0, 2), NORTH), "from")
    town.add_relation([start, ("w", street, "via"), arm(town, EAST, "to")], **RIGHT)


P = Problem
BAD: dict[str, tuple[Build, list[Problem]]] = {
    "no tag": (tagged(type="restriction"), [P.NO_VALUE]),
    "a value of nobody": (
        tagged(type="restriction", restriction="banned"),
        [P.UNKNOWN_VALUE],
    ),
    "a value that begins well": (
        tagged(type="restriction", restriction="no_fun"),
        [P.UNKNOWN_VALUE],
    ),
    "a capital": (
        tagged(type="restriction", restriction="No_right_turn"),
        [P.UNKNOWN_VALUE],
    ),
    "one bad of two": (
        tagged(**{**RIGHT, "restriction:motorcar": "yes"}),
        [P.UNKNOWN_VALUE],
    ),
    "at hours only": (
        tagged(
            **{"type": "restriction", "restriction:conditional": "no_u_turn @ (Mo-Fr)"}
        ),
        [P.CONDITIONAL],
    ),
    "at hours beside a plain one": (
        tagged(**{**RIGHT, "restriction:goods:conditional": "no_u_turn @ (Mo-Fr)"}),
        [P.CONDITIONAL],
    ),
    "no members": (members(), [P.NO_FROM, P.NO_VIA, P.NO_TO]),
    "no from": (members(via, to_south), [P.NO_FROM]),
    "no via": (members(from_west, to_south), [P.NO_VIA]),
    "no to": (members(from_west, via), [P.NO_TO]),
    "from is a node": (
        members(lambda town: ("n", town.node(*WEST), "from"), via, to_south),
        [P.WRONG_TYPE],
    ),
    "via is a relation": (
        members(from_west, lambda _: ("r", 1, "via"), to_south),
        [P.WRONG_TYPE],
    ),
    "two from": (
        members(from_west, lambda town: arm(town, NORTH, "from"), via, to_south),
        [P.TOO_MANY],
    ),
    "two to": (
        members(from_west, via, lambda town: arm(town, EAST, "to"), to_south),
        [P.TOO_MANY],
    ),
    "two via nodes": (
        members(from_west, via, lambda town: via(town, EAST), to_south),
        [P.TOO_MANY],
    ),
    "a way that is not there": (gone, [P.NOT_IN_FILE]),
    "a node that is not there": (
        members(from_west, lambda _: ("n", 777, "via"), to_south),
        [P.NOT_IN_FILE],
    ),
    "a fence": (no_road, [P.NOT_A_ROAD]),
    "to runs on": (inside_to, [P.VIA_INSIDE_WAY]),
    "from runs on": (inside_from, [P.VIA_INSIDE_WAY]),
    "to is a ring that closes elsewhere": (inside_ring, [P.VIA_INSIDE_WAY]),
    "via elsewhere": (
        members(from_west, lambda town: via(town, EAST), to_south),
        [P.VIA_OFF_WAY, P.VIA_OFF_WAY],
    ),
    "via at one arm only": (
        members(from_west, lambda town: via(town, WEST), to_south),
        [P.VIA_OFF_WAY],
    ),
    "a via way elsewhere": (
        members(
            from_west, lambda town: ("w", town.block((3, 3), (3, 4)), "via"), to_south
        ),
        [P.VIA_WAYS_BROKEN],
    ),
    "via ways out of order": (shuffled, [P.VIA_WAYS_BROKEN]),
    "to leaves the via way halfway": (leaves_the_via_way_halfway, [P.VIA_WAYS_BROKEN]),
}


@pytest.mark.parametrize("name", BAD)
def test_a_restriction_that_the_engine_drops_is_found(
    tmp_path: Path, name: str
) -> None:
    build, expected = BAD[name]
    found = report(tmp_path, build)
    assert problems(found) == expected
    assert (found.num_relations, found.num_good, found.num_not_ours) == (1, 0, 0)


def test_every_problem_is_tried_by_a_case() -> None:
    assert {one for _, expected in BAD.values() for one in expected} == set(Problem)


def test_a_finding_tells_a_person_which_relation_and_where(tmp_path: Path) -> None:
    (finding,) = report(tmp_path, inside_to).findings
    assert finding == Finding(
        relation_id=9000,
        problem=Problem.VIA_INSIDE_WAY,
        sentence=(
            "右左折規制(リレーション9000): 経由点が退出路(to)の途中にあります。"
            "経由点で線を分けてください。"
        ),
        at=Town.place(*VIA),
    )


def test_a_value_from_the_map_is_cleaned_before_it_is_shown(tmp_path: Path) -> None:
    hostile = tagged(type="restriction", restriction="no\n\x07" + "x" * 200)
    (finding,) = report(tmp_path, hostile).findings
    # "no ", 36 x and the sign that something is missing: 40 characters.
    assert f"「no {'x' * 36}…」" in finding.sentence


def test_without_its_via_node_a_turn_lies_at_the_end_of_a_way(tmp_path: Path) -> None:
    (finding,) = report(tmp_path, BAD["no via"][0]).findings
    assert finding.at == Town.place(*WEST)  # the first node of the `from` way


def test_a_turn_without_any_known_member_has_no_place(tmp_path: Path) -> None:
    found = report(tmp_path, members())
    assert {finding.at for finding in found.findings} == {None}


def test_good_bad_and_other_restrictions_add_up(tmp_path: Path) -> None:
    def build(town: Town) -> None:
        town.ban("no_right_turn", WEST, VIA, SOUTH)
        town.ban("no_left_turn", WEST, VIA, NORTH)
        town.add_relation([], **NOT_OURS["for heavy goods"])
        town.add_relation([], **RIGHT)  # three findings, one relation
        town.add_relation(whole(town), type="route", restriction="no_right_turn")

    found = report(tmp_path, build)
    assert (found.num_relations, found.num_good, found.num_not_ours) == (4, 2, 1)
    assert len(found.findings) == 3


def test_the_town_with_everything_holds_two_good_restrictions(tmp_path: Path) -> None:
    write_town(tmp_path / "town.osm.pbf", *Extra)
    found = lint_restrictions(tmp_path / "town.osm.pbf")
    assert (found.num_relations, found.num_good, found.findings) == (2, 2, ())


def test_a_town_without_restrictions_has_an_empty_report(tmp_path: Path) -> None:
    assert report(tmp_path, lambda _: None).num_relations == 0


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.99])
def test_a_file_that_is_cut_off_is_an_error_in_words(
    tmp_path: Path, keep: float
) -> None:
    pbf = tmp_path / "town.osm.pbf"
    write_town(pbf, Extra.TURN_BAN)
    content = pbf.read_bytes()
    size = int(keep * len(content)) if keep < 1 else int(keep)
    pbf.write_bytes(content[:size])
    with pytest.raises(SourceError, match=r"town\.osm\.pbf: .* fetch it again"):
        lint_restrictions(pbf)


@pytest.mark.parametrize("content", [b"not a map at all" * 9, b"<html></html>"])
def test_what_is_no_map_is_an_error_in_words(tmp_path: Path, content: bytes) -> None:
    pbf = tmp_path / "town.osm.pbf"
    pbf.write_bytes(content)
    with pytest.raises(SourceError, match="fetch it again"):
        lint_restrictions(pbf)


def test_a_missing_file_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="missing or damaged"):
        lint_restrictions(tmp_path / "none.osm.pbf")


@pytest.mark.parametrize(
    "name", ["osaka_abeno_20250616.osm.pbf", "osaka_central_20250922.osm.pbf"]
)
def test_the_true_extracts_hold_no_restriction(name: str) -> None:
    found = lint_restrictions(need_shared(f"data/roads/{name}"))
    assert (found.num_relations, found.findings) == (0, ())
