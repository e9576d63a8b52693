/* SPDX-License-Identifier: Apache-2.0 */
/* Ventricular fibrillation and flutter, second by second, in four seconds of the lead that counts most:
 *   leakage: a sine cancels with itself half a period earlier; Kuo and Dillman, "Computer detection of ventricular
 *     fibrillation", Computers in Cardiology (1978) 347. Window of 4 s, no exception for high peaks;
 *   time above a fifth of the maximum: Arafat et al., "A simple time domain algorithm for the detection of ventricular
 *     fibrillation in electrocardiogram", SIViP 5 (2011) 1, doi:10.1007/s11760-009-0136-1. Window of 4 s, no taper.
 * Three seconds in a row must say so: beats are then not given, so this had better be right. What follows such a run
 * needs less to belong to it: fibrillation gets coarser and finer, but does not pass in a second. */
#include "qrs_parts.h"
#include <math.h>

#define LEAST_UV 30.0f
#define LEAKAGE_MOST 0.52f
#define ABOVE_LEAST 0.48f
#define LEAKAGE_MOST_GOING_ON 0.75f
#define ABOVE_LEAST_GOING_ON 0.38f
#define RUN 3

typedef struct {
    float leakage, above, most_uv;
} sine_likeness;

static sine_likeness measure(const float *wave, int64_t n_frames) {
    sine_likeness s = {1, 0, 0};
    float mean = 0, size = 1e-3f, way = 1e-3f, sum = 0, parts = 1e-3f, n = (float)n_frames;
    for (int64_t i = 0; i < n_frames; i++) {
        mean += wave[i];
    }
    mean /= n;
    for (int64_t i = 0; i < n_frames; i++) {
        const float v = fabsf(wave[i] - mean);
        size += v;
        way += i > 0 ? fabsf(wave[i] - wave[i - 1]) : 0;
        s.most_uv = larger(s.most_uv, v);
    }
    const int64_t half = (int64_t)(3.14159265f * size / way + 0.5f);
    for (int64_t i = 0; i < n_frames; i++) {
        const float v = wave[i] - mean;
        s.above += fabsf(v) > 0.2f * s.most_uv ? 1.0f : 0.0f;
        if (i >= half) {
            const float w = wave[i - half] - mean;
            sum += fabsf(v + w);
            parts += fabsf(v) + fabsf(w);
        }
    }
    s.leakage = sum / parts;
    s.above /= n;
    return s;
}

static int follows_run(const ol_qrs *q, int64_t slot) {
    int all = slot >= RUN;
    for (int64_t i = slot - RUN; i < slot && all; i++) {
        all = q->vf[i % OL_QRS_SLOTS];
    }
    return all;
}

static uint8_t judge(const ol_qrs *q, int64_t slot) {
    const int64_t from = slot > 1 ? (slot - 2) * RATE_HZ : 0;
    const sine_likeness s = measure(q->wave + (from & RING_MASK), (slot + 2) * RATE_HZ - from);
    const int clear = s.leakage < LEAKAGE_MOST && s.above > ABOVE_LEAST;
    const int likely = s.leakage < LEAKAGE_MOST_GOING_ON && s.above > ABOVE_LEAST_GOING_ON;
    return s.most_uv > LEAST_UV && (clear || (likely && follows_run(q, slot)));
}

/* Is this second one of RUN in a row that say so? */
static int in_run(const ol_qrs *q, int64_t slot) {
    int run = 0;
    for (int64_t i = slot - RUN + 1; i <= slot + RUN - 1 && run < RUN; i++) {
        const int known = i >= 0 && i < q->n_verdicts && i > q->n_verdicts - OL_QRS_SLOTS;
        run = known && q->vf[i % OL_QRS_SLOTS] ? run + 1 : 0;
    }
    return run >= RUN;
}

int qrs_in_vf(const ol_qrs *q, int64_t at) {
    return in_run(q, at / RATE_HZ);
}

static void close_span(ol_qrs *q, int64_t slot) {
    if (q->vf_from >= 0) {
        qrs_emit_span(q, (double)q->vf_from * 1000, (double)slot * 1000, OL_SPAN_VF);
        q->vf_from = -1;
    }
}

void qrs_judge_rhythm(ol_qrs *q, int is_last) {
    while (q->n_verdicts + 2 <= q->n_slots) {
        q->vf[q->n_verdicts % OL_QRS_SLOTS] = judge(q, q->n_verdicts);
        q->n_verdicts++;
        const int64_t slot = q->n_verdicts - RUN;
        if (slot < 0) {
            continue;
        }
        if (!in_run(q, slot)) {
            close_span(q, slot);
        } else if (q->vf_from < 0) {
            q->vf_from = slot;
        }
    }
    if (is_last) {
        close_span(q, q->n_verdicts);
    }
}
