"""The layouts of an example in training files: LMFlow's, LLaMA-Factory's, TRL's; each written and read."""

READ = ("role", "content", "reasoning_content")
ROLES = ("system", "user", "assistant")
LMFLOW = ("text2text", "conversation", "text_only")  # one object, with a type and instances
LISTS = ("messages", "alpaca", "sharegpt")  # a list of instances
LINES = ("prompt_completion", "conversational")  # JSON Lines, TRL's
FORMATS = (*LMFLOW, *LISTS, *LINES)
# What LLaMA-Factory's dataset_info.json says of its two layouts.
DATASET_INFO = {
    "alpaca": {"columns": {"prompt": "instruction", "query": "input", "response": "output"}},
    "sharegpt": {"formatting": "sharegpt", "columns": {"messages": "conversations"}},
}
# Fields of an instance that would change what is trained.
MEANING = ("tools", "label", "kto_tag", "images", "image", "videos", "audios", "chosen", "rejected")
SPEAKERS = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}


def written(form: str, pair, exchange) -> dict:
    """One example in a layout.

    Args:
        form: one of ``FORMATS``.
        pair: (prompt, answer) texts, the chat template rendered, the answer with its end token.
        exchange: the same as chat messages, the user's and the assistant's.
    """
    prompt, answer = pair
    if form == "text2text":
        return {"input": prompt, "output": answer}
    if form == "text_only":
        return {"text": prompt + answer}
    if form == "prompt_completion":
        return {"prompt": prompt, "completion": answer}
    if form == "conversational":
        return {"prompt": exchange[:-1], "completion": exchange[-1:]}
    asked, said = (message["content"] for message in exchange) if form in DATASET_INFO else (None, None)
    if form == "alpaca":
        return {"instruction": asked, "input": "", "output": said}
    if form == "sharegpt":
        return {"conversations": [{"from": "human", "value": asked}, {"from": "gpt", "value": said}]}
    return {"messages": exchange}


def form_of(instance) -> str | None:
    """The layout of an instance that stands in a list or on a line, by its keys; None: none of them."""
    keys = instance.keys() if isinstance(instance, dict) else set()
    if {"prompt", "completion"} <= keys:
        return "conversational" if isinstance(instance["prompt"], list) else "prompt_completion"
    for key, form in (
        ("messages", "messages"),
        ("conversations", "sharegpt"),
        ("instruction", "alpaca"),
        ("text", "text_only"),
    ):
        if key in keys:
            return form
    return None


def texts_of(instance: dict, form: str) -> tuple[str, str] | None:
    """The (prompt, answer) texts of an instance whose layout holds texts; None: it holds messages.

    Raises:
        KeyError: it lacks a field.
        ValueError: its fields are not texts.
    """
    fields = {"text2text": ("input", "output"), "text_only": ("text",), "prompt_completion": ("prompt", "completion")}
    if form not in fields:
        return None
    found = [instance[name] for name in fields[form]]
    if not all(isinstance(part, str) for part in found):
        raise ValueError("its fields are not texts")
    check_meaning(instance)
    if form == "prompt_completion" and not found[1].strip():
        raise ValueError("its completion is empty")
    return (found[0], found[1]) if len(found) == 2 else ("", found[0])


def messages_of(instance: dict, form: str) -> list:
    """The chat messages of an instance whose layout holds messages, the system's text first.

    Raises:
        KeyError: it lacks a field.
        TypeError: a field is of another type.
        ValueError: it holds what is not read, or is no conversation that ends in an answer.
    """
    check_meaning(instance)
    messages = MESSAGES[form](instance)
    system = instance.get("system")
    if not isinstance(system, str | None):
        raise ValueError(f"its system is {system!r:.40}, which is no text")
    if system:
        if messages[:1] and messages[0].get("role") == "system":
            raise ValueError("it has two system texts, one of them as its first message")
        messages.insert(0, {"role": "system", "content": system})
    for message in messages:
        more = [key for key, value in message.items() if key not in READ and meant(value)]
        if more:
            raise ValueError(f"a message has {', '.join(more)}, which is not read")
        if message["role"] not in ROLES or not isinstance(message["content"], str):
            raise ValueError(f"a message of {', '.join(ROLES)} with a text is expected, not {message!r:.80}")
    if len(messages) < 2 or messages[-1]["role"] != "assistant":
        raise ValueError("its last message is not an answer of the assistant")
    if messages[0]["role"] == "assistant":
        raise ValueError("it begins with the assistant")
    return messages


def check_meaning(instance: dict) -> None:
    """ValueError for an instance with a field that would change what is trained, and is not read."""
    more = [key for key in MEANING if meant(instance.get(key))]
    if more:
        raise ValueError(f"it has {', '.join(more)}, which is not read")


def meant(value) -> bool:
    """Whether a field says something: null and what is empty do not, 0 and false do."""
    return value is not None and value not in ("", [], {})


def of_alpaca(instance: dict) -> list:
    """Alpaca's fields as messages: the earlier turns of ``history``, the instruction with its input, the output."""
    instruction, more, output = instance["instruction"], instance.get("input"), instance["output"]
    if not all(isinstance(text, str) for text in (instruction, "" if more is None else more, output)):
        raise ValueError("its fields are not texts")
    if not output.strip():
        raise ValueError("its output is empty")
    turns = [*(instance.get("history") or []), (f"{instruction}\n{more}" if more else instruction, output)]
    for turn in turns:
        if not isinstance(turn, list | tuple) or [type(text) for text in turn] != [str, str]:
            raise ValueError(f"its history has {turn!r:.40}; pairs of texts are expected")
    return [
        {"role": role, "content": text}
        for asked, said in turns
        for role, text in (("user", asked), ("assistant", said))
    ]


def of_sharegpt(instance: dict) -> list:
    """ShareGPT's turns as messages."""
    for turn in instance["conversations"]:
        if turn["from"] not in SPEAKERS:
            raise ValueError(f"a turn is from {turn['from']!r:.40}; one of {', '.join(SPEAKERS)} is expected")
        more = [key for key, value in turn.items() if key not in ("from", "value") and meant(value)]
        if more:
            raise ValueError(f"a turn has {', '.join(more)}, which is not read")
    return [{"role": SPEAKERS[turn["from"]], "content": turn["value"]} for turn in instance["conversations"]]


def of_lists(instance: dict) -> list:
    """Messages as they stand, of a prompt and its completion both."""
    both = [instance["messages"]] if "messages" in instance else [instance["prompt"], instance["completion"]]
    return [dict(message) for part in both for message in part]


MESSAGES = {
    "conversation": of_lists,
    "messages": of_lists,
    "conversational": of_lists,
    "alpaca": of_alpaca,
    "sharegpt": of_sharegpt,
}
