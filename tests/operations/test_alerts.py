"""Alerts: people hear of a cause once, and once more when it is over, whatever dies, flickers or refuses in between."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retaguarda.audit.verify import verify
from retaguarda.clock import SAO_PAULO
from retaguarda.language import set_language
from retaguarda.operations.alerts import Alerts, keep_watch
from retaguarda.operations.findings import Finding
from retaguarda.operations.installation import Installation
from retaguarda.settings import AlertSettings, AlertTarget, VaultSettings
from retaguarda.store.models import Alert, Notice, OutboxEvent, RunRecord, RunState, SignIn, SignInState
from retaguarda.vault import open_vault
from tests.conftest import OpenStore
from tests.house import House
from tests.operations.sinks import Sink, smtp_server, webhook
from tests.sandbox_fixtures import ROOT

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # apprise imports it
DISK = Finding("disk", "warning", "the disk is filling up", {"remedy": "retaguarda doctor"})
PASSWORD = "canary-alert-7"


@pytest.fixture
def mail() -> Iterator[Sink]:
    with smtp_server() as sink:
        yield sink


@pytest.fixture
def hook() -> Iterator[Sink]:
    with webhook() as sink:
        yield sink


def installation(house: House, **alerts: Any) -> Installation:
    """The house as its keepers see it, with these settings for alerts."""
    services = house.services
    settings = services.settings.model_copy(update={"alerts": AlertSettings(**alerts)})
    return Installation(settings, services.clock, services.locks, lambda: house.vault)


def told_by(house: House, mail: Sink, hook: Sink, **alerts: Any) -> Installation:
    """An installation that tells the operators by mail and the people on duty by webhook."""
    house.vault.put("alert/operators", {"url": mail_address(mail)})
    house.vault.put("alert/duty", {"url": f"json://127.0.0.1:{hook.port}/{PASSWORD}?rto=5"})
    targets = {"operators": AlertTarget(digest=True), "duty": AlertTarget(severity="critical")}
    return installation(house, **{"targets": targets, "digest_at": dt.time(23, 59), **alerts})


def mail_address(mail: Sink) -> str:
    return f"mailto://127.0.0.1:{mail.port}?smtp=127.0.0.1&mode=insecure&from=robo@exemplo.example&to=mesa@exemplo.example&rto=5"


def failed(house: House, process: str = "register_contracts", portal: str = "ccee", code: str = "portal-unavailable") -> RunRecord:
    """A run that failed at a portal."""
    run = house.record(process)
    house.services.runs.begin(run)
    error = {"code": code, "text": "Sistema em manutenção", "remedy": "run it again later", "portal": portal}
    house.services.runs.end(run, RunState.FAULTED, error=error)
    return run


def got_through(house: House, process: str = "register_contracts", credential: str = "ccee/robo") -> RunRecord:
    """A run that signed in at a portal and came to its end."""
    run = house.record(process)
    house.services.runs.begin(run)
    SignIn.objects.create(credential=credential, at=house.services.clock.now(), state=SignInState.ACCEPTED, run=run.pk)
    house.services.runs.end(run, RunState.SUCCESSFUL)
    return run


def minutes(house: House, count: float) -> None:
    house.services.clock.pause(60 * count)


def subjects(sink: Sink) -> list[str]:
    return [str(mail["Subject"]) for mail in sink.mails] + [post["title"] for post in sink.posts]


def actions() -> list[str]:
    return [event.line["action"] for event in OutboxEvent.objects.order_by("id") if event.line["action"].startswith("alert.")]


# --- one cause, one message ---------------------------------------------------------------------------------------------


def test_a_portal_that_is_down_is_one_message_and_one_recovery(any_house: House, mail: Sink, hook: Sink) -> None:
    house = told_by(any_house, mail, hook)
    runs = [failed(any_house, process) for process in ("register_contracts", "validate_contracts") for _ in range(20)]
    for _ in range(5):
        changes = keep_watch(house)
        minutes(any_house, 1)
        failed(any_house)
    assert subjects(mail) == ["[Retaguarda] atenção: o portal ccee está indisponível"]
    [alert] = Alert.objects.all()
    assert (alert.cause, alert.severity, alert.symptoms, alert.recovered_at) == ("portal/ccee", "warning", 44, None)
    text = mail.mails[0].get_content()
    assert "Causa: portal/ccee" in text
    assert "Sintomas: 40" in text
    assert "Ouvido por último: Sistema em manutenção" in text
    assert f"Execuções: {runs[-1].pk}, " in text
    assert "(+15)" in text
    assert f"retaguarda run show {runs[-1].pk}" in text
    assert changes is not None
    assert changes.sent == 0

    got_through(any_house, "validate_contracts")
    keep_watch(house)
    minutes(any_house, 9)
    keep_watch(house)
    assert len(mail.mails) == 1, "it must stay away before it counts as over"
    minutes(any_house, 2)
    keep_watch(house)
    minutes(any_house, 60)
    keep_watch(house)
    assert subjects(mail)[1:] == ["[Retaguarda] encerrado: o portal ccee está indisponível"]
    assert "Até: " in mail.mails[1].get_content()
    assert actions() == ["alert.opened", "alert.sent", "alert.recovered", "alert.sent"]
    assert hook.posts == []
    any_house.audit.seal()
    assert verify(any_house.audit.folder).holds


def test_a_changed_screen_is_proven_right_by_the_same_process_alone(house: House) -> None:
    place = installation(house, settle_minutes=0)
    failed(house, "register_contracts", code="portal-changed")
    keep_watch(place)
    got_through(house, "validate_contracts")
    keep_watch(place)
    assert Alert.objects.get().recovered_at is None
    got_through(house, "register_contracts")
    keep_watch(place)
    assert Alert.objects.get().recovered_at is not None


def test_two_portals_without_network_have_one_cause(house: House) -> None:
    for portal in ("ccee", "bank_jatoba"):
        failed(house, portal=portal, code="network-down")
    keep_watch(installation(house))
    assert [alert.cause for alert in Alert.objects.all()] == ["network"]


def test_a_run_that_is_made_good_later_is_no_trouble(house: House) -> None:
    run = failed(house, "export_erp", portal="", code="defect")
    keep_watch(installation(house, settle_minutes=0))
    assert [alert.cause for alert in Alert.objects.all()] == ["defect/export_erp"]
    house.services.runs.begin(run)
    house.services.runs.end(run, RunState.SUCCESSFUL)
    keep_watch(installation(house, settle_minutes=0))
    assert Alert.objects.get().recovered_at is not None


# --- told when, and told whom ---------------------------------------------------------------------------------------------


def test_what_flickers_is_told_once(house: House, mail: Sink, hook: Sink) -> None:
    alerts = Alerts(told_by(house, mail, hook))
    for _ in range(10):
        alerts.update([DISK])
        alerts.update([])
        minutes(house, 5)
        alerts.send_due()
    assert len(mail.mails) == 1
    assert Alert.objects.count() == 1


def test_told_again_when_it_gets_worse_and_after_a_day(house: House, mail: Sink, hook: Sink) -> None:
    alerts = Alerts(told_by(house, mail, hook))
    worse = Finding("disk", "critical", "the disk is filling up")

    def look(*findings: Finding, hours: float = 0.0) -> list[str]:
        minutes(house, 60 * hours)
        alerts.update(findings)
        alerts.send_due()
        return subjects(mail) + subjects(hook)

    text = "o disco está enchendo"
    assert look(DISK) == [f"[Retaguarda] atenção: {text}"]
    assert len(look(DISK, hours=23.9)) == 1
    assert look(DISK, hours=0.2)[-1] == f"[Retaguarda] ainda · atenção: {text}"
    assert look(worse)[-1] == f"[Retaguarda] agora crítico: {text}"
    assert len(hook.posts) == 1, "the people on duty hear of what is critical alone"
    assert len(look(DISK)) == len(look(worse)) == 4, "severity only rises while an alert is open"
    look(hours=0.1)
    look(hours=0.2)
    assert subjects(hook) == [f"[Retaguarda] agora crítico: {text}", f"[Retaguarda] encerrado: {text}"]
    assert len(mail.mails) == 4


def test_without_targets_an_alert_waits_for_one(house: House, mail: Sink, hook: Sink) -> None:
    Alerts(installation(house)).update([DISK])
    assert Alert.objects.get().told_at is None
    later = Alerts(told_by(house, mail, hook))
    later.update([DISK])
    assert later.send_due() == (1, 0)


def test_a_look_that_fails_closes_nothing_and_hides_nothing(house: House) -> None:
    place = installation(house, settle_minutes=0)
    keep_watch(place, [lambda _: [DISK]])

    def blind(_: Installation) -> list[Finding]:
        raise OSError(5, "Input/output error")

    keep_watch(place, [blind])
    assert {alert.cause: alert.recovered_at for alert in Alert.objects.all()} == {"disk": None, "look/blind": None}


# --- nothing is lost ------------------------------------------------------------------------------------------------------


def test_a_target_that_is_down_gets_its_messages_later_in_order(house: House, mail: Sink, hook: Sink) -> None:
    mail.refuses = hook.refuses = True
    place = told_by(house, mail, hook, settle_minutes=0)
    critical = Finding("vault", "critical", "the vault cannot be opened")
    for findings in ([critical], [critical], []):
        alerts = Alerts(place)
        alerts.update(findings)
        assert alerts.send_due()[0] == 0
    notice = Notice.objects.filter(target="operators").order_by("id")[0]
    assert notice.attempts == 3
    assert notice.error
    mail.refuses = hook.refuses = False
    assert Alerts(place).send_due() == (4, 0)
    text = "o cofre não abre"
    for sink in (mail, hook):
        assert subjects(sink) == [f"[Retaguarda] crítico: {text}", f"[Retaguarda] encerrado: {text}"]
    assert actions().count("alert.not_sent") == 2, "the first refusal of a message is told, not each"
    assert actions().count("alert.sent") == 4


def test_no_secret_leaves_in_a_message_nor_in_what_is_kept(house: House, mail: Sink, capfd: pytest.CaptureFixture[str]) -> None:
    house.vault.put("bank_jatoba/robo", {"user": "robo", "password": "canary-portal-9"})
    house.vault.credential("bank_jatoba/robo")
    house.vault.put("alert/operators", {"url": mail_address(mail)})
    house.vault.put("alert/wrong", {"url": f"json://127.0.0.1:1/{PASSWORD}?cto=1"})
    place = installation(house, targets={"operators": AlertTarget(), "wrong": AlertTarget()})
    said = {"said": "senha canary-portal-9 inválida"}
    keep_watch(place, [lambda _: [Finding("credential/bank_jatoba/robo", "critical", "credential bank_jatoba/robo is refused", said)]])
    house.audit.seal()
    written = "".join(f"{notice.subject}{notice.body}{notice.error}" for notice in Notice.objects.all())
    written += mail.mails[0].as_string() + mail.mails[0].get_content() + b"".join(house.audit.lines()).decode()
    written += str(Alert.objects.values()) + "".join(capfd.readouterr())
    assert "senha *** inválida" in written
    assert PASSWORD not in written
    assert "canary-portal-9" not in written
    assert Notice.objects.get(target="wrong").error


def test_a_target_without_address_is_recorded_and_stops_nobody(house: House, mail: Sink) -> None:
    house.vault.put("alert/operators", {"url": mail_address(mail)})
    place = installation(house, targets={"missing": AlertTarget(), "operators": AlertTarget()})
    changes = keep_watch(place, [lambda _: [DISK]])
    assert changes is not None
    assert (changes.sent, changes.unsent) == (1, 1)
    assert "alert/missing" in Notice.objects.get(target="missing").error


TURNS = """
import os, sys
from pathlib import Path
from retaguarda.store.connection import connect
url, home = sys.argv[1:]
connect(url)
from django.db import connections
from apprise import Apprise
from retaguarda.clock import Clock
from retaguarda.operations.alerts import keep_watch
from retaguarda.operations.findings import Finding
from retaguarda.operations.installation import Installation
from retaguarda.settings import AlertSettings, AlertTarget, Settings
from retaguarda.store.advisory import locks_for
from retaguarda.vault import Vault
alerts = AlertSettings(targets={"duty": AlertTarget()})
settings = Settings.model_construct(home=Path(home), output=Path(home), alerts=alerts)
Apprise().add("json://127.0.0.1")
connections.close_all()
begin, go = os.pipe()
for _ in range(2):
    if not os.fork():
        place = Installation(settings, Clock(), locks_for(Path(home) / "locks"), lambda: Vault(Path(home) / "vault.json", bytes(range(32))))
        os.read(begin, 1)
        for _ in range(3):
            keep_watch(place, [lambda _: [Finding(f"worker/{n}", "critical", f"worker w-{n} died") for n in range(3)]])
        os._exit(0)
