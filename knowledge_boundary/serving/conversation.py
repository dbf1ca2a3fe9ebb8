"""How a served model is spoken to: conversations go to the server as messages, which has the template.

Between here and there a prompt is one text, as everywhere: a conversation is written with marks that no text has.
"""

from ..models.templates import plain_lead
from ..running.errors import UserError
from ..wording.phrases import SURE_QUESTION, SURE_REPLY

BEGINS, SAYS = "\x02", "\x03"  # before a speaker, and between the speaker and what is said


def written(messages) -> str:
    """A conversation as one text, up to where the assistant begins to answer.

    Raises:
        UserError: what is said has the marks in it.
    """
    for message in messages:
        if BEGINS in message["content"] or SAYS in message["content"]:
            raise UserError(f"a text has a control character, which no server is sent: {message['content']!r:.80}")
    return "".join(f"{BEGINS}{m['role']}{SAYS}{m['content']}" for m in messages) + f"{BEGINS}assistant{SAYS}"


def is_written(text: str) -> bool:
    """Whether a text is a conversation that ``written`` has made."""
    return text.startswith(BEGINS)


def messages_of(text: str) -> tuple[list, str]:
    """(the messages of a conversation as one text, what the assistant has begun to answer)."""
    turns = [turn.split(SAYS, 1) for turn in text.split(BEGINS)[1:]]
    *before, (_, begun) = turns
    return [{"role": role, "content": said} for role, said in before], begun


def asked_after(messages: list, begun: str) -> list:
    """The messages in which R-Tuning's question is a turn of its own, for servers that go on with no begun answer."""
    answer, found, _ = begun.rpartition(SURE_QUESTION)
    said = [{"role": "assistant", "content": answer.strip()}] if found else []
    return [*messages, *said, {"role": "user", "content": f"{SURE_QUESTION.strip()} {SURE_REPLY}"}]


def layout(pairs) -> tuple:
    """(layout, pairs, messages) of a training file with (prompt, answer) texts.

    Conversations go there as messages, so that the trainer's template renders them; other texts as they are.
    """
    if not pairs or not all(is_written(prompt) for prompt, _ in pairs):
        return "text2text", pairs, None
    exchanges = [[*messages_of(prompt)[0], {"role": "assistant", "content": answer}] for prompt, answer in pairs]
    return "conversation", pairs, exchanges


class Conversation:
    """How a served model is spoken to; what ``PromptFormat`` is for a model with its weights here.

    Args:
        served: the model.
        thinking: ``off``: it is told not to think, as far as the server heeds that; ``on``: it may.
    """

    spelt_end = None

    def __init__(self, served, thinking: str = "off"):
        self.served, self.thinking = served, thinking

    @property
    def chat(self) -> bool:
        """Whether the server takes conversations."""
        return self.served.takes("chat")

    def prompt(self, messages) -> str:
        """``messages`` as one text (``written``)."""
        return written(messages)

    def lead_of(self, prompt: str) -> str:
        """What the model writes between ``prompt`` and its answer's first word."""
        return self.served.able("chat").lead if is_written(prompt) else plain_lead(prompt)

    def ended(self, prompt: str, answer: str) -> str:
        """What a model would be trained to write behind ``prompt``; its end is not known here."""
        return answer if is_written(prompt) else f"{self.lead_of(prompt)}{answer}"
