"""Signing in by a service of the city's own: a small provider on this machine."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from argon2.profiles import CHEAPEST
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi.testclient import TestClient
from pydantic import SecretStr

from api.oidc import OidcProvider, Pending
from api.settings import Settings, SignInMode
from dispatch.adapters.password_hasher import Argon2Hasher
from dispatch.domain.access import Actor, Role
from dispatch.domain.account import Outcome
from dispatch.domain.errors import InvalidInputError, SourceError
from tests.api.installation import BROWSER, running, services_of, settings_for

CLIENT = "kidohan-test"
SECRET = "the client's secret"  # noqa: S105 - of a test
BASE = "http://testserver"


@dataclass
class Provider:
    """An OpenID Connect provider that signs what a test wants signed."""

    issuer: str = ""
    names: str = ""  # issuer that it says it is, where another one
    endpoint: str = ""  # address of its tokens, where another one
    key: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(65537, 2048)
    )
    stranger: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(65537, 2048)
    )
    claims: dict[str, Any] = field(default_factory=dict)
    is_forged: bool = False
    is_garbled: bool = False
    is_broken: bool = False
    asked: dict[str, list[str]] = field(default_factory=dict)
    challenge: str = ""

    def told(self) -> dict[str, Any]:
        return {
            "issuer": self.names or self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": self.endpoint or f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }

    def keys(self) -> dict[str, Any]:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": "one", "use": "sig"}]}

    def token(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "0001",
            "iat": now,
            "exp": now + 300,
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        key = self.stranger if self.is_forged else self.key
        return jwt.encode(claims, key, algorithm="RS256", headers={"kid": "one"})


def handler_of(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers = {
                "/.well-known/openid-configuration": provider.told,
                "/keys": provider.keys,
            }
            if provider.is_broken:
                self._send(500, {})
                return
            self._send(200, [] if provider.is_garbled else answers[self.path]())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            provider.asked = parse_qs(body)
            verifier = provider.asked["code_verifier"][0]
            digest = hashlib.sha256(verifier.encode()).digest()
            made = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            if provider.asked["code"] != ["good"] or made != provider.challenge:
                self._send(400, {"error": "invalid_grant"})
                return
            self._send(200, {"id_token": provider.token(), "token_type": "Bearer"})

        def _send(self, status: int, body: object) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Write nothing."""

    return Handler


@pytest.fixture(scope="module")
def served() -> Iterator[Provider]:
    provider = Provider()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(provider))
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield provider
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def city(
    tmp_path_factory: pytest.TempPathFactory, geodata_dir: Path, served: Provider
) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("oidc")
    base = settings_for(folder, geodata_dir, sign_in=SignInMode.PASSWORD)
    settings = base.model_copy(
        update={
            "oidc_issuer": served.issuer,
            "oidc_client_id": CLIENT,
            "oidc_client_secret": SecretStr(SECRET),
            "base_url": BASE,
        }
    )
    with running(settings) as client:
        desk = services_of(client).accounts
        desk._hasher = Argon2Hasher(CHEAPEST)  # noqa: SLF001
        for login, role in (("hanako", Role.DISPATCHER), ("0001", Role.AUDITOR)):
            desk.add(login, Actor(id="", name=login, roles=frozenset({role})))
        yield client


@pytest.fixture
def provider(served: Provider, city: TestClient) -> Provider:
    """Return the provider as it was at first, and a browser that knows nobody."""
    served.claims, served.is_forged, served.is_garbled = {}, False, False
    served.names = served.endpoint = ""
    served.is_broken = False
    city.cookies.clear()
    return served


def gone_to(client: TestClient, provider: Provider, onward: str = "/charts") -> str:
    """Go to the provider; return the state that it would send back."""
    answer = client.get(
        "/sign-in/oidc", params={"next": onward}, follow_redirects=False
    )
    assert answer.status_code == 303, answer.text
    target = urlsplit(answer.headers["location"])
    asked = {name: values[0] for name, values in parse_qs(target.query).items()}
    assert target.path == "/authorize"
    assert asked["redirect_uri"] == f"{BASE}/sign-in/oidc/return"
    assert asked["code_challenge_method"] == "S256"
    provider.challenge = asked["code_challenge"]
    provider.claims.setdefault("nonce", asked["nonce"])
    return asked["state"]


