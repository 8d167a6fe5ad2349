"""The vault: nothing in plain text on disk, nothing swapped, nothing opened by another key, and every trouble in words."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import keyring
import keyring.backend
import keyring.errors
import pytest

from retaguarda.errors import ConfigurationError, VaultUnavailable
from retaguarda.redaction import redactor
from retaguarda.settings import VaultSettings
from retaguarda.vault import Vault, open_vault
from tests.house import KEY

ENTRY = {"user": "robo", "password": "canary-pässword-1", "totp": "GEZDGNBVGY3TQOJQ"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "vault.json"


@pytest.fixture
def vault(path: Path) -> Vault:
    vault = Vault(path, KEY)
    vault.put("ccee/robo", ENTRY)
    return vault


@pytest.fixture(autouse=True)
def _no_key_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RETAGUARDA_VAULT_KEY", raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


def test_what_is_put_in_comes_out(vault: Vault, path: Path) -> None:
    credential = Vault(path, KEY).credential("ccee/robo")
    assert (credential.name, credential.user) == ("ccee/robo", "robo")
    assert {name: credential.secret(name).reveal() for name in credential.secrets} == {k: v for k, v in ENTRY.items() if k != "user"}
    vault.put("ccee/robo", {"user": "outro", "password": "x"})
    vault.put("bank/robo", {"user": "op"})
    assert vault.names() == ["bank/robo", "ccee/robo"]
    assert vault.entry("ccee/robo") == {"user": "outro", "password": "x"}


def test_no_secret_stands_on_the_disk(vault: Vault, path: Path) -> None:
    content = b"".join(file.read_bytes() for file in path.parent.rglob("*") if file.is_file())
    for value in (ENTRY["password"], ENTRY["totp"], "canary", base64.b64encode(ENTRY["password"].encode()).decode()):
        assert value.encode() not in content
    assert path.stat().st_mode & 0o777 == 0o600


def test_reading_a_credential_teaches_the_redactor_and_never_the_user(vault: Vault) -> None:
    vault.credential("ccee/robo")
    assert redactor.clean("robo canary-pässword-1 GEZDGNBVGY3TQOJQ") == "robo *** ***"


def test_the_same_entry_is_never_sealed_the_same_way(vault: Vault, path: Path) -> None:
    before = path.read_bytes()
    vault.put("ccee/robo", ENTRY)
    assert path.read_bytes() != before


def test_an_unknown_name_says_how_to_set_it(vault: Vault) -> None:
    with pytest.raises(ConfigurationError, match="no credential 'ccee/outro'") as raised:
        vault.credential("ccee/outro")
    assert raised.value.remedy == "retaguarda vault set ccee/outro"


def test_another_key_a_swapped_entry_and_a_flipped_bit_do_not_open(vault: Vault, path: Path) -> None:
    with pytest.raises(VaultUnavailable, match="does not open"):
        Vault(path, bytes(32)).credential("ccee/robo")
    vault.put("bank/robo", {"user": "op", "password": "canary-bank"})
    whole = json.loads(path.read_text())
    spoilt: list[Any] = [whole["entries"]["bank/robo"]]
    raw = bytearray(base64.b64decode(whole["entries"]["ccee/robo"]))
    raw[20] ^= 1
    spoilt += [base64.b64encode(raw).decode(), "AAAA", "não é base64", "", 7]
    for entry in spoilt:
        path.write_text(json.dumps({"version": 1, "entries": whole["entries"] | {"ccee/robo": entry}}))
        with pytest.raises(VaultUnavailable, match="does not open") as raised:
            vault.entry("ccee/robo")
        assert "canary" not in str(raised.value)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"entries": 7}', "\xff\xfe"])
def test_a_damaged_file_is_said(vault: Vault, path: Path, content: str) -> None:
    path.write_text(content, encoding="latin-1")
    with pytest.raises(VaultUnavailable, match="is damaged"):
        vault.names()


def test_a_file_that_cannot_be_read_is_said(vault: Vault, path: Path) -> None:
    path.unlink()
    assert vault.names() == []
    path.mkdir()
    with pytest.raises(VaultUnavailable, match="cannot be read"):
        vault.names()


def test_processes_that_put_at_once_lose_no_entry(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from retaguarda.vault import Vault\n"
        "for n in range(5): Vault(Path(sys.argv[1]), bytes(range(32))).put(f'{sys.argv[2]}-{n}', {'user': 'x'})"
    )
    putting = [subprocess.Popen([sys.executable, "-c", code, str(path), str(number)]) for number in range(3)]
    assert [process.wait(60) for process in putting] == [0, 0, 0]
    assert len(Vault(path, KEY).names()) == 15


# --- the master key -----------------------------------------------------------------------------------------------------


def settings(tmp_path: Path, **changes: Any) -> VaultSettings:
    return VaultSettings(key_file=tmp_path / "config" / "vault.key", **changes)


def opens(vault: Vault, path: Path) -> bool:
    return vault.entry("ccee/robo") == ENTRY and path.exists()


def test_a_key_file_is_made_at_first_use_for_its_owner_alone(path: Path, tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    open_vault(path, chosen).put("ccee/robo", ENTRY)
    assert (chosen.key_file.stat().st_mode & 0o777, chosen.key_file.stat().st_size) == (0o600, 32)
    assert opens(open_vault(path, chosen), path)
    chosen.key_file.chmod(0o640)
    with pytest.raises(VaultUnavailable, match="readable by others"):
        open_vault(path, chosen)
    chosen.key_file.chmod(0o600)
    chosen.key_file.write_bytes(b"short")
    with pytest.raises(VaultUnavailable, match="not 32 bytes"):
        open_vault(path, chosen)


def test_processes_that_make_the_key_at_once_share_one(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from retaguarda.settings import VaultSettings; from retaguarda.vault import open_vault\n"
        "home = Path(sys.argv[1])\n"
        "open_vault(home / 'vault.json', VaultSettings(key_file=home / 'vault.key')).put(sys.argv[2], {'user': sys.argv[2]})"
    )
    making = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name]) for name in "abc"]
    assert [process.wait(60) for process in making] == [0, 0, 0]
    vault = open_vault(tmp_path / "vault.json", VaultSettings(key_file=tmp_path / "vault.key"))
    assert [vault.entry(name)["user"] for name in "abc"] == ["a", "b", "c"]


def test_a_key_file_that_cannot_be_made_is_said(path: Path, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("not a folder")
    with pytest.raises(VaultUnavailable, match="cannot be read or made"):
        open_vault(path, settings(tmp_path))


def test_the_environment_comes_before_systemd_and_that_before_the_file(
    vault: Vault, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen, given = settings(tmp_path), base64.b64encode(KEY).decode()
    (tmp_path / "retaguarda-vault-key").write_text(f"{given}\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert opens(open_vault(path, chosen), path)
    (tmp_path / "retaguarda-vault-key").write_text(base64.b64encode(bytes(32)).decode())
    monkeypatch.setenv("RETAGUARDA_VAULT_KEY", given)
    assert opens(open_vault(path, chosen), path)
    assert not chosen.key_file.exists()
    for wrong in ("curto", base64.b64encode(b"x" * 31).decode(), "não é base64!!!"):
        monkeypatch.setenv("RETAGUARDA_VAULT_KEY", wrong)
        with pytest.raises(VaultUnavailable, match="not 32 bytes") as raised:
            open_vault(path, chosen)
        assert wrong not in str(raised.value)


class Ring(keyring.backend.KeyringBackend):
    """A keyring of this test's own."""

    priority = 1
    held: dict[tuple[str, str], str]
    locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise keyring.errors.KeyringLocked("locked")
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password


