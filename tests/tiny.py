"""Tiny random checkpoints of current architectures, made at run time, and ways to call the stages on them."""

import functools
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nursery
import pytest
import tokenizers
import torch
import transformers

from knowledge_boundary import cli, finetune, llamafactory, lmflow
from knowledge_boundary.models import families, loading
from knowledge_boundary.models.language_model import LM
from knowledge_boundary.models.prompt_format import PromptFormat
from knowledge_boundary.training.settings import TrainingSettings

ROOT = Path(__file__).resolve().parents[1]
FACTS = ROOT / "data" / "world_facts"
MMLU_SIZES = {"anatomy": 5, "astronomy": 4, "virology": 3}  # questions of the fixture ``mmlu_like``
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

SMALL = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "initializer_range": 0.15,  # logits that are not flat
    "max_position_embeddings": 1024,
}
GROUPED = {**SMALL, "num_key_value_heads": 2}
# model_type: what its configuration has beside the vocabulary
FAMILIES = {
    "llama": GROUPED,
    "qwen2": {**GROUPED, "tie_word_embeddings": True},
    "mistral": {**GROUPED, "sliding_window": 16},
    "phi3": GROUPED,
    "gpt_neox": SMALL,
    "olmo2": GROUPED,
    "gemma2": {**GROUPED, "head_dim": 16, "sliding_window": 16},  # windows in every second layer, capped logits
    "granite": {**GROUPED, "logits_scaling": 4.0},
    "lfm2": {**GROUPED, "layer_types": ["conv", "full_attention"]},  # what it keeps of the past is no mask's matter
    "bloom": {"hidden_size": 64, "n_layer": 2, "n_head": 4, "initializer_range": 0.15},  # no positions, no 4-D mask
    "llama4_text": {**GROUPED, "head_dim": 16, "num_local_experts": 2, "intermediate_size_mlp": 64},
    "modernbert-decoder": SMALL,
}
WHOLE = ["lfm2", "bloom", "llama4_text"]  # not packed
if not families.MODERN:
    WHOLE += ["mistral", "phi3", "gpt_neox"]  # windows and masks of transformers 4
REFUSED = "modernbert-decoder"  # its head is more than a layer
PACKED = [family for family in FAMILIES if family not in (*WHOLE, REFUSED)]


