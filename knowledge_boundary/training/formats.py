"""Training data on disk: one folder a data set, one JSON file in it, in the layouts of LMFlow and of TRL."""

import json
from pathlib import Path

from ..asking import prompts
from ..running.errors import UserError
from ..running.results import write_text

FORMATS = ("text2text", "conversation", "text_only", "messages")


def write(name: str, form: str, pairs, messages) -> Path:
    """Write ``training_data/NAME/NAME.json``; returns the file.

    Args:
        name: of the data set; LMFlow reads every JSON file of a folder, so each has a folder of its own.
        form: one of ``FORMATS``.
        pairs: (prompt, answer) texts, the chat template rendered, the answer with its end token.
        messages: for each pair the same exchange as chat messages.
    """
    if form == "text2text":
        instances = [{"input": prompt, "output": answer} for prompt, answer in pairs]
    elif form == "text_only":
        instances = [{"text": prompt + answer} for prompt, answer in pairs]
    else:
        instances = [{"messages": exchange} for exchange in messages]
    # LMFlow looks for "type" in the first 100 characters, and seeks into the file's middle: ASCII only.
    content = instances if form == "messages" else {"type": form, "instances": instances}
    path = Path("training_data") / name / f"{name}.json"
    write_text(path, json.dumps(content, ensure_ascii=True, indent=1) + "\n")
    return path


def find(folder: Path) -> Path:
    """The one JSON file of a data set's folder.

    Raises:
        UserError: no such folder, or not exactly one JSON file in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"--data {folder}: no such folder; build_rait_data.py writes training_data/NAME")
    files = sorted(folder.glob("*.json"))
    if len(files) != 1:
        raise UserError(f"--data {folder}: {len(files)} .json files in it; a data set's folder holds exactly one")
    return files[0]


def read(path: Path, tokenizer) -> list:
    """(prompt, answer) texts of a training file in any of ``FORMATS``; ``text_only`` has empty prompts.

    Raises:
        UserError: not such a file, no examples, or an example that lacks a field.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as e:
        raise UserError(f"{path}: not valid JSON ({e}); build_rait_data.py writes it anew") from e
    form = content.get("type") if isinstance(content, dict) else "messages"
    instances = content.get("instances") if isinstance(content, dict) else content
    if form not in FORMATS or not isinstance(instances, list) or not instances:
        raise UserError(f"{path}: type {form!r}; one of {', '.join(FORMATS)} with at least one instance is expected")
    pairs = []
    for number, instance in enumerate(instances):
        try:
            if form == "text2text":
                pairs.append((instance["input"], instance["output"]))
            elif form == "text_only":
                pairs.append(("", instance["text"]))
            else:
                *turns, last = instance["messages"]
                if not turns or last["role"] != "assistant" or not isinstance(last["content"], str):
                    raise ValueError("its last message is not an answer of the assistant")
                pairs.append((prompts.chat(tokenizer, turns), prompts.answer_text(tokenizer, last["content"])))
        except (KeyError, TypeError, ValueError) as e:
            raise UserError(f"{path} instance {number}: not a {form} example ({type(e).__name__}: {e})") from e
        if not all(isinstance(part, str) for part in pairs[-1]):
            raise UserError(f"{path} instance {number}: not a {form} example (its fields are not texts)")
    return pairs
