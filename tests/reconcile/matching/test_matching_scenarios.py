"""One small case for each exception of a trader's month: who paid, how much, why it differs, and what is no payment at all."""

from __future__ import annotations

from decimal import Decimal

import pytest

from retaguarda.reconcile.matching.model import DifferenceKind, Verdict
from tests.reconcile.matching.ledger_cases import Case, classes, decisions, settled, two_customers

D = Decimal


def test_e07_part_payments_of_a_named_invoice_leave_the_rest_open() -> None:
    case = two_customers()
    case.item("I501", "P1", "1000.00")
    case.line("L1", "400.00", "PIX RECEBIDO 12345678000195 10/03 NF 501")
    result = case.run()
    assert settled(result) == {"L1": {"I501": D("400.00")}}
    assert {one.item_id: one.open_amount for one in result.open_items()} == {"I501": D("600.00")}


def test_e07_a_boleto_that_was_paid_in_part_leaves_the_rest_open() -> None:
    case = two_customers()
    case.item("I501", "P1", "1000.00", nosso_numero="00001001", account_id="A1")
    case.item("I502", "P2", "200.00", nosso_numero="00001002", account_id="A1")
    case.title("00001001", "400.00")
    case.title("00001002", "190.00", discount="10.00")
    case.line("L1", "590.00", "BOLETOS RECEBIDOS 10/03S")
    result = case.run()
    assert settled(result) == {"L1": {"I501": D("400.00"), "I502": D("200.00")}}
    (decision,) = result.decisions()
    assert decision.difference is not None
    assert decision.difference.amount == D("-10.00")
    assert {one.item_id: one.open_amount for one in result.open_items()} == {"I501": D("600.00")}


def test_e08_an_overpayment_is_told_and_proposed_never_booked() -> None:
    case = two_customers()
    case.item("I501", "P1", "1000.00")
    case.line("L1", "1234.00", "PIX RECEBIDO 12345678000195 10/03 NF 501")
    (decision,) = case.run().decisions()
    assert decision.verdict is Verdict.PROPOSAL
    assert decision.difference is not None
    assert (decision.difference.kind, decision.difference.amount) == (DifferenceKind.OVERPAYMENT, D("234.00"))


def test_e09_withheld_taxes_are_rounded_one_by_one() -> None:
    case = two_customers()
    case.item("I501", "P2", "1234.57", doc_type="NFS")
    # 5.85 %: 14.81 + 8.02 + 37.04 + 12.35
    case.line("L1", "1162.35", "TED 341.1234HOSPITAL BOA ESP")
    (decision,) = case.run().decisions()
    assert decision.difference is not None
    assert (decision.difference.kind, decision.difference.amount) == (DifferenceKind.WITHHOLDING, D("-72.22"))
    assert "5,85" in decision.difference.formula


def test_e09_taxes_known_to_the_erp_need_no_explanation() -> None:
    case = two_customers()
    case.item("I501", "P2", "1000.00", open_amount="941.50", wh_ir="12.00", wh_pis="6.50", wh_cofins="30.00", wh_csll="10.00")
    case.line("L1", "941.50", "PIX RECEBIDO 98.765.432/0001-98 10/03")
    (decision,) = case.run().decisions()
    assert decision.difference is None


def test_e10_fine_and_interest_by_the_day() -> None:
    case = two_customers()
    case.item("I501", "P1", "3000.00", due="2026-03-02")
    case.line("L1", "3068.00", "PIX TRANSF CERAMICA TRES IRM 10/03")  # 2 % + 1 % / 30 x 8 days
    (decision,) = case.run().decisions()
    assert decision.difference is not None
    assert (decision.difference.kind, decision.difference.amount) == (DifferenceKind.INTEREST, D("68.00"))
    assert decision.difference.account.startswith("3.1.2.01")


def test_e10_interest_that_we_paid_goes_to_another_account() -> None:
    case = two_customers()
    case.item("I501", "P1", "3000.00", due="2026-03-02", kind="AP")
    case.line("L1", "-3068.00", "BOLETO PAGO CERAMICA TRES IRM")
    (decision,) = case.run().decisions()
    assert decision.difference is not None
    assert decision.difference.account.startswith("4.1.2.01")


