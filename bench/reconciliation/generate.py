"""Labelled bank lines of a made-up energy trader, by seed: what happens first, then files.

The files and their columns are those of the product's own inputs; labels.csv, labels_lines.csv and labels_ccee.csv are the answers,
which only the scorer reads.
"""

from __future__ import annotations

import datetime as dt
import gc
import itertools
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.reconciliation import vocabulary as words
from bench.reconciliation.boletos import Boletos, money
from bench.reconciliation.book import Book, Item, Line
from bench.reconciliation.contracts import Contracts
from bench.reconciliation.draw import Draw, business_days, share
from bench.reconciliation.movements import Movements, number_files
from bench.reconciliation.payables import Payables
from bench.reconciliation.receipts import Receipts
from bench.reconciliation.register import Partner, bare

ITEM_COLUMNS = (
    "item_id,kind,doc_type,partner_id,partner_name,partner_doc,nf_number,parcel,issue_date,due_date,gross,"
    "wh_ir,wh_pis,wh_cofins,wh_csll,wh_iss,wh_inss,open_amount,nosso_numero,seu_numero,account_id,contract\n"
)
LINE_COLUMNS = "line_id,account_id,file_id,date,amount,hist_code,doc_number,fitid,description\n"
LABEL_COLUMNS = "line_id,class,scenario,difficulty,dup_of,pair_of,diff_type,diff,note\n"
RETURN_COLUMNS = (
    "account_id,nsa,occurrence,nosso_numero,seu_numero,occurrence_date,credit_date,face_amount,paid_amount,interest,discount,fee,"
    "credited_amount,due_date,payer_doc,payer_name\n"
)
SETTLING = 0.85
"""Share of the lines that settle something."""


def generate(lines: int, seed: int, folder: Path, months: int = 6, first: dt.date = dt.date(2026, 1, 1)) -> dict[str, object]:
    """Write a data set of about `lines` bank lines; the same arguments write the same bytes. Tells the manifest."""
    gc.disable()  # a million small objects that all live to the end
    try:
        return _generate(lines, seed, folder, months, first)
    finally:
        gc.enable()


