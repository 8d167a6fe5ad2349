"""One screen of a portal: it proves itself before it is read, and everything typed is read back."""

from __future__ import annotations

import datetime as dt
import re
from typing import ClassVar, Self, TypeVar

from playwright.sync_api import Error, Frame, Locator, Page, TimeoutError

from retaguarda.errors import NetworkDown, OutcomeUnknown, PortalChanged, PortalUnavailable, RetaguardaError, SessionLost
from retaguarda.model.acts import Permit
from retaguarda.portal.browser import speaking, translated
from retaguarda.portal.session import Session

P = TypeVar("P", bound="PortalPage")

_STATE = """([want, marks, signedIn, pressed, before]) => {
  if (location.protocol === 'chrome-error:') return 'no answer';
  const seen = e => e.getClientRects().length > 0;
  const text = e => e.textContent.replace(/\\s+/g, ' ').trim();
  const stale = pressed && window.__retaguardaStale === true;
  const heads = [...document.querySelectorAll('h1')].filter(seen).map(text).filter(Boolean);
  const alerts = [...document.querySelectorAll('[role=alert]')].filter(seen).map(text).filter(Boolean);
  const marked = !signedIn || [...document.querySelectorAll('a,button,input[type=submit]')].some(
    e => seen(e) && [text(e), e.value, e.getAttribute('aria-label')].includes(signedIn));
  if (marks.maintenance && heads.includes(marks.maintenance)) return 'maintenance';
  if (alerts.length && (!stale || alerts.join('|') !== before)) return 'alert';
  if (document.readyState === 'loading') return null;
  if ((!want || heads.includes(want)) && marked && !(stale && !(want && want !== window.__retaguardaHeading))) return 'there';
  if (!stale && marks.login && heads.includes(marks.login) && want !== marks.login) return 'login';
  if (stale || document.readyState !== 'complete' || !heads.length || !want || heads.includes(want)) return null;
  window.__retaguardaOther ??= performance.now();  // scripts may still be about to put the right heading there
  return performance.now() - window.__retaguardaOther > 500 ? 'other' : null;
}"""

_MARK_STALE = """() => {
  const seen = e => e.getClientRects().length > 0;
  const text = e => e.textContent.replace(/\\s+/g, ' ').trim();
  const head = [...document.querySelectorAll('h1')].find(seen);
  window.__retaguardaStale = true;
  window.__retaguardaHeading = head ? text(head) : '';
  return [...document.querySelectorAll('[role=alert]')].filter(seen).map(text).filter(Boolean).join('|');
}"""

_ROWS = """caption => {
  const text = e => e.innerText.replace(/\\s+/g, ' ').trim();
  const named = t => t.caption && t.caption.textContent.replace(/\\s+/g, ' ').trim() === caption;
  const table = [...document.querySelectorAll('table')].find(named);
  if (!table) return null;
  const heads = [...(table.tHead ? table.tHead.rows[0].cells : [])].map(text);
  const body = [...table.tBodies].flatMap(b => [...b.rows]).filter(r => r.cells.length === heads.length);
  return {heads, rows: body.map(r => [...r.cells].map(text)), odd: [...table.tBodies].flatMap(b => [...b.rows]).length - body.length};
}"""


