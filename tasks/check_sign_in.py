"""Proves that a credential enters its portal."""

from __future__ import annotations

from retaguarda.run import Run, task


@task
def check_sign_in(run: Run, credential: str) -> None:
    """Sign in at the portal of a credential and out again."""
    run.stage("signing in")
    with run.robot(credential, object):
        run.tell("portal.checked", target=credential)
