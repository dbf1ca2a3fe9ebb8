"""A loaded model with its tokenizer: what the engine and the stages need of it."""

from dataclasses import dataclass
from functools import cached_property

import torch

from . import families


@dataclass
class LM:
    """A loaded model: what the engine and the stages need of it."""

    model: torch.nn.Module
    tokenizer: object
    device: torch.device
    about: dict  # ``meta.model``

    @property
    def vocabulary(self) -> int:
        """Rows of the LM head (can exceed the tokenizer's)."""
        return families.lm_head(self.model).weight.shape[0]

    @property
    def window(self) -> int:
        """Longest sequence the model takes, in tokens; a large number where its config does not say."""
        return families.window(self.model.config)

    @cached_property
    def stop_tokens(self) -> frozenset:
        """Tokens that end an answer: the model's end tokens, and every token with a line break in it."""
        ends = self.model.generation_config.eos_token_id
        ends = {*(ends if isinstance(ends, list) else [ends]), self.tokenizer.eos_token_id} - {None}
        texts = [self.tokenizer.decode([i]) for i in range(self.known)]
        return frozenset(ends) | frozenset(i for i, text in enumerate(texts) if "\n" in text)

    @cached_property
    def known(self) -> int:
        """How many tokens the tokenizer knows: heads have rows beyond it, and some tokenizers fail on them."""
        return max(len(self.tokenizer), self.tokenizer.vocab_size)  # each leaves some out for some tokenizers

    def decode(self, ids) -> str:
        """The text of token ids, special tokens left out."""
        return self.tokenizer.decode([i for i in ids if i < self.known], skip_special_tokens=True)

    def encode(self, text: str) -> list:
        """Token ids of a whole prompt. A rendered chat template brings its own BOS: none is added before it."""
        bos = self.tokenizer.bos_token
        return self.tokenizer(text, add_special_tokens=not (bos and text.startswith(bos))).input_ids

    def encode_pair(self, prompt: str, answer: str) -> tuple[list, int]:
        """Token ids of ``prompt + answer``, and at which of them the answer begins: after ``encode(prompt)``."""
        end = self.tokenizer.eos_token or ""
        text = answer.removesuffix(end)
        start, whole = self.encode(prompt), self.encode(prompt + text)
        if whole[: len(start)] != start:  # a merge across the seam: what generation can produce is the prompt's own ids
            whole = start + self.tokenizer(text, add_special_tokens=False).input_ids
        # The end as the token it is: some tokenizers would spell it out.
        return whole + [self.tokenizer.eos_token_id] * (text != answer), len(start)
