"""Search: indexes over the messages, those there are among them. Everything of it is named `search_…`.

Whoever makes `messages` anew on SQLite (`batch_alter_table`) loses its triggers, and makes them again (`TRIGGERS`).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from api.db import SchemaError

revision = "0014"
down_revision = "0013"

# Scripts that set no blanks between words, and signs that are words; `api.domain.search` has the same ranges.
DENSE = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2600-\u27bf\u2e80-\uffff\U00010000-\U0003ffff"
# The first two letters of each word, and all pairs of neighbours in dense scripts: those that begin at even places of
# a stretch, and, without its first character, those at odd ones. A stretch's last character stands alone in one of both.
TOKENS = rf"""CREATE FUNCTION search_words(body text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 10000 AS $$
    WITH texts AS (SELECT lower(left(body, 100000)) AS low), words AS (
        SELECT (regexp_matches(regexp_replace(low, '[{DENSE}]+', ' ', 'g'),
            '([[:alnum:]]{{1,2}})[[:alnum:]]*', 'g'))[1] AS word FROM texts
        UNION SELECT (regexp_matches(low, '[{DENSE}]{{1,2}}', 'g'))[1] FROM texts WHERE low ~ '[{DENSE}]'
        UNION SELECT (regexp_matches(regexp_replace(low, '(^|[^{DENSE}])[{DENSE}]', '\1', 'g'),
            '[{DENSE}]{{1,2}}', 'g'))[1] FROM texts WHERE low ~ '[{DENSE}]')
    SELECT array_to_tsvector(array(SELECT word FROM words))
$$
"""  # noqa: S608
POSTGRESQL = (
    TOKENS,
    "CREATE INDEX search_messages_trigrams ON messages USING gin (content gin_trgm_ops)",
    "CREATE INDEX search_messages_words ON messages USING gin (search_words(content))",
)
# Entries of one account are numbered side by side, so that its part of the index can be read alone. The blanks make
# trigrams of a text's last two characters. Merging seldom but in bulk costs a third.
TABLES = (
    "CREATE TABLE search_owners (number INTEGER PRIMARY KEY, user_id CHAR(32) NOT NULL UNIQUE)",
    "CREATE TABLE search_entries (id INTEGER PRIMARY KEY, user_id CHAR(32) NOT NULL, message_id CHAR(32) NOT NULL,"
    " UNIQUE (user_id, message_id))",
    "CREATE VIRTUAL TABLE search_texts USING fts5(body, content='', tokenize='trigram', detail=none)",
    "CREATE VIRTUAL TABLE search_vocabulary USING fts5vocab(search_texts, row)",
    "INSERT INTO search_texts (search_texts, rank) VALUES ('automerge', 16)",
)
FILL = (
    "INSERT INTO search_owners (user_id) SELECT id FROM users ORDER BY created_at, id",
    "INSERT INTO search_entries SELECT o.number * 1099511627776 + row_number() OVER (PARTITION BY m.user_id ORDER BY m.id),"
    " m.user_id, m.id FROM messages m JOIN search_owners o ON o.user_id = m.user_id"
    " WHERE m.content <> '' AND m.role IN ('user', 'assistant')",
    "INSERT INTO search_texts (rowid, body) SELECT e.id, ' ' || m.content || '  ' FROM search_entries e"
    " JOIN messages m ON m.user_id = e.user_id AND m.id = e.message_id ORDER BY e.id",
)
ENTER = """
    INSERT INTO search_owners (user_id) SELECT new.user_id
        WHERE NOT EXISTS (SELECT 1 FROM search_owners WHERE user_id = new.user_id);
    INSERT INTO search_entries SELECT
        coalesce((SELECT max(id) FROM search_entries
            WHERE id > o.number * 1099511627776 AND id < (o.number + 1) * 1099511627776), o.number * 1099511627776) + 1,
        new.user_id, new.id FROM search_owners o WHERE o.user_id = new.user_id AND new.content <> ''
            AND NOT EXISTS (SELECT 1 FROM search_entries WHERE user_id = new.user_id AND message_id = new.id);
    INSERT INTO search_texts (rowid, body) SELECT id, ' ' || new.content || '  ' FROM search_entries
        WHERE user_id = new.user_id AND message_id = new.id;
"""
LEAVE = """
    INSERT INTO search_texts (search_texts, rowid, body) SELECT 'delete', id, ' ' || old.content || '  '
        FROM search_entries WHERE user_id = old.user_id AND message_id = old.id;
"""
FORGET = "DELETE FROM search_entries WHERE user_id = old.user_id AND message_id = old.id"
SAID = "new.content <> '' AND new.role IN ('user', 'assistant')"
CHANGED = "new.content <> old.content AND new.role IN ('user', 'assistant')"
TRIGGERS = (
    f"CREATE TRIGGER search_added AFTER INSERT ON messages WHEN {SAID} BEGIN {ENTER} END",
    f"CREATE TRIGGER search_changed AFTER UPDATE OF content ON messages WHEN {CHANGED}"
    f" BEGIN {LEAVE} {FORGET} AND new.content = ''; {ENTER} END",
    f"CREATE TRIGGER search_removed AFTER DELETE ON messages BEGIN {LEAVE} {FORGET}; END",
)


def upgrade() -> None:
    # for housekeeping: the few temporary chats among all
    op.create_index(
        "search_chats_temporary",
        "chats",
        ["updated_at"],
        postgresql_where=sa.text("temporary"),
        sqlite_where=sa.text("temporary"),
    )
    if op.get_context().dialect.name == "sqlite":
        for statement in (*TABLES, *FILL, *TRIGGERS):
            op.execute(statement)
        return
    if not op.get_context().as_sql:
        op.execute("SET LOCAL statement_timeout = 0")  # of many messages the indexes take minutes
    _extend()
    for statement in POSTGRESQL:
        op.execute(sa.text(statement.replace(":", r"\:")))


def _extend() -> None:
    if not op.get_context().as_sql:
        known = "SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'"
        if op.get_bind().execute(sa.text(known)).scalar() is None:
            raise SchemaError(
                "PostgreSQL lacks the extension pg_trgm: install its contrib package (postgresql-contrib)"
            )
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
