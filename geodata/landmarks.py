"""Landmarks (目標物): places that people name instead of an address."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from dispatch.domain.place import LonLat
from dispatch.domain.placing import Candidate, PlaceLevel, Placement, PlacingStatus
from geodata.address_text import folded, normalised
from geodata.city import School

RADIUS_M = 150  # a school ground is some 100 m across: assumption, to be measured
RELATION_RADIUS_M = 200  # "south of", "in front of": beyond the ground itself
_RELATION = re.compile(
    r"[東西南北]側|[東西南北]隣|前|横|隣|裏|脇|向かい|近く|付近|周辺|そば|交差点|角"
)
_OPERATOR = re.compile(r"^.{1,8}?[都道府県市区町村]立")
_ELEMENTARY = "小学校"
# A name begins where no longer name can: after a particle, a sign, 立, 区, 丁目.
_LEFT_BORDER = re.compile(r"[^一-龠々ァ-ヺーケツ]|[ノ立区目市]")
# After a short form (玉出小) only these may follow, so that 玉出小路 is no school.
_RIGHT_BORDER = re.compile(
    r"$|[^一-龠々ァ-ヺa-zA-Z]|[東西南北][側隣角門]|ノ|交差点|"
    r"[前横隣裏脇向近付周角正校内]"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Landmark:
    """
    One thing with a name and a place.

    `name` is shown; `full_names` count wherever they begin a word, `short_names` only
    when the word also ends there.
    """

    id: str
    name: str
    ward_code: str
    place: LonLat
    full_names: tuple[str, ...]
    short_names: tuple[str, ...] = ()


class LandmarkIndex:
    """
    Landmarks by the names that people use.

    Parameters
    ----------
    landmarks
        In any order; several may share a name.

    Notes
    -----
    The longest name wins, and a name must begin a word: 東三国小 is never 三国小.
    """

    def __init__(self, landmarks: Iterable[Landmark]) -> None:
        by_name: dict[str, list[Landmark]] = defaultdict(list)
        short: set[str] = set()
        for mark in landmarks:
            for name in dict.fromkeys((*mark.full_names, *mark.short_names)):
                by_name[folded(normalised(name))].append(mark)
            short.update(folded(normalised(name)) for name in mark.short_names)
        by_name.pop("", None)
        self._by_name = dict(by_name)
        self._short = frozenset(short)
        self._longest = max(map(len, self._by_name), default=0)

    @classmethod
    def from_schools(cls, schools: Iterable[School]) -> Self:
        """Know each elementary school by its full name and by 〜小学校, 〜小."""
        return cls(map(school_landmark, schools))

    def find(self, text: str, *, ward_code: str = "") -> Placement:
        """
        Find the one landmark that a text names.

        Parameters
        ----------
        text
            Free words, such as 玉出小の南側.
        ward_code
            Ward that is already known; a landmark elsewhere is then a conflict.

        Returns
        -------
        Placement
            Level landmark, radius 150 m, or 200 m when the text says "beside" in any
            form; ambiguous when several fit.
        """
        line = folded(normalised(text).replace(" ", ""))
        hits = list(self._hits(line))
        radius_m = RADIUS_M
        if any(_RELATION.search(line[end:]) for _, end in hits):
            radius_m = RELATION_RADIUS_M
        marks = {mark.id: mark for name, _ in hits for mark in self._by_name[name]}
        if not marks:
            return _without_place(PlacingStatus.NOT_FOUND, "目標物が見つかりません。")
        inside = [m for m in marks.values() if ward_code in ("", m.ward_code)]
        options = tuple(_option(m, radius_m) for m in inside or marks.values())
        if not inside:
            problem = "その区に、この名前の目標物はありません。"
            return _without_place(PlacingStatus.CONFLICT, problem, options)
        if len(inside) > 1:
            problem = "当てはまる目標物が複数あります。"
            return _without_place(PlacingStatus.AMBIGUOUS, problem, options)
        end = next(end for name, end in hits if inside[0] in self._by_name[name])
        return Placement(
            status=PlacingStatus.OK,
            message="目標物から特定しました。",
            level=PlaceLevel.LANDMARK,
            place=inside[0].place,
            radius_m=radius_m,
            ward_code=inside[0].ward_code,
            matched_text=inside[0].name,
            rest=normalised(text).replace(" ", "")[end:],
        )

    def _hits(self, line: str) -> Iterator[tuple[str, int]]:
        """Walk the text; at each beginning of a word take the longest name."""
        start = 0
        while start < len(line):
            name = self._name_at(line, start)
            if name:
                start += len(name)
                yield name, start
            else:
                start += 1

    def _name_at(self, line: str, start: int) -> str | None:
        if start and not _LEFT_BORDER.match(line[start - 1]):
            return None
        for end in range(min(len(line), start + self._longest), start, -1):
            name = line[start:end]
            if name in self._by_name and self._may_end(line, name, end):
                return name
        return None

    def _may_end(self, line: str, name: str, end: int) -> bool:
        return name not in self._short or _RIGHT_BORDER.match(line, end) is not None


def school_landmark(school: School) -> Landmark:
    """Give an elementary school its names: with and without 市立, 〜小学校, 〜小."""
    bare = _OPERATOR.sub("", school.name)
    stems = {
        name.removesuffix(_ELEMENTARY).removesuffix("小")
        for name in (bare, school.short_name)
        if name.endswith((_ELEMENTARY, "小"))
    }
    whole = () if school.short_name.endswith("小") else (school.short_name,)
    stem_names = (f"{stem}{_ELEMENTARY}" for stem in sorted(stems))
    long_names = (school.name, bare, *whole, *stem_names)
    return Landmark(
        id=school.id,
        name=school.name,
        ward_code=school.ward_code,
        place=school.place,
        full_names=tuple(dict.fromkeys(long_names)),
        short_names=tuple(f"{stem}小" for stem in sorted(stems)),
    )


def _option(mark: Landmark, radius_m: int) -> Candidate:
    return Candidate(
        label=mark.name,
        place=mark.place,
        level=PlaceLevel.LANDMARK,
        radius_m=radius_m,
        ward_code=mark.ward_code,
    )


def _without_place(
    status: PlacingStatus, message: str, options: tuple[Candidate, ...] = ()
) -> Placement:
    return Placement(status=status, message=message, candidates=options)
