// Talks to the server; asks for a key where it wants one, and says errors in words.

import { byId, show } from "./dom.js";

// In memory only: gone with the page.
let key = null;
let asking = null;

export class Problem extends Error {}

export async function get(path) {
  return answered(() => fetch(path, { headers: headers() }));
}

export async function post(path, body, signal) {
  const sent = JSON.stringify(body);
  return answered(() =>
    fetch(path, {
      method: "POST",
      headers: { ...headers(), "content-type": "application/json" },
      body: sent,
      signal,
    }),
  );
}

function headers() {
  return key === null ? {} : { authorization: `Bearer ${key}` };
}

async function answered(send) {
  for (;;) {
    const usedKey = key;
    let response;
    try {
      response = await send();
    } catch (error) {
      if (error.name === "AbortError") throw error;
      if (error instanceof TypeError) throw new Problem("The server cannot be reached. Does it still run?");
      throw error;
    }
    if (response.ok) return response.json();
    const message = await messageOf(response);
    if (response.status !== 401) throw new Problem(message);
    // Another call may have been given a key meanwhile.
    if (key === usedKey && !(await askForKey(usedKey === null ? null : message))) {
      throw new Problem("This server answers only with a key.");
    }
  }
}

async function messageOf(response) {
  let said = `status ${response.status}`;
  try {
    const body = await response.json();
    said = body.error?.message ?? body.message ?? said;
  } catch {
    // Not from this server; its status is all there is to say.
  }
  const wait = response.headers.get("retry-after");
  return wait && !said.includes("come again") ? `${said} (come again in ${wait} s)` : said;
}

function askForKey(problem) {
  asking ??= new Promise((resolve) => {
    const dialog = byId("ask-key");
    show(byId("key-problem"), problem);
    byId("key").value = "";
    const settle = (given) => {
      key = given ?? key;
      asking = null;
      byId("key-form").onsubmit = byId("key-cancel").onclick = dialog.oncancel = null;
      dialog.close();
      resolve(given !== null);
    };
    byId("key-form").onsubmit = (event) => {
      event.preventDefault();
      settle(byId("key").value.trim());
    };
    byId("key-cancel").onclick = () => settle(null);
    dialog.oncancel = () => settle(null);
    dialog.showModal();
  });
  return asking;
}
