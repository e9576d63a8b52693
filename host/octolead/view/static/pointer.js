// SPDX-License-Identifier: Apache-2.0
// The mouse, the pen and the finger on the paper: drag to move, click a beat, span the calipers, wheel to go on or zoom.

import { cells, elapsed, pageFrames, pxPerFrame, state } from "./state.js";

const CLICK_PX = 4;

/** The cell and the frame under a point. */
export function under(x, y) {
  const found = cells(state.width, state.height).filter((c) => y >= c.y && y < c.y + c.h && x >= c.x - 44 && x < c.x + c.w);
  const cell = found.find((c) => x >= c.x) || found[0];
  return cell && { cell, frame: cell.frame + (x - cell.x) / pxPerFrame() };
}

export function point(canvas, { beats, panels, draw, move, zoom, say, measured }) {
  let held = null;

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    held = { x: event.offsetX, y: event.offsetY, frame: state.frame, moved: false };
  });

  canvas.addEventListener("pointermove", (event) => {
    const at = under(event.offsetX, event.offsetY);
    state.cursor = at ? Math.round(at.frame) : null;
    if (at && !held) say(`${at.cell.lead}   ${elapsed(at.frame, 3)}   frame ${Math.round(at.frame)}`);
    if (!held) return;
    held.moved ||= Math.hypot(event.offsetX - held.x, event.offsetY - held.y) > CLICK_PX;
    if (state.measuring) span(event);
    else if (held.moved) move(held.frame - (event.offsetX - held.x) / pxPerFrame());
  });

  canvas.addEventListener("pointerup", (event) => {
    const at = under(event.offsetX, event.offsetY);
    if (held && !held.moved && at && !state.measuring) choose(at.frame);
    held = null;
  });

  function span(event) {
    const from = under(held.x, held.y), to = under(event.offsetX, event.offsetY) || from;
    if (!from) return;
    state.caliper = { x0: held.x, y0: held.y, x1: event.offsetX, y1: event.offsetY, lead: from.cell.lead, frames: [from.frame, to.frame].sort((a, b) => a - b) };
    say(measured(state.caliper).words);
    draw();
  }

  function choose(frame) {
    const beat = beats.nearest(frame, state.info.fs_hz / 2);
    if (beat) panels.measure(beat.frame);
  }

  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) zoom(event.deltaY > 0 ? 1 : -1);
    else move(state.frame + (Math.sign(event.deltaY || event.deltaX) * pageFrames()) / 10);
  }, { passive: false });
}
