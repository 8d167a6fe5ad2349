"""A screen proves itself before it is read, and everything typed is read back; every surprise is an error that says so."""

from __future__ import annotations

import datetime as dt
import threading

import pytest

from retaguarda.errors import NetworkDown, PortalBlocked, PortalChanged, PortalUnavailable, Refused, RetaguardaError, SessionLost
from retaguarda.portal import PortalPage, Session
from tests.portal.conftest import Opener
from tests.portal.pages_server import Exchange, Pages, screen

pytestmark = pytest.mark.browser


class HomePage(PortalPage):
    heading = "Início"


class ListPage(PortalPage):
    heading = "Lista"


class LoginPage(PortalPage):
    heading = "Acesso"
    signed_in = False


def at(session: Session, portal: Pages, page: str, answer: str | None = None) -> HomePage:
    """The session on a page of the portal."""
    if answer is not None:
        portal.answers[page] = answer
    session.goto(page)
    return HomePage(session)


def test_a_page_with_its_heading_and_the_signed_in_marker_proves_itself(session: Session, portal: Pages) -> None:
    assert at(session, portal, "/", screen("Início")).prove().heading == "Início"


@pytest.mark.parametrize(
    ("page", "error", "says"),
    [
        (screen("Início", signed_in=False), PortalChanged, "expected 'Início'"),
        (screen("Outra coisa"), PortalChanged, "found 'Outra coisa'"),
        ("<html><body>Just a moment…</body></html>", PortalChanged, "expected 'Início'"),
        (screen("Acesso", signed_in=False), SessionLost, "session"),
        (screen("Em manutenção", "<p>Voltamos às 6h</p>", signed_in=False), PortalUnavailable, "Voltamos às 6h"),
        (screen("Início", '<div role="alert">Perfil inativo</div>'), Refused, "^Perfil inativo$"),
        (screen("Início", '<div role="alert">Algo novo</div>'), PortalChanged, "unknown alert: Algo novo"),
        (screen("Início", '<div role="alert">Algo novo</div><div role="alert">Perfil inativo</div>'), Refused, "Algo novo Perfil inativo"),
    ],
    ids=["no marker", "other heading", "bot wall", "login", "maintenance", "known alert", "unknown alert", "two alerts"],
)
def test_any_other_page_is_an_error_that_says_what_was_seen(
    session: Session, portal: Pages, page: str, error: type[RetaguardaError], says: str
) -> None:
    seen = at(session, portal, "/", page)
    with pytest.raises(error, match=says) as raised:
        seen.prove()
    assert type(raised.value) is error


def test_hidden_headings_markers_and_alerts_count_for_nothing(session: Session, portal: Pages) -> None:
    hidden = '<h1 hidden>Lista</h1><div role="alert" hidden>Perfil inativo</div><div role="alert"></div>'
    at(session, portal, "/", screen("Início", hidden)).prove()
    portal.answers["/2"] = screen("Outra", '<h1 style="display:none">Início</h1>')
    with pytest.raises(PortalChanged):
        at(session, portal, "/2").prove()


def test_a_page_that_comes_late_is_waited_for(session: Session, portal: Pages) -> None:
    late = screen("Aguarde", "<script>setTimeout(() => document.querySelector('h1').textContent = 'Início', 300)</script>")
    portal.answers["/"] = late.replace("<h1>Aguarde</h1>", "<h1></h1>")
    at(session, portal, "/").prove()


def test_a_server_error_is_unavailable_whether_it_is_opened_or_led_to(session: Session, portal: Pages) -> None:
    portal.answers["/broken"] = lambda exchange: exchange.send(screen("Erro interno"), 500)
    with pytest.raises(PortalUnavailable, match="answered 500 to /broken: Erro interno"):
        session.goto("/broken")
    home = at(session, portal, "/", screen("Início", '<a href="/broken">Listar</a>'))
    with pytest.raises(PortalUnavailable, match="answered 500: Erro interno"):
        home.press("Listar", ListPage, role="link")


def test_a_dead_portal_is_a_network_that_is_down(session: Session, portal: Pages) -> None:
    portal.answers["/"] = Exchange.cut
    with pytest.raises(NetworkDown):
        session.goto("/")


def test_press_waits_for_the_screen_that_it_leads_to(session: Session, portal: Pages) -> None:
    release = threading.Event()

    def slow(exchange: Exchange) -> None:
        release.wait(5)
        exchange.send(screen("Lista"))

    portal.answers["/list"] = slow
    home = at(session, portal, "/", screen("Início", '<form action="/list"><button>Listar</button></form>'))
    threading.Timer(0.3, release.set).start()
    assert home.press("Listar", ListPage).heading == "Lista"


