// The passages of each source: { name, text }, of an index also { place }, in the first stage's order.

import { get, post } from "./api.js";

const NAME_LENGTH = 48;

// One passage a paragraph; lines of a paragraph belong together.
export function paragraphs(text) {
  return text
    .split(/\n\s*\n/)
    .map((one) => one.replace(/\s+/g, " ").trim())
    .filter((one) => one !== "")
    .map((one) => ({ name: beginning(one), text: one }));
}

function beginning(text) {
  const characters = Array.from(text);
  return characters.length <= NAME_LENGTH ? text : `${characters.slice(0, NAME_LENGTH - 1).join("").trimEnd()}…`;
}

export async function example() {
  const response = await fetch("/page/example.json");
  return response.json();
}

export async function indexed() {
  return get("/playground/index");
}

// What the index finds, and the milliseconds of the first stage.
export async function searched(query, limit, signal) {
  const found = await post("/playground/search", { query, limit }, signal);
  return {
    passages: found.passages.map(({ id, text, place }) => ({ name: id, text, place })),
    stages: [["retrieve", found.retrieve_ms]],
  };
}
