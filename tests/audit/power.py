"""Power cuts, replayed from a trace of system calls: at any call, whatever was not flushed yet may be kept, lost or torn.

The model is as hard as POSIX allows. Of a file only what `fsync` or `fdatasync` covered is sure; each block of 4 KiB of later writes is
kept, lost or torn by itself, and so is a change of length. A name is sure once its folder was flushed; until then some of the folder's
later changes, in their order, may be gone. A rename happens or does not.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from retaguarda.errors import RetaguardaError
from retaguarda.store.connection import point_at
from tests.audit.disk import ROOT, agreement, copied, held

BLOCK = 4096
CALLS = "openat,close,write,pwrite64,lseek,ftruncate,rename,link,linkat,unlink,fsync,fdatasync,mkdir,dup,dup2,fcntl"
_LINE = re.compile(r"^\d+\s+(\w+)\((.*)\)\s+= (-?\d+)", re.DOTALL)
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_FD = re.compile(r"^(\d+)<((?:\\x[0-9a-f]{2})*)>")


@dataclass
class Inode:
    """A file: what is surely on the disk, and what was done since."""

    sure: bytearray = field(default_factory=bytearray)
    now: bytearray = field(default_factory=bytearray)
    since: list[tuple[int, bytes]] = field(default_factory=list)
    """Writes as (offset, data); a change of length as (length, b"")."""

    def write(self, offset: int, data: bytes) -> None:
        self.since.append((offset, data))
        _put(self.now, offset, data)

    def truncate(self, length: int) -> None:
        self.since.append((length, b""))
        _cut(self.now, length)

    def flushed(self) -> None:
        self.sure, self.since = bytearray(self.now), []

    def after_a_cut(self, rng: random.Random) -> bytes:
        """A state that the disk may be in."""
        found = bytearray(self.sure)
        for offset, data in self.since:
            if not data:
                if rng.random() < 0.5:
                    _cut(found, offset)
                continue
            for start, part in _blocks(offset, data):
                fate = rng.random()
                if fate < 0.6:
                    _put(found, start, part if fate < 0.5 else part[: rng.randrange(len(part))])
        return bytes(found)


@dataclass
class Disk:
    """The files under a folder, as calls change them."""

    home: str
    names: dict[str, Inode] = field(default_factory=dict)
    sure: dict[str, Inode] = field(default_factory=dict)
    changes: list[tuple[str, str, Inode | None]] = field(default_factory=list)
    """Names that were made, replaced or removed, and are not sure yet: (folder, name, what it names)."""
    folders: dict[str, bool] = field(default_factory=dict)
    """Folders that were made, and whether their own name is sure."""
    said: list[str] = field(default_factory=list)
    _open: dict[int, tuple[Inode, int, bool]] = field(default_factory=dict)
    """Descriptors of files: (file, offset, whether it appends)."""

    def begin(self, path: Path) -> None:
        """A file that was there, and sure, before."""
        inode = Inode(bytearray(path.read_bytes()), bytearray(path.read_bytes()))
        self.names[str(path)] = self.sure[str(path)] = inode

    def name(self, path: str, inode: Inode | None) -> None:
        self.changes.append((os.path.dirname(path), path, inode))  # noqa: PTH120  # paths of a trace are texts
        if inode is None:
            self.names.pop(path, None)
        else:
            self.names[path] = inode

    def happened(self, call: str, arguments: str, result: int) -> bool:
        """Take in a call; whether it touched the folder or said something."""
        if result < 0:
            return False
        act = getattr(self, f"_{call}", None)
        return bool(act and act(arguments, result))

    def _openat(self, arguments: str, fd: int) -> bool:
        path, flags = _texts(arguments)[0], arguments
        self._open.pop(fd, None)
        if not path.startswith(self.home) or "O_DIRECTORY" in flags or path in self.folders or path == self.home:
            return False
        inode = self.names.get(path)
        if inode is None:
            if "O_CREAT" not in flags:
                return False
            inode = Inode()
            self.name(path, inode)
        if "O_TRUNC" in flags and inode.now:
            inode.truncate(0)
        self._open[fd] = (inode, 0, "O_APPEND" in flags)
        return True

    def _close(self, arguments: str, _result: int) -> bool:
        return self._open.pop(_fd(arguments)[0], None) is not None

    def _write(self, arguments: str, count: int) -> bool:
        fd, path = _fd(arguments)
        data = _bytes(arguments)[0][:count]
        if fd == 1:
            self.said += data.decode().split()
            return True
        if fd not in self._open or not path.startswith(self.home):
            return False
        inode, offset, appends = self._open[fd]
        offset = len(inode.now) if appends else offset
        inode.write(offset, data)
        self._open[fd] = (inode, offset + count, appends)
        return True

    def _pwrite64(self, arguments: str, count: int) -> bool:
        fd = _fd(arguments)[0]
        if fd not in self._open:
            return False
        self._open[fd][0].write(int(arguments.rpartition(", ")[2]), _bytes(arguments)[0][:count])
        return True

    def _lseek(self, arguments: str, offset: int) -> bool:
        fd = _fd(arguments)[0]
        if fd in self._open:
            inode, _, appends = self._open[fd]
            self._open[fd] = (inode, offset, appends)
        return False

    def _ftruncate(self, arguments: str, _result: int) -> bool:
        fd = _fd(arguments)[0]
        if fd not in self._open:
            return False
        self._open[fd][0].truncate(int(arguments.rpartition(", ")[2]))
        return True

    def _rename(self, arguments: str, _result: int) -> bool:
        before, after = _texts(arguments)[:2]
        inode = self.names.get(before)
        if inode is None:
            return False
        del self.names[before]
        self.name(after, inode)
        self.changes[-1:] = [(*self.changes[-1][:2], inode), (os.path.dirname(before), before, None)]  # noqa: PTH120
        return True

    def _link(self, arguments: str, _result: int) -> bool:
        before, after = _texts(arguments)[:2]
        if before in self.names:
            self.name(after, self.names[before])
        return before in self.names

    _linkat = _link

    def _unlink(self, arguments: str, _result: int) -> bool:
        path = _texts(arguments)[0]
        if path not in self.names:
            return False
        self.name(path, None)
        return True

    def _mkdir(self, arguments: str, _result: int) -> bool:
        path = _texts(arguments)[0]
        if not path.startswith(f"{self.home}/"):
            return False
        self.folders[path] = False
        return True

    def _fsync(self, arguments: str, _result: int) -> bool:
        fd, path = _fd(arguments)
        if path == self.home or path in self.folders:
            for folder, name, inode in [change for change in self.changes if change[0] == path]:
                self.sure.pop(name, None) if inode is None else self.sure.update({name: inode})
                self.changes.remove((folder, name, inode))
            self.folders |= {made: True for made in self.folders if os.path.dirname(made) == path}  # noqa: PTH120
            return True
        if fd not in self._open:
            return False
        self._open[fd][0].flushed()
        return True

    _fdatasync = _fsync

    def after_a_cut(self, rng: random.Random, to: Path) -> None:
        """Write a state that the disk may be in into a folder; memory that processes shared is gone with them."""
        names, pending = dict(self.sure), list(self.changes)
        for folder in {change[0] for change in pending}:
            mine = [change for change in pending if change[0] == folder]
            for _, name, inode in mine[: rng.randint(0, len(mine))]:
                names.pop(name, None) if inode is None else names.update({name: inode})
        gone = [folder for folder, sure in self.folders.items() if not sure and rng.random() < 0.5]
        for name, inode in names.items():
            if name.endswith("-shm") or any(name.startswith(f"{folder}/") for folder in gone):
                continue
            path = to / name[len(self.home) + 1 :]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(inode.after_a_cut(rng))


def recorded(template: Path, home: Path, count: int, mutant: str = "") -> tuple[Disk, list[tuple[str, str, int]]]:
    """A run under strace: the disk as it was before it, and every call."""
    copied(template, home)
    disk = Disk(str(home))
    disk.begin(home / "retaguarda.db")
    trace = home / "trace"
    command = ["strace", "-f", "-qq", "-y", "-xx", "-s", "4000000", "-o", str(trace), "-e", f"trace={CALLS}"]
    command += [sys.executable, "-m", "tests.audit.sealing", str(home), str(count), *([mutant] if mutant else [])]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    calls = [(found[1], found[2], int(found[3])) for line in trace.read_text(encoding="ascii").splitlines() if (found := _LINE.match(line))]
    return disk, calls


def cut(disk: Disk, calls: Sequence[tuple[str, str, int]], rng: random.Random, to: Path, moments: int, each: int) -> Iterator[str]:
    """What is wrong in the states that power cuts at so many moments, drawn at random, may leave, `each` states a moment."""
    touched = [number for number, call in enumerate(calls) if call[0] not in {"openat", "close", "lseek"}]
    chosen, position = sorted(rng.sample(touched, min(moments, len(touched)))), 0
    for moment in chosen:
        for call, arguments, result in calls[position : moment + 1]:
            disk.happened(call, arguments, result)
        position = moment + 1
        for number in range(each):
            home = to / f"cut-{moment}-{number}"
            home.mkdir(parents=True)
            disk.after_a_cut(rng, home)
            yield from (f"power cut after call {moment}, state {number}: {problem}" for problem in wrong(home, disk.said))


def wrong(home: Path, said: list[str]) -> Iterator[str]:
    """What is wrong with a state: acknowledged and lost, disagreeing, or not to be gone on with."""
    point_at(f"sqlite://{home / 'retaguarda.db'}")
    try:
        sealed = {f"state-{one.partition('-')[2]}" for one in said if one.startswith("sealed-")}
        if lost := sealed - set(held(home)):
            yield f"sealed, acknowledged and lost: {sorted(lost)}"
        yield from agreement(home, said)
    except RetaguardaError as error:
        yield f"it does not go on: {error.text}"
    finally:
        point_at("sqlite://:memory:")


def _put(to: bytearray, offset: int, data: bytes) -> None:
    if len(to) < offset:
        to.extend(bytes(offset - len(to)))
    to[offset : offset + len(data)] = data


def _cut(of: bytearray, length: int) -> None:
    del of[length:]
    of.extend(bytes(length - len(of)))


def _blocks(offset: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    start = 0
    while start < len(data):
        end = min(len(data), start + BLOCK - (offset + start) % BLOCK)
        yield offset + start, data[start:end]
        start = end


def _bytes(arguments: str) -> list[bytes]:
    return [bytes.fromhex(found.replace("\\x", "")) for found in _TEXT.findall(arguments)]


def _texts(arguments: str) -> list[str]:
    return [found.decode() for found in _bytes(arguments)]


def _fd(arguments: str) -> tuple[int, str]:
    found = _FD.match(arguments)
    return (int(found[1]), bytes.fromhex(found[2].replace("\\x", "")).decode()) if found else (-1, "")
