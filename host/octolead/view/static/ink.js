// SPDX-License-Identifier: Apache-2.0
// Ink on the sheet, pixel by pixel. A trace is drawn as what it covers of each column of pixels: as exact as a stroke, and it costs
// the same whatever the signal does; a browser without a graphics card strokes a dense line a hundred times slower.

/** "#rrggbb" as [r, g, b]. */
export const rgb = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
const packed = ([r, g, b]) => (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;

/** Pixels of a canvas: what is laid, shaded and traced here is put on it in one go. */
export class Sheet {
  constructor(width, height) {
    Object.assign(this, { width, height, image: new ImageData(width, height) });
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  /** Lines every millimetre, stronger every five; one pixel wide, on whole pixels. `mm` is in pixels. */
  rule(mm, back, fine, coarse) {
    const { width, height, pixels } = this;
    pixels.fill(packed(rgb(back)));
    for (const [step, colour] of [[mm, packed(rgb(fine))], [5 * mm, packed(rgb(coarse))]]) {
      for (let k = 0; Math.round(k * step) < width; k++) for (let at = Math.round(k * step); at < pixels.length; at += width) pixels[at] = colour;
      for (let k = 0; Math.round(k * step) < height; k++) pixels.fill(colour, Math.round(k * step) * width, (Math.round(k * step) + 1) * width);
    }
  }

  lay(other) {
    this.pixels.set(other.pixels);
  }

  /** A rectangle of pixels with so much of a colour. */
  shade(x, y, w, h, colour, share) {
    const right = Math.min(this.width, Math.round(x + w)), below = Math.min(this.height, Math.round(y + h));
    for (let row = Math.max(0, Math.round(y)); row < below; row++)
      for (let at = row * this.width + Math.max(0, Math.round(x)); at < row * this.width + right; at++) this.mix(at, colour, share);
  }

  mix(at, [r, g, b], share) {
    const p = this.pixels[at], rest = 1 - share;
    this.pixels[at] = 0xff000000 | ((((p >> 16) & 255) * rest + b * share) << 16) | ((((p >> 8) & 255) * rest + g * share) << 8) | ((p & 255) * rest + r * share);
  }

  /** From height `top` to `bottom` of a column; pixels that are covered in part get as much ink. */
  column(x, top, bottom, colour, whole, share) {
    const last = Math.min(this.height - 1, Math.ceil(bottom) - 1);
    for (let row = Math.max(0, Math.floor(top)); row <= last; row++) {
      const covered = share * (Math.min(row + 1, bottom) - Math.max(row, top));
      if (covered >= 0.995) this.pixels[row * this.width + x] = whole;
      else this.mix(row * this.width + x, colour, covered);
    }
  }
}

/** What a line covers of each column of pixels from `left` on; points come from left to right. */
export class Columns {
  constructor(left, right) {
    this.left = left;
    this.top = new Float32Array(Math.max(0, right - left)).fill(Infinity);
    this.bottom = new Float32Array(this.top.length).fill(-Infinity);
    this.down = false;
  }

  lift() {
    this.down = false;
  }

  /** A line to a point; where the pen is up it is put down there. */
  to(x, y) {
    x -= this.left;
    if (!this.down) this.touch(Math.floor(x), y, y);
    else if (Math.floor(this.x) === Math.floor(x)) this.touch(Math.floor(x), this.y, y);
    else this.slope(x, y);
    this.x = x;
    this.y = y;
    this.down = true;
  }

  slope(x, y) {
    const per = (y - this.y) / (x - this.x), last = Math.min(Math.floor(x), this.top.length - 1);
    for (let at = Math.max(0, Math.floor(this.x)); at <= last; at++)
      this.touch(at, this.y + per * (Math.max(this.x, at) - this.x), this.y + per * (Math.min(x, at + 1) - this.x));
  }

  touch(at, a, b) {
    if (at < 0 || at >= this.top.length) return;
    if (a > b) [a, b] = [b, a];
    if (a < this.top[at]) this.top[at] = a;
    if (b > this.bottom[at]) this.bottom[at] = b;
  }

  /** Put it on a sheet, between two heights, as a line so many pixels thick: also across where it is steep. */
  paint(sheet, colour, thick, above, below, share = 1) {
    const whole = packed(colour), wide = Math.max(1, Math.round(thick)), left = this.left - (wide >> 1);
    for (let at = 0; at < this.top.length; at++) {
      const height = this.bottom[at] - this.top[at];
      if (!(height >= 0)) continue;
      const more = (Math.hypot(thick, height) - height) / 2, top = Math.max(above, this.top[at] - more), bottom = Math.min(below, this.bottom[at] + more);
      for (let k = 0; k < wide; k++) if (left + at + k >= 0 && left + at + k < sheet.width) sheet.column(left + at + k, top, bottom, colour, whole, share);
    }
  }
}
