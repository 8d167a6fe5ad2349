"""Broken variants of the product, each a small change of its source: a rehearsal that lets one of them pass shows nothing.

A variant is made while its module is imported, in a process of its own; the working tree stays as it is. `sim --mutant NAME` plays one.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType

from retaguarda.clock import Clock

ROOT = Path(__file__).parents[2]
TABLE = Path(__file__).with_name("mutants.toml")
MOST = {"acts": 3000, "runs": 400}
"""Schedules of each kind within which a variant must be caught."""


@dataclass(frozen=True)
class Edit:
    """One change: this text, which stands in the module exactly once, becomes that."""

    module: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    """A broken variant, the kind of schedule that shows it, and how many may be needed."""

    name: str
    edits: tuple[Edit, ...]
    kind: str
    first: int
    """Where the search begins."""

    @property
    def most(self) -> int:
        return MOST[self.kind]


def mutants() -> list[Mutant]:
    """The variants of the table."""
    told = tomllib.loads(TABLE.read_text("utf-8"))["mutant"]
    return [Mutant(one["name"], tuple(Edit(**edit) for edit in one["edit"]), one.get("kind", "acts"), one.get("first", 0)) for one in told]


class MutantLoader(SourceFileLoader):
    """Loads a module with changes."""

    def __init__(self, name: str, path: str, edits: Sequence[Edit]) -> None:
        super().__init__(name, path)
        self._edits = edits

    def get_code(self, fullname: str) -> CodeType:
        text = Path(self.path).read_text("utf-8")
        for edit in self._edits:
            if text.count(edit.old) != 1:
                raise ImportError(f"{fullname} holds {text.count(edit.old)} times: {edit.old!r}")
            text = text.replace(edit.old, edit.new)
        return compile(text, self.path, "exec", dont_inherit=True)


@dataclass(frozen=True)
class MutantFinder:
    """Finds the modules that a variant changes before anybody else does."""

    mutant: Mutant

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        edits = [edit for edit in self.mutant.edits if edit.module == name]
        if not edits:
            return None
        path = str(ROOT / f"{name.replace('.', '/')}.py")
        return importlib.util.spec_from_file_location(name, path, loader=MutantLoader(name, path, edits))


def install(name: str) -> Mutant:
    """Be this variant from now on; only before the modules that it changes are imported."""
    mutant = next(mutant for mutant in mutants() if mutant.name == name)
    early = {edit.module for edit in mutant.edits} & set(sys.modules)
    if early:
        raise ImportError(f"imported already: {early}")
    sys.meta_path.insert(0, MutantFinder(mutant))
    return mutant


@dataclass(frozen=True)
class Verdict:
    """Whether a variant was caught, by what, and after how long."""

    mutant: Mutant
    caught: bool
    said: str
    seconds: float


def hunt(chosen: Sequence[Mutant]) -> Iterator[Verdict]:
    """Play each variant in a process of its own until a schedule shows it, or it survives."""
    clock = Clock()
    for mutant in chosen:
        began = clock.monotonic()
        command = [sys.executable, "-m", "bench.rehearse", "sim", "--mutant", mutant.name]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        broken = [line for line in done.stdout.splitlines() if line.startswith("BROKEN ")]
        said = broken[0].removeprefix("BROKEN ") if broken else (done.stderr.strip().splitlines() or ["survived"])[-1]
        yield Verdict(mutant, done.returncode == 1 and bool(broken), said, clock.monotonic() - began)
