"""The driving numbers of a city: read as a whole, refused with the reason."""

from __future__ import annotations

import pytest

from dispatch.domain.errors import SourceError
from geodata.city import load_city
from geodata.roads.numbers import PRIORITY, city_numbers, parse_numbers
from tests.geodata.road_fixtures import NUMBERS, NUMBERS_TOML


def test_every_number_of_the_file_is_read() -> None:
    assert NUMBERS.vehicle.height_m == 2.3
    assert NUMBERS.vehicle.weight_t == 5.0
    assert NUMBERS.speed_kmh["tertiary"] == 36
    assert NUMBERS.rank["secondary"] == 4
    assert (NUMBERS.narrow_m, NUMBERS.narrow_kmh) == (4.0, 12)
    assert NUMBERS.junction.right_turn_s == 10
    assert NUMBERS.junction.left_turn_s == 4


def test_osaka_has_numbers_and_drives_no_motorway() -> None:
    numbers = city_numbers(load_city("osaka"))
    assert "motorway" not in numbers.speed_kmh
    assert numbers.vehicle.width_m < numbers.narrow_m
    # who yields is told by rank, so faster classes never rank below slower ones
    by_rank = sorted(numbers.rank, key=lambda name: numbers.rank[name])
    assert by_rank[0] in {"service", "living_street"}
    assert by_rank[-1] in {"trunk", "primary"}


def test_a_city_without_driving_numbers_is_told_so() -> None:
    boston = load_city("boston")
    assert not (boston.folder / "roads.toml").exists()
    with pytest.raises(SourceError, match=r"boston: .* no roads\.toml"):
        city_numbers(boston)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param("[vehicle]", "[lorry]", "vehicle", id="table missing"),
        pytest.param("[width]", "[breadth]", "width", id="width missing"),
        pytest.param("height_m = 2.3", "", "height_m", id="key missing"),
        pytest.param("narrow_kmh = 12", "", "narrow_kmh", id="width key missing"),
        pytest.param("height_m", "hight_m = 2\nheight_m", "hight_m", id="unknown key"),
        pytest.param(
            "narrow_m", "wide_m = 9\nnarrow_m", "wide_m", id="unknown width key"
        ),
        pytest.param("[vehicle]", "[colour]\n[vehicle]", "colour", id="unknown table"),
        pytest.param("signal_s = 20", "signal_s = 0", "signal_s", id="zero"),
        pytest.param("signal_s = 20", "signal_s = -1", "signal_s", id="negative"),
        pytest.param("signal_s = 20", "signal_s = true", "signal_s", id="a yes"),
        pytest.param("signal_s = 20", "signal_s = 'x'", "signal_s", id="a text"),
        pytest.param("signal_s = 20", "signal_s = nan", "signal_s", id="not a number"),
        pytest.param("tertiary = 36", "tertiary = inf", "tertiary", id="infinite"),
        pytest.param("tertiary = 3\n", "tertiary = 9\n", "tertiary", id="rank 9"),
        pytest.param("service = 1", "service = true", "service", id="rank a yes"),
        pytest.param("service = 1", "service = 1.0", "service", id="rank a fraction"),
        pytest.param("service = 1", "service = [1]", "rank|service", id="rank a list"),
        pytest.param("service = 9", "", "service", id="rank without speed"),
        pytest.param("service = 1", "", "service", id="speed without rank"),
        pytest.param("[vehicle]", "[vehicle", "line", id="not TOML"),
    ],
)
def test_unusable_numbers_are_refused_with_the_name(
    old: str, new: str, told: str
) -> None:
    text = NUMBERS_TOML.replace(old, new, 1)
    assert text != NUMBERS_TOML
    with pytest.raises(SourceError, match=rf"^roads\.toml: .*({told})"):
        parse_numbers(text, source="roads.toml")


@pytest.mark.parametrize("name", ["vehicle", "speed_kmh", "width", "rank", "junction"])
def test_a_number_in_place_of_a_table_is_refused(name: str) -> None:
    head, _, tail = NUMBERS_TOML.partition(f"[{name}]\n")
    rest = tail[tail.index("[") :] if "[" in tail else ""
    text = f"{name} = 3\n{head}{rest}"
    with pytest.raises(SourceError, match="3 stands where a table must"):
        parse_numbers(text, source="roads.toml")


def test_every_rank_has_a_place_in_the_engines_scale() -> None:
    # 0 is a motorway, 31 a path: the more important, the smaller
    assert sorted(PRIORITY.values()) == [PRIORITY[rank] for rank in (5, 4, 3, 2, 1)]


def test_the_lua_table_holds_every_number() -> None:
    text = NUMBERS.as_lua()
    assert text.startswith("return { ")
    for piece in (
        '["vehicle"] = { ["height_m"] = 2.3, ["width_m"] = 1.9,',
        '["speed_kmh"] = { ["secondary"] = 72, ["tertiary"] = 36,',
        '["rank"] = { ["secondary"] = 4,',
        '["priority"] = { ["secondary"] = 6, ["tertiary"] = 10,',
        '["narrow_m"] = 4.0, ["narrow_kmh"] = 12',
        '["signal_s"] = 20',
        '["turn_angle_deg"] = 40',
    ):
        assert piece in text
