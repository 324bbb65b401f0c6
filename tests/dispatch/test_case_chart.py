"""Status changes, urgency and the legal hold of a chart."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest

from dispatch.domain.case_chart import ARROWS, ChartStatus, hold_end, urgency_of
from dispatch.domain.catalogue import Duty, Urgency
from dispatch.domain.errors import ConflictError, InvalidInputError
from dispatch.domain.place import LonLat
from dispatch.domain.placing import Placement, PlacingStatus
from tests.builders import category, chart, consultation, moment

PAIRS = list(itertools.product(ChartStatus, ChartStatus))


@pytest.mark.parametrize(
    ("before", "after"), [(b, a) for b, a in PAIRS if a in ARROWS[b]]
)
def test_every_arrow_moves_the_chart_one_version_on(
    before: ChartStatus, after: ChartStatus
) -> None:
    moved = chart(status=before, version=4).moved(after)
    assert (moved.status, moved.version) == (after, 5)


@pytest.mark.parametrize(
    ("before", "after"), [(b, a) for b, a in PAIRS if a not in ARROWS[b]]
)
def test_an_illegal_jump_is_refused_and_names_the_legal_ones(
    before: ChartStatus, after: ChartStatus
) -> None:
    with pytest.raises(ConflictError) as refused:
        chart(status=before, number="2026-27127-000001").moved(after)
    message = str(refused.value)
    assert "2026-27127-000001" in message
    for legal in ARROWS[before]:
        assert legal in message


def test_the_table_has_every_status_and_these_arrows() -> None:
    assert set(ARROWS) == set(ChartStatus)
    assert all(ARROWS.values())  # a chart that is closed, too, may be reopened
    assert ChartStatus.PLANNED not in ARROWS[ChartStatus.ON_HOLD]
    assert ChartStatus.PLANNED not in ARROWS[ChartStatus.RECEIVED]
    assert ChartStatus.DONE not in ARROWS[ChartStatus.RECEIVED]  # no work, no end


def test_several_moves_stored_as_one_take_the_version_they_are_told() -> None:
    held = chart(status=ChartStatus.ON_HOLD, version=3)
    planned = held.moved(ChartStatus.ASSIGNED).moved(ChartStatus.PLANNED)
    assert planned.version == 5
    assert planned.at_version(4).version == 4


def test_only_a_placed_chart_that_is_no_referral_is_mappable() -> None:
    assert chart().is_mappable
    assert chart(duty=Duty.PARTNER).is_mappable
    assert not chart(duty=Duty.REFERRAL).is_mappable
    assert not chart(placement=None).is_mappable
    lost = Placement(status=PlacingStatus.NOT_FOUND, message="")
    assert not chart(placement=lost).is_mappable
    two = Placement(
        status=PlacingStatus.AMBIGUOUS, message="", place=LonLat(135.5, 34.7)
    )
    assert not chart(placement=two).is_mappable


@pytest.mark.parametrize("own", [u for u in Urgency if u is not Urgency.D])
@pytest.mark.parametrize("raised", [*Urgency, None])
def test_urgency_may_be_raised_and_is_never_lowered(
    own: Urgency, raised: Urgency | None
) -> None:
    found = urgency_of(category(urgency=own), raised)
    expected = own if raised is None or raised.rank > own.rank else raised
    assert found is expected
    assert found.rank <= own.rank


def test_a_referral_cannot_be_made_urgent() -> None:
    referral = category(duty=Duty.REFERRAL, urgency=Urgency.D)
    assert urgency_of(referral, Urgency.S) is Urgency.D


def test_a_tagged_bicycle_may_be_removed_seven_days_later() -> None:
    bicycle = category(hold_days=7)
    tagged = consultation(tagged_on=dt.date(2026, 11, 20))
    assert hold_end(bicycle, tagged) == dt.date(2026, 11, 27)
    assert hold_end(category(), tagged) is None  # its category knows no hold
    assert hold_end(bicycle, consultation()) is None  # nothing was tagged


def test_a_tag_of_the_same_day_is_legal_and_of_tomorrow_is_not() -> None:
    bicycle = category(hold_days=7)
    received = moment("9:05")
    today = consultation(received_at=received, tagged_on=received.date())
    assert hold_end(bicycle, today) == received.date() + dt.timedelta(days=7)
    tomorrow = received.date() + dt.timedelta(days=1)
    with pytest.raises(InvalidInputError) as refused:
        hold_end(bicycle, consultation(received_at=received, tagged_on=tomorrow))
    assert refused.value.field == "tagged_on"
