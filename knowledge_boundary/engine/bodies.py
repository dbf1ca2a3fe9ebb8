"""What answers grow in: the trees of a batch in lanes that part with them, or a copy of the cache for each row."""

import numpy as np
import torch

from ..models.families import run_base, select_rows
from .packing import Tree, pack
from .passes import growing, hidden_states

# What a pass costs, in keys that one token attends to (measured on CPUs; it decides the layout alone): a token's linear
# layers, for each dimension of its hidden states; a key that a lane holds, and in a lane of one token, whose heads
# transformers puts side by side instead of repeating keys; a key that is moved to another lane.
LINEAR, HELD, HELD_BY_ONE, MOVED = 2, 16, 4, 1
SIZES = 1, 2, 4, 8, 16, 32  # tokens of a lane that is made anew
DEARER, CHEAPER = 1.1, 0.85  # from where on another layout is looked for, and what it must save
# How many times the keys that the lanes began with, and one for each row since, may be held: small lanes repeat keys.
MORE_KEYS, MORE_KEYS_ON_CPUS = 2, 4


def price(count: int, width: int, keys: int, hidden: int) -> int:
    """What a pass of ``count`` lanes costs, in keys that one token attends to."""
    return count * (width * (LINEAR * hidden + keys + width) + (HELD if width > 1 else HELD_BY_ONE) * keys)


def better_size(lanes, tokens, hidden: int, root: int, most: int, known: float = 0) -> tuple[int | None, float]:
    """How many tokens a lane should have for the next pass (``Lanes.laid_out``), None where the lanes had better stay.

    A token is masked against all of its lane, and every lane is as wide as the widest. So lanes whose trees have parted
    cost more than what they share is worth, and so do those that fewer tokens are left in than in others.

    Args:
        lanes: the last pass's.
        tokens: [(lane, place)] of the token that each new one follows, lane by lane.
        hidden: the model's hidden size.
        root: so many of the first keys are the same in all lanes.
        most: how many keys may be held.
        known: the price of a token that was found last; nothing is looked for unless the pass has grown dearer.

    Returns:
        The size, and the ``price`` of a token that was found, or ``known``.
    """
    lane, place = map(np.array, zip(*tokens, strict=True))
    count, _, past = lanes.sees.shape
    now, best = price(count, int(np.bincount(lane).max()), past, hidden), None
    if now <= DEARER * known * len(tokens):
        return None, known
    found = CHEAPER * now
    at = (torch.from_numpy(one).to(lanes.ids.device) for one in (lane, place))
    sees = lanes.sees[tuple(at)][:, root:].cpu().numpy()
    for size in SIZES:
        starts = np.arange(0, len(tokens), size)
        parts = np.union1d(starts, np.flatnonzero(np.diff(lane)) + 1)  # a lane made anew may hold tokens of several
        keys = np.logical_or.reduceat(sees, parts).sum(-1)
        keys = root + int(np.add.reduceat(keys, np.searchsorted(parts, starts)).max())
        own = price(len(starts), size, keys, hidden)
        if own + MOVED * len(starts) * keys < found and len(starts) * keys <= most:
            now, found, best = own, own + MOVED * len(starts) * keys, size
    return best, now / len(tokens)


class Packed:
    """The trees of a batch, in lanes behind a root that ran once; tokens that pass stay in the cache.

    Args:
        lm: the model.
        prompts: for each lane, its prompts' tokens behind the root.
        root: tokens in ``cache``.
        cache: the root's, or None.
    """

    def __init__(self, lm, prompts, root, cache):
        trees = [Tree() for _ in prompts]
        self.starts = [
            (lane, tree.add(ids)[-1])
            for lane, (tree, own) in enumerate(zip(trees, prompts, strict=True))
            for ids in own
        ]
        self.lm, self.root, self.cache, self.lanes = lm, root, growing(cache), pack(trees, root, lm.device)
        self.keys, self.more = self.lanes.keys.numel(), MORE_KEYS_ON_CPUS if lm.device.type == "cpu" else MORE_KEYS

    def begin(self, rows):
        """Hidden states [rows, hidden] at the prompts' ends."""
        for row, start in zip(rows, self.starts, strict=True):
            row.lane, row.slot = start
        hidden = self.read(rows)
        self.hidden = hidden.shape[-1]
        self.price = LINEAR * self.hidden  # of a token at the least; later that of the layout that was found last
        return hidden

    def step(self, rows, parents):
        """Hidden states [rows, hidden] at the last tokens of ``rows``; each follows its row in ``parents``."""
        order = sorted(range(len(rows)), key=lambda n: (parents[n].lane, parents[n].slot))
        tokens = [(parents[n].lane, parents[n].slot) for n in order]
        self.keys += len(rows)
        most = self.more * self.keys
        size, self.price = better_size(self.lanes, tokens, self.hidden, self.root, most, self.price)
        if size:
            self.lanes, places = self.lanes.laid_out(tokens, size, self.root)
            self.cache.lay_out(places)
            tokens = [divmod(i, size) for i in range(len(rows))]  # what each follows stands where it will
        used = [0] * len(self.lanes.ids)
        for n, (lane, _) in zip(order, tokens, strict=True):
            rows[n].lane, rows[n].slot = lane, used[lane]
            used[lane] += 1
        lanes, slots, ids = zip(*((rows[n].lane, rows[n].slot, rows[n].tokens[-1]) for n in order), strict=True)
        self.lanes = self.lanes.step(lanes, slots, ids, [place for _, place in tokens])
        return self.read(rows)

    def read(self, rows):
        """The pass itself, read at ``rows``."""
        hidden = hidden_states(self.lm.model, self.lanes, self.cache)
        return hidden[[row.lane for row in rows], [row.slot for row in rows]]


class Copies:
    """The trees of a batch of equally long prompts, for models that do not pack: each row over a copy of its cache.

    Where the cache cannot be copied row by row (recurrent layers), or what runs behind it is not what a whole sequence
    gives (``LM.cached``), every step runs the whole sequences anew.

    Args:
        lm: the model.
        prompts: {question: its prompt's tokens}, all of one length.
    """

    def __init__(self, lm, prompts):
        self.lm, self.prompts = lm, prompts

    def run(self, ids, **options):
        """A pass of token ids [rows, tokens]: hidden states [rows, hidden] at their ends, and the cache."""
        hidden, cache = run_base(self.lm.model, input_ids=torch.tensor(ids, device=self.lm.device), **options)
        return hidden[:, -1], cache

    def begin(self, rows):
        """Hidden states [rows, hidden] at the prompts' ends."""
        for slot, row in enumerate(rows):
            row.slot = slot
        hidden, self.cache = self.run([self.prompts[row.question] for row in rows], use_cache=self.lm.cached)
        return hidden

    def step(self, rows, parents):
        """Hidden states [rows, hidden] at the last tokens of ``rows``; each follows its row in ``parents``."""
        at = torch.tensor([parent.slot for parent in parents], device=self.lm.device)
        self.cache = select_rows(self.lm.model, self.cache, at) if self.lm.cached else None
        if self.cache is None:
            return self.run([self.prompts[row.question] + row.tokens for row in rows], use_cache=False)[0]
        for slot, row in enumerate(rows):
            row.slot = slot
        length = len(self.prompts[rows[0].question]) + len(rows[0].tokens)
        positions = torch.full((len(rows), 1), length - 1, device=self.lm.device)
        ids = [[row.tokens[-1]] for row in rows]
        hidden, self.cache = self.run(ids, position_ids=positions, past_key_values=self.cache, use_cache=True)
        return hidden
