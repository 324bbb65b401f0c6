"""Crossings of two roads with names: 御堂筋と本町通の交差点."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from geodata.bundle.records import CrossingRecord, FacilityRecord
from geodata.geocoding.landmark_marks import Hit, WardOf, marks_of
from geodata.geocoding.landmark_names import KeyedText, NameClass, key_of, spelled
from geodata.geocoding.word_borders import may_begin, may_end

# Two wide streets with their pavements: assumption.
_CROSSING = NameClass(words=("交差点",), radius_m=50)
_BETWEEN_ROADS = re.compile(r"と、?|×|・|及び|および|/|x|X|&|-")
_CROSS_WORD = re.compile(r"交[差叉]|交わ|角|クロス|×|[xX]")
_CROSS_TAIL = re.compile(r"[のが]?(?:交[差叉]点|交わる(?:所|ところ)?|角)")


class CrossingNames:
    """
    Crossings of two roads by the names of both.

    Parameters
    ----------
    crossings
        Several of one pair within 300 m (both carriageways) are one.
    ward_of
        Code of the ward around a point.
    """

    def __init__(
        self, crossings: Iterable[CrossingRecord], ward_of: WardOf | None = None
    ) -> None:
        places: dict[tuple[str, ...], list[FacilityRecord]] = defaultdict(list)
        for crossing in crossings:
            pair = tuple(sorted(map(_road_key, crossing.roads)))
            name = "と".join(crossing.roads) + "の交差点"
            record = FacilityRecord(id="", name=name, place=crossing.place)
            places[pair].append(record)
        self._roads = frozenset(road for pair in places for road in pair)
        self._longest = max(map(len, self._roads), default=0) + 1
        self._marks = {
            pair: tuple(marks_of(found, _CROSSING, ward_of))
            for pair, found in places.items()
        }

    def find(self, line: KeyedText) -> Hit | None:
        """Find the first two roads that a text joins and that cross."""
        text = line.line
        if not self._marks or _CROSS_WORD.search(text) is None:
            return None
        for joint in _BETWEEN_ROADS.finditer(text):
            before = self._road_before(text, joint.start())
            after = self._road_after(text, joint.end())
            if before is None or after is None:
                continue
            pair = tuple(sorted((before[0], after[0])))
            if pair in self._marks:
                tail = _CROSS_TAIL.match(text, after[1])
                return Hit(
                    key="".join(pair),
                    marks=self._marks[pair],
                    start=before[1],
                    end=tail.end() if tail else after[1],
                )
        return None

    def _road_before(self, text: str, end: int) -> tuple[str, int] | None:
        """Longest road that ends at a place of the text, and where it starts."""
        for start in range(max(0, end - self._longest), end):
            road = _road_key(text[start:end])
            if road in self._roads and may_begin(text, start):
                return road, start
        return None

    def _road_after(self, text: str, start: int) -> tuple[str, int] | None:
        """Longest road that starts at a place of the text, and where it ends."""
        for end in range(min(len(text), start + self._longest), start, -1):
            road = _road_key(text[start:end])
            if road in self._roads and may_end(text, end):
                return road, end
        return None


def _road_key(name: str) -> str:
    """Key of a road; 通り is the same as 通."""
    key = key_of(spelled(name))
    return key.removesuffix("リ") if key.endswith("通リ") else key
