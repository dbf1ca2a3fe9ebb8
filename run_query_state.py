"""Stage 2: ask a model every question and write down its correctness (Cor) and certainty (Cer).

Multiple choice: from the letters' exact probabilities, or from N letters drawn from them (--estimator sample). Open
questions: from N sampled answers, by how often each was drawn or by its probability (--estimator mass), and the greedy
one.

Examples:
  python run_query_state.py --dataset world_facts --split train --num_shots 0 --chat_template
  python run_query_state.py --model models/smollm2-rehearsal --num_shots 0 --chat_template
  python run_query_state.py --model Qwen/Qwen2.5-3B --dataset mmlu --split test --domain ID --num_shots 5
  python run_query_state.py --dataset world_facts_mc --split test --num_shots 5 --estimator sample --num_samples 100
  torchrun --nproc_per_node 8 run_query_state.py --model Qwen/Qwen2.5-7B --dataset triviaqa --split train
"""

import math

from knowledge_boundary import checks, cli, options, servers
from knowledge_boundary.asking import means, probe
from knowledge_boundary.engine.drawing import SamplingSettings
from knowledge_boundary.knowledge import querying, state
from knowledge_boundary.models import loading
from knowledge_boundary.models.embedder import embedding
from knowledge_boundary.reporting import figures, tables
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.running.journal import Run
from knowledge_boundary.serving.address import is_served
from knowledge_boundary.wording.phrases import WORDINGS


def arguments():
    """The stage's flags."""
    parser = cli.Parser(__doc__)
    options.add_model_arguments(parser, served=True)
    options.add_data_arguments(parser, "world_facts", "train")
    group = parser.add_argument_group("asking")
    options.add_domain_argument(group)
    group.add_argument(
        "--num_shots", type=options.natural, help="few-shot examples, never itself; default: 5 multiple choice, 3 open"
    )
    group.add_argument("--chat_template", action="store_true", help="ask through the model's chat template")
    group.add_argument("--wording", default="craft", choices=WORDINGS, help="instruction of open questions")
    group.add_argument(
        "--estimator",
        choices=querying.ESTIMATORS,
        help="default: exact for multiple choice, sample for open; mass: from the sampled answers' probabilities",
    )
    group.add_argument("--num_samples", type=options.positive, help="N sampled answers to a question; default: 10")
    group.add_argument("--temperature", type=float, default=1.0, help="of open questions' sampled answers")
    group.add_argument("--top_p", type=float, default=1.0, help="they are drawn from the likeliest tokens up to this")
    options.add_answer_arguments(group)
    options.add_match_arguments(group, "Cer and --match embedding")
    options.add_run_arguments(parser)
    parser.add_argument(
        "--state",
        help="the file to write; default: state_init.json (rehearsed: state_rehearsal.json), with _DOMAIN for a part",
    )
    return parser.parse_args()