class PortalPage:
    """One screen; subclasses name its heading and its verbs."""

    heading: ClassVar[str] = ""
    signed_in: ClassVar[bool] = True
    frame: ClassVar[str] = ""
    """Title of the iframe that holds this screen; what it proves and reads is then the frame's alone."""

    def __init__(self, session: Session) -> None:
        self.session = session
        if self.frame:
            session.expect_frame(self.frame)

    @property
    def page(self) -> Page | Frame:
        """Where this screen is: the browser's page, or the frame in it."""
        if not self.frame:
            return self.session.page
        with speaking(f"looking for the frame {self.frame}"):
            holder = self.session.page.get_by_title(self.frame, exact=True).element_handle()
            if held := holder.content_frame():
                return held
        raise PortalChanged(f"{self.frame!r} is no frame of {self.session.page.url}")

    def prove(self) -> Self:
        """Wait until this screen is there: its heading and, where it needs one, the signed-in marker.

        Raises SessionLost on the sign-in page, PortalUnavailable on the maintenance page, the manifest's error for an
        alert it knows, and PortalChanged for anything else.
        """
        self._raise_unless_there(self._state())
        return self

    def field(self, label: str) -> Locator:
        return self.page.get_by_label(label, exact=True)

    def fill(self, label: str, text: str) -> None:
        """Type into a labelled field and read it back; PortalChanged when it shows something else."""
        with speaking(f"filling {label}"):
            self.field(label).fill(text)
        self._must_show(label, text)

    def fill_secret(self, label: str, text: str) -> None:
        """Type a secret; nothing is read back, the field is masked in pictures, and no other host gets it."""
        self.session.must_be_at_home()
        self.session.mask(self.field(label))
        with speaking(f"filling {label}"):
            self.field(label).fill(text)

    def fill_date(self, label: str, day: dt.date) -> None:
        """Set a date input by ISO text, the only form it takes without silently staying empty."""
        self.fill(label, day.isoformat())

    def choose(self, label: str, option: str) -> None:
        with speaking(f"choosing {option} in {label}"):
            self.field(label).select_option(label=option)
        self._must_show(label, option)

    def value(self, label: str) -> str:
        """What a labelled field shows: an input's value or the chosen option's text."""
        with speaking(f"reading {label}"):
            shown: str = self.field(label).evaluate(
                "e => e.tagName === 'SELECT' ? (e.selectedOptions[0] || {text: ''}).text : e.value ?? e.textContent"
            )
        return " ".join(shown.split())

    def fact(self, term: str) -> str:
        """The description that stands beside `term` in a definition list."""
        with speaking(f"reading {term}"):
            found = self.page.locator("dt").filter(has_text=re.compile(rf"^\s*{re.escape(term)}\s*:?\s*$"))
            return " ".join(found.locator("xpath=following-sibling::dd[1]").inner_text().split())

    def press(self, name: str, then: type[P], role: str = "button") -> P:
        """Press a button or link that does not submit an act, and wait for the screen it leads to."""
        before = self._mark_stale()
        with speaking(f"pressing {name}"):
            self.page.get_by_role(role, name=name, exact=True).click()  # type: ignore[arg-type]
        next_page = then(self.session)
        next_page._raise_unless_there(next_page._state(before))
        return next_page

    def rows(self, caption: str) -> list[dict[str, str]]:
        """The rows of the table with this caption as header → text, read in one go; PortalChanged when it is not there."""
        with speaking(f"reading the table {caption}"):
            found = self.page.evaluate(_ROWS, caption)
        if found is None or not found["heads"]:
            raise PortalChanged(f"no table {caption!r} on {self.heading or self.page.url}")
        if len(set(found["heads"])) != len(found["heads"]):
            raise PortalChanged(f"the table {caption!r} names a column twice: {found['heads']}")
        if found["odd"] and found["rows"]:  # a lone odd row is how portals say that there are none
            raise PortalChanged(f"{found['odd']} rows of the table {caption!r} do not fit its header")
        return [dict(zip(found["heads"], cells, strict=True)) for cells in found["rows"]]

    def stated_total(self, pattern: str) -> int:
        """The count that the page states about its list, e.g. `(\\d+) contratos?`; PortalChanged when it states none."""
        with speaking("reading the stated total"):
            found = re.search(pattern, self.page.locator("body").inner_text())
        if not found:
            raise PortalChanged(f"{self.heading or 'the page'} states no total ({pattern})")
        return int(found[1].replace(".", ""))

    def alerts(self) -> list[str]:
        with speaking("reading alerts"):
            texts = self.page.get_by_role("alert").all_inner_texts()
        return [" ".join(text.split()) for text in texts if text.strip()]

    def submit(self, name: str, permit: Permit, then: type[P]) -> P:
        """The one press of an act.

        Spends the permit, sends one request and proves the answer. Raises what the portal said when it said no;
        PortalChanged when nothing was sent; OutcomeUnknown when it was sent and no proof came.
        """
        before = self._mark_stale()
        answer = then(self.session)
        try:
            with self.session.gate.opened(permit):
                with speaking(f"pressing {name}"):
                    self.page.get_by_role("button", name=name, exact=True).click()
                answer._raise_unless_there(answer._state(before))
        except RetaguardaError as error:
            raise self._after_press(permit, error) from error
        if not permit.used:
            raise self._after_press(permit, PortalChanged(f"{name} sent nothing", remedy="look whether the button does something else now"))
        return answer

    def _after_press(self, permit: Permit, error: RetaguardaError) -> RetaguardaError:
        """What an error at the press means, now that we know whether the request left."""
        if not permit.used and (unnamed := self.session.gate.unnamed):
            permit.use()
            return OutcomeUnknown(f"sent to {unnamed[0]}, which the manifest does not name", remedy="correct [submit] guard in robot.toml")
        said_no = self._declared(error)
        if permit.used and not said_no:
            return OutcomeUnknown(f"sent, but not proven: {self.session.gate.failure or error.text}")
        return error

    def _declared(self, error: RetaguardaError) -> bool:
        return any(type(error).__name__ == alert.means and re.search(alert.says, error.text) for alert in self.session.manifest.alerts)

    def _mark_stale(self) -> str:
        """Tell the page of before from the one to come; returns the alerts that it already shows."""
        with speaking("marking the page"):
            return str(self.page.evaluate(_MARK_STALE))

    def _must_show(self, label: str, text: str) -> None:
        shown = self.value(label)
        if shown != " ".join(text.split()):
            raise PortalChanged(f"field {label!r} shows {shown!r} instead of {text!r}")

    def _state(self, before: str | None = None) -> str:
        """What the page turns out to be; `before` are the alerts that stood there when a button was pressed."""
        pages = self.session.manifest.pages
        marks = {"login": pages.login, "maintenance": pages.maintenance}
        signed_in = pages.signed_in if self.signed_in else ""
        try:
            handle = self.page.wait_for_function(_STATE, arg=[self.heading, marks, signed_in, before is not None, before])
            return str(handle.json_value())
        except TimeoutError:
            return "nothing"
        except Error as error:
            raise translated(error, f"waiting for {self.heading or 'the page'}") from error

    def _raise_unless_there(self, state: str) -> None:
        self.session.must_be_at_home()
        if self.session.gate.stopped:
            raise PortalChanged(f"the page tried to submit to {self.session.gate.stopped.pop()} without a permit: it was stopped")
        if self.session.dialogs:
            raise PortalChanged(f"the portal asked something unknown: {self.session.dialogs.pop()}")
        if state != "there":
            raise self._error_for(state)

    def _error_for(self, state: str) -> RetaguardaError:
        if state == "maintenance":
            return PortalUnavailable(f"the portal is closed: {self._said() or self.session.manifest.pages.maintenance}")
        if state == "login":
            return SessionLost()
        if state == "alert":
            return self.session.error_of(" ".join(self.alerts()))
        if state == "no answer":
            return NetworkDown(f"the connection ended without an answer: {self.session.gate.failure or self.page.url}")
        if self.session.server_error:
            return PortalUnavailable(f"the portal answered {self.session.server_error}: {self._heads()}")
        return PortalChanged(f"expected {self.heading!r}, found {self._heads() or self.page.url!r}")

    def _heads(self) -> str:
        with speaking("reading headings"):
            return " / ".join(self.page.locator("h1:visible").all_inner_texts())

    def _said(self) -> str:
        with speaking("reading the page"):
            return " ".join(self.page.locator("body").inner_text().split())[:200]
