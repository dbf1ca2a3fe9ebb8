"""Whether two folders hold the same results: every record and summary, and what meta says beside times and versions.

For a change that must change no figure: run the same commands before and after it, and compare.

Examples:
  QUICK=1 bash quickstart.sh      # in a checkout of each commit
  python benchmarks/compare_results.py ../before/results/quickstart-quick results/quickstart-quick
  python benchmarks/compare_results.py ../before/models models --tolerance 1e-6
"""

import argparse
import json
import math
import sys
from pathlib import Path

# What differs between two runs of the same thing; hashes of files that hold such.
MAY_DIFFER = ("started", "seconds", "git_commit", "versions", "path", "sha256", "fingerprint", "inputs", "command")


def arguments():
    """Two folders, and how far apart two numbers may be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--tolerance", type=float, default=0.0, help="relative difference that is none; default: 0")
    return parser.parse_args()


def differences(a, b, tolerance: float, where: str = ""):
    """(place, before, after) of everything that differs between two JSON values."""
    numbers = (int, float)
    if isinstance(a, dict) and isinstance(b, dict):
        for key in [*a, *(k for k in b if k not in a)]:
            if not (where.startswith("meta") and key in MAY_DIFFER):
                absent = object()
                yield from differences(a.get(key, absent), b.get(key, absent), tolerance, f"{where}.{key}".lstrip("."))
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            yield from differences(x, y, tolerance, f"{where}[{i}]")
    elif isinstance(a, numbers) and isinstance(b, numbers) and not isinstance(a, bool) and not isinstance(b, bool):
        if not math.isclose(a, b, rel_tol=tolerance, abs_tol=0):
            yield where, a, b
    elif a != b or type(a) is not type(b):
        yield where, a, b


def main():
    """Compare every result file of the one folder with its namesake in the other."""
    args = arguments()
    names = [sorted(p.relative_to(f) for p in f.rglob("*.json") if is_result(p)) for f in (args.before, args.after)]
    if names[0] != names[1] or not names[0]:
        odd = ", ".join(map(str, sorted(set(names[0]) ^ set(names[1])))) or "no result file in either"
        print(f"{args.before} and {args.after} hold different files: {odd}", file=sys.stderr)
        sys.exit(2)
    total = 0
    for name in names[0]:
        before, after = (json.loads((f / name).read_text(encoding="utf-8")) for f in (args.before, args.after))
        found = list(differences(before, after, args.tolerance))
        total += len(found)
        print(f"{name}: {len(before['records'])} records, {len(found)} differences")
        for where, a, b in found[:5]:
            print(f"  {where}: {a!r} → {b!r}")
    print("The same" if total == 0 else f"{total} differences")
    sys.exit(total > 0)


def is_result(path: Path) -> bool:
    """Whether a JSON file is a stage's result; models and training data hold others."""
    return path.read_text(encoding="utf-8").lstrip()[:8] in ('{\n "meta', '{"meta": ')


if __name__ == "__main__":
    main()