def come_back(client: TestClient, **query: str) -> tuple[int, str, str]:
    answer = client.get(
        "/sign-in/oidc/return", params=query, headers=BROWSER, follow_redirects=False
    )
    return answer.status_code, answer.headers.get("location", ""), answer.text


def test_whom_the_provider_proves_comes_in(
    city: TestClient, provider: Provider
) -> None:
    assert "/sign-in/oidc" in city.get("/sign-in", headers=BROWSER).text
    provider.claims = {"preferred_username": "Hanako"}
    state = gone_to(city, provider)
    status, onward, _ = come_back(city, state=state, code="good")
    assert (status, onward) == (303, "/charts")
    assert provider.asked["client_secret"] == [SECRET]
    assert city.get("/charts", headers=BROWSER).status_code == 200
    line = services_of(city).accounts.sign_ins(limit=1)[0]
    assert (line.login, line.outcome) == ("hanako", Outcome.SIGNED_IN)


def test_without_a_user_name_the_subject_counts(
    city: TestClient, provider: Provider
) -> None:
    state = gone_to(city, provider, onward="https://elsewhere.example/")
    status, onward, _ = come_back(city, state=state, code="good")
    assert (status, onward) == (303, "/admin/audit")  # the auditor's first page


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "of another question"},
        {"aud": "another client"},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"iss": "https://elsewhere.example"},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"preferred_username": "nobody-here"},
    ],
)
def test_a_token_that_does_not_hold_proves_nobody(
    city: TestClient, provider: Provider, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    state = gone_to(city, provider)
    status, _, text = come_back(city, state=state, code="good")
    assert status == 401
    assert "ログイン" in text
    assert city.get("/charts", headers=BROWSER, follow_redirects=False).is_redirect


def test_a_forged_signature_and_a_wrong_code_prove_nobody(
    city: TestClient, provider: Provider
) -> None:
    provider.is_forged = True
    state = gone_to(city, provider)
    assert come_back(city, state=state, code="good")[0] == 401
    provider.is_forged = False
    state = gone_to(city, provider)
    assert come_back(city, state=state, code="bad")[0] == 401


def test_an_answer_to_another_browsers_question_is_refused(
    city: TestClient, provider: Provider
) -> None:
    state = gone_to(city, provider)
    assert come_back(city, state="another", code="good")[0] == 401
    state = gone_to(city, provider)
    city.cookies.clear()  # the browser that never asked
    assert come_back(city, state=state, code="good")[0] == 401
    for planted in ("!!!", "bnVsbA==", "WyIiLCAiIiwgIiIsICIiXQ=="):
        assert Pending.from_cookie(planted) is None


def test_a_provider_that_is_another_or_away_is_told(
    city: TestClient, provider: Provider
) -> None:
    def begun() -> int:
        return city.get("/sign-in/oidc", follow_redirects=False).status_code

    provider.names = "https://elsewhere.example"
    assert begun() == 503
    provider.names, provider.endpoint = "", "http://elsewhere.example/token"
    assert begun() == 503
    provider.endpoint, provider.is_garbled = "", True
    assert begun() == 503
    provider.is_broken = True
    assert begun() == 503


def test_a_public_client_sends_no_secret(provider: Provider) -> None:
    settings = Settings(oidc_issuer=provider.issuer, oidc_client_id=CLIENT)
    mine = OidcProvider(settings)
    _, pending = mine.begin("/")
    digest = hashlib.sha256(pending.verifier.encode()).digest()
    provider.challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    provider.claims = {"nonce": pending.nonce}
    assert mine.finish(pending, state=pending.state, code="good") == "0001"
    assert "client_secret" not in provider.asked
    with pytest.raises(InvalidInputError):
        mine.finish(pending, state="", code="good")


def test_a_provider_that_is_not_there_is_told() -> None:
    away = OidcProvider(Settings(oidc_issuer="http://127.0.0.1:9"))
    with pytest.raises(SourceError, match="does not answer"):
        away.begin("/")


def test_without_a_provider_there_is_no_such_way(
    tmp_path: Path, geodata_dir: Path
) -> None:
    with running(settings_for(tmp_path, geodata_dir)) as client:
        assert client.get("/sign-in/oidc").status_code == 404
        assert client.get("/sign-in/oidc/return").status_code == 404
