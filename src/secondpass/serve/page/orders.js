// Both orders side by side, and the lines between them.

import { byId, element, score, shape } from "./dom.js";

export function showOrders(result, chosen, choose) {
  const first = [...result.order].sort((a, b) => a.was - b.was);
  byId("before").tBodies[0].replaceChildren(...first.map((one) => beforeRow(one)));
  byId("after").tBodies[0].replaceChildren(...result.order.map((one) => afterRow(one, choose)));
  mark(result, chosen);
}

function beforeRow(one) {
  return element(
    "tr",
    { "data-was": one.was },
    element("td", { class: "number", text: one.was }),
    element("td", { class: "name", text: one.passage.name, title: one.passage.name }),
  );
}

function afterRow(one, choose) {
  const button = element("button", { type: "button", class: "name", text: one.passage.name, title: one.passage.name, "aria-controls": "passage" });
  button.addEventListener("click", () => choose(one.was));
  return element(
    "tr",
    { "data-was": one.was },
    element("td", { class: "number", text: one.rank }),
    element("td", { class: "move" }, ...moved(one)),
    element("td", {}, element("div", { class: "named" }, button, ...(one.dropped ? [element("span", { class: "cut", text: "cut" })] : []))),
    element("td", { class: "score" }, ...scored(one)),
  );
}

// A sign, a number, and words for who cannot see the sign.
function moved(one) {
  const by = one.was - one.rank;
  const [sign, word] = by > 0 ? ["↑", "up"] : by < 0 ? ["↓", "down"] : ["", "not moved"];
  return [
    element("span", { class: "number", text: one.was }),
    element("span", { class: by > 0 ? "by up" : "by", "aria-hidden": "true", text: by ? `${sign}${Math.abs(by)}` : "–" }),
    element("span", { class: "unseen", text: by ? `, ${word} ${Math.abs(by)}` : `, ${word}` }),
  ];
}

function scored(one) {
  if (one.score === null) return [element("span", { class: "why", text: one.why })];
  const bar = shape("svg", { class: "bar", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" });
  bar.append(shape("rect", { width: 100, height: 8, class: "track" }), shape("rect", { width: 100 * one.score, height: 8, class: "fill" }));
  return [bar, element("span", { class: "number", text: score(one.score) })];
}

export function mark(result, chosen) {
  for (const row of document.querySelectorAll("#orders tr[data-was]")) {
    const is = Number(row.dataset.was) === chosen;
    row.classList.toggle("chosen", is);
    row.querySelector("button")?.setAttribute("aria-pressed", String(is));
  }
  drawLines(result, chosen);
}

// Each line goes from a row's middle at the left to its row's middle at the right.
export function drawLines(result, chosen) {
  const svg = byId("lines");
  const box = svg.getBoundingClientRect();
  if (!box.width) return;
  const middles = (table) =>
    new Map([...byId(table).tBodies[0].rows].map((row) => {
      const { top, height } = row.getBoundingClientRect();
      return [Number(row.dataset.was), top + height / 2 - box.top];
    }));
  const [from, to] = [middles("before"), middles("after")];
  const half = box.width / 2;
  const lines = result.order.map((one) => {
    const [y1, y2] = [from.get(one.was), to.get(one.was)];
    const kind = one.score === null ? "line unscored" : one.rank < one.was ? "line up" : "line";
    return shape("path", {
      class: one.was === chosen ? `${kind} chosen` : kind,
      d: `M0 ${y1} C${half} ${y1} ${half} ${y2} ${box.width} ${y2}`,
    });
  });
  // The chosen one last, above the others.
  lines.sort((a, b) => a.classList.contains("chosen") - b.classList.contains("chosen"));
  svg.replaceChildren(...lines);
}
