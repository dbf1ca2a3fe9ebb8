"""The engine's ground: what many token sequences share is computed once.

Sequences are put into a tree in which every token stands once behind all that precedes it. The beginning that all of
them share, the root, runs once into a key-value cache. The rest is packed into lanes, rows of one forward pass: a mask
lets each token see the root and its own ancestors in the tree, and its position is its depth there. So the model
computes for each token exactly what it would in a sequence of its own, without padding and without copies of a cache.
"""

import functools
import heapq
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional
from transformers import DynamicCache

from .families import MODERN, lm_head, of, run_base, select_rows, text_config
from .results import UserError

# Tokens in a lane: each is masked against all others of its lane, so that wide lanes cost attention; but what several
# sequences share is worth a wider one.
LANE, WIDE_LANE = 256, 1024
ROOT_PART = 1024  # tokens of the root that run at a time
WINDOWED = "sliding_attention"
PACKABLE = {"full_attention", WINDOWED}  # kinds of layers whose attention is a mask over positions


def shared_length(sequences) -> int:
    """How many leading tokens all ``sequences`` have in common."""
    first, last = min(sequences), max(sequences)  # the two that differ earliest
    n = 0
    while n < min(len(first), len(last)) and first[n] == last[n]:
        n += 1
    return n


class Tree:
    """Token sequences as a tree behind a common root; a node is a token with all that stands before it."""

    def __init__(self):
        self.tokens, self.parents, self.depths = [], [], []
        self.children = {}  # (parent, token) → node; the parent −1 is the root

    def __len__(self):
        return len(self.tokens)

    def add(self, ids) -> list:
        """The nodes of a sequence, one a token; those that are not there yet are made."""
        nodes, node = [], -1
        for depth, token in enumerate(ids):
            parent, node = node, self.children.setdefault((node, token), len(self))
            if node == len(self):
                self.tokens.append(token)
                self.parents.append(parent)
                self.depths.append(depth)
            nodes.append(node)
        return nodes

    def sees(self) -> np.ndarray:
        """[nodes, nodes]: whether the row's node stands behind the column's, or is it."""
        sees = np.eye(len(self), dtype=bool)
        for node, parent in enumerate(self.parents):  # a parent stands before its children
            if parent >= 0:
                sees[node] |= sees[parent]
        return sees


def clusters(units, most: int) -> tuple[list, list]:
    """Units (lists of token sequences that stay together) in groups that share much, such as a passage they are about.

    In the order of their token ids, ties by position, a unit joins the group before it if it finds half of its own
    tokens there and their tree keeps to ``most`` tokens.

    Returns:
        The groups' lists of indices, and the numbers of tokens in their trees.
    """
    groups, sizes, tree = [], [], Tree()
    for i in sorted(range(len(units)), key=lambda i: (units[i], i)):
        own, before = Tree(), len(tree)
        for ids in units[i]:
            own.add(ids)
            tree.add(ids)
        if not groups or len(tree) > most or 2 * (len(tree) - before) > len(own):
            groups.append([])
            sizes.append(0)
            tree = own
        groups[-1].append(i)
        sizes[-1] = len(tree)
    return groups, sizes


