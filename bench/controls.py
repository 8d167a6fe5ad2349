"""Every control of SECURITY.md is missed when it is gone: `python -m bench.controls`.

For each, a copy of the tree in which it is taken out, and its test in a process of its own, which must fail; first the same test on an
unchanged copy, which must pass. The working tree is never touched. Exit 1 names a control whose test does not notice, or that could
not be taken out because its code reads otherwise by now.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv*", "output", "__pycache__", ".*_cache", "node_modules")
PASSED, FAILED = 0, 1
"""Exit codes of pytest: any other means that nothing was tested."""


@dataclass(frozen=True, slots=True)
class Control:
    """What protects against a threat, how it is taken out, and the test that must notice."""

    name: str
    file: str
    held: str
    gone: str
    test: str


AUDIT, CORE, WEB = "tests/audit/test_audit_", "tests/core/test_", "tests/console/web/test_"
ATTACKS = f"{AUDIT}tamper.py::test_every_attack_is_found_and_named_by_both_verifiers"
PRIVACY = f"{AUDIT}privacy.py"
CONTROLS = (
    Control("anchors, the suite's verifier", "retaguarda/audit/verify.py", "if other != root]", "if False]", ATTACKS),
    Control("anchors, the independent verifier", "retaguarda/audit/independent.py", "if other != root)", "if False)", ATTACKS),
    Control("evidence is recomputed", "retaguarda/audit/verify.py", ".hexdigest() != sha256:", ".hexdigest() == '':", ATTACKS),
    Control(
        "one transaction for state and event", "retaguarda/audit/events.py", "if not connection.in_atomic_block:", "if False:",
        f"{AUDIT}events.py::test_an_event_outside_a_transaction_is_a_defect",
    ),
    Control(
        "appends are flushed", "retaguarda/audit/files.py", "os.fdatasync(file.fileno())", "pass",
        f"{AUDIT}disk.py::test_a_power_cut_loses_nothing_that_was_acknowledged",
    ),
    Control(
        "names are flushed", "retaguarda/audit/files.py", "    descriptor = os.open(folder, os.O_RDONLY)", "    return\n    descriptor = 0",
        f"{AUDIT}disk.py::test_a_power_cut_loses_nothing_that_was_acknowledged",
    ),
    Control(
        "files with a secret are locked up", "retaguarda/audit/evidence.py", "if redactor.found_in(data):", "if False:",
        "tests/operations/test_quarantine.py",
    ),
    Control(
        "a second person opens quarantine", "retaguarda/operations/quarantine.py",
        "if who.strip().casefold() == file.asked_by", "if who == '' != file.asked_by",
        "tests/operations/test_quarantine.py",
    ),
    Control(
        "secrets leave every text", "retaguarda/redaction.py", "            if form in text:",
        "            if not form:", f"{CORE}redaction.py",
    ),
    Control(
        "a name is bound to its entry", "retaguarda/vault/file.py", ", name.encode())", ", b'')",
        f"{CORE}vault.py::test_another_key_a_swapped_entry_and_a_flipped_bit_do_not_open",
    ),
    Control(
        "hosts of the manifest alone", "retaguarda/portal/session.py",
        'context.route(re.compile(f"^https?{elsewhere}"), self._refuse_host)', "pass",
        "tests/portal/test_page.py::test_no_request_reaches_a_host_outside_the_manifest",
    ),
    Control(
        "one press a permit", "retaguarda/act.py", 'if not self.locks.still_held(f"act/{key}"):', "if False:",
        "tests/jobs/test_leases.py::test_an_act_whose_own_lock_was_lost_is_not_pressed",
    ),
    Control(
        "bombs are bounded", "retaguarda/formats/archive.py",
        "if len(infos) > bounds.members or total > bounds.total or (", "if False and (",
        "tests/formats/test_format_sheets.py::test_bombs_are_refused_before_they_go_off",
    ),
    Control(
        "no document type in XML", "retaguarda/formats/camt053_xml.py",
        "parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = self._says, _refuse", "parser.CharacterDataHandler = self._says",
        "tests/formats/test_format_camt053.py::test_a_document_type_behind_the_first_bytes_is_refused_too",
    ),
    Control(
        "formulas stay texts", "retaguarda/report/papers.py", "if text[:1] in FORMULA_STARTS and", "if False and",
        f"{AUDIT}commands.py::test_exports_hold_every_event_and_neutralise_formulas",
    ),
    Control(
        "only printable characters are shown", "retaguarda/redaction.py",
        "for c in text if c.isprintable())", "for c in text)",
        f"{AUDIT}commands.py::test_marks_that_turn_the_direction_and_control_characters_are_not_shown",
    ),
    Control("portals' texts are escaped", "retaguarda/report/dossier_page.py", "autoescape=True", "autoescape=False", f"{AUDIT}dossier.py"),
    Control(
        "nobody approves what he launched", "retaguarda/jobs/requests.py", "if who == root.actor and not root.trigger:", "if False:",
        "tests/jobs/test_requests.py::test_a_plan_acts_on_the_yes_of_a_second_person_alone",
    ),
    Control(
        "a refused password is not tried again", "retaguarda/jobs/sign_ins.py", "if found.refused >= patience:", "if False:",
        "tests/jobs/test_sign_ins.py::test_a_refusal_stays_until_a_person_looked",
    ),
    Control("personal data by role", "retaguarda/people/privacy.py", "return bool(NEEDS & set(roles))", "return True", PRIVACY),
    Control("unmasking needs a reason", "retaguarda/people/privacy.py", "if not reason.strip():", "if False:", PRIVACY),
    Control(
        "the console masks its answers", "retaguarda/console/web/privacy.py", "    if shows(request, person):", "    if True:",
        f"{WEB}audit_pages.py::test_a_role_that_does_not_need_personal_data_sees_none",
    ),
    Control(
        "erased events cannot be guessed", "retaguarda/audit/events.py", "secrets.token_hex(16)", "'0' * 32",
        f"{AUDIT}events.py::test_no_two_events_have_the_same_salt",
    ),
    Control(
        "brute force is locked out", "retaguarda/people/entrance.py", "return by_name >= self.settings.attempts or", "return False and",
        f"{WEB}entrance.py::test_brute_force_locks_out_even_the_right_password",
    ),
    Control(
        "forms of other sites are refused", "retaguarda/console/web/django_settings.py",
        '    "django.middleware.csrf.CsrfViewMiddleware",\n', "",
        f"{WEB}entrance.py::test_forms_of_other_sites_are_refused",
    ),
    Control(
        "least privilege of a route", "retaguarda/console/web/routes.py",
        "    return roles is None or (person", "    return True or (person",
        f"{WEB}rights.py",
    ),
    Control(
        "the vault's files are their owner's", "retaguarda/vault/file.py", "if path.stat().st_mode & 0o077:", "if False:",
        f"{CORE}vault.py::test_a_key_file_is_made_at_first_use_for_its_owner_alone",
    ),
)  # fmt: skip


def main() -> int:
    """Take out each control that the command line asks for, and print what noticed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="controls whose name holds this")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        missed = [one.name for one in CONTROLS if asked.only in one.name and not told(one, Path(folder) / "tree")]
    print(f"{len(CONTROLS) - len(missed)} of {len(CONTROLS)} noticed" if not asked.only else "", *missed, sep="\n")
    return int(bool(missed))


