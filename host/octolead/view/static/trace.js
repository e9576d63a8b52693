// SPDX-License-Identifier: Apache-2.0
// A lead's tiles as a line: samples or pairs of lowest and highest, the live frames behind them, and what stands on the middle line.

import { MISSING, levelFrames, tileFrames } from "./api.js";
import { gain, leadsShown, pxPerFrame, pxPerMm, state } from "./state.js";

const ROUGH = [1, 2, 3, 4, -1, -2];

/** Level of which a bucket is at most a pixel of the screen wide. */
export function levelShown(ratio) {
  const perPx = 1 / (pxPerFrame() * ratio);
  return Math.min(Math.max(0, Math.floor(Math.log(perPx * 1.0001) / Math.log(4))), state.info.top_level);
}

/** All leads of the page come in one tile. */
export function leadsAsked() {
  const leads = new Set(leadsShown());
  if (state.layout === "3x4" && state.info.leads.includes(state.lead)) leads.add(state.lead);
  return [...leads].sort();
}

/** Tiles of frames `first` to `last` that are here: those of the level, and coarser or finer ones in the place of those that are not. */
export function tilesFor(tiles, level, first, last) {
  const frames = tileFrames(level), leads = leadsAsked(), found = [];
  let whole = true;
  for (let index = Math.max(0, Math.floor(first / frames)); index * frames < last; index++) {
    const tile = tiles.get(level, index, leads, state.filters);
    if (tile && !tile.absent) found.push({ tile, first: Math.max(first, index * frames), last: Math.min(last, (index + 1) * frames) });
    if (tile) continue;
    whole = false;
    found.push(...rough(tiles, level, Math.max(first, index * frames), Math.min(last, (index + 1) * frames), leads));
  }
  return { found, whole };
}

function rough(tiles, level, first, last, leads) {
  for (const other of ROUGH.map((by) => level + by)) {
    if (other < 0 || other > state.info.top_level) continue;
    const frames = tileFrames(other), out = [];
    for (let index = Math.floor(first / frames); index * frames < last; index++) {
      const tile = tiles.get(other, index, leads, state.filters);
      if (tile && !tile.absent) out.push({ tile, rough: true, first: Math.max(first, index * frames), last: Math.min(last, (index + 1) * frames) });
    }
    if (out.length) return out;
  }
  return [];
}

/** The part of a tile that is seen, into columns of pixels; `at(frame)` is where a frame stands, `y(µV)` a voltage. */
export function line(columns, { tile, first, last }, lead, at, y) {
  const { zero, step, data } = tile.scale.get(lead), width = levelFrames(tile.level), start = tile.index * tileFrames(tile.level);
  const from = Math.max(0, Math.floor((first - start) / width) - 1), to = Math.min(tile.n, Math.ceil((last - start) / width) + 1);
  const x0 = at(start + (tile.pairs ? width / 2 : 0)), dx = at(start + width) - at(start);
  let before = 0;
  for (let i = from; i < to; i++) {
    const low = data[tile.pairs ? 2 * i : i], high = tile.pairs ? data[2 * i + 1] : low, x = x0 + i * dx;
    if (low === MISSING || low > high) {
      columns.lift();
      continue;
    }
    const near = Math.abs(before - low) < Math.abs(before - high) ? low : high;
    columns.to(x, y(zero + step * near));
    if (low !== high) columns.to(x, y(zero + step * (low + high - near)));
    before = low + high - near;
  }
}

/** Live frames behind what is home: unfiltered, less their own median. */
export function liveLine(columns, lead, first, after, at, y) {
  const live = state.live, value = liveLead(lead), from = Math.max(0, Math.max(first, state.info.n_frames) - live.first);
  if (!value) return;
  live.offsets ||= new Map();
  if (!live.offsets.has(lead)) {
    const seen = Array.from({ length: Math.ceil(live.n / 20) }, (_, k) => value(20 * k)).sort((a, b) => a - b);
    live.offsets.set(lead, seen[seen.length >> 1] || 0);
  }
  const offset = live.offsets.get(lead);
  columns.lift();
  for (let i = Math.ceil(from); i < Math.min(live.n, after - live.first); i++) columns.to(at(live.first + i), y(value(i) - offset));
}

/** A function that gives a lead of a live frame in microvolts, or null. */
function liveLead(lead) {
  const { data, leads } = state.live, at = state.info.stored.indexOf(lead), one = state.info.stored.indexOf("I"), two = state.info.stored.indexOf("II");
  if (at >= 0) return (i) => data[i * leads + at];
  const weights = { III: [-1, 1], aVR: [-0.5, -0.5], aVL: [1, -0.5], aVF: [-0.5, 1] }[lead];
  return weights && one >= 0 && two >= 0 ? (i) => weights[0] * data[i * leads + one] + weights[1] * data[i * leads + two] : null;
}

/** What stands on the middle line: 0 where the baseline is filtered out, else the median of what is seen; held while one moves. */
export class Offsets {
  constructor() {
    this.kept = new Map();
  }

  clear() {
    this.kept.clear();
  }

  of(cell, level, parts, whole) {
    if (level < 3 && state.filters.baseline && parts.every((part) => part.tile.level < 3)) return 0;
    const key = cell.lead + (state.layout === "page" || state.layout === "lines" ? cell.y : cell.x), kept = this.kept.get(key);
    if (kept && kept.level === level && Math.abs(kept.frame - cell.frame) < (0.5 * cell.w) / pxPerFrame()) return kept.value;
    const seen = parts.flatMap((part) => middles(part, cell.lead)).sort((a, b) => a - b), value = seen.length ? seen[seen.length >> 1] : 0;
    if (whole) this.kept.set(key, { level, frame: cell.frame, value });
    return value;
  }
}

function middles({ tile, first, last }, lead) {
  const { zero, step, data } = tile.scale.get(lead), width = levelFrames(tile.level), per = tile.pairs ? 2 : 1, seen = [];
  const start = tile.index * tileFrames(tile.level), from = Math.max(0, Math.floor((first - start) / width)), to = Math.min(tile.n, Math.ceil((last - start) / width));
  for (let i = from; i < to; i += Math.max(1, Math.floor((to - from) / 300))) {
    const a = data[per * i], b = data[per * i + per - 1];
    if (a !== MISSING && a <= b) seen.push(zero + (step * (a + b)) / 2);
  }
  return seen;
}

/** Pixels of a microvolt in a lead. */
export const pxPerMicrovolt = (lead) => (gain(lead) * pxPerMm()) / 1000;
