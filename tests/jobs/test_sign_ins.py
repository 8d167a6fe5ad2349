"""Attempts to sign in: never more than the portal forgives, whatever dies meanwhile, and never blocked for ever by a death."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.db import DatabaseError, connection

from retaguarda.errors import (
    ChallengeRequired,
    CredentialRefused,
    CredentialResting,
    LeaseLost,
    PortalChanged,
    PortalUnavailable,
    RetaguardaError,
    StoreUnavailable,
)
from retaguarda.jobs.leases import Lease, Leases
from retaguarda.jobs.sign_ins import SignIns
from retaguarda.store.models import Lease as LeaseRow
from retaguarda.store.models import OutboxEvent, RunRecord, SignIn
from tests.conftest import OpenStore
from tests.core.toy.portal import ToyPortal, running_toy
from tests.house import House, SetClock
from tests.portal.pages_server import Exchange

REST = 30
"""Minutes."""
ENDS: dict[str, type[RetaguardaError] | None] = {
    "accepted": None,
    "refused": CredentialRefused,
    "broke off": PortalUnavailable,
    "changed": PortalChanged,
    "challenged": ChallengeRequired,
}


class Killed(BaseException):
    """The process died here."""


@pytest.fixture
def run(any_house: House) -> RunRecord:
    return any_house.record()


@pytest.fixture
def lease(any_house: House, run: RunRecord) -> Iterator[Lease]:
    with Leases(any_house.services.locks, any_house.services.clock).hold("toy/robo", run) as lease:
        yield lease


@pytest.fixture
def sign_ins(clock: SetClock) -> SignIns:
    return SignIns(clock, REST)


@pytest.fixture
def tried(sign_ins: SignIns, lease: Lease, run: RunRecord) -> Tries:
    return Tries(sign_ins, lease, run)


class Tries:
    """Attempts that end as they are told to; each says what came of asking for leave."""

    def __init__(self, sign_ins: SignIns, lease: Lease, run: RunRecord) -> None:
        self.sign_ins, self.lease, self.run = sign_ins, lease, run

    def attempt(self, end: str, patience: int = 1) -> str:
        """`sent`, or the code of the error that kept it from being sent."""
        sent = False
        try:
            with self.sign_ins.attempt(self.lease, self.run, patience) as begin:
                begin()
                begin()  # a form may ask for its password twice
                sent = True
                if end == "killed":
                    raise Killed
                if error := ENDS[end]:
                    raise error(end)
        except (RetaguardaError, Killed) as error:
            return "sent" if sent else str(getattr(error, "code", ""))
        return "sent"

    def or_raise(self) -> None:
        """Ask for leave, which must not be given."""
        with self.sign_ins.attempt(self.lease, self.run, 1) as begin:
            begin()
            raise AssertionError

    def all(self, *ends: str, patience: int = 1) -> list[str]:
        return [self.attempt(end, patience) for end in ends]


SENT, RESTING, REFUSED = "sent", "credential-resting", "credential-refused"


@pytest.mark.parametrize(
    ("patience", "ends", "became"),
    [
        (1, ["refused", "accepted"], [SENT, REFUSED]),
        (3, ["refused"] * 5, [SENT, SENT, SENT, REFUSED, REFUSED]),
        (3, ["killed"] * 5, [SENT, SENT, SENT, RESTING, RESTING]),
        (3, ["killed", "refused", "broke off", "accepted"], [SENT, SENT, SENT, RESTING]),
        (1, ["killed", "accepted"], [SENT, RESTING]),
        (1, ["accepted", "killed", "killed", "killed"], [SENT, SENT, SENT, RESTING]),
        (1, ["accepted", "killed", "accepted", "killed", "accepted", "killed"], [SENT] * 6),
        (1, ["accepted", "broke off", "refused", "accepted"], [SENT, SENT, SENT, REFUSED]),
        (2, ["refused", "accepted", "refused", "accepted", "refused", "refused", "accepted"], [SENT] * 6 + [REFUSED]),
        (1, ["challenged", "killed", "challenged", "accepted"], [SENT] * 4),
        (1, ["changed", "accepted"], [SENT, RESTING]),
    ],
)
def test_what_counts_against_the_portals_patience(tried: Tries, patience: int, ends: list[str], became: list[str]) -> None:
    assert tried.all(*ends, patience=patience) == became


def test_one_death_delays_a_credential_that_was_never_accepted_and_two_ask_for_a_person(tried: Tries, clock: SetClock) -> None:
    assert tried.all("killed", "killed") == [SENT, RESTING]
    clock.advance(REST * 60 - 5)
    assert tried.attempt("killed") == RESTING
    clock.advance(10)
    assert tried.attempt("killed") == SENT
    clock.advance(24 * 3600)
    with pytest.raises(CredentialRefused, match=r"2 sign-ins with toy/robo broke off, and it was never accepted") as raised:
        tried.sign_ins.must_be_allowed("toy/robo", 1)
    assert "retaguarda credential allow toy/robo" in raised.value.remedy
    assert tried.sign_ins.allow("toy/robo") == 2
    assert tried.all("accepted") == [SENT]


def test_one_that_was_accepted_rests_longer_each_time_and_is_never_blocked_for_ever(tried: Tries, clock: SetClock) -> None:
    assert tried.all("accepted", "killed", "killed") == [SENT] * 3
    for rest in (REST, 2 * REST, 4 * REST, 4 * REST, 4 * REST):
        clock.advance(rest * 60 - 5)
        with pytest.raises(CredentialResting) as raised:
            tried.sign_ins.must_be_allowed("toy/robo", 1)
        assert raised.value.retry_at is not None
        assert dt.timedelta() < raised.value.retry_at - clock.now() < dt.timedelta(seconds=6)
        clock.advance(10)
        assert tried.attempt("broke off") == SENT
    clock.advance(4 * REST * 60 + 5)
    assert tried.all("accepted", "killed", "accepted") == [SENT] * 3


def test_a_refusal_stays_until_a_person_looked(tried: Tries, clock: SetClock) -> None:
    assert tried.all("accepted", "refused") == [SENT] * 2
    clock.advance(365 * 86400)
    with pytest.raises(CredentialRefused, match=r"toy/robo was refused by the portal on 2026-11-11 10:00 and is not tried again") as raised:
        tried.sign_ins.must_be_allowed("toy/robo", 1)
    assert raised.value.remedy == "correct it, then: retaguarda vault set toy/robo"
    SignIn.objects.update(cleared_at=clock.now())  # what setting it anew does
    assert tried.all("killed", "killed") == [SENT, RESTING], "a new secret is not proven by the old one"


def test_an_attempt_is_written_before_the_secret_is_given_and_with_its_end(tried: Tries) -> None:
    seen = list[SignIn]()

    def sends() -> None:
        with tried.sign_ins.attempt(tried.lease, tried.run, 1) as begin:
            assert not SignIn.objects.exists()
            begin()
            seen.append(SignIn.objects.get())
            assert OutboxEvent.objects.latest("id").line["action"] == "credential.tried"
            raise PortalUnavailable("the portal answered 503 to /login")

    with pytest.raises(PortalUnavailable):
        sends()
    row = seen[0]
    assert (row.state, row.run, row.ended_at) == ("OPEN", tried.run.pk, None)
    row.refresh_from_db()
    assert (row.state, row.text) == ("UNKNOWN", "the portal answered 503 to /login")
    assert row.ended_at is not None


def test_a_page_that_never_asked_for_the_secret_is_no_attempt(tried: Tries) -> None:
    for _ in range(3):
        with pytest.raises(PortalUnavailable), tried.sign_ins.attempt(tried.lease, tried.run, 1):
            raise PortalUnavailable("in maintenance")
    assert not SignIn.objects.exists()


def test_a_refusal_that_came_before_any_secret_counts(tried: Tries) -> None:
    with pytest.raises(CredentialRefused), tried.sign_ins.attempt(tried.lease, tried.run, 1):
        raise CredentialRefused("the bank does not know this certificate")
    assert SignIn.objects.get().state == "REFUSED"
    assert tried.attempt("accepted") == REFUSED


def test_nothing_is_sent_when_the_attempt_cannot_be_written(tried: Tries, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise DatabaseError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(SignIn.objects, "create", full)
        with pytest.raises(StoreUnavailable, match="nothing is sent"):
            tried.or_raise()
    assert (SignIn.objects.count(), tried.attempt("accepted")) == (0, SENT)


def test_whoever_lost_the_lease_sends_nothing(tried: Tries) -> None:
    LeaseRow.objects.update(fence=7)
    with pytest.raises(LeaseLost):
        tried.or_raise()
    assert not SignIn.objects.exists()


# --- twenty processes -------------------------------------------------------------------------------------------------


def launched(store: OpenStore, toy: ToyPortal, patience: int, count: int) -> list[str]:
    """How that many launches at once ended; a killed one says nothing."""
    arguments = [store.url, str(store.home), toy.pages.url, str(patience), str(count)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.jobs.launches", *arguments], stdout=subprocess.PIPE, text=True, check=True, timeout=120
    )
    return done.stdout.split()


def kill_who_signs_in(exchange: Exchange) -> None:
    """The process that sent this password dies before the answer comes."""
    row = SignIn.objects.get(state="OPEN", ended_at=None, text="")
    SignIn.objects.filter(pk=row.pk).update(text="killed")
    connection.close()
    os.kill(int(row.executor.rpartition(":")[2]), signal.SIGKILL)
    exchange.cut()


@pytest.mark.thorough
@pytest.mark.one_store
@pytest.mark.browser
def test_twenty_launches_with_a_wrong_password_send_no_more_than_the_portal_forgives(any_store: OpenStore) -> None:
    """Two of them die between sending the password and hearing the answer."""
    with running_toy() as toy:
        toy.misbehave("POST /login", kill_who_signs_in, kill_who_signs_in)
        ends = launched(any_store, toy, patience=3, count=20)
        assert toy.pages.asked["POST /login"] == 3
        assert (len(ends), set(ends)) == (18, {REFUSED, RESTING})
        assert [row.state for row in SignIn.objects.order_by("id")] == ["OPEN", "OPEN", "REFUSED"]
        assert LeaseRow.objects.get().fence == 20
