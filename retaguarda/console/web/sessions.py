"""Sessions of the console: Django's, kept in a table of ours that knows whose they are."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions

from retaguarda.store.models import ConsoleSession

PERSON, HALF, SINCE, SEEN, NEXT = "person", "half", "since", "seen", "next"
"""What a session holds: who signed in, or whose password was right; since when; last used; where the person wanted to go."""


class SessionStore(DatabaseSessions):
    """The sessions of the console."""

    @classmethod
    def get_model_class(cls) -> type[ConsoleSession]:  # type: ignore[override]  # of the same three columns
        return ConsoleSession

    def create_model_instance(self, data: dict[str, Any]) -> ConsoleSession:  # type: ignore[override]
        kept: ConsoleSession = super().create_model_instance(data)  # type: ignore[assignment]  # of the class above
        kept.person_id = data.get(PERSON)
        return kept
