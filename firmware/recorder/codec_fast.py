# SPDX-License-Identifier: Apache-2.0
"""Viper encoder of codec 1, ADAPTIVE (docs/SPEC.md section 4.2): the bytes of codec.py, and the interface of codec_raw.

`predict` takes frames as far as symbols, which wait in `words`; `code` turns the symbols of a chunk into bytes,
backwards, once a chunk is closed. All sums are modulo 2^32: the same on a 32-bit board and under the 64-bit Unix
port, where `<< n >> n` makes a signed number of a loaded word (n is 0 on a board). tools/cortexm/README.md says why
the taps are written as they are, and that the first two locals are the only ones in registers.

The state is one array of words:

    0 .. 15   scalars, below
    16 .. 47  two sets of 8 differences and 8 residuals, one of the frame before and one of this frame, in turn
    48 ..     48 words a lead: 8 own weights, 8 of all leads' differences, 8 of all leads' residuals, 7 of this frame's
              residuals, a spare one, 8 own inputs (differences 2 to 6 frames ago, residuals 2 to 4), scalars
"""

import sys
from array import array

import micropython
from micropython import const

from . import codec_tables as tables
from . import constants as c

CHUNK_FRAMES = 1024
FIRST_FRAME_ROOM = 40
_CHUNK_HEAD = const(10)
_LEADS_AT = const(48)
_LEAD_WORDS = const(48)
_LEVELS = const(1024)  # entries of each half of the table of levels
_STATE_WORDS = const(432)

# Scalars of the state.
_ALL = const(0)  # context: mean over all leads
_POWER_E = const(1)
_POWER_D_SUM = const(2)
_SHARED_BITS = const(3)
_FILL = const(4)  # words of the open chunk
_COST = const(5)  # of the open chunk, 1/256 bit
_PHASE = const(6)  # which of the two sets is that of the frame before
_SIGN = const(7)  # 32 on a 64-bit port, 0 on a board
_N_LEADS = const(8)
_GAIN = const(9)
_BUDGET = const(10)  # most the open chunk may cost
_MU_OWN = const(11)
_MU_CROSS = const(12)
_MU_IN = const(13)

# Scalars of a lead.
_SLOW = const(40)
_FAST = const(41)
_LAST = const(42)
_POWER_D = const(43)
_FINE = const(44)
_SQUARE = const(45)
_BITS = const(46)


