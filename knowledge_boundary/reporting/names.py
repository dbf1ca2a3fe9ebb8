"""The names that rows of a comparison have: their order on the page, and what each means."""

import re

# In the order of the argument that they make.
MODELS = {
    "init_basic": "the initial model, plain prompt",
    "init_refuse": "the initial model, told that it may say “I don't know”",
    "van": "Van-Tuning: trained on a random sample, all answers kept",
    "cor_rait": "Cor-RAIT: where it was mostly wrong, trained to say “I don't know.”",
    "corcer_rait": "Cor-Cer-RAIT: as Cor-RAIT, but of both sides only the clearest by certainty",
    "craft": "CRaFT: as Cor-Cer-RAIT, without the “I don't know” for what rehearsal improved",
    "soft": "no hard label: every answer trained with the weight Cor, the refusal with 1 − Cor",
    "soft_flow": "as soft, with a Cor that takes the rehearsed model's in",
    "probe": "GeoDe: as Cor-RAIT, but of both sides only the farthest from a probe's hyperplane",
    "grait": "GRAIT: as Cor-RAIT, the “I don't know” chosen and weighted by its gradients",
}
# The initial model's own answers, given where the signal of this name is above a threshold.
BASELINES = {
    "confidence": "the answer's probability is high enough",
    "refusal_prompt": "the probability of “I don't know.” is low enough",
    "agreement": "enough sampled answers agree with it",
    "certainty": "sampled answers are enough like each other (Cer)",
    "probe": "a probe of the hidden states finds that the model knows",
    "sure": "the model says with enough probability that it is sure",
    "cautious_prompt": "told to answer only when confident, it scores the answer above the refusal by enough",
}
# The kinds of rows, and what stands above each where a table has several.
KINDS = {
    "native": "By the model's own decision",
    "calibrated": "Trained, answering above a threshold that other questions chose",
    "baseline": "Not trained: the initial model, answering above such a threshold",
}
CALIBRATED = "_calibrated"  # behind the name of a model whose threshold was calibrated
BASELINE = "_baseline"  # behind that of a baseline whose name a model has too


def kind_of(record) -> str:
    """The kind of a comparison's record; those of older files are all ``native``."""
    return record.get("kind") or "native"


def bare(name: str) -> str:
    """The name that a row is called after: its model's, or its signal's."""
    return name.removesuffix(CALIBRATED).removesuffix(BASELINE)


def seedless(name: str) -> str:
    """The name of a method, out of that of its model of one seed (``NAME_seed3``)."""
    return re.sub(r"_seed\d+$", "", name)


def place(name, known) -> tuple:
    """The sorting key that puts ``name`` in the order of ``known``, strangers after it by name."""
    return (list(known).index(name) if name in known else len(known), name)


def row_place(record) -> tuple:
    """The sorting key of a comparison's record: by kind, then in the order of the names."""
    kind, name = kind_of(record), record["model"]
    known = BASELINES if kind == "baseline" else MODELS
    return (list(KINDS).index(kind), place(bare(name), known), name)


def meanings(records, known, kinds) -> dict:
    """Those of ``known`` that a record of one of ``kinds`` is named after."""
    used = {bare(r["model"]) for r in records if kind_of(r) in kinds}
    return {name: text for name, text in known.items() if name in used}


def rule(record) -> str | None:
    """What a row answers by: its signal, the threshold (of several seeds from the lowest on), its target."""
    if kind_of(record) == "native" or not record.get("signal"):
        return None
    given = record.get("threshold")
    values = sorted(t for t in (given if isinstance(given, list) else [given]) if t is not None)
    if not values:
        return f"{record['signal']}: nothing passes, for {record.get('target')}"
    shown = " to ".join(dict.fromkeys(f"{t:.3g}".replace("-", "−") for t in (values[0], values[-1])))
    return f"{record['signal']} ≥ {shown}, for {record.get('target')}"