def tokenizer():
    """A byte-level BPE tokenizer of 600 tokens with a ChatML template; " A" … " D" are single tokens."""
    lines = [json.loads(line)["question"] for line in (FACTS / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    lines += ["The following are multiple choice questions (with answers) about capitals.\nAnswer: A B C D\n"] * 200
    lines += ["Question: If you do not know the answer, please respond with I don't know. system user assistant"] * 50
    bpe = tokenizers.Tokenizer(tokenizers.models.BPE())
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=["<pad>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(lines, trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<pad>", chat_template=CHATML
    )


def random_model(family: str, vocabulary: int, seed: int = 0, **changes):
    """A tiny model of ``family`` with seeded random weights, in evaluation mode; skips a family not yet known here."""
    if family not in transformers.CONFIG_MAPPING:
        pytest.skip(f"{family}: not in transformers {transformers.__version__}")
    options = {**FAMILIES[family], "vocab_size": vocabulary, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    config = transformers.AutoConfig.for_model(family, **{**options, **changes})
    torch.manual_seed(seed)
    model = transformers.AutoModelForCausalLM.from_config(config)
    return model.float().eval()


def save(folder: Path, family: str, **changes) -> Path:
    """Write a tiny checkpoint with its tokenizer to ``folder``."""
    words = tokenizer()
    random_model(family, len(words), **changes).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def save_embedder(folder: Path) -> Path:
    """Write a tiny random ``SentenceTransformer`` to ``folder``."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    words = tokenizer()
    torch.manual_seed(0)
    bert = transformers.BertModel(
        transformers.BertConfig(
            vocab_size=len(words), hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2
        )
    )
    bert.save_pretrained(folder / "bert")
    words.save_pretrained(folder / "bert")
    SentenceTransformer(modules=[Transformer(str(folder / "bert")), Pooling(32)], device="cpu").save(str(folder))
    return folder


def load(folder, trust_remote_code: bool = False, **options) -> LM:
    """A checkpoint folder as the stages load it."""
    about = loading.describe(str(folder), trust_remote_code=trust_remote_code, **{"device": "cpu", **options})
    return loading.load(str(folder), about, trust_remote_code)


def wrap(model, words, name="tiny") -> LM:
    """An ``LM`` of a model that lies in no folder."""
    return LM(model, words, torch.device("cpu"), {"name": name, "path": ".", "dtype": "float32"}, PromptFormat(words))


def word_model():
    """A Llama of five words and an end token: all its answers of three words can be written down."""
    vocabulary = {w: i for i, w in enumerate(["<pad>", "<bos>", "<eos>", "a", "b", "c", "d", "\n"])}
    inner = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="<pad>"))
    inner.pre_tokenizer = tokenizers.pre_tokenizers.Split(" ", "removed")
    words = transformers.PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<eos>")
    return wrap(random_model("llama", len(vocabulary), seed=1), words)


@torch.no_grad()
def full_forward(lm, ids) -> torch.Tensor:
    """Logits [tokens, vocabulary] of one whole sequence: what every shortcut is compared with."""
    return lm.model(torch.tensor([ids])).logits[0].float()


def write_jsonl(path: Path, rows) -> Path:
    """Write ``rows`` as JSON Lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def read_json(path) -> dict:
    """A JSON file's content."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def without_times(path) -> dict:
    """A result file without what may differ between two runs of the same command."""
    result = read_json(path)
    del result["meta"]["started"], result["meta"]["seconds"]
    for part in result["meta"].get("costs", {}).values():
        del part["seconds"]
    return result


def settings(**changes) -> TrainingSettings:
    """How the tests fine-tune."""
    options = {"lora_r": 4, "lora_alpha": 8, "lora_dropout": 0.0, "learning_rate": 1e-3, "batch_size": 4}
    return TrainingSettings(**{**options, **changes})


# ---- calling the stages ----


def call(script: str, *flags) -> int:
    """Run a stage in this process; returns its exit code. finetune.sh must have a --backend."""
    backends = {"builtin": finetune, "lmflow": lmflow, "llamafactory": llamafactory}
    before = sys.argv
    try:
        if script == "finetune.sh":
            at = flags.index("--backend")
            sys.argv = [script, *map(str, flags[:at] + flags[at + 2 :])]
            cli.run(backends[flags[at + 1]].main)
        else:
            sys.argv = [script, *map(str, flags)]
            runpy.run_path(str(ROOT / script), run_name="__main__")
    except SystemExit as e:
        return e.code or 0
    finally:
        sys.argv = before
    return 0


def command(script: str, *flags) -> list:
    """The shell command of a stage."""
    start = ["bash"] if script.endswith(".sh") else [sys.executable]
    return [*start, str(ROOT / script), *map(str, flags)]


def environment(**changes) -> dict:
    """The environment of a stage in a process of its own: the tests' (conftest.py)."""
    return {**os.environ, **changes}


def shell(cwd, script: str, *flags, **changes) -> subprocess.CompletedProcess:
    """Run a stage in a process of its own, in ``cwd``."""
    return subprocess.run(
        command(script, *flags), cwd=cwd, env=environment(**changes), capture_output=True, text=True, check=False
    )


def start(cwd, script: str, *flags) -> subprocess.Popen:
    """Start a stage in a process of its own, in ``cwd``; its output goes to ``log`` there."""
    with open(Path(cwd) / "log", "ab") as log:
        return subprocess.Popen(
            command(script, *flags), cwd=cwd, env=environment(), stdout=log, stderr=log, start_new_session=True
        )


@functools.cache
def the_nursery() -> nursery.Nursery:
    """The one of this process."""
    return nursery.Nursery()


def fork(cwd, script: str, *flags) -> nursery.Child:
    """As ``start``, without a fresh interpreter's imports; finetune.sh must have --backend builtin in front."""
    argv = [str(ROOT / script), *map(str, flags)]
    if script == "finetune.sh":
        assert flags[:2] == ("--backend", "builtin")
        argv = ["knowledge_boundary.finetune", *argv[3:]]
    with open(Path(cwd) / "log", "ab") as log:
        return the_nursery().start(cwd, argv, environment(), log, log)


def forked(cwd, script: str, *flags) -> subprocess.CompletedProcess:
    """As ``shell``, without a fresh interpreter's imports."""
    argv = [str(ROOT / script), *map(str, flags)]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        code = the_nursery().start(cwd, argv, environment(), out, err).wait()
        texts = [(f.seek(0), f.read().decode())[1] for f in (out, err)]
    return subprocess.CompletedProcess(argv, code, *texts)


def kill_when(ready, process) -> bool:
    """SIGKILL ``process`` and its children as soon as ``ready()``; False if it ended before."""
    while process.poll() is None:
        if ready():
            os.killpg(process.pid, signal.SIGKILL)
            return process.wait() == -signal.SIGKILL
        time.sleep(0.002)
    return False
