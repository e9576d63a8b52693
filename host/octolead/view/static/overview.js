// SPDX-License-Identifier: Apache-2.0
// The whole recording in one strip: rate, ectopic beats, ST, quality, rhythm, marks; a click goes there.

import { say } from "./dom.js";
import { kindWords } from "./episodes.js";
import { classColour, colours } from "./paper.js";
import { clock, elapsed, marks, pageFrames, state } from "./state.js";

const LEFT = 92, RIGHT = 10;
const ROWS = [["rate /min", 0, 40], ["V, S /min", 42, 20], ["ST", 64, 14], ["quality", 80, 11], ["rhythm", 94, 11]];
const TOP_OF = Object.fromEntries(ROWS.map(([name, y]) => [name, y]));
const RHYTHM = { af: "#56b4e9", vt: "#d55e00", svt: "#0072b2", vf: "", asystole: "", pause: "#cc79a7", bradycardia: "#999999", tachycardia: "#e69f00" };

export class Overview {
  constructor(canvas, go) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    const move = (event) => event.buttons && go(this.frameAt(event.offsetX) - pageFrames() / 2);
    canvas.addEventListener("pointerdown", (event) => (canvas.setPointerCapture(event.pointerId), move(event)));
    canvas.addEventListener("pointermove", (event) => (move(event), this.tell(this.frameAt(event.offsetX))));
  }

  /** What is under the pointer, in words: colours alone tell nobody what they stand for. */
  tell(frame) {
    const t = state.facts?.trends, near = 2 * (this.frameAt(1) - this.frameAt(0));
    if (!t || frame < 0 || frame > state.info.n_frames) return;
    const bin = Math.min(t.n_bins - 1, Math.floor((frame / state.info.n_frames) * t.n_bins)), words = [elapsed(frame, 0)];
    if (t.rate[bin] !== null) words.push(`${Math.round(t.rate[bin])}/min`);
    if (t.v_per_min[bin]) words.push(`V ${t.v_per_min[bin]}/min`);
    if (t.s_per_min[bin]) words.push(`S ${t.s_per_min[bin]}/min`);
    const here = state.facts.episodes.filter(([, a, b]) => a - near < frame && b + near > frame).map(([kind]) => kindWords(kind));
    say([...words, ...new Set(here)].slice(0, 8).join("   "));
  }

  frameAt(x) {
    return ((x - LEFT) / (this.width - LEFT - RIGHT)) * state.info.n_frames;
  }

  x(frame) {
    return LEFT + (frame / state.info.n_frames) * (this.width - LEFT - RIGHT);
  }

  /** The trends are drawn once and kept; only the window moves. */
  draw() {
    const ratio = devicePixelRatio || 1, box = { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
    const about = [box.width, box.height, ratio, state.dark, state.info, state.facts, marks().length];
    if (!this.kept || about.some((value, k) => value !== this.kept.about[k])) {
      this.width = box.width;
      this.canvas.width = Math.round(box.width * ratio);
      this.canvas.height = Math.round(box.height * ratio);
      const sheet = document.createElement("canvas"), shown = this.pen;
      sheet.width = this.canvas.width;
      sheet.height = this.canvas.height;
      this.pen = sheet.getContext("2d");
      const ink = this.drawTrendsAndAll(ratio);
      this.pen = shown;
      this.kept = { about, sheet, ink };
    }
    const shown = [this.kept, ...this.window()];
    if (this.shown && shown.every((value, k) => value === this.shown[k])) return;
    this.shown = shown;
    this.pen.setTransform(1, 0, 0, 1, 0, 0);
    this.pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.pen.drawImage(this.kept.sheet, 0, 0);
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.drawWindow(this.kept.ink);
  }

  drawTrendsAndAll(ratio) {
    const pen = this.pen;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const style = getComputedStyle(document.documentElement), ink = style.getPropertyValue("--ink"), dim = style.getPropertyValue("--dim");
    pen.font = "11px system-ui, sans-serif";
    pen.fillStyle = dim;
    for (const [name, y, h] of ROWS) pen.fillText(name === "ST" && state.facts ? `ST ${state.facts.trends.st_lead} ±0.3` : name, 4, y + h / 2 + 4);
    if (state.facts) this.drawTrends(state.facts.trends, ink);
    this.drawEpisodes(ink);
    for (const [a, b] of state.info.gaps) this.bar(a, b, 0, 106, "#888888", 0.5);
    for (const mark of marks()) this.bar(mark.frame, mark.frame, 0, 106, colours().mark, 1);
    this.drawAxis(dim);
    return ink;
  }

  bar(a, b, y, h, colour, share) {
    this.pen.globalAlpha = share;
    this.pen.fillStyle = colour;
    this.pen.fillRect(this.x(a), y, Math.max(1.5, this.x(b) - this.x(a)), h);
    this.pen.globalAlpha = 1;
  }

  drawTrends(t, ink) {
    const pen = this.pen, n = t.n_bins, per = (state.facts.summary.duration_s * state.info.fs_hz) / n;
    const top = Math.max(120, ...t.rate_high.filter((v) => v !== null)), most = Math.max(5, ...t.v_per_min, ...t.s_per_min);
    const rate = (v) => 40 - ((v - 30) / (Math.min(top, 220) - 30)) * 38;
    for (let k = 0; k < n; k++) {
      const x = this.x(k * per), w = Math.max(1, this.x(per) - LEFT);
      if (t.rate[k] !== null) {
        pen.fillStyle = "#56b4e9";
        pen.globalAlpha = 0.45;
        pen.fillRect(x, rate(t.rate_high[k]), w, Math.max(1, rate(t.rate_low[k]) - rate(t.rate_high[k])));
        pen.globalAlpha = 1;
        pen.fillStyle = ink;
        pen.fillRect(x, rate(t.rate[k]), w, 1.5);
      }
      pen.fillStyle = classColour("V");
      if (t.v_per_min[k]) pen.fillRect(x, 52 - (t.v_per_min[k] / most) * 10, w, (t.v_per_min[k] / most) * 10);
      pen.fillStyle = classColour("S");
      if (t.s_per_min[k]) pen.fillRect(x, 52, w, (t.s_per_min[k] / most) * 10);
      pen.fillStyle = ink;
      if (t.st_uv[k] !== null) pen.fillRect(x, 71 - Math.max(-7, Math.min(7, (t.st_uv[k] / 300) * 7)), w, 1.5);
      if (t.quality[k] !== null) {
        pen.globalAlpha = 0.15 + 0.85 * (1 - t.quality[k]);
        pen.fillStyle = t.quality[k] < 0.5 ? "#d55e00" : "#7a7f86";
        pen.fillRect(x, TOP_OF.quality, w, 8);
        pen.globalAlpha = 1;
      }
    }
  }

  drawEpisodes(ink) {
    for (const [kind, a, b] of state.facts?.episodes || []) {
      if (kind in RHYTHM) this.bar(a, b, TOP_OF.rhythm, 8, RHYTHM[kind] || ink, 0.9);
      else if (kind === "not-analysable") this.bar(a, b, 0, 106, "#888888", 0.25);
    }
  }

  drawAxis(dim) {
    this.pen.fillStyle = dim;
    const n = Math.max(1, Math.floor((this.width - LEFT) / 130));
    for (let k = 0; k < n; k++) {
      const frame = (k / n) * state.info.n_frames;
      this.pen.fillText(clock(frame).slice(5, 16) || elapsed(frame, 0), this.x(frame), 118);
    }
  }

  /** Where the page begins and ends, on half pixels: most steps over days move it by less, and nothing is drawn anew. */
  window() {
    const end = Math.min(state.info.n_frames, state.frame + pageFrames());
    return [state.frame, end].map((frame) => Math.round(2 * this.x(frame)) / 2);
  }

  drawWindow(ink) {
    const pen = this.pen, [a, b] = this.window();
    pen.strokeStyle = ink;
    pen.lineWidth = 1.5;
    pen.strokeRect(a - 1, 1, Math.max(3, b - a + 2), 105);
  }
}
