"""Environments of their own for what is measured or used beside the product: pinned, under the user's cache, made anew for other pins."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

CACHE = Path("~/.cache/retaguarda").expanduser()


def environment(name: str, pins: tuple[str, ...], *, alone: bool = True) -> str:
    """The interpreter of an environment with exactly these packages; without `alone` what this one has can be imported too."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    told = hashlib.sha256("\n".join((version, *pins)).encode()).hexdigest()[:12]
    folder = CACHE / f"{name}-{told}"
    python, made = folder / "bin" / "python", folder / "made"
    if not made.exists():
        print(f"{folder}: installing {', '.join(pins)}", file=sys.stderr, flush=True)
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *pins], check=True)
        made.touch()
    if not alone:  # each time: the checkout that made the environment may be gone
        site = next(folder.glob("lib/python*/site-packages"))
        ours = [path for path in sys.path if path.endswith("site-packages")]
        (site / "ours.pth").write_text("\n".join([str(Path.cwd()), *ours, ""]), encoding="utf-8")
    return str(python)
