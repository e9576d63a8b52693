// SPDX-License-Identifier: Apache-2.0
// The ECG on its paper: grid, calibration pulse, traces, gaps, loose electrodes, beats, waves, marks, calipers.

import { MISSING, tileFrames } from "./api.js";
import { Columns, Sheet, rgb } from "./ink.js";
import { cells, elapsed, gain, marks, pageFrames, pxPerFrame, pxPerMm, speed, state } from "./state.js";
import { Offsets, leadsAsked, levelShown, line, liveLine, pxPerMicrovolt, tilesFor } from "./trace.js";

const LIGHT = { back: "#fffdf9", fine: "#f6d9d4", coarse: "#e8a79d", ink: "#161616", mark: "#0060a8", gap: "#8a8a8a", off: "#b07a00", wave: "#6b4fa0" };
const DARK = { back: "#14171a", fine: "#242a2c", coarse: "#3b4648", ink: "#e6f2e6", mark: "#6cb6ff", gap: "#8a8a8a", off: "#e0b040", wave: "#b9a2f0" };
// Okabe and Ito's palette: told apart by the colour-blind; the letter stands beside it all the same.
const CLASS_COLOURS = { N: "#7a7f86", S: "#0072b2", V: "#d55e00", F: "#cc79a7", Q: "#8c6d00", "/": "#009e73" };
const ON_DARK = { ...CLASS_COLOURS, N: "#a2a7ae", S: "#56b4e9", V: "#ff8c3a", Q: "#e6c34c", "/": "#3fd6a8" };
const ELECTRODES = { I: ["RA", "LA"], II: ["RA", "LL"] };
const LIMBS = ["RA", "LA", "LL"];
const RESTING_MS = 200;

export const classColour = (symbol) => (state.dark ? ON_DARK : CLASS_COLOURS)[symbol];
export const colours = () => (state.dark ? DARK : LIGHT);
const electrodesOf = (lead) => ELECTRODES[lead] || (lead.startsWith("V") ? [...LIMBS, lead] : LIMBS);

const middleOf = (cell) => cell.y + cell.h * 0.64;

export class Paper {
  constructor(canvas, tiles, beats) {
    this.canvas = canvas;
    this.tiles = tiles;
    this.beats = beats;
    this.pen = canvas.getContext("2d", { alpha: false });
    this.offsets = new Offsets();
    this.complete = false;
    this.ahead = 1;
  }

  resize() {
    const box = this.canvas.getBoundingClientRect(), ratio = devicePixelRatio || 1;
    state.width = box.width;
    state.height = box.height;
    this.ratio = ratio;
    this.canvas.width = Math.max(1, Math.round(box.width * ratio));
    this.canvas.height = Math.max(1, Math.round(box.height * ratio));
  }

  level() {
    return levelShown(this.ratio);
  }

  /** Draw everything; true when nothing that belongs on the page was missing. `answered`: each lead shows something of it. */
  draw() {
    const pen = this.pen, all = cells(state.width, state.height);
    this.complete = this.answered = true;
    this.fetch();
    this.layGrid();
    const absent = all.flatMap((cell) => this.shadeAbsent(cell));
    for (const cell of all) this.trace(cell);
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.putImageData(this.sheet.image, 0, 0);
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    for (const words of absent) this.tellAbsent(words);
    for (const cell of all) this.label(cell);
    this.drawBeats(all);
    this.drawMarks(all);
    this.drawCaliper();
    this.drawCaption();
    if (this.complete) this.lookAhead();
    return this.complete;
  }

  /** First and last tile of the page. */
  tilesOfPage() {
    const frames = tileFrames(this.level()), last = Math.min(state.info.n_frames, state.frame + pageFrames());
    return [Math.floor(state.frame / frames), Math.max(0, Math.ceil(last / frames) - 1)];
  }

