"""robot.toml is checked when it is loaded: what it does not know stops the start by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from retaguarda.errors import BusinessError, ConfigurationError, Refused
from retaguarda.portal.manifest import Manifest, load_manifest

LEAST = 'name = "toy"\ntitle = "Toy"\nrobot = "ToyRobot"\ncapabilities = []\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "robot.toml"


def test_what_a_manifest_leaves_out_is_the_careful_choice(path: Path) -> None:
    path.write_text(LEAST)
    manifest = load_manifest(path)
    assert (manifest.maturity, manifest.lockout_attempts, manifest.quiet_seconds, manifest.submit.via) == ("draft", 1, 150, "fetch")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("quiet_secs = 3\n", "quiet_secs"),
        ('[pages]\nsigned = "Sair"\n', "pages.signed"),
        ('[[alerts]]\nsays = "x"\nmeans = "Refusd"\n', "Refusd is no error"),
        ('[[alerts]]\nsays = "x"\nmeans = "Disposition"\n', "Disposition is no error"),
        ('maturity = "wild"\n', "maturity"),
        ("lockout_attempts = 0\n", "lockout_attempts"),
        ('[submit]\nvia = "hope"\n', "submit.via"),
        ('[submit]\nguard = ["/act[12]"]\n', "is no path pattern"),
        ('[submit]\nguard = ["https://portal/act"]\n', "is no path pattern"),
        ("= 3", "cannot be read"),
    ],
)
def test_what_it_does_not_know_is_named_with_its_robot(path: Path, more: str, says: str) -> None:
    path.write_text(LEAST + more)
    with pytest.raises(ConfigurationError, match=says) as raised:
        load_manifest(path)
    assert path.parent.name in str(raised.value)


def test_a_manifest_that_is_not_there_is_named(path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_manifest(path)


def test_an_alert_becomes_its_error_with_the_portals_words() -> None:
    alerts = [{"says": r"inativo|n[ãa]o est[áa] ativo", "means": "Refused"}, {"says": "ativo", "means": "Conflict"}]
    manifest = Manifest.model_validate({"name": "t", "title": "T", "robot": "R", "capabilities": [], "alerts": alerts})
    error = manifest.error_for("O perfil não está ativo na CCEE")
    assert isinstance(error, Refused)
    assert isinstance(error, BusinessError)
    assert error.text == "O perfil não está ativo na CCEE"
    assert manifest.error_for("Outra coisa") is None
