"""The robot of Tryton: exports contracts and invoices, and books customers' payments as bank statements."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Mapping
from decimal import Decimal
from html import escape
from typing import TypeVar

from retaguarda.errors import Conflict, IncompleteDownload, PortalChanged, Refused
from retaguarda.model.receivables import Settlement, SettlementBatch
from retaguarda.model.values import Month, date_br, decimal_br
from retaguarda.portal import Credential, Download, Draft, Found, Permit, Receipt, Robot
from robots.tryton.pages import (
    ContractsPage,
    DraftPage,
    HomePage,
    ImportPage,
    InvoicesPage,
    LinesPage,
    ListPage,
    LoginPage,
    StatementPage,
    StatementsPage,
    ValidatedPage,
)

CONTRACT_FIELDS = {
    "number": "Número",
    "direction.translated": "Direção (cadeia de caracteres)",
    "party": "Contraparte",
    "cnpj": "CNPJ",
    "seller_profile": "Perfil vendedor",
    "buyer_profile": "Perfil comprador",
    "submarket": "Submercado",
    "energy": "Tipo de energia",
    "month": "Mês",
    "quantity": "MWh",
    "price": "Preço",
    "modulation": "Modulação",
}
INVOICE_FIELDS = {
    "number": "Numero",
    "party": "Pessoa",
    "party_tax_identifier/code": "Identificador de Tributos da Pessoa/Código",
    "reference": "Referência",
    "invoice_date": "Data da Fatura",
    "lines_to_pay/maturity_date": "Linhas a Pagar/Data de Vencimento",
    "total_amount": "Total",
    "amount_to_pay": "Montante a Pagar",
    "description": "Descrição",
}
"""Field path → header that Tryton 8.0 gives it in Portuguese."""
LOOK_BACK = dt.timedelta(days=183)
"""How long before the month paid invoices are still exported: their payments may stand in the statements of the month."""
NEXT = {"draft": "validated", "validated": "posted"}
"""State of a statement → what its one button makes of it."""
REACHED = {"validated": ["validated", "posted"], "posted": ["posted"]}
"""Wanted state → the states in which it is reached: what is posted was validated."""

P = TypeVar("P", DraftPage, ValidatedPage)


class TrytonRobot(Robot):
    """Works in the ERP as its own user, through the web client."""

    def sign_in(self, credential: Credential) -> None:
        """User, then password; a session that ended is entered anew."""
        LoginPage(self.session).enter().identify(credential.user).enter(credential.secret("password"))

    def sign_out(self) -> None:
        HomePage(self.session).prove().leave()

    # --- ExportsErp ----------------------------------------------------------------------------------------------------

    def contracts(self, month: Month) -> Download:
        """The energy contracts whose month of supply is `month`, as CSV: UTF-8, commas, `1615.144`, `2026-10-01`."""
        return self._exported(ContractsPage(self.session).look([["month", "=", _date(month.first)]]), CONTRACT_FIELDS)

    def receivables(self, month: Month) -> Download:
        """The customers' invoices issued up to the month after `month`, as CSV: all that are open, and the recently paid.

        Paid ones have nothing to pay; whoever reconciles the month again must see that they are booked already.
        """
        posted = ["state", "=", "posted"]
        paid = [["state", "=", "paid"], ["invoice_date", ">=", _date(month.first - LOOK_BACK)]]
        domain = [["type", "=", "out"], ["invoice_date", "<=", _date(month.next.last)], ["OR", posted, paid]]
        return self._exported(InvoicesPage(self.session).look(domain), INVOICE_FIELDS)

    def _exported(self, page: ListPage, fields: Mapping[str, str]) -> Download:
        """The list as a file, with as many records as the list states and the columns that were asked for."""
        got = page.export(fields)
        header, *rows = csv.reader(io.StringIO(got.read_bytes().decode("utf-8-sig")))
        if header != list(fields.values()):
            raise PortalChanged(f"the export has the columns {', '.join(header)}", remedy="the user's language must be Portuguese")
        records = sum(1 for row in rows if row[0])  # a record with several due dates goes on in rows without a number
        if records != len(page.ids):
            raise IncompleteDownload(f"{got.name} holds {records} records, the list states {len(page.ids)}", remedy="download it again")
        return got

    # --- PostsSettlements ----------------------------------------------------------------------------------------------

    def find_settlement(self, wanted: SettlementBatch) -> Found | None:
        """The statement with this reference that has come as far as wanted, or further; None when there is none."""
        reached = REACHED[wanted.state]
        held = StatementsPage(self.session).look([["name", "=", wanted.reference], ["state", "in", reached]])
        if not held.ids:
            return None
        of_these = [["statement.name", "=", wanted.reference], ["statement.state", "in", reached]]
        lines = [_line(record) for record in LinesPage(self.session).look(of_these).records()]
        total = sum((amount for _, _, _, amount in lines), Decimal())
        fields = {"reference": wanted.reference, "lines": str(len(lines)), "total": f"{total:.2f}", "state": wanted.state}
        return Found(wanted.reference, fields, f"account.statement,{held.ids[0]}", len(held.ids))

    def draft_settlement(self, wanted: SettlementBatch) -> Draft:
        """The statement with every line bound to its invoice, one press before the wanted state.

        Raises Conflict when another statement of the account waits to be posted, or when there is not exactly one to go
        on with; Refused when a line is bound to no open invoice.
        """
        page = self._validated(wanted) if wanted.state == "posted" else self._draft(wanted).apply_rules()
        _must_hold(page, wanted)
        return SettlementDraft(page)

    def _draft(self, wanted: SettlementBatch) -> DraftPage:
        """The one draft with this reference, imported now when there is none."""
        found = self._unposted(wanted)
        if not found:
            window = ImportPage(self.session)
            window.open("wizard/account.statement.import")
            window.prove().bring(f"{wanted.reference}.ofx", ofx(wanted))
            found = self._unposted(wanted)
        return self._opened(found, wanted, DraftPage)

    def _validated(self, wanted: SettlementBatch) -> ValidatedPage:
        """The one statement with this reference that waits to be posted."""
        waiting = StatementsPage(self.session).look([["name", "=", wanted.reference], ["state", "=", "validated"]])
        return self._opened(waiting.ids, wanted, ValidatedPage)

    def _opened(self, found: list[int], wanted: SettlementBatch, then: type[P]) -> P:
        if len(found) != 1:
            what = f"the ERP holds {len(found)} statements of {wanted.reference} that could become {wanted.state}"
            raise Conflict(what, remedy="leave exactly one in Tryton, then resume")
        page = then(self.session)
        page.open(f"model/account.statement/{found[0]}")
        return page.prove()

    def _unposted(self, wanted: SettlementBatch) -> list[int]:
        """Drafts and validated statements of this reference; a validated one of another reference bars the account."""
        journal = ["journal.name", "ilike", f"%{_number(wanted)}%"]
        page = StatementsPage(self.session).look(
            [["state", "in", ["draft", "validated"]], ["OR", ["name", "=", wanted.reference], journal]]
        )
        records = dict(zip(page.ids, page.records(), strict=True))
        barring = [r["Nome"] for r in records.values() if r["Nome"] != wanted.reference and r["Estado"] == "Validado"]
        if barring:
            raise Conflict(f"validated but not posted: {', '.join(barring)}", remedy="resume its run, or post or cancel it in Tryton")
        return [number for number, record in records.items() if record["Nome"] == wanted.reference]


class SettlementDraft:
    """A statement before the one button that takes it further: *Validate* on a draft, *Post* on a validated one."""

    def __init__(self, page: DraftPage | ValidatedPage) -> None:
        self._page = page

    def shown(self) -> dict[str, str]:
        """What the screen shows; `state` is what the one button that stands there makes of it."""
        facts, lines = self._page.facts(), self._page.lines()
        total = sum((_line(record)[3] for record in lines), Decimal())
        if total != decimal_br(facts["total"]):
            raise PortalChanged(f"the lines add up to {total}, the statement says {facts['total']}")
        state = NEXT.get(facts["state"], facts["state"])
        return {"reference": facts["reference"], "lines": str(len(lines)), "total": f"{total:.2f}", "state": state}

    def submit(self, permit: Permit) -> Receipt:
        """Press it; the receipt is the statement's number in Tryton."""
        number = re.search(r"/account\.statement/(\d+)", self._page.page.url)
        self._page.advance(permit)
        return Receipt(f"account.statement,{number[1]}" if number else "")


