"""Does at TemplateName what a person of the back office would do."""

from __future__ import annotations

from retaguarda.model.values import Period
from retaguarda.portal import Credential, Download, Robot
from robots.template_name.pages import SignInPage, StatementPage


class TemplateNameRobot(Robot):
    """Downloads statements from TemplateName."""

    def sign_in(self, credential: Credential) -> None:
        self.session.goto("/")
        SignInPage(self.session).prove().enter(credential)

    def statement(self, account: str, period: Period) -> Download:
        """The statement of `account` in `period`, as the portal gives it."""
        page = StatementPage(self.session).prove()
        page.fill_date("Data inicial", period.start)
        page.fill_date("Data final", period.end)
        return page.download()
