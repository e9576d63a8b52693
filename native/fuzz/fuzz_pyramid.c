/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the frames, the width, the chunks, the gaps and the room:
 *   - every call returns, and nothing outside the caller's memory is read or written;
 *   - as many buckets come as frames, present or missing, need, and one that got no frame shows nothing;
 *   - what is packed and unpacked holds what it was made of.
 * Bytes 0-2: leads, width, room. Then four bytes a step: what is done, how often, a value. */
#include "ol_error.h"
#include "ol_pyramid.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST 64

static ol_pyramid pyramid;
static ol_pyramid_bucket buckets[MOST], back[MOST];
static ol_pyramid_out out;
static uint64_t n_given;

static void require(int holds) {
    if (!holds) {
        abort();
    }
}

static void check_packed(uint32_t trace) {
    int16_t pairs[MOST][2];
    float zero, step;
    ol_pyramid_pack(buckets, out.n, trace, 0.5f, &zero, &step, pairs[0]);
    require(step >= 0.5f);
    ol_pyramid_unpack(pairs[0], out.n, trace, zero, step, back);
    for (size_t i = 0; i < out.n; i++) {
        const float low = buckets[i].low[trace], high = buckets[i].high[trace];
        require((low > high) == (back[i].low[trace] > back[i].high[trace]));
        require(low > high || (back[i].low[trace] <= low + step && back[i].high[trace] >= high - step));
    }
}

static void empty(void) {
    n_given += out.n;
    for (uint32_t trace = 0; trace < OL_PYRAMID_TRACES; trace++) {
        check_packed(trace);
    }
    require(ol_pyramid_fold(buckets, out.n, buckets) == (out.n + 3) / 4);
    out.n = 0;
}

static void push(int16_t value, size_t n, uint32_t n_leads) {
    float frames[256][8];
    uint8_t off[256];
    for (size_t i = 0; i < n; i++) {
        off[i] = (uint8_t)value;
        for (uint32_t k = 0; k < n_leads; k++) {
            (&frames[0][0])[i * n_leads + k] = value == INT16_MIN ? NAN : value == INT16_MAX ? 1e30f : (float)value * (float)(1 + i * k);
        }
    }
    for (size_t done = 0; done < n; empty()) {
        const size_t some = ol_pyramid_push(&pyramid, &frames[0][0] + done * n_leads, off + done, n - done, &out);
        require(some > 0);
        done += some;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n < 7) {
        return 0;
    }
    const uint32_t n_leads = 1 + data[0] % 8, width = 1 + data[1];
    uint64_t n_frames = 0;
    out = (ol_pyramid_out){buckets, 1 + data[2] % MOST, 0};
    n_given = 0;
    require(ol_pyramid_init(&pyramid, n_leads, n_leads > 1 ? 0 : -1, n_leads > 1 ? 1 : -1, width) == OL_OK);
    for (size_t i = 3; i + 4 <= n; i += 4) {
        const size_t many = 1 + data[i + 1];
        n_frames += many;
        if (data[i] & 1) {
            push((int16_t)(data[i + 2] | data[i + 3] << 8), many, n_leads);
        } else {
            for (uint64_t left = many; left > 0; empty()) {
                left -= ol_pyramid_gap(&pyramid, left, &out);
            }
        }
    }
    empty();
    require(ol_pyramid_end(&pyramid, &out) == OL_OK);
    empty();
    require(n_given == (n_frames + width - 1) / width);
    return 0;
}
