"""The built-in fine-tune against the plain way: loss, gradients, tokens, checkpoints, the weights it writes."""

import copy
import json

import peft
import pytest
import tiny
import torch

from knowledge_boundary.engine.loss import alike, answer_loss, tokenise, turns_of, weighted_tokens
from knowledge_boundary.models import loading
from knowledge_boundary.models.prompt_format import PromptFormat
from knowledge_boundary.running import ranks
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.training import formats, trainer
from knowledge_boundary.training.adapters import add_lora

INSTRUCTION = "Answer the following question, and if you don't know the answer, only reply with 'I don't know': "
EXAMPLES = [
    (f"<|im_start|>user\n{INSTRUCTION}\n{question}<|im_end|>\n<|im_start|>assistant\n", f"{answer}<|im_end|>")
    for question, answer in (
        ("What is the capital of Peru?", "Lima"),
        ("What is the capital of the country that has a border with both Chile and Brazil?", "Buenos Aires"),
        ("Au?", "gold"),
        ("What is the chemical symbol for tungsten?", "I don't know."),
        ("What is the capital of France?", "Paris"),
        ("Which?", "I don't know."),
    )
]


@pytest.fixture(params=["full", "lora"])
def lm(request, words):
    """A tiny model, with an adapter that already does something for ``lora``."""
    model = tiny.random_model("llama", len(words))
    if request.param == "lora":
        model = add_lora(model, tiny.settings())
        torch.manual_seed(1)
        for name, p in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(p, std=0.1)
    return tiny.wrap(model, words)


def inner(model):
    """The causal LM of a model, with its adapters in place."""
    return model.get_base_model() if isinstance(model, peft.PeftModel) else model


def gradients(model, loss) -> torch.Tensor:
    """All gradients of ``loss`` as one vector."""
    model.zero_grad()
    loss.backward()
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.requires_grad])


def hf_loss(model, rows) -> torch.Tensor:
    """transformers' own loss: right-padded, the prompts masked with -100."""
    longest = max(len(r["input_ids"]) for r in rows)
    ids, mask, labels = (torch.full((len(rows), longest), fill) for fill in (0, 0, -100))
    for i, r in enumerate(rows):
        n = len(r["input_ids"])
        ids[i, :n] = torch.tensor(r["input_ids"])
        mask[i, :n] = 1
        labels[i, r["start"] : n] = ids[i, r["start"] : n]
    return model(input_ids=ids, attention_mask=mask, labels=labels).loss


def test_loss_and_gradients_equal_the_plain_way(lm):
    rows = turns_of(tokenise(lm, EXAMPLES))
    losses = [
        answer_loss(inner(lm.model), rows, True),
        answer_loss(inner(lm.model), rows, False),
        hf_loss(lm.model, rows),
    ]
    vectors = [gradients(lm.model, loss) for loss in losses]
    assert vectors[2].norm() > 0.1
    for loss, vector in zip(losses[:2], vectors[:2], strict=True):
        assert loss.item() == pytest.approx(losses[2].item(), rel=1e-5)
        assert (vector - vectors[2]).norm() / vectors[2].norm() <= 1e-5


def test_loss_takes_one_example_and_a_sum(words):
    lm = tiny.wrap(tiny.random_model("qwen2", len(words)), words)
    rows = turns_of(tokenise(lm, EXAMPLES[:1]))
    answer = rows[0]["input_ids"][rows[0]["start"] :]
    logprobs = tiny.full_forward(lm, rows[0]["input_ids"]).log_softmax(-1)
    wanted = -sum(logprobs[rows[0]["start"] - 1 + i, token].item() for i, token in enumerate(answer))
    assert answer_loss(lm.model, rows, True, "sum").item() == pytest.approx(wanted, rel=1e-5)


# ---- weights ----

WEIGHTS = [0.25, 2, 1, 0.5, 3, 0]


def losses_by_hand(lm, rows) -> list:
    """[Σₜ CEₜ] of each row, from the logits of its whole sequence alone."""
    found = []
    for row in rows:
        logits = tiny.full_forward(lm, row["input_ids"]).log_softmax(-1)
        places = range(row["start"], len(row["input_ids"]))
        found.append(-sum(logits[t - 1, row["input_ids"][t]].item() for t in places))
    return found


