"""The robot of Banco Ipê: statements (CAMT.053), boleto return files and remessas de cobrança (CNAB 240)."""

from __future__ import annotations

import re

from retaguarda.errors import IncompleteDownload
from retaguarda.model.values import Period
from retaguarda.portal import Download
from robots.bank_ipe.pages import CodePage, StatementFramePage, StatementPage
from robots.platforms.internet_banking import LATER, LandingPage
from robots.platforms.seiva import ConnectedPage, HomePage, SeivaRobot

QUESTION = "the code that Banco Ipê sent to the administrator's telephone"


class BankIpeRobot(SeivaRobot):
    """Reads the company's account and hands remessas in, as on every Seiva; the client certificate is presented by the session."""

    def _land(self, landing: LandingPage) -> None:
        """Where the bank finds the sign-in unusual, a person reads the code from the administrator's telephone."""
        if landing.shows(CodePage):
            landing = CodePage(self.session).prove().enter(self.session.typed_code(QUESTION))
        landing.settle(ConnectedPage, HomePage)

    def statement(self, account: str, period: Period) -> Download:
        """The account's movements of the period as CAMT.053; today's are provisional (balance ITBD besides CLBD)."""
        self.session.goto(StatementFramePage.path)
        StatementFramePage(self.session).prove()
        page = StatementPage(self.session).prove()
        page.ask(account, period)
        stated = page.entries()
        got = page.save()
        self._must_be_file(got)
        body = got.read_bytes()
        if not body.rstrip().endswith(b"</Document>") or len(re.findall(rb"<Ntry[ >]", body)) != stated:
            raise IncompleteDownload(
                f"{got.name} of {account} is not the whole statement: {stated} movements on the page ({got.size} bytes)", remedy=LATER
            )
        return got
