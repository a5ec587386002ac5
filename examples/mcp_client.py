"""A client of `secondpass mcp`: it starts the server, lists its tools and calls both.

    python examples/mcp_client.py

Needs pip install ".[mcp,search]".
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import anyio
from mcp import Client, StdioServerParameters

from secondpass import Embedder, Index

DOCUMENTS = [
    {"id": "sheep", "text": "Sheep give wool, and wool gives warm clothes.", "about": "farm"},
    {"id": "csv", "text": "The csv module reads rows of comma separated values.", "about": "code"},
    {"id": "open", "text": "open() opens a file and returns a stream.", "about": "code"},
]


async def talk(index: Path) -> None:
    """Start the server as a client on the desktop does, and use it."""
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "secondpass", "mcp", "--index", str(index), "--mode", "hybrid"],
    )
    async with Client(server) as client:
        for tool in (await client.list_tools()).tools:
            print(f"{tool.name}: {tool.description}")
        texts = [document["text"] for document in DOCUMENTS]
        ranked = await client.call_tool(
            "rerank", {"query": "what are warm clothes made of", "texts": texts, "top_k": 1}
        )
        print("rerank:", ranked.structured_content["results"][0])
        asked = {"query": "read a table", "top_k": 1, "where": "about = 'code'"}
        found = await client.call_tool("search", asked)
        print("search:", found.structured_content["results"][0])
        refused = await client.call_tool("search", {"query": "", "top_k": 1})
        print("error:", refused.content[0].text)


def main() -> None:
    """Make a small index and let the server search it."""
    with tempfile.TemporaryDirectory() as folder:
        index = Index.create(Path(folder) / "index", Embedder(), columns={"about": str})
        index.add(DOCUMENTS)
        anyio.run(talk, index.folder)


if __name__ == "__main__":
    main()
