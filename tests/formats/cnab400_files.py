"""CNAB 400 returns as the manuals draw them: every field is written at columns that stand here, apart from the reader's layouts.

Run as a script it writes the samples of tests/formats/data anew.
"""

from __future__ import annotations

import io
from pathlib import Path

DATA = Path(__file__).parent / "data"
Field = tuple[int, str]
"""The first column, counted from 1, and what stands there."""

PAYERS = ("INDUSTRIA BETA SA", "METALURGICA GAMA LTDA", "HOSPITAL DELTA SA")
CNPJ = "02" + "11222333000181"


def record(*fields: Field) -> str:
    """A record of 394 columns; its number is put behind it when the file is made."""
    columns = [" "] * 394
    for first, text in fields:
        assert 1 <= first <= first + len(text) - 1 <= 394, (first, text)
        columns[first - 1 : first - 1 + len(text)] = text
    return "".join(columns)


def numbered(*records: str) -> bytes:
    """The file of these records."""
    return "".join(f"{text}{number:06}\r\n" for number, text in enumerate(records, 1)).encode("latin-1")


def cents(amount: int, width: int = 13) -> str:
    return f"{amount:0{width}}"


def header(bank: str, name: str, *fields: Field) -> str:
    company = "COMERCIALIZADORA ALFA LTDA"
    return record((1, "02RETORNO01COBRANCA"), (47, company), (77, bank), (80, name), (95, "091126"), *fields)


def itau(count: int = 0) -> bytes:
    """Liquidação with interest, plain liquidação followed by its PIX record, entrada, baixa; then as many liquidações as asked for."""

    def title(number: int, occurrence: str, face: int, fee: int, principal: int, interest: int, credit: str = "101126") -> str:
        return record(
            (1, "1" + CNPJ), (18, "1234"), (22, "00"), (24, "56789"), (29, "0"), (38, f"NF {number}"),
            (63, f"{number:08}"), (83, "109"), (86, f"{number:08}"), (94, "4"), (108, "I"), (109, occurrence), (111, "091126"),
            (117, f"NF-{number}"), (127, f"{number:08}"), (147, "081126"), (153, cents(face)), (166, "341"), (169, "01234"),
            (174, "01"), (176, cents(fee)), (215, cents(0) + cents(0) + cents(0)), (254, cents(principal)), (267, cents(interest)),
            (280, cents(0)), (296, credit), (325, PAYERS[number % 3]), (393, "B2"),
        )  # fmt: skip

    titles = [
        title(4711, "06", 150_000, 210, 151_290, 1_500),
        title(4712, "06", 980_000, 210, 979_790, 0),
        title(4713, "02", 45_050, 210, 0, 0, "      "),
        title(4714, "09", 40_000, 210, 210, 0, "      "),
        *(title(number, "06", 100_000 + number, 210, 99_790 + number, 0) for number in range(5000, 5000 + count)),
    ]
    face = 150_000 + 980_000 + 45_050 + 40_000 + sum(100_000 + number for number in range(5000, 5000 + count))
    pix = record((1, "3"), (2, "00020126580014BR.GOV.BCB.PIX"))
    trailer = record((1, "9201341"), (208, "00417"), (213, f"{len(titles):08}"), (221, f"{face:014}"))
    head = header("341", "BANCO ITAU SA", (27, "1234"), (31, "00"), (33, "56789"), (38, "0"), (101, "01600BPI"), (109, "00417"))
    return numbered(head, titles[0], titles[1], pix, *titles[2:], trailer)


