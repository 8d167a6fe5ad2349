"""What all sandbox portals share: every fault really fires, the ground truth is true, the controls control."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Response, request, session

from sandbox import faults
from sandbox.__main__ import main
from sandbox.database import Database
from sandbox.faults import BadFault, Fault, Faults
from sandbox.month import build
from sandbox.portal import Running, Sandbox, create_app, read_truth, serve
from tests.sandbox_fixtures import Client, eventually

SCHEMA = "create table if not exists notes (text text not null, at text not null);"
PAGE = "<html><body><h1>Notas</h1>{}</body></html>"


def held(database: Database) -> dict[str, Any]:
    return {"notes": [row["text"] for row in database.rows("select text from notes order by rowid")]}


@pytest.fixture
def notes(tmp_path: Path) -> Iterator[Running]:
    """A portal that keeps notes, with the least a portal has."""
    box = Sandbox("ccee", tmp_path, 0, build(), faults=Faults(("ccee",)))
    database = box.database(SCHEMA)
    app = create_app(box, database, "sandbox.portal", held)

    @app.post("/notes")
    def add() -> str:
        with database.transaction() as c:
            c.execute("insert into notes values (?, ?)", (request.form["text"], box.clock.now().isoformat()))
        session["last"] = request.form["text"]
        return PAGE.format(f"<p>guardado: {session['last']}</p>")

    @app.get("/notes")
    def notes() -> str:
        until = faults.newest(box.clock.now()).isoformat()
        rows = database.rows("select text from notes where at <= ?", until)
        return PAGE.format("".join(f"<li>{row['text']}</li>" for row in faults.shown(rows)) + f"<p>{session.get('last', 'ninguém')}</p>")

    @app.get("/file")
    def file() -> Response:
        return Response(b"0123456789" * 10, headers={"Content-Disposition": 'attachment; filename="a.txt"'})

    running = serve(box, app, database)
    yield running
    running.stop()


@pytest.fixture
def client(notes: Running) -> Client:
    return Client(notes.url)


def test_truth_counts_rows_and_presses(client: Client, notes: Running) -> None:
    client.post("/notes", text="a")
    client.post("/notes", text="a")
    assert client.truth() == notes.truth() == {"notes": ["a", "a"], "posts": {"/notes": 2}}


def test_truth_is_in_the_file_at_once(client: Client, tmp_path: Path) -> None:
    client.post("/notes", text="a")
    assert read_truth(tmp_path, "ccee", held)["notes"] == ["a"]


def test_die_after_commit_keeps_the_row_and_sends_no_byte(client: Client) -> None:
    client.faults({"at": "POST /notes", "kind": "die-after-commit"})
    with pytest.raises(http.client.RemoteDisconnected):
        client.post("/notes", text="a")
    assert client.truth()["notes"] == ["a"]


def test_late_commit_stores_after_the_cut(client: Client) -> None:
    client.faults({"at": "POST /notes", "kind": "late-commit", "seconds": 0.4})
    with pytest.raises(http.client.RemoteDisconnected):
        client.post("/notes", text="a")
    assert client.truth()["notes"] == []
    eventually(lambda: client.truth()["notes"] == ["a"])
    assert client.truth()["posts"] == {"/notes": 1}


def test_swallow_answers_as_if_fine_and_stores_nothing(client: Client) -> None:
    client.faults({"at": "POST /notes", "kind": "swallow"})
    status, page = client.post("/notes", text="a")
    assert (status, "guardado: a" in page, client.truth()["notes"]) == (200, True, [])


@pytest.mark.parametrize(("value", "stored"), [("", []), ("after", ["a"])])
def test_error_500_before_and_after_the_commit(client: Client, value: str, stored: list[str]) -> None:
    client.faults({"at": "POST /notes", "kind": "error-500", "value": value})
    status, page = client.post("/notes", text="a")
    assert (status, "Erro interno" in page, client.truth()["notes"]) == (500, True, stored)


def test_drop_session_forgets_who_we_are(client: Client) -> None:
    client.post("/notes", text="a")
    assert "<p>a</p>" in client.get("/notes")[1]
    client.faults({"at": "GET /notes", "kind": "drop-session"})
    assert "<p>ninguém</p>" in client.get("/notes")[1]


def test_rename_heading_and_popup_change_the_page(client: Client) -> None:
    client.faults({"kind": "rename-heading", "value": "Anotações"}, {"kind": "popup", "value": "Aviso importante"})
    page = client.get("/notes")[1]
    assert "<h1>Anotações</h1>" in page
    assert 'role="dialog" aria-modal="true" aria-label="Aviso importante"' in page


def test_maintenance_is_a_503_with_its_own_heading(client: Client) -> None:
    client.faults({"kind": "maintenance", "times": 0})
    for _ in range(3):
        status, page = client.get("/notes")
        assert (status, "<h1>Sistema em manutenção</h1>" in page) == (503, True)


def test_duplicate_rows_and_stale_list(client: Client) -> None:
    client.post("/notes", text="a")
    client.faults({"at": "GET /notes", "kind": "duplicate-rows"})
    assert client.get("/notes")[1].count("<li>a</li>") == 2
    client.faults({"at": "GET /notes", "kind": "stale-list", "seconds": 60})
    assert "<li>" not in client.get("/notes")[1]
    assert client.get("/notes")[1].count("<li>a</li>") == 1


@pytest.mark.parametrize(("value", "size"), [("", 50), ("empty", 0)])
def test_truncated_download_looks_whole(client: Client, value: str, size: int) -> None:
    client.faults({"at": "GET /file", "kind": "truncate-download", "value": value})
    assert (client.get("/file")[0], len(client.get("/file")[1])) == (200, 100)
    client.faults({"at": "GET /file", "kind": "truncate-download", "value": value})
    assert len(client.get("/file")[1]) == size


def test_cut_download_breaks_off(client: Client) -> None:
    client.faults({"at": "GET /file", "kind": "truncate-download", "value": "cut"})
    with pytest.raises(http.client.IncompleteRead):
        client.get("/file")


def test_skip_times_and_counters(client: Client) -> None:
    client.faults({"at": "GET /no*", "kind": "error-500", "skip": 1, "times": 2})
    assert [client.get("/notes")[0] for _ in range(4)] == [200, 500, 500, 200]
    [state] = json.loads(client.get("/_sandbox/faults")[1])
    assert (state["fired"], state["portal"]) == (2, "ccee")


def test_slow_makes_slow(client: Client) -> None:
    from time import monotonic

    client.faults({"at": "GET /notes", "kind": "slow", "seconds": 0.3})
    before = monotonic()
    client.get("/notes")
    assert monotonic() - before >= 0.3


def test_the_clock_is_the_sandboxes_and_moves(client: Client) -> None:
    assert json.loads(client.get("/_sandbox/clock")[1])["now"].startswith("2026-11-11T09:0")
    client.send("/_sandbox/clock", {"now": "2026-11-12T18:00:00-03:00"})
    assert json.loads(client.get("/_sandbox/clock")[1])["now"].startswith("2026-11-12T18:00")


def test_an_idle_session_ends_by_the_sandbox_clock(client: Client) -> None:
    client.post("/notes", text="a")
    client.send("/_sandbox/clock", {"now": "2026-11-11T10:00:00-03:00"})
    assert "<p>ninguém</p>" in client.get("/notes")[1]


@pytest.mark.parametrize("order", [{"kind": "explode"}, {"kind": "slow", "portal": "bank"}, {"kind": "slow", "tims": 1}])
def test_unknown_orders_are_refused(client: Client, order: dict[str, Any]) -> None:
    status, text = client.send("/_sandbox/faults", [order])
    assert (status, text.startswith("unknown")) == (400, True)
    assert json.loads(client.get("/_sandbox/faults")[1]) == []


def test_a_faults_file_with_an_unknown_kind_stops_the_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "faults.toml"
    path.write_text('[[fault]]\nportal = "ccee"\nkind = "explode"\n')
    assert main(["up", "--state", str(tmp_path / "state"), "--faults", str(path)]) == 2
    assert "unknown fault kind: 'explode'" in capsys.readouterr().err


def test_faults_match_portal_and_pattern() -> None:
    fault = Fault.parse({"portal": "ccee", "kind": "slow", "at": "POST /a/*"}, ("ccee", "erp"))
    assert not fault.fires("erp", "POST /a/b")
    assert not fault.fires("ccee", "GET /a/b")
    assert fault.fires("ccee", "POST /a/b")
    with pytest.raises(BadFault):
        Fault.parse({"portal": "ccee"}, ("ccee",))
