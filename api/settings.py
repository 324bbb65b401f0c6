"""Settings: frozen, made in one place, strangers refused."""

from __future__ import annotations

import datetime as dt
import difflib
import os
import re
from collections.abc import Mapping
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from dispatch.domain.assignment import AssignmentPolicy, SharingPolicy
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.levels import DEFAULT_LEVELS, Level
from maps.base_map import BaseMap

PREFIX = "KIDOHAN_"
MIN_KEY_LENGTH = 8
MAX_CLIENT_NAME = 64  # the store's column of who sent a chart
GEODATA_HOME = Path("var") / "geodata"
NATIONAL = "national"  # no city is called so
TEST_VARIABLES = frozenset({"KIDOHAN_SHARED"})  # where the test suite finds its data


class SignInMode(StrEnum):
    """How people come in."""

    PASSWORD = "password"  # noqa: S105 - no password
    NONE = "none"  # everybody works at the desks; only on the own machine


class Settings(BaseSettings):
    """
    Everything that an installation may choose; each has a working default.

    Read from `KIDOHAN_…` variables by `load_settings`, then passed down as a value.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    city: str = Field("osaka", description="profile name or folder")
    database_url: str = Field(
        "sqlite:///var/kidohan.sqlite3", description="SQLAlchemy URL"
    )
    vault_key_file: Path | None = Field(
        None,
        description="keys of the personal fields; vault.key beside the SQLite file, "
        "or in var/",
    )
    retention_days: int = Field(
        1095,
        ge=0,
        le=36_500,
        description="days after a chart's end until personal fields are erased, "
        "a proposal; 0: never",
    )
    soon_due_h: int = Field(
        24,
        ge=1,
        le=720,
        description="hours before a deadline that count as soon, a proposal",
    )
    geodata_dir: Path | None = Field(
        None, description="city data (bundle); var/geodata/CITY"
    )
    national_dir: Path | None = Field(
        None, description="addresses of the rest of the country; var/geodata/national"
    )
    allow_test_geodata: bool = Field(
        default=False, description="take city data made for tests, with invented rows"
    )
    assets_dir: Path = Field(Path("node_modules"), description="web assets from npm")
    roads_dir: Path | None = Field(None, description="road data; var/roads/CITY")
    engine_dir: Path | None = Field(
        None, description="road engine's programs; beside the Python libraries"
    )
    roads_port: int = Field(
        0, ge=0, le=65535, description="port of the road engine; 0 for any free one"
    )
    roads_url: str = Field(
        "", description="OSRM server instead of an engine of our own"
    )
    valhalla_url: str = Field(
        "", description="Valhalla server that words the turns of finished routes"
    )
    host: str = Field("127.0.0.1", description="address to listen on")
    host_names: str = Field(
        "", description="names under which pages are called, comma separated"
    )
    port: int = Field(8000, ge=0, le=65535, description="port to listen on")
    base_url: str = Field(
        "http://127.0.0.1:8000", description="address printed in QR codes"
    )
    api_keys: SecretStr = Field(
        SecretStr(""), description="name:key pairs, comma separated"
    )
    open_reading: bool = Field(
        default=True,
        description="Open311 and OGC can be read without a key; they hold no person",
    )
    open311_tokens: bool = Field(
        default=False,
        description="Open311 answers a report with a token instead of its number",
    )
    webhook_loopback: bool = Field(
        default=False,
        description="webhooks may go to this machine itself (a subscriber beside us)",
    )
    lock_after: int = Field(
        5, ge=1, le=100, description="wrong passwords that lock an account"
    )
    lock_s: int = Field(
        900, ge=1, le=86_400, description="how long it is then locked, seconds"
    )
    session_idle_s: int = Field(
        3_600, ge=60, description="a session ends after so long without use, seconds"
    )
    session_max_s: int = Field(
        43_200, ge=60, description="a session ends after so long at the latest, seconds"
    )
    key_rate: str = Field(
        "600/minute", description="requests of one key of the store; over it: 429"
    )
    oidc_issuer: str = Field(
        "", description="address of an OpenID Connect provider; empty for none"
    )
    oidc_client_id: str = Field("", description="name of this installation there")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="and its secret")
    base_map: BaseMap = Field(BaseMap.NONE, description="none, or gsi (地理院タイル)")
    demo_now: dt.datetime | None = Field(
        None, description="aware time at which the clock starts (demonstration)"
    )
    sign_in: SignInMode = Field(
        SignInMode.PASSWORD, description="password, or none (own machine, demo)"
    )
    assignment_policy: AssignmentPolicy | None = Field(
        None, description="instead of the profile's"
    )
    sharing: SharingPolicy | None = Field(None, description="instead of the profile's")
    plan_time_limit_s: float = Field(
        18.0, gt=0, description="time guard of a plan, or its time"
    )
    plan_iterations: int = Field(
        30_000, ge=0, description="steps of the exact search; 0: as time allows"
    )
    plan_seed: int = Field(20261124, description="seed of the search")
    plan_levels: str = Field(
        ",".join(DEFAULT_LEVELS), description="what plans are judged by, in order"
    )
    bundle_m: float = Field(
        40.0, ge=0, le=200, description="places so close are one stop; 0: none are"
    )
    solver_processes: int = Field(2, ge=1, le=16, description="solving processes")
    max_body_bytes: int = Field(
        262_144, ge=1024, description="largest body of an API request"
    )
    photos_dir: Path | None = Field(
        None,
        description="pictures of charts; photos/ beside the SQLite file, or in var/",
    )
    max_photo_bytes: int = Field(
        10_000_000, ge=1024, description="largest photo, a proposal"
    )
    max_photo_pixels: int = Field(
        50_000_000, ge=10_000, description="most pixels of a photo, a proposal"
    )
    max_import_bytes: int = Field(
        50_000_000, ge=1024, description="largest file to import"
    )
    imports_dir: Path | None = Field(
        None,
        description="files to import, sealed; imports/ beside the SQLite file, "
        "or in var/",
    )
    imports_keep_days: int = Field(
        7,
        ge=0,
        le=365,
        description="days that a file with refused rows is kept, a proposal",
    )

    @field_validator("api_keys")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        for pair in filter(None, value.get_secret_value().split(",")):
            name, _, key = pair.strip().partition(":")
            if not 0 < len(name) <= MAX_CLIENT_NAME or len(key) < MIN_KEY_LENGTH:
                message = (
                    f"needs name:key pairs, keys of {MIN_KEY_LENGTH} characters up, "
                    f"names of at most {MAX_CLIENT_NAME}"
                )
                raise ValueError(message)
        return value

    @field_validator("plan_levels")
    @classmethod
    def _each_level_once(cls, value: str) -> str:
        names = [name.strip() for name in value.split(",")]
        if sorted(names) != sorted(Level):
            message = f"needs each of these once, in your order: {','.join(Level)}"
            raise ValueError(message)
        return ",".join(names)

    @field_validator("roads_url", "valhalla_url", "oidc_issuer")
    @classmethod
    def _http(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in {"http", "https"}:
            message = "needs an address that begins with http:// or https://"
            raise ValueError(message)
        return value.rstrip("/")

    @field_validator("demo_now")
    @classmethod
    def _aware(cls, value: dt.datetime | None) -> dt.datetime | None:
        if value is not None and value.utcoffset() is None:
            message = "needs a UTC offset, such as 2026-11-24T09:00:00+09:00"
            raise ValueError(message)
        return value

    @field_validator("key_rate")
    @classmethod
    def _rate(cls, value: str) -> str:
        if re.fullmatch(r"[1-9]\d{0,6}/(second|minute|hour)", value) is None:
            message = "needs a number for a time, such as 600/minute"
            raise ValueError(message)
        return value

    @field_validator("sign_in")
    @classmethod
    def _no_open_door(cls, value: SignInMode, info: ValidationInfo) -> SignInMode:
        is_shown = info.data.get("demo_now") is not None  # made-up data only
        is_alone = is_loopback(str(info.data.get("host")))
        if value is SignInMode.NONE and not (is_shown or is_alone):
            message = "none is for this machine alone: give a loopback KIDOHAN_HOST"
            raise ValueError(message)
        return value

    @property
    def levels(self) -> tuple[Level, ...]:
        """Levels that plans are judged by, the most important first."""
        return tuple(Level(name) for name in self.plan_levels.split(","))

    def shown(self, name: str) -> str:
        """Value of a setting as it may be shown: no key and no password."""
        if name.endswith("_url"):
            return make_shown_url(getattr(self, name))
        return str(getattr(self, name))

    @property
    def allowed_hosts(self) -> list[str]:
        """Names under which the service answers: a page of another name gets none."""
        own = [urlsplit(self.base_url).hostname, self.host, "127.0.0.1", "localhost"]
        extra = [name.strip() for name in self.host_names.split(",")]
        return [name for name in dict.fromkeys([*own, *extra]) if name]

    @property
    def road_data_dir(self) -> Path:
        """Folder of the road data of this city."""
        return self.roads_dir or Path("var") / "roads" / Path(self.city).name

    @property
    def city_data_dir(self) -> Path:
        """Folder of the bundle of this city's data."""
        return self.geodata_dir or GEODATA_HOME / Path(self.city).name

    @property
    def national_data_dir(self) -> Path:
        """Folder of the second engine's dictionary of all other municipalities."""
        return self.national_dir or GEODATA_HOME / NATIONAL


