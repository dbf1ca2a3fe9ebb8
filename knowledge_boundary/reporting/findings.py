"""What a comparison shows, in sentences that are computed from its numbers."""

from . import curves
from .drawing import number
from .names import CALIBRATED, kind_of

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


def boundary_sentences(lines, records, tests) -> list[str]:
    """Whether the best trained model knows its boundary better than what needs no training, and ends up better off.

    The best are taken by their values on these very questions. Empty where one of the two sides is absent.

    Args:
        lines: ``curves.lines`` of one data set.
        records: its comparison records.
        tests: its ``paired_tests``.
    """
    found = [curves_sentence(lines, tests), calibrated_sentence(records, tests)]
    return [sentence for sentence in found if sentence]


def curves_sentence(lines, tests) -> str | None:
    """The highest curve of a trained model against the highest of an untrained one, by their mean at ``COVERAGES``."""
    trained, other = (
        max(
            (line for line in lines if line["trained"] == kind and curves.mean_height(line) is not None),
            key=curves.mean_height,
            default=None,
        )
        for kind in (True, False)
    )
    if not trained or not other:
        return None
    a, b = trained["name"], other["name"]
    # A baseline's own row is a calibrated one; a model of its name may be a native row.
    test = paired(tests, a + CALIBRATED if other["grey"] else a, b) or {}
    apart, parts, ps = [], [], []
    for coverage in curves.COVERAGES:
        difference = curves.height(trained, coverage) - curves.height(other, coverage)
        at = [t for t in test.get("at_coverage") or () if abs(t["coverage"] - coverage) < 1e-6]
        p = at[0].get("p") if at else None
        ps += [p] * (p is not None)
        apart.append(round(100 * difference, 1))
        way = "above" if apart[-1] > 0 else "below" if apart[-1] < 0 else "apart"
        shown = f" ({p_text(p)})" if p is not None else ""
        parts.append(f"{number(abs(difference), 1, 100)} {way} at {100 * coverage:.0f} %{shown}")
    if min(apart) > 0:
        verdict = f"lies above {b}'s"
    elif max(apart) <= 0:
        verdict = f"does NOT lie above {b}'s"
    else:
        verdict = f"lies above {b}'s at some coverages only"
    if not ps:
        verdict += " (no paired test compares the two)"
    elif min(ps) >= LEVEL:
        verdict += ", by no more than chance could explain" if max(apart) > 0 else ""
    return (
        f"Of the trained models {a} has the highest curve, of what needs no training {b}. "
        f"{a}'s {verdict}: {series(parts)} of the questions answered."
    )


def calibrated_sentence(records, tests) -> str | None:
    """The best trained model at its calibrated threshold against the best baseline at its own, by THS."""
    best = {}
    for record in records:
        kind, ths = kind_of(record), (record.get("ths") or {}).get("value")
        if kind != "native" and ths is not None and ths > best.get(kind, ("", float("-inf")))[1]:
            best[kind] = (record["model"], ths)
    if len(best) < 2:
        return None
    (a, of_a), (b, of_b) = best["calibrated"], best["baseline"]
    p = (paired(tests, a, b) or {}).get("p")
    gap = round(100 * (of_a - of_b), 1)
    way = f"{number(abs(gap))} {'above' if gap > 0 else 'below'} it" if gap else "level with it"
    if p is None:
        way += " (no paired test compares the two)"
    else:
        way += f" ({p_text(p)}{'' if p < LEVEL else ': the two cannot be told apart'})"
    return (
        f"With thresholds from other questions the best trained model, {a}, has THS {number(of_a, 1, 100)}, the best "
        f"baseline without training, {b}, {number(of_b, 1, 100)}: training ends {way}."
    )


def paired(tests, a, b) -> dict | None:
    """The paired test of two models, whichever of them comes first in it."""
    return next((t for t in tests if {t["model_a"], t["model_b"]} == {a, b}), None)


def p_text(p: float) -> str:
    """A p-value in a sentence."""
    return "p < 0.001" if p < 0.001 else f"p = {number(p, 3)}"


def series(items) -> str:
    """``a, b and c``."""
    return " and ".join([", ".join(items[:-1])] * (len(items) > 1) + items[-1:])
