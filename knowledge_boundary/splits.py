"""Which splits of a data set the chain learns from, chooses thresholds on and evaluates on; whether they are apart."""

from pathlib import Path

from . import cli
from .questions import halves, readers, sets
from .running.errors import UserError


def check_apart(asked, evaluated: dict, chosen_on: str | None = None) -> None:
    """UserError for a test set that is what is learnt from; says how many questions any other has in common with it.

    And with what thresholds are chosen on, the test set of the label ``chosen_on``.
    """
    learnt = {(q.question, tuple(q.choices or ())) for q in asked.questions}
    for label, own in evaluated.items():
        shared = sum((q.question, tuple(q.choices or ())) in learnt for q in own.questions)
        if shared == len(own.questions):
            raise UserError(f"{label}: all its questions are learnt from; evaluate, or calibrate, on something else")
        if chosen_on in evaluated and label != chosen_on:
            chosen = {(q.question, tuple(q.choices or ())) for q in evaluated[chosen_on].questions}
            both = sum((q.question, tuple(q.choices or ())) in chosen for q in own.questions)
            if both:
                print(f"{label}: thresholds are chosen on {both} of its {len(own.questions)} questions")
        if shared:
            print(f"{label}: {shared} of its {len(own.questions)} questions are learnt from too")


def chosen_splits(dataset: str, split: str | None, data_dir, specs) -> tuple[str, str | None]:
    """(the split to learn from, the one of the same data set to evaluate on, if any); says what was taken.

    Raises:
        UserError: the set has no such splits, is evaluated on what it learns from, or, of the hub, on nothing.
    """
    place, have = readers.located(dataset, data_dir), readers.splits_of(dataset, data_dir)
    usual = sets.LEARN_AND_EVALUATE.get(place.known, ("train", "test"))
    if have:
        learn = split or next((s for s in (usual[0], "train", "test") if s in have), None)
        order = [s for s in (usual[1], "test", "val", "validation", "dev") if s in have and usual[1]]
    else:
        learn = split or usual[0]
        order = [s for s in (usual[1], usual[0]) if s and place.known]
    if learn is None:
        raise UserError(f"--dataset {dataset}: has {', '.join(have)}; name the one to learn from with --split")
    path = place.path
    readers.check_split(dataset, learn, data_dir)
    evaluated = [cli.parted(spec, "test") for spec in specs]
    own = [part for name, part, _ in evaluated if name == dataset or Path(name).resolve() == Path(dataset).resolve()]
    same_file = own and path and path.is_file() and not {*own} <= {*halves.named(halves.parted(learn)[0])}
    if learn in own or same_file:
        raise UserError(f"--eval {dataset}: {learn} is learnt from; evaluate on something else")
    test = None if own else next((s for s in order if s != learn), None)
    if not test and not specs and not path and not place.known:
        raise UserError(
            f"--dataset {dataset}: name what to evaluate on, --eval {dataset}:SPLIT; {learn} is learnt from"
        )
    if not test and not specs:
        whole, half = halves.parted(learn)
        learn, test = halves.named(whole)[:: -1 if half == 2 else 1]
        print(f"--dataset {dataset}: nothing to evaluate on beside {whole}; its questions are divided into two halves")
    print(f"Learns from {dataset} {learn}; evaluates on {', '.join([f'{dataset}:{test}'] * bool(test) + specs)}")
    return learn, test


def split_that_is_left(dataset: str, data_dir, split: str, tests, multiple_choice: bool) -> str | None:
    """A split to choose thresholds on: neither learnt from nor evaluated on, nor one of examples; says what was taken.

    Questions that a model was tuned on say nothing of others: without such a split no threshold is chosen.
    """
    names = ("validation", "val") if multiple_choice else ("dev", "validation", "val")  # MMLU's dev: its examples
    parts = [cli.parted(spec, "test") for spec in tests]
    taken = {split, *(part for name, part, _ in parts if Path(name).resolve() == Path(dataset).resolve())}
    left = [s for s in names if s in readers.splits_of(dataset, data_dir) and s not in taken]
    if left:
        print(f"Thresholds are chosen on {dataset}:{left[0]}")
        return f"{dataset}:{left[0]}"
    print("No threshold is chosen: no split is left for it; name questions with --calibrate DATASET:SPLIT")
    return None
