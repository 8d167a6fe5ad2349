"""Misbehaviour on order: what a portal does wrong, at which request, how often.

A fault is matched by portal and by `METHOD /path` (shell pattern). The hooks run around every request of a portal, so
the portal's own code knows nothing of most kinds; lists ask `lists.newest()` and `lists.shown()` for the two that need it.
"""

from __future__ import annotations

import datetime as dt
import re
import socket
import threading
import time
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatchcase
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from flask import Flask, Response, g, has_request_context, render_template, request, session

from sandbox.sessions import StoredSession

if TYPE_CHECKING:
    from sandbox.portal import Sandbox

Row = TypeVar("Row")
KINDS = (
    "slow", "error-500", "drop-session", "swallow", "die-after-commit", "late-commit", "rename-heading", "popup",
    "maintenance", "duplicate-rows", "truncate-download", "stale-list", "cookie-banner",
    "idle-session", "old-session", "taken-session", "locked-user", "no-take-over", "ask-code",
    "hand-over", "file-name", "short-history", "provisional",
)  # fmt: skip


class BadFault(ValueError):
    """A fault names an unknown kind, portal or field."""


@dataclass
class Fault:
    """One misbehaviour: skip the first `skip` matching requests, then misbehave `times` times (0: always).

    `seconds`: slow, late-commit (delay), stale-list (lag). `value`: rename-heading (the heading), popup (its name),
    error-500 ("after": commit first), truncate-download ("", "empty" or "cut": socket cut half-way), maintenance (text),
    hand-over (how a file is given: "blob", "window" or "post"), file-name (its name), short-history (days kept on line).

    Of banks: idle-session, old-session and taken-session end the session as if it were idle, too old or taken over; locked-user
    knows only a locked user; no-take-over sends away whose other session is alive; ask-code wants a code that only a person can
    read; provisional calls every day a provisional one.
    """

    portal: str
    at: str
    kind: str
    skip: int = 0
    times: int = 1
    seconds: float = 0
    value: str = ""
    seen: int = 0
    fired: int = 0

    @classmethod
    def parse(cls, raw: Mapping[str, Any], portals: Iterable[str]) -> Fault:
        """Raises BadFault for an unknown field, kind or portal."""
        if unknown := set(raw) - {f.name for f in fields(cls)}:
            raise BadFault(f"unknown fault field: {', '.join(sorted(unknown))}")
        if raw.get("kind") not in KINDS:
            raise BadFault(f"unknown fault kind: {raw.get('kind')!r} (known: {', '.join(KINDS)})")
        if raw.get("portal") not in set(portals):
            raise BadFault(f"unknown portal: {raw.get('portal')!r}")
        return cls(**{"at": "* *", **raw})

    def fires(self, portal: str, at: str) -> bool:
        """Counts the request when it matches, and tells whether the fault applies to it."""
        if portal != self.portal or not fnmatchcase(at, self.at) or (self.times and self.fired >= self.times):
            return False
        self.seen += 1
        self.fired += self.seen > self.skip
        return self.seen > self.skip


class Faults:
    """The orders in force, shared by the portals of one sandbox."""

    def __init__(self, portals: Iterable[str] = ()) -> None:
        self.portals = tuple(portals)
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def load(self, path: Path) -> None:
        """Read `[[fault]]` tables from a TOML file."""
        raw = tomllib.loads(path.read_text("utf-8"))
        if set(raw) - {"fault"}:
            raise BadFault(f"unknown table in {path.name}: {', '.join(sorted(set(raw) - {'fault'}))}")
        with self._lock:
            self._faults += [Fault.parse(item, self.portals) for item in raw.get("fault", [])]

    def replace(self, portal: str, raw: Sequence[Mapping[str, Any]]) -> None:
        """Put `raw` in the place of the orders of one portal."""
        parsed = [Fault.parse({"portal": portal, **item}, self.portals) for item in raw]
        with self._lock:
            self._faults = [f for f in self._faults if f.portal != portal] + parsed

    def fire(self, portal: str, at: str) -> list[Fault]:
        with self._lock:
            return [fault for fault in self._faults if fault.fires(portal, at)]

    def state(self, portal: str) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(fault) for fault in self._faults if fault.portal == portal]


def install(app: Flask, sandbox: Sandbox) -> None:
    """Run the faults of `sandbox` around every request of `app` but the control and static ones."""

    def before() -> Response | None:
        at = f"{request.method} {request.path}"
        free = request.path.startswith(("/_sandbox/", "/static/", "/layout/", "/seiva/")) or "sandbox.session" in request.environ
        g.faults = [] if free else sandbox.faults.fire(sandbox.name, at)
        for fault in g.faults:
            act = _BEFORE.get(fault.kind)
            answer = act(app, sandbox, fault) if act else None
            if answer is not None:
                return answer
        return None

    def after(response: Response) -> Response:
        for fault in g.get("faults", []):
            act = _AFTER.get(fault.kind)
            response = act(fault, response) if act else response
        return response

    app.before_request(before)
    app.after_request(after)


