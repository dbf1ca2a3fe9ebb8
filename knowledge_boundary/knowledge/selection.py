"""Which questions a refusal-aware data set holds, by Van-Tuning, Cor-RAIT, Cor-Cer-RAIT, CRaFT, soft, GeoDe, GRAIT."""

import numpy as np

from ..questions.records import from_record
from ..running.errors import UserError
from . import influence, soft
from .state import SAME, answerable, flow

TOGETHER = ("van", "cor", "corcer", "craft")  # at equal sizes, by one command: CRaFT and what it is compared with
SOFT = ("soft", "soft_flow")  # teach each question both ways, by weight
METHODS = (*TOGETHER, *SOFT, "probe", "grait")
NEED_FLOW = ("craft", "soft_flow")
NEED_MODEL = ("probe", "grait")  # select by what the model shows, beside Cor and Cer
# The name of each method's model in comparisons.
MODEL_NAMES = {m: m for m in METHODS} | {"cor": "cor_rait", "corcer": "corcer_rait"}

# Every question ends with one of these.
REASONS = {
    "kept: random": "taken by lot out of its pool",
    "kept: certain": "Cor at or above the threshold, among the n_van of highest Cer",
    "kept: uncertain": "Cor below the threshold, among the n_idk of lowest Cer",
    "kept: soft": "taken by lot; its answer is trained with weight `target`, the refusal with 1 − `target`",
    "kept: far from the hyperplane": "on its own side of the probe's hyperplane, among the n farthest from it there",
    "kept: highest Cor": "Cor at or above the threshold, among the n_van of highest Cor",
    "kept: influence": "Cor below the threshold, among the n_idk whose gradient refuses D_idk's pool most",
    "dropped: not drawn": "not taken by the lot",
    "dropped: less certain": "Cor at or above the threshold, but n_van others have a higher Cer",
    "dropped: more certain": "Cor below the threshold, but n_idk others have a lower Cer",
    "dropped: improved in rehearsal": "Cor below the threshold, and training on other questions raised it",
    "dropped: unanswerable": "it should be refused, and Van-Tuning teaches answers only",
    "dropped: across the hyperplane": "the probe puts it on the other side of the hyperplane than Cor does",
    "dropped: near the hyperplane": "on its own side, but n others there are farther from the hyperplane",
    "dropped: lower Cor": "Cor at or above the threshold, but n_van others have a higher one",
    "dropped: less influence": "Cor below the threshold, but n_idk others have more influence",
}


# How a question was asked: two states are comparable only where these agree.
ASKED_ALIKE = (
    "estimator",
    "num_samples",
    "temperature",
    "top_p",
    "num_shots",
    "chat_template",
    "wording",
    "max_new_tokens",
    "embedder",
    "match",
    "match_threshold",
)


def check_states(init: dict, rehearsal: dict, init_path, rehearsal_path) -> None:
    """UserError unless both state files were asked in the same way; a warning if they are of the same model."""
    where = f"--state_rehearsal {rehearsal_path}"
    if init["meta"]["model"]["fingerprint"] == rehearsal["meta"]["model"]["fingerprint"]:
        print(f"Warning: {where} is of the same model as {init_path}: what flows between them is chance")
    held = [file["meta"]["model"].get("quantised") for file in (init, rehearsal)]
    if held[0] != held[1]:
        raise UserError(
            f"{where}: its weights are in {held[1] or 'a dtype'}, {init_path}'s in {held[0] or 'a dtype'}; their "
            f"difference would be no flow of knowledge, query both models with the same --load_in"
        )
    first, second = init["meta"]["args"], rehearsal["meta"]["args"]
    for name in ASKED_ALIKE:
        if first.get(name) != second.get(name):
            raise UserError(
                f"{where}: asked with {name} {second.get(name)!r}, {init_path} with {first.get(name)!r}; their "
                f"difference would be no flow of knowledge, query both models alike"
            )
    judges = [file["meta"].get("judge") or {} for file in (init, rehearsal)]
    if any(judges[0].get(key) != judges[1].get(key) for key in ("fingerprint", "prompt_sha256")):
        raise UserError(f"{where}: answers judged by another --judge_model than {init_path}'s; query both models alike")


