"""Use cases of the reception desk: receive, place, assign, refer, override."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dispatch.chart_opening import SYSTEM, ChartOpening, Intake, IntakeRules, line
from dispatch.domain.assignment import Assignment
from dispatch.domain.case_chart import (
    CaseChart,
    ChartEntry,
    ChartStatus,
    EntryKind,
    hold_end,
)
from dispatch.domain.catalogue import Duty
from dispatch.domain.consultation import (
    MAX_LINE,
    MAX_NAME,
    Consultation,
    require_length,
)
from dispatch.domain.errors import (
    ConflictError,
    DispatchError,
    InvalidInputError,
    SourceError,
)
from dispatch.domain.place import LonLat
from dispatch.domain.reporter import Reporter
from dispatch.domain.team_loads import TeamLoads
from dispatch.gathering import Gathering
from dispatch.ports import (
    AddedChart,
    Charts,
    Clock,
    Geocoder,
    NewChart,
    TravelTimes,
)

BY_HAND_RADIUS_M = 30  # a click on a street map, judged; configuration of a later map
MOST_AT_ONCE = 64  # in one transaction: others wait for it no longer than for a plan


@dataclass(frozen=True, slots=True, kw_only=True)
class _Handed:
    """A consultation, and by whom it was handed in."""

    intake: Intake
    who: str


class IntakeDesk:
    """
    The reception: every consultation becomes a chart here, whatever way it came.

    Parameters
    ----------
    charts
        Store of charts.
    geocoder
        Finds the place.
    travel_times
        Travel from each office to the place.
    rules
        The city's rules.
    clock
        Time of the history entries.
    """

    def __init__(
        self,
        charts: Charts,
        geocoder: Geocoder,
        travel_times: TravelTimes,
        rules: IntakeRules,
        clock: Clock,
    ) -> None:
        self._charts = charts
        self._geocoder = geocoder
        self._opening = ChartOpening(geocoder, travel_times, rules, clock)
        self._rules = rules
        self._clock = clock
        self._gathered = Gathering(self._received_each, most=MOST_AT_ONCE)

    def receive(self, intake: Intake, *, who: str) -> AddedChart:
        """
        Turn one consultation into a chart; a retry returns the same chart.

        Those of several threads are stored together; each is refused by itself.

        Raises
        ------
        InvalidInputError
            When a rule of the catalogue refuses it; nothing is stored.
        ConflictError
            When the idempotency key was used with another body.
        """
        return self._gathered(_Handed(intake=intake, who=who))

    def receive_all(self, intakes: Sequence[Intake], *, who: str) -> list[AddedChart]:
        """Turn consultations into charts in one transaction, in their order."""
        made = self._made([_Handed(intake=intake, who=who) for intake in intakes])
        good = [one for one in made if not isinstance(one, DispatchError)]
        for one in made:
            if isinstance(one, DispatchError):
                raise one
        return self._stored(good)

    def _received_each(
        self, handed: Sequence[_Handed]
    ) -> Sequence[AddedChart | Exception]:
        """Chart of each, or why there is none; the others are stored all the same."""
        try:
            made = self._made(handed)
            good = [one for one in made if not isinstance(one, DispatchError)]
            stored = iter(self._stored(good))
        except SourceError:
            raise  # the store is away, whoever asks
        except Exception:
            if len(handed) == 1:
                raise
            return [self._alone(one) for one in handed]  # whose it is shows then
        return [one if isinstance(one, DispatchError) else next(stored) for one in made]

    def _alone(self, one: _Handed) -> AddedChart | Exception:
        try:
            return self._received_each([one])[0]
        except Exception as problem:  # noqa: BLE001 - an answer to the one who asked
            return problem

    def _made(
        self, handed: Sequence[_Handed]
    ) -> list[NewChart | CaseChart | DispatchError]:
        """Make the chart of each: new, as it is known, or the reason against it."""
        loads_s = self._loads()
        keys = [key for one in handed if (key := one.intake.idempotency) is not None]
        known = self._charts.known(keys) if keys else {}
        made: list[NewChart | CaseChart | DispatchError] = []
        for one in handed:
            key = one.intake.idempotency
            if key is not None and key in known:
                made.append(known[key])
                continue
            try:
                made.append(self._opening.opened(one.intake, loads_s, who=one.who))
            except SourceError:
                raise
            except DispatchError as problem:
                made.append(problem)
        return made

    def _stored(self, made: Sequence[NewChart | CaseChart]) -> list[AddedChart]:
        new = [one for one in made if isinstance(one, NewChart)]
        added = iter(self._charts.add_all(new))
        return [
            next(added)
            if isinstance(one, NewChart)
            else AddedChart(chart=one, is_new=False)
            for one in made
        ]

    def as_if(self, consultation: Consultation) -> CaseChart:
        """
        Chart that a consultation would become now; nothing is stored.

        Raises
        ------
        InvalidInputError
            When a rule of the catalogue refuses it.
        """
        intake = Intake(consultation=consultation, reporter=Reporter())
        return self._opening.opened(intake, self._loads(), who=SYSTEM).chart

    def opening(self, intake: Intake, *, who: str) -> NewChart:
        """Chart of a consultation with its first entries, for others to store."""
        return self.openings([intake], who=who)[0]

    def openings(self, intakes: Sequence[Intake], *, who: str) -> list[NewChart]:
        """Charts of consultations in their order, for others to store."""
        loads_s = self._loads()
        return [self._opening.opened(intake, loads_s, who=who) for intake in intakes]

    def check(self, intake: Intake) -> None:
        """
        Apply the catalogue's rules without storing anything.

        Raises
        ------
        InvalidInputError
            When the category is unknown or the tag is dated after the report.
        """
        category = self._rules.catalogue.get(intake.consultation.category_code)
        hold_end(category, intake.consultation)

    def _loads(self) -> TeamLoads:
        return TeamLoads(self._rules.teams, self._charts.team_loads_s)

    def routed_again(self, chart: CaseChart) -> tuple[CaseChart, list[ChartEntry]]:
        """
        Send a chart once more by the rule of its category; nothing is stored.

        A referral loses its place: it goes on no map. A chart without a place is
        looked up by what was said.

        Raises
        ------
        ConflictError
            When no arrow leads from its state to where the rule sends it.
        """
        category = self._rules.catalogue.get(chart.category_code)
        now = self._clock.now()
        chart = replace(chart, duty=category.duty, receiver="", assignment=None)
        if category.duty is Duty.REFERRAL:
            ward_code = chart.ward_code or (
                self._geocoder.place(chart.consultation).ward_code
            )
            chart = replace(chart, placement=None)
            chart, entry = self._opening.referred(chart, category, ward_code, at=now)
            return chart, [entry]
        placement = chart.placement
        if placement is None or not placement.is_placed:
            placement = self._geocoder.place(chart.consultation)
        loads_s = self._loads()
        return self._opening.placed(
            chart, placement, category, loads_s, who=SYSTEM, at=now
        )

    def place_by_hand(
        self,
        chart_id: str,
        version: int,
        place: LonLat,
        *,
        who: str,
        radius_m: int = BY_HAND_RADIUS_M,
        why: str = "",
    ) -> CaseChart:
        """
        Place an unplaced chart where a person pointed, as sure as the map was fine.

        The reason, when one is given, becomes a line of the chart's history.

        Raises
        ------
        ConflictError
            When the chart has changed meanwhile, or is a referral.
        InvalidInputError
            When the point lies outside the city.
        """
        require_length("who", who, MAX_NAME)
        chart = self._read(chart_id, version)
        placement = self._geocoder.place_at(
            place,
            radius_m=max(radius_m, BY_HAND_RADIUS_M),
            on=chart.consultation.received_at.astimezone(self._rules.timezone).date(),
        )
        if not placement.is_placed:
            raise InvalidInputError("place", placement.message)
        category = self._rules.catalogue.get(chart.category_code)
        if chart.status is not ChartStatus.UNPLACED:
            message = f"{chart.number}: 場所の確認待ちではありません"
            raise ConflictError(message)
        after, entries = self._opening.placed(
            replace(chart, version=version + 1),
            replace(placement, message=f"地図で場所を指定: {placement.message}"),
            category,
            self._loads(),
            who=who,
            at=self._clock.now(),
        )
        if why:
            text = f"場所を決めた理由: {why}"
            at = entries[0].at
            entries.append(ChartEntry(at=at, who=who, kind=EntryKind.PLACED, text=text))
        self._charts.save_all([(after, tuple(entries))])
        return after

    def override(
        self,
        chart_id: str,
        version: int,
        *,
        office_id: str,
        team_id: str | None,
        who: str,
        why: str,
    ) -> CaseChart:
        """
        Assign by a dispatcher's word; it is kept with who and why, and binds the plan.

        Raises
        ------
        InvalidInputError
            When the office or team is unknown or the reason is missing.
        ConflictError
            When the chart has changed meanwhile, or is not assigned.
        """
        require_length("who", who, MAX_NAME)
        require_length("why", why, MAX_LINE)
        chart = self._read(chart_id, version)
        offices = {office.id: office for office in self._rules.offices}
        teams = {team.id: team for team in self._rules.teams}
        if office_id not in offices:
            raise InvalidInputError("office_id", "事業所が一覧にありません")
        if team_id is not None and (
            team_id not in teams or teams[team_id].office_id != office_id
        ):
            raise InvalidInputError("team_id", "その事業所の班ではありません")
        if not why.strip():
            raise InvalidInputError("why", "変更の理由を入れてください")
        if not who.strip():
            raise InvalidInputError("who", "担当者の名前を入れてください")
        if chart.assignment is None:
            message = f"{chart.number}: 振り分けの前なので変更できません"
            raise ConflictError(message)
        name = teams[team_id].name if team_id else offices[office_id].name
        before = chart.assignment
        after = replace(
            chart.moved(
                chart.status
                if chart.status is ChartStatus.ON_HOLD
                else ChartStatus.ASSIGNED
            ),
            assignment=Assignment(
                office_id=office_id,
                team_id=team_id,
                policy="dispatcher",
                reason=f"{who}が{name}に変更: {why}",
                by="dispatcher",
                who=who,
            ),
        )
        text = f"{name}に変更。理由: {why}(変更前: {before.reason})"
        entry = line(
            self._clock.now(), who, EntryKind.OVERRIDDEN, text, about=office_id
        )
        self._charts.save_all([(after, (entry,))])
        return after

    def _read(self, chart_id: str, version: int) -> CaseChart:
        chart = self._charts.get(chart_id)
        chart.require_version(version)
        return chart
