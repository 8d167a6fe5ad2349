"""The fuzzer that `python -m bench.fuzz --guided` runs with atheris' own interpreter: inputs that reach new code are changed further.

Samples and corpus begin it; what it learns is kept in the first folder, so that another run goes on. Findings are made as small as
is simple and kept in tests/formats/corpus, one for each sort.
"""

from __future__ import annotations

import hashlib
import re
import sys

import atheris  # type: ignore[import-untyped]  # only the environment that bench.fuzz makes has it

with atheris.instrument_imports(include=["retaguarda.formats"]):
    from tests.formats.fuzz import CORPUS, problem

found: set[str] = set()


def sort(told: str) -> str:
    """What is alike of two problems: their words without numbers and quoted texts; all slow inputs are of one sort."""
    return re.sub(r"'.*'|\".*\"|[0-9.]+", "", told)


def smaller(data: bytes, told: str) -> bytes:
    """The input without the pieces that the problem does not need."""
    size = len(data) // 2
    while size:
        at = 0
        while at < len(data):
            shorter = data[:at] + data[at + size :]
            if sort(problem(shorter)) == told:
                data = shorter
            else:
                at += size
        size //= 2
    return data


def judge(data: bytes) -> None:
    """One input; a PDF is read by a process of its own, which no coverage reaches."""
    if b"%PDF-" in data[:1024] or not (told := problem(data)):
        return
    if (kind := sort(told)) not in found:
        found.add(kind)
        data = data if told.startswith("took") else smaller(data, kind)
        (CORPUS / f"{hashlib.sha256(data).hexdigest()}.bin").write_bytes(data)
        print(f"\n{told}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    atheris.Setup(sys.argv, judge)
    atheris.Fuzz()