def is_loopback(host: str) -> bool:
    """Whether only programs of the same machine reach an address."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def make_shown_url(url: str) -> str:
    """URL with its password hidden, before the host or behind the question mark."""
    url = re.sub(r"(?<=[?&]password=)[^&#]*", "***", url)
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{parts.username}:***@{host}").geturl()


def load_settings(
    environment: Mapping[str, str] | None = None,
    **overrides: Any,  # noqa: ANN401 - checked by pydantic
) -> Settings:
    """
    Read the settings.

    Parameters
    ----------
    environment
        Variables to check for strangers; the process's own by default.
    overrides
        Values of command-line options, stronger than variables.

    Raises
    ------
    InvalidInputError
        For an unknown `KIDOHAN_…` variable (with the nearest right name), or a value
        of the wrong form.
    """
    names = os.environ if environment is None else environment
    known = {f"{PREFIX}{field.upper()}" for field in Settings.model_fields}
    for name in sorted(names):
        if name.startswith(PREFIX) and name not in known | TEST_VARIABLES:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
            raise InvalidInputError(
                name, f"no such setting; did you mean {near[0]}? (kidohan settings)"
            )
    try:
        return Settings(**overrides)
    except ValidationError as problem:
        first = problem.errors(include_input=False, include_url=False)[0]
        field = "_".join(str(part) for part in first["loc"]).upper()
        raise InvalidInputError(f"{PREFIX}{field}", first["msg"]) from None
