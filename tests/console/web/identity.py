"""An identity provider of the tests' own: OpenID Connect by Authlib on Flask, with a page to sign in at, and misbehaviour on order."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, ClassVar

import flask
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, ClientMixin, grants
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core.grants import OpenIDCode
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

CLIENT, SECRET = "retaguarda", "canary-client-secret-1"


@dataclass
class IdentityProvider:
    """A provider that is served, the facts of its people, and what it does wrong."""

    port: int = 0
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    wrong: set[str] = field(default_factory=set)
    """issuer, audience, nonce, key, late, subject: what the next ID token or the facts get wrong."""
    asked: list[dict[str, str]] = field(default_factory=list)
    """What the authorization endpoint was asked with."""
    back: list[str] = field(default_factory=list)
    """Addresses that browsers were sent back to."""

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Client(ClientMixin):  # type: ignore[misc]  # authlib has no types
    """The one client that the provider knows."""

    client_id = CLIENT

    def get_client_id(self) -> str:
        return CLIENT

    def get_default_redirect_uri(self) -> None:
        return None

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri.endswith("/sign-in/provider/back")

    def check_client_secret(self, client_secret: str) -> bool:
        return secrets.compare_digest(client_secret, SECRET)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass
class Code(AuthorizationCodeMixin):  # type: ignore[misc]  # authlib has no types
    """A code that was given, once."""

    code: str
    user: str
    redirect_uri: str
    scope: str
    nonce: str
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str:
        return self.nonce

    def get_auth_time(self) -> int:
        return int(time.time())

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


@contextmanager
def identity_provider() -> Iterator[IdentityProvider]:
    """A provider on this machine for the block."""
    provider = IdentityProvider()
    server = make_server("127.0.0.1", 0, _application(provider), threaded=True)
    provider.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()


def _key() -> Any:
    return RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})


@dataclass
class _Held:
    """What the provider keeps while it lives: its key, another that it does not publish, codes and tokens that it gave."""

    key: Any = field(default_factory=_key)
    stranger: Any = field(default_factory=_key)
    codes: dict[str, Code] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)


def _application(provider: IdentityProvider) -> flask.Flask:
    app, held = flask.Flask(__name__), _Held()
    authorization = _authorization(app, provider, held)

    @app.get("/.well-known/openid-configuration")
    def description() -> Any:
        names = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint")
        places = {name: f"{provider.issuer}/{name.removesuffix('_endpoint')}" for name in names}
        can = {"id_token_signing_alg_values_supported": ["RS256"], "response_types_supported": ["code"]}
        can |= {"subject_types_supported": ["public"], "code_challenge_methods_supported": ["S256"]}
        return {"issuer": provider.issuer, "jwks_uri": f"{provider.issuer}/keys", **places, **can}

    @app.get("/keys")
    def keys() -> Any:
        return {"keys": [held.key.as_dict(private=False)]}

    @app.get("/authorization")
    def sign_in() -> Any:
        provider.asked.append(flask.request.args.to_dict())
        return '<h1>Provedor</h1><form method="post"><label>Quem <input name="who"></label><button>Entrar</button></form>'

    @app.post("/authorization")
    def signed_in() -> Any:
        user = SimpleNamespace(name=flask.request.form["who"])
        grant = authorization.get_consent_grant(end_user=user)
        answer = authorization.create_authorization_response(grant=grant, grant_user=user)
        provider.back.append(answer.headers.get("Location", ""))
        return answer

    @app.post("/token")
    def token() -> Any:
        return authorization.create_token_response()

    @app.get("/userinfo")
    def facts() -> Any:
        name = held.tokens[flask.request.headers["Authorization"].removeprefix("Bearer ")]
        return {"sub": "id-other" if "subject" in provider.wrong else f"id-{name}", **provider.people[name]}

    return app


def _rules(provider: IdentityProvider, held: _Held) -> tuple[type[Any], type[Any]]:  # noqa: C901  # two classes of short functions
    """How codes are kept, and how ID tokens are made."""

    class CodeGrant(grants.AuthorizationCodeGrant):  # type: ignore[misc]  # authlib has no types
        TOKEN_ENDPOINT_AUTH_METHODS: ClassVar = ["client_secret_basic"]

        def save_authorization_code(self, code: str, request: Any) -> None:
            asked = request.payload.data
            names = ("scope", "nonce", "code_challenge", "code_challenge_method")
            held.codes[code] = Code(code, request.user.name, request.payload.redirect_uri, *(asked.get(name, "") for name in names))

        def query_authorization_code(self, code: str, client: Any) -> Code | None:
            return held.codes.pop(code, None)

        def delete_authorization_code(self, authorization_code: Code) -> None:
            held.codes.pop(authorization_code.code, None)

        def authenticate_user(self, authorization_code: Code) -> Any:
            return SimpleNamespace(name=authorization_code.user)

    class Signed(OpenIDCode):  # type: ignore[misc]  # authlib has no types
        def exists_nonce(self, nonce: str, request: Any) -> bool:
            return False

        def get_client_algorithm(self, client: Any) -> str:
            return "RS256"

        def get_encode_header(self, client: Any) -> Mapping[str, str]:
            return {"alg": "RS256", "kid": "one"}

        def resolve_client_private_key(self, client: Any) -> Any:
            return held.stranger if "key" in provider.wrong else held.key

        def get_compatible_claims(self, request: Any) -> dict[str, Any]:
            return _claims(provider)

        def get_authorization_code_claims(self, authorization_code: Any) -> dict[str, Any]:
            return {"nonce": "other" if "nonce" in provider.wrong else authorization_code.nonce, "auth_time": int(time.time())}

        def generate_user_info(self, user: Any, scope: str) -> dict[str, Any]:
            return {"sub": f"id-{user.name}", **{name: value for name, value in provider.people[user.name].items() if name != "groups"}}

    return CodeGrant, Signed


def _authorization(app: flask.Flask, provider: IdentityProvider, held: _Held) -> Any:
    """Authlib's server: codes with PKCE alone, ID tokens signed with RS256."""
    code_grant, signed = _rules(provider, held)
    server = AuthorizationServer(
        app,
        query_client=lambda name: Client() if name == CLIENT else None,
        save_token=lambda token, request: held.tokens.update({token["access_token"]: request.user.name}),
    )
    server.register_grant(code_grant, [signed(require_nonce=True), CodeChallenge(required=True)])
    return server


def _claims(provider: IdentityProvider) -> dict[str, Any]:
    now = int(time.time()) - (7200 if "late" in provider.wrong else 0)
    issuer = "https://other.example" if "issuer" in provider.wrong else provider.issuer
    return {"iss": issuer, "aud": ["other"] if "audience" in provider.wrong else [CLIENT], "iat": now, "exp": now + 3600}