def test_e11_a_bank_fee_kept_back() -> None:
    case = two_customers()
    case.item("I501", "P1", "2000.00")
    case.line("L1", "1989.50", "TED 341.1234CERAMICA TRES IR")
    (decision,) = case.run().decisions()
    assert decision.difference is not None
    assert (decision.difference.kind, decision.difference.amount) == (DifferenceKind.BANK_FEE, D("-10.50"))


def test_e11_fees_nobody_listed_are_learned_from_named_invoices() -> None:
    case = two_customers()
    for number in range(501, 505):
        case.item(f"I{number}", "P1", f"{number * 7}.00")
        case.line(f"L{number}", f"{number * 7 - 8}.23", f"PIX RECEBIDO 12345678000195 10/03 NF {number}")
    case.item("I900", "P2", "5000.00")
    case.line("L900", "4992.23", "TED 341.1234HOSPITAL BOA ESP")
    decision = decisions(case.run())["L900"]
    assert decision.difference is not None
    assert decision.difference.kind is DifferenceKind.BANK_FEE


def test_e12_one_credit_pays_several_invoices() -> None:
    case = two_customers()
    for item, amount in (("I501", "1371.13"), ("I577", "2222.22"), ("I632", "815.40"), ("I700", "99.99"), ("I811", "640.00")):
        case.item(item, "P1", amount)
    case.line("L1", "2286.52", "PIX TRANSF CERAMICA TRES IRMAOS 10/03")
    assert settled(case.run()) == {"L1": {"I501": D("1371.13"), "I632": D("815.40"), "I700": D("99.99")}}


def test_e12_a_reference_to_some_of_the_invoices() -> None:
    case = two_customers()
    for item, amount in (("I501", "1371.13"), ("I577", "2222.22"), ("I632", "815.40")):
        case.item(item, "P1", amount)
    case.line("L1", "2186.53", "PIX RECEBIDO 12345678000195 10/03 NF 632")
    assert settled(case.run()) == {"L1": {"I501": D("1371.13"), "I632": D("815.40")}}


@pytest.mark.parametrize(
    "words",
    [
        "NF 501/502",
        "NF 501 NF 502",
        "NF nº 501 e 502",
        "nf. n° 501, nf. n° 502",
        "NFS-E 501 + NFS-E 502",
        "REF NOTAS 501 E 502",
        "NF 501/1 NF 502/1",
    ],
)
def test_e12_a_reference_to_all_of_them_however_it_is_written(words: str) -> None:
    case = two_customers()
    case.item("I501", "P1", "100.00")
    case.item("I502", "P1", "200.00")
    case.line("L1", "300.00", f"TED RECEBIDA {words}")
    (decision,) = case.run().decisions()
    assert (decision.rule, [part.item_id for part in decision.allocations]) == ("reference.unknown", ["I501", "I502"])


def test_e12_several_sets_that_add_up_are_proposed_never_booked() -> None:
    case = two_customers()
    for item, amount in (("I501", "100.00"), ("I577", "200.00"), ("I632", "120.00"), ("I700", "180.00")):
        case.item(item, "P1", amount)
    case.line("L1", "300.00", "PIX TRANSF CERAMICA TRES IRMAOS 10/03")
    (decision,) = case.run().decisions()
    assert decision.verdict is Verdict.PROPOSAL
    assert decision.alternatives > 0


def test_e13_several_credits_pay_one_invoice() -> None:
    case = two_customers()
    case.item("I501", "P1", "1000.00", due="2026-03-03")
    case.line("L1", "333.33", "PIX TRANSF CERAMICA TRES IRMAOS 03/03", "2026-03-03")
    case.line("L2", "333.33", "PIX TRANSF CERAMICA TRES IRM 10/03", "2026-03-10")
    case.line("L3", "333.34", "PIX RECEBIDO 12345678000195 17/03", "2026-03-17")
    assert settled(case.run()) == {line: {"I501": D(amount)} for line, amount in (("L1", "333.33"), ("L2", "333.33"), ("L3", "333.34"))}


def test_e14_a_company_of_the_group_pays() -> None:
    case = two_customers()
    case.partner("P3", "Hospital Vila Nova Ltda", "55666777000161", "G1")
    case.partners[1]["group_id"] = "G1"
    case.item("I501", "P3", "1234.56")
    case.line("L1", "1234.56", "PIX RECEBIDO 98765432000198 10/03")
    (decision,) = case.run().decisions()
    assert [part.item_id for part in decision.allocations] == ["I501"]
    assert decision.verdict is Verdict.PROPOSAL


