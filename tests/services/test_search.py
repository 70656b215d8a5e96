"""Search: what is found, what is not, in which order, page by page; the same on both databases."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.db import Database, upgrade
from api.domain.errors import Invalid
from api.domain.ids import new_id
from api.domain.search import parse
from api.repositories import search_sqlite
from api.repositories.unit_of_work import Store
from api.services.search import WINDOW
from tests import hypothesis_profiles  # noqa: F401
from tests.postgres import Cluster
from tests.services.library import Library, somebody
from tests.services.whole import Whole, statements

TEXTS = {
    "mixed": "介绍一下RUST",
    "chinese": "我想学习系统编程。",
    "latin": "The borrow checker of Rust is strict, trust me.\nReally.",
    "short": "Is Go or C++ faster? See foo_bar.py, an AI wrote it",
    "signs": "100% sure -- <b>bold</b> 'quoted' \"both\" 😀",
    "umlauts": "Grüße aus KÖLN",
    "hindi": "मुझे हिन्दी में बताओ",
    "thai": "สวัสดีครับ",
    "korean": "한국어로 말해 주세요",
}


@pytest.fixture
def ann(store: Store) -> Library:
    return somebody(store)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("RUST", {"mixed", "latin"}),
        ("rust", {"mixed", "latin"}),
        ("一下", {"mixed"}),
        ("介绍一下rust", {"mixed"}),
        ("系统", {"chinese"}),
        ("系", {"chinese"}),
        ("统编程", {"chinese"}),
        ("程", {"chinese"}),
        ("系统 学习", {"chinese"}),
        ("系习", set()),
        ("borrow strict", {"latin"}),
        ("borrow python", set()),
        ('"borrow checker"', {"latin"}),
        ('"checker borrow"', set()),
        ('"me. really"', {"latin"}),
        ("orro", {"latin"}),
        ("go", {"short"}),
        ("c++", {"short"}),
        ("c", {"short", "latin"}),
        ("ai", {"short"}),
        ("ba", {"short"}),
        ("ry", set()),
        (".py", {"short"}),
        ("100%", {"signs"}),
        ("0% s", set()),
        ('"100% s"', {"signs"}),
        ("--", {"signs"}),
        ("<b>bold", {"signs"}),
        ("'quoted'", {"signs"}),
        ("😀", {"signs"}),
        ("grüße", {"umlauts"}),
        ("köln", {"umlauts"}),
        ("KÖ", {"umlauts"}),
        ("हिन्दी", {"hindi"}),
        ("में", {"hindi"}),
        ("ดีครั", {"thai"}),
        ("한국", {"korean"}),
        ("국", {"korean"}),
        ("nowhere", set()),
        ("_", {"short"}),
    ],
)
def test_what_is_found(language: tuple[Library, dict[UUID, str]], query: str, names: set[str]) -> None:
    library, named = language
    assert {named[one] for one in library.found(query)} == names


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A database for all tests that bring their own account."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('search') / 'parley.db'}"
    else:
        cluster: Cluster = request.getfixturevalue("postgres")
        name = f"search_{new_id().hex}"
        cluster.execute(f"CREATE DATABASE {name}")
        url = cluster.url(name)
    database = Database(url)
    upgrade(database)
    store = Store(database)
    yield store
    store.close()


@pytest.fixture(scope="module")
def language(shared: Store) -> tuple[Library, dict[UUID, str]]:
    library = somebody(shared)
    chat = library.chat()
    return library, dict(zip(library.say(chat, *TEXTS.values()), TEXTS, strict=True))


LETTERS = "abAB 介绍系统é😀₿“—。%_'\"*()^:-+.\n"
some_text = st.text(LETTERS, min_size=1, max_size=24).filter(str.strip)
some_query = st.text(LETTERS, max_size=6)
anything = st.text(max_size=30) | st.text("\"'*()^:-+ NEAROTandin: titlebefore:", max_size=30)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(some_text, min_size=1, max_size=6), query=some_query | anything)
def test_the_index_finds_what_reading_everything_would(shared: Store, texts: list[str], query: str) -> None:
    """Whatever is asked, in whatever words: no error, nothing missed, nothing else."""
    library = somebody(shared)
    ids = library.say(library.chat(title="Untitled"), *texts)
    meant = parse(query)
    found = library.found(query)
    assert len(found) == len(set(found))
    if meant.words and meant.within != "titles" and not any((meant.before, meant.since, meant.model, meant.tag)):
        expected = {one for one, text in zip(ids, texts, strict=True) if meant.score(text) is not None}
        assert set(found) == expected or meant.pinned is not None or meant.folder is not None


@given(query=anything, text=st.text(max_size=400))
def test_a_snippet_shows_the_text_and_nothing_runs_in_it(query: str, text: str) -> None:
    snippet = parse(query).snippet(text)
    bare = snippet.replace("<mark>", "").replace("</mark>", "")
    assert "<" not in bare
    assert ">" not in bare
    assert snippet.count("<mark>") == snippet.count("</mark>")


def test_titles_come_first_and_whole_words_before_parts(ann: Library) -> None:
    chat = ann.chat(title="Trust in rust")
    part, begins, whole = ann.say(chat, "trustees", "rusty nails", "the rust of an old car")
    other = ann.chat(title="Other")
    page = next(ann.pages("rust"))
    assert [hit.kind for hit in page] == ["chat", "message", "message", "message"]
    assert [hit.message_id for hit in page] == [None, whole, begins, part]
    assert page[0].snippet == "T<mark>rust</mark> in <mark>rust</mark>"
    assert page[1].snippet == "the <mark>rust</mark> of an old car"
    assert {hit.chat_id for hit in page} == {chat}
    assert other not in {hit.chat_id for hit in page}


def test_filters(ann: Library) -> None:
    day = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    pinned = ann.chat(title="Pinned rust", pinned=True, folder="Work", tags=["a b"], updated_at=day)
    loose = ann.chat(title="Loose rust")
    old, new = (ann.say(pinned, "rust", created_at=day + dt.timedelta(days=n))[0] for n in (0, 60))
    (reply,) = ann.say(loose, "rust again", role="assistant", model="gpt-4o-mini")
    assert set(ann.found("rust")) == {old, new, reply}
    for query, wanted in {
        "rust before:2026-04": {old},
        "rust after:2026-04-01": {new, reply},
        "rust after:2026-04 before:2026-05": {new},
        "rust model:GPT-4o": {reply},
        "rust pinned:yes": {old, new},
        "rust pinned:false": {reply},
        "rust folder:work": {old, new},
        'rust tag:"a b"': {old, new},
        "rust tag:a": set(),
        "rust in:title": set(),
        "rust model:%": set(),
    }.items():
        assert set(ann.found(query)) == wanted, query
    titles = {
        query: {hit.chat_id for hit in next(ann.pages(query))}
        for query in ("in:title rust", "pinned:true", "model:gpt")
    }
    assert titles == {"in:title rust": {pinned, loose}, "pinned:true": {pinned}, "model:gpt": {loose}}
    assert [hit.kind for hit in next(ann.pages("rust in:messages"))] == ["message"] * 3


def test_a_filter_that_makes_no_sense_is_left_out_and_told(ann: Library) -> None:
    ids = ann.say(ann.chat(), "rust")
    page = ann.service.search(ann.who, "rust before:soon pinned:perhaps in:space", 20, None)
    assert [hit.message_id for hit in page.items] == ids
    assert [note.split(":")[0] for note in page.notes] == ["before", "pinned", "in"]
    assert ann.service.search(ann.who, "   ", 20, None).items == []


def test_all_pages_have_each_hit_once_while_messages_come(ann: Library) -> None:
    chat = ann.chat()
    wanted = ann.say(chat, *(f"needle {number} " + "hay " * (number % 7) for number in range(2 * WINDOW + 30)))
    ann.say(chat, *["hay"] * 30)
    seen: list[UUID] = []
    for page in ann.pages("needle", limit=30):
        seen += [hit.message_id for hit in page if hit.message_id]
        ann.say(chat, "needle")
    assert sorted(seen) == sorted(wanted)


def test_one_that_is_in_every_trigram_but_not_in_the_text(ann: Library) -> None:
    """The index proposes more than is there; the search goes on until there is enough."""
    chat = ann.chat()
    (wanted,) = ann.say(chat, "abcdef")
    ann.say(chat, *["abcd cdef bcde"] * (WINDOW + 20))
    assert ann.found("abcdef") == [wanted]


def test_a_rare_short_word_though_it_is_inside_others_everywhere(ann: Library) -> None:
    """On the first page, and behind whatever it begins."""
    chat = ann.chat()
    texts = ["go", "(go)", "用go写", "“going”", "so—go", "₿go", "☀go", "é go", "a\u2028go", "x\ngo", "_go", "c-go!"]
    wanted = ann.say(chat, *texts)
    ann.say(chat, *["ergo", "ago, cargo", "égo", "ogo box"] * (WINDOW + 20))
    page = ann.service.search(ann.who, "go in:messages", 20, None)
    assert {hit.message_id for hit in page.items} == set(wanted)
    page = ann.service.search(ann.who, "x in:messages", 20, None)
    assert [hit.message_id for hit in page.items] == [wanted[-3]]
    assert ann.service.search(ann.who, "zq", 20, None).items == []


def test_filters_that_leave_few_of_many(ann: Library) -> None:
    """Found at once, or page by page with pages that may be empty; never a look through everything."""
    (old,) = ann.say(ann.chat(), "needle", model="rare", role="assistant")
    (kept,) = ann.say(ann.chat(folder="Work", pinned=True), "needle in haystack")
    ann.say(ann.chat(), *["needle"] * (search_sqlite.CANDIDATES + 50), model="other")
    assert ann.found("needle model:rare in:messages") == [old]
    for query in (
        "needle folder:work",
        "needle pinned:true",
        "ne pinned:true",
        "y pinned:true",
        "needle pinned:true in:messages",
    ):
        page = ann.service.search(ann.who, query, 20, None)
        assert ([hit.message_id for hit in page.items], page.next_cursor) == ([] if query[0] == "y" else [kept], None)
    assert ann.service.search(ann.who, "needle tag:none", 20, None).next_cursor is None


def test_long_texts_are_read_a_few_at_a_time(ann: Library) -> None:
    text = "x" * 90_000 + " needle " + "y" * 9_000
    ids = ann.say(ann.chat(), *[text] * 60)
    assert sorted(ann.found("needle")) == sorted(ids)
    assert "<mark>needle</mark>" in next(ann.pages("needle"))[0].snippet


def test_titles_by_pages(ann: Library) -> None:
    chats = {ann.chat(title=f"Plan {number}") for number in range(WINDOW + 15)}
    seen = [hit.chat_id for page in ann.pages("plan in:title", limit=40) for hit in page]
    assert len(seen) == len(chats)
    assert set(seen) == chats


@pytest.mark.parametrize("cursor", ["nonsense", "MXx4", "LTF8MA==", "MXw5OTk5", "é"])
def test_a_cursor_that_is_none(ann: Library, cursor: str) -> None:
    with pytest.raises(Invalid):
        ann.service.search(ann.who, "rust", 20, cursor)


def test_nobody_elses_and_no_temporary_ones(store: Store, ann: Library) -> None:
    ben = somebody(store, "ben")
    bens = ben.say(ben.chat(title="rust"), "rust")
    ann.say(ann.chat(title="rust", temporary=True), "rust")
    assert list(ann.pages("rust")) == [[]]
    assert ben.found("rust") == bens
    mine = ann.say(ann.chat(), "rust")
    assert (ann.found("rust"), ben.found("rust")) == (mine, bens)


def test_which_branch_a_hit_is_on(ann: Library) -> None:
    chat = ann.chat()
    root, first = ann.say(chat, "root needle", "first needle")
    (second,) = ann.say(chat, "second needle", parent_id=root)
    shown = {hit.message_id: hit.is_shown for page in ann.pages("needle") for hit in page}
    assert shown == {root: True, first: False, second: True}


def test_what_goes_is_not_found(whole: Whole) -> None:
    library = Library(whole.services.chats._store, whole.ann)
    chats = [library.chat() for _ in range(4)]
    kept, branch, cleared, deleted = (library.say(chat, "needle one", "needle two") for chat in chats)
    whole.services.tree.delete(whole.ann, str(branch[1]))
    assert set(library.found("needle")) == {*kept, branch[0], *cleared, *deleted}
    whole.services.tree.clear(whole.ann, str(chats[2]))
    assert set(library.found("needle")) == {*kept, branch[0], *deleted}
    whole.services.chats.delete(whole.ann, str(chats[3]))
    assert set(library.found("needle")) == {*kept, branch[0]}
    copy = whole.services.tree.fork(whole.ann, str(chats[0]), None, None)
    assert len(library.found("needle")) == 5
    assert copy.id in {hit.chat_id for page in library.pages("needle") for hit in page}


def test_replies_are_found_when_they_have_ended_and_when_they_have_grown(whole: Whole) -> None:
    library = Library(whole.services.chats._store, whole.ann)
    chat = whole.chat(whole.ann)
    whole.said(whole.ann, chat, "demo:fast hello there")
    opened = whole.services.chats.open(whole.ann, chat)[1]
    assert opened[0].id in library.found("hello there in:messages")
    word = next(word for word in opened[1].content.split() if word.isalpha() and len(word) > 5)
    assert opened[1].id in library.found(word)
    change = "UPDATE messages SET content = :content WHERE id = :id"

    def grow(content: str) -> None:
        key = opened[1].id if whole.services.chats._store.database.is_postgresql else opened[1].id.hex
        whole.services.chats._store.write(
            lambda work: work.connection.execute(sa.text(change), {"content": content, "id": key})
        )

    grow(opened[1].content + " and the seamless continuation")
    assert library.found("seamless") == library.found(word) == [opened[1].id]
    grow("")
    assert library.found("seamless") == []
    grow("other words")
    assert library.found("other words") == [opened[1].id]
    assert library.found(word) == []
    whole.services.tree.delete(whole.ann, str(opened[1].id))
    assert library.found("other words") == []


def test_as_many_statements_for_many_chats_as_for_one(whole: Whole) -> None:
    library = Library(whole.services.chats._store, whole.ann)
    library.say(library.chat(title="needle"), "needle")

    def look() -> None:
        library.service.search(whole.ann, "needle", 50, None)

    one = statements(whole, look)
    for _ in range(10):
        library.say(library.chat(title="needle"), "needle")
    assert len(statements(whole, look)) == len(one)
