"""Questions a second beside vLLM: letters, sampled and greedy answers; same weights, dtype, questions and threads.

Ours and vLLM (its offline engine, without HTTP; prefix caching on) run one after the other, each in a process of its
own, on cases that are written out once. Every round begins with an empty prefix cache. Timed are whole passes, from the
prompts' text to the probabilities or the answers' text; start-up is from the process's start to its first answer.

Cases:
  letters  5-shot multiple choice: the letters' probabilities (vLLM: the 20 likeliest tokens', one token generated)
  short    10 sampled answers to short chat prompts, 16 tokens at most
  3shot    the same behind 3-shot plain prompts
  greedy   the greedy answer to chat prompts, 64 tokens at most
  long     10 sampled answers of up to 128 tokens, which no line break ends: what a tree shares least

vLLM's environment is VLLM_ENV, default .venv-vllm (made by: bash benchmarks/serve.sh setup-vllm).

Examples:
  python benchmarks/bench_vllm.py
  python benchmarks/bench_vllm.py --dtypes float32 --cases letters --limit 32 --rounds 1
"""

import dataclasses
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import common
import psutil

from knowledge_boundary import cli, options
from knowledge_boundary.asking import prompts
from knowledge_boundary.engine import exactness, sampling, scoring
from knowledge_boundary.judging import outcomes
from knowledge_boundary.judging.extent import cut
from knowledge_boundary.models import loading
from knowledge_boundary.questions import readers
from knowledge_boundary.running.errors import UserError

CASES = ("letters", "short", "3shot", "greedy", "long")
WINDOW = 2048
BATCH_TOKENS = 1024  # the stages' default on CPUs


def arguments():
    """The benchmark's flags."""
    parser = cli.Parser(__doc__)
    parser.add_argument("--model", default="smollm2", help="folder or hub id, which both load; smollm2 (embedded)")
    parser.add_argument("--dtypes", default="float32,bfloat16")
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--dataset", default="../shared/data/mmlu", help="of letters; without it world_facts_mc")
    parser.add_argument("--subjects", default="high_school_geography", help="of letters")
    parser.add_argument("--limit", type=options.positive, default=64, help="questions of letters")
    parser.add_argument(
        "--answers_limit", type=options.positive, default=8, help="open questions per kind, of six kinds"
    )
    parser.add_argument("--threads", type=options.positive, default=os.cpu_count())
    common.add_run_arguments(parser, ("vllm",))
    parser.add_argument("--worker", nargs=2, metavar=("CASES", "FOUND"), help="internal: run ours, write what it found")
    args = parser.parse_args()
    unknown = [name for name in args.cases.split(",") if name not in CASES]
    if unknown:
        raise UserError(f"--cases {unknown[0]}: one of {', '.join(CASES)} is expected")
    return args


def open_questions(args):
    """The open questions: some of each of quickstart.sh's six kinds."""
    return readers.load("world_facts", "train", subjects=common.KINDS, limit=args.answers_limit)