def fill(units, width: int, most: int) -> tuple[list, list]:
    """Units in lanes that are alike in length, so that there is little padding.

    A lane holds at most ``width`` tokens, or one of the units' ``clusters``, which has at most ``most``, or one unit.

    Returns:
        The lanes' lists of indices, shortest lane first, and at most how many tokens each has.
    """
    groups, sizes = clusters(units, most)
    longest_first = sorted(range(len(groups)), key=lambda g: (-sizes[g], g))
    wanted = -(-sum(sizes) // width)
    while True:
        lanes = [(0, n, []) for n in range(min(wanted, len(groups)))]  # a heap: the shortest lane is the first
        for g in longest_first:
            size, n, own = heapq.heappop(lanes)
            heapq.heappush(lanes, (size + sizes[g], n, [*own, g]))
        if all(size <= width or len(own) == 1 for size, _, own in lanes):
            lanes.sort()
            return [sorted(i for g in own for i in groups[g]) for *_, own in lanes], [size for size, *_ in lanes]
        wanted += 1


@dataclass
class Lanes:
    """Tokens of one forward pass: trees behind a root, one a lane.

    ``ids`` and ``positions`` are [lanes, width], ``keys`` [lanes, past + width] are the positions of all tokens that
    could be seen, ``sees`` [lanes, width, past + width] says which are. Padding is token 0; nothing else sees it.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    keys: torch.Tensor
    sees: torch.Tensor

    def step(self, lanes, slots, tokens, parents) -> "Lanes":
        """The next pass: new tokens behind tokens of this one.

        Args:
            lanes: for each new token, its lane.
            slots: its place in the lane.
            tokens: itself.
            parents: the place in this pass of the token that it follows.
        """
        device, shape = self.ids.device, (len(self.ids), max(slots) + 1)
        at = torch.tensor(lanes), torch.tensor(slots)
        ids, parent = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
        ids[at], parent[at] = torch.tensor(tokens), torch.tensor(parents)
        ids, parent = ids.to(device), parent.to(device)
        positions = self.positions.gather(1, parent) + 1
        past = self.sees.gather(1, parent[..., None].expand(-1, -1, self.sees.shape[-1]))
        own = torch.eye(shape[1], dtype=torch.bool, device=device).expand(shape[0], -1, -1)
        return Lanes(ids, positions, torch.cat([self.keys, positions], 1), torch.cat([past, own], -1))


def pack(trees, root: int, device) -> Lanes:
    """Each tree in a lane of its own, behind ``root`` tokens that are in the cache."""
    shape = len(trees), max(map(len, trees))
    ids, positions = np.zeros(shape, dtype=np.int64), np.full(shape, root, dtype=np.int64)
    sees = np.zeros((*shape, root + shape[1]), dtype=bool)
    sees[..., :root] = True
    sees[..., root:] = np.eye(shape[1], dtype=bool)
    for lane, tree in enumerate(trees):
        n = len(tree)
        ids[lane, :n] = tree.tokens
        positions[lane, :n] += np.array(tree.depths, dtype=np.int64)
        sees[lane, :n, root : root + n] = tree.sees()
    keys = np.concatenate([np.broadcast_to(np.arange(root), (shape[0], root)), positions], 1)
    return Lanes(*(torch.from_numpy(a).to(device) for a in (ids, positions, keys, sees)))


def windows(model) -> tuple:
    """How many tokens a window of attention has, or None, and which kinds of layers the model has."""
    config = text_config(model)
    window = getattr(config, "sliding_window", None) if getattr(config, "use_sliding_window", True) else None
    return window, set(getattr(config, "layer_types", None) or ([WINDOWED] if window else ["full_attention"]))


def attention_mask(model, lanes: Lanes):
    """What the model takes as its mask: additive [lanes, 1, width, past + width]; by kind where its layers differ."""
    window, kinds = windows(model)

    def additive(sees):
        mask = torch.zeros(sees.shape, dtype=model.dtype, device=sees.device)
        return mask.masked_fill_(~sees, torch.finfo(model.dtype).min)[:, None]

    masks = {}
    for kind in kinds:
        near = lanes.positions[..., None] - lanes.keys[:, None] < window if kind == WINDOWED else True
        masks[kind] = additive(lanes.sees & near)
    return masks if len(masks) > 1 else masks.popitem()[1]


def packable(model) -> bool:
    """Whether all layers of ``model`` attend by a mask over positions (no recurrent or chunked ones).

    transformers 4 cuts caches to a window by itself: windows that only a long prompt leaves are not tried there.
    """
    return of(model).prefix_cache and windows(model)[1] <= (PACKABLE if MODERN else {"full_attention"})


def check_packable(model) -> None:
    """UserError for a family whose sequences must not be packed, whoever asks for it."""
    if not packable(model):
        raise UserError(f"a shared prefix is not exact for {of(model).models} models here; run whole prompts")


class KeyValues(DynamicCache):
    """Keys and values that each lane of a pass sees in front of its own, whatever transformers keeps in its caches.

    Args:
        pairs: (keys, values) of each layer, [lanes or 1, heads, tokens, dim].
        grows: whether what passes through is kept.
    """

    def __init__(self, pairs, grows: bool):
        super().__init__()
        self.pairs, self.grows = list(pairs), grows

    def update(self, key_states, value_states, layer_idx, *args, **kwargs):
        """What a layer attends to: the kept keys and values, and those of the pass behind them."""
        seen = key_states, value_states
        if layer_idx < len(self.pairs):
            kept = (t.expand(len(key_states), *t.shape[1:]) for t in self.pairs[layer_idx])
            seen = tuple(torch.cat(pair, -2) for pair in zip(kept, seen, strict=True))
        if self.grows:
            self.pairs[layer_idx : layer_idx + 1] = [seen]
        return seen

    def get_seq_length(self, layer_idx=0) -> int:
        """Tokens that are kept."""
        return self.pairs[layer_idx][0].shape[-2] if layer_idx < len(self.pairs) else 0


def run_root(model, ids, device) -> KeyValues | None:
    """The cache of the root's tokens, to be seen and not changed; None for an empty root."""
    if not ids:
        return None
    check_packable(model)
    cache = DynamicCache()
    for start in range(0, len(ids), ROOT_PART):  # in parts: a long root's activations would be the peak of memory
        part = torch.tensor([ids[start : start + ROOT_PART]], device=device)
        positions = torch.arange(start, start + part.shape[1], device=device)[None]
        model.base_model(input_ids=part, position_ids=positions, past_key_values=cache, use_cache=True)
    if hasattr(cache, "layers"):
        return KeyValues([(layer.keys, layer.values) for layer in cache.layers], grows=False)
    return KeyValues(zip(cache.key_cache, cache.value_cache, strict=True), grows=False)  # transformers 4


def growing(cache) -> KeyValues:
    """A cache that begins as the root's in each lane and keeps what passes through it; ``cache`` stays as it is."""
    return KeyValues(cache.pairs if cache is not None else (), grows=True)


def hidden_states(model, lanes: Lanes, cache=None) -> torch.Tensor:
    """Last hidden states [lanes, width, hidden] of a packed pass over ``cache``."""
    check_packable(model)
    hidden, _ = run_base(
        model,
        input_ids=lanes.ids,
        position_ids=lanes.positions,
        attention_mask=attention_mask(model, lanes),
        past_key_values=cache,
        use_cache=cache is not None,
    )
    return hidden


def padded_states(model, sequences, device) -> torch.Tensor:
    """Last hidden states [sequences, longest, hidden] of whole sequences, right-padded: the plain way."""
    shape = len(sequences), max(map(len, sequences))
    ids, mask = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    for i, sequence in enumerate(sequences):
        ids[i, : len(sequence)] = torch.tensor(sequence)
        mask[i, : len(sequence)] = 1
    hidden, _ = run_base(model, input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False)
    return hidden


def head(model, hidden, tokens=None) -> torch.Tensor:
    """Logits in float32 of hidden states [n, hidden]: of the whole vocabulary, or of ``tokens``' rows only."""
    layer, config = lm_head(model), text_config(model)
    if tokens is None:
        logits = layer(hidden).float()
    else:
        bias = layer.bias[tokens] if layer.bias is not None else None
        logits = functional.linear(hidden, layer.weight[tokens], bias).float()
    # What some families do to each logit: Cohere, Granite, Gemma 2. ``check`` compares with the model's own.
    logits = logits * (getattr(config, "logit_scale", None) or 1) / (getattr(config, "logits_scaling", None) or 1)
    cap = getattr(config, "final_logit_softcapping", None)
    return torch.tanh(logits / cap) * cap if cap else logits


def check_finite(lm, logits, names) -> None:
    """UserError that names the first row of ``logits`` with NaN or infinity in it."""
    bad = ~torch.isfinite(logits.sum(-1))  # one such value makes the sum so too
    if bad.any():
        name = names[int(bad.nonzero()[0, 0])]
        raise UserError(
            f"question {name}: the model's output is not finite in {lm.about['dtype']}; "
            f"give another --dtype (float32 is the safest), or check the weights"
        )


def check_window(lm, needed, names) -> None:
    """UserError that names the first question that needs more tokens than the model takes.

    Args:
        lm: the model.
        needed: for each question, the tokens of its prompt and of what must fit in behind it.
        names: the questions' names.
    """
    for tokens, name in zip(needed, names, strict=True):
        if tokens > lm.window:
            raise UserError(
                f"question {name} needs {tokens} tokens without any example, --model {lm.about['name']} takes "
                f"{lm.window}; leave the question out, or use a model with a longer window"
            )


@torch.no_grad()  # not inference mode: what a model keeps of a pass (rotary tables) may be met again in training
def check(lm) -> bool:
    """Whether packing is exact for this model: trees in unequal lanes over a root that is used twice, and one step on,
    against whole sequences one at a time.

    Raises:
        UserError: not even whole prompts give the model's own logits (``head`` does not know its way to them), or a
            cache's rows do not, where it does not pack.
    """
    generator = torch.Generator().manual_seed(0)
    root, *tails = torch.randint(3, min(1000, lm.vocabulary), (4, 7), generator=generator).tolist()
    own = [tails[0], [*tails[0][:2], *tails[1]], tails[2][:3]]

    @functools.cache
    def own_logits(*ids):
        return lm.model(torch.tensor([ids], device=lm.device)).logits[0, -1].float()

    def exact(found, sequences):
        """Whether ``found()``, hidden states [sequences, hidden] at the ends, gives the model's own logits."""
        wanted = torch.stack([own_logits(*s) for s in sequences])
        tolerance = wanted.abs().max() * (1e-4 if lm.about["dtype"] == "float32" else 5e-2)
        try:
            return bool((head(lm.model, found()) - wanted).abs().max() <= tolerance)
        except Exception:  # whatever a family raises that takes no such mask or cache, or has outputs of its own
            return False

    sequences = [root + o for o in own]
    if not all(own_logits(*s).isfinite().all() for s in sequences):
        return False  # nothing to compare with; a question's own logits will say so
    unsupported = f"this family is not supported yet (--model {lm.about['name']})"
    if not exact(lambda: whole_ends(lm, sequences), sequences):
        raise UserError(f"its last hidden state times its head is not its logits; {unsupported}")
    if packable(lm.model) and exact(lambda: packed_ends(lm, root, own), [*sequences, *sequences]):
        return True
    pair = [root + tails[0], root + tails[1]]
    if not exact(lambda: stepped_ends(lm, pair), [pair[1], pair[0], pair[1]]):
        raise UserError(f"its cache's rows do not give its logits; {unsupported}")
    return False


def whole_ends(lm, sequences) -> torch.Tensor:
    """Hidden states [sequences, hidden] at the ends of whole sequences in one batch."""
    hidden = padded_states(lm.model, sequences, lm.device)
    return torch.stack([h[len(s) - 1] for h, s in zip(hidden, sequences, strict=True)])


def packed_ends(lm, root, own) -> torch.Tensor:
    """Hidden states [6, hidden] at the ends of three sequences behind ``root``: in a pass over its cache after another
    one, and in a step behind a pass. The first two share a lane.
    """
    cache = run_root(lm.model, root, lm.device)

    def run(parts, kept):
        trees = [Tree(), Tree()]
        ends = [(n, trees[n].add(part)[-1]) for n, part in zip((0, 0, 1), parts, strict=True)]
        lanes = pack(trees, len(root), lm.device)
        return lanes, hidden_states(lm.model, lanes, kept), tuple(zip(*ends, strict=True))

    run(own, cache)
    _, hidden, ends = run(own, cache)
    grown = growing(cache)
    lanes, _, (_, parents) = run([o[:-1] for o in own], grown)
    following = lanes.step([0, 0, 1], [0, 1, 0], [o[-1] for o in own], parents)
    return torch.cat([hidden[ends], hidden_states(lm.model, following, grown)[[0, 0, 1], [0, 1, 0]]])


def stepped_ends(lm, pair) -> torch.Tensor:
    """Hidden states [3, hidden] at the ends of the second, the first and the second of two sequences of one length.

    Their last token runs behind their cache's rows; all of it where such rows cannot be had.
    """
    ids, rows = torch.tensor(pair, device=lm.device), torch.tensor([1, 0, 1], device=lm.device)
    _, kept = run_base(lm.model, input_ids=ids[:, :-1], use_cache=True)
    kept = select_rows(lm.model, kept, rows)
    if kept is None:
        return run_base(lm.model, input_ids=ids[rows], use_cache=False)[0][:, -1]
    at = torch.full((3, 1), ids.shape[1] - 1, device=lm.device)
    hidden, _ = run_base(lm.model, input_ids=ids[rows, -1:], position_ids=at, past_key_values=kept, use_cache=True)
    return hidden[:, -1]