def test_e15_a_third_party_is_learned_from_history() -> None:
    case = two_customers()
    case.item("I501", "P1", "777.10")
    case.item("I502", "P2", "777.10")
    case.known("PIX RECEBIDO FULVIA SANTAREM HOLDING", "P1")
    case.line("L1", "777.10", "PIX TRANSF FULVIA SANTAREM HOL 10/03")
    assert settled(case.run()) == {"L1": {"I501": D("777.10")}}


def test_e15_a_stranger_who_names_the_invoice_is_confirmed_by_a_person() -> None:
    case = two_customers()
    case.item("I501", "P1", "777.10")
    case.line("L1", "777.10", "PIX RECEBIDO 98765432000198 10/03 NF 501")
    (decision,) = case.run().decisions()
    assert decision.rule == "reference.stranger"
    assert decision.verdict is Verdict.PROPOSAL


def test_e16_the_root_is_right_the_branch_is_not() -> None:
    case = two_customers()
    case.item("I501", "P1", "888.80")
    case.line("L1", "888.80", "PIX RECEBIDO 12.345.678/0009-42 10/03")
    (decision,) = case.run().decisions()
    assert decision.rule == "exact.root"


def test_e18_equal_amounts_are_told_apart_by_the_payer() -> None:
    case = two_customers()
    case.item("I501", "P1", "1000.00")
    case.item("I502", "P2", "1000.00")
    case.line("L1", "1000.00", "PIX TRANSF HOSPITAL BOA ESPE 10/03")
    case.line("L2", "1000.00", "PIX RECEBIDO 12345678000195 10/03")
    assert settled(case.run()) == {"L1": {"I502": D("1000.00")}, "L2": {"I501": D("1000.00")}}


def test_e18_of_equal_invoices_the_oldest_is_paid_first() -> None:
    case = two_customers()
    for item, due in (("I503", "2026-03-20"), ("I501", "2026-02-10"), ("I502", "2026-03-10")):
        case.item(item, "P1", "1000.00", due=due)
    case.line("L1", "1000.00", "PIX RECEBIDO 12345678000195 10/03")
    assert list(settled(case.run())["L1"]) == ["I501"]


def test_e18_the_oldest_makes_room_when_interest_proves_that_it_was_paid_later() -> None:
    case = two_customers()
    case.item("I501", "P1", "3000.00", due="2026-03-02")
    case.item("I502", "P1", "3000.00", due="2026-03-05")
    case.line("L1", "3000.00", "PIX RECEBIDO 12345678000195 05/03", "2026-03-05")
    case.line("L2", "3075.00", "PIX RECEBIDO 12345678000195 17/03", "2026-03-17")  # 15 days after the first
    assert {line: list(items) for line, items in settled(case.run()).items()} == {"L1": ["I502"], "L2": ["I501"]}


def test_e19_overlapping_files_are_counted_once_and_twins_stay_two() -> None:
    case = two_customers()
    for item in ("I501", "I502"):
        case.item(item, "P1", "70.00")
    for file in ("F1", "F2"):
        for ordinal in (1, 2):
            case.line(f"{file}-{ordinal}", "70.00", "PIX RECEBIDO 12345678000195 10/03", file_id=file)
    result = case.run()
    assert sorted(classes(result).values()) == ["duplicate_import", "duplicate_import", "match", "match"]
    assert classes(result)["F1-1"] == classes(result)["F1-2"] == "match"


def test_e20_a_lump_of_boletos_is_exploded_by_its_return_file() -> None:
    case = two_customers()
    case.item("I501", "P1", "100.00", nosso_numero="00001001", account_id="A1")
    case.item("I502", "P2", "200.00", nosso_numero="00001002", account_id="A1", due="2026-03-01")
    case.title("00001001", "100.00")
    case.title("00001002", "204.60")
    case.title("00001003", "50.00", occurrence="02")
    case.line("L1", "304.60", "BOLETOS RECEBIDOS 10/03S")
    (decision,) = case.run().decisions()
    assert [part.item_id for part in decision.allocations] == ["I501", "I502"]
    assert decision.difference is not None
    assert (decision.difference.kind, decision.difference.amount) == (DifferenceKind.RETURN_FILE, D("4.60"))
    assert decision.verdict is Verdict.AUTO