  /** Ask for the tiles and the beats of the page that are not here, all at once; before it is drawn, so that they are on their way. */
  fetch() {
    if (!state.info || !state.width || (this.level() >= 3 && !state.status?.pyramid)) return;
    if (this.from !== undefined && state.frame !== this.from) this.ahead = state.frame > this.from ? 1 : -1;
    this.from = state.frame;
    const [first, last] = this.tilesOfPage();
    if (this.level() < 3) this.beats.range(state.frame, state.frame + pageFrames());
    if (this.level() === 2 && state.status?.pyramid) this.fetchRough(first, last);
    this.tiles.ask(this.level(), first, last, leadsAsked(), state.filters);
  }

  /** Level 2 is filtered out of all its samples; the pyramid's level 3 is nearly as fine, and there at once: drawn meanwhile. */
  fetchRough(first, last) {
    for (let index = first; index <= last; index++) {
      if (this.tiles.get(2, index, leadsAsked(), state.filters)) continue;
      const rough = Math.floor((index * tileFrames(2)) / tileFrames(3));
      this.tiles.ask(3, rough, rough, leadsAsked(), state.filters);
    }
  }

  /** Ask for the next tile in the direction one moves in; where one rests, for a page of them and one on the other side. */
  lookAhead() {
    clearTimeout(this.resting);
    this.askBeside(0, 1);
    this.resting = setTimeout(() => this.complete && this.askBeside(1, Infinity), RESTING_MS);
  }

  askBeside(behind, most) {
    const level = this.level(), [first, last] = this.tilesOfPage(), ahead = Math.min(last - first + 1, most);
    if (level >= 3 && !state.status?.pyramid) return;
    const [before, after] = this.ahead > 0 ? [behind, ahead] : [ahead, behind], end = Math.ceil(state.info.n_frames / tileFrames(level)) - 1;
    this.tiles.askAhead(level, Math.max(0, first - before), Math.min(end, last + after), leadsAsked(), state.filters);
  }

  layGrid() {
    const { width, height } = this.canvas, key = [width, height, pxPerMm(), state.dark].join(), c = colours();
    if (this.gridKey !== key) {
      this.gridKey = key;
      this.sheet = new Sheet(width, height);
      this.grid = new Sheet(width, height);
      this.grid.rule(pxPerMm() * this.ratio, c.back, c.fine, c.coarse);
    }
    this.sheet.lay(this.grid);
  }

  /** The calibration pulse, the lead's name; the time where a lead fills many lines. */
  label(cell) {
    const pen = this.pen, middle = middleOf(cell);
    if (cell.first && state.layout !== "page") this.drawCalibration(cell, middle);
    pen.fillStyle = colours().ink;
    pen.font = "600 12px system-ui, sans-serif";
    if (state.layout === "page" || state.layout === "lines") {
      pen.font = "11px system-ui, sans-serif";
      pen.fillText(elapsed(cell.frame, 0), 2, state.layout === "page" ? middle + 3 : cell.y + cell.h - 6);
    } else {
      pen.fillText(cell.lead, cell.first ? 4 : cell.x + 4, cell.first ? middle + 16 : cell.y + 14);
      if (!cell.first) pen.fillRect(Math.round(cell.x), middle - 8, 1, 16);
    }
  }

