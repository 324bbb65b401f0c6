"""Clients of others read our Open311 over a socket: `georeport`, and plain HTTP."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from georeport import GeoReport  # type: ignore[import-untyped]

from tests.api.installation import KEY, settings_for
from tests.contract.ogc_server import on_socket
from tests.contract.test_open311 import FORM, ROOT


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, geodata_dir: Path
) -> Iterator[str]:
    """Serve a city with two requests."""
    settings = settings_for(tmp_path_factory.mktemp("open311"), geodata_dir)
    with on_socket(settings) as url:
        for words in ("一つ目", "二つ目"):
            assert _posted(url, {**FORM, "description": words})
        yield url


def _posted(url: str, form: dict[str, str]) -> str:
    """Post as FixMyStreet does: no charset in the content type."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    body = urlencode(form).encode()
    connection.request("POST", f"{ROOT}/requests.json", body, kind)
    answer = connection.getresponse()
    told = json.loads(answer.read())
    connection.close()
    assert answer.status == 201, told
    return str(told[0]["service_request_id"])


@pytest.mark.parametrize("form", ["json", "xml"])
def test_georeport_reads_services_requests_and_one_request(
    served: str, form: str
) -> None:
    client = GeoReport(f"{served}{ROOT}", jurisdiction="osaka", output_format=form)
    services = client.get_service_list()
    assert len(services) > 30
    pothole = next(one for one in services if one["service_code"] == "R02")
    assert pothole["service_name"].startswith("路面の穴ぼこ")
    definition = client.get_service_definition("R02")
    assert definition["service_code"] == "R02"
    requests = client.get_service_requests(
        service_code="R02",
        start_date="2026-11-01T00:00:00+09:00",
        end_date="2026-11-25T00:00:00+09:00",
        status="open",
    )
    assert len(requests) == 2
    number = requests[0]["service_request_id"]
    one = client.get_service_request(number)
    assert one["service_request_id"] == number
    assert float(one["lat"]) == pytest.approx(34.6345)


def test_all_open_ids_of_a_client_fit_into_one_address(served: str) -> None:
    number = _posted(served, {**FORM, "api_key": KEY, "description": "一つ目"})
    ids = ",".join([f"R8-99999-{n:06d}" for n in range(5_000)] + [number])
    connection = http.client.HTTPConnection(urlsplit(served).netloc, timeout=60)
    connection.request("GET", f"{ROOT}/requests.json?service_request_id={ids}")
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    assert answer.status == 200, content[:200]
    told = json.loads(content)
    assert [one["service_request_id"] for one in told] == [number]
