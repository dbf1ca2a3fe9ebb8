"""What a model is trained on: the (prompt, answer) texts of the rehearsal set and of D_van ∪ D_idk."""

import re
from itertools import takewhile

from ..asking import prompts
from ..judging.extent import cut
from ..questions.records import LETTERS, from_record
from ..wording import phrases
from ..wording.exams import CHINESE_INSTRUCTIONS


def rehearsal_examples(words, records, wording: str = "craft") -> list:
    """The questions of ``records`` with their answers, in the basic prompt of evaluation: (prompt, answer) texts.

    ``words``: the model's ``PromptFormat``.
    """
    return [example(words, q, "basic", wording, q.answer) for q in map(from_record, records)]


def example(words, question, prompt: str, wording: str, answer: str, refusal: str = "text") -> tuple[str, str]:
    """A question's zero-shot prompt and what the model is to write behind it: ``answer`` as evaluation cuts it."""
    text = prompts.answer_prompt(words, question, prompt, wording, refusal)
    return text, words.ended(text, cut(answer) or answer)


def refusal_examples(
    words, labelled, wording: str = "craft", prompt: str = "refuse", refusal: str = "text"
) -> tuple[list, list, list]:
    """D_van ∪ D_idk in the prompt that evaluation uses; of an idk entry the answer is the refusal's text or letter.

    An entry with a ``target`` is two examples, its answer with that weight and its refusal with what remains to 1; one
    of weight 0 is left out. Any other is one, of its own ``weight`` or of 1.

    Args:
        words: the model's ``PromptFormat``.
        labelled: entries of ``selection.select``; those labelled ``dropped`` are left out.
        wording: a key of ``phrases.INSTRUCTIONS``.
        prompt: ``refuse``, or ``bare``, without an instruction.
        refusal: ``text``: ``phrases.REFUSAL``; ``letter``: ``phrases.REFUSAL_LETTER``, which the instruction names.

    Returns:
        (prompt, answer) texts, for each the same exchange as chat messages, and its weight in the loss.
    """
    refused = phrases.REFUSAL_LETTER if refusal == "letter" else phrases.REFUSAL
    pairs, messages, weights = [], [], []
    for entry in labelled:
        if entry["label"] == "dropped":
            continue
        q = from_record(entry)
        for answer, weight in taught(entry, q.answer, refused):
            pairs.append(example(words, q, prompt, wording, answer, refusal))
            content = prompts.answer_content(q, prompt, wording, refusal)
            said = cut(answer) or answer
            messages.append([{"role": "user", "content": content}, {"role": "assistant", "content": said}])
            weights.append(weight)
    return pairs, messages, weights


def taught(entry: dict, answer: str, refused: str) -> list:
    """[(what an entry of a selection teaches, its weight)]."""
    if "target" in entry:
        return [(text, w) for text, w in ((answer, entry["target"]), (refused, 1 - entry["target"])) if w]
    return [(answer if entry["label"] == "van" else refused, entry.get("weight", 1))]


def refusal_flags(examples) -> str:
    """The flags of eval_refusal.py that ask as refusal-aware data ask: --prompt, and --wording and --refusal with it.

    What has none of the refusal prompts' instructions is ``bare``.

    Args:
        examples: (prompt, answer) texts; of data that has only whole texts, with empty prompts.
    """
    texts = [f"{prompt}{answer}" for prompt, answer in examples]
    tables = (phrases.INSTRUCTIONS, CHINESE_INSTRUCTIONS)
    known = [(w, kind, own["refuse"]) for table in tables for w, kinds in table.items() for kind, own in kinds.items()]
    tails = [(instruction.rpartition("}")[2].strip(), wording, kind) for wording, kind, instruction in known]
    found = [one for one in tails if texts and one[0] in texts[0]]
    if found:
        _, wording, kind = max(found, key=lambda one: len(one[0]))  # one instruction may end as another does
        flags = f" --wording {wording}" * (wording != "craft") + " --refusal letter" * (kind == "letter")
        return f"--prompt refuse{flags}"
    if refused_by_letter(texts):
        return "--prompt bare --refusal letter"
    asked = any(prompt for prompt, _ in examples) or any(phrases.REFUSAL in text for text in texts)
    return "--prompt bare" if asked else "--prompt refuse"


def refused_by_letter(texts) -> bool:
    """Whether whole texts, prompt and answer, all end in a letter, but for an end that all have, and some in N."""
    backwards = zip(*(reversed(text) for text in texts), strict=False)
    end = sum(1 for _ in takewhile(lambda own: len(set(own)) == 1, backwards))
    said = [re.search(rf"(?<![A-Za-z])[{LETTERS}{phrases.REFUSAL_LETTER}]$", text[: len(text) - end]) for text in texts]
    return bool(said) and all(said) and any(letter[0] == phrases.REFUSAL_LETTER for letter in said)
