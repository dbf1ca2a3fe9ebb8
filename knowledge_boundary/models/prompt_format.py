"""How a model is spoken to: its chat template, and what begins and ends an answer there.

All of it is taken from the template's own rendering of a whole exchange, so that what is trained is what the model
would write, and evaluation asks with the same prefix.
"""

import re
from functools import cached_property
from itertools import takewhile

from ..running.errors import UserError
from .templates import SWITCHES, TEMPLATE_DATE, THOUGHTS, UNOPENED, Thought, pinned, plain_lead, template_source

# Stand-ins for what is said, which no template takes for anything else.
ASKED, ANSWERED, ASKED_AGAIN = "Uq7first", "Aq7answer", "Uq7second"
MARK = r"<[^<>\s]+>"  # what a special token looks like
TRIED = ("A", "Paris", "I don't know.", "1945", "中国")  # beginnings of answers, for where a prompt may end


class PromptFormat:
    """How a model is spoken to.

    Args:
        tokenizer: the model's.
        name: as the user gave the model, for errors.
        thinking: ``off``: the answer is asked for without a thought; ``on``: the model may think before it.
        date: ISO date that the template prints as today's; None: ``TEMPLATE_DATE`` where it prints one.
        end_token: the end of a text where the tokenizer names none.

    Raises:
        UserError: the template cannot be rendered, or it leaves out what is said; a date for one that prints none.
    """

    def __init__(self, tokenizer, name: str = "", thinking: str = "off", date: str | None = None, end_token=None):
        self.tokenizer, self.name, self.thinking = tokenizer, name, thinking
        self.plain_end = tokenizer.eos_token or end_token
        self.source = template_source(tokenizer, name)
        self.parts = False  # whether a message's content must be a list of parts
        self.extra, self.lead, self.end, self.cut, self.own_rendering = "", " ", self.plain_end, 0, True
        self.today, self.switches = date or TEMPLATE_DATE, {}
        self.unexplained = False  # whether the template asks for an answer in another way than it renders one
        if self.source:
            self.learn()
        elif thinking == "on":
            raise self.error("--thinking on: it has no chat template to think in; leave the flag out")
        self.today = self.today if self.source and self.prints_date() else None
        if date and not self.today:
            raise self.error("--template_date: its chat template prints no date; leave the flag out")

    def error(self, message: str) -> UserError:
        """An error that names the model."""
        return UserError(f"--model {self.name}: {message}" if self.name else message)

    # ---- rendering ----

    @cached_property
    def thought(self) -> Thought:
        """How this model writes its thoughts: by the marks in its template, or by the tag that its prompts end in."""
        known = next((t for t in THOUGHTS if t.opens.strip() in self.source or t.closes in self.source), None)
        tag = (
            re.search(r"<(\w[\w:-]*)>\s*$", self.render([{"role": "user", "content": ASKED}], True))
            if self.chat
            else None
        )
        if tag and known is None and f"</{tag[1]}>" in self.source:
            opens, closes = f"<{tag[1]}>", f"</{tag[1]}>"
            return Thought("this one", opens, closes, f"{opens}\n\n{closes}\n\n")
        return known or THOUGHTS[-1]

    def render(self, messages, prompt: bool) -> str:
        """``messages`` in the template; with ``prompt`` up to where the model goes on."""
        if self.parts:
            messages = [m | {"content": [{"type": "text", "text": m["content"]}]} for m in messages]
        template = (pinned(self.today) if "strftime_now" in self.source else "") + self.source
        try:
            return self.tokenizer.apply_chat_template(
                messages, chat_template=template, tokenize=False, add_generation_prompt=prompt, **self.switches
            )
        except Exception as e:  # a template's own refusal, or whatever its code stumbles on
            reason = (str(e).strip() or "no message").splitlines()[0]
            raise self.error(f"its chat template cannot render the conversation ({reason})") from e

    def learn(self) -> None:
        """Find out how a prompt and an answer are put together, from the template's rendering of an exchange."""
        asked, answer = {"role": "user", "content": ASKED}, {"role": "assistant", "content": ANSWERED}
        self.parts = not self.says_all([asked, answer])
        if self.parts and not self.says_all([asked, answer]):
            raise self.error("its chat template leaves out what is said; give another template, or none")
        self.switches = self.known_switches([asked, answer])
        opened, whole = self.render([asked], True), self.render([asked, answer], False)
        before, after = whole.rsplit(ANSWERED, 1)
        self.end = self.turn_end(after) or self.turn_end(self.between(asked, answer)) or self.plain_end
        self.extra, self.lead = self.to_answer(opened, before)
        # Where prompt and answer would share a token, the white space between them is the answer's.
        whole_prompt = opened + self.extra
        while not self.parts_at(whole_prompt, self.lead) and whole_prompt[-1:].isspace():
            whole_prompt, self.lead = whole_prompt[:-1], whole_prompt[-1] + self.lead
        self.cut = len(opened + self.extra) - len(whole_prompt)
        if not self.parts_at(whole_prompt, self.lead):  # nowhere: the prompt's own tokens are what is asked
            self.cut, self.lead = 0, self.lead[len(opened + self.extra) - len(whole_prompt) :]
        if self.thinking == "on" and self.lead.strip() and self.thought.closes not in self.lead:
            raise self.error(
                "--thinking on: how this template parts a thought from an answer is not known; leave it out"
            )
        self.own_rendering = whole.startswith(self.prompt([asked]) + self.lead + ANSWERED)

    def known_switches(self, exchange) -> dict:
        """What the template is passed for ``thinking``: of ``SWITCHES``, those that change what it renders."""

        def rendered(switches) -> list:
            self.switches = switches
            return [self.render(exchange[:1], True), self.render(exchange, False)]

        known = {n: v for n, v in SWITCHES.items() if n in self.source and rendered({n: v[0]}) != rendered({n: v[1]})}
        return {n: v[self.thinking == "on"] for n, v in known.items()}

    def prints_date(self) -> bool:
        """Whether what the template renders depends on the day."""
        if "strftime_now" not in self.source:
            return False
        own, days = self.today, []
        for self.today in ("2001-02-03", "2014-11-25"):
            days.append(self.render([{"role": "user", "content": ASKED}], True))
        self.today = own
        return days[0] != days[1]

    def says_all(self, messages) -> bool:
        """Whether the template renders all that is said."""
        try:
            text = self.render(messages, False)
        except UserError:
            if self.parts:
                raise
            return False
        return all(m["content"] in text for m in messages)

    def between(self, asked, answer) -> str:
        """What the template puts between an answer and the next question; nothing where it takes only one."""
        try:
            text = self.render([asked, answer, {"role": "user", "content": ASKED_AGAIN}], True)
        except UserError:
            return ""
        return text.partition(ANSWERED)[2].partition(ASKED_AGAIN)[0]

    def to_answer(self, opened: str, before: str) -> tuple[str, str]:
        """What stands between a rendered prompt and the answer: the prompt's part of it, and the model's own.

        Args:
            opened: the prompt up to where the model goes on.
            before: the whole exchange up to the answer.
        """
        thought = self.thought
        inside = re.search(re.escape(thought.opens.rstrip()) + r"\s*$", opened)
        if before.startswith(opened):
            rest = before[len(opened) :]
        elif inside:  # the template drops an empty thought, or writes it in another way than it opens one
            begun = inside[0]
            rest = thought.empty[len(begun) :] if thought.empty.startswith(begun) else thought.closes
        else:
            rest, self.unexplained = "", not opened.startswith(before)
        if self.thinking == "on":
            return "", rest
        if not inside and not rest and not self.switches and all(mark in self.source for mark in UNOPENED):
            rest = thought.empty if thought.closes not in opened[-len(thought.empty) :] else ""
        return rest, ""

    def parts_at(self, prompt: str, lead: str) -> bool:
        """Whether an answer's tokens follow the prompt's own."""
        own = self.ids(prompt)
        return all(self.ids(prompt + lead + text)[: len(own)] == own for text in TRIED)

    def turn_end(self, after: str) -> str | None:
        """What ends a turn, of the text behind an answer: its first special tokens, with what stands before them.

        Where the tokenizer has no such tokens, what looks like one ("<|im_end|>", spelt out) ends it.
        """
        for marks in (map(re.escape, self.special), [MARK]):
            one = "|".join(marks)
            found = one and re.match(rf"\s*(?:{one})+", after)
            if not found:
                continue
            # Of a text that goes on, such as the next question's, the first token alone is this turn's.
            first = re.match(rf"\s*(?:{one})", after)[0]
            ends = after[found.end() :].strip() == "" or found[0] == first + (self.tokenizer.eos_token or "")
            return found[0] if ends else first
        return None

    @cached_property
    def spelt_end(self) -> str | None:
        """The end of a turn where it is no token but several, spelt out; None where a token ends it."""
        known = self.end and any(self.end.strip().startswith(t) for t in self.special)
        return self.end.strip() if self.chat and self.end and not known else None

    @cached_property
    def special(self) -> list:
        """The texts of the tokenizer's special and added tokens."""
        texts = {*self.tokenizer.get_added_vocab(), *self.tokenizer.all_special_tokens}
        return sorted((t for t in texts if t.strip()), key=lambda t: (-len(t), t))

    # ---- what the stages use ----

    @property
    def chat(self) -> bool:
        """Whether the model has a chat template."""
        return bool(self.source)

    def prompt(self, messages) -> str:
        """``messages`` in the template, up to where the model's answer (with ``on`` its thought) begins.

        Raises:
            UserError: the model has no chat template, or it refuses such messages.
        """
        if not self.chat:
            raise UserError("--chat_template: this model's tokenizer has no chat template; leave the flag out")
        text = self.render(messages, True) + self.extra
        return text[: len(text) - self.cut]

    def lead_of(self, prompt: str) -> str:
        """What the model writes between ``prompt`` and its answer's first word."""
        return self.lead if self.rendered(prompt) else plain_lead(prompt)

    def ended(self, prompt: str, answer: str) -> str:
        """What a model is trained to write behind ``prompt``: the answer and the end of its turn.

        Raises:
            UserError: nothing is known that ends an answer of this model.
        """
        end = self.end if self.rendered(prompt) else self.plain_end
        if not end:
            raise self.error(
                "its tokenizer names no end token and its config no eos_token_id: nothing would end a trained answer; "
                "add an eos_token to its tokenizer_config.json"
            )
        return f"{self.lead_of(prompt)}{answer}{end}"

    def exchange(self, messages) -> tuple[str, str]:
        """A conversation that ends in the assistant's answer as (prompt, what the model is to write behind it).

        As the template renders it: with a thought, where the answer has one and it may think.

        Raises:
            UserError: the template renders the answer as something else than what the model is asked to write.
        """
        *before, answer = messages
        prompt, content = self.prompt(before), answer["content"]
        whole = self.render(messages, False)
        if whole.startswith(prompt):
            rest = whole[len(prompt) :]
            if self.end and self.end in rest:
                return prompt, rest[: rest.rindex(self.end) + len(self.end)]
            return prompt, f"{rest.rstrip()}{self.end or ''}" if rest.strip() else self.ended(prompt, content)
        thought = answer.get("reasoning_content") or self.thought.closes in content
        if thought or content.strip() not in whole:
            raise self.error(
                f"--thinking {self.thinking}: its chat template renders this answer in another way than it asks for "
                f"one; give --thinking {'on' if self.thinking == 'off' else 'off'}, or leave its thought out"
            )
        return prompt, self.ended(prompt, content.strip())

    @cached_property
    def thinks_at_once(self) -> bool:
        """Whether prompts end inside a thought."""
        opens = self.thought.opens.rstrip()
        return self.chat and self.prompt([{"role": "user", "content": ASKED}]).rstrip().endswith(opens)

    def behind_thought(self, text: str, ended: bool = False) -> str | None:
        """What stands behind the thought in what a model has written; None while the thought goes on.

        Args:
            text: what it has written so far, special tokens included.
            ended: whether it writes no more; else a text that may yet become the beginning of a thought is none (when
                cut off there, one of a few characters).
        """
        thought, begun = self.thought, text.lstrip()
        if thought.closes in text:
            return text.partition(thought.closes)[2]
        opens = thought.opens.strip()
        if (
            self.thinks_at_once
            or begun.startswith(opens)
            or (opens.startswith(begun) and (not ended or len(begun) > 3))
        ):
            return None
        return text

    @cached_property
    def beginnings(self) -> tuple:
        """What rendered conversations begin with, with a system text and without one."""
        found = []
        for system in ([], [{"role": "system", "content": "s"}]):
            texts = []
            for text in "xy":
                said = [m | {"content": text} for m in system] + [{"role": "user", "content": text}]
                try:
                    texts.append(self.render(said, True))
                except UserError:  # it takes no system text
                    break
            common = "".join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], zip(*texts, strict=False)))
            # A special token is enough, whatever day or manner of thinking is printed behind it.
            own = next((t for t in self.special if common.startswith(t)), common)
            if len(texts) == 2 and own.strip():
                found.append(own)
        return tuple(found)

    def rendered(self, text: str) -> bool:
        """Whether ``text`` comes from the chat template: it begins as the template's renderings do.

        Where those begin with what is said, it has what stands between a question and its answer.
        """
        if not self.chat:
            return False
        return text.startswith(self.beginnings) if self.beginnings else bool(self.tail.strip()) and self.tail in text

    @cached_property
    def tail(self) -> str:
        """What stands behind the question in a prompt."""
        return self.prompt([{"role": "user", "content": ASKED}]).rpartition(ASKED)[2]

    def ids(self, text: str) -> list:
        """Token ids of a text. What a template has rendered has its own BOS, or none: no other is added."""
        bos = self.tokenizer.bos_token
        special = not self.rendered(text) and not (bos and text.startswith(bos))
        found = self.tokenizer(text, add_special_tokens=special).input_ids
        return found[: len(found) - self.appended] if special else found

    @cached_property
    def appended(self) -> int:
        """How many special tokens the tokenizer puts behind a text: no prompt ends in them."""
        plain = self.tokenizer("a", add_special_tokens=False).input_ids
        found = self.tokenizer("a").input_ids
        starts = [i for i in range(len(found) - len(plain) + 1) if found[i : i + len(plain)] == plain]
        return len(found) - len(plain) - starts[0] if starts else 0

    @property
    def about(self) -> dict | None:
        """What was done, for ``meta``; None without a template."""
        if not self.chat:
            return None
        return {
            "thinking": self.thinking,
            "passed": self.switches,
            "date": self.today,
            "added_to_prompt": self.extra[: len(self.extra) - self.cut],
            "before_answer": self.lead,
            "end_of_turn": self.end,
            "own_rendering": self.own_rendering,
        }
