"""Personal fields: shown, searched for and erased only on record, on both databases."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from sqlalchemy import Engine, func, select

from dispatch.adapters.clocks import FixedClock
from dispatch.adapters.database import reading
from dispatch.adapters.sql_store import SqlStore
from dispatch.adapters.tables import personal_vault
from dispatch.adapters.vault import Vault
from dispatch.adapters.vault_store import SqlVault
from dispatch.domain.case_chart import ChartStatus, EntryKind
from dispatch.domain.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    SourceError,
)
from dispatch.domain.reporter import PersonalField, Reporter
from dispatch.domain.reveal import Reveal, RevealPurpose
from dispatch.ports import IdempotencyKey, NewChart
from dispatch.vault_desk import VaultDesk
from tests.builders import catalogue, chart, consultation, entry, moment, new_chart

NOW = moment("10:00")
HANAKO = Reporter(
    name="山田花子",
    kana="ヤマダハナコ",
    phone="06-6969-5841",
    address="秘密町1-2-3",
    role="町会長",
)
TARO = Reporter(name="山田太郎", phone="6969−5841")  # the same telephone
WHY = "折り返しの電話のため"


class Office:
    """A vault desk with its stores, and the charts a (花子), b (太郎), c (匿名)."""

    def __init__(self, engine: Engine, *, retention_days: int = 0) -> None:
        self.engine = engine
        self.keys = Vault.in_memory(area_code="06")
        self.store = SqlStore(engine, catalogue(), self.keys)
        self.kept = SqlVault(engine, self.keys)
        self.desk = self.at(NOW, retention_days=retention_days)
        self.store.add_all([self.new("a", HANAKO), self.new("b", TARO)])
        self.store.add_all([self.new("c", Reporter())])

    def at(self, now: dt.datetime, *, retention_days: int = 0) -> VaultDesk:
        """Open the desk at another moment."""
        clock = FixedClock(now)
        return VaultDesk(self.kept, self.store, clock, retention_days=retention_days)

    def new(self, chart_id: str, person: Reporter) -> NewChart:
        """Make a chart of a person who wants to be called back."""
        received = moment(f"9:0{'abc'.index(chart_id)}")
        said = consultation(contact_wanted=True, received_at=received)
        return new_chart(
            chart_id, chart=chart(chart_id, consultation=said), reporter=person
        )

    def end(self, chart_id: str, status: ChartStatus, *, at: dt.datetime) -> None:
        """Put a chart into a status at a moment."""
        now = self.store.get(chart_id)
        after = replace(now, status=status, version=now.version + 1)
        line = entry("終結", at=at, kind=EntryKind.OUTCOME)
        self.store.save_all([(after, (line,))])

    @property
    def num_sealed(self) -> int:
        """Count the rows of the vault."""
        with reading(self.engine) as connection:
            query = select(func.count()).select_from(personal_vault)
            return int(connection.execute(query).scalar_one())


@pytest.fixture
def office(engine: Engine) -> Office:
    return Office(engine)


# -- showing ---------------------------------------------------------------------------


def test_which_fields_there_are_is_told_without_their_values(office: Office) -> None:
    assert office.desk.given(["b", "a", "c", "none"]) == {
        "b": (PersonalField.NAME, PersonalField.PHONE),
        "a": tuple(PersonalField),
    }
    assert office.desk.record() == []


def test_a_reveal_is_on_record_and_in_the_history_without_the_value(
    office: Office,
) -> None:
    assert office.desk.reveal("a", who=" 係員 ", why=f" {WHY} ") == HANAKO
    line = Reveal(
        at=NOW,
        who="係員",
        why=WHY,
        purpose=RevealPurpose.PAGE,
        chart_id="a",
        fields=tuple(PersonalField),
    )
    assert office.desk.record() == [line]
    assert office.desk.record(chart_id="b") == []
    last = office.store.history("a")[-1]
    assert (last.who, last.kind) == ("係員", EntryKind.REVEALED)
    assert last.text == f"氏名・カナ・電話・住所・町会役職を表示。理由: {WHY}"
    assert office.store.get("a").version == 1  # nothing about the case has changed


def test_nothing_is_shown_without_who_and_why(office: Office) -> None:
    for who, why, field in (("", WHY, "who"), ("係員", " ", "why")):
        with pytest.raises(InvalidInputError) as caught:
            office.desk.reveal("a", who=who, why=why)
        assert caught.value.field == field
    with pytest.raises(InvalidInputError, match="why"):
        office.desk.reveal("a", who="係員", why="あ" * 301)
    assert office.desk.record() == []


def test_of_an_anonymous_report_nothing_is_shown_nor_recorded(office: Office) -> None:
    with pytest.raises(ConflictError, match="個人欄はありません"):
        office.desk.reveal("c", who="係員", why=WHY)
    with pytest.raises(NotFoundError):
        office.desk.reveal("none", who="係員", why=WHY)
    assert office.desk.record() == []
    assert len(office.store.history("c")) == 1


def test_what_cannot_be_opened_leaves_no_line(office: Office) -> None:
    other = SqlVault(office.engine, Vault.in_memory())
    desk = VaultDesk(other, office.store, FixedClock(NOW))
    with pytest.raises(SourceError, match="does not hold the key"):
        desk.reveal("a", who="係員", why=WHY)
    assert office.desk.record() == []
    assert len(office.store.history("a")) == 1


def test_a_sheet_gets_the_number_alone_where_contact_is_wanted(office: Office) -> None:
    silent = office.store.get("b")
    silent = replace(
        silent, consultation=replace(silent.consultation, contact_wanted=False)
    )
    charts = [office.store.get("a"), silent, office.store.get("c")]
    text = "第1版の巡回表に連絡先の電話番号を印刷"
    numbers = office.desk.call_back_numbers(charts, who="配車係", text=text)
    assert numbers == {"a": "06-6969-5841"}
    (line,) = office.desk.record()
    assert (line.purpose, line.chart_id) == (RevealPurpose.SHEET, "a")
    assert line.fields == (PersonalField.PHONE,)
    last = office.store.history("a")[-1]
    assert (last.kind, last.text) == (EntryKind.PRINTED, text)
    assert len(office.store.history("c")) == 1
    assert office.desk.call_back_numbers([silent], who="配車係", text=text) == {}


def test_a_person_without_a_number_leaves_no_line_on_a_sheet(office: Office) -> None:
    nameless = office.new("c", Reporter(name="山田三郎"))
    said = replace(nameless.chart, id="d")
    office.store.add_all([replace(nameless, chart=said)])
    charts = [office.store.get("d")]
    assert office.desk.call_back_numbers(charts, who="配車係", text="印刷") == {}
    assert office.desk.record() == []


def test_masks_take_out_the_persons_own_words_and_any_number(office: Office) -> None:
    masks = office.desk.masks(["a", "c"])
    told = "山田花子(ヤマダハナコ 町会長)宅前 06-6969-5841"
    assert masks["a"](told) == "(伏せ)((伏せ) (伏せ))宅前 (伏せ)"
    assert masks["c"]("山田花子宅前 06-6969-5841") == "山田花子宅前 (伏せ)"
    assert office.desk.record() == []


# -- searching -------------------------------------------------------------------------


def test_charts_of_a_number_are_found_however_it_is_typed(office: Office) -> None:
    for typed in ("06-6969-5841", "６９６９‐５８４１", "0669695841(自宅)"):
        found = office.desk.search(typed, who="係員", why="確認")
        assert [one.id for one in found] == ["b", "a"]  # the newest first
    assert office.desk.search("06-1111-2222", who="係員", why="確認") == ()


def test_a_search_is_on_record_and_its_number_is_not(office: Office) -> None:
    office.desk.search("6969-5841", who="係員", why="確認")
    office.at(moment("10:01")).search("06-1111-2222", who="係員", why="二度目")
    lines = office.desk.record()
    assert [(one.why, one.purpose) for one in lines] == [
        ("二度目", RevealPurpose.SEARCH),
        ("確認", RevealPurpose.SEARCH),
        ("確認", RevealPurpose.SEARCH),
    ]
    assert sorted(one.chart_id for one in lines) == ["", "a", "b"]
    assert "5841" not in repr(lines)
    assert "1111" not in repr(lines)


@pytest.mark.parametrize(
    ("phone", "who", "why", "field"),
    [
        ("", "係員", "確認", "phone"),
        ("なし", "係員", "確認", "phone"),
        ("0" * 121, "係員", "確認", "phone"),
        ("6969-5841", "", "確認", "who"),
        ("6969-5841", "係員", "", "why"),
    ],
)
def test_a_search_needs_a_number_who_and_why(
    office: Office, phone: str, who: str, why: str, field: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        office.desk.search(phone, who=who, why=why)
    assert caught.value.field == field
    assert office.desk.record() == []


# -- erasing ---------------------------------------------------------------------------


def test_erased_fields_are_gone_and_who_erased_them_stays(office: Office) -> None:
    assert office.desk.erase(["a", "c"], who="係員", why="本人の求め") == ("a",)
    assert office.num_sealed == 1
    assert office.desk.given(["a"]) == {}
    last = office.store.history("a")[-1]
    assert (last.who, last.kind) == ("係員", EntryKind.ERASED)
    assert last.text == (
        "個人欄(氏名・カナ・電話・住所・町会役職)を消去。理由: 本人の求め"
    )
    (line,) = office.desk.record()
    assert (line.purpose, line.chart_id) == (RevealPurpose.ERASURE, "a")
    found = office.desk.search("6969-5841", who="係員", why="確認")
    assert [one.id for one in found] == ["b"]
    with pytest.raises(ConflictError, match="個人欄はありません"):
        office.desk.reveal("a", who="係員", why=WHY)
    assert office.desk.erase(["a"], who="係員", why="もう一度") == ()


def test_the_fingerprint_of_the_request_goes_with_the_fields(office: Office) -> None:
    key = IdempotencyKey(client="web", key="k", body_sha256="aa")
    office.store.add_all([new_chart("d", reporter=TARO, idempotency=key)])
    assert key in office.store.known([key])
    office.desk.erase(["d"], who="係員", why="本人の求め")
    assert office.store.known([key]) == {}


def test_fields_of_charts_that_ended_long_ago_are_due(office: Office) -> None:
    long_ago = NOW - dt.timedelta(days=100)
    office.end("a", ChartStatus.CLOSED, at=long_ago)
    # b is still open; its last line is younger than 90 days anyway
    later = NOW + dt.timedelta(days=1)
    # a's first line is of today 9:05, so counting begins there: 90 days and a day on
    then = later + dt.timedelta(days=90)
    desk = office.at(then, retention_days=90)
    assert desk.due_for_erasure() == ["a"]
    assert desk.due_for_erasure(older_than_days=92) == []
    assert office.at(NOW, retention_days=90).due_for_erasure() == []
    assert desk.erase_due() == ("a",)
    assert desk.erase_due() == ()
    last = office.store.history("a")[-1]
    assert last.text.endswith("理由: 保存期間(90日)が過ぎたため")
    assert last.who == "自動処理"


def test_a_look_does_not_keep_fields_longer_and_a_reopened_chart_does(
    office: Office,
) -> None:
    office.end("a", ChartStatus.CLOSED, at=NOW)
    office.end("b", ChartStatus.CLOSED, at=NOW)
    after = NOW + dt.timedelta(days=80)
    office.at(after).reveal("a", who="係員", why=WHY)
    office.end("b", ChartStatus.ASSIGNED, at=after)
    desk = office.at(NOW + dt.timedelta(days=91), retention_days=90)
    assert desk.due_for_erasure() == ["a"]


def test_without_a_retention_nothing_is_ever_due(office: Office) -> None:
    office.end("a", ChartStatus.CLOSED, at=NOW)
    much_later = NOW + dt.timedelta(days=10_000)
    assert office.at(much_later).due_for_erasure() == ()
    assert office.at(much_later).erase_due() == ()
    assert office.num_sealed == 2


def test_erasing_needs_who_and_why(office: Office) -> None:
    with pytest.raises(InvalidInputError, match="why"):
        office.desk.erase(["a"], who="係員", why="")
    assert office.num_sealed == 2