@pytest.mark.parametrize("packed", [True, False])
def test_the_weighted_loss_by_hand(words, packed):
    lm = tiny.wrap(tiny.random_model("llama", len(words)), words)
    rows = turns_of(tokenise(lm, EXAMPLES, WEIGHTS))
    sums, tokens = losses_by_hand(lm, rows), [len(r["input_ids"]) - r["start"] for r in rows]
    total = sum(w * s for w, s in zip(WEIGHTS, sums, strict=True))
    weighed = sum(w * n for w, n in zip(WEIGHTS, tokens, strict=True))
    assert weighted_tokens(rows) == weighed
    assert answer_loss(lm.model, rows, packed, "sum").item() == pytest.approx(total, rel=1e-5)
    assert answer_loss(lm.model, rows, packed).item() == pytest.approx(total / weighed, rel=1e-5)
    assert total / weighed != pytest.approx(sum(sums) / sum(tokens), rel=1e-4)


def test_the_weighted_loss_and_gradients_are_the_same_packed_and_whole(lm):
    rows = turns_of(tokenise(lm, EXAMPLES, WEIGHTS))
    packed, whole, alone = (
        gradients(lm.model, answer_loss(inner(lm.model), rows, *how))
        for how in ((True,), (False,), (False, "mean", False))
    )
    assert whole.norm() > 0.1
    for vector in (packed, alone):
        assert (vector - whole).norm() / whole.norm() <= 1e-5


@pytest.mark.parametrize("packed", [True, False])
def test_weight_2_is_the_example_stated_twice(lm, packed):
    once = turns_of(tokenise(lm, EXAMPLES[:4], [1, 2, 1, 1]))
    twice = turns_of(tokenise(lm, [*EXAMPLES[:4], EXAMPLES[1]]))
    losses = [answer_loss(inner(lm.model), rows, packed) for rows in (once, twice)]
    assert losses[0].item() == pytest.approx(losses[1].item(), rel=1e-6)
    vectors = [gradients(lm.model, loss) for loss in losses]
    assert (vectors[0] - vectors[1]).norm() / vectors[1].norm() <= 1e-5


@pytest.mark.parametrize("packed", [True, False])
def test_weights_of_1_are_the_plain_loss_bit_for_bit(lm, packed):
    weighed = turns_of(tokenise(lm, EXAMPLES, [1.0] * len(EXAMPLES)))
    plain = [{k: row[k] for k in ("input_ids", "start")} for row in weighed]
    for reduction in ("mean", "sum"):
        losses = [answer_loss(inner(lm.model), rows, packed, reduction) for rows in (weighed, plain)]
        assert losses[0].item() == losses[1].item()
        assert torch.equal(*(gradients(lm.model, loss) for loss in losses))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_batch_of_weight_0_gives_0(lm, reduction):
    rows = turns_of(tokenise(lm, EXAMPLES[:2], [0, 0.0]))
    loss = answer_loss(inner(lm.model), rows, True, reduction)
    assert loss.item() == 0
    assert gradients(lm.model, loss).abs().max() == 0


def test_the_turns_of_a_conversation_have_its_weight(lm):
    rows = tokenise(lm, [EXAMPLES[:2], EXAMPLES[2]], [0.5, 1])
    assert [turn["weight"] for turn in turns_of(rows)] == [0.5, 0.5, 1]


def trained(words, tmp_path, examples, weights=None):
    """The summary of a training in batches of all examples, and the weights that it has found."""
    lm = tiny.wrap(tiny.random_model("llama", len(words)), words)
    settings = tiny.settings(lora_r=0, batch_size=8, epochs=3)
    found = trainer.fine_tune(lm, examples, settings, tmp_path / "out", shared=True, weights=weights)
    return found, torch.cat([p.detach().flatten() for p in lm.model.parameters()])


def test_training_with_weights_is_training_on_examples_stated_so_often(words, tmp_path, capsys):
    weighed, ours = trained(words, tmp_path, EXAMPLES[:4], [1, 3, 0, 1])
    assert "1 of 4 examples have weight 0: left out" in capsys.readouterr().out
    stated, theirs = trained(words, tmp_path, [EXAMPLES[i] for i in (0, 1, 1, 1, 3)])
    assert "left out" not in capsys.readouterr().out
    assert weighed["losses"] == pytest.approx(stated["losses"], rel=1e-5)
    assert [weighed[k] for k in ("examples", "left_out", "weight", "steps")] == [3, 1, 5, 3]
    assert [stated[k] for k in ("examples", "left_out", "weight", "steps")] == [5, 0, 5, 3]
    start = torch.cat([p.flatten() for p in tiny.random_model("llama", len(words)).parameters()])
    assert (ours - theirs).norm() <= 1e-3 * (theirs - start).norm()


def test_weights_of_1_train_as_none(words, tmp_path):
    weighed, ours = trained(words, tmp_path, EXAMPLES, [1.0] * len(EXAMPLES))
    plain, theirs = trained(words, tmp_path, EXAMPLES)
    assert weighed["losses"] == plain["losses"]
    assert torch.equal(ours, theirs)


