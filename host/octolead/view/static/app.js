// SPDX-License-Identifier: Apache-2.0
// Brings the parts together: what is chosen, what is pressed, when is drawn.

import { Tiles, json, post } from "./api.js";
import { Beats } from "./beats.js";
import { $, say, select } from "./dom.js";
import { goTo, help, size } from "./help.js";
import { listen } from "./keys.js";
import { Overview } from "./overview.js";
import { Panels } from "./panels.js";
import { Paper, measured } from "./paper.js";
import { Player } from "./play.js";
import { point } from "./pointer.js";
import { BASELINES, GAINS, LOWPASS, MAINS, RATES, SPEEDS, clampFrame, clock, elapsed, keep, layouts, pageFrames, restore, state } from "./state.js";

const BUSY_MS = 400, IDLE_MS = 4000;
let asked = false, waiters = [], answers = [];

const tiles = new Tiles(() => draw()), beats = new Beats(() => draw());
const paper = new Paper($("paper"), tiles, beats);
const overview = new Overview($("overview"), (frame) => move(frame));
const panels = new Panels({ go: (frame) => centre(frame), change, redraw: () => settle() });
const player = new Player(paper, (frame) => move(frame));

/** Draw with the next frame of the screen; asked for often, done once. */
export function draw() {
  if (asked || !state.info) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    if (!state.width) paper.resize();
    const whole = paper.draw();
    overview.draw();
    const day = clock(state.frame);
    $("clock").textContent = `${elapsed(state.frame)}${day ? `  ·  ${day}` : ""}`;
    if (paper.answered) answers.splice(0).forEach((done) => done(performance.now()));
    if (whole) waiters.splice(0).forEach((done) => done(performance.now()));
  });
}

/** Everything of the page is drawn: resolves with when that was. */
export const drawn = () => new Promise((done) => (waiters.push(done), draw()));

/** Each lead of the page shows something, if from a coarser level: resolves with when that was. */
export const answered = () => new Promise((done) => (answers.push(done), draw()));

export function move(frame) {
  state.frame = clampFrame(frame);
  paper.fetch();
  draw();
}

export function centre(frame) {
  const back = state.layout === "lines" || state.layout === "page" ? 0.1 : 0.5;
  move(frame - back * pageFrames());
}

/** What is chosen changed: keep it, show it, draw. */
export function settle() {
  keep();
  document.documentElement.classList.toggle("dark", state.dark);
  $("paper").classList.toggle("measuring", state.measuring);
  $("calipers").setAttribute("aria-pressed", String(state.measuring));
  $("lead-label").hidden = !["lines", "page", "3x4"].includes(state.layout);
  paper.offsets.clear();
  if (!state.info) return;
  fill();
  paper.fetch();
  draw();
}

function fill() {
  const number = (name, from) => (value) => ((from[name] = Number(value)), settle());
  const around = (from, change) => (value) => {
    const middle = state.frame + pageFrames() / 2;
    change(value);
    state.frame = clampFrame(middle - pageFrames() / 2);
  };
  select("layout", Object.keys(layouts()), (v) => layouts()[v], state.layout, (v) => ((state.layout = v), settle()));
  select("lead", state.info.leads, (v) => v, state.lead, (v) => ((state.lead = v), settle(), panels.show()));
  select("speed", SPEEDS, (v) => `${v} mm/s`, state.mmps, around(state, (v) => number("mmps", state)(v)));
  select("gain", GAINS, (v) => `${v} mm/mV`, state.mmpmv, number("mmpmv", state));
  select("baseline", BASELINES, (v) => (v ? `${v} Hz` : "off"), state.filters.baseline, number("baseline", state.filters));
  select("mains", MAINS, (v) => (v ? `${v} Hz` : "off"), state.filters.mains, number("mains", state.filters));
  select("lowpass", LOWPASS, (v) => (v ? `${v} Hz` : "off"), state.filters.lowpass, number("lowpass", state.filters));
  select("rate", RATES, (v) => `${v} ×`, state.rate, number("rate", state));
}

/** Another speed, what is in the middle staying there. */
export function zoom(steps) {
  const middle = state.frame + pageFrames() / 2, at = SPEEDS.indexOf(state.mmps);
  state.mmps = SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at + steps))];
  settle();
  move(middle - pageFrames() / 2);
}

