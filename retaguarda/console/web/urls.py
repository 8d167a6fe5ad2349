"""The addresses of the console: what `routes` knows, and the API."""

from __future__ import annotations

import importlib
import pkgutil

from django.urls import URLPattern, path

from retaguarda.console.web import endpoints, views
from retaguarda.console.web.api import api
from retaguarda.console.web.routes import ROUTES

for package in (views, endpoints):  # each area registers itself when it is imported
    for found in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{found.name}")

urlpatterns: list[URLPattern] = [path(route.path, route.view, name=route.name) for route in ROUTES if not route.api]
urlpatterns += [path("api/v1/", api.urls)]  # type: ignore[list-item]  # a list of patterns with its namespaces

handler400 = "retaguarda.console.web.views.errors.bad_request"
handler403 = "retaguarda.console.web.views.errors.forbidden"
handler404 = "retaguarda.console.web.views.errors.not_found"
handler500 = "retaguarda.console.web.views.errors.defect"
