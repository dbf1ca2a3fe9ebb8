"""The engine's ground: what many token sequences share is computed once.

Sequences are put into a tree in which every token stands once behind all that precedes it. The beginning that all of
them share, the root, runs once into a key-value cache. The rest is packed into lanes, rows of one forward pass: a mask
lets each token see the root and its own ancestors in the tree, and its position is its depth there. So the model
computes for each token exactly what it would in a sequence of its own, without copies of a sequence.
"""

import heapq
from dataclasses import dataclass

import numpy as np
import torch

# Tokens in a lane: each is masked against all others of its lane, so that wide lanes cost attention; but what several
# sequences share is worth a wider one.
LANE, WIDE_LANE = 256, 1024


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
    """Tokens of one forward pass: trees behind a root, in lanes.

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

    def laid_out(self, tokens, size: int, root: int) -> tuple["Lanes", torch.Tensor]:
        """Tokens of this pass in lanes anew, ``size`` in each, which holds what one of them can see and nothing else.

        Args:
            tokens: [(lane, place)]; one may stand there several times.
            size: tokens in a lane; repeats of one fill the last up.
            root: so many of the first keys are the same in all lanes.

        Returns:
            The lanes, in which the tokens stand in their order; and the places of what is to stand in front of each
            [lanes, past], counted over this pass's keys lane after lane.
        """
        lane, place = (torch.tensor(one, device=self.ids.device) for one in zip(*tokens, strict=True))
        width = self.sees.shape[-1]
        chains = [np.flatnonzero(own) for own in self.sees[lane, place].cpu().numpy()]
        chains = [own + n * width * (own >= root) for own, (n, _) in zip(chains, tokens, strict=True)]
        groups = [chains[i : i + size] for i in range(0, len(chains), size)]
        kept = [np.unique(np.concatenate(group)) for group in groups]
        shape = len(groups), max(map(len, kept))
        places, sees = np.zeros(shape, dtype=np.int64), np.zeros((shape[0], size, shape[1]), dtype=bool)
        for n, (group, own) in enumerate(zip(groups, kept, strict=True)):
            places[n, : len(own)] = own
            for slot, chain in enumerate(group):
                sees[n, slot, np.searchsorted(own, chain)] = True
        at = torch.arange(shape[0] * size, device=lane.device).clamp_(max=len(tokens) - 1).view(shape[0], size)
        places, sees = (torch.from_numpy(one).to(lane.device) for one in (places, sees))
        ids, positions = (one[lane, place][at] for one in (self.ids, self.positions))
        return Lanes(ids, positions, self.keys.flatten()[places], sees), places


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
