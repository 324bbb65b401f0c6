"""Phone numbers as people type them: one number has one form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.phone_number import normalised_phone

OSAKA = "06"
HYPHENS = st.sampled_from(
    ["", "-", "‐", "‑", "–", "—", "−", "ー", "－", "ｰ", " ", "　"]
)
DIGITS = st.text("0123456789", min_size=8, max_size=8)


def form(text: str) -> str:
    return normalised_phone(text, area_code=OSAKA)


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("06-9999-9999", "0699999999"),
        ("9999-9999", "0699999999"),
        ("０６−６９６９−５８４１", "0669695841"),
        ("06‐6686‐1341", "0666861341"),
        ("6571−3443", "0665713443"),
        ("06(6969)5841", "0669695841"),
        ("(06) 6969-5841", "0669695841"),
        ("06-6969-5841(お客さまセンター)", "0669695841"),
        ("06-6969-5841・5842", "0669695841"),  # a second number
        ("06-6969-5841～9", "0669695841"),  # a range of numbers
        ("06-6969-5841-123", "0669695841"),  # an extension
        ("自宅06-6969-5841、携帯090-1234-5678", "0669695841"),
        ("班長さん(090 1234 5678)", "09012345678"),
        ("+81 6-6969-5841", "0669695841"),
        ("+81-(0)90-1234-5678", "09012345678"),
        ("072-123-4567", "0721234567"),
        ("0120-123-456", "0120123456"),
        ("0800-123-4567", "08001234567"),
        ("050-1234-5678", "05012345678"),
        ("660001234", "0660001234"),  # a table calculation took the 0 away
        ("9012345678", "09012345678"),
        ("+1 617 555 0100", "16175550100"),
        ("06-0000-1234", "0600001234"),  # the invented numbers of the demo
        ("0000-1234", "0600001234"),
    ],
)
def test_a_number_has_one_form_however_it_is_typed(typed: str, number: str) -> None:
    assert form(typed) == number


@pytest.mark.parametrize(
    "typed", ["", "なし", "110", "06-6969", "1234567", "1" * 16, "２丁目10番205号"]
)
def test_what_is_no_number_has_no_form(typed: str) -> None:
    assert form(typed) == ""


def test_a_city_without_an_area_code_puts_none_in_front() -> None:
    assert normalised_phone("6969-5841", area_code="") == ""
    assert normalised_phone("617-555-0100", area_code="") == "6175550100"


@given(DIGITS, HYPHENS, HYPHENS)
def test_hyphens_width_and_area_code_make_no_difference(
    digits: str, first: str, second: str
) -> None:
    wide = digits.translate(
        {ord("0") + n: "０" if n == 0 else chr(ord("０") + n) for n in range(10)}
    )
    forms = {
        form(f"06{first}{digits[:4]}{second}{digits[4:]}"),
        form(f"{digits[:4]}{second}{digits[4:]}"),
        form(f"０６{first}{wide[:4]}{second}{wide[4:]}"),
        form(f"+81{first or ' '}6{second}{digits}"),
    }
    assert forms == {f"06{digits}"}


@given(st.text(st.characters(), max_size=40) | st.from_regex(r"[0-9(+ -]{0,20}"))
def test_a_form_is_digits_and_its_own_form(text: str) -> None:
    number = form(text)
    assert number == "" or (number.isascii() and number.isdigit())
    assert form(number) == number


@given(DIGITS, DIGITS)
def test_different_numbers_have_different_forms(one: str, other: str) -> None:
    if one != other:
        assert form(f"090{one}") != form(f"090{other}")
