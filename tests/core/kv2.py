"""A server that speaks the part of HashiCorp Vault's HTTP API that the vault asks: KV version 2, as its documentation describes it.

https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2: versions, check-and-set, lists of keys, deletion; 403 without the right
token, 503 while it is sealed.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Kv2:
    """What the server holds, and how it is asked."""

    token: str
    url: str = ""
    sealed: bool = False
    entries: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, method: str, path: str, token: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.sealed:
            return 503, {"errors": ["Vault is sealed"]}
        if token != self.token:
            return 403, {"errors": ["permission denied"]}
        kind, _, name = path.removeprefix("/v1/secret/").partition("/")
        with self.lock:
            return getattr(self, f"_{kind}_{method.lower()}")(name.rstrip("/"), body)  # type: ignore[no-any-return]

    def _data_get(self, name: str, _body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        versions = self.entries.get(name)
        if not versions:
            return 404, {"errors": []}
        return 200, {"data": {"data": versions[-1], "metadata": {"version": len(versions), "destroyed": False, "deletion_time": ""}}}

    def _data_post(self, name: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        versions = self.entries.get(name, [])
        cas = body.get("options", {}).get("cas")
        if cas is not None and cas != len(versions):
            return 400, {"errors": ["check-and-set parameter did not match the current version"]}
        self.entries[name] = [*versions, body["data"]]
        return 200, {"data": {"version": len(versions) + 1}}

    def _metadata_list(self, name: str, _body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        below = [key.removeprefix(f"{name}/") for key in self.entries if key.startswith(f"{name}/")]
        keys = sorted({f"{key.partition('/')[0]}/" if "/" in key else key for key in below})
        return (200, {"data": {"keys": keys}}) if keys else (404, {"errors": []})

    def _metadata_delete(self, name: str, _body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.entries.pop(name, None)
        return 204, {}


@contextmanager
def serving(token: str) -> Iterator[Kv2]:
    """The server, for the block."""
    kv = Kv2(token)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            place = urlsplit(self.path)
            method = "LIST" if parse_qs(place.query).get("list") == ["true"] else self.command
            kv.asked.append((method, place.path))
            status, told = kv.answer(method, place.path, self.headers.get("X-Vault-Token", ""), body)
            data = b"" if status == 204 else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_DELETE = do_LIST = _handle  # noqa: N815  # names of http.server

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kv.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield kv
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
