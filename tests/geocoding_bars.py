"""Scores of a geocoder that is asked in texts: pure functions, independent of it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from dispatch.domain.place import LonLat, great_circle_m
from dispatch.domain.placing import (
    Candidate,
    PlaceLevel,
    Placement,
    PlacingStatus,
    PlacingWarning,
)
from tests.address_trials import Forbidden, Negative, Typo
from tests.address_variants import Variant
from tests.known_addresses import Held, KnownAddress

NUM_EXAMPLES = 10
PER_CLASS = 2  # examples of one class, so that one class does not hide the others
_BELOW_CHOME = (PlaceLevel.BLOCK, PlaceLevel.HOUSE)


class Offer(Protocol):
    """A candidate of an answer; `town` is the official name without the ward."""

    @property
    def ward_code(self) -> str: ...
    @property
    def town(self) -> str: ...
    @property
    def block(self) -> str: ...
    @property
    def number(self) -> str: ...
    @property
    def landmark(self) -> str: ...
    @property
    def place(self) -> LonLat: ...


class Answer(Protocol):
    """What the examiner hears; `town` is the official name without the ward."""

    @property
    def status(self) -> PlacingStatus: ...
    @property
    def level(self) -> PlaceLevel | None: ...
    @property
    def ward_code(self) -> str: ...
    @property
    def town(self) -> str: ...
    @property
    def block(self) -> str: ...
    @property
    def number(self) -> str: ...
    @property
    def place(self) -> LonLat | None: ...
    @property
    def radius_m(self) -> int | None: ...
    @property
    def candidates(self) -> Sequence[Offer]: ...
    @property
    def warnings(self) -> Sequence[PlacingWarning]: ...
    @property
    def municipality(self) -> str: ...
    @property
    def landmark(self) -> str: ...


Ask = Callable[[str], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An answer as plain values."""

    status: PlacingStatus
    level: PlaceLevel | None = None
    ward_code: str = ""
    town: str = ""
    block: str = ""
    number: str = ""
    place: LonLat | None = None
    radius_m: int | None = None
    candidates: tuple[Candidate, ...] = ()
    warnings: tuple[PlacingWarning, ...] = ()
    municipality: str = ""
    landmark: str = ""


def heard(placement: Placement, ward_names: Mapping[str, str]) -> Heard:
    """Take the ward's name off the town of a placement."""
    ward = ward_names.get(placement.ward_code, "")
    return Heard(
        status=placement.status,
        level=placement.level,
        ward_code=placement.ward_code,
        town=placement.town.removeprefix(ward),
        block=placement.block,
        number=placement.number,
        place=placement.place,
        radius_m=placement.radius_m,
        candidates=placement.candidates,
        warnings=placement.warnings,
        municipality=placement.municipality,
        landmark=placement.landmark,
    )


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts of one class."""

    num: int = 0
    right: int = 0
    bad: int = 0

    @property
    def share(self) -> float:
        """Share of right ones; 1 of none."""
        return self.right / self.num if self.num else 1.0


@dataclass(slots=True, kw_only=True)
class Score:
    """
    Counts of one trial: in all, per class, of each named fault, and examples.

    `faults` counts what must not happen (silent_wrong_ward …). `counts` holds further
    figures. `str()` prints all of it.
    """

    title: str
    total: Tally = field(default_factory=Tally)
    classes: dict[str, Tally] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Share of right answers."""
        return self.total.share

    def fault(self, name: str) -> int:
        """How often a fault was seen."""
        return self.faults.get(name, 0)

    def count(self, name: str) -> int:
        """Count of a further figure."""
        return self.counts.get(name, 0)

    def add(
        self, class_id: str, *, right: bool, faults: Iterable[str], example: str
    ) -> None:
        """Count one answer; faults and misses are kept as examples, faults first."""
        named = tuple(faults)
        for tally in (self.total, self.classes.setdefault(class_id, Tally())):
            tally.num += 1
            tally.right += right
            tally.bad += bool(named)
        for name in named:
            self.faults[name] = self.fault(name) + 1
        if named:
            self._keep(f"{class_id} {'+'.join(named)}: ", example, at=0)
        elif not right:
            self._keep(f"{class_id}: ", example, at=len(self.examples))

    def _keep(self, kind: str, example: str, *, at: int) -> None:
        if sum(kept.startswith(kind) for kept in self.examples) < PER_CLASS:
            self.examples.insert(at, kind + example)
            del self.examples[NUM_EXAMPLES:]

    def note(self, name: str, *, when: bool = True) -> None:
        """Count a further figure."""
        self.counts[name] = self.count(name) + when

    def __str__(self) -> str:
        lines = [f"{self.title}: {self.total.right} of {self.total.num} right "]
        lines[0] += f"({self.share:.2%}); faults {self.faults or 'none'}; "
        lines[0] += ", ".join(f"{name} {n}" for name, n in self.counts.items())
        cells = [
            f"{name} {tally.right}/{tally.num}" + (f" !{tally.bad}" * bool(tally.bad))
            for name, tally in sorted(self.classes.items())
        ]
        lines += [
            "  " + "  ".join(cells[at : at + 6]) for at in range(0, len(cells), 6)
        ]
        return "\n".join([*lines, *(f"  - {example}" for example in self.examples)])