def check_shots(init: dict, rehearsal: dict, entries, init_path, rehearsal_path) -> None:
    """UserError unless each of ``entries`` has lost as many few-shot examples to the window in both state files.

    Of a file that is older than the records' own ``shots_dropped``, only the sums can be compared.
    """
    states = (init, rehearsal)
    sums = [s["summary"].get("shots_dropped") or {"questions": 0, "shots": 0} for s in states]
    lost = [{r["id"]: r["shots_dropped"] for r in s["records"] if "shots_dropped" in r} for s in states]
    mend = "their difference would be no flow of knowledge, query both models again with a smaller --num_shots"
    if any(total["questions"] and not own for total, own in zip(sums, lost, strict=True)):
        if sums[0] != sums[1]:
            first, second = ("{shots} few-shot examples of {questions} questions".format(**total) for total in sums)
            raise UserError(
                f"--state_rehearsal {rehearsal_path}: asked without {second} (the model's window), {init_path} without "
                f"{first}; {mend}"
            )
        return
    for entry in entries:
        first, second = (own.get(entry["id"], 0) for own in lost)
        if first != second:
            raise UserError(
                f"--state_rehearsal {rehearsal_path}: {entry['id']} was asked without {second} of its few-shot "
                f"examples (the model's window), in {init_path} without {first}; {mend}"
            )


def join(init: list, rehearsal: list | None, init_path="the first", rehearsal_path="the second") -> list:
    """One entry a question from two state files' records: with ``cor_init, cor_rehearsal, cer_init, delta_cor``.

    Raises:
        UserError: the two files are not about the same questions.
    """
    second = {r["id"]: r for r in rehearsal} if rehearsal is not None else None
    if second is not None:
        ids = {r["id"] for r in init}
        differing = sorted(ids ^ second.keys())
        if differing:
            where = init_path if differing[0] in ids else rehearsal_path
            raise UserError(
                f"--state_rehearsal {rehearsal_path}: {len(differing)} ids differ from {init_path}'s, first "
                f"{differing[0]} (only in {where}); query both models on the same questions"
            )
    entries = []
    for r in init:
        entry = from_record(r).record()
        entry |= {"cor_init": r["cor"], "cor_rehearsal": None, "cer_init": r["cer"], "delta_cor": None}
        if second is not None:
            if second[r["id"]]["question"] != r["question"]:
                raise UserError(f"--state_rehearsal {rehearsal_path}: {r['id']} asks another question than {init_path}")
            entry |= {"cor_rehearsal": second[r["id"]]["cor"], "delta_cor": flow(r, second[r["id"]])}
        entries.append(entry)
    return entries


def parted(entries, threshold: float) -> tuple[list, list]:
    """(Cor ≥ threshold, Cor < threshold), either of which may be empty.

    An unanswerable question is never of the first, whatever the threshold.
    """
    van = [e for e in answerable(entries) if e["cor_init"] >= threshold]
    return van, [e for e in entries if e["cor_init"] < threshold or e.get("should_abstain")]


def pools(entries, threshold: float) -> tuple[list, list]:
    """``parted``: the pools of D_van and of D_idk (CRaFT).

    Raises:
        UserError: a pool is empty; the line says which thresholds would fill it.
    """
    van, idk = parted(entries, threshold)
    for pool, side, relation in ((van, "D_van", ">="), (idk, "D_idk", "<")):
        if not pool:
            counts = []
            for t in (0.1, 0.3, 0.5, 0.7, 0.9):
                above = sum(e["cor_init"] >= t for e in entries)
                counts.append(f"{t} gives {above if side == 'D_van' else len(entries) - above}")
            raise UserError(
                f"{side} is empty: no question of {len(entries)} has Cor {relation} --threshold {threshold}; "
                f"{', '.join(counts)}"
            )
    return van, idk


def not_improved(pool, strict_flow: bool) -> list:
    """The questions of ``pool`` that rehearsal did not improve: ΔCor ≤ 0; < 0 with ``strict_flow`` (CRaFT)."""
    if strict_flow:
        return [e for e in pool if e["delta_cor"] < -SAME]
    return [e for e in pool if e["delta_cor"] <= SAME]


def count_flow(pool) -> dict:
    """How many questions of ``pool`` rehearsal improved, left as they were, and made worse."""
    deltas = np.array([e["delta_cor"] for e in pool])
    improved, worse = int((deltas > SAME).sum()), int((deltas < -SAME).sum())
    return {"improved": improved, "unchanged": len(pool) - improved - worse, "worse": worse}


def idk_pool(method: str, idk, strict_flow: bool) -> list:
    """The pool that ``method`` takes D_idk from, out of all questions with Cor below the threshold."""
    return not_improved(idk, strict_flow) if method == "craft" else idk


