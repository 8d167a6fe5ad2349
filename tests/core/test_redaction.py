"""Secrets are found by value, in the encodings they travel in, in texts, logs and files."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loguru import logger

from retaguarda.redaction import SHORTEST, Redactor, redactor
from retaguarda.runlog import run_log

HARD = 'cañary "ç" &<\\/+ 91'
SECRETS = st.text(min_size=SHORTEST, max_size=30).filter(lambda text: len(text.strip()) >= SHORTEST and "*" not in text)
ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "url": lambda value: quote(value, safe=""),
    "form": quote_plus,
    "json": lambda value: json.dumps({"k": value}),
    "json, letters kept": lambda value: json.dumps({"k": value}, ensure_ascii=False),
    "orjson": lambda value: orjson.dumps({"k": value}).decode(),
    "html": html.escape,
    "html text": lambda value: html.escape(value, quote=False),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "basic authentication": lambda value: base64.b64encode(f"robo:{value}".encode()).decode(),
    "base64 of more": lambda value: base64.b64encode(f"x{value}yz".encode()).decode(),
    "base64 for urls": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_a_secret_is_removed_in_every_encoding_it_travels_in(name: str) -> None:
    known = Redactor()
    known.add(HARD)
    encoded = f"<{ENCODINGS[name](HARD)}>"
    assert "***" in known.clean(encoded)
    assert "ary" not in known.clean(encoded)
    assert known.found_in(b"\x00\xff" + encoded.encode() + b"\x00")
    assert not known.found_in(known.clean(encoded).encode())


@settings(deadline=None)  # other work may hold the machine up
@given(SECRETS.filter(lambda value: "\0" not in value), st.sampled_from(sorted(ENCODINGS)))  # no portal takes NUL in a password
def test_any_secret_is_removed_in_any_encoding(value: str, name: str) -> None:
    known = Redactor()
    known.add(value)
    value.encode()
    cleaned = known.clean(f"|{ENCODINGS[name](value)}|")
    assert "***" in cleaned or len(value.encode()) < 6  # base64 of less cannot be told from ordinary text


def test_what_is_too_short_or_forgotten_is_left() -> None:
    known = Redactor()
    known.add("abc")
    assert known.clean("abc") == "abc"
    known.add("abcdef")
    known.forget()
    assert known.clean("abcdef") == "abcdef"
    assert not known.found_in(b"abcdef")


def test_the_longest_secret_goes_first() -> None:
    known = Redactor()
    known.add("senha")
    known.add("senha-longa")
    assert known.clean("senha-longa senha") == "*** ***"


def test_a_number_is_found_in_a_file_only_where_it_stands_alone() -> None:
    """A six-digit password stands inside some longer number of any statement."""
    known = Redactor()
    known.add("482913")
    assert not known.found_in(b"<FITID>20261104829130001")
    assert not known.found_in("1482913".encode("utf-16-le"))
    assert known.found_in(b"senha=482913&")
    assert known.found_in("senha 482913".encode("utf-16-le"))
    assert known.clean("x482913x") == "x***x"


def test_halves_of_characters_do_not_reach_a_file() -> None:
    assert redactor.clean("a\ud800b").encode() == b"a?b"


# --- the run's log ------------------------------------------------------------------------------------------------------


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_log_is_one_json_object_a_line_without_secrets(tmp_path: Path) -> None:
    redactor.add(HARD)
    redactor.add("2026")  # a PIN must not tear the timestamps apart
    path = tmp_path / "run" / "run.jsonl"
    with run_log(path, "root-1") as log:
        log.bind(item="R-1", count=3, why=ValueError(HARD)).warning("senha {} e\nPIN {} \x1b[31m", HARD, 2026)
        log.info("meio \ud800 caractere")
    first, second = lines(path)
    assert (first["text"], first["item"], first["count"], first["why"]) == ("senha *** e\nPIN *** \x1b[31m", "R-1", 3, "***")
    assert (first["level"], first["root"], second["text"]) == ("WARNING", "root-1", "meio ? caractere")
    assert str(first["ts"])[:2] == "20"
    assert "cañary" not in path.read_text(encoding="utf-8")


def test_a_traceback_is_kept_without_secrets_and_without_values(tmp_path: Path) -> None:
    redactor.add(HARD)
    hidden = "canary-local-value"
    path = tmp_path / "run.jsonl"
    with run_log(path, "root-1") as log:
        try:
            raise ValueError("portal said " + (HARD if hidden else ""))
        except ValueError:
            log.exception("defect")
    told = str(lines(path)[0]["exception"])
    assert "ValueError: portal said ***" in told
    assert "test_redaction.py" in told
    assert hidden not in told


def test_steps_of_one_run_share_one_file_and_each_line_stands_there_once(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with run_log(path, "root-1") as parent:
        parent.info("before")
        with run_log(path, "root-1") as child:
            child.info("inside")
        parent.info("after")
        logger.bind(root="another").info("not ours")
    logger.bind(root="root-1").info("too late")
    assert [line["text"] for line in lines(path)] == ["before", "inside", "after"]


def test_a_log_that_cannot_be_written_is_said_without_its_secrets(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    redactor.add("canary-full-2291")
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no device that is always full")
    (tmp_path / "run.jsonl").symlink_to(full)
    logger.remove()
    with run_log(tmp_path / "run.jsonl", "root-1") as log:
        log.bind(password="canary-full-2291").info("senha canary-full-2291")
    told = capsys.readouterr().err
    assert "the run log cannot be written" in told
    assert "canary" not in told
