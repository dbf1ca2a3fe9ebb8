"""Where a model's files come from, and who may read them."""

import os
import stat

import pytest
import tiny

from knowledge_boundary.models import families, loading
from knowledge_boundary.training import trainer

TEXTS = {"config.json", "tokenizer.json", "model.safetensors.index.json"}


@pytest.mark.parametrize(
    ("weights", "fetched"),
    [
        ({"model.safetensors", "pytorch_model.bin"}, {"model.safetensors"}),
        ({"pytorch_model.bin", "pytorch_model.bin.index.json"}, {"pytorch_model.bin", "pytorch_model.bin.index.json"}),
        ({"pytorch_model.bin", "onnx/model.safetensors"}, {"pytorch_model.bin", "onnx/model.safetensors"}),
    ],
)
def test_weights_are_fetched_in_one_format(tmp_path, monkeypatch, weights, fetched):
    import fnmatch

    import huggingface_hub

    asked = []

    def download(name, revision, allow_patterns, ignore_patterns=()):
        asked.append(revision)
        folder = tmp_path / "c0ffee"
        for file in TEXTS | weights:
            if any(fnmatch.fnmatch(file, p) for p in allow_patterns):
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                (folder / file).touch()
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    folder = loading.model_path("owner/name", "v1")
    assert {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} == TEXTS | fetched
    assert asked in (["v1"], ["v1", "c0ffee"])  # the second half is of the same commit


def test_every_user_may_read_what_is_written(tmp_path, checkpoint):
    before = os.umask(0o022)
    try:
        for lora_r in (0, 4):
            lm = tiny.load(checkpoint)
            lm.tokenizer.chat_template = {
                "default": tiny.CHATML,
                "rag": tiny.CHATML,
            }  # the second in a folder of its own
            out = tmp_path / str(lora_r) / "tuned"
            trainer.fine_tune(lm, [("Who?", " I<|im_end|>")], tiny.settings(lora_r=lora_r, epochs=1), out)
            assert stat.S_IMODE(out.stat().st_mode) == 0o755
            modes = {p.is_dir(): stat.S_IMODE(p.stat().st_mode) for p in out.rglob("*")}
            assert modes == {False: 0o644} | ({True: 0o755} if families.MODERN else {})  # 4 has one file for both
            assert list(out.glob("*.safetensors"))
    finally:
        os.umask(before)


def test_the_embedded_model_s_folder_is_open_too(tmp_path, monkeypatch, checkpoint):
    """Made as embedded_folder makes it, from a tiny model in the package's place."""
    lm = tiny.load(checkpoint)
    folder = tmp_path / "models" / "smollm2"
    monkeypatch.setattr(loading.families, "MODERN", True)
    monkeypatch.setattr(loading, "EMBEDDED", ("json", "x.gguf", folder))
    monkeypatch.setattr(loading.transformers.AutoTokenizer, "from_pretrained", lambda *_, **__: lm.tokenizer)
    monkeypatch.setattr(loading, "load_weights", lambda *_: (lm.model, True))
    before = os.umask(0o027)
    try:
        assert loading.embedded_folder() == folder
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750
    assert {stat.S_IMODE(p.stat().st_mode) for p in folder.iterdir()} == {0o640}
    assert [p.name for p in folder.parent.iterdir()] == ["smollm2"]
