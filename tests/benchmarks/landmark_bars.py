"""Measure of the landmarks: names, names with a letter dropped, without class word."""

from __future__ import annotations

import csv
import random
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dispatch.domain.errors import InvalidInputError
from dispatch.domain.place import LonLat, Ward, great_circle_m
from dispatch.domain.placing import PlacingStatus
from geodata.bundle.records import FacilityRecord
from geodata.geocoding.landmark_names import key_of, spelled
from geodata.geocoding.landmarks import LandmarkAnswer, LandmarkIndex

RIGHT_M = 300
TOP = 3
# Class words of the city's list, typed here apart from the table under test.
CLASS_WORD = re.compile(
    "(小学校|中学校|高等学校|幼稚園|保育所|保育園|公園|児童遊園|駅|交番|警察署|消防署|橋|図書館|"
    "区役所|病院|神社|会館|老人憩の家|自転車駐車場|駐車場|渡船場|停留所)$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LandmarkFigures:
    """
    Result over one set of queries.

    `num_wrong_ok` counts accepted answers away from the row; of these
    `num_other_name` queries are themselves the name of another thing.
    """

    num: int
    num_first: int
    num_top: int
    num_ok: int
    num_wrong_ok: int
    num_other_name: int
    misses: tuple[str, ...] = ()

    @property
    def first_share(self) -> float:
        """Share that is right at rank 1."""
        return self.num_first / self.num

    @property
    def top_share(self) -> float:
        """Share that is right in the top 3."""
        return self.num_top / self.num


def read_facilities(file: Path) -> tuple[list[FacilityRecord], list[Ward]]:
    """Read the city's list of 2015; rows of other cities are left out."""
    records: list[FacilityRecord] = []
    wards: dict[str, Ward] = {}
    with file.open(encoding="utf-8-sig", newline="") as lines:
        for row in csv.DictReader(lines):
            ward = row["地区名"]
            if not ward.endswith("区"):
                continue
            code = wards.setdefault(ward, Ward(code=f"w{len(wards)}", name=ward)).code
            try:
                place = LonLat(float(row["lon"]), float(row["lat"]))
            except (ValueError, InvalidInputError):
                continue
            record = FacilityRecord(
                id=row["施設ID"],
                name=row["施設名"],
                kana=row["施設名かな"],
                kind=row["カテゴリ"],
                place=place,
                ward_code=code,
                address=row["所在地"],
            )
            records.append(record)
    return records, list(wards.values())


def name_queries(name: str, seed: int) -> dict[str, str]:
    """Give the three queries of a name; a class word is there to leave out or not."""
    drop = random.Random(f"{seed}{name}").randrange(len(name))  # noqa: S311 (test data)
    queries = {"name": name, "dropped": name[:drop] + name[drop + 1 :]}
    bare = CLASS_WORD.sub("", name)
    if bare not in ("", name):
        queries["bare"] = bare
    return {kind: query for kind, query in queries.items() if query.strip()}


def landmark_figures(
    index: LandmarkIndex,
    records: Sequence[FacilityRecord],
    *,
    seed: int,
    says_ward: bool = True,
) -> dict[str, LandmarkFigures]:
    """
    Ask each distinct name of some records in three spellings.

    Parameters
    ----------
    says_ward
        Whether a name that stands for several places comes with the row's ward.
    """
    by_name: dict[str, list[FacilityRecord]] = defaultdict(list)
    for record in records:
        by_name[record.name].append(record)
    asked: dict[str, list[tuple[FacilityRecord, str, LandmarkAnswer]]]
    asked = defaultdict(list)
    for name, rows in by_name.items():
        row = rows[0]
        is_several = any(great_circle_m(row.place, r.place) > RIGHT_M for r in rows)
        ward = row.ward_code if is_several and says_ward else ""
        for kind, query in name_queries(name, seed).items():
            asked[kind].append((row, query, index.find(query, ward_code=ward)))
    return {kind: _figures(answers) for kind, answers in asked.items()}


def _figures(
    answers: Sequence[tuple[FacilityRecord, str, LandmarkAnswer]],
) -> LandmarkFigures:
    ranks = [_rank(row, answer) for row, _, answer in answers]
    accepted = [a.status is PlacingStatus.OK for _, _, a in answers]
    wrong = [i for i, ok in enumerate(accepted) if ok and ranks[i] != 0]
    others = [i for i in wrong if _says_other_name(answers[i][2])]
    misses = [
        f"{row.name} <- {query}: {answer.status} "
        f"{[c.landmark for c in answer.candidates[:TOP]]}"
        for i, (row, query, answer) in enumerate(answers)
        if i in wrong and i not in others
    ]
    return LandmarkFigures(
        num=len(answers),
        num_first=sum(rank == 0 for rank in ranks),
        num_top=sum(rank is not None and rank < TOP for rank in ranks),
        num_ok=sum(accepted),
        num_wrong_ok=len(wrong),
        num_other_name=len(others),
        misses=tuple(misses),
    )


def _says_other_name(answer: LandmarkAnswer) -> bool:
    """Whether a query is itself another thing's name, perhaps with a relation."""
    name = key_of(spelled(answer.candidates[0].landmark))
    relation = answer.relation.word if answer.relation else ""
    is_all = answer.rest == relation
    return is_all and name.endswith(key_of(spelled(answer.matched_text)))


def _rank(row: FacilityRecord, answer: LandmarkAnswer) -> int | None:
    """Rank of the first candidate near the row, from 0."""
    for rank, candidate in enumerate((*answer.candidates, *answer.alternatives)):
        if great_circle_m(candidate.place, row.place) <= RIGHT_M:
            return rank
    return None
