"""The API of the indicators."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from retaguarda.console.web.api import TROUBLES, endpoint
from retaguarda.console.web.place import house
from retaguarda.console.web.queries import indicators as queries
from retaguarda.console.web.views.indicators import grain_of
from retaguarda.operations.indicators import as_values
from retaguarda.people.roles import EVERYBODY


@endpoint("GET", "/indicators", roles=EVERYBODY, response={200: dict[str, Any], **TROUBLES})
def indicators(request: HttpRequest) -> Any:
    """The latest twelve months, or weeks with `by=week`."""
    grain = grain_of(request)
    counted = queries.surely_counted(house(), grain)
    assumed = house().settings.indicators.model_dump()
    return {"by": grain, "assumed": assumed, "counted_seconds_ago": round(counted.age), "periods": as_values(counted.found)}
