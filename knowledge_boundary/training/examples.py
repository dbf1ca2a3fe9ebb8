"""What a model is trained on: the (prompt, answer) texts of the rehearsal set and of D_van ∪ D_idk."""

from ..asking import prompts
from ..judging.extent import cut
from ..questions.records import from_record
from ..wording import phrases


def rehearsal_examples(words, records, wording: str = "craft") -> list:
    """The questions of ``records`` with their answers, in the basic prompt of evaluation: (prompt, answer) texts.

    ``words``: the model's ``PromptFormat``.
    """
    return [example(words, q, "basic", wording, q.answer) for q in map(from_record, records)]


def example(words, question, prompt: str, wording: str, answer: str) -> tuple[str, str]:
    """A question's zero-shot prompt and what the model is to write behind it: ``answer`` as evaluation cuts it."""
    text = prompts.answer_prompt(words, question, prompt, wording)
    return text, words.ended(text, cut(answer) or answer)


def refusal_examples(words, labelled, wording: str = "craft") -> tuple[list, list]:
    """D_van ∪ D_idk in the refusal prompt that evaluation uses; of an idk entry the answer is ``phrases.REFUSAL``.

    Args:
        words: the model's ``PromptFormat``.
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
        pairs.append(example(words, q, "refuse", wording, answer))
        content = prompts.answer_content(q, "refuse", wording)
        said = cut(answer) or answer
        messages.append([{"role": "user", "content": content}, {"role": "assistant", "content": said}])
    return pairs, messages
