"""Secrets show nothing unless asked by name; one-time codes are RFC 6238's and are never given twice."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
from pathlib import Path

import pytest

from retaguarda.errors import ConfigurationError, InfrastructureError
from retaguarda.model.secrets import STEP, Credential, Secret, SpentCodes, next_step, one_time_code
from retaguarda.vault import KeptCodes, Vault
from tests.house import KEY

VALUE = "canary-põe-7731"
RFC_SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # "12345678901234567890", the seed of RFC 6238's vectors


def test_a_secret_shows_nothing() -> None:
    secret = Secret(VALUE)
    credential = Credential("ccee/robo", "robo", {"password": secret})
    for told in (
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r}",
        f"{[secret]}",
        "%s" % secret,  # noqa: UP031
        repr(credential),
        str(vars(credential)),
    ):
        assert "canary" not in told
    assert str(secret) == "***"
    assert secret.reveal() == VALUE
    with pytest.raises(TypeError, match="unsupported format string"):
        f"{secret:>20}"
    assert "canary" not in json.dumps({"s": secret}, default=str)
    with pytest.raises(TypeError) as raised:
        json.dumps(secret)
    assert "canary" not in str(raised.value)


def test_a_secret_is_neither_pickled_nor_copied_nor_listed_among_attributes() -> None:
    secret = Secret(VALUE)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(secret, protocol)
    for copied in (copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            copied(secret)
    with pytest.raises(TypeError):
        dataclasses.asdict(Credential("a", "b", {"c": secret}))
    assert not hasattr(secret, "__dict__")


def test_secrets_are_compared_by_value_whatever_letters_they_have() -> None:
    assert Secret(VALUE) == Secret(VALUE)
    assert hash(Secret(VALUE)) == hash(Secret(VALUE))
    assert Secret("ção") != Secret("cao")
    assert Secret("x") != "x"


def test_a_field_that_is_not_there_is_a_wrong_configuration_that_names_no_value() -> None:
    credential = Credential("ccee/robo", "robo", {"password": Secret(VALUE)})
    assert credential.secret("password").reveal() == VALUE
    with pytest.raises(ConfigurationError, match="ccee/robo has no field 'totp'") as raised:
        credential.totp()
    assert "canary" not in str(raised.value) + raised.value.remedy


VECTORS = [(59, "94287082"), (1111111109, "07081804"), (1111111111, "14050471"), (1234567890, "89005924"), (2000000000, "69279037")]


@pytest.mark.parametrize(("at", "code"), [*VECTORS, (20000000000, "65353130")])
def test_one_time_codes_are_those_of_rfc_6238(at: int, code: str) -> None:
    assert one_time_code(RFC_SEED, at // STEP) == code[-6:]
    assert Credential("bank/robo", "", {"totp": Secret(RFC_SEED)}).totp(now=lambda: at) == code[-6:]


def test_a_seed_is_taken_as_banks_write_it() -> None:
    spaced = "gezd gnbv gy3t qojq gezd gnbv gy3t qojq"
    assert one_time_code(spaced, 1) == one_time_code(RFC_SEED, 1)
    assert len(one_time_code("GEZDGNBVGY3TQOJQ", 1)) == len(one_time_code("GEZDGNBVGY3TQ", 1)) == 6
    with pytest.raises(ConfigurationError, match="no base32 seed"):
        Credential("bank/robo", "", {"totp": Secret("não é base32!")}).totp()


def test_a_code_is_never_given_twice() -> None:
    credential = Credential("bank/robo", "", {"totp": Secret(RFC_SEED)})
    first, second = credential.totp(now=lambda: 60), credential.totp(now=lambda: 61)
    assert (first, second) == (one_time_code(RFC_SEED, 2), one_time_code(RFC_SEED, 3))
    with pytest.raises(InfrastructureError, match="used up"):
        credential.totp(now=lambda: 62)
    with pytest.raises(InfrastructureError):
        credential.totp(now=lambda: 89)
    assert credential.totp(now=lambda: 90) == one_time_code(RFC_SEED, 4)


def test_who_can_wait_gets_the_next_code_and_the_seed_is_taken_then_only() -> None:
    moment, told = [62.5], list[object]()
    given = Credential("bank/robo", "", {"totp": Secret(RFC_SEED)}).announced(lambda: told.append("taken"))
    given.totp(now=lambda: 60), given.totp(now=lambda: 61)
    told.clear()

    def pause(seconds: float) -> None:
        told.append(seconds)
        moment[0] += seconds - 0.25 * (len(told) == 1)  # the first pause ends too early

    assert given.totp(now=lambda: moment[0], pause=pause) == one_time_code(RFC_SEED, 4)
    assert told == [27.5, 0.25, "taken"]


def test_nobody_waits_for_ever_for_a_code() -> None:
    credential, pauses = Credential("bank/robo", "", {"totp": Secret(RFC_SEED)}), list[float]()
    credential.totp(now=lambda: 60), credential.totp(now=lambda: 60)
    with pytest.raises(InfrastructureError, match="used up"):
        credential.totp(now=lambda: 60, pause=pauses.append)
    assert pauses == [30, 30, 30]


@pytest.mark.parametrize(("last", "step"), [(None, 10), (3, 10), (9, 10), (10, 11), (11, None), (12, 10), (10**9, 10)])
def test_the_next_step_is_this_one_or_the_one_after_it(last: int | None, step: int | None) -> None:
    assert next_step(last, 10) == step


def test_codes_are_told_apart_by_credential() -> None:
    spent = SpentCodes()
    assert (spent.take("a totp", 5), spent.take("b totp", 5), spent.take("a totp", 5)) == (5, 5, 6)


def test_a_code_given_by_one_run_is_not_given_by_the_next(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault.json", KEY)
    vault.put("bank/robo", {"user": "op", "totp": RFC_SEED})
    codes = {Vault(tmp_path / "vault.json", KEY).credential("bank/robo").totp(now=now) for now in (lambda: 60, lambda: 61)}
    assert codes == {one_time_code(RFC_SEED, 2), one_time_code(RFC_SEED, 3)}
    assert RFC_SEED not in (tmp_path / "vault.codes").read_text()


@pytest.mark.parametrize("content", ["", "[]", "{", '{"bank/robo totp": "x"}', '{"bank/robo totp": null}'])
def test_a_damaged_note_of_spent_codes_stops_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "codes").write_text(content)
    assert KeptCodes(tmp_path / "codes").take("bank/robo totp", 7) == 7
