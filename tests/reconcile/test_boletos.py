"""Answers to a remessa: each title once, the last word counts, and nobody else's number is taken for ours."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retaguarda.formats import read_return
from retaguarda.formats.cnab240_remessa import write
from retaguarda.model.charges import Charge, Instruction, Remittance
from retaguarda.model.our_numbers import check_digit, our_number
from retaguarda.model.statements import Title
from retaguarda.reconcile.boletos import CONFIRMS, REJECTS, confirmations
from tests.formats.remessa_samples import BENEFICIARIES, DUE, remittance

ZERO = Decimal("0.00")
ANSWERS = sorted(set().union(*CONFIRMS.values(), *REJECTS.values()) | {"06", "28"})


def answer(charge: Charge, movement: str, our: str = "", reasons: tuple[str, ...] = ()) -> Title:
    return Title(
        movement, our or charge.our_number, charge.document, charge.due_date, charge.face_value, ZERO, ZERO, ZERO, ZERO, ZERO, None, None,
        reasons=reasons,
    )  # fmt: skip


SENT = remittance("bb")
PLAIN, RICH, CANCEL, NEW_DUE = SENT.charges


def test_confirmed_rejected_and_silent() -> None:
    found = confirmations(SENT, [answer(PLAIN, "02"), answer(RICH, "03", reasons=("48", "46", "99")), answer(CANCEL, "09")])
    assert [one.charge for one in found.confirmed] == [PLAIN, CANCEL]
    assert [(one.charge, one.reasons) for one in found.rejected] == [
        (RICH, ("CEP inválido", "Inscrição do pagador inválida", "Motivo 99 da tabela do banco"))
    ]
    assert found.silent == (NEW_DUE,)
    assert not found.complete
    assert confirmations(SENT, [answer(charge, min(CONFIRMS[charge.instruction])) for charge in SENT.charges]).complete


def test_itau_has_a_table_of_its_own() -> None:
    sent = remittance("itau")
    assert confirmations(sent, [answer(sent.charges[0], "03", reasons=("48",))]).rejected[0].reasons == ("Motivo 48 da tabela do banco",)


@pytest.mark.parametrize(
    ("charge", "movement", "confirmed"),
    [(CANCEL, "09", True), (CANCEL, "26", False), (NEW_DUE, "14", True), (NEW_DUE, "27", True), (NEW_DUE, "30", False)],
)
def test_instructions_have_answers_of_their_own(charge: Charge, movement: str, confirmed: bool) -> None:
    found = confirmations(SENT, [answer(charge, movement)])
    assert (len(found.confirmed), len(found.rejected)) == ((1, 0) if confirmed else (0, 1))


@pytest.mark.parametrize("movement", ["06", "28", "09", "14"])
def test_other_movements_do_not_answer_an_entry(movement: str) -> None:
    assert confirmations(SENT, [answer(PLAIN, movement)]).silent == SENT.charges


def test_the_last_answer_counts() -> None:
    both = [answer(PLAIN, "03", reasons=("09",)), answer(PLAIN, "02")]
    assert confirmations(SENT, both).rejected == ()
    assert confirmations(SENT, both[::-1]).confirmed == ()


def test_a_confirmation_of_other_values_is_told() -> None:
    titles = [
        answer(PLAIN, "02")._replace(face_value=Decimal("999.99")),
        answer(RICH, "02")._replace(due_date=DUE + dt.timedelta(1)),
        answer(CANCEL, "09")._replace(face_value=ZERO, due_date=None),
    ]
    assert [one.differs for one in confirmations(SENT, titles).confirmed] == [True, True, False]


@pytest.mark.parametrize(
    ("bank", "spelled"),
    [
        ("bb", "12387980000000001"),
        ("itau", "00000001"),
        ("itau", "000000018"),
        ("santander", "0000000000019"),
        ("caixa", "14000000000000001"),
        ("caixa", "000000000000001"),
        ("caixa", "0000000000000014"),
        ("bradesco", "00000000001"),
        ("bradesco", "000000000011"),
        ("bradesco", "00900000000000000011"),
        ("febraban", "00000000000000000001"),
    ],
)
def test_how_banks_spell_a_number(bank: str, spelled: str) -> None:
    sent = remittance(bank)
    assert confirmations(sent, [answer(sent.charges[0], "02", spelled)]).confirmed[0].charge == sent.charges[0]


def test_a_number_with_its_check_digit_is_not_another_number() -> None:
    """Caixa: title 1 has check digit 4; `14` is not title 14."""
    owner = BENEFICIARIES["caixa"]
    first = remittance("caixa").charges[0]
    fourteenth = replace(first, our_number=our_number(owner, 14), document="NF 14")
    sent = replace(remittance("caixa"), charges=(first, fourteenth))
    spelled = first.our_number[2:] + check_digit(owner, first.our_number)
    assert confirmations(sent, [answer(first, "02", spelled)]).silent == (fourteenth,)


@settings(max_examples=80, deadline=None)
@given(st.data(), st.sampled_from(sorted(BENEFICIARIES)))
def test_every_charge_ends_in_one_place(data: st.DataObject, bank: str) -> None:
    sent = remittance(bank)
    titles = data.draw(st.lists(st.builds(answer, st.sampled_from(sent.charges), st.sampled_from(ANSWERS)), max_size=12))
    found = confirmations(sent, titles)
    placed = [one.charge for one in found.confirmed] + [one.charge for one in found.rejected] + list(found.silent)
    assert sorted(map(repr, placed)) == sorted(map(repr, sent.charges))


def retorno(sent: Remittance, codes: str) -> bytes:
    """A retorno that rejects the first title of a FEBRABAN remessa: its P and Q as T and U, positions of FEBRABAN 3.5."""
    header, lot, p, _, *_ = write(sent).decode().split("\r\n")
    t = f"{p[:13]}T 03{p[17:58]}{p[62:77].ljust(15)}{p[77:100]}".ljust(213) + codes.ljust(10)
    u = f"{p[:8]}00002U 03" + "0" * 120
    trailers = ["77300015".ljust(17) + "000004", "77399999".ljust(17) + "000001000006"]
    return "\r\n".join(one.ljust(240) for one in (f"{header[:142]}2{header[143:]}", f"{lot[:8]}T{lot[9:]}", t, u, *trailers)).encode()


def test_reasons_are_read_from_a_retorno() -> None:
    sent = remittance("febraban")
    read = read_return(retorno(sent, "4846000000"))
    assert read.titles[0].reasons == ("48", "46")
    found = confirmations(sent, read.titles)
    assert found.rejected[0].reasons == ("CEP inválido", "Inscrição do pagador inválida")
    assert found.rejected[0].charge.instruction is Instruction.ENTRY
