"""The command line of the database: kidohan database info | copy | downgrade."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from api.settings import load_settings, make_shown_url
from dispatch.adapters.database import connect, open_database
from dispatch.adapters.database_copy import copy_database
from dispatch.adapters.downgrading import downgrade, revision_of
from dispatch.domain.errors import InvalidInputError

database_cli = typer.Typer(
    no_args_is_help=True, help="Database: tell, copy, go back to an older version."
)
cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
cli.add_typer(database_cli, name="database")
LoseOption = Annotated[
    bool, typer.Option("--lose", help="go on although data are lost")
]
console = Console(highlight=False, soft_wrap=True)


@database_cli.command()
def info() -> None:
    """Tell which database is in use, and the revision of its tables."""
    url = load_settings().database_url
    engine = connect(url)
    try:
        revision = revision_of(engine)
    finally:
        engine.dispose()
    console.print(f"{escape(make_shown_url(url))}: {revision or '表はありません'}")


@database_cli.command()
def copy(
    source: Annotated[
        str, typer.Option("--from", help="URL of the database to copy from")
    ],
) -> None:
    """Copy everything from another database into the empty one of the settings."""
    url = load_settings().database_url
    if source == url:
        raise InvalidInputError("--from", "写し元と写し先が同じです")
    here, there = open_database(source), open_database(url)
    try:
        copied = copy_database(here, there)
    finally:
        here.dispose()
        there.dispose()
    for table, count in copied.items():
        console.print(f"{table} {count:,}")
    console.print(f"{sum(copied.values()):,} 行を写しました")


@database_cli.command(name="downgrade")
def go_back(
    revision: Annotated[str, typer.Argument(help="revision of the older version")],
    lose: LoseOption = False,  # noqa: FBT002 - a command-line switch
) -> None:
    """Bring the tables back for an older version; says what would be lost."""
    engine = connect(load_settings().database_url)
    try:
        lost = downgrade(engine, revision, may_lose=lose)
    finally:
        engine.dispose()
    for one in lost:
        console.print(f"失われました {escape(str(one))}")
    console.print(f"表を {escape(revision)} に戻しました")
