"""Prompt, answer and end of turn are the template's own rendering, token for token; thinking, dates, BOS, refusals."""

import re

import chat_templates
import pytest
import transformers
from chat_templates import OWN, REAL

from knowledge_boundary.models.families import MODERN
from knowledge_boundary.models.prompt_format import PromptFormat
from knowledge_boundary.models.templates import TEMPLATE_DATE
from knowledge_boundary.running.errors import UserError

TEMPLATES = [*REAL, *(name for name in OWN)] if MODERN else list(OWN)
QUESTION = [{"role": "user", "content": "What is the capital of France?"}]
ANSWERS = ("Paris", "A", "I don't know.", "12")
# Where the family's own rendering of a finished turn has no thought at all, but its prompts open one: (prompt, answer).
CLOSED = {"deepseek_r1_distill", "deepseek_v3", "deepseekv3", "deepseek_r1_first"}
# How a prompt must end, and what must end the answer, read off the families' templates by eye.
ENDINGS = {
    "qwen3": ("<|im_start|>assistant\n<think>\n\n</think>\n\n", "<|im_end|>"),
    "qwen3_5_think": ("<|im_start|>assistant\n<think>\n\n</think>\n\n", "<|im_end|>"),
    "qwen2_5": ("<|im_start|>assistant\n", "<|im_end|>"),
    "smollm3": ("<|im_start|>assistant\n<think>\n\n</think>\n", "<|im_end|>"),
    "gptoss": ("<|start|>assistant<|channel|>final<|message|>", "<|return|>"),
    "deepseek_r1_distill": ("<｜Assistant｜><think>\n\n</think>\n\n", "<｜end▁of▁sentence｜>"),
    "deepseek_r1_first": ("<｜Assistant｜><think>\n\n</think>\n\n", "<｜end▁of▁sentence｜>"),
    "deepseek_v31": ("<｜Assistant｜></think>", "<｜end▁of▁sentence｜>"),
    "glm4": ("<|assistant|>\n", "<|user|>"),
    "glm4moe": ("<|assistant|>\n<think></think>\n", "<|user|>"),
    "gemma": ("<start_of_turn>model\n", "<end_of_turn>"),
    "gemma3": ("<start_of_turn>model\n", "<end_of_turn>"),
    "cohere2": ("<|CHATBOT_TOKEN|><|START_RESPONSE|>", "<|END_RESPONSE|><|END_OF_TURN_TOKEN|>"),
    "llama3_2": ("assistant<|end_header_id|>\n\n", "<|eot_id|>"),
    "phi3": ("<|assistant|>\n", "<|end|>"),
    "nemotron_3_nano": ("<think></think>", "<|im_end|>"),
    "mistral": ("[/INST]", "<|im_end|>"),
    "smolvlm": ("Assistant:", "<end_of_utterance>"),
}


def rendered(words, own, messages, **options) -> str:
    """The tokenizer's own rendering, with what ``own`` passes to the template."""
    parts = [m | {"content": [{"type": "text", "text": m["content"]}]} for m in messages]
    source = words.chat_template
    if "strftime_now" in source:  # the clock's day in place of the pinned one
        source = re.sub(r"strftime_now\(['\"]([^'\"]*)['\"]\)", lambda m: repr(pinned_day(m[1])), source)
    return words.apply_chat_template(
        parts if own.parts else messages, chat_template=source, tokenize=False, **own.switches, **options
    )


