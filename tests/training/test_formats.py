import json

import pytest
import tiny

from knowledge_boundary.models.prompt_format import PromptFormat
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.training import formats

PAIRS = [("Was heißt “oui”?\nAnswer:", " ja\u2028</s>"), ("北京 在哪里?", "I don't know.</s>")]
MESSAGES = [
    [{"role": "user", "content": "Was heißt “oui”?"}, {"role": "assistant", "content": "ja"}],
    [{"role": "user", "content": "北京 在哪里?"}, {"role": "assistant", "content": "I don't know."}],
]


# As short as a template can be: <role>content, and an end behind each answer.
SHORT = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% if m.role == 'assistant' %}<|im_end|>{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)


@pytest.fixture(scope="module")
def chat():
    """How a model is spoken to in ``SHORT``."""
    words = tiny.tokenizer()
    words.chat_template = SHORT
    words.add_tokens(["<user>", "<assistant>", "<system>"])
    return PromptFormat(words)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


LAYOUTS = {
    "text2text": {"type": "text2text", "instances": [{"input": p, "output": a} for p, a in PAIRS]},
    "text_only": {"type": "text_only", "instances": [{"text": p + a} for p, a in PAIRS]},
    "conversation": {"type": "conversation", "instances": [{"messages": m} for m in MESSAGES]},
    "messages": [{"messages": m} for m in MESSAGES],
    "alpaca": [{"instruction": u["content"], "input": "", "output": a["content"]} for u, a in MESSAGES],
    "sharegpt": [
        {"conversations": [{"from": "human", "value": u["content"]}, {"from": "gpt", "value": a["content"]}]}
        for u, a in MESSAGES
    ],
    "prompt_completion": [{"prompt": p, "completion": a} for p, a in PAIRS],
    "conversational": [{"prompt": m[:1], "completion": m[1:]} for m in MESSAGES],
}
READ_BACK = {
    "text2text": PAIRS,
    "text_only": [("", p + a) for p, a in PAIRS],
    "conversation": [
        ("<user>Was heißt “oui”?<assistant>", "ja<|im_end|>"),
        ("<user>北京 在哪里?<assistant>", "I don't know.<|im_end|>"),
    ],
}
READ_BACK |= dict.fromkeys(("messages", "alpaca", "sharegpt", "conversational"), READ_BACK["conversation"])
# TRL ends a completion where nothing ends it yet.
READ_BACK["prompt_completion"] = [(p, f"{a}<|im_end|>") for p, a in PAIRS]
TRL = ("prompt_completion", "conversational")


def parsed(path) -> list:
    """A training file's instances as any other program reads them."""
    text = path.read_bytes().decode("ascii")
    found = [json.loads(line) for line in text.splitlines()] if path.suffix == ".jsonl" else json.loads(text)
    return found["instances"] if isinstance(found, dict) else found


@pytest.mark.parametrize("form", formats.FORMATS)
def test_layout_on_disk(form):
    path = formats.write("facts_craft", form, PAIRS, MESSAGES)
    name = f"facts_craft.json{'l' * (form in TRL)}"
    assert str(path) == f"training_data/facts_craft/{name}"
    layout = LAYOUTS[form]
    assert parsed(path) == (layout["instances"] if isinstance(layout, dict) else layout)
    own = ["dataset_info.json"] * (form in ("alpaca", "sharegpt"))
    assert sorted(p.name for p in path.parent.iterdir()) == sorted([name, *own])
    assert formats.find(path.parent) == path


def test_another_layout_takes_the_place_of_the_one_before():
    for form in (*formats.FORMATS, *reversed(formats.FORMATS)):
        path = formats.write("x", form, PAIRS, MESSAGES)
        assert formats.find(path.parent) == path
        assert (path.parent / "dataset_info.json").is_file() == (form in ("alpaca", "sharegpt"))


def test_what_llama_factory_wants_beside_its_data():
    found = {}
    for form in ("alpaca", "sharegpt"):
        path = formats.write("facts", form, PAIRS, MESSAGES)
        found[form] = json.loads((path.parent / "dataset_info.json").read_text())["facts"]
    columns = {"prompt": "instruction", "query": "input", "response": "output"}
    assert found["alpaca"] == {"file_name": "facts.json", "columns": columns}
    turns = {"messages": "conversations"}
    assert found["sharegpt"] == {"file_name": "facts.json", "formatting": "sharegpt", "columns": turns}


