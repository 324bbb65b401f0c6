"""From an engine's steps to the line that a crew reads."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.errors import InvalidInputError, SourceError
from dispatch.domain.place import LonLat
from geodata.roads.guidance import (
    MAX_ROAD_CHARS,
    clean,
    directions,
    road_name,
    sentence,
    turns_of,
)
from geodata.roads.route import Turn, TurnKind

AT = LonLat(135.5, 34.68)


def step(
    kind: str,
    modifier: str = "",
    *,
    name: str = "",
    metres: float = 100.0,
    **more: object,
) -> dict[str, Any]:
    """One step as osrm-routed 26.10 writes it (read from a town of our own)."""
    maneuver = {"type": kind, "location": [135.5, 34.68], "bearing_after": 90}
    if modifier:
        maneuver["modifier"] = modifier
    return {"maneuver": maneuver | more, "name": name, "distance": metres}


def leg(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"distance": sum(one["distance"] for one in steps), "steps": list(steps)}


def turn(
    kind: TurnKind,
    *,
    road: str = "",
    after_m: int = 0,
    bearing_deg: int | None = None,
    to_left: bool | None = None,
    words: str = "",
) -> Turn:
    return Turn(
        at=AT,
        kind=kind,
        road=road,
        after_m=after_m,
        bearing_deg=bearing_deg,
        to_left=to_left,
        words=words,
    )


START = step("depart", name="谷町筋", metres=350)
END = step("arrive", "left", metres=0)


def kinds(*steps: dict[str, Any]) -> list[TurnKind]:
    return [one.kind for one in turns_of(leg(*steps))]


def test_a_leg_of_two_streets_becomes_three_turns_with_the_metres_before_each() -> None:
    right = step("turn", "right", name="御堂筋", metres=1234.4)
    turns = turns_of(leg(START, right, END))
    # The metres of a step are driven after its turn: 350 before the right turn.
    assert turns == (
        turn(TurnKind.DEPART, road="谷町筋", bearing_deg=90),
        turn(TurnKind.RIGHT, road="御堂筋", after_m=350, bearing_deg=90),
        turn(TurnKind.ARRIVE_LEFT, after_m=1234, bearing_deg=90),
    )


@pytest.mark.parametrize(
    ("kind", "modifier", "expected"),
    [
        ("turn", "uturn", TurnKind.U_TURN),
        ("turn", "sharp right", TurnKind.SHARP_RIGHT),
        ("turn", "right", TurnKind.RIGHT),
        ("turn", "slight right", TurnKind.SLIGHT_RIGHT),
        ("turn", "straight", TurnKind.STRAIGHT),
        ("turn", "slight left", TurnKind.SLIGHT_LEFT),
        ("turn", "left", TurnKind.LEFT),
        ("turn", "sharp left", TurnKind.SHARP_LEFT),
        ("end of road", "left", TurnKind.LEFT),
        ("roundabout turn", "right", TurnKind.RIGHT),
        ("continue", "slight left", TurnKind.SLIGHT_LEFT),
        ("continue", "uturn", TurnKind.U_TURN),
        ("new name", "right", TurnKind.RIGHT),
        ("use lane", "left", TurnKind.LEFT),
        ("notification", "right", TurnKind.RIGHT),
        ("merge", "slight left", TurnKind.MERGE),
        ("on ramp", "slight right", TurnKind.RAMP),
        ("off ramp", "left", TurnKind.RAMP),
        ("fork", "slight left", TurnKind.FORK_LEFT),
        ("fork", "right", TurnKind.FORK_RIGHT),
        ("fork", "straight", TurnKind.STRAIGHT),
        ("roundabout", "slight left", TurnKind.ROUNDABOUT),
        ("rotary", "left", TurnKind.ROUNDABOUT),
        ("exit roundabout", "left", TurnKind.LEFT),
        ("exit rotary", "straight", TurnKind.STRAIGHT),
        ("fly over", "left", TurnKind.STRAIGHT),
        ("turn", "backwards", TurnKind.STRAIGHT),
        ("", "", TurnKind.STRAIGHT),
    ],
)
def test_each_type_of_step_has_its_kind(
    kind: str, modifier: str, expected: TurnKind
) -> None:
    assert kinds(START, step(kind, modifier), END)[1] is expected


@pytest.mark.parametrize(
    ("modifier", "expected"),
    [
        ("left", TurnKind.ARRIVE_LEFT),
        ("slight right", TurnKind.ARRIVE_RIGHT),
        ("straight", TurnKind.ARRIVE),
        ("", TurnKind.ARRIVE),
    ],
)
def test_the_side_of_the_place_is_told_on_arrival(
    modifier: str, expected: TurnKind
) -> None:
    assert kinds(START, step("arrive", modifier, metres=0))[-1] is expected


@pytest.mark.parametrize(
    ("kind", "modifier"),
    [
        ("new name", "straight"),
        ("new name", "slight left"),
        ("continue", "straight"),
        ("continue", ""),
        ("notification", "straight"),
        ("use lane", "straight"),
    ],
)
def test_a_step_that_follows_the_road_leaves_its_metres_to_the_next_turn(
    kind: str, modifier: str
) -> None:
    follow = step(kind, modifier, name="国道25号", metres=150)
    turns = turns_of(leg(START, follow, END))
    assert [one.kind for one in turns] == [TurnKind.DEPART, TurnKind.ARRIVE_LEFT]
    assert turns[-1].after_m == 500  # 350 + 150


def test_a_road_whose_name_becomes_known_is_told() -> None:
    nameless = step("depart", metres=80)
    named = step("new name", "straight", name="御堂筋", metres=400)
    again = step("new name", "straight", name="国道25号", metres=20)
    turns = turns_of(leg(nameless, named, again, END))
    told = [(one.kind, one.road, one.after_m) for one in turns]
    assert told == [
        (TurnKind.DEPART, "", 0),
        (TurnKind.STRAIGHT, "御堂筋", 80),
        (TurnKind.ARRIVE_LEFT, "", 420),
    ]


def test_the_way_out_of_a_roundabout_names_the_road_of_the_roundabout() -> None:
    into = step("roundabout", "slight left", metres=30, exit=2)
    out = step("exit roundabout", "slight left", name="玉造筋", metres=200)
    (_, ring, end) = turns_of(leg(START, into, out, END))
    assert (ring.kind, ring.road, ring.exit_number) == (
        TurnKind.ROUNDABOUT,
        "玉造筋",
        2,
    )
    assert end.after_m == 230
    assert sentence(ring) == "350m先 環状交差点(2番目の出口) 玉造筋へ"
    assert sentence(ring, language="en") == "in 350 m roundabout (exit 2) onto 玉造筋"


def test_only_ramps_and_merges_have_a_side_and_only_roundabouts_an_exit() -> None:
    steps = [
        step("on ramp", "slight left", exit=3),
        step("off ramp", "right"),
        step("merge", "slight left"),
        step("merge", "straight"),
        step("turn", "left", exit=3),
    ]
    turns = turns_of(leg(START, *steps, END))[1:-1]
    assert [one.to_left for one in turns] == [True, False, True, None, None]
    assert [one.exit_number for one in turns] == [None] * 5


def test_a_bearing_is_whole_and_below_360_or_unknown() -> None:
    unknown = step("depart", bearing_after=None)
    almost = step("turn", "left", bearing_after=359.6)
    turns = turns_of(leg(unknown, almost, END))
    assert [one.bearing_deg for one in turns] == [None, 0, 90]


STEPS = st.builds(
    step,
    st.sampled_from(
        [
            "turn",
            "new name",
            "continue",
            "merge",
            "on ramp",
            "fork",
            "end of road",
            "use lane",
            "roundabout",
            "exit roundabout",
            "notification",
            "something else",
        ]
    ),
    st.sampled_from(["", "uturn", "left", "slight right", "straight", "odd"]),
    name=st.sampled_from(["", "御堂筋", "堺筋"]),
    metres=st.integers(0, 30_000).map(lambda tenths: tenths / 10),
)


@given(st.lists(STEPS, max_size=12))
def test_no_metre_is_lost_whatever_the_steps(steps: list[dict[str, Any]]) -> None:
    whole = leg(START, *steps, END)
    turns = turns_of(whole)
    assert (turns[0].kind, turns[-1].kind) == (TurnKind.DEPART, TurnKind.ARRIVE_LEFT)
    total = sum(one.after_m for one in turns)
    # Rounded once at each turn from the metres so far: only the end can differ by 0.5,
    # and a little more where tenths add up inexactly.
    assert abs(total - whole["distance"]) <= 0.5 + 1e-6
    assert all(one.after_m >= 0 for one in turns)


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"steps": None},
        {"steps": "text"},
        {"steps": [{}]},
        {"steps": [{"maneuver": None, "distance": 1}]},
        {"steps": [step("depart") | {"distance": None}]},
        {"steps": [step("depart") | {"distance": -1}]},
        {"steps": [step("depart") | {"distance": math.nan}]},
        {"steps": [step("depart", location=[200.0, 0.0])]},
        {"steps": [step("depart", location=[135.5])]},
        {"steps": [step("depart", location=[10**400, 0])]},
        {"steps": [step("depart", bearing_after=math.inf)]},
        {"steps": [step("depart", bearing_after="north")]},
        {"steps": [START, step("rotary", exit="second")]},
    ],
)
def test_steps_of_another_form_are_an_error_in_words(bad: dict[str, Any]) -> None:
    with pytest.raises(SourceError, match=r"not of OSRM's form .*check that"):
        turns_of(bad)


@pytest.mark.parametrize(
    ("name", "ref", "expected"),
    [
        ("御堂筋", "25", "御堂筋"),
        ("御堂筋;国道25号", "", "御堂筋"),
        ("", "25", "25号"),
        ("", "25;308", "25号"),
        ("", "国道25号", "国道25号"),
        ("", "府道2号線", "府道2号線"),
        ("", "E26", ""),
        ("", "MA 2", ""),
        ("", "12345", ""),
        ("", "٢٥", ""),  # digits of another script
        ("\u202e \x07", "25", "25号"),
        ("", "", ""),
    ],
)
def test_a_road_is_named_by_its_name_or_its_number(
    name: str, ref: str, expected: str
) -> None:
    assert road_name(name, ref) == expected
    assert turns_of(leg(step("depart", name=name) | {"ref": ref}))[0].road == expected


def test_a_name_that_is_null_counts_as_none() -> None:
    nameless = step("depart") | {"name": None, "ref": None}
    assert turns_of(leg(nameless))[0].road == ""


@given(st.text(max_size=60), st.integers(1, 30))
def test_a_cleaned_text_is_one_short_printable_line(text: str, longest: int) -> None:
    line = clean(text, max_chars=longest)
    assert len(line) <= longest
    assert "→" not in line
    assert all(unicodedata.category(one)[0] not in "CZ" or one == " " for one in line)
    assert clean(line, max_chars=longest) == line


def test_a_long_name_is_cut_to_twenty_characters() -> None:
    # 19 characters and the sign that something is missing.
    assert clean("あ" * 21) == "あ" * 19 + "…"
    assert clean("あ" * 20) == "あ" * MAX_ROAD_CHARS
    assert clean("谷\u200b町\n筋\ud800→右折") == "谷 町 筋 右折"


@pytest.mark.parametrize(
    ("bearing_deg", "way", "english"),
    [
        (0, "北", "north"),
        (22, "北", "north"),
        (23, "北東", "northeast"),
        (90, "東", "east"),
        (135, "南東", "southeast"),
        (180, "南", "south"),
        (225, "南西", "southwest"),
        (270, "西", "west"),
        (315, "北西", "northwest"),
        (338, "北", "north"),  # 338 / 45 = 7.51: the wind after the eighth is north
    ],
)
def test_a_departure_names_one_of_eight_winds(
    bearing_deg: int, way: str, english: str
) -> None:
    start = turn(TurnKind.DEPART, road="谷町筋", bearing_deg=bearing_deg)
    assert sentence(start) == f"{way}へ出発(谷町筋)"
    assert sentence(start, language="en") == f"head {english} on 谷町筋"


def test_a_departure_without_direction_or_name_is_only_a_departure() -> None:
    assert sentence(turn(TurnKind.DEPART)) == "出発"
    assert sentence(turn(TurnKind.DEPART), language="en") == "depart"


@pytest.mark.parametrize(
    ("after_m", "japanese", "english"),
    [
        (0, "すぐ 右折", "then right"),
        (4, "すぐ 右折", "then right"),
        (5, "10m先 右折", "in 10 m right"),
        (354, "350m先 右折", "in 350 m right"),
        (355, "360m先 右折", "in 360 m right"),
        (994, "990m先 右折", "in 990 m right"),
        (995, "1.0km先 右折", "in 1.0 km right"),
        (1249, "1.2km先 右折", "in 1.2 km right"),
        (1250, "1.3km先 右折", "in 1.3 km right"),
        (12_000, "12.0km先 右折", "in 12.0 km right"),
    ],
)
def test_distances_are_told_to_ten_metres_and_from_one_km_to_a_hundred(
    after_m: int, japanese: str, english: str
) -> None:
    right = turn(TurnKind.RIGHT, after_m=after_m)
    assert sentence(right) == japanese
    assert sentence(right, language="en") == english


def test_the_road_entered_follows_the_turn() -> None:
    right = turn(TurnKind.RIGHT, road="Beacon St", after_m=350)
    assert sentence(right) == "350m先 右折 Beacon Stへ"
    assert sentence(right, language="en") == "in 350 m right onto Beacon St"


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_kind_has_words_of_its_own_in_every_language(language: str) -> None:
    said = [sentence(turn(kind), language=language) for kind in TurnKind]
    assert len(set(said)) == len(TurnKind)
    assert all(said)


@pytest.mark.parametrize(
    ("kind", "to_left", "japanese", "english"),
    [
        (TurnKind.RAMP, True, "左のランプ", "ramp on the left"),
        (TurnKind.RAMP, False, "右のランプ", "ramp on the right"),
        (TurnKind.MERGE, True, "左へ合流", "merge left"),
        (TurnKind.MERGE, None, "合流", "merge"),
        (TurnKind.RIGHT, True, "右折", "right"),  # a side says nothing of a turn
    ],
)
def test_a_ramp_or_a_merge_tells_its_side_when_known(
    *, kind: TurnKind, to_left: bool | None, japanese: str, english: str
) -> None:
    one = turn(kind, to_left=to_left)
    assert sentence(one) == f"すぐ {japanese}"
    assert sentence(one, language="en") == f"then {english}"


def test_the_engines_own_words_win_and_are_cleaned() -> None:
    own = turn(
        TurnKind.LEFT, after_m=40, words=" 左方向です。\x00その先\u202e四つ橋筋 "
    )
    assert sentence(own) == "左方向です。 その先 四つ橋筋"
    assert directions([own]) == "40m先 左方向です。 その先 四つ橋筋"
    # Words of nothing but control characters are none.
    assert directions([replace(own, words="\x00\x01")]) == "40m先 左折"
    assert len(sentence(replace(own, words="左" * 500))) == 80


LINE = (
    turn(TurnKind.DEPART, road="谷町筋", bearing_deg=0),
    turn(TurnKind.RIGHT, road="御堂筋", after_m=350),
    turn(TurnKind.SLIGHT_LEFT, after_m=1200),
    turn(TurnKind.STRAIGHT, road="堺筋", after_m=80),
    turn(TurnKind.LEFT, after_m=90),
    turn(TurnKind.ARRIVE_LEFT, after_m=2400),
)


def test_directions_are_one_line_from_departure_to_arrival() -> None:
    assert directions(LINE) == (
        "北へ出発(谷町筋)→350m先 右折 御堂筋へ→1.2km先 左斜め→80m先 直進 堺筋へ"
        "→90m先 左折→道なり2.4km→到着(左側)"
    )
    assert directions(LINE[-1:], language="en") == "follow 2.4 km→arrive (on the left)"
    assert directions(()) == ""


def test_an_arrival_at_once_has_no_way_to_follow() -> None:
    assert directions([turn(TurnKind.ARRIVE, after_m=3)]) == "到着"


def test_a_line_that_just_fits_stays_whole() -> None:
    whole = directions(LINE)
    assert directions(LINE, limit=len(whole)) == whole
    assert directions(LINE, limit=len(whole) - 1) != whole


def test_a_long_line_keeps_both_ends_and_counts_the_turns_between() -> None:
    # Grown from both ends, the front first; straight on is no turn: with the right
    # turn kept, slight left and left are missing (2); without it, right too (3).
    wide = "北へ出発(谷町筋)→350m先 右折 御堂筋へ→…(2回曲がる)…→道なり2.4km→到着(左側)"
    least = "北へ出発(谷町筋)→…(3回曲がる)…→道なり2.4km→到着(左側)"
    assert directions(LINE, limit=len(wide)) == wide
    assert directions(LINE, limit=len(wide) - 1) == least
    assert directions(LINE, limit=len(least)) == least
    assert directions(LINE, limit=len(least) - 1) == least[:-2] + "…"
    assert "…(3 turns)…" in directions(LINE, limit=65, language="en")


def test_only_straight_on_between_the_ends_is_left_out_without_a_count() -> None:
    three = (LINE[0], LINE[3], LINE[-1])
    assert directions(three, limit=30) == "北へ出発(谷町筋)→…→道なり2.4km→到着(左側)"


TURNS = st.builds(
    turn,
    st.sampled_from(TurnKind),
    road=st.text(max_size=30),
    after_m=st.integers(0, 50_000),
    words=st.sampled_from(["", "左方向です。"]),
)


@given(st.lists(TURNS, max_size=9), st.integers(1, 80), st.sampled_from(["ja", "en"]))
def test_a_limited_line_is_never_longer_than_its_limit(
    turns: list[Turn], limit: int, language: str
) -> None:
    line = directions(turns, limit=limit, language=language)
    assert len(line) <= limit
    whole = directions(turns, language=language)
    assert (line == whole) is (len(whole) <= limit)


def test_an_unknown_language_or_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"language: ja、en"):
        sentence(LINE[1], language="fr")
    with pytest.raises(InvalidInputError, match="language"):
        directions((), language="fr")
    with pytest.raises(InvalidInputError, match="limit"):
        directions(LINE, limit=0)
