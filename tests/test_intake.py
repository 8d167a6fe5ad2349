"""Intake: every row ends as an item or as a rejection that says what to do."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from retaguarda.errors import InvalidItem
from retaguarda.intake import read_boletas, read_receivables
from retaguarda.model.contracts import Direction
from retaguarda.model.reconciliation import as_dict
from retaguarda.model.values import Month
from sandbox.month import build

TRYTON = Path(__file__).parent / "data" / "tryton"
HEADER = (
    "Número", "Direção", "Contraparte", "CNPJ", "Perfil vendedor", "Perfil comprador", "Submercado", "Tipo de energia", "Mês", "MWh",
    "Preço", "Modulação",
)  # fmt: skip
GOOD = (
    "BOL-2610-0001", "Venda", "Metalúrgica Aurora S.A.", "20.418.877/0001-04", "86853", "70401", "SE/CO", "Convencional", "01-10-2026",
    "1.293,478", "244,76", "Flat",
)  # fmt: skip
RECEIVABLE_HEADER = ("Número", "Cliente", "CNPJ", "Referência", "Data da fatura", "Vencimento", "Total", "Valor a pagar", "Descrição")
RECEIVABLE = (
    "4201",
    "Aurora, S.A.",
    "12ABC34501DE35",
    "BOL-1",
    "03-11-2026",
    "10/11/2026",
    "353.440,09",
    "0",
    "Suprimento de energia 10/2026",
)


def put(path: Path, *rows: tuple[str, ...]) -> Path:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    path.write_text(out.getvalue(), encoding="utf-8")
    return path


def changed(**cells: str) -> tuple[str, ...]:
    fields = ("number", "direction", "party", "cnpj", "seller", "buyer", "submarket", "energy", "month", "mwh", "price", "mod")
    names = dict(zip(fields, GOOD, strict=True))
    return tuple((names | cells).values())


def test_a_boleta_is_typed(tmp_path: Path) -> None:
    taken = read_boletas(put(tmp_path / "c.csv", HEADER, GOOD))
    boleta = taken.items[0]
    assert boleta.key == (86853, 70401, "SUDESTE", Month(2026, 10))
    assert (boleta.number, boleta.direction, boleta.mwh, boleta.modulation) == (
        "BOL-2610-0001",
        Direction.SALE,
        Decimal("1293.478"),
        "Flat",
    )
    assert (boleta.counterparty_cnpj, taken.rejections, taken.unread) == ("20418877000104", (), ("Preço",))


def test_a_receivable_is_typed(tmp_path: Path) -> None:
    taken = read_receivables(put(tmp_path / "r.csv", RECEIVABLE_HEADER, RECEIVABLE), "o ERP")
    receivable = taken.items[0]
    assert (receivable.amount, receivable.open_amount) == (Decimal("353440.09"), Decimal("0.00"))
    assert (receivable.cnpj, receivable.boleta, str(receivable.due_date)) == ("12ABC34501DE35", "BOL-1", "2026-11-10")
    assert taken.file == "o ERP"


@pytest.mark.parametrize(
    ("cells", "field", "reason"),
    [
        ({"number": ""}, "Número", "missing"),
        ({"number": "B" * 31}, "Número", "30 characters"),
        ({"direction": "Troca"}, "Direção", "neither sale nor purchase"),
        ({"party": " "}, "Contraparte", "missing"),
        ({"cnpj": "20.418.877/0001-05"}, "CNPJ", "not valid"),
        ({"cnpj": ""}, "CNPJ", "missing"),
        ({"buyer": ""}, "Perfil comprador", "buyer's CCEE profile code is missing"),
        ({"seller": "EXEMPLO COM"}, "Perfil vendedor", "not a number"),
        ({"seller": "0"}, "Perfil vendedor", "not a number"),
        ({"buyer": "86853"}, "Perfil comprador", "same CCEE profile"),
        ({"submarket": "OESTE"}, "Submercado", "unknown"),
        ({"month": "13/2026"}, "Mês", "cannot be read"),
        ({"mwh": "0"}, "MWh", "above zero"),
        ({"mwh": "-1,5"}, "MWh", "above zero"),
        ({"mwh": "1,2345"}, "MWh", "three decimals"),
        ({"mwh": "muito"}, "MWh", "cannot be read"),
        ({"mod": "Torta"}, "Modulação", "unknown"),
    ],
)
def test_a_wrong_boleta_is_rejected_with_its_place_and_a_remedy(tmp_path: Path, cells: dict[str, str], field: str, reason: str) -> None:
    taken = read_boletas(put(tmp_path / "c.csv", HEADER, changed(number="BOL-1"), changed(**cells)))
    assert len(taken.items) == 1
    rejection = taken.rejections[0]
    assert (rejection.file, rejection.line, rejection.field) == ("c.csv", 3, field)
    assert reason in rejection.reason
    assert rejection.remedy
    assert rejection.row["Contraparte"] == changed(**cells)[2].strip()


def test_in_a_file_of_two_minds_about_decimals_nothing_is_guessed(tmp_path: Path) -> None:
    taken = read_boletas(put(tmp_path / "c.csv", HEADER, GOOD, changed(number="B", mwh="293.47"), changed(number="C", mwh="293.478")))
    assert [b.mwh for b in taken.items] == [Decimal("1293.478"), Decimal("293.470")]
    assert "without doubt" in taken.rejections[0].reason


def test_all_problems_of_a_row_are_told_at_once(tmp_path: Path) -> None:
    taken = read_boletas(put(tmp_path / "c.csv", HEADER, changed(cnpj="1", buyer="", mwh="0")))
    assert [taken.rejections[0].field, *(p.field for p in taken.rejections[0].also)] == ["CNPJ", "Perfil comprador", "MWh"]


def test_the_second_of_a_number_is_rejected_and_its_contract_is_incomplete(tmp_path: Path) -> None:
    other = changed(mwh="5,5")
    taken = read_boletas(put(tmp_path / "c.csv", HEADER, GOOD, other))
    assert "second time" in taken.rejections[0].reason
    assert taken.incomplete == {taken.items[0].key}
    assert as_dict(taken)["incomplete"] == [[86853, 70401, "SUDESTE", "2026-10"]]


def test_a_mere_copy_of_a_row_leaves_its_contract_complete(tmp_path: Path) -> None:
    taken = read_boletas(put(tmp_path / "c.csv", HEADER, GOOD, GOOD))
    assert (len(taken.rejections), taken.incomplete) == (1, frozenset())


def test_amounts_without_quotes_shift_the_row_and_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text(",".join(HEADER) + "\n" + ",".join(GOOD) + "\n", encoding="utf-8")
    assert "more cells" in read_boletas(path).rejections[0].reason


def test_a_missing_column_is_one_error_for_the_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidItem, match=r"c\.csv lacks the columns Direção, MWh\.") as caught:
        read_boletas(put(tmp_path / "c.csv", tuple("X" if name in {"Direção", "MWh"} else name for name in HEADER), GOOD))
    assert "Submercado" in caught.value.remedy


def test_a_column_that_occurs_twice_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidItem, match="twice: CNPJ"):
        read_boletas(put(tmp_path / "c.csv", (*HEADER, "cnpj"), (*GOOD, "")))


def test_the_names_of_another_system_are_understood(tmp_path: Path) -> None:
    names: tuple[str, ...] = ("Codigo_WBC", "Movimentacao", "Contraparte_razao_social", "Contraparte_CNPJ")
    names += (
        "Código do perfil vendedor",
        "Código do perfil comprador",
        "SUBMERCADO",
        "Fonte_Contrato",
        "MÊS",
        "QuantAtualizada",
        "Preço",
        "Tipo_de_modulacao",
    )
    assert len(read_boletas(put(tmp_path / "c.csv", names, changed(mod="F - Flat", month="out/26", direction="VENDA"))).items) == 1


def test_a_workbook_gives_what_the_csv_gives(tmp_path: Path) -> None:
    book = Workbook()
    assert book.active is not None
    book.active.append(["Relatório de contratos"])
    book.active.append(HEADER)
    book.active.append([*GOOD[:3], 20418877000104, 86853, 70401, *GOOD[6:9], 1293.478, 244.76, "Flat"])
    book.save(tmp_path / "c.xlsx")
    from_book = read_boletas(tmp_path / "c.xlsx")
    assert from_book.items == read_boletas(put(tmp_path / "c.csv", HEADER, GOOD)).items


@pytest.mark.parametrize(
    ("place", "text", "reason"),
    [
        (7, "353.440,10", "More is open"),
        (6, "-1,00", "negative"),
        (4, "31/02/2026", "cannot be read"),
        (0, "", "missing"),
        (6, "1,005", "two decimals"),
    ],
)
def test_a_wrong_receivable_is_rejected(tmp_path: Path, place: int, text: str, reason: str) -> None:
    row = (*RECEIVABLE[:place], text, *RECEIVABLE[place + 1 :])
    taken = read_receivables(put(tmp_path / "r.csv", RECEIVABLE_HEADER, row, ("4202", *RECEIVABLE[1:])))
    assert reason in taken.rejections[0].reason


def test_a_paid_invoice_needs_no_due_date_and_an_open_one_does(tmp_path: Path) -> None:
    rows = [(*RECEIVABLE[:5], "", *RECEIVABLE[6:]), ("4202", *RECEIVABLE[1:5], "", RECEIVABLE[6], "1,00", "")]
    taken = read_receivables(put(tmp_path / "r.csv", RECEIVABLE_HEADER, *rows))
    assert [str(item.due_date) for item in taken.items] == ["2026-11-03"]
    assert (taken.rejections[0].field, taken.rejections[0].reason) == ("Vencimento", "The date is missing.")


def test_the_exports_of_the_real_erp_are_read_whole() -> None:
    """`tests/data/tryton` holds what Tryton's own web client exported of the sandbox's month."""
    month = build()
    boletas = read_boletas(TRYTON / "contracts.csv")
    assert {b.number: b.mwh for b in boletas.items} == {c.number: c.mwh for c in month.contracts if c.buyer and c.seller}
    assert [r.row["Número"] for r in boletas.rejections] == [month.planted["incomplete_register"]]
    assert boletas.rejections[0].field == "Perfil comprador"
    receivables = read_receivables(TRYTON / "receivables.csv")
    assert {r.number: (r.amount, r.boleta, r.due_date) for r in receivables.items} == {
        str(i.number): (i.amount, i.boleta, i.due_date) for i in month.invoices
    }
    assert (receivables.rejections, receivables.unread) == ((), ())


CELLS = st.sampled_from([*GOOD, "", " ", "1,5", "1.5", "x", "01/10/2026", "Compra", "70403"]) | st.text(max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(st.lists(CELLS, min_size=1, max_size=14).map(tuple), max_size=8))
def test_items_and_rejections_add_up_to_the_rows(tmp_path: Path, rows: list[tuple[str, ...]]) -> None:
    rows = [tuple(cell.replace("\r", "") for cell in row) for row in rows]
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    taken = read_boletas(put(tmp_path / "c.csv", HEADER, *rows))
    assert taken.rows == len(taken.items) + len(taken.rejections) == len(filled)
    assert all(r.reason and r.remedy for r in taken.rejections)
