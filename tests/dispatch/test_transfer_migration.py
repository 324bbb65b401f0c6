"""The tables of transfers are filled from the charts, down and up on both databases."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sqlalchemy import Engine, select, text, update

from dispatch.adapters.clocks import FixedClock
from dispatch.adapters.database import migrate, reading, writing
from dispatch.adapters.downgrading import downgrade
from dispatch.adapters.notice_store import SqlNotices
from dispatch.adapters.sql_store import SqlStore
from dispatch.adapters.tables import charts
from dispatch.adapters.transfer_store import SqlTransfers
from dispatch.domain.case_chart import ChartStatus
from dispatch.domain.errors import ConflictError
from dispatch.domain.transfer import Transfer, TransferState
from dispatch.domain.transfer_query import TransferQuery
from dispatch.notice_desk import NoticeDesk, NoticeDraft, NoticeRules
from tests.builders import TOKYO, catalogue, chart, moment, new_chart, placement

BEFORE = "0008"
SENT = Transfer(
    id="t1",
    sender="受付",
    receiver="公園",
    state=TransferState.SENT,
    sent_at=moment("9:00"),
    accept_by=moment("17:30"),
    ward_code="27127",
)


@pytest.fixture
def store(engine: Engine) -> SqlStore:
    """Store a chart that was handed on, one returned, and one that nobody sent."""
    store = SqlStore(engine, catalogue())
    handed = replace(SENT, id="t0", state=TransferState.HANDED_ON)
    back = replace(
        SENT, id="t2", state=TransferState.RETURNED, return_by=moment("12:00")
    )
    for chart_id, status, transfers in (
        ("c1", ChartStatus.REFERRED, (handed, SENT)),
        ("c2", ChartStatus.RETURNED, (back,)),
        ("c3", ChartStatus.ASSIGNED, ()),
    ):
        one = chart(
            chart_id,
            status=status,
            receiver="公園",
            transfers=transfers,
            placement=placement(),
        )
        store.add_all([replace(new_chart(chart_id), chart=one)])
    return store


def test_queues_are_the_same_after_going_back_and_up_again(
    engine: Engine, store: SqlStore
) -> None:
    queues = SqlTransfers(engine)
    before = queues.listed(TransferQuery())
    assert [one.id for one in before] == ["c2", "c1"]  # due at 12:00 and 17:30
    counts = queues.by_receiver(TransferQuery(), at=moment("13:00"))
    assert downgrade(engine, BEFORE) == ()  # all of it stands in the charts
    migrate(engine)
    assert queues.listed(TransferQuery()) == before
    assert queues.by_receiver(TransferQuery(), at=moment("13:00")) == counts
    assert store.get("c3").transfers == ()


def test_what_was_referred_before_there_were_transfers_waits_without_a_clock(
    engine: Engine, store: SqlStore
) -> None:
    downgrade(engine, BEFORE)
    with reading(engine) as connection:
        body = json.loads(
            connection.execute(
                select(charts.c.body).where(charts.c.id == "c1")
            ).scalar_one()
        )
    del body["transfers"]
    old = update(charts).where(charts.c.id == "c1")
    with writing(engine) as connection:
        connection.execute(old.values(body=json.dumps(body, ensure_ascii=False)))
        # one that nobody had yet, as only a broken row of old could be
        connection.execute(
            text("UPDATE charts SET status = 'referred', receiver = '' WHERE id = 'c3'")
        )
    migrate(engine)
    made = store.get("c1").transfers
    assert [(one.receiver, one.state, one.accept_by) for one in made] == [
        ("公園", TransferState.SENT, None)
    ]
    assert made[0].sent_at == store.get("c1").consultation.received_at
    waiting = SqlTransfers(engine).listed(TransferQuery(state=TransferState.SENT))
    assert [one.id for one in waiting] == ["c1"]


def test_notices_are_a_loss_that_is_told(engine: Engine, store: SqlStore) -> None:
    desk = NoticeDesk(
        store,
        SqlNotices(engine),
        FixedClock(moment("14:00")),
        NoticeRules(timezone=TOKYO),
    )
    desk.send("c1", NoticeDraft(who="公園", done="切った"), to_ward=True)
    with pytest.raises(ConflictError, match=r"notices \(1\)"):
        downgrade(engine, BEFORE)
