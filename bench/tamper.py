"""The tamper campaign: `python -m bench.tamper --seeds 1000`.

Every attack of tests/audit/tamper.py, by an administrator who holds the log's key, over so many seeds; each must be found and
named by the suite's verifier and by the independent one. Then so many clean logs, at every length they grow through, with no
false alarm. Exits 1, naming attack and seed, when one is missed.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from retaguarda.store.connection import connect, set_up

SCENES_EACH = 50
"""Seeds that are played on one log before another is made."""


def main() -> int:
    """Play the campaign that the command line asks for and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many seeds an attack, and how many clean logs")
    parser.add_argument("--attack", default="", help="only attacks whose name holds this, and no clean logs")
    asked = parser.parse_args()
    set_up()
    with tempfile.TemporaryDirectory() as folder:
        return campaign(asked.seeds, Path(folder), asked.attack)


def campaign(seeds: int, folder: Path, only: str) -> int:
    """Attacks, then clean logs; the exit code."""
    from tests.audit.tamper import ATTACKS, Scene, made, unnoticed

    began, missed, scenes = time.perf_counter(), list[str](), list[Scene]()
    for number in range(-(-seeds // SCENES_EACH)):
        connect(f"sqlite://{folder}/store-{number}.db")
        scenes.append(made(folder / f"machine-{number}", folder / f"place-{number}" / "auditor", random.Random(number)))
    attacks = [attack for attack in ATTACKS if only in attack.__name__]
    for attack in attacks:
        found = [one for seed in range(seeds) for one in unnoticed(scenes[seed // SCENES_EACH], attack, seed, folder / "copy")]
        print(f"{attack.__name__:32} {seeds:6} seeds, {len(found)} missed", flush=True)
        missed += found
    alarms = [] if only else clean(seeds, folder)
    if not only:
        print(f"{'clean logs':32} {seeds:6} logs,  {len(alarms)} false alarms")
    print(*[*missed, *alarms][:20], sep="\n")
    print(f"{len(attacks)} attacks × {seeds} seeds, both verifiers: {time.perf_counter() - began:.0f} s")
    return 1 if missed or alarms else 0


def clean(count: int, folder: Path) -> list[str]:
    """Problems that a verifier has with a log that nobody touched, at each of so many lengths."""
    from retaguarda.audit.checkpoints import VerifierKey
    from retaguarda.audit.log import ORIGIN, AuditLog
    from retaguarda.audit.witness import Witness
    from retaguarda.clock import Clock
    from tests.audit.logs import tell
    from tests.audit.tamper import Scene, by_the_independent_one, by_the_suite, see

    connect(f"sqlite://{folder}/clean.db")
    rng, log, auditor = random.Random(0), AuditLog(folder / "clean" / "audit"), folder / "clean-auditor"
    tell(1)
    log.seal()
    key = (log.folder / "log.vkey").read_text().strip()
    witness = Witness(folder / "clean-witness", "testemunha.example/w1", [VerifierKey.parse(key)], Clock())
    scene, alarms = Scene(folder / "clean", auditor, key, witness.vkey.text()), list[str]()
    auditor.mkdir()
    for _ in range(count):
        tell(rng.randint(1, 4))
        log.seal()
        see(witness, log)
        (auditor / "history").write_bytes(witness.history(ORIGIN).read_bytes())
        alarms += [*by_the_suite(scene), *by_the_independent_one(scene)]
    return alarms


if __name__ == "__main__":
    sys.exit(main())
