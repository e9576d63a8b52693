// SPDX-License-Identifier: Apache-2.0
// What the server answers (docs/VIEW.md), and the tiles that have come.

const MOST_TILES = 600;
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

/** A tile as the server packs it: scale of each lead, int16 samples or pairs, flags of buckets. */
export function parseTile(buffer, leads) {
  const view = new DataView(buffer);
  const n = view.getUint32(8, true), kind = view.getUint32(12, true);
  const pairs = (kind & 2) !== 0, per = pairs ? 2 * n : n, scale = new Map();
  let at = 16 + 8 * leads.length;
  leads.forEach((lead, k) => {
    const zero = view.getFloat32(16 + 8 * k, true), step = view.getFloat32(20 + 8 * k, true);
    scale.set(lead, { zero, step, data: new Int16Array(buffer, at, per) });
    at += 2 * per;
  });
  return { level: view.getUint16(0, true), index: view.getUint32(4, true), n, pairs, filtered: (kind & 1) !== 0, scale };
}

/** Tiles by address; asks for each once, forgets those that were not needed for longest. */
export class Tiles {
  constructor(onTile) {
    this.kept = new Map();
    this.asked = new Map();
    this.onTile = onTile;
  }

  clear() {
    this.kept.clear();
    this.generation = (this.generation || 0) + 1;
  }

  /** What holds frames from here on may have grown: it is asked for again, and shown until the new one is there. */
  renew(frame) {
    for (const [path, tile] of this.kept) {
      if (tile.absent) this.kept.delete(path);
      else if ((tile.index + 1) * tileFrames(tile.level) > frame) tile.stale = true;
    }
  }

  /** The tile, or null while it is on its way. `last` says whether it may still grow: then it is kept only until `clear`. */
  get(level, index, leads, filters) {
    const query = level < 3 ? `&baseline=${filters.baseline}&mains=${filters.mains}&lowpass=${filters.lowpass}` : "";
    const path = `/api/tile/${level}/${index}?leads=${leads.join(",")}${query}`;
    const found = this.kept.get(path);
    if (found?.stale && !this.asked.has(path)) this.asked.set(path, this.fetch(path, leads));
    if (found) {
      this.kept.delete(path);
      this.kept.set(path, found);
      return found;
    }
    if (!this.asked.has(path)) this.asked.set(path, this.fetch(path, leads));
    return null;
  }

  async fetch(path, leads) {
    const generation = this.generation;
    try {
      const tile = parseTile(await bytes(path), leads);
      if (generation === this.generation) this.kept.set(path, tile);
    } catch (error) {
      if (error.status === 404) this.kept.set(path, { absent: true });
      else await new Promise((done) => setTimeout(done, 1000));
    }
    this.asked.delete(path);
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
