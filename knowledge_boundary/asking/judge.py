"""A judge model: whether an answer is right, by how likely it replies YES rather than NO to one fixed prompt.

The prompt is ``phrases.JUDGE_PROMPT``, shown through the judge's chat template where it has one (it is not asked to
think). What decides is p(YES) / (p(YES) + p(NO)) at the token where the two replies part, never a sampled text.
"""

import contextlib
import dataclasses
import functools
import hashlib
import re

from ..engine import exactness
from ..engine.packing import shared_length
from ..judging import outcomes
from ..judging.matching import is_one_of
from ..models import loading
from ..models.language_model import LM
from ..models.placement import ONE_DEVICE, Placement
from ..running.errors import UserError
from ..serving.served import Served
from ..wording.phrases import ANSWER, JUDGE_NO, JUDGE_PROMPT, JUDGE_YES
from . import means

MATCHES = (*outcomes.MATCHES, "judge")
SAME = ("fingerprint", "dtype", "device", "quantised")  # two models that agree here are loaded once


def describe(
    name: str,
    dtype: str = "auto",
    device: str = "auto",
    trust_remote_code: bool = False,
    placed: Placement = ONE_DEVICE,
) -> dict:
    """``meta.judge``: the judge model as ``meta.model`` describes one, and the hash of its prompt.

    Args:
        name: hub id, folder, .gguf file, or ``smollm2``.
        dtype: of its weights, as ``loading.describe`` takes it.
        device: likewise.
        trust_remote_code: likewise.
        placed: likewise.

    Raises:
        UserError: it cannot be found, or its family cannot run in this environment.
    """
    with named():
        about = loading.describe(name, None, dtype, device, trust_remote_code, placed)
    return about | prompt_hash()


def prompt_hash() -> dict:
    """What ``meta.judge`` says of the prompt."""
    whole = "\n".join((JUDGE_PROMPT, ANSWER, JUDGE_YES, JUDGE_NO))
    return {"prompt_sha256": hashlib.sha256(whole.encode()).hexdigest()}


def load(name: str, about: dict, trust_remote_code: bool, batch_tokens: int, asked: LM | None = None) -> "Judge":
    """The judge that ``describe`` has described; one that is the model asked too shares its weights.

    Args:
        name: as the user gave it, for errors.
        about: of ``describe``; completed as ``loading.load`` does.
        trust_remote_code: whether code that comes with it may run.
        batch_tokens: upper bound of the tokens of one forward pass.
        asked: the model whose answers are judged.

    Raises:
        UserError: it cannot be loaded, the engine has no exact way to run it, or YES and NO are one token to it.
    """
    with named():
        if asked is not None and all(asked.about.get(key) == about.get(key) for key in SAME):
            words = loading.load_format(name, about, trust_remote_code)
            about |= {key: asked.about[key] for key in ("parameters", "adapter") if key in asked.about}
            about["template"] = words.about
            return Judge(LM(asked.model, words.tokenizer, asked.device, about, words), batch_tokens)
        return Judge(loading.load(name, about, trust_remote_code), batch_tokens)


@contextlib.contextmanager
def named():
    """Names the judge's flag in errors about a model."""
    try:
        yield
    except UserError as e:
        raise UserError(str(e).replace("--model ", "--judge_model ")) from e


def ahead(match, pairs) -> None:
    """Have the answers to open questions among the (question, answer) ``pairs`` of a batch judged together.

    Only where ``match`` is a ``Judge``; other matchers judge each when it comes.
    """
    if isinstance(match, Judge):
        match.judge([(question, text) for question, text in pairs if question.choices is None])