export async function next(kind, dir) {
  const from = Math.round(state.chosen !== null && state.at === state.frame ? state.chosen : state.frame + pageFrames() / 2);
  const { frame } = await json(`/api/next?kind=${encodeURIComponent(kind)}&from=${from}&dir=${dir}`);
  if (frame === null) return say(`No ${dir > 0 ? "further" : "earlier"} ${kind}.`);
  centre(frame);
  state.chosen = frame;
  state.at = state.frame;
  if (state.info.symbols.includes(kind) || kind === "edited") await panels.measure(frame, panels.chosen === "beat");
  return frame;
}

export async function change(edit) {
  try {
    const entry = await post("/api/edits", { ...edit, who: state.who || "someone" });
    say(`Change ${entry.n}: ${entry.op}. Undo with u.`);
    beats.clear();
    if (panels.measured && edit.frame === panels.measured.frame) await panels.measure(edit.frame, panels.chosen === "beat");
    if (panels.chosen === "log") panels.show();
    draw();
    status();
    return entry;
  } catch (error) {
    say(error.message);
    return null;
  }
}

let timer = 0;
/** Ask how far the work is; take what became new. */
async function status() {
  clearTimeout(timer);
  try {
    const before = state.status, now = await json("/api/status");
    state.status = now;
    if (now.n_frames !== before.n_frames) await reload();
    if (now.version !== before.version || (before.step && !now.step)) await renew(before, now);
    const share = now.of ? Math.min(100, Math.round((100 * now.done) / now.of)) : 0;
    $("busy").hidden = !now.step && !now.error;
    $("busy").textContent = now.error || `${now.step} ${share} %`;
    timer = setTimeout(status, now.step ? BUSY_MS : state.info.live ? 1000 : IDLE_MS);
  } catch (error) {
    $("busy").hidden = false;
    $("busy").textContent = error.status ? error.message : "The server does not answer: was octolead view ended?";
    timer = setTimeout(status, 2000);
  }
}

async function reload() {
  const before = state.info.n_frames;
  state.info = await json("/api/info");
  tiles.renew(before);
  if (panels.chosen === "marks") panels.refresh();
  draw();
}

async function renew(before, now) {
  if (now.pyramid && !before.pyramid) tiles.forgetAbsent();
  if (now.analysis) {
    state.facts = await json("/api/facts").catch(() => state.facts);
    beats.clear();
    panels.refresh();
  }
  draw();
}

async function begin() {
  restore();
  const first = JSON.parse($("first").textContent); // what /api/info and /api/status say, with the page
  state.info = first.info;
  state.status = { ...first.status, version: -1 };
  $("name").textContent = state.info.name;
  document.title = `${state.info.name} – Octolead`;
  if (!state.info.leads.includes(state.lead)) state.lead = state.info.leads[0];
  if (!layouts()[state.layout]) state.layout = "8x1";
  paper.resize();
  state.frame = clampFrame(state.info.marks.length ? state.info.marks[0].frame - 5 * state.info.fs_hz : 0);
  settle();
  panels.show(state.info.marks.length || state.info.live ? "marks" : "episodes");
  point($("paper"), { paper, beats, panels, draw, move, zoom, say, measured });
  listen({ centre, change, draw, goTo: () => goTo(centre), help, move, next, panels, player, settle, size: () => size(sized), zoom, beats });
  $("play").onclick = () => player.toggle();
  $("calipers").onclick = () => ((state.measuring = !state.measuring), settle());
  $("goto").onclick = () => goTo(centre);
  $("size").onclick = () => size(sized);
  $("theme").onclick = () => ((state.dark = !state.dark), settle());
  $("help").onclick = help;
  new ResizeObserver(sized).observe($("desk"));
  await status();
  if (state.info.live) (await import("./live.js")).follow({ draw, move, marked: () => panels.chosen === "marks" && panels.refresh() });
}

function sized() {
  paper.resize();
  settle();
}

// For tests and for those who look under the bonnet.
window.octolead = { state, paper, tiles, beats, panels, player, pageFrames, move, centre, answered, drawn, next, change, zoom, settle, reload };
begin().catch((error) => say(error.message));