Line = tuple[str, str, dt.date, Decimal]
"""Number, invoice, day and amount of a statement's line."""


def _line(record: Mapping[str, str]) -> Line:
    """A line as the client lists it, e.g. Related To `Contas da Fatura,4201 [BOL-2610-0001]`."""
    try:
        bound = re.search(r",([^,\[]+?)(?: \[.*\])?$", record["Related To"])
        amount = decimal_br(record["Quantidade"])  # sic: how Tryton's Portuguese names the amount of a line
        return record["Número"], bound[1] if bound else "", date_br(record["Data"]), amount
    except (KeyError, ValueError) as error:
        raise PortalChanged(f"a statement's line cannot be read: {dict(record)}") from error


def _must_hold(page: StatementPage, wanted: SettlementBatch) -> None:
    """The statement is of the right account, and each of its lines is one wanted payment bound to its invoice."""
    journal = page.facts()["journal"]
    if _number(wanted) not in journal:
        raise PortalChanged(f"the statement of {wanted.account} is in the journal {journal}")
    held = {line[0]: line[1:] for line in map(_line, page.lines())}
    wants = {number: (line.receivable, line.date, line.amount) for number, line in _numbered(wanted)}
    unbound = sorted(line.receivable for number, line in _numbered(wanted) if held.get(number, ("",))[0] != line.receivable)
    if unbound:
        where = f"look at the draft {wanted.reference} in Tryton"
        raise Refused(f"Tryton binds the payment to no open invoice: {', '.join(unbound)}", remedy=where)
    if held != wants:
        odd = sorted(set(held.items()) ^ set(wants.items()), key=str)
        raise PortalChanged(f"the statement's lines are not the payments: {odd[:4]}")