def test_examples_of_like_length_run_together():
    lengths = [100, 10, 9, 95, 8, 50, 1]
    groups = alike([{"input_ids": [0] * n} for n in lengths])
    assert [[len(r["input_ids"]) for r in group] for group in groups] == [[1], [8, 9, 10], [50], [95, 100]]
    assert len(alike([{"input_ids": [0] * 7}] * 5)) == 1


def test_a_wrapper_runs_the_loss_as_its_own_forward_pass():
    inner = torch.nn.Linear(2, 1)
    seen = []
    inner.register_forward_hook(lambda module, args, out: seen.append(out))
    wrapper = torch.nn.Sequential(inner)
    assert ranks.as_forward(wrapper, inner, lambda: "loss") == "loss"
    assert seen == ["loss"]
    assert "forward" not in vars(inner)
    inner.forward = lambda x: "patched"
    assert ranks.as_forward(wrapper, inner, lambda: "loss") == "loss"
    assert inner(0) == "patched"


def test_tokenise_puts_the_answer_behind_the_prompt(lm):
    for (prompt, answer), row in zip(EXAMPLES, turns_of(tokenise(lm, EXAMPLES)), strict=True):
        assert row["input_ids"][: row["start"]] == lm.encode(prompt)
        assert lm.tokenizer.decode(row["input_ids"][row["start"] :]) == answer


def test_the_turns_of_a_conversation_are_one_example(lm):
    conversation, alone = tokenise(lm, [EXAMPLES[:2], EXAMPLES[2]])
    assert conversation["turns"] == turns_of(tokenise(lm, EXAMPLES[:2]))
    assert [alone] == tokenise(lm, EXAMPLES[2:3])
    assert turns_of([conversation, alone]) == turns_of(tokenise(lm, EXAMPLES[:3]))


def test_a_merge_across_the_seam_keeps_the_prompt(lm):
    (row,) = turns_of(tokenise(lm, [("The capi", "tal is Rome")]))
    assert row["input_ids"][: row["start"]] == lm.encode("The capi")
    assert lm.tokenizer.decode(row["input_ids"]) == "The capital is Rome"


def test_an_example_longer_than_the_window_is_refused(words):
    lm = tiny.wrap(tiny.random_model("llama", len(words), max_position_embeddings=32), words)
    with pytest.raises(UserError, match=r"training example 1: .* the model takes 32"):
        tokenise(lm, [("What?", " That"), EXAMPLES[1]])


def test_an_empty_answer_is_refused(lm):
    with pytest.raises(UserError, match="training example 0"):
        tokenise(lm, [("What?", "")])


def test_text_without_a_prompt_is_trained_from_its_second_token(words):
    lm = tiny.wrap(tiny.random_model("llama", len(words)), words)
    rows = turns_of(tokenise(lm, [("", prompt + answer) for prompt, answer in EXAMPLES]))
    wanted = hf_loss(lm.model, rows).item()
    for packed in (True, False):
        assert answer_loss(lm.model, rows, packed).item() == pytest.approx(wanted, rel=1e-5)


def test_rank_zero_trains_all_weights(words):
    model = tiny.random_model("llama", len(words))
    assert add_lora(model, tiny.settings(lora_r=0)) is model
    assert all(p.requires_grad for p in model.parameters())


def test_lora_trains_its_own_weights_only(words):
    model = add_lora(tiny.random_model("llama", len(words)), tiny.settings(lora_r=4))
    trained = [name for name, p in model.named_parameters() if p.requires_grad]
    assert trained
    assert all("lora_" in name for name in trained)
    assert not any("lm_head" in name for name in trained)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("lora_r", [0, 4])
def test_fine_tune_lowers_the_loss_and_reloads(checkpoint, tmp_path, lora_r, shared):
    lm = tiny.load(checkpoint)
    before = copy.deepcopy(lm.model.state_dict())
    out = tmp_path / "out"
    settings = tiny.settings(lora_r=lora_r, epochs=15, learning_rate=1e-2 if lora_r else 2e-3)
    summary = trainer.fine_tune(lm, EXAMPLES, settings, out, shared)
    assert summary["last_loss"] < 0.5 * summary["first_loss"]
    assert summary["steps"] == len(summary["losses"]) == 30
    assert summary["prefix_cache"] == ("shared" if shared else "whole examples")
    assert (summary["lora"] is None) == (lora_r == 0)
    assert {lm.about[f"{part}_dtype"] for part in ("master", "optimizer", "compute")} == {"float32"}
    assert (tmp_path / "out" / ("adapter_model.safetensors" if lora_r else "model.safetensors")).is_file()
    loaded = tiny.load(tmp_path / "out")
    ids = lm.encode(EXAMPLES[0][0])
    trained = tiny.full_forward(tiny.wrap(lm.model.eval(), lm.tokenizer), ids)
    assert torch.allclose(tiny.full_forward(loaded, ids), trained, atol=1e-4)
    lm.model = tiny.random_model("llama", lm.vocabulary)
    lm.model.load_state_dict(before)
    assert not torch.allclose(tiny.full_forward(lm, ids), trained, atol=0.1)


