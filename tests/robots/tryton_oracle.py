"""What the tests of Tryton's robot see past its screens: the ERP's JSON-RPC, and a wire that breaks."""

from __future__ import annotations

import http.client
import json
import select
import shutil
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.sandbox_fixtures import SandboxProcess


class Rpc:
    """Tryton's own JSON-RPC: what the ERP holds, past every screen."""

    def __init__(self, erp: SandboxProcess) -> None:
        self._host = urlsplit(erp.urls["tryton"]).netloc
        self._cookie = ""
        credential = erp.credential("tryton/robo")
        password = {"password": credential.secret("password").reveal()}
        self._call("/erp/session/login", "common.db.login", [credential.user, password, "pt"])

    def rows(self, model: str, domain: list[Any], fields: list[str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._call("/erp/rpc/", f"model.{model}.search_read", [domain, 0, None, None, fields, {}])
        return found

    def invoices(self, *numbers: str) -> dict[str, tuple[str, Decimal]]:
        """State and open amount by invoice number."""
        rows = self.rows("account.invoice", [["number", "in", list(numbers)]], ["number", "state", "amount_to_pay"])
        return {row["number"]: (row["state"], Decimal(row["amount_to_pay"]["decimal"])) for row in rows}

    def statements(self, reference: str) -> list[dict[str, Any]]:
        return self.rows("account.statement", [["name", "=", reference]], ["state", "lines", "journal.name"])

    def _call(self, path: str, method: str, params: list[Any]) -> Any:
        with closing(http.client.HTTPConnection(self._host, timeout=30)) as connection:
            body = json.dumps({"id": 1, "method": method, "params": params})
            connection.request("POST", path, body, {"Content-Type": "application/json", "Cookie": self._cookie})
            answer = connection.getresponse()
            told = json.load(answer)
            self._cookie = (answer.getheader("Set-Cookie") or self._cookie).partition(";")[0]
            assert "error" not in told, told["error"]
            return told["result"]


@contextmanager
def cutting_proxy(erp: SandboxProcess, mark: bytes, folder: Path) -> Iterator[tuple[SandboxProcess, list[bytes]]]:
    """The ERP behind a wire that breaks when the answer to a request with `mark` comes; and the requests that had it."""
    target, seen = urlsplit(erp.urls["tryton"]), list[bytes]()

    class Wire(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((target.hostname or "", target.port or 0)) as server:
                marked = False
                while ready := select.select([self.request, server], [], [])[0]:
                    data = ready[0].recv(65536)
                    if ready[0] is server and marked:
                        return
                    if mark in data:
                        marked = True
                        seen.append(data)
                    if not data:
                        return
                    (server if ready[0] is self.request else self.request).sendall(data)

    class Proxy(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Proxy(("127.0.0.1", 0), Wire) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        url = f"http://localhost:{proxy.server_address[1]}"
        state = folder / "cut"
        state.mkdir()
        shutil.copy(erp.state / "credentials.json", state)
        (state / "portals.toml").write_text((erp.state / "portals.toml").read_text("utf-8").replace(erp.urls["tryton"], url))
        yield SandboxProcess(state, erp.pid, {"tryton": url}), seen
        proxy.shutdown()
