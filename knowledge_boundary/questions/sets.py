"""Data sets by name: where each lives, what its columns are, which splits it has, and its licence."""

from dataclasses import dataclass, field

from .tables import Known

USUAL = ("train", "validation", "test")


@dataclass
class DataSet:
    """A data set of the hub.

    Attributes:
        repository: ``owner/name``.
        config: its configuration; None: its only one; "subjects": each subject is one.
        splits: those that it has answers in.
        shots: the split that holds the few-shot examples.
        columns: {role: column}, as --columns has it; other columns of the rows mean nothing.
        multiple_choice: whether its questions have choices.
        learn, evaluate: the splits that a chain takes; evaluate None: it has none to spare.
        licence: as its card names it.
        withheld: the splits whose answers are kept back.
        data_files: its file, where the repository holds several that are no splits.
        only: (column, value) of the rows that are asked.
        known: what else is known of its rows.
    """

    repository: str
    config: str | None
    splits: tuple
    shots: str | None
    columns: dict
    multiple_choice: bool
    learn: str
    evaluate: str | None
    licence: str
    withheld: tuple = ()
    data_files: str | None = None
    only: tuple | None = None
    known: Known = field(default_factory=Known)


def _columns(question="question", answer="answer", **more) -> dict:
    return {"question": question, "answer": answer, **more}


_KEYED = _columns(answer="answerKey", choices="choices")
_ARC = {"splits": USUAL, "shots": "validation", "columns": _KEYED, "multiple_choice": True, "learn": "train",
        "evaluate": "test", "licence": "CC BY-SA 4.0", "known": Known(no_id="id")}  # fmt: skip
