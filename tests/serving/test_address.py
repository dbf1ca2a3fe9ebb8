"""Where a served model is: URLs and keys, and that what must not be shown is not."""

import pytest

from knowledge_boundary.running.errors import UserError
from knowledge_boundary.serving.address import NO_KEY, PUBLIC, Url, address, is_served


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "JUDGE_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("http://localhost:8000", "http://localhost:8000/v1"),
        ("http://localhost:8000/", "http://localhost:8000/v1"),
        ("http://localhost:8000/v1/", "http://localhost:8000/v1"),
        (" https://host/v1/chat/completions", "https://host/v1"),
        ("https://host/v1/completions", "https://host/v1"),
        ("https://host/team/openai/v1", "https://host/team/openai/v1"),
        ("https://me:secret@host:443/v1?key=abc#x", "https://host:443/v1"),
        ("http://[::1]:8080", "http://[::1]:8080/v1"),
        ("HTTP://Host.example", "http://host.example/v1"),
    ],
)
def test_what_is_shown_of_a_url(given, shown):
    assert Url(given) == shown


def test_what_is_sent_of_a_url():
    url = Url("https://me:se%40cret@host/v1?key=abc")
    where = address("openai:m", url)
    assert (where.login, where.query, where.root) == (("me", "se@cret"), "key=abc", "https://host")
    assert "se@cret" not in repr(where)
    assert "abc" not in repr(where)
    assert where.hidden("wrong password se@cret, key=abc; abc, se%40cret") == "wrong password ***, ***; ***, ***"


@pytest.mark.parametrize(
    "given", ["", "host:8000", "ftp://host", "http://", "http://host:port", "http://a:b@", "x", "http://h/\x1b"]
)
def test_what_is_no_url_is_one_line_without_it(given):
    with pytest.raises(UserError, match=r"--base_url: is no URL of a server") as e:
        Url(given)
    assert "a:b" not in str(e.value)


def test_keys_and_urls_of_the_environment(monkeypatch):
    assert address("openai:m", None).url == PUBLIC
    assert address("openai:m", None).key == NO_KEY
    monkeypatch.setenv("OPENAI_BASE_URL", "http://other:1")
    monkeypatch.setenv("OPENAI_API_KEY", " sk-1\n")
    where = address("openai:m", None)
    assert (where.url, where.key, where.url_flag) == ("http://other:1/v1", "sk-1", "OPENAI_BASE_URL")
    assert "sk-1" not in repr(where)
    assert address("openai:m", None, "--judge_model").key == "sk-1"
    monkeypatch.setenv("JUDGE_API_KEY", "sk-2")
    judge = address("openai:m", None, "--judge_model")
    assert (judge.key, judge.key_name) == ("sk-2", "JUDGE_API_KEY")
    assert address("openai:m", None).key == "sk-1"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-ключ")
    with pytest.raises(UserError, match="OPENAI_API_KEY: has a character"):
        address("openai:m", None)


def test_which_names_are_served():
    assert is_served("openai:x")
    assert is_served("openai:")
    assert not any(map(is_served, ("openai/x", "smollm2", "", None)))
