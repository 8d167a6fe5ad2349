"""Receipts, one case at a time; and whatever comes, every cent ends in exactly one place."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retaguarda.model.receivables import Receivable, Settlement
from retaguarda.model.reconciliation import Break, BreakKind, Match, MatchKind, Reconciliation
from retaguarda.model.statements import Entry, ReturnFile, Statement, Title
from retaguarda.model.values import Cnpj
from retaguarda.reconcile import caution, outcome
from retaguarda.reconcile.canonical import invoice_key
from retaguarda.reconcile.caution import cash
from retaguarda.reconcile.matching.model import Decision
from retaguarda.reconcile.matching.result import Result
from retaguarda.reconcile.receipts import Receipts
from tests.reconcile import receipts_told
from tests.reconcile.receipts_told import engine, settled

AURORA, IPE, PLASTICOS = Cnpj.parse("20418877000104"), Cnpj.parse("22880941000108"), Cnpj.parse("12ABC34501DE35")
NAMES = {AURORA: "Aurora Alimentos S.A.", IPE: "Ipê Celulose Ltda", PLASTICOS: "Plásticos do Vale Ltda"}
DAY = dt.date(2026, 11, 3)


def invoice(number: str, amount: str, cnpj: Cnpj = AURORA, open_amount: str = "") -> Receivable:
    return Receivable(number, NAMES[cnpj], cnpj, f"BOL-{number}", DAY, DAY, Decimal(amount), Decimal(open_amount or amount))


def entry(amount: str, text: str, document: str = "", day: int = 3, kind: str = "") -> Entry:
    return Entry(dt.date(2026, 11, day), Decimal(amount), text, document, type=kind)


def statement(*entries: Entry, account: str = "38215-6") -> Statement:
    return Statement("773", "4417", account, "BRL", dt.date(2026, 11, 1), dt.date(2026, 11, 10), None, None, entries)


def title(document: str, paid: str, net: str, day: int = 3, movement: str = "06", interest: str = "0.00") -> Title:
    credit = dt.date(2026, 11, day)
    zero = Decimal("0.00")
    amounts = (Decimal(paid), Decimal(paid), Decimal(interest), zero, Decimal(paid) - Decimal(net), Decimal(net))
    return Title(movement, f"1000{document}", document, DAY, *amounts, credit, credit)


def returned(*titles: Title, sequence: int = 1) -> ReturnFile:
    return ReturnFile("773", sequence, "38215-6", titles)


def told(entries: list[Entry], invoices: list[Receivable], *titles: Title) -> Reconciliation:
    return receipts_told.told([statement(*entries)], [returned(*titles)] if titles else [], invoices)


def only_break(found: Reconciliation) -> Break:
    assert len(found.breaks) == 1
    return found.breaks[0]


def only_match(found: Reconciliation) -> Match:
    assert len(found.matches) == 1
    return found.matches[0]


@pytest.mark.parametrize(
    ("paid", "kind", "amount", "adjustment"),
    [
        ("100.00", MatchKind.FULL, "100.00", "0.00"),
        ("99.95", MatchKind.ROUNDED, "99.95", "0.00"),
        ("100.05", MatchKind.FULL, "100.00", "0.05"),
        ("89.99", MatchKind.PARTIAL, "89.99", "0.00"),
        ("0.01", MatchKind.PARTIAL, "0.01", "0.00"),
    ],
)
def test_a_named_invoice_is_paid_rounded_or_in_part(paid: str, kind: MatchKind, amount: str, adjustment: str) -> None:
    match = only_match(told([entry(paid, "PIX RECEBIDO NF4203 AURORA")], [invoice("4203", "100.00")]))
    assert (match.kind, match.amount, match.adjustment) == (kind, Decimal(amount), Decimal(adjustment))
    assert match.evidence == ("NF 4203",)


@pytest.mark.parametrize(
    ("paid", "hint"), [("94.15", "IN 1234 energia 5,85"), ("98.80", "IR 1,2"), ("90.00", "10% x 100.00"), ("91.10", "8.90")]
)
def test_what_a_formula_explains_is_booked_as_received_and_the_rest_is_told(paid: str, hint: str) -> None:
    found = told([entry(paid, "PIX RECEBIDO NF4203 AURORA")], [invoice("4203", "100.00")])
    broken = only_break(found)
    assert (broken.kind, broken.amount, broken.shown, broken.expected) == (
        BreakKind.DIFFERENCE,
        Decimal(),
        Decimal(paid),
        Decimal("100.00"),
    )
    assert hint in broken.hint
    kept = Decimal("0.00") if paid == "91.10" else Decimal("100.00") - Decimal(paid)
    assert sum((item.open_amount for item in found.open_items), Decimal()) == kept, "the bank's own fee is not the customer's"
    assert only_match(found).credited == Decimal(paid)


def test_what_no_formula_explains_is_a_part_payment_and_more_than_is_open_is_shown() -> None:
    part = told([entry("99.94", "PIX RECEBIDO NF4203 AURORA")], [invoice("4203", "100.00")])
    assert (only_match(part).kind, part.open_items[0].open_amount) == (MatchKind.PARTIAL, Decimal("0.06"))
    more = told([entry("100.06", "PIX RECEBIDO NF4203 AURORA")], [invoice("4203", "100.00")])
    assert (only_break(more).kind, only_break(more).hint, settled(more)) == (BreakKind.AMOUNT_DIFFERS, "paid more than is open", {})


@pytest.mark.parametrize(
    ("parts", "difference", "kind", "left"),
    [
        (["100.00"], "-5.85", "withholding", ["94.15"]),
        (["100.00", "50.00"], "-60.00", "discount", ["90.00", "0.00"]),
        (["100.00"], "3.00", "interest", ["100.00"]),
        (["100.00"], "-1.90", "retorno", ["100.00"]),
        (["100.00"], "-8.90", "bank_fee", ["100.00"]),
    ],
)
def test_only_the_payers_own_money_is_booked(parts: list[str], difference: str, kind: str, left: list[str]) -> None:
    assert cash(list(map(Decimal, parts)), Decimal(difference), kind) == list(map(Decimal, left))


def test_parts_add_up_to_the_whole() -> None:
    entries = [entry("40.00", "PIX NF4203", day=3), entry("60.00", "PIX NF4203", day=5)]
    found = told(entries, [invoice("4203", "100.00")])
    assert [(m.kind, m.amount) for m in found.matches] == [(MatchKind.PARTIAL, Decimal("40.00")), (MatchKind.FULL, Decimal("60.00"))]
    assert found.open_items == ()


def test_the_same_payment_again_is_a_duplicate() -> None:
    found = told([entry("100.00", "PIX NF4203", day=3), entry("100.00", "PIX NF4203", day=3)], [invoice("4203", "100.00")])
    assert (only_break(found).kind, only_match(found).kind) == (BreakKind.DUPLICATE_PAYMENT, MatchKind.FULL)


def test_the_same_payer_and_amount_again_is_a_duplicate_without_a_number_too() -> None:
    entries = [entry("100.00", "TED RECEBIDA", AURORA), entry("100.00", "TED RECEBIDA", AURORA, day=5)]
    assert only_break(told(entries, [invoice("4203", "100.00")])).kind is BreakKind.DUPLICATE_PAYMENT


def test_what_seems_paid_twice_names_the_open_invoice_that_it_may_pay_after_all() -> None:
    entries = [entry("100.00", "TED RECEBIDA", AURORA), entry("100.00", "TED RECEBIDA", AURORA, day=5)]
    invoices = [replace(invoice(number, "100.00"), boleta="BOL-1") for number in ("4203", "4204")]
    found = told(entries, invoices)
    assert (only_match(found).receivable, only_match(found).kind) == ("4203", MatchKind.FULL)
    broken = only_break(found)
    assert (broken.kind, broken.receivable, broken.evidence) == (
        BreakKind.DUPLICATE_PAYMENT,
        "4203",
        ("03/11/2026 100.00", "4204 (100.00)"),
    )
    assert broken.hint.startswith("an open invoice has this amount too")


def test_another_amount_for_a_paid_invoice_is_unmatched() -> None:
    found = told([entry("100.00", "PIX NF4203"), entry("55.00", "PIX NF4203", day=5)], [invoice("4203", "100.00")])
    broken = only_break(found)
    assert (broken.kind, broken.receivable, broken.hint) == (BreakKind.UNMATCHED, "4203", "the invoice it names is already paid")


@pytest.mark.parametrize("document", [PLASTICOS, PLASTICOS.masked, f"CNPJ {PLASTICOS} PLASTICOS"])
def test_the_payer_and_the_exact_amount_are_enough_when_only_one_invoice_fits(document: str) -> None:
    found = told([entry("100.00", "TED RECEBIDA", document)], [invoice("1", "100.00", PLASTICOS), invoice("2", "100.01", PLASTICOS)])
    assert (only_match(found).receivable, only_match(found).rule) == ("1", "exact.doc")


def test_two_invoices_that_fit_equally_well_are_left_to_a_person() -> None:
    broken = only_break(told([entry("100.00", "TED RECEBIDA", AURORA)], [invoice("1", "100.00"), invoice("2", "100.00")]))
    assert (broken.kind, broken.receivable, "or: 2" in broken.evidence) == (BreakKind.AMBIGUOUS, "1", True)


def test_invoices_of_one_contract_are_interchangeable() -> None:
    invoices = [replace(invoice(number, "100.00"), boleta="BOL-1") for number in ("1", "2")]
    assert only_match(told([entry("100.00", "TED RECEBIDA", AURORA)], invoices)).receivable == "1"


def test_a_number_that_was_taken_by_name_is_not_taken_by_payer() -> None:
    entries = [entry("100.00", "TED RECEBIDA", AURORA, day=3), entry("100.00", "PIX NF1 AURORA", day=5)]
    found = told(entries, [invoice("1", "100.00"), invoice("2", "100.00")])
    assert {m.receivable: m.rule for m in found.matches} == {"1": "reference.unknown", "2": "exact.doc"}


def test_a_payment_by_another_company_is_shown() -> None:
    broken = only_break(told([entry("100.00", f"PIX NF4203 {IPE}")], [invoice("4203", "100.00")]))
    assert (broken.kind, broken.receivable) == (BreakKind.PAYER_DIFFERS, "4203")


def test_one_transfer_for_several_named_invoices() -> None:
    found = told([entry("150.00", "TED NF 4203 NF 4.204")], [invoice("4203", "100.00"), invoice("4204", "50.00")])
    assert [(m.receivable, m.amount) for m in found.matches] == [("4203", Decimal("100.00")), ("4204", Decimal("50.00"))]
    less = told([entry("140.00", "TED NF 4203/4204")], [invoice("4203", "100.00"), invoice("4204", "50.00")])
    assert (only_break(less).kind, only_break(less).receivable) == (BreakKind.PROPOSAL, "4203, 4204")


def test_a_bare_document_number_names_no_invoice() -> None:
    assert only_break(told([entry("100.00", "PIX RECEBIDO", "4203")], [invoice("4203", "100.00")])).kind is BreakKind.PROPOSAL


@pytest.mark.parametrize(
    "text",
    [
        "NF4203",
        "NF 4.203",
        "NF-e 004203",
        "NFE:4203",
        "nota fiscal no 4203",
        "FATURA 4203",
        "DUP 4203",
        "PAGTO NFS-e 4203/2026",
        "NF. 000.004.203",
    ],
)
def test_invoice_numbers_as_people_write_them(text: str) -> None:
    assert only_match(told([entry("100.00", text)], [invoice("4203", "100.00")])).receivable == "4203"


@pytest.mark.parametrize("text", ["CONFERENCIA 4203", "NF42031", "PIX 4203", "ANF4203", "NF1234567894203"])
def test_what_is_no_invoice_number_is_booked_by_nobody(text: str) -> None:
    """The only open invoice of this amount is proposed; a person looks."""
    assert only_break(told([entry("100.00", text)], [invoice("4203", "100.00")])).kind is BreakKind.PROPOSAL


@pytest.mark.parametrize(
    ("number", "key"), [("4203", "4203"), ("2026/4203", "4203"), ("NF-004203", "4203"), ("4203/1", "4203"), ("X", "X")]
)
def test_invoice_keys(number: str, key: str) -> None:
    assert invoice_key(number) == key


# boletos


def test_a_boleto_credit_is_exploded_by_its_titles() -> None:
    found = told(
        [entry("146.20", "BOLETOS RECEBIDOS  03/11S")], [invoice("1", "100.00"), invoice("2", "50.00")],
        title("1", "100.00", "98.10"), title("2", "50.00", "48.10"), title("9", "7.00", "5.10", movement="02"),
    )  # fmt: skip
    assert [(m.receivable, m.credited, m.amount, m.adjustment) for m in found.matches] == [
        ("1", Decimal("98.10"), Decimal("100.00"), Decimal("-1.90")),
        ("2", Decimal("48.10"), Decimal("50.00"), Decimal("-1.90")),
    ]
    assert found.breaks == ()


def test_interest_on_a_boleto_is_no_difference() -> None:
    found = told([entry("103.00", "COB COMPE", kind="202")], [invoice("1", "100.00")], title("1", "103.00", "103.00", interest="3.00"))
    assert (only_match(found).amount, only_match(found).adjustment) == (Decimal("100.00"), Decimal("3.00"))


@pytest.mark.parametrize("credit", ["98.11", "98.09"])
def test_a_boleto_credit_that_differs_by_a_cent_is_a_break(credit: str) -> None:
    found = told([entry(credit, "BOLETOS RECEBIDOS")], [invoice("1", "100.00")], title("1", "100.00", "98.10"))
    assert (only_break(found).kind, only_break(found).expected, found.matches) == (BreakKind.BATCH_DIFFERS, Decimal("98.10"), ())


def test_titles_without_a_credit_and_credits_without_titles() -> None:
    found = told([entry("50.00", "BOLETOS RECEBIDOS", day=5)], [invoice("1", "100.00")], title("1", "100.00", "98.10"))
    assert {(b.kind, b.amount) for b in found.breaks} == {
        (BreakKind.BATCH_MISSING, Decimal("0.00")),
        (BreakKind.BATCH_UNEXPLAINED, Decimal("50.00")),
    }


def test_titles_credited_outside_the_statements_are_awaited() -> None:
    found = told([], [invoice("1", "100.00")], title("1", "100.00", "98.10", day=20))
    assert (found.breaks, found.open_items[0].receivable) == ((), "1")


def test_an_odd_title_holds_its_whole_credit_for_a_person() -> None:
    """30,00 of 50,00, and a title of nobody: neither they nor the good title beside them are booked, all of it is one proposal."""
    titles = (title("1", "100.00", "98.00"), title("77", "10.00", "9.00"), title("2", "30.00", "29.00"))
    broken = only_break(told([entry("136.00", "BOLETOS RECEBIDOS")], [invoice("1", "100.00"), invoice("2", "50.00")], *titles))
    assert (broken.kind, broken.amount, broken.receivable) == (BreakKind.TITLE_UNKNOWN, Decimal("136.00"), "1")
    assert broken.evidence[:2] == ("100077 77: 9.00", "10002 2: 29.00")


def test_a_title_that_is_told_twice_is_told_one_by_one() -> None:
    titles = (title("1", "100.00", "98.00"), title("1", "100.00", "98.00"), title("77", "10.00", "9.00"), title("2", "30.00", "29.00"))
    found = told([entry("234.00", "BOLETOS RECEBIDOS")], [invoice("1", "100.00"), invoice("2", "50.00")], *titles)
    assert [(b.kind, b.amount) for b in found.breaks] == [
        (BreakKind.PROPOSAL, Decimal("98.00")),
        (BreakKind.DUPLICATE_PAYMENT, Decimal("98.00")),
        (BreakKind.TITLE_UNKNOWN, Decimal("9.00")),
        (BreakKind.AMOUNT_DIFFERS, Decimal("29.00")),
    ]


def test_a_title_that_is_paid_twice_with_other_interest_waits_for_a_person() -> None:
    titles = (title("1", "100.00", "98.00"), title("1", "103.00", "101.00", interest="3.00"))
    broken = only_break(told([entry("199.00", "BOLETOS RECEBIDOS")], [invoice("1", "100.00")], *titles))
    assert (broken.kind, broken.amount) == (BreakKind.TITLE_UNKNOWN, Decimal("199.00"))


def test_a_title_paid_in_part_does_not_settle_its_invoice_though_another_pays_it() -> None:
    titles = (title("1", "40.00", "38.10", day=3), title("1", "100.00", "98.10", day=5))
    entries = [entry("38.10", "BOLETOS RECEBIDOS", day=3), entry("98.10", "BOLETOS RECEBIDOS", day=5)]
    found = told(entries, [invoice("1", "100.00")], *titles)
    assert (found.matches, {b.amount for b in found.breaks}) == ((), {Decimal("38.10"), Decimal("98.10")})


def test_a_discount_of_a_title_is_left_to_post() -> None:
    granted = title("1", "95.00", "93.10")._replace(discount=Decimal("5.00"))
    found = told([entry("93.10", "BOLETOS RECEBIDOS")], [invoice("1", "100.00")], granted)
    assert (only_match(found).amount, only_match(found).kind) == (Decimal("95.00"), MatchKind.PARTIAL)
    assert (only_break(found).kind, only_break(found).shown) == (BreakKind.DIFFERENCE, Decimal("95.00"))


def test_a_credit_of_open_titles_and_of_one_paid_in_the_erp() -> None:
    titles = (title("1", "100.00", "98.00"), title("2", "50.00", "49.00"))
    found = told([entry("147.00", "BOLETOS RECEBIDOS")], [invoice("1", "100.00"), invoice("2", "50.00", open_amount="0.00")], *titles)
    assert [(m.receivable, m.kind, m.credited) for m in found.matches] == [
        ("1", MatchKind.FULL, Decimal("98.00")),
        ("2", MatchKind.SETTLED, Decimal("49.00")),
    ]


def test_a_return_file_that_came_twice_counts_once() -> None:
    file = returned(title("1", "100.00", "98.10"))
    found = receipts_told.told([statement(entry("98.10", "BOLETOS RECEBIDOS"))], [file, file], [invoice("1", "100.00")])
    assert (len(found.matches), found.breaks) == (1, ())


def test_a_boleto_credit_of_another_account_explains_nothing() -> None:
    other = statement(entry("98.10", "BOLETOS RECEBIDOS"), account="99999-9")
    found = receipts_told.told([other], [returned(title("1", "100.00", "98.10"))], [invoice("1", "100.00")])
    assert only_break(found).kind is BreakKind.BATCH_UNEXPLAINED


# what the ERP already shows


def test_an_invoice_paid_by_hand_takes_its_payment_and_the_next_is_a_duplicate() -> None:
    entries = [entry("100.00", "PIX NF4203"), entry("100.00", "PIX NF4203", day=5)]
    found = told(entries, [invoice("4203", "100.00", open_amount="0.00")])
    assert (only_match(found).kind, only_break(found).kind) == (MatchKind.SETTLED, BreakKind.DUPLICATE_PAYMENT)
    assert settled(found) == {}


def test_an_instalment_equal_to_what_is_booked_is_booked_when_the_bookings_are_known() -> None:
    """Half was paid last month; when no run of ours booked it, the second half could be the first one again: a person decides."""
    half, ours = invoice("4203", "100.00", open_amount="50.00"), Settlement("4203", DAY, Decimal("50.00"), "", "another-entry")
    assert only_match(receipts_told.told([statement(entry("50.00", "PIX NF4203"))], [], [half], [ours])).kind is MatchKind.FULL
    unknown = told([entry("50.00", "PIX NF4203")], [half])
    assert (only_break(unknown).kind, only_break(unknown).hint) == (
        BreakKind.AMOUNT_DIFFERS,
        "the ERP already shows a payment of this amount",
    )


def test_a_payment_without_number_of_an_invoice_paid_by_hand_is_known() -> None:
    found = told([entry("100.00", "TED RECEBIDA", AURORA)], [invoice("4203", "100.00", open_amount="0.00")])
    assert (only_match(found).kind, settled(found)) == (MatchKind.SETTLED, {})


def test_an_invoice_paid_by_hand_takes_no_payment_from_an_open_one() -> None:
    """The last month's invoice of the same amount was paid in the ERP: this month's payment is this month's."""
    paid = replace(invoice("4100", "100.00", open_amount="0.00"), due_date=dt.date(2026, 10, 10))
    found = told([entry("100.00", "TED RECEBIDA", AURORA)], [paid, invoice("4203", "100.00")])
    assert (only_match(found).receivable, only_match(found).kind) == ("4203", MatchKind.FULL)


