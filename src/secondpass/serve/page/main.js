// The playground: what is asked for, and when. The last answer wins.

import { Problem } from "./api.js";
import { byId, ms, show } from "./dom.js";
import { watchLive } from "./live.js";
import { drawLines, mark, showOrders } from "./orders.js";
import { showPassage } from "./passage.js";
import { example, indexed, paragraphs, searched } from "./passages.js";
import { reranked } from "./rerank.js";
import { tabs } from "./tabs.js";
import { showStages } from "./times.js";

const WAIT_MS = 150;
const BUDGETS = [1, 2, 5, 10, 15, 25, 40, 60, 100, 200, 500, 1000, null];
const EFFORTS = ["instant", "fast", "balanced", "full"];
const MOST_FOUND = 50;

const state = { example: null, index: null, found: null, result: null, picked: null, chosen: null, running: null, timer: null };

const source = () => document.querySelector("input[name=source]:checked").value;
const asked = () => ({
  depth: Number(byId("depth").value),
  budget: BUDGETS[Number(byId("budget").value)],
  effort: EFFORTS[Number(byId("effort").value)],
});

// The passages of the source, and what finding them took.
async function passagesOf(query, signal) {
  if (source() === "example") return { passages: state.example.passages, stages: [] };
  if (source() === "pasted") return { passages: paragraphs(byId("passages").value), stages: [] };
  if (state.found?.query !== query) {
    state.found = { query, ...(await searched(query, MOST_FOUND, signal)) };
  }
  return state.found;
}

async function run() {
  clearTimeout(state.timer);
  state.running?.abort();
  const running = (state.running = new AbortController());
  byId("orders").setAttribute("aria-busy", "true");
  try {
    const query = byId("query").value;
    const { passages, stages } = await passagesOf(query, running.signal);
    if (running !== state.running) return;
    if (!query.trim()) throw new Problem("The query is empty: write a question or some words.");
    if (!passages.length) throw new Problem("There are no passages: write or paste some, an empty line between two.");
    fitDepth(passages.length);
    const result = await reranked(query, passages, asked(), running.signal);
    if (running !== state.running) return;
    result.stages = [...stages, ...result.stages];
    result.total += stages.reduce((sum, [, value]) => sum + value, 0);
    show(byId("problem"), null);
    showResult(result);
  } catch (error) {
    if (running !== state.running || error.name === "AbortError") return;
    show(byId("problem"), error instanceof Problem ? error.message : `The page failed: ${error.message}`);
  } finally {
    if (running === state.running) byId("orders").removeAttribute("aria-busy");
  }
}

function later() {
  clearTimeout(state.timer);
  state.timer = setTimeout(run, WAIT_MS);
}

function showResult(result) {
  state.result = result;
  // What the reader picked stays shown while sliders move; else it is the best.
  const picked = result.order.find((one) => one.was === state.picked);
  state.chosen = (picked ?? result.order[0]).was;
  showOrders(result, state.chosen, choose);
  showPassage(result.order.find((one) => one.was === state.chosen));
  showStages(result.stages, result.total);
  byId("summary").textContent = summary(result);
}

function choose(was) {
  state.picked = state.chosen = was;
  mark(state.result, was);
  showPassage(state.result.order.find((one) => one.was === was));
}

function summary({ order, scored, cut, total, model }) {
  const [best] = order;
  const place = best.was === 1 ? "as in the first stage" : `which the first stage had at ${best.was}`;
  const said = [`${scored} of ${order.length} passages scored in ${ms(total)} ms by ${model}.`];
  if (scored) said.push(`First is ${best.passage.name}, ${place}.`);
  if (cut) said.push(cut === 1 ? "1 passage was cut." : `${cut} passages were cut.`);
  return said.join(" ");
}

// Where the depth was all there was, it stays so.
function fitDepth(count) {
  const depth = byId("depth");
  const all = depth.value === depth.max;
  depth.max = count;
  if (all) depth.value = count;
  sayAsked();
}

function sayAsked() {
  const { depth, budget, effort } = asked();
  const said = {
    depth: `${depth} of ${byId("depth").max}`,
    budget: budget === null ? "no limit" : `${budget} ms`,
    effort,
  };
  for (const [name, value] of Object.entries(said)) {
    byId(`${name}-said`).textContent = value;
    byId(name).setAttribute("aria-valuetext", value);
  }
}

function changeText() {
  state.picked = null;
  later();
}

function changeSource() {
  state.picked = null;
  byId("field-passages").hidden = source() !== "pasted";
  byId("about-example").hidden = source() !== "example";
  byId("depth").value = byId("depth").max;
  if (source() === "example") byId("query").value = state.example.query;
  if (source() === "pasted" && !byId("passages").value) {
    byId("passages").value = state.example.passages.map((one) => one.text).join("\n\n");
  }
  run();
}

async function findIndex() {
  try {
    const { documents } = await indexed();
    byId("source-index").hidden = documents === null;
    byId("index-name").textContent = `The index (${documents?.toLocaleString("en")} documents)`;
  } catch (error) {
    show(byId("problem"), error.message);
  }
}

async function start() {
  tabs(document.querySelector("[role=tablist]"), (id) => {
    watchLive(id === "tab-live");
    if (state.result) drawLines(state.result, state.chosen);
  });
  byId("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    run();
  });
  for (const name of ["depth", "budget", "effort"]) {
    byId(name).addEventListener("input", () => {
      sayAsked();
      later();
    });
  }
  byId("query").addEventListener("input", changeText);
  byId("passages").addEventListener("input", changeText);
  for (const one of document.querySelectorAll("input[name=source]")) one.addEventListener("change", changeSource);
  new ResizeObserver(() => state.result && drawLines(state.result, state.chosen)).observe(byId("orders"));
  sayAsked();
  state.example = await example();
  byId("query").value = state.example.query;
  byId("about-example").textContent = state.example.about;
  findIndex();
  await run();
}

start();
