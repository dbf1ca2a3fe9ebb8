"""A loaded model with its tokenizer: what the engine and the stages need of it."""

from dataclasses import dataclass
from functools import cached_property

import torch

from . import families
from .prompt_format import PromptFormat


@dataclass
class LM:
    """A loaded model: what the engine and the stages need of it."""

    model: torch.nn.Module
    tokenizer: object
    device: torch.device
    about: dict  # ``meta.model``
    format: PromptFormat
    # What ``engine.exactness.check`` finds where sequences can't be packed: whether rows of one padded batch, and
    # tokens behind a cache's rows, have the model's own logits.
    padded: bool = True
    cached: bool = True

    @property
    def vocabulary(self) -> int:
        """Rows of the LM head (can exceed the tokenizer's)."""
        return families.vocabulary(self.model)

    @property
    def window(self) -> int:
        """Longest sequence the model takes, in tokens; a large number where its config does not say."""
        return families.window(self.model.config)

    @cached_property
    def end_tokens(self) -> frozenset:
        """Tokens that end the model's turn: its config's, its tokenizer's, its chat template's."""
        ends = self.model.generation_config.eos_token_id
        ends = {*(ends if isinstance(ends, list) else [ends]), self.tokenizer.eos_token_id}
        for text in {self.format.end, self.format.plain_end} - {None}:
            ends |= {self.tokenizer.convert_tokens_to_ids(t) for t in self.format.special if text.strip().startswith(t)}
        return frozenset(ends - {None})

    @cached_property
    def texts(self) -> list:
        """The text of each token alone."""
        return [self.tokenizer.decode([i]) for i in range(self.known)]

    @cached_property
    def line_breaks(self) -> frozenset:
        """Tokens with a line break in them."""
        return frozenset(i for i, text in enumerate(self.texts) if "\n" in text)

    @cached_property
    def thought_starts(self) -> frozenset:
        """Tokens that may begin a thought, or be no word yet; where prompts end in one, all."""
        undecided = (i for i, text in enumerate(self.texts) if self.format.behind_thought(text) != text)
        return frozenset(undecided)

    @cached_property
    def known(self) -> int:
        """How many tokens the tokenizer knows: heads have rows beyond it, and some tokenizers fail on them."""
        return max(len(self.tokenizer), self.tokenizer.vocab_size)  # each leaves some out for some tokenizers

    def decode(self, ids, special: bool = False) -> str:
        """The text of token ids; special tokens are left out unless ``special``."""
        return self.tokenizer.decode([i for i in ids if i < self.known], skip_special_tokens=not special)

    def encode(self, text: str) -> list:
        """Token ids of a whole prompt, with the BOS that belongs to it (``PromptFormat.ids``)."""
        return self.format.ids(text)

    def length(self, text: str) -> int:
        """How many tokens a whole prompt has."""
        return len(self.encode(text))

    def longest(self, texts) -> int:
        """How many tokens the longest of some texts has, each on its own."""
        return max(map(len, self.tokenizer(texts, add_special_tokens=False).input_ids))

    def encode_pair(self, prompt: str, answer: str) -> tuple[list, int]:
        """Token ids of ``prompt + answer``, and at which of them the answer begins: after ``encode(prompt)``."""
        end = self.format.plain_end or ""
        text = answer.removesuffix(end)
        start, whole = self.encode(prompt), self.encode(prompt + text)
        if whole[: len(start)] != start:  # a merge across the seam: what generation can produce is the prompt's own ids
            whole = start + self.tokenizer(text, add_special_tokens=False).input_ids
        # The end as the token it is: some tokenizers would spell it out.
        return whole + [self.tokenizer.convert_tokens_to_ids(end)] * (text != answer), len(start)
