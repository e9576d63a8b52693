// SPDX-License-Identifier: Apache-2.0
// A recorder that records now: its frames as they come, ahead of the blocks that are home; the state of the connection, always.

import { bytes } from "./api.js";
import { $, say } from "./dom.js";
import { elapsed, pageFrames, state } from "./state.js";

const EVERY_MS = 120, KEPT_S = 30;
const WORDS = { connecting: "Connecting …", live: "Live", "catching up": "Catching up", lost: "Connection lost, trying again", silent: "Nothing comes", refused: "Refused" };

export function follow({ draw, move, marked }) {
  state.live = { first: 0, n: 0, data: new Float32Array(0), leads: 8, follow: true, marks: [], heard: 0 };
  $("live").hidden = false;
  for (const name of ["pointerdown", "wheel"]) $("paper").addEventListener(name, () => (state.live.follow = false));
  $("live").addEventListener("click", () => (state.live.follow = true));
  document.addEventListener("keydown", (event) => {
    if (event.key === "End") state.live.follow = true;
    else if (event.key.startsWith("Arrow") || event.key.startsWith("Page") || event.key === "Home") state.live.follow = false;
  });
  poll();

  async function poll() {
    try {
      take(await bytes(`/api/live?since=${state.live.first + state.live.n}&heard=${state.live.heard}`));
    } catch {
      show({ connection: "lost", words: "The server does not answer." });
    }
    setTimeout(poll, EVERY_MS);
  }

  function take(buffer) {
    const length = new DataView(buffer).getUint32(0, true), head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
    if (head.n) add(head, new Float32Array(buffer, 4 + length));
    show(head);
    for (const notice of head.notices) hear(notice);
    if (state.live.follow && state.live.n) move(Math.max(0, edge() - 0.92 * pageFrames()));
    else draw();
  }

  /** A mark is shown at once, its block comes later; the rest is told below the paper. */
  function hear(notice) {
    state.live.heard = notice.number;
    if (notice.kind !== "mark") return say(`${elapsed(notice.frame, 0)}  ${notice.words}`);
    state.live.marks.push(notice);
    marked();
  }

  /** What joins is put behind, what does not begins anew; half a minute is kept. */
  function add(head, frames) {
    const live = state.live, joined = head.first === live.first + live.n && live.leads === head.leads;
    const most = KEPT_S * state.info.fs_hz * head.leads, all = joined ? new Float32Array(live.data.length + frames.length) : frames;
    if (joined) all.set(live.data), all.set(frames, live.data.length);
    const cut = Math.max(0, Math.ceil((all.length - most) / head.leads)) * head.leads;
    live.data = all.subarray(cut);
    live.n = live.data.length / head.leads;
    live.first = head.first + head.n - live.n;
    live.leads = head.leads;
    live.offsets = null;
  }

  function show(head) {
    state.live.state = head;
    const behind = head.behind > 1 ? `, ${head.behind} blocks to fetch` : "";
    $("live").textContent = `${{ live: "●", "catching up": "◐" }[head.connection] || "○"} ${WORDS[head.connection] || head.connection}${behind}${state.live.follow ? "" : " – click to follow"}`;
    if (head.words && head.connection !== "live") say(head.words);
  }
}

/** The newest frame there is. */
export const edge = () => Math.max(state.info.n_frames, state.live ? state.live.first + state.live.n : 0);
