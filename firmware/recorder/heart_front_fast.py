# SPDX-License-Identifier: Apache-2.0
"""Viper twin of heart_front.py: same results, no allocation. See there for what it does.

`extend` is 0 where a machine word has 32 bits and 32 where it has 64: there a load does not carry the sign.
"""

import micropython


@micropython.viper
def sift(state_: object, work_: object, index: int, count: int, divisor: int, extend: int, down: int, hold: int) -> int:
    s = ptr32(state_)
    w = ptr32(int(ptr32(work_)) + (index << 2))
    done = 0
    while done < count:
        s[8] = w[0] + s[8]
        s[9] = w[1] + s[9]
        s[10] = w[2] + s[10]
        s[11] = w[3] + s[11]
        s[12] = w[4] + s[12]
        s[13] = w[5] + s[13]
        s[14] = w[6] + s[14]
        s[15] = w[7] + s[15]
        w = ptr32(int(w) + 32)
        done += 1
        s[0] = s[0] + 1
        if s[0] == divisor:
            s[0] = 0
            s[1] = (s[1] + 1) & 0xFFFFFF
            clock = s[1]
            base = int(s) + 128
            now = ptr32(base + ((clock & 31) << 5))
            b8 = ptr32(base + (((clock + 24) & 31) << 5))
            b16 = ptr32(base + (((clock + 16) & 31) << 5))
            b24 = ptr32(base + (((clock + 8) & 31) << 5))
            p = s
            curve = 0
            k = 8
            while k:
                v = p[8]
                now[0] = v
                v = v - b24[0] + (b16[0] - b8[0]) * 3
                v = v << extend >> extend
                if v >> 31:
                    v = 0 - v
                v = v >> down
                if p[16] < v:
                    p[16] = v
                curve = v * p[24] + curve
                p = ptr32(int(p) + 4)
                now = ptr32(int(now) + 4)
                b8 = ptr32(int(b8) + 4)
                b16 = ptr32(int(b16) + 4)
                b24 = ptr32(int(b24) + 4)
                k -= 1
            last = s[4]
            s[4] = curve
            if s[2] < curve:
                s[2] = curve
                s[5] = last
                s[3] = 0
            else:
                s[3] = s[3] + 1
                if s[3] == 1:
                    s[6] = curve
                if s[3] >= hold:
                    s[7] = 1
                    return done
    return done
