"""The data as LMFlow reads it."""

import json
from pathlib import Path

from ...running.results import write_text
from ..outside import inputs


def write_data(work: Path, pairs, lm) -> list:
    """Write ``work/data/train.json``; returns [(tokens of the prompt, tokens of the answer)] as LMFlow counts them.

    LMFlow adds no BOS to text2text (``inputs.with_bos``).

    Args:
        work: the run's folder.
        pairs: (prompt, answer) texts.
        lm: the model's tokenizer as an ``LM``.
    """
    pairs, lengths = inputs.with_bos(pairs, lm, "LMFlow")
    instances = [{"input": prompt, "output": answer} for prompt, answer in pairs]
    # "type" within the first characters, ASCII only: LMFlow looks for it there, and seeks into the file's middle.
    write_text(work / "data" / "train.json", json.dumps({"type": "text2text", "instances": instances}, indent=1))
    return lengths
