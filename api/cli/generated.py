"""`docs write` makes the files that are generated from code; `docs check` fails when one of them is stale."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import click
from flask.cli import AppGroup

from api.config import Settings
from api.db import MIGRATIONS

ROOT = MIGRATIONS.parent.parent
SQL = ROOT / "sql"
DATA_STATEMENT = re.compile(r"^(INSERT INTO|UPDATE|DELETE FROM) ")
PAGE_SETTINGS = (
    ("UI_HOST", "127.0.0.1", "Address the page listens on (`make run`)."),
    ("PUBLIC_API_URL", "", "The API as people's programs reach it, shown in snippets; API_URL where it is empty."),
    ("COOKIE_NAME", "parley_session", "Name of the page's session cookie."),
    (
        "COOKIE_SECURE",
        "auto",
        "`true` sends the cookie over HTTPS only, `false` over HTTP too, `auto` as PUBLIC_URL begins: https:// or not.",
    ),
    ("SESSION_DAYS", "30", "Days that the page's cookie lasts."),
)


def generated() -> click.Group:
    group = AppGroup("docs", help="Files generated from code: write them, or check that they are fresh.")

    @group.command("write")
    def write() -> None:
        """Write sql/01_schema.sql, sql/02_seed_data.sql and docs/configuration.md."""
        for path, text in files().items():
            path.write_text(text, encoding="utf-8")
            click.echo(f"wrote {path.relative_to(ROOT)}")

    @group.command("check")
    def check() -> None:
        """Fail when a generated file is not what the code would write now."""
        stale = [path for path, text in files().items() if not path.exists() or path.read_text("utf-8") != text]
        for path in stale:
            click.echo(f"{path.relative_to(ROOT)} is stale: run `flask --app api.cli docs write`", err=True)
        sys.exit(1 if stale else 0)

    return group


def files() -> dict[Path, str]:
    """Every generated file and what it should hold."""
    schema, data = sql()
    return {
        SQL / "01_schema.sql": schema,
        SQL / "02_seed_data.sql": data,
        ROOT / "docs" / "configuration.md": configuration(),
    }


def sql() -> tuple[str, str]:
    """The migrations as PostgreSQL statements: the tables, and the rows that a new database begins with."""
    from alembic import command
    from alembic.config import Config

    output = io.StringIO()
    config = Config(output_buffer=output)
    config.set_main_option("script_location", str(MIGRATIONS))
    command.upgrade(config, "head", sql=True)
    schema: list[str] = []
    data: list[str] = []
    for statement in re.split(r";\n+", output.getvalue()):
        text = re.sub(r"^-- .*\n+|[ \t]+$| RETURNING .*$", "", statement.strip(), flags=re.MULTILINE).strip()
        if text in ("", "BEGIN", "COMMIT"):
            continue
        (data if DATA_STATEMENT.match(text) else schema).append(text + ";")
    head = "-- Generated from sql/migrations by `flask --app api.cli docs write`; do not edit.\n\n"
    return head + "\n\n".join(schema) + "\n", head + "\n".join(data) + "\n"


def configuration() -> str:
    """docs/configuration.md: every setting with its default and one line of help."""
    rows = [
        (name.upper(), _shown(field.get_default()), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(
        [
            "# Configuration",
            "",
            "Generated from `api/config.py` by `flask --app api.cli docs write`; do not edit.",
            "",
            "Every setting is an environment variable. `NAME_FILE` names a file that holds the value instead, and",
            "`CONFIG_FILE` a YAML file with any of them; the environment wins. In development, missing secrets are",
            "made once in `DATA_DIR/secrets.env` (mode 0600); in production they must be given.",
            "",
            *_table(rows),
            "",
            "## The page",
            "",
            "The page reads `API_URL`, `PAGE_SECRET` (or the file that `PAGE_SECRET_FILE` names), `PUBLIC_URL`,",
            "`TRUSTED_PROXIES`, and, from the environment only:",
            "",
            *_table(PAGE_SETTINGS),
            "",
        ]
    )


def _table(rows: Iterable[tuple[str, str, str]]) -> list[str]:
    lines = ["| Variable | Default | Meaning |", "|---|---|---|"]
    return lines + [f"| `{name}` | {f'`{default}`' if default else ''} | {text} |" for name, default, text in rows]


def _shown(default: object) -> str:
    if hasattr(default, "get_secret_value") or default in ("", ()):
        return ""
    return str(default)
