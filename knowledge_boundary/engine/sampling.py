"""N sampled answers and the greedy one, as one tree a question.

N independent draws that have begun with the same tokens share their computation until they part: a row is a distinct
beginning with its multiplicity, a step draws that many tokens from the row's distribution and splits it into the tokens
drawn. The distribution is exactly that of N independent samples. The greedy answer is one more path in the same tree.
A question's tree grows out of its prompt, in a lane beside other questions' trees (see ``packing``): a row that splits
costs one token for each child.
"""

from functools import partial

import torch

from ..running import ranks
from ..running.errors import UserError
from ..running.memory import out_of_memory
from .bodies import Copies, Packed
from .drawing import Row, generator, split
from .ending import Ending
from .packing import shared_length
from .passes import check_finite, check_window, head, run_root
from .scoring import halves

# Prompt tokens in a lane: its trees grow to several times that, and each token is masked against all of its lane.
LANE = 64
# Logits that are drawn from at a time, on CPUs: larger tensors are given back, and asked for anew, in every step. But
# the head is read once for so many rows at least. Elsewhere: 1 GB of them.
LOGITS, ROWS, LOGITS_ELSEWHERE = 2**22, 64, 2**28


def plan(sequences, root: int, rows_each: int, batch_tokens: int) -> list:
    """Indices in batches of lanes: at most ``batch_tokens`` prompt tokens behind the root, and rows at most as many.

    Sorted by token ids, so that prompts with a common beginning meet; a function of the prompts alone.
    """
    batches, tokens, rows, lane = [], batch_tokens, 0, 0
    for i in sorted(range(len(sequences)), key=lambda i: (sequences[i], i)):
        own = len(sequences[i]) - root
        if tokens + own > batch_tokens or rows + rows_each > batch_tokens:
            batches.append([])
            tokens, rows, lane = 0, 0, LANE
        if lane + own > LANE:
            batches[-1].append([])
            lane = 0
        batches[-1][-1].append(i)
        tokens, rows, lane = tokens + own, rows + rows_each, lane + own
    return batches


def plan_equal(sequences, rows_each: int, batch_tokens: int) -> list:
    """Indices in batches of one lane each, of prompts of one length: what ``Copies`` takes."""
    batches = []
    for i in sorted(range(len(sequences)), key=lambda i: (len(sequences[i]), i)):
        length = len(sequences[i])
        last = batches[-1][0] if batches else [i]
        fits = (len(last) + 1) * max(length, rows_each) <= batch_tokens
        if batches and fits and len(sequences[last[0]]) == length:
            last.append(i)
        else:
            batches.append([[i]])
    return batches