def bradesco() -> bytes:
    """Liquidação paid late, liquidação em cartório, liquidação após baixa, PIX, entrada, baixa by the branch, tarifa."""

    def title(number: int, occurrence: str, face: int, paid: int, interest: int = 0, fee: int = 0) -> str:
        return record(
            (1, "1" + CNPJ), (21, "0"), (22, "009"), (25, "00450"), (30, "0025808"), (37, "3"), (38, f"NF {number}"),
            (71, f"{number:011}P"), (108, "9"), (109, occurrence), (111, "091126"), (117, f"NF-{number}"), (127, f"{number:020}"),
            (147, "061126"), (153, cents(face)), (166, "237"), (169, "00450"), (176, cents(fee)), (189, cents(0) + cents(0)),
            (215, cents(0) + cents(0) + cents(0)), (254, cents(paid)), (267, cents(interest)), (280, cents(0)),
            (296, "101126" if paid else "000000"), (319, "0000000000"),
        )  # fmt: skip

    return numbered(
        header("237", "BRADESCO", (27, f"{4_540_691:020}"), (101, "01600000"), (109, "00405"), (380, "101126")),
        title(11, "06", 250_000, 252_500, interest=2_500),
        title(12, "15", 90_000, 93_000, interest=3_000),
        record((1, "4"), (29, "pix.example/v2/11"), (106, "TXID00000000000000000000000000012")),
        title(13, "17", 10_000, 10_000),
        title(14, "02", 77_700, 0),
        title(15, "10", 20_000, 0),
        title(16, "28", 0, 0, fee=350),
        record((1, "9201237"), (18, "00000004"), (26, f"{1_234_500:014}"), (40, "00000405"), (58, "00001"), (63, f"{77_700:012}"),
               (75, f"{250_000:012}"), (87, "00001"), (92, f"{250_000:012}"), (104, "00001"), (109, f"{20_000:012}")),
    )  # fmt: skip


def banco_do_brasil() -> bytes:
    """Liquidação whose fee was withheld, liquidação sem registro, tarifa debited, baixa."""

    def title(number: int, occurrence: str, face: int, paid: int, fee: int, entry: int, side: str) -> str:
        return record(
            (1, "7"), (2, "0" * 16), (18, "3325"), (22, "1"), (23, "00028935"), (31, "3"), (32, "1622420"), (39, f"NF {number}"),
            (64, f"1622420{number:010}"), (81, "0000"), (107, "18"), (109, occurrence), (111, "091126"), (117, f"NF-{number}"),
            (147, "091126"), (153, cents(face)), (166, "001"), (169, "14923"), (174, "00"), (176, "101126"), (182, cents(fee, 7)),
            (189, cents(0) * 5), (254, cents(paid)), (267, cents(0) * 3), (306, cents(entry)), (319, side), (393, "04"),
        )  # fmt: skip

    head = header(
        "001", "BANCO DO BRASIL", (27, "3325"), (31, "1"), (32, "00028935"), (40, "3"), (41, "000000"), (101, "0000007"), (150, "1622420")
    )
    return numbered(
        head,
        title(21, "06", 906_400, 906_400, 500, 905_900, "2"),
        title(22, "05", 223_520, 223_520, 500, 223_020, "2"),
        title(23, "28", 100_000, 0, 700, 700, "1"),
        title(24, "09", 50_000, 0, 0, 0, "0"),
        record((1, "9201001"), (18, "0" * 30), (58, "0" * 30), (98, "0" * 30), (138, "0" * 30), (218, "0" * 30)),
    )


def santander() -> bytes:
    """Liquidação with discount, its PIX record, liquidação em cartório, entrada, a title already settled."""

    def title(number: int, occurrence: str, face: int, paid: int, discount: int = 0, interest: int = 0) -> str:
        return record(
            (1, "1" + CNPJ), (18, "3270"), (22, "01087446"), (30, "01087446"), (38, f"NF {number}"), (63, f"{number:08}"), (108, "5"),
            (109, occurrence), (111, "091126"), (117, f"NF-{number}"), (127, f"{number:08}"), (147, "091126"), (153, cents(face)),
            (166, "033"), (169, "03270"), (174, "01"), (176, cents(190)), (189, cents(0) * 4), (241, cents(discount)),
            (254, cents(paid)), (267, cents(interest)), (280, cents(0)), (296, "101126" if paid else "000000"),
        )  # fmt: skip

    return numbered(
        header("033", "SANTANDER", (27, "3270"), (31, "01087446"), (39, "01087446"), (101, "0" * 10), (111, "6432794")),
        title(31, "06", 300_000, 295_000, discount=5_000),
        record((1, "2"), (3, "pix.example/v2/31"), (80, "TXID00000000000000000000000000031")),
        title(32, "17", 120_000, 123_456, interest=3_456),
        title(33, "02", 88_800, 0),
        title(34, "16", 10_000, 0),
        record((1, "9201033"), (18, "00000000")),
    )


