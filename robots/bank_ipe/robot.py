"""The robot of Banco Ipê: statements (CAMT.053), boleto return files and remessas de cobrança (CNAB 240)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from retaguarda.errors import IncompleteDownload
from retaguarda.model.charges import RemittanceFile
from retaguarda.model.values import Period
from retaguarda.portal import Download, Found, Permit, Receipt
from robots.bank_ipe.pages import CodePage, ReceivedPage, ReviewPage, StatementFramePage, StatementPage, UploadPage, amount_text
from robots.platforms.internet_banking import LATER, LandingPage
from robots.platforms.seiva import ConnectedPage, HomePage, SeivaRobot

QUESTION = "the code that Banco Ipê sent to the administrator's telephone"


class BankIpeRobot(SeivaRobot):
    """Reads the company's account, and hands remessas in; the client certificate is presented by the session."""

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

    def find_remittance(self, wanted: RemittanceFile) -> Found | None:
        """The remessa of this number, or one with the same bytes under another number."""
        self.session.goto(ReceivedPage.path)
        rows = ReceivedPage(self.session).prove().everything(wanted.account)
        sequence, file = wanted.fields()["sequence"], wanted.fields()["file"]
        held = [row for row in rows if row["NSA"] == sequence or row["Código do arquivo"] == file]
        return _found(wanted, held[0], len(held)) if held else None

    def draft_remittance(self, wanted: RemittanceFile) -> RemittanceForm:
        """Upload the file and stop at the bank's check of it, before the button."""
        self.session.goto(UploadPage.path)
        return RemittanceForm(UploadPage(self.session).prove().check(wanted))


@dataclass(frozen=True)
class RemittanceForm:
    """The bank's check of a file, with its button not pressed."""

    page: ReviewPage

    def shown(self) -> dict[str, str]:
        return self.page.shown()

    def submit(self, permit: Permit) -> Receipt:
        """Hand the file in, once."""
        return self.page.submit_file(permit)


def _found(wanted: RemittanceFile, row: dict[str, str], count: int) -> Found:
    fields = {
        "account": wanted.account,
        "sequence": row["NSA"],
        "titles": row["Títulos"],
        "total": amount_text(row["Valor total (R$)"]),
        "file": row["Código do arquivo"],
    }
    return Found(wanted.reference, fields, protocol=row["Protocolo"], count=count)