def letter_questions(args):
    """The multiple-choice questions."""
    if Path(args.dataset).exists():
        return readers.load(args.dataset, "test", subjects=args.subjects, limit=args.limit)
    return readers.load("world_facts_mc", "test", limit=args.limit // 13 + 1)


def cases_of(args, words) -> dict:
    """{case: what both are given}: prompts as text, n answers (0: greedy), lengths, where vLLM stops."""
    asked, multiple = open_questions(args), letter_questions(args)
    chat = [prompts.state_prompt(words, q, (), "craft", True) for q in asked.questions]
    shots = [prompts.state_prompt(words, q, asked.shots_of(q, 3), "craft", False) for q in asked.questions]
    letters = [prompts.letter_prompt(q, multiple.shots_of(q, 5)) for q in multiple.questions]
    tell = [
        words.prompt([{"role": "user", "content": f"Write one long paragraph on this: {q.question}"}])
        for q in asked.questions[::4]
    ]
    base = {"n": 10, "logprobs": 0, "stop": ["\n"]}
    found = {
        "letters": base | {"prompts": letters, "n": 0, "max_tokens": 1, "logprobs": 20, "stop": []},
        "short": base | {"prompts": chat, "max_tokens": 16},
        "3shot": base | {"prompts": shots, "max_tokens": 16},
        "greedy": base | {"prompts": chat, "n": 0, "max_tokens": 64},
        "long": base | {"prompts": tell, "max_tokens": 128},
    }
    for name, case in found.items():
        of_case = {"letters": multiple.questions, "long": asked.questions[::4]}.get(name, asked.questions)
        numbered = [dataclasses.replace(q, id=i) for i, q in enumerate(of_case)]
        case["groups"] = [[q.id for q in own] for own, _ in prompts.grouped(numbered, case["prompts"])]
    return {name: found[name] for name in args.cases.split(",")}


def ours(args) -> None:
    """Run the cases by our engine, and write what ``vllm_peer.py`` writes."""
    asked = json.loads(Path(args.worker[0]).read_text(encoding="utf-8"))
    about = loading.describe(asked["model"], dtype=asked["dtype"], device="cpu")
    lm = loading.load(asked["model"], about)
    texts = [text for case in asked["cases"].values() for text in case["prompts"]]
    shared = exactness.check(lm, texts, max(case["max_tokens"] for case in asked["cases"].values()))
    first = {"prompts": ["What is the capital of France?"], "groups": [[0]], "n": 0, "max_tokens": 2, "logprobs": 0}
    run(lm, first, shared)
    found = {"startup": time.time() - psutil.Process().create_time(), "cases": {}}
    for name, case in asked["cases"].items():
        seconds = []
        for _ in range(asked["rounds"]):
            taken, result = common.seconds_of(lm, lambda case=case: run(lm, case, shared))
            seconds.append(taken)
        found["cases"][name] = {"seconds": seconds} | result
    found["peak_bytes"] = common.status_bytes("VmHWM")
    Path(args.worker[1]).write_text(json.dumps(found), encoding="utf-8")


def run(lm, case: dict, shared: bool) -> dict:
    """One pass of a case: ``{"letters"}`` or ``{"texts", "tokens"}``, question by question; grouped as in a stage."""
    found, tokens, letters = [None] * len(case["prompts"]), 0, case["logprobs"] > 0
    for group in case["groups"]:
        texts = [case["prompts"][i] for i in group]
        if letters:
            own = [case["letters"][i] for i in group]
            batches = scoring.letter_probabilities(lm, texts, own, BATCH_TOKENS, shared)
        else:
            ids = list(map(str, group))
            how = (case["n"], case["max_tokens"], BATCH_TOKENS, shared)
            batches = sampling.answer(lm, texts, ids, *how, greedy=not case["n"])
        for indices, batch in batches:
            for i, (first, second) in zip(indices, batch, strict=True):
                given = [] if letters else first or [second]
                found[group[i]] = first.tolist() if letters else [one.text for one in given]
                tokens += sum(len(one.tokens) for one in given)
    return {"letters": found} if letters else {"texts": found, "tokens": tokens}


def measured(args, who: str, asked: dict) -> dict:
    """What one of the two found, in a process of its own."""
    environment = os.environ | {"OMP_NUM_THREADS": str(args.threads), "HF_HUB_OFFLINE": "1"}
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, "cases.json"), Path(folder, "found.json")]
        files[0].write_text(json.dumps(asked), encoding="utf-8")
        command = [sys.executable, Path(__file__).resolve(), "--worker", *files]
        if who == "vllm":
            root = Path(__file__).resolve().parents[1]
            python = Path(os.environ.get("VLLM_ENV", root / ".venv-vllm")) / "bin" / "python"
            if not python.exists():
                raise UserError(
                    f"{python}: not there; bash benchmarks/serve.sh setup-vllm makes it, or give --peers ''"
                )
            command = [python, Path(__file__).resolve().parent / "vllm_peer.py", *files]
            environment |= {"VLLM_CPU_KVCACHE_SPACE": "2", "VLLM_NO_USAGE_STATS": "1"}
            environment |= {"VLLM_CPU_OMP_THREADS_BIND": f"0-{args.threads - 1}", "VLLM_LOGGING_LEVEL": "ERROR"}
            environment.pop("PYTHONPATH", None)
        print(f"  {who}, {asked['dtype']}", flush=True)
        done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise UserError(f"{who} ended with {done.returncode}: {done.stderr.strip()[-600:]}")
        found = json.loads(files[1].read_text(encoding="utf-8"))
        seconds = {name: [round(s, 2) for s in case["seconds"]] for name, case in found["cases"].items()}
        print(
            f"  start-up {found['startup']:.0f} s, {found['peak_bytes'] / 1e9:.1f} GB, seconds of rounds: {seconds}",
            flush=True,
        )
        return found


