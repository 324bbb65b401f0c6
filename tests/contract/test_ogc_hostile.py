"""Strange input to the feature service: always an answer of the client's own making."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.ogc_world import COLLECTIONS, ITEMS, OgcWorld

NAMES = (
    "limit",
    "bbox",
    "bbox-crs",
    "crs",
    "datetime",
    "cursor",
    "f",
    "status",
    "date",
)
LONG = 10_000  # what the test's own client sends; see test_ogc_clients for more
HOSTILE = (
    "a" * LONG,
    "9" * LONG,
    "[" * LONG,
    "1," * (LONG // 2),
    "\0",
    "' OR '1'='1",
    "1; DROP TABLE charts",
    "%",
    "%00",
    "\ud7ff\ufffe\u202e",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "W1tbW1tbW1tbW1tb",  # [[[[[[[[[[[[
)
strange = st.one_of(
    st.text(max_size=60),
    st.from_regex(r"\A[0-9.,+\-eE/:TZ]{1,40}\Z"),
    st.floats().map(str),
    st.integers().map(str),
    st.lists(st.floats().map(str), min_size=4, max_size=6).map(",".join),
    st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat()),
)


def require_answer(ogc: OgcWorld, collection: str, parameters: dict[str, str]) -> int:
    answer = ogc.client.get(ITEMS.format(collection), params=parameters)
    assert answer.status_code in {200, 400}, answer.text
    if answer.status_code == 200:
        assert answer.json()["type"] == "FeatureCollection"
    else:
        assert set(answer.json()) == {"code", "description"}
    return int(answer.status_code)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
def test_hostile_values_are_refused(ogc: OgcWorld, name: str, text: str) -> None:
    for collection in COLLECTIONS:
        assert require_answer(ogc, collection, {name: text}) == 400


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    collection=st.sampled_from(COLLECTIONS),
    parameters=st.dictionaries(st.sampled_from(NAMES), strange, max_size=3),
)
def test_any_values_get_an_answer(
    ogc: OgcWorld, collection: str, parameters: dict[str, str]
) -> None:
    require_answer(ogc, collection, parameters)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(min_size=1, max_size=20).filter(lambda name: name not in NAMES))
def test_any_other_name_is_refused_and_not_repeated(ogc: OgcWorld, name: str) -> None:
    known = {"api_key", "category", "urgency", "ward", "district", "office"}
    if name not in known:
        assert require_answer(ogc, "consultations", {name: "1"}) == 400
