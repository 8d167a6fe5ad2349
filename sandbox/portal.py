"""What the sandbox's portals share: ground truth, sessions, clock, faults, control endpoints, serving.

A portal package has a `portal.py` with `start(sandbox: Sandbox) -> Running`, and for Flask portals that is:

    def start(sandbox: Sandbox) -> Running:
        database = sandbox.database(SCHEMA)            # <state>/<name>.sqlite; database.is_new -> seed it
        sandbox.secrets.setdefault("ccee/robo", {"user": "...", "password": sandbox.password()})   # kept over restarts
        sandbox.config["mailbox"] = "maildir:..."      # lines of [portals.<name>] in portals.toml, besides url
        app = create_app(sandbox, database, __name__, truth)   # templates/ and static/ beside the module
        app.register_blueprint(...)
        return serve(sandbox, app, database)           # ssl_context=... for TLS

Rules: business rows are written in `with database.transaction() as c` (that is what `swallow` undoes); what the answer
page shows is carried in `flask.session` or rendered at once, so that a swallowed form is still "answered as if fine";
lists filter `created_at <= faults.newest(clock.now()).isoformat()` and show `faults.shown(rows)`. A module-level
`truth(state: Path) -> dict` beside `start` makes `python -m sandbox truth` work without asking over HTTP (needed by
portals with client certificates and by the ERP).
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import secrets
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, abort, current_app, jsonify, request
from jinja2 import ChoiceLoader, FileSystemLoader
from werkzeug.serving import WSGIRequestHandler, make_server

from sandbox import faults as faults_module
from sandbox.clock import Clock
from sandbox.database import Database
from sandbox.faults import BadFault, Faults
from sandbox.month import Month
from sandbox.sessions import SCHEMA as SESSIONS
from sandbox.sessions import StoredSessions

POSTS = "create table if not exists posts (id integer primary key, at text not null, path text not null, remote text not null);"
LAYOUT = Path(__file__).parent / "layout"


@dataclass
class Sandbox:
    """What a portal is given when it starts. `secrets` and `faults` and `clock` are shared by all portals; the rest is its own."""

    name: str
    state: Path
    port: int
    month: Month
    seed: int = 42
    clock: Clock = field(default_factory=Clock)
    faults: Faults = field(default_factory=Faults)
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    config: dict[str, object] = field(default_factory=dict)
    timers: list[threading.Timer] = field(default_factory=list)

    def database(self, schema: str) -> Database:
        """The portal's ground truth; `is_new` says that it must be seeded."""

        def forget() -> bool:
            return faults_module.active("swallow") is not None

        return Database(self.state / f"{self.name}.sqlite", SESSIONS + POSTS + schema, forget)

    def password(self) -> str:
        return secrets.token_urlsafe(9)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Run `act` in a background thread after real `seconds`; dropped when the sandbox stops first."""
        timer = threading.Timer(seconds, act)
        timer.daemon = True
        self.timers.append(timer)
        timer.start()


@dataclass
class Running:
    """A portal that answers at `url` (no trailing slash) until `stop()`; `truth()` is what it holds, as JSON values."""

    url: str
    stop: Callable[[], None]
    truth: Callable[[], dict[str, Any]]


def create_app(
    sandbox: Sandbox,
    database: Database,
    module: str,
    truth: Callable[[Database], dict[str, Any]],
    idle: dt.timedelta = dt.timedelta(minutes=20),
    shared: Path | None = None,
) -> Flask:
    """A Flask app with sessions, faults and control endpoints; `app.config["SANDBOX"]` and `["DATABASE"]` are set.

    Templates are looked for beside `module`, then in `shared` (a platform of several portals), then in sandbox/layout (error.html,
    maintenance.html, popup.html extend `base.html`, which a portal may bring itself).

    In templates: `fresh_id()` gives an element id that no other render has.
    """
    app = Flask(module)
    assert app.jinja_loader is not None
    app.jinja_loader = ChoiceLoader([app.jinja_loader, FileSystemLoader([*([shared] if shared else []), LAYOUT / "templates"])])
    app.jinja_env.globals["fresh_id"] = fresh_id
    app.config.update(SANDBOX=sandbox, DATABASE=database, TRUTH=truth, SECRET_KEY=secrets.token_hex())
    app.session_interface = StoredSessions(sandbox.name, database, sandbox.clock, idle)
    app.before_request(_count_post)
    faults_module.install(app, sandbox)
    app.register_blueprint(_control)
    app.register_blueprint(Blueprint("layout", __name__, static_folder=LAYOUT / "static", static_url_path="/layout"))
    return app


def fresh_id() -> str:
    """An element id as component libraries make them: different at each render."""
    return f"ctl-{secrets.randbelow(900_000) + 100_000}-{secrets.token_hex(2)}"


def posts(database: Database) -> dict[str, int]:
    """How many POSTs reached each path: the number of presses, whatever came of them."""
    return {row["path"]: row["n"] for row in database.rows("select path, count(*) n from posts group by path order by path")}


def _count_post() -> None:
    if request.method == "POST" and not request.path.startswith("/_sandbox/") and "sandbox.session" not in request.environ:
        sandbox, database = current_app.config["SANDBOX"], current_app.config["DATABASE"]
        values = (sandbox.clock.now().isoformat(), request.path, f"{request.remote_addr}:{request.environ.get('REMOTE_PORT', '')}")
        with database.transaction() as connection:
            connection.execute("insert into posts (at, path, remote) values (?, ?, ?)", values)


_control = Blueprint("control", __name__, url_prefix="/_sandbox")


@_control.before_request
def _loopback_only() -> None:
    if not ipaddress.ip_address(request.remote_addr or "0.0.0.0").is_loopback:
        abort(403)


@_control.get("/truth")
def _truth() -> Response:
    return jsonify(full_truth(current_app.config["DATABASE"], current_app.config["TRUTH"]))


def full_truth(database: Database, truth: Callable[[Database], dict[str, Any]]) -> dict[str, Any]:
    """A portal's own truth with the count of presses."""
    return {**truth(database), "posts": posts(database)}


