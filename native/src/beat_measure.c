/* SPDX-License-Identifier: Apache-2.0 */
/* First pass: the numbers of one beat, out of its window. */
#include "beat_measure.h"
#include "beat_match.h"

#include <math.h>

enum {
    P_AT = BEAT_BEFORE - 62, /* -310 ms */
    Q_AT = BEAT_BEFORE - 20, /* -100 ms */
};
static const float FLAT_UV = 15.0f;    /* a lead whose QRS is smaller is not used */
static const float HUGE_UV = 30000.0f; /* nor one that is larger */

static void judge_leads(ol_beats *b) {
    for (int k = 0; k < OL_BEAT_LANES; k++) {
        float low = b->window[Q_AT][k], high = low;
        for (int i = Q_AT; i < Q_AT + OL_BEAT_QRS; i++) {
            low = b->window[i][k] < low ? b->window[i][k] : low;
            high = b->window[i][k] > high ? b->window[i][k] : high;
        }
        b->usable[k] = high - low >= FLAT_UV && high - low <= HUGE_UV ? 1.0f : 0.0f;
    }
}

/* `n` samples of lead `k` from `at`, 10 ms apart, as bytes around their mean. Returns the scale, microvolt/100. */
static uint16_t as_bytes(const ol_beats *b, int at, int n, uint32_t k, int8_t *out) {
    float mean = 0.0f, peak = 0.0f;
    for (int i = 0; i < n; i++) {
        mean += b->window[at + 2 * i][k] / (float)n;
    }
    for (int i = 0; i < n; i++) {
        peak = fmaxf(peak, fabsf(b->window[at + 2 * i][k] - mean));
    }
    const float unit = fminf(fmaxf(ceilf(peak * (100.0f / 127.0f)), 1.0f), 65535.0f);
    for (int i = 0; i < n; i++) {
        const float value = (b->window[at + 2 * i][k] - mean) * 100.0f / unit;
        out[i] = (int8_t)lrintf(fminf(fmaxf(value, -127.0f), 127.0f));
    }
    return b->usable[k] > 0.0f ? (uint16_t)unit : 0;
}

static uint8_t as_byte(float value) {
    return (uint8_t)(value >= 255.0f ? 255 : value > 0.0f ? lrintf(value) : 0);
}

static void slopes(const ol_beats *b, float *slope) {
    for (int i = 0; i < BEAT_SPAN - 2; i++) {
        float all = 0.0f;
        for (int k = 0; k < OL_BEAT_LANES; k++) {
            const float d = (b->window[i + 2][k] - b->window[i][k]) * b->usable[k];
            all += d * d;
        }
        slope[i + 1] = sqrtf(all);
    }
    slope[0] = slope[1];
    slope[BEAT_SPAN - 1] = slope[BEAT_SPAN - 2];
}

static int edge_from(const float *slope, int at, int step, float limit) {
    const int far = at + step * 26; /* 130 ms */
    int quiet = 0;
    for (int i = at; i != far; i += step) {
        quiet = slope[i] < limit ? quiet + 1 : 0;
        if (quiet == 4) {
            return i - 3 * step;
        }
    }
    return far;
}

/* QRS ends where the slopes stay below 12 % of their greatest for 20 ms. */
static void measure_width(ol_beats *b, ol_beat_record *out, int shift) {
    float slope[BEAT_SPAN], peak = 0.0f, outside = 0.0f;
    slopes(b, slope);
    int at = BEAT_BEFORE + shift;
    for (int i = BEAT_BEFORE + shift - 16; i <= BEAT_BEFORE + shift + 16; i++) {
        at = slope[i] > slope[at] ? i : at;
    }
    peak = slope[at];
    const int on = edge_from(slope, at, -1, 0.12f * peak), off = edge_from(slope, at, 1, 0.12f * peak);
    out->width_2ms = as_byte((float)(off - on) * OL_BEAT_GRID_MS / 2.0f);
    for (int i = BEAT_BEFORE - 64; i < BEAT_BEFORE - 32; i++) {
        outside += slope[i] / 32.0f;
    }
    out->noise = as_byte(peak > 0.0f ? 256.0f * outside / peak : 255.0f);
}

static void measure_area(const ol_beats *b, ol_beat_record *out, int shift) {
    const float *base = b->window[Q_AT + shift];
    float area[OL_BEAT_LANES] = {0}, peak[OL_BEAT_LANES] = {0}, all = 0.0f, most = 0.0f, leads = 0.0f;
    for (int i = Q_AT + shift; i < Q_AT + shift + OL_BEAT_QRS; i++) {
        for (int k = 0; k < OL_BEAT_LANES; k++) {
            const float x = fabsf(b->window[i][k] - base[k]);
            area[k] += x;
            peak[k] = x > peak[k] ? x : peak[k];
        }
    }
    for (int k = 0; k < OL_BEAT_LANES; k++) {
        all += area[k] * b->usable[k];
        most = fmaxf(most, peak[k] * b->usable[k]);
        leads += b->usable[k];
    }
    out->area_2ms = as_byte(most > 0.0f ? all * OL_BEAT_GRID_MS / 2.0f / most / leads : 0.0f);
}

int beat_measure(ol_beats *b, ol_beat_record *out) {
    judge_leads(b);
    const int shift = beat_match(b, out);
    for (int c = 0; c < 2; c++) {
        out->p_scale[c] = as_bytes(b, P_AT + shift, OL_BEAT_P_SAMPLES, b->channel[c], out->p[c]);
        out->q_scale[c] = as_bytes(b, Q_AT + shift, OL_BEAT_Q_SAMPLES, b->channel[c], out->q[c]);
    }
    measure_width(b, out, shift);
    measure_area(b, out, shift);
    return shift;
}
