"""Routes that state who may use them, request shapes that are strict, and the document they add up to.

The only module that imports flask-openapi3, so that a successor is a change of one file.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from enum import Enum
from typing import Any, ClassVar, TypeVar

from flask import Flask, Request, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.info import Info
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI
from pydantic import ConfigDict
from werkzeug.routing import Rule

from api.web.errors import PROBLEM_TYPE, validation_problem
from api.web.shapes import Shape

View = TypeVar("View", bound=Callable[..., Any])


class _Rule(Rule):
    """Builds what `url_for` needs when somebody asks: made at the start it is a tenth of the start, and nobody asks."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        made: Callable[..., tuple[str, str]] | None = None

        def build(rule: Rule, **values: Any) -> tuple[str, str]:
            nonlocal made
            made = made or Rule._compile_builder(self, append_unknown)
            return made(rule, **values)

        return build


class Application(OpenAPI):
    url_rule_class = _Rule

    def ensure_sync(self, func: Any) -> Any:
        """As it is: nothing of ours is a coroutine, and Flask would look at every hook at every request."""
        return func


class Access(Enum):
    """Who may use a route. A key needs the scope; an access token has all scopes."""

    PUBLIC = "nobody needs to sign in"
    PAGE = "only the page's own process, by the shared secret"
    GUEST = "scope read, or no credential at all"
    READ = "scope read"
    CHAT = "scope chat"
    ACCOUNT = "scope admin"
    SESSION = "only a signed-in session, never an API key"
    ADMIN = "scope admin, and the account is an admin"
    METRICS = "the metrics token, or loopback"


class Body(Shape):
    """A JSON body: unknown fields are refused, ISO dates and UUIDs are read, nothing else is converted."""

    model_config = ConfigDict(strict=True, extra="forbid")

    @classmethod
    def model_validate(cls, obj: Any = None, **options: Any) -> Any:
        if obj is None or request.is_json:
            return cls.__pydantic_validator__.validate_json(request.get_data() or b"{}")
        return super().model_validate(obj, **options)

    @classmethod
    def model_validate_json(cls, json_data: Any = None, **_: Any) -> Any:
        return cls.__pydantic_validator__.validate_json(request.get_data() or b"{}")


class OpenBody(Body):
    """The body of another system's client: what we do not know of it is ignored."""

    model_config = ConfigDict(strict=True, extra="ignore")


class _BodyReadOnce(Request):
    """flask-openapi3 would decode every body with the standard library first, which fails over deep nesting."""

    def get_json(self, *_: Any, **__: Any) -> None:
        """Nothing: `Body` reads the bytes."""


class Parameters(Shape):
    """Query or path parameters. The schema is made once; flask-openapi3 would ask for it at every request."""

    model_config = ConfigDict(extra="forbid")
    _schemas: ClassVar[dict[type, dict[str, Any]]] = {}

    @classmethod
    def model_json_schema(cls, *args: Any, **options: Any) -> dict[str, Any]:
        if args or options:
            return super().model_json_schema(*args, **options)
        if cls not in Parameters._schemas:
            Parameters._schemas[cls] = super().model_json_schema()
        return Parameters._schemas[cls]


class IdPath(Parameters):
    """An id in the path. A malformed one is an id that never existed: 404, not 422."""

    id: str