def pinned_day(form: str) -> str:
    """The default day as a template's ``strftime_now`` prints it."""
    import datetime

    return datetime.date.fromisoformat(TEMPLATE_DATE).strftime(form)


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("answer", ANSWERS)
def test_what_is_trained_is_the_template_s_own_rendering(name, answer, words):
    tokens = chat_templates.tokenizer(words, chat_templates.source(name))
    own = PromptFormat(tokens, name)
    prompt = own.prompt(QUESTION)
    written = own.ended(prompt, answer)
    whole = rendered(tokens, own, [*QUESTION, {"role": "assistant", "content": answer}])
    if name in CLOSED:  # the empty thought is the family's, the rest is the template's
        empty = "<think>\n\n</think>\n\n"
        assert (prompt + written).replace(empty, "", 1) == whole
        return
    if own.end not in whole[len(prompt) :]:  # the end is the beginning of the next turn
        whole = rendered(tokens, own, [*QUESTION, {"role": "assistant", "content": answer}, *QUESTION])
    assert whole.startswith(prompt + written)
    assert own.about["own_rendering"]
    # Token for token: no seam between the prompt and the answer.
    ids = tokens(prompt + written, add_special_tokens=False).input_ids
    assert own.ids(prompt + written) == ids
    assert ids[: len(own.ids(prompt))] == own.ids(prompt)


@pytest.mark.parametrize("name", [name for name in ENDINGS if name in TEMPLATES])
def test_prompts_and_answers_end_as_the_family_ends_them(name, words):
    own = PromptFormat(chat_templates.tokenizer(words, chat_templates.source(name)), name)
    prompt, end = ENDINGS[name]
    assert own.prompt(QUESTION).endswith(prompt)
    assert own.end == end
    assert own.ended(own.prompt(QUESTION), "Paris") == f"{own.lead}Paris{end}"


@pytest.mark.parametrize("name", TEMPLATES)
def test_with_thinking_on_the_prompt_leaves_room_for_a_thought(name, words):
    tokens = chat_templates.tokenizer(words, chat_templates.source(name))
    if name == "muse_glimmer":  # it parts thoughts by whom they are said to
        with pytest.raises(UserError, match="--thinking on: how this template parts a thought"):
            PromptFormat(tokens, name, "on")
        return
    own = PromptFormat(tokens, name, "on")
    prompt = own.prompt(QUESTION)
    assert prompt == rendered(tokens, own, QUESTION, add_generation_prompt=True)
    assert own.thought.closes not in prompt.rpartition("France")[2]
    written = own.ended(prompt, "Paris")
    assert own.behind_thought(written).strip().startswith("Paris")
    thought = f"{'' if own.thinks_at_once else own.thought.opens}It is in Europe.{own.thought.closes}\n\nRome"
    assert own.behind_thought(thought).strip() == "Rome"


def test_a_thought_that_goes_on_has_nothing_behind_it(words):
    own = PromptFormat(chat_templates.tokenizer(words, OWN["smollm3"]), thinking="on")
    assert not own.thinks_at_once
    for begun in ("", "\n", "<", "<thi", "<think>", "<think>\nParis"):
        assert own.behind_thought(begun) is None
    assert own.behind_thought("<thinner") == "<thinner"
    assert own.behind_thought("<", ended=True) == "<"
    assert own.behind_thought("Paris") == "Paris"
    assert own.behind_thought("<think>Rome?</think>Paris") == "Paris"