@pytest.mark.parametrize("form", ["text2text", "text_only", "conversation"])
def test_lmflow_finds_type_and_instances_in_the_first_100_characters(form):
    start = formats.write("x", form, PAIRS * 50, MESSAGES * 50).read_text()[:100]
    assert '"type"' in start
    assert '"instances"' in start


@pytest.mark.parametrize("form", formats.FORMATS)
def test_what_was_written_is_read_back(form, chat):
    path = formats.write("x", form, PAIRS, MESSAGES)
    assert formats.read(path, chat) == (READ_BACK[form], [1, 1])


def said(*texts) -> list:
    """Messages of the user and the assistant in turn."""
    return [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(texts)]


def test_all_answers_of_a_conversation_are_trained_behind_what_was_said_before(tmp_path, chat):
    path = tmp_path / "x.json"
    turns = [{"role": "system", "content": "s"}, *said("u", "a", "v", "b")]
    wanted = [
        ("<system>s<user>u<assistant>", "a<|im_end|>"),
        ("<system>s<user>u<assistant>a<|im_end|><user>v<assistant>", "b<|im_end|>"),
    ]
    path.write_text(json.dumps([{"messages": turns}, {"messages": said("w", "c")}]))
    examples, _ = formats.read(path, chat)
    assert examples == [wanted, ("<user>w<assistant>", "c<|im_end|>")]
    assert formats.pairs_of(examples) == [*wanted, examples[1]]


def test_the_system_text_of_lmflow_s_layout_is_said_first(tmp_path, chat):
    path = tmp_path / "x.json"
    path.write_text(file_of("conversation", {"system": "s", "messages": said("u", "a")}))
    assert formats.read(path, chat)[0] == [("<system>s<user>u<assistant>", "a<|im_end|>")]


@pytest.mark.parametrize("form", formats.FORMATS)
def test_weights_are_written_where_they_are_not_1_and_read_back(form, chat):
    path = formats.write("x", form, [*PAIRS, *PAIRS], [*MESSAGES, *MESSAGES], [0.25, 1, 1.0, 0])
    plain = LAYOUTS[form] if isinstance(LAYOUTS[form], list) else LAYOUTS[form]["instances"]
    assert parsed(path) == [plain[0] | {"weight": 0.25}, plain[1], plain[0], plain[1] | {"weight": 0}]
    assert formats.read(path, chat) == (READ_BACK[form] * 2, [0.25, 1, 1, 0])
    assert formats.weighted(path) == 2
    assert formats.weighted(formats.write("y", form, PAIRS, MESSAGES, [1, 1.0])) == 0


def test_a_conversation_has_one_weight_for_all_its_turns(tmp_path, chat):
    path = tmp_path / "x.json"
    path.write_text(json.dumps([{"messages": said("u", "a", "v", "b"), "weight": 3}, {"messages": said("w", "c")}]))
    examples, weights = formats.read(path, chat)
    assert ([len(examples[0]), weights]) == [2, [3, 1]]


@pytest.mark.parametrize(
    ("weight", "shown"),
    [("-0.5", "-0.5"), ("NaN", "nan"), ("Infinity", "inf"), ("1e999", "inf"), ('"1"', "'1'"), ("null", "None"),
     ("true", "True"), ("false", "False"), ("[1]", "[1]"), ("{}", "{}"), ("1" + "0" * 400, "1000")],
)  # fmt: skip
@pytest.mark.parametrize("form", ["text_only", "messages"])
def test_a_weight_that_is_none_is_refused_in_one_line(tmp_path, chat, weight, shown, form):
    path = tmp_path / "x.json"
    said_so = json.dumps(LAYOUTS[form])
    end = {"text_only": "}]}", "messages": "}]"}[form]
    path.write_text(said_so.removesuffix(end) + f', "weight": {weight}{end}')
    with pytest.raises(UserError) as e:
        formats.read(path, chat)
    assert str(e.value).startswith(f"{path} instance 1: not a {form} example (ValueError: its weight is {shown}")
    assert str(e.value).endswith("; a number at or above 0 is expected)")
    assert "\n" not in str(e.value)


