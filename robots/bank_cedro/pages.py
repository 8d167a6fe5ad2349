"""The screens of Banco Cedro's corporate banking, as a signed-in reader meets them."""

from __future__ import annotations

from retaguarda.model.values import Period
from retaguarda.portal import Download, PortalPage
from robots.platforms import internet_banking
from robots.platforms.internet_banking import LandingPage, choose_account, must_answer, saved


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


class ConnectedPage(internet_banking.ConnectedPage):
    """The operator has a session elsewhere; a new one ends it."""

    heading = "Operador já conectado"
    button = "Encerrar a outra sessão e continuar"


class HomePage(PortalPage):
    """Balances; proof of having signed in."""

    heading = "Início"


class StatementPage(PortalPage):
    """Account, layout and period of the extrato."""

    heading = "Extrato para conciliação"
    path = "/extratos"

    def ask(self, account: str, period: Period) -> ResultPage:
        """Look the period up; NotEntitled when the operator does not see the account."""
        choose_account(self, account)
        self.choose("Leiaute", "CNAB 240 – Conciliação (segmento E)")
        self.fill_date("De", period.start)
        self.fill_date("Até", period.end)
        return self.press("Pesquisar", ResultPage)


class ResultPage(PortalPage):
    """What the bank found for the period, and the button that makes the file."""

    heading = "Resultado da pesquisa"

    def entries(self, account: str, period: Period) -> int:
        """How many movements the bank states; IncompleteDownload when the page answers another question."""
        must_answer(self, account, period)
        return self.stated_total(r"(\d+) lançamentos? no período")

    def save(self) -> Download:
        """The file; when nothing comes, what the page says about it is raised rather than the silence."""
        return saved(self, "Gerar arquivo")