def _shown(text: str, answer: Answer) -> str:
    said = "/".join(
        str(part)
        for part in (
            answer.status,
            answer.level or "",
            answer.ward_code,
            answer.town,
            answer.block,
            answer.number,
            answer.landmark,
            "+".join(answer.warnings),
        )
    )
    return f"{text[:80]!r} -> {said}"


def _is_ok(answer: Answer) -> bool:
    return answer.status is PlacingStatus.OK


def _silent_wrong(answer: Answer, address: KnownAddress) -> list[str]:
    """Faults of an accepted answer against the truth, the coarsest first."""
    town = address.town
    if not _is_ok(answer):
        return []
    if answer.ward_code != town.ward_code:
        return ["silent_wrong_ward"]
    if answer.level is PlaceLevel.WARD:
        return []
    if answer.town not in (town.name, town.oaza):
        return ["silent_wrong_town"]
    block_wrong = answer.level in _BELOW_CHOME and answer.block != address.block
    return ["silent_wrong_block"] if block_wrong else []


def score_variants(answers: Iterable[tuple[Variant, Answer]], held: Held) -> Score:
    """
    Score spellings of known addresses.

    Right is `ok` with the ward, the town, the block and the number as far as the text
    carries them, at the finest level that the data hold, with the warning that a block
    or number is not in the data where it is not. Faults: `silent_wrong_ward`,
    `silent_wrong_town`, `silent_wrong_block`.
    """
    score = Score(title="variants")
    for variant, answer in answers:
        faults = _silent_wrong(answer, variant.address)
        right = not faults and _is_ok(answer) and _is_right(variant, answer, held)
        score.add(
            variant.class_id,
            right=right,
            faults=faults,
            example=_shown(variant.text, answer),
        )
        score.note("right_town", when=_is_town_right(variant, answer))
    return score


def _is_town_right(variant: Variant, answer: Answer) -> bool:
    town = variant.address.town
    name = town.oaza if variant.level is PlaceLevel.OAZA else town.name
    right_ward = answer.ward_code == town.ward_code
    return _is_ok(answer) and right_ward and answer.town == name


def _is_right(variant: Variant, answer: Answer, held: Held) -> bool:
    address, level = variant.address, held.finest(variant.address, variant.level)
    checks = [_is_town_right(variant, answer), answer.level is level]
    carries_block = variant.level in _BELOW_CHOME
    if carries_block:
        checks.append(answer.block == address.block)
        unknown = PlacingWarning.BLOCK_UNKNOWN in answer.warnings
        checks.append(unknown is (level not in _BELOW_CHOME))
    if variant.level is PlaceLevel.HOUSE:
        checks.append(answer.number in variant.numbers)
        if level is PlaceLevel.BLOCK:
            checks.append(PlacingWarning.NUMBER_UNKNOWN in answer.warnings)
    return all(checks)


def score_leave_one_out(
    ask_without: Callable[[KnownAddress], Ask], points: Iterable[KnownAddress]
) -> Score:
    """
    Score the city's own addresses, each with its own block taken out of the data.

    Right is `ok` with the ward and the town. Further counts: `answered`, and
    `in_radius`, how many answered ones have the true place within the stated radius.
    Faults as in `score_variants`.
    """
    score = Score(title="leave one out")
    for point in points:
        answer = ask_without(point)(point.written)
        faults = _silent_wrong(answer, point)
        right = _is_ok(answer) and not faults and answer.town == point.town.name
        inside = _is_inside(answer, point)
        example = _shown(point.written, answer) + ("" if inside else " (outside)")
        score.add("points", right=right, faults=faults, example=example)
        score.note("answered", when=_is_ok(answer))
        score.note("in_radius", when=inside)
    return score


def _is_inside(answer: Answer, point: KnownAddress) -> bool:
    """Whether an accepted answer's radius reaches the true place."""
    if not _is_ok(answer) or None in (answer.place, answer.radius_m, point.place):
        return False
    assert answer.place is not None
    assert answer.radius_m is not None
    assert point.place is not None
    return great_circle_m(answer.place, point.place) <= answer.radius_m


def score_negatives(answers: Iterable[tuple[Negative, Answer]]) -> Score:
    """
    Score texts without an answer.

    Right is the wanted status, with every wanted ward among the candidates. The fault
    is `false_match`.
    """
    score = Score(title="negatives")
    for negative, answer in answers:
        offered = {candidate.ward_code for candidate in answer.candidates}
        false = _is_forbidden(negative.forbidden, answer)
        wanted = answer.status in negative.wanted and negative.wards <= offered
        score.add(
            negative.class_id,
            right=wanted and not false,
            faults=["false_match"] if false else [],
            example=_shown(negative.text, answer),
        )
    return score


