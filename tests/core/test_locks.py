"""Locks: one holder among all processes, freed by release or death and by nothing else."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from retaguarda.errors import LeaseHeld
from retaguarda.locks import Locks, process_lock
from tests.sandbox_fixtures import eventually

HOLDER = """
import sys
from pathlib import Path
from retaguarda.locks import Locks
with Locks(Path(sys.argv[1])).hold(sys.argv[2]):
    print("held", flush=True)
    sys.stdin.readline()
print("freed", flush=True)
"""


@contextmanager
def holding(folder: Path, name: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds a lock until it is told otherwise."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def test_a_lock_has_one_holder_and_is_free_afterwards(tmp_path: Path) -> None:
    locks = Locks(tmp_path / "locks")
    assert locks.is_free("act/ccee/register/R-1")
    with locks.hold("act/ccee/register/R-1"):
        assert not locks.is_free("act/ccee/register/R-1")
        assert locks.is_free("act/ccee/register/R-2")
        with pytest.raises(LeaseHeld, match="act/ccee/register/R-1 is held by another run"), locks.hold("act/ccee/register/R-1"):
            pass
    assert locks.is_free("act/ccee/register/R-1")


def test_an_error_in_the_block_frees_the_lock(tmp_path: Path) -> None:
    def fail() -> None:
        with Locks(tmp_path).hold("x"):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert Locks(tmp_path).is_free("x")


def test_another_process_holds_it_until_it_lets_go(tmp_path: Path) -> None:
    with holding(tmp_path, "x") as other:
        assert not Locks(tmp_path).is_free("x")
        assert other.stdin is not None
        assert other.stdout is not None
        other.stdin.write("\n")
        other.stdin.flush()
        assert other.stdout.readline() == "freed\n"
        assert Locks(tmp_path).is_free("x")


def test_a_stopped_process_still_holds_it_and_a_killed_one_does_not(tmp_path: Path) -> None:
    with holding(tmp_path, "x") as other:
        other.send_signal(signal.SIGSTOP)
        assert not Locks(tmp_path).is_free("x")
        other.kill()
        other.wait()
        with Locks(tmp_path).hold("x"):
            pass


def test_a_program_that_the_holder_started_does_not_keep_the_lock(tmp_path: Path) -> None:
    """A browser outlives a killed worker by a moment."""
    with Locks(tmp_path).hold("x"):
        child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, close_fds=False)
    try:
        eventually(lambda: Locks(tmp_path).is_free("x"))  # the program's start closes what was the holder's
    finally:
        child.communicate()


def test_a_lock_can_be_waited_for(tmp_path: Path) -> None:
    with holding(tmp_path, "x") as other:
        assert other.stdin is not None
        path = next(tmp_path.glob("*.lock"))
        other.stdin.write("\n")
        other.stdin.flush()
        with process_lock(path, wait=True):
            assert not Locks(tmp_path).is_free("x")
