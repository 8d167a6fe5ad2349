"""A robot: it looks and presses at one portal, and never decides."""

from __future__ import annotations

import inspect
from functools import cache
from pathlib import Path
from typing import ClassVar

from retaguarda.model.secrets import Credential
from retaguarda.portal.manifest import Manifest, load_manifest
from retaguarda.portal.session import Session


class Robot:
    """Base of every robot; its manifest is the robot.toml beside its module."""

    name: ClassVar[str] = ""

    def __init__(self, session: Session) -> None:
        self.session = session

    @classmethod
    def manifest(cls) -> Manifest:
        return _manifest_of(Path(inspect.getfile(cls)).with_name("robot.toml"))

    def sign_in(self, credential: Credential) -> None:
        """Enter the portal; CredentialRefused is never tried again, because accounts lock."""
        raise NotImplementedError(type(self).__name__)

    def sign_out(self) -> None:
        """Leave the portal; many block the next sign-in of a user who did not."""


@cache
def _manifest_of(path: Path) -> Manifest:
    return load_manifest(path)
