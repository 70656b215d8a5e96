"""ChatGPT's export, as adversarial as its description."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from api.domain.transcripts import Transcript
from api.importers.files import Failure
from tests.importers.products import chatgpt, gpt_message, gpt_node
from tests.importers.reading import below, failure, path, read, read_bytes, read_one, said, zipped


def with_message(message: dict[str, Any], *, leaf: bool = True) -> dict[str, Any]:
    """u → the message → an answer."""
    mapping = {
        "u": gpt_node("u", None, ["m"], gpt_message("u", "user", "u")),
        "m": gpt_node("m", "u", [] if leaf else ["a"], message),
    }
    if not leaf:
        mapping["a"] = gpt_node("a", "m", [], gpt_message("a", "assistant", "a"))
    return chatgpt(mapping=mapping, current_node="m" if leaf else "a")


def test_the_tree_with_its_branches() -> None:
    found = read_one(chatgpt())
    assert (found.source, found.id, found.title) == ("chatgpt", "conv-1", "About trees")
    assert below(found, "u1") == ["a1", "a1b"], "siblings in the order of their parent's list, not of the file"
    assert path(found, found.head) == ["u1", "a1b", "u2", "a2"]
    assert len(found.messages) == 5
    assert "secret" not in str(found), "custom instructions are nobody's message"


def test_reasoning_goes_to_the_reply_below_it() -> None:
    assert said(read_one(chatgpt()), "a2").reasoning == "Sum\n\nI think"


def test_times_are_ones_own_or_the_parents_and_never_before_it() -> None:
    item = chatgpt()
    item["mapping"]["a1b"]["message"]["create_time"] = 1_600_000_000
    found = read_one(item)
    assert found.created_at == dt.datetime(2023, 11, 14, 22, 13, 20, 123456, dt.UTC)
    assert said(found, "u2").created_at == said(found, "a1b").created_at == said(found, "u1").created_at
    at = {one.id: one.created_at for one in found.messages}
    assert all(one.parent_id is None or one.created_at >= at[one.parent_id] for one in found.messages)  # type: ignore[operator]


def test_models_are_the_messages_then_the_conversations_then_unknown() -> None:
    found = read_one(chatgpt())
    assert (said(found, "a1").model, said(found, "a2").model, said(found, "u1").model) == ("gpt-4o", "gpt-5", None)
    assert said(read_one(chatgpt(default_model_slug=None)), "a2").model is None


def test_without_current_node_the_newest_leaf_is_shown() -> None:
    assert path(read_one(chatgpt(current_node=None)), read_one(chatgpt(current_node=None)).head)[-1] in ("a2", "a1")
    item = chatgpt(current_node="gone")
    item["mapping"]["a1"]["message"]["create_time"] = 1_800_000_000
    found = read_one(item)
    assert path(found, found.head) == ["u1", "a1"]
    hidden = read_one(chatgpt(current_node="t"))
    assert path(hidden, hidden.head)[-1] == "u2", "a hidden node stands for its nearest ancestor"


def test_a_conversation_without_mapping_is_named() -> None:
    item = chatgpt(title="Lost")
    del item["mapping"]
    found = failure(item)
    assert (found.title, found.source, found.id) == ("Lost", "chatgpt", "conv-1")
    assert "mapping" in found.detail


def test_circles_dangling_parents_and_several_roots() -> None:
    mapping = {
        "r1": gpt_node("r1", None, [], gpt_message("r1", "user", "r1")),
        "r2": gpt_node("r2", "gone", [], gpt_message("r2", "user", "r2")),
        "c1": gpt_node("c1", "c2", ["c2"], gpt_message("c1", "user", "c1")),
        "c2": gpt_node("c2", "c1", ["c1"], gpt_message("c2", "assistant", "c2")),
        "me": gpt_node("me", "me", ["me"], gpt_message("me", "user", "me")),
    }
    found = read_one(chatgpt(mapping=mapping, current_node="c2"))
    assert sorted(one.content for one in found.messages) == ["c1", "c2", "me", "r1", "r2"]
    assert "circle" in found.notes[0]
    assert len(path(found, found.head)) <= 2


def test_a_parent_that_only_its_list_knows() -> None:
    item = chatgpt()
    item["mapping"]["a1"]["parent"] = None
    assert below(read_one(item), "u1") == ["a1", "a1b"]


@pytest.mark.parametrize(
    "message",
    [
        gpt_message("m", "assistant", "hidden", metadata={"is_visually_hidden_from_conversation": True}),
        gpt_message("m", "user", "hidden", metadata={"is_user_system_message": True}),
        gpt_message("m", "assistant", "hidden", weight=0.0),
        gpt_message("m", "system", "hidden"),
        gpt_message("m", "assistant", content={"content_type": "reasoning_recap", "content": "hidden"}),
        gpt_message("m", "assistant", ""),
        gpt_message("m", "assistant", content={"content_type": "text", "parts": [None, ""]}),
    ],
)
def test_what_nobody_saw_is_no_message_and_its_children_stay(message: dict[str, Any]) -> None:
    found = read_one(with_message(message, leaf=False))
    assert path(found, found.head) == ["u", "a"]
    assert "hidden" not in str(found)


def test_tools_become_parts_of_the_reply() -> None:
    call = gpt_message(
        "m", "assistant", content={"content_type": "code", "language": "unknown", "text": "1+1"}, recipient="python"
    )
    found = read_one(with_message(call, leaf=False))
    assert path(found, found.head) == ["u", "a"]
    [part] = said(found, "a").parts or []
    assert (part["name"], part["value"]["text"]) == ("assistant python", "1+1")
    result = gpt_message("m", "tool", content={"content_type": "execution_output", "text": "2"})
    alone = read_one(with_message(result))
    assert [(one.role, one.content) for one in alone.messages] == [("user", "u"), ("assistant", "")]
    assert alone.messages[1].parts is not None, "a result that nothing follows is kept"
    assert not any(one.role == "tool" for one in (*found.messages, *alone.messages))


def test_contents_of_every_kind() -> None:
    image = {"content_type": "image_asset_pointer", "asset_pointer": "file-service://x", "width": 1}
    audio = {"content_type": "audio_transcription", "text": "spoken", "direction": "in"}
    found = read_one(
        with_message(
            gpt_message(
                "m", "user", content={"content_type": "multimodal_text", "parts": ["see", image, audio, None, 7]}
            )
        )
    )
    message = found.messages[1]
    assert message.content == "see\n[image]\nspoken"
    assert [part["name"] for part in message.parts or []] == ["image_asset_pointer", "audio_transcription", "part"]
    code = read_one(
        with_message(gpt_message("m", "assistant", content={"content_type": "code", "language": "py", "text": "x=1"}))
    )
    assert code.messages[1].content == "```py\nx=1\n```"
    strange = read_one(
        with_message(gpt_message("m", "assistant", content={"content_type": "hologram", "rays": [1, {"a": "\0"}]}))
    )
    assert strange.messages[1].parts == [
        {"type": "imported", "name": "hologram", "value": {"content_type": "hologram", "rays": [1, {"a": "�"}]}}
    ]
    deep: Any = "x"
    for _ in range(150):
        deep = [deep]
    too_deep = read_one(with_message(gpt_message("m", "assistant", content={"content_type": "hologram", "rays": deep})))
    assert "levels deep" in (too_deep.messages[1].parts or [])[0]["text"], "what cannot be kept is said"


def test_ends_sources_and_attachments() -> None:
    cites = [{"start_ix": 0, "end_ix": 1, "metadata": {"type": "web", "title": "T", "url": "https://x.example"}}, 7, {}]
    metadata = {"finish_details": {"type": "max_tokens"}, "citations": cites, "attachments": [{"name": "a.pdf"}, None]}
    message = read_one(with_message(gpt_message("m", "assistant", "cut", metadata=metadata))).messages[1]
    assert (message.status, message.metadata) == ("length", {"sources": [{"title": "T", "url": "https://x.example"}]})
    assert (message.parts or [])[0]["name"] == "attachment a.pdf"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda x: x.update(title=None),
        lambda x: x.update(title={"a": 1}, create_time="yesterday", update_time=True, is_archived="x"),
        lambda x: x.update(create_time=1e300, update_time=-5),
        lambda x: x["mapping"].update({"n": None, "o": 7, "p": []}),
        lambda x: x["mapping"]["a1"].update(children="x", message=7),
        lambda x: x["mapping"]["a1"].update(parent=7),
        lambda x: x["mapping"]["a1"]["message"].update(author=None),
        lambda x: x["mapping"]["a1"]["message"].update(author={"role": ["user"]}),
        lambda x: x["mapping"]["a1"]["message"].update(content=None, metadata=[], create_time={}),
        lambda x: x["mapping"]["a1"]["message"].update(content={"content_type": {}, "parts": 7}),
        lambda x: x["mapping"]["a1"]["message"].update(content={"content_type": "thoughts", "thoughts": 7}),
        lambda x: x["mapping"]["a1"]["message"]["metadata"].update(model_slug=7, finish_details=7, citations={}),
        lambda x: x["mapping"]["a1"]["message"]["metadata"].update(finish_details={"type": []}),
        lambda x: x["mapping"]["a1"]["message"].update(recipient=["all"], weight="0"),
        lambda x: x.update(current_node=[1], default_model_slug={}),
        lambda x: x.update(id=None, conversation_id=7),
        lambda x: (x.pop("id"), x.pop("conversation_id")),
    ],
)  # fmt: skip
def test_wrong_types_cost_no_other_message(spoil: Any) -> None:
    item = chatgpt()
    spoil(item)
    found = read_one(item)
    assert {"u1", "a1b", "u2", "a2"} <= {one.content for one in found.messages}


def test_split_files_in_a_zip_with_everything_else() -> None:
    parts = {
        "export/conversations-000.json": [chatgpt("c1"), chatgpt("c2")],
        "export/conversations-001.json": [chatgpt("c3")],
        "export/export_manifest.json": {"files": []},
        "export/user.json": {"email": "x"},
        "export/shared_conversations.json": [{"id": "x", "conversation_id": "y"}],
        "export/chat.html": b"<html>",
        "export/file-1.png": b"\x89PNG",
    }
    found = read_bytes(zipped(parts))
    assert [one.id for one in found if isinstance(one, Transcript)] == ["c1", "c2", "c3"]
    assert len(found) == 3


def test_one_bad_conversation_among_a_thousand() -> None:
    items = [chatgpt(f"c{n}") for n in range(1000)]
    items[500] = {"title": "Broken", "mapping": 7, "conversation_id": "c500"}
    found = read(*items)
    assert sum(isinstance(one, Transcript) for one in found) == 999
    [bad] = [one for one in found if isinstance(one, Failure)]
    assert (bad.title, bad.id) == ("Broken", "c500")


def test_an_item_that_is_no_json_costs_itself_only() -> None:
    whole = json.dumps(chatgpt())
    found = read_bytes(f'[{whole},{{"title": "x", "mapping": nope}},{whole}]'.encode())
    assert [type(one).__name__ for one in found] == ["Transcript", "Failure", "Transcript"]


def test_a_single_conversation_and_json_lines_are_read_too() -> None:
    one = json.dumps(chatgpt())
    assert len(read_bytes(one.encode())) == 1
    assert len(read_bytes(f"{one}\n{one}\n\n{one}".encode())) == 3
    assert len(read_bytes(b"\xef\xbb\xbf" + f"[{one}]".encode())) == 1


def test_a_very_long_conversation_needs_no_recursion() -> None:
    mapping = {"n0": gpt_node("n0", None, ["n1"], None)}
    for n in range(1, 5000):
        role = "user" if n % 2 else "assistant"
        mapping[f"n{n}"] = gpt_node(f"n{n}", f"n{n - 1}", [f"n{n + 1}"], gpt_message(f"n{n}", role, f"t{n}"))
    found = read_one(chatgpt(mapping=mapping, current_node="n4999"))
    assert len(path(found, found.head)) == 4999