def test_what_was_booked_last_month_and_is_paid_again_is_a_duplicate() -> None:
    ours = Settlement("4203", DAY, Decimal("100.00"), "", "another-entry")
    invoices = [invoice("4203", "100.00", open_amount="0.00")]
    again = receipts_told.told([statement(entry("100.00", "PIX NF4203"))], [], invoices, [ours])
    assert (only_break(again).kind, only_break(again).receivable) == (BreakKind.DUPLICATE_PAYMENT, "4203")


def test_bookings_of_other_statements_are_not_given_back() -> None:
    part = Settlement("4203", DAY, Decimal("40.00"), "", "another-entry")
    invoices = [invoice("4203", "100.00", open_amount="60.00")]
    found = receipts_told.told([statement(entry("60.00", "PIX NF4203"))], [], invoices, [part])
    assert (only_match(found).kind, found.open_items) == (MatchKind.FULL, ())


# classes


@pytest.mark.parametrize(
    ("amount", "text", "kind", "name"),
    [
        ("-7.00", "TAR/CUSTAS COBRANCA", "", "bank-fee"), ("-7.00", "IOF", "", "tax-on-credit"),
        ("-7.00", "JUROS SALDO DEVEDOR", "", "interest-charged"), ("-7.00", "PIX ENVIADO FOLHA PAGAMENTO", "", "payroll"),
        ("7.00", "REND PAGO APLIC AUT MAIS", "", "investment"), ("-7.00", "TRIB COD BARRAS DARF", "", "tax"),
        ("7.00", "TRANSF MESMA TITULARIDADE", "213", "own-transfer"),
        ("-7.00", "TRANSF ENTRE CONTAS MESMA TITULARIDADE", "117", "own-transfer"), ("-7.00", "SISPAG FORNECEDORES", "", "supplier"),
    ],
)  # fmt: skip
def test_movements_known_by_their_words(amount: str, text: str, kind: str, name: str) -> None:
    found = told([entry(amount, text, kind=kind)], [])
    assert [(c.name, c.amount) for c in found.classified] == [(name, Decimal(amount))]
    assert found.classified[0].evidence[0]


