"""The documentation's pictures, made anew: `python -m bench.pictures [--to docs/images] [--month FOLDER] [--report FOLDER]`.

Serves the console over a store of its own with a sample of work in it, and takes each picture in Chromium. Two of them show what
robots saw; they are taken from the test of the month, which FOLDER holds the pictures of:
`CONSOLE_PICTURES=FOLDER python -m pytest -m '' tests/console/web/test_month.py`. Companies, addresses and people are nobody's.

With `--report` only the page and the workbook of a run are taken, from the folder that `make demo` left of it; the workbook by LibreOffice
(`libreoffice-calc`, `poppler-utils`), in Portuguese.
"""

from __future__ import annotations

import argparse
import datetime as dt
import shutil
import subprocess
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.console.web.server import Console

COMPANY = "Exemplo Comercializadora de Energia Ltda"
PEOPLE = {"operadora": ("operator",), "aprovadora": ("approver",), "todos": ("operator", "approver", "auditor", "administrator")}
OF_THE_MONTH = {"console-incerto": "month-uncertain", "console-execucao": "month-working"}
LINE = "e1f2a3b4c5d6"
WINDOW = {"width": 1280, "height": 860}
_IN_PORTUGUESE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Setup/L10N"><prop oor:name="ooSetupSystemLocale" oor:op="fuse"><value>pt-BR</value></prop></item>
</oor:items>
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    options.add_argument("--to", default="docs/images", help="folder of the pictures")
    options.add_argument("--month", default="", help="folder with the pictures of the month's test")
    options.add_argument("--report", default="", help="folder of a run, output/<date>/<run>, whose page and workbook are taken")
    given = options.parse_args()
    to = Path(given.to)
    if given.report:
        take_page(Path(given.report), to)
        take_workbook(Path(given.report), to)
        return
    with tempfile.TemporaryDirectory() as folder:
        take(Path(folder), to)
    for name, source in OF_THE_MONTH.items() if given.month else ():
        shutil.copyfile(Path(given.month) / f"{source}.png", to / f"{name}.png")


def take_page(report: Path, to: Path) -> None:
    """The first screen of the page that a run left."""
    from playwright.sync_api import sync_playwright

    from retaguarda.portal.browser import find_chromium

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium("") or None)
        page = browser.new_page(viewport={"width": WINDOW["width"], "height": WINDOW["height"]}, locale="pt-BR")
        page.goto((report / "log.html").resolve().as_uri())
        page.screenshot(path=str(to / "log.png"))


def take_workbook(report: Path, to: Path) -> None:
    """The first sheet of its workbook, as it is printed."""
    [book] = [path for path in report.glob("*.xlsx") if not path.name.startswith("~")]
    with tempfile.TemporaryDirectory() as folder:
        profile = f"-env:UserInstallation={(Path(folder) / 'profile').as_uri()}"
        settings = Path(folder) / "profile" / "user" / "registrymodifications.xcu"
        settings.parent.mkdir(parents=True)
        settings.write_text(_IN_PORTUGUESE, encoding="utf-8")
        convert = ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", folder, str(book)]
        subprocess.run(convert, check=True, capture_output=True)
        picture = ["pdftoppm", "-png", "-r", "96", "-singlefile", str(Path(folder) / f"{book.stem}.pdf"), str(to / "workbook")]
        subprocess.run(picture, check=True)


def take(home: Path, to: Path) -> None:
    """Serve the sample, and take its pictures."""
    from playwright.sync_api import sync_playwright

    from retaguarda.portal.browser import find_chromium
    from retaguarda.store.connection import connect, point_at

    url = f"sqlite://{home / 'retaguarda.db'}"
    connect(url)  # before the tables are imported
    from tests.console.web.looking import somebody
    from tests.console.web.server import served

    approvals = {"RETAGUARDA_APPROVALS__PROCESSES": '["register_contracts"]'}
    with served(home, url, RETAGUARDA_COMPANY=COMPANY, **approvals) as console, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium("") or None)
        places = furnish(console)
        for name, (who, place) in places.items():
            with somebody(console, browser, who, viewport=WINDOW, locale="pt-BR") as page:
                page.goto(console.url + place)
                page.wait_for_load_state("networkidle") if place != "/" else page.wait_for_load_state("load")
                page.screenshot(path=str(to / f"{name}.png"), full_page=True)
                print(f"{name}: {place}", flush=True)
        browser.close()
    point_at("sqlite://:memory:")


def furnish(console: Console) -> dict[str, tuple[str, str]]:
    """A sample of work; by picture, who looks, and where."""
    for name, roles in PEOPLE.items():
        console.person(name, *roles)
    _two_weeks(console)
    approval = _plan(console)
    ticket = _requests(console)
    _line(console)
    return {
        "console-hoje": ("todos", "/"),
        "console-lancar": ("operadora", "/processes/register_contracts"),
        "console-aprovar": ("aprovadora", f"/requests/{approval}"),
        "console-pendencias": ("aprovadora", "/requests"),
        "console-chamado": ("operadora", f"/requests/tickets/{ticket}"),
        "console-conciliar": ("operadora", f"/reconciliation/match/{LINE}"),
    }


