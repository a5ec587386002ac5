// Tables of stages, each with a bar on one scale.

import { byId, element, ms, shape } from "./dom.js";

export function showStages(stages, total) {
  const most = Math.max(0.001, total, ...stages.map(([, value]) => value));
  const rows = stages.map(([name, value]) => row(name, [value], bar([["fill", value]], most)));
  rows.push(row("total", [total], bar([["fill", total]], most), "total"));
  byId("stages").tBodies[0].replaceChildren(...rows);
}

const NAMES = { queue: "wait for others", cache: "score cache" };

// `recent` has of each stage p50, p95 and p99.
export function showLive(recent) {
  const entries = Object.entries(recent);
  const most = Math.max(0.001, ...entries.map(([, of]) => of.p99));
  byId("live").tBodies[0].replaceChildren(
    ...entries.map(([stage, of]) =>
      row(
        NAMES[stage] ?? stage,
        [of.p50, of.p95, of.p99],
        bar([["p99", of.p99], ["p95", of.p95], ["p50", of.p50]], most),
        stage === "total" ? "total" : "",
      ),
    ),
  );
}

function row(name, values, drawn, kind = "") {
  return element(
    "tr",
    { class: kind },
    element("th", { scope: "row", text: name }),
    element("td", { class: "drawn" }, drawn),
    ...values.map((value) => element("td", { class: "number", text: ms(value) })),
  );
}

function bar(parts, most) {
  const drawn = shape("svg", { class: "bar", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" });
  for (const [kind, value] of parts) {
    const height = kind === "p99" ? 2 : kind === "p95" ? 5 : 8;
    drawn.append(shape("rect", { class: kind, width: (100 * value) / most, height, y: (8 - height) / 2 }));
  }
  return drawn;
}
