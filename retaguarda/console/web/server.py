"""Serves the console: Django configured for one installation, under uvicorn."""

from __future__ import annotations

import base64
import importlib
import logging
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from retaguarda.console.wiring import House, open_house
from retaguarda.store.connection import set_up

if TYPE_CHECKING:
    from retaguarda.settings import ConsoleSettings

MODULE = "retaguarda.console.web.django_settings"
KEY = "console/server"
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def open_console(**flags: object) -> House:
    """The installation of this folder, with Django configured to serve its pages."""
    set_up(MODULE)
    house = open_house(**flags)
    from retaguarda.console.web.place import serve_house

    configure(house.settings.console, _key(house))
    serve_house(house)
    return house


def configure(console: ConsoleSettings, key: str) -> None:
    """Give Django what this installation says."""
    from django.conf import settings
    from django.db import connections

    public = urlsplit(console.public_url)
    secure = public.scheme == "https"
    settings.SECRET_KEY = key
    settings.ALLOWED_HOSTS = [*LOOPBACK, console.host, *([public.hostname] if public.hostname else [])]
    settings.CSRF_TRUSTED_ORIGINS = [console.public_url] if console.public_url else []
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = secure
    settings.SECURE_PROXY_SSL_HEADER = (
        None  # uvicorn reads the proxy's word, and only that of console.proxies; Django would believe anybody's
    )
    settings.SECURE_HSTS_SECONDS = 365 * 24 * 3600 if secure else 0
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000  # of forms; files go to the disk as they come
    connections.settings["default"]["CONN_MAX_AGE"] = 0  # each request has a thread of its own, which ends with it


def serve(house: House, host: str, port: int) -> None:
    """Answer until a signal comes."""
    import uvicorn
    from django.core.asgi import get_asgi_application
    from django.db import connections

    logging.getLogger("django.request").setLevel(logging.ERROR)  # a refusal is no trouble of ours; addresses may hold a link's secret
    application: Any = get_asgi_application()
    importlib.import_module("retaguarda.console.web.urls")  # now, not while the first visitor waits
    connections.close_all()
    proxied = bool(house.settings.console.public_url)
    uvicorn.run(
        application,
        host=host,
        port=port,
        proxy_headers=proxied,
        forwarded_allow_ips=",".join(house.settings.console.proxies) if proxied else "",
        server_header=False,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=5,
        lifespan="off",
    )


def address(console: ConsoleSettings, path: str = "/") -> str:
    """Where people reach a path of the console."""
    return f"{console.public_url or f'http://{console.host}:{console.port}'}{path}"


def _key(house: House) -> str:
    """The server's own key, made at its first start."""
    vault = house.vault()
    if KEY not in vault.names():
        vault.put(KEY, {"key": base64.b64encode(secrets.token_bytes(48)).decode()})
    return vault.entry(KEY)["key"]
