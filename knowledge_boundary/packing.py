"""The engine's ground: what many token sequences share is computed once.

Sequences are put into a tree in which every token stands once behind all that precedes it. The beginning that all of
them share, the root, runs once into a key-value cache. The rest is packed into lanes, rows of one forward pass: a mask
lets each token see the root and its own ancestors in the tree, and its position is its depth there. So the model
computes for each token exactly what it would in a sequence of its own, without padding and without copies of a cache.
"""

import heapq
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

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


def families(units, most: int) -> tuple[list, list]:
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

    A lane holds at most ``width`` tokens, or one of the units' ``families``, which has at most ``most``, or one unit.

    Returns:
        The lanes' lists of indices, shortest lane first, and at most how many tokens each has.
    """
    groups, sizes = families(units, most)
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


def attention_mask(model, lanes: Lanes):
    """What the model takes as its mask: additive [lanes, 1, width, past + width]; by kind where its layers differ."""
    config = model.config.get_text_config()
    window = getattr(config, "sliding_window", None)
    kinds = set(getattr(config, "layer_types", None) or ([WINDOWED] if window else ["full_attention"]))

    def additive(sees):
        mask = torch.zeros(sees.shape, dtype=model.dtype, device=sees.device)
        return mask.masked_fill_(~sees, torch.finfo(model.dtype).min)[:, None]

    masks = {}
    for kind in kinds:
        near = lanes.positions[..., None] - lanes.keys[:, None] < window if kind == WINDOWED else True
        masks[kind] = additive(lanes.sees & near)
    return masks if len(masks) > 1 else masks.popitem()[1]


def packable(model) -> bool:
    """Whether all layers of ``model`` attend by a mask over positions (no recurrent or chunked ones)."""
    return set(getattr(model.config.get_text_config(), "layer_types", None) or []) <= PACKABLE


class RootLayer(DynamicLayer):
    """A cache layer that every lane of every pass sees and that keeps nothing of a pass."""

    def __init__(self, keys, values):
        super().__init__()
        self.keys, self.values, self.is_initialized = keys, values, True

    def update(self, key_states, value_states, *args, **kwargs):
        """The root's keys and values in front of those of the pass."""
        root = (t.expand(len(key_states), *t.shape[1:]) for t in (self.keys, self.values))
        return tuple(torch.cat(pair, -2) for pair in zip(root, (key_states, value_states), strict=True))


def run_root(model, ids, device) -> DynamicCache | None:
    """The cache of the root's tokens, to be seen and not changed; None for an empty root."""
    if not ids:
        return None
    cache = DynamicCache()
    for start in range(0, len(ids), ROOT_PART):  # in parts: a long root's activations would be the peak of memory
        part = torch.tensor([ids[start : start + ROOT_PART]], device=device)
        positions = torch.arange(start, start + part.shape[1], device=device)[None]
        model.base_model(input_ids=part, position_ids=positions, past_key_values=cache, use_cache=True)
    cache.layers = [RootLayer(layer.keys, layer.values) for layer in cache.layers]
    return cache


def growing(cache, lanes: int) -> DynamicCache:
    """A cache that begins as the root's in each lane and keeps what passes through it; ``cache`` stays as it is."""
    grown = DynamicCache()
    for i, layer in enumerate(cache.layers if cache else []):
        grown.update(*(t.expand(lanes, *t.shape[1:]) for t in (layer.keys, layer.values)), i)
    return grown


def hidden_states(model, lanes: Lanes, cache=None) -> torch.Tensor:
    """Last hidden states [lanes, width, hidden] of a packed pass over ``cache``."""
    return model.base_model(
        input_ids=lanes.ids,
        position_ids=lanes.positions,
        attention_mask=attention_mask(model, lanes),
        past_key_values=cache,
        use_cache=cache is not None,
    ).last_hidden_state


def padded_states(model, sequences, device) -> torch.Tensor:
    """Last hidden states [sequences, longest, hidden] of whole sequences, right-padded: the plain way."""
    shape = len(sequences), max(map(len, sequences))
    ids, mask = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    for i, sequence in enumerate(sequences):
        ids[i, : len(sequence)] = torch.tensor(sequence)
        mask[i, : len(sequence)] = 1
    out = model.base_model(input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False)
    return out.last_hidden_state


def head(model, hidden, tokens=None) -> torch.Tensor:
    """Logits in float32 of hidden states [n, hidden]: of the whole vocabulary, or of ``tokens``' rows only."""
    layer, config = model.get_output_embeddings(), model.config.get_text_config()
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
            f"question {name}: the model's logits are not finite in {lm.about['dtype']}; "
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


@torch.inference_mode()
def check(lm) -> bool:
    """Whether packing is exact for this model: trees in unequal lanes over a root that is used twice, and one step on,
    against whole sequences one at a time.

    Raises:
        UserError: not even whole prompts give the model's own logits (``head`` does not know its way to them).
    """
    generator = torch.Generator().manual_seed(0)
    root, *tails = torch.randint(3, min(1000, lm.vocabulary), (4, 7), generator=generator).tolist()
    own = [tails[0], [*tails[0][:2], *tails[1]], tails[2][:3]]
    sequences = [root + o for o in own]
    wanted = torch.stack([lm.model(torch.tensor([s], device=lm.device)).logits[0, -1].float() for s in sequences])
    if not torch.isfinite(wanted).all():
        return False  # nothing to compare with; a question's own logits will say so
    tolerance = wanted.abs().max() * (1e-4 if lm.about["dtype"] == "float32" else 5e-2)

    def exact(hidden):
        return (head(lm.model, hidden) - wanted).abs().max() <= tolerance

    try:
        whole = padded_states(lm.model, sequences, lm.device)
        known = exact(torch.stack([h[len(s) - 1] for h, s in zip(whole, sequences, strict=True)]))
    except AttributeError:  # an output of its own shape
        known = False
    if not known:
        raise UserError(
            f"--model {lm.about['name']}: its last hidden state times its head is not its logits; "
            f"this family is not supported yet"
        )
    if not packable(lm.model):
        return False
    cache = run_root(lm.model, root, lm.device)

    def run(parts, kept):
        """A pass over ``kept``; and each part's (lane, slot): the first two share a lane."""
        trees = [Tree(), Tree()]
        ends = [(n, trees[n].add(part)[-1]) for n, part in zip((0, 0, 1), parts, strict=True)]
        lanes = pack(trees, len(root), lm.device)
        return lanes, hidden_states(lm.model, lanes, kept), tuple(zip(*ends, strict=True))

    try:
        for _ in range(2):
            _, hidden, ends = run(own, cache)
        grown = growing(cache, 2)
        lanes, _, (_, parents) = run([o[:-1] for o in own], grown)
        following = lanes.step([0, 0, 1], [0, 1, 0], [o[-1] for o in own], parents)
        return bool(exact(hidden[ends]) and exact(hidden_states(lm.model, following, grown)[[0, 0, 1], [0, 1, 0]]))
    except (TypeError, ValueError, RuntimeError, IndexError):  # a family that takes no such mask or cache
        return False
