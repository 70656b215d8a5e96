"""Whatever is said, changed, deleted and indexed, in whatever order: SQLite's index is as one made from scratch."""

from __future__ import annotations

import shutil
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from api.db import Database
from api.domain.ids import new_id
from api.domain.search import parse
from api.models.accounts import USERS
from api.models.chats import CHATS, MESSAGES
from api.repositories.unit_of_work import Store
from api.services.search import SearchService
from tests import hypothesis_profiles  # noqa: F401
from tests.services.indexed import indexed, pending
from tests.services.library import somebody

EXAMPLES = settings().max_examples // 4
STEPS = 20
texts = st.just("") | st.text("ab go系统é₿“\x7f\x00*\n", max_size=12)
roles = st.sampled_from(("user", "assistant", "assistant", "system"))
places = st.integers(0, 99)
queries = st.sampled_from(("go", "g", "ab", "abg", "系", "系统", "b go", "é", "o", "统“"))


class Sequences(RuleBasedStateMachine):
    """Two accounts with two chats each; `said` is what should be found, chat by chat."""

    template: Path
    folder: Path

    def __init__(self) -> None:
        super().__init__()
        path = self.folder / f"{new_id().hex}.db"
        shutil.copy(self.template, path)
        self.store = Store(Database(f"sqlite:///{path}"))
        self.libraries = [somebody(self.store, name) for name in ("ann", "ben")]
        self.said: dict[tuple[int, UUID], dict[UUID, tuple[str, str]]] = {}
        for number, library in enumerate(self.libraries):
            self.said |= {(number, library.chat()): {} for _ in range(2)}

    def teardown(self) -> None:
        SearchService(self.store).catch_up()
        assert set(indexed(self.store)) == set(self.findable())
        assert pending(self.store) == []
        self.store.close()

    def findable(self) -> dict[UUID, str]:
        return {
            key: text for chat in self.said.values() for key, (role, text) in chat.items() if text and role != "system"
        }

    def any_chat(self, place: int) -> tuple[int, UUID]:
        return sorted(self.said)[place % len(self.said)]

    def any_message(self, place: int) -> tuple[tuple[int, UUID], UUID]:
        every = [(chat, key) for chat in sorted(self.said) for key in self.said[chat]]
        return every[place % len(every)]

    def there_is_a_message(self) -> bool:
        return any(self.said.values())

    def run(self, statement: sa.Executable) -> None:
        self.store.write(lambda work: work.connection.execute(statement))

    @precondition(lambda self: self.said)
    @rule(place=places, role=roles, new=st.lists(texts, min_size=1, max_size=3))
    def say(self, place: int, role: str, new: list[str]) -> None:
        number, chat = self.any_chat(place)
        ids = self.libraries[number].say(chat, *new, role=role)
        self.said[number, chat] |= {key: (role, text) for key, text in zip(ids, new, strict=True)}

    @precondition(there_is_a_message)
    @rule(place=places, text=texts)
    def change(self, place: int, text: str) -> None:
        chat, key = self.any_message(place)
        self.run(sa.update(MESSAGES).where(MESSAGES.c.id == key).values(content=text))
        self.said[chat][key] = (self.said[chat][key][0], text)

    @precondition(there_is_a_message)
    @rule(place=places)
    def delete_the_rest_of_a_chat(self, place: int) -> None:
        chat, key = self.any_message(place)
        keys = list(self.said[chat])
        gone = keys[keys.index(key) :]
        head = keys[keys.index(key) - 1] if gone != keys else None
        library = self.libraries[chat[0]]
        self.store.write(lambda work: work.chats.change(library.who.user_id, chat[1], {"head_id": head}))
        self.store.write(lambda work: work.messages.delete(library.who.user_id, key))
        for one in gone:
            del self.said[chat][one]

    @precondition(lambda self: self.said)
    @rule(place=places)
    def delete_a_chat(self, place: int) -> None:
        number, chat = self.any_chat(place)
        self.run(sa.delete(CHATS).where(CHATS.c.id == chat))
        self.said = {key: value for key, value in self.said.items() if key != (number, chat)}
        self.said[number, self.libraries[number].chat()] = {}

    @rule(number=st.integers(0, 1))
    def delete_an_account(self, number: int) -> None:
        self.run(sa.delete(USERS).where(USERS.c.id == self.libraries[number].who.user_id))
        self.libraries[number] = somebody(self.store)
        self.said = {key: value for key, value in self.said.items() if key[0] != number}
        self.said[number, self.libraries[number].chat()] = {}

    @rule(messages=st.integers(1, 5), chars=st.sampled_from((1, 10, 1000)))
    def index(self, messages: int, chars: int) -> None:
        self.store.write(lambda work: work.search_pending.index(messages, chars))

    @rule(number=st.integers(0, 1), query=queries)
    def find(self, number: int, query: str) -> None:
        """Whatever of it is indexed by then."""
        meant, library = parse(query), self.libraries[number]
        wanted = {
            key
            for chat, messages in self.said.items()
            for key, (role, text) in messages.items()
            if chat[0] == number and role != "system" and meant.score(text) is not None
        }
        found = library.found(query)
        assert len(found) == len(set(found))
        assert set(found) == wanted

    @invariant()
    def the_index_is_right_and_the_rest_is_noted(self) -> None:
        known, findable = indexed(self.store), self.findable()
        assert len(known) == len(set(known))
        assert set(known) <= set(findable)
        assert set(findable) - set(known) <= set(pending(self.store))


def test_whatever_happens(sqlite_template: Path, tmp_path: Path) -> None:
    machine = type("Machine", (Sequences,), {"template": sqlite_template, "folder": tmp_path})
    run_state_machine_as_test(machine, settings=settings(max_examples=EXAMPLES, stateful_step_count=STEPS))