PROBLEM_RESPONSE = {"description": "problem"}
ERROR_TEXT = {"description": "what went wrong"}
_REFUSALS: dict[str, Any] = {
    "problem": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    "what went wrong": {
        "application/json": {
            "schema": {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
        }
    },
}
"""By description, filled in when the document is asked for: as objects at every route they would take 6 MiB."""
EVENT_STREAM = {"description": "events", "content": {"text/event-stream": {"schema": {"type": "string"}}}}


class Routes(APIBlueprint):  # type: ignore[misc, unused-ignore]
    """A blueprint of one noun. Every route names its `access`; the app refuses to start over one that does not."""

    def __init__(self, name: str, about: str, refusals: dict[str, Any] = PROBLEM_RESPONSE) -> None:
        """`refusals` describes the answers of 4xx and 5xx."""
        super().__init__(name, name, abp_tags=[Tag(name=name, description=about)])
        self._refusals = refusals
        self._undescribed: list[Callable[[], object]] = []

    def _collect_openapi_info(self, rule: str, func: Callable[..., Any], **options: Any) -> Any:
        """The types of a view's arguments alone. What the document says of it waits until somebody asks for the
        document: a seventh of a start's work, and 4 MiB."""
        self._undescribed.append(functools.partial(super()._collect_openapi_info, rule, func, **options))
        return super()._collect_openapi_info(rule, func, **options | {"doc_ui": False})

    def describe(self, app: OpenAPI) -> None:
        """Adds its routes to the document of `app`, as `register_api` does with those that are described at once."""
        while self._undescribed:
            self._undescribed.pop(0)()
        app.tags += [tag for tag in self.tags if tag not in app.tags]
        app.paths.update(self.paths)
        app.components_schemas.update(self.components_schemas)

    def get(self, rule: str, **options: Any) -> Callable[[View], View]:
        return self._stated(super().get, rule, options)

    def post(self, rule: str, **options: Any) -> Callable[[View], View]:
        return self._stated(super().post, rule, options)

    def put(self, rule: str, **options: Any) -> Callable[[View], View]:
        return self._stated(super().put, rule, options)

    def patch(self, rule: str, **options: Any) -> Callable[[View], View]:
        return self._stated(super().patch, rule, options)

    def delete(self, rule: str, **options: Any) -> Callable[[View], View]:
        return self._stated(super().delete, rule, options)

    def _stated(self, register: Any, rule: str, options: dict[str, Any]) -> Callable[[View], View]:
        access: Access = options.pop("access")
        generates: bool = options.pop("generates", False)
        cookie: bool = options.pop("cookie", False)
        accepts: frozenset[str] | None = options.pop("accepts", None)
        reads: tuple[str, ...] = options.pop("reads", ())
        most: str | None = options.pop("most", None)
        returns: dict[int, Any] = options.pop("returns", {})
        secured = access not in (Access.PUBLIC, Access.GUEST, Access.PAGE, Access.METRICS)
        responses: dict[str, Any] = {str(status): shape for status, shape in returns.items()}
        for status in ("4XX", "5XX"):
            responses.setdefault(status, self._refusals)
        register_route = register(
            rule,
            responses=responses,
            security=[{"bearer": []}] if secured else [],
            description=f"Access: {access.value}.",
            **options,
        )

        def decorate(view: View) -> View:
            view.access = access  # type: ignore[attr-defined]
            view.generates = generates  # type: ignore[attr-defined]
            view.reads = reads  # type: ignore[attr-defined]
            view.returns = returns  # type: ignore[attr-defined]
            view.cookie = cookie  # type: ignore[attr-defined]
            if accepts is not None:  # media types of the body other than JSON
                view.accepts = accepts  # type: ignore[attr-defined]
            if most is not None:  # the setting that bounds the body, instead of MAX_BODY_BYTES
                view.most = most  # type: ignore[attr-defined]
            register_route(view)
            return view

        return decorate


def make_app(version: str) -> Application:
    """A Flask application that knows its own OpenAPI document, without pages or assets from elsewhere."""
    app = Application(
        "api",
        info=Info(title="Parley", version=version, description="Chat with all your team's language models."),
        doc_ui=False,
        validation_error_status=422,
        validation_error_callback=validation_problem,
        security_schemes={"bearer": {"type": "http", "scheme": "bearer"}},
        static_folder=None,
    )
    app.request_class = _BodyReadOnce
    return app


def document(app: Flask) -> dict[str, Any]:
    """The OpenAPI document, made once."""
    assert isinstance(app, OpenAPI)
    return _document(app)


@functools.lru_cache(maxsize=4)
def _document(app: OpenAPI) -> dict[str, Any]:
    for routes in app.blueprints.values():
        if isinstance(routes, Routes):
            routes.describe(app)
    api_doc: dict[str, Any] = app.api_doc
    for operations in api_doc["paths"].values():
        for operation in operations.values():
            for response in operation["responses"].values():
                if content := _REFUSALS.get(response["description"]):
                    response["content"] = content
    return api_doc


def access_of(app: Flask, endpoint: str) -> Access | None:
    """What the route behind `endpoint` declared, or None."""
    return getattr(app.view_functions[endpoint], "access", None)


def reads_of(app: Flask, endpoint: str) -> tuple[str, ...]:
    """The headers that the route behind `endpoint` says it reads, besides those that every route does."""
    reads: tuple[str, ...] = getattr(app.view_functions[endpoint], "reads", ())
    return reads


def refuse_undeclared(app: Flask) -> None:
    """Raises RuntimeError naming the routes that do not state who may use them."""
    missing = [r.rule for r in app.url_map.iter_rules() if access_of(app, r.endpoint) is None]
    if missing:
        raise RuntimeError(f"routes without an access rule: {', '.join(sorted(missing))}")
