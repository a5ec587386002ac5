"""The documentation of the routes as one HTML page, made of the OpenAPI description."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

_EXAMPLES = {
    "/v2/rerank": {"query": "wool", "documents": ["Sheep give wool.", "Cows give milk."]},
    "/v1/rerank": {"query": "wool", "documents": ["Sheep give wool."], "return_documents": True},
    "/rerank": {"query": "wool", "texts": ["Sheep give wool.", "Cows give milk."]},
    "/score": {"queries": "wool", "documents": ["Sheep give wool.", "Cows give milk."]},
}


def docs_page(description: Mapping[str, Any]) -> str:
    """Return the page."""
    schemas = description["components"]["schemas"]
    routes = "".join(
        _route(method.upper(), path, operation, schemas)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    )
    version = escape(description["info"]["version"])
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>secondpass: routes</title>"
        '<link rel="stylesheet" href="/static/docs.css"></head><body><main>'
        f"<h1>secondpass {version}</h1>"
        '<p>As a file: <a href="/openapi.json">openapi.json</a>. Every field that is not required '
        "may be null.</p>"
        f"{routes}</main></body></html>\n"
    )


def _route(method: str, path: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    parts = [
        f"<section><h2><code>{method} {escape(path)}</code></h2>"
        f"<p>{escape(operation['summary'])}</p>"
    ]
    if "requestBody" in operation:
        parts += [
            _fields(name, schemas[name]) for name in _names(operation["requestBody"]["content"])
        ]
    if example := _EXAMPLES.get(path):
        body = escape(json.dumps(example))
        parts.append(
            f"<pre>curl http://127.0.0.1:8000{path} \\\n  -H 'content-type: application/json' \\\n"
            f"  -d '{body}'</pre>"
        )
    return "".join([*parts, "</section>"])


def _names(content: Mapping[str, Any]) -> list[str]:
    schema = content["application/json"]["schema"]
    return [one["$ref"].rpartition("/")[2] for one in schema.get("anyOf", [schema])]


def _fields(name: str, schema: Mapping[str, Any]) -> str:
    required = schema.get("required", [])
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code></td><td>{escape(_kind(one))}</td>"
        f"<td>{'required' if field in required else ''}</td><td>{escape(_text(one))}</td></tr>"
        for field, one in schema["properties"].items()
    )
    return (
        f"<h3>{escape(name)}</h3><p>{escape(schema.get('description', ''))}</p>"
        "<table><thead><tr><th>field</th><th>type</th><th></th><th></th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def _kind(schema: Mapping[str, Any]) -> str:
    """Return a schema in words, without null."""
    if "anyOf" in schema:
        kinds = [_kind(one) for one in schema["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in schema:
        return " | ".join(json.dumps(one) for one in schema["enum"])
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return str(schema.get("type", "any"))


def _text(schema: Mapping[str, Any]) -> str:
    found = schema.get("description", "")
    return found or next(
        (one["description"] for one in schema.get("anyOf", ()) if "description" in one), ""
    )
