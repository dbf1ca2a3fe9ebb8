"""The users' model families on tiny checkpoints of their true architectures: what a claim to support one needs.

ChatGLM2 and Qwen v1 run their own code (see ``checkpoints``). Numbers are compared with one plain forward pass of the
model's own for each sequence.
"""

import base64

import checkpoints
import numpy as np
import pytest
import sentencepiece
import tiny
import torch
from batches import LARGE, SMALL, everything, said
from checkpoints import CASES, argmax_loop, letters, load

from knowledge_boundary.engine import exactness, gradients, layers, sampling, scoring
from knowledge_boundary.engine.loss import answer_loss, tokenise, turns_of
from knowledge_boundary.knowledge import conflict
from knowledge_boundary.models import families
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.training import trainer
from knowledge_boundary.training.adapters import add_lora

PACKED = {"open_llama", "llama3", "qwen2"}
SHOTS = (
    "The following are multiple choice questions (with answers) about high school physics.\n\n" + checkpoints.TEXTS[2]
)
TAILS = [
    "What is the thermal energy of a gas?",
    "Is it 50 %?",
    "What is the capital of France, the state?" * 4,
    "Why  so?",
]
PROMPTS = [f"{SHOTS}{tail}\nA. 3.5 J\nB. None\nC. Paris\nD. 0\nAnswer:" for tail in TAILS]
IDS = checkpoints.REFERENCE
TUNE = ["--lora_r", 8, "--lora_dropout", 0, "--batch_size", 4, "--epochs", 4, "--learning_rate", "1e-2"]


@pytest.fixture(scope="module", params=CASES)
def case(request):
    """The family's name and where its code is from."""
    return request.param


@pytest.fixture(scope="module")
def folder(case, tmp_path_factory):
    """The family's checkpoint."""
    return checkpoints.make(tmp_path_factory.mktemp("families") / case.replace("-", "_"), *case.split("-"))


@pytest.fixture(scope="module")
def lm(folder):
    """The family's model."""
    return load(folder)


@pytest.fixture(scope="module")
def shared(lm):
    """What the exactness check at load says."""
    return exactness.check(lm)


def test_states_of_layers_are_the_model_s_own(lm, shared):
    found = layers.last_token_states(lm, PROMPTS, PROMPTS, [1, layers.depth(lm.model)], 512, shared)
    for prompt, state, last in zip(PROMPTS, *found.values(), strict=True):
        ids = torch.tensor([lm.encode(prompt)])
        with torch.no_grad():
            out = families.base_model(lm.model)(input_ids=ids, output_hidden_states=True)
        own = (
            x.transpose(0, families.of(lm.model).states_batch) for x in (out.hidden_states[1], out.last_hidden_state)
        )
        for ours, theirs in zip((state, last), own, strict=True):
            np.testing.assert_allclose(ours, theirs[0, -1].numpy(), atol=1e-4)


def test_gradients_of_single_examples(folder, shared):
    lm = load(folder)  # anew: what a model keeps of a pass that had no way back can have none
    rows = turns_of(tokenise(lm, [(prompt, " Paris, A") for prompt in PROMPTS]))
    found = gradients.unit_gradients(lm, rows, shared)
    for i in range(len(rows)):  # beside the last one, so that what all share stays the same
        alone = gradients.unit_gradients(lm, [rows[i], *rows[:i], *rows[i + 1 :]], shared=False)[0]
        np.testing.assert_allclose(found[i], alone, atol=1e-4)
    assert (found @ found.T < 0.9999).any()


def test_logits_are_those_of_the_model_that_was_saved(lm, folder):
    stored = torch.load(folder / "reference.pt")
    found = tiny.full_forward(lm, IDS)
    assert stored.std() > 0.5
    assert torch.allclose(found, stored, atol=1e-5)


def test_two_loads_agree(lm, folder):
    other = load(folder)
    assert torch.equal(tiny.full_forward(lm, IDS), tiny.full_forward(other, IDS))


def test_the_dtype_is_the_one_asked_for(lm):
    assert {p.dtype for p in lm.model.parameters()} == {torch.float32}


