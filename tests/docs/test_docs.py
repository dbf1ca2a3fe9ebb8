"""The documentation against the project: links, lengths, paths, and every command by the parser that it is meant for.

A bash block is read by bash itself, with a PATH on which there is nothing: what it would run is written down instead,
with its variables, loops and functions resolved.
"""

import contextlib
import functools
import importlib
import itertools
import re
import runpy
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest
import tiny

from knowledge_boundary import cli
from knowledge_boundary.running.errors import UserError

PAGES = sorted((tiny.ROOT / "docs").glob("*.md"))
OTHERS = (
    "README.md", "README.zh-CN.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md",
    "training_data/README.md", "data/world_facts/README.md",
)  # fmt: skip
DOCS = {str(path.relative_to(tiny.ROOT)): path for path in [*(tiny.ROOT / name for name in OTHERS), *PAGES]}
STAGES = ("run_MMLU.py", "run_query_state.py", "run_rehearsal.py", "build_rait_data.py", "eval_refusal.py")
MODULES = ("finetune", "lmflow", "llamafactory", "quickstart")
BENCHMARKS = sorted(f"benchmarks/{p.name}" for p in (tiny.ROOT / "benchmarks").glob("bench_*.py"))
BENCHMARKS += ["benchmarks/scaling.py", "benchmarks/model_sizes.py", "benchmarks/serve_check.py"]
# Flags of other programs that the pages name: pip's, torchrun's, accelerate's, LMFlow's.
FOREIGN = {
    "--no-deps", "--no-build-isolation", "--node_rank", "--machine_rank", "--nproc_per_node", "--nnodes",
    "--gradient_accumulation_steps",
    "--cutoff_len", "--name", "--disable_group_texts", "--overwrite_cache", "--logging_nan_inf_filter", "--bf16",
}  # fmt: skip
HARNESS = r"""
exec 3>&1
PATH=/nowhere
command_not_found_handle() { printf '%s\0' "$@" >&3; printf '\n\0' >&3; }
source() { command_not_found_handle source "$@"; }
basename() { printf %s "${1##*/}"; }
cd() { :; }
"""


# ---- what a page holds ----


def text_of(name: str) -> str:
    return DOCS[name].read_text(encoding="utf-8")


def prose(text: str) -> str:
    """``text`` without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def blocks(text: str) -> list:
    """The content of each bash block."""
    return re.findall(r"^```bash\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def spans(text: str) -> list:
    """What stands between backticks in the prose, on one line each."""
    return [" ".join(s.replace("\\|", "|").split()) for s in re.findall(r"`([^`]+)`", prose(text))]


def links(text: str) -> list:
    return re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]+`", "", prose(text)))


def anchors(text: str) -> set:
    """The anchors of a page's headings, as GitHub makes them."""
    seen, found = Counter(), set()
    for heading in re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


# ---- commands ----


def shell(script: str) -> list:
    """[[word…]] of the commands that a piece of shell would run; of one that bash cannot read, its error."""
    with tempfile.TemporaryDirectory() as empty:
        done = subprocess.run(
            ["/bin/bash", "-u", "-c", HARNESS + script],
            cwd=empty, env={"HOME": "/home/user", "LMFLOW_DIR": "LMFlow", "LC_ALL": "C.UTF-8"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    commands = [
        list(words) for end, words in itertools.groupby(done.stdout.split("\0")[:-1], lambda w: w == "\n") if not end
    ]
    return [*commands, [f"bash: {done.stderr.strip()}"]] if done.stderr else commands


def filled(words) -> list:
    """``words`` with "x" for what "…" stands for; a "…" that is no flag's value stands for further flags."""
    kept = [w for before, w in itertools.pairwise(["", *words]) if w != "…" or before.startswith("--")]
    return [w.replace("…", "x") for w in kept]


def commands_of(text: str) -> list:
    """The commands of a page's bash blocks and of its inline code."""
    inline = [s for s in spans(text) if re.match(r"(\w+=\S* )*(python|bash|torchrun|ruff|pip) ", s)]
    inline = [s for s in inline if not re.search(r"\bSTAGE\b", s)]
    return [filled(words) for script in [*blocks(text), *inline] for words in shell(script)]


def called(words) -> str:
    """What a command starts, for its test's name."""
    return next((w for w in words if re.search(r"\.(py|sh)$|^knowledge_boundary", w)), words[0])


COMMANDS = {
    f"{name} {number} {called(words)}": words
    for name in DOCS
    for number, words in enumerate(commands_of(text_of(name)))
}


@functools.cache
def script_arguments(script: str):
    """The function of a script that parses its flags; None for one that has none."""
    path = tiny.ROOT / script
    assert path.is_file(), f"no such script: {script}"
    if "def arguments(" not in path.read_text(encoding="utf-8"):
        return None
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(path.parent))
        return runpy.run_path(str(path), run_name="not_main")["arguments"]


def module_arguments(module: str):
    return importlib.import_module(module).arguments


def parse(arguments, name: str, words) -> None:
    """Let ``arguments`` read the command line; UserError for what it does not take, abbreviations among it."""
    start = cli.Parser.__init__

    def exact(self, *args, **kwargs):
        start(self, *args, **kwargs)
        self.allow_abbrev = False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli.Parser, "__init__", exact)
        patch.setattr(sys, "argv", [name, *words])
        with contextlib.suppress(SystemExit):  # --help; what is wrong is a UserError
            arguments()


