// SPDX-License-Identifier: Apache-2.0
// Playing: the paper runs at so many times the heart's own time; page by page for those who want less motion.

import { $ } from "./dom.js";
import { pageFrames, state } from "./state.js";

export class Player {
  constructor(paper, move) {
    Object.assign(this, { paper, move, before: 0, owed: 0 });
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
  }

  toggle() {
    state.playing = !state.playing;
    $("play").textContent = state.playing ? "⏸" : "▶";
    $("play").setAttribute("aria-pressed", String(state.playing));
    this.before = performance.now();
    this.owed = 0;
    if (state.playing) requestAnimationFrame((now) => this.step(now));
  }

  step(now) {
    if (!state.playing) return;
    this.owed += ((now - this.before) / 1000) * state.rate * state.info.fs_hz;
    this.before = now;
    const page = pageFrames(), due = this.still.matches ? (this.owed >= page ? page : 0) : this.owed;
    if (due) {
      this.owed -= due;
      this.move(state.frame + due);
    }
    if (state.frame + page >= state.info.n_frames) this.toggle();
    else requestAnimationFrame((later) => this.step(later));
  }
}
