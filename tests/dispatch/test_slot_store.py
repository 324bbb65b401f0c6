"""The store of slots: of two who hold on what they saw, one gets through."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import Engine, func, select

from dispatch.adapters.database import reading
from dispatch.adapters.slot_store import SqlSlotHolds
from dispatch.adapters.tables import slots
from dispatch.domain.consultation import Appointment
from dispatch.domain.errors import ConflictError, NotFoundError
from dispatch.domain.slots import Slot
from tests.builders import DAY, chart, moment

NOW = moment("9:00")
SOON = moment("9:10")
LATER = moment("10:00")
SECOND = dt.timedelta(seconds=1)
TOMORROW = DAY + dt.timedelta(days=1)


@pytest.fixture
def holds(engine: Engine) -> SqlSlotHolds:
    return SqlSlotHolds(engine)


def slot(slot_id: str = "s1", *, client: str = "web", day: dt.date = DAY) -> Slot:
    return Slot(
        id=slot_id,
        client=client,
        chart=chart(),
        appointment=Appointment(
            start_at=moment("13:00", day), end_at=moment("15:00", day)
        ),
        price_min=12,
    )


def offered(holds: SqlSlotHolds, *made: Slot) -> None:
    holds.offer(made, at=NOW, until=LATER)


def held(holds: SqlSlotHolds, made: Slot, *, number: int = 1) -> Slot:
    offered(holds, made)
    assert holds.hold(made.id, number=number, until=SOON)
    return made


def claimed(
    holds: SqlSlotHolds, *, by: str = "a", at: dt.datetime = NOW, slot_id: str = "s1"
) -> Slot:
    return holds.claim(slot_id, client="web", by=by, at=at, until=at + 60 * SECOND)


def num_rows(engine: Engine) -> int:
    with reading(engine) as connection:
        count = connection.execute(select(func.count()).select_from(slots)).scalar_one()
    return int(count)


# -- offered ---------------------------------------------------------------------------


def test_an_offered_slot_comes_back_as_it_was_and_is_not_held(
    holds: SqlSlotHolds,
) -> None:
    offered(holds, slot())
    kept = holds.get("s1", client="web", at=NOW)
    assert kept.slot == slot()
    assert kept.held_until is None
    assert kept.slot.appointment.start_at.isoformat() == "2026-11-24T13:00:00+09:00"
    assert holds.held_on(DAY, at=NOW).slots == ()


def test_a_slot_is_there_for_the_client_alone_that_it_was_offered_to(
    holds: SqlSlotHolds,
) -> None:
    held(holds, slot())
    with pytest.raises(NotFoundError, match="slot 's1'"):
        holds.get("s1", client="app", at=NOW)
    with pytest.raises(NotFoundError):
        holds.claim("s1", client="app", by="a", at=NOW, until=SOON)
    with pytest.raises(NotFoundError):
        holds.get("nothing", client="web", at=NOW)


def test_an_offer_ends_at_its_moment_with_words(holds: SqlSlotHolds) -> None:
    offered(holds, slot())
    assert holds.get("s1", client="web", at=LATER - SECOND).slot == slot()
    with pytest.raises(ConflictError, match="期限が過ぎました"):
        holds.get("s1", client="web", at=LATER)


def test_offers_long_over_are_forgotten_and_holds_of_days_to_come_are_not(
    holds: SqlSlotHolds, engine: Engine
) -> None:
    offered(holds, slot("s1", day=TOMORROW), slot("s2", day=TOMORROW), slot("s3"))
    assert holds.hold("s1", number=1, until=SOON)
    assert holds.hold("s3", number=1, until=SOON)
    assert num_rows(engine) == 3
    # a day and a second after 10:00: the offer s2 is forgotten; s3 is of the 24th,
    # which at 25th 10:00 is not over by a day
    holds.offer([], at=LATER + dt.timedelta(days=1) + SECOND, until=LATER)
    assert num_rows(engine) == 2
    assert holds.held_on(TOMORROW, at=LATER).number == 1
    # two days after, s3 is forgotten, too; s1 is of the 25th
    holds.offer([], at=LATER + dt.timedelta(days=2), until=LATER)
    assert num_rows(engine) == 1


# -- held ------------------------------------------------------------------------------


def test_a_hold_counts_for_its_day_until_its_moment(holds: SqlSlotHolds) -> None:
    held(holds, slot())
    assert holds.get("s1", client="web", at=NOW).held_until == SOON
    found = holds.held_on(DAY, at=SOON - SECOND)
    assert (found.number, found.slots) == (1, (slot(),))
    assert holds.held_on(TOMORROW, at=NOW).number == 0
    # it ends by itself, and its number stays taken
    ended = holds.held_on(DAY, at=SOON)
    assert (ended.number, ended.slots) == (1, ())
    with pytest.raises(ConflictError, match="期限が過ぎました"):
        holds.get("s1", client="web", at=SOON)


def test_a_number_is_given_once_a_day(holds: SqlSlotHolds) -> None:
    held(holds, slot("s1"))
    offered(holds, slot("s2"), slot("s3", day=TOMORROW))
    assert not holds.hold("s2", number=1, until=SOON)
    assert holds.get("s2", client="web", at=NOW).held_until is None
    assert holds.hold("s3", number=1, until=SOON)
    assert holds.hold("s2", number=2, until=SOON)
    assert {one.id for one in holds.held_on(DAY, at=NOW).slots} == {"s1", "s2"}


def test_a_slot_is_held_once(holds: SqlSlotHolds) -> None:
    held(holds, slot())
    assert not holds.hold("s1", number=2, until=LATER)
    assert holds.get("s1", client="web", at=NOW).held_until == SOON


def at_once(work: Callable[[int], bool], count: int) -> list[bool]:
    barrier = threading.Barrier(count)
    answers: list[bool] = []

    def run(which: int) -> None:
        barrier.wait(10)
        answers.append(work(which))

    threads = [threading.Thread(target=run, args=(which,)) for which in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(answers) == count
    return answers


def test_of_ten_who_hold_at_once_on_what_they_saw_one_gets_through(
    holds: SqlSlotHolds,
) -> None:
    offered(holds, *(slot(f"s{n}") for n in range(10)))
    answers = at_once(lambda n: holds.hold(f"s{n}", number=1, until=SOON), 10)
    assert answers.count(True) == 1
    assert len(holds.held_on(DAY, at=NOW).slots) == 1


# -- claimed ---------------------------------------------------------------------------


def test_a_claim_is_for_one_consultation_and_for_its_retries(
    holds: SqlSlotHolds,
) -> None:
    held(holds, slot())
    assert claimed(holds, by="a") == slot()
    assert claimed(holds, by="a") == slot()
    with pytest.raises(ConflictError, match="ほかの相談"):
        claimed(holds, by="b")
    with pytest.raises(ConflictError, match="ほかの相談"):
        holds.get("s1", client="web", at=NOW)
    # until there is a chart, others must not get the time
    assert holds.held_on(DAY, at=NOW).slots == (slot(),)


def test_a_slot_with_a_chart_is_held_no_more_and_its_retry_is_known_for_good(
    holds: SqlSlotHolds,
) -> None:
    held(holds, slot())
    claimed(holds, by="a")
    holds.settle("s1", by="a", chart_id="c000000001")
    assert holds.held_on(DAY, at=NOW).slots == ()
    assert claimed(holds, by="a", at=LATER) == slot()
    with pytest.raises(ConflictError, match="ほかの相談"):
        claimed(holds, by="b", at=NOW)
    # what has a chart is not released by a retry that failed
    holds.release("s1", by="a")
    with pytest.raises(ConflictError, match="ほかの相談"):
        claimed(holds, by="b", at=NOW)


def test_a_claim_that_came_to_nothing_leaves_the_hold(holds: SqlSlotHolds) -> None:
    held(holds, slot())
    claimed(holds, by="a")
    holds.release("s1", by="b")
    with pytest.raises(ConflictError):
        claimed(holds, by="b")
    holds.release("s1", by="a")
    assert claimed(holds, by="b") == slot()


def test_only_what_is_held_can_be_claimed(holds: SqlSlotHolds) -> None:
    offered(holds, slot())
    with pytest.raises(ConflictError, match="先に確保"):
        claimed(holds)
    assert holds.hold("s1", number=1, until=SOON)
    with pytest.raises(ConflictError, match="期限が過ぎました"):
        claimed(holds, at=SOON)


def test_a_claim_at_the_last_second_is_held_a_minute_more(holds: SqlSlotHolds) -> None:
    held(holds, slot())
    claimed(holds, at=SOON - SECOND)
    assert len(holds.held_on(DAY, at=SOON + 58 * SECOND).slots) == 1
    assert holds.held_on(DAY, at=SOON + 59 * SECOND).slots == ()


def test_of_ten_who_claim_at_once_one_gets_the_window(holds: SqlSlotHolds) -> None:
    held(holds, slot())

    def claim(which: int) -> bool:
        try:
            claimed(holds, by=f"{which}")
        except ConflictError:
            return False
        return True

    assert at_once(claim, 10).count(True) == 1


def test_a_promise_is_told_under_the_id_of_its_slot() -> None:
    promised = replace(slot(), id="s9").promised_chart()
    assert promised.id == "s9"
    assert promised.consultation.appointment == slot().appointment
    assert slot().date == DAY