def test_press_tells_the_page_of_before_from_the_same_screen_again(session: Session, portal: Pages) -> None:
    answers = iter([screen("Início", '<form><button>Listar</button></form><p id="n">1</p>'), screen("Início", '<p id="n">2</p>')])
    portal.answers["/"] = lambda exchange: exchange.send(next(answers))
    home = at(session, portal, "/").press("Listar", HomePage)
    assert home.page.locator("#n").inner_text() == "2"


def test_press_meets_the_alert_of_the_answer_and_not_the_one_that_stood_there(session: Session, portal: Pages) -> None:
    old, new = '<div role="alert" style="text-transform: uppercase">Aviso velho</div>', '<div role="alert">Perfil inativo</div>'
    portal.answers["/list"] = screen("Lista")
    form = '<form action="{}"><button>Listar</button></form>'
    at(session, portal, "/", screen("Início", old + form.format("/list"))).press("Listar", ListPage)
    portal.answers["/list"] = screen("Início", new)
    with pytest.raises(Refused, match="Perfil inativo"):
        at(session, portal, "/").press("Listar", ListPage)


def test_a_button_that_is_not_there_is_a_changed_portal(session: Session, portal: Pages) -> None:
    with pytest.raises(PortalChanged, match="pressing Listar"):
        at(session, portal, "/", screen("Início")).press("Listar", ListPage)


FORM = """
<label>Nome <input name="n"></label> <label>Curto <input maxlength="3"></label>
<label>Dia <input type="date"></label>
<label for="t">Tipo</label><select id="t"><option></option><option>À vista</option><option>A prazo</option></select>
<label>Teimoso <input oninput="this.value = '0'"></label>
<dl><dt>Vendedor:</dt><dd> Exemplo  Comercializadora </dd><dt>Vendedor final</dt><dd>Outro</dd></dl>
"""


@pytest.fixture
def form(session: Session, portal: Pages) -> HomePage:
    return at(session, portal, "/", screen("Início", FORM))


def test_what_is_typed_and_chosen_is_read_back(form: HomePage) -> None:
    form.fill("Nome", "José")
    form.fill_date("Dia", dt.date(2026, 10, 31))
    form.choose("Tipo", "A prazo")
    assert (form.value("Nome"), form.value("Dia"), form.value("Tipo")) == ("José", "2026-10-31", "A prazo")
    assert form.fact("Vendedor") == "Exemplo Comercializadora"


def test_a_field_that_shows_something_else_stops_the_robot(form: HomePage) -> None:
    with pytest.raises(PortalChanged, match="'Curto' shows '123' instead of '1234'"):
        form.fill("Curto", "1234")
    with pytest.raises(PortalChanged, match="'Teimoso' shows '0'"):
        form.fill("Teimoso", "5")


@pytest.mark.parametrize("use", [lambda f: f.fill("Valor", "1"), lambda f: f.choose("Tipo", "Nunca"), lambda f: f.fact("Comprador")])
def test_a_field_option_or_term_that_is_not_there_is_a_changed_portal(form: HomePage, use: object) -> None:
    with pytest.raises(PortalChanged):
        use(form)  # type: ignore[operator]


TABLE = "<table><caption>Contratos</caption><thead><tr><th>Código</th><th>Valor</th></tr></thead><tbody>{}</tbody></table><p>{}</p>"


def test_a_table_is_read_by_its_caption_and_its_header(session: Session, portal: Pages) -> None:
    rows = "<tr><td>C1</td><td> R$  1,00 </td></tr><tr><td>C2</td><td></td></tr>"
    other = "<table><caption>Outros</caption><thead><tr><th>X</th></tr></thead></table>"
    page = at(session, portal, "/", screen("Início", other + TABLE.format(rows, "1.234 contratos encontrados")))
    assert page.rows("Contratos") == [{"Código": "C1", "Valor": "R$ 1,00"}, {"Código": "C2", "Valor": ""}]
    assert page.stated_total(r"([\d.]+) contratos?") == 1234
    with pytest.raises(PortalChanged, match="no table 'Faturas'"):
        page.rows("Faturas")
    with pytest.raises(PortalChanged, match="states no total"):
        page.stated_total(r"(\d+) faturas")


