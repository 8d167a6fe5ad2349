"""Wiring of the sandbox's CCEE portal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sandbox.ccee import access, contracts, mail, store, validations, wizard, words
from sandbox.portal import Running, Sandbox, create_app, read_truth, serve

NAME = "ccee"


def start(sandbox: Sandbox) -> Running:
    """Serve the portal; an empty state is seeded with the month, an existing one is kept."""
    database = sandbox.database(store.SCHEMA)
    if not database.value("select count(*) from profiles"):
        store.seed(database, sandbox.month)
    sandbox.secrets.setdefault("ccee/robo", {"user": "robo.exemplo", "password": sandbox.password()})
    mail.prepare(sandbox)
    sandbox.config["mailbox"] = f"maildir:{mail.folder(sandbox)}"
    app = create_app(sandbox, database, __name__, store.truth)
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 3600
    app.jinja_env.globals.update(company=sandbox.month.us, clock=sandbox.clock, STATES=words.STATES, SUBMARKETS=words.SUBMARKETS)
    app.jinja_env.filters.update(decimal=words.decimal_br, month=words.month_br, moment=words.moment_br)
    for part in (access, contracts, wizard, validations):
        app.register_blueprint(part.pages)
    return serve(sandbox, app, database)


def truth(state: Path) -> dict[str, Any]:
    """What the portal holds, read from its file."""
    return read_truth(state, NAME, store.truth)