def _numbered(wanted: SettlementBatch) -> list[tuple[str, Settlement]]:
    """Each payment with the number of its line: unique in the batch, and telling the bank's entry."""
    return [(f"{place:03d}-{line.source}", line) for place, line in enumerate(wanted.lines, 1)]


def _number(wanted: SettlementBatch) -> str:
    """The account's number as the ERP's journals are named by it: `38215-6` of `773/4417/38215-6`."""
    return re.split(r"[\s/]+", wanted.account)[-1]


def _date(day: dt.date) -> dict[str, object]:
    return {"__class__": "date", "year": day.year, "month": day.month, "day": day.day}


def ofx(wanted: SettlementBatch) -> bytes:
    """The batch as OFX 1.02 (cp1252). TRNUID becomes the statement's name; the memo names the invoice for the ERP's rule."""
    rows = "".join(
        f"<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>{line.date:%Y%m%d}120000<TRNAMT>{line.amount:.2f}<FITID>{escape(number)}"
        f"<MEMO>NF {escape(f'{line.receivable} {line.partner}')}</STMTTRN>\n"
        for number, line in _numbered(wanted)
    )
    status = "<STATUS><CODE>0<SEVERITY>INFO</STATUS>"
    text = (
        "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nSECURITY:NONE\nENCODING:USASCII\nCHARSET:1252\nCOMPRESSION:NONE\n"
        f"OLDFILEUID:NONE\nNEWFILEUID:NONE\n\n<OFX><SIGNONMSGSRSV1><SONRS>{status}<DTSERVER>{wanted.end:%Y%m%d}120000"
        f"<LANGUAGE>POR</SONRS></SIGNONMSGSRSV1><BANKMSGSRSV1><STMTTRNRS><TRNUID>{escape(wanted.reference)}{status}<STMTRS><CURDEF>BRL"
        f"<BANKACCTFROM><BANKID>0<ACCTID>{escape(_number(wanted))}<ACCTTYPE>CHECKING</BANKACCTFROM>"
        f"<BANKTRANLIST><DTSTART>{wanted.start:%Y%m%d}120000<DTEND>{wanted.end:%Y%m%d}120000\n{rows}</BANKTRANLIST>"
        f"<LEDGERBAL><BALAMT>{wanted.total:.2f}<DTASOF>{wanted.end:%Y%m%d}130000</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n"
    )
    return text.encode("cp1252", "replace")
