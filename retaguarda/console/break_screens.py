"""What `retaguarda reconcile breaks` and `lineage show` look like."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from retaguarda.console.screen import bullet, listing, screen
from retaguarda.language import say
from retaguarda.reconcile.break_rules import BreakRule
from retaguarda.report.retell import retell
from retaguarda.report.show import amounts, shown

if TYPE_CHECKING:
    from retaguarda.decisions.lineage import Lineage
    from retaguarda.store.models import BreakRecord


def tell(found: Sequence[BreakRecord], rules: Mapping[str, BreakRule], today: dt.date, limit: int) -> None:
    """A line a break, then what is done next, a line a kind."""
    console = screen()
    if not found:
        console.print(say("Nothing is open."))
        return
    table = listing(say("key"), say("kind"), say("about"), say("amount"), say("age"), say("until"), say("owner"), whole=(0, 3, 4, 5))
    for row in found[:limit]:
        late = Text(f"{row.due_on:%d/%m}", style="bold red" if row.due_on < today else "")
        about = " · ".join(filter(None, [row.account, row.line, row.item, amounts(retell(row.text))]))
        table.add_row(
            row.key[:12], rules[row.kind].title, about, shown(row.amount), f"{(today - row.opened_at.date()).days}", late, row.owner
        )
    console.print(table)
    console.print()
    for kind in dict.fromkeys(row.kind for row in found):
        bullet(console, f"{rules[kind].title} ({sum(row.kind == kind for row in found)}):", say(rules[kind].next))


def tell_way(lineage: Lineage) -> None:
    """A line a station, in the order of the way."""
    console = screen()
    console.print(Text(f"{say('lineage')} {lineage.id}", style="bold"))
    table = listing(say("station"), say("reference"), say("date"), say("amount"), say("about"), say("run"), whole=(0, 2, 3))
    for one in lineage.stations:
        amount = "" if one.amount is None else shown(one.amount)
        table.add_row(say(one.stage), one.reference, shown(one.day) if one.day else "", amount, one.facts, one.run)
    console.print(table)
