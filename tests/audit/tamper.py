"""Attacks on an audit log by whoever administers its machine and holds its key: each is repeated over many seeds.

The attacker rewrites the log, renumbers it, signs it anew and replaces whatever lies on the machine, its copies of anchors too.
What it cannot reach are the auditor's own: the witness's history and the keys.
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import functools
import hashlib
import io
import json
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction

from retaguarda.audit import events, independent_path
from retaguarda.audit.checkpoints import Checkpoint, VerifierKey, load_or_create_key, sign
from retaguarda.audit.evidence import EvidenceStore
from retaguarda.audit.files import NOTE_END
from retaguarda.audit.log import ORIGIN, AuditLog
from retaguarda.audit.merkle import Frontier, Tree, hiding, leaf_hash
from retaguarda.audit.verify import Trusted, verify
from retaguarda.audit.witness import Witness
from retaguarda.clock import Clock
from retaguarda.jobs.runs import Runs

Lines = list[bytes]
RUNS = ("one", "two", "three")


@dataclass
class Scene:
    """A log on its machine, and what the auditor keeps elsewhere."""

    home: Path
    auditor: Path
    key: str
    witness: str
    borders: list[int] = field(default_factory=list)
    """Sizes that the witness saw."""

    @property
    def log(self) -> Path:
        return self.home / "audit"

    @property
    def segment(self) -> Path:
        return self.log / "segments" / "000001.jsonl"

    def lines(self) -> Lines:
        return self.segment.read_bytes().splitlines()

    def copy(self, to: Path) -> Scene:
        """The machine as a copy to attack; the auditor's things are the same."""
        shutil.copytree(self.home, to)
        return Scene(to, self.auditor, self.key, self.witness, self.borders)

    def rewrite(self, lines: Lines, *, key: Ed25519PrivateKey | None = None, number: bool = True) -> None:
        """Write the log anew as its owner would have: numbered, with leaves and signed checkpoints at the sizes there were."""
        if number:
            lines = [line if line.startswith(b"~") else orjson.dumps({**orjson.loads(line), "seq": seq}) for seq, line in enumerate(lines)]
        self.segment.write_bytes(b"".join(line + b"\n" for line in lines))
        leaves = [base64.b64decode(line[1:]) if line.startswith(b"~") else leaf_hash(line) for line in lines]
        (self.log / "leaves").write_bytes(b"".join(leaves))
        key = key or load_or_create_key(self.log / "keys" / "log.key")
        tree, notes = Frontier(), []
        for size, leaf in enumerate(leaves, 1):
            tree.append_hash(leaf)
            if size in self.borders or size == len(leaves):
                notes.append(sign(Checkpoint(ORIGIN, size, tree.root()), key) + NOTE_END)
        (self.log / "checkpoints").write_text("".join(notes))
        (self.log / "log.vkey").write_text(VerifierKey(ORIGIN, key.public_key()).text() + "\n")
        shutil.rmtree(self.log / "anchors", ignore_errors=True)


def made(home: Path, auditor: Path, rng: random.Random, events_each: int = 8, rounds: int = 5) -> Scene:
    """A log with evidence in the store that is open: rounds of events, each sealed and witnessed."""
    log, evidence = AuditLog(home / "audit"), EvidenceStore(home / "evidence", Clock())
    runs = Runs(home / "output", Clock())
    records = [runs.create(f"process_{name}", {}) for name in RUNS]
    log.seal()
    key = (log.folder / "log.vkey").read_text().strip()
    witness = Witness(auditor.parent / "witness", "testemunha.example/w1", [VerifierKey.parse(key)], Clock())
    scene = Scene(home, auditor, key, witness.vkey.text())
    for turn in range(rounds):
        for number in range(rng.randint(2, events_each)):
            record = rng.choice(records)
            if rng.random() < 0.2:
                evidence.keep(record, "download", f"file-{turn}-{number}.ofx", rng.randbytes(50))
            with transaction.atomic():
                events.record("item.done", run=record.pk, item=f"BOL-{turn}-{number}", data={"amount": f"{rng.randint(1, 9999)}.00"})
        evidence.keep(records[0], "download", f"last-{turn}.ofx", rng.randbytes(50))
        log.seal()
        scene.borders.append(see(witness, log))
    auditor.mkdir(exist_ok=True)
    shutil.copy(witness.history(ORIGIN), auditor / "history")
    return scene


def see(witness: Witness, log: AuditLog) -> int:
    """Have the witness sign the newest checkpoint."""
    note, size = log.last_note()
    seen = witness.latest(ORIGIN)
    old = seen.size if seen else 0
    proof = "".join(base64.b64encode(node).decode() + "\n" for node in Tree(log.leaf_hashes(size)).consistency(old))
    answer = witness.add_checkpoint(f"old {old}\n{proof}\n{note}".encode())
    assert answer.status == 200, answer
    return size


# --- the attacks: each changes a copy of the machine, and says which words must name what is wrong ------------------------

