"""The robot of Banco Jatobá: statements (OFX), boleto return files and remessas de cobrança (CNAB 240)."""

from __future__ import annotations

from retaguarda.errors import IncompleteDownload
from retaguarda.model.values import Period
from retaguarda.portal import Download
from robots.bank_jatoba.pages import StatementPage
from robots.platforms.internet_banking import LATER
from robots.platforms.seiva import SeivaRobot


class BankJatobaRobot(SeivaRobot):
    """Reads the company's accounts and hands remessas in, as on every Seiva."""

    def statement(self, account: str, period: Period) -> Download:
        """The account's movements of the period as OFX 1.02; today's are provisional at this bank."""
        self.session.goto(StatementPage.path)
        page = StatementPage(self.session).prove()
        page.ask(account, period)
        got = page.save()
        self._must_be_file(got)
        head, tail = got.read_bytes()[:4096], got.read_bytes()[-64:]
        if b"<OFX>" not in head or not tail.rstrip().endswith(b"</OFX>"):
            raise IncompleteDownload(f"{got.name} of {account} is not a whole OFX file ({got.size} bytes)", remedy=LATER)
        return got
