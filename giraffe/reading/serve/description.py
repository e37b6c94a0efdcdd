"""The API described: OpenAPI for programs, one plain page for people."""

from html import escape

from giraffe.classes import CLASSES
from giraffe.reading.serve.refusals import NOTICE

SCHEMAS = "#/components/schemas/"
TEXT = {"type": "string"}
SHARE = {"type": "number", "minimum": 0, "maximum": 1}
NUMBER = {"type": "number"}
FILE = {"type": "string", "format": "binary"}
REFUSED = {
    "400": "`wrong_query`: a parameter that is not understood; `no_picture`: a broken form, or one "
    "without a file in its field `picture`",
    "403": "`wrong_host`, `wrong_origin`: the request comes from another site's page",
    "413": "`too_large`: more bytes, pixels or pages than are read",
    "415": "`no_form`: not multipart/form-data; `not_a_picture`: the file is no picture",
    "422": "`no_chart`: no chart of several leads was found; `no_page`: the file has no such page; "
    "`no_signals`: no trace could be followed",
    "503": "`busy`: the line is full; try again after `Retry-After` seconds",
}
EXAMPLES = (
    ("A reading as JSON", "curl -F picture=@photo.jpg ADDRESS/read"),
    ("Its signals as a WFDB record",
     "curl -F picture=@photo.jpg 'ADDRESS/read?format=wfdb' -o photo.zip"),
    ("Page 2 of a PDF as CSV", "curl -F picture=@scan.pdf 'ADDRESS/read?format=csv&page=2'"),
)  # fmt: skip