def test_a_row_that_does_not_fit_the_header_is_never_dropped_in_silence(session: Session, portal: Pages) -> None:
    rows = '<tr><td>C1</td><td>1</td></tr><tr><td colspan="2">C2 a 2</td></tr>'
    page = at(session, portal, "/", screen("Início", TABLE.format(rows, "")))
    with pytest.raises(PortalChanged, match="1 rows of the table 'Contratos' do not fit"):
        page.rows("Contratos")
    portal.answers["/none"] = screen("Início", TABLE.format('<tr><td colspan="2">Nenhum contrato</td></tr>', ""))
    assert at(session, portal, "/none").rows("Contratos") == []
    portal.answers["/twice"] = screen("Início", TABLE.replace("Código", "Valor").format("<tr><td>1</td><td>2</td></tr>", ""))
    with pytest.raises(PortalChanged, match="names a column twice"):
        at(session, portal, "/twice").rows("Contratos")


def test_a_known_popup_is_put_away_while_the_robot_works(session: Session, portal: Pages) -> None:
    popup = """<dialog open aria-label="Pesquisa" style="position:fixed;inset:0"><button onclick="this.closest('dialog').remove()">
               Agora não</button></dialog>"""
    home = at(session, portal, "/", screen("Início", f'{popup}<form action="/list"><button>Listar</button></form>'))
    portal.answers["/list"] = screen("Lista")
    home.press("Listar", ListPage)


def test_a_native_question_is_answered_with_no_and_noticed(session: Session, portal: Pages) -> None:
    ask = """<button onclick="if (confirm('Excluir tudo?')) location = '/list'">Listar</button>"""
    home = at(session, portal, "/", screen("Início", ask))
    with pytest.raises(PortalChanged, match=r"asked something unknown: Excluir tudo\?"):
        home.press("Listar", ListPage)
    assert portal.asked["GET /list"] == 0
    home.prove()


def test_leaving_a_half_filled_form_needs_no_answer(session: Session, portal: Pages) -> None:
    guard = "<script>addEventListener('beforeunload', e => { e.preventDefault(); e.returnValue = 'x' })</script>"
    page = at(session, portal, "/form", screen("Início", f"<label>Nome <input></label>{guard}"))
    page.fill("Nome", "x")
    page.field("Nome").click()
    at(session, portal, "/", screen("Início")).prove()


def test_a_window_that_the_portal_opens_is_closed(session: Session, portal: Pages) -> None:
    portal.answers["/list"] = screen("Lista")
    home = at(session, portal, "/", screen("Início", """<button onclick="open('/promo'); location = '/list'">Listar</button>"""))
    home.press("Listar", ListPage)
    session.goto("/list")
    assert len(session.page.context.pages) == 1


def test_no_request_reaches_a_host_outside_the_manifest(session: Session, portal: Pages, elsewhere: Pages) -> None:
    ways = f"""<img src="{elsewhere.url}/pixel"><iframe src="{elsewhere.url}/frame"></iframe><script src="{elsewhere.url}/x.js"></script>
    <script>fetch('{elsewhere.url}/fetch').catch(e => 0); navigator.sendBeacon('{elsewhere.url}/beacon', 'x');
    try {{ new WebSocket('ws://{elsewhere.host}/ws') }} catch (e) {{}}
    setTimeout(() => document.querySelector('h1').textContent = 'Início', 200)</script>"""
    portal.answers["/"] = screen("", ways)
    at(session, portal, "/").prove()
    session.page.wait_for_load_state()
    assert dict(elsewhere.asked) == {}


def test_a_host_that_the_manifest_names_is_reached(open_at: Opener, portal: Pages, elsewhere: Pages) -> None:
    elsewhere.answers["/x.js"] = lambda e: e.send("document.querySelector('h1').textContent = 'Início'", kind="text/javascript")
    session = open_at(hosts=[elsewhere.host])
    at(session, portal, "/", screen("", f'<script src="{elsewhere.url}/x.js" defer></script>')).prove()


def test_a_redirect_to_another_host_proves_nothing_and_gets_no_secret(session: Session, portal: Pages, elsewhere: Pages) -> None:
    elsewhere.answers["/"] = screen("Acesso", "<label>Senha <input type=password></label>", signed_in=False)
    portal.answers["/login"] = lambda exchange: exchange.redirect(elsewhere.url + "/")
    session.goto("/login")
    with pytest.raises(PortalBlocked, match="led to another host"):
        LoginPage(session).prove()
    with pytest.raises(PortalBlocked):
        LoginPage(session).fill_secret("Senha", "canary-7391")


def test_a_service_worker_is_not_started(session: Session, portal: Pages) -> None:
    portal.answers["/"] = screen("Início", "<script>navigator.serviceWorker.register('/sw.js').catch(e => 0)</script>")
    at(session, portal, "/").prove()
    session.page.wait_for_load_state()
    assert portal.asked["GET /sw.js"] == 0
