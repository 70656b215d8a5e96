"""The demo's folders: hostile names, broken files, links and pipes; nothing outside them is ever opened."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from api.domain.transcripts import Transcript
from api.importers.files import Failure
from api.importers.legacy import LegacyFiles, LegacyPrompt, active_prompt, chats, prompts

SAID = [
    {"role": "user", "content": "Hello there", "timestamp": "2024-05-06T07:08:09.123456"},
    {"role": "assistant", "content": "Hi", "timestamp": "2024-05-06T07:08:10+00:00"},
]
CHAT = {"created_at": "2024-05-06T07:08:09", "last_updated": "2024-05-07T00:00:00", "messages": SAID}
HOSTILE = ("../outside", "..", "a/b", "/etc/passwd", "a\\b", "", " ", "x" * 51, "é", "a.b", "\x1b[31m", "a\nb")


def demo(folder: Path, **more: Any) -> LegacyFiles:
    """As the demo writes it: two chats, a prompt, an active one."""
    for name in ("chats", "system_prompts"):
        (folder / name).mkdir()
    write(folder / "chats/one.json", CHAT)
    write(folder / "chats/0e2f8a52-5a0f-4e6e-8f30-9a1b5f6e7d8c.json", CHAT)
    write(folder / "chats/index.json", {"chats": {"one": {"title": "First"}}})
    write(folder / "system_prompts/pirate.json", {"name": "Pirate", "content": "Arr {{x}}", "description": None})
    write(folder / "system_prompts/index.json", {"prompts": {"pirate": {"name": "Pirate"}}})
    (folder / "system_prompt.txt").write_text("Be brief.\n", encoding="utf-8")
    return LegacyFiles.under(folder, 1_000_000)


def write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


def of(files: LegacyFiles) -> tuple[dict[str, Transcript], dict[str, str]]:
    """The chats, and why others are none."""
    found = list(chats(files))
    return (
        {one.id: one for one in found if isinstance(one, Transcript)},
        {one.title: one.detail for one in found if isinstance(one, Failure)},
    )


def test_what_the_demo_wrote(tmp_path: Path) -> None:
    files = demo(tmp_path)
    good, bad = of(files)
    assert (set(good), bad) == ({"one", "0e2f8a52-5a0f-4e6e-8f30-9a1b5f6e7d8c"}, {})
    one = good["one"]
    assert (one.title, one.fields["slug"]) == ("First", "one")
    assert [(said.role, said.content, said.parent_id) for said in one.messages] == [
        ("user", "Hello there", None),
        ("assistant", "Hi", "0"),
    ]
    assert one.created_at is not None
    assert one.created_at.isoformat() == "2024-05-06T07:08:09+00:00"
    assert list(prompts(files)) == [LegacyPrompt("pirate", "Pirate", "Arr {{x}}", "")]
    assert active_prompt(files) == "Be brief."


def test_hostile_names_are_told_and_never_opened(tmp_path: Path) -> None:
    files = demo(tmp_path)
    write(tmp_path / "outside.json", CHAT | {"messages": [{"role": "user", "content": "SECRET"}]})
    write(tmp_path / "chats/index.json", {"chats": dict.fromkeys(HOSTILE, {})})
    (tmp_path / "chats/a.b.json").write_text("{}")
    good, bad = of(files)
    assert set(good) == {"one", "0e2f8a52-5a0f-4e6e-8f30-9a1b5f6e7d8c"}
    assert len(bad) >= len(HOSTILE) - 3
    assert all("no such file is opened" in why for why in bad.values())
    assert not any("\n" in name for name in bad)
    assert "SECRET" not in str(good)


def test_links_pipes_and_folders_are_no_files(tmp_path: Path) -> None:
    files = demo(tmp_path)
    write(tmp_path / "outside.json", CHAT)
    (tmp_path / "chats/link.json").symlink_to(tmp_path / "outside.json")
    (tmp_path / "chats/loop.json").symlink_to(tmp_path / "chats/loop.json")
    os.mkfifo(tmp_path / "chats/pipe.json")
    (tmp_path / "chats/folder.json").mkdir()
    (tmp_path / "system_prompt.txt").unlink()
    (tmp_path / "system_prompt.txt").symlink_to("/etc/passwd")
    _, bad = of(files)
    assert set(bad) == {"link", "loop", "pipe", "folder"}
    assert isinstance(active_prompt(files), Failure)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no JSON object"),
        (b"{", "breaks off"),
        (b"[]", "no JSON object"),
        (b"7", "no list of messages"),
        (b'{"messages": {}}', "no list of messages"),
        (b'{"messages": [x]}', "not JSON"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b'{"messages": ' + b"[" * 30_000 + b"]" * 30_000 + b"}", "nested"),
        (b" " * 1_000_001, "at most 1,000,000"),
    ],
)
def test_broken_files_cost_themselves_only(tmp_path: Path, data: bytes, words: str) -> None:
    files = demo(tmp_path)
    (tmp_path / "chats/broken.json").write_bytes(data)
    good, bad = of(files)
    assert len(good) == 2
    assert list(bad) == ["broken"]
    assert words in bad["broken"]


def test_an_index_that_is_broken_or_missing_or_names_what_is_gone(tmp_path: Path) -> None:
    files = demo(tmp_path)
    for text, names in (("{", {"index.json"}), ('{"chats": [1]}', set()), ('{"chats": {"gone": {}}}', {"gone"})):
        (tmp_path / "chats/index.json").write_text(text)
        good, bad = of(files)
        assert (len(good), set(bad)) == (2, names)
    (tmp_path / "chats/index.json").unlink()
    assert of(files)[0]["one"].title is None


def test_messages_that_are_none_are_left_out_with_a_word(tmp_path: Path) -> None:
    files = demo(tmp_path)
    odd = [
        None,
        7,
        {"role": "root", "content": "x"},
        {"role": "user"},
        {"role": "user", "content": "\0half", "timestamp": 7},
    ]
    write(tmp_path / "chats/odd.json", {"messages": [*odd, *SAID]})
    found = of(files)[0]["odd"]
    assert [one.content for one in found.messages] == ["\ufffdhalf", "Hello there", "Hi"]
    assert "4 of its messages" in found.notes[0]


def test_a_prompt_without_content_is_named(tmp_path: Path) -> None:
    files = demo(tmp_path)
    write(tmp_path / "system_prompts/empty.json", {"name": "x", "content": " "})
    assert [one.title for one in prompts(files) if isinstance(one, Failure)] == ["empty"]


def test_nothing_there_is_nothing(tmp_path: Path) -> None:
    files = LegacyFiles.under(tmp_path, 1000)
    assert (list(chats(files)), list(prompts(files)), active_prompt(files), files.there) == ([], [], None, False)
