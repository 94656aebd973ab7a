"""Field masks (`fields=`, `readMask=`) and pages."""

import re

from tests.bigquery_server.errors import invalid

_PIECE = re.compile(r"[A-Za-z0-9_*]+|[,()/.]")
_MAX_PAGE = 1_000


def parse(text):
    """Return a mask as nested dicts: `a,b(c,d/e)` is {a: {}, b: {c: {}, d: {e: {}}}}."""
    pieces = _PIECE.findall(text)
    if "".join(pieces) != re.sub(r"\s", "", text):
        raise invalid(f"Invalid field selection {text}", "invalidParameter")
    mask, rest = _fields(pieces)
    if rest:
        raise invalid(f"Invalid field selection {text}", "invalidParameter")
    return mask


def _fields(pieces):
    mask = {}
    while pieces and pieces[0] != ")":
        name, *pieces = pieces
        inner, pieces = _inside(pieces)
        mask[name] = {**mask.get(name, {}), **inner}
        if pieces and pieces[0] == ",":
            pieces = pieces[1:]
    return mask, pieces


def _inside(pieces):
    if pieces and pieces[0] in "/.":
        name, *pieces = pieces[1:]
        inner, pieces = _inside(pieces)
        return {name: inner}, pieces
    if pieces and pieces[0] == "(":
        inner, pieces = _fields(pieces[1:])
        return inner, pieces[1:]
    return {}, pieces


def applied(mask, body):
    """Return what of a body the mask lets through; an empty mask lets everything through."""
    if not mask or "*" in mask:
        return body
    if isinstance(body, list):
        return [applied(mask, item) for item in body]
    if not isinstance(body, dict):
        return body
    return {key: applied(mask[key], value) for key, value in body.items() if key in mask}


def page(items, query, limit=_MAX_PAGE):
    """Return one page of items and the rest of the body: the token of the next page."""
    start = _number(query, "pageToken", 0)
    size = min(_number(query, "maxResults", limit) or limit, limit)
    end = start + size
    return items[start:end], ({"nextPageToken": str(end)} if end < len(items) else {})


def _number(query, key, otherwise):
    text = query.get(key) or str(otherwise)
    if not text.isdigit():
        raise invalid(f"Invalid value for {key}: {text}", "invalidParameter")
    return int(text)
