"""The command line of webhooks: kidohan webhook …."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from api.event_wiring import EventParts, event_parts, place_in_log
from api.settings import load_settings
from api.vault_wiring import AREA_CODE
from dispatch.adapters.clocks import SystemClock
from dispatch.adapters.database import open_database
from dispatch.adapters.vault_opening import key_file_for, open_vault
from dispatch.domain.case_chart import EntryKind
from dispatch.domain.webhook import DeliveryState, SubscriberState
from geodata.city import load_city

webhook_cli = typer.Typer(
    no_args_is_help=True, help="Subscribers of webhooks: add, list, send again."
)
console = Console(highlight=False, soft_wrap=True)
BY_HAND = "kidohan webhook"
MOST = 100_000  # events of one subscriber that are sent again at once
STATE_TEXT = {
    SubscriberState.ACTIVE: "送信中",
    SubscriberState.PAUSED: "停止中",
    SubscriberState.GONE: "相手が終了",
}


@contextmanager
def opened() -> Iterator[EventParts]:
    """Open the database and its keys alone."""
    settings = load_settings()
    profile = load_city(settings.city)
    engine = open_database(settings.database_url)
    try:
        keyring = open_vault(
            engine,
            key_file_for(settings.database_url, settings.vault_key_file),
            area_code=profile.labels.get(AREA_CODE, ""),
        )
        yield event_parts(settings, engine, keyring, SystemClock(profile.timezone))
    finally:
        engine.dispose()


@webhook_cli.command(name="add")
def add_webhook(
    name: Annotated[str, typer.Argument(help="what people call it")],
    url: Annotated[str, typer.Argument(help="where events are posted to")],
    kind: Annotated[
        list[EntryKind] | None, typer.Option(help="only these; once for each")
    ] = None,
    source: Annotated[str, typer.Option(help="only charts of this system")] = "",
) -> None:
    """Add a subscriber of what happens from now on; its secret is printed once."""
    with opened() as events:
        subscriber, secret = events.webhooks.add(
            name, url, kinds=frozenset(kind or ()), source=source, who=BY_HAND
        )
    console.print(f"送り先 {subscriber.id}({escape(subscriber.name)})を登録しました")
    console.print(f"署名の鍵(この1回だけ表示): {secret}")


@webhook_cli.command(name="list")
def list_webhooks() -> None:
    """List the subscribers: state, what waits, what was given up."""
    with opened() as events:
        for subscriber, load in events.webhooks.listed():
            line = (
                f"{subscriber.id}  {subscriber.name}  {STATE_TEXT[subscriber.state]}  "
                f"送信待ち {load.num_waiting}  不達 {load.num_dead}  {subscriber.url}"
            )
            console.print(escape(line))


@webhook_cli.command(name="replay")
def replay_webhook(
    webhook_id: str,
    after: Annotated[
        str, typer.Option(help="cursor: everything after it; else what was given up")
    ] = "",
) -> None:
    """Send again what was given up, or everything after a cursor."""
    with opened() as events:
        if after:
            events.webhooks.replay_after(webhook_id, place_in_log(events, after))
        else:
            dead = events.webhooks.deliveries(
                webhook_id, state=DeliveryState.DEAD, limit=MOST
            )
            for one in dead:
                events.webhooks.replay(webhook_id, one.id)
    console.print("送り直します。サービスが動いていれば、すぐに送られます")
