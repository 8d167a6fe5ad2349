"""Screens of TemplateName."""

from __future__ import annotations

from retaguarda.portal import Credential, Download, PortalPage


class SignInPage(PortalPage):
    """Where a person enters."""

    heading = "Acesso"
    signed_in = False

    def enter(self, credential: Credential) -> StatementPage:
        self.fill("Usuário", credential.user)
        self.fill_secret("Senha", credential.secret("password").reveal())
        return self.press("Entrar", then=StatementPage)


class StatementPage(PortalPage):
    """Choice of account and period."""

    heading = "Extrato"

    def download(self) -> Download:
        return self.session.download(self.page.get_by_role("button", name="Baixar").click)