@pytest.mark.parametrize(
    ("amount", "text", "kind"),
    [
        ("-7.00", "PIX BIOFARMA TARQUINIO", BreakKind.UNCLASSIFIED),
        ("7.00", "TARIFA", BreakKind.UNMATCHED),
        ("7.00", "PIX", BreakKind.UNMATCHED),
        ("7.00", "DEP DINHEIRO", BreakKind.UNMATCHED),
        ("7.00", "SALDO TRANSPORTADO", BreakKind.UNMATCHED),
        ("-7.00", "PIX DEVOLVIDO AURORA", BreakKind.UNCLASSIFIED),
    ],
)
def test_movements_that_no_rule_knows(amount: str, text: str, kind: BreakKind) -> None:
    assert only_break(told([entry(amount, text)], [])).kind is kind


def test_a_payment_that_came_back_settles_nothing() -> None:
    entries = [entry("100.00", f"PIX RECEBIDO {AURORA}"), entry("-100.00", f"PIX DEVOLVIDO {AURORA}", day=4)]
    found = told(entries, [invoice("4203", "100.00")])
    assert [(c.name, c.amount) for c in found.classified] == [("returned-payment", Decimal(100)), ("returned-payment", Decimal(-100))]
    assert (found.matches, found.breaks) == ((), ())


