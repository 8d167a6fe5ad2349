"""A portal made of the pages a test writes: real HTTP over loopback, every request counted, answers that misbehave."""

from __future__ import annotations

import base64
import hashlib
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HTML = "text/html; charset=utf-8"


class Exchange(BaseHTTPRequestHandler):
    """One request, and the ways to answer it."""

    protocol_version = "HTTP/1.1"
    pages: Pages
    body: bytes

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        path = urlsplit(self.path).path
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.pages.asked[f"{self.command} {path}"] += 1
        answer = self.pages.answers.get(f"{self.command} {path}", self.pages.answers.get(path))
        if answer is None:
            self.send("not found", 404, "text/plain")
        elif callable(answer):
            answer(self)
        else:
            self.send(answer)

    def send(self, content: str | bytes, status: int = 200, kind: str = HTML, **headers: str) -> None:
        data = content.encode() if isinstance(content, str) else content
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def attach(self, content: bytes, name: str, *, promised: int | None = None) -> None:
        """Send a file; with `promised`, cut the connection before that many bytes were sent."""
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Disposition", f'attachment; filename="{name}"')
        self.send_header("Content-Length", str(promised or len(content)))
        self.end_headers()
        self.wfile.write(content)
        if promised:
            self.close_connection = True

    def redirect(self, address: str, status: int = 302) -> None:
        self.send("", status, Location=address)

    def cut(self) -> None:
        """Reset the connection without an answer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def accept_websocket(self) -> None:
        magic = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(magic.encode()).digest()).decode())
        self.end_headers()
        self.close_connection = True

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, ValueError):  # the browser left, or the answer was to cut
            self.close_connection = True

    def finish(self) -> None:
        try:
            super().finish()
        except (ConnectionError, ValueError, OSError):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
        """Say nothing."""


Answer = str | Callable[[Exchange], None]


@dataclass
class Pages:
    """What a portal answers, by `METHOD /path` or `/path`, and how often it was asked."""

    url: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc


@contextmanager
def serving() -> Iterator[Pages]:
    """Pages behind a server of their own on loopback."""
    pages = Pages()
    handler = type("BoundExchange", (Exchange,), {"pages": pages})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    pages.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield pages
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def screen(heading: str, body: str = "", *, signed_in: bool = True) -> str:
    """A page of the portal: its heading, its content, and the link that only a signed-in page has."""
    leave = '<nav><a href="/sair">Sair</a></nav>' if signed_in else ""
    return f'<!doctype html><html lang="pt-BR"><title>{heading}</title>{leave}<main><h1>{heading}</h1>{body}</main></html>'
