"""The description of the API, made from its routes: OpenAPI 3.1 for machines, and the same in sections for a page."""

import inspect
import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Litestar, Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.utils.helpers import unwrap_partial

from appliance.api_keys import SCOPES
from appliance.settings import settings
from web.api.examples import EXAMPLES
from web.api.problems import PROBLEM, Problem
from web.api.reading import USUAL_ON_A_PAGE, Cursor, Limit

PREFIX = "/api/v1"
VERSION = "1.0.0"
SECTIONS = {
    "Songs": "The takes: your own, and what everybody has published.",
    "Requests": "What was asked for: each request has its takes, and can be followed until it is done.",
    "Account": "Whose key it is, and what can be spent.",
    "Webhooks": "Addresses that are told when a song of yours is ready or has failed.",
}
KEY = (
    "A key: `bl_<id>.<secret>`. Its halves may come as the headers Modal-Key and Modal-Secret instead, but not as well."
)
QUERIES = {
    "cursor": (Cursor, "Where the page begins: `next` of the page before."),
    "limit": (Limit, f"How many there are on a page; {USUAL_ON_A_PAGE} where nothing is said."),
}
REFUSALS = {
    400: "The body cannot be read, or two keys were sent.",
    401: "There is no key, or it does not open anything here.",
    403: "The key lacks the scope.",
    404: "It is not there, or it is not for you to know that it is.",
    409: "It cannot be done as things stand.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "Something that was sent cannot be used.",
    429: "The key has asked too often; RateLimit-Reset says when it may again.",
    503: "A part of the studio does not answer at the moment.",
}
RATE = {
    name: {"description": text, "schema": {"type": "integer"}}
    for name, text in (
        ("RateLimit-Limit", "How many requests the key may make in a minute."),
        ("RateLimit-Remaining", "How many of them are left."),
        ("RateLimit-Reset", "Seconds until the next minute begins."),
    )
}


@dataclass(frozen=True, slots=True)
class Shape:
    """A body or an answer for the page: what it is, its fields with their types in words, and an example."""

    text: str
    fields: list[tuple[str, str]]
    example: str


@dataclass(frozen=True, slots=True)
class Described:
    """A route for the page."""

    id: str
    method: str
    path: str
    summary: str
    text: str
    scope: str
    parameters: list[tuple[str, str]]
    statuses: list[str]
    body: Shape | None
    answer: Shape | None


@dataclass(frozen=True, slots=True)
class Section:
    """The routes about one thing."""

    name: str
    text: str
    routes: list[Described] = field(default_factory=list)


@get(f"{PREFIX}/openapi.json", sync_to_thread=False)
def openapi(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Return the OpenAPI document; it is the same for everybody and needs no key."""
    return describe(request.app)


def describe(app: Litestar) -> dict[str, Any]:
    """Return the OpenAPI document of the API, made once from the routes of `app`."""
    kept: dict[str, Any] | None = app.state.get("api_document")
    if kept is None:
        kept = app.state["api_document"] = _describe(app)
    return kept


def _describe(app: Litestar) -> dict[str, Any]:
    routes = _routes(app)
    kinds = {kind for *_, handler in routes for name in ("body", "answer") if (kind := handler.opt.get(name))}
    ordered = sorted([*kinds, Problem], key=lambda kind: kind.__name__)
    _, schemas = msgspec.json.schema_components(ordered, ref_template="#/components/schemas/{name}")
    for kind in ordered:
        schemas[kind.__name__]["examples"] = [EXAMPLES[kind]]
    for schema in schemas.values():
        schema["description"] = inspect.cleandoc(schema["description"])
    paths: dict[str, Any] = {}
    for method, path, handler in routes:
        paths.setdefault(path, {})[method.lower()] = _operation(path, handler)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{settings().studio_name}: API",
            "version": VERSION,
            "description": "Ask for songs, look at them, and do everything else that people do in the studio.",
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in SECTIONS.items()],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": KEY},
            },
        },
    }


def _routes(app: Litestar) -> list[tuple[str, str, HTTPRouteHandler]]:
    """Return method, path and handler of every route that needs a key and lies under the prefix, in the sections' order."""
    found = [
        (method, route.path_format.rstrip("/"), handler)
        for route in app.routes
        for handler in getattr(route, "route_handlers", ())
        if handler.opt.get("by_key") and route.path_format.startswith(PREFIX)
        for method in sorted(handler.http_methods - {"OPTIONS"})
    ]
    return sorted(found, key=lambda each: (list(SECTIONS).index(_section(each[2])), each[1], each[0]))


def _section(handler: HTTPRouteHandler) -> str:
    return str(handler.opt["section"])


def _words(handler: HTTPRouteHandler) -> tuple[str, str]:
    """Return the first sentence about a route, and the rest."""
    text = inspect.cleandoc(unwrap_partial(handler.fn).__doc__ or "")
    summary, _, rest = text.partition("\n\n")
    return " ".join(summary.split()), " ".join(rest.split())


def _operation(path: str, handler: HTTPRouteHandler) -> dict[str, Any]:
    summary, rest = _words(handler)
    scope = handler.opt.get("scope")
    operation: dict[str, Any] = {
        "operationId": f"{_section(handler).lower()}_{unwrap_partial(handler.fn).__name__}",
        "tags": [_section(handler)],
        "summary": summary,
        "description": " ".join(
            [rest, f"Needs the scope `{scope}`: {SCOPES[scope]}." if scope else "Any key will do."]
        ).strip(),
        "parameters": [*_path_parameters(path), *_queries(handler), *_idempotency(handler)],
        "responses": _answers(path, handler),
    }
    if body := handler.opt.get("body"):
        content = {"schema": _ref(body), "example": EXAMPLES[body]}
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    return operation


def _ref(kind: type) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


def _path_parameters(path: str) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}} for name in names
    ]