# whatever comes


TEXTS = st.sampled_from(
    ["PIX NF1", "PIX NF2 NF3", "TED", "BOLETOS RECEBIDOS", "TARIFA", "MESMA TITULARIDADE", f"NF1 {IPE}", AURORA, f"NF9 {AURORA}", "SALDO"]
)
AMOUNTS = st.sampled_from(["0.01", "10.00", "9.95", "9.41", "4.00", "20.00", "30.00", "-5.00", "0.00", "8.10"]).map(Decimal)
ENTRIES = st.builds(lambda amount, text, day: entry(str(amount), text, day=day), AMOUNTS, TEXTS, st.integers(1, 9))
INVOICES = st.lists(
    st.tuples(
        st.integers(1, 5), st.sampled_from(["10.00", "20.00"]), st.sampled_from(["0.00", "6.00", "10.00"]), st.sampled_from([AURORA, IPE])
    ),
    unique_by=lambda row: row[0],
    max_size=5,
)
TITLES = st.lists(st.tuples(st.integers(1, 6), st.sampled_from(["10.00", "4.00"]), st.integers(1, 9)), max_size=4)


@settings(max_examples=60, deadline=None)
@given(st.lists(ENTRIES, max_size=14), INVOICES, TITLES)
def test_the_tie_out_always_holds(entries: list[Entry], rows: list[tuple[int, str, str, Cnpj]], paid: list[tuple[int, str, int]]) -> None:
    """Every cent of every movement is in exactly one place, and no invoice is settled beyond what was open."""
    invoices = [invoice(str(n), amount, cnpj, str(min(Decimal(amount), Decimal(left)))) for n, amount, left, cnpj in rows]
    file = returned(*(title(str(n), amount, str(Decimal(amount) - Decimal("1.90")), day) for n, amount, day in paid))
    found = receipts_told.told([statement(*entries)], [file], invoices)
    assert found.credits.difference == found.debits.difference == 0
    assert found.credits.movements + found.debits.movements == sum((e.amount for e in entries), Decimal())
    left = {item.receivable: item.open_amount for item in found.open_items}
    for receivable in invoices:
        rest = receivable.open_amount - settled(found).get(receivable.number, Decimal()) - left.get(receivable.number, Decimal())
        assert 0 <= rest <= Decimal("0.05")


