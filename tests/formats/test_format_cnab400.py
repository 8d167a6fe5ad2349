"""The CNAB 400 reader: what is cut off is refused, what is odd is quarantined, what is right is read to the cent."""

from __future__ import annotations

import random
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retaguarda.errors import ConfigurationError, IncompleteDownload
from retaguarda.formats import cnab400
from retaguarda.formats.cnab400_layout import layouts
from retaguarda.formats.parts import BeginReturn, EndReturn, collected_returns
from retaguarda.formats.source import Source
from retaguarda.model.statements import ReturnFile, Title
from tests.formats.cnab400_files import DATA, SAMPLES, cents, header, itau, numbered, record
from tests.sandbox_fixtures import ROOT

FILES = {name: make() for name, make in SAMPLES.items()}
WHOLE = {name: data for name, data in FILES.items() if name != "febraban"}
"""Samples without a damaged line."""
SHIPPED = layouts()
"""Read here once, so that no example of a property waits for it."""
each = pytest.mark.parametrize("data", FILES.values(), ids=FILES)


def read(data: bytes, folder: Path | None = None) -> list[ReturnFile]:
    return collected_returns(cnab400.parts(Source.of(data), folder))


def titles(data: bytes) -> list[tuple[object, ...]]:
    """What the file tells, the numbers of its lines apart."""
    return [(t.movement, t.our_number, t.document, t.face_value, t.paid_value, t.net_value, t.credit_date) for t in _titles(data)]


def _titles(data: bytes) -> list[Title]:
    return [title for file in read(data) for title in file.titles]


def lines(data: bytes) -> list[bytes]:
    return data.splitlines()


def joined(kept: list[bytes]) -> bytes:
    return b"".join(line + b"\r\n" for line in kept)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_samples_are_what_the_manuals_columns_make(name: str) -> None:
    assert (DATA / f"retorno_{name}.ret400").read_bytes() == FILES[name]


def test_parts_come_in_their_order() -> None:
    found = list(cnab400.parts(Source.of(FILES["bradesco"])))
    assert found[0] == BeginReturn("237", 405, "25808-3")
    assert found[-1] == EndReturn()
    assert all(isinstance(part, Title) for part in found[1:-1])


@pytest.mark.parametrize(
    ("name", "paid", "net"),
    [
        ("itau", "11315.00", "11310.80"),  # the fee was withheld
        ("bradesco", "3555.00", "3555.00"),
        ("banco_do_brasil", "11299.20", "11289.20"),  # what was credited has columns of its own
        ("santander", "4184.56", "4184.56"),
        ("caixa", "5151.50", "5151.50"),  # charges stand apart from the principal
        ("febraban", "1400.00", "1400.00"),
    ],
)
def test_what_was_paid_and_what_was_credited(name: str, paid: str, net: str) -> None:
    settled = [title for title in _titles(FILES[name]) if title.settles]
    assert (sum(t.paid_value for t in settled), sum(t.net_value for t in settled)) == (Decimal(paid), Decimal(net))


def test_what_reduces_a_receivable_is_its_face_less_the_discount() -> None:
    """The reconciliation settles `paid - interest`: charges never pay the title itself."""
    for name in WHOLE:
        for title in (t for t in _titles(FILES[name]) if t.settles):
            assert title.paid_value - title.interest == title.face_value - title.discount, (name, title)


@pytest.mark.parametrize(
    ("name", "own", "movement"),
    [
        ("caixa", "21", "06"), ("caixa", "01", "02"), ("caixa", "02", "09"), ("caixa", "06", "27"), ("caixa", "31", "28"),
        ("itau", "08", "06"), ("itau", "17", "30"), ("itau", "10", "09"), ("itau", "30", "28"),
        ("bradesco", "15", "06"), ("bradesco", "17", "17"), ("bradesco", "28", "28"),
        ("banco_do_brasil", "05", "17"), ("banco_do_brasil", "97", "28"), ("santander", "17", "06"), ("santander", "16", "16"),
        ("febraban", "17", "17"), ("febraban", "88", "88"),
    ],
)  # fmt: skip
def test_occurrences_are_told_in_one_table(name: str, own: str, movement: str) -> None:
    kept = lines(FILES[name])
    changed = kept[1][:108] + own.encode() + kept[1][110:]
    data = numbered(kept[0][:394].decode(), changed[:394].decode(), record((1, "9")))
    assert [title.movement for title in _titles(data)] == [movement]


