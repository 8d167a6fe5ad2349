"""`retaguarda audit` as auditors type it: what it finds, what it writes, and with which exit code it ends."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import orjson
import pytest
from django.db import transaction
from typer.testing import CliRunner, Result

from retaguarda.audit import events
from retaguarda.audit.index import Asked, AuditIndex, folded
from retaguarda.audit.log import AuditLog
from retaguarda.audit.verify import verify
from retaguarda.clock import SAO_PAULO
from retaguarda.console import commands_audit_papers
from retaguarda.console.commands_audit import app
from retaguarda.errors import ConfigurationError
from retaguarda.language import set_language
from retaguarda.report.actions import ACTIONS
from retaguarda.store.models import AuditEntry, FireState, OutboxEvent, PlannedFire, RunRecord
from tests.audit.logs import independently, tell
from tests.house import House

if not any(command.name == "sample" for command in app.registered_commands):
    commands_audit_papers.register(app)
HOSTILE = '=HYPERLINK("http://x","y")'


@pytest.fixture(autouse=True)
def installation(house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[House]:
    """An installation whose log holds what a month holds, and the commands in a folder of their own."""
    monkeypatch.setenv("RETAGUARDA_HOME", str(house.home))
    monkeypatch.setenv("RETAGUARDA_ACTOR", "Ana Auditora")
    monkeypatch.setenv("RETAGUARDA_VAULT__KEY_FILE", str(tmp_path / "vault.key"))
    monkeypatch.setenv("COLUMNS", "220")
    (tmp_path / "papers").mkdir()
    monkeypatch.chdir(tmp_path / "papers")
    monkeypatch.setenv("RETAGUARDA_CONFIG_DIR", str(Path(__file__).parents[2] / "config"))
    run = house.record("register_contracts")
    facts = {"buyer": "12.345.678/0001-95", "amount": "1234.56", "name": "São João Energia", "note": HOSTILE}
    with transaction.atomic():
        events.record("item.new", run=run.pk, item="BOL-2611-0007", target="ccee", who="João da Silva", data=facts)
        events.record("act.done", run=run.pk, item="BOL-2611-0007", target="ccee/register", data={"protocol": "P-77"})
    house.audit.seal()
    yield house
    set_language("pt-BR")


def call(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def actions(result: Result) -> list[str]:
    return [orjson.loads(line)["action"] for line in result.stdout.splitlines()]


WORDS = ("bol-2611-0007 ccee joão", "12345678000195", "12.345.678/0001-95", "1.234,56", "1234.56", "sao", "SÃO", "silva bol-2611")


@pytest.mark.parametrize("words", [text.split() for text in WORDS], ids=WORDS)
def test_an_event_is_found_by_anything_that_stands_in_it(words: list[str]) -> None:
    assert actions(call("log", *words, "--json")) == ["item.new"]


def test_events_are_found_by_run_person_action_and_day(installation: House) -> None:
    run = RunRecord.objects.get()
    today = dt.datetime.now(SAO_PAULO).date()
    assert actions(call("log", "--run", run.pk, "--json")) == ["run.queued", "item.new", "act.done"]
    assert actions(call("log", "--actor", "joão", "--json")) == ["item.new"]
    assert actions(call("log", "--action", "act", "--json")) == ["act.done"]
    assert "act.done" in actions(call("log", "--from", today, "--to", today, "--json"))
    assert call("log", "--to", today - dt.timedelta(days=1), "--json").stdout.strip() == ""
    assert "2026-11-30" in call("log", "--from", "30/11/2026", code=2).output


def test_reading_and_exporting_are_events_themselves(installation: House) -> None:
    call("log", "P-77")
    call("export", "--format", "jsonl")
    installation.audit.seal()
    read, exported = [orjson.loads(line) for line in installation.audit.lines()][-2:]
    assert (read["action"], read["actor"], read["data"]) == ("audit.read", "Ana Auditora", {"asked": {"words": ["P-77"]}, "events": 1})
    assert (exported["action"], exported["data"]["format"]) == ("audit.exported", "jsonl")


def test_the_index_is_what_the_segments_say_and_can_be_made_anew(installation: House) -> None:
    tell(2100)
    call("log", "nothing like that")
    before = list(AuditEntry.objects.order_by("seq").values_list())
    AuditEntry.objects.filter(seq=1).update(text="forged", actor="nobody")
    AuditEntry.objects.filter(seq=7).delete()
    said = call("reindex").stdout
    assert str(len(list(installation.audit.lines()))) in said
    assert list(AuditEntry.objects.order_by("seq").values_list())[: len(before)] == before
    for hit, raw in zip(AuditIndex(installation.audit).read(AuditEntry.objects.order_by("seq")), installation.audit.lines(), strict=True):
        assert (hit.raw, hit.event["seq"]) == (raw, hit.seq)


def test_the_index_goes_on_over_segments(installation: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retaguarda.audit.log.SEGMENT_LINES", 2)
    index = AuditIndex(AuditLog(installation.home / "another"))
    OutboxEvent.objects.all().delete()
    from retaguarda.store.models import AuditFolder

    AuditFolder.objects.all().delete()
    for count in (3, 1, 4):
        tell(count)
        AuditLog(installation.home / "another").seal()
        index.catch_up()
    assert [hit.event["seq"] for hit in index.read(index.found(Asked(action="thing")))] == list(range(8))


def test_the_same_seed_draws_the_same_sample_and_the_paper_has_room_for_the_auditor(installation: House) -> None:
    tell(60)
    first = json.loads(call("sample", "--seed", 7, "--size", 10, "--action", "thing", "--json").stdout)
    again = json.loads(call("sample", "--seed", 7, "--size", 10, "--action", "thing", "--json").stdout)
    other = json.loads(call("sample", "--seed", 8, "--size", 10, "--action", "thing", "--json").stdout)
    assert first == again != other
    assert (first["population"], len(first["events"])) == (60, 10)
    call("sample", "--seed", 7, "--action", "item", "--out", "paper.xlsx")
    sheet = openpyxl.load_workbook("paper.xlsx").active
    assert sheet is not None
    rows = list(sheet.values)
    head = next(number for number, row in enumerate(rows) if row[0] == "Nº")
    assert rows[head][-4:] == ("Examinado por", "Examinado em", "Conclusão", "Observações")
    assert "Semente" in {row[0] for row in rows}
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
    assert call("sample", "--seed", 7, "--action", "act.done").exit_code == 0
    with pytest.raises(ConfigurationError, match="no event is like that"):
        call("sample", "--seed", 7, "--action", "nothing")


def test_exports_hold_every_event_and_neutralise_formulas(installation: House) -> None:
    with transaction.atomic():
        for start in "=+-@\t":
            events.record("item.new", item=f"{start}1+1", target=HOSTILE)
    call("export", "--format", "csv", "--out", "log.csv")
    rows = list(csv.reader(io.StringIO(Path("log.csv").read_bytes().decode("utf-8-sig")), delimiter=";"))
    assert not [cell for row in rows for cell in row if cell[:1] in "=+-@\t\r" and cell]
    assert len(rows) == len(list(installation.audit.lines())) + 1
    call("export", "--out", "log.xlsx")
    book = openpyxl.load_workbook("log.xlsx").active
    assert book is not None
    assert all(cell.data_type != "f" for row in book.iter_rows() for cell in row)
    assert any(cell.value == HOSTILE for row in book.iter_rows() for cell in row)
    call("export", "--format", "jsonl", "--out", "log.jsonl")
    assert Path("log.jsonl").read_bytes() == b"".join(line + b"\n" for line in installation.audit.lines())
    call("export", "--format", "tiles", "--unmask", "revisão", "--out", "tiles")
    assert (Path("tiles") / "checkpoint").read_text() == installation.audit.last_note()[0]
    call("export", "--format", "pdf", code=2)


def test_coverage_names_every_planned_run_that_was_not_executed(installation: House) -> None:
    run = RunRecord.objects.get()
    noon = dt.datetime(2026, 11, 10, 12, tzinfo=SAO_PAULO)

    def fire(hour: int, state: FireState, **more: object) -> None:
        at = noon.replace(hour=hour)
        PlannedFire.objects.create(trigger="daily-statements", at=at, local=at.isoformat(), state=state, **more)

    fire(8, FireState.RUN, run=run, decided_at=noon)
    fire(9, FireState.SKIPPED, reason="holiday", decided_at=noon)
    fire(10, FireState.MISSED, decided_at=noon)
    told = json.loads(call("coverage", "--from", "2026-11-01", "--to", "2026-11-30", "--json", code=1).stdout)
    assert (told["planned"], told["by_trigger"]["daily-statements"]) == (3, {"RUN": 1, "SKIPPED": 1, "MISSED": 1})
    assert [one["reason"] for one in told["deviations"]] == ["the audit log does not tell of its run", "holiday", "no reason is known"]
    with transaction.atomic():
        events.record("fire.run", run=run.pk, target="daily-statements")
    installation.services.runs.begin(run)
    call("coverage", "--from", "2026-11-01", "--to", "2026-11-30", "--out", "coverage.xlsx", code=1)
    assert Path("coverage.xlsx").exists()
    PlannedFire.objects.exclude(state=FireState.RUN).delete()
    RunRecord.objects.update(state="SUCCESSFUL")
    assert "✓" in call("coverage", "--from", "2026-11-01", "--to", "2026-11-30").stdout


def test_the_access_review_names_people_and_credentials(installation: House) -> None:
    with transaction.atomic():
        events.record("credential.used", run="r", target="ccee/robo")
    told = json.loads(call("access-review", "--json").stdout)
    assert {"João da Silva", "Ana Auditora"} <= {one["name"] for one in told["actors"]}
    call("access-review", "--out", "access.xlsx")
    assert Path("access.xlsx").exists()


def test_status_says_how_far_the_log_is_bound(installation: House) -> None:
    told = json.loads(call("status", "--json").stdout)
    assert (told["anchored"], told["anchors"], told["red"]) == (0, [], False)
    assert "Nenhuma âncora" in call("status").stdout
    with pytest.raises(ConfigurationError, match="no anchor is set up"):
        call("anchor")


def test_an_unanchored_log_is_red_after_an_hour(installation: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETAGUARDA_AUDIT__COPY_FOLDER", str(installation.home / "not-there"))
    monkeypatch.setenv("RETAGUARDA_AUDIT__UNANCHORED_MINUTES", "0.000001")
    assert "is not there" in json.loads(call("anchor", "--json", code=1).stdout)[0]["trouble"]
    call("status", code=0)  # under a minute
    monkeypatch.setattr("retaguarda.audit.anchors.Exposure.minutes", lambda *_: 61)
    told = json.loads(call("status", "--json", code=1).stdout)
    assert (told["red"], told["unanchored_minutes"]) == (True, 61)
    (installation.home / "not-there").mkdir()
    call("anchor")


# --- erasure --------------------------------------------------------------------------------------------------------------


def number_of(log: AuditLog, text: str) -> int:
    return next(number for number, line in enumerate(log.lines()) if text in line.decode())


def test_erased_data_is_gone_and_the_log_keeps_its_root_and_says_who_approved(installation: House, tmp_path: Path) -> None:
    log = installation.audit
    number, before = number_of(log, "João da Silva"), log.last_note()
    call("erase", number, "--reason", "pedido do titular 12", "--approver", "Bruno Encarregado", "--yes")
    verdict = verify(log.folder)
    assert verdict.problems == []
    assert verdict.erased == [{"event": number, "reason": "pedido do titular 12", "approver": "Bruno Encarregado"}]
    assert before[0] in (log.folder / "checkpoints").read_text()
    code, said = independently(log.folder)
    assert (code, f"apagado: evento {number}" in said, "Bruno Encarregado" in said) == (0, True, True), said
    for path in [*log.folder.rglob("*"), *installation.home.glob("retaguarda.db*")]:
        assert not path.is_file() or "São João Energia".encode() not in path.read_bytes(), path
    assert call("log", "são joão", "--json").stdout.strip() == ""
    tell(2)
    log.seal()
    AuditLog(log.folder).seal()
    assert verify(log.folder).problems == []


def test_an_erasure_that_no_event_tells_of_is_named(installation: House) -> None:
    from retaguarda.audit.merkle import hiding

    segment = installation.audit.folder / "segments" / "000001.jsonl"
    lines = segment.read_bytes().splitlines()
    segment.write_bytes(b"".join(line + b"\n" for line in [lines[0], hiding(lines[1]), *lines[2:]]))
    assert verify(installation.audit.folder).problems == ["segments/000001.jsonl:2: event 1 was erased, and no event tells by whom"]
    code, said = independently(installation.audit.folder)
    assert (code, "000001.jsonl:2: evento 1 oculto" in said) == (1, True), said


def test_nobody_approves_his_own_erasure_and_proofs_are_not_erased(installation: House) -> None:
    with pytest.raises(ConfigurationError, match="does not approve it himself"):
        call("erase", 1, "--reason", "x", "--approver", "ana auditora", "--yes")
    with pytest.raises(ConfigurationError, match="holds no event 999"):
        call("erase", 999, "--reason", "x", "--approver", "Bruno", "--yes")
    call("erase", 1, "--reason", "x", "--approver", "Bruno", "--yes")
    told = number_of(installation.audit, "data.erased")
    with pytest.raises(ConfigurationError, match="it is kept"):
        call("erase", told, "--reason", "x", "--approver", "Bruno", "--yes")
    call("erase", 1, "--reason", "again", "--approver", "Bruno", "--yes")


# --- words ----------------------------------------------------------------------------------------------------------------


def test_every_action_that_the_code_records_has_a_text() -> None:
    import re

    recorded = set()
    for path in [*Path(__file__).parents[2].glob("retaguarda/**/*.py"), *Path(__file__).parents[2].glob("tasks/*.py")]:
        recorded |= set(re.findall(r'(?:record|prepared|_tell|_close|tell)\(\s*(?:name, )?"([a-z_]+\.[a-z_-]+)"', path.read_text("utf-8")))
    assert len(recorded) > 40
    assert recorded - ACTIONS.keys() == set()


def test_searching_forgets_how_things_are_written() -> None:
    assert folded("R$ 1.234.567,89 em 10/11/2026, CPF 123.456.789-09") == "r$ 1234567.89 em 2026-11-10, cpf 12345678909"


def test_the_copy_of_a_home_verifies_elsewhere(installation: House, tmp_path: Path) -> None:
    shutil.copytree(installation.audit.folder, tmp_path / "copy" / "audit", ignore=shutil.ignore_patterns("keys", "*.lock"))
    call("verify", tmp_path / "copy" / "audit")
    (tmp_path / "copy" / "audit" / "leaves").write_bytes(b"")
    call("verify", tmp_path / "copy" / "audit", "--key", "retaguarda/audit+00000000+AA==", code=1)


def test_marks_that_turn_the_direction_and_control_characters_are_not_shown(installation: House) -> None:
    with transaction.atomic():
        events.record("item.new", item="BOL-\u202e7\x1b[31m", target="a\u2066b\nFORGED", who="Ana\u202c")
    said = call("log", "--action", "item.new").stdout
    call("export", "--format", "csv", "--out", "out.csv")
    for text in (said, Path("out.csv").read_text("utf-8")):
        assert "BOL-7" in text
        assert not any(mark in text for mark in ("\u202e", "\u2066", "\u202c", "\x1b[31m", "\nFORGED"))