def told(control: Control, tree: Path) -> bool:
    """Whether the control's test passes with it and fails without it; prints which."""
    began = time.perf_counter()
    found = outcome(control, tree)
    print(f"{'✓' if found == 'noticed' else '✗'} {control.name:42} {found} ({time.perf_counter() - began:.0f} s)", flush=True)
    return found == "noticed"


def outcome(control: Control, tree: Path) -> str:
    """What became of a control: `noticed`, or what is wrong."""
    if not tree.exists():
        shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
        for name in (".venv", ".venv-tlog"):
            (tree / name).symlink_to((ROOT / name).resolve())
    file = tree / control.file
    text = file.read_text(encoding="utf-8")
    if control.held not in text:
        return f"its code reads otherwise: {control.file}"
    if tested(control, tree) != PASSED:
        return "its test does not pass with it"
    file.write_text(text.replace(control.held, control.gone), encoding="utf-8")
    code = tested(control, tree)
    file.write_text(text, encoding="utf-8")
    return "noticed" if code == FAILED else f"not noticed (pytest ended with {code})"


def tested(control: Control, tree: Path) -> int:
    """The exit code of the control's test in that tree."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", control.test]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | {"PYTHONPATH": str(tree)}
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, check=False, timeout=900).returncode


if __name__ == "__main__":
    sys.exit(main())
