"""The screens of Sao, Tryton's web client: lists, the export dialog, and bank statements.

Screens are opened by address, which carries the model and the filter and survives translations and versions; the client
writes the address of what it shows back, and that proves the list. Fields and buttons are found by Tryton's own names.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self
from urllib.parse import quote

from playwright.sync_api import Locator, Response, TimeoutError

from retaguarda.errors import CredentialRefused, PortalChanged, PortalUnavailable, SessionLost
from retaguarda.model.acts import Permit
from retaguarda.portal import Download, PortalPage, Secret
from retaguarda.portal.browser import speaking

Domain = Sequence[Any]
_count = itertools.count(1)

_STATE = """([look, signedIn, isLogin]) => {
  const seen = e => !!e && e.getClientRects().length > 0;
  const all = s => [...document.querySelectorAll(s)].filter(seen);
  const pane = s => document.querySelector('#tabcontent > .tab-pane.active ' + s);
  const words = '.message-dialog, .warning-dialog, .user-warning-dialog, .error-dialog';
  if (all('.modal.in').some(e => e.matches(words))) return 'alert';
  if (!isLogin && all('.login-dialog, .ask-dialog input[type=password]').length) return 'login';
  const busy = !window.jQuery || jQuery.active > 0;
  if (busy || window.__calm?.look !== look) window.__calm = {look, since: performance.now(), looks: 0};
  if (busy || ++window.__calm.looks < 8 || performance.now() - window.__calm.since < 200) return null;
  if (signedIn && !all('#user-preferences > a').length) return null;
  return (LANDMARK) ? 'there' : null;
}"""
# the client works in steps: between the answer to a search and the reading of what it found it is idle for a moment

_HOME = """home => {
  if (document.querySelector('#tablist button.close, .modal.in')) return false;
  const there = location.hash === home;
  location.hash = home;
  return there;
}"""
# the client answers to its own change of address a moment later; one set before that would be opened twice

_RECORDS = """root => [...root.querySelectorAll('.treeview tbody > tr:not(.more-row)')].map(row => Object.fromEntries(
  [...row.querySelectorAll(':scope > td[data-title]')].map(cell => [
    cell.dataset.title.replace(/[\\s:]+$/, ''),
    ((cell.querySelector('.widget') || cell).textContent || '').replace(/\\s+/g, ' ').trim()])))"""

_FACTS = """pane => {
  const seen = s => [...pane.querySelectorAll(s)].find(e => e.getClientRects().length);
  return {reference: seen('input[name=name]').value, total: seen('input[name=total_amount]').value,
    journal: pane.querySelector('select[name=journal]').selectedOptions[0].text, state: JSON.parse(seen('select[name=state]').value)};
}"""

_CHOOSE = """(dialog, [add, paths]) => {
  const offered = dialog.querySelector('ul.column-fields');
  const field = path => offered.querySelector(`li[path="${path}"]`);
  for (const path of paths) {
    const steps = path.split('/');
    for (let i = 1; i < steps.length; i++) {
      const parent = steps.slice(0, i).join('/');
      if (!offered.querySelector(`li[path^="${parent}/"]`)) field(parent)?.querySelector('img').click();
    }
    if (!field(path)) return path;
    field(path).click();
    add.click();
  }
  return '';
}"""
# one evaluation instead of two presses a field: the client takes a tenth of the time


class SaoPage(PortalPage):
    """A screen of the client: it is there when its landmark holds, the client is idle and nobody asks for a password."""

    landmark = "true"
    login: ClassVar[bool] = False

    @property
    def pane(self) -> Locator:
        """The tab that is shown; hidden tabs keep their own active panes, hence the child selector."""
        return self.page.locator("#tabcontent > .tab-pane.active")

    def open(self, path: str) -> None:
        """Open a screen by its address in a new tab, so that nothing of an earlier look is shown."""
        if self.page.locator(".login-dialog:visible, .ask-dialog input[type=password]:visible").count():
            raise SessionLost
        self._clear()
        self.session.goto(f"/#{self.database}/{path}")

    def _clear(self) -> None:
        """Close windows, by the button that does nothing where there is one, and tabs."""
        with speaking("closing what is open"):
            for window in reversed(self.page.locator(".modal.in").all()):
                window.locator(".modal-footer").locator(".btn-link, .btn-primary:only-child").first.click()
                window.wait_for(state="hidden")
            for tab in reversed(self.page.locator("#tablist button.close").all()):
                tab.click()
            self.page.wait_for_function(_HOME, arg=f"#{self.database}")
            self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")

    @property
    def database(self) -> str:
        return self.session.account or "erp"

    def _state(self, before: str | None = None) -> str:  # noqa: ARG002 - the landmark tells the new screen from the old one
        told = [next(_count), self.signed_in, self.login]
        with speaking(f"waiting for {self.heading}"):
            try:
                return str(self.page.wait_for_function(_STATE.replace("LANDMARK", self.landmark), arg=told).json_value())
            except TimeoutError:
                return "nothing"

    def _heads(self) -> str:
        return f"{self.page.title()} ({self.page.url.partition('#')[2][:120]})"

    def _press(self, button: Locator) -> None:
        with speaking(f"pressing on {self.heading}"):
            button.click()


class LoginPage(SaoPage):
    """First step: the user; the address names the database."""

    heading = "Entrar"
    signed_in = False
    login = True
    landmark = "seen(document.querySelector('.login-dialog #login'))"

    def enter(self) -> Self:
        """Come to the entrance; a session that is still open in the browser is forgotten first."""
        if self.page.url.startswith("http"):
            with speaking("forgetting the session"):
                self.page.evaluate("() => { localStorage.clear(); window.onbeforeunload = null; }")
        self.session.goto(f"/?{next(_count)}#{self.database}")
        return self.prove()

    def identify(self, user: str) -> PasswordPage:
        with speaking("filling the user"):
            self.page.locator(".login-dialog #login").fill(user)
        self._press(self.page.locator(".login-dialog button[type=submit]"))
        return PasswordPage(self.session).prove()


class PasswordPage(SaoPage):
    """Second step: the password, asked again when it was wrong."""

    heading = "Senha"
    signed_in = False
    login = True
    landmark = "seen(document.querySelector('.ask-dialog input[type=password]'))"

    def enter(self, password: Secret) -> HomePage:
        """Send the password once; CredentialRefused when the client asks for it again."""
        self.session.must_be_at_home()
        with speaking("entering the password"):
            asked = self.page.locator(".ask-dialog input[type=password]").element_handle()
            asked.fill(password.reveal())
            with self.session.page.expect_response(_calls("common.db.login")) as answered:
                self.page.locator(".ask-dialog .btn-primary").click()
            refused = answered.value.status == 401 or "error" in _json(answered.value)
            asked.wait_for_element_state("hidden")
        if refused:
            raise CredentialRefused("Tryton asks for the password again: user or password is wrong")
        return HomePage(self.session).prove()


class HomePage(SaoPage):
    """The menu: proof of having signed in."""

    heading = "Menu"
    landmark = "all('#menu .treeview').length"

    def leave(self) -> LoginPage:
        """Sign out by the user's menu; with open tabs the client would ask first."""
        self._clear()
        self._press(self.page.locator("#user-preferences > a"))
        self._press(self.page.locator("#user-preferences").get_by_text(self.session.manifest.pages.signed_in, exact=True))
        return LoginPage(self.session).prove()


