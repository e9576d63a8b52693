# SPDX-License-Identifier: Apache-2.0
"""Codec 1, ADAPTIVE (docs/SPEC.md section 4.2), in plain Python: an encoder with the interface of codec_raw, and a decoder.

Slow, and meant to be read beside the page, whose names it uses. codec_fast.py gives the same bytes on a recorder.
Runs on CPython and on MicroPython.
"""

from array import array

from . import codec_tables as tables
from . import constants as c
from .errors import RecorderError

CLIP = 1023
SIZE_CLIP = 131071
HALF = 47
ESCAPE = 2 * HALF + 1
STATE_MIN = 1 << 15
CHUNK_HEAD = 10
CHUNK_FRAMES = 1024
FIRST_FRAME_ROOM = 40
M32 = 0xFFFFFFFF


class PayloadError(RecorderError):
    """The bytes are not a payload of codec 1."""


def signed(a):
    """Read the low 32 bits as two's complement."""
    a &= M32
    return a - (1 << 32) if a >> 31 else a


def clip(a, limit):
    """Return a, no further from 0 than limit."""
    return -limit if a < -limit else limit if a > limit else a


def log2(a):
    """Return the bit length of a, less one."""
    n = -1
    while a:
        a >>= 1
        n += 1
    return n


class CodeTables:
    """Frequencies, running sums and costs, [table][symbol]."""

    def __init__(self):
        words = array("I", tables.ENTRIES)
        self.freq = []
        self.start = []
        self.cost = []  # 1/256 bit, the margin included
        at = 0
        for first, count in zip(tables.FIRST, tables.COUNT):
            row = [0] * tables.SYMBOLS
            row[first : first + count] = list(words[at : at + count])  # MicroPython wants a list
            row[ESCAPE] = words[at + count]
            at += count + 1
            self.freq.append([w >> 12 & 1023 for w in row])
            self.start.append([w >> 22 for w in row])
            self.cost.append([w & 4095 for w in row])


