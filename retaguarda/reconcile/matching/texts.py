"""What the text of a bank line says: documents, invoice numbers, the payer's name. All columns at once, in polars."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import polars as pl

from retaguarda.reconcile.matching.rules import Kind, Words

_CNPJ = r"[0-9A-Z]{2}\.?[0-9A-Z]{3}\.?[0-9A-Z]{3}/?[0-9A-Z]{4}-?[0-9]{2}"
_CPF = r"[0-9]{3}\.?[0-9]{3}\.?[0-9]{3}-?[0-9]{2}"
_EDGE = r"(?:^|[^0-9A-Z.*])"
_DOCUMENT = rf"{_EDGE}({_CNPJ}|{_CPF})(?:$|[^0-9A-Z*])"
_MASKED = r"\*{2,}[.\s]?([0-9][0-9.]{2,6}[0-9])[-.\s]?\*{2,}"
_CLOCK = r"\b[0-9]{2}/[0-9]{2}(?:/[0-9]{2,4})?\b|\b[0-9]{2}:[0-9]{2}(?::[0-9]{2})?\b"
_OUR_NUMBER = r"(?:^|[^0-9])(?:[0-9]{2,3}/)?0*([0-9]{3,20})(?:-([0-9XP]))?\s*$"
_NUMBER_WORD = r"(?:N[O.:°]*\s*)?"
_BETWEEN = r"\s*(?:/|,|;|\+|\bE\b|-)\s*"
_MARKS = r"\p{M}"


def plain(column: pl.Expr) -> pl.Expr:
    """Upper case without accents; the ordinal sign of `nº` becomes a letter like any other."""
    return column.str.normalize("NFKD").str.to_uppercase().str.replace_all(_MARKS, "")


def plain_texts(texts: pl.Series) -> pl.Series:
    """The same of texts at hand; few have accents, and the others cost nothing."""
    accented = texts.str.contains(r"[^\x00-\x7F]").arg_true()
    return texts.str.to_uppercase().scatter(accented, texts[accented].to_frame().select(plain(pl.first())).to_series())


def reference_pattern(words: Words) -> str:
    """A regular expression whose group is the numbers after a word like NF, DUPL, FATURA, which may stand again before each."""
    heads = "|".join(sorted((re.escape(word) for word in words.reference), key=lambda word: (-len(word), word)))
    head = rf"\b(?:{heads})[.:\s]*{_NUMBER_WORD}"
    return rf"(?:\bREF[.:\s]+)?{head}([0-9]{{1,9}}(?:(?:{_BETWEEN}|(?:{_BETWEEN}|\s+){head})[0-9]{{1,9}})*)\b"


def last_reference_pattern(words: Words) -> str:
    """The same for words that mean an invoice only when their numbers end the text."""
    return rf"\b(?:{'|'.join(words.reference_last)})[.:\s]+{_NUMBER_WORD}([0-9]{{1,9}}(?:{_BETWEEN}[0-9]{{1,9}})*)\s*$"


def channel_pattern(words: Words) -> str:
    """A regular expression of what stands before a payer's name: channel words, bank codes, dashes."""
    heads = "|".join(sorted((re.escape(word) for word in words.channel), key=lambda word: (-len(word), word)))
    return rf"^(?:(?:{heads})(?:[^0-9A-Z]+|$)|[^A-Z]+)+"


def features(lines: pl.LazyFrame, words: Words) -> pl.LazyFrame:
    """`document`, `masked`, `reference` (as written) and `name` of every line, by its plain `text`."""
    reference, last = reference_pattern(words), last_reference_pattern(words)
    cut = lines.with_columns(
        pl.col("text").str.extract(_DOCUMENT, 1).str.replace_all(r"[./-]", "").fill_null("").alias("document"),
        pl.col("text").str.extract(_MASKED, 1).str.replace_all(r"\.", "").fill_null("").alias("masked"),
        pl.coalesce(pl.col("text").str.extract(reference, 1), pl.col("text").str.extract(last, 1)).fill_null("").alias("reference"),
    )
    name = (
        pl.col("text")
        .str.replace(rf"{reference}.*$|{last}|\bREF\b.*$", " ")
        .str.replace_all(rf"{_DOCUMENT}|{_MASKED}|{_CLOCK}", " ")
        .str.strip_chars(" .-")
        .str.replace(channel_pattern(words), "")
        .str.replace_all(r"[^0-9A-Z]+", " ")
        .str.strip_chars()
    )
    return cut.with_columns(name.alias("name"))


def our_number(column: pl.Expr) -> pl.Expr:
    """The nosso número that ends a text, without its zeros, carteira and check digit; null when there is none."""
    return column.str.extract(_OUR_NUMBER, 1).str.strip_chars_start("0")


def kind_of(text: pl.Expr, amount: pl.Expr, kinds: Iterable[Kind]) -> pl.Expr:
    """The number of the first kind that knows a line by its words, counted from 0; -1 when none does."""
    chain: Any = pl.when(pl.lit(value=False)).then(pl.lit(-1))
    for number, kind in enumerate(kinds):
        found = pl.lit(value=False)
        if kind.starts:
            found |= text.str.contains(rf"^\s*(?:{_any_of(kind.starts)})")
        if kind.holds:
            found |= text.str.contains(_any_of(kind.holds))
        if kind.signs == (1,):
            found &= amount > 0
        elif kind.signs == (-1,):
            found &= amount < 0
        chain = chain.when(found).then(pl.lit(number))
    found_kind: pl.Expr = chain.otherwise(pl.lit(-1)).cast(pl.Int16)
    return found_kind


def _any_of(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, words))


def numbers_of(reference: str) -> list[int]:
    """The invoice numbers of a reference: `20780/20781` and `20780 NF 20781` are two, `22140/1` is number 22140, parcel 1."""
    if reference.isdecimal():
        return [int(reference)]
    found = []
    for part in re.split(r"[A-Z][A-Z-]+", reference):
        numbers = [int(number) for number in re.findall(r"[0-9]+", part)]
        parcel = len(numbers) == 2 and "/" in part and numbers[1] < 100 <= numbers[0]
        found += numbers[:1] if parcel else numbers
    return found
