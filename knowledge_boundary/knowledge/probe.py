"""Whether a model knows the answer, read off its hidden states by a logistic probe (GeoDe).

GeoDe: An et al., *Purging the Gray Zone: Latent-Geometric Denoising for Precise Knowledge Boundary Awareness*, 2026,
arXiv 2604.14324; its code, github.com/Notbesidemoon/GeoDe.
"""

from dataclasses import dataclass

import numpy as np

from ..asking import prompts
from ..engine import exactness, layers
from ..questions.records import from_record
from ..running.errors import UserError

LAYERS = 16  # at most, spread over the depth, the last among them
FOLDS = 5
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)  # scikit-learn's C, the inverse of the penalty; GeoDe's is 5e-4
ROUNDING = 1e-6  # a state that varies by less than this share of its mean is constant
TINY = 1e-12  # probabilities are held off 0 and 1 by so much where their logarithm is taken


@dataclass(frozen=True)
class Hyperplane:
    """A logistic regression on standardised states: the probability of known, the side and the distance of a point.

    The plane itself lies where that probability is the share of known questions, so that neither side is favoured for
    being the larger (GeoDe balances the classes in the fit, which moves its intercept by as much).

    Attributes:
        mean: of the states it was fitted on, [hidden].
        scale: their standard deviations, 1 where a state is constant.
        normal: [hidden], in standardised states.
        offset: its intercept.
        prior: log of known to unknown questions.
    """

    mean: np.ndarray
    scale: np.ndarray
    normal: np.ndarray
    offset: float
    prior: float

    def logit(self, states: np.ndarray) -> np.ndarray:
        """log p / (1 − p) of states [n, hidden]."""
        return (states - self.mean) / self.scale @ self.normal + self.offset

    def distance(self, states: np.ndarray) -> np.ndarray:
        """Signed distance [n] from the hyperplane in standardised states; above 0 on the known side."""
        return (self.logit(states) - self.prior) / max(np.linalg.norm(self.normal), TINY)


@dataclass(frozen=True)
class Probe:
    """A fitted probe.

    Attributes:
        layer: the layer whose states it reads.
        penalty: its C.
        plane: fitted on all questions.
        held_out: p(known) [n] of the questions it was fitted on, each by a plane fitted without it.
        distance: their signed distances [n] from those planes.
        log_loss: of ``held_out``, in nats.
        auroc: of ``held_out``.
        known: how many of the questions have Cor at or above the threshold.
    """

    layer: int
    penalty: float
    plane: Hyperplane
    held_out: np.ndarray
    distance: np.ndarray
    log_loss: float
    auroc: float
    known: int

    def p_known(self, vectors: dict) -> np.ndarray:
        """p(known) [n] of questions by their hidden states ``{layer: [n, hidden]}``, the probe's layer among them."""
        return probability(self.plane.logit(np.asarray(vectors[self.layer], dtype=np.float64)))

    def about(self) -> dict:
        """What a result file says of it."""
        return {
            "layer": self.layer, "penalty": self.penalty, "log_loss": self.log_loss, "auroc": self.auroc,
            "n": len(self.held_out), "known": self.known,
        }  # fmt: skip


def probability(logits: np.ndarray) -> np.ndarray:
    """p of log p / (1 − p), at any size of it."""
    return (1 + np.tanh(logits / 2)) / 2


def planes(states: np.ndarray, known: np.ndarray) -> dict:
    """{C: ``Hyperplane``} of one set of states [n, hidden] with labels [n]: for each of ``PENALTIES``."""
    from sklearn.linear_model import LogisticRegression  # takes a second, and most runs fit no probe

    mean, scale = states.mean(0), states.std(0)
    scale[scale <= ROUNDING * np.abs(mean)] = 1
    standard, prior, found = (states - mean) / scale, float(np.log(known.sum() / (~known).sum())), {}
    model = LogisticRegression(max_iter=1000, tol=1e-6, warm_start=True)
    for c in PENALTIES:
        model.set_params(C=c).fit(standard, known)
        found[c] = Hyperplane(mean, scale, model.coef_[0].copy(), float(model.intercept_[0]), prior)
    return found


def check_sides(known: int, unknown: int, threshold: float) -> None:
    """UserError for fewer than ``FOLDS`` questions on a side of the threshold: each part needs one of both."""
    if min(known, unknown) < FOLDS:
        raise UserError(
            f"a probe needs {FOLDS} questions on each side of Cor {threshold}, for its cross-validation; "
            f"{known} are known and {unknown} are not"
        )


