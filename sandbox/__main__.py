"""Start the sandbox's portals, or print what they hold: `python -m sandbox up|truth --state DIR`."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import socket
import sys
import threading
import urllib.request
from pathlib import Path
from types import ModuleType
from typing import Any

from sandbox.clock import Clock
from sandbox.faults import BadFault, Faults
from sandbox.month import SUPPLY_MONTH, TODAY, build
from sandbox.nginx import NginxMissing
from sandbox.portal import Running, Sandbox

PORTALS = ("ccee", "bank_jatoba", "bank_cedro", "erp", "bank_ipe")


def main(arguments: list[str] | None = None) -> int:
    """The command line; answers the exit code (0 fine, 2 usage or faults that cannot be understood)."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="serve the portals until SIGTERM or SIGINT")
    up.add_argument("--state", type=Path, required=True, help="folder of the ground truth; kept over restarts")
    up.add_argument("--portals", default=",".join(PORTALS[:4]), help=f"comma-separated names of {', '.join(PORTALS)}")
    up.add_argument("--seed", type=int, default=42)
    up.add_argument("--port-base", type=int, default=18700, help="0: any free port for each portal")
    up.add_argument("--faults", type=Path, help="TOML file with [[fault]] tables")
    truth = commands.add_parser("truth", help="print what the portals hold, as JSON")
    truth.add_argument("--state", type=Path, required=True)
    options = parser.parse_args(arguments)
    try:
        return _up(options) if options.command == "up" else _truth(options.state)
    except (BadFault, FileNotFoundError, NginxMissing) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 2


def _up(options: argparse.Namespace) -> int:
    names = [name for name in options.portals.split(",") if name]
    if unknown := set(names) - set(PORTALS):
        raise BadFault(f"unknown portal: {', '.join(sorted(unknown))} (known: {', '.join(PORTALS)})")
    faults = Faults(PORTALS)
    if options.faults:
        faults.load(options.faults)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    options.state.mkdir(parents=True, exist_ok=True)
    (options.state / "ready.json").unlink(missing_ok=True)
    boxes, running = _start(names, options, faults)
    try:
        _announce(options.state, boxes, running)
        print(f"ready {options.state / 'ready.json'}", flush=True)
        stopping.wait()
    finally:
        (options.state / "ready.json").unlink(missing_ok=True)
        for portal in reversed(running):
            portal.stop()
    return 0


def _start(names: list[str], options: argparse.Namespace, faults: Faults) -> tuple[list[Sandbox], list[Running]]:
    """Start the portals in order; when one cannot start, those before it are stopped again."""
    month, clock, kept = build(options.seed), Clock(kept=options.state / "clock"), _kept_secrets(options.state)
    boxes: list[Sandbox] = []
    running: list[Running] = []
    for name in names:
        port = options.port_base + PORTALS.index(name) if options.port_base else _free_port()
        box = Sandbox(name, options.state.resolve(), port, month, options.seed, clock, faults, kept)
        try:
            running.append(_module(name).start(box))
        except BaseException:
            for portal in reversed(running):
                portal.stop()
            raise
        boxes.append(box)
    return boxes, running


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"sandbox.{name}.portal")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _kept_secrets(state: Path) -> dict[str, dict[str, str]]:
    path = state / "credentials.json"
    found: dict[str, dict[str, str]] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return found


def _announce(state: Path, boxes: list[Sandbox], running: list[Running]) -> None:
    """Write credentials.json, portals.toml and, last, ready.json."""
    _write(state / "credentials.json", json.dumps(boxes[0].secrets, indent=2, ensure_ascii=False))
    tables = []
    for box, portal in zip(boxes, running, strict=True):
        lines = {"url": portal.url, **box.config}
        tables.append("\n".join([f"[portals.{box.name}]", *(f"{key} = {_toml(value)}" for key, value in lines.items())]))
    _write(state / "portals.toml", "\n\n".join(tables) + "\n")
    portals = {box.name: {"url": portal.url} for box, portal in zip(boxes, running, strict=True)}
    ready = {"pid": os.getpid(), "portals": portals, "today": TODAY.isoformat(), "month": f"{SUPPLY_MONTH:%Y-%m}"}
    _write(state / "ready.json", json.dumps(ready, indent=2))


def _toml(value: object) -> str:
    """A value as TOML writes it on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(held)}" for key, held in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)


def _write(path: Path, text: str) -> None:
    """Write a file for its owner only, whole or not at all."""
    half = path.with_name(path.name + ".part")
    half.unlink(missing_ok=True)
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)


def _truth(state: Path) -> int:
    held: dict[str, Any] = {}
    urls = json.loads((state / "ready.json").read_text("utf-8"))["portals"] if (state / "ready.json").exists() else {}
    for name in PORTALS:
        if name in urls or (state / f"{name}.sqlite").exists():
            held[name] = _held(state, name, urls.get(name, {}).get("url", ""))
    json.dump(held, sys.stdout, indent=2, ensure_ascii=False)
    print()
    return 0


def _held(state: Path, name: str, url: str) -> Any:
    """What one portal holds: from its files where the portal knows how (`truth(state)`), else by asking it."""
    from_files = getattr(_module(name), "truth", None)
    if from_files:
        return from_files(state)
    with urllib.request.urlopen(f"{url}/_sandbox/truth", timeout=30) as answer:
        return json.load(answer)


if __name__ == "__main__":
    sys.exit(main())
