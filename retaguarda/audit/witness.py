"""A witness (C2SP `tlog-witness`): with a key of its own, on another administrator's machine, it cosigns a checkpoint only when
the log merely grew since the one it saw before.

Its folder: `witness.key`, `witness.vkey`, `seen/<log>` (the latest cosigned checkpoint) and `history/<log>` (every one, which is
what an auditor holds the log against). It needs nothing else of the suite: no store, no vault, no network but its own port.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from retaguarda.audit.checkpoints import COSIGNATURE, Checkpoint, VerifierKey, cosign, decoded, load_or_create_key, open_note, parsed
from retaguarda.audit.files import NOTE_END, append_durably, cut_torn_note, replace_durably
from retaguarda.audit.merkle import extends
from retaguarda.clock import Clock
from retaguarda.locks import process_lock

LONGEST_BODY = 64 * 1024
LONGEST_PROOF = 63
LOOK_SECONDS = 0.5
"""How often it looks whether it is asked to stop."""
PATIENCE = 10
"""Seconds that a client may take to send its request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the witness says, as HTTP."""

    status: HTTPStatus
    body: bytes = b""
    kind: str = "text/plain; charset=utf-8"


class Witness:
    """Cosigns checkpoints of the logs that it knows by their keys."""

    def __init__(self, folder: Path, name: str, logs: Sequence[VerifierKey], clock: Clock) -> None:
        self._folder = folder
        self._name = name
        self._logs: Mapping[str, VerifierKey] = {log.name: log for log in logs}
        self._clock = clock
        self._key = load_or_create_key(folder / "witness.key")
        self.vkey = VerifierKey(name, self._key.public_key(), COSIGNATURE)
        replace_durably(folder / "witness.vkey", self.vkey.text() + "\n")

    def add_checkpoint(self, body: bytes) -> Answer:
        """Judge a request of `POST /add-checkpoint`; whatever it refuses, it does not sign and does not remember."""
        try:
            old, proof, note, claimed = _request(body)
        except (ValueError, UnicodeDecodeError) as error:
            return _refused(HTTPStatus.BAD_REQUEST, str(error))
        log = self._logs.get(claimed.origin)
        if log is None:
            return _refused(HTTPStatus.NOT_FOUND, f"no log {claimed.origin!r} is known here")
        try:
            checkpoint = open_note(note, log)
        except ValueError as error:
            return _refused(HTTPStatus.FORBIDDEN, str(error))
        if old > checkpoint.size:
            return _refused(HTTPStatus.BAD_REQUEST, "the old size is larger than the checkpoint's")
        with process_lock(self._folder / "witness.lock", wait=True):
            return self._judged(old, proof, note, checkpoint)

    def _judged(self, old: int, proof: list[bytes], note: str, checkpoint: Checkpoint) -> Answer:
        seen = self.latest(checkpoint.origin)
        known = seen.size if seen else 0
        if old != known:
            return Answer(HTTPStatus.CONFLICT, f"{known}\n".encode(), "text/x.tlog.size")
        if seen and checkpoint.size == known and checkpoint.root != seen.root:
            return Answer(HTTPStatus.CONFLICT, f"{known}\n".encode(), "text/x.tlog.size")
        if not extends(old, seen.root if seen else b"", checkpoint.size, checkpoint.root, proof):
            return _refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"the log is not the one of {known} events that was seen before")
        body = note.partition("\n\n")[0]
        line = cosign(note, self._name, self._key, int(self._clock.now().timestamp()))
        own = next(one for one in note.partition("\n\n")[2].splitlines(keepends=True) if one.startswith(f"— {checkpoint.origin} "))
        kept = f"{body}\n\n{own}{line}"
        cut_torn_note(self._file("history", checkpoint.origin))
        append_durably(self._file("history", checkpoint.origin), (kept + NOTE_END).encode())
        replace_durably(self._file("seen", checkpoint.origin), kept)
        return Answer(HTTPStatus.OK, line.encode())

    def latest(self, origin: str) -> Checkpoint | None:
        """The checkpoint of a log that was cosigned last."""
        path = self._file("seen", origin)
        return parsed(path.read_text(encoding="utf-8").partition("\n\n")[0], origin) if path.exists() else None

    def history(self, origin: str) -> Path:
        """Every checkpoint that was cosigned: the file that an auditor holds a log against."""
        return self._file("history", origin)

    def _file(self, kind: str, origin: str) -> Path:
        path = self._folder / kind / hashlib.sha256(origin.encode()).hexdigest()[:16]
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def _refused(status: HTTPStatus, why: str) -> Answer:
    return Answer(status, f"{why}\n".encode())


def _request(body: bytes) -> tuple[int, list[bytes], str, Checkpoint]:
    """Old size, proof, note and what it claims; ValueError when the body is not as `tlog-witness` says."""
    head, empty, note = body.decode("utf-8").partition("\n\n")
    first, *lines = head.split("\n")
    word, _, number = first.partition(" ")
    if word != "old" or not empty or not number.isascii() or not number.isdecimal() or str(int(number)) != number:
        raise ValueError("the first line is no old size")
    if len(lines) > LONGEST_PROOF:
        raise ValueError("the proof is too long")
    proof = [decoded(line) for line in lines]
    if any(len(node) != hashlib.sha256().digest_size for node in proof):
        raise ValueError("a line of the proof is no hash")
    return int(number), proof, note, parsed(note.partition("\n\n")[0])


class WitnessServer(ThreadingHTTPServer):
    """Serves a witness by HTTP; put it behind whatever ends TLS where others than the log can reach it."""

    daemon_threads = True

    def __init__(self, witness: Witness, host: str, port: int) -> None:
        self.witness = witness
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: WitnessServer
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LONGEST_BODY:
            self.close_connection = True
            self._send(_refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the request is too long, or does not say how long it is"))
        elif self.path.rstrip("/").rpartition("/")[2] != "add-checkpoint":
            self.rfile.read(int(length))
            self._send(_refused(HTTPStatus.NOT_FOUND, "only add-checkpoint is served"))
        else:
            self._send(self.server.witness.add_checkpoint(self.rfile.read(int(length))))

    def do_GET(self) -> None:
        """The witness's public key, and the checkpoints that it cosigned, for auditors."""
        origin = self.path.removeprefix("/history/")
        path = self.server.witness.history(origin)
        if self.path == "/vkey":
            self._send(Answer(HTTPStatus.OK, f"{self.server.witness.vkey.text()}\n".encode()))
        elif origin != self.path and path.exists():
            self._send(Answer(HTTPStatus.OK, path.read_bytes()))
        else:
            self._send(_refused(HTTPStatus.NOT_FOUND, "served: POST /add-checkpoint, GET /vkey, GET /history/<log>"))

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
        """Nothing: requests are told by the history."""


def serve(server: WitnessServer, asked_to_stop: Callable[[], bool]) -> None:
    """Serve until asked to stop."""
    server.timeout = LOOK_SECONDS
    try:
        while not asked_to_stop():
            server.handle_request()
    finally:
        server.server_close()
