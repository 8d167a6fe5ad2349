"""A sample of the tamper campaign (bench/tamper.py runs it whole): every attack is found and named by both verifiers."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.audit.tamper import ATTACKS, Attack, Scene, by_the_independent_one, by_the_suite, made, unnoticed

SEEDS = 12


@pytest.fixture
def scene(store: Path, tmp_path: Path) -> Scene:
    return made(store.parent / "machine", tmp_path / "auditor", random.Random(1))


def test_a_clean_log_holds_for_both(scene: Scene) -> None:
    assert by_the_suite(scene) == by_the_independent_one(scene) == []


def test_every_attack_is_found_and_named_by_both_verifiers(scene: Scene, tmp_path: Path) -> None:
    assert len(ATTACKS) >= 12
    missed = [problem for attack in ATTACKS for seed in range(SEEDS) for problem in unnoticed(scene, attack, seed, tmp_path / "copy")]
    assert missed == []


def test_the_campaign_would_notice_an_attack_that_is_not_found(scene: Scene, tmp_path: Path) -> None:
    def nothing(scene: Scene, rng: random.Random) -> list[str]:
        return ["whatever"]

    attack: Attack = nothing
    assert len(list(unnoticed(scene, attack, 1, tmp_path / "copy"))) == 2
