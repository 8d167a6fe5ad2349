"""The robot of Banco Jatobá: statements (OFX) and boleto return files (CNAB 240)."""

from __future__ import annotations

from retaguarda.errors import IncompleteDownload
from retaguarda.model.values import Period
from retaguarda.portal import Credential, Download, Robot
from robots.bank_jatoba.pages import EntrancePage, ReturnsPage, SignedInPage, StatementPage

LATER = "run it again; when it repeats, compare with the bank's screen"


class BankJatobaRobot(Robot):
    """Reads the company's accounts as one of its users; submits nothing."""

    def sign_in(self, credential: Credential) -> None:
        """Account and user, then the password on the virtual keyboard; a session left elsewhere is ended."""
        self.session.goto("/")
        password = EntrancePage(self.session).prove().identify(self.session.account, credential.user)
        password.enter(credential.secret("password")).settle()

    def sign_out(self) -> None:
        SignedInPage(self.session).prove().leave()

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

    def returns(self, account: str, period: Period) -> list[Download]:
        """Every retorno de cobrança of the period, in the order of the bank's list; empty when the bank lists none."""
        self.session.goto(ReturnsPage.path)
        page = ReturnsPage(self.session).prove()
        return [self._return(page, number) for number in page.ask(account, period)]

    def _return(self, page: ReturnsPage, number: str) -> Download:
        got = page.save(number)
        self._must_be_file(got)
        lines = got.read_bytes().decode("latin-1").splitlines()
        if lines[-1][7:8] != "9" or lines[-1][23:29] != f"{len(lines):06d}":
            raise IncompleteDownload(f"retorno {number} is not a whole CNAB 240 file ({got.size} bytes)", remedy=LATER)
        if lines[0][157:163] != number:
            raise IncompleteDownload(f"asked for retorno {number}, the bank sent {lines[0][157:163]}", remedy=LATER)
        return got

    def _must_be_file(self, got: Download) -> None:
        """A web page saved under a file's name tells that the session is gone, or that the bank failed."""
        if got.read_bytes()[:512].lstrip().lower().startswith((b"<!doctype", b"<html")):
            self.session.goto(StatementPage.path)
            StatementPage(self.session).prove()
            raise IncompleteDownload(f"the bank sent a web page under the name {got.name}", remedy=LATER)
