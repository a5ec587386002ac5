// Short names for making and finding elements. Text is only ever set as text.

export const byId = (id) => document.getElementById(id);

export function element(name, { text, class: className, ...attributes } = {}, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

export function shape(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// Milliseconds and scores, each with the same number of decimals so that columns align.
export const ms = (value) => (value >= 100 ? value.toFixed(0) : value.toFixed(1));
export const score = (value) => value.toFixed(3);

export function show(where, message) {
  where.textContent = message ?? "";
  where.hidden = !message;
}
