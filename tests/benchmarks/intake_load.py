"""Clients that hand consultations in as fast as they are answered."""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

RETRY_EVERY = 25  # so many consultations, one is sent again as after a lost answer


@dataclass(kw_only=True)
class Handed:
    """What one client sent and got back."""

    seconds: list[float] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    charts: dict[str, str] = field(default_factory=dict)  # external id: chart id
    doubled: int = 0


def hand_in(
    port: int, key: str, numbers: Sequence[int], addresses: Sequence[str]
) -> Handed:
    """Hand in one consultation after the other over one connection."""
    handed = Handed()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    for n in numbers:
        external_id = f"LOAD-{n:06d}"
        body = json.dumps(
            {
                "category": "R02",
                "description": "歩道に穴があいています。自転車が危ないです。",
                "address": addresses[n % len(addresses)],
                "external_id": external_id,
                "reporter": {"name": f"申出 {n}", "phone": f"06-6208-{n % 10_000:04d}"},
            }
        ).encode()
        headers = {
            "Content-Type": "application/json",
            "X-API-Key": key,
            "Idempotency-Key": external_id,
        }
        for is_retry in (False, True) if n % RETRY_EVERY == 0 else (False,):
            begun = time.perf_counter()
            connection.request("POST", "/v1/consultations", body, headers)
            answer = connection.getresponse()
            content = answer.read()
            handed.seconds.append(time.perf_counter() - begun)
            handed.statuses.append(answer.status)
            chart_id = json.loads(content).get("id", "")
            first = handed.charts.setdefault(external_id, chart_id)
            handed.doubled += is_retry and first != chart_id
    connection.close()
    return handed


def main() -> None:
    """Run so many clients side by side: PORT KEY CLIENTS REQUESTS ADDRESSES OUT."""
    port, key, clients, requests, file, out = sys.argv[1:]
    addresses = Path(file).read_text(encoding="utf-8").splitlines()
    done: list[Handed] = []

    def run(first: int) -> None:
        numbers = range(first, int(requests), int(clients))
        done.append(hand_in(int(port), key, numbers, addresses))

    threads = [threading.Thread(target=run, args=(n,)) for n in range(int(clients))]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    result = {
        "elapsed_s": time.perf_counter() - begun,
        "clients": [asdict(one) for one in done],
    }
    Path(out).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
