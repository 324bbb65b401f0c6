"""How a consultation becomes a chart by the city's rules; nothing is stored here."""

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
    Consultation,
)
from dispatch.domain.deadlines import OfficeHours
from dispatch.domain.ids import new_id
from dispatch.domain.place import WorksOffice
from dispatch.domain.placing import Placement
from dispatch.domain.receivers import Receivers
from dispatch.domain.referral import RECEPTION, HandOver, handed_over
from dispatch.domain.reporter import Reporter
from dispatch.domain.scheme import Schemes
from dispatch.domain.team import MobileTeam
from dispatch.domain.team_loads import TeamLoads
from dispatch.domain.triage import TriageReply, TriageRules, yes_in_short
from dispatch.ports import (
    Clock,
    Geocoder,
    IdempotencyKey,
    NewChart,
    TravelTimes,
)

SYSTEM = "自動処理"  # who, in entries that a rule wrote


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


class ChartOpening:
    """
    Places, assigns and hands over by the city's rules, and says why in the history.

    Parameters
    ----------
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
        geocoder: Geocoder,
        travel_times: TravelTimes,
        rules: IntakeRules,
        clock: Clock,
    ) -> None:
        self._geocoder = geocoder
        self._travel_times = travel_times
        self._rules = rules
        self._clock = clock

    def opened(self, intake: Intake, loads_s: TeamLoads, *, who: str) -> NewChart:
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
        entries = [line(now, who, EntryKind.RECEIVED, f"{category.name}を受付")]
        if replies:
            words = rules.triage.in_words(replies)
            about = yes_in_short(replies)
            entries.append(line(now, who, EntryKind.TRIAGED, words, about=about))
        placement = intake.placement or self._geocoder.place(consultation)
        if category.duty is Duty.REFERRAL:
            ward_code = placement.ward_code
            chart, referred = self.referred(chart, category, ward_code, at=now)
            entries.append(referred)
        else:
            chart, more = self.placed(
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

    def placed(
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
            entry = line(at, who, EntryKind.UNPLACED, placement.message)
            return chart.in_status(ChartStatus.UNPLACED), [entry]
        about = f"{placement.ward_code}|{placement.district_id}"
        entries = [line(at, who, EntryKind.PLACED, placement.message, about=about)]
        if category.duty is Duty.PARTNER:
            chart, referred = self.referred(chart, category, placement.ward_code, at=at)
            return chart, [*entries, referred]
        assignment = self._assigned(chart, category, placement, loads_s, at=at)
        if assignment is None:
            text = "出勤している事業所がないため振り分けできません"
            return (
                chart.in_status(ChartStatus.UNPLACED),
                [*entries, line(at, SYSTEM, EntryKind.UNPLACED, text)],
            )
        if assignment.team_id is not None:
            loads_s.add(assignment.team_id, category.onsite_s)
        held = chart.hold_until is not None and chart.hold_until > at.date()
        status = ChartStatus.ON_HOLD if held else ChartStatus.ASSIGNED
        assigned = line(
            at,
            SYSTEM,
            EntryKind.ASSIGNED,
            assignment.reason,
            about=assignment.office_id,
        )
        entries.append(assigned)
        return replace(chart, assignment=assignment).in_status(status), entries

    def referred(
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
        entry = line(at, SYSTEM, EntryKind.REFERRED, text, about=found.name)
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


def line(
    at: dt.datetime, who: str, kind: EntryKind, text: str, *, about: str = ""
) -> ChartEntry:
    """One line of a chart's history."""
    return ChartEntry(at=at, who=who, kind=kind, text=text, about=about)
