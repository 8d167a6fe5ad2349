"""Which files configure this installation; read by the settings, and by what must be known before them."""

from __future__ import annotations

import os
from pathlib import Path

DATA_FILES = {"breaks.toml", "deadlines.toml", "matching.toml", "triggers.toml"}
"""Rules that are data, read by what needs them."""


def configuration_folder() -> Path:
    """The folder of the configuration: RETAGUARDA_CONFIG_DIR, or `config` here."""
    return Path(os.environ.get("RETAGUARDA_CONFIG_DIR", "config"))


def configuration_files() -> list[Path]:
    """config/*.toml in name order, then the files that RETAGUARDA_CONFIG names (separated like a PATH)."""
    return [path for path in sorted(configuration_folder().glob("*.toml")) if path.name not in DATA_FILES] + named_files()


def named_files() -> list[Path]:
    """The files that RETAGUARDA_CONFIG names."""
    return [Path(name) for name in os.environ.get("RETAGUARDA_CONFIG", "").split(os.pathsep) if name]
