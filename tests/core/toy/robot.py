"""A robot that registers one thing at a time at a portal of three screens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from retaguarda.model.acts import Found, Permit, Receipt
from retaguarda.model.secrets import Credential
from retaguarda.portal import PortalPage, Robot
from tests.house import Thing


class Registers(Protocol):
    """Registers things."""

    def find(self, wanted: Thing) -> Found | None: ...
    def draft(self, wanted: Thing) -> ToyForm: ...


class LoginPage(PortalPage):
    heading = "Acesso"
    signed_in = False

    def enter(self, credential: Credential) -> HomePage:
        self.fill("Usuário", credential.user)
        self.fill_secret("Senha", credential.secret("password").reveal())
        return self.press("Entrar", HomePage)


class HomePage(PortalPage):
    heading = "Início"


class ListPage(PortalPage):
    heading = "Lista"


class FormPage(PortalPage):
    heading = "Novo"


class ReceiptPage(PortalPage):
    heading = "Registrado"


@dataclass(frozen=True)
class ToyForm:
    """The filled form."""

    page: FormPage

    def shown(self) -> dict[str, str]:
        return {"reference": self.page.value("Referência"), "value": self.page.value("Valor")}

    def submit(self, permit: Permit) -> Receipt:
        return Receipt(self.page.submit("Concluir", permit, ReceiptPage).fact("Protocolo"))


class ToyRobot(Robot):
    """Registers things and finds them again."""

    def sign_in(self, credential: Credential) -> None:
        self.session.goto("/login")
        LoginPage(self.session).prove().enter(credential)

    def sign_out(self) -> None:
        self.session.goto("/sair")
        LoginPage(self.session).prove()

    def find(self, wanted: Thing) -> Found | None:
        self.session.goto("/list")
        rows = [row for row in ListPage(self.session).prove().rows("Coisas") if row["Referência"] == wanted.reference]
        held = {"reference": wanted.reference, "value": rows[-1]["Valor"]} if rows else {}
        return Found(wanted.reference, held, rows[-1]["Protocolo"], len(rows)) if rows else None

    def draft(self, wanted: Thing) -> ToyForm:
        self.session.goto("/new")
        page = FormPage(self.session).prove()
        page.fill("Referência", wanted.reference)
        page.fill("Valor", wanted.value)
        return ToyForm(page)
