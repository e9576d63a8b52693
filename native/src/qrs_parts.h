/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the detector know of each other. Time here is counted in detection frames unless a name says so. */
#ifndef OL_QRS_PARTS_H
#define OL_QRS_PARTS_H

#include "ol_qrs.h"

#define RING_MASK (OL_QRS_RING - 1)
#define CANDIDATE_MASK (OL_QRS_CANDIDATES - 1)
#define NO_BEAT (-(INT64_C(1) << 40))

#define FEATURE_DELAY_S 5.5 /* neighbours this far ahead are looked at */
#define PATH_DELAY_S 8.5    /* decided */

static inline int64_t in_frames(const ol_qrs *q, double seconds) {
    return (int64_t)(seconds * q->rate_hz + 0.5);
}

static inline ol_qrs_candidate *candidate_at(ol_qrs *q, int64_t number) {
    return &q->candidates[number & CANDIDATE_MASK];
}

/* The frame of the recording at a detection frame's middle. */
static inline int64_t to_frame(const ol_qrs *q, int64_t at) {
    return q->origin + at * (int64_t)q->step + (int64_t)(q->step - 1) / 2;
}

/* The first frame after the start or the last gap. */
static inline int64_t first_frame_of(const ol_qrs *q) {
    return q->origin + (int64_t)(OL_QRS_HALF * q->step);
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

void qrs_design(ol_qrs *q);                        /* qrs_front.c: the filters */
void qrs_filter_block(ol_qrs *q);                  /* qrs_front.c: a block of x to envelopes */
void qrs_find_candidates(ol_qrs *q);               /* qrs_candidates.c */
void qrs_weigh_candidates(ol_qrs *q, int is_last); /* qrs_candidates.c */
void qrs_decide(ol_qrs *q, int is_last);           /* qrs_path.c */
void qrs_judge_rhythm(ol_qrs *q, int is_last);     /* qrs_vf.c */
int qrs_in_vf(const ol_qrs *q, int64_t at);        /* qrs_vf.c */
void qrs_emit_span(ol_qrs *q, int64_t first_frame, int64_t end_frame, int kind); /* qrs.c */

#endif
