// SPDX-License-Identifier: Apache-2.0
// The ECG on its paper: grid, calibration pulse, traces, gaps, loose electrodes, beats, waves, marks, calipers.

import { MISSING, levelFrames, tileFrames } from "./api.js";
import { cells, elapsed, gain, leadsShown, pageFrames, pxPerFrame, pxPerMm, speed, state } from "./state.js";

const LIGHT = { back: "#fffdf9", fine: "#f6d9d4", coarse: "#e8a79d", ink: "#161616", mark: "#0060a8", gap: "#8a8a8a", off: "#b07a00", wave: "#6b4fa0" };
const DARK = { back: "#14171a", fine: "#242a2c", coarse: "#3b4648", ink: "#e6f2e6", mark: "#6cb6ff", gap: "#8a8a8a", off: "#e0b040", wave: "#b9a2f0" };
// Okabe and Ito's palette: told apart by the colour-blind; the letter stands beside it all the same.
export const CLASS_COLOURS = { N: "#7a7f86", S: "#0072b2", V: "#d55e00", F: "#cc79a7", Q: "#8c6d00", "/": "#009e73" };
const ELECTRODES = { I: ["RA", "LA"], II: ["RA", "LL"] };
const LIMBS = ["RA", "LA", "LL"];

export const colours = () => (state.dark ? DARK : LIGHT);
const electrodesOf = (lead) => ELECTRODES[lead] || (lead.startsWith("V") ? [...LIMBS, lead] : LIMBS);

export class Paper {
  constructor(canvas, tiles, beats) {
    this.canvas = canvas;
    this.tiles = tiles;
    this.beats = beats;
    this.pen = canvas.getContext("2d", { alpha: false });
    this.offsets = new Map();
    this.complete = false;
  }

  resize() {
    const box = this.canvas.getBoundingClientRect(), ratio = devicePixelRatio || 1;
    state.width = box.width;
    state.height = box.height;
    this.ratio = ratio;
    this.canvas.width = Math.round(box.width * ratio);
    this.canvas.height = Math.round(box.height * ratio);
    this.grid = null;
  }

  /** Level of which a bucket is at most a pixel of the screen wide. */
  level() {
    const perPx = 1 / (pxPerFrame() * this.ratio);
    const wanted = Math.max(0, Math.floor(Math.log(perPx * 1.0001) / Math.log(4)));
    return Math.min(wanted, state.info.top_level);
  }

  /** Draw everything; true when nothing that belongs on the page was missing. */
  draw() {
    const pen = this.pen;
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    this.drawGrid();
    this.complete = true;
    const all = cells(state.width, state.height);
    for (const cell of all) this.drawCell(cell);
    this.drawBeats(all);
    this.drawMarks(all);
    this.drawCaliper();
    this.drawCaption();
    if (this.complete) this.lookAhead(all);
    return this.complete;
  }

  /** Ask for the tiles on both sides of the page, so that going on finds them here. */
  lookAhead(all) {
    const level = this.level(), frames = tileFrames(level);
    const last = Math.min(state.info.n_frames, Math.max(...all.map((cell) => this.span(cell)[1])));
    for (const index of [Math.floor(last / frames) + 1, Math.floor(state.frame / frames) - 1]) {
      if (index >= 0 && index * frames < state.info.n_frames && (level < 3 || state.status?.pyramid)) this.tiles.get(level, index, this.leadsAsked(), state.filters);
    }
  }

  drawGrid() {
    const key = [this.canvas.width, this.canvas.height, pxPerMm(), state.dark].join();
    if (!this.grid || this.grid.key !== key) {
      const sheet = document.createElement("canvas");
      sheet.width = this.canvas.width;
      sheet.height = this.canvas.height;
      this.rule(sheet.getContext("2d"));
      this.grid = { sheet, key };
    }
    this.pen.save();
    this.pen.setTransform(1, 0, 0, 1, 0, 0);
    this.pen.drawImage(this.grid.sheet, 0, 0);
    this.pen.restore();
  }