Attack = Callable[[Scene, random.Random], list[str]]


def border(scene: Scene, touched: int) -> list[str]:
    """The place where the first anchor behind a touched event contradicts the log."""
    size = next(size for size in scene.borders if size > touched)
    return [f"000001.jsonl:{size}"]


def flip_a_byte_of_the_log(scene: Scene, rng: random.Random) -> list[str]:
    data = bytearray(scene.segment.read_bytes())
    place = rng.randrange(len(data))
    data[place] ^= 1 << rng.randrange(8)
    number = scene.segment.read_bytes()[:place].count(b"\n") + 1
    scene.segment.write_bytes(data)
    return [f"000001.jsonl:{number}"]


def flip_a_byte_of_any_file(scene: Scene, rng: random.Random) -> list[str]:
    files = [path for path in scene.home.rglob("*") if path.is_file() and path.parts[-2] != "keys" and path.stat().st_size]
    files = [path for path in files if path.suffix not in {".lock", ".db"} and "output" not in path.parts]
    path = rng.choice(sorted(files))
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.chmod(0o640)
    path.write_bytes(data)
    return [path.name, "leaves", "sem assinatura", "assinatura ausente", "log.vkey", "nothing vouches"]


def delete_the_newest(scene: Scene, rng: random.Random) -> list[str]:
    lines = scene.lines()
    scene.rewrite(lines[: -rng.randint(1, 3)])
    return ["its end is missing", f"o último ponto assinado {len(lines)}"]


def drop_one_in_the_middle(scene: Scene, rng: random.Random) -> list[str]:
    lines = scene.lines()
    place = rng.randrange(len(lines) - 1)
    scene.rewrite(lines[:place] + lines[place + 1 :])
    return [*border(scene, place), "its end is missing", "o último ponto assinado"]


def drop_a_whole_run(scene: Scene, rng: random.Random) -> list[str]:
    lines, gone = scene.lines(), rng.choice(sorted({json.loads(line)["run"] for line in scene.lines()}))
    first = next(number for number, line in enumerate(lines) if json.loads(line)["run"] == gone)
    scene.rewrite([line for line in lines if json.loads(line)["run"] != gone])
    return [*border(scene, first), "its end is missing", "o último ponto assinado"]


def swap_two(scene: Scene, rng: random.Random) -> list[str]:
    lines = scene.lines()
    first, second = sorted(rng.sample(range(len(lines)), 2))
    lines[first], lines[second] = lines[second], lines[first]
    scene.rewrite(lines)
    return border(scene, first)


def insert_a_forged_one(scene: Scene, rng: random.Random) -> list[str]:
    lines = scene.lines()
    place = rng.randrange(len(lines))
    lines.insert(place, orjson.dumps({**orjson.loads(lines[place]), "id": rng.randbytes(16).hex(), "actor": "Mallory"}))
    scene.rewrite(lines)
    return border(scene, place)


def edit_a_field(scene: Scene, rng: random.Random) -> list[str]:
    lines = scene.lines()
    place = rng.randrange(len(lines))
    lines[place] = orjson.dumps({**orjson.loads(lines[place]), "actor": "Mallory"})
    scene.rewrite(lines)
    return border(scene, place)


def write_the_same_in_other_words(scene: Scene, rng: random.Random) -> list[str]:
    lines = scene.lines()
    place = rng.randrange(len(lines))
    lines[place] = json.dumps(json.loads(lines[place])).encode()
    scene.rewrite(lines, number=False)
    return border(scene, place)


def rechain_with_a_forged_history(scene: Scene, rng: random.Random) -> list[str]:
    lines = scene.lines()
    place = rng.randrange(len(lines))
    forged = [orjson.dumps({**orjson.loads(line), "actor": "Mallory", "id": rng.randbytes(16).hex()}) for line in lines[place:]]
    scene.rewrite(lines[:place] + forged)
    return border(scene, place)


def swap_a_download(scene: Scene, rng: random.Random) -> list[str]:
    path = rng.choice(sorted(path for path in (scene.home / "evidence").rglob("*") if path.is_file()))
    path.chmod(0o640)
    path.write_bytes(rng.randbytes(50))
    return [path.name]


def swap_a_download_and_its_event(scene: Scene, rng: random.Random) -> list[str]:
    lines = scene.lines()
    place = rng.choice([number for number, line in enumerate(lines) if b'"evidence.kept"' in line])
    event, data = orjson.loads(lines[place]), rng.randbytes(50)
    sha256 = hashlib.sha256(data).hexdigest()
    path = scene.home / "evidence" / sha256[:2] / sha256
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    lines[place] = orjson.dumps({**event, "data": {**event["data"], "sha256": sha256}})
    scene.rewrite(lines)
    return border(scene, place)


def remove_a_download(scene: Scene, rng: random.Random) -> list[str]:
    path = rng.choice(sorted(path for path in (scene.home / "evidence").rglob("*") if path.is_file()))
    path.unlink()
    return [path.name]


