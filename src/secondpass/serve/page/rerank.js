// Asks the server for scores, and puts the passages in order by them.

import { post } from "./api.js";

const STAGES = [
  ["wait for others", (answer) => answer.queue_ms],
  ["tokenize", (answer) => answer.timings.tokenize_ms],
  ["batch", (answer) => answer.timings.batch_ms],
  ["infer", (answer) => answer.timings.infer_ms],
  ["rank", (answer) => answer.timings.rank_ms],
  ["score cache", (answer) => answer.timings.cache_ms],
];

// The first `depth` passages are scored; the others keep their order behind them.
export async function reranked(query, passages, { depth, budget, effort }, signal) {
  const answer = await post(
    "/secondpass/score",
    {
      query,
      texts: passages.slice(0, depth).map((one) => one.text),
      activation: "sigmoid",
      budget_ms: budget,
      effort,
    },
    signal,
  );
  const places = passages.map((passage, at) => ({ passage, was: at + 1, ...rowOf(answer, at) }));
  const scored = places.filter((one) => one.score !== null).sort((a, b) => b.score - a.score || a.was - b.was);
  const order = [...scored, ...places.filter((one) => one.score === null)];
  order.forEach((one, at) => {
    one.rank = at + 1;
    one.id = `passage-${one.was}`;
  });
  return {
    model: answer.model,
    order,
    scored: scored.length,
    cut: order.filter((one) => one.dropped > 0).length,
    total: answer.timings.total_ms, // from when it came, so with what it waited
    stages: STAGES.map(([name, of]) => [name, of(answer)]),
  };
}

function rowOf(answer, at) {
  if (at >= answer.scores.length) return { score: null, why: "beyond depth", read: 0, dropped: 0, parts: [] };
  const score = answer.scores[at];
  const [start, end] = answer.span[at];
  return {
    score,
    why: score === null ? "no time" : null,
    read: answer.tokens[at],
    dropped: answer.dropped_tokens[at],
    exit: answer.exit_layer[at] < 0 ? null : answer.exit_layer[at],
    // Characters that the score comes from, where that is not the whole text.
    parts: answer.spans[at] ?? (start < 0 ? [] : [[start, end]]),
  };
}
