"""Pairs of a request and its response, a file each; what differs by request stands as a word.

PYTHONPATH=tests/serve python tests/serve/golden_pairs.py writes the responses anew: look at the
difference before it is committed.
"""

import json
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"
# Headers of a response that a pair holds, if it has them.
HEADERS = ("content-type", "retry-after", "www-authenticate", "allow")
HEADERS += ("x-candidates", "x-reranked", "x-truncated", "x-warnings", "x-model")
ID = "id-of-the-request"


def pairs():
    return sorted(GOLDEN.glob("*.json"))


def sent(client, request):
    """Return the response to a pair's request; `text` is a body that is not JSON."""
    body = request["text"] if "text" in request else json.dumps(request.get("body"))
    headers = {"content-type": "application/json", "x-request-id": ID, **request.get("headers", {})}
    return client.request(
        request["method"],
        request["path"],
        content=body if request["method"] == "POST" else None,
        headers=headers,
    )


def received(response):
    """Return the part of a response that a pair holds."""
    body = json.loads(response.text)
    if isinstance(body, dict) and "created" in body:
        body["created"] = 0
    headers = {name: response.headers[name] for name in HEADERS if name in response.headers}
    return {"status": response.status_code, "headers": headers, "body": body}


def renew():
    from serve_client import fake_client

    for file in pairs():
        pair = json.loads(file.read_text())
        with fake_client(keys=pair.get("keys", ()), **pair.get("options", {})) as client:
            pair["response"] = received(sent(client, pair["request"]))
        file.write_text(json.dumps(pair, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    renew()
