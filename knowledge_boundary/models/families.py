"""What is peculiar to a model family, in one table; and what a pass through its base model takes and gives.

What all families have in common here: batches are padded on the right, with token 0 under a mask, so that no
tokenizer's pad token is needed; position ids are passed wherever keys and values are reused; nothing calls a model's
``generate``, so that its generation config says no more than which tokens end an answer.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
import transformers
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from ..running.errors import UserError

VERSION = Version(transformers.__version__)
MODERN = VERSION.major >= 5
MODERN_HINT = "bash setup.sh && source .venv/bin/activate (requirements.txt)"
LEGACY_HINT = "bash setup.sh --legacy && source .venv-legacy/bin/activate (requirements-legacy.txt)"

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
# Text on which a tokenizer must agree with its own sentencepiece model: an old tokenizer.json of open_llama splits
# "thermal", and tokenizers made from a sentencepiece model do not collapse runs of spaces where that does.
PROBE = "The thermal  energy of   a gas is 3.5 J, isn't it?\n\nA. Yes\nB. 50 %  (of it)\nAnswer: A"


# What configs call the longest sequence that a model takes.
WINDOWS = ("max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length", "max_seq_length", "n_ctx")


@dataclass(frozen=True)
class Family:
    """A row of FAMILIES; its defaults are what a model that no row names is taken for.

    Attributes:
        models: which models are meant.
        tested: the transformers that tests run it on.
        runs: the transformers that it is known to run on; it is refused elsewhere.
        why: what happens elsewhere.
        dtypes: the allowed ones; on GPUs the default is the first.
        prompt_prefix: tokens that every prompt must begin with, by their names.
        end_token: the end of a text, for a tokenizer that names none.
        sentencepiece: whether its tokenizer must agree with the folder's own tokenizer.model.
        own_tokenizer: whether its tokenizer is code of its own that cannot save what it can load again.
        prefix_cache: whether a shared prefix can be exact; then ``exactness.check`` tries it at load.
        cache_batch: the batch's axis in a cache of plain tuples; None: not known, such a cache is not reused.
        states_batch: the batch's axis in the base model's hidden states.
        window: what the config calls the longest sequence that the model takes.
        head: where the LM head is, if ``get_output_embeddings`` does not tell.
        precision_flags: whether it has a flag for each dtype in its config, which else picks one of its own.
        multiplied: what its config calls the factors of its logits.
        divided: what it calls their divisors.
        lora: the layers that LoRA adapts; ``all-linear``: by ``training.adapters``.
    """

    models: str
    tested: str
    runs: str = ""
    why: str = ""
    dtypes: tuple = ("bfloat16", "float32", "float16")
    prompt_prefix: tuple = ()
    end_token: str | None = None
    sentencepiece: bool = False
    own_tokenizer: bool = False
    prefix_cache: bool = True
    cache_batch: int | None = None
    states_batch: int = 0
    window: str = "max_position_embeddings"
    head: str | None = None
    precision_flags: bool = False
    multiplied: tuple = ("logit_scale", "lm_head_multiplier")
    divided: tuple = ("logits_scaling",)
    lora: str | tuple = "all-linear"


# By the config's model_type.
FAMILIES = {
    "llama": Family(
        models="open_llama, Llama 2 and 3, SmolLM2",
        tested="4.41.2 (open_llama), 5.23.0",
        sentencepiece=True,  # adds <s> itself; its pad token is missing or any
        cache_batch=0,  # (keys, values) of [batch, heads, tokens, dim]
    ),
    "qwen2": Family(
        models="Qwen2, Qwen2.5",
        tested="4.41.2, 5.23.0",
        cache_batch=0,  # (keys, values) of [batch, heads, tokens, dim]
    ),
    "chatglm": Family(
        models="ChatGLM2",
        tested="4.41.2",
        runs=">=4.41,<4.42",
        why="its own code fails",
        # In bfloat16 its table of rotary positions has 641 distinct ones of 2,048.
        dtypes=("float16", "float32"),
        prompt_prefix=("[gMASK]", "sop"),
        own_tokenizer=True,  # pads on the left only
        # Exact with explicit position ids; but its masks and caches are not those that packing makes.
        prefix_cache=False,
        cache_batch=1,  # (keys, values) of [tokens, batch, groups, dim]
        states_batch=1,  # [tokens, batch, hidden]; ``hidden_states[-1]`` stands before the final norm, this behind it
        window="seq_length",
        head="transformer.output_layer",
        lora=("query_key_value",),
    ),
    "qwen": Family(
        models="Qwen v1",
        tested="4.41.2",
        runs=">=4.41,<4.54",
        why="its own code fails, or loads and is silently wrong",
        end_token="<|endoftext|>",
        own_tokenizer=True,
        prefix_cache=False,  # several tokens behind a cache see each other there: not causal; a single one is exact
        cache_batch=0,  # (keys, values) of [batch, tokens, heads, dim]
        window="seq_length",  # beyond it, positions depend on how long the batch is
        precision_flags=True,
        lora=("c_attn",),
    ),
}
FAMILIES["hyperclovax"] = Family(models="HyperCLOVA X", tested="5.23.0", multiplied=("logits_scaling",), divided=())
UNKNOWN = Family(models="any other", tested="")


def named(model_type: str) -> Family:
    """The row of a config's ``model_type``."""
    return FAMILIES.get(model_type, UNKNOWN)


