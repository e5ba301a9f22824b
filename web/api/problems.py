"""Failures as programs read them: problem details (RFC 9457), or where a program expects FastAPI's, `{"detail": ...}`."""

from http import HTTPStatus
from typing import Any

import msgspec
from litestar.response import Response

PROBLEM = "application/problem+json"


class Problem(msgspec.Struct):
    """What went wrong, in a sentence for people; `fields` says it of each field that cannot be used."""

    title: str
    status: int
    detail: str
    fields: dict[str, str]
    request_id: str
    type: str = "about:blank"


def _headers(status: int) -> dict[str, str]:
    return {"cache-control": "no-store"} | ({"www-authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {})


def problem(status: int, message: str, fields: dict[str, str], request_id: str) -> Response[Any]:
    """Return a failure as a problem."""
    told = Problem(HTTPStatus(status).phrase, status, message, fields, request_id)
    return Response(told, status_code=status, media_type=PROBLEM, headers=_headers(status))


def detail(status: int, message: str) -> Response[Any]:
    """Return a failure as FastAPI's programs know it."""
    return Response({"detail": message}, status_code=status, headers=_headers(status))
