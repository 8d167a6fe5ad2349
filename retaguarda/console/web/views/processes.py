"""Processes: what can be launched, the form of each, a check before the launch, and templates of the files they take."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from retaguarda.audit import events
from retaguarda.console.web import actions, forms
from retaguarda.console.web.place import house
from retaguarda.console.web.queries import processes as queries
from retaguarda.console.web.queries import runs as run_queries
from retaguarda.console.web.queries import tickets
from retaguarda.console.web.routes import page, person_of
from retaguarda.console.wiring import process_named, processes
from retaguarda.errors import RetaguardaError
from retaguarda.language import say
from retaguarda.people.roles import Role
from retaguarda.process import Process
from retaguarda.report.retell import retell
from retaguarda.store.models import Ticket
from retaguarda.tickets.tickets import files_of

OPERATOR = (Role.OPERATOR,)
COLUMNS = {
    "contracts": (
        "Número",
        "Direção",
        "Contraparte",
        "CNPJ",
        "Perfil vendedor",
        "Perfil comprador",
        "Submercado",
        "Tipo de energia",
        "Mês",
        "MWh",
        "Preço",
        "Modulação",
    ),
}
"""The columns of each template, as intake knows them."""
SHOWN = 20
"""Rejected rows that a check shows."""


@page("processes", roles=OPERATOR, name="processes")
def process_list(request: HttpRequest) -> HttpResponse:
    """What can be launched."""
    wanted = house().settings.approvals.processes
    found = [
        {"process": process, "last": queries.last_of(name), "approved": name in wanted} for name, process in sorted(processes().items())
    ]
    return render(request, "processes/list.html", {"found": found})


@page("processes/<str:process>", roles=OPERATOR, methods=("GET", "HEAD", "POST"))
def launch(request: HttpRequest, process: str) -> HttpResponseBase:
    """The form of a process: check it, simulate it, or launch it."""
    if process not in processes():
        raise Http404
    chosen = process_named(process)
    ticket = _ticket(request)
    if request.method != "POST":
        earlier = run_queries.get(request.GET.get("from", ""))
        given = earlier.params if earlier is not None and earlier.process == process else {}
        return _shown(request, forms.empty(chosen, given or _suggested(request, chosen) | (_files_of(chosen, ticket) if ticket else {})))
    form = forms.filled(chosen, request)
    what = request.POST.get("do", "check")
    if not form.is_right:
        return _shown(request, form, status=422)
    if what not in {"simulate", "launch"}:
        return _shown(request, form, checks=_checked(form))
    with transaction.atomic():
        run = actions.launch(process, form.given, dry_run=what == "simulate")
        if ticket and what == "launch":
            house().tickets().work(ticket, run, events.actor())
    return redirect("run", run_id=run.pk)


@page("templates/<str:template>.xlsx", roles=OPERATOR, name="template")
def template_workbook(request: HttpRequest, template: str) -> HttpResponse:  # noqa: ARG001
    """An empty workbook with the columns that a process reads."""
    if template not in COLUMNS:
        raise Http404
    from xlsxwriter import Workbook

    data = io.BytesIO()
    with Workbook(data, {"in_memory": True}) as book:
        sheet, head, text = (
            book.add_worksheet(),
            book.add_format({"bold": True, "bg_color": "#DDEBF9"}),
            book.add_format({"num_format": "@"}),
        )
        sheet.set_column(0, len(COLUMNS[template]) - 1, 18, text)
        sheet.write_row(0, 0, COLUMNS[template], head)
        sheet.freeze_panes(1, 0)
    answer = HttpResponse(data.getvalue(), content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
    answer.headers["Content-Disposition"] = f'attachment; filename="{template}.xlsx"'
    return answer


def _checked(form: forms.Form) -> list[dict[str, str]]:
    """What a look at the form and its files says before anything is launched, each with its tone."""
    told = [{"tone": "good", "text": say("The parameters are right.")}]
    for one in form.fields:
        if one.template == "contracts" and one.value:
            told += _checked_sheet(Path(one.value))
    return told


def _checked_sheet(path: Path) -> list[dict[str, str]]:
    from retaguarda.intake import read_boletas
    from retaguarda.model.contracts import Direction
    from retaguarda.planning import registrations

    try:
        found = read_boletas(path)
    except RetaguardaError as error:
        return [{"tone": "bad", "text": " ".join(filter(None, (path.name, "—", retell(error.text), retell(error.remedy))))}]
    sales = registrations(found.items, Direction.SALE, found.incomplete)
    counts = {"count": len(found.items), "sales": len(sales.registrations), "rejected": len(found.rejections)}
    text = say("{name}: {count} rows read, {sales} registrations of sales, {rejected} rows rejected", name=path.name, **counts)
    told = [{"tone": "warn" if found.rejections else "good", "text": text}]
    for odd in found.rejections[:SHOWN]:
        problems = f"{retell(odd.reason)} {retell(odd.remedy)}"
        told.append({"tone": "warn", "text": say("line {line}: {reason}", line=odd.line, reason=problems)})
    return told


def _shown(request: HttpRequest, form: forms.Form, *, checks: list[dict[str, str]] | None = None, status: int = 200) -> HttpResponse:
    process, person = form.process, person_of(request)
    needs = process.name in house().settings.approvals.processes
    context: dict[str, Any] = {
        "form": form,
        "process": process,
        "limit": _limit(process),
        "queue": actions.queue(),
        "worker": any(house().workers().living(worker) for worker in house().workers().recent() if worker.kind == "worker"),
        "needs_approval": needs,
        "approvers": queries.approvers(person.name if person else "") if needs else [],
        "checks": checks,
    }
    return render(request, "processes/launch.html", context | {"ticket": _ticket(request)}, status=status)


def _suggested(request: HttpRequest, process: Process) -> dict[str, str]:
    """Values that a link of the console fills in, by the parameter's name; whoever launches sees them first."""
    return {one.name: request.GET[one.name][:200] for one in process.parameters if one.name in request.GET}


def _ticket(request: HttpRequest) -> Ticket | None:
    """The request from another area that this launch is for, if it is for one."""
    text = request.GET.get("ticket", "")
    return tickets.get(int(text)) if text.isascii() and text.isdecimal() and len(text) < 16 else None


def _files_of(process: Process, ticket: Ticket) -> dict[str, str]:
    """The files that came with a ticket, for the first parameter that takes files; the e-mail itself is none of them."""
    wanted = next((one.name for one in forms.empty(process, {}).fields if one.kind == "file"), "")
    paths = [file["path"] for file in files_of(ticket) if not file["name"].endswith(".eml")]
    return {wanted: paths[0]} if wanted and paths else {}


def _limit(process: Process) -> int:
    """Seconds that an attempt may take."""
    return process.time_limit or house().settings.jobs.time_limit
