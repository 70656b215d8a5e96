"""Model text into markdown: maths, money, images, code; the same however the stream was cut."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import hypothesis_profiles  # noqa: F401
from tests.ui.markdown import streamed
from ui.render import label, literal, reply, spoken


@pytest.mark.parametrize(
    ("given_text", "drawn"),
    [
        ("plain", "plain"),
        (r"so \(a^2 + b^2\) holds", "so $a^2 + b^2$ holds"),
        ("\\[\n x = 1 \n\\]", "$$\nx = 1\n$$"),
        ("so \\[ x \\] holds", "so $$x$$ holds"),
        ("$$a\\\\ b$$\n", "$$\na\\\\ b\n$$\n"),
        ("$x_i$ and $$y$$", "$x_i$ and $$y$$"),
        ("it costs $5 and $10 here", r"it costs \$5 and \$10 here"),
        ("$5–$10", r"\$5–\$10"),
        ("a lone $ sign", r"a lone \$ sign"),
        ("![alt](http://evil/x.png)", "[alt](http://evil/x.png)"),
        ("![](http://evil/x.png)", "[image](http://evil/x.png)"),
        ("![alt][ref]", "[alt][ref]"),
        ("wow! [link](x)", "wow! [link](x)"),
        (r"in code `![a](b) \(x\) $5`", r"in code `![a](b) \(x\) $5`"),
        ("``a ` b``  $1", "``a ` b``  \\$1"),
        ("```python\n![a](b)\n\\(x\\) $5 ~a~\n```\n![a](b)", "```python\n![a](b)\n\\(x\\) $5 ~a~\n```\n[a](b)"),
        ("~~~\n$1\n```\n$2\n~~~\n$3", "~~~\n$1\n```\n$2\n~~~\n\\$3"),
        ("- item\n  ```\n  $1\n  ```\n- $2", "- item\n  ```\n  $1\n  ```\n- \\$2"),
        ("about ~5 ms to ~7 ms, ~~gone~~", r"about \~5 ms to \~7 ms, ~~gone~~"),
        ("ratio 1:100:5 and :red[x]", r"ratio 1\::color{}100\:5 and \:red[x]"),
        (":smile: foo:art: :+1: :a_b:", r"\::color{}smile: foo\::color{}art: \::color{}+1: \::color{}a_b:"),
        (":material/delete: :streamlit:", r"\::color{}material/delete: \::color{}streamlit:"),
        (r"\:smile: :smile\: \-> &lt;=", r"\::color{}smile: \::color{}smile\: \-:color{}> &lt;:color{}="),
        ("color:red, :help, a:b{c}, A::blue", r"color\:red, \:help, a\:b{c}, A\:\:blue"),
        (":100[x] 12:30", r"\:100[x] 12\:30"),
        ("a:5>= b ::: note", r"a\:5>= b \:\:: note"),
        ("a -> b <- c <-> d", "a -:color{}> b <:color{}- c <:color{}-:color{}> d"),
        ("a -- b >= c <= d ~= e", r"a -:color{}- b \>:color{}= c <:color{}= d \~:color{}= e"),
        ("**->** `a`-> b", "**-:color{}>** `a`-:color{}> b"),
        ("- >= 5\n- -> 6\n\n--\nx", "- \\>:color{}= 5\n- -:color{}> 6\n\n-:color{}-\nx"),
        ("a->b --> ==> --x x-- ---", "a->b --> ==> --x x-- ---"),
        ("|a|b|\n|:---:| -- |\n|->|x|", "|a|b|\n|:---:| -- |\n|-:color{}>|x|"),
        ("Title\n--\n- - -", "Title\n--\n- - -"),
        ("`a -> :smile:` $a -> b$", "`a -> :smile:` $a -> b$"),
        ("so\n\n    a -> :b: $5\n\nthen -> c", "so\n\n    a -> :b: $5\n\nthen -:color{}> c"),
        ("- so\n\n    a -> b", "- so\n\n    a -:color{}> b"),
        ("<p>\na -> :b:\n\na -> b", "\\<p>\na -:color{}> \\::color{}b:\n\na -:color{}> b"),
        ('<b style="color:red">x</b> -> y', '\\<b style="color\\:red">x\\</b> -:color{}> y'),
        ("vector<std::string> <a@x.org>", r"vector\<std\:\:string> \<a@x.org>"),
        (
            "<https://x.edu/~b:c> <http://x.edu/:x:>",
            r"<https://x.edu/~b:c> [http\://x\.edu/\::color{}x\:](<http://x.edu/:x:>)",
        ),
        ("https://x.edu/~b?c=$1&d=a_b, or ->", "https://x.edu/~b?c=$1&d=a_b, or -:color{}>"),
        ("(https://x.edu/:w:/a&b).", r"([https\://x\.edu/\::color{}w\:/a\&b](<https://x.edu/:w:/a&amp;b>))."),
        ("见https://x.edu/~a，**b**", r"见[https\://x\.edu/\~a](<https://x.edu/~a>)，**b**"),
        ("[https://x.edu/:b:](https://x.edu/:b:)", r"[https://x.edu/\::color{}b:](https://x.edu/:b:)"),
        ("[a -> b](/x:y:z/~c):smile:", r"[a -:color{}> b](/x:y:z/~c)\::color{}smile:"),
        ("https://x![a](http://evil/x.png)", r"[https\://x](<https://x>)[a](http://evil/x.png)"),
        ("](![a](http://evil/x.png))", "]([a](http://evil/x.png))"),
        ("so\n\n    `\nx ![a](http://evil/x.png) `", "so\n\n    `\nx [a](http://evil/x.png) \\`"),
        ("at 12:30, note: this", r"at 12\:30, note: this"),
        ("a `lone backtick", r"a \`lone backtick"),
        ("`a\nb` and `c\n- d`", "`a b` and \\`c\n- d\\`"),
        ("$5 for `$x`", r"\$5 for `$x`"),
        (r"\(a\$b\) $c\$d$", r"$$ a\$b $$ $$ c\$d $$"),
        ("> \\[\n> x % so\n> + y\n> \\]", "> $$\n> x + y\n> $$"),
        ("- so\n  \\[ x \\]\n", "- so\n  $$\n  x\n  $$\n"),
        ("- so\n\\[ x \\]\n", "- so\n$$\nx\n$$\n"),
        ("vec![1, 2] #![a] <![CDATA[x]]>", r"vec!\[1, 2] #!\[a] \<!\[CDATA[x]]>"),
        (">5 and\n- >= 6\n\n> so", "\\>5 and\n- \\>:color{}= 6\n\n> so"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("|a|\n|-|\n|`x|y`|", "|a|\n|-|\n|`x\\|y`|"),
        ("wow! so!! no![a] ![a](b c)", r"wow! so\!! no!\[a] !\[a](b c)"),
        ("an open \\( bracket", "an open \\( bracket"),
        ("```\nnever closed ![a](b)", "```\nnever closed ![a](b)"),
        ("ends with \\", "ends with \\"),
        (
            "```mermaid\ngraph TD\nA-->B\n```\nso",
            "```mermaid\ngraph TD\nA-->B\n```\n\n```text\ngraph TD\nA-->B\n```\nso",
        ),
        ("> ~~~ Mermaid \n> pie\n> ~~~", "> ~~~ Mermaid \n> pie\n> ~~~\n>\n> ~~~text\n> pie\n> ~~~"),
        ("```mermaid\ncut off", "```mermaid\ncut off\n```\n\n```text\ncut off\n```"),
        ("", ""),
    ],
)
def test_a_reply_is_drawn_as_it_was_meant(given_text: str, drawn: str) -> None:
    assert reply(given_text) == drawn


pieces = st.lists(
    st.sampled_from(
        ["a ", "word", "\n", "\n\n", "`", "```", "```py\n", "```mermaid\n", "~", "~~~", "$", "$$", "5", " ", "  "]
        + ["\\", "\\(", "\\)", "\\[", "\\]", "!", "[", "]", "(http://x)", ":", ":red[", ":smile:", "> ", "é", "😀"]
        + ["->", "<-", "--", ">=", "<", ">", "=", "-", "&lt;", "&", "|", "\\:", "material/", "smile", "    ", "- "]
        + ["1.", "https://x.org/", "www.", "](", "<p>\n", "<b a='b'>", "</b>", "h"]
    ),
    max_size=40,
)


@given(pieces, st.randoms(use_true_random=False))
def test_how_the_stream_was_cut_changes_nothing(parts: list[str], random: Random) -> None:
    text = "".join(parts)
    assert streamed(text, random) == reply(text)


@given(pieces)
def test_no_image_is_left_outside_code(parts: list[str]) -> None:
    text = "".join(part for part in parts if "`" not in part and "~" not in part)
    assert "![" not in reply(text).replace("\\![", "")


def test_a_label_is_one_short_literal_line() -> None:
    assert label("Hello ![x](y)\n *world*") == r"Hello !\[x\](y) \*world\*"
    assert label("word " * 40).endswith("…")
    assert len(label("x" * 500)) == 60
    assert literal("1. a") == r"1\. a"
    assert literal("    a\n===") == "a\n\\==="


@pytest.mark.parametrize("title", ["Re: what (a) costs - e.g. 3.5 + 2!", "snake_case, #2 {x} | y > z", "R&D at 9, ok."])
def test_a_title_in_which_no_mark_acts_is_a_label_as_it_is(title: str) -> None:
    assert label(title) == title


@pytest.mark.parametrize(
    "title", ["1. one", "2) two", "- x", "# x", "> x", "+ x", ":red[x]", ":smile:", "&amp;", "_x_", "<b>"]
)
def test_a_mark_that_would_act_is_escaped(title: str) -> None:
    assert "\\" in label(title)


@pytest.mark.parametrize("sign", ["->", "<-", "<->", "--", ">=", "<=", "~="])
def test_a_typed_sign_is_parted_in_any_text(sign: str) -> None:
    parted = ":color{}".join(mark if mark == "=" else "\\" + mark for mark in sign)
    assert literal(f"a {sign} b") == f"a {parted} b"
    assert ":color" not in literal(f"a{sign}b")
    assert label(f"{sign} b") == f"{parted} b"
    assert label(f"a{sign}b").replace("\\", "") == f"a{sign}b"


@pytest.mark.parametrize("name", [":smile:", ":+1:", ":material/delete:", ":streamlit:"])
def test_a_name_between_colons_is_parted_in_any_text(name: str) -> None:
    assert literal(name).startswith(r"\::color{}")
    assert label(f"a{name}").startswith(r"a\::color{}")


def test_a_name_that_is_heard_has_no_marks() -> None:
    assert spoken("Hello ![x](y)\n *world* of snake_case: _so_") == "Hello ! x (y) world of snake_case: so"
    assert spoken("***") == "…"
    assert spoken("demo:markdown at 12:30 :red[x] :smile:") == "demo:markdown at 12:30 red x smile:"