def test_nothing_but_weights_of_0_is_refused(tmp_path, chat):
    path = formats.write("x", "text_only", PAIRS, MESSAGES, [0, 0.0])
    with pytest.raises(UserError, match="all 2 instances have weight 0; there is nothing to train on"):
        formats.read(path, chat)


def test_find_names_the_one_file():
    path = formats.write("x", "text2text", PAIRS, MESSAGES)
    (path.parent / "notes.txt").write_text("")
    assert formats.find(path.parent) == path


@pytest.mark.parametrize(("names", "says"), [((), "0 .json files"), (("a.json", "b.json"), "2 .json files")])
def test_find_refuses_a_folder_without_exactly_one_file(tmp_path, names, says):
    for name in names:
        (tmp_path / name).write_text("{}")
    with pytest.raises(UserError, match=says):
        formats.find(tmp_path)


@pytest.mark.parametrize("name", ["nothing", "a.json"])
def test_find_refuses_what_is_no_folder(tmp_path, name):
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(UserError, match=f"--data .*{name}: no such folder"):
        formats.find(tmp_path / name)


def file_of(form, *instances):
    return json.dumps({"type": form, "instances": instances})


@pytest.mark.parametrize(
    ("instance", "wanted"),
    [
        ({"instruction": "u", "input": "i", "output": "a"}, [("<user>u\ni<assistant>", "a<|im_end|>")]),
        ({"instruction": "u", "output": "a", "system": "s"}, [("<system>s<user>u<assistant>", "a<|im_end|>")]),
        (
            {"instruction": "v", "input": None, "output": "b", "history": [["u", "a"]]},
            [("<user>u<assistant>", "a<|im_end|>"), ("<user>u<assistant>a<|im_end|><user>v<assistant>", "b<|im_end|>")],
        ),
        (
            {
                "conversations": [
                    {"from": "system", "value": "s"},
                    {"from": "human", "value": "u"},
                    {"from": "gpt", "value": "a"},
                ]
            },
            [("<system>s<user>u<assistant>", "a<|im_end|>")],
        ),
        ({"prompt": "Q:", "completion": " a"}, [("Q:", " a<|im_end|>")]),
        ({"prompt": "Q:", "completion": " a<|im_end|>"}, [("Q:", " a<|im_end|>")]),
        ({"prompt": said("u", "a", "v"), "completion": said("x", "b")[1:]}, None),
        ({"text": "whole"}, [("", "whole")]),
    ],
)
@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_files_of_others(tmp_path, chat, instance, wanted, suffix):
    path = tmp_path / f"x{suffix}"
    lines = "".join(json.dumps(instance, ensure_ascii=False) + "\n" for _ in range(2))
    path.write_text(lines + "\n" if suffix == ".jsonl" else json.dumps([instance] * 2), encoding="utf-8-sig")
    wanted = wanted or [
        ("<user>u<assistant>", "a<|im_end|>"),
        ("<user>u<assistant>a<|im_end|><user>v<assistant>", "b<|im_end|>"),
    ]
    assert formats.pairs_of(formats.read(path, chat)[0]) == wanted * 2
    path.with_name("y.json").write_text(lines)  # JSON Lines under another name
    assert formats.read(path.with_name("y.json"), chat) == formats.read(path, chat)


def test_json_lines_with_separators_of_lines_in_a_text(tmp_path, chat):
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"prompt": "a\u2028b\u0085c", "completion": "d"}, ensure_ascii=False) + "\r\n")
    assert formats.read(path, chat)[0] == [("a\u2028b\u0085c", "d<|im_end|>")]


