"""Every family of causal language models that transformers has: exact with a shared prefix, exact whole, or refused."""

import every_family
import family_table
import pytest

from knowledge_boundary.engine import exactness
from knowledge_boundary.models import families
from knowledge_boundary.models.families import MODERN

pytestmark = pytest.mark.skipif(not MODERN, reason="the table is of transformers 5")
PAGE = family_table.documented(family_table.PAGE.read_text(encoding="utf-8"))


def test_the_page_has_every_family():
    assert PAGE.keys() == set(every_family.LANGUAGE_MODELS)


@pytest.mark.parametrize("name", every_family.LANGUAGE_MODELS)
def test_a_family_runs_as_the_page_says(name, words):
    lm = family_table.model_of(name, words)
    way = family_table.how(lm)
    assert way == PAGE[name]
    if way == family_table.REFUSED:
        return
    shared = way == "shared"
    assert exactness.manner(lm, shared) == way.removeprefix(family_table.SHORT_ONLY.format(""))
    error, greedy = family_table.differences(lm, shared)
    assert error <= 1e-4
    assert greedy


# Families whose positions have no end: recurrent ones, and those with biases in place of positions.
ENDLESS = {"bloom", "cpmant", "falcon_mamba", "mamba", "mamba2", "recurrent_gemma", "xlstm", "rwkv", "falcon (alibi)"}


@pytest.mark.parametrize("name", every_family.LANGUAGE_MODELS)
def test_the_longest_sequence_is_found(name):
    window = families.window(every_family.tiny_config(name))
    assert window < 100_000 or name in ENDLESS


def test_the_window_of_a_multimodal_model_is_its_text_part_s():
    config = every_family.tiny_config("gemma3")
    assert families.window(config) == config.text_config.max_position_embeddings
