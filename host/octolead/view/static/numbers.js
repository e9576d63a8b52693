// SPDX-License-Identifier: Apache-2.0
// The numbers of the whole recording, in words, as on the report's pages.

import { el, table } from "./dom.js";
import { kindWords } from "./episodes.js";
import { elapsed, state } from "./state.js";

export const CLASS_NAMES = { N: "normal", S: "supraventricular", V: "ventricular", F: "fusion", Q: "unclassifiable", "/": "paced" };
const COUNTED = ["normal", "supraventricular", "ventricular", "fusion", "unclassifiable", "paced"];
const WAVES = { pr_ms: "PR", qrs_ms: "QRS", qt_ms: "QT", qtc_fridericia_ms: "QTc Fridericia", qtc_bazett_ms: "QTc Bazett" };
const HRV = [["time", "mean_nn_ms", "Mean NN", "ms"], ["time", "sdnn_ms", "SDNN", "ms"], ["time", "sdann_ms", "SDANN", "ms"], ["time", "sdnn_index_ms", "SDNN index", "ms"],
  ["time", "rmssd_ms", "RMSSD", "ms"], ["time", "pnn50_percent", "pNN50", "%"], ["time", "triangular_index", "Triangular index", ""],
  ["spectrum", "ulf_ms2", "ULF", "ms²"], ["spectrum", "vlf_ms2", "VLF", "ms²"], ["spectrum", "lf_ms2", "LF", "ms²"], ["spectrum", "hf_ms2", "HF", "ms²"],
  ["poincare", "sd1_ms", "SD1", "ms"], ["poincare", "sd2_ms", "SD2", "ms"]];

export const fixed = (value, digits = 0) => (value === null || value === undefined || Number.isNaN(value) ? "–" : Number(value).toFixed(digits));
const unit = (value, words, digits = 0) => (value === null || value === undefined ? "–" : `${fixed(value, digits)} ${words}`);

export function numbers() {
  const s = state.facts.summary, wave = (name) => s.waves[name] || {};
  const lines = [["Length", elapsed(s.duration_s * s.fs_hz, 0)], ["Can be analysed", unit(s.analysable_percent, "%", 1)], ["Beats", s.n_beats],
    ...COUNTED.filter((name) => s[`n_${name}`]).map((name) => [`of them ${name}`, s[`n_${name}`]]),
    ["Mean rate", unit(s.mean_bpm, "a minute")], ["Slowest, over 8 beats", unit(s.min_bpm, "a minute")], ["Fastest, over 8 beats", unit(s.max_bpm, "a minute")],
    ["Longest interval", unit(s.longest_rr_s, "s", 2)], ["Irregular as in AF", unit(s.af_burden_percent, "% of time", 1)],
    ...Object.entries(s.episodes).map(([kind, n]) => [`Episodes: ${kindWords(kind)}`, n])];
  const plain = (rows) => rows.map((cells) => ({ cells }));
  return [el("p", { class: "dim" }, "Measurements, no diagnosis."), table(["", ""], plain(lines)),
    el("h2", {}, "Intervals of normal beats, ms"), table(["", "median", "5 to 95 %"], plain(Object.entries(WAVES).map(([name, words]) => [words, fixed(wave(name).median), `${fixed(wave(name).p5)} to ${fixed(wave(name).p95)}`]))),
    el("h2", {}, "Heart rate variability"), table(["", ""], plain(HRV.map(([part, name, words, of]) => [words, unit(s.hrv?.[part]?.[name], of, of === "ms²" ? 0 : 1)])))];
}
