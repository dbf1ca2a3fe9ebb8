"""Whether packed passes give a model's own logits: tried when it is loaded."""

import functools

import torch

from ..models.families import run_base, select_rows
from ..running.errors import UserError
from .packing import Tree, pack
from .passes import growing, head, hidden_states, packable, padded_states, run_root


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
