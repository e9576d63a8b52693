/* SPDX-License-Identifier: Apache-2.0 */
/* Ventricular fibrillation and flutter, second by second, in four seconds of the largest lead that counts:
 *   leakage: a sine cancels with itself half a period earlier; Kuo and Dillman, "Computer detection of ventricular
 *     fibrillation", Computers in Cardiology (1978) 347. Window of 4 s, no exception for high peaks;
 *   time above a fifth of the maximum: Arafat et al., "A simple time domain algorithm for the detection of ventricular
 *     fibrillation in electrocardiogram", SIViP 5 (2011) 1, doi:10.1007/s11760-009-0136-1. Window of 4 s, no taper.
 * Three seconds in a row must say so: beats are then not given, so this had better be right. What follows such a run
 * needs less to belong to it: fibrillation gets coarser and finer, but does not pass in a second. */
#include "lanes.h"
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

/* Eight frames at a time; up to seven at the end are left out. */
OL_INLINE sine_likeness measure_lanes(const float *wave, int64_t n_frames) {
    const lanes none = {0};
    lanes mean = none, size = none, way = none, most = none, above = none, sum = none, parts = none;
    const int64_t end = n_frames & ~INT64_C(7);
    for (int64_t i = 0; i < end; i += 8) {
        mean += load8(wave + i);
    }
    mean = none + lanes_sum(mean) / (float)end;
    for (int64_t i = 0; i < end; i += 8) {
        const lanes v = lanes_abs(load8(wave + i) - mean);
        size += v;
        most = lanes_max(most, v);
        way += i ? lanes_abs(load8(wave + i) - load8(wave + i - 1)) : none;
    }
    sine_likeness s = {1, 0, 0};
    for (int k = 0; k < 8; k++) {
        s.most_uv = larger(s.most_uv, most[k]);
    }
    const float size_sum = lanes_sum(size) + 1e-3f, way_sum = lanes_sum(way) + 1e-3f;
    const int64_t half = (int64_t)(3.14159265f * size_sum / way_sum + 0.5f);
    for (int64_t i = 0; i < end; i += 8) {
        above += lanes_one_if(lanes_abs(load8(wave + i) - mean) > 0.2f * s.most_uv);
    }
    for (int64_t i = half; i + 8 <= end; i += 8) {
        const lanes v = load8(wave + i) - mean, w = load8(wave + i - half) - mean;
        sum += lanes_abs(v + w);
        parts += lanes_abs(v) + lanes_abs(w);
    }
    s.leakage = lanes_sum(sum) / (lanes_sum(parts) + 1e-3f);
    s.above = lanes_sum(above) / (float)end;
    return s;
}

OL_CLONES static sine_likeness measure(const float *wave, int64_t n_frames) {
    return measure_lanes(wave, n_frames);
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
