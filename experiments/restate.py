"""A state file with other targets: what build_rait_data.py --method soft is then given to teach.

--own_words   the answer to teach is the model's own greedy one where that is right: training then changes less of
              what it can say
--blend FILE  Cor is the mean of the sampled one and of the held-out p(known) in a selection_probe.json: ten coin tosses
              drawn towards what the hidden states say

Examples:
  python experiments/restate.py --state_init state_init.json --own_words --output words/state_init.json
  python experiments/restate.py --state_init state_init.json --blend selection_probe.json --output blend/state_init.json
"""

from pathlib import Path

from knowledge_boundary import cli
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.running.results import read_json, write_json


def arguments():
    """The script's flags."""
    parser = cli.Parser(__doc__)
    parser.add_argument("--state_init", required=True)
    parser.add_argument("--own_words", action="store_true")
    parser.add_argument("--blend", metavar="FILE", help="selection_probe.json of the same questions")
    parser.add_argument("--output", required=True, help="the state file to write")
    return parser.parse_args()


def main():
    """Write the state file."""
    args = arguments()
    if not (args.own_words or args.blend):
        raise UserError("nothing to change: give --own_words or --blend")
    state = read_json(args.state_init, "run_query_state", "--state_init")
    known = {}
    if args.blend:
        known = {r["id"]: r["p_known"] for r in read_json(args.blend, "build_rait_data", "--blend")["records"]}
    for r in state["records"]:
        if args.own_words and r["greedy"]["correct"]:
            r["answer"] = r["greedy"]["text"]
        if args.blend:
            if r["id"] not in known:
                raise UserError(f"--blend {args.blend}: has no {r['id']} of {args.state_init}")
            r["cor"] = (r["cor"] + known[r["id"]]) / 2
    write_json(Path(args.output), state)
    cli.closing([args.output], f"python build_rait_data.py --method soft --state_init {args.output}")


if __name__ == "__main__":
    cli.run(main)
