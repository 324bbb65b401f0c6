"""Signing in by the city's own service: OpenID Connect, code flow with PKCE."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

import jwt

from api.settings import Settings, is_loopback
from dispatch.domain.errors import InvalidInputError, SourceError

logger = logging.getLogger(__name__)
RETURN_PATH = "/sign-in/oidc/return"
DISCOVERY = "/.well-known/openid-configuration"
# Only signatures with the provider's own key: "none" and shared secrets are out.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
TIMEOUT_S = 10
MAX_ANSWER = 1_000_000
LEEWAY_S = 60  # clocks of two machines
CLAIMS = ["exp", "iat", "iss", "aud", "sub"]
AWAY = "the OpenID Connect provider does not answer"
FAILED = "共通認証でログインできませんでした。はじめからやり直してください"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What a browser keeps while it is at the provider; of use only to itself."""

    state: str
    nonce: str
    verifier: str
    onward: str

    def to_cookie(self) -> str:
        """Write it as a cookie's value."""
        parts = (self.state, self.nonce, self.verifier, self.onward)
        return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()

    @classmethod
    def from_cookie(cls, value: str) -> Pending | None:
        """Read it back; None for anything else."""
        try:
            state, nonce, verifier, onward = json.loads(base64.urlsafe_b64decode(value))
        except (ValueError, TypeError):
            return None
        parts = (state, nonce, verifier, onward)
        if not all(isinstance(part, str) and part for part in parts):
            return None
        return cls(state=state, nonce=nonce, verifier=verifier, onward=onward)


class OidcProvider:
    """
    The provider of the settings, asked when somebody signs in.

    Parameters
    ----------
    settings
        Issuer, client and the address to return to.
    """

    def __init__(self, settings: Settings) -> None:
        self._issuer = settings.oidc_issuer
        self._client_id = settings.oidc_client_id
        self._secret = settings.oidc_client_secret.get_secret_value()
        self._return_to = settings.base_url.rstrip("/") + RETURN_PATH

    def begin(self, onward: str) -> tuple[str, Pending]:
        """
        Address of the provider's page, and what the browser keeps meanwhile.

        Raises
        ------
        SourceError
            When the provider does not answer, or is not the one of the settings.
        """
        pending = Pending(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            onward=onward,
        )
        challenge = hashlib.sha256(pending.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._return_to,
            "scope": "openid profile",
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        target = self._known()["authorization_endpoint"]
        return f"{target}{'&' if '?' in target else '?'}{urlencode(query)}", pending

    def finish(self, pending: Pending | None, *, state: str, code: str) -> str:
        """
        Login that the provider proves.

        Raises
        ------
        InvalidInputError
            When the answer is not to this browser's question, or proves nobody.
        SourceError
            When the provider does not answer.
        """
        if pending is None or not hmac.compare_digest(
            state.encode(), pending.state.encode()
        ):
            raise InvalidInputError("state", FAILED)
        known = self._known()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._return_to,
            "client_id": self._client_id,
            "code_verifier": pending.verifier,
        }
        if self._secret:
            form["client_secret"] = self._secret
        answer = _asked(known["token_endpoint"], urlencode(form).encode())
        claims = self._claims(str(answer.get("id_token", "")), known["jwks_uri"])
        nonce = str(claims.get("nonce", ""))
        if not hmac.compare_digest(nonce.encode(), pending.nonce.encode()):
            raise InvalidInputError("nonce", FAILED)
        return str(claims.get("preferred_username") or claims["sub"])

    def _claims(self, token: str, keys_url: str) -> dict[str, Any]:
        """Claims of an ID token whose signature, issuer, audience and times hold."""
        try:
            key = jwt.PyJWKClient(keys_url, timeout=TIMEOUT_S)
            claims: dict[str, Any] = jwt.decode(
                token,
                key.get_signing_key_from_jwt(token),
                algorithms=list(ALGORITHMS),
                audience=self._client_id,
                issuer=self._issuer,
                leeway=LEEWAY_S,
                options={"require": CLAIMS},
            )
        except jwt.PyJWTError as problem:
            # Its message names the rule, never the token.
            logger.warning("an ID token was refused: %s", type(problem).__name__)
            raise InvalidInputError("id_token", FAILED) from None
        if claims.get("azp", self._client_id) != self._client_id:
            raise InvalidInputError("id_token", FAILED)
        return claims

    def _known(self) -> dict[str, str]:
        """Addresses that the provider publishes about itself."""
        known = _asked(self._issuer + DISCOVERY)
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        if str(known.get("issuer", "")).rstrip("/") != self._issuer:
            message = "the OpenID Connect provider names another issuer"
            raise SourceError(message)
        for name in names:
            _require_safe(str(known.get(name, "")))
        return {name: str(known[name]) for name in names}


def _require_safe(url: str) -> None:
    parts = urlsplit(url)
    is_here = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if parts.scheme != "https" and not is_here:
        message = "the OpenID Connect provider has to be called by https"
        raise SourceError(message)


def _asked(url: str, form: bytes | None = None) -> dict[str, Any]:
    """JSON answer of the provider; never more than it may be."""
    _require_safe(url)
    request = Request(url, data=form, headers={"Accept": "application/json"})  # noqa: S310 - checked above
    try:
        with urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - checked above
            body = json.loads(answer.read(MAX_ANSWER))
    except HTTPError:
        if form is not None:  # it does not know this code
            raise InvalidInputError("code", FAILED) from None
        raise SourceError(AWAY) from None
    except (OSError, ValueError):
        raise SourceError(AWAY) from None
    if not isinstance(body, dict):
        message = "the OpenID Connect provider answers something else"
        raise SourceError(message)
    return body
