"""How models of 3B to 70B and a mixture of experts are asked and trained, on one card, eight, two hosts: computed.

Nothing is run but passes of small models with the same proportions (knowledge_boundary/training/sizes.py). Of the ways
that a model can be held the first that fits is named, with its memory on each card; nine tenths of a card are counted.
On several cards torchrun starts a process for each, which holds the whole model unless another way is named.

Examples:
  python benchmarks/model_sizes.py
  python benchmarks/model_sizes.py --model models/smollm2 --card 16 --cards 2
"""

import common  # noqa: F401
import transformers

from knowledge_boundary import cli, options
from knowledge_boundary.engine import packing
from knowledge_boundary.models import loading
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.training.sizes import Sizes, sizes

GB = 1e9
USABLE = 0.9  # of a card: the allocator and CUDA itself take the rest
PREFIX = 2495  # tokens of the longest five-shot prefix of MMLU (benchmarks/scaling.py)
BATCHES = (16384, 4096, 1024)  # --batch_tokens
PARTS = (16384, 8192, 4096, 2048, 1024)  # --micro_batch_tokens
HEADS = {"num_attention_heads", "num_key_value_heads"}
# The sizes in the models' published config.json (huggingface.co/NAME); none of them ties its head to its embeddings.
MODELS = {
    "openlm-research/open_llama_3b": (
        "llama",
        {"hidden_size": 3200, "intermediate_size": 8640, "num_hidden_layers": 26, "num_attention_heads": 32,
         "num_key_value_heads": 32, "vocab_size": 32000},
    ),
    "Qwen/Qwen2.5-7B": (
        "qwen2",
        {"hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28,
         "num_key_value_heads": 4, "vocab_size": 152064},
    ),
    "Qwen/Qwen3-30B-A3B": (
        "qwen3_moe",
        {"hidden_size": 2048, "intermediate_size": 6144, "moe_intermediate_size": 768, "num_experts": 128,
         "num_experts_per_tok": 8, "num_hidden_layers": 48, "num_attention_heads": 32, "num_key_value_heads": 4,
         "head_dim": 128, "vocab_size": 151936},
    ),
    "Qwen/Qwen2.5-32B": (
        "qwen2",
        {"hidden_size": 5120, "intermediate_size": 27648, "num_hidden_layers": 64, "num_attention_heads": 40,
         "num_key_value_heads": 8, "vocab_size": 152064},
    ),
    "meta-llama/Meta-Llama-3-70B": (
        "llama",
        {"hidden_size": 8192, "intermediate_size": 28672, "num_hidden_layers": 80, "num_attention_heads": 64,
         "num_key_value_heads": 8, "vocab_size": 128256},
    ),
    "meta-llama/Meta-Llama-3-8B-Instruct": (
        "llama",
        {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
         "num_key_value_heads": 8, "vocab_size": 128256},
    ),
}  # fmt: skip
TABLE = [name for name in MODELS if not name.endswith("8B-Instruct")]  # the page's
# name: (GB of a card, cards of a host, hosts)
MACHINES = {"24 GB": (24, 1, 1), "80 GB": (80, 1, 1), "8 × 80 GB": (80, 8, 1), "2 × 8 × 80 GB": (80, 8, 2)}


def config_of(name: str):
    """The config of one of ``MODELS``, or of a model's folder or hub id."""
    if name not in MODELS:
        return transformers.AutoConfig.from_pretrained(loading.model_path(name))
    family, values = MODELS[name]
    return transformers.AutoConfig.for_model(family, tie_word_embeddings=False, **values)


def sizes_of(name: str, lora_r: int = 64) -> tuple:
    """A model's config, and its sizes.

    Raises:
        UserError: they can't be told from its config.
    """
    try:
        config = config_of(name)
        return config, sizes(config, lora_r)
    except UserError:
        raise
    except Exception as e:  # configs of families that call their widths otherwise, adapters' folders
        reason = (str(e).strip() or type(e).__name__).splitlines()[0]
        raise UserError(f"--model {name}: its sizes can't be told from its config ({reason})") from e


def asking(found: Sizes, batch_tokens: int, prefix: int = PREFIX) -> float:
    """Bytes that asking takes besides the weights: the longest prefix, and one pass."""
    # In a layer each lane of the pass has the prefix's keys and values in front of its own; they are not kept, and
    # with them a pass has at most four times --batch_tokens (scoring.plan).
    lanes = min(batch_tokens / packing.LANE, 4 * batch_tokens / (prefix + packing.LANE))
    seen = lanes * (prefix + packing.LANE) * found.layer_cache
    return prefix * found.cache + batch_tokens * found.activations + seen


