"""One interface, three vaults: the encrypted file, HashiCorp Vault, rpaframework's file."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from retaguarda.errors import ConfigurationError, VaultUnavailable
from retaguarda.redaction import redactor
from retaguarda.settings import VaultSettings
from retaguarda.vault import Vault, open_vault
from tests.core.kv2 import Kv2, serving
from tests.house import KEY

# rpaframework asks jsonpath-ng by a name that it gave up
pytestmark = pytest.mark.filterwarnings("ignore:ExtentedJsonPathParser:DeprecationWarning")
ENTRY = {"user": "robo", "password": "s3nha-kv-canário", "totp": "JBSWY3DPEHPK3PXP"}
TOKEN = "hvs.um-token-de-teste"


@pytest.fixture
def kv(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kv2]:
    monkeypatch.setenv("RETAGUARDA_VAULT_KEY", base64.b64encode(KEY).decode())
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    with serving(TOKEN) as kv:
        yield kv


@pytest.fixture(params=["file", "hashicorp", "rpaframework"])
def vault(request: pytest.FixtureRequest, kv: Kv2, tmp_path: Path) -> Vault:
    secrets = tmp_path / "secrets.json"
    secrets.write_text(json.dumps({"erp/robo": {"user": "erp", "password": "de-rpaframework"}}))
    secrets.chmod(0o600)
    return open_vault(tmp_path / "vault.json", VaultSettings(kind=request.param, url=kv.url, secrets_file=secrets))


def test_what_is_put_is_read_again_listed_and_known_to_every_sink(vault: Vault) -> None:
    vault.put("ccee/robo", ENTRY)
    vault.put("bank/a/b", {"user": "x", "password": "y-123456"})
    assert vault.entry("ccee/robo") == ENTRY
    assert {"bank/a/b", "ccee/robo"} <= set(vault.names())
    credential = vault.credential("ccee/robo")
    password = credential.secret("password")
    assert (credential.user, password.reveal(), repr(password)) == ("robo", ENTRY["password"], "***")
    assert redactor.clean(f"x {ENTRY['password']}") == "x ***"
    vault.put("ccee/robo", ENTRY | {"password": "outra-senha"})
    assert vault.entry("ccee/robo")["password"] == "outra-senha"


def test_what_is_not_there_is_told_with_its_remedy(vault: Vault) -> None:
    with pytest.raises(ConfigurationError, match="no credential 'ccee/outro'") as raised:
        vault.entry("ccee/outro")
    assert raised.value.remedy == "retaguarda vault set ccee/outro"
    assert vault.take("challenge/1") is None


def test_an_entry_that_is_used_once_is_given_once(vault: Vault) -> None:
    vault.put("challenge/1", {"code": "482913-kv"})
    got: list[dict[str, str] | None] = []
    threads = [threading.Thread(target=lambda: got.append(vault.take("challenge/1"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one for one in got if one] == [{"code": "482913-kv"}]
    assert "challenge/1" not in vault.names()


def test_a_quarantined_file_opens_again_with_the_machines_own_key(vault: Vault) -> None:
    sealed = vault.lock_up("quarantine/ab", b"secret bytes")
    assert b"secret" not in sealed
    assert vault.unlocked("quarantine/ab", sealed) == b"secret bytes"


def hashicorp(kv: Kv2, tmp_path: Path, **more: object) -> Vault:
    return open_vault(tmp_path / "vault.json", VaultSettings.model_validate({"kind": "hashicorp", "url": kv.url, **more}))


def test_nothing_of_a_credential_is_kept_on_the_machine(kv: Kv2, tmp_path: Path) -> None:
    hashicorp(kv, tmp_path).put("ccee/robo", ENTRY)
    assert kv.entries == {"retaguarda/ccee/robo": [ENTRY]}
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(("trouble", "said"), [("token", "refuses the token"), ("sealed", "does not answer"), ("down", "does not answer")])
def test_a_vault_that_does_not_answer_is_told_and_no_secret_stands_in_the_error(kv: Kv2, tmp_path: Path, trouble: str, said: str) -> None:
    vault = hashicorp(kv, tmp_path, **({"url": "http://127.0.0.1:9"} if trouble == "down" else {}))
    kv.token, kv.sealed = ("another" if trouble == "token" else kv.token), trouble == "sealed"
    for ask in (lambda: vault.entry("ccee/robo"), vault.names, lambda: vault.put("ccee/robo", ENTRY)):
        with pytest.raises(VaultUnavailable, match=said) as raised:
            ask()
        assert TOKEN not in str(raised.value)
        assert ENTRY["password"] not in str(raised.value)


def test_the_token_comes_from_the_file_that_vault_agent_keeps(kv: Kv2, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VAULT_TOKEN")
    with pytest.raises(ConfigurationError, match="no token"):
        hashicorp(kv, tmp_path)
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    hashicorp(kv, tmp_path, token_file=tmp_path / "token").put("ccee/robo", ENTRY)
    assert redactor.clean(TOKEN) == "***"


def test_rpaframeworks_file_is_read_only_while_it_is_its_owners_alone_and_is_never_written(kv: Kv2, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.yaml"
    secrets.write_text("erp/robo:\n  user: erp\n  password: de-rpaframework\n")
    settings = VaultSettings(kind="rpaframework", secrets_file=secrets)
    secrets.chmod(0o644)
    with pytest.raises(VaultUnavailable, match="readable by others"):
        open_vault(tmp_path / "vault.json", settings)
    secrets.chmod(0o600)
    before, vault = secrets.read_bytes(), open_vault(tmp_path / "vault.json", settings)
    assert vault.credential("erp/robo").secret("password").reveal() == "de-rpaframework"
    vault.put("erp/robo", {"user": "erp", "password": "nova-senha"})
    assert vault.entry("erp/robo")["password"] == "nova-senha"
    assert secrets.read_bytes() == before
    secrets.write_text("[")
    with pytest.raises(VaultUnavailable, match="damaged or empty"):
        open_vault(tmp_path / "vault.json", settings)
