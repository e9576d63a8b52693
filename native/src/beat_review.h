/* SPDX-License-Identifier: Apache-2.0 */
/* Second pass: what its parts share. */
#ifndef OL_BEAT_REVIEW_H
#define OL_BEAT_REVIEW_H

#include "ol_beat.h"

enum {
    REVIEW_AROUND = 20,  /* beats either way that make the rhythm around a beat */
    REVIEW_SHARE = 4,    /* beats that share a statement about those around */
    REVIEW_BLOCK = 64,   /* beats that share an ordinary shape */
    REVIEW_REACH = 192,  /* beats either way of a block that make that shape */
    REVIEW_MOST = 2 * REVIEW_AROUND + 1,
};

/* Means over the beats of a cluster. */
typedef struct cluster_facts {
    float n, early, rr, rr_next, width, area, p;
} cluster_facts;

typedef struct beat_review {
    const ol_beats *beats;
    double fs_hz;
    const ol_beat_record *list;
    ol_beat_context *work;
    size_t n;
    cluster_facts cluster[OL_BEAT_CLUSTERS];
    float distance[OL_BEAT_CLUSTERS][OL_BEAT_CLUSTERS];   /* of the QRS of two templates */
    float t_distance[OL_BEAT_CLUSTERS][OL_BEAT_CLUSTERS]; /* of their T windows */
    float odds_v[OL_BEAT_CLUSTERS]; /* mean log odds of V */
    uint8_t paced[OL_BEAT_CLUSTERS];
} beat_review;

static inline float review_clamp(float x, float low, float high) {
    return x < low ? low : x > high ? high : x;
}

static inline size_t review_first(size_t i, size_t reach) {
    return i > reach ? i - reach : 0;
}

static inline size_t review_last(size_t i, size_t reach, size_t n) {
    return i + reach < n ? i + reach : n - 1;
}

/* Logarithm of a/b within +-2; 0 where one is unknown. */
float review_ratio(float a, float b);

/* Median; sorts x. */
float review_median(float *x, int n);

/* The context `by` beats away, or one of zeros. */
const ol_beat_context *review_near(const beat_review *r, size_t i, int by);

/* Likeness of the P windows of both channels, each by the size of the ordinary P wave in it. */
float review_p(const ol_beat_context *w);

int review_is_early(const ol_beat_context *w);
int review_is_ordinary(const ol_beat_context *w);

/* In this order. */
void review_rhythm(beat_review *r); /* beat_rhythm.c */
void review_shapes(beat_review *r); /* beat_shapes.c */
void review_p_waves(beat_review *r);
void review_context(beat_review *r); /* beat_context.c */

/* beat_features.c */
void review_features(const beat_review *r, size_t i, float *f);

#endif
