"""Takes out of a trace what it must not hold: Playwright records passwords, cookies and headers as they were sent."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from retaguarda.redaction import MASK, redactor

HEADERS = frozenset({"cookie", "set-cookie", "authorization", "proxy-authorization", "x-csrf-token"})
RECORDS = (".trace", ".network", ".stacks")


def scrub(path: Path) -> None:
    """Write the trace anew without cookies, sensitive headers and known secrets; what cannot be cleaned is left out.

    A file that is no trace is deleted: nothing is kept that was not looked at.
    """
    temporary = path.with_name(f".{path.name}.new")
    try:
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as new:
            for name, data in _cleaned(old):
                new.writestr(name, data)
    except (OSError, zipfile.BadZipFile):
        temporary.unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        return
    temporary.replace(path)


def _cleaned(old: zipfile.ZipFile) -> Iterator[tuple[str, bytes]]:
    for member in old.infolist():
        data = old.read(member)
        if member.filename.endswith(RECORDS):
            data = b"\n".join(map(_record, data.split(b"\n")))
        data = redactor.clean_bytes(data)
        if not redactor.found_in(data):
            yield redactor.clean(member.filename), data


def _record(line: bytes) -> bytes:
    """A line of JSON without cookies and without the values of sensitive headers."""
    try:
        return json.dumps(_bare(json.loads(line)), ensure_ascii=False, separators=(",", ":")).encode() if line else line
    except ValueError:
        return b""


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        if str(value.get("name", "")).lower() in HEADERS and "value" in value:
            return value | {"value": MASK}
        return {key: [] if key == "cookies" else MASK if key.lower() in HEADERS else _bare(inner) for key, inner in value.items()}
    return [_bare(inner) for inner in value] if isinstance(value, list) else value