  /** Lines every millimetre, stronger every five; one device pixel wide, on whole pixels. */
  rule(pen) {
    const { width, height } = this.canvas, mm = pxPerMm() * this.ratio, c = colours();
    pen.fillStyle = c.back;
    pen.fillRect(0, 0, width, height);
    for (const coarse of [false, true]) {
      pen.fillStyle = coarse ? c.coarse : c.fine;
      const step = coarse ? 5 : 1;
      for (let k = 0; k * mm * step < width; k++) pen.fillRect(Math.round(k * mm * step), 0, 1, height);
      for (let k = 0; k * mm * step < height; k++) pen.fillRect(0, Math.round(k * mm * step), width, 1);
    }
  }

  drawCell(cell) {
    const pen = this.pen, c = colours(), middle = cell.y + cell.h * 0.64;
    pen.save();
    pen.beginPath();
    pen.rect(cell.x, cell.y - cell.h * 0.4, cell.w, cell.h * 1.8);
    pen.clip();
    this.drawAbsent(cell);
    pen.strokeStyle = c.ink;
    pen.lineWidth = state.layout === "page" ? 0.7 : 1.1;
    pen.lineJoin = "round";
    this.trace(cell, middle);
    pen.restore();
    if (cell.first && state.layout !== "page") this.drawCalibration(cell, middle);
    pen.fillStyle = c.ink;
    pen.font = "600 12px system-ui, sans-serif";
    if (state.layout === "page" || state.layout === "lines") {
      pen.font = "11px system-ui, sans-serif";
      pen.fillText(elapsed(cell.frame, 0), 2, state.layout === "page" ? middle + 3 : cell.y + cell.h - 6);
    } else {
      pen.fillText(cell.lead, cell.first ? 4 : cell.x + 4, cell.first ? middle + 16 : cell.y + 14);
      if (!cell.first) pen.fillRect(Math.round(cell.x), middle - 8, 1, 16);
    }
  }

  /** One millivolt, a fifth of a second wide at 25 mm/s, at the gain of this lead. */
  drawCalibration(cell, middle) {
    const pen = this.pen, mm = pxPerMm(), up = gain(cell.lead) * mm;
    pen.strokeStyle = colours().ink;
    pen.lineWidth = 1.1;
    pen.beginPath();
    pen.moveTo(2 * mm, middle);
    for (const [x, y] of [[3, 0], [3, up], [8, up], [8, 0], [9, 0]]) pen.lineTo(x * mm, middle - y);
    pen.stroke();
  }

  span(cell) {
    return [cell.frame, cell.frame + cell.w / pxPerFrame()];
  }

  /** Gaps and loose electrodes, told in words where there is room. */
  drawAbsent(cell) {
    const [first, after] = this.span(cell), c = colours();
    const band = (a, b, colour, words, share) => {
      if (a >= after || b <= first) return;
      const x = cell.x + (Math.max(a, first) - first) * pxPerFrame(), w = Math.max(1, (Math.min(b, after) - Math.max(a, first)) * pxPerFrame());
      this.pen.globalAlpha = share;
      this.pen.fillStyle = colour;
      this.pen.fillRect(x, cell.y, w, cell.h);
      this.pen.globalAlpha = 1;
      this.pen.font = "11px system-ui, sans-serif";
      if (w > this.pen.measureText(words).width + 8) this.pen.fillText(words, x + 4, cell.y + cell.h - 5);
    };
    for (const [a, b, cause] of state.info.gaps) band(a, b, c.gap, `gap: ${cause}`, 0.25);
    const mine = electrodesOf(cell.lead);
    for (const [a, b, name] of state.info.lead_off) if (mine.includes(name)) band(a, b, c.off, `${name} off`, 0.18);
    for (const [a, b, name] of state.info.saturation) if (name === cell.lead) band(a, b, c.off, "at the converter's limit", 0.18);
    for (const [kind, a, b] of state.facts?.episodes || []) if (kind === "not-analysable") band(a, b, c.gap, "not analysable", 0.12);
    if (state.info.n_frames < after && !state.live) band(state.info.n_frames, after, c.gap, "end of the recording", 0.3);
  }

