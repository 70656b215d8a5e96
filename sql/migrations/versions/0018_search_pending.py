"""Search on SQLite: a message is noted when it is said, and indexed with others later; nobody waits for the index.

Deleting from `search_pending` is what indexes. Alone in its transaction a message costs the index five times as much.
Whoever makes `messages` anew on SQLite (`batch_alter_table`) drops `search_entered` first, loses the other triggers, and
makes all of them again (`TRIGGERS`).
"""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"

# As in 0016, what is in the index is taken out of it with this; but a plain text is not looked through for such signs,
# which costs more than to index it.
UNUSUAL = "*[^' || char(1) || '-~ªµºÀ-ÖØ-öø-ɏ«»\u2010-\u2027\u2030-\u205e、。「」《》！（），：；？][0-9A-Za-z]*"
PLAIN = "length({0}.content) = length(CAST({0}.content AS BLOB)) AND NOT instr({0}.content, char(127))"
BODY = (
    f"' ' || {{0}}.content || '  ' || CASE WHEN {PLAIN} THEN ''"
    f" WHEN {{0}}.content GLOB '{UNUSUAL}' OR instr({{0}}.content, char(0)) THEN char(1, 2, 1) ELSE '' END"
)
TABLES = (
    *(f"DROP TRIGGER search_{name}" for name in ("added", "changed", "removed")),
    # the oldest first; one that was deleted meanwhile, or is there twice, does no harm
    "CREATE TABLE search_pending"
    " (number INTEGER PRIMARY KEY AUTOINCREMENT, user_id CHAR(32) NOT NULL, message_id CHAR(32) NOT NULL)",
    # a number is kept in the index, so that a search can go on there: none is given twice, nor one of before
    "INSERT INTO sqlite_sequence (name, seq)"
    " SELECT 'search_pending', coalesce(max(id & 1099511627775), 0) FROM search_entries",
)
NOTE = "INSERT INTO search_pending (user_id, message_id) VALUES (new.user_id, new.id)"
ENTER = f"""
    INSERT INTO search_owners (user_id) SELECT old.user_id
        WHERE NOT EXISTS (SELECT 1 FROM search_owners WHERE user_id = old.user_id);
    INSERT INTO search_entries SELECT o.number * 1099511627776 + old.number, m.user_id, m.id
        FROM search_owners o JOIN messages m ON m.user_id = o.user_id
        WHERE o.user_id = old.user_id AND m.id = old.message_id AND m.content <> '';
    INSERT INTO search_texts (rowid, body) SELECT e.id, {BODY.format("m")} FROM search_entries e
        JOIN messages m ON m.user_id = e.user_id AND m.id = e.message_id
        WHERE e.user_id = old.user_id AND e.message_id = old.message_id;
"""  # noqa: S608
LEAVE = f"""
    INSERT INTO search_texts (search_texts, rowid, body) SELECT 'delete', id, {BODY.format("old")}
        FROM search_entries WHERE user_id = old.user_id AND message_id = old.id;
"""  # noqa: S608
FORGET = "DELETE FROM search_entries WHERE user_id = old.user_id AND message_id = old.id"
AGAIN = f"""
    INSERT INTO search_texts (rowid, body) SELECT id, {BODY.format("new")} FROM search_entries
        WHERE user_id = new.user_id AND message_id = new.id;
"""  # noqa: S608
SAID = "new.content <> '' AND new.role IN ('user', 'assistant')"
CHANGED = "old.content <> '' AND new.content <> old.content"
NOT_YET = "NOT EXISTS (SELECT 1 FROM search_entries WHERE user_id = old.user_id AND message_id = old.message_id)"
TRIGGERS = (
    f"CREATE TRIGGER search_added AFTER INSERT ON messages WHEN {SAID} BEGIN {NOTE}; END",
    f"CREATE TRIGGER search_filled AFTER UPDATE OF content ON messages WHEN old.content = '' AND {SAID} BEGIN {NOTE}; END",
    # of one that is still pending there is nothing to change or to remove
    f"CREATE TRIGGER search_changed AFTER UPDATE OF content ON messages WHEN {CHANGED}"
    f" BEGIN {LEAVE} {FORGET} AND new.content = ''; {AGAIN} END",
    f"CREATE TRIGGER search_removed AFTER DELETE ON messages BEGIN {LEAVE} {FORGET}; END",
    f"CREATE TRIGGER search_entered AFTER DELETE ON search_pending WHEN {NOT_YET} BEGIN {ENTER} END",
)


def upgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        for statement in (*TABLES, *TRIGGERS):
            op.get_bind().exec_driver_sql(statement)
