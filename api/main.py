"""Entry of the command `kidohan`: loads only what the command needs, tells errors."""

from __future__ import annotations

import logging
import sys
from importlib import import_module

from rich.console import Console
from rich.markup import escape

from dispatch.domain.errors import DispatchError

# Preparing roads needs neither the web nor the planner, but all the memory there is;
# a list of addresses, and files of problems, are read by many short processes.
LEAN = {
    "roads": "api.roads_cli",
    "geodata": "api.geodata_cli",
    "geocode": "api.geocode_cli",
    "solve": "api.solve_cli",
    "check": "api.solve_cli",
    "replay": "api.solve_cli",
    "database": "api.database_cli",
}
console = Console()


def main() -> None:
    """Run the command line; errors are one line for people and an exit code."""
    logging.basicConfig(
        level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    cli = import_module(LEAN.get(word, "api.cli")).cli
    try:
        cli()
    except DispatchError as problem:
        line = f"[bold red]kidohan:[/] {escape(str(problem))}"
        console.print(line, highlight=False, soft_wrap=True)
        sys.exit(exit_code(problem))


def exit_code(problem: DispatchError) -> int:
    """Exit code of an error: that of its nearest class in the one table."""
    codes = import_module("api.errors").EXIT_CODES
    code: int = next(code for kind, code in codes.items() if isinstance(problem, kind))
    return code


if __name__ == "__main__":
    main()
