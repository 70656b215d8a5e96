"""Every setting, error code and route is documented, and nothing that is documented is gone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.files import ROOT, tracked
from tests.documents import PROGRAM
from tests.suites import budgets, rows, suite_of

ERRORS = ROOT / "docs" / "errors.md"
CONFIGURATION = ROOT / "docs" / "configuration.md"
# What the HTTP layer answers where werkzeug refuses with a status that has no name of its own here.
FALLBACK_CODE = "http_error"
# How documentation itself is served; a document need not list where it lies.
NOT_DESCRIBED = re.compile(r"^/(static/|openapi\.json$|docs($|/)|redoc($|/))")


@pytest.fixture
def app(sqlite_url: str, tmp_path: Path) -> Iterator[Any]:
    from api.app import create_app
    from api.config import Settings
    from tests.conftest import SECRETS

    values: dict[str, Any] = {"data_dir": tmp_path, "database_url": sqlite_url, **SECRETS}
    app = create_app(Settings(**values))
    yield app
    if close := app.extensions.get("parley_close"):
        close()


def table(path: Path) -> dict[str, list[str]]:
    """The rows of a file's tables whose first cell is `code`: that name → the other cells."""
    rows = re.findall(r"^\| `([^`]+)` \|(.*)\|$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {key: [cell.strip() for cell in rest.split(" | ")] for key, rest in rows}


def test_every_error_code() -> None:
    from api.web.reference import error_codes

    codes = {code: str(status) for code, (status, _title) in error_codes().items()}
    documented = {code: cells[0] for code, cells in table(ERRORS).items() if code != FALLBACK_CODE}
    assert documented == codes, f"docs/errors.md and api/domain/errors.py differ: {set(documented) ^ set(codes)}"
    assert FALLBACK_CODE in table(ERRORS)


def test_a_code_stands_beside_its_status_in_every_document() -> None:
    from api.web.reference import error_codes

    known = {(str(status), code) for code, (status, _title) in error_codes().items()}
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    named = {pair for page in pages for pair in re.findall(r"\b([45]\d\d)\*{0,2} `([a-z_]+)`", page.read_text("utf-8"))}
    assert len(named) > 10
    assert not named - known


def test_what_troubleshooting_quotes_is_said() -> None:
    """The words of the server's own lines, between what varies in them."""
    rows = re.findall(r"^\| ([^|]+) \|", (ROOT / "docs" / "troubleshooting.md").read_text("utf-8"), re.M)
    quoted = [words for row in rows for words in re.findall(r"`(?:parley: )?([^`]*… [^`]+|[^`]+ [^`]+)`", row)]
    source = "".join(
        path.read_text("utf-8") for path in [*(ROOT / "api").rglob("*.py"), *(ROOT / "deploy").rglob("*.py")]
    )
    lines = [words for words in quoted if not PROGRAM.match(words)]
    parts = [part for words in lines for part in re.split(r"…|8000|127\.0\.0\.1", words)]
    assert len(parts) > 5
    assert not [part for part in parts if part.strip(" ,") and part.strip(" ,") not in source]


def test_every_error_says_what_it_means_and_what_to_do() -> None:
    for code, cells in table(ERRORS).items():
        assert len(cells) == 3, f"{code}: status, meaning, what to do"
        assert all(len(cell) > 10 for cell in cells[1:]), f"{code}: write it for a person"


def test_every_error_class_has_a_code_of_its_own() -> None:
    from api.domain import errors

    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.AppError)]
    codes = [kind.code for kind in kinds]
    assert sorted(codes) == sorted(set(codes))
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", code) for code in codes)


def test_every_setting_of_the_server() -> None:
    from api.config import Settings

    text = CONFIGURATION.read_text(encoding="utf-8")
    documented = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", text))
    missing = {name.upper() for name in Settings.model_fields} - documented
    assert not missing, f"write them with `flask --app api.cli docs write`: {sorted(missing)}"
    assert all(field.description for field in Settings.model_fields.values())


def test_every_setting_of_the_page() -> None:
    source = (ROOT / "ui" / "settings.py").read_text(encoding="utf-8")
    read = set(re.findall(r"value\.get\(\"([A-Z_]+)\"", source))
    assert read
    documented = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", CONFIGURATION.read_text(encoding="utf-8")))
    assert not read - documented


def test_every_setting_is_in_the_example() -> None:
    from api.config import Settings

    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = dict(re.findall(r"^# ?([A-Z][A-Z0-9_]+)=(.*)$", text, re.MULTILINE))
    missing = {name.upper() for name in Settings.model_fields} - named.keys()
    assert not missing
    secret = [name for name, field in Settings.model_fields.items() if "Secret" in str(field.annotation)]
    assert not {name for name in secret if named[name.upper()]}, "an example of a secret gets used"
    assert not re.search(r"^\s*[^#\s]", text, re.MULTILINE), "copied as it is, it must change nothing"


def test_every_route(app: Any) -> None:
    described = app.test_client().get("/openapi.json").get_json()["paths"]
    missing = []
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
        if not NOT_DESCRIBED.match(path):
            methods = {method.lower() for method in rule.methods - {"HEAD", "OPTIONS"}}
            missing += [f"{method} {path}" for method in methods - described.get(path, {}).keys()]
    assert not missing
    assert len(described) > 5


@pytest.mark.parametrize("path", ["/imports", "/attachments"])
def test_a_file_as_a_body_is_described(app: Any, path: str) -> None:
    described = app.test_client().get("/openapi.json").get_json()["paths"][path]["post"]["requestBody"]
    view = next(app.view_functions[r.endpoint] for r in app.url_map.iter_rules() if r.rule == path)
    assert described["required"]
    assert described["content"].keys() == view.accepts


def test_every_described_route_says_what_it_does(app: Any) -> None:
    described = app.test_client().get("/openapi.json").get_json()["paths"]
    silent = [
        f"{method} {path}"
        for path, operations in described.items()
        for method, operation in operations.items()
        if not (operation.get("summary") or operation.get("description"))
    ]
    assert not silent


def test_every_suite_has_its_minutes_in_the_budget_of_ci() -> None:
    ours = (path.relative_to(ROOT).as_posix() for path in tracked() if path.name.startswith("test_"))
    found = {suite_of(path) for path in ours if path.startswith("tests/")}
    assert set(budgets()) == found
    assert sum(budgets().values()) <= 60


def test_a_budget_is_what_was_measured_and_a_fifth() -> None:
    assert {suite: max(0.1, round(measured * 1.2, 1)) for suite, (measured, _) in rows().items()} == budgets()
