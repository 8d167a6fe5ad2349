"""The log's formats are the published ones: verifiers that others wrote accept what is true and refuse what is not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from retaguarda.audit.checkpoints import VerifierKey, decoded
from retaguarda.audit.log import AuditLog, root_text
from retaguarda.audit.merkle import root_of
from retaguarda.audit.tiles import write_tiles
from retaguarda.audit.witness import Witness
from retaguarda.clock import Clock
from tests.audit.logs import independently, sealed, tell
from tests.sandbox_fixtures import ROOT

GO_PACKAGES = Path("/usr/share/gocode")
"""Where Debian's golang-golang-x-mod-dev lies; requirements/setup.sh installs it."""
TLOG = ROOT / ".venv-tlog"
"""aics-tlog, apart from our own packages; requirements/setup.sh installs it."""


@pytest.fixture(scope="session")
def go_verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The verifier in Go, compiled once."""
    made = tmp_path_factory.mktemp("go") / "verify"
    environment = os.environ | {"GO111MODULE": "off", "GOPATH": str(GO_PACKAGES), "GOCACHE": str(made.parent / "cache"), "GOFLAGS": ""}
    go = shutil.which("go") or "/usr/lib/go/bin/go"
    source = Path(__file__).parent / "foreign" / "main.go"
    done = subprocess.run([go, "build", "-o", made, source], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture
def log(store: Path) -> AuditLog:
    """300 events, signed after 257 and after all: full and partial tiles on two levels."""
    return sealed(AuditLog(store.parent / "audit"), 257, 43)


def tiles(log: AuditLog, folder: Path) -> Path:
    assert write_tiles(log, folder) == log.last_note()[1]
    return folder


def by_go(verifier: Path, folder: Path, log: AuditLog, old: int = 0) -> subprocess.CompletedProcess[str]:
    vkey = (log.folder / "log.vkey").read_text().strip()
    before = root_text(root_of(log.leaf_hashes(old))) if old else "-"
    return subprocess.run([verifier, folder, vkey, str(old), before], capture_output=True, text=True, check=False)


AUDIT = """
import sys
from pathlib import Path
from aics_tlog import DirectoryTileStore, Note, audit_tiles, verify_checkpoint
from aics_tlog.checkpoint import checkpoint_from_note
from aics_tlog.note import parse_vkey

folder, log, *witnesses = sys.argv[1:]
checkpoint, note = checkpoint_from_note(Path(folder, "checkpoint").read_bytes())
result = verify_checkpoint(note, parse_vkey(log), [parse_vkey(key) for key in witnesses], quorum=len(witnesses))
if not result.ok:
    sys.exit(f"{result}")
print(checkpoint.size, audit_tiles(DirectoryTileStore(folder), checkpoint.size, checkpoint.root))
"""


def by_tlog(folder: Path, *keys: str) -> subprocess.CompletedProcess[str]:
    """What aics-tlog says of every tile, every entry and the signatures."""
    environment = os.environ | {"PYTHONPATH": str(TLOG)}
    return subprocess.run([sys.executable, "-c", AUDIT, folder, *keys], env=environment, capture_output=True, text=True, check=False)


def spoil(path: Path, place: int = 40) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("old", [0, 1, 256, 257, 299, 300])
def test_gos_checksum_database_packages_verify_every_event_and_that_the_log_only_grew(
    log: AuditLog, go_verifier: Path, tmp_path: Path, old: int
) -> None:
    done = by_go(go_verifier, tiles(log, tmp_path), log, old)
    assert (done.stderr, done.stdout) == ("", f"300 {root_text(root_of(log.leaf_hashes(300)))}\n")


@pytest.mark.parametrize(
    "file", ["checkpoint", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/44"]
)
def test_go_refuses_a_changed_byte(log: AuditLog, go_verifier: Path, tmp_path: Path, file: str) -> None:
    spoil(tiles(log, tmp_path) / file, 20)
    assert by_go(go_verifier, tmp_path, log).returncode == 1


def test_a_verifier_of_tlog_tiles_audits_the_whole_tree(log: AuditLog, tmp_path: Path) -> None:
    key = (log.folder / "log.vkey").read_text().strip()
    done = by_tlog(tiles(log, tmp_path), key)
    assert (done.returncode, done.stdout.partition(" ")[0]) == (0, "300"), done.stderr
    spoil(tmp_path / "tile" / "entries" / "000", 30)
    assert by_tlog(tmp_path, key).returncode == 1


def test_a_witnesss_signature_is_one_for_others_too(log: AuditLog, tmp_path: Path) -> None:
    key = (log.folder / "log.vkey").read_text().strip()
    witness = Witness(tmp_path / "witness", "witness.example/w1", [VerifierKey.parse(key)], Clock())
    note, _ = log.last_note()
    said = witness.add_checkpoint(f"old 0\n\n{note}".encode())
    assert said.status == 200
    checkpoint = tiles(log, tmp_path / "tiles") / "checkpoint"
    assert by_tlog(tmp_path / "tiles", key, witness.vkey.text()).returncode == 1, "not cosigned yet"
    checkpoint.write_bytes(note.encode() + said.body)
    done = by_tlog(tmp_path / "tiles", key, witness.vkey.text())
    assert done.returncode == 0, done.stderr


def test_the_independent_verifier_accepts_a_clean_log_and_shares_nothing_with_the_suite(log: AuditLog) -> None:
    code, said = independently(log.folder)
    assert (code, said.split(",")[0].strip()) == (0, "300 eventos (0 não mostrados)"), said
    assert decoded(root_text(root_of(log.leaf_hashes(300)))).hex() in said
    from retaguarda.audit import independent_path

    source = independent_path().read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 80
    assert "retaguarda" not in source.replace("independent.py", "")
    imported = {name for line in source.splitlines() if line.startswith(("import ", "from ")) for name in line[7:].split(", ")}
    assert imported <= sys.stdlib_module_names


def test_the_independent_verifier_names_what_is_wrong(log: AuditLog) -> None:
    tell(3)
    log.seal()
    segment = log.folder / "segments" / "000001.jsonl"
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join([*lines[:41], lines[41].replace(b'"amount":"41.00"', b'"amount":"99.00"'), *lines[42:]]))
    code, said = independently(log.folder)
    assert code == 1
    assert "000001.jsonl:42: evento 41 alterado" in said
    assert "a trilha até aqui não é a que checkpoints, nota 1 assina" in said
