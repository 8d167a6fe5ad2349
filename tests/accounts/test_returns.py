"""Boleto return files: kept once, and a number that was left out is told."""

from __future__ import annotations

import datetime as dt
import hashlib
from decimal import Decimal

import pytest

from retaguarda.accounts import book, returns
from retaguarda.accounts.book import Origin
from retaguarda.accounts.returns import TakenReturn
from retaguarda.clock import SAO_PAULO
from retaguarda.model.statements import Quarantined, ReturnFile, Title
from retaguarda.store.models import BoletoReturn, OutboxEvent
from tests.accounts.test_book import statement, take

pytestmark = pytest.mark.usefixtures("any_house")
AT = dt.datetime(2026, 12, 1, 7, tzinfo=SAO_PAULO)
ACCOUNT = "341/0001/1234-5"


def title(net: str, movement: str = "06") -> Title:
    zero = Decimal()
    return Title(movement, "1", "NF-1", None, Decimal(net), Decimal(net), zero, zero, zero, Decimal(net), AT.date(), AT.date())


def file(sequence: int, *titles: Title, odd: tuple[Quarantined, ...] = (), account: str = "1234") -> ReturnFile:
    return ReturnFile("341", sequence, account, titles or (title("10.00"),), odd)


def enter(*files: ReturnFile) -> list[TakenReturn]:
    digests = [hashlib.sha256(repr(one).encode()).hexdigest() for one in files]
    names = zip(files, digests, strict=True)
    return returns.take_in(
        (one, Origin(digest, f"cob{one.file_sequence}.ret", "cnab240-retorno", AT, AT.date(), "0001/1234-5")) for one, digest in names
    )


def test_a_return_is_kept_once_under_the_name_that_statements_gave_the_account() -> None:
    take(statement(1, 9))
    told = file(7, title("10.00"), title("2.50", "17"), title("99.00", "02"))
    assert enter(told) == enter(told) == [TakenReturn(ACCOUNT, f"2026-12-01.{ACCOUNT.replace('/', '-')}.cob7.ret", 7)]
    kept = BoletoReturn.objects.get()
    assert (kept.titles, kept.credited, kept.sequence) == (3, Decimal("12.50"), 7)
    assert OutboxEvent.objects.filter(line__action="return.taken-in").count() == 1
    assert returns.findings() == {}
    assert book.accounts() == [ACCOUNT]


def test_a_number_that_was_left_out_is_told_at_the_file_behind_it_until_it_comes() -> None:
    assert [one.reasons for one in enter(file(9), file(7), file(8), file(12))] == [(), (), (), ("return files 10 to 11 did not come",)]
    assert returns.findings() == {"341/1234": ["return files 10 to 11 did not come"]}
    [taken] = enter(file(11))
    assert taken.reasons == ("return file 10 did not come",)
    enter(file(10))
    assert returns.findings() == {}


def test_two_contents_under_one_number_and_unread_lines_are_told() -> None:
    enter(file(7))
    [other] = enter(file(7, title("11.00")))
    name = "2026-12-01.341-1234.cob7.ret"
    assert other.reasons == (f"return files of different content have the number 7: {name}, {name}",)
    [odd] = enter(file(8, odd=(Quarantined(4, "a segment T without its segment U", "?"),)))
    assert odd.reasons == ("1 lines could not be read",)
    assert returns.findings() == {"341/1234": ["2026-12-01.341-1234.cob8.ret: 1 lines could not be read", *other.reasons]}


def test_accounts_of_two_banks_and_files_without_a_number_are_not_mixed() -> None:
    enter(file(1), file(0), file(0, title("3.00")), file(3, account="777"))
    assert returns.findings() == {}
    assert BoletoReturn.objects.count() == 4
