"""The screens of Banco Cedro's corporate banking, as a signed-in reader meets them."""

from __future__ import annotations

from retaguarda.errors import IncompleteDownload, NotEntitled, PortalChanged
from retaguarda.model.values import Period
from retaguarda.portal import Download, PortalPage


class EntrancePage(PortalPage):
    """First step: the bank has read the client certificate and asks for the operator."""

    heading = "Acesso com certificado digital"
    signed_in = False

    def identify(self, operator: str) -> CodePage:
        """Name the operator and go past the notice about the security module, which no server has."""
        self.fill("Código do operador", operator)
        return self.press("Acessar com certificado", ModulePage).go_without()


class ModulePage(PortalPage):
    """The bank misses its security module; reading is allowed without it."""

    heading = "Módulo de segurança não detectado"
    signed_in = False

    def go_without(self) -> CodePage:
        return self.press("Continuar sem o módulo", CodePage)


class CodePage(PortalPage):
    """Second step: the code of the operator's token."""

    heading = "Código de segurança"
    signed_in = False

    def enter(self, code: str) -> LandingPage:
        """Send a code, once."""
        self.fill_secret("Código do token", code)
        return self.press("Confirmar", LandingPage)


class LandingPage(PortalPage):
    """Whatever comes after a right code: the home page, or a word about another session."""

    signed_in = False

    def settle(self) -> HomePage:
        """End the operator's other session, if there is one, and be at home."""
        if self.page.get_by_role("heading", name=ConnectedPage.heading, exact=True).is_visible():
            return ConnectedPage(self.session).prove().take_over()
        return HomePage(self.session).prove()


class ConnectedPage(PortalPage):
    """The operator has a session elsewhere; a new one ends it."""

    heading = "Operador já conectado"
    signed_in = False

    def take_over(self) -> HomePage:
        return self.press("Encerrar a outra sessão e continuar", HomePage)


class HomePage(PortalPage):
    """Balances; proof of having signed in."""

    heading = "Início"


class LeftPage(PortalPage):
    """The bank's goodbye: no session is left behind."""

    heading = "Sessão encerrada"
    signed_in = False


class SignedInPage(PortalPage):
    """Any page that carries the way out."""

    def leave(self) -> LeftPage:
        return self.press("Sair", LeftPage, role="link")


class StatementPage(PortalPage):
    """Account, layout and period of the extrato."""

    heading = "Extrato para conciliação"
    path = "/extratos"

    def ask(self, account: str, period: Period) -> ResultPage:
        """Look the period up; NotEntitled when the operator does not see the account."""
        self.value("Conta")  # a page without this field is a changed page, not a missing account
        if account not in self.field("Conta").locator("option").all_inner_texts():
            raise NotEntitled(f"the operator does not see account {account} at this bank")
        self.choose("Conta", account)
        self.choose("Leiaute", "CNAB 240 – Conciliação (segmento E)")
        self.fill_date("De", period.start)
        self.fill_date("Até", period.end)
        return self.press("Pesquisar", ResultPage)


class ResultPage(PortalPage):
    """What the bank found for the period, and the button that makes the file."""

    heading = "Resultado da pesquisa"

    def entries(self, account: str, period: Period) -> int:
        """How many movements the bank states; IncompleteDownload when the page answers another question."""
        asked = (account, f"{period.start:%d/%m/%Y} a {period.end:%d/%m/%Y}")
        shown = (self.fact("Conta"), self.fact("Período"))
        if shown != asked:
            raise IncompleteDownload(f"asked for {' '.join(asked)}, the page shows {' '.join(shown)}")
        return self.stated_total(r"(\d+) lançamentos? no período")

    def save(self) -> Download:
        """The file; when nothing comes, what the page says about it is raised rather than the silence."""
        try:
            return self.session.download(self.page.get_by_role("button", name="Gerar arquivo", exact=True).click)
        except PortalChanged as error:
            self.prove()
            raise IncompleteDownload(f"no whole file came: {error.text}", remedy="run it again later") from error
