"""Nothing in the repository names the machine it was written on, a registry's host, or a real secret.

The patterns are put together from pieces, so that this file does not find itself.
"""

from __future__ import annotations

import re
from functools import lru_cache

import pytest

from tests.architecture.files import name, tracked


def either(*words: tuple[str, ...]) -> str:
    return "|".join(re.escape("".join(pieces)) for pieces in words)


START = r"(?:^|[\s\"'`=(:])"  # where a path begins: not in the middle of an address
HOME = either(("/ro", "ot/"), ("/wo", "rk/"), ("/Us", "ers/"), ("/op", "t/pypi"), ("/op", "t/wheels"))
REGISTRIES = either(
    ("py", "pi.org"),
    ("python", "hosted.org"),
    ("registry.npm", "js.org"),
    ("registry.yarn", "pkg.com"),
    ("proxy.go", "lang.org"),
    ("repo.maven", ".apache.org"),
    ("conda.ana", "conda.org"),
    ("deb.deb", "ian.org"),
)
TOKENS = (
    r"\bsk-(?:ant-|proj-|or-v1-)?[A-Za-z0-9_]{32,}",
    r"\bgh[pousr]_[A-Za-z0-9]{36}",
    r"\bgithub_pat_[A-Za-z0-9_]{40,}",
    r"\bAKIA[0-9A-Z]{16}\b",
    r"\bAIza[0-9A-Za-z_-]{35}",
    r"\bhf_[A-Za-z0-9]{34}",
    r"\bgsk_[A-Za-z0-9]{40,}",
    r"\bxox[abprs]-[0-9]{8,}",
    r"\beyJ[A-Za-z0-9_-]{16,}\.eyJ[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    "-----BEGIN (?:[A-Z]+ )?PRIVATE " + "KEY-----",
)
ASSIGNED = r"\b(?:JWT_SECRET|ENCRYPTION_KEY|TOKEN_PEPPER|PAGE_SECRET|API_KEY|DB_PASSWORD)=[\"']?[A-Za-z0-9+/_-]{24,}"
RULES = {
    "a machine's path": rf"{START}(?:{HOME}|/ho" + r"me/[a-z])",
    "a registry's host": REGISTRIES,
    "something like a secret": rf"(?!\S*(?:abcdef|012345|EXAMPLE))(?:{'|'.join(TOKENS)})",  # not the alphabet
    "a secret's value": ASSIGNED,
}
BINARY = {".png", ".jpg", ".jpeg", ".gif", ".ico", ".webp", ".woff", ".woff2", ".gz", ".zip", ".pdf", ".db"}


@lru_cache(maxsize=1)
def texts() -> dict[str, str]:
    files = [path for path in tracked() if path.suffix not in BINARY]
    return {name(path): path.read_text(encoding="utf-8") for path in files}


def found(pattern: str, text: str) -> list[str]:
    expression = re.compile(pattern, re.MULTILINE)
    return [
        f"{text.count(chr(10), 0, match.start()) + 1}: {match[0].strip()[:60]}" for match in expression.finditer(text)
    ]


@pytest.mark.parametrize("rule", RULES)
def test_no_file_names(rule: str) -> None:
    matches = {file: hits for file, text in texts().items() if (hits := found(RULES[rule], text))}
    assert not matches


def test_temporary_folders_are_asked_for() -> None:
    """What runs in production uses `tempfile` or DATA_DIR, never a fixed name in a folder that all can write."""
    fixed = r"[\"'](?:/var)?/t" + r"mp(?:/|[\"'])"
    ours = {file: text for file, text in texts().items() if re.match(r"(api|ui|deploy|bench)/.*\.py$", file)}
    assert not {file: hits for file, text in ours.items() if (hits := found(fixed, text))}


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("a machine's path", "open('/wo" + "rk/main/x')"),
        ("a machine's path", "data: /ho" + "me/someone/parley"),
        ("a registry's host", "--index-url https://py" + "pi.org/simple"),
        ("something like a secret", "key = 'sk-" + "a1B2" * 10 + "'"),
        ("a secret's value", "JWT_" + "SECRET=" + "0f" * 32),
    ],
)
def test_the_rules_find_what_they_are_for(rule: str, text: str) -> None:
    assert found(RULES[rule], text)


@pytest.mark.parametrize(
    "text",
    [
        "https://example.com/wo" + "rk/items",
        "`JWT_SECRET=`",
        "PAGE_SECRET=$PAGE_SECRET",
        "sk-test-1",
        "gh" + "p_abcdefghijklmnopqrstuvwxyz0123456789",
    ],
)
def test_the_rules_leave_the_rest_alone(text: str) -> None:
    assert not any(found(pattern, text) for pattern in RULES.values())
