"""An import's charts do not depend on how many rows are stored at once."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from api import import_desk
from tests.api.installation import (
    ADDRESS,
    AUTH,
    NOWHERE,
    running,
    services_of,
    settings_for,
)
from tests.api.test_imports import csv_of, ended, line, refused, send

ROWS = 60
WHERE = (ADDRESS, "北区中之島1-3-20", "住之江区南港北1-14-16", NOWHERE)


def file_of(seed: int) -> bytes:
    """Rows of all kinds: good, without a place, refused, and said twice."""
    chance = random.Random(seed)  # noqa: S311 - a day, no secret
    rows = []
    for number in range(ROWS):
        external_id = f"e{chance.randrange(ROWS * 3 // 4)}"
        category = chance.choice(("R02", "R02", "W01", "D01", "X99"))
        rows.append(
            line(
                number,
                external_id=external_id,
                category=category,
                address=chance.choice(WHERE),
                description=f"{number}番目",
            )
        )
    return csv_of(*rows)


Stored = dict[str, tuple[str, str, str, tuple[str, ...]]]


def taken_in(
    folder: Path, geodata_dir: Path, content: bytes
) -> tuple[Stored, bytes, int]:
    """Import a file into an empty installation: charts, refusals, how many are new."""
    folder.mkdir()
    with running(settings_for(folder, geodata_dir)) as client:
        job = ended(client, send(client, content))
        assert job["state"] == "done"
        store = services_of(client).store
        charts = {
            one.number: (
                one.consultation.external_id,
                one.consultation.description,
                f"{one.status} {one.assignment.team_id if one.assignment else ''}",
                tuple(str(entry.kind) for entry in store.history(one.id)),
            )
            for one in store.find()
        }
        response = client.get(f"/v1/imports/{job['id']}", headers=AUTH).json()
        assert response["added"] == len(charts)
        assert response["added"] + response["known"] + response["refused"] == ROWS
        return charts, refused(client, job), int(response["refused"])


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_charts_come_of_steps_of_any_size(
    seed: int, tmp_path: Path, geodata_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = file_of(seed)
    found = []
    for rows in (import_desk.STEP_ROWS, 7, 1):
        monkeypatch.setattr(import_desk, "STEP_ROWS", rows)
        found.append(taken_in(tmp_path / f"by{rows}", geodata_dir, content))
    whole, by_seven, singly = found
    assert whole == by_seven == singly
    assert len(whole[0]) > ROWS // 3
    assert whole[2] > 3
