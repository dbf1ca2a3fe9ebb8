"""Chat templates in every manner: the real ones of forty families, out of the package trl, and our own of others."""

import importlib.util
from pathlib import Path

import transformers

SPEC = importlib.util.find_spec("trl")  # not imported: it brings what the tests do not need
REAL = sorted((Path(SPEC.origin).parent / "chat_templates").glob("*.jinja")) if SPEC else []
REAL = {path.stem: path for path in REAL if not path.stem.endswith("_training")}

# Manners that trl has no template for, written for the tests.
TURN = "{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}"
OWN = {
    # SmolLM3: the choice stands in the system's text too.
    "smollm3": (
        "{{ '<|im_start|>system\\nReasoning Mode: ' + ('/think' if enable_thinking | default(true) else '/no_think') "
        "+ '<|im_end|>\\n' }}{% for m in messages %}{% if m.role == 'assistant' %}{{ '<|im_start|>assistant\\n' }}"
        "{% if not enable_thinking | default(true) %}{{ '<think>\\n\\n</think>\\n' }}{% endif %}"
        "{{ m.content + '<|im_end|>\\n' }}{% else %}" + TURN + "{% endif %}{% endfor %}{% if add_generation_prompt %}"
        "{{ '<|im_start|>assistant\\n' }}{% if not enable_thinking | default(true) %}{{ '<think>\\n\\n</think>\\n' }}"
        "{% endif %}{% endif %}"
    ),
    # GLM-4: an answer begins with a line break, and ends where the next turn begins.
    "glm4": (
        "[gMASK]<sop>{% for m in messages %}{{ '<|' + m.role + '|>\\n' + m.content }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
    ),
    # DeepSeek V3.1: a switch of another name, and an end of thought without a beginning.
    "deepseek_v31": (
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}{{ '<｜User｜>' + m.content }}"
        "{% elif m.role == 'assistant' %}{{ '<｜Assistant｜></think>' + m.content + '<｜end▁of▁sentence｜>' }}"
        "{% else %}{{ m.content }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<｜Assistant｜>' + "
        "('<think>' if thinking | default(false) else '</think>') }}{% endif %}"
    ),
    # DeepSeek-R1's first: it says nothing of thinking but that it cuts thoughts off earlier answers.
    "deepseek_r1_first": (
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}{{ '<｜User｜>' + m.content }}{% else %}"
        "{{ '<｜Assistant｜>' + m.content.split('</think>')[-1] + '<｜end▁of▁sentence｜>' }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<｜Assistant｜>' }}{% endif %}"
    ),
    # Llama 2, Mistral: the space before an answer is the answer's token.
    "mistral": (
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}{{ '[INST] ' + m.content + ' [/INST]' }}"
        "{% else %}{{ ' ' + m.content + eos_token }}{% endif %}{% endfor %}"
    ),
    "strict": "{{ raise_exception('Only user and assistant roles, please') if messages[0].role == 'system' }}"
    "{% for m in messages %}"
    + TURN
    + "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
}
SPECIAL = [
    "<|im_start|>", "<|im_end|>", "<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<|START_RESPONSE|>",
    "<|END_RESPONSE|>", "<|CHATBOT_TOKEN|>", "<|USER_TOKEN|>", "<|SYSTEM_TOKEN|>", "<｜User｜>", "<｜Assistant｜>",
    "<｜end▁of▁sentence｜>", "<|turn>", "<turn|>", "<start_of_turn>", "<end_of_turn>", "<|system|>", "<|user|>",
    "<|assistant|>", "<|start|>", "<|message|>", "<|channel|>", "<|return|>", "<|end|>", "<|eot_id|>", "<|eot|>",
    "<|start_header_id|>", "<|end_header_id|>", "<end_of_utterance>", "<|begin_of_text|>", "[gMASK]", "<sop>", "</s>",
]  # fmt: skip


def source(name: str) -> str:
    """A template's text."""
    return OWN[name] if name in OWN else REAL[name].read_text(encoding="utf-8")


def tokenizer(words, template: str):
    """A copy of the tokenizer ``words`` with the special tokens of all families and this template."""
    inner = transformers.PreTrainedTokenizerFast(
        tokenizer_object=words.backend_tokenizer.__class__.from_str(words.backend_tokenizer.to_str()),
        bos_token="<pad>", eos_token="<|im_end|>", chat_template=template,
    )  # fmt: skip
    inner.add_special_tokens({"additional_special_tokens": SPECIAL})
    return inner