def test_the_keyring_is_used_where_it_is_asked_for(path: Path, tmp_path: Path) -> None:
    before, ring = keyring.get_keyring(), Ring()  # type: ignore[no-untyped-call]
    ring.held = {}
    keyring.set_keyring(ring)
    try:
        chosen = settings(tmp_path, keyring=True)
        open_vault(path, chosen).put("ccee/robo", ENTRY)
        assert opens(open_vault(path, chosen), path)
        assert not chosen.key_file.exists()
        ring.locked = True
        with pytest.raises(VaultUnavailable, match="does not answer"):
            open_vault(path, chosen)
    finally:
        keyring.set_keyring(before)


def test_robots_of_rpaframework_read_the_same_entries(vault: Vault, path: Path, tmp_path: Path) -> None:
    """In a process of its own: importing rpaframework takes its time and brings warnings of its own."""
    code = (
        "from RPA.Robocorp.Vault import Vault; secret = Vault().get_secret('ccee/robo')\n"
        "print(secret['password'] == 'canary-p\\xe4ssword-1')\n"
        "secret['password'] = 'novo'; Vault().set_secret(secret); print(Vault().get_secret('ccee/robo')['password'])\n"
        "from retaguarda.redaction import redactor; print(redactor.clean('canary-p\\xe4ssword-1'))"
    )
    environment = {
        "RPA_SECRET_MANAGER": "retaguarda.vault_adapter.VaultSecrets",
        "RETAGUARDA_HOME": str(path.parent),
        "RETAGUARDA_CONFIG_DIR": str(tmp_path / "none"),
        "RETAGUARDA_VAULT_KEY": base64.b64encode(KEY).decode(),
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PATH": "/usr/bin:/bin",
    }
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment, timeout=120)
    assert (told.stdout.split(), told.returncode) == (["True", "novo", "***"], 0), told.stderr