  trace(cell, middle) {
    const level = this.level(), [first, after] = this.span(cell), frames = tileFrames(level), leads = this.leadsAsked();
    const last = Math.min(after, state.info.n_frames);
    if (level >= 3 && !state.status?.pyramid) {
      this.complete = false;
      return;
    }
    const found = [];
    for (let index = Math.max(0, Math.floor(first / frames)); index * frames < last; index++) {
      const tile = this.tiles.get(level, index, leads, state.filters);
      if (tile === null) this.complete = false;
      else if (!tile.absent) found.push(tile);
    }
    const scaleY = (gain(cell.lead) * pxPerMm()) / 1000, offset = this.offsetOf(cell, level, found);
    this.pen.beginPath();
    for (const tile of found) {
      const { zero, step, data } = tile.scale.get(cell.lead), width = levelFrames(level);
      const y = (v) => middle - (zero + step * v - offset) * scaleY;
      const from = Math.max(0, Math.floor((first - tile.index * frames) / width) - 1);
      const to = Math.min(tile.n, Math.ceil((last - tile.index * frames) / width) + 1);
      const x0 = cell.x + (tile.index * frames - first + (tile.pairs ? width / 2 : 0)) * pxPerFrame();
      if (tile.pairs) this.lineOfPairs(data, from, to, x0, width * pxPerFrame(), y);
      else this.lineOfSamples(data, from, to, x0, pxPerFrame(), y);
    }
    if (state.live?.n && after > state.info.n_frames) this.liveTrace(cell, first, after, middle, scaleY);
    this.pen.stroke();
  }

  /** Live frames behind what is home: unfiltered, less their own median. */
  liveTrace(cell, first, after, middle, scaleY) {
    const live = state.live, value = liveLead(cell.lead), from = Math.max(0, Math.max(first, state.info.n_frames) - live.first);
    if (!value) return;
    this.liveOffsets ||= new Map();
    if (!this.liveOffsets.has(cell.lead)) {
      const seen = Array.from({ length: Math.ceil(live.n / 20) }, (_, k) => value(20 * k)).sort((a, b) => a - b);
      this.liveOffsets.set(cell.lead, seen[seen.length >> 1] || 0);
    }
    const offset = this.liveOffsets.get(cell.lead), x0 = cell.x + (live.first - first) * pxPerFrame();
    for (let i = Math.ceil(from), down = false; i < Math.min(live.n, after - live.first); i++, down = true) {
      const x = x0 + i * pxPerFrame(), y = middle - (value(i) - offset) * scaleY;
      if (down) this.pen.lineTo(x, y);
      else this.pen.moveTo(x, y);
    }
  }

  lineOfSamples(data, from, to, x0, dx, y) {
    let down = this.joins(x0 + from * dx);
    for (let i = from; i < to; i++) {
      if (data[i] === MISSING) down = false;
      else if (down) this.pen.lineTo(x0 + i * dx, y(data[i]));
      else this.pen.moveTo(x0 + i * dx, y(data[i])), (down = true);
    }
    this.pen_x = down ? x0 + to * dx : null;
  }

  /** Lowest and highest of each bucket, the nearer one to the last point first. */
  lineOfPairs(data, from, to, x0, dx, y) {
    let down = this.joins(x0 + from * dx), before = 0;
    for (let i = from; i < to; i++) {
      const low = data[2 * i], high = data[2 * i + 1], x = x0 + i * dx;
      if (low > high) {
        down = false;
        continue;
      }
      const a = Math.abs(before - low) < Math.abs(before - high) ? low : high, b = a === low ? high : low;
      if (down) this.pen.lineTo(x, y(a));
      else this.pen.moveTo(x, y(a));
      if (b !== a || !down) this.pen.lineTo(x, y(b));
      down = true;
      before = b;
    }
    this.pen_x = down ? x0 + to * dx : null;
  }

  /** Whether the line of the tile before ends where this one begins. */
  joins(x) {
    const near = this.pen_x !== null && this.pen_x !== undefined && Math.abs(this.pen_x - x) < 0.5;
    this.pen_x = null;
    return near;
  }