os.write(go, b"..")
sys.exit(sum(os.wait()[1] for _ in range(2)))
"""


def test_two_processes_tell_once(any_house: House, any_store: OpenStore, hook: Sink) -> None:
    any_house.vault.put("alert/duty", {"url": f"json://127.0.0.1:{hook.port}/x?rto=5"})
    command = [sys.executable, "-W", "ignore", "-c", TURNS, any_store.url, str(any_store.home)]
    assert subprocess.run(command, cwd=ROOT, check=False, timeout=120).returncode == 0
    assert sorted(subjects(hook)) == [f"[Retaguarda] crítico: o executor w-{n} parou sem avisar" for n in range(3)]
    assert Notice.objects.count() == 3


# --- the store, and the day ---------------------------------------------------------------------------------------------


def test_a_lost_store_is_told_once_and_its_return_too(house: House, store: Path, mail: Sink, hook: Sink) -> None:
    place = told_by(house, mail, hook)
    store.rename(store.with_suffix(".away"))
    store.mkdir()
    from retaguarda.store.connection import point_at

    point_at(f"sqlite://{store}")
    for _ in range(3):
        keep_watch(place)
        minutes(house, 20)
    store.rmdir()
    store.with_suffix(".away").rename(store)
    point_at(f"sqlite://{store}")
    for _ in range(3):
        keep_watch(place)
    lost = "o banco de dados não responde"
    assert subjects(mail) == [f"[Retaguarda] crítico: {lost}", f"[Retaguarda] encerrado: {lost} (1 h 0 min)"]
    assert len(hook.posts) == 2
    assert OutboxEvent.objects.filter(line__action="store.lost").count() == 1


def test_the_digest_comes_once_a_day_even_when_all_is_well(house: House, mail: Sink, hook: Sink) -> None:
    place = told_by(house, mail, hook, digest_at=dt.time(10, 30))
    keep_watch(place, [])
    assert mail.mails == []
    minutes(house, 40)
    for _ in range(3):
        keep_watch(place, [])
    assert subjects(mail) == ["[Retaguarda] resumo de 11/11/2026: nada em aberto"]
    got_through(house)
    keep_watch(place, [lambda _: [Finding("request/approval/plano", "info", "plano waits for approval")]])
    assert len(mail.mails) == 1, "what is for information waits for the digest"
    minutes(house, 24 * 60)
    keep_watch(place, [lambda _: [Finding("request/approval/plano", "info", "plano waits for approval")]])
    assert subjects(mail)[-1] == "[Retaguarda] resumo de 12/11/2026: 1 em aberto, 0 encerrados"
    text = mail.mails[-1].get_content()
    assert "para sua informação: plano espera aprovação (11/11/2026 10:40)" in text
    assert "Concluída: 1" in text
    assert hook.posts == []


def test_messages_speak_the_language_of_the_installation(house: House) -> None:
    set_language("en")
    try:
        Alerts(installation(house, targets={"x": AlertTarget()})).update([DISK])
    finally:
        set_language("pt-BR")
    notice = Notice.objects.get()
    assert notice.subject == "[Retaguarda] attention: the disk is filling up"
    assert "What to do: retaguarda doctor" in notice.body
    assert notice.made_at.astimezone(SAO_PAULO).hour == 10


def test_the_command_tells_of_a_store_that_does_not_open(tmp_path: Path, hook: Sink) -> None:
    key = VaultSettings(key_file=tmp_path / "vault.key")
    open_vault(tmp_path / "state" / "vault.json", key).put("alert/duty", {"url": f"json://127.0.0.1:{hook.port}/x?rto=5"})
    settings = {
        "RETAGUARDA_HOME": str(tmp_path / "state"),
        "RETAGUARDA_OUTPUT": str(tmp_path / "output"),
        "RETAGUARDA_VAULT__KEY_FILE": str(key.key_file),
        "RETAGUARDA_STORE__URL": f"postgresql://robo:{PASSWORD}@127.0.0.1:1/none",
        "RETAGUARDA_ALERTS__TARGETS": '{"duty": {"severity": "critical"}}',
    }
    command = [sys.executable, "-m", "retaguarda", "alert", "update"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | settings, capture_output=True, text=True, check=False)
    assert done.returncode == 75
    assert subjects(hook) == ["[Retaguarda] crítico: o banco de dados não responde"]
    assert PASSWORD not in done.stdout + done.stderr + hook.posts[0]["message"]