# name: its set. MMLU learns from test and evaluates on val, as CRaFT does.
DATASETS = {
    "mmlu": DataSet(
        "cais/mmlu", "all", ("auxiliary_train", "test", "validation", "dev"), "dev",
        _columns(choices="choices", subject="subject"), True, "test", "val", "MIT",
        known=Known(prefer="index0"),
    ),
    "arc_easy": DataSet("allenai/ai2_arc", "ARC-Easy", **_ARC),
    "arc_challenge": DataSet("allenai/ai2_arc", "ARC-Challenge", **_ARC),
    # Each question once; in rc.nocontext one with two kinds of evidence stands twice.
    "triviaqa": DataSet(
        "mandarjoshi/trivia_qa", "unfiltered.nocontext", ("train", "validation"), "validation", _columns(), False,
        "train", "validation", "its questions are their authors'", ("test",), known=Known(no_id="question_id"),
    ),
    "nq_open": DataSet(
        "google-research-datasets/nq_open", None, ("train", "validation"), "validation", _columns(), False, "train",
        "validation", "CC BY-SA 3.0",
    ),
    "popqa": DataSet(
        "akariasai/PopQA", None, ("test",), None, _columns(answer="obj", aliases="possible_answers", subject="prop"),
        False, "test", None, "MIT", known=Known(no_id="id", underscored=True),
    ),
    "simpleqa": DataSet("basicv8vc/SimpleQA", None, ("test",), None, _columns("problem"), False, "test", None, "MIT"),
    "simpleqa_verified": DataSet(
        "google/simpleqa-verified", None, ("eval",), None,
        _columns("problem", id="original_index", subject="topic"), False, "eval", None, "MIT",
    ),
    "chinese_simpleqa": DataSet(
        "OpenStellarTeam/Chinese-SimpleQA", None, ("train",), None, _columns(id="id", subject="primary_category"),
        False, "train", None, "CC BY-NC-SA 4.0", data_files="chinese_simpleqa.jsonl",
    ),
    "aa_omniscience": DataSet(
        "ArtificialAnalysis/AA-Omniscience-Public", None, ("train",), None,
        _columns(id="question_id", subject="domain"), False, "train", None, "as its card says",
    ),
    "mmlu_pro": DataSet(
        "TIGER-Lab/MMLU-Pro", None, ("validation", "test"), "validation",
        _columns(choices="options", id="question_id", subject="category"), True, "test", "validation", "MIT",
    ),
    # Only the questions in which its annotators have found no fault.
    "mmlu_redux": DataSet(
        "edinburgh-dawg/mmlu-redux-2.0", "subjects", ("test",), None, _columns(choices="choices"), True, "test", None,
        "CC BY 4.0", only=("error_type", "ok"), known=Known(prefer="index0"),
    ),
    "ceval": DataSet(
        "ceval/ceval-exam", "subjects", ("val", "dev"), "dev", _columns(choices="A+B+C+D", id="id"), True, "val", None,
        "CC BY-NC-SA 4.0", ("test",), known=Known(exam="ceval"),
    ),
    "cmmlu": DataSet(
        "haonan-li/cmmlu", "subjects", ("test", "dev"), "dev", _columns("Question", "Answer", choices="A+B+C+D"), True,
        "test", None, "CC BY-NC 4.0", known=Known(exam="cmmlu"),
    ),
    "sciq": DataSet(
        "allenai/sciq", None, USUAL, "validation", {"question": "question"}, True, "train", "test", "CC BY-NC 3.0"
    ),
    "openbookqa": DataSet(
        "allenai/openbookqa", "main", USUAL, "validation",
        _columns("question_stem", "answerKey", choices="choices", id="id"), True, "train", "test", "as its card says",
    ),
    "commonsense_qa": DataSet(
        "tau/commonsense_qa", None, ("train", "validation"), "validation", _KEYED | {"id": "id"}, True, "train",
        "validation", "MIT", ("test",),
    ),
    "truthfulqa": DataSet(
        "truthfulqa/truthful_qa", "multiple_choice", ("validation",), None,
        {"question": "question", "choices": "mc1_targets"}, True, "validation", None, "Apache 2.0",
    ),
    "webquestions": DataSet(
        "stanfordnlp/web_questions", None, ("train", "test"), "train", _columns(answer="answers"), False, "train",
        "test", "as its card says",
    ),
    # Closed book: without the paragraphs.
    "hotpotqa": DataSet(
        "hotpotqa/hotpot_qa", "distractor", ("train", "validation"), "validation", _columns(id="id"), False, "train",
        "validation", "CC BY-SA 4.0",
    ),
    "boolq": DataSet(
        "google/boolq", None, ("train", "validation"), "validation", _columns(), False, "train", "validation",
        "CC BY-SA 3.0",
    ),
    "gpqa": DataSet(
        "Idavidrein/gpqa", "gpqa_main", ("train",), None, {"question": "Question", "subject": "Subdomain"}, True,
        "train", None, "CC BY 4.0; not to be published as plain text",
    ),
    "kuq": DataSet(
        "amayuelas/KUQ", None, ("train",), None, _columns(should_abstain="unknown", subject="category"), False,
        "train", None, "MIT", data_files="knowns_unknowns.jsonl",
    ),
}  # fmt: skip
MULTIPLE_CHOICE = tuple(name for name, own in DATASETS.items() if own.multiple_choice)
LEARN_AND_EVALUATE = {name: (own.learn, own.evaluate) for name, own in DATASETS.items()}
# Sets that are no data sets of the hub: where their files are.
FILES = {
    "pararel": "not on the hub; give R-Tuning's file, --dataset R-Tuning-data/pararel/….json",
    "fever": "give R-Tuning's file, --dataset R-Tuning-data/FEVER/….json",
    "selfaware": "not on the hub; give the file of github.com/yinzhangyue/SelfAware, --dataset SelfAware.json",
    "falseqa": "not on the hub; give the folder of github.com/thunlp/FalseQA, --dataset FalseQA/dataset",
    "nec": "not on the hub; give the file of github.com/genglinliu/UnknownBench, --dataset NEC_unanswerable.json",
    "refunq": "not on the hub; give the file of github.com/genglinliu/UnknownBench, --dataset RefuNQ_answerable.json",
}


def of_repository(repository: str) -> str | None:
    """The name of the set that lives in a repository of the hub; of several, the first."""
    return next((name for name, own in DATASETS.items() if own.repository.lower() == repository.lower()), None)


def of_folder(name: str) -> str | None:
    """The set that a folder's or file's name tells: "ceval" for ``ceval-exam``."""
    plain = name.lower().replace("-", "_")
    for known, own in DATASETS.items():
        if plain in (known, own.repository.partition("/")[2].lower().replace("-", "_")):
            return known
    return None
