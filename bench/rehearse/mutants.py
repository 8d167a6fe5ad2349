"""Broken variants of the product, each a small change of its source: a rehearsal that lets one of them pass shows nothing.

A variant is made while its module is imported, in a process of its own; the working tree stays as it is. `sim --mutant NAME` plays one.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType

from retaguarda.clock import Clock

ROOT = Path(__file__).parents[2]
ACT, JOURNAL, LEASES = "retaguarda.act", "retaguarda.jobs.journal", "retaguarda.jobs.leases"
RUN, RUNNER, RUNS = "retaguarda.run", "retaguarda.runner", "retaguarda.jobs.runs"
ACTS, WHOLE_RUNS = "acts", "runs"


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
    kind: str = ACTS
    first: int = 0
    """Where the first broken schedule of a rare kind was found; only so that the search is short."""

    @property
    def most(self) -> int:
        return 3000 if self.kind == ACTS else 400


def _one(name: str, module: str, old: str, new: str, kind: str = ACTS, first: int = 0) -> Mutant:
    return Mutant(name, (Edit(module, old, new),), kind, first)


_INTEND = "        intent, permit = self.journal.intend(self.run, key, digest, wanted.fields(), picture, after=last, must_be_ours=ours)\n"
_PRESS = "        no = self._submit(form, intent, permit)\n"
_HOLD = '        with self.locks.hold(f"act/{key}"):\n'
_NOT_HELD = Edit(ACT, '        if not self.locks.still_held(f"act/{key}"):\n', "        if False:\n")
_NUMBERED_ANEW = Edit(
    JOURNAL,
    "attempt, began = after.attempt + 1 if after else 1, self._clock.monotonic()",
    "newest, began = self.last(key), self._clock.monotonic()\n        attempt = newest.attempt + 1 if newest else 1",
)
_SUBMIT = "                intent.protocol = form.submit(permit).protocol\n"
_QUIET = "left = self.quiet_seconds - self.journal.see_orphan(intent)"
_SEEN = "intent.seen_boot, intent.seen_monotonic, intent.state = boot, self._clock.monotonic(), IntentState.UNCERTAIN"
_SINCE = "return self._clock.monotonic() - intent.seen_monotonic"

MUTANTS = (
    Mutant(
        "the intent is written after the press",
        (
            Edit(ACT, _INTEND, ""),
            Edit(
                ACT,
                _PRESS,
                "        try:\n            form.submit(Permit(key.reference, 1))\n        except RetaguardaError:\n            pass\n"
                + _INTEND
                + "        no = None\n",
            ),
        ),
    ),
    Mutant(
        "the intent is not committed before the press",
        (
            Edit(ACT, "from retaguarda.clock import Clock\n", "from django.db import transaction\nfrom retaguarda.clock import Clock\n"),
            Edit(ACT, _HOLD, '        with self.locks.hold(f"act/{key}"), transaction.atomic():\n'),
            Edit(JOURNAL, "transaction.atomic(durable=True)", "transaction.atomic()"),
        ),
    ),
    _one("an earlier press is not looked after before the next", ACT, "if last and last.state in UNRESOLVED:", "if False:"),
    _one("what is uncertain is pressed again", JOURNAL, "UNRESOLVED = (IntentState.OPEN, IntentState.UNCERTAIN)", "UNRESOLVED = (IntentState.OPEN,)"),
    _one("what a dead process pressed is pressed again", JOURNAL, "UNRESOLVED = (IntentState.OPEN, IntentState.UNCERTAIN)", "UNRESOLVED = (IntentState.UNCERTAIN,)"),
    _one("an error means again", ACT, _SUBMIT, "                try:\n    " + _SUBMIT + "                except RetaguardaError:\n"
         "                    intent.protocol = form.submit(Permit(permit.reference, permit.attempt)).protocol\n"),
    _one("no answer is taken for not sent", ACT, "            if not permit.used:\n", "            if True:\n"),
    _one("the receipt is proof enough", ACT, "if no else self._verify(intent, wanted, find)", "if no else self._done(intent, Found(wanted.reference))"),
    _one("no quiet period", ACT, _QUIET, "left = 0 * self.journal.see_orphan(intent)"),
    _one("a quiet period shorter than the portal's work", ACT, _QUIET, "left = 0.3 * self.quiet_seconds - self.journal.see_orphan(intent)"),
    Mutant(
        "the quiet period is measured on the clock on the wall",
        (Edit(JOURNAL, _SEEN, _SEEN.replace("monotonic(),", "now().timestamp(),")), Edit(JOURNAL, _SINCE, _SINCE.replace("monotonic() ", "now().timestamp() "))),
    ),
    _one("monotonic times of different boots are compared", JOURNAL, "if intent.seen_boot != boot:", "if not intent.seen_boot:"),
    _one("the quiet period begins anew at each look", JOURNAL, "if intent.seen_boot != boot:", "if True:"),
    _one("a page that cannot be read shows nothing", ACT, "            found = find(wanted)\n        return",
         "            try:\n                found = find(wanted)\n            except PortalError:\n                found = None\n        return"),
    _one("the form is not read back", ACT, "_must_agree(form.shown(), wanted)\n        self", "form.shown()\n        self"),
    _one("what is found is not compared", ACT, "differing = differences(found.fields, wanted.fields())", 'differing = ""'),
    _one("found twice is found", ACT, "if found.count != 1:", "if found.count < 1:"),
    _one("a conflict after the press is a refusal", ACT, "if isinstance(no, Conflict):", "if False:"),
    _one("what was done is forgotten", ACT, "SEEN = (IntentState.DONE, IntentState.CONFLICT)", "SEEN = ()"),
    _one("what was refused is sent again", ACT, "if last and last.state == IntentState.REFUSED and", "if False and last and"),
    _one("a permit never grows old", JOURNAL, "PERMIT_SECONDS = 30", "PERMIT_SECONDS = 10**9"),
    Mutant("nobody holds the act's lock, and attempts are numbered anew", (Edit(ACT, _HOLD, "        if True:\n"), _NOT_HELD, _NUMBERED_ANEW)),
    Mutant("a lost lock is not noticed, and attempts are numbered anew", (_NOT_HELD, _NUMBERED_ANEW)),
    _one("the fence of the lease is not checked", LEASES, "if newest != self.fence or not self.locks.still_held(lock_of(self.credential)):", "if False:", WHOLE_RUNS),
    _one("nobody asks whether the lease is still ours", JOURNAL, "                must_be_ours()\n", "", WHOLE_RUNS),
    _one("no last look before the press", ACT, "        self.may_press()\n", "", WHOLE_RUNS),
    _one("a stop is not asked for before the press", RUN, "room for evidence on the disk.\"\"\"\n        self.check_stop()\n", "room for evidence on the disk.\"\"\"\n", WHOLE_RUNS),
    _one("a clock that was set is trusted", RUN, "if abs(self.clock.offset() - self._clock_offset) > MAX_CLOCK_STEP:", "if False:", WHOLE_RUNS),
    _one("pressed with a full disk", RUN, "        if any(shutil", "        if False and any(shutil", WHOLE_RUNS),
    _one("uncertain is told as done", RUN, "mark(item, ItemState.UNCERTAIN, **facts)", "mark(item, ItemState.SUCCESSFUL, **facts)", WHOLE_RUNS),
    _one("an item in its quiet period is told as failed", RUN, "self._come_again(item, ItemState.DEFERRED, error.seconds_left, facts)",
         "self._services.runs.mark(item, ItemState.FAILED_BUSINESS, **facts)", WHOLE_RUNS),
    _one("a run whose process died is left as it is", RUNNER, "                elif run.state == RunState.RUNNING and run.queue:\n                    self._died(run)\n",
         "                elif run.state == RunState.RUNNING and run.queue:\n                    pass\n", WHOLE_RUNS),
    _one("who lost a run without dying goes on telling of it", RUNS, "if (row.executor, row.attempt) != (run.executor, run.attempt):", "if False:", WHOLE_RUNS),
)  # fmt: skip


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
    mutant = next(mutant for mutant in MUTANTS if mutant.name == name)
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


def hunt(mutants: Sequence[Mutant] = MUTANTS) -> Iterator[Verdict]:
    """Play each variant in a process of its own until a schedule shows it, or it survives."""
    clock = Clock()
    for mutant in mutants:
        began = clock.monotonic()
        command = [sys.executable, "-m", "bench.rehearse", "sim", "--mutant", mutant.name]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        broken = [line for line in done.stdout.splitlines() if line.startswith("BROKEN ")]
        said = broken[0].removeprefix("BROKEN ") if broken else (done.stderr.strip().splitlines() or ["survived"])[-1]
        yield Verdict(mutant, done.returncode == 1 and bool(broken), said, clock.monotonic() - began)
