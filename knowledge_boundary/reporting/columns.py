"""The columns of the tables beside THS: scores of other lines of work, and of unanswerable questions."""

from markupsafe import Markup

# Where a score stands in a record; its head in the terminal; its head on the page. What equals another column is left
# out: the Omniscience Index and the confidence target 0.5 (right − wrong), the initial model's own target (THS).
OTHER_SCORES = (
    (("correct_given_attempted",), "c/(c+w)", Markup("right, of<br>attempted")),
    (("f_simpleqa",), "F", Markup("F of<br>SimpleQA")),
    (("truthfulness",), "c−w", Markup("right −<br>wrong")),
    (("confidence_target", "0.75"), "t=0.75", Markup("target<br>t = 0.75")),
    (("confidence_target", "0.9"), "t=0.9", Markup("target<br>t = 0.9")),
    (("honesty",), "honesty", "honesty"),
    (("coverage_at_risk", "0.05"), "cov@5%", Markup("coverage<br>at risk 5 %")),
    (("coverage_at_risk", "0.1"), "cov@10%", Markup("coverage<br>at risk 10 %")),
    (("coverage_at_risk", "0.2"), "cov@20%", Markup("coverage<br>at risk 20 %")),
    (("brier",), "Brier", "Brier"),
    (("e_aurc",), "E-AURC", "E-AURC"),
)
UNANSWERABLE = (
    (("unanswerable", "p_refused"), "refused", "refused"),
    (("unanswerable", "p_wrong"), "answered", "answered"),
    (("abstention", "precision"), "precision", "precision"),
    (("abstention", "recall"), "recall", "recall"),
    (("abstention", "f1"), "F1", Markup("F<sub>1</sub>")),
)


def metric(record: dict, place) -> dict:
    """The ``{value, ci95}`` at a ``place`` of a comparison's record; null where the record has none."""
    found = record
    for key in place:
        found = (found or {}).get(key)
    return found or {"value": None, "ci95": None}


def with_values(columns, records) -> list:
    """Those of ``columns`` in which a record has a value."""
    return [column for column in columns if any(metric(r, column[0])["value"] is not None for r in records)]
