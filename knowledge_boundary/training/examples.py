"""What a model is trained on: the (prompt, answer) texts of the rehearsal set and of D_van ∪ D_idk."""

from ..asking import prompts
from ..questions.records import from_record
from ..wording import phrases


def rehearsal_examples(tokenizer, records, wording: str = "craft") -> list:
    """The questions of ``records`` with their answers, in the basic prompt of evaluation: (prompt, answer) texts."""
    return [
        (prompts.answer_prompt(tokenizer, q, "basic", wording), prompts.answer_text(tokenizer, q.answer))
        for q in map(from_record, records)
    ]


def refusal_examples(tokenizer, labelled, wording: str = "craft") -> tuple[list, list]:
    """D_van ∪ D_idk in the refusal prompt that evaluation uses.

    Args:
        tokenizer: the model's.
        labelled: entries of ``selection.select``; those labelled ``dropped`` are left out.
        wording: a key of ``phrases.INSTRUCTIONS``.

    Returns:
        (prompt, answer) texts, and for each the same exchange as chat messages.
    """
    pairs, messages = [], []
    for entry in labelled:
        if entry["label"] == "dropped":
            continue
        q = from_record(entry)
        answer = q.answer if entry["label"] == "van" else phrases.REFUSAL
        pairs.append((prompts.answer_prompt(tokenizer, q, "refuse", wording), prompts.answer_text(tokenizer, answer)))
        content = prompts.answer_content(q, "refuse", wording)
        messages.append([{"role": "user", "content": content}, {"role": "assistant", "content": answer}])
    return pairs, messages
