"""Use cases of voices (地域の声システム): taken in together, reported back later."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from dispatch.domain.case_chart import CaseChart
from dispatch.domain.catalogue import Catalogue, Duty
from dispatch.domain.consultation import MAX_NAME, Consultation, require_length
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.ids import new_id
from dispatch.domain.reporter import Reporter
from dispatch.domain.voice import Voice, VoiceBatch, VoiceOrigin
from dispatch.ports import AddedChart, Clock

MAX_VOICES = 500  # rows of one file or form, each a chart; configuration of a later map
NO_PLACE_FOR_WORK = (
    "現場の作業の分類には、住所か目標物が必要です"
    "(場所のない意見は、移管先のある分類か、内容不明の分類にしてください)"
)


class VoiceBatches(Protocol):
    """The store of batches, and which charts came of which."""

    def add(self, batch: VoiceBatch, chart_ids: Sequence[str]) -> None:
        """Store a batch; a chart that an earlier batch has stays with that."""
        ...

    def latest(self, *, limit: int) -> Sequence[VoiceBatch]:
        """Batches, the newest first."""
        ...

    def charts_of(
        self, *, ward_code: str, meeting_on: dt.date | None, district_id: str
    ) -> Sequence[CaseChart]:
        """Charts of a ward's council day, or of a school district, by their number."""
        ...


# Takes consultations with their reporters in, in one transaction: the reception desk.
Receive = Callable[[Sequence[tuple[Consultation, Reporter]], str], list[AddedChart]]


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceRules:
    """
    What the city has: its catalogue, its wards by code, the wards of its districts.

    `timezone` is the city's: a voice of tomorrow was not heard yet.
    `unclear_codes` are categories of field work that a person looks at before anybody
    is sent (内容不明): they may come without a place.
    """

    catalogue: Catalogue
    ward_names: Mapping[str, str]
    district_wards: Callable[[], Mapping[str, str]]
    timezone: dt.tzinfo
    unclear_codes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class RowProblem:
    """A row that was not taken: its number, the field and why."""

    row: int
    field: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenIn:
    """What became of a batch: rows taken with their charts, rows refused."""

    batch: VoiceBatch
    charts: tuple[tuple[int, AddedChart], ...] = ()
    refused: tuple[RowProblem, ...] = ()


class VoiceDesk:
    """
    Takes voices in as charts and says later what became of each.

    Parameters
    ----------
    store
        Of the batches.
    receive
        The reception desk.
    clock
        When voices came.
    rules
        The city's.
    """

    def __init__(
        self, store: VoiceBatches, receive: Receive, clock: Clock, rules: VoiceRules
    ) -> None:
        self._store = store
        self._receive = receive
        self._clock = clock
        self._rules = rules

    def take_in(
        self,
        origin: VoiceOrigin,
        rows: Sequence[tuple[int, Voice | RowProblem]],
        *,
        who: str,
    ) -> TakenIn:
        """
        Make charts of voices; good rows are kept, others are told by row and field.

        The same rows again add nothing: a corrected file may be sent whole.

        Raises
        ------
        InvalidInputError
            When nobody is named, the ward or district is unknown, the day lies ahead,
            or there are no or too many rows.
        """
        require_length("who", who, MAX_NAME)
        if not who.strip():
            raise InvalidInputError("who", "担当者の名前を入れてください")
        self._require_origin(origin)
        if not 0 < len(rows) <= MAX_VOICES:
            problem = f"1件から{MAX_VOICES}件までにしてください"
            raise InvalidInputError("voices", problem)
        now = self._clock.now()
        good, refused = self._read(origin, rows, now)
        added = self._receive([(said, person) for _, said, person in good], who)
        batch = VoiceBatch(
            id=new_id(),
            origin=origin,
            who=who.strip(),
            at=now,
            num_rows=len(rows),
            num_added=sum(one.is_new for one in added),
            num_known=sum(not one.is_new for one in added),
            num_refused=len(refused),
        )
        # After the charts: were it cut off here, the same rows again would mend it.
        self._store.add(batch, [one.chart.id for one in added])
        numbers = [number for number, _, _ in good]
        return TakenIn(
            batch=batch,
            charts=tuple(zip(numbers, added, strict=True)),
            refused=tuple(sorted(refused, key=lambda one: one.row)),
        )

    def latest(self, *, limit: int = 100) -> Sequence[VoiceBatch]:
        """Batches, the newest first."""
        return self._store.latest(limit=limit)

    def of_meeting(self, ward_code: str, meeting_on: dt.date) -> Sequence[CaseChart]:
        """Charts of a ward council's day (区政会議)."""
        return self._store.charts_of(
            ward_code=ward_code, meeting_on=meeting_on, district_id=""
        )

    def of_district(self, district_id: str) -> Sequence[CaseChart]:
        """Charts of what area officers brought back from a school district."""
        ward_code = self._rules.district_wards().get(district_id, "")
        return self._store.charts_of(
            ward_code=ward_code, meeting_on=None, district_id=district_id
        )

    def _require_origin(self, origin: VoiceOrigin) -> None:
        if origin.ward_code not in self._rules.ward_names:
            raise InvalidInputError("ward", "その区は、この市にありません")
        ward_of = self._rules.district_wards()
        if origin.district_id and ward_of.get(origin.district_id) != origin.ward_code:
            raise InvalidInputError("district", "その校区は、この区にありません")
        today = self._clock.now().astimezone(self._rules.timezone).date()
        if origin.meeting_on > today:
            raise InvalidInputError("meeting_on", "これから先の日です")

    def _read(
        self,
        origin: VoiceOrigin,
        rows: Sequence[tuple[int, Voice | RowProblem]],
        now: dt.datetime,
    ) -> tuple[list[tuple[int, Consultation, Reporter]], list[RowProblem]]:
        """Consultations of the good rows, and what is wrong with the others."""
        good: list[tuple[int, Consultation, Reporter]] = []
        refused: list[RowProblem] = []
        seen: Counter[str] = Counter()
        for number, voice in rows:
            if isinstance(voice, RowProblem):
                refused.append(replace(voice, row=number))
                continue
            try:
                self._require_category(voice)
                mark = voice.fingerprint(origin)
                seen[mark] += 1  # who says a thing twice in one file means two things
                said = voice.consultation(
                    origin,
                    ward_name=self._rules.ward_names[origin.ward_code],
                    at=now,
                    external_id=f"{mark}-{seen[mark]}",
                )
            except InvalidInputError as problem:
                refused.append(
                    RowProblem(row=number, field=problem.field, problem=problem.problem)
                )
            else:
                good.append((number, said, voice.reporter))
        return good, refused

    def _require_category(self, voice: Voice) -> None:
        """Refuse an unknown category, and work on site that is nowhere."""
        category = self._rules.catalogue.get(voice.category_code)
        is_unclear = category.code in self._rules.unclear_codes
        if category.duty is Duty.REFERRAL or voice.has_place or is_unclear:
            return
        raise InvalidInputError("address", NO_PLACE_FOR_WORK)
