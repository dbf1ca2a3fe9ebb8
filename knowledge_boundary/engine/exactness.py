"""Whether a shortcut gives a model's own logits: tried when it is loaded, at the lengths that the run's prompts have.

Models attend by windows and chunks, and rescale their positions, from some length on. So shortcuts are tried on both
sides of each such length that the config names and the run's longest sequence reaches; below it they decide nothing.
"""

import functools
import inspect
import math
import re

import torch

from ..models.families import run_base, select_rows, text_config
from ..running.errors import UserError
from .loss import answer_loss
from .packing import Tree, pack
from .passes import growing, head, hidden_states, packable, padded_states, run_root

# In half precision: how many times the mean error at short lengths is rounding still, and what is in any case, as a
# share of the largest logit.
NOISE, ROUNDING = 4, 2e-3
SHORT = 7  # tokens of a root and of a tail
# Names in configs of the lengths at which attention or positions change; nested ones (rope_parameters) too.
SWITCH = re.compile(
    r"window|chunk|topk|top_k_tokens|original_max_position|local_attention|block_size|budget|local_blocks"
)


def switches(model) -> list:
    """Lengths in tokens at which this model's attention or positions may change, by its config; the shortest first."""

    def numbers(content):
        for name, value in content.items():
            if isinstance(value, dict):
                yield from numbers(value)
            elif SWITCH.search(str(name)):
                values = value if isinstance(value, list) else [value]
                yield from (v for v in values if isinstance(v, int) and not isinstance(v, bool))

    return sorted({n for n in numbers(text_config(model).to_dict()) if n > 2})


def check(lm, texts=(), room: int = 0, trains: bool = False) -> bool:
    """Whether packing is exact for this model on sequences as long as ``texts``; sets ``lm.padded`` and ``lm.cached``.

    Tried are trees in unequal lanes over a root that is used twice, and one step on; then, where that is not exact,
    whole sequences in one padded batch, and tokens behind a cache's rows; against whole sequences one at a time.

    Args:
        lm: the model.
        texts: what is going to be run.
        room: tokens that follow them.
        trains: whether the model is trained: one step's loss and gradient are tried too.

    Raises:
        UserError: not even whole prompts give the model's own logits (``head`` does not know its way to them), or the
            model sees what comes behind a token.
    """
    lengths = switches(lm.model)
    longest = room + max((len(lm.encode(t)) for t in texts), default=0) if lengths else 0
    longest = min(longest, lm.window) - 2 * SHORT
    sides = sorted({n for n in lengths if n < longest} | {longest} if any(n < longest for n in lengths) else set())
    with torch.no_grad():  # not inference mode: what a model keeps of a pass (rotary tables) may be met in training
        return tried(
            lm, [(SHORT, SHORT), *((SHORT, n + SHORT) for n in sides), *((n + SHORT, SHORT) for n in sides)], trains
        )


def manner(lm, shared: bool) -> str:
    """How sequences run after ``check``, for summaries."""
    whole = "whole prompts" if lm.padded else "whole prompts, one by one"
    return "shared" if shared else whole if lm.cached else f"{whole}, without a cache"


def tried(lm, lengths, trains: bool) -> bool:
    """``check`` at [(tokens of the root, of the longest tail)]."""
    cases = [sequences(lm, *pair, seed) for seed, pair in enumerate(lengths)]

    @functools.cache
    def wanted(ids):
        return own_logits(lm, ids)

    whole = [[root + tail for tail in tails] for root, tails in cases]
    if not all(wanted(tuple(s)).isfinite().all() for s in whole[0]):
        return False  # nothing to compare with; a question's own logits will say so

    def error(found, sequences) -> tuple[float, float]:
        """How far ``found()``, hidden states [sequences, hidden] at the ends, is from the model's own logits.

        The largest and the mean difference, as shares of the largest logit; infinite where it can't be found.
        """
        own = torch.stack([wanted(tuple(s)) for s in sequences])
        try:
            off = (head(lm.model, found()) - own).abs() / own.abs().max().clamp_min(1e-9)
        except Exception:  # whatever a family raises that takes no such mask or cache, or has outputs of its own
            return math.inf, math.inf
        return off.max().item(), off.mean().item()

    half = lm.about["dtype"] != "float32"
    tolerance = 5e-2 if half else 1e-4

    def exact(errors) -> bool:
        """Whether errors, the first of them at short lengths, are rounding: at other lengths hardly more than there."""
        largest, means = zip(*errors, strict=True)
        level = max(NOISE * means[0], ROUNDING) if half else tolerance
        return all(e <= tolerance for e in largest) and all(e <= level for e in means)

    alone = [error(lambda s=s: whole_ends(lm, [s]), [s])[0] for own in whole for s in own]
    if not max(alone) <= tolerance:
        raise unsupported(lm, "its last hidden state times its head is not its logits")
    first = whole[0][1]
    if not error(lambda: padded_states(lm.model, [first], lm.device)[:, SHORT - 1], [first[:SHORT]])[0] <= tolerance:
        raise unsupported(lm, "what it computes for a token depends on the tokens behind it")
    packs = packable(lm.model) and exact(
        [error(lambda c=c: packed_ends(lm, *c), own * 3) for c, own in zip(cases, whole, strict=True)]
    )
    if packs and (not trains or trained_alike(lm, whole, packed=True, padded=True)):
        return True
    lm.padded = exact([error(lambda own=own: whole_ends(lm, own), own) for own in whole])
    lm.padded = lm.padded and (not trains or trained_alike(lm, whole, packed=False, padded=True))
    pairs = [(s, [*s[:-SHORT], *reversed(s[-SHORT:])]) for own in whole for s in own[:2]]
    lm.cached = exact([error(lambda p=p: stepped_ends(lm, p), [p[1], p[0], p[1]]) for p in pairs])
    return False


