"""Entries of the local gazetteer: their rules, their key, and their store."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from dispatch.adapters.codec import from_json, to_json
from dispatch.adapters.local_place_store import REFRESH_S, SqlLocalPlaces
from dispatch.domain.errors import ConflictError, InvalidInputError, NotFoundError
from dispatch.domain.local_place import LocalPlace, withdrawn, written_place
from dispatch.domain.place import Ward
from geodata.geocoding.local import place_key
from tests.builders import YARD, moment

NOON = moment("12:00")
WARDS = (Ward(code="27128", name="中央区"), Ward(code="27122", name="西成区"))


def local_place(entry_id: str = "g000000001", **overrides: Any) -> LocalPlace:  # noqa: ANN401 - keyword overrides
    """Build what Satō settled at noon about the pumping station."""
    plain = LocalPlace(
        id=entry_id,
        key="津守ノポンプ場",
        text="津守のポンプ場",
        place=YARD,
        radius_m=40,
        label="津守のポンプ場",
        reason="現場写真の看板による",
        author="佐藤",
        settled_at=NOON,
    )
    return replace(plain, **overrides)


# -- the value -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("text", {"key": ""}),
        ("text", {"key": "あ" * 601}),
        ("text", {"text": " \u3000"}),
        ("text", {"text": "あ" * 602}),
        ("text", {"text": "津守\x1b[2J"}),
        ("ward", {"ward_code": "2" * 17}),
        ("radius_m", {"radius_m": 0}),
        ("radius_m", {"radius_m": 5_001}),
        ("label", {"label": " "}),
        ("label", {"label": "あ" * 121}),
        ("reason", {"reason": " "}),
        ("reason", {"reason": "あ" * 201}),
        ("who", {"author": ""}),
        ("settled_at", {"settled_at": dt.datetime(2026, 11, 24, 12)}),  # noqa: DTZ001
        ("withdrawn_at", {"withdrawn_by": "鈴木"}),
        ("withdrawn_at", {"withdrawn_reason": "間違い"}),
        ("who", {"withdrawn_at": NOON, "withdrawn_reason": "間違い"}),
        ("reason", {"withdrawn_at": NOON, "withdrawn_by": "鈴木"}),
        (
            "withdrawn_at",
            {
                "withdrawn_at": moment("11:59"),
                "withdrawn_by": "鈴木",
                "withdrawn_reason": "間違い",
            },
        ),
    ],
)
def test_a_broken_rule_of_an_entry_is_refused_by_the_name_of_its_field(
    field: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        local_place(**changes)
    assert caught.value.field == field


def test_an_entry_at_its_limits_is_taken_and_survives_being_written_as_json() -> None:
    full = local_place(
        key="あ" * 600,
        text="あ" * 601,
        ward_code="27122",
        radius_m=5_000,
        label="あ" * 120,
        reason="あ" * 200,
        author="あ" * 120,
        chart_id="c000000001",
    )
    gone = withdrawn(full, at=NOON, who="鈴木", why="間違い")
    assert from_json(LocalPlace, to_json(full)) == full
    assert from_json(LocalPlace, to_json(gone)) == gone


def test_an_entry_is_withdrawn_once_with_a_name_and_a_reason() -> None:
    entry = local_place()
    assert entry.is_active
    gone = withdrawn(entry, at=moment("13:00"), who="鈴木", why="別の場所だった")
    assert not gone.is_active
    assert (gone.withdrawn_by, gone.withdrawn_reason) == ("鈴木", "別の場所だった")
    assert gone.withdrawn_at == moment("13:00")
    with pytest.raises(ConflictError, match="もう取り下げ"):
        withdrawn(gone, at=moment("14:00"), who="鈴木", why="別の場所だった")
    for who, why in (("", "間違い"), ("鈴木", " ")):
        with pytest.raises(InvalidInputError):
            withdrawn(entry, at=moment("13:00"), who=who, why=why)


@pytest.mark.parametrize(
    ("address", "landmark", "words"),
    [
        ("津守2", "津守小の南側", "津守2 津守小の南側"),
        (" 津守2 ", "", "津守2"),
        ("", "津守小", "津守小"),
        ("", " ", ""),
    ],
)
def test_the_words_of_a_place_are_address_and_landmark_together(
    address: str, landmark: str, words: str
) -> None:
    assert written_place(address, landmark) == words


# -- the key ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "texts",
    [
        ("津守の ポンプ場", "津守之ポンプ場", "津守ノポンプ場。", "「津守のポンプ場」"),
        ("津守２－７－１３", "津守2-7-13", "津守 2ー7−13", "〒557-0062 津守2-7-13"),
        ("Aビル前", "ａビル前", "A ビル(前)"),
        ("髙見の里", "高見ノ里"),
        ("1~3番", "1〜3番"),
        ("1、3番", "1・3番"),
    ],
)
def test_spellings_of_one_way_of_writing_have_one_key(texts: tuple[str, ...]) -> None:
    assert len({place_key(text) for text in texts}) == 1
    assert place_key(texts[0])


@pytest.mark.parametrize(
    "texts",
    [
        ("津守1-23", "津守12-3", "津守123", "津守1~23", "津守1、23"),
        ("津守小の南側", "津守小の北側", "津守小"),
        ("二-三番", "二三番"),
        ("西九条1", "九条1"),
    ],
)
def test_other_places_have_other_keys(texts: tuple[str, ...]) -> None:
    assert len({place_key(text) for text in texts}) == len(texts)


@pytest.mark.parametrize("text", ["", " \u3000", "。、()-", "〒557-0062", "__"])
def test_a_text_without_letters_or_digits_has_no_key(text: str) -> None:
    assert place_key(text) == ""


@given(st.text(max_size=60))
def test_a_key_holds_letters_and_digits_and_signs_between_numbers_only(
    text: str,
) -> None:
    key = place_key(text)
    for at, sign in enumerate(key):
        if sign in "-~,":
            assert key[at - 1 : at].isnumeric()
            assert key[at + 1 : at + 2].isnumeric()
        else:
            assert sign.isalnum()


@given(st.lists(st.integers(0, 999), min_size=1, max_size=4))
def test_chains_of_numbers_keep_their_numbers_apart(numbers: list[int]) -> None:
    assert place_key("津守" + "-".join(map(str, numbers))) == "津守" + "-".join(
        map(str, numbers)
    )


# -- the store -------------------------------------------------------------------------


@pytest.fixture
def places(engine: Engine) -> SqlLocalPlaces:
    return SqlLocalPlaces(engine)


def test_an_entry_comes_back_by_id_by_key_and_in_the_list(
    places: SqlLocalPlaces,
) -> None:
    first = local_place("g1", ward_code="27122", chart_id="c000000001")
    second = local_place("g2", key="別", settled_at=moment("12:01"))
    for entry in (first, second):
        places.add(entry)
    assert places.get("g1") == first
    assert places.active(first.key) == (first,)
    assert places.active("知らない") == ()
    assert places.listed(limit=10) == [second, first]
    assert places.listed(limit=1) == [second]
    with pytest.raises(NotFoundError, match="local place 'nothing'"):
        places.get("nothing")


def test_a_key_has_one_entry_in_force_for_each_ward(places: SqlLocalPlaces) -> None:
    stated = local_place("g2", ward_code="27122")
    plain = local_place("g1")
    places.add(stated)
    places.add(plain)
    assert places.active(plain.key) == (plain, stated)  # in the order of wards
    with pytest.raises(ConflictError, match="もう地点辞書に"):
        places.add(local_place("g3"))
    assert places.listed(limit=10) == [stated, plain]


def test_a_withdrawn_entry_is_kept_and_makes_room_for_another(
    places: SqlLocalPlaces,
) -> None:
    key = local_place().key
    for entry_id in ("g1", "g2"):  # two withdrawn ones do not collide either
        entry = local_place(entry_id)
        places.add(entry)
        assert places.active(key) == (entry,)
        gone = withdrawn(entry, at=moment("13:00"), who="鈴木", why="間違い")
        places.withdraw(gone)
        assert places.active(key) == ()
        assert places.get(entry_id) == gone
        with pytest.raises(ConflictError, match="もう取り下げ"):
            places.withdraw(gone)
    assert len(places.listed(limit=10)) == 2


def test_of_two_who_remember_the_same_words_at_once_one_wins(
    engine: Engine,
) -> None:
    gate = threading.Barrier(2)

    def add(entry_id: str) -> bool:
        store = SqlLocalPlaces(engine)
        gate.wait()
        try:
            store.add(local_place(entry_id))
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(add, ("g1", "g2"))) == [False, True]
    assert len(SqlLocalPlaces(engine).listed(limit=10)) == 1


def test_another_processs_changes_are_known_after_the_stated_time(
    engine: Engine,
) -> None:
    now_s = [0.0]
    here = SqlLocalPlaces(engine, monotonic_s=lambda: now_s[0])
    elsewhere = SqlLocalPlaces(engine)
    entry = local_place()
    assert here.active(entry.key) == ()
    elsewhere.add(entry)
    now_s[0] = REFRESH_S - 0.1
    assert here.active(entry.key) == ()
    now_s[0] = REFRESH_S
    assert here.active(entry.key) == (entry,)
    elsewhere.withdraw(withdrawn(entry, at=NOON, who="鈴木", why="間違い"))
    now_s[0] = 2 * REFRESH_S
    assert here.active(entry.key) == ()


def test_what_has_not_changed_is_not_read_again(engine: Engine) -> None:
    now_s = [0.0]
    here = SqlLocalPlaces(engine, monotonic_s=lambda: now_s[0])
    here.add(local_place())
    before = here.active(local_place().key)
    now_s[0] = 10 * REFRESH_S
    assert here.active(local_place().key)[0] is before[0]


def test_threads_that_ask_at_once_all_get_the_answer(engine: Engine) -> None:
    SqlLocalPlaces(engine).add(local_place())
    fresh = SqlLocalPlaces(engine)
    gate = threading.Barrier(4)

    def ask(_: int) -> int:
        gate.wait()
        return len(fresh.active(local_place().key))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(4))) == [1, 1, 1, 1]