@torch.inference_mode()
def answer(
    lm,
    prompts,
    ids,
    num_samples,
    max_new_tokens,
    batch_tokens,
    shared,
    temperature=1.0,
    top_p=1.0,
    seed=0,
    greedy=True,
    skip=lambda indices: False,
    max_thinking_tokens=0,
    refusings=None,
    behind_thought=False,
):
    """Sampled answers and the greedy answer to every prompt; yields ``(indices, answers)`` batch by batch.

    Args:
        lm: the model.
        prompts: texts after which the answer begins.
        ids: the questions' ids; each has a random generator of its own.
        num_samples: N, sampled answers a question (0: the greedy one only).
        max_new_tokens: an answer's longest length in tokens.
        batch_tokens: upper bound of the tokens of one forward pass.
        shared: whether the model's sequences can be packed (``exactness.check``).
        temperature: of the sampling distribution.
        top_p: the smallest set of tokens with this probability is drawn from.
        seed: of the draws.
        greedy: whether the greedy answer is wanted too.
        skip: ``indices → bool``; batches for which it is true are left out.
        max_thinking_tokens: a thought's longest length before the answer; 0: the model is not asked to think.
        refusings: a ``refusing.Refusing`` for each prompt: the refusal and the best other answer are wanted too, out of
            the same tree; None: they are not.
        behind_thought: whether the prompts end in a finished thought, so that what follows is the answer itself.

    Yields:
        The indices of a batch, and for each of its questions ``(samples, greedy)``: a list of N Answers and an Answer
        or None; with ``refusings`` ``(samples, greedy, forced, log_refusal)``: the Answer with no forbidden token, and
        the refusal's log-probability behind the prompt, in nats.
    """
    sequences = [lm.encode(p) for p in prompts]
    after = max([max_thinking_tokens + max_new_tokens, *(len(one.ids) for one in refusings or ())])
    check_window(lm, [len(s) + after for s in sequences], ids)
    wanted = refusings is not None
    rows_each = num_samples + greedy + 2 * wanted
    if shared:
        root = min(shared_length(sequences), min(map(len, sequences)) - 1)
        planned = plan(sequences, root, rows_each, batch_tokens)
    else:
        root, planned = 0, plan_equal(sequences, rows_each, batch_tokens)
    batches = [lanes for lanes in planned if not skip([i for lane in lanes for i in lane])]
    cache = run_root(lm.model, sequences[0][:root], lm.device) if batches else None
    ending = Ending(lm, max_new_tokens, max_thinking_tokens)
    draw = partial(split, temperature=temperature, top_p=top_p, ending=ending)

    def run_batch(lanes):
        indices = [i for lane in lanes for i in lane]
        begun = {"refusing": 0 if wanted else None, "answer_at": 0 if behind_thought else None}
        rows = [Row(i, num_samples, greedy, wanted, **begun) for i in indices]
        own = {"generators": {i: generator(seed, ids[i]) for i in indices}, "refusing": refusings}
        try:
            if shared:
                body = Packed(lm, [[sequences[i][root:] for i in lane] for lane in lanes], root, cache)
            else:
                body = Copies(lm, {i: sequences[i] for i in indices})
            leaves = grow(lm, body, rows, partial(draw, **own), ids)
        except (RuntimeError, MemoryError) as e:
            if not out_of_memory(e) or ranks.together():
                raise
            if len(indices) == 1:
                raise UserError("out of memory with one question in the batch; use --dtype bfloat16") from None
            print(f"Out of memory with {len(indices)} questions at once: going on with half", flush=True)
        else:
            found = [ending.collect([leaf for leaf in leaves if leaf.question == i]) for i in indices]
            yield indices, found if wanted else [one[:2] for one in found]
            return
        body = None  # its cache would stay while the halves run
        for part in halves(lanes):  # every question's generator begins anew: the same answers
            yield from run_batch(part)

    for lanes in batches:
        yield from run_batch(lanes)


def drawn(lm, prompts, ids, draws, batch_tokens: int, shared: bool, greedy: bool = True, skip=lambda indices: False):
    """``answer`` by ``draws``, its ``SamplingSettings``."""
    return answer(
        lm, prompts, ids, draws.num_samples, draws.max_new_tokens, batch_tokens, shared, draws.temperature, draws.top_p,
        draws.seed, greedy, skip, draws.max_thinking_tokens,
    )  # fmt: skip


def grow(lm, body, rows, draw, ids) -> list:
    """Grow the trees of a batch to their leaves: a list of finished Rows.

    Args:
        lm: the model.
        body: ``Packed`` or ``Copies`` of the batch's prompts.
        rows: one Row a question, in the order of the prompts.
        draw: ``(rows, logits) → (children, parents, finished)``.
        ids: the questions' ids, for errors.
    """
    leaves, hidden = [], body.begin(rows)
    part = max(ROWS, (LOGITS if lm.device.type == "cpu" else LOGITS_ELSEWHERE) // lm.vocabulary)
    while True:
        children, parents = [], []
        for start in range(0, len(rows), part):
            own = rows[start : start + part]
            logits = head(lm.model, hidden[start : start + part])
            check_finite(lm, logits, [ids[row.question] for row in own])
            for found, of_part in zip((children, parents, leaves), draw(own, logits), strict=True):
                found += of_part
        if not children:
            return leaves
        rows, hidden = children, body.step(children, parents)
