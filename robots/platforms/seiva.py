"""Seiva, the white-label internet banking of several banks: its sign-in, virtual keyboard, retornos and remessas."""

from __future__ import annotations

import re
from typing import ClassVar

from playwright.sync_api import Error

from retaguarda.errors import ConfigurationError, IncompleteDownload, NotEntitled, PortalChanged
from retaguarda.model.charges import RemittanceFile
from retaguarda.model.values import Period
from retaguarda.portal import Credential, Download, Found, PortalPage, Robot, Secret
from robots.platforms import internet_banking, remittances
from robots.platforms.internet_banking import (
    LATER,
    LandingPage,
    SignedInPage,
    choose_account,
    is_web_page,
    must_answer,
    must_list,
    saved,
    whole_return,
)
from robots.platforms.remittances import Names, RemittanceForm, give, held


class EntrancePage(PortalPage):
    """First step: agency, account and user."""

    heading = "Acesso à conta"
    signed_in = False

    def identify(self, account: str, user: str) -> PasswordPage:
        """`account` is written as the bank writes it: `4417 / 38215-6`."""
        agency, _, number = (part.strip() for part in account.partition("/"))
        if not number:
            where = f"portals.{self.session.manifest.name}.account"
            raise ConfigurationError(f"not an account of this bank: {account!r}", remedy=f"{where} = '4417 / 38215-6'")
        self.fill("Agência", agency)
        self.fill("Conta com dígito", number)
        self.fill("Usuário", user)
        return self.press("Continuar", PasswordPage)


class PasswordPage(PortalPage):
    """Second step: a keyboard whose five keys carry two digits each, shuffled at every load."""

    heading = "Senha eletrônica"
    signed_in = False

    def enter(self, password: Secret) -> LandingPage:
        """Press the key of every digit and send the form, once."""
        digits = password.reveal()
        if not re.fullmatch("[0-9]{8}", digits):
            raise ConfigurationError("this bank's passwords are eight digits", remedy="correct the password in the vault")
        for digit in digits:
            self._tap(digit)
        if len(self.value("Senha eletrônica")) != len(digits):
            raise PortalChanged("the virtual keyboard did not take every digit of the password")
        return self.press("Acessar", LandingPage)

    def _tap(self, digit: str) -> None:
        keyboard = self.page.get_by_role("group", name="Teclado virtual")
        try:
            keyboard.get_by_role("button", name=re.compile(rf"^({digit} ou \d|\d ou {digit})$")).click()
        except Error:
            # the original names the digit: neither it nor its context may reach a log
            raise PortalChanged("the virtual keyboard has no key for a digit of the password") from None


class ConnectedPage(internet_banking.ConnectedPage):
    """The user has a session elsewhere."""

    heading = "Usuário já conectado"
    button = "Continuar neste computador"


class HomePage(PortalPage):
    """Balances; proof of having signed in."""

    heading = "Visão geral"


class QueryPage(PortalPage):
    """A form with a period, and its answer on the same screen."""

    def consult(self, period: Period) -> None:
        """Ask for a period; what comes is to be held against it with `must_answer`."""
        self.fill_date("Data inicial", period.start)
        self.fill_date("Data final", period.end)
        self.press("Consultar", type(self))


class StatementPage(QueryPage):
    """Account and period of the statement."""

    heading = "Extrato de conta corrente"
    path = "/extrato"

    def ask(self, account: str, period: Period) -> None:
        """Show the period of the account; NotEntitled when the user does not see the account."""
        choose_account(self, account)
        self.consult(period)
        must_answer(self, account, period)


class ReturnsPage(QueryPage):
    """The retorno files of a period, one row each."""

    heading = "Arquivos retorno de cobrança"
    path = "/cobranca"

    def ask(self, account: str, period: Period) -> list[str]:
        """The NSA of every file of the period, as the list shows them; NotEntitled when the list is of another account."""
        self.consult(period)
        if self.fact("Conta") != account:
            raise NotEntitled(f"the user sees the returns of {self.fact('Conta')}, not those of {account}")
        must_answer(self, account, period)
        numbers = [row["NSA"] for row in self.rows("Arquivos retorno")]
        must_list(self.stated_total(r"(\d+) arquivos? no período"), numbers)
        return numbers

    def save(self, number: str) -> Download:
        """The file of one row; all of them come under one name."""
        return saved(self, "Baixar", "link", row=number)