class Predictor:
    """Normalised LMS over first differences, residuals of the past, and residuals of the leads before in this frame."""

    def __init__(self, lead_ids, rate_mhz, first):
        n = len(lead_ids)
        rows = [tables.LEADS.index(i) if i in tables.LEADS else 8 for i in lead_ids]
        q12 = array("h", tables.WARM[0 if rate_mhz < 350000 else 1 if rate_mhz < 700000 else 2])
        d_taps, e_taps = tables.D_TAPS, tables.E_TAPS
        e_at = 9 * d_taps
        cross_at = e_at + 9 * e_taps

        def own(at, row, taps):
            return [q12[at + taps * row + i] << 8 for i in range(taps)]

        def cross(grid, j, k):
            known = j == k or (rows[j] < 8 and rows[k] < 8)
            return q12[cross_at + 81 * grid + 9 * rows[j] + rows[k]] << 8 if known else 0

        leads = range(n)
        self.n_leads = n
        self.last = [x & M32 for x in first]
        self.w_d = [own(0, row, d_taps) for row in rows]
        self.w_e = [own(e_at, row, e_taps) for row in rows]
        self.w_cd = [[cross(0, j, k) for j in leads] for k in leads]
        self.w_ce = [[cross(1, j, k) for j in leads] for k in leads]
        self.w_in = [[cross(2, j, k) for j in range(k)] for k in leads]
        self.d = [[0] * (d_taps + 1) for _ in leads]  # newest first
        self.e = [[0] * (e_taps + 1) for _ in leads]
        self.p_d = [0] * n
        self.p_e = 0

    def _past(self, k):
        acc = 0
        for w, x in zip(self.w_d[k], self.d[k][1:]):
            acc += w * x
        for w, x in zip(self.w_e[k], self.e[k][1:]):
            acc += w * x
        for j in range(self.n_leads):
            acc += self.w_cd[k][j] * self.d[j][0] + self.w_ce[k][j] * self.e[j][0]
        return acc

    def step(self, values, encoding):
        """Encoding: from a frame to its residuals. Decoding: from residuals to the frame."""
        d, e, res, fine = [], [], [], []
        for k in range(self.n_leads):
            acc = self._past(k)
            for w, r in zip(self.w_in[k], res):
                acc += w * r
            pred = signed(acc + (1 << 19)) >> 20
            if encoding:
                d.append(signed(values[k] - self.last[k]))
                e.append(signed(d[k] - pred))
            else:
                e.append(signed(values[k]))
                d.append(signed(pred + e[k]))
            res.append(clip(e[k], CLIP))
            fine.append((res[k] << 6) + (signed((pred << 20) - acc) >> 14))
        self.last = [(x + y) & M32 for x, y in zip(self.last, d)]
        self._adapt([clip(x, CLIP) for x in d], res, fine)
        return e if encoding else [signed(x) for x in self.last]

    def _adapt(self, d, res, fine):
        energy = sum([r * r for r in res])
        b_shared = log2(sum(self.p_d) // 16 + self.p_e // 32 + energy + 4)
        newest_d = [row[0] for row in self.d]
        newest_e = [row[0] for row in self.e]
        for k in range(self.n_leads):
            b = log2(self.p_d[k] + self.p_e // 16 + res[k] * res[k] + 4)
            _add(self.w_d[k], self.d[k][1:], _gain(fine[k], tables.MU_OWN, b))
            _add(self.w_e[k], self.e[k][1:], _gain(fine[k], tables.MU_OWN, b))
            _add(self.w_cd[k], newest_d, _gain(fine[k], tables.MU_CROSS, b_shared))
            _add(self.w_ce[k], newest_e, _gain(fine[k], tables.MU_CROSS, b_shared))
            _add(self.w_in[k], res, _gain(fine[k], tables.MU_IN, b_shared))
        for k in range(self.n_leads):
            self.p_d[k] += d[k] * d[k] - self.d[k][-1] * self.d[k][-1]
            self.d[k] = [d[k]] + self.d[k][:-1]
            self.e[k] = [res[k]] + self.e[k][:-1]
        self.p_e += energy - self.p_e // 32


def _gain(fine, mu, b):
    return (fine * mu + (1 << b >> 1)) >> b


def _add(weights, inputs, g):
    for i in range(len(weights)):
        weights[i] = signed(weights[i] + g * inputs[i])


class Context:
    """Running means of |e|, which choose the code of the next residuals; 1024 means 1."""

    def __init__(self, n_leads):
        self.slow = [tables.CONTEXT_START] * n_leads
        self.fast = [tables.CONTEXT_START] * n_leads
        self.all = tables.CONTEXT_START
        self.gain = 256 // n_leads

    def _mix(self, k):
        return (self.slow[k] + 4 * self.fast[k] + 3 * self.all >> 3) + 64

    def codes(self):
        """Return (table, raw bits) of each lead."""
        out = []
        for k in range(len(self.slow)):
            m = self._mix(k)
            b = log2(m)
            level = 4 * (b - 6) + (m >> b - 2 & 3)
            out.append((level, 0) if level < 28 else (24 + (level & 3), level // 4 - 6))
        return out

    def update(self, e):
        """Take the residuals of a frame into the means."""
        sizes = [min(abs(x), (self._mix(k) >> 6) + 4, SIZE_CLIP) for k, x in enumerate(e)]
        for k, size in enumerate(sizes):
            self.slow[k] += (size << 6) - (self.slow[k] >> 4)
            self.fast[k] += (size << 8) - (self.fast[k] >> 2)
        self.all += sum(sizes) * self.gain - (self.all >> 2)


def escape_bits(e):
    """Return the bits that follow an escape."""
    return 8 if -128 < e < 128 else 24 if -32768 < e < 32768 else 56


class PlainEncoder:
    """Codec 1; see codec_raw for what an encoder does."""

    codec_id = c.CODEC_ADAPTIVE

    def __init__(self, n_leads, lead_ids, rate_mhz):
        self.n_leads = n_leads
        self._lead_ids = lead_ids
        self._rate_mhz = rate_mhz
        self._tables = CodeTables()
        self.begin(None, 0, 0)

    def begin(self, buffer, start, limit):
        """Start a block."""
        self.buffer = buffer
        self.start = self._position = start
        self.limit = limit
        self._predictor = None
        self._context = Context(self.n_leads)
        self._open = []  # (residuals, codes) of each frame of the open chunk
        self._cost = 0
        self._full = False

    def encode(self, frames, index, count):
        """Append frames; return how many fitted. After the first that did not, none does until the next block."""
        n = self.n_leads
        for i in range(count):
            at = (index + i) * n
            if self._full or not self._put([frames[at + k] for k in range(n)]):
                return i
        return count

    def payload_bytes(self):
        """Close the open chunk and return the length."""
        self._close_chunk()
        return self._position - self.start

    def _put(self, frame):
        if self._predictor is None:
            return self._put_first(frame)
        codes = self._context.codes()
        e = self._predictor.step(frame, True)
        cost = self._cost
        for x, (table, raw) in zip(e, codes):
            s = self._symbol(x, table, raw)
            cost += self._tables.cost[table][s] + 256 * (escape_bits(x) if s == ESCAPE else raw)
        if self._position + CHUNK_HEAD + (cost + 2047) // 2048 > self.limit:
            self._full = True
            return False
        self._context.update(e)
        self._cost = cost
        self._open.append((e, codes))
        if len(self._open) == CHUNK_FRAMES:
            self._close_chunk()
        return True

    def _put_first(self, frame):
        if self.limit - self.start < FIRST_FRAME_ROOM:
            return False
        for x in frame:
            z = (x << 1 ^ x >> 31) & M32
            while z >= 128:
                self._append(z & 127 | 128)
                z >>= 7
            self._append(z)
        self._predictor = Predictor(self._lead_ids, self._rate_mhz, frame)
        return True

    def _append(self, byte):
        self.buffer[self._position] = byte
        self._position += 1

    def _symbol(self, e, table, raw):
        s = (e >> raw) + HALF
        return s if 0 <= s < ESCAPE and self._tables.freq[table][s] else ESCAPE

    def _close_chunk(self):
        if not self._open:
            return
        self._x = [STATE_MIN, STATE_MIN]
        self._emitted = []
        for e, codes in reversed(self._open):
            for k in range(self.n_leads - 1, -1, -1):
                self._code(k & 1, e[k], codes[k][0], codes[k][1])
        for value, n_bytes in ((len(self._open), 2), (self._x[0], 4), (self._x[1], 4)):
            for i in range(n_bytes):
                self._append(value >> 8 * i & 255)
        for word in reversed(self._emitted):
            self._append(word & 255)
            self._append(word >> 8)
        self._open = []
        self._cost = 0

    def _code(self, i, e, table, raw):
        """Backwards: what the decoder reads last goes in first."""
        s = self._symbol(e, table, raw)
        if s == ESCAPE:
            bits = escape_bits(e)
            if bits == 56:
                self._put_bytes(i, e, 32)
            if bits >= 24:
                self._put_bytes(i, e if bits == 24 else 0x8000, 16)
            self._put_bytes(i, e if bits == 8 else 0x80, 8)
        elif raw:
            self._put_bits(i, e, raw)
        f = self._tables.freq[table][s]
        self._renormalise(i, f << 21)
        x = self._x[i]
        self._x[i] = ((x // f) << 10) + x % f + self._tables.start[table][s]

    def _put_bytes(self, i, value, bits):
        for shift in range(bits - 8, -1, -8):
            self._put_bits(i, value >> shift, 8)

    def _put_bits(self, i, value, bits):
        self._renormalise(i, 1 << (31 - bits))
        self._x[i] = self._x[i] << bits | value & ((1 << bits) - 1)

    def _renormalise(self, i, limit):
        if self._x[i] >= limit:
            self._emitted.append(self._x[i] & 0xFFFF)
            self._x[i] >>= 16


class Decoder:
    """Reads one payload."""

    def __init__(self, payload, lead_ids, rate_mhz):
        self._bytes = payload
        self._at = 0
        self._lead_ids = lead_ids
        self._rate_mhz = rate_mhz
        self._tables = CodeTables()
        self._x = []

    def frames(self, n_frames):
        """Return an int32 array, lead after lead, frame after frame; PayloadError if the payload is not sound."""
        n_leads = len(self._lead_ids)
        out = array("i")
        if n_frames:
            first = [self._varint() for _ in range(n_leads)]
            predictor = Predictor(self._lead_ids, self._rate_mhz, first)
            context = Context(n_leads)
            out.extend(array("i", first))
            left = n_frames - 1
            while left:
                left -= self._chunk(left, predictor, context, out)
        if self._at != len(self._bytes):
            raise PayloadError("%d bytes after the last chunk" % (len(self._bytes) - self._at))
        return out

    def _chunk(self, left, predictor, context, out):
        place = self._at
        n = self._little(2)
        self._x = [self._little(4), self._little(4)]
        if not 0 < n <= left:
            raise PayloadError("chunk at byte %d has %d frames, %d are missing" % (place, n, left))
        if min(self._x) < STATE_MIN or max(self._x) >> 31:
            raise PayloadError("chunk at byte %d begins with states %r" % (place, self._x))
        for _ in range(n):
            e = [self._residual(k & 1, table, raw) for k, (table, raw) in enumerate(context.codes())]
            context.update(e)
            out.extend(array("i", predictor.step(e, False)))
        if self._x != [STATE_MIN, STATE_MIN]:
            raise PayloadError("chunk at byte %d leaves states %r" % (place, self._x))
        return n

    def _little(self, n_bytes):
        if self._at + n_bytes > len(self._bytes):
            raise PayloadError("payload of %d bytes ends early" % len(self._bytes))
        value = 0
        for i in range(n_bytes):
            value |= self._bytes[self._at + i] << 8 * i
        self._at += n_bytes
        return value

    def _varint(self):
        z = shift = 0
        byte = 128
        while byte & 128:
            if shift > 28:
                raise PayloadError("first frame: a varint of more than 5 bytes")
            byte = self._little(1)
            z |= (byte & 127) << shift
            shift += 7
        z &= M32
        return signed(z >> 1 ^ -(z & 1))

    def _residual(self, i, table, raw):
        slot = self._x[i] & 1023
        freq, start = self._tables.freq[table], self._tables.start[table]
        s = 0
        while not start[s] <= slot < start[s] + freq[s]:
            s += 1
        self._x[i] = freq[s] * (self._x[i] >> 10) + slot - start[s]
        self._refill(i)
        if s == ESCAPE:
            return self._escaped(i)
        e = s - HALF
        return e << raw | self._bits(i, raw) if raw else e

    def _escaped(self, i):
        e = self._get_bytes(i, 8)
        if e != 0x80:
            return e - 256 if e >> 7 else e
        e = self._get_bytes(i, 16)
        if e != 0x8000:
            return e - 65536 if e >> 15 else e
        return signed(self._get_bytes(i, 32))

    def _get_bytes(self, i, bits):
        value = 0
        for shift in range(0, bits, 8):
            value |= self._bits(i, 8) << shift
        return value

    def _bits(self, i, bits):
        value = self._x[i] & ((1 << bits) - 1)
        self._x[i] >>= bits
        self._refill(i)
        return value

    def _refill(self, i):
        if self._x[i] < STATE_MIN:
            self._x[i] = self._x[i] << 16 | self._little(2)


def decode(payload, n_frames, lead_ids, rate_mhz):
    """Return the frames of a payload as an int32 array."""
    return Decoder(payload, lead_ids, rate_mhz).frames(n_frames)


Encoder = PlainEncoder
