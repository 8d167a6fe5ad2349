"""The console behind a real nginx with TLS: the proxy's word counts, nobody else's does, and live pages come through."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from retaguarda.store.connection import point_at
from retaguarda.store.models import OutboxEvent
from tests.console.web.server import PASSWORD, TOKEN, Console, free_port, served
from tests.sandbox_fixtures import ROOT, eventually

PROXY, STRANGER = "127.0.0.2", "203.0.113.9"
"""Where nginx asks from; an address that somebody only says he has."""
OWN = ("client_body_temp_path", "proxy_temp_path", "fastcgi_temp_path", "uwsgi_temp_path", "scgi_temp_path")


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def console(port: int, migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    home = tmp_path_factory.mktemp("proxy")
    shutil.copyfile(migrated, home / "retaguarda.db")
    url = f"sqlite://{home / 'retaguarda.db'}"
    point_at(url)
    settings = {"RETAGUARDA_CONSOLE__PUBLIC_URL": f"https://127.0.0.1:{port}", "RETAGUARDA_CONSOLE__PROXIES": f'["{PROXY}"]'}
    with served(home, url, **settings) as console:
        console.person("the-operator", "operator")
        yield console
    point_at("sqlite://:memory:")


@pytest.fixture(scope="module")
def authority(console: Console, port: int) -> Iterator[Path]:
    """nginx as docs/operations/nginx.conf has it, with this test's addresses; gives the certificate that it shows."""
    folder = console.home / "nginx"
    folder.mkdir()
    certificate = _certificate(folder)
    site = (ROOT / "docs/operations/nginx.conf").read_text("utf-8")
    changed = {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/ssl/retaguarda.pem": f"{certificate}",
        "/etc/ssl/retaguarda.key": f"{certificate}",
        "proxy_pass http://127.0.0.1:8700;": f"proxy_pass http://127.0.0.1:{console.port}; proxy_bind {PROXY};",
    }
    for before, after in changed.items():
        assert before in site
        site = site.replace(before, after)
    places = " ".join(f"{name} {folder / name};" for name in OWN)
    user = "user root; " if os.geteuid() == 0 else ""  # root's workers would be nobody, who may not enter a folder of ours
    head = f"daemon off; {user}pid {folder}/pid; error_log {folder}/error.log; events {{}}\nhttp {{ access_log off; {places}\n"
    (folder / "nginx.conf").write_text(head + site + "}\n", "utf-8")
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    process = subprocess.Popen([program, "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")])
    eventually(lambda: (folder / "pid").exists() or process.poll() is not None, 20)
    assert process.poll() is None, (folder / "error.log").read_text()
    yield certificate
    process.terminate()
    process.wait(20)


def _certificate(folder: Path) -> Path:
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "retaguarda")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + dt.timedelta(days=2))
    named = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = made.add_extension(named, critical=False).sign(key, hashes.SHA256())
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "server.pem"
    path.write_bytes(signed.public_bytes(serialization.Encoding.PEM) + private)
    return path


def visitor(authority: Path) -> requests.Session:
    made = requests.Session()
    made.trust_env, made.verify = False, str(authority)
    return made


def signed_in(who: requests.Session, console: Console, there: str, **headers: str) -> None:
    for path, form in (
        ("/sign-in", {"name": "the-operator", "password": PASSWORD}),
        ("/sign-in/code", {"code": console.code("the-operator")}),
    ):
        token = TOKEN.search(who.get(there + path, headers=headers, timeout=30).text)
        assert token
        given = {**form, "csrfmiddlewaretoken": token[1]}
        answer = who.post(there + path, data=given, headers={"Referer": there + path, **headers}, allow_redirects=False, timeout=30)
        assert answer.status_code == 302, answer.text[:500]


def test_people_come_through_nginx(console: Console, authority: Path, port: int) -> None:
    who, there = visitor(authority), f"https://127.0.0.1:{port}"
    signed_in(who, console, there, **{"X-Forwarded-For": STRANGER, "X-Forwarded-Proto": "http"})
    page = who.get(f"{there}/account", timeout=30)
    assert page.status_code == 200
    assert page.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    assert all(cookie.secure for cookie in who.cookies)
    event = OutboxEvent.objects.filter(line__action="person.signed_in", line__target="the-operator").last()
    assert event is not None
    assert event.line["data"]["address"] == "127.0.0.1", "nginx says who asks; what the visitor says of himself is dropped"


def test_a_word_from_elsewhere_is_not_believed(console: Console, authority: Path) -> None:
    """Past the proxy: neither another address, to escape a lock-out, nor a protocol."""
    straight = requests.Session()
    straight.trust_env = False
    token = TOKEN.search(straight.get(f"{console.url}/sign-in", timeout=30).text)
    assert token
    headers = {
        "X-Forwarded-For": STRANGER,
        "X-Forwarded-Proto": "https",
        "Cookie": f"retaguarda_csrf={straight.cookies['retaguarda_csrf']}",
    }
    form = {"name": "nobody", "password": "wrong", "csrfmiddlewaretoken": token[1]}
    answer = straight.post(f"{console.url}/sign-in", data=form, headers=headers, timeout=30)
    assert answer.status_code == 403
    assert "Strict-Transport-Security" not in answer.headers, "it was no TLS, whatever was said"
    event = OutboxEvent.objects.filter(line__action="sign_in.refused").last()
    assert event is not None
    assert event.line["data"]["address"] == "127.0.0.1"


def test_a_live_page_comes_through(console: Console, authority: Path, port: int) -> None:
    run = console.runs.create("export_erp", {"month": "2026-10"}, queue="default")
    console.runs.begin(run)
    who, there = visitor(authority), f"https://127.0.0.1:{port}"
    signed_in(who, console, there)
    with who.get(f"{there}/runs/{run.pk}/live", stream=True, timeout=30) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        assert next(line for line in stream.iter_lines(chunk_size=1) if line).startswith(b"event: ")


def test_large_files_come_through(console: Console, authority: Path, port: int) -> None:
    who, there = visitor(authority), f"https://127.0.0.1:{port}"
    signed_in(who, console, there)
    place = f"{there}/processes/register_contracts"
    token = TOKEN.search(who.get(place, timeout=30).text)
    assert token
    form = {"csrfmiddlewaretoken": token[1], "month": "2026-10", "do": "simulate"}
    answer = who.post(
        place, data=form, files={"sheet": ("big.csv", b"x" * 20_000_000)}, headers={"Referer": place}, allow_redirects=False, timeout=60
    )
    assert answer.status_code == 302, answer.text[:300]
