"""Training data on disk: one folder a data set, one file in it, in any of ``layouts.FORMATS``."""

import json
import sys
from pathlib import Path

from ..running import ranks
from ..running.errors import UserError
from ..running.results import write_text
from .layouts import DATASET_INFO, FORMATS, LINES, LMFLOW, form_of, messages_of, texts_of, written

INFO = "dataset_info.json"  # what LLaMA-Factory wants beside its data


def write(name: str, form: str, pairs, messages, weights=None) -> Path:
    """Write ``training_data/NAME/NAME.json``, or ``.jsonl``; returns the file.

    Args:
        name: of the data set; LMFlow reads every JSON file of a folder, so each has a folder of its own.
        form: one of ``layouts.FORMATS``.
        pairs: (prompt, answer) texts, the chat template rendered, the answer with its end token.
        messages: for each pair the same exchange as chat messages; None: the layout holds texts.
        weights: of each pair in the loss; None: all 1. One that is 1 is not written.
    """
    exchanges = messages if messages is not None else [None] * len(pairs)
    instances = [written(form, pair, exchange) for pair, exchange in zip(pairs, exchanges, strict=True)]
    for instance, weight in zip(instances, weights, strict=True) if weights is not None else ():
        if weight != 1:
            instance["weight"] = weight
    path = Path("training_data") / name / f"{name}.json{'l' * (form in LINES)}"
    # ASCII only: LMFlow looks for "type" in the first 100 characters, and seeks into the file's middle.
    if form in LINES:
        text = "".join(json.dumps(instance, ensure_ascii=True) + "\n" for instance in instances)
    else:
        content = {"type": form, "instances": instances} if form in LMFLOW else instances
        text = json.dumps(content, ensure_ascii=True, indent=1) + "\n"
    for other in (path.with_suffix(suffix) for suffix in (".json", ".jsonl")):
        if other != path:
            other.unlink(missing_ok=True)  # the same data in another layout
    (path.parent / INFO).unlink(missing_ok=True)
    if form in DATASET_INFO:
        write_text(
            path.parent / INFO, json.dumps({name: {"file_name": path.name} | DATASET_INFO[form]}, indent=1) + "\n"
        )
    write_text(path, text)
    return path


def find(folder: Path) -> Path:
    """The one data file of a data set's folder.

    Raises:
        UserError: no such folder, or not exactly one .json or .jsonl file in it besides dataset_info.json.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"--data {folder}: no such folder; build_rait_data.py writes training_data/NAME")
    files = sorted(path for path in folder.glob("*.json*") if path.suffix in (".json", ".jsonl") and path.name != INFO)
    if len(files) != 1:
        raise UserError(
            f"--data {folder}: {len(files)} .json files in it (or .jsonl); a data set's folder holds exactly one"
        )
    return files[0]


def read(path: Path, words) -> tuple[list, list]:
    """The examples of a training file in any layout, (prompt, answer) texts, and their weights in the loss.

    ``text_only`` has empty prompts. A weight that is not given is 1; a conversation's is that of all its turns.

    Of a conversation all of the assistant's turns are trained, each behind all that was said before it, the system's
    text included; one of several such turns is a list of pairs.

    Args:
        path: the file.
        words: the model's ``PromptFormat``.

    Raises:
        UserError: not such a file, no examples, an example that lacks a field, or nothing with a weight above 0.
    """
    form, instances = instances_of(path)
    examples, weights = [], []
    for number, instance in enumerate(instances):
        try:
            examples.append(example_of(instance, form, words))
            weights.append(weight_of(instance))
        except (KeyError, TypeError, ValueError, AttributeError) as e:
            raise UserError(f"{path} instance {number}: not a {form} example ({type(e).__name__}: {e})") from e
        except UserError as e:
            raise UserError(f"{path} instance {number}: {e}") from e
    if not any(weights):
        raise UserError(f"{path}: all {len(weights)} instances have weight 0; there is nothing to train on")
    check_asked_alike(path, pairs_of(examples), words)
    return examples, weights


def instances_of(path: Path) -> tuple[str, list]:
    """The layout of a training file, one of ``layouts.FORMATS``, and its instances as they stand there.

    Raises:
        UserError: not such a file, or no instances.
    """
    content = content_of(Path(path))
    form = content.get("type") if isinstance(content, dict) else form_of(content[0]) if content else None
    instances = content.get("instances") if isinstance(content, dict) else content
    known = LMFLOW if isinstance(content, dict) else FORMATS
    if form not in known or not isinstance(instances, list) or not instances:
        raise UserError(f"{path}: type {form!r}; one of {', '.join(FORMATS)} with at least one instance is expected")
    return form, instances


def content_of(path: Path) -> dict | list:
    """A training file's content, of JSON Lines the list of them; something else than the two is an empty list.

    Raises:
        UserError: it is neither.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        if path.suffix == ".jsonl" or (len(lines) > 1 and complete(lines[0][1])):
            return [line_of(path, number, line) for number, line in lines]
        content = json.loads(text)
    except (ValueError, RecursionError) as e:
        raise UserError(f"{path}: not valid JSON ({e}); build_rait_data.py writes it anew") from e
    return content if isinstance(content, dict | list) else []


def line_of(path: Path, number: int, line: str):
    """The content of a line of JSON Lines; UserError that names it."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as e:
        raise UserError(f"{path} line {number}: not valid JSON ({getattr(e, 'msg', e)})") from e


def complete(line: str) -> bool:
    """Whether a line is a JSON object of its own."""
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def weight_of(instance: dict) -> float:
    """An instance's weight in the loss; 1 where it gives none.

    Raises:
        ValueError: it is no finite number at or above 0.
    """
    weight = instance.get("weight", 1)
    if type(weight) not in (int, float) or not 0 <= weight <= sys.float_info.max:
        raise ValueError(f"its weight is {weight!r:.40}; a number at or above 0 is expected")
    return float(weight)


def weighted(path: Path) -> int:
    """How many instances of a training file give a weight other than 1, whatever it is."""
    return sum(isinstance(i, dict) and i.get("weight", 1) != 1 for i in instances_of(path)[1])


def check_asked_alike(path: Path, pairs, words) -> None:
    """Says how many prompts end in another way than the template asks now: with another --thinking, for one."""
    rendered = [prompt for prompt, _ in pairs if prompt and words.rendered(prompt)]
    other = sum(not prompt.endswith(words.tail) for prompt in rendered)
    if other:
        ranks.say(
            f"{path}: {other} of {len(rendered)} prompts end in another way than this model's template asks with "
            f"--thinking {words.thinking}; give the flag that the data was built with"
        )


def example_of(instance: dict, form: str, words):
    """One instance of a training file as ``read`` gives it."""
    texts = texts_of(instance, form)
    if texts:
        return ended(*texts, words) if form == "prompt_completion" else texts
    messages = messages_of(instance, form)
    answers = [at for at, message in enumerate(messages) if message["role"] == "assistant"]
    turns = [words.exchange(messages[: at + 1]) for at in answers]
    return turns[0] if len(turns) == 1 else turns


def ended(prompt: str, completion: str, words) -> tuple[str, str]:
    """A prompt and its completion, which ends in the model's end token as TRL ends it."""
    end = words.end if words.rendered(prompt) else words.plain_end
    return prompt, completion if not end or completion.rstrip().endswith(end) else completion + end


def pairs_of(examples) -> list:
    """All (prompt, answer) texts of examples: of a conversation one for each turn."""
    return [pair for example in examples for pair in ([example] if isinstance(example, tuple) else example)]
