"""Progress bars of the command line, one for each step that is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

Told = Callable[[str, float], None]


@contextmanager
def bars(console: Console) -> Iterator[Told]:
    """Show bars; the function given is told a step and how far it is, 0 to 1."""
    columns = (
        TextColumn("{task.description:<24}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as shown:
        tasks: dict[str, TaskID] = {}

        def told(step: str, done: float) -> None:
            if step not in tasks:
                for task in tasks.values():
                    shown.update(task, completed=1.0)
                tasks[step] = shown.add_task(step, total=1.0)
            shown.update(tasks[step], completed=done)

        yield told
        for task in tasks.values():
            shown.update(task, completed=1.0)
