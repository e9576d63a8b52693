// SPDX-License-Identifier: Apache-2.0
// Beats by page of ten minutes, as they are needed.

import { bytes, parseBeats } from "./api.js";
import { state } from "./state.js";

const PAGE_S = 600;

export class Beats {
  constructor(onBeats) {
    this.pages = new Map();
    this.onBeats = onBeats;
    this.generation = 0;
  }

  clear() {
    this.generation++;
    this.stale = this.pages; // shown until the new ones are there, so that nothing flickers
    this.pages = new Map();
  }

  page(number) {
    const found = this.pages.get(number);
    if (found === undefined) {
      this.pages.set(number, null);
      this.fetch(number, this.generation);
    }
    return found || this.stale?.get(number) || null;
  }

  async fetch(number, generation) {
    const frames = PAGE_S * state.info.fs_hz;
    const buffer = await bytes(`/api/beats?start=${Math.floor(number * frames)}&stop=${Math.floor((number + 1) * frames)}`).catch(() => null);
    if (generation !== this.generation) return;
    if (buffer) this.pages.set(number, parseBeats(buffer, state.info.symbols));
    else this.pages.delete(number);
    this.onBeats();
  }

  /** Beats of frames `first` to `after`; null while some are on their way; none before the analysis is there. */
  range(first, after) {
    if (!state.status?.analysis) return [];
    const frames = PAGE_S * state.info.fs_hz, out = [];
    let whole = true;
    for (let number = Math.max(0, Math.floor(first / frames)); number * frames < Math.min(after, state.info.n_frames); number++) {
      const page = this.page(number);
      if (page === null) whole = false;
      else for (const beat of page) if (beat.frame >= first && beat.frame < after) out.push(beat);
    }
    return whole ? out : null;
  }

  /** The beat nearest to a frame among those that are here. */
  nearest(frame, within) {
    const near = this.range(Math.max(0, frame - within), frame + within) || [];
    return near.sort((a, b) => Math.abs(a.frame - frame) - Math.abs(b.frame - frame))[0] || null;
  }
}
