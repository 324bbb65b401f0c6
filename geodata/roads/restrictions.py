"""Turn restrictions of an OSM extract that the road engine would pass over in silence.

OSRM drops a restriction that it cannot place, without a word, and then drives the
forbidden turn. What it drops was tried with osrm-bindings 26.10.0 and car.lua on over
fifty forms of one turn, on a grid of our own (2026-11): what is good here was avoided,
what is found wrong was driven. Three slips are reported although the turn was avoided:
an unknown value that begins with no_ or only_ (its beginning decides), several via
nodes (the last decides), and a plain restriction with a conditional one beside it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import osmium

from dispatch.domain.errors import SourceError
from dispatch.domain.place import LonLat
from geodata.roads.guidance import clean

# Whose restrictions the engine obeys: `restrictions` of light_truck.lua.
VEHICLES = frozenset({"goods", "motorcar", "motor_vehicle", "vehicle"})
# https://wiki.openstreetmap.org/wiki/Relation:restriction, read 2026-11.
VALUES = frozenset(
    {
        "no_right_turn",
        "no_left_turn",
        "no_u_turn",
        "no_straight_on",
        "no_entry",
        "no_exit",
        "only_right_turn",
        "only_left_turn",
        "only_u_turn",
        "only_straight_on",
    }
)
_BETWEEN_VALUES = re.compile("; *")
_KEY = "restriction"
_CONDITIONAL = "conditional"
_ROLES = ("from", "via", "to")
_ROLE_NAMES = {"from": "進入路", "via": "経由点", "to": "退出路"}


class Problem(StrEnum):
    """Why the engine does not obey a restriction as it was meant."""

    NO_VALUE = "no_value"  # no tag tells what is forbidden
    UNKNOWN_VALUE = "unknown_value"  # not one of VALUES
    CONDITIONAL = "conditional"  # holds at some hours: the engine knows no hours
    NO_FROM = "no_from"
    NO_VIA = "no_via"
    NO_TO = "no_to"
    WRONG_TYPE = "wrong_type"  # from or to is no way; via is neither node nor ways
    TOO_MANY = "too_many"  # several from (but no_entry), to (but no_exit) or via nodes
    NOT_IN_FILE = "not_in_file"  # a member is not in the extract
    NOT_A_ROAD = "not_a_road"  # a member way has no highway tag
    VIA_INSIDE_WAY = "via_inside_way"  # from or to runs on through the via node
    VIA_OFF_WAY = "via_off_way"  # from or to does not touch the via node
    VIA_WAYS_BROKEN = "via_ways_broken"  # via ways are no chain, in order, between them


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """
    One thing wrong with one restriction.

    `sentence` tells it to a person; `at` is the place of the turn, None when the
    extract does not hold it.
    """

    relation_id: int
    problem: Problem
    sentence: str
    at: LonLat | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictionReport:
    """
    What an extract holds of turn restrictions.

    `num_relations` = `num_good` + `num_not_ours` + relations with findings; not ours
    are those of other vehicles and those that except ours.
    """

    num_relations: int
    num_good: int
    num_not_ours: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Restriction:
    """A relation as read: its own tags and members (type, number, role)."""

    id: int
    tags: Mapping[str, str]
    members: tuple[tuple[str, int, str], ...]

    def values(self) -> dict[str, str]:
        """Give what is forbidden, by key: for everyone, a vehicle or at some hours."""
        return {k: v for k, v in self.tags.items() if k.split(":")[0] == _KEY}

    def refs(self, role: str, kind: str) -> list[int]:
        return [
            ref for type_, ref, said in self.members if (type_, said) == (kind, role)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Extract:
    """What the restrictions of a file need of its nodes and ways."""

    restrictions: tuple[_Restriction, ...]
    ways: Mapping[int, tuple[int, ...]]  # node numbers, first to last
    roads: frozenset[int]  # ways with a highway tag
    places: Mapping[int, LonLat]


_Found = Iterator[tuple[Problem, str]]


def lint_restrictions(
    pbf: Path, *, vehicles: Collection[str] = VEHICLES
) -> RestrictionReport:
    """
    Check every turn restriction of an OSM extract.

    Parameters
    ----------
    pbf
        An .osm.pbf file; it is read three times and never held in memory.
    vehicles
        Vehicles whose restrictions the engine's profile obeys.

    Raises
    ------
    SourceError
        When the file is missing, cut off or no OSM file.
    """
    try:
        extract = _read(pbf)
    except (RuntimeError, OSError) as error:
        message = (
            f"{pbf}: turn restrictions cannot be read ({error}); "
            "the file is missing or damaged: fetch it again"
        )
        raise SourceError(message) from error
    ours = [one for one in extract.restrictions if _is_ours(one, vehicles)]
    findings = [
        Finding(
            relation_id=one.id,
            problem=problem,
            sentence=f"右左折規制(リレーション{one.id}): {said}",
            at=_place(extract, one),
        )
        for one in ours
        for problem, said in _problems(extract, one, vehicles)
    ]
    return RestrictionReport(
        num_relations=len(extract.restrictions),
        num_good=len(ours) - len({finding.relation_id for finding in findings}),
        num_not_ours=len(extract.restrictions) - len(ours),
        findings=tuple(findings),
    )


def _read(pbf: Path) -> _Extract:
    restrictions = tuple(
        _Restriction(
            id=relation.id,
            tags={tag.k: tag.v for tag in relation.tags},
            members=tuple((it.type, it.ref, it.role) for it in relation.members),
        )
        for relation in osmium.FileProcessor(pbf, osmium.osm.RELATION)
        if isinstance(relation, osmium.osm.Relation) and _is_restriction(relation.tags)
    )
    members = [it for one in restrictions for it in one.members if it[2] in _ROLES]
    wanted = osmium.filter.IdFilter({ref for kind, ref, _ in members if kind == "w"})
    read = [
        (way.id, tuple(node.ref for node in way.nodes), "highway" in way.tags)
        for way in osmium.FileProcessor(pbf, osmium.osm.WAY).with_filter(wanted)
        if isinstance(way, osmium.osm.Way)
    ]
    ways = {way: refs for way, refs, _ in read}
    nodes = {ref for kind, ref, _ in members if kind == "n"}
    nodes.update(end for refs in ways.values() for end in _ends(refs))
    return _Extract(
        restrictions=restrictions,
        ways=ways,
        roads=frozenset(way for way, _, is_road in read if is_road),
        places=_places(pbf, nodes),
    )


def _places(pbf: Path, wanted: set[int]) -> dict[int, LonLat]:
    reader = osmium.FileProcessor(pbf, osmium.osm.NODE)
    return {
        node.id: LonLat(node.location.lon, node.location.lat)
        for node in reader.with_filter(osmium.filter.IdFilter(wanted))
        if isinstance(node, osmium.osm.Node) and node.location.valid()
    }


def _is_restriction(tags: osmium.osm.TagList) -> bool:
    kind = tags.get("type") or ""
    return kind == _KEY or kind.startswith(f"{_KEY}:") or (not kind and _KEY in tags)


def _is_ours(one: _Restriction, vehicles: Collection[str]) -> bool:
    """Whether it is meant for one of the vehicles, at any hour."""
    excepted = {name.strip() for name in one.tags.get("except", "").split(";")}
    if excepted & set(vehicles):
        return False
    return bool(_told(one, vehicles)) or not one.values()


def _told(one: _Restriction, vehicles: Collection[str]) -> dict[str, str]:
    """Select the values that speak of everyone or of our vehicles, by key."""
    return {
        key: value
        for key, value in one.values().items()
        if all(part in vehicles or part == _CONDITIONAL for part in key.split(":")[1:])
    }


def _problems(
    extract: _Extract, one: _Restriction, vehicles: Collection[str]
) -> _Found:
    yield from _value_problems(one, vehicles)
    missing = list(_member_problems(extract, one))
    # The shape of the turn can only be judged when its parts are there.
    yield from missing or _shape_problems(extract, one)


def _value_problems(one: _Restriction, vehicles: Collection[str]) -> _Found:
    ours = _told(one, vehicles)
    plain = {key: value for key, value in ours.items() if _CONDITIONAL not in key}
    if not ours:
        yield Problem.NO_VALUE, "規制の種類(restriction)が書かれていません。"
    for value in plain.values():
        if not VALUES.issuperset(_BETWEEN_VALUES.split(value)):
            said = clean(value, max_chars=40)
            yield Problem.UNKNOWN_VALUE, f"規制の種類「{said}」は使われない値です。"
    if len(plain) < len(ours):
        said = "時間帯などの条件つきの規制は、道路エンジンでは効きません。"
        yield Problem.CONDITIONAL, said


def _member_problems(extract: _Extract, one: _Restriction) -> _Found:
    problems = {
        "from": Problem.NO_FROM,
        "via": Problem.NO_VIA,
        "to": Problem.NO_TO,
    }
    for role, problem in problems.items():
        name = _ROLE_NAMES[role]
        if not any(said == role for _, _, said in one.members):
            yield problem, f"{name}({role})がありません。"
        elif not _has_right_type(one, role):
            yield (
                Problem.WRONG_TYPE,
                f"{name}({role})が正しい種類の地物ではありません。",
            )
        elif _too_many(one, role):
            yield Problem.TOO_MANY, f"{name}({role})が複数あります。"
    for kind, ref, role in one.members:
        name = _ROLE_NAMES.get(role, "")
        if not name or kind == "r":
            continue
        if ref not in (extract.ways if kind == "w" else extract.places):
            yield Problem.NOT_IN_FILE, f"{name}({role})が抽出データの中にありません。"
        elif kind == "w" and ref not in extract.roads:
            yield Problem.NOT_A_ROAD, f"{name}({role})が道路ではありません。"


def _has_right_type(one: _Restriction, role: str) -> bool:
    types = {kind for kind, _, said in one.members if said == role}
    return "w" in types or (role == "via" and "n" in types)


def _too_many(one: _Restriction, role: str) -> bool:
    """Whether the engine takes none, or only the last, of several members."""
    if role == "via":
        return not one.refs("via", "w") and len(one.refs("via", "n")) > 1
    plural = "no_entry" if role == "from" else "no_exit"
    values = one.values().values()
    allowed = any(plural in _BETWEEN_VALUES.split(value) for value in values)
    return len(one.refs(role, "w")) > 1 and not allowed


def _shape_problems(extract: _Extract, one: _Restriction) -> _Found:
    froms, tos = (
        [extract.ways[ref] for ref in one.refs(role, "w")] for role in ("from", "to")
    )
    via_ways = [extract.ways[ref] for ref in one.refs("via", "w")]
    if via_ways:
        if not all(_leads(via_ways, start, goal) for start in froms for goal in tos):
            said = (
                "経由路(via)が進入路から退出路まで、順に端どうしでつながっていません。"
            )
            yield Problem.VIA_WAYS_BROKEN, said
        return
    (via,) = one.refs("via", "n")
    arms = [("from", way) for way in froms] + [("to", way) for way in tos]
    for role, way in arms:
        name = _ROLE_NAMES[role]
        if via not in way:
            said = f"{name}({role})が経由点を通っていません。"
            yield Problem.VIA_OFF_WAY, said
        elif via not in _ends(way):
            said = (
                f"経由点が{name}({role})の途中にあります。経由点で線を分けてください。"
            )
            yield Problem.VIA_INSIDE_WAY, said


def _ends(way: Sequence[int]) -> tuple[int, ...]:
    return (way[0], way[-1]) if way else ()


def _leads(
    ways: Sequence[Sequence[int]], start: Sequence[int], goal: Sequence[int]
) -> bool:
    """Whether the ways, in their order and end to end, lead from one way to another."""
    reached = set(_ends(start))
    for way in ways:
        ends = _ends(way)
        reached = {
            far for near, far in zip(ends, ends[::-1], strict=True) if near in reached
        }
    return bool(reached & set(_ends(goal)))


def _place(extract: _Extract, one: _Restriction) -> LonLat | None:
    """Place of the turn: the via node, or an end of the first member way there is."""
    nodes = one.refs("via", "n")
    for role in ("via", "from", "to"):
        nodes += [
            end
            for ref in one.refs(role, "w")
            for end in _ends(extract.ways.get(ref, ()))
        ]
    return next((extract.places[ref] for ref in nodes if ref in extract.places), None)
