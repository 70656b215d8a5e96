"""Search on SQLite: texts in which a word begins behind a sign that no query can name are marked in the index.

Whoever makes `messages` anew on SQLite (`batch_alter_table`) loses its triggers, and makes them again (`TRIGGERS`).
"""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"

# An ASCII word behind anything but ASCII, a Latin letter and the usual punctuation, which `search_index.BEFORE` lists:
# that takes a look at the text. The mark is a trigram of its own.
UNUSUAL = "*[^' || char(1) || '-~ªµºÀ-ÖØ-öø-ɏ«»\u2010-\u2027\u2030-\u205e、。「」《》！（），：；？][0-9A-Za-z]*"
BODY = (
    "' ' || {0}.content || '  ' ||"
    f" CASE WHEN {{0}}.content GLOB '{UNUSUAL}' OR instr({{0}}.content, char(0)) THEN char(1, 2, 1) ELSE '' END"
)
TABLES = (
    *(f"DROP TRIGGER search_{name}" for name in ("added", "changed", "removed")),
    "DROP TABLE search_vocabulary",
    "DROP TABLE search_texts",
    "CREATE VIRTUAL TABLE search_texts USING fts5(body, content='', tokenize='trigram', detail=none)",
    "CREATE VIRTUAL TABLE search_vocabulary USING fts5vocab(search_texts, instance)",
    "INSERT INTO search_texts (search_texts, rank) VALUES ('automerge', 16)",
    f"INSERT INTO search_texts (rowid, body) SELECT e.id, {BODY.format('m')} FROM search_entries e"  # noqa: S608
    " JOIN messages m ON m.user_id = e.user_id AND m.id = e.message_id ORDER BY e.id",
)
ENTER = f"""
    INSERT INTO search_owners (user_id) SELECT new.user_id
        WHERE NOT EXISTS (SELECT 1 FROM search_owners WHERE user_id = new.user_id);
    INSERT INTO search_entries SELECT
        coalesce((SELECT max(id) FROM search_entries
            WHERE id > o.number * 1099511627776 AND id < (o.number + 1) * 1099511627776), o.number * 1099511627776) + 1,
        new.user_id, new.id FROM search_owners o WHERE o.user_id = new.user_id AND new.content <> ''
            AND NOT EXISTS (SELECT 1 FROM search_entries WHERE user_id = new.user_id AND message_id = new.id);
    INSERT INTO search_texts (rowid, body) SELECT id, {BODY.format("new")} FROM search_entries
        WHERE user_id = new.user_id AND message_id = new.id;
"""  # noqa: S608
LEAVE = f"""
    INSERT INTO search_texts (search_texts, rowid, body) SELECT 'delete', id, {BODY.format("old")}
        FROM search_entries WHERE user_id = old.user_id AND message_id = old.id;
"""  # noqa: S608
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
    if op.get_context().dialect.name == "sqlite":
        for statement in (*TABLES, *TRIGGERS):
            op.get_bind().exec_driver_sql(statement)