def test_an_unknown_code_that_reads_as_a_payment_is_quarantined() -> None:
    kept = lines(FILES["caixa"])
    kept[1] = kept[1][:108] + b"17" + kept[1][110:]
    (file,) = read(joined(kept))
    assert [(odd.line, odd.reason) for odd in file.quarantine] == [(2, "occurrence 17 has no movement in the layout of bank 104")]


@each
@pytest.mark.parametrize(
    "mangle",
    [
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data.decode("latin-1").encode("utf-16"),
        lambda data: data + b"\x1a",
        lambda data: data + b"\x1a" * 700 + b"\r\n \r\n",
        lambda data: data.replace(b"\r\n", b"\n"),
        lambda data: data.replace(b"\r\n", b"\r"),
        lambda data: data.replace(b"\r\n", b" \r\n"),
        lambda data: data.replace(b"\r\n", b"\r\n\r\n"),
        lambda data: b"\r\n" + data.rstrip(),
    ],
    ids=["bom", "utf-16", "0x1a", "0x1a and blanks", "lf", "cr", "401 columns", "blank lines", "no last line end"],
)
def test_what_mail_and_editors_do_to_a_file_changes_nothing(data: bytes, mangle: object) -> None:
    assert callable(mangle)
    mangled = mangle(data)
    assert titles(mangled) == titles(data)
    assert cnab400.recognises(mangled[:8192])


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("end", [b"", b"\x1a", b"\r\n", b"  "])
def test_a_file_without_line_ends_is_read(name: str, end: bytes) -> None:
    data = FILES[name].replace(b"\r\n", b"") + end
    assert titles(data) == titles(FILES[name])
    assert cnab400.recognises(data[:8192])


def test_a_long_file_without_line_ends_is_read() -> None:
    data = itau(4000)
    assert titles(data.replace(b"\r\n", b"")) == titles(data)


def test_two_files_in_one_download() -> None:
    itau_file, caixa_file = read(FILES["itau"] + FILES["caixa"])
    assert ([itau_file], caixa_file.bank) == (read(FILES["itau"]), "104")


@each
def test_heads_are_recognised(data: bytes) -> None:
    assert cnab400.recognises(data)
    assert cnab400.recognises(data[:400])
    assert not cnab400.recognises(data[401:])
    assert not cnab400.recognises(data.replace(b"02RETORNO", b"01REMESSA"))
    assert not cnab400.recognises(b"\r\n".join(line + b"A" * 44 for line in lines(data)))  # CNAB 444


@pytest.mark.parametrize("path", [*DATA.glob("*.ret"), *DATA.glob("*.ofx")], ids=lambda path: path.name)
def test_other_formats_are_not_recognised(path: Path) -> None:
    assert not cnab400.recognises(path.read_bytes())


@given(st.sampled_from(list(WHOLE.values())), st.integers(0, 50))
def test_a_lost_record_is_noticed(data: bytes, place: int) -> None:
    kept = lines(data)
    del kept[place % len(kept)]
    with pytest.raises(IncompleteDownload):
        read(joined(kept))


@given(st.sampled_from(list(WHOLE.values())), st.integers(0, 50))
def test_a_doubled_record_is_noticed(data: bytes, place: int) -> None:
    kept = lines(data)
    kept.insert(place % len(kept), kept[place % len(kept)])
    try:
        assert any(file.quarantine for file in read(joined(kept)))
    except IncompleteDownload:
        return


@given(st.sampled_from(list(WHOLE.values())), st.integers(0, 50), st.integers(0, 50))
def test_swapped_records_are_noticed(data: bytes, one: int, other: int) -> None:
    kept = lines(data)
    a, b = one % len(kept), other % len(kept)
    kept[a], kept[b] = kept[b], kept[a]
    if a != b:
        with pytest.raises(IncompleteDownload):
            read(joined(kept))


