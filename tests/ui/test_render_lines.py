"""What is code in a reply and what is text: markdown must see the same, or an image would be loaded unseen."""

from __future__ import annotations

import re
import time
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests import hypothesis_profiles  # noqa: F401
from tests.ui.markdown import code, images, streamed
from ui.render import ReplyRenderer, reply

IMAGE = "![a](http://evil/x.png)"
HIDDEN = [
    "!{}",
    "Look!!{}",
    "!https://x.org/:b: {}",
    "x\n\n    ```\n{}",  # a fence that is indented code
    "``` a`b\n{}",  # one with a backtick behind it
    "> ```\n{}",  # one that ended with its quotation
    "- ```py\n  a\n\n  b\n  ```\n\n{}",  # one behind a list's mark
    "<!--\n```\n-->\n{}\n```",  # one in HTML
    "<div>\n```\n\n{}",
    "```\n```\x0b\n```\n{}",  # one that was not closed
    "```\r```\r{}",
    "```\n    ```\n```\n{}",
    "- |a|\n  |-|\n- b\nc\n    ```\n{}",
    "`a\n- {} `",  # code that would reach over blocks
    "a `b\n- c` d `{}`",
    "` a\n \n{} `",
    "| ` | {} ` |",
    "|a|b|\n|-|-|\n| ` | `c` {} `",
    "`" + 2_001 * "x" + "` {} `",
    '<a href="`"> {} `',  # what hides a code's beginning
    "https://x.org/` {} `",
    "[a](<`>) {} `",
    "[a [b](u) c](x$y) ` $z$ {} `",
    "~~~" + 1_001 * "x" + "\n{}",
]


@pytest.mark.parametrize("text", HIDDEN)
def test_no_image_hides_in_what_only_looks_like_code(text: str) -> None:
    drawn = reply(text.replace("{}", IMAGE))
    assert images(drawn) == 0
    assert "evil" in drawn


@pytest.mark.parametrize("text", [r"\(a ` b\) c ` {} `", "${}$", r"$x\${}$", r"\[{}\]", "[^`] {} `\n\n[^`]: x"])
def test_no_image_hides_in_what_may_be_no_maths_and_no_footnote(text: str) -> None:
    """Streamlit sees maths only in some texts."""
    assert "![" not in reply(text.replace("{}", IMAGE))


@pytest.mark.parametrize(
    "text",
    [
        f"`{IMAGE}` and ``{IMAGE}``",
        f"| md | means |\n|---|---|\n| `{IMAGE}` | an image |",
        f"```markdown\n{IMAGE}\n```",
        f"1. so:\n   ```markdown\n   {IMAGE}\n\n   {IMAGE}\n   ```",
        f"- ~~~\n  {IMAGE}\n  ~~~",
        f"> ```\n> {IMAGE}\n> ```",
        f"> 1. x\n>\n>    ```\n>    {IMAGE}\n>    ```",
    ],
)
def test_code_that_shows_an_image_is_left_as_it_is(text: str) -> None:
    assert reply(text) == text


CODE = "a -> b: :smile: $5 ~x~ 10:30"
TEXT = r"a -:color{}> b: \::color{}smile: \$5 \~x\~ 10\:30"


@pytest.mark.parametrize(
    "text",
    [
        "{text}\n\n    {code}\n    {code}\n\n{text}",
        "- {text}\n\n      {code}\n\n- {text}",
        "1. {text}\n\n       {code}\n2. {text}",
        "- a\n  - b\n\n        {code}\n\n    {text}\n\n  {text}",
        "-     {code}\n\n  {text}",
        "> {text}\n>\n>     {code}\n\n{text}",
        "{text}\n    {text}",
        "- {text}\n\n    {text}",
        "[^1]: {text}\n\n    {text}\n\n        {code}",
        "# {text}\n    {code}",
        "- {text}\n{text}\n\n  {text}",
        "-\n\n      {code}",
        "-\t{text}\n\n\t{text}\n\n\t    {code}",
        "```\n{code}\n\n{code}\n```\n{text}",
        "```\n{code}\n    ```\n{code}\n ```  \n{text}",
        "````md\n```\n{code}\n```\n````\n{text}",
        "- ```\n  {code}\n\n    {code}\n  ```\n- {text}",
        "1. {text}\n   ~~~ x`y\n   {code}\n   ~~~\n\n   {text}",
        "> - ```\n>   {code}\n>   ```\n> {text}",
        "14. {text}\n\n    ```\n    {code}\n    ```",
        "{text}\n14. {text}\n    {text}",
        "Title\n--\n    {code}",
        "* * *\n    {code}",
    ],
)
def test_code_is_left_and_text_is_not(text: str) -> None:
    assert reply(text.format(code=CODE, text=CODE)) == text.format(code=CODE, text=TEXT)


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("1. x\n   ```\ndef f():\n    a -> b\n   ```\na", "1. x\n   ```\n   def f():\n       a -> b\n   ```\na"),
        ("- x\n  ```\n  a\n```\n\n->", "- x\n  ```\n  a\n  ```\n\n-:color{}>"),
        ("> - ```\n> a\n>\n> ```\n> ->", "> - ```\n>   a\n>\n>   ```\n> -:color{}>"),
        ("> ```\n> a\n\n->", "> ```\n> a\n> ```\n\n-:color{}>"),
        ("> ```mermaid\n> a\n->", "> ```mermaid\n> a\n> ```\n>\n> ```text\n> a\n> ```\n-:color{}>"),
        ("- ```mermaid\na\n```", "- ```mermaid\n  a\n  ```\n\n  ```text\n  a\n  ```"),
    ],
)
def test_code_in_a_list_lasts_until_its_fence_and_in_a_quotation_no_longer_than_that(text: str, drawn: str) -> None:
    assert reply(text) == drawn


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("\n  - a\n    - b\n\nc", "- a\n  - b\n\nc"),
        ("    ```\n    a ->\n    ```\n->", "```\na ->\n```\n-:color{}>"),
        (f"\t```\n```\n{IMAGE}", "```\n```\n[a](http://evil/x.png)"),
        (f"\x0b~~~\n~~~\n{IMAGE}", "~~~\n~~~\n[a](http://evil/x.png)"),
        (" \n\n ", ""),
    ],
)
def test_a_reply_begins_without_the_space_that_streamlit_takes_away(text: str, drawn: str) -> None:
    assert reply(text) == drawn
    assert streamed(text) == drawn


