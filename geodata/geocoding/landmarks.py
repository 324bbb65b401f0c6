"""Landmarks (目標物): places that people name instead of an address."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from rapidfuzz import fuzz, process

from dispatch.domain.place import LonLat, Ward
from dispatch.domain.placing import Candidate, PlaceLevel, PlacingStatus
from geodata.bundle.records import CrossingRecord, FacilityRecord, SchoolRecord
from geodata.geocoding.crossings import CrossingNames
from geodata.geocoding.landmark_marks import (
    MAX_CANDIDATES,
    MIN_KEY,
    Hit,
    Mark,
    MarksByKey,
    apart,
    by_name,
    is_near,
    marks_of,
)
from geodata.geocoding.landmark_names import (
    ANY_WORD,
    KeyedText,
    kana_key,
    key_of,
    name_keys,
)
from geodata.geocoding.relations import Relation, applied, read_relation
from geodata.geocoding.word_borders import PARTICLES, may_begin, may_end

MIN_LEAD = 5.0  # points (of 100) that a name without its class word must lead by
MIN_SCORE, MIN_SCORE_SHORT = 70.0, 60.0
MAX_FUZZY = 40  # characters of a text that are compared as one name
LIKE_A_LONGER_NAME = 85.0

_LETTER = re.compile(r"[^\W\d_]")
_SPOKEN_ON = re.compile(rf"[{PARTICLES}も、。,]|から|より|まで")
_BEFORE_RELATION = re.compile(r"[の 、,(]|から|より")
_WORD_ENDS = re.compile(f"(?:{ANY_WORD.pattern})$")
_HEAD_EXPLAINED = re.compile(rf"(?:^|[{PARTICLES}、。, 0-9]|[市区目地号立])$")
_NUMERALS = str.maketrans("一二三四五六七八九", "123456789")
_OWNER_KANA = re.compile(r"^.{0,10}?シリツ(?=..)")


@dataclass(frozen=True, slots=True, kw_only=True)
class LandmarkAnswer:
    """
    What a text names.

    `candidates` are the landmarks themselves, best first, and one for `ok`; `place` and
    `radius_m` hold for `ok` alone and are moved and widened by `relation`. `rest`
    follows the name. `alternatives` of an `ok` have names that are one letter longer
    (三国西公園: 東三国西公園): shown in case a letter was left out, never taken.
    """

    status: PlacingStatus
    message: str
    candidates: tuple[Candidate, ...] = ()
    matched_text: str = ""
    rest: str = ""
    relation: Relation | None = None
    place: LonLat | None = None
    radius_m: int | None = None
    alternatives: tuple[Candidate, ...] = ()


_NOTHING = LandmarkAnswer(
    status=PlacingStatus.NOT_FOUND, message="目標物が見つかりません。"
)


class LandmarkIndex:
    """
    Landmarks and crossings by the names that people use.

    Parameters
    ----------
    facilities, schools
        In any order; the same name within 300 m is one landmark.
    crossings
        Where two roads with names cross.
    ward_of
        Code of the ward around a point, for facilities that do not say theirs.
    wards
        For wards named in the text and in labels.

    Notes
    -----
    A name must begin and end at a border of words and the longest wins: 三国西公園 is
    never found in 東三国西公園. A near spelling is offered, never taken.
    """

    def __init__(
        self,
        facilities: Iterable[FacilityRecord],
        schools: Iterable[SchoolRecord] = (),
        crossings: Iterable[CrossingRecord] = (),
        *,
        ward_of: Callable[[LonLat], str | None] | None = None,
        wards: Iterable[Ward] = (),
    ) -> None:
        self._ward_names = {ward.code: ward.name for ward in wards}
        names = "|".join(map(re.escape, self._ward_names.values())) or "(?!)"
        self._stated = re.compile(rf"(?:^|[市、,( /]|大阪)({names})(?![民役])")
        self._sure, self._weak, self._stems = MarksByKey(), MarksByKey(), MarksByKey()
        records = [*facilities, *map(_school_facility, schools)]
        for alike in by_name(records):
            self._add(alike, ward_of)
        for part in (self._sure, self._weak, self._stems):
            part.close()
        self._crossings = CrossingNames(crossings, ward_of)

    def find(
        self, text: str, *, ward_code: str = "", is_exact: bool = False
    ) -> LandmarkAnswer:
        """
        Find the landmark or crossing that a text names.

        Parameters
        ----------
        text
            Free words, such as 玉出小の南側; the first 200 characters are read.
        ward_code
            Ward that is already known; a landmark elsewhere is then a conflict.
        is_exact
            Whether to leave near spellings and names without their class word alone,
            which takes a hundredth of the time.

        Returns
        -------
        LandmarkAnswer
            `ok` for exactly one landmark by its name, or by its name without the class
            word when no other name is near; `ambiguous`, `conflict`, `fuzzy` with up
            to 12 candidates; `not_found`.
        """
        line = KeyedText.of(text)
        ward = ward_code or self._ward_in(line.line)
        crossed = self._crossings.find(line)
        if crossed is not None:
            return self._answer([crossed], line, ward)
        hits = list(self._hits(line))
        # A ward and a number name nothing, however near some name may be.
        is_named = _LETTER.search(self._stated.sub("", line.line)) is not None
        if is_exact or not is_named:
            return self._answer(hits, line, ward) if hits else _NOTHING
        return self._wide(line, ward, hits)

    def _wide(self, line: KeyedText, ward: str, hits: Sequence[Hit]) -> LandmarkAnswer:
        """Judge names, names without their class word, and near spellings."""
        bare = self._bare(line, hits)
        if bare:
            return self._bare_answer(bare, line, ward)
        if not hits:
            return self._near(line, ward)
        if self._is_cut(hits, line.line):
            return self._near(line, ward, [m for hit in hits for m in hit.marks])
        answer = self._answer(hits, line, ward)
        is_whole = answer.status is PlacingStatus.OK and hits[0].key == line.key
        return self._with_longer(answer, line.key, ward) if is_whole else answer

    def _add(
        self,
        alike: Sequence[FacilityRecord],
        ward_of: Callable[[LonLat], str | None] | None,
    ) -> None:
        """Know the records of one name and class by all their keys."""
        others = tuple(dict.fromkeys(n for r in alike for n in r.names))
        keys = name_keys(alike[0].name, alike[0].kind, others)
        marks = marks_of(alike, keys.group, ward_of)
        self._sure.add((k for k in keys.sure if len(k) >= MIN_KEY), marks)
        self._weak.add(keys.weak, marks)
        self._stems.add((k for k in keys.stems if not k.endswith("立")), marks)
        kana = {k for r in alike if r.kana for k in (kana_key(r.kana),) if k}
        kana |= {_OWNER_KANA.sub("", k) for k in kana}
        wanted = self._weak if keys.weak and not keys.group else self._sure
        if keys.group and keys.group.needs_word:
            wanted = self._weak
        wanted.add((k for k in sorted(kana) if len(k) >= MIN_KEY), marks)

    def _ward_in(self, line: str) -> str:
        found = self._stated.search(line)
        codes = self._ward_names
        return next((c for c, n in codes.items() if found and n == found.group(1)), "")

    def _hits(self, line: KeyedText) -> Iterator[Hit]:
        """Walk the text; at each beginning of a word take the longest name."""
        start = 0
        while start < len(line.key):
            hit = self._hit_at(line, start)
            if hit:
                yield hit
                start = line.position(hit.end)
            else:
                start += 1

    def _hit_at(self, line: KeyedText, start: int) -> Hit | None:
        names = self._sure
        if line.key[start : start + MIN_KEY] not in names.lengths:
            return None
        if not may_begin(line.line, line.starts[start]):
            return None
        for key in names.at(line.key, start):
            end = line.end(start + len(key))
            if may_end(line.line, end):
                marks = (*names.marks[key], *self._weak.marks.get(key, ()))
                begin = line.starts[start]
                return Hit(key=key, marks=marks, start=begin, end=end)
        return None

    def _is_cut(self, hits: Sequence[Hit], text: str) -> bool:
        """Whether the text may be one longer name, misspelt around this one."""
        if len(text) > MAX_FUZZY:
            return False
        head, tail = text[: hits[0].start], text[hits[-1].end :]
        if self._is_told(hits[0].key, head) and self._is_spoken(hits[-1].key, tail):
            return False
        longest = max(len(hit.key) for hit in hits)
        found = {mark for hit in hits for mark in hit.marks}
        query = key_of(text).translate(_NUMERALS)
        return any(
            len(key) > longest
            and (score >= LIKE_A_LONGER_NAME or _drops_one(query, key))
            and found.isdisjoint(self._fuzzy_marks[key])
            for key, score in self._scored(query)
        )

    def _is_told(self, key: str, head: str) -> bool:
        """Whether what precedes a name is speech and ends in no longer name."""
        ward = self._stated.match(head)
        said = head[ward.end() :] if ward else head
        if not key_of(said) or said == "の":
            return True
        return key not in self._ends and _HEAD_EXPLAINED.search(head) is not None

    def _is_spoken(self, key: str, tail: str) -> bool:
        """Whether what follows a name is speech and begins no longer name."""
        if key_of(tail)[:1] in self._next_letters.get(key, ""):
            return not tail
        relation = read_relation(tail)
        is_relation = relation is not None and relation.word == tail
        return not tail or is_relation or _SPOKEN_ON.match(tail) is not None

    @cached_property
    def _ends(self) -> frozenset[str]:
        """Names with which longer names end."""
        names = self._sure.marks
        ends = (key[start:] for key in names for start in range(1, len(key) - 1))
        return frozenset(end for end in ends if end in names)

    @cached_property
    def _next_letters(self) -> dict[str, str]:
        """Letters with which longer names go on after a name."""
        names = self._sure.marks
        letters: dict[str, str] = defaultdict(str)
        for key in names:
            for end in range(MIN_KEY, len(key)):
                if key[:end] in names:
                    letters[key[:end]] += key[end]
        return dict(letters)

    def _bare(self, line: KeyedText, hits: Sequence[Hit]) -> Hit | None:
        """Find a name without its class word, when the text holds no more."""
        stated = self._stated.match(line.line)
        longest = max((len(hit.key) for hit in hits), default=0)
        for begin in dict.fromkeys((0, stated.end() if stated else 0)):
            start = line.position(begin)
            keys = [*self._weak.at(line.key, start), *self._stems.at(line.key, start)]
            for key in sorted(set(keys), key=len, reverse=True):
                end = line.end(start + len(key))
                if len(key) < longest or not _is_all(line.line[end:]):
                    continue
                sure = self._sure.marks.get(key, [])
                if sure and _WORD_ENDS.search(line.line[begin:end]):
                    return None
                stems = sorted(self._stems.marks.get(key, ()), key=lambda m: m.rank)
                weak = self._weak.marks.get(key, ())
                marks = tuple(dict.fromkeys((*sure, *weak, *stems)))
                return Hit(key=key, marks=marks, start=begin, end=end)
        return None

    def _bare_answer(self, bare: Hit, line: KeyedText, ward: str) -> LandmarkAnswer:
        """Take a bare name only when no other landmark is nearly as good."""
        answer = self._answer([bare], line, ward)
        if answer.status is not PlacingStatus.OK or self._leads(bare):
            return answer
        return self._near(line, ward, bare.marks)

    def _leads(self, hit: Hit) -> bool:
        if hit.key in self._weak.marks or hit.key in self._sure.marks:
            return True
        query = hit.key.translate(_NUMERALS)
        for key, score in self._scored(query):
            others = any(mark not in hit.marks for mark in self._fuzzy_marks[key])
            if others and (score > 100 - MIN_LEAD or _drops_one(query, key)):
                return False
        return True

    def _with_longer(
        self, answer: LandmarkAnswer, key: str, ward: str
    ) -> LandmarkAnswer:
        """Show beside a landmark those whose names are one letter longer."""
        query = key.translate(_NUMERALS)
        marks = [
            mark
            for name, _ in self._scored(query)
            if _drops_one(query, name)
            for mark in self._fuzzy_marks[name]
            if not is_near(mark.place, answer.candidates[0].place)
        ]
        longer = self._options(apart(marks), ward)
        return replace(answer, alternatives=longer)

    def _near(
        self, line: KeyedText, ward: str, first: Sequence[Mark] = ()
    ) -> LandmarkAnswer:
        """Offer names that are spelled nearly like the text."""
        ranked: dict[Mark, tuple[bool, bool, float]] = {
            mark: (self._is_outside(mark, ward), True, -100.0) for mark in first
        }
        for subject in _subjects(line.line, self._stated):
            query = key_of(subject).translate(_NUMERALS)
            for key, score in self._scored(query):
                for mark in self._fuzzy_marks[key]:
                    is_far = self._is_outside(mark, ward)
                    rank = (is_far, not _drops_one(query, key), -score)
                    ranked[mark] = min(rank, ranked.get(mark, rank))
        marks = sorted(ranked, key=lambda mark: ranked[mark])
        options = self._options(apart(marks), ward)
        if not options:
            return _NOTHING
        return LandmarkAnswer(
            status=PlacingStatus.FUZZY,
            message="名前の近い目標物があります。",
            candidates=options,
        )

    @cached_property
    def _fuzzy_marks(self) -> dict[str, list[Mark]]:
        """Names to compare, in the order in which equally good ones are offered."""
        marks: dict[str, list[Mark]] = {}
        for key, found in (*self._sure.marks.items(), *self._weak.marks.items()):
            known = marks.setdefault(key.translate(_NUMERALS), [])
            known.extend(mark for mark in found if mark not in known)
        return marks

    @cached_property
    def _fuzzy_keys(self) -> list[str]:
        return list(self._fuzzy_marks)

    def _scored(self, query: str) -> list[tuple[str, float]]:
        """Names that are near a key, with their points of 100."""
        if not query:
            return []
        is_short = len(query) <= MIN_KEY
        found = process.extract(
            query,
            self._fuzzy_keys,
            scorer=fuzz.ratio,
            processor=None,
            limit=3 * MAX_CANDIDATES,
            score_cutoff=MIN_SCORE_SHORT if is_short else MIN_SCORE,
        )
        return [(key, score) for key, score, _ in found]

    def _answer(
        self, hits: Sequence[Hit], line: KeyedText, ward: str
    ) -> LandmarkAnswer:
        """Judge the landmarks that were found by their names."""
        marks = list(dict.fromkeys(mark for hit in hits for mark in hit.marks))
        inside = [mark for mark in marks if not self._is_outside(mark, ward)]
        kept = apart(inside or marks)
        options = self._options(kept, ward)
        hit = next(h for h in hits if kept[0] in h.marks)
        found = LandmarkAnswer(
            status=PlacingStatus.OK,
            message="目標物から特定しました。",
            candidates=options,
            matched_text=line.line[hit.start : hit.end],
            rest=line.line[hit.end :],
            relation=read_relation(line.line[hit.end :]),
        )
        if not inside:
            problem = "その区に、この名前の目標物はありません。"
            return replace(found, status=PlacingStatus.CONFLICT, message=problem)
        if len(kept) > 1:
            problem = "当てはまる目標物が複数あります。"
            return replace(found, status=PlacingStatus.AMBIGUOUS, message=problem)
        by_ward = {code: mark for mark in reversed(marks) for code in mark.ward_codes}
        if not ward and len(by_ward) > 1:
            problem = "区の境にあるか、同じ名前のものが別の区にあります。"
            several = (self._option(mark, code) for code, mark in by_ward.items())
            return replace(
                found,
                status=PlacingStatus.AMBIGUOUS,
                message=problem,
                candidates=tuple(several)[:MAX_CANDIDATES],
            )
        best = options[0]
        place, radius_m = applied(best.place, best.radius_m, found.relation)
        return replace(found, place=place, radius_m=radius_m)

    def _is_outside(self, mark: Mark, ward: str) -> bool:
        return ward != "" and ward not in mark.ward_codes

    def _options(self, marks: Sequence[Mark], ward: str) -> tuple[Candidate, ...]:
        return tuple(self._option(mark, ward) for mark in marks[:MAX_CANDIDATES])

    def _option(self, mark: Mark, ward: str) -> Candidate:
        first = mark.ward_codes[0] if mark.ward_codes else ""
        code = ward if ward in mark.ward_codes else first
        return Candidate(
            label=self._ward_names.get(code, "") + mark.name,
            place=mark.place,
            level=PlaceLevel.LANDMARK,
            radius_m=mark.radius_m,
            ward_code=code,
            landmark=mark.name,
        )


def _school_facility(school: SchoolRecord) -> FacilityRecord:
    return FacilityRecord(
        id=school.id,
        name=school.name,
        place=school.place,
        kind="小学校",
        ward_code=school.ward_code,
        names=(school.short_name,) if school.short_name else (),
    )


def _is_all(rest: str) -> bool:
    """Whether a bare name is followed by signs or a relation alone."""
    if not key_of(rest):
        return True
    return bool(_BEFORE_RELATION.match(rest)) and read_relation(rest) is not None


def _subjects(line: str, stated: re.Pattern[str]) -> Iterator[str]:
    """Parts of a text that may be a misspelt name; none when it names nothing."""
    ward = stated.match(line)
    whole = line[ward.end() :].lstrip("の、, ") if ward else line
    word = ANY_WORD.search(whole[:MAX_FUZZY])
    if not whole or (word and not word.start() and _is_all(whole[word.end() :])):
        return
    if len(whole) <= MAX_FUZZY:
        yield whole
    if word and word.end() < len(whole):
        yield whole[: word.end()]
    if ward and len(line) <= MAX_FUZZY:
        yield line


def _drops_one(query: str, key: str) -> bool:
    """Whether a key without one of its letters gives the query."""
    if len(key) != len(query) + 1:
        return False
    same = next((i for i, c in enumerate(query) if key[i] != c), len(query))
    return key[same + 1 :] == query[same:]
