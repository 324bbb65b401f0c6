"""Use cases of the personal fields (個人欄): show, search, mask, erase, on record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence

from dispatch.domain.case_chart import CaseChart, ChartEntry, ChartStatus, EntryKind
from dispatch.domain.consultation import MAX_LINE, MAX_NAME, require_length
from dispatch.domain.errors import ConflictError, InvalidInputError
from dispatch.domain.masking import masked, names_person
from dispatch.domain.reporter import PersonalField, Reporter
from dispatch.domain.reveal import FIELD_NAMES, Reveal, RevealPurpose, Touch
from dispatch.ports import Charts, Clock
from dispatch.vault_ports import PersonalFields

SYSTEM = "自動処理"
MAX_RECORD = 500
ERASED_AT_ONCE = 200
# Nobody owes anything any more; how long ago is counted from the last line.
ENDED = frozenset(
    {
        ChartStatus.DONE,
        ChartStatus.ANSWERED,
        ChartStatus.CLOSED,
        ChartStatus.REFERRED,
        ChartStatus.DUPLICATE,
        ChartStatus.WITHDRAWN,
        ChartStatus.DECLINED,
    }
)
NONE_THERE = "個人欄はありません(匿名か、消去済み)"
Mask = Callable[[str], str]


class VaultDesk:
    """
    The only way to personal fields; what it hands out is on record first.

    Parameters
    ----------
    fields
        Keeper of the fields.
    charts
        Store of charts.
    clock
        Time of the record.
    retention_days
        Days after its end for which a chart keeps personal fields; 0: for ever.
    """

    def __init__(
        self,
        fields: PersonalFields,
        charts: Charts,
        clock: Clock,
        *,
        retention_days: int = 0,
    ) -> None:
        self._fields = fields
        self._charts = charts
        self._clock = clock
        self._retention_days = retention_days

    # -- without handing anything out --------------------------------------------------

    def given(self, chart_ids: Iterable[str]) -> Mapping[str, Sequence[PersonalField]]:
        """Which fields charts have, without their values; charts without are absent."""
        return self._fields.given(chart_ids)

    def masks(self, chart_ids: Iterable[str]) -> Mapping[str, Mask]:
        """
        Functions that take the reporter's own words out of a text, by chart.

        A chart without personal fields still gets one: other people's numbers go too.
        """
        wanted = list(chart_ids)
        known = self._fields.for_masking(wanted)
        return {one: _mask_of(known.get(one, Reporter())) for one in wanted}

    def names_person(self, chart_id: str, text: str) -> bool:
        """Whether a text that is to be published says who reported a chart."""
        known = self._fields.for_masking([chart_id])
        return names_person(text, known.get(chart_id, Reporter()))

    def record(
        self, *, limit: int = MAX_RECORD, chart_id: str | None = None
    ) -> Sequence[Reveal]:
        """Lines of the record of reveals (閲覧記録), the newest first."""
        return self._fields.record(limit=limit, chart_id=chart_id)

    # -- on record ---------------------------------------------------------------------

    def reveal(self, chart_id: str, *, who: str, why: str) -> Reporter:
        """
        Show all fields of one chart's reporter.

        Raises
        ------
        NotFoundError
            When there is no such chart.
        InvalidInputError
            When nobody or no reason is named.
        ConflictError
            When the chart has no personal fields.
        """
        _require_named(who, why)
        chart = self._charts.get(chart_id)
        given = self._fields.given([chart_id]).get(chart_id, ())
        text = f"{_names(given)}を表示。理由: {why.strip()}"
        shown = self._fields.reveal(
            [self._touch(chart_id, given, who, EntryKind.REVEALED, text)],
            at=self._clock.now(),
            who=who.strip(),
            why=why.strip(),
            purpose=RevealPurpose.PAGE,
        )
        if chart_id not in shown:
            raise ConflictError(f"{chart.number}: {NONE_THERE}")
        return shown[chart_id]

    def call_back_numbers(
        self, charts: Iterable[CaseChart], *, who: str, text: str
    ) -> Mapping[str, str]:
        """
        Phone numbers for a route sheet, by chart: only where contact is wanted.

        Parameters
        ----------
        charts
            Those that the dispatcher ticked.
        text
            What is printed, for the histories; the tick is the reason.
        """
        phone = (PersonalField.PHONE,)
        touches = [
            self._touch(chart.id, phone, who, EntryKind.PRINTED, text)
            for chart in charts
            if chart.consultation.contact_wanted
        ]
        if not touches:
            return {}
        shown = self._fields.reveal(
            touches,
            at=self._clock.now(),
            who=who,
            why=text,
            purpose=RevealPurpose.SHEET,
        )
        return {chart_id: person.phone for chart_id, person in shown.items()}

    def search(self, phone: str, *, who: str, why: str) -> Sequence[CaseChart]:
        """
        Find the charts of a phone number, the newest first.

        Raises
        ------
        InvalidInputError
            When nobody or no reason is named, or the text holds no phone number.
        """
        _require_named(who, why)
        require_length("phone", phone, MAX_NAME)
        found = self._fields.search(
            phone, at=self._clock.now(), who=who.strip(), why=why.strip()
        )
        if found is None:
            problem = "電話番号を市外局番から(市内は8桁でも)入れてください"
            raise InvalidInputError("phone", problem)
        return tuple(self._charts.get_many(found).values())

    # -- erasing -----------------------------------------------------------------------

    def due_for_erasure(self, *, older_than_days: int | None = None) -> Sequence[str]:
        """
        Charts whose personal fields were kept long enough, by id.

        Parameters
        ----------
        older_than_days
            Days since the chart's end; the retention of the rules when absent.
        """
        days = self._retention_days if older_than_days is None else older_than_days
        if days <= 0:
            return ()
        moment = self._clock.now() - dt.timedelta(days=days)
        return self._fields.ended_before(moment, ENDED)

    def erase(self, chart_ids: Sequence[str], *, who: str, why: str) -> Sequence[str]:
        """
        Erase the personal fields of charts for good; ids of those that had any.

        Raises
        ------
        InvalidInputError
            When nobody or no reason is named.
        """
        _require_named(who, why)
        erased: list[str] = []
        for start in range(0, len(chart_ids), ERASED_AT_ONCE):
            part = chart_ids[start : start + ERASED_AT_ONCE]
            touches = [
                self._touch(
                    chart_id,
                    fields,
                    who,
                    EntryKind.ERASED,
                    f"個人欄({_names(fields)})を消去。理由: {why.strip()}",
                )
                for chart_id, fields in self._fields.given(part).items()
            ]
            erased += self._fields.erase(
                touches, at=self._clock.now(), who=who.strip(), why=why.strip()
            )
        return tuple(erased)

    def erase_due(self) -> Sequence[str]:
        """Erase what was kept long enough, in the name of the rule."""
        due = self.due_for_erasure()
        if not due:
            return ()
        why = f"保存期間({self._retention_days}日)が過ぎたため"
        return self.erase(due, who=SYSTEM, why=why)

    def _touch(
        self,
        chart_id: str,
        wanted: Sequence[PersonalField],
        who: str,
        kind: EntryKind,
        text: str,
    ) -> Touch:
        at = self._clock.now()
        entry = ChartEntry(at=at, who=who.strip(), kind=kind, text=text)
        return Touch(chart_id=chart_id, wanted=tuple(wanted), entry=entry)


def _mask_of(reporter: Reporter) -> Mask:
    return lambda text: masked(text, reporter)


def _names(fields: Iterable[PersonalField]) -> str:
    return "・".join(FIELD_NAMES[field] for field in fields)


def _require_named(who: str, why: str) -> None:
    require_length("who", who, MAX_NAME)
    require_length("why", why, MAX_LINE)
    if not who.strip():
        raise InvalidInputError("who", "担当者の名前を入れてください")
    if not why.strip():
        raise InvalidInputError("why", "見る(消す)理由を入れてください")
