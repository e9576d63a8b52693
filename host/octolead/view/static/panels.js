// SPDX-License-Identifier: Apache-2.0
// Beside the paper: the beat under the cursor, marks, episodes, shapes of beats, hours, numbers, changes.

import { bytes, json } from "./api.js";
import { $, button, el, table } from "./dom.js";
import { episodeList } from "./episodes.js";
import { CLASS_NAMES, fixed, numbers } from "./numbers.js";
import { classColour, colours } from "./paper.js";
import { clock, elapsed, keep, marks, state } from "./state.js";

const TABS = { beat: "Beat", marks: "Marks", episodes: "Episodes", templates: "Shapes", hours: "Hours", numbers: "Numbers", leads: "Leads", log: "Changes" };
const MOST_ROWS = 200, FOCUSED = "button, [tabindex]";

export class Panels {
  /** `go(frame)` brings a frame to the middle; `change(edit)` sends a change; `redraw()` draws again. */
  constructor({ go, change, redraw }) {
    Object.assign(this, { go, change, redraw });
    this.chosen = "marks";
    this.kind = "";
    $("tabs").append(...Object.entries(TABS).map(([name, words]) =>
      button(words, () => this.show(name), { role: "tab", id: `tab-${name}`, "aria-selected": "false", "aria-controls": "panel" })));
  }

  show(name = this.chosen) {
    this.chosen = name;
    for (const tab of Object.keys(TABS)) $(`tab-${tab}`).setAttribute("aria-selected", String(tab === name));
    $("panel").replaceChildren(...[this[name]()].flat().filter(Boolean));
  }

  /** Show what became new; place and focus stay, and who is typing or choosing is left alone. */
  refresh() {
    const panel = $("panel"), focused = panel.contains(document.activeElement) ? document.activeElement : null, top = panel.scrollTop;
    if (focused?.matches("input, select")) return;
    const place = focused ? [...panel.querySelectorAll(FOCUSED)].indexOf(focused) : -1;
    this.show();
    panel.scrollTop = top;
    if (focused) (panel.querySelectorAll(FOCUSED)[place] || panel).focus({ preventScroll: true });
  }

  waiting() {
    return el("p", { class: "dim" }, state.status?.error || "The analysis is not there yet.");
  }

  when(frame) {
    return `${elapsed(frame, 0)}${state.info.start_utc ? ` · ${clock(frame).slice(11)}` : ""}`;
  }

  // --- what is told ---

  beat() {
    const found = this.measured;
    if (!state.facts) return this.waiting();
    if (!found) return el("p", { class: "dim" }, "Click a beat, or go to one with [ and ].");
    const lines = [["at", elapsed(found.frame, 3)], ["class", `${found.symbol}, ${CLASS_NAMES[found.symbol]}${found.was && found.was !== found.symbol ? ` (was ${found.was})` : ""}`],
      ["why", (found.reasons || []).join(", ") || "–"], ["probability", found.confidence_percent === undefined ? "–" : `${found.confidence_percent} %`],
      ["RR", found.rr_ms ? `${fixed(found.rr_ms)} ms, ${fixed(60000 / found.rr_ms)}/min` : "–"], ["PR", `${fixed(found.pr_ms)} ms`], ["QRS", `${fixed(found.qrs_ms)} ms`],
      ["QT", `${fixed(found.qt_ms)} ms`], ["QTc Bazett", `${fixed(found.qtc_bazett_ms)} ms`], ["QTc Fridericia", `${fixed(found.qtc_fridericia_ms)} ms`],
      ["QTc Framingham", `${fixed(found.qtc_framingham_ms)} ms`], ["QTc Hodges", `${fixed(found.qtc_hodges_ms)} ms`], ["axis", `${fixed(found.axis_deg)}°`], ["shape", found.cluster]];
    const st = Object.entries(found.j60_uv || {}).map(([lead, uv]) => ({ cells: [lead, fixed(uv), fixed(found.j80_uv[lead])] }));
    return [
      table(["", ""], lines.map((cells) => ({ cells }))), el("h2", {}, "Say what it is"), this.labels((symbol) => ({ op: "relabel", frame: found.frame, symbol })),
      el("div", { class: "row" }, button("Delete it", () => this.change({ op: "delete", frame: found.frame }))),
      el("h2", {}, `All ${found.cluster === undefined ? "" : `of shape ${found.cluster}`}`), this.labels((symbol) => ({ op: "relabel-template", cluster: found.cluster, symbol })),
      el("h2", {}, "ST, µV"), table(["lead", "J+60", "J+80"], st)];
  }

  labels(edit) {
    return el("div", { class: "row" }, ...state.info.symbols.map((symbol) => button(symbol, () => this.change(edit(symbol)), { title: `Make it ${CLASS_NAMES[symbol]}`, "aria-label": `${symbol}, ${CLASS_NAMES[symbol]}` })));
  }

  marks() {
    const rows = marks().map((m, k) => ({ at: m.frame, cells: [k + 1, this.when(m.frame), m.origin, m.text] }));
    return rows.length ? table(["", "at", "by", "words"], rows, this.go) : el("p", { class: "dim" }, "Nobody set a mark.");
  }

  episodes() {
    if (!state.facts) return this.waiting();
    return episodeList(this);
  }

