// SPDX-License-Identifier: Apache-2.0
// The list of episodes, and asking what one is, where it begins and where it ends.

import { $, button, el, table } from "./dom.js";
import { open } from "./help.js";
import { elapsed, frameOf, pageFrames, state } from "./state.js";

const MOST_ROWS = 200;

/** A kind in words, as in the report; one that a reader named is told as named. */
export const kindWords = (kind) => state.info.kinds[kind] || kind;
const kindOf = (words) => Object.keys(state.info.kinds).find((kind) => state.info.kinds[kind].toLowerCase() === words.toLowerCase()) || words;

export function episodeList(panels) {
  const all = state.facts.episodes, kinds = [...new Set(all.map((e) => e[0]))].sort();
  const chosen = all.filter((e) => !panels.kind || e[0] === panels.kind), shown = chosen.slice(0, MOST_ROWS);
  const pick = el("select", { "aria-label": "Kind", onchange: (e) => ((panels.kind = e.target.value), panels.show()) },
    el("option", { value: "" }, `all (${all.length})`),
    ...kinds.map((k) => el("option", { value: k, selected: k === panels.kind }, `${kindWords(k)} (${all.filter((e) => e[0] === k).length})`)));
  const left = chosen.length - shown.length + (state.facts.n_episodes - all.length);
  return [el("div", { class: "row" }, pick, button("Add one (i)", () => addEpisode(panels.change))),
    table(["what", "at", "length", "", ""], shown.map((e) => row(e, panels)), panels.go),
    left > 0 && el("p", { class: "dim" }, `${left} more are not listed: choose a kind, or go on with e.`)];
}

function row([kind, start, stop, facts], panels) {
  const which = { kind, start_frame: start, stop_frame: stop }, apart = (act) => (event) => (event.stopPropagation(), act());
  const rate = facts.rate_bpm || facts.mean_bpm;
  const told = rate ? `${Math.round(rate)}/min` : facts.rr_s ? `RR ${facts.rr_s.toFixed(2)} s` : facts.n_beats ? `${facts.n_beats} beats` : "";
  return { at: start, cells: [kindWords(kind), panels.when(start), length((stop - start) / state.info.fs_hz), told,
    el("span", { class: "row" },
      button("×", apart(() => panels.change({ op: "delete-episode", ...which })), { title: "This is none: delete it", "aria-label": `Delete ${kindWords(kind)} at ${panels.when(start)}` }),
      button("✎", apart(() => relabel(which, panels.change)), { title: "It is something else", "aria-label": `Rename ${kindWords(kind)} at ${panels.when(start)}` }))] };
}

const length = (s) => (s < 60 ? `${s.toFixed(1)} s` : s < 3600 ? `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s` : `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`);

function relabel(which, change) {
  ask(`What is this, ${kindWords(which.kind)} until now?`, { kind: kindWords(which.kind) }, ({ kind }) => kind !== which.kind && change({ op: "relabel-episode", ...which, to: kind }));
}

/** By default it is what the calipers span, else what is on the page. */
export function addEpisode(change) {
  const [start, stop] = state.caliper?.frames || [state.frame, Math.min(state.info.n_frames, state.frame + pageFrames())];
  ask("An episode", { kind: "", from: elapsed(start, 3), to: elapsed(stop, 3) }, ({ kind, from, to }) =>
    change({ op: "add-episode", kind, start_frame: from, stop_frame: to }));
}

/** A dialog with a field for each value; `done` gets the kind and the times as frames once they make sense. */
function ask(title, values, done) {
  const said = el("p", { class: "dim", role: "alert" }), names = { kind: "What", from: "From", to: "To" };
  const fields = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, el("input", { id: `episode-${name}`, value, list: name === "kind" ? "episode-kinds" : undefined, size: name === "kind" ? 34 : 14, maxlength: 60 })]));
  const enter = () => {
    const found = read(fields);
    if (typeof found === "string") said.textContent = found;
    else $("dialog").close(), done(found);
  };
  for (const field of Object.values(fields)) field.addEventListener("keydown", (event) => event.key === "Enter" && (event.preventDefault(), enter()));
  open(el("h2", {}, title), ...Object.entries(fields).map(([name, field]) => el("label", { class: "row" }, names[name], field)),
    el("datalist", { id: "episode-kinds" }, ...Object.values(state.info.kinds).map((value) => el("option", { value }))), said,
    el("p", { class: "dim" }, "One of the list, or a name of your own; times since the start. Undo with u."), el("div", { class: "row" }, button("Write it down", enter)));
  fields.kind.select();
  fields.kind.focus();
}

/** What stands in the fields, or a sentence about what is wrong with it. */
function read(fields) {
  const kind = kindOf(fields.kind.value.trim());
  if (!kind) return "Say what it is.";
  if (!fields.from) return { kind };
  const [from, to] = [fields.from, fields.to].map((field) => frameOf(field.value));
  const wrong = [fields.from, fields.to].find((field, k) => [from, to][k] === null || [from, to][k] > state.info.n_frames);
  if (wrong) return `"${wrong.value}" is no time in this recording.`;
  return to > from ? { kind, from: Math.round(from), to: Math.max(Math.round(from) + 1, Math.round(to)) } : "It must end after it begins.";
}
