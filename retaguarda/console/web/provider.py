"""The client of the identity provider (OpenID Connect, authorization code with PKCE), by Authlib."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from retaguarda.console.web.place import house
from retaguarda.console.web.server import address
from retaguarda.errors import NetworkDown, NotEntitled

PATIENCE = 10.0
"""Seconds for an answer of the provider."""
BACK = "/sign-in/provider/back"
AGAIN = "try again; if it stays so, ask an administrator"


def to_provider(request: HttpRequest) -> HttpResponseBase:
    """To the provider, and back to BACK; state, nonce and PKCE verifier wait in the session."""
    with _troubles():
        answer: HttpResponseBase = _client().authorize_redirect(request, address(house().settings.console, BACK))
        return answer


def claims_of(request: HttpRequest) -> Mapping[str, Any]:
    """What the provider says of whoever comes back, its signature, issuer, audience, nonce and times checked; facts of its userinfo added.

    Raises NotEntitled when it says no, or nothing that can be believed; NetworkDown when it does not answer.
    """
    with _troubles():
        client = _client()
        token = client.authorize_access_token(request)
        claims = token.get("userinfo")
        if not claims or not token.get("id_token"):
            raise NotEntitled("the provider sent no ID token", remedy=AGAIN)
        if house().settings.oidc.claim not in claims and client.load_server_metadata().get("userinfo_endpoint"):
            facts = client.userinfo(token=token)
            if facts.get("sub") != claims.get("sub"):  # OpenID Connect Core 5.3.2
                raise NotEntitled("the provider's facts are about somebody else", remedy=AGAIN)
            claims = {**facts, **claims}
        return claims  # type: ignore[no-any-return]


def is_set_up() -> bool:
    """Whether people may come by a provider."""
    return bool(house().settings.oidc.issuer and house().settings.oidc.client)


def _client() -> Any:
    settings = house().settings.oidc
    secret = house().vault().credential(settings.credential).secret("client_secret").reveal() if settings.credential else ""
    return _made(settings.issuer, settings.client, settings.scopes, secret, hashlib.sha256(secret.encode()).hexdigest())


@lru_cache(maxsize=1)
def _made(issuer: str, client: str, scopes: str, secret: str, _digest: str) -> Any:
    """The client; it keeps the provider's description and keys, and fetches keys anew when one is unknown."""
    from authlib.integrations.django_client import OAuth

    options = {"scope": scopes, "code_challenge_method": "S256", "default_timeout": PATIENCE}
    if not secret:
        options["token_endpoint_auth_method"] = "none"  # noqa: S105  # a public client (RFC 7591)
    return OAuth().register(
        "provider",
        client_id=client,
        client_secret=secret or None,
        server_metadata_url=f"{issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs=options,
    )


class _troubles:  # noqa: N801  # a context manager that reads as a word
    """What the libraries call trouble, in our words; nothing of a token stands in them."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, _trace: Any) -> None:
        from authlib.common.errors import AuthlibBaseError
        from joserfc.errors import JoseError
        from requests import RequestException

        if isinstance(error, RequestException):
            raise NetworkDown("the identity provider does not answer", remedy=AGAIN) from error
        if isinstance(error, AuthlibBaseError | JoseError):
            raise NotEntitled(f"the identity provider's answer cannot be believed: {error.error}", remedy=AGAIN) from error