def active(kind: str) -> Fault | None:
    """The fault of this kind that fired for the current request."""
    found = [f for f in g.get("faults", []) if f.kind == kind] if has_request_context() else []
    return found[0] if found else None


def newest(now: dt.datetime) -> dt.datetime:
    """Lists show rows created up to this moment: `now`, or earlier under `stale-list`."""
    stale = active("stale-list")
    return now - dt.timedelta(seconds=stale.seconds) if stale else now


def shown(rows: Sequence[Row]) -> list[Row]:
    """The rows a page shows: each of them once, or the last one twice under `duplicate-rows`."""
    return [*rows, *rows[-1:]] if active("duplicate-rows") else list(rows)


def cut() -> None:
    """Cut the connection under the current request: the browser gets no byte of an answer."""
    connection = request.environ["werkzeug.socket"]
    with suppress(OSError):  # the browser was faster
        connection.shutdown(socket.SHUT_RDWR)


def _slow(_app: Flask, _sandbox: Sandbox, fault: Fault) -> None:
    time.sleep(fault.seconds)


def _error(_app: Flask, _sandbox: Sandbox, fault: Fault) -> Response | None:
    return None if fault.value == "after" else _failed()


def _failed() -> Response:
    return Response(render_template("error.html"), status=500)


def _drop_session(_app: Flask, _sandbox: Sandbox, _fault: Fault) -> None:
    session.clear()


def _maintenance(_app: Flask, _sandbox: Sandbox, fault: Fault) -> Response:
    return Response(render_template("maintenance.html", text=fault.value), status=503)


def _late_commit(app: Flask, sandbox: Sandbox, fault: Fault) -> Response:
    """Cut now and process the very same request `seconds` later, in the session as it was."""
    body = request.get_data(cache=True, parse_form_data=False)
    environ = {k: v for k, v in request.environ.items() if not k.startswith(("werkzeug.", "flask."))}
    kept = StoredSession(session.sid, dict(session), frozen=True)  # type: ignore[attr-defined]

    def commit() -> None:
        late = {**environ, "wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body)), "sandbox.session": kept}
        for _ in app.wsgi_app(late, lambda *_: lambda _b: None):
            pass

    cut()
    sandbox.later(fault.seconds, commit)
    return Response(status=204)


def _error_after(fault: Fault, response: Response) -> Response:
    return _failed() if fault.value == "after" else response


def _die(_fault: Fault, response: Response) -> Response:
    cut()
    return response


def _is_html(response: Response) -> bool:
    return response.mimetype == "text/html" and not response.is_streamed and response.status_code == 200


def _rename(fault: Fault, response: Response) -> Response:
    if _is_html(response):
        html = response.get_data(as_text=True)
        response.set_data(re.sub(r"(<h1[^>]*>).*?(</h1>)", lambda m: m[1] + fault.value + m[2], html, count=1, flags=re.DOTALL))
    return response


def _cookies(_fault: Fault, response: Response) -> Response:
    if _is_html(response):
        response.set_data(response.get_data(as_text=True).replace("</body>", render_template("cookies.html") + "</body>"))
    return response


def _popup(fault: Fault, response: Response) -> Response:
    if _is_html(response):
        box = render_template("popup.html", name=fault.value or "Pesquisa de satisfação")
        response.set_data(response.get_data(as_text=True).replace("</body>", box + "</body>"))
    return response


def _truncate(fault: Fault, response: Response) -> Response:
    if "attachment" not in response.headers.get("Content-Disposition", ""):
        return response
    response.direct_passthrough = False
    whole = response.get_data()
    if fault.value == "cut":
        _send_half_and_cut(whole)
        return response
    response.set_data(b"" if fault.value == "empty" else whole[: len(whole) // 2])
    return response


def _send_half_and_cut(whole: bytes) -> None:
    """An honest Content-Length, half of the bytes, and the end of the connection."""
    head = f"HTTP/1.1 200 OK\r\nContent-Disposition: attachment\r\nContent-Length: {len(whole)}\r\n\r\n"
    request.environ["werkzeug.socket"].sendall(head.encode() + whole[: len(whole) // 2])
    cut()


_BEFORE: dict[str, Callable[[Flask, Any, Fault], Response | None]] = {
    "slow": _slow, "error-500": _error, "drop-session": _drop_session, "maintenance": _maintenance, "late-commit": _late_commit,
}  # fmt: skip
_AFTER: dict[str, Callable[[Fault, Response], Response]] = {
    "error-500": _error_after, "die-after-commit": _die, "rename-heading": _rename, "popup": _popup, "truncate-download": _truncate,
    "cookie-banner": _cookies,
}  # fmt: skip