def letters_of(found: dict, letters) -> list:
    """vLLM's probabilities of each question's letters; None where one is not among its likeliest tokens."""
    rows = []
    for top, own in zip(found["top"], letters, strict=True):
        given = [top.get(f" {x}") for x in own]
        weights = [math.exp(p) for p in given if p is not None]
        rows.append([w / sum(weights) for w in weights] if len(weights) == len(own) else None)
    return rows


def agreement(name: str, case: dict, one: dict, other: dict, asked) -> str:
    """How far the two agree, in words."""
    if name == "letters":
        given = letters_of(other, case["letters"])
        pairs = [pair for pair in zip(one["letters"], given, strict=True) if pair[1]]
        same = sum(a.index(max(a)) == b.index(max(b)) for a, b in pairs)
        off = max((abs(x - y) for a, b in pairs for x, y in zip(a, b, strict=True)), default=0)
        return f"{same} of {len(pairs)} predictions, Δp ≤ {off:.0e}"
    if name == "greedy":
        same = sum(cut(a[0]) == cut(b[0]) for a, b in zip(one["texts"], other["texts"], strict=True))
        return f"{same} of {len(one['texts'])} answers"
    if name == "long":
        return f"{one['tokens'] / other['tokens']:.2f} × its tokens"
    cors = [
        [outcomes.contains(q, list(map(cut, own))) for q, own in zip(asked, found["texts"], strict=True)]
        for found in (one, other)
    ]
    shares = [sum(v["correct"] for own in cor for v in own) / sum(map(len, cor)) for cor in cors]
    return f"mean Cor {shares[0]:.3f} and {shares[1]:.3f}"


def main():
    """Run both in every dtype; print the tables and the JSON line."""
    args = arguments()
    if args.worker:
        return ours(args)
    peers = common.chosen_peers(args)
    about = loading.describe(args.model)
    words = loading.load_format(args.model, about)
    cases, rows, starts, figures = cases_of(args, words), [], [], {}
    if "letters" in cases:
        cases["letters"]["letters"] = [q.letters for q in letter_questions(args).questions]
    for dtype in args.dtypes.split(","):
        asked = {"model": about["path"], "dtype": dtype, "window": WINDOW, "rounds": args.rounds, "cases": cases}
        found = {who: measured(args, who, asked) for who in peers}
        figures[dtype] = found
        for name, case in cases.items():
            n = len(case["prompts"])
            own = found["ours"]["cases"][name]
            other = found["vllm"]["cases"][name] if "vllm" in found else None
            rates = [common.rate(n, f["seconds"]) for f in (own, other) if f]
            faster = f"{median(other['seconds']) / median(own['seconds']):.2f} ×" if other else "–"
            agree = agreement(name, case, own, other, open_questions(args).questions) if other else "–"
            rows.append((name, dtype, n, *[common.spread(r) for r in rates], *["–"] * (not other), faster, agree))
        for who, f in found.items():
            starts.append((who, dtype, f"{f['startup']:.0f} s", f"{f['peak_bytes'] / 1e9:.1f} GB"))
    threads = f"{args.threads} threads, CPU"
    columns = ("case", "dtype", "questions", "ours, questions/s", "vLLM", "ours is faster by", "agreement")
    common.show_table(f"{about['name']}, {threads}", columns, rows)
    common.show_table("Start-up and peak memory", ("engine", "dtype", "start-up", "peak memory"), starts)
    for of_dtype in figures.values():
        for f in of_dtype.values():
            f["cases"] = {name: case["seconds"] for name, case in f["cases"].items()}
    flags = {k: v for k, v in vars(args).items() if k not in ("known_peers", "memory_only", "worker")}
    print("\n" + json.dumps({"benchmark": "bench_vllm", "args": flags, "results": figures}, ensure_ascii=False))


if __name__ == "__main__":
    cli.run(main)
