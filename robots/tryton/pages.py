"""The screens of Sao, Tryton's web client: lists, the export dialog, and bank statements.

Screens are opened by address, which carries the model and the filter and survives translations and versions; the client
writes the address of what it shows back, and that proves the list. Fields and buttons are found by Tryton's own names.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Self, TypeVar
from urllib.parse import quote

from playwright.sync_api import Error, Locator, Response

from retaguarda.errors import CredentialRefused, PortalChanged, PortalUnavailable, SessionLost
from retaguarda.model.acts import Permit
from retaguarda.portal import Download, PortalPage, Secret
from retaguarda.portal.browser import translated

S = TypeVar("S", bound="SaoPage")
Domain = Sequence[Any]
PANE = "#tabcontent > .tab-pane.active"
_fresh = itertools.count(1)

_STATE = """([signedIn, isLogin]) => {
  const seen = e => !!e && e.getClientRects().length > 0;
  const all = s => [...document.querySelectorAll(s)].filter(seen);
  const pane = s => document.querySelector('#tabcontent > .tab-pane.active ' + s);
  const words = '.message-dialog, .warning-dialog, .user-warning-dialog, .error-dialog';
  if (all('.modal.in').some(e => e.matches(words))) return 'alert';
  if (!isLogin && all('.login-dialog, .ask-dialog input[type=password]').length) return 'login';
  const busy = !window.jQuery || jQuery.active > 0;
  window.__calmSince = busy ? undefined : window.__calmSince ?? performance.now();
  if (busy || performance.now() - window.__calmSince < 250) return null;
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
        return self.page.locator(PANE)

    def open(self, path: str) -> None:
        """Open a screen by its address in a new tab, so that nothing of an earlier look is shown."""
        if self.page.locator(".login-dialog:visible, .ask-dialog input[type=password]:visible").count():
            raise SessionLost
        self._clear()
        self.session.goto(f"/#{self.database}/{path}")

    def _clear(self) -> None:
        """Close windows, by the button that does nothing where there is one, and tabs."""
        with _translating("closing what is open"):
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

    def alerts(self) -> list[str]:
        """What the client says in its message windows; questions and the sign of being busy are no alerts."""
        with _translating("reading alerts"):
            texts = self.page.locator(".modal.in:not(.confirmation-dialog) [role=alert]").all_inner_texts()
        return [" ".join(text.split()) for text in texts if text.strip()]

    def click(self, button: str, then: type[S]) -> S:
        """Press a button of the form that is no act, by Tryton's name for it."""
        self._doing(self.pane.locator(f"button[name={button}]:visible").click)
        return then(self.session).prove()

    def _state(self, before: str) -> str:  # noqa: ARG002 - the landmark tells the new screen from the old one
        with _translating(f"waiting for {type(self).__name__}"):
            try:
                found = self.page.wait_for_function(_STATE.replace("LANDMARK", self.landmark), arg=[self.signed_in, self.login])
            except Error as error:
                if "Timeout" in error.message:
                    return "nothing"
                raise
            return str(found.json_value())

    def _heads(self) -> str:
        return f"{self.page.title()} ({self.page.url.partition('#')[2][:120]})"

    def _doing(self, action: Any) -> None:
        with _translating("pressing"):
            action()


class LoginPage(SaoPage):
    """First step: the user; the address names the database."""

    heading = "Entrar"
    signed_in = False
    login = True
    landmark = "seen(document.querySelector('.login-dialog #login'))"

    def enter(self) -> Self:
        """Come to the entrance; a session that is still open in the browser is forgotten first."""
        if self.page.url.startswith("http"):
            with _translating("forgetting the session"):
                self.page.evaluate("() => { localStorage.clear(); window.onbeforeunload = null; }")
        self.session.goto(f"/?{next(_fresh)}#{self.database}")
        return self.prove()

    def identify(self, user: str) -> PasswordPage:
        self._doing(lambda: self.page.locator(".login-dialog #login").fill(user))
        self._doing(self.page.locator(".login-dialog button[type=submit]").click)
        return PasswordPage(self.session).prove()


class PasswordPage(SaoPage):
    """Second step: the password, asked again when it was wrong."""

    heading = "Senha"
    signed_in = False
    login = True
    landmark = "seen(document.querySelector('.ask-dialog input[type=password]'))"

    def enter(self, password: Secret) -> HomePage:
        """Send the password once; CredentialRefused when the client asks for it again."""
        asked = self.page.locator(".ask-dialog input[type=password]").element_handle()
        with _translating("entering the password"):
            self.page.locator(".ask-dialog input[type=password]").fill(password.reveal())
            with self.page.expect_response(_calls("common.db.login")) as answered:
                self.page.locator(".ask-dialog .btn-primary").click()
            refused = answered.value.status == 401 or "error" in _json(answered.value)
            asked.wait_for_element_state("hidden")
        if refused:
            raise CredentialRefused("Tryton asks for the password again: user or password is wrong")
        return HomePage(self.session).prove()


class HomePage(SaoPage):
    """The menu: proof of having signed in."""

    landmark = "all('#menu .treeview').length"

    def leave(self) -> LoginPage:
        """Sign out by the user's menu; with open tabs the client would ask first."""
        self._clear()
        self._doing(self.page.locator("#user-preferences > a").click)
        self._doing(self.page.locator("#user-preferences").get_by_text(self.session.manifest.pages.signed_in, exact=True).click)
        return LoginPage(self.session).prove()


class ListPage(SaoPage):
    """The records of a model under a filter, all of them; it proves itself by address and stated total."""

    model: ClassVar[str] = ""

    def look(self, domain: Domain) -> Self:
        """Open the list and wait until the screen states as many records as the client's search answered."""
        told = json.dumps(domain, separators=(",", ":"))
        with _translating(f"opening the list of {self.model}"), self.page.expect_response(_calls(f"model.{self.model}.search")) as answered:
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
        self._doing(self.pane.locator(".title").first.click)
        self._doing(self.pane.locator("a#export").click)
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

    landmark = "all('.modal.csv ul.column-fields').length === 2 && all('.modal.csv ul.column-fields:first-of-type > li').length > 5"

    @property
    def dialog(self) -> Locator:
        return self.page.locator(".modal.csv")

    def save(self, fields: Mapping[str, str]) -> Download:
        """Choose exactly these fields, all listed records, comma-separated, and save."""
        with _translating("choosing the fields to export"):
            self.dialog.get_by_role("button", name="Limpar", exact=True).click()
            add = self.dialog.get_by_role("button", name="Adicionar", exact=True).element_handle()
            missing = self.dialog.evaluate(_CHOOSE, [add, list(fields)])
            self.dialog.locator("#input-records").select_option("false")
            self.dialog.get_by_label("Ignorar o limite de busca").check()
            self.dialog.get_by_text("Parâmetros CSV").click()
            self.dialog.locator("#input-delimiter").fill(",")  # on Windows the client proposes a semicolon
            chosen = (
                self.dialog.locator("ul.column-fields").nth(1).locator("> li").evaluate_all("all => all.map(e => e.getAttribute('path'))")
            )
        if missing or chosen != list(fields):
            raise PortalChanged(f"the export dialog offers no {missing}" if missing else f"the export dialog holds {', '.join(chosen)}")
        return self.session.download(self.dialog.locator(".modal-footer .btn-primary").click)


class ContractsPage(ListPage):
    """Energia / Contratos de energia."""

    model = "energy.contract"


class InvoicesPage(ListPage):
    """Contabilidade / Faturas."""

    model = "account.invoice"


class StatementsPage(ListPage):
    """Contabilidade / Extratos bancários."""

    model = "account.statement"


class LinesPage(ListPage):
    """The lines of bank statements."""

    model = "account.statement.line"


class ImportPage(SaoPage):
    """The assistant that makes a draft statement from a bank's file."""

    landmark = "all('.modal.in').length === 1 && all('.modal.in select[name=file_format]').length"

    def bring(self, name: str, content: bytes) -> StatementPage:
        """Import an OFX file; the draft that it becomes is shown."""
        window = self.page.locator(".modal.in")
        with _translating("importing the statement"):
            window.locator("input[type=file]").set_input_files({"name": name, "mimeType": "application/x-ofx", "buffer": content})
            self.page.wait_for_function("() => /^[1-9]/.test(document.querySelector('.modal.in input[name=file_]').value)")
            window.locator("select[name=file_format]").select_option(value='"ofx"')  # the client's values are JSON
            window.locator(".modal-footer .btn-primary").click()
        return StatementPage(self.session).prove()


class StatementPage(SaoPage):
    """A bank statement with its lines, whatever its state."""

    landmark = "location.hash.includes('/model/account.statement/') && (pane('input[name=name]') || {}).value && !all('.modal.in').length"

    @property
    def state(self) -> str:
        """draft, validated, posted or cancelled."""
        return str(json.loads(self._shown("select[name=state]")))

    @property
    def reference(self) -> str:
        return self._shown("input[name=name]")

    @property
    def total(self) -> str:
        """Montante Total as it stands on the screen, e.g. `1.234,56`."""
        return self._shown("input[name=total_amount]")

    @property
    def journal(self) -> str:
        with _translating("reading the journal"):
            return str(self.pane.locator("select[name=journal]").evaluate("e => e.selectedOptions[0].text"))

    def lines(self) -> list[dict[str, str]]:
        """The lines as label → text, as many as the screen states."""
        block = self.pane.locator(".form-one2many", has=self.page.locator(".treeview")).first
        with _translating("reading the lines"):
            stated = re.search(r"/\s*(\d+)$", block.locator(".badge").first.inner_text())
        if not stated:
            raise PortalChanged("the statement does not state how many lines it has")
        return shown_records(block, int(stated[1]))

    def post(self, permit: Permit) -> None:
        """The one press: confirm the client's question, and see the statement posted."""
        self._doing(self.pane.locator("button[name=post]:visible").click)
        ConfirmPage(self.session).prove().submit("OK", permit, PostedPage)

    def _shown(self, field: str) -> str:
        with _translating(f"reading {field}"):
            return self.pane.locator(f"{field}:visible").first.input_value()


class ValidatedPage(StatementPage):
    """A statement whose moves are made and whose invoices are reconciled; it can still be cancelled."""

    landmark = StatementPage.landmark + " && pane('select[name=state]').value === '\"validated\"' && all('button[name=post]').length"


class ConfirmPage(SaoPage):
    """The client's question whether one is sure."""

    landmark = "all('.modal.in.confirmation-dialog .btn-primary').length"


class PostedPage(StatementPage):
    """A statement that is booked for good."""

    landmark = StatementPage.landmark + " && pane('select[name=state]').value === '\"posted\"'"


def shown_records(root: Locator, stated: int) -> list[dict[str, str]]:
    """The rows of the list in `root`, once all are shown: the client shows more of them when the end comes into sight."""
    with _translating("reading the list"):
        for _ in range(stated // 10 + 2):
            found: list[dict[str, str]] = root.evaluate(_RECORDS)
            if len(found) >= stated:
                break
            root.evaluate("root => root.querySelector('tr.more-row button')?.click()")
            root.locator(".treeview tbody > tr:not(.more-row)").nth(len(found)).wait_for(state="attached")
    if len(found) != stated:
        raise PortalChanged(f"the list states {stated} records and shows {len(found)}")
    return found


def _calls(method: str) -> Any:
    """Tells the client's own request for `method`, to wait for its answer."""
    mark = f'"method":"{method}"'
    return lambda response: response.request.method == "POST" and mark in (response.request.post_data or "")


def _json(response: Response) -> dict[str, Any]:
    if response.status >= 400:
        return {}
    found: dict[str, Any] = response.json()
    return found


@contextmanager
def _translating(what: str) -> Iterator[None]:
    try:
        yield
    except Error as error:
        raise translated(error, what) from error