def test_an_adapter_on_an_adapter_reloads(checkpoint, tmp_path):
    first = tiny.load(checkpoint)
    out = tmp_path / "first"
    settings = tiny.settings(epochs=4, learning_rate=1e-2)
    trainer.fine_tune(first, EXAMPLES[:3], settings, out, True)
    second = tiny.load(tmp_path / "first")
    out = tmp_path / "second"
    settings = tiny.settings(epochs=4, learning_rate=1e-2)
    trainer.fine_tune(second, EXAMPLES[3:], settings, out, True)
    ids = second.encode(EXAMPLES[0][0])
    trained = tiny.full_forward(tiny.wrap(second.model.eval(), second.tokenizer), ids)
    assert torch.allclose(tiny.full_forward(tiny.load(tmp_path / "second"), ids), trained, atol=1e-4)


def test_the_adapter_names_its_base_by_its_folder(checkpoint, tmp_path):
    lm = tiny.load(checkpoint)
    trainer.fine_tune(lm, EXAMPLES, tiny.settings(epochs=1), tmp_path / "out", True)
    config = json.loads((tmp_path / "out" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(checkpoint)
    about = loading.describe(str(tmp_path / "out"))
    assert about["fingerprint"] != loading.describe(str(checkpoint))["fingerprint"]


def test_the_seed_decides(checkpoint, tmp_path):
    losses = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        out = tmp_path / name
        settings = tiny.settings(seed=seed, lora_dropout=0.1)
        losses.append(trainer.fine_tune(tiny.load(checkpoint), EXAMPLES, settings, out, True)["losses"])
    assert losses[0] == losses[1] != losses[2]


def test_last_checkpoint_removes_what_was_cut_off(tmp_path):
    assert trainer.last_checkpoint(tmp_path) is None
    for name, files in (("checkpoint-2", ["complete", "w"]), ("checkpoint-10", ["complete"]), ("checkpoint-12", ["w"])):
        (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file).touch()
    assert trainer.last_checkpoint(tmp_path) == str(tmp_path / "checkpoint-10")
    assert not (tmp_path / "checkpoint-12").exists()
    assert (tmp_path / "checkpoint-2").exists()


@pytest.mark.parametrize("form", formats.FORMATS)
def test_every_format_reads_back(tmp_path, monkeypatch, words, form):
    monkeypatch.chdir(tmp_path)
    exchange = [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Zoë"}]
    prompt, answer = "<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\n", "Zoë<|im_end|>"
    path = formats.write("who", form, [(prompt, answer)], [exchange])
    assert formats.find(path.parent) == path
    assert path.read_bytes().isascii()
    wanted = [("", prompt + answer)] if form == "text_only" else [(prompt, answer)]
    assert formats.read(path, PromptFormat(words))[0] == wanted


def test_the_plain_way_packs_nothing(words, monkeypatch):
    lm = tiny.wrap(tiny.random_model("llama", len(words)), words)
    rows = turns_of(tokenise(lm, EXAMPLES))
    monkeypatch.setattr("knowledge_boundary.engine.loss.hidden_states", pytest.fail)
    assert answer_loss(lm.model, rows, 0).item() > 0


def test_warmup_is_a_number_of_steps():
    settings = tiny.settings(epochs=2.5, batch_size=4, warmup_ratio=0.1)
    assert settings.step_count(9) == 8  # three batches an epoch
    assert settings.warmup_steps(9) == 1


def test_a_loss_that_is_not_finite_ends_the_training(tmp_path, words):
    lm = tiny.wrap(tiny.random_model("llama", len(words)), words)
    torch.nn.init.constant_(lm.model.base_model.norm.weight, float("nan"))
    out = tmp_path / "out"
    settings = tiny.settings()
    with pytest.raises(UserError, match="step 1: the loss is nan; lower --learning_rate"):
        trainer.fine_tune(lm, EXAMPLES, settings, out, shared=True)
    assert not (tmp_path / "out").exists()
