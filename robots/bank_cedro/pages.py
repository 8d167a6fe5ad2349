"""The screens of Banco Cedro's corporate banking, as a signed-in reader meets them."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar, TypeVar

from retaguarda.errors import PortalChanged
from retaguarda.model.charges import RemittanceFile
from retaguarda.model.values import Period
from retaguarda.portal import Download, PortalPage
from robots.platforms import internet_banking, remittances
from robots.platforms.internet_banking import LandingPage, choose_account, must_answer, must_list, saved
from robots.platforms.remittances import Names, give

R = TypeVar("R", bound=PortalPage)


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


class PeriodPage(PortalPage):
    """Account and period of what belongs to the boletos."""

    def consult(self, account: str, period: Period, result: type[R]) -> R:
        """Look the period up; NotEntitled when the account has no boletos, IncompleteDownload when the page answers another question."""
        choose_account(self, account)
        self.fill_date("De", period.start)
        self.fill_date("Até", period.end)
        found = self.press("Pesquisar", result)
        must_answer(found, account, period)
        return found


class ReturnsPage(PeriodPage):
    """The form of the retornos."""

    heading = "Arquivos de retorno"
    path = "/retornos"


class ReturnsFoundPage(PortalPage):
    """The retornos of a period, one row each; every file comes by a form of its own."""

    heading = "Retornos do período"

    def numbers(self) -> list[str]:
        """The number of every file of the period."""
        numbers = [row["Número"] for row in self.rows("Arquivos de retorno")]
        must_list(self.stated_total(r"(\d+) arquivos? no período"), numbers)
        return numbers

    def save(self, number: str) -> Download:
        """The file of one row; all of them come under one name."""
        return saved(self, "Baixar", row=number)


class SentPage(PeriodPage):
    """The form of the remessas."""

    heading = "Remessas transmitidas"
    path = "/remessas"

    def history(self, account: str) -> SentFoundPage:
        """Everything that the bank keeps on line, by the bank's own day."""
        today = self._today()
        history = dt.timedelta(days=self.session.manifest.history_days - 1)
        return self.consult(account, Period(today - history, today), SentFoundPage)

    def _today(self) -> dt.date:
        shown = self.value("Até")
        try:
            return dt.date.fromisoformat(shown)
        except ValueError:
            raise PortalChanged(f"the form opens with no day: {shown!r}") from None


class SentFoundPage(PortalPage):
    """The remessas of a period, newest first, on one page; one that was handed in twice stands there twice."""

    heading = "Remessas do período"
    names: ClassVar[Names] = {
        "sequence": "Remessa",
        "titles": "Títulos",
        "total": "Valor (R$)",
        "file": "Hash",
        "protocol": "Protocolo",
    }

    def everything(self) -> list[dict[str, str]]:
        """Every row; raises unless they are as many as the bank states, each protocol once."""
        rows = self.rows("Remessas")
        must_list(self.stated_total(r"(\d+) remessas? no período"), [row["Protocolo"] for row in rows])
        return rows


class TransferPage(PortalPage):
    """The page around the transfer module."""

    heading = "Transmissão de arquivos"
    path = "/remessas/transmitir"


class ModulePart(PortalPage):
    """A screen inside the transfer module; the way out stands on the page around it."""

    frame = "Módulo de transferência"
    signed_in = False


class FilePage(ModulePart):
    """First step: service and file."""

    heading = "Seleção do arquivo"

    def check(self, file: RemittanceFile) -> CheckPage:
        """Have the bank read the file; nothing is handed in by that."""
        self.choose("Serviço", "Cobrança – CNAB 240 (remessa)")
        give(self, "Arquivo", file)
        return self.press("Enviar arquivo", CheckPage)


class CheckPage(ModulePart, remittances.ReviewPage):
    """Second step: what the bank read in the file."""

    heading = "Confirmação do arquivo"
    button = "Confirmar transmissão"
    names: ClassVar[Names] = {
        "account": "Conta",
        "sequence": "Número da remessa",
        "titles": "Quantidade de títulos",
        "total": "Valor dos títulos",
        "file": "Hash SHA-256",
    }


class ReceiptPage(ModulePart):
    """Third step: the protocol number."""

    heading = "Recibo de transmissão"