@micropython.viper
def predict(p: ptr32, acc: int, frames: ptr32, count: int, words: ptr32, levels: ptr16, entries: ptr32) -> int:
    """Take up to `count` frames from frame `acc` on, as many as the budget lets; p is the state."""
    s = p
    n = s[_SIGN]
    n20 = n + 20
    n_leads = s[_N_LEADS]
    frames = ptr32(int(frames) + (acc * n_leads << 2))
    begin = int(words)
    words = ptr32(int(words) + (s[_FILL] << 2))
    cost = s[_COST]
    x = ptr32(int(s) + 64 + (s[_PHASE] << 6))
    y = ptr32(int(s) + 128 - (s[_PHASE] << 6))
    mu_own = s[_MU_OWN]
    mu_cross = s[_MU_CROSS]
    mu_in = s[_MU_IN]
    done = 0
    while done < count:
        y[8] = 0
        y[9] = 0
        y[10] = 0
        y[11] = 0
        y[12] = 0
        y[13] = 0
        y[14] = 0
        all3 = s[_ALL] * 3 + 512
        energy = 0
        sizes = 0
        yk = y
        p = ptr32(int(s) + 192)
        k = 0
        while k < n_leads:
            acc = 524288  # half a unit: the prediction is rounded
            acc = p[0] * p[32] + acc
            acc = p[1] * p[33] + acc
            acc = p[2] * p[34] + acc
            acc = p[3] * p[35] + acc
            acc = p[4] * p[36] + acc
            acc = p[5] * p[37] + acc
            acc = p[6] * p[38] + acc
            acc = p[7] * p[39] + acc
            acc = p[8] * x[0] + acc
            acc = p[9] * x[1] + acc
            acc = p[10] * x[2] + acc
            acc = p[11] * x[3] + acc
            acc = p[12] * x[4] + acc
            acc = p[13] * x[5] + acc
            acc = p[14] * x[6] + acc
            acc = p[15] * x[7] + acc
            acc = p[16] * x[8] + acc
            acc = p[17] * x[9] + acc
            acc = p[18] * x[10] + acc
            acc = p[19] * x[11] + acc
            acc = p[20] * x[12] + acc
            acc = p[21] * x[13] + acc
            acc = p[22] * x[14] + acc
            acc = p[23] * x[15] + acc
            acc = p[24] * y[8] + acc  # residuals of the leads to come are still 0
            acc = p[25] * y[9] + acc
            acc = p[26] * y[10] + acc
            if k >> 2:
                acc = p[27] * y[11] + acc
                acc = p[28] * y[12] + acc
                acc = p[29] * y[13] + acc
                acc = p[30] * y[14] + acc
            fine = (524288 - (acc & 1048575)) >> 14
            acc = acc << n >> n20
            d = frames[0] - p[_LAST]
            p[_LAST] = frames[0]
            acc = d - acc << n >> n  # the residual
            d = d << n >> n
            if uint(d + 1023) > uint(2046):
                d = (d >> 31 | 1) * 1023
            yk[0] = d
            # Context: the code of this residual, and the most it may count for the next ones.
            m = (p[_FAST] << 2) + p[_SLOW] + all3 >> 3
            most = (m >> 6) + 4
            if m >> 14:
                if m >> 22:
                    if most > 131071:
                        most = 131071
                    code = levels[1024 + (m >> 20)] + 32768
                else:
                    code = levels[1024 + (m >> 12)]
            else:
                code = levels[m >> 4]
            size = acc
            if acc >> 31:
                size = 0 - acc
            d = acc
            if uint(size) > uint(1023):  # also -2^31, whose size is negative on a board
                d = (acc >> 31 | 1) * 1023
                if size >> 31:
                    size = most
            yk[8] = d
            p[_FINE] = (d << 6) + fine
            d = d * d
            p[_SQUARE] = d
            energy = d + energy
            # The symbol: its place in `entries`, or with raw bits or an escape a word that says more.
            raw = code >> 12
            d = acc >> raw
            code = code & 4095
            entry = 0
            if uint(d + 47) <= uint(94):
                entry = entries[code + d]
            if entry:
                cost = (entry & 4095) + cost
                if raw:
                    cost = (raw << 8) + cost
                    entry = (raw << 27) + (code + d << 15) + (acc & (1 << raw) - 1)
                else:
                    entry = entry >> 12 & 1048575
            else:
                code += 48
                cost = (entries[code] & 4095) + cost
                entry = 2
                if uint(acc + 127) <= uint(254):
                    cost += 2048
                elif uint(acc + 32767) <= uint(65534):
                    cost += 6144
                else:
                    cost += 14336
                    words[0] = acc
                    words = ptr32(int(words) + 4)
                    entry = 3
                entry = (entry << 30) + (code << 16) + (acc & 65535)
            words[0] = entry
            words = ptr32(int(words) + 4)
            if size > most:
                size = most
            sizes = size + sizes
            p[_SLOW] = (size << 6) - (p[_SLOW] >> 4) + p[_SLOW]
            p[_FAST] = (size << 8) - (p[_FAST] >> 2) + p[_FAST]
            frames = ptr32(int(frames) + 4)
            yk = ptr32(int(yk) + 4)
            p = ptr32(int(p) + 192)
            k += 1
        if cost > s[_BUDGET]:
            return done
        s[_FILL] = int(words) - begin >> 2
        s[_COST] = cost
        s[_ALL] = sizes * s[_GAIN] - (s[_ALL] >> 2) + s[_ALL]
        # Normalisers: powers of two, nearly always those of the frame before.
        power = (s[_POWER_D_SUM] >> 4) + (s[_POWER_E] >> 5) + energy + 4
        b = s[_SHARED_BITS]
        while power >> b > 1:
            b += 1
        while not power >> b:
            b -= 1
        s[_SHARED_BITS] = b
        half = 1 << b >> 1
        nb = n + b
        power_e = (s[_POWER_E] >> 4) + 4
        s[_POWER_E] = energy - (s[_POWER_E] >> 5) + s[_POWER_E]
        p = ptr32(int(s) + 192)
        xk = x
        yk = y
        k = 0
        while k < n_leads:
            acc = p[_POWER_D] + p[_SQUARE] + power_e
            b = p[_BITS]
            if (acc >> b) - 1:
                while acc >> b > 1:
                    b += 1
                while not acc >> b:
                    b -= 1
                p[_BITS] = b
            acc = p[_FINE] * mu_own + (1 << b >> 1) << n >> n + b
            p[0] = p[32] * acc + p[0]
            p[1] = p[33] * acc + p[1]
            p[2] = p[34] * acc + p[2]
            p[3] = p[35] * acc + p[3]
            p[4] = p[36] * acc + p[4]
            p[5] = p[37] * acc + p[5]
            p[6] = p[38] * acc + p[6]
            p[7] = p[39] * acc + p[7]
            acc = yk[0] * yk[0] - p[36] * p[36]
            p[_POWER_D] = p[_POWER_D] + acc
            s[_POWER_D_SUM] = s[_POWER_D_SUM] + acc
            p[36] = p[35]
            p[35] = p[34]
            p[34] = p[33]
            p[33] = p[32]
            p[32] = xk[0]
            p[39] = p[38]
            p[38] = p[37]
            p[37] = xk[8]
            acc = p[_FINE] * mu_cross + half << n >> nb
            p[8] = x[0] * acc + p[8]
            p[9] = x[1] * acc + p[9]
            p[10] = x[2] * acc + p[10]
            p[11] = x[3] * acc + p[11]
            p[12] = x[4] * acc + p[12]
            p[13] = x[5] * acc + p[13]
            p[14] = x[6] * acc + p[14]
            p[15] = x[7] * acc + p[15]
            p[16] = x[8] * acc + p[16]
            p[17] = x[9] * acc + p[17]
            p[18] = x[10] * acc + p[18]
            p[19] = x[11] * acc + p[19]
            p[20] = x[12] * acc + p[20]
            p[21] = x[13] * acc + p[21]
            p[22] = x[14] * acc + p[22]
            p[23] = x[15] * acc + p[23]
            acc = p[_FINE] * mu_in + half << n >> nb
            p[24] = y[8] * acc + p[24]  # also for leads to come, where it does no harm: see above
            p[25] = y[9] * acc + p[25]
            p[26] = y[10] * acc + p[26]
            if k >> 2:
                p[27] = y[11] * acc + p[27]
                p[28] = y[12] * acc + p[28]
                p[29] = y[13] * acc + p[29]
                p[30] = y[14] * acc + p[30]
            xk = ptr32(int(xk) + 4)
            yk = ptr32(int(yk) + 4)
            p = ptr32(int(p) + 192)
            k += 1
        xk = x
        x = y
        y = xk
        s[_PHASE] = s[_PHASE] ^ 1
        done += 1
    return done


