"""The robot of Template Title: what it fetches, and in which format."""

from __future__ import annotations

from retaguarda.model.values import Period
from retaguarda.portal import Credential, Download, Robot
from robots.template_name.pages import SignInPage, StatementPage


class TemplateNameRobot(Robot):
    """Reads the company's statements; submits nothing."""

    def sign_in(self, credential: Credential) -> None:
        self.session.goto("/")
        SignInPage(self.session).prove().enter(credential)

    def sign_out(self) -> None:
        StatementPage(self.session).prove().press("Sair", SignInPage, role="link")

    def statement(self, account: str, period: Period) -> Download:
        """The account's movements of the period, as the portal gives them."""
        self.session.goto("/extrato")
        return StatementPage(self.session).prove().save(account, period)
