"""The robot of Banco Cedro: statements (CNAB 240, segment E), boleto return files and remessas de cobrança."""

from __future__ import annotations

from retaguarda.errors import ChallengeRequired, CredentialRefused, IncompleteDownload, PortalUnavailable
from retaguarda.model.charges import RemittanceFile
from retaguarda.model.values import Period
from retaguarda.portal import Credential, Download, Found, Robot
from robots.bank_cedro.pages import (
    CodePage,
    ConnectedPage,
    EntrancePage,
    FilePage,
    HomePage,
    ReceiptPage,
    ReturnsFoundPage,
    ReturnsPage,
    SentFoundPage,
    SentPage,
    StatementPage,
    TransferPage,
)
from robots.platforms.internet_banking import SignedInPage, cnab240_lines, whole_return
from robots.platforms.remittances import RemittanceForm, held


class BankCedroRobot(Robot):
    """Reads the company's accounts, and hands remessas in, as one of its operators."""

    def sign_in(self, credential: Credential) -> None:
        """Client certificate (presented by the session), operator and one-time code; a session left elsewhere is ended."""
        self._knock()
        page = EntrancePage(self.session).prove().identify(credential.user)
        try:
            self._enter(page, credential)
        except ChallengeRequired:
            # a run just before ours spent this code; the bank counts no failure for it, and the next one is good already
            self.session.log.info("the code was spent by another sign-in; trying the next one")
            self._enter(CodePage(self.session), credential)

    def _enter(self, page: CodePage, credential: Credential) -> HomePage:
        return page.enter(self.session.one_time_code(credential)).settle(ConnectedPage, HomePage)

    def _knock(self) -> None:
        """Open the bank; a refused TLS handshake comes back as a server error of the driver and is a matter of the certificate."""
        try:
            self.session.goto("/")
        except PortalUnavailable as error:
            said = self.session.page.locator("body").inner_text()
            if "client-certificate error" in said:
                raise CredentialRefused(f"the bank refused the client certificate: {said[-160:]}", remedy="check its authority") from error
            raise

    def sign_out(self) -> None:
        SignedInPage(self.session).prove().leave()

    def statement(self, account: str, period: Period) -> Download:
        """The account's movements of the period as CNAB 240, segment E; a period that reaches today is marked P (parcial)."""
        self.session.goto(StatementPage.path)
        page = StatementPage(self.session).prove().ask(account, period)
        stated = page.entries(account, period)
        got = page.save()
        if sum(line[13:14] == "E" and line[7:8] == "3" for line in cnab240_lines(got)) != stated or not cnab240_lines(got):
            raise IncompleteDownload(
                f"{got.name} of {account} is not the whole extrato: {stated} movements on the page", remedy="run it again later"
            )
        return got

    def returns(self, account: str, period: Period) -> list[Download]:
        """Every retorno de cobrança of the period, in the order of the bank's list; empty when the bank lists none."""
        self.session.goto(ReturnsPage.path)
        page = ReturnsPage(self.session).prove().consult(account, period, ReturnsFoundPage)
        return [whole_return(page.save(number), number) for number in page.numbers()]

    def find_remittance(self, wanted: RemittanceFile) -> Found | None:
        """The remessa of this number, or one with the same bytes under another number, of all that the bank keeps on line."""
        self.session.goto(SentPage.path)
        rows = SentPage(self.session).prove().history(wanted.account).everything()
        return held(wanted, rows, SentFoundPage.names)

    def draft_remittance(self, wanted: RemittanceFile) -> RemittanceForm:
        """Upload the file into the module and stop at the bank's check of it, before the button."""
        self.session.goto(TransferPage.path)
        TransferPage(self.session).prove()
        return RemittanceForm(FilePage(self.session).prove().check(wanted), ReceiptPage)