class Judge:
    """A matcher (``outcomes.matcher``) whose verdicts are a model's: ``{"correct": bool, "judged": p(YES)}``.

    Only what the rules leave open is asked. A refusal is found by the rules (``outcomes.judged_part``) and never
    correct; an answer with no word in it is not correct; one that is an accepted answer, both normalised, is correct:
    these need no judge, cost nothing, and have no ``judged``.

    Answers are judged a batch at a time, equal ones to a question once, and only the last batch is kept: so a verdict
    is a function of its batch, and not of what was judged before a run was interrupted or by how many processes.

    Args:
        lm: the judge.
        batch_tokens: upper bound of the tokens of one forward pass; of a served judge None.
    """

    def __init__(self, lm: LM | Served, batch_tokens: int | None):
        self.lm, self.batch_tokens, self.verdicts = lm, batch_tokens, {}
        if isinstance(lm, Served):
            means.check(lm, [self.prompt("Who?", ["She"], "He")])
            return
        self.manner = functools.cache(self.tried)  # by length: the same for the same batch
        with named():
            self.manner(64)  # a family that cannot run is refused before anything is asked
        prompt = self.prompt("Who?", ["She"], "He")
        yes, no = (lm.encode(text) for text in (prompt + reply for reply in self.replies(prompt)))
        if shared_length([yes, no]) == min(len(yes), len(no)):
            flag = f"--judge_model {lm.about['name']}"
            raise UserError(f"{flag}: its tokenizer does not tell {JUDGE_YES} from {JUDGE_NO}; give another")

    def __call__(self, question, texts) -> list:
        """Verdicts on the answers ``texts`` to an open ``question``."""
        pairs = [(question, text) for text in texts]
        if any(self.key(*pair) not in self.verdicts for pair in pairs):
            self.judge(pairs)
        return [dict(self.verdicts[self.key(*pair)]) for pair in pairs]

    def judge(self, pairs) -> None:
        """Judge the (question, answer) ``pairs`` of a batch; ``__call__`` then has their verdicts."""
        self.verdicts, asked = {}, {}
        for question, text in pairs:
            key = self.key(question, text)
            part = self.open_part(question, text)
            if isinstance(part, bool):
                self.verdicts[key] = {"correct": part}
            elif key not in asked:
                asked[key] = self.prompt(question.question, outcomes.accepted(question), part), question.id
        for key, p in zip(asked, self.probabilities(list(asked.values())), strict=True):
            self.verdicts[key] = {"correct": p is not None and p >= 0.5, "judged": p}

    @staticmethod
    def key(question, text: str) -> tuple:
        """What a verdict is a function of, in a batch."""
        return question.question, question.answer, *question.aliases, text

    @staticmethod
    def open_part(question, text: str) -> str | bool:
        """The part of an answer that the judge is asked about, or the verdict that needs no judge."""
        part = None if question.should_abstain else outcomes.judged_part(question, text)
        if part is None:
            return False
        return is_one_of(part, outcomes.accepted(question)) or (part if re.search(r"\w", part) else False)

    def prompt(self, question: str, accepted, answer: str) -> str:
        """The judge's prompt, up to where its YES or NO begins; each text stands in one line of it."""
        one_line = lambda text: " ".join(text.split())  # noqa: E731
        said = JUDGE_PROMPT.format(
            question=one_line(question), accepted=" | ".join(map(one_line, accepted)), answer=one_line(answer)
        )
        words = self.lm.format
        return words.prompt([{"role": "user", "content": said}]) if words.chat else said + ANSWER

    def replies(self, prompt: str) -> tuple[str, str]:
        """YES and NO, as they would follow the prompt."""
        lead = self.lm.format.lead_of(prompt)
        return f"{lead}{JUDGE_YES}", f"{lead}{JUDGE_NO}"

    def tried(self, tokens: int) -> tuple[LM, bool]:
        """The judge for sequences of up to ``tokens`` tokens, and whether they can be packed (``exactness.check``)."""
        lm = dataclasses.replace(self.lm)  # ``check`` notes on it how it can run
        return lm, exactness.check(lm, room=tokens)

    def probabilities(self, prompts) -> list:
        """p(YES) / (p(YES) + p(NO)) after each of ``prompts``, [(text, the question's id)]; None: it replies neither.

        Raises:
            UserError: a prompt is longer than the judge's window.
        """
        if not prompts:
            return []
        texts, ids = zip(*prompts, strict=True)
        yes, no = self.replies(texts[0])
        if isinstance(self.lm, Served):
            return means.pair_probabilities(self.lm, texts, yes, no, None, False, ids, "verdicts")
        needed = [len(self.lm.encode(text + yes)) for text in texts]
        for tokens, own in zip(needed, ids, strict=True):
            if tokens > self.lm.window:
                raise UserError(
                    f"question {own}: judging an answer to it needs {tokens} tokens, --judge_model "
                    f"{self.lm.about['name']} takes {self.lm.window}; give one with a longer window, or a smaller "
                    "--max_new_tokens"
                )
        with named():
            lm, shared = self.manner(1 << max(needed).bit_length())
            return means.pair_probabilities(lm, texts, yes, no, self.batch_tokens, shared, ids)