def describe(limit_mb: float, version: str) -> dict:
    """The API in the words of OpenAPI 3.1.

    Parameters
    ----------
    limit_mb : float
        Million bytes that may be sent at once.
    version : str
        Of the package.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "GIRAFFE",
            "version": version,
            "description": f"Reads pictures of 12-lead ECG printouts. {NOTICE} Nothing that is "
            "sent is stored. One picture is read at a time; others wait in line.",
            "license": {"name": "BSD-3-Clause", "identifier": "BSD-3-Clause"},
        },
        "paths": {"/read": {"post": _read(limit_mb)}, "/turn/{ticket}": {"get": _turn()}},
        "components": {"schemas": {"Reading": _reading(), "View": _view(), "Refusal": _refusal()}},
    }


def _read(limit_mb: float) -> dict:
    parameters = [
        _query(
            "format",
            {"type": "string", "enum": ["json", "csv", "wfdb", "page"], "default": "json"},
            "json: what was read of every page; csv: the signals of one page, in mV over seconds; "
            "wfdb: the same as a WFDB record in a zip archive; page: what the page in the browser "
            "shows, which may change",
        ),
        _query(
            "whole",
            {"type": "boolean", "default": False},
            "whether a picture without a chart is classified as a whole",
        ),
        _query(
            "page",
            {"type": "integer", "minimum": 1, "maximum": 9999, "default": 1},
            "with csv and wfdb: which page of a PDF",
        ),
        _query("ticket", _ticket(), "a word of your own, to ask at /turn when it is your turn"),
    ]
    readings = {
        "type": "object",
        "required": ["notice", "readings"],
        "properties": {
            "notice": TEXT,
            "readings": {
                "type": "array",
                "items": {"anyOf": [{"$ref": SCHEMAS + name} for name in ("Reading", "View")]},
            },
        },
    }
    form = {"type": "object", "required": ["picture"], "properties": {"picture": FILE}}
    return {
        "operationId": "read",
        "summary": "Read a picture",
        "description": "A PNG, JPEG, TIFF, BMP, WebP, GIF or HEIC picture, or a PDF, of at most "
        f"{limit_mb:g} MB. The answer comes when it was read; until then the request waits.",
        "parameters": parameters,
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": form}}},
        "responses": {
            "200": {
                "description": "What was read",
                "content": {
                    "application/json": {"schema": readings},
                    "text/csv": {"schema": TEXT},
                    "application/zip": {"schema": FILE},
                },
            },
            **{status: _refused(meaning) for status, meaning in REFUSED.items()},
        },
    }


def _turn() -> dict:
    place = {
        "type": "object",
        "required": ["ahead", "in_line"],
        "properties": {
            "ahead": {
                "type": ["integer", "null"],
                "description": "how many are read before; null: the ticket is not in line",
            },
            "in_line": {"type": "integer"},
        },
    }
    where = {
        "name": "ticket",
        "in": "path",
        "required": True,
        "schema": _ticket(),
        "description": "the word that /read was given",
    }
    return {
        "operationId": "turn",
        "summary": "Ask when it is your turn",
        "description": "While a request to /read with this ticket waits.",
        "parameters": [where],
        "responses": {
            "200": {
                "description": "The place in line",
                "content": {"application/json": {"schema": place}},
            },
            "400": _refused("`wrong_query`: a word that cannot be a ticket"),
            "403": _refused(REFUSED["403"]),
        },
    }


def _reading() -> dict:
    by_class = {
        "type": "object",
        "properties": dict.fromkeys(CLASSES, SHARE),
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "required": ["labels", "probabilities", "thresholds", "kind", "certainty", "uncertain"],
        "properties": {
            "picture": TEXT,
            "labels": {"type": "array", "items": {"enum": list(CLASSES)}},
            "left_out": {"type": "object", "additionalProperties": {"enum": list(CLASSES)}},
            "probabilities": by_class,
            "thresholds": by_class,
            "kind": {"enum": ["chart", "strip", "none"]},
            "certainty": SHARE,
            "chart": {"type": ["object", "null"]},
            "measurements": {"type": "object", "additionalProperties": NUMBER},
            "uncertain": {"type": "array", "items": TEXT},
        },
    }


def _view() -> dict:
    return {
        "type": "object",
        "description": "with format=page",
        "required": ["name", "picture", "reading"],
        "properties": {
            "name": TEXT,
            "picture": {"type": "string", "pattern": "^data:image/"},
            "reading": {"$ref": SCHEMAS + "Reading"},
        },
    }


def _refusal() -> dict:
    names = ("error", "message", "notice")
    return {"type": "object", "required": list(names), "properties": dict.fromkeys(names, TEXT)}


def _ticket() -> dict:
    return {"type": "string", "pattern": "^-*[0-9A-Za-z][-0-9A-Za-z]*$", "maxLength": 64}


def _query(name: str, schema: dict, meaning: str) -> dict:
    return {"name": name, "in": "query", "schema": schema, "description": meaning}


def _refused(meaning: str) -> dict:
    schema = {"$ref": SCHEMAS + "Refusal"}
    return {"description": meaning, "content": {"application/json": {"schema": schema}}}


def described_in_html(description: dict) -> str:
    """The same as a page that needs nothing but its style sheet."""
    info = description["info"]
    parts = [
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        "<title>GIRAFFE: API</title><link rel=stylesheet href=/static/style.css>"
        "<link rel=icon href=/static/icon.svg></head><body><header><h1><a href=/>GIRAFFE</a></h1>"
        f"<p class=notice role=note>{escape(NOTICE)}</p></header><main class=api>"
        f"<h2>API</h2><p>{escape(info['description'])}</p>"
        "<p>For programs: <a href=/openapi.json>/openapi.json</a>, OpenAPI 3.1.</p>"
        "<p>ADDRESS is what stands in your browser's address bar, such as "
        "<code>http://127.0.0.1:8765</code>.</p>"
    ]
    for what, command in EXAMPLES:
        parts.append(f"<p>{escape(what)}:</p><pre tabindex=0>{escape(command)}</pre>")
    for path, methods in description["paths"].items():
        for method, call in methods.items():
            parts.append(f"<h3><code>{method.upper()} {escape(path)}</code></h3>")
            parts.append(f"<p>{escape(call['summary'])}. {escape(call['description'])}</p>")
            rows = [(one["name"], one.get("description", "")) for one in call["parameters"]]
            parts.append(_table("Parameter", rows))
            answers = [(code, one["description"]) for code, one in call["responses"].items()]
            parts.append(_table("Status", answers))
    return "".join([*parts, "</main></body></html>"])


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    body = "".join(
        f"<tr><th scope=row><code>{escape(name)}</code></th><td>{_marked(meaning)}</td></tr>"
        for name, meaning in rows
    )
    head = f"<tr><th scope=col>{title}</th><th scope=col>Meaning</th></tr>"
    return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"


def _marked(text: str) -> str:
    """A text whose words between backticks are code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{one}</code>" if k % 2 else one for k, one in enumerate(parts))
