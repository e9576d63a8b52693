// SPDX-License-Identifier: Apache-2.0
// What stands in the dialog: keys, going to a time, the size of this screen.

import { $, button, el } from "./dom.js";
import { frameOf, keep, state } from "./state.js";

export const KEYS = [
  ["← →", "a fifth of a page"], ["Page ↑ ↓", "a page"], ["Home End", "beginning, end"], ["+ −", "speed of the paper"], ["↑ ↓", "gain"],
  ["[ ]", "beat before, after"], ["n N", "next, previous normal beat"], ["v V", "next, previous ventricular"], ["s S", "next, previous supraventricular"],
  ["p P", "next, previous paced"], ["m M", "next, previous mark"], ["e E", "next, previous episode"], ["x X", "next, previous changed beat"],
  ["g", "go to a time"], ["space", "play, stop"], [", .", "slower, faster playing"], ["l", "next layout"], ["o", "next lead (one-lead layouts, rhythm)"],
  ["f", "filters on, off"], ["b", "beat labels"], ["w", "waves"], ["c", "calipers"], ["1 … 6", "the chosen beat is N S V F Q /"],
  ["shift 1 … 6", "all of its shape are"], ["Delete", "delete the chosen beat"], ["a", "a normal beat where the cursor is"], ["i", "an episode here"], ["u", "undo"],
  ["t", "next panel"], ["r", "size of this screen"], ["d", "dark, light"], ["?", "this sheet"], ["Esc", "close, put the calipers away"],
];

/** Show these in the dialog. */
export function open(...children) {
  const dialog = $("dialog");
  dialog.replaceChildren(...children, el("div", { class: "row" }, button("Close (Esc)", () => dialog.close())));
  if (!dialog.open) dialog.showModal();
  return dialog;
}

export function help() {
  open(el("h2", {}, "Keys"), el("dl", {}, ...KEYS.flatMap(([key, words]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, words)])),
    el("p", { class: "dim" }, "N normal, S supraventricular, V ventricular, F fusion, Q unclassifiable, / paced; * a person gave it. Below: rate, V and S beats, ST, quality, rhythm; the pointer there tells what is where. Measurements, no diagnosis."));
}

export function goTo(go) {
  const field = el("input", { id: "goto-field", placeholder: "1:30:00", size: 16, "aria-label": "Time" }), said = el("p", { class: "dim", role: "alert" });
  const enter = () => {
    const frame = frameOf(field.value);
    if (frame === null || frame > state.info.n_frames) said.textContent = `"${field.value}" is no time in this recording.`;
    else $("dialog").close(), go(frame);
  };
  field.addEventListener("keydown", (event) => event.key === "Enter" && (event.preventDefault(), enter()));
  open(el("h2", {}, "Go to"), el("div", { class: "row" }, field, button("Go", enter)), said,
    el("p", { class: "dim" }, `h:mm:ss since the start, 90s, @frame${state.info.start_utc ? ", or t 14:05 for the time of day" : ""}.`));
  field.focus();
}

const CARD_MM = [85.6, 53.98];

/** A bank card is as large everywhere: hold one to the screen. */
export function size(redraw) {
  const card = el("div", { id: "card" }), words = el("span", { class: "dim" });
  const slider = el("input", { id: "calibration", type: "range", min: 0.5, max: 2.5, step: 0.005, value: state.calibration, "aria-label": "Size" });
  const show = () => {
    state.calibration = Number(slider.value);
    const mm = (96 / 25.4) * state.calibration;
    card.style.width = `${CARD_MM[0] * mm}px`;
    card.style.height = `${CARD_MM[1] * mm}px`;
    words.textContent = `× ${state.calibration.toFixed(3)}`;
    state.sized = true;
    keep();
    redraw();
  };
  slider.addEventListener("input", show);
  open(el("h2", {}, "Size of this screen"), el("p", {}, "Hold a bank card (85.6 mm) to the frame and make it as large: then 25 mm/s are 25 mm."),
    el("div", { class: "row" }, slider, words, button("× 1", () => ((slider.value = 1), show()))), card);
  show();
}