def asked_and_decided() -> tuple[Receipts, Result, dict[str, Decision]]:
    asked = Receipts([statement(entry("100.00", "PIX NF4203"))], [], [invoice("4203", "100.00")])
    result = engine(asked, asked.open_rows())
    return asked, result, {one.line.line_id: one for one in caution.cautious(asked, result)}


def test_money_that_a_decision_does_not_tell_is_a_break() -> None:
    asked, result, decided = asked_and_decided()
    nothing = {line: replace(one, allocations=(), rule="exact") for line, one in decided.items()}
    found = outcome.told(asked, result, decided, nothing)
    assert only_break(found).amount == Decimal("100.00"), "what a decision does not tell is a break"
    twice = {line: replace(one, allocations=one.allocations * 2) for line, one in decided.items()}
    assert sum((m.credited for m in outcome.told(asked, result, decided, twice).matches), Decimal()) <= Decimal("100.00")


def test_a_decision_that_settles_more_than_is_open_is_shown_not_booked() -> None:
    """As when somebody changed the invoice in the ERP after the decision."""
    asked, result, decided = asked_and_decided()
    smaller = Receipts(asked.statements, [], [invoice("4203", "90.00")])
    found = outcome.told(smaller, result, decided, decided)
    assert (only_break(found).kind, found.matches) == (BreakKind.AMOUNT_DIFFERS, ())


def test_five_thousand_lines_take_seconds() -> None:
    entries = [entry(f"{n}.10", f"PIX RECEBIDO NF{n} CLIENTE" if n % 2 else f"TED {AURORA}", day=3 + n % 7) for n in range(1, 5_001)]
    invoices = [invoice(str(n), f"{n}.10") for n in range(1, 5_001)]
    before = time.monotonic()
    found = told(entries, invoices)
    assert time.monotonic() - before < 20
    assert len(found.matches) == 5_000
