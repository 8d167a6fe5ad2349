"""Services that take messages, on this machine: an SMTP server and a webhook, both real and both able to refuse."""

from __future__ import annotations

import email
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Sink:
    """What a service got, while it lives."""

    port: int = 0
    refuses: bool = False
    mails: list[EmailMessage] = field(default_factory=list)
    posts: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def smtp_server() -> Iterator[Sink]:
    """An SMTP server for the block; refusing, it takes no recipient."""
    sink = Sink()

    class Dialogue(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 sink")
            while line := self.rfile.readline():
                verb = line[:4].upper()
                if verb == b"QUIT":
                    return self.say("221 bye")
                if verb == b"DATA":
                    self.say("354 go on")
                    self.take()
                refused = verb == b"RCPT" and sink.refuses
                self.say("550 no such mailbox" if refused else "250 ok")
            return None

        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

        def take(self) -> None:
            lines = iter(self.rfile.readline, b".\r\n")
            raw = b"".join(line.removeprefix(b".") if line.startswith(b"..") else line for line in lines)
            message = email.message_from_bytes(raw, policy=default)
            assert isinstance(message, EmailMessage)
            sink.mails.append(message)

    with _served(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Dialogue), sink):
        yield sink


@contextmanager
def webhook() -> Iterator[Sink]:
    """A web server for the block that takes JSON; refusing, it answers 503."""
    sink = Sink()

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(503 if sink.refuses else 200)
            self.end_headers()
            if not sink.refuses:
                sink.posts.append(sent)

        def log_message(self, *_: object) -> None:
            pass

    with _served(ThreadingHTTPServer(("127.0.0.1", 0), Hook), sink):
        yield sink


@contextmanager
def _served(server: socketserver.TCPServer, sink: Sink) -> Iterator[None]:
    sink.port = server.server_address[1]
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