def of(model) -> Family:
    """The row of a loaded model."""
    return named(model.config.model_type)


# ---- before the weights are read ----


def read_config(name: str, folder: Path) -> dict:
    """A model folder's config.json."""
    try:
        return json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except ValueError as e:
        raise UserError(f"--model {name}: {folder / 'config.json'} is not valid JSON ({e})") from e


def check(name: str, source: Path, trust_remote_code: bool) -> Family:
    """The family of a model's folder or .gguf file.

    Raises:
        UserError: it is known to fail or to be silently wrong in this environment, or its code is not trusted.
    """
    here = f"this is transformers {VERSION}"
    if source.is_file():
        if not MODERN:
            raise UserError(f"--model {name}: GGUF files need transformers 5, {here}; use {MODERN_HINT}")
        return UNKNOWN
    config = read_config(name, source)
    family = named(config.get("model_type", ""))
    if not SpecifierSet(family.runs).contains(VERSION, prereleases=True):
        raise UserError(
            f"--model {name}: {family.models} runs on transformers 4.41.2, {here}, where {family.why}; "
            f"use {LEGACY_HINT}"
        )
    if not MODERN and lost_rope(config):
        raise UserError(
            f"--model {name}: transformers {VERSION} does not read the rotary positions that its config.json gives; "
            f"use {MODERN_HINT}"
        )
    if "auto_map" in config and not trust_remote_code:
        raise UserError(f"--model {name}: its code comes with the model; give --trust_remote_code if you trust it")
    return family


def lost_rope(config: dict) -> bool:
    """Whether transformers 4 would fail on a config's rotary positions, or take its default base for them.

    transformers 5 writes them as ``rope_parameters``; before 4.43 the scaling of Llama 3.1 and later is not known.
    """
    new, scaling = config.get("rope_parameters") or {}, config.get("rope_scaling") or {}
    return ("rope_theta" in new and "rope_theta" not in config) or (
        "rope_type" in scaling and Version("4.43") > VERSION
    )


def resolve_dtype(name: str, family: Family, dtype: str, device: torch.device) -> str:
    """``auto`` is float32 on CPUs, elsewhere the family's first; UserError for one that the family must not run in."""
    if dtype == "auto":
        return "float32" if device.type == "cpu" else family.dtypes[0]
    if dtype not in family.dtypes:
        raise UserError(
            f"--dtype {dtype}: {family.models} (--model {name}) is wrong in it without an error; "
            f"use --dtype {' or '.join(family.dtypes)}"
        )
    return dtype


