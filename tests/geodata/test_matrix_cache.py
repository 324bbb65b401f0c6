"""Travel times asked before are not asked again, and never mixed up."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata.roads import matrix_cache
from geodata.roads.graph import Floats, Ints
from geodata.roads.matrix_cache import Key, MatrixCache


class DownError(Exception):
    """The engine does not answer."""


def seconds_of(one: Key, other: Key) -> float:
    """Give what the engine would say: unlike for any two pairs, none for a few."""
    if (one[0] + 2 * other[0]) % 7 == 6:
        return float("nan")
    return 0.0 if one == other else 1.0 + one[0] * 1000 + other[0]


@dataclass
class Engine:
    """Answers for the places of one request, and remembers which pairs were asked."""

    keys: Sequence[Key]
    fails_from: int = 99
    pairs: list[tuple[Key, Key]] = field(default_factory=list)
    num_requests: int = 0

    def __call__(self, sources: Ints, destinations: Ints) -> tuple[Floats, Floats]:
        self.num_requests += 1
        if self.num_requests >= self.fails_from:
            raise DownError
        named = [
            [(self.keys[one], self.keys[other]) for other in destinations.tolist()]
            for one in sources.tolist()
        ]
        self.pairs += [pair for row in named for pair in row]
        seconds = np.array([[seconds_of(*pair) for pair in row] for row in named])
        return seconds, seconds * 10


def key(number: int) -> Key:
    return number, 500


def keys_of(*numbers: int) -> list[Key]:
    return [key(number) for number in numbers]


def told(cache: MatrixCache, *numbers: int) -> Engine:
    """Ask the cache, check what it says, and give what it asked the engine."""
    keys = keys_of(*numbers)
    engine = Engine(keys)
    seconds, metres = cache.matrix(keys, engine)
    expected = [[seconds_of(one, other) for other in keys] for one in keys]
    np.testing.assert_array_equal(seconds, np.reshape(expected, (len(keys), len(keys))))
    np.testing.assert_array_equal(metres, seconds * 10)
    assert seconds.dtype == metres.dtype == np.float64
    return engine


def test_what_was_asked_is_not_asked_again() -> None:
    cache = MatrixCache()
    assert told(cache, 0, 1, 2).num_requests == 1
    assert told(cache, 0, 1, 2).num_requests == 0
    assert told(cache, 2, 0).num_requests == 0


def test_that_there_is_no_way_is_remembered_too() -> None:
    cache = MatrixCache()
    assert np.isnan(seconds_of(key(2), key(2)))  # 2 + 4 = 6
    told(cache, 2, 4)
    assert told(cache, 4, 2).num_requests == 0


def test_of_a_new_place_only_its_own_row_and_column_are_asked() -> None:
    cache = MatrixCache()
    told(cache, 0, 1, 2)
    engine = told(cache, 1, 9, 0)
    # 9 to the three, and the other two to 9: five pairs, none twice
    nine, one, zero = key(9), key(1), key(0)
    assert sorted(engine.pairs) == sorted(
        [(nine, one), (nine, nine), (nine, zero), (one, nine), (zero, nine)]
    )


def test_places_that_were_never_together_are_asked_together() -> None:
    cache = MatrixCache()
    told(cache, 0, 1)
    told(cache, 2, 3)
    assert told(cache, 0, 2).num_requests == 1
    assert told(cache, 2, 0).num_requests == 0


def test_no_places_ask_nothing() -> None:
    assert told(MatrixCache()).num_requests == 0


@pytest.mark.parametrize("fails_from", [1, 2])
def test_a_failure_leaves_the_memory_as_it_was(fails_from: int) -> None:
    cache = MatrixCache()
    told(cache, 0, 1)
    keys = keys_of(0, 1, 5)
    with pytest.raises(DownError):
        cache.matrix(keys, Engine(keys, fails_from=fails_from))
    assert told(cache, 0, 1).num_requests == 0
    # nothing of the failed request was kept: all five new pairs are asked
    assert len(told(cache, 0, 1, 5).pairs) == 5


def test_full_it_forgets_everything_and_begins_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(matrix_cache, "MAX_PLACES", 4)
    cache = MatrixCache()
    told(cache, 0, 1, 2)
    told(cache, 3)
    assert told(cache, 0, 1, 2, 3).num_requests == 1
    assert told(cache, 0, 4).num_requests == 1  # a fifth place
    assert told(cache, 0, 4).num_requests == 0
    assert told(cache, 0, 1).num_requests > 0


def test_a_failure_when_full_forgets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix_cache, "MAX_PLACES", 3)
    cache = MatrixCache()
    told(cache, 0, 1, 2)
    keys = keys_of(0, 4)
    with pytest.raises(DownError):
        cache.matrix(keys, Engine(keys, fails_from=1))
    assert told(cache, 0, 1, 2).num_requests == 0


def test_more_places_than_it_holds_are_asked_past_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(matrix_cache, "MAX_PLACES", 3)
    cache = MatrixCache()
    told(cache, 0, 1)
    assert len(told(cache, 0, 1, 2, 3).pairs) == 16
    assert told(cache, 0, 1).num_requests == 0


def test_positions_on_one_segment_are_different_places() -> None:
    cache = MatrixCache()
    keys = [(1, 0), (1, 1000)]

    def ask(sources: Ints, destinations: Ints) -> tuple[Floats, Floats]:
        seconds = np.abs(np.subtract.outer(sources, destinations)) * 12.3
        return seconds, seconds

    seconds, _ = cache.matrix(keys, ask)
    # kept in single precision: a tenth of a second is far within it
    assert seconds == pytest.approx(np.array([[0, 12.3], [12.3, 0]]), abs=1e-5)


def test_several_at_once_get_each_their_own() -> None:
    cache = MatrixCache()
    days = [(at, at + 1, (at * 7) % 30) for at in range(0, 40, 3)]
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(told, cache, *dict.fromkeys(day)) for day in days]:
            done.result()


DAYS = st.lists(
    st.tuples(
        st.lists(st.integers(0, 11), unique=True, max_size=7),
        st.sampled_from([1, 2, 99, 99, 99]),
    ),
    max_size=8,
)


@given(days=DAYS)
def test_it_says_what_the_engine_would_and_never_asks_what_it_knows(
    days: list[tuple[list[int], int]],
) -> None:
    limit = 8
    cache = MatrixCache()
    seen: set[Key] = set()
    known: set[tuple[Key, Key]] = set()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matrix_cache, "MAX_PLACES", limit)
        for numbers, fails_from in days:
            keys = keys_of(*numbers)
            engine = Engine(keys, fails_from=fails_from)
            try:
                seconds, _ = cache.matrix(keys, engine)
            except DownError:
                continue
            expected = [[seconds_of(one, other) for other in keys] for one in keys]
            np.testing.assert_array_equal(
                seconds, np.reshape(expected, (len(keys), len(keys)))
            )
            if len(seen | set(keys)) > limit:
                seen, known = set(), set()
            wanted = {(one, other) for one in keys for other in keys}
            new_only = all(
                (one, other) in known
                for one in set(keys) & seen
                for other in set(keys) & seen
            )
            assert len(engine.pairs) == len(set(engine.pairs))
            assert set(engine.pairs) >= wanted - known
            if new_only:  # else all is asked at once: few requests count for more
                assert set(engine.pairs) == wanted - known
            seen |= set(keys)
            known |= wanted
