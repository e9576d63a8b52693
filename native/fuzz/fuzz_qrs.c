/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the samples, rate, gaps and chunks:
 *   - every call returns, and nothing outside the caller's memory is read or written;
 *   - beats come in rising order, lie within the frames pushed and not in a gap, at least 0.15 s apart;
 *   - spans have a known kind and end after they begin;
 *   - another chunking gives the same beats.
 * Bytes 0-3: rate, leads, chunk. Then two bytes a sample; 0x8000 is no number, 0x7fff begins a gap. */
#include "ol_error.h"
#include "ol_qrs.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BEATS 4096

typedef struct {
    ol_beat beats[MAX_BEATS];
    size_t n;
    int64_t gaps;
} result;

static ol_qrs detector;

static void require(int holds) {
    if (!holds) {
        abort();
    }
}

static void drain(result *r) {
    ol_span spans[16];
    ol_quality_second seconds[16];
    r->n += ol_qrs_beats(&detector, r->beats + r->n, MAX_BEATS - r->n);
    for (size_t n; (n = ol_qrs_spans(&detector, spans, 16)) > 0;) {
        for (size_t i = 0; i < n; i++) {
            require(spans[i].kind >= OL_SPAN_VF && spans[i].kind <= OL_SPAN_GAP);
            require(spans[i].end_frame > spans[i].first_frame);
        }
    }
    while (ol_qrs_seconds(&detector, seconds, 16) > 0) {
    }
}

/* Each sample is held for a tenth of a second, so that a short input says something. */
static int64_t run(const uint8_t *bytes, size_t n, size_t chunk, result *r) {
    const double fs_hz = 100 + bytes[0] * 7.4;
    const uint32_t n_leads = 1 + bytes[1] % 8, held = (uint32_t)(fs_hz / (1 + bytes[2] % 20));
    int64_t pushed = 0;
    r->n = 0;
    require(ol_qrs_init(&detector, fs_hz, n_leads, 0) == OL_OK);
    float *frames = malloc(held * n_leads * sizeof *frames);
    for (size_t i = 4; i + 1 < n; i += 2) {
        const int16_t v = (int16_t)(bytes[i] | bytes[i + 1] << 8);
        if (v == 0x7fff) {
            require(ol_qrs_gap(&detector, bytes[3]) == OL_OK);
            pushed += bytes[3];
            drain(r);
            continue;
        }
        for (uint32_t k = 0; k < held * n_leads; k++) {
            frames[k] = v == -32768 ? NAN : (float)v * (k % n_leads == 1 ? 0.3f : 1) * (k < n_leads * held / 4 ? 1 : 0);
        }
        for (size_t at = 0; at < held;) {
            const size_t some = held - at < chunk ? held - at : chunk;
            at += ol_qrs_push(&detector, frames + at * n_leads, NULL, some);
            drain(r);
        }
        pushed += held;
    }
    require(ol_qrs_finish(&detector) == OL_OK);
    drain(r);
    free(frames);
    for (size_t i = 0; i < r->n; i++) {
        require(r->beats[i].frame >= 0 && r->beats[i].frame < pushed);
        require(i == 0 || r->beats[i].frame > r->beats[i - 1].frame);
    }
    return pushed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static result whole, parts;
    if (n < 6) {
        return 0;
    }
    run(data, n, 100000, &whole);
    run(data, n, 1 + data[3] % 97, &parts);
    require(whole.n == parts.n && memcmp(whole.beats, parts.beats, whole.n * sizeof *whole.beats) == 0);
    return 0;
}
