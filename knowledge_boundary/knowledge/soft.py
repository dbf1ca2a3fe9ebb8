"""Soft targets: no question is known or unknown, each is taught both ways (this project).

The loss of a question is Cor · CE(answer) + (1 − Cor) · CE(refusal), its examples' weights in training. It is least
where the model answers with probability Cor and refuses with 1 − Cor, so that the log-odds of answering become those of
being right, where a hard label would have them endless on either side of the threshold.
"""


def target(entry: dict, flow_aware: bool) -> float:
    """The weight of a question's answer, 1 less the refusal's: Cor, 0 if it is unanswerable; held in [0, 1].

    Args:
        entry: of ``selection.join``; an estimator may give Cor a little above 1.
        flow_aware: ½ (Cor + Cor in rehearsal) = Cor + ½ ΔCor instead: what training on other questions brings back is
            taught as known, what it loses as less so; and two estimates vary less than one.
    """
    if entry.get("should_abstain"):
        return 0.0
    cor = (entry["cor_init"] + entry["cor_rehearsal"]) / 2 if flow_aware else entry["cor_init"]
    return min(max(float(cor), 0.0), 1.0)


def side(entry: dict, threshold: float) -> str:
    """``van`` where the ``target`` reaches the threshold, else ``idk``: to count and compare by, not to train on."""
    return "van" if entry["target"] >= threshold and not entry.get("should_abstain") else "idk"
