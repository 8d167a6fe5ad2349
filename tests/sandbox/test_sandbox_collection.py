"""The banks read remessas to the last column and work on them the next business day; Banco Ipê stands behind an nginx or not at all."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from retaguarda.formats import read_return
from retaguarda.formats.cnab240_remessa import write
from sandbox.bank_ipe.portal import FIRST_RETURN, account_of
from sandbox.banking import Problem
from sandbox.business_days import next_business_day
from sandbox.clock import SAO_PAULO
from sandbox.collection import portfolio, remessa
from sandbox.collection.portfolio import Portfolio
from sandbox.collection.retorno import cnab240
from sandbox.companies import US
from sandbox.database import Database
from tests.robots.capability_boletos import beneficiary_of, remittance
from tests.sandbox_fixtures import ROOT

ACCOUNT = account_of(US)
BENEFICIARY = beneficiary_of(ACCOUNT)
WORKS_ON = dt.date(2026, 11, 12)
GOOD = write(remittance(BENEFICIARY, 42))


@pytest.fixture
def boletos(tmp_path: Path) -> Iterator[Portfolio]:
    database = Database(tmp_path / "bank.sqlite", portfolio.SCHEMA)
    yield Portfolio(database, ACCOUNT, FIRST_RETURN, last_remessa=41, queue=dt.timedelta(minutes=15))
    database.close()


def at(day: int, hour: int = 9, month: int = 11) -> dt.datetime:
    return dt.datetime(2026, month, day, hour, tzinfo=SAO_PAULO)


def with_columns(line: int, start: int, text: str) -> bytes:
    """The good file with other characters in one line."""
    lines = GOOD.decode().split("\r\n")
    lines[line - 1] = lines[line - 1][: start - 1] + text + lines[line - 1][start - 1 + len(text) :]
    return "\r\n".join(lines).encode()


def refusal(data: bytes) -> str:
    with pytest.raises(Problem) as told:
        remessa.read(data, ACCOUNT, WORKS_ON)
    return str(told.value)


def test_what_the_product_writes_is_read_as_it_was_meant() -> None:
    read = remessa.read(GOOD, ACCOUNT, WORKS_ON)
    assert (read.sequence, len(read.titles), read.total) == (42, 3, Decimal("4506.30"))
    assert [title.reasons for title in read.titles] == [(), (), ()]


@pytest.mark.parametrize(
    ("line", "start", "text", "said"),
    [
        (1, 1, "341", "linha 1, posições 1 a 8: banco"),
        (1, 19, "00000000000000", "linha 1, posições 19 a 32: CNPJ"),
        (1, 33, "9", "linha 1, posições 33 a 52: convênio"),
        (1, 143, "2", "linha 1, posições 143 a 143: código de remessa"),
        (1, 144, "31022026", "linha 1, posições 144 a 151: data de geração inválida"),
        (1, 158, "00004X", "linha 1, posições 158 a 163: NSA não numérico"),
        (2, 184, "00000043", "linha 2, posições 184 a 191: número da remessa"),
        (4, 9, "00003", "linha 4, posições 9 a 13: número sequencial"),
        (4, 14, "R", "linha 4, posições 14 a 14: segmento"),
        (3, 24, "999999999999", "linha 3, posições 24 a 36: conta"),
        (9, 18, "000007", "linha 9, posições 18 a 23: quantidade de registros"),
        (9, 30, "00000000000000001", "linha 9, posições 30 a 46: valor total"),
        (10, 24, "000009", "linha 10, posições 24 a 29: quantidade de registros"),
    ],
)
def test_a_wrong_column_is_named(line: int, start: int, text: str, said: str) -> None:
    assert said in refusal(with_columns(line, start, text))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "vazio"),
        (GOOD[:-2], "CR LF"),
        (GOOD.replace(b"\r\n", b"\n"), "CR LF"),
        (GOOD.replace(b" \r\n", b"\r\n", 1), "linha 1 com 239 posições"),
        (GOOD[:484], "faltam registros"),
        (GOOD + b"\x1a", "CR LF"),
    ],
)
def test_a_file_that_is_none_is_refused(data: bytes, said: str) -> None:
    assert said in refusal(data)


def handed_in(boletos: Portfolio, data: bytes, at: dt.datetime) -> None:
    boletos.receive(boletos.check("CB.REM", data, "robo", at), at)


def test_a_number_is_used_once_and_upwards(boletos: Portfolio) -> None:
    read = remessa.read(GOOD, ACCOUNT, WORKS_ON)
    boletos.must_be_new(read)
    handed_in(boletos, GOOD, at(11))
    with pytest.raises(Problem, match="NSA 000042 já recebido; o último é 000042"):
        boletos.must_be_new(read)
    boletos.must_be_new(remessa.read(numbered(50), ACCOUNT, WORKS_ON))


def test_a_file_that_was_not_checked_by_this_user_is_not_handed_in(boletos: Portfolio) -> None:
    checked = boletos.check("CB.REM", GOOD, "robo", at(11))
    assert boletos.checked(checked.token, "robo") is checked
    for token, user in ((checked.token, "outra"), ("x", "robo")):
        with pytest.raises(Problem, match="não está mais disponível"):
            boletos.checked(token, user)


def test_a_remessa_waits_is_worked_on_and_is_done(boletos: Portfolio) -> None:
    handed_in(boletos, GOOD, at(11))
    [row] = boletos.received(at(11, 10))
    moments = (at(11), at(11).replace(minute=15), at(12, 0))
    assert [boletos.state(row, moment) for moment in moments] == ["Na fila", "Em processamento", "Processada"]
    assert boletos.received(at(11, 8)) == boletos.received(at(12), start=dt.date(2026, 11, 12)) == []


@pytest.mark.parametrize(
    ("line", "start", "text", "code"),
    [
        (3, 78, "11112026", "16"), (3, 86, "000000000000000", "20"), (3, 16, "02", "05"), (3, 107, "77", "21"), (3, 58, "9", "10"),
        (4, 19, "000011111111111", "46"), (4, 129, "00000000", "48"), (4, 152, "XX", "52"), (4, 34, " " * 40, "45"),
    ],
)  # fmt: skip
def test_a_wrong_title_is_rejected_for_its_reason_alone(line: int, start: int, text: str, code: str) -> None:
    data = with_columns(line, start, text)
    if start == 86:  # the trailer must still add up
        data = data.replace(f"{450630:017d}".encode(), f"{300520:017d}".encode())
    first, second, third = remessa.read(data, ACCOUNT, WORKS_ON).titles
    assert code in first.reasons
    assert second.reasons == third.reasons == ()


def test_titles_are_answered_the_next_business_day_and_paid_when_due(boletos: Portfolio) -> None:
    made = remittance(BENEFICIARY, 42)
    handed_in(boletos, write(made), at(11))
    assert boletos.returns(dt.date.min, dt.date.max, at(11, 23)) == []
    assert boletos.returns(dt.date.min, dt.date.max, at(12, 6)) == []
    [answer] = boletos.returns(dt.date.min, dt.date.max, at(12, 7))
    assert [movement.code for movement in answer.movements] == ["02"] * 3
    read = read_return(cnab240(answer, ACCOUNT))
    assert [(title.movement, title.our_number.lstrip("0")) for title in read.titles] == [("02", one.our_number) for one in made.charges]
    # due on Tuesday 17, Wednesday 18 and Thursday 19: the last is credited on Monday 23, since Friday 20 is a holiday
    later = boletos.returns(dt.date.min, dt.date.max, at(23))
    assert [(file.day.day, [m.code for m in file.movements]) for file in later[1:]] == [(18, ["06"]), (19, ["06"]), (23, ["06"])]
    assert [file.sequence for file in later] == list(range(FIRST_RETURN, FIRST_RETURN + 4))
    assert [entry.amount for entry in boletos.lumps(at(23))] == [one.face_value - Decimal("1.90") for one in made.charges]


def test_what_was_told_before_is_told_first_and_brings_no_money_again(boletos: Portfolio) -> None:
    made = remittance(BENEFICIARY, 42)
    handed_in(boletos, write(made), at(11))
    [answer] = boletos.returns(dt.date.min, dt.date.max, at(12))
    earlier = tuple((movement, dt.date(2026, 11, 10)) for movement in answer.movements)
    longer = replace(boletos, past=earlier)
    assert [(file.sequence, file.day.day) for file in longer.returns(dt.date.min, dt.date.max, at(12))] == [
        (FIRST_RETURN, 10), (FIRST_RETURN + 1, 12)
    ]  # fmt: skip
    assert longer.lumps(at(23)) == boletos.lumps(at(23))


def numbered(sequence: int) -> bytes:
    """The good file under another number."""
    return GOOD.replace(b"000042", f"{sequence:06d}".encode())


def test_the_same_our_number_is_registered_once(boletos: Portfolio) -> None:
    for sequence in (42, 43):
        handed_in(boletos, numbered(sequence), at(11))
    [answer] = boletos.returns(dt.date.min, dt.date.max, at(12))
    assert [(m.code, m.reasons) for m in answer.movements] == [("02", "")] * 3 + [("03", "63")] * 3


def test_a_weekend_and_a_holiday_are_no_business_days() -> None:
    assert next_business_day(dt.date(2026, 11, 13)) == dt.date(2026, 11, 16)
    assert next_business_day(dt.date(2026, 11, 19)) == dt.date(2026, 11, 23)


def test_without_nginx_the_bank_says_how_to_get_one(tmp_path: Path) -> None:
    """The program of this machine is hidden from the sandbox."""
    code = "import sandbox.nginx as n; n.PLACES = (); import sys; from sandbox.__main__ import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "up", "--state", str(tmp_path), "--portals", "bank_ipe", "--port-base", "0"]
    done = subprocess.run(command, cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "no nginx on this machine: run `make setup`" in done.stderr
    assert "Traceback" not in done.stderr
