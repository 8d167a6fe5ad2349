"""Every text for people that stands in the code, found by reading the code: what the catalogue must know."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = ("retaguarda", "robots", "tasks")
HOLE = "{}"
ERRORS = {"ValueError"}
"""Classes whose text reaches people; those under RetaguardaError are added by reading `class` statements."""
LOG_LEVELS = {"debug", "info", "success", "warning", "error", "critical"}
SAID_FIRST = {"say", "finding", "stage", "speaking", "doing", "shot", "_picture", "Column", "_broken", "_changed"}
"""Functions whose first text is for people."""
SAID_ANYWHERE = {"_parsed", "_checked", "_amount", "refusal", "Disagreement", "Release", "Quarantined", "quarantined"}
"""Functions that take reasons and remedies in several places."""
SENTENCE_FILES = (
    "retaguarda/accounts/book.py",
    "retaguarda/formats/cnab240_remessa_rules.py",
    "retaguarda/audit/verify.py",
    "retaguarda/console/robot_check.py",
    "retaguarda/agenda/verdicts.py",
    "retaguarda/calendars/check.py",
    "retaguarda/calendars/lists.py",
    "retaguarda/calendars/deadlines.py",
    "retaguarda/triggers/placeholders.py",
    "retaguarda/triggers/trigger.py",
    "retaguarda/model/reconciliation.py",
    "retaguarda/reconcile/contracts.py",
    "retaguarda/reconcile/coverage.py",
    "retaguarda/reconcile/ledger.py",
    "retaguarda/reconcile/passes.py",
    "retaguarda/reconcile/proof.py",
    "retaguarda/reconcile/receipts.py",
    "retaguarda/reconcile/rules.py",
    "retaguarda/operations/backup/check.py",
)
"""Modules whose lists of reasons are made of bare strings: every sentence in them counts."""
SENTENCE = re.compile(r"[A-Za-z{][^\s]* .*[a-z]{2}")


@dataclass(frozen=True, order=True)
class Spoken:
    """A text with `{}` for each value, and where it stands."""

    text: str
    place: str


def normal(text: str) -> str:
    """A text of the catalogue as the collector writes it: every named place is `{}`."""
    return re.sub(r"\{\w*(?::[^}]*)?\}", HOLE, text)


def spoken() -> set[Spoken]:
    """Every text for people of the product, except help and the vocabularies, which tell themselves."""
    paths = [
        path
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        if "_template" not in path.parts and path.name != "independent.py"
    ]
    trees = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text("utf-8")) for path in paths}
    errors = _error_classes(trees.values())
    in_code = {found for name, tree in trees.items() for found in _of_module(name, tree, errors) if _is_told(found.text)}
    return in_code | set(_of_templates())


SAY = re.compile(r"""{% say (?:"([^"]+)"|'([^']+)')""")
"""A text of the catalogue in a page of the console."""


def _of_templates() -> Iterator[Spoken]:
    for path in sorted((ROOT / "retaguarda/console/web/templates").rglob("*.html")):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            texts = (one or other for one, other in SAY.findall(line))
            yield from (Spoken(text, f"{path.relative_to(ROOT)}:{number}") for text in texts if _is_told(text))


def _is_told(text: str) -> bool:
    """Whether there is anything to translate: `{}: {}` has no words."""
    return sum(letter.isalpha() for letter in text.replace(HOLE, "")) >= 3


def _error_classes(trees: object) -> set[str]:
    """RetaguardaError and every class under it, by name."""
    known = {"RetaguardaError"}
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]  # type: ignore[attr-defined]
    while new := {c.name for c in classes if c.name not in known and any(_name(base) in known for base in c.bases)}:
        known |= new
    return known | ERRORS


def _of_module(name: str, tree: ast.Module, errors: set[str]) -> Iterator[Spoken]:
    named = _named(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            texts = _of_call(node, errors, named)
        elif isinstance(node, ast.ClassDef) and (node.name in errors or node.name == "RetaguardaError"):
            texts = iter([(ast.get_docstring(node) or "").split("\n")[0], *_of_super(node)])
        elif isinstance(node, ast.FunctionDef) and any("task" in ast.unparse(d) for d in node.decorator_list) and name.startswith("tasks/"):
            texts = iter([(ast.get_docstring(node) or "").split("\n")[0]])
        else:
            continue
        yield from (Spoken(text, f"{name}:{node.lineno}") for text in texts)
    if name in SENTENCE_FILES:
        yield from _sentences(name, tree)


def _named(tree: ast.Module) -> dict[str, list[ast.expr]]:
    """What each name of the module is set to: `LATER = "run it again later"`."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(node.value)
    return found


def _of_call(node: ast.Call, errors: set[str], named: dict[str, list[ast.expr]]) -> Iterator[str]:
    called = _name(node.func)
    first = [text for one in node.args[:1] for text in named.get(_name(one), [one])]
    if called in errors or called in SAID_FIRST or (called in LOG_LEVELS and "log" in ast.unparse(node.func)):
        yield from _texts(*first)
    if called in SAID_ANYWHERE:
        yield from _texts(*node.args)
    told = [keyword.value for keyword in node.keywords if keyword.arg in {"remedy", "help"}]
    yield from _texts(*(text for one in told for text in named.get(_name(one), [one])))


def _of_super(node: ast.ClassDef) -> Iterator[str]:
    """What an error class says of itself in its constructor."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "super().__init__":
            yield from _texts(*call.args[:1])


def _sentences(name: str, tree: ast.Module) -> Iterator[Spoken]:
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in prose | inner:
            yield from (Spoken(text, f"{name}:{node.lineno}") for text in _texts(node) if SENTENCE.fullmatch(text))


def _texts(*nodes: ast.expr) -> Iterator[str]:
    """The texts that these expressions can give; a value that is no text of the code gives none."""
    for node in nodes:
        if isinstance(node, ast.Constant):
            yield from [node.value] if isinstance(node.value, str) else []
        elif isinstance(node, ast.JoinedStr):
            yield from map("".join, itertools.product(*map(_part, node.values)))
        elif isinstance(node, ast.IfExp):
            yield from _texts(node.body, node.orelse)
        elif isinstance(node, ast.BoolOp):
            yield from _texts(*node.values)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            yield from map("".join, itertools.product(_or_hole(node.left), _or_hole(node.right)))
        elif isinstance(node, ast.Starred):
            yield from _texts(node.value)
        elif isinstance(node, ast.Tuple | ast.List):
            yield from _texts(*node.elts)


def _part(node: ast.expr) -> list[str]:
    """What a piece of an f-string can be: its letters, or a hole, or the words that the code puts into it."""
    if isinstance(node, ast.Constant):
        return [str(node.value)]
    value = node.value if isinstance(node, ast.FormattedValue) else node
    if isinstance(value, ast.BoolOp) and isinstance(value.op, ast.And):
        return ["", *_texts(value.values[-1])]
    words = [text for text in _texts(value) if " " in text or text in {"no", "none"}]
    if isinstance(value, ast.IfExp) and len(words) == 2:
        return words
    return [HOLE, *words]


def _or_hole(node: ast.expr) -> list[str]:
    return list(_texts(node)) or [HOLE]


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
