"""
Every deliberate error of the project, in one tree.

::

    DispatchError
    ├─ InvalidInputError   what was given breaks a rule; names the field and the row
    ├─ NotFoundError       what was asked for does not exist
    ├─ NotAllowedError     whoever asks may not do that there
    ├─ ConflictError       the thing has moved on, or the change is not allowed now
    │  └─ PreconditionError  it is not what the change was said to be for
    ├─ SourceError         a data source is missing, damaged or of the wrong shape
    ├─ SolverError         the solver refused the model or its process died
    └─ CancelledError      a person stopped the planning

"Cannot be done" (a visit that fits nowhere, an address that no one knows) is not
an error: it is data with a reason.
"""

from __future__ import annotations


class DispatchError(Exception):
    """Base of every error that the project raises on purpose."""


class InvalidInputError(DispatchError):
    """
    What was given breaks a rule.

    Parameters
    ----------
    field
        Name of the field as the sender wrote it.
    problem
        What is wrong and what to do, for a person. Never holds the value itself:
        it may be a resident's words.
    row
        1-based row of a file (header = row 1), when it came from one.
    """

    def __init__(self, field: str, problem: str, *, row: int | None = None) -> None:
        self.field = field
        self.problem = problem
        self.row = row
        where = f"row {row}, {field}" if row is not None else field
        super().__init__(f"{where}: {problem}")


class NotFoundError(DispatchError):
    """
    What was asked for does not exist.

    Parameters
    ----------
    kind
        Kind of thing, a glossary word.
    key
        The identifier that was looked for (never a person's data).
    """

    def __init__(self, kind: str, key: str) -> None:
        self.kind = kind
        self.key = key
        super().__init__(f"no {kind} {key!r}")


class NotAllowedError(DispatchError):
    """Whoever asks may not do that there; the message names the roles that may."""


class ConflictError(DispatchError):
    """
    The thing has moved on since it was read, or the change is not allowed now.

    Parameters
    ----------
    message
        What stands in the way, for a person.
    current
        Version of the thing as it is now, when it has moved on.
    """

    def __init__(self, message: str, *, current: int | None = None) -> None:
        self.current = current
        super().__init__(message)


class PreconditionError(ConflictError):
    """The thing is not at the version that a change was said, beforehand, to be for."""


class SourceError(DispatchError):
    """A data source is missing, damaged or of the wrong shape."""


class SolverError(DispatchError):
    """The solver refused the model, or its process died; never "no feasible plan"."""


class CancelledError(DispatchError):
    """A person stopped the planning; the plan in force stays as it is."""
