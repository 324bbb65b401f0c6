"""What of a report's words reaches the paper."""

from __future__ import annotations

import pytest

from dispatch.domain.masking import MASK, masked
from dispatch.domain.reporter import Reporter

NOBODY = Reporter()
HANAKO = Reporter(name="山田花子", phone="06-9999-8888")


@pytest.mark.parametrize(
    "number",
    [
        "06-6576-0761",
        "090-1234-5678",
        "09012345678",
        "０９０－１２３４－５６７８",
        "06ー6576ー0761",
        "(06)6576-0761",
        "06 6576 0761",
    ],
)
def test_what_looks_like_a_phone_number_is_hidden(number: str) -> None:
    told = masked(f"中之島1-3-20 電話{number}", NOBODY)
    assert MASK in told
    assert "6576" not in told
    assert "1234" not in told
    assert told.startswith("中之島1-3-20")


@pytest.mark.parametrize(
    "place",
    [
        "津守2-7-13付近",
        "2丁目10番205号",
        "国道25号の高架下",
        "泉1-1-189",
        "電柱番号 北12イ3",
        "INTERSECTION of Batterymarch St & Franklin St Boston MA 02108",
    ],
)
def test_a_place_stays_as_it_was_written(place: str) -> None:
    assert masked(place, NOBODY) == place


def test_the_reporters_own_name_and_number_are_hidden() -> None:
    told = masked("山田花子宅の前 連絡は9999-8888か06-9999-8888", HANAKO)
    assert "山田花子" not in told
    assert "06-9999-8888" not in told
    assert told.startswith(f"{MASK}宅の前")
