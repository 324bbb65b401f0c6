"""The library of case examples in a relational database."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine, delete, insert, select
from sqlalchemy.exc import IntegrityError

from dispatch.adapters.codec import from_json, to_json
from dispatch.adapters.database import reading, writing
from dispatch.adapters.tables import by_code, examples
from dispatch.domain.errors import ConflictError, NotFoundError
from dispatch.domain.example import Example

THERE = "この相談の事例は、すでにあります"


class SqlExamples:
    """
    The `Examples` port of `dispatch.example_desk`.

    Parameters
    ----------
    engine
        From `open_database`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, example: Example, words: str) -> None:
        """Store one; ConflictError when its chart has one already."""
        values = {
            "id": example.id,
            "chart_id": example.chart_id,
            "category_code": example.category_code,
            "ward_code": example.ward_code,
            "at": example.at,
            "words": words,
            "body": to_json(example),
        }
        try:
            with writing(self._engine) as connection:
                connection.execute(insert(examples).values(values))
        except IntegrityError:
            raise ConflictError(THERE) from None

    def get(self, example_id: str) -> Example:
        """Return one; NotFoundError when there is none."""
        query = select(examples.c.body).where(examples.c.id == example_id)
        with reading(self._engine) as connection:
            body = connection.execute(query).scalar()
        if body is None:
            raise NotFoundError("example", example_id)
        return from_json(Example, body)

    def of_chart(self, chart_id: str) -> Example | None:
        """Return the example of a chart; None when there is none."""
        query = select(examples.c.body).where(examples.c.chart_id == chart_id)
        with reading(self._engine) as connection:
            body = connection.execute(query).scalar()
        return None if body is None else from_json(Example, body)

    def remove(self, example_id: str) -> None:
        """Take one away; NotFoundError when there is none."""
        with writing(self._engine) as connection:
            gone = connection.execute(
                delete(examples).where(examples.c.id == example_id)
            )
        if gone.rowcount == 0:
            raise NotFoundError("example", example_id)

    def found(
        self, words: Sequence[str], *, category_code: str, ward_code: str, limit: int
    ) -> list[Example]:
        """Those that hold all words, of a category and ward, the newest first."""
        columns = examples.c
        query = select(columns.body)
        for word in words:
            query = query.where(columns.words.contains(word, autoescape=True))
        if category_code:
            query = query.where(columns.category_code == category_code)
        if ward_code:
            query = query.where(columns.ward_code == ward_code)
        query = query.order_by(columns.at.desc(), by_code(columns.id)).limit(limit)
        with reading(self._engine) as connection:
            bodies = connection.execute(query).scalars().all()
        return [from_json(Example, body) for body in bodies]
