"""What chat templates have in them: thoughts, the choice whether to think, a date."""

import datetime
from dataclasses import dataclass
from unicodedata import east_asian_width

from ..running.errors import UserError

# The day that templates print which ask for one, so that all stages ask alike on all days.
TEMPLATE_DATE = "2025-01-01"
THINKING = ("off", "on")
# What templates call the choice whether to think, with what is passed for "off" and "on".
SWITCHES = {"enable_thinking": (False, True), "thinking": (False, True), "reasoning": (False, True)}
SWITCHES |= {"thinking_budget": (0, -1)}  # Seed-OSS: tokens to think in, without a bound
# transformers gives templates the clock's ``strftime_now``; this one, put before a template, has a date of its own.
PINNED = '{{%- macro strftime_now(format) -%}}{{{{ format{replacements} }}}}{{%- endmacro %}}{{{{ "" }}}}'
DIRECTIVES = [sign + letter for sign in "- " for letter in "aAbBcCdDeFgGhHIjklmMpPrRSTuUVwWxXyYzZ"]  # of strftime


@dataclass(frozen=True)
class Thought:
    """How families write what they think before they answer.

    Attributes:
        families: which.
        opens: what a thought begins with.
        closes: what stands between it and the answer.
        empty: a thought without words, as the family writes it where it is told not to think.
    """

    families: str
    opens: str
    closes: str
    empty: str


THOUGHTS = (
    Thought("GPT-OSS", "<|channel|>analysis<|message|>", "<|channel|>final<|message|>", ""),
    Thought("Command A Reasoning", "<|START_THINKING|>", "<|END_THINKING|>", "<|START_THINKING|><|END_THINKING|>"),
    Thought("Magistral", "[THINK]", "[/THINK]", "[THINK][/THINK]"),
    Thought("Seed-OSS", "<seed:think>", "</seed:think>", "<seed:think></seed:think>"),
    Thought("Gemma 4", "<|channel>thought\n", "<channel|>", "<|channel>thought\n<channel|>"),
    # The last row is also what a model is taken for whose template tells nothing of thinking.
    Thought(
        "Qwen3, SmolLM3, DeepSeek-R1, GLM-4.5, Nemotron and others",
        "<think>", "</think>", "<think>\n\n</think>\n\n",
    ),
)  # fmt: skip
# DeepSeek-R1's first templates leave it to the model to open its thought: they only cut it off earlier answers.
UNOPENED = ("<｜Assistant｜>", "</think>")


def plain_lead(prompt: str) -> str:
    """What stands between a prompt without a template and its answer; behind a Chinese mark, no space."""
    return "" if not prompt or prompt[-1].isspace() or east_asian_width(prompt[-1]) in "WF" else " "


def pinned(date: str) -> str:
    """What is put before a template so that it prints ``date`` (ISO) as today's."""
    day = datetime.datetime.fromisoformat(date)
    shown = {f"%{d}": day.strftime(f"%{d}") for d in map(str.strip, DIRECTIVES)}
    return PINNED.format(replacements="".join(f" | replace({d!r}, {text!r})" for d, text in shown.items()))


def template_source(tokenizer, name: str) -> str:
    """The text of a tokenizer's chat template, the default one of several; "" for none."""
    own = getattr(tokenizer, "chat_template", None)
    if isinstance(own, dict):
        if own and "default" not in own:
            raise UserError(
                f"--model {name}: none of its chat templates ({', '.join(own)}) is the default; name one so"
            )
        own = own.get("default")
    return own or ""
