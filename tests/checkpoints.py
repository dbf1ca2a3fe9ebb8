"""Tiny random checkpoints in the layout of the hub's folders, the users' model families among them.

ChatGLM2 and Qwen v1 come with code of their own. It is read at run time and never kept here: from the package
``deep_training``, which bundles the hub's files with one import and the initialisation of weights changed, and from
HUB_FILES, where that is set: a folder with the hub's own small files in ``chatglm2-6b/`` and ``Qwen-7B/``. The weights
are random, the vocabularies made here, as large as the code demands (with HUB_FILES, Qwen v1's is the hub's own).
"""

import base64
import importlib.util
import io
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
import tiny
import tokenizers
import torch
import transformers
from batches import follow, said
from safetensors.torch import save_file

from knowledge_boundary.engine import scoring
from knowledge_boundary.models import families
from knowledge_boundary.models.language_model import LM

SOURCES = ("deep_training", "hub")
HUB_NAMES = {"chatglm2": "chatglm2-6b", "qwen": "Qwen-7B"}
REFERENCE = [5, 300, 12, 77, 401, 9, 33, 120, 7]  # tokens whose logits are stored beside the weights
QWEN_RANKS = 151643  # Qwen v1's special tokens come behind so many others
TEXTS = [
    "The following are multiple choice questions (with answers) about high school physics.",
    "There is a single choice question about astronomy. If you know the answer, please directly respond with the "
    'correct answer A, B, C, or D. If you do not know the answer, please respond with "I don\'t know.".',
    "What is the thermal energy of a gas?\nA. 3.5 J\nB. 0.25 J\nC. 50 %\nD. None of these\nAnswer: A B C D\n\n",
    "Question: What is the capital of France?\nAnswer: Paris\n\nQuestion: 巴黎 is where? I don't know. I am sure.",
]
SMALL = {"hidden_size": 64, "num_attention_heads": 4, "initializer_range": 0.15}
LLAMA = {
    **SMALL,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
}


def corpus() -> list:
    """Lines that vocabularies are made from."""
    facts = (tiny.FACTS / "train.jsonl").read_text(encoding="utf-8").splitlines()[:600]
    return [line for text in TEXTS * 40 for line in text.split("\n")] + [json.loads(f)["question"] for f in facts]


# ---- vocabularies ----


def sentencepiece_model(path: Path, collapses: bool) -> None:
    """Write a small sentencepiece model; ``collapses``: runs of spaces, as open_llama's does."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus()), model_writer=model, vocab_size=600, model_type="bpe", byte_fallback=True,
        normalization_rule_name="identity", remove_extra_whitespaces=collapses, split_digits=True,
        unk_id=0, bos_id=1, eos_id=2, pad_id=-1, minloglevel=2, num_threads=1,
    )  # fmt: skip
    path.write_bytes(model.getvalue())


def tiktoken_file(path: Path) -> None:
    """Write a small vocabulary in tiktoken's format: all bytes, then merges by rank."""
    bpe = tokenizers.Tokenizer(tokenizers.models.BPE())
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=700, initial_alphabet=alphabet, show_progress=False)
    bpe.train_from_iterator(corpus(), trainer)
    shown = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]  # bytes that stand for themselves
    byte = {chr(b): b for b in shown} | {chr(256 + i): b for i, b in enumerate(sorted({*range(256)} - {*shown}))}
    ranked = sorted(bpe.get_vocab(), key=bpe.get_vocab().get)
    tokens = [bytes(byte[c] for c in token) for token in ranked]
    tokens += [b"\xff\xfe%d" % i for i in range(QWEN_RANKS - len(tokens))]  # in no text
    path.write_text("".join(f"{base64.b64encode(token).decode()} {i}\n" for i, token in enumerate(tokens)))


# ---- code ----


def code_folder(source: str, family: str) -> Path:
    """Where a family's own code lies; skips the test, by name, where it cannot be had."""
    if source == "hub":
        if "HUB_FILES" not in os.environ:
            pytest.skip(f"{family}: HUB_FILES is not set")
        return Path(os.environ["HUB_FILES"]) / HUB_NAMES[family]
    spec = importlib.util.find_spec("deep_training")
    if spec is None:
        pytest.skip(f"{family}: deep_training is not installed (pip install --no-deps -r requirements-legacy-dev.txt)")
    return Path(spec.origin).parent / "nlp" / "models" / family