def test_e20_the_return_file_was_lost() -> None:
    case = two_customers()
    for number, amount in ((1001, "1120.35"), (1002, "873.11"), (1003, "645.90"), (1007, "512.00")):
        case.item(f"I{number}", "P1", amount, nosso_numero=f"0000{number}", account_id="A1")
    case.line("L1", "2639.36", "BOLETOS RECEBIDOS 10/03S")
    (decision,) = case.run().decisions()
    assert [part.item_id for part in decision.allocations] == ["I1001", "I1002", "I1003"]
    assert decision.verdict is Verdict.PROPOSAL


def test_e20_single_boletos_by_their_number() -> None:
    case = two_customers()
    case.item("I501", "P1", "100.00", nosso_numero="00001001", account_id="A1")
    case.item("I502", "P2", "200.00", nosso_numero="00001002", account_id="A1")
    case.line("L1", "100.00", "LIQ BOLETO 109/00001001-7")
    case.line("L2", "200.00", "LIQ BOLETO", doc_number="00001002")
    assert {line: list(items) for line, items in settled(case.run()).items()} == {"L1": ["I501"], "L2": ["I502"]}


def test_e20_boletos_that_were_issued_outside_the_erp_are_known_by_their_invoice() -> None:
    case = two_customers()
    case.item("I501", "P1", "100.00")
    case.item("I502", "P2", "200.00", seu_numero="PED-9")
    case.item("I503", "P2", "300.00")
    case.title("00001001", "100.00", seu_numero="NF 501")
    case.title("00001002", "204.00", seu_numero="PED-9", interest="4.00")
    case.title("00001003", "250.00", seu_numero="503-1")
    case.line("L1", "554.00", "BOLETOS RECEBIDOS 10/03S")
    (decision,) = case.run().decisions()
    assert {part.item_id: part.amount for part in decision.allocations} == {"I501": D("100.00"), "I502": D("200.00")}
    assert (decision.rule, decision.verdict) == ("return.unknown_title", Verdict.PROPOSAL)


def test_e20_two_titles_of_one_invoice_are_nobodys() -> None:
    case = two_customers()
    case.item("I501", "P1", "100.00")
    case.title("00001001", "100.00", seu_numero="NF 501")
    case.title("00001002", "100.00", seu_numero="NF 501")
    case.line("L1", "200.00", "BOLETOS RECEBIDOS 10/03S")
    assert settled(case.run()).get("L1", {}) == {}


def test_e21_the_day_of_credit_counts_not_that_of_the_payment() -> None:
    case = two_customers()
    case.item("I501", "P1", "100.00", nosso_numero="00001001", account_id="A1")
    case.title("00001001", "100.00", "2026-03-12", occurrence_date="2026-03-10")
    case.line("L1", "100.00", "BOLETOS RECEBIDOS 12/03S", "2026-03-12")
    (decision,) = case.run().decisions()
    assert decision.rule == "return.file"


def test_e22_e23_the_market_settlement_is_the_agents_own() -> None:
    case = two_customers()
    case.partner("P9", "Câmara de Comercialização de Energia Elétrica - CCEE", "03034433000156")
    case.item("I501", "P9", "12345.67", doc_type="CCEE")
    case.item("I502", "P9", "765.43", doc_type="CCEE", kind="AP")
    case.line("L1", "12345.67", "LIQ FINANCEIRA CCEE MCP 02")
    case.line("L2", "-765.43", "LIQ FINANCEIRA CCEE MCP 02")
    assert {line: list(items) for line, items in settled(case.run()).items()} == {"L1": ["I501"], "L2": ["I502"]}


def test_e24_transfers_sweeps_fees_and_balances_settle_nothing() -> None:
    case = two_customers()
    case.item("I501", "P1", "1000.00")
    case.line("L1", "-1000.00", "TED MESMA TITULARIDADE LUZ CLARA COM")
    case.line("L2", "1000.00", "TED RECEBIDA LUZ CLARA COMERCIALI", account_id="A2")
    case.line("L3", "1000.00", "REND PAGO APLIC AUT MAIS")
    case.line("L4", "-35.00", "TARIFA PACOTE SERVICOS")
    case.line("L5", "1000.00", "SALDO DO DIA")
    result = case.run()
    assert classes(result) == {"L1": "transfer", "L2": "transfer", "L3": "noise", "L4": "noise", "L5": "balance"}
    assert not result.board.settled


