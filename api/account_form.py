"""The form of an account's rights, and the lines of the page of records."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.datastructures import FormData

from api.wiring import Services
from dispatch.domain.access import Actor, Role
from dispatch.domain.account import Account, Outcome
from dispatch.domain.consultation import MAX_NAME, require_length
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.reveal import FIELD_NAMES
from geodata.city import CityProfile

OUTCOME_TEXT = {
    Outcome.SIGNED_IN: "ログイン",
    Outcome.UNKNOWN: "ログイン失敗(登録のないログイン名)",
    Outcome.WRONG: "ログイン失敗(パスワード違い)",
    Outcome.LOCKED: "ログイン失敗(ロック中)",
    Outcome.NOT_VALID: "ログイン失敗(利用停止中)",
    Outcome.SIGNED_OUT: "ログアウト",
    Outcome.PASSWORD_CHANGED: "パスワード変更",
    Outcome.PASSWORD_RESET: "パスワード再発行",
}
LINES = re.compile(r"[\n、,]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class RightsForm:
    """Rights as typed, so that they come back with an error."""

    login: str
    name: str
    version: int
    roles: frozenset[str]
    ward_codes: frozenset[str]
    office_ids: frozenset[str]
    team_ids: frozenset[str]
    category_groups: frozenset[str]
    receivers: str

    @classmethod
    def empty(cls) -> RightsForm:
        """Form of an account that is to be made."""
        return cls.read(FormData())

    @classmethod
    def of(cls, account: Account) -> RightsForm:
        """Form of an account as it stands."""
        actor = account.actor
        return cls(
            login=account.login,
            name=actor.name,
            version=account.version,
            roles=frozenset(map(str, actor.roles)),
            ward_codes=actor.ward_codes,
            office_ids=actor.office_ids,
            team_ids=actor.team_ids,
            category_groups=actor.category_groups,
            receivers="\n".join(sorted(actor.receivers)),
        )

    @classmethod
    def read(cls, form: FormData) -> RightsForm:
        """Read what was typed; wrong values are refused by `to_actor`."""

        def chosen(name: str) -> frozenset[str]:
            return frozenset(str(value) for value in form.getlist(name))

        version = str(form.get("version", "0"))
        return cls(
            login=str(form.get("login", "")).strip(),
            name=str(form.get("name", "")).strip(),
            version=int(version) if version.isdecimal() else 0,
            roles=chosen("role"),
            ward_codes=chosen("ward"),
            office_ids=chosen("office"),
            team_ids=chosen("team"),
            category_groups=chosen("group"),
            receivers=str(form.get("receivers", "")).strip(),
        )

    def to_actor(self, profile: CityProfile) -> Actor:
        """
        Rights of the form; the desk gives the id.

        Raises
        ------
        InvalidInputError
            For a role, ward, office, team or group that the city does not have.
        """
        known = {str(role): role for role in Role if role != Role.INTAKE_SYSTEM}
        _require(self.roles, known, "roles")
        _require(self.ward_codes, (ward.code for ward in profile.wards), "wards")
        _require(self.office_ids, (office.id for office in profile.offices), "offices")
        _require(self.team_ids, (team.id for team in profile.teams), "teams")
        _require(self.category_groups, groups_of(profile), "groups")
        desks = frozenset(
            desk.strip() for desk in LINES.split(self.receivers) if desk.strip()
        )
        for desk in desks:
            require_length("receivers", desk, MAX_NAME)
        return Actor(
            id="",
            name=self.name,
            roles=frozenset(known[role] for role in self.roles),
            ward_codes=self.ward_codes,
            office_ids=self.office_ids,
            team_ids=self.team_ids,
            receivers=desks,
            category_groups=self.category_groups,
        )


def groups_of(profile: CityProfile) -> tuple[str, ...]:
    """Name the groups of the catalogue, in its order."""
    groups = (category.group for category in profile.catalogue.categories)
    return tuple(dict.fromkeys(groups))


def _require(chosen: frozenset[str], known: Iterable[str], field: str) -> None:
    if chosen - set(known):
        raise InvalidInputError(field, "一覧にない値が選ばれています")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One line of the page of records."""

    at: dt.datetime
    who: str
    what: str
    detail: str
    chart_id: str = ""


def audit_rows(services: Services, *, limit: int) -> list[AuditRow]:
    """Newest sign-ins and reveals, together and newest first."""
    rows = [
        AuditRow(
            at=one.at,
            who=one.login or "(登録なし)",
            what=OUTCOME_TEXT[one.outcome],
            detail=one.origin,
        )
        for one in services.accounts.sign_ins(limit=limit)
    ]
    rows += [
        AuditRow(
            at=one.at,
            who=one.who,
            what="個人欄: " + "・".join(FIELD_NAMES[field] for field in one.fields),
            detail=one.why,
            chart_id=one.chart_id,
        )
        for one in services.vault.record(limit=limit)
    ]
    return sorted(rows, key=lambda row: row.at, reverse=True)[:limit]
