"""The screens of Banco Jatobá's internet banking, as a signed-in reader meets them."""

from __future__ import annotations

import re

from playwright.sync_api import Error

from retaguarda.errors import ConfigurationError, IncompleteDownload, NotEntitled, PortalChanged
from retaguarda.model.values import Period
from retaguarda.portal import Download, PortalPage, Secret


class EntrancePage(PortalPage):
    """First step: agency, account and user."""

    heading = "Acesso à conta"
    signed_in = False

    def identify(self, account: str, user: str) -> PasswordPage:
        """`account` is written as the bank writes it: `4417 / 38215-6`."""
        agency, _, number = (part.strip() for part in account.partition("/"))
        if not number:
            raise ConfigurationError(f"not an account of this bank: {account!r}", remedy="portals.bank_jatoba.account = '4417 / 38215-6'")
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


class LandingPage(PortalPage):
    """Whatever comes after a right password: the home page, or a word about another session."""

    signed_in = False

    def settle(self) -> HomePage:
        """End the user's other session, if there is one, and be at home."""
        if self.page.get_by_role("heading", name=ConnectedPage.heading, exact=True).is_visible():
            return ConnectedPage(self.session).prove().take_over()
        return HomePage(self.session).prove()


class ConnectedPage(PortalPage):
    """The user has a session elsewhere; a new one ends it."""

    heading = "Usuário já conectado"
    signed_in = False

    def take_over(self) -> HomePage:
        return self.press("Continuar neste computador", HomePage)


class HomePage(PortalPage):
    """Balances; proof of having signed in."""

    heading = "Visão geral"


class LeftPage(PortalPage):
    """The bank's goodbye: no session is left behind."""

    heading = "Sessão encerrada"
    signed_in = False


class SignedInPage(PortalPage):
    """Any page that carries the way out."""

    def leave(self) -> LeftPage:
        return self.press("Sair", LeftPage, role="link")


class _QueryPage(PortalPage):
    """A form with a period, and its answer on the same screen."""

    def _ask(self, period: Period) -> None:
        self.fill_date("Data inicial", period.start)
        self.fill_date("Data final", period.end)
        self.press("Consultar", type(self))

    def _must_answer(self, account: str, period: Period) -> None:
        """The page must show the account and the period that were asked for, not only take them."""
        asked = (account, f"{period.start:%d/%m/%Y} a {period.end:%d/%m/%Y}")
        shown = (self.fact("Conta"), self.fact("Período"))
        if shown != asked:
            raise IncompleteDownload(f"asked for {' '.join(asked)}, the page shows {' '.join(shown)}")


class StatementPage(_QueryPage):
    """Period, account and format of the statement."""

    heading = "Extrato de conta corrente"
    path = "/extrato"

    def ask(self, account: str, period: Period) -> None:
        """Show the period of the account; NotEntitled when the user does not see the account."""
        self.value("Conta")  # a page without this field is a changed page, not a missing account
        if account not in self.field("Conta").locator("option").all_inner_texts():
            raise NotEntitled(f"the user does not see account {account} at this bank")
        self.choose("Conta", account)
        self._ask(period)
        self._must_answer(account, period)

    def save(self) -> Download:
        """The shown period as OFX."""
        self.choose("Formato", "OFX (Money)")
        return _saved(self, "Baixar extrato", "button")


class ReturnsPage(_QueryPage):
    """The retorno files of a period, one row each."""

    heading = "Arquivos retorno de cobrança"
    path = "/cobranca"

    def ask(self, account: str, period: Period) -> list[str]:
        """The NSA of every file of the period, as the list shows them; NotEntitled when the list is of another account."""
        self._ask(period)
        if self.fact("Conta") != account:
            raise NotEntitled(f"the user sees the returns of {self.fact('Conta')}, not those of {account}")
        self._must_answer(account, period)
        numbers = [row["NSA"] for row in self.rows("Arquivos retorno")]
        stated = self.stated_total(r"(\d+) arquivos? no período")
        if stated != len(numbers) or len(set(numbers)) != stated:
            raise PortalChanged(f"the page states {stated} files and lists {', '.join(numbers) or 'none'}")
        return numbers

    def save(self, number: str) -> Download:
        """The file of one row; all of them come under one name."""
        return _saved(self, "Baixar", "link", row=number)


def _saved(page: PortalPage, name: str, role: str, row: str = "") -> Download:
    """Press and save; when nothing comes, what the page says about it is raised rather than the silence."""
    where = page.page.get_by_role("row").filter(has_text=row) if row else page.page
    try:
        return page.session.download(where.get_by_role(role, name=name, exact=True).click)  # type: ignore[arg-type]
    except PortalChanged as error:
        page.prove()
        raise IncompleteDownload(f"no whole file came: {error.text}", remedy="run it again later") from error