  templates() {
    if (!state.facts) return this.waiting();
    const { rows, step_ms: step, qrs_at: at } = state.facts.templates, lead = state.info.stored.includes(state.lead) ? state.lead : state.info.stored[0];
    return rows.slice(0, 20).flatMap((row) => {
      const picture = el("canvas", { title: `Shape ${row.cluster} in ${lead}` });
      requestAnimationFrame(() => drawTemplate(picture, row.uv[lead], step, at));
      const classes = Object.entries(row.classes).map(([symbol, n]) => `${symbol} ${n}`).join(", ");
      return [el("h2", {}, `Shape ${row.cluster}, lead ${lead}: ${row.n} beats (${classes})`), picture,
        el("div", { class: "row" }, button("First", () => this.go(row.first_frame)), button("Lay over each other", () => this.superpose(row, lead, picture, step, at))),
        this.labels((symbol) => ({ op: "relabel-template", cluster: row.cluster, symbol }))];
    });
  }

  async superpose(row, lead, picture, step, at) {
    const buffer = await bytes(`/api/superpose?cluster=${row.cluster}&lead=${encodeURIComponent(lead)}&most=80`);
    const [n, m] = new Uint32Array(buffer, 0, 2), all = new Float32Array(buffer, 8);
    drawTemplate(picture, row.uv[lead], step, at, Array.from({ length: n }, (_, k) => all.subarray(k * m, (k + 1) * m)));
  }

  hours() {
    if (!state.facts) return this.waiting();
    const fs = state.info.fs_hz;
    const rows = state.facts.hours.map((h) => ({ at: h.start_s * fs, cells: [this.when(h.start_s * fs), h.n_beats, fixed(h.mean_bpm), `${fixed(h.min_bpm)}–${fixed(h.max_bpm)}`,
      h.n_ventricular, h.n_supraventricular, h.n_pauses, fixed(h.qtc_fridericia_ms), fixed(h.analysable_percent)] }));
    return table(["from", "beats", "rate", "least–most", "V", "S", "pauses", "QTc", "% read"], rows, this.go);
  }

  numbers() {
    if (!state.facts) return this.waiting();
    return numbers();
  }

  leads() {
    const rows = state.info.leads.map((lead) => {
      const gains = el("select", { "aria-label": `Gain of ${lead}`, onchange: (e) => ((state.gains[lead] = Number(e.target.value)), keep(), this.redraw()) },
        ...[0.25, 0.5, 1, 2, 4].map((g) => el("option", { value: g, selected: g === (state.gains[lead] || 1) }, `× ${g}`)));
      return { cells: [lead, gains, el("span", { class: "row" }, button("↑", () => this.move(lead, -1), { title: `${lead} up` }), button("↓", () => this.move(lead, 1), { title: `${lead} down` }))] };
    });
    return [table(["lead", "gain", "place"], rows), el("div", { class: "row" }, button("As usual", () => ((state.order = []), (state.gains = {}), keep(), this.redraw(), this.show())))];
  }

  move(lead, by) {
    const order = state.order.length ? [...state.order] : [...state.info.leads];
    for (const name of state.info.leads) if (!order.includes(name)) order.push(name);
    const at = order.indexOf(lead), to = Math.min(order.length - 1, Math.max(0, at + by));
    order.splice(to, 0, order.splice(at, 1)[0]);
    state.order = order;
    keep();
    this.redraw();
  }

  log() {
    const name = el("input", { value: state.who, "aria-label": "Your name", placeholder: "your name, for the log", onchange: (e) => ((state.who = e.target.value), keep()) });
    const list = el("div", {});
    json("/api/edits").then((lines) => {
      const undone = new Set(lines.filter((l) => l.op === "undo").map((l) => l.of));
      const rows = lines.reverse().slice(0, MOST_ROWS).map((l) => {
        const what = Object.entries(l).filter(([k]) => !["n", "at", "who", "op"].includes(k)).map(([k, v]) => `${k} ${v}`).join(", ");
        return { at: l.frame ?? l.start_frame ?? state.frame, cells: [l.n, `${undone.has(l.n) ? "(undone) " : ""}${l.op}: ${what}`, l.who, l.at.slice(0, 16).replace("T", " ")] };
      });
      list.replaceChildren(rows.length ? table(["", "what", "who", "when"], rows, this.go) : el("p", { class: "dim" }, "Nothing was changed."));
    });
    return [el("div", { class: "row" }, name, button("Undo the last (u)", () => this.change({ op: "undo" }))), list];
  }

  /** Ask for what was measured on the beat at a frame, and show it. */
  async measure(frame, show = true) {
    if (!state.status?.analysis) return;
    this.measured = await json(`/api/beat?frame=${Math.round(frame)}`).catch(() => null);
    state.chosen = this.measured?.frame ?? null;
    if (show) this.show("beat");
    this.redraw();
  }
}

/** A mean waveform, with single beats behind it if there are some; 10 mm/mV would not fit: the height is told. */
function drawTemplate(canvas, uv, step, at, singles = []) {
  const box = canvas.getBoundingClientRect(), ratio = devicePixelRatio || 1, pen = canvas.getContext("2d");
  canvas.width = box.width * ratio;
  canvas.height = box.height * ratio;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  const low = Math.min(...uv, -200), high = Math.max(...uv, 200), span = 1.25 * (high - low), fs = state.info.fs_hz;
  const x = (ms) => ((ms + 350) / 900) * box.width, y = (v) => box.height / 2 - ((v - (low + high) / 2) / span) * box.height;
  const line = (values, msOf, colour, width, share) => {
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.globalAlpha = share;
    pen.beginPath();
    values.forEach((v, k) => pen.lineTo(x(msOf(k)), y(v)));
    pen.stroke();
  };
  for (const single of singles) line(Array.from(single), (k) => (k / fs) * 1000 - 300, classColour("S"), 0.6, 0.35);
  line(uv, (k) => (k - at) * step, colours().ink, 1.6, 1);
  pen.fillStyle = colours().ink;
  pen.font = "11px system-ui, sans-serif";
  pen.fillText(`${((high - low) / 1000).toFixed(2)} mV`, 4, 12);
}