def test_names_are_cut_shortened_and_glued() -> None:
    case = two_customers()
    case.partner("P4", "Construtora Vale do Ipê Ltda", "44555666000177")
    case.partner("P5", "Condomínio Edifício Solar", "77888999000155")
    case.item("I501", "P4", "310.00")
    case.item("I502", "P5", "320.00")
    case.item("I503", "P1", "330.00")
    case.line("L1", "310.00", "TED 237.4321CONSTRVALEDOIP")
    case.line("L2", "320.00", "PIX - RECEBIDO 10/03 13:50 COND ED SOL")
    case.line("L3", "330.00", "TED-TRANSF ELET DISPON REMET.CERAMICA TRES IRM")
    assert {line: list(items) for line, items in settled(case.run()).items()} == {"L1": ["I501"], "L2": ["I502"], "L3": ["I503"]}


def test_an_alphanumeric_cnpj_is_a_document_like_any_other() -> None:
    case = Case()
    case.partner("P1", "Vidros Novos Ltda", "R8W30IFO000120")
    case.item("I501", "P1", "310.00")
    case.line("L1", "310.00", "PIX RECEBIDO R8.W30.IFO/0001-20 10/03")
    (decision,) = case.run().decisions()
    assert decision.rule == "exact.doc"


def test_receivables_are_netted_against_payables() -> None:
    case = two_customers()
    case.item("I501", "P1", "9000.00")
    case.item("I502", "P1", "3456.78", kind="AP")
    case.line("L1", "5543.22", "PIX RECEBIDO 12345678000195 10/03")
    (decision,) = case.run().decisions()
    assert {(part.item_id, part.kind) for part in decision.allocations} == {("I501", "AR"), ("I502", "AP")}
    assert decision.verdict is Verdict.PROPOSAL


def test_suppliers_paid_in_one_lot_and_taxes() -> None:
    case = two_customers()
    for item, amount in (("I501", "100.10"), ("I502", "200.20")):
        case.item(item, "P1", amount, kind="AP", seu_numero="LOTE 004711")
    case.item("I503", "P2", "55.00", kind="AP", doc_type="DARF")
    case.line("L1", "-300.30", "SISPAG FORNECEDORES", doc_number="4711")
    case.line("L2", "-55.00", "PAGTO DARF COD 5952")
    assert {line: list(items) for line, items in settled(case.run()).items()} == {"L1": ["I501", "I502"], "L2": ["I503"]}


def test_a_lot_without_number_is_the_only_set_of_the_day_or_nothing() -> None:
    case = two_customers()
    for item, amount in (("I501", "1371.13"), ("I502", "2222.22"), ("I503", "815.40"), ("I504", "640.07")):
        case.item(item, "P1", amount, kind="AP")
    case.line("L1", "-2186.53", "SISPAG FORNECEDORES")
    case.line("L2", "-9999.99", "SISPAG FORNECEDORES")
    result = case.run()
    assert {line: list(items) for line, items in settled(result).items()} == {"L1": ["I501", "I503"]}
    assert [one.line.line_id for one in result.unmatched()] == ["L2"]


def test_what_nothing_explains_is_told_with_its_candidates() -> None:
    case = two_customers()
    case.item("I501", "P1", "1000.00")
    case.line("L1", "613.77", "PIX RECEBIDO 12345678000195 10/03")
    (left,) = case.run().unmatched()
    assert left.payers == ("CERAMICA TRES IRMAOS LTDA",)
    assert [candidate.item_id for candidate in left.candidates] == ["I501"]


def test_a_decision_says_what_it_rests_on() -> None:
    case = two_customers()
    case.item("I501", "P1", "3000.00", due="2026-03-02")
    case.line("L1", "3068.00", "PIX TRANSF CERAMICA TRES IRM 10/03")
    (decision,) = case.run().decisions()
    assert any("CERAMICA TRES IRMAOS LTDA 12345678000195" in word for word in decision.evidence.words)
    assert any("60.00 + 8.00 (2% + 1%/30 x 8) = 68.00" in number for number in decision.evidence.numbers)