class ReceivedPage(PortalPage):
    """The remessas that the bank took, newest first, some a page."""

    heading = "Remessas recebidas"
    path = "/cobranca/remessas"
    names: ClassVar[Names] = {
        "sequence": "NSA",
        "titles": "Títulos",
        "total": "Valor total (R$)",
        "file": "Código do arquivo",
        "protocol": "Protocolo",
    }

    def everything(self, account: str) -> list[dict[str, str]]:
        """Every row of every page; raises unless they are as many as the bank states, each number once, of this account."""
        if self.fact("Conta") != account:
            raise NotEntitled(f"the user sees the remessas of {self.fact('Conta')}, not those of {account}")
        stated, pages = self._stated(), self._pages()
        found = self.rows("Remessas")
        for number in range(2, pages + 1):
            self.press(f"{number}", ReceivedPage, role="link")
            if self.fact("Página") != f"{number} de {pages}":
                raise PortalChanged(f"asked for page {number} of {pages}, the list shows {self.fact('Página')}")
            found += self.rows("Remessas")
        numbers = [row["NSA"] for row in found]
        must_list(stated, numbers)
        must_list(self._stated(), numbers)  # none came while we turned the pages
        return found

    def _stated(self) -> int:
        return self.stated_total(r"(\d+) remessas? recebidas?")

    def _pages(self) -> int:
        number, _, pages = self.fact("Página").partition(" de ")
        if number != "1" or not pages.isdigit():
            raise PortalChanged(f"the list of remessas says of its pages: {self.fact('Página')}")
        return int(pages)


class UploadPage(PortalPage):
    """First step: the file."""

    heading = "Enviar remessa de cobrança"
    path = "/cobranca/remessas/enviar"

    def check(self, file: RemittanceFile) -> ReviewPage:
        """Have the bank read the file; nothing is handed in by that."""
        give(self, "Arquivo remessa", file)
        return self.press("Conferir arquivo", ReviewPage)


class ReviewPage(remittances.ReviewPage):
    """Second step: what the bank read in the file."""

    heading = "Conferir remessa"
    button = "Transmitir remessa"
    names: ClassVar[Names] = {
        "account": "Conta",
        "sequence": "NSA",
        "titles": "Títulos",
        "total": "Valor total",
        "file": "Código do arquivo",
    }


class ReceiptPage(PortalPage):
    """Third step: the protocol number."""

    heading = "Remessa recebida"


class SeivaRobot(Robot):
    """What a user does at every bank on this platform."""

    def sign_in(self, credential: Credential) -> None:
        """Account and user, then the password on the virtual keyboard; a session left elsewhere is ended."""
        self.session.goto("/")
        password = EntrancePage(self.session).prove().identify(self.session.account, credential.user)
        self._land(password.enter(credential.secret("password")))

    def _land(self, landing: LandingPage) -> None:
        """From a right password to the home page."""
        landing.settle(ConnectedPage, HomePage)

    def sign_out(self) -> None:
        SignedInPage(self.session).prove().leave()

    def returns(self, account: str, period: Period) -> list[Download]:
        """Every retorno de cobrança of the period, in the order of the bank's list; empty when the bank lists none."""
        self.session.goto(ReturnsPage.path)
        page = ReturnsPage(self.session).prove()
        return [self._return(page, number) for number in page.ask(account, period)]

    def _return(self, page: ReturnsPage, number: str) -> Download:
        got = page.save(number)
        self._must_be_file(got)
        return whole_return(got, number)

    def find_remittance(self, wanted: RemittanceFile) -> Found | None:
        """The remessa of this number, or one with the same bytes under another number."""
        self.session.goto(ReceivedPage.path)
        return held(wanted, ReceivedPage(self.session).prove().everything(wanted.account), ReceivedPage.names)

    def draft_remittance(self, wanted: RemittanceFile) -> RemittanceForm:
        """Upload the file and stop at the bank's check of it, before the button."""
        self.session.goto(UploadPage.path)
        return RemittanceForm(UploadPage(self.session).prove().check(wanted), ReceiptPage)

    def _must_be_file(self, got: Download) -> None:
        """A web page saved under a file's name tells that the session is gone, or that the bank failed."""
        if is_web_page(got):
            self.session.goto(ReturnsPage.path)
            ReturnsPage(self.session).prove()
            raise IncompleteDownload(f"the bank sent a web page under the name {got.name}", remedy=LATER)
