"""Rows of new charts, many at once, inside a transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Executable, Row, bindparam, insert, select, update

from dispatch.adapters.codec import from_json
from dispatch.adapters.entry_rows import enter_new
from dispatch.adapters.tables import charts, counters, idempotency_keys
from dispatch.adapters.transfer_rows import put_transfers
from dispatch.adapters.vault import Vault
from dispatch.adapters.vault_rows import put_reporters
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.errors import ConflictError
from dispatch.ports import AddedChart, IdempotencyKey, NewChart

Ask = Callable[[Executable, Mapping[str, object]], Iterable[Row[Any]]]
RowOf = Callable[[CaseChart], dict[str, object]]

NUMBER_DIGITS = 6
QUERY_BATCH = 500  # below every database's limit of bound parameters
OTHER_BODY = "同じ Idempotency-Key が別の内容で使われています"
# Made once: building a statement takes longer than the database takes for it.
_OF_KEYS = (
    select(idempotency_keys.c.key, idempotency_keys.c.body_sha256, charts.c.body)
    .join_from(idempotency_keys, charts)
    .where(
        idempotency_keys.c.client == bindparam("of"),
        idempotency_keys.c.key.in_(bindparam("names", expanding=True)),
    )
)
_OF_EXTERNAL_IDS = select(charts.c.external_id.label("key"), charts.c.body).where(
    charts.c.source == bindparam("of"),
    charts.c.external_id.in_(bindparam("names", expanding=True)),
)
_COUNTED = select(counters).where(
    counters.c.prefix.in_(bindparam("prefixes", expanding=True))
)
_COUNT_ON = (
    update(counters)
    .where(counters.c.prefix == bindparam("of"))
    .values(last=bindparam("now"))
)
_COUNT_FROM_ONE = insert(counters)
_ADD = insert(charts)
_REMEMBER = insert(idempotency_keys)


def add_new(
    connection: Connection,
    new: Sequence[NewChart],
    *,
    row_of: RowOf,
    vault: Vault | None,
) -> list[AddedChart]:
    """
    Store charts in their order, with as few statements as one chart takes.

    Parameters
    ----------
    connection
        Of the write transaction.
    new
        Charts; one whose key or external id is known, be it from an earlier one of
        them, adds nothing.
    row_of
        Columns of a chart.
    vault
        Seals reporters.

    Raises
    ------
    ConflictError
        When the body of a known key was another.
    """
    taking = _Taking(connection, new)
    added = [taking.take(one) for one in new]
    taking.count()
    taken = taking.taken
    if taken:
        connection.execute(_ADD, [row_of(chart) for chart, _ in taken])
        reporters = [(chart, one.reporter) for chart, one in taken]
        put_reporters(connection, vault, reporters)
        for chart, _ in taken:
            put_transfers(connection, chart)
        enter_new(connection, [(chart, one.entries) for chart, one in taken])
    if taking.keys:
        connection.execute(_REMEMBER, taking.keys)
    return added


def charts_of_keys(
    ask: Ask, keys: Iterable[IdempotencyKey]
) -> dict[IdempotencyKey, CaseChart]:
    """
    Charts of keys that are known.

    Raises
    ------
    ConflictError
        When the body of one was another.
    """
    wanted = list(keys)
    pairs = [(one.client, one.key) for one in wanted]
    rows = _found(ask, _OF_KEYS, pairs)
    found: dict[IdempotencyKey, CaseChart] = {}
    for key, pair in zip(wanted, pairs, strict=True):
        row = rows.get(pair)
        if row is None:
            continue
        _require_same(key, row.body_sha256)
        found[key] = from_json(CaseChart, row.body)
    return found


class _Taking:
    """What a batch of new charts becomes: who is known, and which number each gets."""

    def __init__(self, connection: Connection, new: Sequence[NewChart]) -> None:
        self._connection = connection
        ask = connection.execute
        told = [one.idempotency for one in new if one.idempotency is not None]
        self._of_keys = charts_of_keys(ask, told)
        self._bodies = {(one.client, one.key): one for one in self._of_keys}
        ids = [pair for one in new if (pair := _external_of(one))]
        self._of_ids = {
            pair: from_json(CaseChart, row.body)
            for pair, row in _found(ask, _OF_EXTERNAL_IDS, ids).items()
        }
        self._stored_last = _last_numbers(
            connection, {one.number_prefix for one in new}
        )
        self._last = dict(self._stored_last)
        self.taken: list[tuple[CaseChart, NewChart]] = []
        self.keys: list[dict[str, object]] = []

    def take(self, new: NewChart) -> AddedChart:
        """Give a chart its number, unless it is known."""
        key, pair = new.idempotency, _external_of(new)
        if key is not None and (first := self._bodies.get((key.client, key.key))):
            _require_same(key, first.body_sha256)
            return AddedChart(chart=self._of_keys[first], is_new=False)
        known = self._of_ids.get(pair) if pair else None
        chart = known or replace(new.chart, number=self._number(new.number_prefix))
        if known is None:
            self.taken.append((chart, new))
        if pair:
            self._of_ids[pair] = chart
        if key is not None:
            self._remember(key, chart)
        return AddedChart(chart=chart, is_new=known is None)

    def _number(self, prefix: str) -> str:
        self._last[prefix] = self._last.get(prefix, 0) + 1
        return f"{prefix}-{self._last[prefix]:0{NUMBER_DIGITS}d}"

    def _remember(self, key: IdempotencyKey, chart: CaseChart) -> None:
        self._of_keys[key] = chart
        self._bodies[key.client, key.key] = key
        self.keys.append(
            {
                "client": key.client,
                "key": key.key,
                "body_sha256": key.body_sha256,
                "chart_id": chart.id,
            }
        )

    def count(self) -> None:
        """Store the last numbers; what is undone leaves no gap."""
        before, after = self._stored_last, self._last
        more = [
            {"of": prefix, "now": last}
            for prefix, last in after.items()
            if before.get(prefix, last) != last
        ]
        first = [
            {"prefix": prefix, "last": last}
            for prefix, last in after.items()
            if prefix not in before
        ]
        if more:
            self._connection.execute(_COUNT_ON, more)
        if first:  # of their year and ward; writers wait for each other
            self._connection.execute(_COUNT_FROM_ONE, first)


def _external_of(new: NewChart) -> tuple[str, str] | None:
    told = new.chart.consultation
    return (told.source, told.external_id) if told.external_id else None


def _require_same(key: IdempotencyKey, body_sha256: str) -> None:
    if key.body_sha256 != body_sha256:
        raise ConflictError(OTHER_BODY)


def _last_numbers(connection: Connection, prefixes: set[str]) -> dict[str, int]:
    return {
        row.prefix: row.last
        for part in _parts(sorted(prefixes))
        for row in connection.execute(_COUNTED, {"prefixes": part})
    }


def _found(
    ask: Ask, statement: Executable, pairs: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], Row[Any]]:
    """Rows of pairs of a sender and a name, by pair; one question a sender."""
    return {
        (of, row.key): row
        for of, names in _by_sender(pairs)
        for row in ask(statement, {"of": of, "names": names})
    }


def _by_sender(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    by_sender: dict[str, dict[str, None]] = defaultdict(dict)
    for of, name in pairs:
        by_sender[of][name] = None
    for of, names in by_sender.items():
        for part in _parts(names):
            yield of, part


def _parts(names: Iterable[str]) -> Iterator[list[str]]:
    left = iter(names)
    while part := list(islice(left, QUERY_BATCH)):
        yield part