def copy_code(source: str, family: str, folder: Path) -> None:
    """Copy a family's code to ``folder``."""
    code = code_folder(source, family)
    files = [*code.glob("*.py"), *(code.parents[2] / "zoo" / "model_zoo" / family).glob("tokenization_*.py")]
    for file in files:  # of two tokenizers, the package's own second one is the hub's
        if file.name != "__init__.py":
            text = file.read_text(encoding="utf-8")
            own = "from ...utils.torch_utils import skip_init"
            text = text.replace(own, "def skip_init(module, *args, **kwargs):\n    return module(*args, **kwargs)")
            (folder / file.name).write_text(text, encoding="utf-8")


# ---- checkpoints ----


def open_llama(folder: Path, source=None) -> None:
    """A Llama without a pad token, its tokenizer a sentencepiece model and a tokenizer.json of its own."""
    sentencepiece_model(folder / "tokenizer.model", collapses=True)
    write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "add_eos_token": False,
        "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "model_max_length": 2048,
    })  # fmt: skip
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 600, **LLAMA,
              "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "rms_norm_eps": 1e-6}  # fmt: skip
    save_weights(folder, config)


def byte_level(folder: Path, config: dict, **special) -> None:
    """A model with the tests' byte-level tokenizer."""
    words = tiny.tokenizer()
    words.chat_template = None
    words.add_special_tokens(special)
    words.save_pretrained(folder)
    save_weights(folder, {**config, **LLAMA, "vocab_size": len(words), "eos_token_id": words.eos_token_id})


def llama3(folder: Path, source=None) -> None:
    """A Llama with Llama 3.1's scaled rotary positions."""
    rope = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64}  # fmt: skip
    byte_level(folder, {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "rope_theta": 500000.0,
                        "rope_scaling": rope})  # fmt: skip


def qwen2(folder: Path, source=None) -> None:
    """A Qwen2.5."""
    byte_level(folder, {"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"], "rope_theta": 1000000.0,
                        "tie_word_embeddings": True, "use_sliding_window": False, "sliding_window": 2048})  # fmt: skip


def chatglm2(folder: Path, source: str) -> None:
    """A ChatGLM2 with its own code."""
    copy_code(source, "chatglm2", folder)
    sentencepiece_model(folder / "tokenizer.model", collapses=False)
    write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "ChatGLMTokenizer", "remove_space": False, "do_lower_case": False,
        "auto_map": {"AutoTokenizer": ["tokenization_chatglm.ChatGLMTokenizer", None]},
    })  # fmt: skip
    model = "modeling_chatglm.ChatGLMForConditionalGeneration"
    config = {
        "model_type": "chatglm", "architectures": ["ChatGLMModel"],
        "auto_map": {"AutoConfig": "configuration_chatglm.ChatGLMConfig", "AutoModel": model,
                     "AutoModelForCausalLM": model},
        "hidden_size": 64, "ffn_hidden_size": 96, "kv_channels": 16, "num_attention_heads": 4, "num_layers": 2,
        "multi_query_attention": True, "multi_query_group_num": 2, "padded_vocab_size": 640, "seq_length": 2048,
        "add_bias_linear": False, "add_qkv_bias": True, "apply_query_key_layer_scaling": True,
        "apply_residual_connection_post_layernorm": False, "attention_dropout": 0.0, "attention_softmax_in_fp32": True,
        "bias_dropout_fusion": True, "fp32_residual_connection": False, "hidden_dropout": 0.0,
        "layernorm_epsilon": 1e-5, "original_rope": True, "post_layer_norm": True, "rmsnorm": True, "use_cache": True,
        "torch_dtype": "float16", "tie_word_embeddings": False, "eos_token_id": 2, "pad_token_id": 0,
    }  # fmt: skip
    save_weights(folder, config)