MONEY = [*range(152, 165), *range(253, 266), *range(394, 400)]


@given(st.sampled_from(list(WHOLE.values())), st.integers(1, 50), st.sampled_from(MONEY), st.sampled_from(b"0123456789X- "))
def test_an_altered_amount_or_number_is_noticed(data: bytes, place: int, column: int, byte: int) -> None:
    kept = lines(data)
    place = 1 + place % (len(kept) - 2)
    was = kept[place]
    kept[place] = was[:column] + bytes([byte]) + was[column + 1 :]
    harmless = kept[place] == was or was[:1] not in b"17" or _amounts(kept[place]) == _amounts(was)
    try:
        found = read(joined(kept))
        assert harmless or any(file.quarantine for file in found) or _told(found) != _told(read(data))
    except IncompleteDownload:
        return


def _amounts(line: bytes) -> tuple[bytes, ...]:
    """Face, value and number, a blank before digits being a zero; the value of what does not settle at Itaú is no payment."""
    value = b"" if line[165:168] == b"341" and line[108:110] != b"06" else line[253:266]
    return line[152:165].strip().rjust(13, b"0"), value.strip().rjust(13, b"0") if value.strip() else value, line[394:]


def _told(files: list[ReturnFile]) -> list[object]:
    return [(t.face_value, t.paid_value, t.net_value) for file in files for t in file.titles]


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_file_that_lost_its_end_is_refused(name: str, cut: int) -> None:
    for data in (joined(lines(FILES[name])[:-cut]), FILES[name][: -405 * cut]):
        with pytest.raises(IncompleteDownload, match="its last line is not a file trailer"):
            read(data)


def test_a_lost_line_is_named_with_the_numbers_around_it() -> None:
    kept = lines(FILES["santander"])
    del kept[2]
    with pytest.raises(IncompleteDownload, match="line 3 has the number 4 after 2: a line was lost or came twice"):
        read(joined(kept))


@pytest.mark.parametrize(
    ("name", "lost", "words"),
    [
        ("itau", slice(2, 3), "states face values of"),
        ("itau", slice(3, 5), "states 4 records, the file has 3"),
        ("bradesco", slice(5, 6), "states 1 × 02, the file has 0"),
    ],
)
def test_a_line_lost_before_the_lines_were_numbered_is_refused_by_the_trailer(name: str, lost: slice, words: str) -> None:
    kept = [line[:394].decode() for line in lines(FILES[name])]
    del kept[lost]
    with pytest.raises(IncompleteDownload, match=words):
        read(numbered(*kept))


def test_an_altered_face_value_is_refused_by_the_trailer() -> None:
    kept = lines(FILES["itau"])
    kept[1] = kept[1][:160] + b"9" + kept[1][161:]
    with pytest.raises(IncompleteDownload, match=r"states face values of 12150\.50, the lines add up to"):
        read(joined(kept))


def test_a_broken_line_is_quarantined_and_the_rest_read() -> None:
    kept = lines(FILES["santander"])
    kept[3:4] = [kept[3][:150], kept[3][150:]]
    (file,) = read(joined(kept))
    assert [odd.line for odd in file.quarantine] == [4, 5]
    assert [title.document for title in file.titles] == ["NF-31", "NF-33", "NF-34"]


def test_what_stands_behind_the_trailer_is_quarantined() -> None:
    (file,) = read(FILES["santander"] + b"MAIS ALGUMA COISA\r\n")
    assert [odd.reason for odd in file.quarantine] == ["the record stands behind the file's trailer"]


def test_days_of_a_century_and_days_that_are_none() -> None:
    kept = lines(FILES["santander"])
    kept[1] = kept[1][:146] + b"320126" + kept[1][152:]
    kept[3] = kept[3][:110] + b"000000" + kept[3][116:295] + b"      " + kept[3][301:]
    (file,) = read(joined(kept))
    assert [odd.line for odd in file.quarantine] == [2, 4]
    assert file.quarantine[1].reason == "a paid title without a date"


