"""The screens of Template Title."""

from __future__ import annotations

from retaguarda.errors import IncompleteDownload
from retaguarda.model.values import Period
from retaguarda.portal import Credential, Download, PortalPage


class SignInPage(PortalPage):
    """User and password."""

    heading = "Acesso"
    signed_in = False

    def enter(self, credential: Credential) -> StatementPage:
        self.fill("Usuário", credential.user)
        self.fill_secret("Senha", credential.secret("password").reveal())
        return self.press("Entrar", StatementPage)


class StatementPage(PortalPage):
    """Account and period, and below them what the portal found."""

    heading = "Extrato"

    def save(self, account: str, period: Period) -> Download:
        """The movements as a file; IncompleteDownload when the portal shows or sends something else than was asked for."""
        self.fill("Conta", account)
        self.fill_date("Data inicial", period.start)
        self.fill_date("Data final", period.end)
        self.press("Consultar", StatementPage)
        asked = f"{account} {period.start:%d/%m/%Y} a {period.end:%d/%m/%Y}"
        if (shown := f"{self.fact('Conta')} {self.fact('Período')}") != asked:
            raise IncompleteDownload(f"asked for {asked}, the page shows {shown}")
        got = self.session.download(self.page.get_by_role("button", name="Baixar", exact=True).click)
        if not got.read_bytes().rstrip().endswith(b"</OFX>"):
            raise IncompleteDownload(f"{got.name} is not whole: it does not end with </OFX>", remedy="run it again later")
        return got
