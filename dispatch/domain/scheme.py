"""Schemes (制度区分): by which rule a consultation is handled, answered, published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Scheme(StrEnum):
    """The city's four ways of taking what residents say (制度区分)."""

    REPORT = "report"  # 通報
    REQUEST = "request"  # 要望等記録
    CITIZEN_VOICE = "citizen_voice"  # 市民の声
    AREA_VOICE = "area_voice"  # 地域の声


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemeRule:
    """
    What follows from a scheme.

    `answer_days` and `interim_days` are days after receipt by which a resident who is
    owed an answer gets it, or word of the delay (0: no such clock). `always_answered`:
    an answer is owed to everybody who can be reached; otherwise to those who asked.
    `written`: by letter or mail, not by word of mouth. `published`: question and answer
    are published in summary.
    """

    scheme: Scheme
    name: str
    answer_days: int = 0
    interim_days: int = 0
    always_answered: bool = False
    written: bool = False
    published: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Schemes:
    """The rules of all schemes, and the scheme that each channel (媒体) leads to."""

    rules: Mapping[Scheme, SchemeRule] = field(default_factory=dict)
    by_channel: Mapping[str, Scheme] = field(default_factory=dict)

    def rule(self, scheme: Scheme) -> SchemeRule:
        """Rule of a scheme; one without clocks where the city has stated none."""
        return self.rules.get(scheme) or SchemeRule(scheme=scheme, name=str(scheme))

    def of(self, channel: str, stated: Scheme | None) -> Scheme:
        """Scheme of a consultation: what its sender stated, else its channel's."""
        return stated or self.by_channel.get(channel, Scheme.REPORT)
