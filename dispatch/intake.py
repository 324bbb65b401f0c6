"""Use cases of the reception desk: receive, place, assign, refer, override."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dispatch.domain.assignment import Assignment, AssignmentPolicy, OnDuty, assign
from dispatch.domain.case_chart import (
    CaseChart,
    ChartEntry,
    ChartStatus,
    EntryKind,
    hold_end,
    urgency_of,
)
from dispatch.domain.catalogue import Catalogue, Duty, WorkCategory
from dispatch.domain.chart_clocks import with_clocks
from dispatch.domain.consultation import (
    MAX_LINE,
    MAX_NAME,
    Consultation,
    require_length,
)
from dispatch.domain.deadlines import OfficeHours
from dispatch.domain.errors import ConflictError, InvalidInputError
from dispatch.domain.ids import new_id
from dispatch.domain.place import LonLat, WorksOffice
from dispatch.domain.placing import Placement
from dispatch.domain.receivers import Receivers
from dispatch.domain.referral import RECEPTION, HandOver, handed_over
from dispatch.domain.reporter import Reporter
from dispatch.domain.scheme import Schemes
from dispatch.domain.team import MobileTeam
from dispatch.domain.team_loads import TeamLoads
from dispatch.domain.triage import TriageReply, TriageRules, yes_in_short
from dispatch.ports import (
    AddedChart,
    Charts,
    Clock,
    Geocoder,
    IdempotencyKey,
    NewChart,
    TravelTimes,
)

SYSTEM = "自動処理"  # who, in entries that a rule wrote
BY_HAND_RADIUS_M = 30  # a click on a street map, judged; configuration of a later map


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeRules:
    """What the city has decided about consultations."""

    catalogue: Catalogue
    hours: OfficeHours
    timezone: dt.tzinfo
    offices: Sequence[WorksOffice]
    teams: Sequence[MobileTeam]
    policy: AssignmentPolicy
    responsible_office_id: Callable[[str, dt.date], str | None]
    number_prefix: Callable[[dt.date, str], str]
    receivers: Receivers = field(default_factory=Receivers)
    triage: TriageRules = field(default_factory=TriageRules)
    schemes: Schemes = field(default_factory=Schemes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """One consultation on its way in; `placement` when its place is known already."""

    consultation: Consultation
    reporter: Reporter
    idempotency: IdempotencyKey | None = None
    triage: tuple[TriageReply, ...] = ()
    placement: Placement | None = None


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
        self._travel_times = travel_times
        self._rules = rules
        self._clock = clock

    def receive(self, intake: Intake, *, who: str) -> AddedChart:
        """
        Turn one consultation into a chart; a retry returns the same chart.

        Raises
        ------
        InvalidInputError
            When a rule of the catalogue refuses it; nothing is stored.
        ConflictError
            When the idempotency key was used with another body.
        """
        return self.receive_all([intake], who=who)[0]

    def receive_all(self, intakes: Sequence[Intake], *, who: str) -> list[AddedChart]:
        """Turn consultations into charts in one transaction, in their order."""
        loads_s = self._loads()
        new: list[NewChart | CaseChart] = []
        for intake in intakes:
            known = None
            if intake.idempotency is not None:
                known = self._charts.known(intake.idempotency)
            new.append(known or self._opened(intake, loads_s, who=who))
        added = iter(
            self._charts.add_all([item for item in new if isinstance(item, NewChart)])
        )
        return [
            next(added)
            if isinstance(item, NewChart)
            else AddedChart(chart=item, is_new=False)
            for item in new
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
        return self._opened(intake, self._loads(), who=SYSTEM).chart

    def opening(self, intake: Intake, *, who: str) -> NewChart:
        """Chart of a consultation with its first entries, for others to store."""
        return self.openings([intake], who=who)[0]

    def openings(self, intakes: Sequence[Intake], *, who: str) -> list[NewChart]:
        """Charts of consultations in their order, for others to store."""
        loads_s = self._loads()
        return [self._opened(intake, loads_s, who=who) for intake in intakes]

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

    def _opened(self, intake: Intake, loads_s: TeamLoads, *, who: str) -> NewChart:
        """Build the chart of a consultation with its first entries (not stored yet)."""
        rules, now = self._rules, self._clock.now()
        consultation = replace(
            intake.consultation,
            received_at=intake.consultation.received_at.astimezone(rules.timezone),
        )
        category = rules.catalogue.get(consultation.category_code)
        said = {one.question_id: one.reply for one in intake.triage}
        replies = rules.triage.replies_of(said)
        heard = rules.triage.urgency_from(replies, category)
        raised = consultation.raised_urgency or heard
        urgency = urgency_of(category, min(raised, heard, key=lambda one: one.rank))
        chart = CaseChart(
            id=new_id(),
            number="",
            version=1,
            status=ChartStatus.RECEIVED,
            duty=category.duty,
            urgency=urgency,
            consultation=consultation,
            hold_until=hold_end(category, consultation),
            triage=replies,
            scheme=rules.schemes.of(consultation.channel, consultation.stated_scheme),
        )
        chart = with_clocks(
            chart,
            category,
            rules.schemes.rule(chart.scheme),
            rules.hours,
            since=consultation.received_at,
        )
        entries = [_entry(now, who, EntryKind.RECEIVED, f"{category.name}を受付")]
        if replies:
            words = rules.triage.in_words(replies)
            about = yes_in_short(replies)
            entries.append(_entry(now, who, EntryKind.TRIAGED, words, about=about))
        placement = intake.placement or self._geocoder.place(consultation)
        if category.duty is Duty.REFERRAL:
            ward_code = placement.ward_code
            chart, referred = self._referred(chart, category, ward_code, at=now)
            entries.append(referred)
        else:
            chart, more = self._placed(
                chart, placement, category, loads_s, who=SYSTEM, at=now
            )
            entries += more
        return NewChart(
            chart=chart,
            entries=tuple(entries),
            reporter=intake.reporter,
            number_prefix=rules.number_prefix(
                consultation.received_at.date(), chart.ward_code
            ),
            idempotency=intake.idempotency,
        )

    def _placed(
        self,
        chart: CaseChart,
        placement: Placement,
        category: WorkCategory,
        loads_s: TeamLoads,
        *,
        who: str,
        at: dt.datetime,
    ) -> tuple[CaseChart, list[ChartEntry]]:
        """Chart after placing: assigned, with a partner, or waiting for a person."""
        chart = replace(chart, placement=placement)
        if not placement.is_placed or placement.place is None:
            entry = _entry(at, who, EntryKind.UNPLACED, placement.message)
            return chart.in_status(ChartStatus.UNPLACED), [entry]
        about = f"{placement.ward_code}|{placement.district_id}"
        entries = [_entry(at, who, EntryKind.PLACED, placement.message, about=about)]
        if category.duty is Duty.PARTNER:
            chart, referred = self._referred(
                chart, category, placement.ward_code, at=at
            )
            return chart, [*entries, referred]
        assignment = self._assigned(chart, category, placement, loads_s, at=at)
        if assignment is None:
            text = "出勤している事業所がないため振り分けできません"
            return (
                chart.in_status(ChartStatus.UNPLACED),
                [*entries, _entry(at, SYSTEM, EntryKind.UNPLACED, text)],
            )
        if assignment.team_id is not None:
            loads_s.add(assignment.team_id, category.onsite_s)
        held = chart.hold_until is not None and chart.hold_until > at.date()
        status = ChartStatus.ON_HOLD if held else ChartStatus.ASSIGNED
        assigned = _entry(
            at,
            SYSTEM,
            EntryKind.ASSIGNED,
            assignment.reason,
            about=assignment.office_id,
        )
        entries.append(assigned)
        return replace(chart, assignment=assignment).in_status(status), entries

    def _referred(
        self,
        chart: CaseChart,
        category: WorkCategory,
        ward_code: str,
        *,
        at: dt.datetime,
    ) -> tuple[CaseChart, ChartEntry]:
        """Chart in the hands of whom the city's rule names, with its clock."""
        rules, local = self._rules, at.astimezone(self._rules.timezone)
        place = chart.placement.place if chart.placement is not None else None
        found = rules.receivers.receiver_for(category, ward_code, local.date(), place)
        new = HandOver(
            sender=chart.consultation.desk or RECEPTION,
            found=found,
            at=local,
            by=SYSTEM,
            ward_code=ward_code,
        )
        after = handed_over(chart, new, rules.receivers, rules.hours)
        is_off = category.duty is Duty.REFERRAL or found.off_map
        how = "移管(地図には載せません)" if is_off else "引き継ぎ"
        text = f"{found.name}へ{how}。{found.because}"
        entry = _entry(at, SYSTEM, EntryKind.REFERRED, text, about=found.name)
        return after.in_status(ChartStatus.REFERRED), entry

    def _assigned(
        self,
        chart: CaseChart,
        category: WorkCategory,
        placement: Placement,
        loads_s: Mapping[str, int],
        *,
        at: dt.datetime,
    ) -> Assignment | None:
        rules = self._rules
        if placement.place is None or not rules.offices:
            return None
        places = [*(office.place for office in rules.offices), placement.place]
        matrix = self._travel_times.matrix(places, at=at)
        to_place = matrix.typical_s()[:-1, -1]
        there = len(rules.offices)
        day = chart.consultation.received_at.date()
        return assign(
            category,
            OnDuty(
                offices=rules.offices,
                teams=rules.teams,
                travel_s={
                    office.id: int(seconds)
                    for office, seconds in zip(rules.offices, to_place, strict=True)
                },
                travel_levels={
                    office.id: matrix.leg_level(here, there)
                    for here, office in enumerate(rules.offices)
                },
                load_s=loads_s,
            ),
            policy=rules.policy,
            responsible_office_id=rules.responsible_office_id(placement.ward_code, day),
        )

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
            chart, entry = self._referred(chart, category, ward_code, at=now)
            return chart, [entry]
        placement = chart.placement
        if placement is None or not placement.is_placed:
            placement = self._geocoder.place(chart.consultation)
        loads_s = self._loads()
        return self._placed(chart, placement, category, loads_s, who=SYSTEM, at=now)

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
        after, entries = self._placed(
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
        entry = _entry(
            self._clock.now(), who, EntryKind.OVERRIDDEN, text, about=office_id
        )
        self._charts.save_all([(after, (entry,))])
        return after

    def _read(self, chart_id: str, version: int) -> CaseChart:
        chart = self._charts.get(chart_id)
        chart.require_version(version)
        return chart


def _entry(
    at: dt.datetime, who: str, kind: EntryKind, text: str, *, about: str = ""
) -> ChartEntry:
    return ChartEntry(at=at, who=who, kind=kind, text=text, about=about)
