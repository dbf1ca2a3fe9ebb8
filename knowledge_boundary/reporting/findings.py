"""What a comparison shows, in sentences that are computed from its numbers."""

from .drawing import number

LEVEL = 0.05


def crss_sentence(selections, tau: str = "0.97") -> str | None:
    """Whether CRaFT's CRSS is below Cor-RAIT's; None where one of the two is absent or has none.

    Args:
        selections: the ``summary`` of each ``selection_METHOD.json``.
        tau: the similarity threshold, a key of ``summary.crss``.
    """
    by_method = {s["method"]: s for s in selections}
    pair = [by_method.get(method) for method in ("craft", "cor")]
    values = [((s or {}).get("crss") or {}).get(tau) for s in pair]
    if None in values:
        return None
    craft, cor = (number(v, 3) for v in values)
    sizes = [(s["taken"]["van"], s["taken"]["idk"]) for s in pair]
    if sizes[0] != sizes[1]:
        (a, b), (c, d) = sizes
        return (
            f"At {tau} CRaFT's CRSS is {craft} and Cor-RAIT's {cor}, but their sizes differ ({a} + {b} and {c} + {d} "
            f"questions): the two cannot be compared."
        )
    relation = "below" if values[0] < values[1] else "NOT below"
    van, idk = sizes[0]
    return (
        f"At {tau} CRaFT's CRSS is {craft}, {relation} Cor-RAIT's {cor} (equal n: {van} to answer, {idk} “don't know”)."
    )


def tests_sentence(tests) -> str:
    """Which models differ in THS and which way, and which cannot be told apart, by one data set's paired tests.

    Args:
        tests: ``[{model_a, model_b, difference, ci95, p}]``, the difference A − B as a fraction.
    """
    above, alike, undefined = {}, [], []
    for t in tests:
        a, b, difference, p = t["model_a"], t["model_b"], t.get("difference"), t.get("p")
        if difference is None or p is None:
            undefined.append(f"{a} and {b}")
        elif p < LEVEL:
            upper, lower = (a, b) if difference > 0 else (b, a)
            above.setdefault(upper, []).append(f"{lower} (by {number(abs(difference), 1, 100)})")
        else:
            alike.append(f"{a} and {b} (p = {number(p, 3)})")
    parts = [f"{model} is above {series(others)}" for model, others in above.items()]
    found = [f"THS differs at p < {LEVEL}: {'; '.join(parts)}." if parts else f"No THS differs at p < {LEVEL}."]
    if alike:
        found.append(f"Cannot be told apart: {'; '.join(alike)}.")
    if undefined:
        found.append(f"Not defined: {'; '.join(undefined)}.")
    return " ".join(found)


def series(items) -> str:
    """``a, b and c``."""
    return " and ".join([", ".join(items[:-1])] * (len(items) > 1) + items[-1:])
