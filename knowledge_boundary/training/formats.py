"""Training data on disk: one folder a data set, one JSON file in it, in the layouts of LMFlow and of TRL."""

import json
import sys
from pathlib import Path

from ..running import ranks
from ..running.errors import UserError
from ..running.results import write_text

READ = ("role", "content", "reasoning_content")
ROLES = ("system", "user", "assistant")
FORMATS = ("text2text", "conversation", "text_only", "messages")


def write(name: str, form: str, pairs, messages, weights=None) -> Path:
    """Write ``training_data/NAME/NAME.json``; returns the file.

    Args:
        name: of the data set; LMFlow reads every JSON file of a folder, so each has a folder of its own.
        form: one of ``FORMATS``.
        pairs: (prompt, answer) texts, the chat template rendered, the answer with its end token.
        messages: for each pair the same exchange as chat messages.
        weights: of each pair in the loss; None: all 1. One that is 1 is not written.
    """
    if form == "text2text":
        instances = [{"input": prompt, "output": answer} for prompt, answer in pairs]
    elif form == "text_only":
        instances = [{"text": prompt + answer} for prompt, answer in pairs]
    else:
        instances = [{"messages": exchange} for exchange in messages]
    for instance, weight in zip(instances, weights, strict=True) if weights is not None else ():
        if weight != 1:
            instance["weight"] = weight
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


def read(path: Path, words) -> tuple[list, list]:
    """The examples of a training file in any of ``FORMATS``, (prompt, answer) texts, and their weights in the loss.

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
    """The layout of a training file, one of ``FORMATS``, and its instances as they stand there.

    Raises:
        UserError: not such a file, or no instances.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as e:
        raise UserError(f"{path}: not valid JSON ({e}); build_rait_data.py writes it anew") from e
    form = content.get("type") if isinstance(content, dict) else "messages"
    instances = content.get("instances") if isinstance(content, dict) else content
    if form not in FORMATS or not isinstance(instances, list) or not instances:
        raise UserError(f"{path}: type {form!r}; one of {', '.join(FORMATS)} with at least one instance is expected")
    return form, instances


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
    if form in ("text2text", "text_only"):
        pair = (instance["input"], instance["output"]) if form == "text2text" else ("", instance["text"])
        if not all(isinstance(part, str) for part in pair):
            raise ValueError("its fields are not texts")
        return pair
    messages = [dict(message) for message in instance["messages"]]
    if instance.get("tools"):
        raise ValueError("it has tools, which are not read")
    if system := instance.get("system"):
        if messages[:1] and messages[0].get("role") == "system":
            raise ValueError("it has two system texts, one of them as its first message")
        messages.insert(0, {"role": "system", "content": system})
    for message in messages:
        more = [key for key, value in message.items() if key not in READ and value]
        if more:
            raise ValueError(f"a message has {', '.join(more)}, which is not read")
        if message["role"] not in ROLES or not isinstance(message["content"], str):
            raise ValueError(f"a message of {', '.join(ROLES)} with a text is expected, not {message!r:.80}")
    if len(messages) < 2 or messages[-1]["role"] != "assistant":
        raise ValueError("its last message is not an answer of the assistant")
    if messages[0]["role"] == "assistant":
        raise ValueError("it begins with the assistant")
    answers = [at for at, message in enumerate(messages) if message["role"] == "assistant"]
    turns = [words.exchange(messages[: at + 1]) for at in answers]
    return turns[0] if len(turns) == 1 else turns


def pairs_of(examples) -> list:
    """All (prompt, answer) texts of examples: of a conversation one for each turn."""
    return [pair for example in examples for pair in ([example] if isinstance(example, tuple) else example)]