def test_a_table_ends_where_another_block_begins() -> None:
    assert reply("|a|\n|-|\n2. x\n") == "|a|\n|-|\n\n2. x\n"
    assert reply("- |a|\n  |-|\nx") == "- |a|\n  |-|\n\nx"


marks = st.lists(
    st.sampled_from(
        ["\n", "\n\n", "```", "```\n", "~~~\n", "`", "    ", "  ", "\t", "- ", "1. ", "2.", "> ", "# ", "|", "|-|\n"]
        + ["a", "a ", IMAGE, "![", "[", "](", "]", ")", "<b>", "<!--", "\\", "$", "\\(", "\\)", "\\[", "\\]", "\r"]
        + ["http://x/", "www.", ":", "[^1]: ", "---", "---\n", "=", "{", "}", "`mermaid\n", "\x0b", "字", "，"]
    ),
    max_size=40,
)


@given(marks)
def test_no_image_is_left_in_any_text(parts: list[str]) -> None:
    text = "".join(parts)
    assume("[^1]: " not in text)  # the parser knows no footnotes
    assume("- [" not in text)  # after a definition in a list item it ends the list too early
    assert images(reply(text)) == 0


blocks = st.lists(
    st.sampled_from(
        ["\n", "\n\n", "```\n", "\n```\n", "~~~\n", "    ", "   ", "  ", " ", "- ", "* ", "1. ", "2. ", "> ", "# "]
        + ["a ", "b", "---\n", "\n--\n", "***", ":x:", " -> ", "10:30", "~", "<b>", "<!--", "$5", "_"]
    ),
    max_size=30,
)


@given(blocks)
def test_markdown_sees_the_code_that_was_written(parts: list[str]) -> None:
    text = "".join(parts).lstrip()
    drawn = reply(text)
    assume(drawn.replace(":color{}", "").replace("\\", "") == text)  # no line got anything put before it
    assert code(drawn) == code(text)


@given(marks, st.randoms(use_true_random=False))
def test_how_the_stream_was_cut_changes_nothing_about_lines(parts: list[str], random: Random) -> None:
    text = "".join(parts)
    assert streamed(text, random) == reply(text)


@pytest.mark.parametrize("length", [999, 1_000, 1_001, 1_999, 2_000, 2_001, 2_008, 2_009, 4_001])
@pytest.mark.parametrize(
    "text",
    [
        "https://x{x}!![a](u)",
        " {s}x",
        "`{x}`",
        "```{x}\na\n```",
        "\\({x}\\)",
        "[a]({x})",
        "~~~\n~~~{s}\n![a](u)",
        "![{x}](u)",
    ],
)
def test_where_looking_ahead_ends_the_cut_changes_nothing_either(text: str, length: int) -> None:
    text = text.format(x="x" * length, s=" " * length) + " ~b~"
    assert streamed(text) == reply(text)


LONG = 40_000
PATTERNS = [
    "so: `a` -> **b**, ",
    "`",
    "$",
    "~",
    " ",
    ">",
    "- ",
    "[",
    "](",
    "\\[",
    "<",
    "https://",
    "```\n",
    "![a",
    "\n",
    "&lt;",
]
PATTERNS += ["    a\n", "|-", "1", "$x", "x ` ", "```mermaid\nab\n", "!"]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_long_reply_in_small_pieces_costs_no_more_a_character(pattern: str) -> None:
    """Eight times as much takes about eight times as long; were it all looked at again, it would be 64 times."""

    def seconds(length: int) -> float:
        text = (pattern * length)[:length]
        renderer = ReplyRenderer()
        began = time.process_time()
        for start in range(0, length, 7):
            renderer.feed(text[start : start + 7])
        renderer.close()
        return time.process_time() - began

    assert seconds(LONG) < 30 * max(0.01, seconds(LONG // 8))


def test_nothing_is_lost_of_a_text_without_marks() -> None:
    text = "Zwölf Boxkämpfer jagen Viktor. 一二三 " * 3_000
    assert re.sub(r"\s+", " ", reply(text)) == re.sub(r"\s+", " ", text)
