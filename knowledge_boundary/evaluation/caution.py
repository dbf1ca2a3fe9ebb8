"""What makes a result say less than it seems to: answers that are none, or all alike; letters that nobody meant."""

from collections import Counter

FEWEST = 8  # of fewer answers nothing is said
ALIKE = 0.95  # share of equal answers from which on they are
NO_ANSWER = 0.1  # share of answers that are none from which on a model is no measure of others
RARE = 0.05  # of the probability: below it, the letters are not what the model is about to write
NONE_GIVEN = ("unparsed", "incomplete")


def mean_letter_mass(records) -> float | None:
    """How much of the probability the letters hold where they are compared, on average; None for other records."""
    held = [r["letter_mass"] for r in records if r.get("letter_mass") is not None]
    return sum(held) / len(held) if held else None


def of_letters(records) -> list:
    """What to know of letters' probabilities: nothing, or that they are no answers of the model."""
    held = mean_letter_mass(records)
    if held is None or held >= RARE:
        return []
    return [
        f"The letters hold {held:.2g} of the probability where they are compared: the model is about to write "
        f"something else there. Ask with --chat_template, or without it, or with --scoring cloze (--refusal letter: "
        f"with --refusal text)"
    ]


def of_outputs(texts, incomplete: int = 0, cut_off: int = 0, thinking: str = "off") -> list:
    """What to know of a set's answers: empty, alike, unfinished, or cut off.

    Args:
        texts: the answers.
        incomplete: how many of them never ended their thought.
        cut_off: how many were cut off at their longest length.
        thinking: whether the model was asked to think.
    """
    n = len(texts)
    if n < FEWEST:
        return []
    found = []
    (most, count), empty = Counter(texts).most_common(1)[0], texts.count("")
    if incomplete > NO_ANSWER * n:
        mend = "raise --max_thinking_tokens" if thinking == "on" else "it thinks unasked: give --thinking on"
        found.append(f"{incomplete} of {n} answers are thoughts that never end; {mend}")
    elif empty > NO_ANSWER * n:
        found.append(f"{empty} of {n} answers are empty")
    if most and count >= ALIKE * n:
        found.append(f"{count} of {n} answers are the same: {most[:60]!r}")
    if cut_off > NO_ANSWER * n:
        found.append(f"{cut_off} of {n} answers were cut off at --max_new_tokens")
    return found


def of_evaluation(records, thinking: str = "off") -> list:
    """``of_letters`` and ``of_outputs`` of one test set's evaluation records.

    Refusals of unanswerable questions are left out: that they are alike, and many, is as it should be.
    """
    judged = [r for r in records if not (r.get("should_abstain") and r["outcome"] == "refused")]
    texts = [r["output"] for r in judged]
    incomplete = sum(r.get("given", r["outcome"]) == "incomplete" for r in judged)
    cut_off = sum(bool(r.get("cut_off")) for r in judged)
    return of_letters(records) + of_outputs(texts, incomplete, cut_off, thinking)


def of_base(records) -> list:
    """What to know of an initial model that mostly gave no answer: its rates are no measure for others."""
    if not records:
        return []
    none = sum(r.get("given", r["outcome"]) in NONE_GIVEN or not r["output"].strip() for r in records)
    if none <= NO_ANSWER * len(records):
        return []
    return [
        f"The initial model gave no answer to {none / len(records):.1%} of these questions (unparsed or empty): "
        f"THS and over-refusal measure others against a model that does not answer, and say little"
    ]
