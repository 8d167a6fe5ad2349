"""What the screens of every bank with boletos ask of its portfolio."""

from __future__ import annotations

from flask import Flask, current_app, request, session

from sandbox.banking import bank
from sandbox.collection.portfolio import Checked, Portfolio
from sandbox.collection.retorno import cnab240


def install(app: Flask, held: Portfolio) -> None:
    """Give `app` and its templates the portfolio."""
    app.config["PORTFOLIO"] = held
    app.context_processor(lambda: {"portfolio": held})


def portfolio() -> Portfolio:
    """The portfolio of the bank of the current request."""
    found: Portfolio = current_app.config["PORTFOLIO"]
    return found


def uploaded() -> Checked:
    """The posted remessa, as the bank read it; raises Problem in the portal's words."""
    given = request.files.get("arquivo")
    name, data = (given.filename or "", given.read()) if given else ("", b"")
    return portfolio().check(name, data, session["user"], bank().now())


def return_file(number: str) -> bytes | None:
    """A retorno that is out, by its NSA, written down as given out; None when there is none."""
    now, account = bank().now(), portfolio().account
    for file in portfolio().returns(now.date().min, now.date(), now):
        if f"{file.sequence}" == number.lstrip("0"):
            body = cnab240(file, account)
            bank().served("retorno", account.label, f"{file.day:%d/%m/%Y}", body)
            return body
    return None
