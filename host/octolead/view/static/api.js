// SPDX-License-Identifier: Apache-2.0
// What the server answers (docs/VIEW.md), and the tiles that have come.

const MOST_TILES = 600, MOST_RUNNING = 3, MOST_AT_ONCE = 64;
export const MISSING = -32768;

async function ask(path, options) {
  const answer = await fetch(path, { credentials: "same-origin", ...options });
  if (!answer.ok) {
    const words = answer.headers.get("content-type")?.includes("json") ? (await answer.json()).error : await answer.text();
    throw Object.assign(new Error(words || `${answer.status}`), { status: answer.status });
  }
  return answer;
}

export const json = async (path) => (await ask(path)).json();
export const bytes = async (path) => (await ask(path)).arrayBuffer();
export const post = async (path, value) =>
  (await ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(value) })).json();

/** Frames of a bucket and of a tile. */
export const levelFrames = (level) => 4 ** level;
export const tileFrames = (level) => (level === 0 ? 4096 : 1024 * 4 ** level);

/** A tile as the server packs it from byte `at` on: scale of each lead, int16 samples or pairs, flags of buckets. */
export function parseTile(buffer, at, leads) {
  const view = new DataView(buffer, at);
  const n = view.getUint32(8, true), kind = view.getUint32(12, true);
  const pairs = (kind & 2) !== 0, per = pairs ? 2 * n : n, scale = new Map();
  leads.forEach((lead, k) => {
    const zero = view.getFloat32(16 + 8 * k, true), step = view.getFloat32(20 + 8 * k, true);
    scale.set(lead, { zero, step, data: new Int16Array(buffer, at + 16 + 8 * leads.length + 2 * per * k, per) });
  });
  return { level: view.getUint16(0, true), index: view.getUint32(4, true), n, pairs, filtered: (kind & 1) !== 0, scale };
}

/** Tiles one after the other, each behind its length; where it is 0 there is none. */
function* parseTiles(buffer, leads) {
  const view = new DataView(buffer);
  for (let at = 0; at < buffer.byteLength; ) {
    const length = view.getUint32(at, true);
    yield length ? parseTile(buffer, at + 4, leads) : { absent: true };
    at += 4 + length;
  }
}

/** Tiles by level, index, leads and filters; asks for each once, forgets those that were not needed for longest. */
export class Tiles {
  constructor(onTile) {
    this.kept = new Map();
    this.asked = new Set();
    this.onTile = onTile;
    this.running = 0;
  }

  /** What was not made yet when it was asked for may be there now. */
  forgetAbsent() {
    for (const [key, tile] of this.kept) if (tile.absent) this.kept.delete(key);
  }

  /** What holds frames from here on may have grown: it is asked for again, and shown until the new one is there. */
  renew(frame) {
    this.forgetAbsent();
    for (const tile of this.kept.values()) if ((tile.index + 1) * tileFrames(tile.level) > frame) tile.stale = true;
  }

  query(level, leads, filters) {
    const names = `leads=${leads.map(encodeURIComponent).join(",")}`;
    return level < 3 ? `${names}&baseline=${filters.baseline}&mains=${filters.mains}&lowpass=${filters.lowpass}` : names;
  }

  /** The tile, or null while it is not here. */
  get(level, index, leads, filters) {
    const key = `${level}/${index}?${this.query(level, leads, filters)}`, found = this.kept.get(key);
    if (!found) return null;
    this.kept.delete(key);
    this.kept.set(key, found);
    return found;
  }

  /** Ask in one go for those of `first` to `last` that are not here and not on their way. */
  ask(level, first, last, leads, filters) {
    const query = this.query(level, leads, filters), wanted = [];
    for (let index = first; index <= last; index++) {
      const key = `${level}/${index}?${query}`, found = this.kept.get(key);
      if ((!found || found.stale) && !this.asked.has(key)) wanted.push(index);
    }
    // More are not asked at once: when one is answered it is drawn, and what is wanted then is asked for.
    if (!wanted.length || this.running >= MOST_RUNNING) return;
    const from = wanted[0], to = Math.min(wanted[wanted.length - 1], from + MOST_AT_ONCE - 1);
    this.fetch(level, from, to, query, leads);
  }

  /** The same for what may be wanted next, when nothing else is on its way. */
  askAhead(level, first, last, leads, filters) {
    if (!this.running) this.ask(level, first, last, leads, filters);
  }

  async fetch(level, from, to, query, leads) {
    const keys = Array.from({ length: to - from + 1 }, (_, k) => `${level}/${from + k}?${query}`);
    keys.forEach((key) => this.asked.add(key));
    this.running++;
    try {
      let k = 0;
      for (const tile of parseTiles(await bytes(`/api/tiles/${level}/${from}/${to}?${query}`), leads)) this.kept.set(keys[k++], tile);
    } catch {
      await new Promise((done) => setTimeout(done, 1000));
    }
    keys.forEach((key) => this.asked.delete(key));
    this.running--;
    while (this.kept.size > MOST_TILES) this.kept.delete(this.kept.keys().next().value);
    this.onTile();
  }
}

const BEAT_BYTES = 40;

/** Beats of 40 bytes: frame, RR, nine wave times, class, shape, whether a person touched it. */
export function parseBeats(buffer, symbols) {
  const view = new DataView(buffer), beats = [];
  for (let at = 0; at + BEAT_BYTES <= buffer.byteLength; at += BEAT_BYTES) {
    const waves = [];
    for (let k = 0; k < 9; k++) waves.push(view.getInt16(at + 12 + 2 * k, true));
    beats.push({
      frame: view.getFloat64(at, true), rr: view.getFloat32(at + 8, true), waves,
      symbol: symbols[view.getUint8(at + 30)], cluster: view.getUint8(at + 31), touched: view.getUint8(at + 32) > 0,
    });
  }
  return beats;
}
