"""kidohan webhook: subscribers are added, listed and sent to again."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import cli

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'webhooks.sqlite3'}"
    monkeypatch.setenv("KIDOHAN_DATABASE_URL", url)
    monkeypatch.setenv("KIDOHAN_VAULT_KEY_FILE", str(tmp_path / "vault.key"))


def run(*arguments: str) -> str:
    result = RUNNER.invoke(cli, ["webhook", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_subscriber_is_added_listed_and_sent_to_again() -> None:
    told = run("add", "台帳", "https://subscriber.example/", "--kind", "answered")
    assert "whsec_" in told
    listed = run("list")
    assert "台帳  送信中  送信待ち 0  不達 0" in listed
    assert "whsec_" not in listed
    subscriber_id = listed.split()[0]
    assert "送り直します" in run("replay", subscriber_id)
    assert "送り直します" in run("replay", subscriber_id, "--after", "MC4")  # "0."
