"""sentence-transformers' CrossEncoder behind FastAPI, as its users write it. Runs by itself.

python sentence_transformers_server.py MODEL PORT
"""

import sys

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from sentence_transformers import CrossEncoder

model = CrossEncoder(sys.argv[1], device="cpu", max_length=512)
app = FastAPI()


class Rerank(BaseModel):
    query: str
    documents: list[str]


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


# Not a coroutine: FastAPI runs it in a thread, so that requests overlap.
@app.post("/rerank")
def rerank(asked: Rerank) -> dict[str, list[dict[str, float]]]:
    scores = model.predict([(asked.query, text) for text in asked.documents])
    ranked = sorted(enumerate(map(float, scores)), key=lambda one: -one[1])
    return {"results": [{"index": index, "relevance_score": score} for index, score in ranked]}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="error")
