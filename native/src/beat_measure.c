/* SPDX-License-Identifier: Apache-2.0 */
/* First pass: the numbers of one beat, out of its window. */
#include "beat_measure.h"
#include "beat_match.h"
#include "lanes.h"

#include <math.h>

enum {
    P_AT = BEAT_BEFORE - 62, /* -310 ms */
    Q_AT = BEAT_BEFORE - 20, /* -100 ms */
    SLOPE_AT = BEAT_BEFORE - 64,
    SLOPES = 112,
};
static const float FLAT_UV = 15.0f;    /* a lead whose QRS is smaller is not used */
static const float HUGE_UV = 30000.0f; /* nor one that is larger */

OL_CLONES static void judge_leads(ol_beats *b, uint8_t good) {
    lanes low = load8(b->window[Q_AT]), high = low;
    for (int i = Q_AT + 1; i < Q_AT + OL_BEAT_QRS; i++) {
        const lanes x = load8(b->window[i]);
        low = lanes_min(low, x);
        high = lanes_max(high, x);
    }
    const lanes swing = high - low;
    for (int k = 0; k < OL_BEAT_LANES; k++) {
        b->usable[k] = good >> k & 1 && swing[k] >= FLAT_UV && swing[k] <= HUGE_UV ? 1.0f : 0.0f;
    }
}

/* `n` samples of lead `k` from `at`, 10 ms apart, as bytes around their mean. Returns the scale, microvolt/100. */
static uint16_t as_bytes(const ol_beats *b, int at, int n, uint32_t k, int8_t *out) {
    float x[OL_BEAT_P_SAMPLES], mean = 0.0f, peak = 0.0f;
    for (int i = 0; i < n; i++) {
        x[i] = b->window[at + 2 * i][k];
        mean += x[i];
    }
    mean /= (float)n;
    for (int i = 0; i < n; i++) {
        const float size = fabsf(x[i] - mean);
        peak = size > peak ? size : peak;
    }
    const float wanted = ceilf(peak * (100.0f / 127.0f));
    const float unit = wanted < 1.0f ? 1.0f : wanted > 65535.0f ? 65535.0f : wanted;
    for (int i = 0; i < n; i++) {
        const float value = (x[i] - mean) * 100.0f / unit;
        const float kept = value > 127.0f ? 127.0f : value < -127.0f ? -127.0f : value;
        out[i] = (int8_t)(kept < 0.0f ? kept - 0.5f : kept + 0.5f);
    }
    return b->usable[k] > 0.0f ? (uint16_t)unit : 0;
}

static uint8_t as_byte(float value) {
    return (uint8_t)(value >= 254.5f ? 255 : value > 0.0f ? (int)(value + 0.5f) : 0);
}

/* Squared slopes over all leads, from sample SLOPE_AT on. */
OL_CLONES static void slopes(const ol_beats *b, float *square) {
    const lanes usable = load8(b->usable);
    for (int i = 0; i < SLOPES; i++) {
        const lanes d = (load8(b->window[SLOPE_AT + i + 1]) - load8(b->window[SLOPE_AT + i - 1])) * usable;
        square[i] = lanes_sum(d * d);
    }
}

static int edge_from(const float *square, int at, int step, float limit) {
    const int far = at + step * 26; /* 130 ms */
    int quiet = 0;
    for (int i = at; i != far; i += step) {
        quiet = square[i] < limit ? quiet + 1 : 0;
        if (quiet == 4) {
            return i - 3 * step;
        }
    }
    return far;
}

/* QRS ends where the slopes stay below 12 % of their greatest for 20 ms. */
static void measure_width(const ol_beats *b, ol_beat_record *out, int shift) {
    float square[SLOPES], outside = 0.0f;
    slopes(b, square);
    const int middle = BEAT_BEFORE - SLOPE_AT + shift;
    int at = middle;
    for (int i = middle - 16; i <= middle + 16; i++) {
        at = square[i] > square[at] ? i : at;
    }
    const float limit = 0.12f * 0.12f * square[at];
    out->width_2ms = as_byte((float)(edge_from(square, at, 1, limit) - edge_from(square, at, -1, limit)) * OL_BEAT_GRID_MS / 2.0f);
    for (int i = 0; i < 32; i++) {
        outside += sqrtf(square[i]) / 32.0f;
    }
    out->noise = as_byte(square[at] > 0.0f ? 256.0f * outside / sqrtf(square[at]) : 255.0f);
}

OL_CLONES static void measure_area(const ol_beats *b, ol_beat_record *out, int shift) {
    const lanes base = load8(b->window[Q_AT + shift]), usable = load8(b->usable);
    lanes area = {0}, peak = {0};
    for (int i = Q_AT + shift; i < Q_AT + shift + OL_BEAT_QRS; i++) {
        const lanes x = lanes_abs(load8(b->window[i]) - base);
        area += x;
        peak = lanes_max(peak, x);
    }
    const float all = lanes_sum(area * usable), leads = lanes_sum(usable);
    float most = 0.0f;
    for (int k = 0; k < OL_BEAT_LANES; k++) {
        const float own = peak[k] * usable[k];
        most = own > most ? own : most;
    }
    out->area_2ms = as_byte(most > 0.0f ? all * OL_BEAT_GRID_MS / 2.0f / most / leads : 0.0f);
}

int beat_measure(ol_beats *b, uint8_t good, ol_beat_record *out) {
    judge_leads(b, good);
    const int shift = beat_match(b, out);
    for (int c = 0; c < 2; c++) {
        out->p_scale[c] = as_bytes(b, P_AT + shift, OL_BEAT_P_SAMPLES, b->channel[c], out->p[c]);
        out->q_scale[c] = as_bytes(b, Q_AT + shift, OL_BEAT_Q_SAMPLES, b->channel[c], out->q[c]);
    }
    measure_width(b, out, shift);
    measure_area(b, out, shift);
    return shift;
}