class ListPage(SaoPage):
    """The records of a model under a filter, all of them; it proves itself by address and stated total."""

    model: ClassVar[str] = ""

    def look(self, domain: Domain) -> Self:
        """Open the list and wait until the screen states as many records as the client's search answered."""
        told = json.dumps(domain, separators=(",", ":"))
        with (
            speaking(f"opening the list of {self.model}"),
            self.session.page.expect_response(_calls(f"model.{self.model}.search")) as answered,
        ):
            self.open(f"model/{self.model};limit=null&domain={quote(told, safe='')}")
        self.ids: list[int] = self._answered(answered.value)
        self.landmark = f"""(pane('.badge') || {{}}).innerText?.endsWith('/{len(self.ids)}')
            && pane('.treeview tbody') && decodeURIComponent(location.hash).includes({json.dumps(f"/model/{self.model};")})
            && decodeURIComponent(location.hash).includes({json.dumps("domain=" + told)})"""
        return self.prove()

    def records(self) -> list[dict[str, str]]:
        """Every record as label → text; PortalChanged when fewer can be shown than the list states."""
        return shown_records(self.pane, len(self.ids))

    def export(self, fields: Mapping[str, str]) -> Download:
        """The whole list as CSV with these fields (Tryton's path → header the file must have)."""
        self._press(self.pane.locator(".title").first)
        self._press(self.pane.locator("a#export"))
        return ExportDialog(self.session).prove().save(fields)

    def _answered(self, answer: Response) -> list[int]:
        if answer.status == 401:
            raise SessionLost
        if answer.status >= 500:
            raise PortalUnavailable(f"Tryton answered {answer.status}")
        found = _json(answer).get("result")
        if found is None:
            self.prove()
            raise PortalChanged(f"Tryton does not list {self.model}")
        return list(found)


