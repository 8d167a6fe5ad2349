"""Who paid: partners by document, root, masked document, cut name, trade name, and third parties learned from history."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property

import polars as pl

from retaguarda.reconcile.matching.names import Beginnings, NamesByWord
from retaguarda.reconcile.matching.rules import Words
from retaguarda.reconcile.matching.texts import features, plain

NOBODY: tuple[int, ...] = ()
Identity = tuple[tuple[int, ...], str]
"""The partners that a line may be from, and how they were found: doc, root, mask, name, alias, third."""
_SHORTEST = 4
"""A name cut shorter than this names nobody."""
_HEAD = 8
"""A trade name is known by no fewer of its first letters."""
_MORE = 12
"""A line may write so many letters after a trade name."""


class Payers:
    """The register of partners with what history taught about it."""

    def __init__(self, partners: pl.DataFrame, words: Words) -> None:
        self.words = words
        self.documents: list[str] = partners["doc"].to_list()
        self.names: list[list[str]] = [re.findall(r"[0-9A-Z]+", name) for name in partners.select(plain(pl.col("name")))["name"].to_list()]
        self.by_document: dict[str, tuple[int, ...]] = _index((document, code) for code, document in enumerate(self.documents) if document)
        roots = ((document[:8], code) for code, document in enumerate(self.documents) if len(document) == 14)
        self.by_root = _index(roots)
        self.by_mask = _index(
            (document[3:end], code) for code, document in enumerate(self.documents) if len(document) == 11 for end in (8, 9)
        )
        self.group = _groups(self.by_root.values(), partners["group_id"].to_list())
        self.members = _index((group, code) for code, group in enumerate(self.group))
        self._short = {long: list(short) for long, short in words.abbreviations.items()}
        self._own: dict[str, tuple[int, ...]] = {}
        self._cut: dict[str, Identity] = {}
        self._aliases: dict[str, set[int]] = defaultdict(set)
        self.third: dict[str, tuple[int, ...]] = {}
        self._alias_beginnings = Beginnings(())
        self._alias_lengths: dict[str, set[int]] = {}
        """How long the trade names of the same first letters are."""

    @cached_property
    def _written(self) -> Beginnings:
        """The names of the register as banks may write them."""
        return Beginnings((variant, code) for code in range(len(self.names)) for variant in self._variants(code))

    @cached_property
    def _by_words(self) -> NamesByWord:
        return NamesByWord(self.names, self.words.small)

    def _variants(self, code: int) -> Iterator[str]:
        """The ways a bank may write a name, without blanks: whole, first words shortened, small words left out."""
        tokens = self.names[code]
        for head in self._heads(tokens):
            yield "".join(head)
            yield "".join(token for token in head if token not in self.words.small)

    def _heads(self, tokens: list[str]) -> Iterator[list[str]]:
        yield tokens
        for position in range(min(3, len(tokens))):
            for short in self._short.get(tokens[position], ()):
                yield [*tokens[:position], short, *tokens[position + 1 :]]
        if len(tokens) > 2:
            both = [self._short.get(token, [token])[0] if position < 3 else token for position, token in enumerate(tokens)]
            yield both

    def learn(self, history: pl.DataFrame, code_of: dict[str, int]) -> None:
        """Trade names, third-party payers and ways to shorten names, from lines that people matched before."""
        texts = history.lazy().select("partner_id", plain(pl.col("description")).alias("text"))
        said = features(texts, self.words).select("document", "name", "partner_id").unique().sort("name", "document", "partner_id")
        rows = said.collect()
        pairs = [(document, name, code_of[partner_id]) for document, name, partner_id in rows.iter_rows() if partner_id in code_of]
        self._learn_short(pairs)
        self.look_up(rows["name"])
        self.associate(pairs)

    def _learn_short(self, pairs: list[tuple[str, str, int]]) -> None:
        seen: dict[tuple[str, str], set[int]] = defaultdict(set)
        for _, name, code in pairs:
            for token, long in zip(name.split()[:-1], self.names[code], strict=False):
                if token != long and 2 <= len(token) < len(long) and long.startswith(token):
                    seen[long, token].add(code)
        new = [pair for pair, codes in sorted(seen.items()) if len(codes) > 1 and pair[1] not in self._short.get(pair[0], ())]
        for long, short in new:
            self._short.setdefault(long, []).append(short)
        if new:
            self.__dict__.pop("_written", None)
            self._own.clear()

    def associate(self, pairs: Iterable[tuple[str, str, int]]) -> None:
        """Teach (document, name, partner): what is no document or name of the partner becomes another one of it."""
        third: dict[str, set[int]] = defaultdict(set)
        for document, codes in self.third.items():
            third[document].update(codes)
        for document, name, code in pairs:
            if document and document not in self.by_document and document[:8] not in self.by_root:
                third[document].add(code)
            glued = name.replace(" ", "")
            if len(glued) >= _SHORTEST and code not in self.owners(name) and code not in self._called(glued):
                self._aliases[glued].add(code)
        self.third = {document: tuple(sorted(codes)) for document, codes in third.items()}
        self._alias_beginnings = Beginnings((alias, code) for alias, codes in self._aliases.items() for code in codes)
        self._alias_lengths = {}
        for alias in self._aliases:
            self._alias_lengths.setdefault(alias[:_HEAD], set()).add(len(alias))
        self._cut.clear()

    def identify(self, document: str, masked: str, name: str) -> Identity:
        """The partners that a line with this document and name may be from; nobody when they are unknown."""
        if document:
            if codes := self.by_document.get(document):
                return self._narrowed(codes, name), "doc"
            if codes := self.by_root.get(document[:8], NOBODY) if len(document) == 14 else NOBODY:
                return codes, "root"
            if codes := self.third.get(document):
                return codes, "third"
        named = self.named(name) if name else (NOBODY, "")
        if masked and (codes := self.by_mask.get(masked)):
            both = tuple(code for code in codes if code in named[0])
            return (both, "doc") if both else (codes if not name else named[0] or NOBODY, "mask" if not name else named[1])
        return named

    def look_up(self, names: pl.Series) -> None:
        """Find the owners of names that will be asked for: of all at once, which is sooner done."""
        fresh = names.unique()
        glued = fresh.str.replace_all(" ", "", literal=True)
        for name, whole, own in zip(fresh, glued, self._written.all_starting(glued), strict=True):
            if name not in self._own:
                self._own[name] = self._owners(name, whole, own)

    def unprefixed(self, names: Iterable[str]) -> dict[str, str]:
        """Names that begin with words of a channel nobody listed, and the names that are left without them.

        What must be dropped from several names to find their partners is such a beginning.
        """
        tried: dict[str, list[tuple[str, str]]] = defaultdict(list)
        firsts = {tokens[0] for tokens in self.names if tokens}
        for name in names:
            tokens = name.split()
            if tokens and tokens[0] not in firsts and not self.owners(name):
                for count in range(1, min(3, len(tokens))):
                    rest = " ".join(tokens[count:])
                    if len(rest) >= 8 and self.owners(rest):
                        tried[" ".join(tokens[:count])].append((name, rest))
                        break
        return {name: rest for pairs in tried.values() if len(pairs) > 2 for name, rest in pairs}

    def _narrowed(self, codes: tuple[int, ...], name: str) -> tuple[int, ...]:
        if len(codes) == 1 or not name:
            return codes
        return tuple(code for code in codes if code in self.named(name)[0]) or codes

    def named(self, name: str) -> Identity:
        """The partners whose name, as banks cut and shorten it, begins like this."""
        found = self._cut.get(name)
        if found is None:
            found = self._cut[name] = self._named(name)
        return found

    def _named(self, name: str) -> Identity:
        glued = name.replace(" ", "")
        if len(glued) < _SHORTEST:
            return NOBODY, ""
        own, alias = self.owners(name), self._called(glued)
        return tuple(sorted(alias.union(own))) if alias else own, "name" if own else "alias"

    def _called(self, glued: str) -> set[int]:
        """The partners with a trade name that begins so, or that these letters begin with."""
        found = set(self._alias_beginnings.starting(glued))
        for length in self._alias_lengths.get(glued[:_HEAD], ()):
            if max(_HEAD, len(glued) - _MORE) <= length < len(glued):
                found.update(self._aliases.get(glued[:length], ()))
        return found

    def owners(self, name: str) -> tuple[int, ...]:
        """The partners that the register itself calls so, in rising order."""
        found = self._own.get(name)
        if found is None:
            glued = name.replace(" ", "")
            found = self._own[name] = self._owners(name, glued, self._written.starting(glued))
        return found

    def _owners(self, name: str, glued: str, written: tuple[int, ...]) -> tuple[int, ...]:
        """Those whose name is written so; else those whose words may be contracted so."""
        return (written if len(glued) >= _SHORTEST else NOBODY) or tuple(sorted(self._by_words.like(name.split())))


def _index(pairs: Iterable[tuple[str | int, int]]) -> dict:  # type: ignore[type-arg]
    found: dict[str | int, list[int]] = defaultdict(list)
    for key, code in pairs:
        found[key].append(code)
    return {key: tuple(dict.fromkeys(codes)) for key, codes in found.items()}


def _groups(roots: Iterable[tuple[int, ...]], group_ids: list[str]) -> list[int]:
    """The economic group of every partner: branches of one root and members of one registered group are one."""
    parent = list(range(len(group_ids)))

    def top(code: int) -> int:
        while parent[code] != code:
            parent[code] = code = parent[parent[code]]
        return code

    registered = _index((group_id, code) for code, group_id in enumerate(group_ids) if group_id)
    for members in (*roots, *registered.values()):
        for member in members[1:]:
            one, other = sorted((top(members[0]), top(member)))
            parent[other] = one
    return [top(code) for code in range(len(group_ids))]