def test_a_broken_line_is_named(tmp_path, chat):
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "a"}\n\n{"text": "b"\n')
    with pytest.raises(UserError, match=r"x\.jsonl line 3: not valid JSON"):
        formats.read(path, chat)


MALFORMED = {
    "cut in half": ('{"type": "text2text", "inst', "not valid JSON"),
    "empty": ("", "not valid JSON"),
    "a number": ("3", "with at least one instance is expected"),
    "no type": ('{"instances": [{"text": "a"}]}', "type None; one of text2text, conversation, text_only, messages"),
    "other type": (file_of("image_text", {"text": "a"}), "type 'image_text'; one of"),
    "no instances": ('{"type": "text_only"}', "with at least one instance"),
    "instances: object": ('{"type": "text_only", "instances": {"text": "a"}}', "with at least one instance"),
    "none": (file_of("text_only"), "with at least one instance"),
    "no examples": ("[]", "with at least one instance"),
    "text2text": (file_of("text2text", {"input": "a", "output": "b"}, {"input": "a"}), "instance 1: not a text2text"),
    "text_only": (file_of("text_only", {"txt": "a"}), "instance 0: not a text_only example (KeyError: 'text')"),
    "instance: text": (file_of("text2text", "a"), "instance 0: not a text2text example"),
    "conversation": (file_of("conversation", {"messages": []}), "instance 0: not a conversation example"),
    "messages": ('[{"messages": [{"role": "user", "content": "a"}, {"role": "assistant"}]}]', "instance 0: not a mess"),
    "messages: null": ('[{"messages": null}]', "instance 0: not a messages example"),
    "begins with the assistant": (
        '[{"messages": [{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}]}]',
        "it begins with the assistant",
    ),
    "ends with the user": (
        json.dumps([{"messages": [{"role": r, "content": "a"} for r in ("user", "assistant", "user")]}]),
        "its last message is not an answer",
    ),
    "tools": (file_of("conversation", {"tools": ["t"], "messages": []}), "it has tools, which is not read"),
    "preferences": ('[{"prompt": "a", "chosen": "b", "rejected": "c"}]', "type None; one of text2text"),
    "two layouts": ('[{"text": "a"}, {"instruction": "a", "output": "b"}]', "instance 1: not a text_only example"),
    "alpaca": ('[{"instruction": "a", "output": null}]', "its fields are not texts"),
    "alpaca: history": ('[{"instruction": "a", "output": "b", "history": [["c"]]}]', "instance 0: not a alpaca"),
    "sharegpt": ('[{"conversations": [{"from": "human", "value": "a"}]}]', "its last message is not an answer"),
    "sharegpt: another": (
        '[{"conversations": [{"from": "observation", "value": "a"}]}]',
        "a turn is from 'observation'; one of human, user, gpt",
    ),
    "alpaca: input": ('[{"instruction": "a", "input": 0, "output": "b"}]', "its fields are not texts"),
    "alpaca: empty": ('[{"instruction": "a", "output": " "}]', "its output is empty"),
    "alpaca: system": ('[{"instruction": "a", "output": "b", "system": 0}]', "its system is 0, which is no text"),
    "alpaca: roles": (
        '[{"instruction": "a", "output": "b", "history": [{"role": "user", "content": "c"}]}]',
        "its history has {'role': 'user', 'content': 'c'}; pairs of texts are expected",
    ),
    "alpaca: texts": ('[{"instruction": "a", "output": "b", "history": ["Hi", "Yo"]}]', "its history has 'Hi'"),
    "a turn's weight": (
        '[{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "weight": 0}]}]',
        "a message has weight, which is not read",
    ),
    "sharegpt: loss": (
        '[{"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b", "loss": false}]}]',
        "a turn has loss, which is not read",
    ),
    "a label": ('[{"prompt": "a", "completion": "b", "label": false}]', "it has label, which is not read"),
    "images": ('[{"instruction": "a", "output": "b", "images": ["c.png"]}]', "it has images, which is not read"),
    "completion: empty": ('[{"prompt": "a", "completion": " "}]', "its completion is empty"),
    "a long number": ('[{"text": ' + "1" * 5000 + "}]", "not valid JSON"),
    "deep": ("[" * 100_000, "not valid JSON"),
    "completion: list": ('[{"prompt": "a", "completion": ["b"]}]', "its fields are not texts"),
    "conversational": ('[{"prompt": [], "completion": []}]', "its last message is not an answer"),
    "another role": (
        '[{"messages": [{"role": "tool", "content": "a"}, {"role": "assistant", "content": "b"}]}]',
        "a message of system, user, assistant with a text is expected",
    ),
}


@pytest.mark.parametrize(("content", "says"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_file_is_refused_in_one_line(tmp_path, chat, content, says):
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(UserError) as e:
        formats.read(path, chat)
    assert str(e.value).startswith(str(path))
    assert says in str(e.value)
    assert "\n" not in str(e.value)