  /** All leads of the page come in one tile. */
  leadsAsked() {
    const leads = new Set(leadsShown());
    if (state.layout === "3x4" && state.info.leads.includes(state.lead)) leads.add(state.lead);
    return [...leads].sort();
  }

  /** What stands on the middle line: 0 where the baseline is filtered out, else the median of what is seen; held while one moves. */
  offsetOf(cell, level, found) {
    if (level < 3 && state.filters.baseline) return 0;
    const key = cell.lead + (state.layout === "page" || state.layout === "lines" ? cell.y : cell.x), kept = this.offsets.get(key);
    const page = cell.w / pxPerFrame();
    if (kept && kept.level === level && Math.abs(kept.frame - cell.frame) < 0.5 * page) return kept.value;
    const seen = [];
    for (const tile of found) {
      const { zero, step, data } = tile.scale.get(cell.lead), width = levelFrames(level), per = tile.pairs ? 2 : 1;
      const from = Math.max(0, Math.floor((cell.frame - tile.index * tileFrames(level)) / width));
      const to = Math.min(tile.n, from + Math.ceil(page / width)), stride = Math.max(1, Math.floor((to - from) / 300));
      for (let i = from; i < to; i += stride) {
        const a = data[per * i], b = data[per * i + per - 1];
        if (a !== MISSING && a <= b) seen.push(zero + (step * (a + b)) / 2);
      }
    }
    seen.sort((a, b) => a - b);
    const value = seen.length ? seen[seen.length >> 1] : 0;
    if (this.complete) this.offsets.set(key, { level, frame: cell.frame, value });
    return value;
  }

  drawBeats(all) {
    if ((!state.beats && !state.waves) || pxPerFrame() * state.info.fs_hz < 4) return;
    const tops = all.filter((cell) => (state.layout === "lines" || state.layout === "page" ? true : cell.y === 0));
    const pen = this.pen;
    for (const cell of tops) {
      const [first, after] = this.span(cell), beats = this.beats.range(first, after);
      if (beats === null) this.complete = false;
      for (const beat of beats || []) {
        const x = cell.x + (beat.frame - first) * pxPerFrame();
        if (state.waves) this.drawWaves(cell, beat, x);
        if (!state.beats) continue;
        if (state.layout === "page") {
          pen.fillStyle = CLASS_COLOURS[beat.symbol];
          if (beat.symbol !== "N") pen.fillRect(x - 1.5, cell.y + 1, 3, 4);
          continue;
        }
        pen.fillStyle = CLASS_COLOURS[beat.symbol];
        pen.font = beat.symbol === "N" ? "11px system-ui, sans-serif" : "700 13px system-ui, sans-serif";
        pen.fillText(beat.symbol + (beat.touched ? "*" : ""), x - 4, cell.y + 12);
        if (speed() >= 12.5 && beat.rr > 0) pen.fillText(String(Math.round(beat.rr)), x - 40, cell.y + 24);
        if (state.chosen === beat.frame) {
          pen.strokeStyle = colours().mark;
          pen.strokeRect(x - 8.5, cell.y + 1.5, 17, 14);
        }
      }
    }
  }

  /** On and off of P, QRS and T as ticks, their peaks as dots, over all rows of the column. */
  drawWaves(cell, beat, x) {
    const pen = this.pen, height = state.layout === "lines" || state.layout === "page" ? cell.h : state.height;
    pen.fillStyle = colours().wave;
    beat.waves.forEach((ms, k) => {
      if (ms === MISSING) return;
      const at = Math.round(x + (ms / 1000) * state.info.fs_hz * pxPerFrame());
      pen.globalAlpha = k % 3 === 1 ? 0.9 : 0.35;
      if (k % 3 === 1) pen.fillText("PQT"[Math.floor(k / 3)], at - 3, cell.y + 36);
      else pen.fillRect(at, cell.y + 28, 1, height - 28);
    });
    pen.globalAlpha = 1;
  }