def _generate(lines: int, seed: int, folder: Path, months: int, first: dt.date) -> dict[str, object]:
    draw = Draw(seed)
    book = Book(draw, lines, months, first)
    _settle(book, int(lines * SETTLING))
    _leave_open(book)
    _oldest_first(book)
    Movements(book).all(lines)
    held = number_files(draw, book)
    for n, line in enumerate(held, 1):
        line.id = f"L{n:08d}"
    building = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    counts = _write(book, held, building)
    counts |= Contracts(book).write(building, max(100, lines // 500))
    told = {**counts, "seed": seed, "lines_requested": lines, "months": months, "schema": 5}
    (building / "manifest.json").write_text(json.dumps(told, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    building.rename(folder)
    return told


def _settle(book: Book, wanted: int) -> None:
    """Every scenario until it has its share of the lines, in an order that mixes them."""
    receipts, boletos, payables = Receipts(book), Boletos(book), Payables(book)
    rooms = (receipts, boletos, payables)
    total = sum(words.SCENARIOS.values())
    events: list[Callable[[], int]] = []
    per_event = {"instalment": 2.45, "twin": 2}
    for name, weight in words.SCENARIOS.items():
        act = next(getattr(room, name) for room in rooms if hasattr(room, name))
        events.extend([act] * max(1, round(wanted * weight / total / per_event.get(name, 1))))
    book.draw.shuffle(events)
    for event in events:
        event()
    payables.ccee()


def _leave_open(book: Book) -> None:
    """Items that nobody pays: one in five, many of them equal to one that is paid."""
    draw, last = book.draw, book.days[-1]
    paid = list(book.items)
    for like in draw.choices(paid, k=len(paid) * 19 // 100):
        if like.doc_type in {"DARF", "CCEE"} or (like.kind == "AP" and draw.chance(0.3)):
            continue
        due = like.due + dt.timedelta(draw.pick((-31, -30, -7, 7, 28, 30, 31, 61)))
        due = min(max(due, book.first - dt.timedelta(25)), last + dt.timedelta(45))
        item = book.item(like.partner, due, like.doc_type, like.kind, cents=like.gross if draw.chance(0.6) else 0)
        if like.withheld and item.gross == like.gross:
            item.withheld, item.open = like.withheld, like.open
        if like.nosso and draw.chance(0.8):
            item.account, item.nosso, item.seu = like.account, book.nosso(like.account), f"{item.number}-1"


def _oldest_first(book: Book) -> None:
    """Payments that tell equal items of one partner apart by nothing settle them in the order of their due dates."""
    pools: dict[tuple[int, str, int], tuple[list[Item], list[Line]]] = {}
    bound = {id(item) for line in book.lines if not line.free for item, _ in line.edges}
    for item in book.items:
        if id(item) not in bound and not item.nosso:
            pools.setdefault((id(item.partner), item.kind, item.open), ([], []))[0].append(item)
    for line in book.lines:
        if line.free:
            item = line.edges[0][0]
            pool = pools.get((id(item.partner), item.kind, item.open))
            if pool is not None and not item.nosso:
                pool[1].append(line)
    for items, lines in pools.values():
        if len(items) > 1 and lines:
            _in_order(items, lines)


def _in_order(items: list[Item], lines: list[Line]) -> None:
    items.sort(key=lambda i: (i.due, i.number))
    taken: set[int] = set()
    for line in sorted(lines, key=lambda held: held.day):
        fits = [i for i in items if id(i) not in taken and i.issue <= line.day]
        item = fits[0] if fits else next(i for i in items if id(i) not in taken)
        taken.add(id(item))
        line.edges = [(item, item.open)]


def _write(book: Book, held: list[Line], folder: Path) -> dict[str, object]:
    order = list(book.items)
    book.draw.shuffle(order)
    for n, item in enumerate(order, 1):
        item.id = f"I{n:08d}"
    _file(folder / "open_items.csv", ITEM_COLUMNS, (_item(book, i) for i in order))
    _file(
        folder / "partners.csv",
        "partner_id,name,doc,kind,group_id\n",
        (f'{p.id},"{p.name}",{p.doc},{p.kind},{p.group}\n' for p in book.register.partners),
    )
    _file(folder / "bank_accounts.csv", "account_id,bank,bank_name,agency,account,fee_netted,boleto_fee,owner,owner_doc\n", _accounts(book))
    _file(folder / "statement_lines.csv", LINE_COLUMNS, (_line(book, x) for x in held))
    _file(folder / "history.csv", "account_id,date,amount,description,partner_id\n", _history(book))
    _file(folder / "retorno.csv", RETURN_COLUMNS, _returns(book))
    _file(folder / "labels.csv", "line_id,item_id,amount\n", (f"{x.id},{i.id},{money(c)}\n" for x in held for i, c in x.edges))
    _file(folder / "labels_lines.csv", LABEL_COLUMNS, (_label(x) for x in held))
    return {
        "lines": len(held), "items": len(order), "edges": sum(len(x.edges) for x in held), "partners": len(book.register.partners),
        "retorno_rows": len(book.returns), "classes": dict(Counter(x.kind for x in held)),
        "match_scenarios": dict(Counter(x.scenario for x in held if x.kind == "match")),
    }  # fmt: skip


def _file(path: Path, columns: str, rows: Iterator[str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(columns)
        for chunk in iter(lambda: list(itertools.islice(rows, 20_000)), []):
            file.write("".join(chunk))


def _item(book: Book, item: Item) -> str:
    partner, held = item.partner, item.withheld
    taxes = ",".join(money(held.get(t, 0)) for t in words.TAXES) if held else "0.00,0.00,0.00,0.00,0.00,0.00"
    account = book.accounts[item.account].id if item.account >= 0 else ""
    return (
        f'{item.id},{item.kind},{item.doc_type},{partner.id},"{partner.name}",{partner.doc},{item.number},{item.parcel},{item.issue},{item.due},'
        f"{money(item.gross)},{taxes},{money(item.open)},{item.nosso},{item.seu},{account},{item.contract}\n"
    )


def _accounts(book: Book) -> Iterator[str]:
    for a in book.accounts:
        b = a.bank
        yield f"{a.id},{b.code},{b.name},{b.agency},{b.account},{int(b.nets_fee)},{money(b.fee)},{book.owner},{book.owner_doc}\n"


def _line(book: Book, line: Line) -> str:
    doc = "" if line.doc == "-" else line.doc
    account = book.accounts[line.account].id
    return f"{line.id},{account},{line.file},{line.day},{money(line.cents)},{line.code},{doc},{line.fitid},{line.text}\n"


def _label(line: Line) -> str:
    repeated = line.source.id if line.source else ""
    pair = line.pair.id if line.pair else ""
    difficulty = words.DIFFICULTY.get(line.scenario, 2) if not line.source else 2
    return f"{line.id},{line.kind},{line.scenario},{difficulty},{repeated},{pair},{line.difference_type},{money(line.difference)},\n"


def _returns(book: Book) -> Iterator[str]:
    """Rows in the order of accounts and return numbers."""
    yield from sorted(book.returns, key=lambda row: (row[:2], int(row.split(",", 2)[1])))


def _history(book: Book) -> Iterator[str]:
    """Three months before, already reconciled: trade names and most of the others who pay can be learnt from it."""
    draw = book.draw
    year, month = divmod(book.first.year * 12 + book.first.month - 4, 12)
    days = business_days(dt.date(year, month + 1, 1), 3)
    rows: list[str] = []
    for partner in (*book.register.customers, *book.register.large, *book.register.public):
        rows.extend(_past(book, partner, draw.pick(days), by_other=False) for _ in range(draw.pick((1, 2, 2, 3, 4))))
        if partner.payer_known:
            rows.append(_past(book, partner, draw.pick(days), by_other=True))
    yield from sorted(rows)


def _past(book: Book, partner: Partner, day: dt.date, *, by_other: bool) -> str:
    draw, account = book.draw, book.turn()
    roll = draw.random()
    if by_other:
        text = book.pix(account, day, bare(partner.payer)[:30], partner.payer_doc if draw.chance(0.7) else "")
    elif roll < 0.3:
        text = book.ted(account, book.name(partner, 24))
    else:
        text = book.pix(account, day, book.name(partner, 32), book.doc(partner.doc) if roll < 0.7 else "")
    cents = share(book.price(partner), draw.between(8_500, 11_500))
    return f"{book.accounts[account].id},{day},{money(cents)},{' '.join(text.split())},{partner.id}\n"
