"""The person who reported (申出人): the fields of the vault, and nothing else."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum

from dispatch.domain.consultation import MAX_LINE, MAX_NAME, require_length


class ConsentScope(StrEnum):
    """How far the person lets the own data go (同意範囲)."""

    NOT_ASKED = "not_asked"  # 未確認: treated as the office that took the report
    OFFICE_ONLY = "office_only"  # 受け付けた所属だけ
    SHARED = "shared"  # 対応する市の所属で共有してよい


class PersonalField(StrEnum):
    """One field of the vault (個人欄), named without its value."""

    NAME = "name"  # 氏名
    KANA = "kana"  # カナ
    PHONE = "phone"  # 電話
    ADDRESS = "address"  # 住所
    ROLE = "role"  # 町会役職


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """
    The person who reported (申出人). Kept encrypted, apart from everything else.

    Never reaches a map, a log, a URL or an error. It is shown on request, with who and
    why on record; a phone number reaches a sheet only when contact was asked for and
    the dispatcher ticked it for that sheet.

    Raises
    ------
    InvalidInputError
        For an over-long text or control characters, naming the field alone.
    """

    name: str = ""
    kana: str = ""
    phone: str = ""
    address: str = ""
    role: str = ""
    consent: ConsentScope = ConsentScope.NOT_ASKED

    def __post_init__(self) -> None:
        require_length("reporter.name", self.name, MAX_NAME)
        require_length("reporter.kana", self.kana, MAX_NAME)
        require_length("reporter.phone", self.phone, MAX_NAME)
        require_length("reporter.address", self.address, MAX_LINE)
        require_length("reporter.role", self.role, MAX_NAME)

    @property
    def given(self) -> tuple[PersonalField, ...]:
        """Which fields hold something, in the order of the form."""
        return tuple(one for one in PersonalField if self.value(one))

    @property
    def is_empty(self) -> bool:
        """Whether nothing about the person was given (匿名)."""
        return not self.given

    def value(self, field: PersonalField) -> str:
        """Text of one field; empty when it was not given."""
        values = {
            PersonalField.NAME: self.name,
            PersonalField.KANA: self.kana,
            PersonalField.PHONE: self.phone,
            PersonalField.ADDRESS: self.address,
            PersonalField.ROLE: self.role,
        }
        return values[field]

    def only(self, fields: Collection[PersonalField]) -> Reporter:
        """Return the person with these fields alone; the consent stays."""
        kept = {one: self.value(one) if one in fields else "" for one in PersonalField}
        return replace(
            self,
            name=kept[PersonalField.NAME],
            kana=kept[PersonalField.KANA],
            phone=kept[PersonalField.PHONE],
            address=kept[PersonalField.ADDRESS],
            role=kept[PersonalField.ROLE],
        )
