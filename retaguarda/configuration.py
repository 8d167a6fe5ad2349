"""Which files configure this installation; read by the settings, and by what must be known before them."""

from __future__ import annotations

import os
from pathlib import Path

DATA_FILES = {"classes.toml"}
"""Rules that are data, read by the task that needs them."""


def configuration_files() -> list[Path]:
    """config/*.toml in name order, then the files that RETAGUARDA_CONFIG names (separated like a PATH)."""
    folder = Path(os.environ.get("RETAGUARDA_CONFIG_DIR", "config"))
    named = [Path(name) for name in os.environ.get("RETAGUARDA_CONFIG", "").split(os.pathsep) if name]
    return [path for path in sorted(folder.glob("*.toml")) if path.name not in DATA_FILES] + named
