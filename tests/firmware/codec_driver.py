# SPDX-License-Identifier: Apache-2.0
"""Run by MicroPython: `codec_driver.py FIRMWARE MODULE CASES OUT` encodes the cases of a file with one of the encoders.

A case is eight int32 (leads, rate, frames, start and limit of the payload, steps, bytes of the buffer, 0), 8 lead ids,
the steps (kind, value) and the frames; for each, OUT has how many answers and payload bytes there are, and those.
"""

import struct
import sys
from array import array


def play(encoder, steps, frames, buffer, start, limit):
    """Do the steps of a case; return what each of them gave, and the payload."""
    answers = []
    at = 0
    encoder.begin(buffer, start, limit)
    for i in range(0, len(steps), 2):
        kind = steps[i]
        value = steps[i + 1]
        if kind == 0:  # frames
            taken = encoder.encode(frames, at, value)
            at += taken
            answers.append(taken)
        elif kind == 1:  # close the chunk
            answers.append(encoder.payload_bytes())
        else:  # lower the limit
            encoder.limit = value
    n = encoder.payload_bytes()
    answers.append(n)
    return answers, bytes(buffer[start : start + n])


def main(module, cases, out):
    """Encode all cases with one encoder object per layout, as a recorder does."""
    if module == "fast":
        from recorder.codec_fast import Encoder
    else:
        from recorder.codec import PlainEncoder as Encoder
    while True:
        head = cases.read(32)
        if len(head) < 32:
            break
        n_leads, rate_mhz, n_frames, start, limit, n_steps, size, _ = struct.unpack("<8i", head)
        lead_ids = cases.read(8)[:n_leads]
        steps = array("i", cases.read(8 * n_steps))
        frames = array("i", cases.read(4 * n_frames * n_leads))
        encoder = Encoder(n_leads, lead_ids, rate_mhz)
        buffer = bytearray(size)
        for _ in range(2):  # the second block must not know of the first
            answers, payload = play(encoder, steps, frames, buffer, start, limit)
        for i in list(range(start)) + list(range(limit, size)):
            assert buffer[i] == 0, "byte %d beside the payload was written, of bytes %d to %d" % (i, start, limit)
        out.write(struct.pack("<2i", len(answers), len(payload)))
        out.write(array("i", answers))
        out.write(payload)


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    with open(sys.argv[3], "rb") as source, open(sys.argv[4], "wb") as target:
        main(sys.argv[2], source, target)
