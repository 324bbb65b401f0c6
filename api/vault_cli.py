"""The command line of the vault: kidohan vault check | rotate | erase."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from api.settings import load_settings
from api.vault_wiring import VaultTools, opened_vault
from dispatch.adapters.vault import is_open_to_others
from dispatch.domain.errors import ConflictError, InvalidInputError

vault_cli = typer.Typer(
    no_args_is_help=True,
    help="Vault of personal fields: look, change the keys, erase.",
)
DropOption = Annotated[
    bool, typer.Option("--drop-old", help="then take the older keys out of the file")
]
DryOption = Annotated[
    bool, typer.Option("--dry-run", help="only tell which charts it would be")
]
console = Console(highlight=False, soft_wrap=True)
BROKEN = 3
NUMBER_MARK = "-"  # running numbers have one, ids never


@vault_cli.command()
def check() -> None:
    """Tell which keys are in use and whether everything opens; shows no value."""
    with opened_vault(load_settings()) as tools:
        state = tools.look()
        console.print(f"鍵ファイル: {escape(tools.vault.place)}")
        for key_id in tools.vault.key_ids:
            mark = "(今の鍵)" if key_id == tools.vault.key_id else ""
            console.print(
                f"  鍵 {key_id}{mark}: カルテ {state.rows.get(key_id, 0):,}件"
            )
        console.print(f"閲覧記録: {state.num_reveals:,}行")
        for chart_id in state.damaged:
            console.print(f"開けません: カルテ {escape(chart_id)}")
        file = tools.vault.file
        is_open = file is not None and is_open_to_others(file)
        if is_open:
            console.print(
                "鍵ファイルをほかの利用者が読めます。chmod 600 にしてください"
            )
        if state.damaged or is_open:
            raise typer.Exit(BROKEN)
        console.print("すべて開けます")


@vault_cli.command()
def rotate(
    drop_old: DropOption = False,  # noqa: FBT002 - a command-line switch
) -> None:
    """Make a new key and seal every row with it; may be interrupted and run again."""
    with opened_vault(load_settings()) as tools:
        vault = tools.rotate(_told)
        console.print(f"今の鍵: {vault.key_id}({escape(vault.place)})")
        if drop_old:
            vault = tools.drop_old_keys()
            console.print("古い鍵を鍵ファイルから除きました")
        else:
            console.print(
                f"古い鍵 {len(vault.key_ids) - 1}本は、前の控えを開くために残しました"
            )
        console.print("鍵ファイルの控えを取り直してください")


def _told(done: int, todo: int) -> None:
    console.print(f"{done:,}/{todo:,}件を新しい鍵で封じました")


@vault_cli.command()
def erase(
    older_than: Annotated[
        int,
        typer.Option("--older-than", help="days since a chart's end", min=0),
    ] = 0,
    chart: Annotated[
        str, typer.Option("--chart", help="number or id of one chart")
    ] = "",
    who: Annotated[str, typer.Option("--who", help="in whose name")] = "",
    why: Annotated[str, typer.Option("--why", help="the reason, kept on record")] = "",
    dry_run: DryOption = False,  # noqa: FBT002 - a command-line switch
) -> None:
    """Erase personal fields for good: of one chart, or of those that ended long ago."""
    settings = load_settings()
    if chart and older_than:
        raise InvalidInputError("--chart", "--older-than とは一緒に使えません")
    with opened_vault(settings) as tools:
        if chart:
            due = _of_one(tools, chart)
            reason = why
        else:
            days = older_than or settings.retention_days
            due = list(tools.desk.due_for_erasure(older_than_days=days))
            reason = why or f"保存期間({days}日)が過ぎたため"
        for chart_id in due:
            console.print(tools.store.get(chart_id).number)
        if dry_run:
            console.print(f"{len(due):,}件の個人欄が消去の対象です(まだ消していません)")
            return
        erased = tools.desk.erase(due, who=who or "kidohan vault erase", why=reason)
        console.print(f"{len(erased):,}件の個人欄を消去しました")


def _of_one(tools: VaultTools, chart: str) -> list[str]:
    """Id of the named chart, which must have personal fields."""
    found = (
        tools.store.get_by_number(chart)
        if NUMBER_MARK in chart
        else tools.store.get(chart)
    )
    if found.id not in tools.desk.given([found.id]):
        raise ConflictError(f"{found.number}: 個人欄はありません")
    return [found.id]
