"""robot.toml: what a robot may reach, what it can do and how its portal speaks."""

from __future__ import annotations

import fnmatch
import re
import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from retaguarda import errors

Maturity = Literal["draft", "supervised", "unattended"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Pages(_Strict):
    """Landmarks that every screen of the portal is told by."""

    signed_in: str = Field(default="", description="accessible name of a link or button that only a signed-in page has")
    login: str = Field(default="", description="heading of the sign-in page")
    maintenance: str = Field(default="", description="heading of the maintenance page")


class SubmitGuard(_Strict):
    """Which POSTs are acts: the kit lets none of them pass without a permit."""

    guard: tuple[str, ...] = ()
    via: Literal["fetch", "click"] = "fetch"
    match: str = ""

    def is_act(self, path: str, body: str) -> bool:
        """Whether a POST to `path` with `body` is an act of this portal."""
        return self.names(path) and (not self.match or re.search(self.match, body) is not None)

    def names(self, path: str) -> bool:
        """Whether the guard speaks of this path at all."""
        return any(fnmatch.fnmatchcase(path, pattern) for pattern in self.guard)

    @field_validator("guard")
    @classmethod
    def _simple_patterns(cls, guard: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [pattern for pattern in guard if "[" in pattern or not pattern.startswith(("/", "*"))]
        if wrong:
            raise ValueError(f"{wrong[0]} is no path pattern: it starts with / or *, and knows only * and ?")
        return guard


class Alert(_Strict):
    """What the portal says and which error that means; `says` is a regular expression."""

    says: str
    means: str

    @field_validator("means")
    @classmethod
    def _known_error(cls, name: str) -> str:
        found = getattr(errors, name, None)
        if not (isinstance(found, type) and issubclass(found, errors.RetaguardaError)):
            raise ValueError(f"{name} is no error of retaguarda.errors")
        return name

    def error(self, text: str) -> errors.RetaguardaError:
        made: errors.RetaguardaError = getattr(errors, self.means)(text)
        return made


class Manifest(_Strict):
    """A robot's manifest, checked when it is loaded: an unknown key stops the start."""

    name: str
    title: str
    robot: str
    capabilities: tuple[str, ...]
    maturity: Maturity = "draft"
    hosts: tuple[str, ...] = ()
    quiet_seconds: float = 150
    lockout_attempts: int = Field(default=1, ge=1)
    pace_ms: int = 0
    challenge_seconds: float = 60
    timeout_seconds: float = 15
    statement_days: int = Field(default=90, ge=2, description="days that one statement may span")
    history_days: int = Field(default=90, ge=1, description="days back that statements are kept on line")
    pages: Pages = Pages()
    submit: SubmitGuard = SubmitGuard()
    alerts: tuple[Alert, ...] = ()
    popups: dict[str, str] = {}

    def error_for(self, alert: str) -> errors.RetaguardaError | None:
        """The error that an alert's text means, or None when the manifest does not know it."""
        for known in self.alerts:
            if re.search(known.says, alert):
                return known.error(alert)
        return None


def load_manifest(path: Path) -> Manifest:
    """The manifest in `path`; ConfigurationError names the file, the key and what is wrong with it."""
    try:
        return Manifest.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise errors.ConfigurationError(f"{path.name} of {path.parent.name} cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise errors.ConfigurationError(f"{path.parent.name}/{path.name}: {where}: {first['msg']}") from error