class ExportDialog(SaoPage):
    """Choosing what the CSV file holds; labels are the client's, fields are told by their paths."""

    heading = "Exportar CSV"
    landmark = "all('.modal.csv ul.column-fields').length === 2 && all('.modal.csv ul.column-fields:first-of-type > li').length > 5"

    @property
    def dialog(self) -> Locator:
        return self.page.locator(".modal.csv")

    def save(self, fields: Mapping[str, str]) -> Download:
        """Choose exactly these fields, all listed records, comma-separated, and save."""
        with speaking("choosing the fields to export"):
            self.dialog.get_by_role("button", name="Limpar", exact=True).click()
            add = self.dialog.get_by_role("button", name="Adicionar", exact=True).element_handle()
            missing = self.dialog.evaluate(_CHOOSE, [add, list(fields)])
            self.dialog.locator("#input-records").select_option("false")
            self.dialog.get_by_label("Ignorar o limite de busca").check()
            self.dialog.get_by_text("Parâmetros CSV").click()
            self.dialog.get_by_label("Usar formato local").uncheck()  # it writes 223680.00 as 223.680
            separator = self.dialog.locator("#input-delimiter")
            if separator.input_value() != ",":  # on Windows the client proposes a semicolon
                separator.fill(",")
            kept = self.dialog.locator("ul.column-fields").nth(1).locator("> li")
            chosen = kept.evaluate_all("all => all.map(e => e.getAttribute('path'))")
        if missing or chosen != list(fields):
            raise PortalChanged(f"the export dialog offers no {missing}" if missing else f"the export dialog holds {', '.join(chosen)}")
        return self.session.download(self.dialog.locator(".modal-footer .btn-primary").click)


class ContractsPage(ListPage):
    """Energia / Contratos de energia."""

    heading = "Contratos de energia"
    model = "energy.contract"


class InvoicesPage(ListPage):
    """Contabilidade / Faturas."""

    heading = "Faturas"
    model = "account.invoice"


class StatementsPage(ListPage):
    """Contabilidade / Extratos bancários."""

    heading = "Extratos"
    model = "account.statement"


class LinesPage(ListPage):
    """The lines of bank statements."""

    heading = "Linhas de extratos"
    model = "account.statement.line"


class ImportPage(SaoPage):
    """The assistant that makes a draft statement from a bank's file."""

    heading = "Importar extrato"
    landmark = "all('.modal.in').length === 1 && all('.modal.in select[name=file_format]').length"

    def bring(self, name: str, content: bytes) -> DraftPage:
        """Import an OFX file; the draft that it becomes is shown."""
        window = self.page.locator(".modal.in")
        with speaking("importing the statement"):
            window.locator("input[type=file]").set_input_files({"name": name, "mimeType": "application/x-ofx", "buffer": content})
            self.page.wait_for_function("() => /^[1-9]/.test(document.querySelector('.modal.in input[name=file_]').value)")
            window.locator("select[name=file_format]").select_option(value='"ofx"')  # the client's values are JSON
            window.locator(".modal-footer .btn-primary").click()
        return DraftPage(self.session).prove()


