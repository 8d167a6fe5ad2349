"""The gate before every act: no submitting request leaves the browser without a permit, and none leaves twice.

Chromium repeats a POST by itself when the connection is cut before the answer, so the request of an act is taken out of
its hands and sent once through the driver (`via = "fetch"`), where the portal allows that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Error, Request, Route

from retaguarda.model.acts import Permit
from retaguarda.portal.browser import first_line
from retaguarda.portal.manifest import SubmitGuard

_HARMLESS = {"GET", "HEAD", "OPTIONS"}


class SubmitGate:
    """Watches the POSTs of a context that the manifest calls acts."""

    def __init__(self, context: BrowserContext, guard: SubmitGuard, hosts: set[str]) -> None:
        self._context = context
        self._guard = guard
        self._hosts = hosts
        self._permit: Permit | None = None
        self.stopped: list[str] = []
        self.unnamed: list[str] = []
        self.failure = ""
        for pattern in guard.guard:
            path = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
            context.route(re.compile(rf"^https?://[^/]+{path}(\?.*)?$"), self._decide)
        context.on("request", self._note)

    @contextmanager
    def opened(self, permit: Permit) -> Iterator[None]:
        """Let one act through while the block runs; `unnamed` tells afterwards what else left that may have changed something."""
        self._permit, self.failure, self.unnamed = permit, "", []
        try:
            yield
        finally:
            self._permit = None

    @contextmanager
    def sending_once(self) -> Iterator[None]:
        """What is sent to the portal while the block runs is sent once: a password that goes out twice is two wrong ones."""
        own = re.compile(rf"^https?://({'|'.join(re.escape(host) for host in self._hosts)})(/|\?|#|$)")
        self.failure = ""
        self._context.route(own, self._once)
        try:
            yield
        finally:
            with suppress(Error):  # the browser may have died meanwhile
                self._context.unroute(own, self._once)

    def _once(self, route: Route, request: Request) -> None:
        if request.method in _HARMLESS or self._is_act(request):
            route.fallback()
        else:
            self._send(route)

    def _is_act(self, request: Request) -> bool:
        body = (request.post_data_buffer or b"").decode(errors="replace")
        return request.method not in _HARMLESS and self._guard.is_act(urlsplit(request.url).path, body)

    def _decide(self, route: Route, request: Request) -> None:
        if not self._is_act(request):
            route.fallback()
        elif self._permit is None or self._permit.used or self._permit.expired:
            if self._permit is None:
                self.stopped.append(urlsplit(request.url).path)
            route.abort("blockedbyclient")
        else:
            self._permit.use()
            self._send(route)

    def _note(self, request: Request) -> None:
        """Remember a request that is no act by the manifest's word, and yet not a mere look."""
        address = urlsplit(request.url)
        left = self._permit is not None and request.method not in _HARMLESS and address.netloc in self._hosts
        if left and not self._guard.names(address.path):
            self.unnamed.append(address.path)

    def _send(self, route: Route) -> None:
        if self._guard.via == "click":
            route.continue_()
            return
        try:
            route.fulfill(response=route.fetch(max_retries=0, max_redirects=0))
        except Error as error:
            self.failure = first_line(error)
            route.abort("connectionreset")
