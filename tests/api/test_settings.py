"""Settings: what an installation may choose, and how a slip is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from api.settings import Settings, SignInMode, load_settings
from dispatch.domain.errors import InvalidInputError


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("KIDOHAN_DATABSE_URL", "KIDOHAN_DATABASE_URL"),
        ("KIDOHAN_APIKEYS", "KIDOHAN_API_KEYS"),
        ("KIDOHAN_BASEMAP", "KIDOHAN_BASE_MAP"),
    ],
)
def test_misspelt_variable_is_refused_and_the_nearest_name_told(
    misspelt: str, meant: str
) -> None:
    with pytest.raises(InvalidInputError, match=meant) as caught:
        load_settings({misspelt: "x"})
    assert caught.value.field == misspelt


def test_where_the_test_data_lie_is_no_stranger() -> None:
    assert load_settings({"KIDOHAN_SHARED": "/somewhere", "PATH": "/bin"}).port == 8000


def test_variable_of_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIDOHAN_CITY", "boston")
    assert load_settings().city == "boston"


def test_option_of_the_command_line_is_stronger_than_a_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KIDOHAN_PORT", "8001")
    assert load_settings(port=9000).port == 9000


def test_demo_time_without_an_offset_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KIDOHAN_DEMO_NOW", "2026-11-24T09:00:00")
    with pytest.raises(InvalidInputError, match="UTC offset") as caught:
        load_settings()
    assert caught.value.field == "KIDOHAN_DEMO_NOW"


def test_demo_time_with_an_offset_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIDOHAN_DEMO_NOW", "2026-11-24T09:00:00+09:00")
    moment = load_settings().demo_now
    assert moment is not None
    assert moment.isoformat() == "2026-11-24T09:00:00+09:00"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("KIDOHAN_PORT", "eighty"),
        ("KIDOHAN_PLAN_ITERATIONS", "-1"),
        ("KIDOHAN_PLAN_LEVELS", "driving"),
        ("KIDOHAN_BASE_MAP", "google"),
        ("KIDOHAN_KEY_RATE", "fast"),
        ("KIDOHAN_KEY_RATE", "0/minute"),
        ("KIDOHAN_OIDC_ISSUER", "ldap:there"),
        ("KIDOHAN_LOCK_AFTER", "0"),
    ],
)
def test_wrong_value_names_the_variable_and_not_the_value(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(InvalidInputError) as caught:
        load_settings()
    assert caught.value.field == variable
    assert value not in caught.value.problem.split()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "kidohan.example"])  # noqa: S104 - refused
def test_pages_without_sign_in_stay_on_this_machine(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIDOHAN_SIGN_IN", "none")
    with pytest.raises(InvalidInputError, match="loopback") as caught:
        load_settings(host=host)
    assert caught.value.field == "KIDOHAN_SIGN_IN"
    monkeypatch.setenv("KIDOHAN_DEMO_NOW", "2026-11-24T09:00:00+09:00")
    assert load_settings(host=host).sign_in is SignInMode.NONE  # made-up data


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_pages_without_sign_in_are_served_to_this_machine(host: str) -> None:
    assert load_settings(host=host, sign_in="none").sign_in is SignInMode.NONE
    assert load_settings(host=host).sign_in is SignInMode.PASSWORD


def test_settings_cannot_be_changed_once_made() -> None:
    settings = Settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1  # type: ignore[misc]


def test_keys_are_not_shown() -> None:
    settings = Settings(api_keys=SecretStr("intake:very-secret-key"))
    assert "very-secret-key" not in f"{settings!r} {settings}"


def test_city_data_lie_under_the_city_name_unless_told() -> None:
    settings = load_settings({}, city="geodata/boston")
    assert settings.city_data_dir.as_posix() == "var/geodata/boston"
    assert settings.national_data_dir.as_posix() == "var/geodata/national"
    told = load_settings({}, geodata_dir=Path("bundle"))
    assert told.city_data_dir == Path("bundle")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://u:s3cret@h/k",
        "postgresql+psycopg://u@/k?host=/run&password=s3cret",
        "postgresql+psycopg://u@h/k?password=s3cret&sslmode=require",
        "postgresql+psycopg://u:s3cret@h/k?password=s3cret",
    ],
)
def test_a_password_is_shown_nowhere_in_an_address(url: str) -> None:
    shown = load_settings({}, database_url=url).shown("database_url")
    assert "s3cret" not in shown
    assert "***" in shown
    assert "postgresql+psycopg://u" in shown


def test_a_name_of_a_key_fits_the_column_of_who_sent() -> None:
    load_settings({}, api_keys=f"{'n' * 64}:12345678")
    with pytest.raises(InvalidInputError, match="at most 64"):
        load_settings({}, api_keys=f"{'n' * 65}:12345678")
