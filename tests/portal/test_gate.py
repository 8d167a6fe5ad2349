"""The gate before every act: nothing is submitted without a permit, nothing twice, and every end of a press has its name."""

from __future__ import annotations

import pytest

from retaguarda.errors import NetworkDown, OutcomeUnknown, PortalChanged, Refused
from retaguarda.model.acts import Permit
from retaguarda.portal import PortalPage, Session
from tests.portal.conftest import Opener
from tests.portal.pages_server import Exchange, Pages, screen
from tests.sandbox_fixtures import eventually

pytestmark = pytest.mark.browser
REVIEW = screen("Conferência", '<form method="post" action="/act"><input name="n" value="1"><button>Concluir</button></form>')


class ReviewPage(PortalPage):
    heading = "Conferência"


class EnterPage(PortalPage):
    heading = "Acesso"
    signed_in = False


class ReceiptPage(PortalPage):
    heading = "Registrado"


@pytest.fixture
def portal(portal: Pages) -> Pages:
    portal.answers |= {"/review": REVIEW, "POST /act": screen("Registrado"), "/": screen("Início")}
    return portal


def review(session: Session) -> ReviewPage:
    session.goto("/review")
    return ReviewPage(session).prove()


def press(session: Session, permit: Permit) -> ReceiptPage:
    return review(session).submit("Concluir", permit, ReceiptPage)


def test_one_press_is_one_post_and_spends_the_permit(session: Session, portal: Pages) -> None:
    permit = Permit("R-1", 1)
    assert press(session, permit).heading == "Registrado"
    assert permit.used
    assert portal.asked["POST /act"] == 1


def test_the_form_arrives_whole_and_a_redirect_is_followed(session: Session, portal: Pages) -> None:
    bodies: list[bytes] = []

    def take(exchange: Exchange) -> None:
        bodies.append(exchange.body)
        exchange.redirect("/done", 303)

    portal.answers |= {"POST /act": take, "GET /done": screen("Registrado")}
    press(session, Permit("R-1", 1))
    assert bodies == [b"n=1"]
    assert portal.asked["GET /done"] == 1


def test_a_permit_that_is_too_old_lets_nothing_leave(session: Session, portal: Pages) -> None:
    with pytest.raises(NetworkDown):
        press(session, permit := Permit("R-1", 1, lambda: True))
    assert (permit.used, portal.asked["POST /act"]) == (False, 0)


def test_without_a_permit_nothing_leaves_and_it_is_noticed(session: Session, portal: Pages) -> None:
    with pytest.raises(PortalChanged, match="tried to submit to /act without a permit"):
        review(session).press("Concluir", ReceiptPage)
    session.goto("/review")
    session.page.evaluate("fetch('/act', {method: 'POST', body: new Uint8Array([255, 0])}).catch(e => 0)")
    with pytest.raises(PortalChanged, match="tried to submit to /act without a permit"):
        ReviewPage(session).prove()
    assert portal.asked["POST /act"] == 0


def test_a_spent_permit_lets_nothing_through(session: Session, portal: Pages) -> None:
    permit = Permit("R-1", 1)
    press(session, permit)
    with pytest.raises(OutcomeUnknown):
        press(session, permit)
    assert portal.asked["POST /act"] == 1


def test_two_clicks_on_the_button_are_one_post(session: Session, portal: Pages) -> None:
    portal.answers["/review"] = REVIEW.replace("<button>", """<button onclick="setTimeout(() => this.form.requestSubmit(), 0)">""")
    portal.answers["POST /act"] = screen("Registrado")
    permit = Permit("R-1", 1)
    try:
        press(session, permit)
    except OutcomeUnknown:
        assert permit.used
    assert portal.asked["POST /act"] == 1


@pytest.mark.parametrize("times", range(3))
def test_a_cut_connection_is_one_post_and_an_unknown_outcome(session: Session, portal: Pages, times: int) -> None:
    portal.answers["POST /act"] = Exchange.cut
    permit = Permit("R-1", 1)
    with pytest.raises(OutcomeUnknown, match="sent, but not proven"):
        press(session, permit)
    assert permit.used
    session.goto("/")
    assert portal.asked["POST /act"] == 1


def test_by_a_plain_click_chromium_would_send_it_twice_and_the_outcome_is_unknown(open_at: Opener, portal: Pages) -> None:
    """The reason for `via = "fetch"`; should this ever count one POST, Chromium has changed."""
    portal.answers["POST /act"] = Exchange.cut
    session = open_at(submit={"guard": ["/act"], "via": "click"})
    with pytest.raises(OutcomeUnknown):
        press(session, Permit("R-1", 1))
    assert portal.asked["POST /act"] == 2


@pytest.mark.parametrize("times", range(3))
def test_a_password_whose_answer_is_cut_is_sent_once(session: Session, portal: Pages, times: int) -> None:
    portal.answers["/enter"] = screen("Acesso", '<form method="post" action="/in"><input name="p"><button>Entrar</button></form>')
    portal.answers["POST /in"] = Exchange.cut
    session.goto("/enter")
    with pytest.raises(NetworkDown, match="the connection ended without an answer"), session.gate.sending_once():
        EnterPage(session).press("Entrar", ReceiptPage)
    assert portal.asked["POST /in"] == 1


