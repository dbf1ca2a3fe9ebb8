"""lm-evaluation-harness as a peer: the same questions as a YAML task over local CSV files.

The task has MMLU's layout; the prompts that the harness makes from it are compared with ours, text by text. The harness
gets the model that is loaded already, and its best batch size.
"""

import csv
import importlib.util
import logging

import common
import numpy as np
import torch
import yaml

from knowledge_boundary.asking import prompts
from knowledge_boundary.questions.records import spread
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.wording.phrases import MMLU_HEADER

BATCH_SIZES = (1, 8, 16, 32)


def available() -> bool:
    """Whether lm_eval can be imported."""
    return importlib.util.find_spec("lm_eval") is not None


def write_csv(path, asked, header: str) -> None:
    """The questions as the prompt lays them out after its ``header``, their letters and the right one's number."""
    with open(path, "w", newline="", encoding="utf-8") as f:
        rows = csv.writer(f)
        rows.writerow(["text", "letters", "target"])
        for q in asked:
            rows.writerow([prompts.letter_prompt(q).removeprefix(header), q.letters, q.letters.index(q.answer)])


def requests(folder, subject: str, asked, shots, texts) -> list:
    """The harness's requests for one subject's questions: one for each letter of each question, in order.

    Args:
        folder: where the task and its CSV files are written.
        subject: the subject's name.
        asked: the questions.
        shots: the few-shot examples of all of them.
        texts: our prompts.

    Raises:
        UserError: the harness's prompts are not ours.
    """
    from lm_eval.tasks import TaskManager

    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    header = MMLU_HEADER.format(subject=prompts.subject_text(subject))
    write_csv(folder / "test.csv", asked, header)
    write_csv(folder / "dev.csv", shots or asked[:1], header)  # an empty file would not be read
    task = {
        "task": f"benchmark_{subject}",
        "dataset_path": "csv",
        "dataset_kwargs": {
            "data_files": {split: str(folder / f"{split}.csv") for split in ("test", "dev")},
            "cache_dir": str(folder / "cache"),
            "keep_default_na": False,  # a question may be about "NA" or "None"
        },
        "test_split": "test",
        "fewshot_split": "dev",
        "fewshot_config": {"sampler": "first_n"},
        "num_fewshot": len(shots),
        "output_type": "multiple_choice",
        "description": header,
        "doc_to_text": "text",
        "doc_to_choice": "{{letters|list}}",
        "doc_to_target": "target",
    }
    file = folder / "task.yaml"
    file.write_text(yaml.safe_dump(task, allow_unicode=True, width=10**9), encoding="utf-8")
    (built,) = TaskManager(include_defaults=False).load(str(file))["tasks"].values()
    built.build_all_requests()
    wanted = [(text, f" {letter}") for q, text in zip(asked, texts, strict=True) for letter in q.letters]
    for found, text in zip(built.instances, wanted, strict=True):
        if found.args != text:
            raise UserError(f"lm_eval: its prompt for {subject} is not ours:\n{found.args}\n{text}")
    return built.instances


def harness(lm, batch_size: int):
    """The harness's ``hf`` model around the model that is loaded already."""
    from lm_eval.models.huggingface import HFLM

    return HFLM(pretrained=lm.model, tokenizer=lm.tokenizer, batch_size=batch_size, device=str(lm.device))


def probabilities(hf, instances, asked) -> list:
    """Each question's probabilities over its letters."""
    loglikelihoods = iter(hf.loglikelihood(instances, disable_tqdm=True))
    found = []
    for q in asked:
        logits = np.array([next(loglikelihoods)[0] for _ in q.letters])
        weights = np.exp(logits - logits.max())
        found.append(weights / weights.sum())
    return found


def of_questions(instances, asked, indices) -> tuple[list, list]:
    """The requests and the questions of ``indices``."""
    ends = np.cumsum([len(q.letters) for q in asked])
    parts = [instances[ends[i] - len(asked[i].letters) : ends[i]] for i in indices]
    return [instance for part in parts for instance in part], [asked[i] for i in indices]


def best_batch_size(lm, instances, asked, longest: int) -> int:
    """The fastest of ``BATCH_SIZES``, each tried once on a batch (at least 8) of the questions.

    A batch whose logits (twice: raw, and as log-probabilities) would not fit into memory is not tried.
    """
    rates = {}
    for size in BATCH_SIZES:
        need = size * longest * lm.vocabulary * lm.model.dtype.itemsize * 2
        if need > 0.7 * free_memory(lm):
            print(f"  lm_eval: batch size {size} not tried, its logits take {need / 1e9:.0f} GB")
            break
        indices = spread(list(range(len(asked))), max(size, 8))
        part, own = of_questions(instances, asked, indices)
        hf = harness(lm, size)
        taken, _ = common.seconds_of(lm, lambda hf=hf, part=part, own=own: probabilities(hf, part, own))
        rates[size] = len(own) / taken
        print(f"  lm_eval: batch size {size}: {rates[size]:.2f} questions/s", flush=True)
        if size >= len(asked):
            break  # a larger batch would be the same one
    return max(rates, key=rates.get)


def free_memory(lm) -> int:
    """Bytes that are free on the model's device."""
    if lm.device.type == "cuda":
        return torch.cuda.mem_get_info()[0]
    with open("/proc/meminfo") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("MemAvailable"))
