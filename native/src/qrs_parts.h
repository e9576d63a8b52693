/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the detector know of each other. Time here is counted in detection frames, pairs of rows, unless a
 * name says so. */
#ifndef OL_QRS_PARTS_H
#define OL_QRS_PARTS_H

#include "ol_qrs.h"
#include <string.h>

#define RATE_HZ 125
#define FRAME_MS 8.0
#define MIDDLE_MS 2.0 /* a detection frame is the mean of rows at 0 and 4 ms of it */
#define FRAMES(ms) (((ms) * RATE_HZ + 500) / 1000)
#define STAND_REACH FRAMES(200) /* a candidate that nothing near is higher than stands out */
#define RING_MASK (OL_QRS_RING - 1)
#define CANDIDATE_MASK (OL_QRS_CANDIDATES - 1)
#define NO_BEAT (-1e12)

#define FEATURE_DELAY_MS 5500 /* neighbours this far ahead are looked at */
#define PATH_DELAY_MS 8500    /* decided */
#define MIDDLE_REACH_MS 60    /* the main deflection lies this near to the envelope's peak */

static inline ol_qrs_candidate *candidate_at(ol_qrs *q, int64_t number) {
    return &q->candidates[number & CANDIDATE_MASK];
}

static inline double to_ms(double frame) {
    return frame * FRAME_MS + MIDDLE_MS;
}

/* fmaxf and fminf are calls where the compiler must keep to IEEE; nothing here is a NaN. */
static inline float larger(float a, float b) {
    return a > b ? a : b;
}

static inline float smaller(float a, float b) {
    return a < b ? a : b;
}

/* Sorts `values` (n of 1 to 64) and returns the one `fraction` of the way up. */
static inline float quantile(float *values, int n, double fraction) {
    for (int i = 1; i < n; i++) {
        const float v = values[i];
        int j = i;
        for (; j > 0 && values[j - 1] > v; j--) {
            values[j] = values[j - 1];
        }
        values[j] = v;
    }
    return values[(int)(fraction * (n - 1) + 0.5)];
}

/* Natural logarithm of a positive number that is not subnormal, to 1e-4: 2^e (1 + t), t brought to -0.25 .. 0.5. */
static inline float quick_log(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint32_t shifted = bits - 0x3f400000u; /* mantissa from 0.75 to 1.5 */
    const int32_t exponent = (int32_t)shifted >> 23;
    bits -= (uint32_t)exponent << 23;
    float m;
    memcpy(&m, &bits, sizeof m);
    const float s = (m - 1) / (m + 1), ss = s * s; /* ln m = 2 (s + s^3/3 + s^5/5 + ...) */
    return (float)exponent * 0.69314718f + s * (2 + ss * (0.66666667f + ss * 0.4f));
}

/* e^x for x <= 0, to 1e-3 of itself; 0 below -80. */
static inline float quick_exp(float x) {
    if (x < -80) {
        return 0;
    }
    const float y = x * 1.44269504f;
    const int32_t whole = (int32_t)(y - 1); /* y <= 0: rounds to below */
    const float f = y - (float)whole;       /* 0 to 2 */
    const float h = f * 0.34657359f, e = 1 + h * (1 + h * (0.5f + h * (0.16666667f + h * 0.04166667f)));
    const uint32_t bits = (uint32_t)(whole + 127) << 23;
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return e * e * scale;
}

void qrs_design(ol_qrs *q);                                            /* qrs_front.c: the filters */
void qrs_filter_block(ol_qrs *q);                                      /* qrs_front.c: a block of x to envelopes */
void qrs_find_candidates(ol_qrs *q);                                   /* qrs_candidates.c */
void qrs_weigh_candidates(ol_qrs *q, int is_last);                     /* qrs_candidates.c */
void qrs_decide(ol_qrs *q, int is_last);                               /* qrs_path.c */
void qrs_judge_rhythm(ol_qrs *q, int is_last);                         /* qrs_vf.c */
int qrs_in_vf(const ol_qrs *q, int64_t at);                            /* qrs_vf.c */
void qrs_emit_span(ol_qrs *q, double from_ms, double to_ms, int kind); /* qrs_spans.c */
void qrs_note_pause(ol_qrs *q, double until_ms);                       /* qrs_spans.c: a beat, or the end, is known */
double qrs_taken_ms(const ol_qrs *q);                                  /* qrs_spans.c: how much came */

#endif