def test_signing_in_follows_redirects_keeps_cookies_and_lets_no_act_pass(session: Session, portal: Pages) -> None:
    def take(exchange: Exchange) -> None:
        exchange.send("", 303, Location="/home", Set_Cookie="sid=1; HttpOnly")

    def home(exchange: Exchange) -> None:
        exchange.send(screen("Registrado" if exchange.headers.get("Cookie") == "sid=1" else "Acesso"))

    portal.answers["/enter"] = screen("Acesso", '<form method="post" action="/in"><input name="p"><button>Entrar</button></form>')
    portal.answers |= {"POST /in": take, "GET /home": home}
    session.goto("/enter")
    with session.gate.sending_once():
        EnterPage(session).press("Entrar", ReceiptPage)
        session.page.evaluate("fetch('/act', {method: 'POST'}).catch(e => 0)")
    assert (portal.asked["POST /in"], portal.asked["POST /act"]) == (1, 0)
    assert session.gate.stopped == ["/act"]


def test_what_the_portal_refuses_is_refused_in_its_words(session: Session, portal: Pages) -> None:
    portal.answers["POST /act"] = screen("Conferência", '<div role="alert">O perfil comprador está inativo</div>')
    permit = Permit("R-1", 1)
    with pytest.raises(Refused, match=r"^O perfil comprador está inativo$"):
        press(session, permit)
    assert permit.used


@pytest.mark.parametrize(
    "answer",
    [
        screen("Conferência", '<div role="alert">Algo novo</div>'),
        screen("Acesso", signed_in=False),
        screen("Em manutenção", signed_in=False),
        screen("Outra tela"),
        screen("Registrado", signed_in=False),
        lambda exchange: exchange.send(screen("Erro interno"), 500),
        lambda exchange: exchange.send("", 204),
    ],
    ids=["unknown alert", "login", "maintenance", "other screen", "unproven receipt", "error 500", "no content"],
)
def test_any_other_answer_to_a_press_is_an_unknown_outcome(session: Session, portal: Pages, answer: object) -> None:
    portal.answers["POST /act"] = answer  # type: ignore[assignment]
    permit = Permit("R-1", 1)
    with pytest.raises(OutcomeUnknown):
        press(session, permit)
    assert permit.used
    assert portal.asked["POST /act"] == 1


def test_a_button_that_sends_nothing_leaves_the_permit_unspent(session: Session, portal: Pages) -> None:
    portal.answers["/review"] = screen("Conferência", "<button>Concluir</button>")
    permit = Permit("R-1", 1)
    with pytest.raises(PortalChanged):
        press(session, permit)
    assert not permit.used
    portal.answers["/review"] = screen("Conferência", "<button onclick=\"if (confirm('Certeza?')) fetch('/act')\">Concluir</button>")
    with pytest.raises(PortalChanged, match=r"asked something unknown: Certeza\?"):
        press(session, permit)
    assert not permit.used


def test_an_act_sent_where_the_manifest_does_not_look_is_unknown_and_never_taken_for_unsent(session: Session, portal: Pages) -> None:
    portal.answers |= {"/review": REVIEW.replace('"/act"', '"/v2/act"'), "POST /v2/act": screen("Registrado")}
    permit = Permit("R-1", 1)
    with pytest.raises(OutcomeUnknown, match="sent to /v2/act, which the manifest does not name"):
        press(session, permit)
    assert permit.used
    portal.answers["POST /v2/act"] = Exchange.cut
    with pytest.raises(OutcomeUnknown, match="/v2/act"):
        press(session, permit := Permit("R-1", 2))
    assert permit.used


@pytest.mark.parametrize(("guard", "path"), [("/a?t", "/act"), ("/*/x", "/act/x"), ("*", "/act")])
def test_patterns_guard_what_they_name(open_at: Opener, portal: Pages, guard: str, path: str) -> None:
    session = open_at(submit={"guard": [guard]})
    session.goto("/")
    session.page.evaluate("path => fetch(path, {method: 'POST'}).catch(e => 0)", path)
    session.page.evaluate("path => fetch(path, {method: 'DELETE'}).catch(e => 0)", path)
    assert portal.asked[f"POST {path}"] == portal.asked[f"DELETE {path}"] == 0
    assert session.gate.stopped == [path, path]


def test_only_bodies_that_match_are_acts(open_at: Opener, portal: Pages) -> None:
    portal.answers["POST /act"] = lambda exchange: exchange.send("{}", kind="application/json")
    session = open_at(submit={"guard": ["/act"], "match": '"method": ?"post"'})
    session.goto("/")
    send = "body => fetch('/act', {method: 'POST', body}).catch(e => 0)"
    session.page.evaluate(send, '{"method":"read"}')
    assert portal.asked["POST /act"] == 1
    session.page.evaluate(send, '{"method":"post"}')
    assert portal.asked["POST /act"] == 1
    eventually(lambda: session.gate.stopped == ["/act"])