def test_the_tokenizer_is_its_own_vocabulary(lm, folder, case):
    texts = [*PROMPTS, *checkpoints.TEXTS, families.PROBE, "  two  spaces,\ttabs\n\n\n and lines ", "naïve 北京 £"]
    if (folder / "tokenizer.model").is_file():
        plain = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model")).encode
        begin = [1] if case == "open_llama" else [lm.tokenizer.get_command("[gMASK]"), lm.tokenizer.get_command("sop")]
        assert "thermal" in families.PROBE
    elif (folder / "qwen.tiktoken").is_file():
        lines = [line.split() for line in (folder / "qwen.tiktoken").read_bytes().splitlines()]
        ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
        tiktoken = pytest.importorskip("tiktoken")
        plain = tiktoken.Encoding(
            "own", pat_str=lm.tokenizer.tokenizer._pat_str, mergeable_ranks=ranks, special_tokens={}
        ).encode
        begin = []
    else:
        plain, begin = tiny.tokenizer().encode, []
    for text in texts:
        assert lm.encode(text) == begin + plain(text)


def test_an_answer_ends_with_the_end_token(lm):
    ids, start = lm.encode_pair("Answer:", f" Paris{lm.tokenizer.eos_token}")
    assert ids[:start] == lm.encode("Answer:")
    assert ids[:-1] == lm.encode("Answer: Paris")
    assert ids[-1] == lm.tokenizer.eos_token_id
    assert ids[-1] in lm.end_tokens


def test_the_window_is_what_its_config_says(lm):
    assert lm.window == 2048  # Qwen v1: not its max_position_embeddings, 4096


def test_letters_are_four_tokens(lm):
    ids = scoring.candidate_ids(lm, PROMPTS[0], "ABCD")
    assert len(set(ids)) == 4
    assert [lm.tokenizer.decode([i]).strip() for i in ids] == [*"ABCD"]


def test_whether_prefixes_are_shared(case, shared):
    assert shared is (case in PACKED)


@pytest.mark.parametrize("batch_tokens", [SMALL, LARGE])
def test_letters_equal_one_forward_each(lm, shared, batch_tokens):
    wanted = np.stack([letters(lm, prompt) for prompt in PROMPTS])
    for how in {shared, False}:
        found = everything(scoring.letter_probabilities(lm, PROMPTS, ["ABCD"] * 4, batch_tokens, how), 4)
        assert np.abs(np.stack([p for p, _ in found]) - wanted).max() <= 1e-5


def test_options_equal_one_forward_each(lm, shared):
    options = [[" Paris", " 3.5 J of thermal energy"]] * 4
    found = everything(scoring.option_log_likelihoods(lm, PROMPTS, options, LARGE, shared), 4)
    for prompt, texts, result in zip(PROMPTS, options, found, strict=True):
        for text, (value, count) in zip(texts, result, strict=True):
            ids, start = lm.encode_pair(prompt, text)
            logprobs = tiny.full_forward(lm, ids).log_softmax(-1)
            wanted = sum(logprobs[t - 1, ids[t]].item() for t in range(start, len(ids)))
            assert count == len(ids) - start
            assert value == pytest.approx(wanted, abs=5e-5)


def test_greedy_answers_equal_an_argmax_loop(lm, shared):
    asked = [*PROMPTS, PROMPTS[0]]
    for how in {shared, False}:
        found = everything(sampling.answer(lm, asked, [*"abcde"], 0, 6, LARGE, how), 5)
        assert [greedy.text for _, greedy in found] == [argmax_loop(lm, prompt, 6) for prompt in asked]


def test_generate_equals_an_argmax_loop(lm):
    """The model's own loop too: the argmax loop is not only our own reading of the model."""
    ids, end = lm.encode(PROMPTS[1]), lm.tokenizer.eos_token_id
    out = lm.model.generate(
        torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), do_sample=False, num_beams=1,
        max_new_tokens=6, eos_token_id=end, pad_token_id=end,
    )  # fmt: skip
    assert argmax_loop(lm, PROMPTS[1], 6) == said(lm, out[0, len(ids) :].tolist())


def test_samples_have_the_probabilities_of_plain_passes(lm, shared):
    ((samples, _),) = everything(sampling.answer(lm, PROMPTS[1:2], ["x"], 50, 3, LARGE, shared), 1)
    for answer in {a.text: a for a in samples}.values():
        assert all(np.isfinite(answer.logprobs))
    for how in {shared, False}:
        again = everything(sampling.answer(lm, PROMPTS[1:2], ["x"], 50, 3, LARGE, how), 1)
        assert [a.text for a in again[0][0]] == [a.text for a in samples]


