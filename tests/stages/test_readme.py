"""The chain of docs/stages.md for each model of the README's table, on a tiny checkpoint and a few questions.

And the README's Chinese version: the same commands, headings, tables, figures and links.
"""

import re
import shlex
from collections import Counter

import checkpoints
import pytest
import tiny

from knowledge_boundary.models import families

README = (tiny.ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (tiny.ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
STAGES = (tiny.ROOT / "docs" / "stages.md").read_text(encoding="utf-8")
MAKERS = {
    "Qwen2.5-3B": ["qwen2"],
    "open_llama_3b": ["open_llama"],
    "chatglm2-6b": ["chatglm2", "deep_training"],
    "Qwen-7B": ["qwen", "deep_training"],
}
ENVIRONMENT = ".venv" if families.MODERN else ".venv-legacy"


def commands(first_line: str) -> list:
    """[[script, flags…]] of the chain with ``first_line`` in place of its own, read as a shell would."""
    (block,) = (b for b in re.findall(r"```bash\n(.*?)```", STAGES, re.DOTALL) if "run_rehearsal.py" in b)
    lines = block.replace("\\\n", " ").strip().splitlines()
    assert lines[0].startswith("M=")
    assert lines[1] == "N=$(basename $M)"
    values = dict(re.findall(r"(\w)=(\S*)", first_line))
    values["N"] = values["M"].rsplit("/", 1)[1]
    found = []
    for line in lines[2:]:
        words = shlex.split(re.sub(r"\$\{?([MNF])\}?", lambda m: values[m[1]], line))
        assert words[0] in ("python", "bash")
        found.append(words[1:])
    return found


def rows() -> list:
    """(first line, environment) of the README's table of models."""
    return re.findall(r"\| [^|]+ \| `(M=[^`]+)` \| `([^`]+)` \|", README)


def test_every_model_has_a_row():
    assert {re.search(r"/(\S+)", first)[1] for first, _ in rows()} == set(MAKERS)


def prose(text: str) -> str:
    """``text`` without its fenced blocks, in which a "#" begins a comment."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def blocks(text: str) -> list:
    return re.findall(r"^```bash\n.*?^```$", text, re.DOTALL | re.MULTILINE)


def headings(text: str) -> list:
    """The level of each heading, in order."""
    return [len(marks) for marks in re.findall(r"^(#+) ", prose(text), re.MULTILINE)]


def tables(text: str) -> list:
    """The number of columns of each row of each table, in order."""
    found = re.findall(r"(?:^\|.*\|\n)+", prose(text), re.MULTILINE)
    return [[row.count("|") - 1 for row in table.splitlines()] for table in found]


def intervals(text: str) -> Counter:
    """How often each ``44.3 [38.9, 49.9]`` occurs; a line may end inside one."""
    number = r"[-+−]?\d+(?:\.\d+)?"
    return Counter(re.findall(rf"{number} \[{number}, {number}\]", " ".join(text.split())))


def figures(text: str) -> Counter:
    """How often each number with a point or a comma between its digits occurs."""
    return Counter(re.findall(r"\d+(?:[.,]\d+)+", text))


def links(text: str) -> Counter:
    """How often each address is linked to, without the line that leads from one language to the other."""
    return Counter(a for a in re.findall(r"\]\(([^)]+)\)", text) if not a.startswith("README"))


@pytest.mark.parametrize("part", [blocks, headings, tables, intervals, figures, links])
def test_the_chinese_version_has_the_same(part):
    assert part(README)
    assert part(CHINESE) == part(README)


def test_the_two_languages_link_to_each_other():
    assert README.splitlines()[2] == "English | [简体中文](README.zh-CN.md)"
    assert CHINESE.splitlines()[2] == "[English](README.md) | 简体中文"


@pytest.fixture
def hub(tmp_path):
    """A folder with tiny copies of the data sets that the chain asks."""
    for split, n in (("dev", 5), ("test", 8), ("val", 3)):
        (tmp_path / "data" / "mmlu" / split).mkdir(parents=True)
        for subject in ("anatomy", "virology"):
            lines = [f"What is {split} {i} of {subject}?,{i},{i + 1},{i + 2},{i + 3},{'ABCD'[i % 4]}" for i in range(n)]
            (tmp_path / "data" / "mmlu" / split / f"{subject}_{split}.csv").write_text("\n".join(lines) + "\n")
    stem = {"stem": "What is hot?", "choices": [{"text": t, "label": x} for t, x in (("ice", "A"), ("fire", "B"))]}
    arc = tmp_path / "data" / "arc_challenge"
    tiny.write_jsonl(arc / "ARC-Challenge-Test.jsonl", [{"id": "1", "question": stem, "answerKey": "B"}])
    return tmp_path


@pytest.mark.parametrize("first", [first for first, environment in rows() if environment == ENVIRONMENT])
def test_the_chain(hub, monkeypatch, first):
    name = re.search(r"/(\S+)", first)[1]
    checkpoints.make(hub / "hub" / name, *MAKERS[name])
    monkeypatch.chdir(hub)
    for script, *flags in commands(re.sub(r"M=[^/]+/", "M=hub/", first)):
        own = [re.sub(r"^(mmlu|arc_challenge)(?=:|$)", r"data/\1", flag) for flag in flags]
        if script == "build_rait_data.py":
            own += ["--threshold", "0.25"]  # a random model is sure of nothing
        backend = ["--backend", "builtin"] if script == "finetune.sh" else []
        assert tiny.call(script, *backend, *own) == 0, (script, own)
    compared = tiny.read_json(f"results/{name}/mmlu/comparison.json")
    assert [(r["model"], r["n"]) for r in compared["records"]] == [
        ("init_basic", 6), ("craft", 6), ("init_basic", 1), ("craft", 1)
    ]  # fmt: skip