@micropython.viper
def code(x: int, word: int, words: ptr32, entries: ptr32, buffer: ptr8, used: int, limit: int, n_frames: int, n_leads: int) -> int:
    """Code the chunk whose last symbol ends at words[word] into buffer[used:limit]; return where it ends."""
    words = ptr32(int(words) + (word << 2))
    at = limit
    left = n_frames
    x = 32768
    y = 32768
    while left:
        left -= 1
        k = n_leads
        while k:
            k -= 1
            words = ptr32(int(words) - 4)
            word = words[0]
            if word >> 20:  # not a symbol alone
                if word >> 31:  # an escape: 8, 16 or 32 bits, last byte first; longer ones behind their markers
                    place = word >> 16 & 4095
                    value = word & 65535
                    size = 16
                    if word >> 30 & 1:
                        words = ptr32(int(words) - 4)
                        value = words[0]
                        size = 32
                    elif value + 127 & 65535 < 255:
                        size = 8
                    while size:
                        bits = size
                        while bits:
                            bits -= 8
                            if x >> 23:
                                at -= 2
                                buffer[at] = x
                                buffer[at + 1] = x >> 8
                                x = x >> 16
                            x = (x << 8) + (value >> bits & 255)
                        size = size >> 1
                        value = 32768
                        if size == 8:
                            value = 128
                        elif size == 4:
                            size = 0
                else:
                    place = word >> 27
                    if x >> 31 - place:
                        at -= 2
                        buffer[at] = x
                        buffer[at + 1] = x >> 8
                        x = x >> 16
                    x = (x << place) + (word & (1 << place) - 1)
                    place = word >> 15 & 4095
                word = entries[place] >> 12 & 1048575
            f = word & 1023
            if x >> 21 >= f:
                at -= 2
                buffer[at] = x
                buffer[at + 1] = x >> 8
                x = x >> 16
            x = (x // f) * (1024 - f) + x + (word >> 10)
            f = x
            x = y
            y = f
        if n_leads & 1:
            f = x
            x = y
            y = f
    if not n_leads & 1:
        f = x
        x = y
        y = f
    buffer[used] = n_frames
    buffer[used + 1] = n_frames >> 8
    used += 2
    k = 0
    while k < 32:
        buffer[used] = x >> k
        buffer[used + 4] = y >> k
        used += 1
        k += 8
    used += 4
    while at < limit:
        buffer[used] = buffer[at]
        used += 1
        at += 1
    return used


@micropython.viper
def copy_words(source: ptr32, target: ptr32, n: int):
    """Copy n words."""
    while n:
        n -= 1
        target[n] = source[n]


class Encoder:
    """Codec 1. Its memory: 15 KB of tables, 4 KB of state, and 37 KB for the open chunk of 8 leads at slots of 8 KiB."""

    codec_id = c.CODEC_ADAPTIVE

    def __init__(self, n_leads, lead_ids, rate_mhz):
        self.n_leads = n_leads
        self.buffer = None
        self.start = 0
        self.limit = 0
        self._position = 0
        self._open = 0  # frames of the open chunk
        self._begun = False
        self._full = False
        self._entries = array("I", unpack_entries())
        self._levels = array("H", level_codes())
        self._begin = array("i", begin_state(n_leads, lead_ids, rate_mhz))
        self._state = array("i", bytes(4 * _STATE_WORDS))
        self._words = bytearray(0)

    def begin(self, buffer, start, limit):
        """Start a block."""
        self.buffer = buffer
        self.start = self._position = start
        self.limit = limit
        self._open = 0
        self._begun = self._full = False
        # Residuals beyond 16 bits take a word more, and at least 7 bytes of the payload.
        room = 4 * (CHUNK_FRAMES * self.n_leads + (limit - start) // 7 + 2 * self.n_leads)
        if len(self._words) < room:
            self._words = bytearray(room)
        copy_words(self._begin, self._state, _STATE_WORDS)

    def encode(self, frames, index, count):
        """Append frames; return how many fitted. After the first that did not, none does until the next block."""
        if self._full or count <= 0:
            return 0
        taken = 0
        if not self._begun:
            if self.limit - self.start < FIRST_FRAME_ROOM:
                return 0
            self._put_first(frames, index * self.n_leads)
            taken = 1
        state = self._state
        while taken < count:
            n = CHUNK_FRAMES - self._open
            if n > count - taken:
                n = count - taken
            room = self.limit - self._position - _CHUNK_HEAD
            state[_BUDGET] = room << 11 if room > 0 else 0
            done = predict(state, index + taken, frames, n, self._words, self._levels, self._entries)
            taken += done
            self._open += done
            if done < n:
                self._full = True
                break
            if self._open == CHUNK_FRAMES:
                self._close_chunk()
        return taken

    def payload_bytes(self):
        """Close the open chunk and return the length."""
        if self._open:
            self._close_chunk()
        return self._position - self.start

    def _put_first(self, frames, at):
        buffer = self.buffer
        position = self._position
        for k in range(self.n_leads):
            value = frames[at + k]
            self._state[_LEADS_AT + k * _LEAD_WORDS + _LAST] = value
            value = (value << 1 ^ value >> 31) & 0xFFFFFFFF
            while value >= 128:
                buffer[position] = value & 127 | 128
                position += 1
                value >>= 7
            buffer[position] = value
            position += 1
        self._position = position
        self._begun = True

    def _close_chunk(self):
        state = self._state
        self._position = code(
            0, state[_FILL], self._words, self._entries, self.buffer, self._position, self.limit, self._open, self.n_leads
        )
        self._open = state[_FILL] = state[_COST] = 0


def unpack_entries():
    """Return the entries of all code tables, SYMBOLS words each."""
    symbols = tables.SYMBOLS
    out = bytearray(4 * symbols * tables.N_TABLES)
    at = 0
    for number in range(tables.N_TABLES):
        n = 4 * tables.COUNT[number]
        to = 4 * (symbols * number + tables.FIRST[number])
        out[to : to + n] = tables.ENTRIES[at : at + n]
        at += n
        to = 4 * (symbols * (number + 1) - 1)
        out[to : to + 4] = tables.ENTRIES[at : at + 4]
        at += 4
    return out


def level_codes():
    """Return two tables, for m >> 4 below 2^14 and m >> 12 from there: place of symbol 0 | raw bits << 12, 16 bits each."""
    out = bytearray(4 * _LEVELS)
    for i in range(4, _LEVELS):
        b = 2
        while i >> b > 1:
            b += 1
        level = 4 * (b - 2) + (i >> b - 2 & 3)
        for half in (0, 1):
            table = level if level < 28 and not half else 24 + (level & 3)
            raw = level // 4 + 2 if half else level // 4 - 6 if level > 27 else 0
            at = 2 * (half * _LEVELS + i)
            value = table * tables.SYMBOLS + 47 | raw << 12
            out[at] = value & 255
            out[at + 1] = value >> 8
    return out


def begin_state(n_leads, lead_ids, rate_mhz):
    """Return the state at the start of a payload, as bytes."""
    state = array("i", bytes(4 * _STATE_WORDS))
    state[_ALL] = tables.CONTEXT_START
    state[_SIGN] = 32 if sys.maxsize >> 32 else 0
    state[_N_LEADS] = n_leads
    state[_GAIN] = 256 // n_leads
    state[_MU_OWN] = tables.MU_OWN
    state[_MU_CROSS] = tables.MU_CROSS
    state[_MU_IN] = tables.MU_IN
    weights = array("h", tables.WARM[0 if rate_mhz < 350000 else 1 if rate_mhz < 700000 else 2])
    e_at = 9 * tables.D_TAPS
    cross_at = e_at + 9 * tables.E_TAPS
    rows = [tables.LEADS.index(i) if i in tables.LEADS else 8 for i in lead_ids]
    for k in range(n_leads):
        at = _LEADS_AT + k * _LEAD_WORDS
        row = rows[k]
        state[at + _SLOW] = state[at + _FAST] = tables.CONTEXT_START
        for i in range(tables.D_TAPS):
            state[at + i] = weights[tables.D_TAPS * row + i] << 8
        for i in range(tables.E_TAPS):
            state[at + tables.D_TAPS + i] = weights[e_at + tables.E_TAPS * row + i] << 8
        for j in range(n_leads):
            if j == k or (row < 8 and rows[j] < 8):
                place = cross_at + 9 * rows[j] + row
                state[at + 8 + j] = weights[place] << 8
                state[at + 16 + j] = weights[place + 81] << 8
                if j < k:
                    state[at + 24 + j] = weights[place + 162] << 8
    return bytes(state)