def _two_weeks(console: Console) -> None:
    """Runs of the last two weeks as they ended, one at work, and what is planned and wrong."""
    from retaguarda.audit import events
    from retaguarda.store.models import Alert, FireState, PlannedFire, RunRecord, RunState, TriggerState

    now = console.clock.now()
    with events.acting("operadora"):
        for back in range(14, 0, -1):
            for turn in range(4 + back * 7 % 5):
                run = console.runs.create("download_statements" if turn else "close_month", {"period": "2026-11-01..2026-11-10"})
                state = RunState.FAULTED if turn == back % 6 else RunState.PARTIAL if turn == 2 else RunState.SUCCESSFUL
                at = now - dt.timedelta(days=back, minutes=turn * 40)
                RunRecord.objects.filter(pk=run.pk).update(
                    state=state, created_at=at, started_at=at, ended_at=at + dt.timedelta(minutes=turn + 2)
                )
        _working(console)
    Alert.objects.create(cause="portal/ccee", severity="warning", text="portal ccee is unavailable", symptoms=3, first_at=now, last_at=now)
    for name in ("register-by-deadline", "validate-by-deadline"):
        TriggerState.objects.create(name=name, changed_by="todos", changed_at=now)
    soon = now + dt.timedelta(hours=3)
    PlannedFire.objects.create(trigger="daily-statements", at=soon, local=soon.isoformat(), state=FireState.PLANNED)


def _working(console: Console) -> None:
    from retaguarda.store.models import ItemState

    run = console.runs.create("register_contracts", {"month": "2026-10"}, queue="default")
    console.runs.begin(run)
    for number in range(1, 25):
        item = console.runs.item(run, f"BOL-2610-{number:04}", "Cliente Exemplo", {"mw_average": "1.5", "submarket": "SE/CO"})
        if number <= 14:
            refused = number % 7 == 0
            reason = "O perfil 70408 não está ativo (CCEE)." if refused else ""
            state = ItemState.FAILED_BUSINESS if refused else ItemState.SUCCESSFUL
            console.runs.mark(item, state, reason=reason, outcome="refused" if refused else "done")


def _plan(console: Console) -> int:
    """A plan that waits for the approval of a second person, and the one before it, which was approved."""
    from retaguarda.audit import events
    from retaguarda.store.models import Request, RequestState

    asked = 0
    for items, mwh, digest in ((22, "17001.120", "5d" * 32), (24, "18423.744", "9c" * 32)):
        with events.acting("operadora"):
            run = console.runs.create("register_contracts", {"month": "2026-10"}, queue="default")
            console.runs.begin(run)
            references = [f"BOL-2610-{number:04}" for number in range(1, items + 1)]
            facts = {"items": items, "mwh": mwh, "references": references}
            asked = console.requests.ask(run, "approval", "register 2026-10", digest=digest, facts=facts).pk
            text = "register 2026-10 waits for the approval of a second person"
            console.runs.suspend(run, {"code": "approval-required", "text": text})
        if items == 22:
            now = console.clock.now() - dt.timedelta(hours=2)
            Request.objects.filter(pk=asked).update(state=RequestState.ANSWERED, answered_by="aprovadora", answered_at=now)
            console.runs.request_stop(run)
    return asked


def _requests(console: Console) -> int:
    """Requests from other areas: one that is being answered, one that is late, one that was answered; the first is looked at."""
    from retaguarda.store.models import Ticket
    from retaguarda.tickets.tickets import FORM, MAIL

    text = "Bom dia,\n\nFalta o extrato do Banco Jatobá de 05/11 no fechamento.\nPreciso até o fim do dia.\n\nÁrea fiscal"
    first = console.tickets.ask(MAIL, "fiscal@exemplo.example", "Reenviar extrato de 05/11", text)
    done = console.tickets.ask(FORM, "aprovadora", "Registrar contrato novo", "Segue a planilha de novembro.", area="Comercial")
    late = console.tickets.ask(MAIL, "comercial@exemplo.example", "Segunda via do comprovante BOL-2610-0007", "Preciso do comprovante.")
    console.tickets.take(first, "operadora")
    Ticket.objects.filter(pk=late.pk).update(due_at=late.asked_at - dt.timedelta(hours=1), asked_at=late.asked_at - dt.timedelta(days=2))
    console.tickets.answer(done, "operadora", "Registrado: protocolo 2026-118842.")
    return int(first.pk)


def _line(console: Console) -> None:
    """A credit that nothing explains, and invoices that it may settle."""
    from retaguarda.store.models import LedgerItem, StatementEntry, StatementFile

    now, day = console.clock.now(), dt.date(2026, 11, 5)
    account, partner, cnpj = "989/71-3/9045512-0", "Cliente Exemplo A Ltda", "11222333000181"
    file = StatementFile.objects.create(account=account, sha256="a" * 64, name="extrato.ofx", format="ofx", proved=True, at=now)
    said = {"description": "TED RECEBIDA CLIENTE EXEMPLO A", "counterparty_name": partner.upper(), "counterparty_document": cnpj}
    StatementEntry.objects.create(account=account, entry=LINE, date=day, amount=Decimal("15230.55"), file=file, **said)
    for number, (amount, who) in enumerate((("10230.55", "A"), ("5000.00", "A"), ("15000.00", "B"), ("15230.00", "C")), 1):
        owed = {"kind": "AR", "document": f"NF 88{number}", "contract": f"CT-10{number}", "partner": cnpj, "seen_at": now}
        due = day + dt.timedelta(days=number - 1)
        name = f"Cliente Exemplo {who} Ltda"
        LedgerItem.objects.create(item=f"AR-2026-{number:04}", partner_name=name, due_date=due, open_amount=Decimal(amount), **owed)


if __name__ == "__main__":
    main()
