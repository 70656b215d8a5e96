"""What a model wrote is what a person sees: realistic replies, and images that hide in what only looks like code."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.person import Person, account
from tests.server import Server
from tests.ui.test_render_lines import HIDDEN, IMAGE
from ui.render import reply

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

# What was written, and what is seen of it where that is something else; spaces and lines do not count.
REPLIES = (
    (
        "1. Install:\n   ```bash\n   pip install x:y -> z\n   ```\n2. Run `a->b`:\n\n"
        "   ```python\n   x: int = 5  # :smile:\n\n   def f() -> int: ...\n   ```\n3. Done :smile:",
        "Install: pip install x:y -> z Run a->b: x: int = 5 # :smile: def f() -> int: ... Done :smile:",
    ),
    ("- ```python\n  a = 1\n\n  b: int = 2 -> c\n  ```\n\n10:30 -> ok", "a = 1 b: int = 2 -> c 10:30 -> ok"),
    ("1. Do:\n   ```python\ndef f():\n    return 1\n   ```\n2. So -> x", "Do: def f(): return 1 So -> x"),
    ("1. Do:\n   ```bash\n   ls -- x\n```\n\nThen -> x", "Do: ls -- x Then -> x"),
    ("- a\n  - b\n\n        x -> :b: $5\n\n    c -> d", "a b x -> :b: $5 c -> d"),
    ("1. item\n\n       a -> :b: ~x~\n2. next", "item a -> :b: ~x~ next"),
    ("|A|B|C|\n|:--|:-:|--:|\n|`a->b`|->|10:30|\n|`x|y`|$5|$6|", "A B C a->b -> 10:30 x|y $5 $6"),
    ("10:30:45 to 11:45, ratio 1:2:3, std::vector<std::string> v; a::b::c; key: value; color:red; x:5>= y", ""),
    ("- >5 items\n- >= 5\n- < 3 and <b>bold</b>\n- x<y>z -- a", ">5 items >= 5 < 3 and <b>bold</b> x<y>z -- a"),
    (
        "<details>\n<summary>More: :x:</summary>\n\na -> b\n\n</details> <!-- c -->",
        "<details> <summary>More: :x:</summary> a -> b </details> <!-- c -->",
    ),
    ("Map<String, List<T>>, vec![1, 2], #![allow(x)], <host:port>, wow!! {x:y} ::note[x]{a=b}", ""),
    ("https://x.example/~a/b:c?q=1&r=$2, https://t.example/:w:/r/:x:/s and www.x.example/:b:/r.", ""),
    (
        "请看https://x.example/a，**重要**：时间10:30。价格$5到$10。用`a:b`吧",
        "请看https://x.example/a，重要：时间10:30。价格$5到$10。用a:b吧",
    ),
    (
        "It costs $5; use `$HOME`. Between $5 and $10, or US$5/CA$6. $1,000-$2,000.",
        "It costs $5; use $HOME. Between $5 and $10, or US$5/CA$6. $1,000-$2,000.",
    ),
    ("> a -> b\n> ```\n> x -> y\n> ```\n\nso -> x", "a -> b x -> y so -> x"),
    ("a `code\nwrapped: x` b and ``c ` d`` ` lone ~/a ~/b", "a code wrapped: x b and c ` d ` lone ~/a ~/b"),
    (
        "`![a](b)`\n\n```markdown\n![a](http://elsewhere.invalid/a.png)\n```",
        "![a](b) ![a](http://elsewhere.invalid/a.png)",
    ),
)


def drawn(person: Person, api: Server, text: str) -> Locator:
    """The reply that says this, as the page shows it."""
    owner = account(person, api)
    chat = owner.chat()
    said = owner.call("POST", f"/chats/{chat}/messages", {"content": f"{text}\n\n# demo:fast"})
    assert said.status == 201
    person.open(f"/?chat={chat}")
    expect(person.reply().get_by_role("heading", name="demo:fast")).to_be_visible()
    person.sees_reply_end()
    person.settles()
    return person.reply().get_by_test_id("stMarkdownContainer").first


def test_what_was_written_is_what_is_seen(ada: Person, api: Server) -> None:
    text = "\n\n".join(f"# Case {number}\n\n{written}" for number, (written, _) in enumerate(REPLIES))
    shown = drawn(ada, api, text)
    expect(shown.locator("code").first).to_be_visible()
    cases = re.split(r"Case \d+\s|demo:fast", shown.inner_text())[1:-1]
    assert [" ".join(case.split()) for case in cases] == [seen or written for written, seen in REPLIES]
    expect(shown.locator("img")).to_have_count(0)


def test_no_image_is_loaded_whatever_it_hides_in(ada: Person, api: Server) -> None:
    closed = [text for text in HIDDEN if len(text) < 100 and reply(f"{text}\n\n->").endswith("-:color{}>")]
    assert len(closed) > 15
    shown = drawn(ada, api, "\n\n".join(f"# Case\n\n{text.replace('{}', IMAGE)}" for text in closed))
    expect(shown.get_by_role("heading", name="Case")).to_have_count(len(closed))
    expect(shown.locator("img")).to_have_count(0)
