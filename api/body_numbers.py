"""Numbers of JSON bodies: neither yes and no, nor digits in quotation marks."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

MAX_DEGREES = 180
NO_NUMBER = "数にしてください(引用符は付けません)"


def _number(value: object) -> object:
    if isinstance(value, bool | str):
        raise PydanticCustomError("number", NO_NUMBER)
    return value


# Both reach to 180: a latitude of 135 is a place told the wrong way round.
BodyDegrees = Annotated[
    float,
    BeforeValidator(_number),
    Field(ge=-MAX_DEGREES, le=MAX_DEGREES, allow_inf_nan=False),
]