def sizes(entries, methods, threshold: float, n_van: int, n_idk: int, strict_flow: bool) -> tuple[int, int]:
    """(n_van, n_idk) that all ``methods`` can take: the same for all, so that they can be compared; warns if cut.

    Says how many unanswerable questions ``van`` leaves out. Soft targets have no pools: they can take any number.

    Raises:
        UserError: a pool is empty.
    """
    if set(methods) <= set(SOFT):
        return n_van, n_idk
    van, idk = pools(entries, threshold)
    smallest = min(len(idk_pool(m, idk, strict_flow)) for m in methods)
    if n_van > len(van):
        print(f"Warning: --n_van {n_van}, but D_van's pool has {len(van)}: the whole pool is taken")
    if n_idk > smallest:
        print(f"Warning: --n_idk {n_idk}, but D_idk's pool has {smallest}: the whole pool is taken")
    answers = answerable(entries)
    if "van" in methods and len(answers) < len(entries):
        print(
            f"--method van: {len(entries) - len(answers)} unanswerable questions are left out, it teaches answers only"
        )
        if min(n_van, len(van)) + min(n_idk, smallest) > len(answers):
            print(f"Warning: --method van takes all {len(answers)} that remain: fewer than the other methods")
    if smallest == 0:
        raise UserError(
            "D_idk is empty: rehearsal made no question below the threshold worse; leave --strict_flow out"
            if strict_flow
            else "D_idk is empty: rehearsal improved every question below the threshold; give --method corcer or cor"
        )
    return min(n_van, len(van)), min(n_idk, smallest)


def draw(pool, n: int, generator) -> list:
    """``n`` of ``pool`` by lot, without replacement, a function of the ids and the generator; all if n is larger."""
    ordered = sorted(pool, key=lambda e: e["id"])
    return [ordered[i] for i in sorted(generator.permutation(len(ordered))[:n])]


def rank(pool, n: int, key: str, highest: bool) -> list:
    """The ``n`` of ``pool`` whose ``key`` is highest, or lowest; ties go to the smaller id."""
    sign = -1 if highest else 1
    return sorted(pool, key=lambda e: (sign * e[key], e["id"]))[:n]


def select(
    entries, method: str, threshold: float = 0.5, n_van: int = 4000, n_idk: int = 1000, seed: int = 0,
    strict_flow: bool = False,
) -> list:  # fmt: skip
    """Label every entry ``van``, ``idk`` or ``dropped``, with its reason (a key of ``REASONS``).

    Args:
        entries: from ``join``.
        method: ``van`` (n_van + n_idk of the answerable ones at random, all answers kept), ``cor`` (random in each
            pool), ``corcer`` (by Cer), ``craft`` (by Cer, after D_idk has lost what improved), ``soft`` and
            ``soft_flow`` (n_van + n_idk of all at random, each with the ``target`` of its answer; the label says on
            which side of the threshold that is), ``probe`` (of those on their own side of the hyperplane the farthest,
            by ``distance``), ``grait`` (by Cor; by ``influence``, with a ``weight``: ``influence.weigh``).
        threshold: τ on Cor.
        n_van: size of D_van; the whole pool if it is smaller.
        n_idk: size of D_idk, likewise.
        seed: of the lots.
        strict_flow: see ``not_improved``.

    Returns:
        New entries in the order of ``entries``.

    Raises:
        UserError: a pool is empty.
    """
    generator = np.random.default_rng(seed)
    if method in SOFT:
        aimed = [e | {"target": soft.target(e, method == "soft_flow")} for e in entries]
        drawn = {e["id"] for e in draw(entries, n_van + n_idk, generator)}
        sides = [(soft.side(e, threshold), "kept: soft") for e in aimed]
        dropped = ("dropped", "dropped: not drawn")
        return [labelled(e, *(s if e["id"] in drawn else dropped)) for e, s in zip(aimed, sides, strict=True)]
    if method == "van":
        verdict = {e["id"]: ("dropped", "dropped: unanswerable") for e in entries}
        verdict |= {e["id"]: ("dropped", "dropped: not drawn") for e in answerable(entries)}
        verdict |= {e["id"]: ("van", "kept: random") for e in draw(answerable(entries), n_van + n_idk, generator)}
        return [labelled(e, *verdict[e["id"]]) for e in entries]
    van, idk = pools(entries, threshold)
    remaining = idk_pool(method, idk, strict_flow)
    outside = "dropped: improved in rehearsal"
    if method == "cor":
        reasons = ("kept: random", "kept: random", "dropped: not drawn", "dropped: not drawn")
        chosen_van, chosen_idk = draw(van, n_van, generator), draw(remaining, n_idk, generator)
    elif method == "probe":
        reasons = ("kept: far from the hyperplane",) * 2 + ("dropped: near the hyperplane",) * 2
        outside = "dropped: across the hyperplane"
        van, remaining = agreed(van, remaining, threshold)
        chosen_van = rank(van, n_van, "distance", highest=True)
        chosen_idk = rank(remaining, n_idk, "distance", highest=False)
    elif method == "grait":
        reasons = ("kept: highest Cor", "kept: influence", "dropped: lower Cor", "dropped: less influence")
        chosen_van = rank(van, n_van, "cor_init", highest=True)
        chosen_idk = influence.weigh(rank(remaining, n_idk, "influence", highest=True))
    else:
        reasons = ("kept: certain", "kept: uncertain", "dropped: less certain", "dropped: more certain")
        chosen_van = rank(van, n_van, "cer_init", highest=True)
        chosen_idk = rank(remaining, n_idk, "cer_init", highest=False)
    verdict = {e["id"]: ("dropped", outside) for e in entries}
    verdict |= {e["id"]: ("dropped", reasons[2]) for e in van}
    verdict |= {e["id"]: ("dropped", reasons[3]) for e in remaining}
    verdict |= {e["id"]: ("van", reasons[0]) for e in chosen_van}
    verdict |= {e["id"]: ("idk", reasons[1]) for e in chosen_idk}
    weighed = {e["id"]: e for e in chosen_idk}
    return [labelled(weighed.get(e["id"], e), *verdict[e["id"]]) for e in entries]