def _is_forbidden(forbidden: Forbidden, answer: Answer) -> bool:
    if not _is_ok(answer):
        return False
    match forbidden:
        case Forbidden.ANY_OK:
            return True
        case Forbidden.BELOW_WARD:
            return answer.level is not PlaceLevel.WARD
        case Forbidden.BLOCK:
            unknown = PlacingWarning.BLOCK_UNKNOWN in answer.warnings
            return answer.level in _BELOW_CHOME or not unknown


def score_typos(answers: Iterable[tuple[Typo, Answer]]) -> Score:
    """
    Score slips in the name of a town.

    Right is `fuzzy` with the true town among the candidates. Faults: `accepted` for
    every `ok`, and the silent wrong ones besides. Count: `fuzzy`, right or not.
    """
    score = Score(title="typos")
    for typo, answer in answers:
        town = typo.address.town
        offered = {(offer.ward_code, offer.town) for offer in answer.candidates}
        fuzzy = answer.status is PlacingStatus.FUZZY
        score.add(
            typo.class_id,
            right=fuzzy and (town.ward_code, town.name) in offered,
            faults=(["accepted"] if _is_ok(answer) else [])
            + _silent_wrong(answer, typo.address),
            example=_shown(typo.text, answer),
        )
        score.note("fuzzy", when=fuzzy)
    return score


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedCase:
    """
    A text with its expectation and the reason; empty fields are not examined.

    `statuses` are all that are right. `candidates` are beginnings of ward and town in
    one (浪速区日本橋) that must be offered; `never` are wards not to be accepted. The
    other fields are those of an accepted answer.
    """

    text: str
    reason: str
    statuses: tuple[PlacingStatus, ...]
    ward: str = ""
    town: str = ""
    block: str | None = None
    number: str | None = None
    level: str = ""
    candidates: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    municipality: str = ""
    landmark: str = ""
    landmark_never: tuple[str, ...] = ()


def read_named_cases(path: Path) -> tuple[NamedCase, ...]:
    """Read the table of named cases; an unknown key is an error."""
    with path.open("rb") as file:
        rows = tomllib.load(file)["case"]
    return tuple(_named_case(row) for row in rows)


def _named_case(row: dict[str, object]) -> NamedCase:
    row = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
    status = row.pop("status")
    names = status if isinstance(status, tuple) else (status,)
    return NamedCase(
        statuses=tuple(PlacingStatus(name) for name in names),
        **row,  # type: ignore[arg-type]  # the dataclass refuses what it does not know
    )


def problems_of(
    case: NamedCase, answer: Answer, ward_names: Mapping[str, str]
) -> list[str]:
    """List what of an answer is not as the case expects."""
    found = [] if answer.status in case.statuses else [f"status: {answer.status}"]
    if _is_ok(answer):
        found += _wrong_fields(case, answer, ward_names.get(answer.ward_code, ""))
    if case.municipality and case.municipality not in answer.municipality:
        found.append(f"municipality: {answer.municipality!r}")
    offered = [ward_names.get(c.ward_code, "") + c.town for c in answer.candidates]
    return found + [
        f"not offered: {name}"
        for name in case.candidates
        if not any(offer.startswith(name) for offer in offered)
    ]


def _wrong_fields(case: NamedCase, answer: Answer, ward: str) -> list[str]:
    """List what is wrong with an accepted answer; `ward` is the name of its ward."""
    pairs = {
        "ward": (case.ward or ward, ward),
        "town": (case.town or answer.town, answer.town),
        "level": (case.level or answer.level, answer.level),
        "landmark": (case.landmark or answer.landmark, answer.landmark),
        "block": (answer.block if case.block is None else case.block, answer.block),
        "number": (
            answer.number if case.number is None else case.number,
            answer.number,
        ),
    }
    found = [
        f"{k}: {got!r}, not {want!r}" for k, (want, got) in pairs.items() if want != got
    ]
    found += [f"no warning: {w}" for w in case.warnings if w not in answer.warnings]
    if ward in case.never:
        found.append(f"never to be accepted: {ward}")
    if answer.landmark in case.landmark_never:
        found.append(f"never to be accepted: {answer.landmark}")
    return found


def score_named(
    ask: Ask, cases: Iterable[NamedCase], ward_names: Mapping[str, str]
) -> Score:
    """Ask all named cases; every problem is a fault."""
    score = Score(title="named cases")
    for case in cases:
        answer = ask(case.text)
        problems = problems_of(case, answer, ward_names)
        example = f"{_shown(case.text, answer)} ({'; '.join(problems)}) {case.reason}"
        score.add("named", right=not problems, faults=(), example=example)
    return score
