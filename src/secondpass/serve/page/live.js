// The second tab: asks for the recent times while it is shown.

import { get } from "./api.js";
import { byId, show } from "./dom.js";
import { showLive } from "./times.js";

const EVERY_MS = 2000;
let shown = false;
let timer = null;

export function watchLive(on) {
  shown = on;
  clearTimeout(timer);
  if (on) read();
}

async function read() {
  if (!document.hidden) {
    try {
      const recent = await get("/recent");
      showLive(recent);
      show(byId("live-problem"), Object.keys(recent).length ? null : "No request has been answered yet.");
    } catch (error) {
      show(byId("live-problem"), error.message);
    }
  }
  clearTimeout(timer);
  if (shown) timer = setTimeout(read, EVERY_MS);
}
