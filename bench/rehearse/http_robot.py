"""Operates the sandbox's CCEE over plain HTTP, as its robot does with a browser: each screen proves itself."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode

from bench.rehearse.sandboxed import CceePortal
from retaguarda.errors import (
    CredentialRefused,
    NetworkDown,
    OutcomeUnknown,
    PortalChanged,
    PortalUnavailable,
    Refused,
    RetaguardaError,
    SessionLost,
)
from retaguarda.model.acts import Found, Permit, Receipt
from sandbox.ccee.words import validity
from tests.house import Thing
from tests.sandbox_fixtures import Client

MONTH = "2026-10"
VOID = {"meta", "link", "input", "img", "br"}


class Screen(HTMLParser):
    """What a page shows: heading, alerts, rows of its table, facts of its list, and whether somebody is signed in."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.heading, self.alerts, self.signed_in, self.token = "", list[str](), False, ""
        self.rows: list[list[str]] = []
        self.facts: dict[str, str] = {}
        self.text = ""
        self._inside: list[str] = []
        self._term = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("name") == "formulario":
            self.token = given.get("value") or ""
        if tag not in VOID:
            self._inside.append("alert" if given.get("role") == "alert" else tag)
        if tag == "tr":
            self.rows.append([])
        if tag == "td":
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and self._inside:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        words, where = " ".join(data.split()), set(self._inside)
        self.text += f" {words}"
        if "h1" in where:
            self.heading += words
        if "alert" in where and words:
            self.alerts.append(words)
        if "td" in where:
            self.rows[-1][-1] += words
        self.signed_in = self.signed_in or ("a" in where and words == "Sair")
        if "dt" in where:
            self._term = words
        if "dd" in where:
            self.facts[self._term] = self.facts.get(self._term, "") + words


@dataclass
class HttpRobot:
    """Looks and presses; one session."""

    portal: CceePortal
    seller: int
    buyers: dict[str, int]
    """Who buys, by reference."""
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = Client(self.portal.url)

    def sign_in(self) -> None:
        """Password and code in a fresh session."""
        self.client = Client(self.portal.url)
        known = self.portal.credential()
        said = self._post("/ui/login", usuario=known["user"], senha=known["password"])
        if said.alerts:
            raise CredentialRefused(said.alerts[0])
        self._post("/ui/mfa", canal="email")
        if not self._post("/ui/mfa/codigo", codigo=self.portal.last_code()).signed_in:
            raise PortalChanged("not signed in after the code")

    def find(self, wanted: Thing) -> Found | None:
        """What the portal holds under the reference, on a page that proves itself."""
        page = self._must_be("Contratos", self._get(f"/contratos?{urlencode({'month': '10/2026', 'reference': wanted.reference})}"))
        rows = [row for row in page.rows if len(row) == 10]
        stated = re.search(r"(\d+) contratos? encontrados?", page.text)
        if stated is None or int(stated[1]) != len(rows):
            raise PortalChanged(f"the list holds {len(rows)} rows, and states {stated and stated[1]}")
        if not rows:
            return None
        return Found(wanted.reference, {"reference": rows[0][1], "value": rows[0][6]}, rows[0][9], len(rows))

    def draft(self, wanted: Thing) -> HttpForm:
        """Fill the wizard and stop at its review."""
        token = self._must_be("Novo contrato – Dados gerais", self._get("/contratos/novo")).token
        start, end = validity(MONTH)
        buyer = str(self.buyers[wanted.reference])
        general = {"reference": wanted.reference, "seller": str(self.seller), "buyer": buyer, "submarket": "SUL", "month": "10/2026"}
        self._post("/contratos/novo/dados", formulario=token, **general, start=start, end=end)
        self._post("/contratos/novo/montantes", formulario=token, mw=wanted.value)
        self._post("/contratos/novo/modulacao", formulario=token, modulation="Flat")
        review = self._get(f"/contratos/novo/conferencia?formulario={token}")
        return HttpForm(self, token, self._must_be("Novo contrato – Conferência", review))

    def _must_be(self, heading: str, page: Screen) -> Screen:
        if page.heading == heading and page.signed_in:
            return page
        if page.heading == "Acesso ao sistema" or "Sessão" in " ".join(page.alerts):
            raise SessionLost()
        raise PortalChanged(f"{page.heading!r} instead of {heading!r}: {page.alerts}")

    def _get(self, path: str) -> Screen:
        return self._screen(lambda: self.client.get(path))

    def _post(self, path: str, **form: str) -> Screen:
        return self._screen(lambda: self.client.post(path, **form))

    def _screen(self, ask: object) -> Screen:
        try:
            status, html = ask()  # type: ignore[operator]
        except OSError as error:
            raise NetworkDown(str(error)) from error
        if status >= 500:
            raise PortalUnavailable(f"the portal answered {status}")
        return Screen(html)

    def press(self, token: str) -> Screen:
        """The one press."""
        return self._post("/contratos/novo/concluir", formulario=token)


@dataclass(frozen=True)
class HttpForm:
    """A filled wizard at its review."""

    robot: HttpRobot
    token: str
    review: Screen

    def shown(self) -> dict[str, str]:
        return {"reference": self.review.facts["Referência"], "value": self.review.facts["Montante (MWmédio)"]}

    def submit(self, permit: Permit) -> Receipt:
        """Press once, and read the answer."""
        permit.use()
        try:
            page = self.robot.press(self.token)
        except RetaguardaError as error:
            raise OutcomeUnknown(f"sent, but not proven: {error.text}") from error
        if page.heading == "Contrato registrado" and page.signed_in:
            return Receipt(page.facts["Protocolo"])
        if any("não está ativo" in said for said in page.alerts):
            raise Refused(page.alerts[0])
        raise OutcomeUnknown(f"sent, but not proven: {page.heading} {page.alerts}")
