"""What `retaguarda statement status` shows: a sign a day for each account, and why a day is not proved."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.text import Text

from retaguarda.console.screen import bullet, screen
from retaguarda.language import say
from retaguarda.model.values import Month
from retaguarda.reconcile.coverage import DayState, Known
from retaguarda.report.retell import retell

Days = Mapping[dt.date, Known]
Returns = Mapping[str, Sequence[str]]
_SIGNS = {
    DayState.PROVED: ("✓", "green"),
    DayState.PROVISIONAL: ("~", "yellow"),
    DayState.BROKEN: ("✗", "bold red"),
    DayState.GAP: ("–", "red"),
    DayState.CLOSED: ("·", "dim"),
}


def is_well(found: Mapping[str, Days], returns: Returns, today: dt.date) -> bool:
    """Whether no day before today is missing, none is broken, and no boleto return was left out or is unread."""
    days = (one for account in found.values() for one in account.items())
    return not returns and not any(known.state is DayState.BROKEN or (known.state is DayState.GAP and day < today) for day, known in days)


def as_values(found: Mapping[str, Days], returns: Returns) -> list[dict[str, Any]]:
    """Accounts, their days, and what is wrong with their boleto returns, for programs."""
    return [
        {"account": account, "days": [_day(*one) for one in found.get(account, {}).items()], "returns": list(returns.get(account, ()))}
        for account in sorted({*found, *returns})
    ]


def _day(day: dt.date, known: Known) -> dict[str, Any]:
    return {"date": day.isoformat(), "state": known.state, "why": known.why or None}


def tell(found: Mapping[str, Days], returns: Returns, month: Month) -> None:
    """A line of signs an account under a ruler of days, then the reasons, then what is wrong with boleto returns of any month."""
    console = screen()
    if found:
        _tell_days(console, found, month)
    else:
        console.print(say("No statement was taken in yet."))
    for account, reasons in returns.items():
        for reason in reasons:
            bullet(console, f"{account} {say('boleto returns')}:", retell(reason))


def _tell_days(console: Console, found: Mapping[str, Days], month: Month) -> None:
    width = max(len(account) for account in found)
    console.print(Text(f"{f'{month.month:02d}/{month.year}':<{width}}  {_ruler(month)}", style="dim"))
    for account, days in found.items():
        console.print(Text(f"{account:<{width}}  ", style="bold"), *(Text(*_SIGNS[known.state]) for known in days.values()), sep="")
    console.print()
    words = {
        DayState.PROVED: say("proved"),
        DayState.PROVISIONAL: say("provisional"),
        DayState.BROKEN: say("broken"),
        DayState.GAP: say("no statement"),
        DayState.CLOSED: say("banks closed"),
    }
    console.print(Text("  ".join(f"{_SIGNS[state][0]} {word}" for state, word in words.items()), style="dim"))
    for account, days in found.items():
        for why, alike in groupby(days.items(), key=lambda one: one[1].why):
            first, *_, last = [day for day, _ in alike] * 2
            if why:
                bullet(console, f"{account} {first:%d/%m}{f'–{last:%d/%m}' if last > first else ''}:", retell(why))


def _ruler(month: Month) -> str:
    """`1···5····10` with each number over its day, as far as there is room for it."""
    ruler = [" "] * 33
    for number in (1, 5, 10, 15, 20, 25, month.last.day):
        ruler[number - 1 : number - 1 + len(str(number))] = str(number)
    return "".join(ruler).rstrip()
