"""Settings: each source beats the one before it, and a key that nobody knows stops the start by its name and place."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest

from retaguarda.errors import ConfigurationError
from retaguarda.settings import load_settings
from retaguarda.store.connection import point_at


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty configuration folder, and no setting of this machine."""
    for name in os.environ:
        if name.startswith("RETAGUARDA_"):
            monkeypatch.delenv(name)
    folder = tmp_path / "config"
    folder.mkdir()
    monkeypatch.setenv("RETAGUARDA_CONFIG_DIR", str(folder))
    return folder


def test_without_any_file_the_defaults_hold() -> None:
    settings = load_settings()
    assert (settings.home, settings.output, settings.language) == (Path("output/state"), Path("output"), "pt-BR")
    assert (settings.deadlines.register_day, settings.portals, settings.clock.business_date) == (7, {}, None)
    assert settings.store_url.startswith("sqlite:///")


def test_each_source_beats_the_one_before_it(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().company == ""
    (config / "a.toml").write_text('company = "a"\n[deadlines]\nregister_day = 6\nhour = "17:00"\n')
    assert load_settings().company == "a"
    (config / "b.toml").write_text('company = "b"\n[deadlines]\nregister_day = 5\n')
    assert (load_settings().company, load_settings().deadlines.register_day, load_settings().deadlines.hour) == ("b", 5, "17:00")
    for name in ("one", "two"):
        (tmp_path / f"{name}.toml").write_text(f'company = "{name}"\n')
    monkeypatch.setenv("RETAGUARDA_CONFIG", os.pathsep.join(str(tmp_path / f"{name}.toml") for name in ("one", "two")))
    assert load_settings().company == "two"
    monkeypatch.setenv("RETAGUARDA_COMPANY", "environment")
    monkeypatch.setenv("RETAGUARDA_DEADLINES__REGISTER_DAY", "4")
    settings = load_settings()
    assert (settings.company, settings.deadlines.register_day, settings.deadlines.hour) == ("environment", 4, "17:00")
    assert load_settings(company="flag").company == "flag"
    monkeypatch.setenv("RETAGUARDA_COMPANY", "")
    assert load_settings().company == "two"


def test_tables_of_portals_are_merged_key_by_key(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (config / "portals.toml").write_text('[portals.ccee]\nurl = "https://a"\naccount = "1"\n[portals.bank]\nurl = "https://b"\n')
    monkeypatch.setenv("RETAGUARDA_PORTALS__CCEE__URL", "https://c")
    monkeypatch.setenv("RETAGUARDA_CLOCK__BUSINESS_DATE", "2026-11-11")
    settings = load_settings()
    assert (settings.portals["ccee"].url, settings.portals["ccee"].account) == ("https://c", "1")
    assert (settings.portals["bank"].url, settings.clock.business_date) == ("https://b", dt.date(2026, 11, 11))


def test_rules_that_are_data_are_no_settings(config: Path) -> None:
    (config / "matching.toml").write_text("anything = 1\n")
    load_settings()


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ('compani = "x"\n', "compani"),
        ("[deadlines]\nregister_dai = 7\n", "deadlines.register_dai"),
        ('[portals.ccee]\nurl = "https://a"\nmailboks = "x"\n', "portals.ccee.mailboks"),
        ("[browsr]\n", "browsr"),
        ("[deadlines]\nregister_day = true_\n".replace("true_", '"seven"'), "deadlines.register_day"),
        ('language = "fr"\n', "language"),
        ('[portals.ccee]\naccount = "1"\n', "portals.ccee.url"),
    ],
)
def test_a_key_that_is_unknown_wrong_or_missing_is_named_with_its_file(config: Path, content: str, key: str) -> None:
    (config / "good.toml").write_text('company = "x"\n')
    (config / "bad.toml").write_text(content)
    with pytest.raises(ConfigurationError, match=rf"^setting {key.replace('.', '[.]')}: ") as raised:
        load_settings()
    assert str(config / "bad.toml") in raised.value.remedy
    assert "good.toml" not in raised.value.remedy


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETAGUARDA_DEADLINES__REGISTER_DAY", "seven")
    with pytest.raises(ConfigurationError, match=r"deadlines\.register_day") as raised:
        load_settings()
    assert raised.value.remedy == "correct it in RETAGUARDA_DEADLINES__REGISTER_DAY"


@pytest.mark.parametrize("name", ["RETAGUARDA_COMPANI", "RETAGUARDA_BROWSR__PATH", "retaguarda_compani"])
def test_a_misspelt_variable_stops_the_start(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "x")
    with pytest.raises(ConfigurationError, match=f"unknown variable {name}"):
        load_settings()


def test_a_misspelt_key_of_a_variable_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETAGUARDA_BROWSER__PATHS", "x")
    with pytest.raises(ConfigurationError, match=r"setting browser\.paths"):
        load_settings()


def test_a_wrong_flag_is_named() -> None:
    with pytest.raises(ConfigurationError, match="setting language") as raised:
        load_settings(language="fr")
    assert raised.value.remedy == "correct it in the flag language"


@pytest.mark.parametrize("content", [b"company = ", b'company = "\xe7"\n', b"\x00"])
def test_a_file_that_is_no_toml_in_utf_8_is_named(config: Path, content: bytes) -> None:
    (config / "bad.toml").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"bad\.toml"):
        load_settings()


def test_a_file_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETAGUARDA_CONFIG", str(tmp_path / "missing.toml"))
    with pytest.raises(ConfigurationError, match=r"missing\.toml"):
        load_settings()


def test_a_table_in_a_variable_must_be_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETAGUARDA_PORTALS", "{wrong")
    with pytest.raises(ConfigurationError, match="portals"):
        load_settings()


def test_leases_and_the_store_are_set_like_everything_else(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (config / "store.toml").write_text('[store]\nurl = "postgresql://u@h/x"\ncredential = "store/x"\n[leases]\nrest_minutes = 5\n')
    monkeypatch.setenv("RETAGUARDA_LEASES__WAIT_SECONDS", "0")
    settings = load_settings()
    assert (settings.store_url, settings.store.credential) == ("postgresql://u@h/x", "store/x")
    assert (settings.leases.rest_minutes, settings.leases.wait_seconds) == (5, 0)
    monkeypatch.setenv("RETAGUARDA_LEASES__WAIT_SECONDS", "-1")
    with pytest.raises(ConfigurationError, match=r"setting leases\.wait_seconds"):
        load_settings()


def test_settings_are_frozen(config: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        setattr(load_settings(), "company", "x")  # noqa: B010  # the point is that it cannot


def test_an_open_store_does_not_stand_in_the_way_of_reading_the_settings_again(tmp_path: Path) -> None:
    point_at(f"sqlite://{tmp_path}/a.db")
    try:
        load_settings()
    finally:
        point_at("sqlite://:memory:")