def test_representations_are_what_the_head_reads(lm, shared):
    seen = []
    handle = families.lm_head(lm.model).register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    wanted = []
    for prompt in PROMPTS:
        ids = lm.encode(prompt)
        tiny.full_forward(lm, ids)
        last = seen.pop().reshape(len(ids), -1)[-1].numpy()
        wanted.append(last / np.linalg.norm(last))
    handle.remove()
    with torch.no_grad():  # Qwen v1 keeps tables of passes in inference mode, which no gradient may meet
        hidden, _ = families.run_base(lm.model, input_ids=torch.tensor([IDS, IDS]))
    assert hidden.shape == (2, len(IDS), lm.model.config.hidden_size)
    found = conflict.representations(lm, PROMPTS, [*"abcd"], LARGE, shared)
    assert np.abs(found - np.stack(wanted)).max() <= 1e-5


@pytest.mark.parametrize("lora_r", [4, 0])
def test_training_lowers_the_loss_and_reloads_exactly(folder, tmp_path, lora_r):
    lm = load(folder)
    examples = [(prompt, f" {answer}{lm.tokenizer.eos_token}") for prompt, answer in zip(PROMPTS, "ABCD", strict=True)]
    rate = 1e-2 if lora_r else 1e-3
    out = tmp_path / "tuned"
    settings = tiny.settings(lora_r=lora_r, learning_rate=rate, epochs=4)
    before = tiny.full_forward(lm, IDS)
    losses = trainer.fine_tune(lm, examples, settings, out, shared=exactness.check(lm))["losses"]
    assert losses[-1] < losses[0] - 0.05
    tuned = tiny.full_forward(lm, IDS)
    assert (tuned - before).abs().max() > 0.01
    again = load(tmp_path / "tuned")
    assert torch.allclose(tiny.full_forward(again, IDS), tuned, atol=2e-5)
    assert again.encode(PROMPTS[0]) == lm.encode(PROMPTS[0])


def test_loss_and_gradients_do_not_depend_on_the_way(folder):
    lm = load(folder)
    shared = exactness.check(lm)
    rows = turns_of(tokenise(lm, [(prompt, " Paris, A") for prompt in PROMPTS]))
    wanted = 0
    for row in rows:
        logits = lm.model(torch.tensor([row["input_ids"]])).logits[0, row["start"] - 1 : -1].float()
        wanted += torch.nn.functional.cross_entropy(
            logits, torch.tensor(row["input_ids"][row["start"] :]), reduction="sum"
        )
    weight = next(
        p
        for name, p in lm.model.named_parameters()
        if "query_key_value.w" in name or "attn.w" in name or "q_proj.w" in name
    )
    (gradient,) = torch.autograd.grad(wanted, weight)
    for how in {shared, False}:
        loss = answer_loss(lm.model, rows, how, "sum")
        assert loss.item() == pytest.approx(wanted.item(), rel=1e-5)
        (found,) = torch.autograd.grad(loss, weight)
        assert (found - gradient).norm() <= 1e-5 * gradient.norm()


def test_lora_adapts_the_familys_layers(folder, case):
    lm = load(folder)
    model = add_lora(lm.model, tiny.settings(lora_r=4))
    adapted = {name.split(".lora_")[0].rsplit(".", 1)[1] for name, _ in model.named_parameters() if "lora_" in name}
    projections = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    assert adapted == {"chatglm2": {"query_key_value"}, "qwen": {"c_attn"}}.get(case.split("-")[0], projections)


def test_a_forced_prefix_is_never_silently_wrong(lm, shared):
    """Packing a family that does not pack ends with an error, not with numbers."""
    if shared:
        pytest.skip("packs")
    for texts in (PROMPTS, [p[-60:] for p in PROMPTS], ["a", "b"]):
        with pytest.raises(UserError, match="prefix"):
            list(scoring.letter_probabilities(lm, texts, ["ABCD"] * len(texts), LARGE, True))
        with pytest.raises(UserError, match="prefix"):
            list(sampling.answer(lm, texts, [str(i) for i in range(len(texts))], 2, 2, LARGE, True))
