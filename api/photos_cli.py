"""The command line of the photos: kidohan photos check."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from api.settings import load_settings
from dispatch.adapters.clocks import SystemClock
from dispatch.adapters.database import open_database
from dispatch.adapters.photo_store import (
    PhotoFiles,
    PhotoState,
    SqlPhotos,
    look,
    photos_folder_for,
    sweep,
)
from geodata.city import load_city

photos_cli = typer.Typer(
    no_args_is_help=True, help="Photos of charts: compare files and database."
)
console = Console(highlight=False, soft_wrap=True)
BROKEN = 3
SPARED_S = 3_600  # a file so young may be waiting for its row


@photos_cli.callback()
def photos() -> None:
    """Look after the pictures beside the database."""


@photos_cli.command()
def check(
    dry_run: Annotated[  # noqa: FBT002 - a command-line switch
        bool, typer.Option("--dry-run", help="only tell; delete nothing")
    ] = False,
    older_than_s: Annotated[
        int,
        typer.Option("--older-than", help="seconds a spare file must be old", min=0),
    ] = SPARED_S,
) -> None:
    """Tell what is missing or changed; sweep up files that no photo needs."""
    settings = load_settings()
    clock = SystemClock(load_city(settings.city).timezone)
    folder = photos_folder_for(settings.database_url, settings.photos_dir)
    engine = open_database(settings.database_url)
    try:
        state = look(
            SqlPhotos(engine),
            PhotoFiles(folder),
            spare_after=clock.now().timestamp() - older_than_s,
        )
    finally:
        engine.dispose()
    console.print(f"フォルダ: {escape(str(folder))}")
    console.print(f"写真: {state.num_photos:,}枚({state.num_bytes:,}バイト)")
    if state.orphans:
        done = "対象です(まだ消していません)" if dry_run else "消しました"
        num = len(state.orphans) if dry_run else sweep(state)
        console.print(f"どのカルテにもない写真ファイル {num:,}個: {done}")
    _tell_broken(state)


def _tell_broken(state: PhotoState) -> None:
    for name in state.missing:
        console.print(f"ファイルがありません: {name}")
    for name in state.changed:
        console.print(f"ファイルの中身が変わっています: {name}")
    if state.missing or state.changed:
        raise typer.Exit(BROKEN)
    console.print("すべてそろっています")
