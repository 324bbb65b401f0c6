"""The port of the vault: what the core asks of the keeper of personal fields."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from dispatch.domain.case_chart import ChartStatus
from dispatch.domain.reporter import PersonalField, Reporter
from dispatch.domain.reveal import Reveal, RevealPurpose, Touch


class PersonalFields(Protocol):
    """The keeper of personal fields; nothing is handed out that is not on record."""

    def given(self, chart_ids: Iterable[str]) -> Mapping[str, Sequence[PersonalField]]:
        """Which fields charts have, without their values; charts without are absent."""
        ...

    def for_masking(self, chart_ids: Iterable[str]) -> Mapping[str, Reporter]:
        """
        Give the reporters of charts, to take their words out of other texts.

        Not a reveal, so not on record: whoever asks hands nothing of it out.
        """
        ...

    def reveal(
        self,
        touches: Sequence[Touch],
        *,
        at: dt.datetime,
        who: str,
        why: str,
        purpose: RevealPurpose,
    ) -> Mapping[str, Reporter]:
        """
        Hand out the wanted fields of charts.

        The record and the entries of the charts' histories are stored in the same
        transaction, before anything is handed out. A chart that has none of the wanted
        fields is absent and leaves no line.
        """
        ...

    def search(
        self, phone: str, *, at: dt.datetime, who: str, why: str
    ) -> Sequence[str] | None:
        """
        Ids of the charts of a phone number as typed; None when it holds no number.

        The search is on record, with the number as a keyed hash alone.
        """
        ...

    def erase(
        self, touches: Sequence[Touch], *, at: dt.datetime, who: str, why: str
    ) -> Sequence[str]:
        """
        Erase all fields of charts for good; ids of those that had any.

        The record and the entries of the histories are stored in the same transaction.
        """
        ...

    def ended_before(
        self, moment: dt.datetime, statuses: Collection[ChartStatus]
    ) -> Sequence[str]:
        """Charts with fields that stand in a status since before a moment, by id."""
        ...

    def record(self, *, limit: int, chart_id: str | None = None) -> Sequence[Reveal]:
        """Lines of the record of reveals, the newest first."""
        ...
