"""Schemes of a city (制度区分): rules of answering, and which channel leads where."""

from __future__ import annotations

from pathlib import Path

from dispatch.domain.consultation import Channel
from dispatch.domain.scheme import Scheme, SchemeRule, Schemes
from geodata.tables import Row, read_table, require_unique

SCHEMES_FILE = "schemes.csv"


def read_schemes(folder: Path) -> Schemes:
    """
    Rules of all schemes; none without a table: then nothing is owed but what is asked.

    Raises
    ------
    SourceError
        When a scheme or channel is unknown, or stands there twice.
    """
    file = folder / SCHEMES_FILE
    if not file.exists():
        return Schemes()
    columns = ("scheme", "name", "answer_days", "interim_days", "always_answered")
    rows = read_table(file, (*columns, "written", "published", "channels"))
    require_unique(rows, "scheme")
    rules = {rule.scheme: rule for rule in map(_rule, rows)}
    by_channel: dict[str, Scheme] = {}
    for row in rows:
        row.known("channels", frozenset(map(str, Channel)), "the channels (媒体)")
        for channel in row.items("channels"):
            if channel in by_channel:
                raise row.error("channels", f"{channel} leads to two schemes")
            by_channel[channel] = row.one_of("scheme", Scheme)
    return Schemes(rules=rules, by_channel=by_channel)


def _rule(row: Row) -> SchemeRule:
    return SchemeRule(
        scheme=row.one_of("scheme", Scheme),
        name=row.text("name"),
        answer_days=row.whole("answer_days"),
        interim_days=row.whole("interim_days"),
        always_answered=row.flag("always_answered"),
        written=row.flag("written"),
        published=row.flag("published"),
    )
