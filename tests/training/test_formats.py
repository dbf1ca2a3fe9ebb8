import json

import pytest

from knowledge_boundary.running.errors import UserError
from knowledge_boundary.training import formats

PAIRS = [("Was heißt “oui”?\nAnswer:", " ja\u2028</s>"), ("北京 在哪里?", "I don't know.</s>")]
MESSAGES = [
    [{"role": "user", "content": "Was heißt “oui”?"}, {"role": "assistant", "content": "ja"}],
    [{"role": "user", "content": "北京 在哪里?"}, {"role": "assistant", "content": "I don't know."}],
]


class Tokenizer:
    chat_template = "{{ messages }}"
    eos_token = "</s>"

    def apply_chat_template(self, messages, tokenize, add_generation_prompt):
        return "".join(f"<{m['role']}>{m['content']}" for m in messages) + "<assistant>"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


LAYOUTS = {
    "text2text": {"type": "text2text", "instances": [{"input": p, "output": a} for p, a in PAIRS]},
    "text_only": {"type": "text_only", "instances": [{"text": p + a} for p, a in PAIRS]},
    "conversation": {"type": "conversation", "instances": [{"messages": m} for m in MESSAGES]},
    "messages": [{"messages": m} for m in MESSAGES],
}
READ_BACK = {
    "text2text": PAIRS,
    "text_only": [("", p + a) for p, a in PAIRS],
    "conversation": [
        ("<user>Was heißt “oui”?<assistant>", "ja</s>"),
        ("<user>北京 在哪里?<assistant>", "I don't know.</s>"),
    ],
}
READ_BACK["messages"] = READ_BACK["conversation"]


@pytest.mark.parametrize("form", formats.FORMATS)
def test_layout_on_disk(form):
    path = formats.write("facts_craft", form, PAIRS, MESSAGES)
    assert str(path) == "training_data/facts_craft/facts_craft.json"
    text = path.read_bytes().decode("ascii")
    assert json.loads(text) == LAYOUTS[form]
    assert [p.name for p in path.parent.iterdir()] == ["facts_craft.json"]


@pytest.mark.parametrize("form", ["text2text", "text_only", "conversation"])
def test_lmflow_finds_type_and_instances_in_the_first_100_characters(form):
    start = formats.write("x", form, PAIRS * 50, MESSAGES * 50).read_text()[:100]
    assert '"type"' in start
    assert '"instances"' in start


@pytest.mark.parametrize("form", formats.FORMATS)
def test_what_was_written_is_read_back(form):
    path = formats.write("x", form, PAIRS, MESSAGES)
    assert formats.read(path, Tokenizer()) == READ_BACK[form]


def test_earlier_turns_of_a_conversation_are_its_prompt(tmp_path):
    turns = [{"role": r, "content": c} for r, c in (("system", "s"), ("user", "u"), ("assistant", "a"))]
    turns += [{"role": "user", "content": "v"}, {"role": "assistant", "content": "b"}]
    path = tmp_path / "x.json"
    path.write_text(json.dumps([{"messages": turns}]))
    assert formats.read(path, Tokenizer()) == [("<system>s<user>u<assistant>a<user>v<assistant>", "b</s>")]


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
}


@pytest.mark.parametrize(("content", "says"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_file_is_refused_in_one_line(tmp_path, content, says):
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(UserError) as e:
        formats.read(path, Tokenizer())
    assert str(e.value).startswith(str(path))
    assert says in str(e.value)
    assert "\n" not in str(e.value)
