"""What happened, provably: events, an append-only log with signed checkpoints, evidence by hash, and a verifier."""

from pathlib import Path


def independent_path() -> Path:
    """The verifier that stands alone: one file to hand over; it is run, never imported."""
    return Path(__file__).with_name("independent.py")
