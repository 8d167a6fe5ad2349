"""What is taken back in the end: matches so unsure that to ask a person for a yes would be to ask for a mistake."""

from __future__ import annotations

from retaguarda.reconcile.matching.board import Board
from retaguarda.reconcile.matching.model import LineClass
from retaguarda.reconcile.matching.verdicts import judge


def unlikely_matches(board: Board) -> None:
    """Take back the matches that are less sure than a proposal must be; those that repeat a payment were made twice.

    What is left is judged anew, for it may have repeated what is gone.
    """
    while True:
        judged = judge(board)
        unlikely = {code for code, (_, sure, _) in enumerate(judged.kinds) if sure < board.rules.proposal_confidence}
        gone = [place for place, code in enumerate(judged.code.tolist()) if code in unlikely]
        if not gone:
            return
        repeated = [(board.settled[place].line, int(judged.before[place])) for place in gone]
        board.take_back(gone)
        for line, before in repeated:
            first = before if before >= 0 else board.earlier(line)
            if first is not None:
                board.classify(line, LineClass.DUPLICATE_PAYMENT, "same payer and amount", first)