def handed_on(words, stub: Path) -> list:
    """The module that finetune.sh starts and the words that it gives it, by the script itself."""
    stub.mkdir(exist_ok=True)
    (stub / "python").write_text("#!/bin/sh\nprintf '%s\\0' \"$@\"\n")
    (stub / "python").chmod(0o755)
    env = {"PATH": f"{stub}:/usr/bin:/bin", "VIRTUAL_ENV": str(stub)}
    line = ["bash", str(tiny.ROOT / "finetune.sh"), *words]
    done = subprocess.run(line, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(done.stderr)
    started = done.stdout.split("\0")[:-1]
    return started[next(i for i, word in enumerate(started) if word.startswith("knowledge_boundary.")) :]


def check(words, tmp_path: Path) -> None:
    """Raise unless the command is one of this project's, and its flags are too."""
    program, *words = words
    if program == "torchrun":
        at = next(i for i, word in enumerate(words) if word.endswith(".py"))
        program, words = "python", words[at:]
    name, *words = words or [""]
    if program == "python" and name == "-m":
        module, *words = words
        if module.startswith("knowledge_boundary."):
            parse(module_arguments(module), module, words)
        else:
            assert module == "pytest"
    elif program == "python":
        arguments = script_arguments(name)
        if arguments:
            parse(arguments, name, words)
        else:
            assert not words
    elif (program, name) == ("bash", "finetune.sh"):
        if "--help" not in words:
            module, *words = handed_on(words, tmp_path / "bin")
            parse(module_arguments(module), module, words)
    elif (program, name) == ("bash", "quickstart.sh"):
        own = words[1:] if words[:1] == ["--legacy"] else words
        parse(module_arguments("knowledge_boundary.quickstart"), name, own)
    elif program == "bash" and name.startswith("experiments/"):
        assert (tiny.ROOT / name).is_file()
        parse(script_arguments(name.removesuffix(".sh") + ".py"), name, words)
    elif (program, name) == ("bash", "benchmarks/serve.sh"):
        if words != ["setup-vllm"]:
            kind, _, mark, *words = words
            assert (kind in ("vllm", "llama"), mark) == (True, "--")
            check(words, tmp_path)
    elif (program, name) == ("bash", "setup.sh"):
        assert set(words) <= set(setup_flags())
    elif (program, name) == ("bash", "run_tests.sh"):
        assert "--legacy" not in words[1:]
        assert all((tiny.ROOT / word).exists() for word in words if not word.startswith("-"))
    elif (program, name) == ("pip", "install"):
        files = [file for flag, file in itertools.pairwise(words) if flag == "-r"]
        assert all((tiny.ROOT / file).is_file() for file in files)
    elif program == "source":
        assert name in (".venv/bin/activate", ".venv-legacy/bin/activate")
    else:
        assert (program, name) in (("ruff", "format"), ("ruff", "check")), f"not a command of this project: {program}"


def setup_flags() -> list:
    return re.findall(r"^ +(--[a-z]+)\)", (tiny.ROOT / "setup.sh").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_every_command_is_taken(words, tmp_path):
    check(words, tmp_path)


FIRST_LINES = re.findall(r"^\| [^|]+ \| `(M=[^`]+)` \|", text_of("README.md"), re.MULTILINE)


@pytest.mark.parametrize("first", FIRST_LINES)
def test_the_readme_s_command_takes_every_model_of_its_table(first, tmp_path):
    (block,) = (b for b in blocks(text_of("README.md")) if b.startswith("M="))
    (words,) = shell(block.replace(block.splitlines()[0], first))
    assert "--model" in words
    check(words, tmp_path)


def test_every_stage_is_shown():
    shown = {word for words in COMMANDS.values() for word in words}
    assert {*STAGES, "finetune.sh", "quickstart.sh", "setup.sh", "run_tests.sh"} <= shown


@pytest.mark.parametrize(
    "wrong",
    [
        "python run_MMLU.py --modle x",
        "python run_MMLU.py --method sure",
        "python run_query_state.py --num_sample 10",
        "M=x\npython build_rait_data.py --model $M --n_van many",
        "torchrun --nproc_per_node 2 run_rehearsal.py --states x",
        "for N in 1 2; do python eval_refusal.py --n $N; done",
        "bash finetune.sh --data x",
        "bash finetune.sh --backend mlx --data x --output y",
        "bash finetune.sh --backend builtin --data x --output y --block_size 8",
        "bash finetune.sh --backend lmflow --data x --output y --lora 8",
        'bash finetune.sh --launcher "deepspeed --num_gpus 8" --backend builtin --data x --output y',
        "bash quickstart.sh --data x",
        "bash setup.sh --old",
        "bash run_tests.sh tests/nowhere",
        "python -m knowledge_boundary.finetune --data x --out y",
        "python benchmarks/bench_scoring.py --peer loop",
        "python run_mmlu.py",
        "python run_MMLU.py --model $UNSET",
        "source venv/bin/activate",
        "rm -r results",
        "if true; then python run_MMLU.py",
    ],
)
def test_a_wrong_command_is_found(wrong, tmp_path):
    *_, words = shell(wrong)
    with pytest.raises((UserError, AssertionError)):
        check(filled(words), tmp_path)


def test_a_block_is_read_as_bash_reads_it():
    script = """
    M=a/b F=   # a comment
    N=$(basename $M)
    ask() { X=1 python $N.py $F "$@"; }
    for R in 1 2; do
        ask --r $R \\
            results/e_{x,y}.json
    done && source v
    """
    files = ["results/e_x.json", "results/e_y.json"]
    assert shell(script) == [["python", "b.py", "--r", r, *files] for r in "12"] + [["source", "v"]]
    assert filled(["bash", "a.sh", "…", "--data", "…", "--n", "FILE…"]) == [
        "bash",
        "a.sh",
        "--data",
        "x",
        "--n",
        "FILEx",
    ]


# ---- flags, paths and links in the prose ----


class Caught(Exception):
    """Carries a parser out of the function that made it."""


@functools.cache
def options_of(arguments) -> dict:
    """{flag: its choices, None for any} of a script's parser."""

    def caught(self, *args):
        raise Caught(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli.Parser, "parse_args", caught)
        with pytest.raises(Caught) as e:
            arguments()
    actions = e.value.args[0]._actions
    return {flag: action.choices for action in actions for flag in action.option_strings}


def all_options() -> dict:
    """{flag: [its choices in each script that has it]}, with those of the shell scripts and of other programs."""
    found = {flag: [None] for flag in [*FOREIGN, *setup_flags(), "--setup-lmflow", "--setup-llamafactory"]}
    found["--backend"] = [("auto", "lmflow", "llamafactory", "builtin")]
    found["--launcher"] = [None]
    functions = [script_arguments(script) for script in (*STAGES, *BENCHMARKS)]
    functions += [module_arguments(f"knowledge_boundary.{module}") for module in MODULES]
    for arguments in functions:
        for flag, choices in options_of(arguments).items():
            found.setdefault(flag, []).append(choices)
    return found


def unknown_flags(span: str, options: dict) -> list:
    """The flags of a piece of inline code that are in none of ``options``, or with a value that none of them takes."""
    wrong = []
    for flag, value in re.findall(r"(?<![\w-])(--\w[\w-]*)(?:[ =](?!--)(\S+))?", span):
        if flag not in options:
            wrong.append(flag)
        elif re.fullmatch(r"[\w|]+", value) and None not in options[flag]:
            taken = {str(choice) for choices in options[flag] for choice in choices}
            wrong += [f"{flag} {v}" for v in value.split("|") if v not in taken]
    return wrong


@pytest.mark.parametrize("name", DOCS)
def test_every_flag_in_the_prose_is_one(name):
    options = all_options()
    assert [wrong for span in spans(text_of(name)) for wrong in unknown_flags(span, options)] == []


def test_a_wrong_flag_in_the_prose_is_found():
    options = all_options()
    assert unknown_flags("run_MMLU.py --methods x", options) == ["--methods"]
    assert unknown_flags("--match exact|near", options) == ["--match near"]
    assert unknown_flags("--backend lmflow|builtin, --dry_run --tau_sim 0.97", options) == []


@functools.cache
def files() -> set:
    """The repository's files, without what is made in it."""
    made = ("models", "results", "LMFlow")
    found = [p.relative_to(tiny.ROOT) for p in tiny.ROOT.rglob("*") if p.suffix in (".py", ".sh", ".j2", ".txt", ".md")]
    return {p.as_posix() for p in found if not p.parts[0].startswith((".", *made))}


@pytest.mark.parametrize("name", DOCS)
def test_every_path_in_the_prose_exists(name):
    named = {s for s in spans(text_of(name)) if re.fullmatch(r"[\w./-]+\.(py|sh|j2|txt|md)", s)}
    missing = {s for s in named if not any(f"/{file}".endswith(f"/{s}") for file in files())}
    folders = {s for s in spans(text_of(name)) if re.fullmatch(r"(tests|knowledge_boundary|docs)/[\w/]*", s)}
    assert missing | {s for s in folders if not (tiny.ROOT / s).is_dir()} == set()


@pytest.mark.parametrize("name", DOCS)
def test_every_link_leads_somewhere(name):
    lost = []
    for link in links(text_of(name)):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = (DOCS[name].parent / path).resolve() if path else DOCS[name]
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            lost.append(link)
    assert lost == []


def test_anchors_are_github_s():
    text = "# A `b.py` (c): d\n## It's\n```bash\n# no heading\n```\n## It's\n## 5. 简体 中文\n"
    assert anchors(text) == {"a-bpy-c-d", "its", "its-1", "5-简体-中文"}


# ---- lengths, the index, what stands in two places ----


def test_the_readme_is_short():
    assert len(text_of("README.md")) <= 8000


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_a_page_is_short_and_in_the_index(page):
    assert len(page.read_text(encoding="utf-8")) < 10000
    assert page.name == "README.md" or page.name in links(text_of("docs/README.md"))


def test_the_readme_s_figures_are_those_of_the_page_that_methods_sh_makes():
    number = r"[-+−]?\d+\.\d"
    short, long = (
        re.findall(rf"{number} \[{number}, {number}\]", text_of(n)) for n in ("README.md", "docs/results.md")
    )
    assert short
    assert not set(short) - set(long)


def test_the_rooms_are_as_they_say_themselves():
    library = tiny.ROOT / "knowledge_boundary"
    told = {}
    for file in library.rglob("__init__.py"):
        imports = re.search(r"^Imports: (.*?)\.$", file.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        if imports:
            room = ".".join(file.parent.relative_to(library).parts)
            told[room] = set() if imports[1] == "no other room" else set(re.findall(r"[\w.]+", imports[1]))
    rows = re.findall(r"^\| `([\w.]+)` \| [^|]+ \| ([^|]+) \|$", text_of("CONTRIBUTING.md"), re.MULTILINE)
    assert {room: set(re.findall(r"`([\w.]+)`", imports)) for room, imports in rows} == told
    places = {room: i for i, (room, _) in enumerate(rows)}
    assert all(places[below] < places[room] for room, imports in told.items() for below in imports)
