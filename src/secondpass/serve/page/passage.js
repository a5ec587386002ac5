// One passage in full: what its score comes from is marked, what was cut is said.

import { byId, element, score } from "./dom.js";

export function showPassage(one) {
  byId("passage").replaceChildren(
    element("h3", { text: one.passage.name }),
    ...(one.passage.place ? [element("p", { class: "note", text: one.passage.place })] : []),
    element("p", { class: "note", text: facts(one).join("; ") }),
    element("p", { class: "text" }, ...pieces(one)),
  );
}

function facts(one) {
  const said = [`first stage ${one.was}, second pass ${one.rank}`];
  if (one.score === null) said.push(one.why === "no time" ? "not scored: the budget was over" : "not scored: beyond the depth");
  else said.push(`score ${score(one.score)}`);
  if (one.exit !== null && one.exit !== undefined) said.push(`left the model after layer ${one.exit}`);
  if (one.dropped) said.push(`cut: ${one.dropped} of ${one.read + one.dropped} tokens were not scored`);
  if (one.parts.length) said.push("marked is the part that the score comes from");
  return said;
}

// The server counts characters as Unicode code points, JavaScript as UTF-16 units.
function pieces(one) {
  const characters = Array.from(one.passage.text);
  const text = (start, end) => characters.slice(start, end).join("");
  const made = [];
  let at = 0;
  for (const [start, end] of [...one.parts].sort((a, b) => a[0] - b[0])) {
    made.push(text(at, start), element("mark", { text: text(start, end) }));
    at = end;
  }
  return [...made, text(at)];
}
