"""Models behind servers by the stages' flags: which flags go with them, how they are described and loaded."""

import dataclasses
import time

from .asking import judge
from .running import ranks
from .running.errors import UserError
from .running.results import sha256_json
from .serving import served
from .serving.address import Address, address, is_served
from .serving.client import CONCURRENCY

# Flags that are of weights here, with what they are where nothing is said.
OF_WEIGHTS = {
    "revision": None,
    "trust_remote_code": False,
    "dtype": "auto",
    "device": "auto",
    "device_map": None,
    "tensor_parallel": False,
    "load_in": None,
    "template_date": None,
    "batch_tokens": None,
}
OF_SERVERS = ("base_url", "judge_base_url", "concurrency", "max_requests")


def check(args) -> None:
    """UserError for flags of weights with a served model, or for a server's where nothing is asked there."""
    asked, judged = is_served(args.model), is_served(args.judge_model)
    if asked and (judged or not args.judge_model):  # else they are the judge's
        given = next((n for n, usual in OF_WEIGHTS.items() if getattr(args, n, None) not in (None, usual)), None)
        if given:
            raise UserError(f"--{given}: is of weights that are loaded here, and --model {args.model} has a server's")
    if (asked or judged) and ranks.launched():
        raise UserError("one process asks a server, --concurrency N requests at a time; start it with python")
    if args.judge_base_url and not judged:
        raise UserError("--judge_base_url: is of --judge_model openai:NAME")
    given = next((name for name in OF_SERVERS if getattr(args, name) is not None), None)
    if given and not (asked or judged):
        raise UserError(f"--{given}: is of --model openai:NAME; --model {args.model} is loaded here")


def address_of(args) -> Address:
    """Where --model is."""
    return address(args.model, args.base_url)


def address_of_judge(args) -> Address:
    """Where --judge_model is."""
    own = args.judge_base_url
    return address(args.judge_model, own or args.base_url, "--judge_model", "--judge_base_url" if own else "--base_url")


def describe(args) -> dict:
    """``meta.model`` of a served --model; settles the server's flags.

    Raises:
        UserError: flags that do not go with it; nothing answers there, or it has no such model.
    """
    where = address_of(args)
    if args.base_url is None:
        ranks.say(f"--base_url is not given: {where.url} is asked")
    args.concurrency = args.concurrency or CONCURRENCY
    return served.describe(where)


def describe_judge(args) -> dict:
    """``meta.judge`` of a served --judge_model."""
    return served.describe(address_of_judge(args)) | judge.prompt_hash()


def load(args, about: dict, run, num_samples: int, only_exact: bool) -> served.Served:
    """The model of ``describe``.

    Args:
        args: the stage's flags.
        about: of ``describe``.
        run: the stage's, which keeps what is answered.
        num_samples: answers to a question that are drawn at most.
        only_exact: whether letters may not be drawn.
    """
    where = dataclasses.replace(address_of(args), name=about["served"]["model"])
    how = {"num_samples": num_samples, "thinking": args.thinking, "seed": args.seed, "only_exact": only_exact}
    return served.load(where, about, run.kept, identity_of(run), args.concurrency, args.max_requests, **how)


def load_judge(args, about: dict, run) -> judge.Judge:
    """The judge of ``describe_judge``."""
    where = dataclasses.replace(address_of_judge(args), name=about["served"]["model"])
    how = (identity_of(run), args.concurrency or CONCURRENCY, args.max_requests)
    return judge.Judge(served.load(where, about, run.kept_judge, *how, seed=args.seed), None)


def identity_of(run) -> str:
    """What tells a run from others in a file of what was answered."""
    return sha256_json(run.identity())


def summary(lm, match) -> dict:
    """{``served``: what was asked of servers}, nothing where none was asked."""
    found = lm.summary if isinstance(lm, served.Served) else {}
    if isinstance(match, judge.Judge) and isinstance(match.lm, served.Served):
        found = found | {"judge": match.lm.summary}
    for what, ways in {**found, **found.get("judge", {})}.items():
        if what in ("letters", "sureness", "verdicts"):
            for way, meaning in (("sampled", "drawn, not exact"), ("unreadable", "not to be read out of any reply")):
                if ways.get(way):
                    ranks.say(f"{what}: {ways[way]} of {sum(ways.values())} {meaning} (docs/servers.md)")
    return {"served": found} if found else {}


def watch(bar, lm, match=None) -> None:
    """Have a progress bar show what is asked of servers."""
    shown = [0.0]

    def show(text: str) -> None:
        bar.set_postfix_str(text, refresh=False)
        if time.monotonic() - shown[0] > 1:  # replies come more often than anyone reads
            shown[0] = time.monotonic()
            bar.refresh()

    for asked in (lm, getattr(match, "lm", None)):
        if isinstance(asked, served.Served):
            asked.client.watch = show


def flags(args) -> str:
    """The flags that ask this run's model again."""
    return f"--model {args.model}" + (f" --base_url {args.base_url}" if is_served(args.model) and args.base_url else "")