OWN = """
bank = "748"
name = "Sicredi"
source = "example"
value_is = "principal"
[header]
sequence = [111, 117]
[detail]
our_number = [48, 62]
credit_day = [329, 336]
"""


def sicredi() -> bytes:
    title = record(
        (1, "1"), (48, "262000123"), (109, "06"), (111, "091126"), (117, "NF-1"), (153, cents(10_000)), (254, cents(10_000)),
        (267, cents(150)), (329, "10112026"),
    )  # fmt: skip
    return numbered(header("748", "SICREDI", (111, "0000031")), title, record((1, "9")))


def test_a_layout_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "sicredi.toml").write_text(OWN, "utf-8")
    (file,) = read(sicredi(), tmp_path)
    (title,) = file.titles
    assert (file.file_sequence, title.our_number, title.paid_value, str(title.credit_date)) == (
        31,
        "262000123",
        Decimal("101.50"),
        "2026-11-10",
    )
    assert read(FILES["itau"], tmp_path) == read(FILES["itau"])


@pytest.mark.parametrize(
    ("was", "becomes", "field"),
    [
        ("[111, 117]", "[117, 111]", "header.sequence"),
        ("[48, 62]", "[0, 62]", "detail.our_number"),
        ("[48, 62]", '"48-62"', "detail.our_number"),
        ("our_number", "nosso_numero", "detail.nosso_numero"),
        ('"principal"', '"bruto"', "value_is"),
        ('"748"', '"Sicredi"', "bank"),
        ('name = "Sicredi"', "", "name"),
        ("[header]", "occurrences = 7\n[header]", "occurrences"),
        ("[header]\nsequence = [111, 117]", "header = 7", "header"),
    ],
)
def test_a_wrong_layout_names_file_field_and_remedy(tmp_path: Path, was: str, becomes: str, field: str) -> None:
    path = tmp_path / "sicredi.toml"
    path.write_text(OWN.replace(was, becomes), "utf-8")
    with pytest.raises(ConfigurationError, match=rf"sicredi\.toml: {field}: ") as caught:
        layouts(tmp_path)
    assert caught.value.remedy == f"correct it in {path}"


@pytest.mark.parametrize("text", [b"bank = ", b"\xff\xfe"])
def test_a_layout_that_is_no_toml_is_named(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "x.toml").write_bytes(text)
    with pytest.raises(ConfigurationError, match=r"x\.toml"):
        layouts(tmp_path)


def test_every_layout_shipped_tells_its_source_and_its_payments() -> None:
    for layout in SHIPPED.values():
        assert layout.source
        codes = {layout.movement(own) for own in layout.occurrences}
        assert {"02", "06", "09"} <= codes, layout.name


@settings(max_examples=150)
@given(st.integers(0, 2**32), st.integers(1, 8), st.sampled_from(list(FILES.values())))
def test_bytes_turned_at_random_are_read_or_refused(seed: int, count: int, data: bytes) -> None:
    rnd, turned = random.Random(seed), bytearray(data)
    for _ in range(count):
        turned[rnd.randrange(len(turned))] = rnd.randrange(256)
    cnab400.recognises(bytes(turned))
    try:
        read(bytes(turned))
    except IncompleteDownload:
        return


@given(st.binary(max_size=1500))
def test_junk_is_refused(junk: bytes) -> None:
    for data in (junk, b"02RETORNO" + junk, FILES["itau"][:402] + junk):
        cnab400.recognises(data)
        with pytest.raises(IncompleteDownload):
            read(data)


def test_a_file_larger_than_memory_needs_little_of_it() -> None:
    """60 MB in a process of its own, whose memory nothing else has touched."""
    code = """
import resource
from retaguarda.formats import cnab400
from retaguarda.formats.source import Source
from tests.formats.cnab400_files import Large
source = Source(Large(150_000))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count = sum(1 for _ in cnab400.parts(source))
print(source.size, count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    size, count, kilobytes = map(int, told.split())
    assert (size, count) == (60_300_000, 150_000)
    assert kilobytes < 40_000
