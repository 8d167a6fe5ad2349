"""The screens of Banco Ipê that are not Seiva's: the code that a person reads, the statement in its frame, the remessas."""

from __future__ import annotations

from decimal import Decimal

from playwright.sync_api import Error

from retaguarda.errors import IncompleteDownload, NotEntitled, PortalChanged
from retaguarda.model.charges import RemittanceFile
from retaguarda.model.values import decimal_br
from retaguarda.portal import Download, Permit, PortalPage, Receipt
from robots.platforms import seiva
from robots.platforms.internet_banking import LandingPage, saved


class CodePage(PortalPage):
    """The bank finds the sign-in unusual and has sent a code to the administrator's telephone."""

    heading = "Confirme que é você"
    signed_in = False

    def enter(self, code: str) -> LandingPage:
        """Send a code, once."""
        self.fill_secret("Código de confirmação", code)
        return self.press("Confirmar", LandingPage)


class StatementFramePage(PortalPage):
    """The page around the statements."""

    heading = "Extratos"
    path = "/extrato"


class StatementPage(seiva.StatementPage):
    """Inside the frame: account and period of the statement. The way out stands on the page around it."""

    frame = "Módulo de extratos"
    signed_in = False

    def entries(self) -> int:
        """How many movements the page states."""
        return self.stated_total(r"(\d+) lançamentos? no período")

    def save(self) -> Download:
        """The shown period as CAMT.053; when no file comes, the screen is asked again, since the session may be gone."""
        try:
            return saved(self, "Baixar CAMT.053")
        except IncompleteDownload:
            self.session.goto(StatementFramePage.path)
            StatementFramePage(self.session).prove()
            self.prove()
            raise


class ReceivedPage(PortalPage):
    """The remessas that the bank took, newest first, some a page."""

    heading = "Remessas recebidas"
    path = "/cobranca/remessas"

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
        if not stated == self._stated() == len(found) == len(set(numbers)):
            raise PortalChanged(f"the page states {stated} remessas and lists {', '.join(numbers) or 'none'}")
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
        given = {"name": file.name, "mimeType": "text/plain", "buffer": file.content}
        try:
            self.field("Arquivo remessa").set_input_files(given)  # type: ignore[arg-type]
        except Error as error:
            raise PortalChanged("the page takes no file", remedy="compare with the bank's screen") from error
        return self.press("Conferir arquivo", ReviewPage)


class ReviewPage(PortalPage):
    """Second step: what the bank read in the file."""

    heading = "Conferir remessa"

    def shown(self) -> dict[str, str]:
        """What the bank read, in the canonical text of `RemittanceFile.fields`."""
        return {
            "account": self.fact("Conta"),
            "sequence": self.fact("NSA"),
            "titles": self.fact("Títulos"),
            "total": amount_text(self.fact("Valor total")),
            "file": self.fact("Código do arquivo"),
        }

    def submit_file(self, permit: Permit) -> Receipt:
        """Hand it in, once."""
        return Receipt(self.submit("Transmitir remessa", permit, ReceiptPage).fact("Protocolo"))


class ReceiptPage(PortalPage):
    """Third step: the protocol number."""

    heading = "Remessa recebida"


def amount_text(shown: str) -> str:
    """`R$ 1.234,56` as `1234.56`; PortalChanged when it is no amount."""
    try:
        amount: Decimal = decimal_br(shown.removeprefix("R$").strip())
    except (ValueError, ArithmeticError):
        raise PortalChanged(f"no amount: {shown!r}") from None
    return f"{amount:.2f}"