def loading_options(family: Family, dtype: str) -> dict:
    """What ``from_pretrained`` is given for the weights' dtype."""
    flags = {
        flag: dtype == flagged for flag, flagged in (("bf16", "bfloat16"), ("fp16", "float16"), ("fp32", "float32"))
    }
    return {"dtype" if MODERN else "torch_dtype": DTYPES[dtype]} | (flags if family.precision_flags else {})


# ---- tokenizers ----


def tokenizer_options(family: Family, folder: Path) -> dict:
    """What ``from_pretrained`` is given for a family's tokenizer."""
    ends = {"eos_token": family.end_token, "pad_token": family.end_token} if family.end_token else {}
    exact = {"use_fast": False} if family.sentencepiece and (folder / "tokenizer.model").is_file() else {}
    return ends | exact


def check_tokenizer(name: str, family: Family, tokenizer, folder: Path) -> None:
    """UserError for a tokenizer without its prompt prefix, or that is not its own sentencepiece model."""
    wanted = [tokenizer.convert_tokens_to_ids(token) for token in family.prompt_prefix]
    if tokenizer(PROBE).input_ids[: len(wanted)] != wanted:
        raise UserError(
            f"--model {name}: its prompts do not begin with {' '.join(family.prompt_prefix)}; see its files"
        )
    if not family.sentencepiece or not (folder / "tokenizer.model").is_file():
        return
    import sentencepiece

    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model")).encode(PROBE)
    if tokenizer(PROBE, add_special_tokens=False).input_ids != pieces:
        hint = f"use {LEGACY_HINT}" if MODERN else "remove the folder's tokenizer.json"
        raise UserError(f"--model {name}: its tokenizer does not agree here with its own tokenizer.model; {hint}")


# ---- passes ----


def text_config(model):
    """The config of a model's text part."""
    config = model.config
    return config.get_text_config() if hasattr(config, "get_text_config") else config


def window(config) -> int:
    """Longest sequence that a model with this config takes, in tokens; a large number where it does not say.

    A multimodal config names it in its text part.
    """
    text = config.get_text_config(decoder=True) if hasattr(config, "get_text_config") else config
    names = (named(config.model_type).window, *WINDOWS)
    return next((w for w in (getattr(text, name, None) for name in names) if isinstance(w, int) and w > 0), 1 << 30)


def base_model(model) -> torch.nn.Module:
    """The model without its head. Llama 4 and Mllama name none: theirs is where it is in all others."""
    return model.base_model if model.base_model is not model else model.model


def run_base(model, **inputs) -> tuple:
    """A pass of the base model: the last hidden states [batch, tokens, hidden] behind the final norm, and the cache.

    They come to the token ids' device: of a model on several, the last layer's is another.
    """
    out = base_model(model)(**inputs)
    hidden = out.last_hidden_state.to(inputs["input_ids"].device)
    return hidden.transpose(0, of(model).states_batch), getattr(out, "past_key_values", None)


def lm_head(model) -> torch.nn.Module:
    """The layer that turns hidden states into logits."""
    path = of(model).head
    return model.get_submodule(path) if path else model.get_output_embeddings()


def vocabulary(model) -> int:
    """Rows of the LM head, however its weight is held."""
    head = lm_head(model)
    return getattr(head, "out_features", None) or head.weight.shape[0]


def select_rows(model, cache, rows: torch.Tensor):
    """The cache's rows with the numbers ``rows``; None where its layout is not known (recurrent layers, for one).

    Its layers may lie on several devices: each takes the numbers from the CPU, or on its own.
    """
    if isinstance(cache, tuple):
        axis = of(model).cache_batch
        return (
            axis
            if axis is None
            else tuple(tuple(t.index_select(axis, rows.to(t.device)) for t in layer) for layer in cache)
        )
    layers = getattr(cache, "layers", [])
    if not layers or not all(hasattr(layer, "batch_select_indices") for layer in layers):
        return None
    cache.batch_select_indices(rows.cpu())
    return cache
