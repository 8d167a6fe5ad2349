"""Locks: one holder among all processes, freed by release or death and by nothing else; files and PostgreSQL's alike."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from retaguarda.errors import LeaseHeld, StoreUnavailable
from retaguarda.locks import Locks, process_lock
from retaguarda.store.advisory import AdvisoryLocks, lock_key, locks_for
from tests.conftest import OpenStore
from tests.postgres import PostgresServer
from tests.sandbox_fixtures import eventually

HOLDER = """
import sys
from pathlib import Path
from retaguarda.store.connection import point_at, set_up
set_up()
point_at(sys.argv[1])
from retaguarda.store.advisory import locks_for
with locks_for(Path(sys.argv[2]) / "locks").hold(sys.argv[3]):
    print("held", flush=True)
    sys.stdin.readline()
print("freed", flush=True)
"""


@contextmanager
def holding(store: OpenStore, name: str, program: str = HOLDER) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds a lock until it is told otherwise."""
    command = [sys.executable, "-c", program, store.url, str(store.home), name]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
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


@pytest.fixture
def locks(any_store: OpenStore) -> Locks:
    return locks_for(any_store.home / "locks")


def test_each_store_has_its_kind_of_locks(any_store: OpenStore, locks: Locks) -> None:
    assert type(locks) is {"sqlite": Locks, "postgresql": AdvisoryLocks}[any_store.kind]


def test_a_lock_has_one_holder_and_is_free_afterwards(any_store: OpenStore, locks: Locks) -> None:
    assert locks.is_free("act/ccee/register/R-1")
    with locks.hold("act/ccee/register/R-1"):
        assert locks.still_held("act/ccee/register/R-1")
        assert locks_for(any_store.home / "locks").still_held("act/ccee/register/R-1"), "it is the process that holds a lock"
        assert not locks.still_held("act/ccee/register/R-2")
        assert not locks.is_free("act/ccee/register/R-1")
        assert locks.is_free("act/ccee/register/R-2")
        with pytest.raises(LeaseHeld, match="act/ccee/register/R-1 is held by"), locks.hold("act/ccee/register/R-1"):
            pass
        assert locks.still_held("act/ccee/register/R-1")
    assert not locks.still_held("act/ccee/register/R-1")
    assert locks.is_free("act/ccee/register/R-1")


def test_an_error_in_the_block_frees_the_lock(locks: Locks) -> None:
    def fail() -> None:
        with locks.hold("x"):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert locks.is_free("x")


def test_another_process_holds_it_until_it_lets_go(any_store: OpenStore, locks: Locks) -> None:
    with holding(any_store, "x") as other:
        assert not locks.is_free("x")
        assert not locks.still_held("x")
        with pytest.raises(LeaseHeld, match="x is held by another run"), locks.hold("x"):
            pass
        assert other.stdin is not None
        assert other.stdout is not None
        other.stdin.write("\n")
        other.stdin.flush()
        assert other.stdout.readline() == "freed\n"
        assert locks.is_free("x")


def test_a_stopped_process_still_holds_it_and_a_killed_one_does_not(any_store: OpenStore, locks: Locks) -> None:
    with holding(any_store, "x") as other:
        other.send_signal(signal.SIGSTOP)
        assert not locks.is_free("x")
        other.kill()
        other.wait()
        eventually(lambda: locks.is_free("x"))  # the server notices a moment later
        with locks.hold("x"):
            pass


def test_one_of_many_threads_gets_it(locks: Locks) -> None:
    together, inside, got = threading.Barrier(8), threading.Event(), list[str]()

    def grab(number: int) -> None:
        together.wait()
        try:
            with locks.hold("x"):
                got.append(f"held by {number}")
                inside.wait(10)
        except LeaseHeld:
            got.append("refused")
            if got.count("refused") == 7:
                inside.set()

    threads = [threading.Thread(target=grab, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got.count("refused") == 7
    assert locks.is_free("x")


def test_looking_whether_it_is_free_keeps_nobody_out(locks: Locks) -> None:
    stop, refused = threading.Event(), list[LeaseHeld]()

    def look() -> None:
        while not stop.is_set():
            locks.is_free("x")

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(200):
            try:
                with locks.hold("x"):
                    pass
            except LeaseHeld as error:
                refused.append(error)
    finally:
        stop.set()
        looking.join()
    assert refused == []


def test_a_program_that_the_holder_started_does_not_keep_the_lock(locks: Locks) -> None:
    """A browser outlives a killed worker by a moment."""
    with locks.hold("x"):
        child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, close_fds=False)
    try:
        eventually(lambda: locks.is_free("x"))  # the program's start closes what was the holder's
    finally:
        child.communicate()


def test_a_lock_file_can_be_waited_for(store: Path) -> None:
    place = OpenStore("sqlite", f"sqlite://{store}", store.parent)
    with holding(place, "x") as other:
        assert other.stdin is not None
        path = next((store.parent / "locks").glob("*.lock"))
        other.stdin.write("\n")
        other.stdin.flush()
        with process_lock(path, wait=True):
            assert not Locks(path.parent).is_free("x")


def test_a_lock_file_that_somebody_removed_is_no_longer_held(tmp_path: Path) -> None:
    locks = Locks(tmp_path)
    with locks.hold("x"):
        next(tmp_path.glob("*.lock")).unlink()
        assert not locks.still_held("x")
        with Locks(tmp_path).hold("x"):  # the danger itself: another holder comes in
            pass
        assert not locks.still_held("x")


def test_a_session_that_the_server_ended_takes_its_locks_with_it(postgres: PostgresServer, postgres_store: OpenStore) -> None:
    locks, name = AdvisoryLocks(postgres_store.home), postgres_store.url.rpartition("/")[2]
    with locks.hold("x"), locks.hold("y"):
        end_lock_sessions(postgres, name)
        assert not locks.still_held("x")
        assert locks.is_free("x")
        with pytest.raises(LeaseHeld, match="x is held by this process"), locks.hold("x"):
            raise AssertionError
        with locks.hold("z"):  # the next one is asked for in a new session
            assert locks.still_held("z")
            assert not locks.still_held("y")
            with holding(postgres_store, "x"):
                assert not locks.still_held("x")
    with locks.hold("x"):
        assert locks.still_held("x")


def test_a_server_that_was_started_anew_gives_locks_again(postgres: PostgresServer, postgres_store: OpenStore) -> None:
    locks = AdvisoryLocks(postgres_store.home)
    with locks.hold("x"):
        postgres.stop()
        assert not locks.still_held("x")
        with pytest.raises(StoreUnavailable, match="gives no session for locks"), locks.hold("y"):
            raise AssertionError
        postgres.start()
        assert not locks.still_held("x")
        with locks.hold("y"):
            assert locks.still_held("y")


def test_no_two_names_share_a_number() -> None:
    keys = {lock_key(f"act/ccee/register/R-{number}") for number in range(10_000)}
    assert len(keys) == 10_000
    assert all(-(1 << 63) <= key < 1 << 63 for key in keys)


def end_lock_sessions(postgres: PostgresServer, database: str) -> None:
    """End every session of the database that holds an advisory lock, as a server does whose client fell silent."""
    ended = postgres.ask(
        "SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a WHERE datname = "
        f"'{database}' AND EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND locktype = 'advisory')"
    )
    assert ended
