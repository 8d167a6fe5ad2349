"""The gate before every act: no submitting request leaves the browser without a permit, and none leaves twice.

Chromium repeats a POST by itself when the connection is cut before the answer, so the request of an act is taken out of
its hands and sent once through the driver (`via = "fetch"`), where the portal allows that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Error, Request, Route

from retaguarda.model.acts import Permit
from retaguarda.portal.browser import first_line
from retaguarda.portal.manifest import SubmitGuard


class SubmitGate:
    """Watches the POSTs of a context that the manifest calls acts."""

    def __init__(self, context: BrowserContext, guard: SubmitGuard) -> None:
        self._guard = guard
        self._permit: Permit | None = None
        self.stopped: list[str] = []
        self.failure = ""
        if guard.guard:
            context.route(re.compile(".*"), self._decide) if "*" in guard.guard else self._watch(context, guard.guard)

    def _watch(self, context: BrowserContext, patterns: tuple[str, ...]) -> None:
        for pattern in patterns:
            path = re.escape(pattern).replace(r"\*", ".*")
            context.route(re.compile(rf"^https?://[^/]+{path}(\?.*)?$"), self._decide)

    @contextmanager
    def opened(self, permit: Permit) -> Iterator[None]:
        """Let one act through while the block runs."""
        self._permit, self.failure = permit, ""
        try:
            yield
        finally:
            self._permit = None

    def _decide(self, route: Route, request: Request) -> None:
        if request.method != "POST" or not self._guard.is_act(urlsplit(request.url).path, request.post_data or ""):
            route.fallback()
        elif self._permit is None or self._permit.used:
            self.stopped.append(urlsplit(request.url).path)
            route.abort("blockedbyclient")
        else:
            self._permit.use()
            self._send(route)

    def _send(self, route: Route) -> None:
        if self._guard.via == "click":
            route.continue_()
            return
        try:
            route.fulfill(response=route.fetch(max_retries=0, max_redirects=0))
        except Error as error:
            self.failure = first_line(error)
            route.abort("connectionreset")
