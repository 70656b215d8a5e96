"""The reference as the server hands it out: an index, the error codes, Swagger UI and ReDoc, nothing from elsewhere."""

from __future__ import annotations

import copy
import functools
import html
import re
from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from flask import Flask, Response

from api.domain.errors import kinds
from api.web.errors import WERKZEUG_CODES, Problem
from api.web.openapi import access_of, document, reads_of
from api.web.request_headers import describe
from api.web.surfaces import surface_of

VARIABLE: Final = re.compile(r"<(?:\w+:)?(\w+)>")
# Both viewers draw with inline styles; ReDoc searches in a worker made from a blob. No host but ours is let in.
PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; worker-src blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
LINKS: Final = {
    "openapi": "/openapi.json",
    "docs": "/docs",
    "redoc": "/redoc",
    "errors": "/docs/errors",
    "health": "/health",
    "ready": "/ready",
}
NATIVE: Final = ("native", "Parley's own API")
ASSETS: Final = {
    "swagger-ui.css": "flask_openapi3_swagger:swagger/css/swagger-ui.css",
    "swagger-ui-bundle.js": "flask_openapi3_swagger:swagger/js/swagger-ui-bundle.js",
    "swagger-ui-standalone-preset.js": "flask_openapi3_swagger:swagger/js/swagger-ui-standalone-preset.js",
    "swagger.svg": "flask_openapi3_swagger:swagger/images/swagger.svg",
    "redoc.standalone.js": "flask_openapi3_redoc:redoc/js/redoc.standalone.js",
    "redoc.svg": "flask_openapi3_redoc:redoc/images/redoc.svg",
}
SCRIPTS: Final = {
    "swagger-init.js": """\
window.addEventListener("load", () => {
  window.ui = SwaggerUIBundle({
    url: "openapi.json",
    dom_id: "#swagger-ui",
    deepLinking: true,
    validatorUrl: null,
    presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
    layout: "StandaloneLayout",
  });
});
""",
    "redoc-init.js": """\
window.addEventListener("load", () => {
  Redoc.init("openapi.json", {}, document.getElementById("redoc"));
});
""",
}
SWAGGER: Final = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Parley API</title>
<link rel="icon" href="docs/assets/swagger.svg">
<link rel="stylesheet" href="docs/assets/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/assets/swagger-ui-bundle.js"></script>
<script src="docs/assets/swagger-ui-standalone-preset.js"></script>
<script src="docs/assets/swagger-init.js"></script>
</body>
</html>
"""
REDOC: Final = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Parley API</title>
<link rel="icon" href="docs/assets/redoc.svg">
<style>body { margin: 0; padding: 0; }</style>
</head>
<body>
<div id="redoc"></div>
<script src="docs/assets/redoc.standalone.js"></script>
<script src="docs/assets/redoc-init.js"></script>
</body>
</html>
"""
ERRORS: Final = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Parley's error codes</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; }}
table {{ border-collapse: collapse; }}
td, th {{ text-align: left; padding: .3em 1em .3em 0; vertical-align: top; border-bottom: 1px solid #ddd; }}
tr:target {{ background: #fff3c4; }}
</style>
</head>
<body>
<h1>Error codes</h1>
<p>Every error has a stable code. Where an error is a problem document, its type points at one of these rows.</p>
<table>
<tr><th>Code</th><th>Status</th><th>Meaning</th></tr>
{rows}
</table>
</body>
</html>
"""


def page(text: str) -> Response:
    """An HTML page that loads from this server only."""
    response = Response(text, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = PAGE_POLICY
    return response


def asset_path(name: str) -> Path | None:
    """The file of a viewer's package, without importing that package."""
    if name not in ASSETS:
        return None
    package, _, inside = ASSETS[name].partition(":")
    found = find_spec(package)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "templates" / inside


@functools.lru_cache(maxsize=4)
def openapi(app: Flask) -> dict[str, Any]:
    """The OpenAPI document, in which every error is the one problem shape that is really answered."""
    made = copy.deepcopy(document(app))
    shapes: dict[str, Any] = made.setdefault("components", {}).setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    shapes.update(problem.pop("$defs"), Problem=problem)
    shapes.pop("ValidationErrorModel", None)  # the library's own form of 422; ours is in 4XX
    for operations in made["paths"].values():
        for operation in operations.values():
            if "ValidationErrorModel" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]
    for rule in app.url_map.iter_rules():
        path = VARIABLE.sub(r"{\1}", rule.rule)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"} if reads_of(app, rule.endpoint) else ():
            describe(made["paths"][path][method.lower()], reads_of(app, rule.endpoint))
    return made


@functools.lru_cache(maxsize=4)
def index(app: Flask) -> dict[str, Any]:
    """Name, version, links, and every endpoint by surface."""
    endpoints: dict[tuple[str, str], list[str]] = {NATIVE: []}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if access_of(app, rule.endpoint) is not None:
            surface = surface_of(app.extensions["parley_surfaces"], rule.rule)
            methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
            whose = (surface.name, surface.about) if surface else NATIVE
            endpoints.setdefault(whose, []).append(f"{','.join(methods)} {rule.rule}")
    info = document(app)["info"]
    listed = [{"name": name, "about": about, "endpoints": paths} for (name, about), paths in endpoints.items()]
    return {"name": info["title"], "version": info["version"], "links": LINKS, "surfaces": listed}


def error_codes() -> dict[str, tuple[int, str]]:
    """Every code with its status and title: the error tree, and what the HTTP layer refuses by itself."""
    codes = {code: (status, HTTPStatus(status).phrase) for status, (code, _) in WERKZEUG_CODES.items()}
    return codes | {code: (kind.status, kind.title) for code, kind in kinds().items()}


@functools.lru_cache(maxsize=1)
def errors_page() -> str:
    rows = (
        f'<tr id="{code}"><td><code>{code}</code></td><td>{status}</td><td>{html.escape(title)}</td></tr>'
        for code, (status, title) in sorted(error_codes().items(), key=lambda item: (item[1][0], item[0]))
    )
    return ERRORS.format(rows="\n".join(rows))