DATED = (
    "{% for m in messages %}<|im_start|>{{ m.role }} {{ strftime_now('%d %b %Y') }} {{ strftime_now('%Y-%m-%d') }}\n"
    "{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def test_a_date_is_pinned(words):
    tokens = chat_templates.tokenizer(words, DATED)
    assert "01 Jan 2025 2025-01-01" in PromptFormat(tokens).prompt(QUESTION)
    assert PromptFormat(tokens).about["date"] == TEMPLATE_DATE
    other = PromptFormat(tokens, date="1999-12-31")
    assert "31 Dec 1999 1999-12-31" in other.prompt(QUESTION)
    assert other.about["date"] == "1999-12-31"


def test_a_template_s_first_line_break_stays(words):
    source = "\n" + DATED
    own = PromptFormat(chat_templates.tokenizer(words, source))
    plain = chat_templates.tokenizer(words, source.replace("strftime_now('%d %b %Y')", "'x'"))
    assert own.prompt(QUESTION)[:1] == PromptFormat(plain).prompt(QUESTION)[:1]


def test_a_date_for_a_template_without_one_is_refused(words):
    with pytest.raises(UserError, match="--template_date: its chat template prints no date"):
        PromptFormat(chat_templates.tokenizer(words, OWN["glm4"]), date="1999-12-31")


def test_a_template_that_raises_is_quoted(words):
    own = PromptFormat(chat_templates.tokenizer(words, OWN["strict"]), "mine")
    with pytest.raises(UserError, match=r"--model mine: its chat template .*Only user and assistant roles, please"):
        own.prompt([{"role": "system", "content": "Be brief."}, *QUESTION])


@pytest.mark.parametrize("template", ["{{ bos_token }} hello", "{% for m in messages %}{{ m.role }}{% endfor %}"])
def test_a_template_that_leaves_out_what_is_said_is_refused(template, words):
    with pytest.raises(UserError, match="leaves out what is said"):
        PromptFormat(chat_templates.tokenizer(words, template))


def test_several_templates_without_a_default_are_refused(words):
    tokens = chat_templates.tokenizer(words, {"rag": OWN["glm4"], "tools": OWN["glm4"]})
    with pytest.raises(UserError, match="none of its chat templates"):
        PromptFormat(tokens)
    tokens.chat_template = {"default": OWN["glm4"], "rag": OWN["strict"]}
    assert PromptFormat(tokens).prompt(QUESTION).startswith("[gMASK]")


def with_bos(words, template, end=False):
    """A tokenizer that puts <pad> in front of every text as its BOS, and perhaps <|im_end|> behind it."""
    import tokenizers

    tokens = chat_templates.tokenizer(words, template)
    behind = " <|im_end|>" if end else ""
    ids = [("<pad>", tokens.convert_tokens_to_ids("<pad>")), ("<|im_end|>", tokens.convert_tokens_to_ids("<|im_end|>"))]
    inner = tokens.backend_tokenizer
    inner.post_processor = tokenizers.processors.TemplateProcessing(single=f"<pad> $A{behind}", special_tokens=ids)
    options = {"bos_token": "<pad>", "eos_token": "<|im_end|>", "chat_template": template}
    found = transformers.PreTrainedTokenizerFast(tokenizer_object=inner, **options)
    found.add_special_tokens({"additional_special_tokens": chat_templates.SPECIAL})
    return found


@pytest.mark.parametrize("name", ["glm4", "mistral"])
def test_bos_is_as_the_template_s_own_tokenised_form_has_it(name, words):
    tokens = with_bos(words, OWN[name])
    own = PromptFormat(tokens)
    prompt = own.prompt(QUESTION)
    form = tokens.apply_chat_template(QUESTION, add_generation_prompt=True, return_dict=True)["input_ids"]
    assert own.ids(prompt)[: len(form)] == form
    assert own.ids(prompt).count(tokens.bos_token_id) == (name == "mistral")
    assert own.ids("Answer:")[0] == tokens.bos_token_id


def test_no_prompt_ends_in_an_end_token_that_the_tokenizer_adds(words):
    tokens = with_bos(words, OWN["glm4"], end=True)
    assert tokens("Answer:").input_ids[-1] == tokens.eos_token_id
    assert PromptFormat(tokens).ids("Answer:") == tokens("Answer:").input_ids[:-1]


def test_letters_follow_the_prompt_as_it_stands(words):
    own = PromptFormat(chat_templates.tokenizer(words, OWN["strict"]))
    assert own.lead_of("Answer:") == " "
    assert own.lead_of("Answer:\n") == own.lead_of("答案：") == own.lead_of("答案") == ""
    assert own.lead_of(own.prompt(QUESTION)) == ""
    spaced = PromptFormat(chat_templates.tokenizer(words, OWN["mistral"]))
    assert spaced.lead_of(spaced.prompt(QUESTION)) == " "


def test_without_any_end_nothing_is_trained(words):
    tokens = chat_templates.tokenizer(words, None)
    tokens.eos_token = None
    own = PromptFormat(tokens, "mine")
    with pytest.raises(UserError, match="nothing would end a trained answer"):
        own.ended("Answer:", "Paris")
    assert PromptFormat(tokens, "mine", end_token="<sop>").ended("Answer:", "Paris") == " Paris<sop>"


def test_an_end_that_is_no_token_is_spelt_out(words):
    source = "{% for m in messages %}<|me|>{{ m.role }}\n{{ m.content }}<|over|>\n{% endfor %}"
    source += "{% if add_generation_prompt %}<|me|>assistant\n{% endif %}"
    own = PromptFormat(chat_templates.tokenizer(words, source))
    assert (own.end, own.spelt_end) == ("<|over|>", "<|over|>")
    assert own.ended(own.prompt(QUESTION), "Paris") == "Paris<|over|>"
    assert PromptFormat(chat_templates.tokenizer(words, OWN["strict"])).spelt_end is None


@pytest.mark.skipif("gemma4_v2" not in REAL, reason="trl is not installed")
@pytest.mark.parametrize("name", ["gemma4", "gemma4_v2", "gemma4_v5"])
def test_gemma_s_thoughts_are_known_by_either_mark(name, words):
    own = PromptFormat(chat_templates.tokenizer(words, chat_templates.source(name)), thinking="on")
    assert own.behind_thought("<|channel>thought\nIn Europe.\n<channel|>Paris") == "Paris"
    assert own.behind_thought("<|channel>thought\nIn Europe.\n") is None


def test_a_thought_in_a_tag_of_its_own_is_closed(words):
    source = OWN["strict"].replace("assistant\\n' }}{% endif %}", "assistant\\n<thought>\\n' }}{% endif %}")
    source += "{# </thought> is cut off earlier answers #}"
    own = PromptFormat(chat_templates.tokenizer(words, source))
    assert own.prompt(QUESTION).endswith("<|im_start|>assistant\n<thought>\n\n</thought>\n\n")
    on = PromptFormat(chat_templates.tokenizer(words, source), thinking="on")
    assert on.behind_thought("Rome?</thought>Paris") == "Paris"


def test_a_template_that_begins_with_what_is_said_is_known_by_what_stands_behind(words):
    source = "{% for m in messages %}{% if m.role == 'user' %}{{ m.content + '\\n### Response:\\n' }}{% else %}"
    source += "{{ m.content + '<|eot|>\\n' }}{% endif %}{% endfor %}"
    own = PromptFormat(with_bos(words, source))
    prompt = own.prompt(QUESTION)
    assert own.rendered(prompt)
    assert not own.rendered("Answer:")
    assert own.ended(prompt, "Paris") == "Paris<|eot|>"
    assert own.ids(prompt)[0] != own.tokenizer.bos_token_id


def test_every_way_to_print_a_day_is_pinned(words):
    source = DATED.replace("'%d %b %Y'", "format='%-d %B %y, %-I %p, %j'")
    assert "1 January 25, 12 AM, 001" in PromptFormat(chat_templates.tokenizer(words, source)).prompt(QUESTION)


def test_an_answer_with_a_thought_is_trained_as_it_is_rendered(words):
    """Only where the model may think; and no template's change of an answer is trained over."""
    from chat_templates import tokenizer

    if "qwen3" not in REAL:
        pytest.skip("trl is not installed")
    thinking = {"role": "assistant", "content": "<think>\nIn Europe.\n</think>\n\nParis"}
    off, on = (PromptFormat(tokenizer(words, chat_templates.source("qwen3")), "m", t) for t in ("off", "on"))
    prompt, written = on.exchange([*QUESTION, thinking])
    assert (prompt, written) == (on.prompt(QUESTION), "<think>\nIn Europe.\n</think>\n\nParis<|im_end|>")
    apart = {"role": "assistant", "content": "Paris", "reasoning_content": "In Europe."}
    assert on.exchange([*QUESTION, apart]) == (prompt, written)
    with pytest.raises(UserError, match="--thinking off: its chat template renders this answer in another way"):
        off.exchange([*QUESTION, thinking])
    assert off.exchange([*QUESTION, {"role": "assistant", "content": "Paris"}])[1] == "Paris<|im_end|>"
    trims = PromptFormat(tokenizer(words, chat_templates.source("llama3_1")))
    assert trims.exchange([*QUESTION, {"role": "assistant", "content": " Paris \n"}])[1] == "Paris<|eot_id|>"