@_control.route("/faults", methods=["GET", "POST"])
def _faults() -> Response:
    """POST replaces this portal's faults by the JSON list; both answer with the faults and their counters."""
    sandbox: Sandbox = current_app.config["SANDBOX"]
    if request.method == "POST":
        try:
            sandbox.faults.replace(sandbox.name, request.get_json())
        except BadFault as error:
            abort(Response(str(error), status=400))
    return jsonify(sandbox.faults.state(sandbox.name))


@_control.route("/clock", methods=["GET", "POST"])
def _clock() -> Response:
    """POST {"now": "2026-11-11T10:00:00-03:00"} moves the clock of the whole sandbox."""
    sandbox: Sandbox = current_app.config["SANDBOX"]
    if request.method == "POST":
        sandbox.clock.set(dt.datetime.fromisoformat(request.get_json()["now"]))
    return jsonify({"now": sandbox.clock.now().isoformat()})


class _QuietHandler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: the ground truth keeps the presses."""


def serve(sandbox: Sandbox, app: Flask, database: Database, ssl_context: ssl.SSLContext | None = None) -> Running:
    """Serve `app` on 127.0.0.1 in threads of this process.

    With `ssl_context` it speaks https; when that context asks for client certificates, the verified certificate is in
    `request.environ["SSL_CLIENT_CERT"]` as PEM.
    """
    server = make_server("127.0.0.1", sandbox.port, app, threaded=True, request_handler=_QuietHandler, ssl_context=ssl_context)
    if isinstance(server.socket, ssl.SSLSocket):
        server.socket.do_handshake_on_connect = False  # type: ignore[attr-defined]  # shake hands in the connection's thread, not in the accept loop
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name=sandbox.name, daemon=True)
    thread.start()

    def stop() -> None:
        for timer in sandbox.timers:
            timer.cancel()
        server.shutdown()
        thread.join()
        server.server_close()
        database.close()

    scheme = "https" if ssl_context else "http"
    return Running(f"{scheme}://127.0.0.1:{server.server_port}", stop, lambda: full_truth(database, app.config["TRUTH"]))


def read_truth(state: Path, name: str, truth: Callable[[Database], dict[str, Any]]) -> dict[str, Any]:
    """The truth of a portal read from its file, whether it runs or not: for the module-level `truth(state)`."""
    database = Database(state / f"{name}.sqlite", SESSIONS + POSTS)
    try:
        return full_truth(database, truth)
    finally:
        database.close()