def main():
    """Ask, write the state file and its picture."""
    args = arguments()
    if args.num_samples == 1:
        raise UserError("--num_samples 1: certainty compares answers with each other; give 2 or more")
    if not 0 < args.temperature < math.inf:
        raise UserError(f"--temperature {args.temperature}: must be above 0; the greedy answer is written in any case")
    if not 0 < args.top_p <= 1:
        raise UserError(f"--top_p {args.top_p}: must be above 0 and at most 1 (all tokens)")
    if args.estimator == "mass" and (args.temperature, args.top_p) != (1, 1):
        raise UserError("--estimator mass: weighs answers by their probability; leave --temperature and --top_p at 1")
    servers.check(args)
    if args.estimator == "mass" and is_served(args.model):
        raise UserError("--estimator mass: needs the probability of every token that is drawn; give a model's weights")
    asked = cli.load_questions(args, domain=args.domain)
    about = cli.describe_model(args)
    multiple_choice = asked.multiple_choice
    if multiple_choice and (args.temperature, args.top_p) != (1, 1):
        raise UserError("--temperature, --top_p: for open questions only; letters have their exact probabilities")
    if multiple_choice and args.thinking == "on":
        raise UserError(f"--thinking on: {probe.BEFORE_THOUGHT}")
    checks.check_thinking(args, args.chat_template, "a model thinks in its chat template; give --chat_template with it")
    checks.check_match(args, multiple_choice)
    if not multiple_choice and args.estimator == "exact":
        raise UserError("--estimator exact: for multiple choice only; answers to open questions can only be sampled")
    if multiple_choice and args.estimator == "mass":
        raise UserError("--estimator mass: for open questions only; letters have their exact probabilities (exact)")
    must_be_exact = args.estimator == "exact"
    args.estimator = args.estimator or ("exact" if multiple_choice else "sample")
    if args.estimator == "exact" and args.num_samples:
        raise UserError("--num_samples: nothing is sampled from exact probabilities; give --estimator sample with it")
    if args.estimator != "exact":
        args.num_samples = args.num_samples or 10
    if args.num_shots is None:
        args.num_shots = 5 if multiple_choice else 3
    asked.check_shots(args.num_shots)
    judged_by = cli.describe_judge(args)
    trained = loading.trained_here(args.model)
    rehearsed = trained is not None and trained["meta"]["stage"] == "run_rehearsal"
    initial = trained["meta"]["args"]["model"] if rehearsed else args.model
    first, second = (f"state_{which}{cli.part_of(args.domain)}.json" for which in ("init", "rehearsal"))
    name = loading.short_name(initial) if rehearsed else about["name"]
    where = cli.output_path(args, name, asked.name, second if rehearsed else first)
    args.state = args.state or str(where)
    run = Run("run_query_state", args.state, vars(args), about, asked.describe(), judge=judged_by)
    if run.finished():
        return cli.already_done(run.path)
    run.resume()

    embed = None if multiple_choice else embedding(args.embedder)
    draws = None
    if args.estimator != "exact":
        thinking = args.max_thinking_tokens or 0
        draws = SamplingSettings(
            args.num_samples, args.temperature, args.top_p, args.max_new_tokens, thinking, args.seed
        )
    lm = cli.load_model(args, about, run, args.num_samples or 0, must_be_exact)
    match = None if multiple_choice else cli.load_matcher(args, judged_by, lm, run, embed)
    room = 1 if multiple_choice else args.max_new_tokens + (args.max_thinking_tokens or 0)
    texts, dropped = querying.query_prompts(lm, asked, args.num_shots, args.wording, args.chat_template, room)
    shared = means.check(lm, texts, room)
    if multiple_choice and not means.exact(lm, texts):
        if must_be_exact:
            raise UserError(f"--estimator exact: {about['served']['url']} gives no log-probabilities; leave it out")
        args.estimator, draws = "sample", None  # the letters' shares are drawn already
    cut = cli.shots_dropped(lm, dropped)
    by_mass = args.estimator == "mass"
    batches = querying.query(
        lm, asked, texts, dropped, draws, match, embed, args.batch_tokens, shared, run.skip, by_mass
    )
    with cli.progress(len(texts), len(run.done), "asking", lm, match) as bar:
        records = run.fill(batches, [q.id for q in asked.questions], bar.update)
    if records is None:  # the first process goes on alone
        return

    records = querying.with_shots_dropped(records, dropped)
    summary = {"estimator": args.estimator, **state.summarise(records, args.thinking), "shots_dropped": cut}
    summary["prefix_cache"] = means.manner(lm, shared)
    result = run.finish(summary | servers.summary(lm, match), records)
    picture = run.path.with_suffix(".png")
    figures.state_figure(result, picture)
    print(tables.state_table(summary))
    print(f"Prefix cache: {summary['prefix_cache']}")
    follow = "build_rait_data.py" if rehearsed else "run_rehearsal.py"
    flag = "--state_rehearsal" if rehearsed else "--state"
    other = f" --state_init {where.with_name(first)}" if rehearsed and args.domain != "all" else ""
    command = f"{follow} --model {initial} {flag} {run.path}{other}"
    if is_served(args.model):  # there are no weights to go on with
        command = f"eval_refusal.py {servers.flags(args)} --prompt basic"
    cli.closing([run.path, picture], f"python {command}")


if __name__ == "__main__":
    cli.run(main, divided=True)