def fit(vectors: dict, cors, seed: int, threshold: float = 0.5) -> Probe:
    """The probe of the layer and the penalty of least log loss in stratified cross-validation over the questions.

    Ties go to the lower layer, then to the stronger penalty. A function of the states, Cor and the seed.

    Args:
        vectors: ``{layer: [n, hidden]}``, the same questions in each.
        cors: Cor of each question; at or above ``threshold`` it is known.
        seed: of the division into ``FOLDS`` parts.
        threshold: τ.

    Raises:
        UserError: see ``check_sides``.
    """
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold

    known = np.asarray(cors, dtype=np.float64) >= threshold
    check_sides(known.sum(), (~known).sum(), threshold)
    splits = list(StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(np.zeros(len(known)), known))
    best = None
    for layer in sorted(vectors):
        states = np.asarray(vectors[layer], dtype=np.float64)
        logits, distances = ({c: np.empty(len(known)) for c in PENALTIES} for _ in range(2))
        for learnt, left_out in splits:
            for c, plane in planes(states[learnt], known[learnt]).items():
                logits[c][left_out] = plane.logit(states[left_out])
                distances[c][left_out] = plane.distance(states[left_out])
        for c in PENALTIES:
            p = probability(logits[c])
            loss = float(-np.log(np.maximum(np.where(known, p, 1 - p), TINY)).mean())
            if best is None or loss < best[0]:
                best = loss, layer, c, p, distances[c]
    loss, layer, c, p, distance = best
    plane = planes(np.asarray(vectors[layer], dtype=np.float64), known)[c]
    return Probe(layer, c, plane, p, distance, loss, float(roc_auc_score(known, p)), int(known.sum()))


def layer_states(lm, texts, names, numbers, batch_tokens: int, shared: bool, progress=lambda n: None) -> dict:
    """``{layer: float32 [texts, hidden]}`` at the texts' last tokens; ``numbers`` None: ``LAYERS`` over the depth.

    The other arguments and errors: ``layers.last_token_states``.
    """
    numbers = layers.spread(lm.model, LAYERS) if numbers is None else numbers
    return layers.last_token_states(lm, texts, names, numbers, batch_tokens, shared, progress)


def states_of(
    lm, questions, numbers, batch_tokens: int, prompt: str, wording: str, refusal: str, shared: bool | None, progress
) -> dict:
    """``layer_states`` of questions in the zero-shot prompt of evaluation, where its answer would begin."""
    texts = [prompts.answer_prompt(lm.format, q, prompt, wording, refusal) for q in questions]
    shared = exactness.check(lm, texts) if shared is None else shared
    return layer_states(lm, texts, [q.id for q in questions], numbers, batch_tokens, shared, progress)


def fit_on_state(
    lm, records, seed: int = 0, threshold: float = 0.5, batch_tokens: int = 4096, prompt: str = "basic",
    wording: str = "craft", refusal: str = "text", progress=lambda n: None,
) -> Probe:  # fmt: skip
    """``fit`` on a state file's records; its ``held_out`` and ``distance`` are in their order.

    Args:
        lm: the model that the state is of.
        records: with ``cor``; an unanswerable question counts as not known.
        seed: see ``fit``.
        threshold: see ``fit``.
        batch_tokens: see ``scoring.run``.
        prompt: the zero-shot prompt at whose end the states are read, one of ``phrases.PROMPTS``.
        wording: of its instruction.
        refusal: how the instruction lets a question be refused, ``text`` or ``letter``.
        progress: called with the number of questions done.

    Raises:
        UserError: see ``fit`` and ``layers.last_token_states``.
    """
    vectors = states_of(
        lm, list(map(from_record, records)), None, batch_tokens, prompt, wording, refusal, None, progress
    )
    cors = np.array([-np.inf if r.get("should_abstain") else r["cor"] for r in records])
    # Divided by their ids, so that another order of the same questions makes the same parts.
    order = np.array(sorted(range(len(records)), key=lambda i: records[i]["id"]))
    found = fit({layer: states[order] for layer, states in vectors.items()}, cors[order], seed, threshold)
    back = np.argsort(order)
    return Probe(**{**vars(found), "held_out": found.held_out[back], "distance": found.distance[back]})


def p_known_of(
    lm, probe: Probe, questions, batch_tokens: int = 4096, prompt: str = "basic", wording: str = "craft",
    refusal: str = "text", shared: bool | None = None, progress=lambda n: None,
) -> np.ndarray:  # fmt: skip
    """p(known) [n] of ``Question``s, asked as those that the probe was fitted on; arguments as ``fit_on_state``'s."""
    questions = list(questions)
    if not questions:
        return np.zeros(0)
    return probe.p_known(
        states_of(lm, questions, [probe.layer], batch_tokens, prompt, wording, refusal, shared, progress)
    )