def qwen(folder: Path, source: str) -> None:
    """A Qwen v1 with its own code."""
    copy_code(source, "qwen", folder)
    if source == "hub":
        shutil.copy(code_folder("hub", "qwen") / "qwen.tiktoken", folder)
    else:
        tiktoken_file(folder / "qwen.tiktoken")
    write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "QWenTokenizer", "model_max_length": 32768,
        "auto_map": {"AutoTokenizer": ["tokenization_qwen.QWenTokenizer", None]},
    })  # fmt: skip
    write_json(folder / "generation_config.json", {
        "chat_format": "raw", "eos_token_id": QWEN_RANKS, "pad_token_id": QWEN_RANKS, "stop_words_ids": [[QWEN_RANKS]],
        "max_new_tokens": 512, "do_sample": True, "top_k": 0, "top_p": 0.8,
    })  # fmt: skip
    config = {
        "model_type": "qwen", "architectures": ["QWenLMHeadModel"],
        "auto_map": {"AutoConfig": "configuration_qwen.QWenConfig",
                     "AutoModelForCausalLM": "modeling_qwen.QWenLMHeadModel"},
        "hidden_size": 32, "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 96,
        "kv_channels": 16, "max_position_embeddings": 4096, "seq_length": 2048, "vocab_size": 151936,
        "bf16": False, "fp16": False, "fp32": False, "attn_dropout_prob": 0.0, "emb_dropout_prob": 0.0,
        "layer_norm_epsilon": 1e-6, "no_bias": True, "onnx_safe": None, "rotary_emb_base": 10000, "rotary_pct": 1.0,
        "scale_attn_weights": True, "use_dynamic_ntk": True, "use_logn_attn": True, "use_flash_attn": "auto",
        "use_cache": True, "initializer_range": 0.15, "tie_word_embeddings": False, "tokenizer_class": "QWenTokenizer",
    }  # fmt: skip
    save_weights(folder, config)


def save_weights(folder: Path, config: dict) -> None:
    """Write a config and seeded random weights for it."""
    write_json(folder / "config.json", config)
    auto = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=True)
    if "auto_map" in config:
        auto.torch_dtype = torch.float32
        auto.fp32 = True
    model = transformers.AutoModelForCausalLM.from_config(auto, trust_remote_code=True).float()
    torch.manual_seed(0)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "norm" in name or "ln_" in name:
                p.copy_(torch.rand(p.shape) + 0.5)
            else:
                p.normal_(std=0.15)
    tied = {"lm_head.weight"} if config.get("tie_word_embeddings") else set()
    weights = {name: t.contiguous() for name, t in model.state_dict().items() if name not in tied}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with torch.inference_mode():
        torch.save(model.eval()(torch.tensor([REFERENCE])).logits[0], folder / "reference.pt")


def write_json(path: Path, content: dict) -> None:
    """Write a JSON file."""
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")


MAKERS = {"open_llama": open_llama, "llama3": llama3, "qwen2": qwen2, "chatglm2": chatglm2, "qwen": qwen}


def make(folder: Path, family: str, source=None) -> Path:
    """A checkpoint of ``family`` in ``folder``; skips where its code cannot be had."""
    folder.mkdir(parents=True, exist_ok=True)
    MAKERS[family](folder, source)
    return folder


# ---- what the tests of families share ----

CASES = ["open_llama", "qwen2", "chatglm2-deep_training", "chatglm2-hub", "qwen-deep_training", "qwen-hub"]
if families.MODERN:
    CASES = ["llama3", "qwen2"]


def load(folder, **changes) -> LM:
    """A checkpoint as the stages load it."""
    return tiny.load(folder, trust_remote_code=True, **changes)


def letters(lm, prompt) -> np.ndarray:
    """p(A) … p(D) after a prompt by one plain pass."""
    candidates = scoring.candidate_ids(lm, prompt, "ABCD")
    return tiny.full_forward(lm, lm.encode(prompt))[-1, candidates].double().softmax(-1).numpy()


def argmax_loop(lm, prompt, most: int) -> str:
    """The greedy answer by one plain pass a token."""
    ids, tokens, ended = lm.encode(prompt), (), False
    while not ended:
        tokens, ended = follow(lm, tokens, tiny.full_forward(lm, [*ids, *tokens])[-1].argmax().item(), most)
    return said(lm, tokens)
