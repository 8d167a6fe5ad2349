"""Ours and others on the same files, each in a process of its own: seconds, processor seconds, memory, and how right they are."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.reconciliation.score import Score, score

CACHE = Path("~/.cache/retaguarda/bench-reconciliation").expanduser()
LIBRARIES = ("splink==5.0.0", "pandas==3.0.*")
"""Installed into an environment of their own; the product never needs them."""
SCRIPTS = Path(__file__).parent / "scripts"
FILES = (("--open-items", "open_items"), ("--partners", "partners"), ("--accounts", "bank_accounts"), ("--statement", "statement_lines"))
MORE = (("--returns", "retorno"), ("--history", "history"))


@dataclass(frozen=True)
class Measured:
    """One matcher on one data set; the process from the start to the written decisions."""

    name: str
    seconds: float
    cpu: float
    megabytes: float
    score: Score | None
    failed: str = ""

    def as_dict(self) -> dict[str, object]:
        told = {k: v for k, v in asdict(self).items() if k != "score"}
        return told | {"figures": self.score.figures() if self.score else None}


def ours(data: Path, out: Path) -> list[str]:
    given = [part for option, name in (*FILES, *MORE) for part in (option, str(data / f"{name}.csv"))]
    return [sys.executable, "-m", "retaguarda", "reconcile", "receipts", *given, "--out", str(out)]


def _script(name: str) -> Callable[[Path, Path], list[str]]:
    return lambda data, out: [sys.executable, str(SCRIPTS / f"{name}.py"), str(data), str(out)]


def splink(data: Path, out: Path) -> list[str]:
    return [environment(), str(SCRIPTS / "splink_linkage.py"), str(data), str(out)]


MATCHERS: dict[str, Callable[[Path, Path], list[str]]] = {
    "retaguarda": ours,
    "floor": _script("floor"),
    "pandas script": _script("pandas_script"),
    "polars cascade": _script("polars_cascade"),
    "splink": splink,
}


def environment() -> str:
    """The interpreter of Splink's own environment, made at the first call."""
    python = CACHE / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(CACHE)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *LIBRARIES], check=True)
    return str(python)


def compare(data: Path, names: Iterable[str] = ()) -> Iterator[Measured]:
    """Run each matcher once; one that fails is told with the last line it said."""
    for name, command in MATCHERS.items():
        if not names or name in names:
            with tempfile.TemporaryDirectory() as folder:
                yield _measured(name, command(data, Path(folder)), data, Path(folder))


def _measured(name: str, command: list[str], data: Path, out: Path) -> Measured:
    said = out / "said.txt"
    began = time.perf_counter()
    with said.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds, cpu, megabytes = time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    matches, lines = out / "matches.csv", out / "lines.csv"
    if process.returncode not in {0, 1} or not matches.exists():
        last = said.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return Measured(name, seconds, cpu, megabytes, None, last[-1][:160] if last else f"ended with {process.returncode}")
    return Measured(name, seconds, cpu, megabytes, score(data, matches, lines if lines.exists() else None))


COLUMNS = (
    ("tie-F1", "tie_f1", 1, ""),
    ("precision", "tie_precision", 1, ""),
    ("recall", "tie_recall", 1, ""),
    ("lines exact", "lines_exact", 100, " %"),
    ("wrong among decided", "wrong_among_decided", 100, " %"),
    ("auto share", "auto_share", 100, " %"),
    ("wrong among auto", "wrong_among_auto", 100, " %"),
)


def table(measured: Iterable[Measured]) -> str:
    """The results as a table of Markdown."""
    titles = ("matcher", "seconds", "CPU s", "MB", *(title for title, *_ in COLUMNS))
    out = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for m in measured:
        figures = m.score.figures() if m.score else {}
        told = [f"{scale * figures[key]:.{3 if scale == 1 else 2}f}{unit}" for _, key, scale, unit in COLUMNS if figures]
        cells = (m.name, f"{m.seconds:.1f}", f"{m.cpu:.1f}", f"{m.megabytes:.0f}", *(told or [f"failed: {m.failed}"]))
        out.append(f"| {' | '.join(cells)} |")
    return "\n".join(out)