def caixa() -> bytes:
    """Liquidação with juros and multa apart from the principal, plain liquidação, entrada (01), baixa (02), uso alterado (06), estorno."""

    def title(number: int, occurrence: str, face: int, principal: int, interest: int = 0, fine: int = 0) -> str:
        return record(
            (1, "1" + CNPJ), (18, "1102"), (22, "123456"), (28, "2"), (32, f"NF {number}"), (57, f"14{number:015}"), (107, "01"),
            (109, occurrence), (111, "091126"), (117, f"NF-{number}"), (147, "051126"), (153, cents(face)), (166, "104"),
            (169, "01102"), (174, "02"), (176, cents(0)), (189, "004"), (192, "1"), (215, cents(0) * 3), (254, cents(principal)),
            (267, cents(interest)), (280, cents(fine)), (293, "1"), (294, "111126" if principal else "000000"),
        )  # fmt: skip

    return numbered(
        header("104", "C ECON FEDERAL", (27, "1102"), (31, "123456"), (390, "00093")),
        title(41, "21", 200_000, 200_000, interest=1_050, fine=4_100),
        title(42, "21", 310_000, 310_000),
        title(43, "01", 55_500, 0),
        title(44, "02", 60_000, 0),
        title(45, "06", 60_000, 0),
        title(46, "33", 70_000, 0),
        record((1, "9201104")),
    )


def febraban() -> bytes:
    """A bank without a layout of its own: liquidação, an occurrence that nobody knows, a record that is not read, one cut short."""

    def title(number: int, occurrence: str, face: int, paid: int) -> str:
        return record(
            (1, "1" + CNPJ), (38, f"NF {number}"), (63, f"{number:011}"), (109, occurrence), (111, "091126"), (117, f"NF-{number}"),
            (147, "091126"), (153, cents(face)), (166, "422"), (176, cents(0)), (228, cents(0) + cents(0)), (254, cents(paid)),
            (267, cents(0) + cents(0)), (296, "101126"),
        )  # fmt: skip

    whole = numbered(
        header("422", "BANCO SAFRA SA", (27, "0123400056789")),
        title(51, "06", 100_000, 100_000),
        title(52, "88", 20_000, 0),
        record((1, "6"), (2, "RECORD OF ANOTHER KIND")),
        title(53, "06", 30_000, 30_000),
        title(54, "17", 40_000, 40_000),
        record((1, "9201422")),
    )
    lines = whole.split(b"\r\n")
    lines[4] = lines[4][:210]
    return b"\r\n".join(lines)


SAMPLES = {
    "itau": itau,
    "bradesco": bradesco,
    "banco_do_brasil": banco_do_brasil,
    "santander": santander,
    "caixa": caixa,
    "febraban": febraban,
}


class Large(io.BytesIO):
    """A file of so many records that is made while it is read: only its reader needs memory."""

    def __init__(self, count: int) -> None:
        super().__init__()
        lines = santander().split(b"\r\n")
        self._count, self._at = count, 0
        self._header, self._title, self._trailer = (line[:394] for line in (lines[0], lines[1], lines[-2]))

    def seek(self, at: int, whence: int = io.SEEK_SET, /) -> int:
        self._at = at if whence == io.SEEK_SET else self._count * 402
        return self._at

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        assert size > 0
        first, last = self._at // 402, min(self._count, (self._at + size) // 402 + 1)
        piece = b"".join(map(self._line, range(first, last)))[self._at - first * 402 :][:size]
        self._at += len(piece)
        return piece

    def _line(self, place: int) -> bytes:
        text = self._header if place == 0 else self._trailer if place == self._count - 1 else self._title
        return b"%b%06d\r\n" % (text, place + 1)


if __name__ == "__main__":
    for name, make in SAMPLES.items():
        (DATA / f"retorno_{name}.ret400").write_bytes(make())