def roll_the_clock_back(scene: Scene, rng: random.Random) -> list[str]:
    """New events, truly appended and signed, that say to be older than what the witness saw before them."""
    lines = scene.lines()
    past = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=rng.randint(400, 10**6))
    forged = {**orjson.loads(lines[-1]), "ts": past.isoformat(), "id": rng.randbytes(16).hex()}
    scene.rewrite([*lines, orjson.dumps(forged)])
    return [f"000001.jsonl:{len(lines) + 1}"]


def restore_an_old_backup(scene: Scene, rng: random.Random) -> list[str]:
    size = rng.choice(scene.borders[:-1])
    scene.rewrite(scene.lines()[:size])
    return ["its end is missing", "o último ponto assinado"]


def restore_and_go_on(scene: Scene, rng: random.Random) -> list[str]:
    """An old backup, filled up with other events until it is as long as before."""
    size, lines = rng.choice(scene.borders[:-1]), scene.lines()
    forged = [orjson.dumps({**orjson.loads(line), "id": rng.randbytes(16).hex(), "item": "BOL-X"}) for line in lines[size:]]
    scene.rewrite(lines[:size] + forged)
    return border(scene, size)


def begin_anew_under_another_key(scene: Scene, rng: random.Random) -> list[str]:
    lines = scene.lines()
    lines[rng.randrange(len(lines))] = orjson.dumps({**orjson.loads(lines[0]), "actor": "Mallory"})
    scene.rewrite(lines, key=Ed25519PrivateKey.from_private_bytes(rng.randbytes(32)))
    return ["log.vkey", "assinatura ausente ou desconhecida"]


def hide_an_event(scene: Scene, rng: random.Random) -> list[str]:
    """Replace an event by its hash, as an erasure does, and tell nobody."""
    lines = scene.lines()
    place = rng.randrange(len(lines))
    lines[place] = hiding(lines[place])
    scene.segment.write_bytes(b"".join(line + b"\n" for line in lines))
    return [f"000001.jsonl:{place + 1}"]


def fork_the_checkpoints(scene: Scene, rng: random.Random) -> list[str]:
    """A second signed root for a size that there is: another log, shown to somebody else."""
    size = rng.choice(scene.borders)
    key = load_or_create_key(scene.log / "keys" / "log.key")
    with (scene.log / "checkpoints").open("a") as file:
        file.write(sign(Checkpoint(ORIGIN, size, rng.randbytes(32)), key) + NOTE_END)
    return [f"000001.jsonl:{size}"]


ATTACKS: tuple[Attack, ...] = (
    flip_a_byte_of_the_log,
    flip_a_byte_of_any_file,
    delete_the_newest,
    drop_one_in_the_middle,
    drop_a_whole_run,
    swap_two,
    insert_a_forged_one,
    edit_a_field,
    write_the_same_in_other_words,
    rechain_with_a_forged_history,
    swap_a_download,
    swap_a_download_and_its_event,
    remove_a_download,
    roll_the_clock_back,
    restore_an_old_backup,
    restore_and_go_on,
    begin_anew_under_another_key,
    hide_an_event,
    fork_the_checkpoints,
)


# --- both verifiers, in this process --------------------------------------------------------------------------------------


def by_the_suite(scene: Scene) -> list[str]:
    return verify(scene.log, scene.home / "evidence", Trusted(scene.auditor, scene.key, [scene.witness])).problems


@functools.cache
def _code() -> Any:
    return compile(independent_path().read_text(encoding="utf-8"), "independent.py", "exec")


@functools.cache
def _holds() -> Any:
    names: dict[str, Any] = {"__name__": "independent"}
    exec(_code(), names)
    return functools.cache(names["holds"])  # the same signature is not computed twice in a campaign


def by_the_independent_one(scene: Scene) -> list[str]:
    names: dict[str, Any] = {"__name__": "independent"}
    exec(_code(), names)
    names["holds"] = _holds()
    with contextlib.redirect_stdout(io.StringIO()):
        names["main"](str(scene.log), str(scene.auditor), scene.key, scene.witness)
    return list(names["BAD"])


def unnoticed(scene: Scene, attack: Attack, seed: int, folder: Path) -> Iterator[str]:
    """Attack a copy of the scene; tells which verifier did not notice, or did not name what is wrong."""
    rng, copy = random.Random(f"{attack.__name__}/{seed}"), scene.copy(folder)
    try:
        named = attack(copy, rng)
        for who, verifier in (("suite", by_the_suite), ("independent", by_the_independent_one)):
            problems = verifier(copy)
            if not problems:
                yield f"{attack.__name__}/{seed}: {who} noticed nothing"
            elif not any(word in problem for word in named for problem in problems):
                yield f"{attack.__name__}/{seed}: {who} named {problems[:2]}, not {named}"
    finally:
        shutil.rmtree(folder)