def _standing(state: str, button: str = "") -> str:
    """What proves the form of a statement in `state`, with the button that takes it further."""
    form = "location.hash.includes('/model/account.statement/') && (pane('input[name=name]') || {}).value && !all('.modal.in').length"
    then = f" && all('button[name={button}]').length" if button else ""
    return f"{form} && pane('select[name=state]').value === '\"{state}\"'{then}"


class StatementPage(SaoPage):
    """The form of a bank statement with its lines; a subclass a state."""

    def facts(self) -> dict[str, str]:
        """What the form says: `reference`, `journal`, `total` as `1.234,56`, `state` as draft, validated, posted or cancelled."""
        with speaking("reading the statement"):
            return dict(self.pane.evaluate(_FACTS))

    def lines(self) -> list[dict[str, str]]:
        """The lines as label → text, as many as the screen states."""
        block = self.pane.locator(".form-one2many", has=self.page.locator(".treeview")).first
        with speaking("reading the lines"):
            stated = re.search(r"/\s*(\d+)$", block.locator(".badge").first.inner_text())
        if not stated:
            raise PortalChanged("the statement does not state how many lines it has")
        return shown_records(block, int(stated[1]))


class DraftPage(StatementPage):
    """A statement of which nothing is booked yet."""

    heading = "Extrato em rascunho"
    landmark = _standing("draft", "validate_statement")

    def apply_rules(self) -> Self:
        """Let Tryton bind its lines to invoices: a preparation, no act."""
        with speaking("applying the rules"), self.session.page.expect_response(_calls("model.account.statement.apply_rules")):
            self.pane.locator("button[name=apply_rules]:visible").click()
        return self.prove()

    def advance(self, permit: Permit) -> None:
        """The one press that makes the moves and reconciles the invoices; the client asks nothing."""
        with speaking("reading the button"):
            name = (self.pane.locator("button[name=validate_statement]:visible").text_content() or "").strip()  # inner_text is in capitals
        self.submit(name, permit, ValidatedPage)


class ValidatedPage(StatementPage):
    """A statement whose moves are made and whose invoices are reconciled; it can still be cancelled."""

    heading = "Extrato validado"
    landmark = _standing("validated", "post")

    def advance(self, permit: Permit) -> None:
        """The one press that books for good, by the client's question whether one is sure."""
        self._press(self.pane.locator("button[name=post]:visible"))
        ConfirmPage(self.session).prove().submit("OK", permit, PostedPage)


class ConfirmPage(SaoPage):
    """The client's question whether one is sure."""

    heading = "Confirmação"
    landmark = "all('.modal.in.confirmation-dialog .btn-primary').length"


class PostedPage(StatementPage):
    """A statement that is booked for good."""

    heading = "Extrato confirmado"
    landmark = _standing("posted")


def shown_records(root: Locator, stated: int) -> list[dict[str, str]]:
    """The rows of the list in `root`, once all are shown: the client shows more of them when the end comes into sight."""
    with speaking("reading the list"):
        for _ in range(stated // 10 + 2):
            found: list[dict[str, str]] = root.evaluate(_RECORDS)
            if len(found) >= stated:
                break
            root.evaluate("root => root.querySelector('tr.more-row button')?.click()")
            root.locator(".treeview tbody > tr:not(.more-row)").nth(len(found)).wait_for(state="attached")
    if len(found) != stated:
        raise PortalChanged(f"the list states {stated} records and shows {len(found)}")
    return found


def _calls(method: str) -> Callable[[Response], bool]:
    """Tells the answer to the client's own request for `method`, or to one that fails before it."""
    mark = f'"method":"{method}"'
    return lambda answer: (
        answer.request.method == "POST" and (mark in (answer.request.post_data or "") or (answer.status >= 400 and "/rpc/" in answer.url))
    )


def _json(response: Response) -> dict[str, Any]:
    """The server's answer; empty when it is an error of HTTP."""
    found: dict[str, Any] = response.json() if response.ok else {}
    return found