  drawMarks(all) {
    const pen = this.pen, c = colours();
    for (const cell of all) {
      const [first, after] = this.span(cell);
      for (const mark of state.info.marks) {
        if (mark.frame < first || mark.frame >= after) continue;
        const x = Math.round(cell.x + (mark.frame - first) * pxPerFrame());
        pen.fillStyle = c.mark;
        for (let y = cell.y; y < cell.y + cell.h; y += 8) pen.fillRect(x, y, 1.5, 4);
        if (cell.y === 0 || state.layout === "lines" || state.layout === "page") {
          pen.font = "600 12px system-ui, sans-serif";
          pen.fillText(`${mark.origin} mark${mark.text ? `: ${mark.text}` : ""}`, x + 4, cell.y + 38);
        }
      }
    }
  }

  drawCaliper() {
    const k = state.caliper;
    if (!k) return;
    const pen = this.pen, c = colours(), x = Math.min(k.x0, k.x1), y = Math.min(k.y0, k.y1), w = Math.abs(k.x1 - k.x0), h = Math.abs(k.y1 - k.y0);
    pen.fillStyle = c.mark;
    pen.globalAlpha = 0.1;
    pen.fillRect(x, y, w, h);
    pen.globalAlpha = 1;
    for (const at of [k.x0, k.x1]) pen.fillRect(at, 0, 1, state.height);
    for (const at of [k.y0, k.y1]) pen.fillRect(x, at, w, 1);
    pen.font = "600 13px system-ui, sans-serif";
    const words = measured(k).words;
    pen.fillStyle = c.back;
    pen.fillRect(x + 3, y - 20, pen.measureText(words).width + 6, 18);
    pen.fillStyle = c.mark;
    pen.fillText(words, x + 6, y - 6);
  }

  /** What is needed to read the picture stands on it: speed, gain, filters. */
  drawCaption() {
    const pen = this.pen, f = state.filters, far = this.level() >= 3;
    const names = far ? ["unfiltered at this speed, offsets removed"] : [
      f.baseline ? `baseline ${f.baseline} Hz${f.baseline === 0.05 ? "" : " zero phase"}` : "baseline unfiltered, offsets removed",
      f.mains ? `mains ${f.mains} Hz` : "mains not removed", f.lowpass ? `low-pass ${f.lowpass} Hz` : "no low-pass"];
    if (state.live && state.frame + pageFrames() > state.info.n_frames) names.push("what is not home yet unfiltered");
    const own = state.layout === "page" ? 2.5 : state.mmpmv;
    const words = `${Number(speed().toPrecision(4))} mm/s   ${own} mm/mV   ${names.join(", ")}`;
    pen.font = "12px system-ui, sans-serif";
    const width = pen.measureText(words).width;
    pen.fillStyle = colours().back;
    pen.fillRect(46, state.height - 19, width + 8, 18);
    pen.fillStyle = colours().ink;
    pen.fillText(words, 50, state.height - 6);
    state.caption = words;
  }
}

/** A function that gives a lead of a live frame in microvolts, or null. */
function liveLead(lead) {
  const { data, leads } = state.live, at = state.info.stored.indexOf(lead), one = state.info.stored.indexOf("I"), two = state.info.stored.indexOf("II");
  if (at >= 0) return (i) => data[i * leads + at];
  const weights = { III: [-1, 1], aVR: [-0.5, -0.5], aVL: [1, -0.5], aVF: [-0.5, 1] }[lead];
  return weights && one >= 0 && two >= 0 ? (i) => weights[0] * data[i * leads + one] + weights[1] * data[i * leads + two] : null;
}

/** What a caliper of two corners measures at this speed and this gain. */
export function measured(k) {
  const ms = (Math.abs(k.x1 - k.x0) / pxPerMm() / speed()) * 1000, mv = (k.y0 - k.y1) / pxPerMm() / gain(k.lead);
  const rate = ms > 0 ? 60000 / ms : 0;
  return { ms, mv, rate, words: `${ms.toFixed(0)} ms   ${rate ? rate.toFixed(0) : "-"}/min   ${mv.toFixed(2)} mV` };
}