def unsupported(lm, why: str) -> UserError:
    """The error for a family that even whole prompts are not exact for."""
    held = lm.about.get("quantised")
    what = f"its weights as they are held ({held}) are not supported; give others" if held else None
    return UserError(f"{why}; {what or 'this family is not supported'} (--model {lm.about['name']})")


def sequences(lm, root: int, tail: int, seed: int) -> tuple[list, list]:
    """A root and three tails behind it: a short one, one that begins as it does and is ``tail`` long, a shorter one."""
    generator = torch.Generator().manual_seed(seed)

    def tokens(n):
        return torch.randint(3, min(1000, lm.vocabulary), (n,), generator=generator).tolist()

    start, first = tokens(root), tokens(SHORT)
    return start, [first, [*first[:2], *tokens(max(tail, SHORT))], tokens(3)]


def own_logits(lm, ids: tuple) -> torch.Tensor:
    """The model's own logits [vocabulary] behind a whole sequence that is alone in its batch."""
    keep = {"logits_to_keep": 1} if "logits_to_keep" in inspect.signature(lm.model.forward).parameters else {}
    return lm.model(torch.tensor([ids], device=lm.device), use_cache=False, **keep).logits[0, -1].float()


def trained_alike(lm, groups, packed: bool, padded: bool) -> bool:
    """Whether a step on sequences has the loss and the gradient that they have one at a time."""
    parameter = next(p for p in lm.model.parameters() if p.ndim == 1 and p.is_floating_point())
    before, parameter.requires_grad = parameter.requires_grad, True

    def step(rows, **how):
        with torch.enable_grad():
            loss = answer_loss(lm.model, rows, reduction="sum", **how)
            (gradient,) = torch.autograd.grad(loss, [parameter])
        return torch.cat([loss.detach().float()[None], gradient.float().flatten()])

    errors = []
    try:
        for own in groups:
            rows = [{"input_ids": ids, "start": max(1, len(ids) - SHORT)} for ids in own]
            wanted = sum(step([row], packed=False, padded=False) for row in rows)
            errors.append(((step(rows, packed=packed, padded=padded) - wanted).norm() / wanted.norm()).item())
    except Exception:  # as in ``tried``
        return False
    finally:
        parameter.requires_grad = before
    if lm.about["dtype"] == "float32":
        return all(e <= 1e-3 for e in errors)
    return all(e <= min(1e-1, max(NOISE * errors[0], 1e-2)) for e in errors)


def whole_ends(lm, sequences) -> torch.Tensor:
    """Hidden states [sequences, hidden] at the ends of whole sequences in one batch."""
    hidden = padded_states(lm.model, sequences, lm.device)
    return torch.stack([h[len(s) - 1] for h, s in zip(hidden, sequences, strict=True)])


def packed_ends(lm, root, own) -> torch.Tensor:
    """Hidden states [9, hidden] at the ends of three sequences behind ``root``: in a pass over its cache after another
    one, in a step behind a pass, and in one behind lanes laid out anew. The first two share a lane.
    """
    cache = run_root(lm.model, root, lm.device)

    def run(parts, kept):
        trees = [Tree(), Tree()]
        ends = [(n, trees[n].add(part)[-1]) for n, part in zip((0, 0, 1), parts, strict=True)]
        lanes = pack(trees, len(root), lm.device)
        return lanes, hidden_states(lm.model, lanes, kept), tuple(zip(*ends, strict=True))

    run(own, cache)
    _, hidden, ends = run(own, cache)

    def step(anew):
        grown, places = growing(cache), ([0, 0, 1], [0, 1, 0])
        lanes, _, at = run([o[:-1] for o in own], grown)
        if anew:
            lanes, kept = lanes.laid_out(list(zip(*at, strict=True)), 2, len(root))
            grown.lay_out(kept)
        following = lanes.step(*places, [o[-1] for o in own], places[1] if anew else at[1])
        return hidden_states(lm.model, following, grown)[places]

    return torch.cat([hidden[ends], step(anew=False), step(anew=True)])


def stepped_ends(lm, pair) -> torch.Tensor:
    """Hidden states [3, hidden] at the ends of the second, the first and the second of two sequences of one length.

    Their last three tokens run one by one behind their cache's rows; all of it where such rows cannot be had.
    """
    ids, rows = torch.tensor(pair, device=lm.device), torch.tensor([1, 0, 1], device=lm.device)
    _, kept = run_base(lm.model, input_ids=ids[:, :-3], use_cache=True)
    kept, ids = select_rows(lm.model, kept, rows), ids[rows]
    if kept is None:
        return run_base(lm.model, input_ids=ids, use_cache=False)[0][:, -1]
    for place in range(ids.shape[1] - 3, ids.shape[1]):
        at = torch.full((3, 1), place, device=lm.device)
        hidden, kept = run_base(
            lm.model, input_ids=ids[:, place : place + 1], position_ids=at, past_key_values=kept, use_cache=True
        )
    return hidden[:, -1]
