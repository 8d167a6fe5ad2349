"""What internet bankings have in common, whatever system they run on: the way out, other sessions, periods, files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from retaguarda.errors import IncompleteDownload, NotEntitled, PortalChanged
from retaguarda.model.values import Period
from retaguarda.portal import Download, PortalPage

P = TypeVar("P", bound=PortalPage)
LATER = "run it again; when it repeats, compare with the bank's screen"


class LeftPage(PortalPage):
    """The bank's goodbye: no session is left behind."""

    heading = "Sessão encerrada"
    signed_in = False


class SignedInPage(PortalPage):
    """Any page that carries the way out."""

    def leave(self) -> LeftPage:
        """Sign out: a session left behind is in the way of the next sign-in."""
        return self.press("Sair", LeftPage, role="link")


class ConnectedPage(PortalPage):
    """The user has a session elsewhere; going on here ends it."""

    signed_in = False
    button: ClassVar[str] = ""

    def take_over(self, home: type[P]) -> P:
        """End the other session."""
        return self.press(self.button, home)


class LandingPage(PortalPage):
    """Whatever comes after a right secret: the home page, or a word about another session."""

    signed_in = False

    def settle(self, connected: type[ConnectedPage], home: type[P]) -> P:
        """End the user's other session, if there is one, and be at home."""
        if self.shows(connected):
            return connected(self.session).prove().take_over(home)
        return home(self.session).prove()

    def shows(self, screen: type[PortalPage]) -> bool:
        """Whether the bank put this screen there."""
        return self.page.get_by_role("heading", name=screen.heading, exact=True).is_visible()


def choose_account(page: PortalPage, account: str) -> None:
    """Choose the account in the list *Conta*; NotEntitled when the user does not see it."""
    page.value("Conta")  # a page without this field is a changed page, not a missing account
    if account not in page.field("Conta").locator("option").all_inner_texts():
        raise NotEntitled(f"the user does not see account {account} at this bank")
    page.choose("Conta", account)


def must_answer(page: PortalPage, account: str, period: Period) -> None:
    """The page must show the account and the period that were asked for, not only take them: banks shorten periods silently."""
    asked = (account, f"{period.start:%d/%m/%Y} a {period.end:%d/%m/%Y}")
    shown = (page.fact("Conta"), page.fact("Período"))
    if shown != asked:
        raise IncompleteDownload(f"asked for {' '.join(asked)}, the page shows {' '.join(shown)}")


def must_list(stated: int, numbers: Sequence[str]) -> None:
    """PortalChanged unless the page lists as many rows as it states, each with a number of its own."""
    if not stated == len(numbers) == len(set(numbers)):
        raise PortalChanged(f"the page states {stated} rows and lists {', '.join(numbers) or 'none'}")


def saved(page: PortalPage, name: str, role: str = "button", row: str = "") -> Download:
    """Press and save; when nothing comes, what the page says about it is raised rather than the silence."""
    where = page.page.get_by_role("row").filter(has_text=row) if row else page.page
    try:
        return page.session.download(where.get_by_role(role, name=name, exact=True).click)  # type: ignore[arg-type]
    except PortalChanged as error:
        page.prove()
        raise IncompleteDownload(f"no whole file came: {error.text}", remedy="run it again later") from error


def is_web_page(got: Download) -> bool:
    """Whether a web page was saved under a file's name: the session is gone, or the bank failed."""
    return got.read_bytes()[:512].lstrip().lower().startswith((b"<!doctype", b"<html"))


def cnab240_lines(got: Download) -> list[str]:
    """The lines of a whole CNAB 240 file; none when its trailer does not count them."""
    lines = got.read_bytes().decode("latin-1").splitlines()
    return lines if lines and lines[-1][7:8] == "9" and lines[-1][23:29] == f"{len(lines):06d}" else []


def whole_return(got: Download, number: str) -> Download:
    """The file, when it is a whole CNAB 240 and carries the NSA of its row; IncompleteDownload otherwise."""
    lines = cnab240_lines(got)
    if not lines:
        raise IncompleteDownload(f"retorno {number} is not a whole CNAB 240 file ({got.size} bytes)", remedy=LATER)
    if lines[0][157:163] != number:
        raise IncompleteDownload(f"asked for retorno {number}, the bank sent {lines[0][157:163]}", remedy=LATER)
    return got
