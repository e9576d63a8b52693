// SPDX-License-Identifier: Apache-2.0
// A key for everything (help.js tells them).

import { $ } from "./dom.js";
import { addEpisode } from "./episodes.js";
import { GAINS, RATES, keep, layouts, pageFrames, state } from "./state.js";

const SYMBOLS = { Digit1: "N", Digit2: "S", Digit3: "V", Digit4: "F", Digit5: "Q", Digit6: "/" };
const NEXT = { n: "N", v: "V", s: "S", p: "/", m: "mark", e: "episode", x: "edited" };

export function listen(app) {
  let before = null;

  const step = (list, value, by) => list[Math.min(list.length - 1, Math.max(0, list.indexOf(value) + by))];
  const turn = (list, value) => list[(list.indexOf(value) + 1) % list.length];

  /** All filters off, and as they were. */
  function filters() {
    const on = state.filters.baseline || state.filters.mains || state.filters.lowpass;
    if (on) before = { ...state.filters };
    Object.assign(state.filters, on ? { baseline: 0, mains: 0, lowpass: 0 } : before || { baseline: 0.05, mains: 0, lowpass: 150 });
    app.settle();
  }

  async function beat(dir) {
    const from = state.chosen ?? state.frame + pageFrames() / 2, fs = state.info.fs_hz;
    const near = app.beats.range(Math.max(0, from - 30 * fs), from + 30 * fs) || [];
    const found = dir > 0 ? near.find((b) => b.frame > from) : near.filter((b) => b.frame < from).pop();
    if (!found) return;
    if (found.frame < state.frame || found.frame > state.frame + pageFrames()) app.centre(found.frame);
    await app.panels.measure(found.frame);
  }

  const simple = {
    ArrowLeft: () => app.move(state.frame - pageFrames() / 5), ArrowRight: () => app.move(state.frame + pageFrames() / 5),
    PageUp: () => app.move(state.frame - pageFrames()), PageDown: () => app.move(state.frame + pageFrames()),
    Home: () => app.move(0), End: () => app.move(state.info.n_frames),
    ArrowUp: () => ((state.mmpmv = step(GAINS, state.mmpmv, 1)), app.settle()), ArrowDown: () => ((state.mmpmv = step(GAINS, state.mmpmv, -1)), app.settle()),
    "+": () => app.zoom(-1), "=": () => app.zoom(-1), "-": () => app.zoom(1), "[": () => beat(-1), "]": () => beat(1),
    " ": () => app.player.toggle(), ".": () => ((state.rate = step(RATES, state.rate, 1)), app.settle()), ",": () => ((state.rate = step(RATES, state.rate, -1)), app.settle()),
    g: app.goTo, r: app.size, "?": app.help, f: filters, u: () => app.change({ op: "undo" }),
    l: () => ((state.layout = turn(Object.keys(layouts()), state.layout)), app.settle()), o: () => ((state.lead = turn(state.info.leads, state.lead)), app.settle()),
    b: () => ((state.beats = !state.beats), keep(), app.draw()), w: () => ((state.waves = !state.waves), keep(), app.draw()),
    c: () => ((state.measuring = !state.measuring), app.settle()), d: () => ((state.dark = !state.dark), app.settle()),
    t: () => { const tabs = [...$("tabs").children], at = tabs.findIndex((b) => b.getAttribute("aria-selected") === "true"); tabs[(at + 1) % tabs.length].click(); },
    a: () => state.cursor !== null && app.change({ op: "add", frame: state.cursor, symbol: "N" }),
    i: () => addEpisode(app.change),
    Delete: () => state.chosen !== null && app.change({ op: "delete", frame: state.chosen }),
    Escape: () => ((state.caliper = null), (state.measuring = false), app.settle()),
  };

  function relabel(symbol, all) {
    const found = app.panels.measured;
    if (!found || state.chosen === null) return;
    app.change(all ? { op: "relabel-template", cluster: found.cluster, symbol } : { op: "relabel", frame: state.chosen, symbol });
  }

  document.addEventListener("keydown", (event) => {
    // A field of a dialog just closed keeps the focus until the next painting: nobody types there.
    const typing = event.target.closest("input, select, textarea") && !$("dialog").contains(event.target);
    if ($("dialog").open || event.ctrlKey || event.metaKey || event.altKey || typing) return;
    if (event.key === " " && event.target.closest("button")) return;
    const kind = NEXT[event.key.toLowerCase()];
    if (SYMBOLS[event.code]) relabel(SYMBOLS[event.code], event.shiftKey);
    else if (kind) app.next(kind, event.shiftKey ? -1 : 1);
    else if (simple[event.key]) simple[event.key]();
    else return;
    event.preventDefault();
  });
}
