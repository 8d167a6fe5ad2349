"""E-mails as they come: other charsets, only HTML, files, quotes, machines that answer, and rubbish."""

from __future__ import annotations

import email.message
import email.policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retaguarda.tickets.letters import own_words, read_letter


def letter(**headers: str) -> email.message.EmailMessage:
    made = email.message.EmailMessage()
    made["From"], made["Subject"], made["Message-ID"] = "Compras <Compras@Empresa.example>", "Extrato de outubro", "<1@empresa>"
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content("Preciso do extrato.\n\nObrigada", charset="iso-8859-1")
    return made


def test_a_letter_is_read() -> None:
    made = letter(References="<a@x> <b@x>", In_Reply_To="<b@x>")
    made.add_attachment(b"a;b\n", maintype="text", subtype="csv", filename="../saldo ção.csv")
    found = read_letter(made.as_bytes())
    assert (found.sender, found.subject, found.message_id) == ("compras@empresa.example", "Extrato de outubro", "<1@empresa>")
    assert found.text == "Preciso do extrato.\n\nObrigada"
    assert [(one.name, one.content) for one in found.attachments] == [("../saldo ção.csv", b"a;b\n")]
    assert list(found.references) == ["<a@x>", "<b@x>", "<b@x>"]
    assert not found.automatic


def test_a_page_becomes_its_words() -> None:
    made = email.message.EmailMessage()
    made["From"] = "compras@empresa.example"
    made.set_content("<style>p{}</style><p>Bom&nbsp;dia,</p><script>alert(1)</script><div>o <b>extrato</b></div>", subtype="html")
    assert read_letter(made.as_bytes()).text == "Bom dia,\no extrato"


@pytest.mark.parametrize(
    "headers",
    [{"Auto_Submitted": "auto-replied"}, {"Precedence": "bulk"}, {"Return_Path": "<>"}, {"List_Id": "<news.empresa>"}],
)
def test_machines_are_told_from_people(headers: dict[str, str]) -> None:
    assert read_letter(letter(**headers).as_bytes()).automatic


def test_without_an_id_the_content_is_the_id() -> None:
    first, second = read_letter(b"From: a@x\n\none"), read_letter(b"From: a@x\n\ntwo")
    assert first.message_id != second.message_id
    assert first.message_id == read_letter(b"From: a@x\n\none").message_id


@pytest.mark.parametrize("sender", ["", "nobody", "a@b@c", "<>", "undisclosed:;"])
def test_who_has_no_address_is_nobody(sender: str) -> None:
    assert read_letter(f"From: {sender}\n\nx".encode()).sender == ""


def test_an_unknown_charset_and_a_first_character_of_all_are_read() -> None:
    found = read_letter(b"From: a@x\nSubject: =?klingon?q?qapla=27?=\nContent-Type: text/plain; charset=klingon\n\nol\xe1 \x00")
    assert found.text.startswith("ol")


def test_quotes_are_left_out() -> None:
    assert own_words("Ainda falta.\n\nEm ter., 3 de nov. de 2026, Ana escreveu:\n> antes") == "Ainda falta."
    assert own_words("> só citado") == "> só citado"


@given(st.binary(max_size=600))
@settings(max_examples=150, deadline=None)
def test_no_bytes_break_it(raw: bytes) -> None:
    read_letter(b"From: a@x\nContent-Type: multipart/mixed; boundary=b\nSubject: " + raw)