def agreed(van, idk, threshold: float) -> tuple[list, list]:
    """Of both pools the questions that the probe puts on their own side of its hyperplane (GeoDe's code).

    Raises:
        UserError: there are none in a pool.
    """
    van, idk = [e for e in van if e["distance"] >= 0], [e for e in idk if e["distance"] < 0]
    for pool, side, relation in ((van, "D_van", ">="), (idk, "D_idk", "<")):
        if not pool:
            raise UserError(
                f"{side} is empty: the probe finds no question of Cor {relation} --threshold {threshold} where it "
                f"should be; it reads nothing of Cor off this model, give another --method"
            )
    return van, idk


def summarise(entries, chosen, method: str, threshold: float, strict_flow: bool, asked: dict) -> dict:
    """``summary`` of one selection: pools, flow, asked and taken numbers, reasons.

    Args:
        entries: from ``join``.
        chosen: the same, from ``select``.
        method: see ``select``.
        threshold: see ``select``.
        strict_flow: see ``select``.
        asked: {``van``, ``idk``}: the sizes that were asked for.
    """
    van, idk = parted(entries, threshold)
    if method in SOFT:
        van, idk = ([e for e in chosen if soft.side(e, threshold) == side] for side in ("van", "idk"))
    flows = entries[0]["delta_cor"] is not None
    return {
        "method": method,
        "should_abstain": len(entries) - len(answerable(entries)),
        "pools": {"van": len(van), "idk": len(idk), "idk_after_flow": len(idk_pool(method, idk, strict_flow))},
        "flow": count_flow(idk) if flows else None,
        "asked": asked,
        "taken": {side: sum(e["label"] == side for e in chosen) for side in ("van", "idk")},
        "reasons": {reason: sum(e["reason"] == reason for e in chosen) for reason in REASONS},
    }


def labelled(entry, label, reason) -> dict:
    """``entry`` with its label and reason."""
    return {**entry, "label": label, "reason": reason}


def rehearsal_set(records, cor_threshold: float, cer_threshold: float, n: int) -> tuple[list, int]:
    """The questions that are surely known (CRaFT), and how many of them pass both thresholds.

    With more than ``n`` above both thresholds, the ``n`` of highest (Cor, Cer); with fewer, the best by rank fill up.
    Unanswerable questions are never among them.
    """
    records = answerable(records)
    above = sum(r["cor"] > cor_threshold and r["cer"] > cer_threshold for r in records)
    ranked = sorted(
        records,
        key=lambda r: (not (r["cor"] > cor_threshold and r["cer"] > cer_threshold), -r["cor"], -r["cer"], r["id"]),
    )
    return ranked[:n], above
