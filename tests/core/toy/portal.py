"""The portal of the toy robot, and the ways in which it misbehaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from urllib.parse import parse_qs

from tests.portal.pages_server import Exchange, Pages, screen, serving

PASSWORD = "canary-toy-5518"
LOGIN = '<form method="post" action="/login"><label>Usuário <input name="u"></label><label>Senha <input type="password" name="p"></label>'
FORM = '<form method="post" action="/act"><label>Referência <input name="r"></label><label>Valor <input name="v"></label>'
TABLE = (
    "<table><caption>Coisas</caption><thead><tr><th>Referência</th><th>Valor</th><th>Protocolo</th></tr></thead><tbody>{}</tbody></table>"
)


@dataclass
class ToyPortal:
    """What the portal holds, who is signed in, and what is to go wrong on the next visits."""

    pages: Pages
    held: list[tuple[str, str]] = field(default_factory=list)
    sessions: set[str] = field(default_factory=set)
    wrong: dict[str, list[Callable[[Exchange], None]]] = field(default_factory=dict)
    sign_ins: list[str] = field(default_factory=list)

    def misbehave(self, where: str, *ways: Callable[[Exchange], None]) -> None:
        """On the next visits to `METHOD /path`, answer so, one after the other."""
        self.wrong[where] = list(ways)

    def drop_sessions(self, exchange: Exchange) -> None:
        """The session ends, and the sign-in page is shown."""
        self.sessions.clear()
        exchange.send(_login())

    def serve(self, where: str, answer: Callable[[Exchange], None]) -> None:
        def misbehaving(exchange: Exchange) -> None:
            ways = self.wrong.get(where)
            (ways.pop(0) if ways else answer)(exchange)

        self.pages.answers[where] = misbehaving

    def behind_login(self, content: Callable[[Exchange], str]) -> Callable[[Exchange], None]:
        def answer(exchange: Exchange) -> None:
            cookie = SimpleCookie(exchange.headers.get("Cookie", "")).get("sid")
            exchange.send(content(exchange) if cookie and cookie.value in self.sessions else _login())

        return answer

    def sign_in(self, exchange: Exchange) -> None:
        given = parse_qs(exchange.body.decode())
        self.sign_ins.append(given["u"][0])
        if given["p"] != [PASSWORD]:
            exchange.send(_login('<div role="alert">Usuário ou senha inválidos</div>'))
            return
        self.sessions.add(sid := f"s{len(self.sign_ins)}")
        exchange.send(screen("Início"), Set_Cookie=f"sid={sid}; HttpOnly")

    def sign_out(self, exchange: Exchange) -> None:
        self.sessions.clear()
        exchange.send(_login())

    def register(self, exchange: Exchange) -> str:
        given = parse_qs(exchange.body.decode())
        if given["v"] == ["inativo"]:
            return screen("Novo", '<div role="alert">O perfil está inativo</div>')
        self.held.append((given["r"][0], given["v"][0]))
        return screen("Registrado", f"<dl><dt>Protocolo</dt><dd>P-{len(self.held)}</dd></dl>")

    def list(self, _exchange: Exchange) -> str:
        rows = (f"<tr><td>{r}</td><td>{v}</td><td>P-{n}</td></tr>" for n, (r, v) in enumerate(self.held, 1))
        return screen("Lista", TABLE.format("".join(rows)))

    def cut_after_commit(self, exchange: Exchange) -> None:
        self.register(exchange)
        exchange.cut()


def _login(more: str = "") -> str:
    return screen("Acesso", f"{more}{LOGIN}<button>Entrar</button></form>", signed_in=False)


@contextmanager
def running_toy() -> Iterator[ToyPortal]:
    """The portal behind a server of its own."""
    with serving() as pages:
        portal = ToyPortal(pages)
        portal.serve("GET /login", lambda exchange: exchange.send(_login()))
        portal.serve("POST /login", portal.sign_in)
        portal.serve("GET /sair", portal.sign_out)
        portal.serve("GET /list", portal.behind_login(portal.list))
        portal.serve("GET /new", portal.behind_login(lambda _: screen("Novo", f"{FORM}<button>Concluir</button></form>")))
        portal.serve("POST /act", portal.behind_login(portal.register))
        yield portal