def fitting(needed, tried, room: float):
    """The first of ``tried`` whose ``needed`` bytes fit, with them; None if none does."""
    return next(((n, needed(n)) for n in tried if needed(n) <= room), None)


def ways_to_ask(found: Sizes, config, cards: int, hosts: int):
    """[(flags, tokens of a pass → bytes on a card)], the first is the best."""
    yield "", lambda n: found.weights + asking(found, n)
    if cards > 1 and hosts == 1 and not any(getattr(config, name) % cards for name in HEADS):
        yield "--tensor_parallel", lambda n: (found.weights + asking(found, n)) / cards
    if cards > 1 and hosts == 1:
        yield "--device_map auto", lambda n: found.weights / cards + asking(found, n)
    yield "--load_in 4bit", lambda n: found.packed + asking(found, n)
    if cards == 1:
        yield "--device_map auto", lambda n: asking(found, n)  # the other layers in the host's memory


def ways_to_train(found: Sizes):
    """[(flags, tokens of a part → bytes on a card)] of a training with LoRA, the first is the best."""
    for four_bits in (False, True):
        for recomputes in (False, True):
            flags = "--load_in 4bit " * four_bits + "--gradient_checkpointing" * recomputes
            yield flags.strip(), lambda n, a=four_bits, b=recomputes: found.lora_peak(n, a, b)


def told(flags: str, tokens: str, found, default: int) -> str:
    """A cell: the flags, a bound of tokens where it is not the default, the memory."""
    n, needed = found
    flags = " ".join([*flags.split(), *([tokens, str(n)] if n != default else [])])
    return f"{f'`{flags}`' if flags else 'whole'}, {needed / GB:.0f} GB"


def cells(found: Sizes, config, card: float, cards: int, hosts: int) -> list:
    """How a model is asked, adapted, and trained whole on a machine."""
    room, row = USABLE * card * GB, []
    for ways, tokens, tried in (
        (ways_to_ask(found, config, cards, hosts), "--batch_tokens", BATCHES),
        (ways_to_train(found), "--micro_batch_tokens", PARTS),
    ):
        fits = ((flags, fitting(needed, tried, room)) for flags, needed in ways)
        best = next((told(flags, tokens, one, tried[0]) for flags, one in fits if one), None)
        row.append(best or "–")
    whole = fitting(lambda n: found.full_peak(n), PARTS, room)
    shared = fitting(lambda n: found.full_peak(n, cards * hosts), PARTS, room) if cards > 1 else None
    if whole:
        row.append(told("--gradient_checkpointing", "--micro_batch_tokens", whole, PARTS[0]))
    else:
        row.append(f"ZeRO-3 or FSDP, {shared[1] / GB:.0f} GB" if shared else "–")
    return row


def arguments():
    """The flags."""
    parser = cli.Parser(__doc__)
    parser.add_argument(
        "--model", nargs="+", help="folders or hub ids, only their config is read; default: the table's"
    )
    parser.add_argument("--card", type=options.positive, help="GB of a card, of a machine in place of the table's")
    parser.add_argument("--cards", type=options.positive, default=1, help="of that machine")
    parser.add_argument("--lora_r", type=options.positive, default=64)
    return parser.parse_args()


def main():
    """Print two tables, as Markdown."""
    args = arguments()
    machines = {f"{args.cards} × {args.card} GB": (args.card, args.cards, 1)} if args.card else MACHINES
    made = {name: sizes_of(name, args.lora_r) for name in args.model or TABLE}
    columns = ["model", "parameters", "bfloat16", "4 bits", f"LoRA r {args.lora_r} and its states"]
    columns += ["1,000 tokens of a step", "with checkpointing"]
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
    for name, (_, found) in made.items():
        size = (found.weights, found.packed, 16 * found.lora, 1000 * found.kept, 1000 * found.recomputed)
        print(f"| {name} | {found.parameters / 1e9:.2f} B | {' | '.join(f'{b / GB:.1f} GB' for b in size)} |")
    columns = ["model", "cards", "ask, evaluate", f"LoRA r {args.lora_r}", "all weights"]
    print(f"\n| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
    for name, (config, found) in made.items():
        for machine, (card, cards, hosts) in machines.items():
            print(f"| {name.split('/')[-1]} | {machine} | {' | '.join(cells(found, config, card, cards, hosts))} |")


if __name__ == "__main__":
    cli.run(main)
