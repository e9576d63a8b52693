// SPDX-License-Identifier: Apache-2.0
// What is shown and how; the part that belongs to this screen is kept in localStorage.

const LAYOUTS = { "8x1": "8 × 1", "12x1": "12 × 1", "6x2": "6 × 2", "3x4": "3 × 4 + rhythm", lines: "1 lead, lines", page: "1 lead, 30 min" };
const MOST_OF_FEW = 3; // so many leads make no second column
export const SPEEDS = [100, 50, 25, 12.5, 5, 2.5, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];
export const GAINS = [2.5, 5, 10, 20, 40];
export const RATES = [1, 2, 5, 10, 30, 60];
export const BASELINES = [0, 0.05, 0.5, 0.67], MAINS = [0, 50, 60], LOWPASS = [0, 150, 100, 40];
const STANDARD = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"];
const KEPT = ["layout", "lead", "mmps", "mmpmv", "filters", "dark", "calibration", "beats", "waves", "who", "gains", "order", "sized"];

export const state = {
  layout: "8x1", lead: "II", mmps: 25, mmpmv: 10, filters: { baseline: 0.05, mains: 0, lowpass: 150 },
  gains: {}, order: [], dark: matchMedia("(prefers-color-scheme: dark)").matches, calibration: 1, sized: false, beats: true, waves: false, who: "",
  frame: 0, info: null, facts: null, status: null, playing: false, rate: 1, measuring: false, chosen: null, caliper: null, cursor: null,
};

export function restore() {
  try {
    const kept = JSON.parse(localStorage.getItem("octolead") || "{}");
    for (const name of KEPT) if (kept[name] !== undefined) state[name] = kept[name];
  } catch { /* what is kept there is a comfort, not a need */ }
  if (!(state.calibration > 0.3 && state.calibration < 3)) state.calibration = 1;
}

export function keep() {
  try {
    localStorage.setItem("octolead", JSON.stringify(Object.fromEntries(KEPT.map((name) => [name, state[name]]))));
  } catch { /* private windows refuse */ }
}

/** CSS pixels of a millimetre on this screen. */
export const pxPerMm = () => (96 / 25.4) * state.calibration;
export const pxPerFrame = () => (speed() * pxPerMm()) / state.info.fs_hz;
/** The page of thirty minutes has a speed of its own: a minute a line. */
export const speed = () => (state.layout === "page" ? Math.max(1, state.width - 60) / pxPerMm() / 60 : state.mmps);
export const gain = (lead) => (state.layout === "page" ? 2.5 : state.mmpmv) * (state.gains[lead] || 1);

/** Marks of the recording, and those a live recorder told of whose block is not home yet. */
export function marks() {
  const home = state.info.marks, told = state.live?.marks || [];
  return home.concat(told.filter((mark) => !home.some((other) => other.frame === mark.frame)));
}

/** Layouts by name with their words: those that make sense for the leads there are. */
export function layouts() {
  const { stored, leads } = state.info, all = { ...LAYOUTS, "8x1": `${stored.length} × 1`, "12x1": `${leads.length} × 1` };
  if (leads.length === stored.length) delete all["12x1"];
  if (leads.length <= MOST_OF_FEW) delete all["6x2"], delete all["3x4"];
  return all;
}

/** Leads of the layout, in the reader's own order if there is one. */
export function leadsShown() {
  const has = state.info.leads;
  const all = STANDARD.filter((lead) => has.includes(lead)).concat(has.filter((lead) => !STANDARD.includes(lead)));
  const wanted = { "8x1": state.info.stored, lines: [state.lead], page: [state.lead] }[state.layout] || all;
  const mine = state.order.filter((lead) => wanted.includes(lead));
  return mine.length ? mine.concat(wanted.filter((lead) => !mine.includes(lead))) : wanted;
}

const PAGE_LINES = 30;
const MARGIN = 44; // room for the calibration pulse and the lead's name

/** Cells of the page: where each stretch of each lead stands. */
export function cells(width, height) {
  const leads = leadsShown(), perPx = 1 / pxPerFrame(), out = [];
  const put = (lead, x, y, w, h, frame, first) => out.push({ lead, x, y, w, h, frame, first });
  if (state.layout === "lines" || state.layout === "page") {
    const n = state.layout === "page" ? PAGE_LINES : Math.max(1, Math.floor(height / (28 * pxPerMm())));
    const span = state.layout === "page" ? 60 * state.info.fs_hz : (width - MARGIN) * perPx;
    for (let k = 0; k < n; k++) put(leads[0], MARGIN, (k * height) / n, width - MARGIN, height / n, state.frame + k * span, true);
    return out;
  }
  const columns = { "6x2": 2, "3x4": 4 }[state.layout] || 1;
  const rhythm = state.layout === "3x4" && state.info.leads.includes(state.lead) ? 1 : 0;
  const rows = Math.ceil(leads.length / columns), h = height / (rows + rhythm), w = (width - MARGIN) / columns;
  leads.forEach((lead, k) => {
    const column = Math.floor(k / rows), row = k % rows;
    put(lead, MARGIN + column * w, row * h, w, h, state.frame + column * w * perPx, column === 0);
  });
  if (rhythm) put(state.lead, MARGIN, rows * h, width - MARGIN, h, state.frame, true);
  return out;
}

/** Frames of the whole page. */
export function pageFrames() {
  const all = cells(state.width, state.height);
  const last = Math.max(...all.map((cell) => cell.frame + cell.w / pxPerFrame()));
  return Math.max(1, last - state.frame);
}

export function clampFrame(frame) {
  const end = Math.max(state.info.n_frames, state.live ? state.live.first + state.live.n : 0);
  const most = Math.max(0, end - 0.25 * pageFrames());
  return Math.min(Math.max(0, frame), most);
}

const two = (n) => String(n).padStart(2, "0");

/** Time since the start, h:mm:ss.mmm. */
export function elapsed(frame, digits = 1) {
  const s = Number((frame / state.info.fs_hz).toFixed(digits)), h = Math.floor(s / 3600), m = Math.floor((s % 3600) / 60), rest = s % 60;
  return `${h}:${two(m)}:${rest.toFixed(digits).padStart(digits ? 3 + digits : 2, "0")}`;
}

/** Time of day in the reader's zone, with the day where there are several; "" where it is not known. */
export function clock(frame) {
  if (!state.info.start_utc) return "";
  const at = new Date(Date.parse(state.info.start_utc) + (frame / state.info.fs_hz) * 1000);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** A frame for what a person typed: h:mm:ss since the start, "90s", "@frame", or the time of day as hh:mm(:ss) with a "t" before it. */
export function frameOf(text) {
  const words = text.trim().toLowerCase(), fs = state.info.fs_hz;
  if (/^@\d+$/.test(words)) return Number(words.slice(1));
  if (/^\d+(\.\d+)?s$/.test(words)) return parseFloat(words) * fs;
  const parts = words.replace(/^t\s*/, "").split(":").map(Number);
  if (parts.length < 2 || parts.length > 3 || parts.some((part) => !(part >= 0))) return null;
  const seconds = parts[0] * 3600 + parts[1] * 60 + (parts[2] || 0);
  if (!words.startsWith("t")) return seconds * fs;
  if (!state.info.start_utc) return null;
  const start = new Date(Date.parse(state.info.start_utc)), here = start.getHours() * 3600 + start.getMinutes() * 60 + start.getSeconds();
  const day = 86400, after = Math.floor((state.frame / fs + here) / day) * day;
  const found = [after + seconds - here, after + day + seconds - here].find((s) => s >= 0 && s * fs < state.info.n_frames);
  return found === undefined ? null : found * fs;
}
