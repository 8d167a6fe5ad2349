"""The screens of Banco Ipê that are not Seiva's: the code that a person reads, the statement in its frame."""

from __future__ import annotations

from retaguarda.errors import IncompleteDownload
from retaguarda.portal import Download, PortalPage
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
