"""Fixtures that tests share: tiny checkpoints, questions on disk, and what the first stages make of them."""

import os

# One thread where none is asked for: tiny models are faster so, and every core takes tests of its own.
os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "CUDA_VISIBLE_DEVICES": ""}
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import tiny

from knowledge_boundary.engine import exactness
from knowledge_boundary.models.prompt_format import PromptFormat
from knowledge_boundary.questions import readers
from knowledge_boundary.questions.records import by_subject
from knowledge_boundary.training import trainer
from knowledge_boundary.training.examples import example


@pytest.fixture(scope="session")
def words():
    """The tiny tokenizer."""
    return tiny.tokenizer()


@pytest.fixture(scope="session")
def plain():
    """How a model without a chat template is spoken to."""
    words = tiny.tokenizer()
    words.chat_template = None
    return PromptFormat(words)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """A tiny random Llama's folder."""
    return tiny.save(tmp_path_factory.mktemp("models") / "tiny", "llama")


@pytest.fixture(scope="session")
def embedder(tmp_path_factory):
    """A tiny random sentence embedder's folder."""
    return tiny.save_embedder(tmp_path_factory.mktemp("embedder") / "embedder")


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """A folder of data sets: ``facts`` (open: 24 train, 8 ood, 6 dev) and ``many`` (80 of one subject)."""
    folder = tmp_path_factory.mktemp("data")
    train = readers.load("world_facts", "train", subjects="country_capital,element_symbol")
    groups = by_subject(train.questions)
    rows = [{**q.record(), "id": None} for qs in groups.values() for q in qs[:22]]
    for split, start, stop in (("train", 0, 12), ("ood", 12, 16), ("dev", 16, 19)):
        tiny.write_jsonl(folder / "facts" / f"{split}.jsonl", [r for i, r in enumerate(rows) if start <= i % 22 < stop])
    many = [{**q.record(), "subject": "capitals", "id": None} for q in groups["country_capital"]]
    tiny.write_jsonl(folder / "many" / "train.jsonl", many[:80])
    return folder


@pytest.fixture(scope="session")
def mmlu_like(tmp_path_factory):
    """Three of MMLU's subjects, two of them in domain, with two dev questions each."""
    folder = tmp_path_factory.mktemp("probing") / "mmlu_like"
    for split in ("dev", "test"):
        (folder / split).mkdir(parents=True)
        for subject, n in tiny.MMLU_SIZES.items():
            rows = [f"What is {split} {i} of {subject}?,{i},{i + 1},{i + 2},{i + 3},{'ABCD'[i % 4]}" for i in range(n)]
            (folder / split / f"{subject}_{split}.csv").write_text("\n".join(rows[: 2 if split == "dev" else n]) + "\n")
    return folder


@pytest.fixture(scope="session")
def knowing(tmp_path_factory, data):
    """A tiny Llama that has learned half of ``facts``: its folder, named ``tiny``."""
    folder = tmp_path_factory.mktemp("knowing")
    lm = tiny.load(tiny.save(folder / "random", "llama"))
    asked = readers.load(str(data / "facts"), "train").questions[::2]
    examples = [example(lm.format, q, "basic", "craft", q.answer) for q in asked]
    out = folder / "tiny"
    settings = tiny.settings(lora_r=0, epochs=120, learning_rate=3e-3, save_steps=10_000)
    trainer.fine_tune(lm, examples, settings, out, shared=exactness.check(lm))
    return folder / "tiny"


@pytest.fixture(scope="module", params=[*tiny.PACKED, *tiny.WHOLE])
def lm(request, words):
    """A tiny random model of each family that the engine runs."""
    return tiny.wrap(tiny.random_model(request.param, len(words)), words)


@pytest.fixture(params=[True, False])
def shared(request, lm):
    """Packed, and the plain way; only the latter where the family does not pack."""
    if request.param and lm.model.config.model_type in tiny.WHOLE:
        pytest.skip("does not pack")
    return request.param


@pytest.fixture(scope="module")
def llama(words):
    """A tiny random Llama."""
    return tiny.wrap(tiny.random_model("llama", len(words)), words)
