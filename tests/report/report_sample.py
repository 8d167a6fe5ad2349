"""A realistic run of the month, built from the sandbox's data, for the tests of the report."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from PIL import Image, ImageDraw

from retaguarda.report.content import (
    AuditLine,
    BreakLine,
    ContractLine,
    Deadline,
    EvidenceLine,
    ItemLine,
    LogLine,
    MatchLine,
    RejectionLine,
    RunReport,
    StatementLine,
    StepLine,
    TieLine,
)
from sandbox.month import Month, build, groups, mw_average

ZONE = ZoneInfo("America/Sao_Paulo")
START = dt.datetime(2026, 11, 20, 9, 2, 14, tzinfo=ZONE)
RUN_ID = "20261120-090214-close-month-7f3a"
ZERO = Decimal("0.00")
ACCOUNTS = {"A": "341/0912/48213-7", "B": "748/0301/10442-0"}
STEPS = (
    ("export_erp", 41),
    ("download_statements", 96),
    ("reconcile_receipts", 3),
    ("register_contracts", 118),
    ("validate_contracts", 64),
    ("reconcile_ccee", 17),
    ("settle_receivables", 29),
)


def month_report(folder: Path) -> RunReport:
    """The whole month with its planted slips: items, matches, breaks, contracts, pictures and a log."""
    month = build()
    matches, breaks = tuple(_matches(month)), tuple(_breaks(month))
    items = tuple(_items(month))
    held = ("BOL-2610-0009", "BOL-2610-0021", "BOL-2610-0033", "BOL-2610-0036")
    return RunReport(
        company=month.us.name,
        run_id=RUN_ID,
        process="close_month",
        params={"month": "2026-10", "period": "2026-11-01..2026-11-10"},
        state="PARTIAL",
        dry_run=False,
        actor="maria.operadora",
        version="0.1.0",
        started=START,
        ended=START + dt.timedelta(seconds=sum(seconds for _, seconds in STEPS)),
        business_date=dt.date(2026, 11, 11),
        rehearsal=True,
        judged_at=dt.datetime(2026, 11, 11, 9, 8, 22, tzinfo=ZONE),
        steps=tuple(_steps(items)),
        items=items,
        rejections=tuple(_rejections()),
        matches=matches,
        breaks=breaks,
        contracts=tuple(_contracts(month)),
        statements=tuple(_statements(month)),
        tie_out=tuple(_tie_out(month, matches, breaks)),
        deadlines=tuple(_deadlines()),
        evidence=tuple(_evidence(items, folder)),
        log=tuple(_log(items)),
        audit=AuditLine(1482, hashlib.sha256(b"root").hexdigest(), holds=True),
        notes=(*(f"{number}: An invoice is not fully paid. ({4201 + n})" for n, number in enumerate(held)), "ok: 15", "not-validated: 26"),
    )


def long_report(report: RunReport, count: int) -> RunReport:
    """The same run with `count` items."""
    items = tuple(
        replace(report.items[n % len(report.items)], reference=f"BOL-2610-{n:05d}", at=START + dt.timedelta(seconds=n))
        for n in range(count)
    )
    return replace(report, items=items)


def empty_report() -> RunReport:
    """A run that ended before it did anything."""
    return RunReport(
        company="Exemplo Comercializadora de Energia Ltda",
        run_id="20261120-100000-close-month-0000",
        process="close_month",
        params={},
        state="FAULTED",
        dry_run=True,
        actor="scheduler",
        version="0.1.0",
        started=None,
        ended=None,
        business_date=dt.date(2026, 11, 11),
        rehearsal=False,
        error="The vault cannot be opened.",
        remedy="check the path",
    )


def _at(step: str, seconds: float = 0) -> dt.datetime:
    names = [name for name, _ in STEPS]
    return START + dt.timedelta(seconds=sum(spent for _, spent in STEPS[: names.index(step)]) + seconds)


def _steps(items: tuple[ItemLine, ...]) -> Iterator[StepLine]:
    for name, seconds in STEPS:
        counts: dict[str, int] = {}
        for item in items:
            if item.step == name:
                counts[item.outcome or "uncertain"] = counts.get(item.outcome or "uncertain", 0) + 1
        state = "PARTIAL" if set(counts) - {"done", "already"} or "reconcile" in name else "SUCCESSFUL"
        yield StepLine(name, state, _at(name), _at(name, seconds), counts)


def _items(month: Month) -> Iterator[ItemLine]:
    for n, (key, boletas) in enumerate(groups(month.contracts, "sale").items()):
        reference = boletas[0].number
        facts: dict[str, str] = {"outcome": "done", "protocol": f"2026110000{4100 + n}"}
        state, code, reason, remedy = "SUCCESSFUL", "", "", ""
        if reference == month.planted["already_registered"]:
            facts = {"outcome": "already", "protocol": ""}
        if reference == month.planted["refused_by_ccee"]:
            facts, state, code = {"outcome": "refused", "protocol": ""}, "FAILED_BUSINESS", "refused"
            reason = (
                "O perfil de agente 70408 (SERRA AZUL CL) não está ativo para o mês de suprimento 10/2026. Verifique o cadastro do agente."
            )
            remedy = "correct the item, or resend it with --retry-refused"
        if n == 11:
            facts, state, code = {"outcome": "", "protocol": ""}, "UNCERTAIN", "outcome-unknown"
            reason, remedy = "pressed, but not proven: The portal is closed or answers with an error.", "resume the run later"
        fields = {
            "reference": reference,
            "seller_profile": str(key[0]),
            "buyer_profile": str(key[1]),
            "submarket": key[2],
            "month": "2026-10",
            "mw_average": str(mw_average(sum((b.mwh for b in boletas), Decimal()))),
            "modulation": "Flat",
        }
        title = f"Venda a {boletas[0].counterparty.name}"
        yield _item("register_contracts", reference, title, state, code, reason, remedy, fields, n, **facts)
    yield _item(
        "register_contracts",
        month.planted["incomplete_register"],
        "Venda a Papéis Araucária S.A.",
        "FAILED_BUSINESS",
        "invalid-item",
        "The buyer's CCEE profile code is missing.",
        "Complete the register of the counterparty in the ERP with its CCEE profile code.",
        {},
        40,
        outcome="rejected",
        protocol="",
    )
    for n, held in enumerate(c for c in month.ccee if c.reference.startswith("CV-")):
        fields = {"seller_profile": str(held.seller), "buyer_profile": str(held.buyer), "submarket": held.submarket, "month": "2026-10"}
        fields |= {"mw_average": str(held.mw_average), "modulation": "Flat"}
        outcome = "already" if held.state == "VALIDADO" else "done"
        facts = {"outcome": outcome, "protocol": f"V{held.code}"}
        yield _item("validate_contracts", held.reference, f"Compra {held.code}", "SUCCESSFUL", "", "", "", fields, n, **facts)
    for n, account in enumerate(ACCOUNTS.values()):
        fields = {"account": account, "lines": str(21 + 7 * n), "total": "412345.67", "state": "posted"}
        reference = f"BX-{account.split('/')[2]}-20261110"
        facts = {"outcome": "done", "protocol": f"EXT/2026/{118 + n}"}
        yield _item("settle_receivables", reference, f"Baixas da conta {account}", "SUCCESSFUL", "", "", "", fields, n, **facts)


def _item(
    step: str, reference: str, title: str, state: str, code: str, reason: str, remedy: str, fields: Mapping[str, str], n: int, **facts: str
) -> ItemLine:
    return ItemLine(
        step, reference, title, state, facts["outcome"], code, reason, remedy, facts["protocol"], fields, _at(step, 4 + 2.6 * n)
    )


def _rejections() -> Iterator[RejectionLine]:
    yield RejectionLine(
        "contratos-2610.csv",
        29,
        "buyer_profile",
        "",
        "The buyer's CCEE profile code is missing.",
        "Complete the register of the counterparty in the ERP with its CCEE profile code.",
    )
    yield RejectionLine(
        "contratos-2610.csv",
        61,
        "mwh",
        "1.2O4,500",
        "The number is missing or cannot be read without doubt.",
        "Write it with a decimal comma, as in 1.234,56.",
    )


def _matches(month: Month) -> Iterator[MatchLine]:
    invoices = {str(i.number): i for i in month.invoices}
    skipped = {month.planted["withheld_tax"]}
    seen: set[str] = set()
    for entry in month.entries:
        number = next((n for n in invoices if f"NF{n}" in f"{entry.text} {entry.document}"), "")
        if not number or number in skipped or number in seen:
            continue
        seen.add(number)
        invoice = invoices[number]
        full = entry.amount > invoice.amount * Decimal("0.9")
        booked = invoice.amount if full else entry.amount
        rule = "reference" if full else "reference_part"
        yield MatchLine(
            ACCOUNTS[entry.account], entry.date, entry.text, entry.document, entry.amount, number, invoice.company.name, invoice.due_date,
            invoice.amount, booked, entry.amount - invoice.amount, rule, f"NF{number}", full,
        )  # fmt: skip
    for title in month.titles:
        invoice = invoices[title.document]
        yield MatchLine(
            ACCOUNTS["A"], title.credit_date, "BOLETOS RECEBIDOS", title.our_number, title.net, title.document, title.company.name,
            title.due_date, title.face, title.paid, title.net - title.face, "return",
            f"NF{title.document}; nosso número {title.our_number}", True,
        )  # fmt: skip


def _breaks(month: Month) -> Iterator[BreakLine]:
    invoices = {str(i.number): i for i in month.invoices}
    day, planted = dt.date(2026, 11, 10), month.planted
    for kind, slip, share in (("amount-differs", "withheld_tax", "0.9415"), ("duplicate-payment", "duplicated_payment", "1")):
        invoice = invoices[planted[slip]]
        found = (invoice.amount * Decimal(share)).quantize(Decimal("0.01"))
        expected = invoice.amount if kind == "amount-differs" else ZERO
        detail = (
            "The payment names an invoice but its amount differs." if expected else "The invoice was already paid; this payment came again."
        )
        yield BreakLine("receipts", kind, str(invoice.number), day, found, expected, "R$", invoice.company.name, detail)
    for found_, text in ((Decimal("4512.30"), "PIX RECEBIDO 09318221000177 PADARIA"), (Decimal("98211.07"), "TED RECEBIDA 55880112000104")):
        yield BreakLine("receipts", "unmatched", "", dt.date(2026, 11, 6), found_, None, "R$", "", text)
    wrong = next(b for b in month.contracts if b.number == planted["wrong_mwh"])
    missing = next(b for b in month.contracts if b.number == planted["missing_at_ccee"])
    yield BreakLine(
        "ccee",
        "ccee-larger",
        wrong.number,
        None,
        wrong.mwh + Decimal(1116),
        wrong.mwh,
        "MWh",
        wrong.counterparty.name,
        "",
    )
    yield BreakLine("ccee", "missing-at-ccee", missing.number, None, None, missing.mwh, "MWh", missing.counterparty.name, "")
    yield BreakLine(
        "ccee",
        "missing-in-erp",
        planted["missing_in_erp"],
        None,
        Decimal("624.960"),
        None,
        "MWh",
        "Horizonte Energia Comercializadora Ltda",
        "",
    )


def _contracts(month: Month) -> Iterator[ContractLine]:
    names = {profile.code: profile.sigla for _, profile in month.profiles()}
    slips = {
        month.planted["wrong_mwh"]: "ccee-larger",
        month.planted["missing_at_ccee"]: "missing-at-ccee",
        month.planted["refused_by_ccee"]: "held-back",
    }
    both = {**groups(month.contracts, "sale"), **groups(month.contracts, "purchase")}
    for n, (key, boletas) in enumerate(both.items()):
        outcome = slips.get(boletas[0].number, "ok" if n >= 28 else "not-validated")
        absent = outcome in {"missing-at-ccee", "held-back"}
        mwh = sum((b.mwh for b in boletas), Decimal())
        there = mwh + (1116 if outcome == "ccee-larger" else 0)
        yield ContractLine(
            boletas[0].number, "" if absent else str(1_692_500 + n), names[key[0]], names[key[1]], key[2], "2026-10",
            mwh, None if absent else there, mw_average(mwh), None if absent else mw_average(there),
            outcome, "" if absent else "validated" if outcome == "ok" else "unvalidated", "An invoice is not fully paid." if absent else "",
        )  # fmt: skip
    yield ContractLine(
        "", month.planted["missing_in_erp"], "HORIZONTE COM", "EXEMPLO COM I5", "NORTE", "2026-10",
        None, Decimal("624.960"), None, Decimal("0.840000"), "missing-in-erp", "unvalidated",
    )  # fmt: skip


def _statements(month: Month) -> Iterator[StatementLine]:
    for letter, account in ACCOUNTS.items():
        entries = [e for e in month.entries if e.account == letter]
        movement, opening = sum((e.amount for e in entries), ZERO), month.opening[letter]
        file = "extrato-20261101-20261110.ofx" if letter == "A" else "CNAB240_EXTRATO_10442_20261110.RET"
        yield StatementLine(
            file, account, "2026-11-01..2026-11-10", len(entries), opening, movement, opening + movement, proven=True, detail=""
        )


def _tie_out(month: Month, matches: tuple[MatchLine, ...], breaks: tuple[BreakLine, ...]) -> Iterator[TieLine]:
    receipts = [b for b in breaks if b.area == "receipts" and b.found]
    parts = [
        TieLine("part", "matched with invoices", len(matches), sum((m.credit for m in matches), ZERO)),
        TieLine("part", "own-transfer", 3, Decimal("154220.11")),
        TieLine("part", "investment", 12, Decimal("402118.90")),
        TieLine("part", "returned-payment", 9, Decimal("2011.45")),
        TieLine("part", "breaks", len(receipts), sum((b.found for b in receipts if b.found), ZERO)),
    ]
    whole = sum((p.amount for p in parts), ZERO)
    yield TieLine("received", "credits received", sum(p.count for p in parts), whole)
    yield from parts
    yield TieLine("difference", "difference", 0, ZERO)


def _deadlines() -> Iterator[Deadline]:
    yield Deadline("register", dt.datetime(2026, 11, 11, 20, 0, tzinfo=ZONE), "Procedimento de Comercialização 3.1", "high", met=True)
    yield Deadline("validate", dt.datetime(2026, 11, 13, 20, 0, tzinfo=ZONE), "Calendário CCEE 2026", "medium", met=True)


def _evidence(items: tuple[ItemLine, ...], folder: Path) -> Iterator[EvidenceLine]:
    yield _kept(folder, "export_erp", "download", "contratos-2610.csv", b"contratos;" * 900)
    yield _kept(folder, "export_erp", "download", "recebiveis.csv", b"recebiveis;" * 1400)
    yield _kept(folder, "download_statements", "download", "extrato-20261101-20261110.ofx", b"OFX" * 8000)
    yield _kept(folder, "download_statements", "download", "CNAB240_EXTRATO_10442_20261110.RET", b"748" * 9000)
    yield _kept(folder, "download_statements", "download", "CB101101.RET", b"retorno" * 1200)
    for item in items:
        if item.step not in {"register_contracts", "validate_contracts"} or item.outcome in {"already", "rejected"}:
            continue
        act = item.step.split("_")[0]
        ending = {"refused": "refused", "": ""}.get(item.outcome, "receipt")
        for label in filter(None, ("form before the button", ending)):
            name = f"{act} {item.reference}: {label}"
            yield replace(_kept(folder, item.step, "picture", name, screen(name, item)), at=item.at)
    yield _kept(folder, "register_contracts", "picture", "failure: portal-unavailable", screen("Sistema em manutenção", items[11]))
    yield _kept(folder, "reconcile_ccee", "download", "contratos_202610.zip", b"PK" * 5100)


def _kept(folder: Path, step: str, kind: str, label: str, content: bytes) -> EvidenceLine:
    digest = hashlib.sha256(content).hexdigest()
    path = folder / digest[:2] / digest
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return EvidenceLine(_at(step, 2), step, kind, label, digest, len(content), path)


def screen(title: str, item: ItemLine) -> bytes:
    """A picture that looks like a portal's form, as WebP."""
    image = Image.new("RGB", (1280, 720), "#f3f5f7")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 1280, 64), fill="#00497a")
    draw.text((32, 24), "CCEE - Portal de Operacoes", fill="white", font_size=20)
    draw.text((64, 100), title, fill="#222", font_size=22)
    for n, (name, value) in enumerate(item.fields.items()):
        draw.text((64, 160 + 58 * n), name, fill="#555", font_size=15)
        draw.rectangle((64, 180 + 58 * n, 620, 210 + 58 * n), fill="white", outline="#99a")
        draw.text((74, 186 + 58 * n), value, fill="#111", font_size=16)
    draw.rectangle((64, 640, 240, 684), fill="#0b7a3b")
    draw.text((100, 652), "Concluir", fill="white", font_size=18)
    held = io.BytesIO()
    image.save(held, "WEBP", quality=70, method=0)
    return held.getvalue()


def _log(items: tuple[ItemLine, ...]) -> Iterator[LogLine]:
    for name, seconds in STEPS:
        yield LogLine(_at(name), "INFO", name, "", "stage: signing in")
        for item in (i for i in items if i.step == name):
            act = name.split("_")[0]
            yield LogLine(item.at, "DEBUG", name, item.reference, f"GET /contratos/novo?ref={item.reference} 200")
            if item.reason:
                yield LogLine(item.at, "WARNING", name, item.reference, f"{item.code}: {item.reason}")
            else:
                yield LogLine(item.at, "INFO", name, item.reference, f"{act} {item.reference}: {item.outcome}")
        yield LogLine(_at(name, seconds), "INFO", name, "", "stage: signing out")
    yield LogLine(
        _at("register_contracts", 90),
        "ERROR",
        "register_contracts",
        "",
        "portal-unavailable: The portal is closed or answers with an error.",
    )