  /** One millivolt, a fifth of a second wide at 25 mm/s, at the gain of this lead; lower where its top would leave the paper. */
  drawCalibration(cell, centre) {
    const pen = this.pen, mm = pxPerMm(), up = gain(cell.lead) * mm, middle = Math.max(centre, up + 2);
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

  /** Shade gaps, loose electrodes and the like; return their words with their places. */
  shadeAbsent(cell) {
    const [first, after] = this.span(cell), c = colours(), ratio = this.ratio, told = [];
    const band = (a, b, colour, words, share) => {
      if (a >= after || b <= first) return;
      const x = cell.x + (Math.max(a, first) - first) * pxPerFrame(), w = Math.max(1, (Math.min(b, after) - Math.max(a, first)) * pxPerFrame());
      this.sheet.shade(x * ratio, cell.y * ratio, w * ratio, cell.h * ratio, rgb(colour), share);
      told.push({ words, x: x + 4, y: cell.y + cell.h - 5, room: w - 8, colour });
    };
    for (const [a, b, cause] of state.info.gaps) band(a, b, c.gap, `gap: ${cause}`, 0.25);
    const mine = electrodesOf(cell.lead);
    for (const [a, b, name] of state.info.lead_off) if (mine.includes(name)) band(a, b, c.off, `${name} off`, 0.18);
    for (const [a, b, name] of state.info.saturation) if (name === cell.lead) band(a, b, c.off, "at the converter's limit", 0.18);
    for (const [, a, b] of this.notAnalysable()) band(a, b, c.gap, "not analysable", 0.12);
    if (state.info.n_frames < after && !state.live) band(state.info.n_frames, after, c.gap, "end of the recording", 0.3);
    return told;
  }

  /** Of all episodes, which may be twenty thousand, those; looked for once. */
  notAnalysable() {
    if (this.facts !== state.facts) {
      this.facts = state.facts;
      this.absent = (state.facts?.episodes || []).filter(([kind]) => kind === "not-analysable");
    }
    return this.absent || [];
  }

  tellAbsent({ words, x, y, room, colour }) {
    this.pen.font = "11px system-ui, sans-serif";
    this.pen.fillStyle = colour;
    if (room > this.pen.measureText(words).width) this.pen.fillText(words, x, y);
  }

  /** The lines of all cells, into the pixels; what is not here yet is drawn paler from a coarser level. */
  trace(cell) {
    const level = this.level(), [first, after] = this.span(cell), last = Math.min(after, state.info.n_frames), middle = middleOf(cell);
    if (level >= 3 && !state.status?.pyramid) return void (this.complete = this.answered = false);
    const { found, whole } = tilesFor(this.tiles, level, first, last);
    this.complete &&= whole;
    this.answered &&= found.length > 0;
    const scale = pxPerMicrovolt(cell.lead), offset = this.offsets.of(cell, level, found, whole), ratio = this.ratio;
    const at = (frame) => (cell.x + (frame - first) * pxPerFrame()) * ratio, y = (uv) => (middle - (uv - offset) * scale) * ratio;
    const columns = new Columns(Math.round(cell.x * ratio), Math.round((cell.x + cell.w) * ratio));
    let pale = false;
    for (const part of found) {
      pale ||= part.rough === true;
      line(columns, part, cell.lead, at, y);
    }
    if (state.live?.n && after > state.info.n_frames) liveLine(columns, cell.lead, first, after, at, (uv) => (middle - uv * scale) * ratio);
    const thick = (state.layout === "page" ? 0.7 : 1.15) * ratio, reach = 0.4 * cell.h;
    columns.paint(this.sheet, rgb(colours().ink), thick, (cell.y - reach) * ratio, (cell.y + cell.h + reach) * ratio, pale ? 0.4 : 1);
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
          pen.fillStyle = classColour(beat.symbol);
          if (beat.symbol !== "N") pen.fillRect(x - 1.5, cell.y + 1, 3, 4);
          continue;
        }
        pen.fillStyle = classColour(beat.symbol);
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
    pen.font = "11px system-ui, sans-serif";
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
      for (const mark of marks()) {
        if (mark.frame < first || mark.frame >= after) continue;
        const x = Math.round(cell.x + (mark.frame - first) * pxPerFrame());
        pen.fillStyle = c.mark;
        for (let y = cell.y; y < cell.y + cell.h; y += 8) pen.fillRect(x, y, 1.5, 4);
        if (cell.y === 0 || state.layout === "lines" || state.layout === "page") {
          pen.font = "600 12px system-ui, sans-serif";
          pen.fillText(`${mark.origin} mark${mark.text ? `: ${mark.text}` : ""}`, x + 4, cell.y + (state.waves ? 50 : 38));
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
    if (!state.sized) names.push("size of this screen not set (r)");
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

/** What a caliper of two corners measures at this speed and this gain. */
export function measured(k) {
  const ms = (Math.abs(k.x1 - k.x0) / pxPerMm() / speed()) * 1000, mv = (k.y0 - k.y1) / pxPerMm() / gain(k.lead);
  const rate = ms > 0 ? 60000 / ms : 0;
  return { ms, mv, rate, words: `${ms.toFixed(0)} ms   ${rate ? rate.toFixed(0) : "-"}/min   ${mv.toFixed(2)} mV` };
}
