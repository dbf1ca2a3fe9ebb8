"""An optimiser step in parts, so that what is kept for its backward pass is bounded by tokens and not by the batch."""

from .loss import alike
from .packing import Tree


def run_tokens(rows, packed: bool, padded: bool) -> int:
    """The tokens that ``loss.answer_loss`` runs for rows: what they share once if ``packed``, padding included if not.

    Args:
        rows: ``[{input_ids, start}]``.
        packed: whether what they share runs once.
        padded: whether whole rows of like length run beside each other.
    """
    if packed:
        tree = Tree()
        for row in rows:
            tree.add(row["input_ids"])
        return len(tree)
    groups = alike(rows) if padded else [[row] for row in rows]
    return sum(len(group) * max(len(row["input_ids"]) for row in group) for group in groups)


def divided(rows, most: int, packed: bool, padded: bool) -> list:
    """Rows in parts that run at most ``most`` tokens each (``run_tokens``), or one row; the sum of their losses is the
    whole's.

    Rows stand beside those that they share most with (``packed``) or that are as long, ties in their order.

    Args:
        rows: see ``run_tokens``.
        most: tokens of a part.
        packed: see ``run_tokens``.
        padded: see ``run_tokens``.
    """
    parts = []
    for row in sorted(rows, key=lambda r: r["input_ids"] if packed else len(r["input_ids"])):
        if parts and run_tokens([*parts[-1], row], packed, padded) <= most:
            parts[-1].append(row)
        else:
            parts.append([row])
    return parts