def _queries(handler: HTTPRouteHandler) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": QUERIES[name][1],
            "schema": msgspec.json.schema(QUERIES[name][0]),
        }
        for name in handler.opt.get("query", ())
    ]


def _idempotency(handler: HTTPRouteHandler) -> list[dict[str, Any]]:
    if not handler.opt.get("idempotent"):
        return []
    said = "A name of your own for this request: sent again within 24 hours, it is answered the same and done once."
    schema = {"type": "string", "minLength": 1, "maxLength": 80, "pattern": "^[!-~]+$"}
    return [{"name": "Idempotency-Key", "in": "header", "required": False, "description": said, "schema": schema}]


def _refusals(path: str, handler: HTTPRouteHandler) -> list[int]:
    """Return the statuses, besides the good one, that a route may answer."""
    body, inner = handler.opt.get("body"), "{" in path
    changes = bool({"POST", "PATCH", "DELETE"} & handler.http_methods) or "media" in handler.opt
    when = {
        400: True,
        401: True,
        403: "scope" in handler.opt,
        404: inner,
        409: changes,
        413: True,
        415: body,
        422: True,
    }
    return [status for status in REFUSALS if when.get(status, True)]


def _answers(path: str, handler: HTTPRouteHandler) -> dict[str, Any]:
    good: dict[str, Any] = {"description": HTTPStatus(handler.status_code).phrase, "headers": RATE}
    if answer := handler.opt.get("answer"):
        good["content"] = {"application/json": {"schema": _ref(answer), "example": EXAMPLES[answer]}}
    answers: dict[str, Any] = {str(handler.status_code): good}
    if media := handler.opt.get("media"):
        kinds = [media, *(["image/svg+xml"] if media == "image/webp" else [])]
        good["content"] = {kind: {"schema": {}} for kind in kinds}
        if media != "text/event-stream":
            answers["206"] = {**good, "description": "The part that Range asks for."}
            answers["304"] = {"description": "It is still what If-None-Match names."}
            answers["307"] = {"description": "It lies there, for the next five minutes."}
            answers["416"] = {"description": "Range asks for what there is not."}
    for status in _refusals(path, handler):
        told = {"schema": _ref(Problem)} | ({"example": EXAMPLES[Problem]} if status == 422 else {})
        answers[str(status)] = {"description": REFUSALS[status], "content": {PROBLEM: told}}
    return answers


def sections(app: Litestar) -> list[Section]:
    """Return the description for the page."""
    found = {name: Section(name, text) for name, text in SECTIONS.items()}
    document = describe(app)
    for method, path, handler in _routes(app):
        operation = document["paths"][path][method.lower()]
        body, answer = handler.opt.get("body"), handler.opt.get("answer")
        found[_section(handler)].routes.append(
            Described(
                operation["operationId"],
                method,
                path,
                *_words(handler),
                handler.opt.get("scope", ""),
                [(each["name"], each.get("description", "The id of it.")) for each in operation["parameters"]],
                list(operation["responses"]),
                _shape(document, body) if body else None,
                _shape(document, answer) if answer else None,
            )
        )
    return list(found.values())


def _shape(document: dict[str, Any], kind: type) -> Shape:
    schema = document["components"]["schemas"][kind.__name__]
    fields = [(name, _in_words(part)) for name, part in schema["properties"].items()]
    return Shape(schema["description"], fields, json.dumps(EXAMPLES[kind], indent=2, ensure_ascii=False))


def _in_words(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_in_words(part) for part in schema["anyOf"])
    if "enum" in schema:
        return "one of " + ", ".join(str(value) for value in schema["enum"])
    limits = {"minimum": "from", "maximum": "to", "minLength": "at least", "maxLength": "at most"}
    said = " ".join(f"{word} {schema[name]:g}" for name, word in limits.items() if name in schema)
    unit = " characters" if "maxLength" in schema else ""
    return f"{schema.get('type', 'anything')} {said}{unit}".strip()
