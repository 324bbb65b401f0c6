"""The staff as a file (職員の一覧): rows in with a report, rows out for Excel."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from api.acting import ROLE_TEXT
from api.import_file import HEADER_ROWS, Row
from dispatch.domain.access import Role
from dispatch.domain.errors import ConflictError, DispatchError, InvalidInputError
from dispatch.domain.import_job import RowRefusal
from dispatch.domain.organisation import (
    STAFF_ROLES,
    Absence,
    Charge,
    Extra,
    Fact,
    FactKind,
    Hours,
    Person,
    StaffRow,
    StandIn,
)
from dispatch.organisation_desk import NewFact, OrganisationDesk

DAY = dt.timedelta(days=1)
WEEKDAYS = "月火水木金土日"
SEPARATOR = "|"
MAX_ROWS = 5_000
YES = "○"
KIND_TEXT = {
    FactKind.PERSON: "職員",
    FactKind.CHARGE: "担当",
    FactKind.STAND_IN: "代理",
    FactKind.HOURS: "勤務時間",
    FactKind.ABSENCE: "不在",
    FactKind.EXTRA: "臨時の当番",
}
# Our field -> heading of the file.
HEADINGS = {
    "kind": "登録",
    "staff_id": "職員番号",
    "name": "氏名",
    "role": "役割",
    "unit": "所属",
    "ward": "区",
    "districts": "校区",
    "teams": "班",
    "for_staff_id": "代理する相手",
    "weekdays": "曜日",
    "start": "始業",
    "end": "終業",
    "holidays": "祝日も",
    "valid_from": "開始日",
    "last_day": "最終日",
    "synthetic": "合成",
}
NEEDED = ("staff_id", "valid_from")


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffNames:
    """
    Names of the city's wards, districts and teams, by code or id.

    `district_wards` has the ward code of each school district.
    """

    wards: Mapping[str, str]
    district_wards: Mapping[str, str]
    districts: Mapping[str, str]
    teams: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffReport:
    """What became of each row of a file."""

    rows: int = 0
    added: int = 0
    known: int = 0
    refused: tuple[RowRefusal, ...] = ()


def take_in(
    desk: OrganisationDesk, rows: Sequence[Row], names: StaffNames, *, who: str
) -> StaffReport:
    """
    Add the rows of a file; good rows are kept, others are reported.

    A charge of somebody unknown with a name adds the person as well.

    Raises
    ------
    InvalidInputError
        When a needed column is missing, or the file is too long.
    """
    _require_headings(rows)
    refused: list[RowRefusal] = []
    groups: list[tuple[int, list[NewFact]]] = []
    seen = {r.fact.staff_id for r in desk.book().rows if isinstance(r.fact, Person)}
    for number, row in enumerate(rows, start=HEADER_ROWS + 1):
        try:
            groups.append((number, _facts(row, names, seen)))
        except InvalidInputError as problem:
            refused.append(_refusal(number, problem))
    told = desk.add_each([facts for _, facts in groups], who=who, why="名簿の取り込み")
    known = 0
    for (number, _), obstacle in zip(groups, told, strict=True):
        if isinstance(obstacle, ConflictError):
            known += 1
        elif obstacle is not None:
            refused.append(_refusal(number, obstacle))
    refused.sort(key=lambda one: one.row)
    return StaffReport(
        rows=len(rows),
        added=sum(obstacle is None for obstacle in told),
        known=known,
        refused=tuple(refused),
    )


def as_csv(rows: Sequence[StaffRow], names: StaffNames) -> str:
    """Rows that ever held as a CSV that `take_in` reads back."""
    target = io.StringIO()
    writer = csv.DictWriter(target, list(HEADINGS), lineterminator="\r\n")
    writer.writerow(HEADINGS)
    # people first: what is said of them needs them
    for row in sorted(rows, key=lambda one: not isinstance(one.fact, Person)):
        if row.has_days:
            last = row.valid_to - DAY if row.valid_to else None
            writer.writerow(
                {
                    "kind": KIND_TEXT[row.fact.kind],
                    "staff_id": row.fact.staff_id,
                    "valid_from": row.valid_from.isoformat(),
                    "last_day": last.isoformat() if last else "",
                    **_cells(row.fact, names),
                }
            )
    return target.getvalue()


def clock_text(second: int) -> str:
    """Write seconds after midnight as H:MM."""
    return f"{second // 3600}:{second % 3600 // 60:02d}"


def clock_s(field: str, text: str) -> int:
    """
    Seconds after midnight of H:MM.

    Raises
    ------
    InvalidInputError
        When it is no time.
    """
    hours, _, minutes = text.strip().partition(":")
    if hours.isdecimal() and minutes.isdecimal() and int(minutes) < 60:  # noqa: PLR2004 - minutes of an hour
        return int(hours) * 3600 + int(minutes) * 60
    raise InvalidInputError(field, "時刻は 9:00 のように入れてください")


def day_of_text(field: str, text: str) -> dt.date:
    """
    Read a day, 2026-04-01 or 2026/4/1.

    Raises
    ------
    InvalidInputError
        When it is no day.
    """
    try:
        year, month, day = text.strip()[:10].replace("/", "-").split("-")
        return dt.date(int(year), int(month), int(day))
    except ValueError:
        raise InvalidInputError(field, "日付を読めません(例: 2026-04-01)") from None


def first_after(field: str, text: str) -> dt.date | None:
    """Read the first day after a last day; None when the field is empty."""
    return day_of_text(field, text) + DAY if text.strip() else None


def _require_headings(rows: Sequence[Row]) -> None:
    if not rows:
        raise InvalidInputError("file", "空のファイルです")
    if len(rows) > MAX_ROWS:
        raise InvalidInputError("file", f"一度に{MAX_ROWS:,}行までです")
    missing = [HEADINGS[name] for name in NEEDED if HEADINGS[name] not in rows[0]]
    if missing:
        raise InvalidInputError("header", f"列がありません: {'、'.join(missing)}")


def _refusal(number: int, problem: DispatchError) -> RowRefusal:
    if isinstance(problem, InvalidInputError):
        heading = HEADINGS.get(problem.field, problem.field)
        return RowRefusal(row=number, field=heading, problem=problem.problem)
    return RowRefusal(row=number, field="", problem=str(problem))  # pragma: no cover


def _facts(row: Row, names: StaffNames, seen: set[str]) -> list[NewFact]:
    """Facts of a row; a new person comes before what is said of them."""

    def cell(name: str) -> str:
        return row.get(HEADINGS[name], "").strip()

    first = day_of_text("valid_from", cell("valid_from"))
    until = first_after("last_day", cell("last_day"))
    kind = _kind(cell("kind"))
    found: list[NewFact] = []
    staff_id, name = cell("staff_id"), cell("name")
    if kind is not FactKind.PERSON and name and staff_id not in seen:
        person = Person(
            staff_id=staff_id, name=name, is_synthetic=cell("synthetic") == YES
        )
        found.append(NewFact(fact=person, valid_from=first))
    cells = {key: cell(key) for key in HEADINGS}
    fact = _fact(kind, cells, names)
    found.append(NewFact(fact=fact, valid_from=first, valid_to=until))
    seen.add(staff_id)
    return found


def _kind(text: str) -> FactKind:
    if not text:
        return FactKind.CHARGE
    for kind, word in KIND_TEXT.items():
        if text in (word, kind):
            return kind
    problem = f"次のどれかにしてください: {'、'.join(KIND_TEXT.values())}"
    raise InvalidInputError("kind", problem)


def _fact(kind: FactKind, cells: Mapping[str, str], names: StaffNames) -> Fact:
    staff_id = cells["staff_id"]
    match kind:
        case FactKind.PERSON:
            synthetic = cells["synthetic"] == YES
            return Person(staff_id=staff_id, name=cells["name"], is_synthetic=synthetic)
        case FactKind.CHARGE:
            return _charge(cells, names)
        case FactKind.STAND_IN:
            return StandIn(staff_id=staff_id, for_staff_id=cells["for_staff_id"])
        case FactKind.HOURS:
            return Hours(
                staff_id=staff_id,
                weekdays=weekdays_of(cells["weekdays"]),
                start_s=clock_s("start", cells["start"]),
                end_s=clock_s("end", cells["end"]),
                on_holidays=cells["holidays"] == YES,
            )
        case FactKind.ABSENCE:
            return Absence(staff_id=staff_id)
        case FactKind.EXTRA:
            return Extra(
                staff_id=staff_id,
                start_s=clock_s("start", cells["start"]),
                end_s=clock_s("end", cells["end"]),
            )


def weekdays_of(text: str) -> tuple[int, ...]:
    """
    Days of the week of 月火水, counted from Monday, 0.

    Raises
    ------
    InvalidInputError
        When a sign is no day of the week.
    """
    days = [day for day in text if day not in "・、, "]
    if any(day not in WEEKDAYS for day in days):
        raise InvalidInputError("weekdays", "曜日は「月火水」のように入れてください")
    return tuple(sorted({WEEKDAYS.index(day) for day in days}))


def role_of(text: str) -> Role:
    """
    Role of its name in Japanese, or of its code.

    Raises
    ------
    InvalidInputError
        When no member of the staff has such a role.
    """
    for role in STAFF_ROLES:
        if text in (str(role), ROLE_TEXT[role]):
            return role
    known = "、".join(ROLE_TEXT[role] for role in STAFF_ROLES)
    raise InvalidInputError("role", f"次のどれかにしてください: {known}")


def _charge(cells: Mapping[str, str], names: StaffNames) -> Charge:
    ward_code = _one("ward", cells["ward"], names.wards)
    districts = {  # two wards may have a school of one name
        district_id: name
        for district_id, name in names.districts.items()
        if names.district_wards[district_id] == ward_code
    }
    return Charge(
        staff_id=cells["staff_id"],
        role=role_of(cells["role"]),
        unit=cells["unit"],
        ward_code=ward_code,
        district_ids=tuple(_many("districts", cells["districts"], districts)),
        team_ids=tuple(_many("teams", cells["teams"], names.teams)),
    )


def _one(field: str, text: str, names: Mapping[str, str]) -> str:
    """Code of a name or code; empty for an empty cell."""
    if not text or text in names:
        return text
    codes = [code for code, name in names.items() if name == text]
    if len(codes) != 1:
        raise InvalidInputError(field, "名前が一覧にないか、2つ以上あります")
    return codes[0]


def _many(field: str, text: str, names: Mapping[str, str]) -> Iterator[str]:
    for item in filter(None, (part.strip() for part in text.split(SEPARATOR))):
        yield _one(field, item, names)


def _cells(fact: Fact, names: StaffNames) -> dict[str, str]:
    match fact:
        case Person():
            mark = YES if fact.is_synthetic else ""
            return {"name": fact.name, "synthetic": mark}
        case Charge():
            return {
                "role": ROLE_TEXT[fact.role],
                "unit": fact.unit,
                "ward": names.wards.get(fact.ward_code, fact.ward_code),
                "districts": SEPARATOR.join(fact.district_ids),
                "teams": SEPARATOR.join(fact.team_ids),
            }
        case StandIn():
            return {"for_staff_id": fact.for_staff_id}
        case Hours():
            return {
                "weekdays": "".join(WEEKDAYS[day] for day in fact.weekdays),
                "start": clock_text(fact.start_s),
                "end": clock_text(fact.end_s),
                "holidays": YES if fact.on_holidays else "",
            }
        case Extra():
            start, end = clock_text(fact.start_s), clock_text(fact.end_s)
            return {"start": start, "end": end}
        case Absence():
            return {}
