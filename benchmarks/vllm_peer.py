"""vLLM as a peer: runs cases that bench_vllm.py has written, in vLLM's own environment; imports nothing of ours.

Usage: python vllm_peer.py CASES.json FOUND.json
"""

import json
import sys
import time

import psutil


def peak_bytes() -> int:
    """The most memory that this process and its children have held, each at its own peak."""
    found = 0
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        with open(f"/proc/{process.pid}/status", encoding="utf-8") as f:
            found += next((int(line.split()[1]) * 1024 for line in f if line.startswith("VmHWM")), 0)
    return found


def main():
    """Load the model, run every case as often as asked, write what was found."""
    began = time.perf_counter()
    from vllm import LLM, SamplingParams

    with open(sys.argv[1], encoding="utf-8") as f:
        asked = json.load(f)
    model = LLM(
        asked["model"], dtype=asked["dtype"], max_model_len=asked["window"], enable_prefix_caching=True, seed=0,
        gpu_memory_utilization=0.3, disable_log_stats=True,
    )  # fmt: skip
    model.generate(["What is the capital of France?"], SamplingParams(max_tokens=2), use_tqdm=False)
    found = {"startup": time.perf_counter() - began, "cases": {}}
    for name, case in asked["cases"].items():
        settings = SamplingParams(
            n=max(1, case["n"]), temperature=1.0 if case["n"] else 0.0, top_k=0, max_tokens=case["max_tokens"],
            logprobs=case["logprobs"] or None, stop=case["stop"] or None,
        )  # fmt: skip
        seconds = []
        for _ in range(asked["rounds"]):
            model.reset_prefix_cache()  # every round begins as the first does
            start = time.perf_counter()
            outputs = model.generate(case["prompts"], settings, use_tqdm=False)
            seconds.append(time.perf_counter() - start)
        texts = [[one.text for one in o.outputs] for o in outputs]
        tokens = sum(len(one.token_ids) for o in outputs for one in o.outputs)
        top = None
        if case["logprobs"]:
            top = [{t.decoded_token: t.logprob for t in o.outputs[0].logprobs[0].values()} for o in outputs]
        found["cases"][name] = {"seconds": seconds, "texts": texts, "tokens": tokens, "top": top}
    found["peak_bytes"] = peak_bytes()
    with open(sys.argv[2], "w", encoding="utf-8") as f:
        json.dump(found, f)


if __name__ == "__main__":
    main()
