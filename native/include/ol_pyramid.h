/* SPDX-License-Identifier: Apache-2.0 */
/* A signal seen from afar: the lowest and the highest value of each lead in buckets of so many frames, and of four buckets
 * in one of the next level. Frames come as they come; any chunking gives the same buckets.
 *
 *     ol_pyramid_init(p, n_leads, lead_i, lead_ii, width);
 *     done += ol_pyramid_push(p, frames + done * n_leads, off + done, n - done, &out)   until all are taken, `out` emptied between
 *     done += ol_pyramid_gap(p, n_missing - done, &out)                                 likewise, where frames are missing
 *     ol_pyramid_end(p, &out)                                                           the bucket that is not full
 *
 * What was missing stays missing: nothing is drawn over a gap, at no level. */
#ifndef OL_PYRAMID_H
#define OL_PYRAMID_H

#include <stddef.h>
#include <stdint.h>

enum ol_pyramid_size {
    OL_PYRAMID_TRACES = 12, /* up to eight stored leads, then III, aVR, aVL, aVF */
    OL_PYRAMID_FOLD = 4,
};

enum ol_pyramid_flag {
    OL_PYRAMID_PARTLY = 256, /* a frame of the bucket is missing; bits 0 to 7: an electrode of that lead was off */
};

/* Microvolts; low > high where nothing is there. */
typedef struct ol_pyramid_bucket {
    float low[12];
    float high[12];
    uint32_t flags;
} ol_pyramid_bucket;

/* Where buckets go: `n` of `room` are used. */
typedef struct ol_pyramid_out {
    ol_pyramid_bucket *buckets;
    size_t room;
    size_t n;
} ol_pyramid_out;

/* cdef: opaque */
typedef struct ol_pyramid {
    uint32_t n_leads, width;
    int32_t lead_i, lead_ii;
    uint32_t n_in; /* frames of the bucket that is being filled, missing ones included */
    float low[16], high[16];
    uint32_t flags;
} ol_pyramid;

/* Columns of leads I and II, or -1: then nothing is derived. OL_OK or OL_E_ARGUMENT (1 to 8 leads, a width of 1 and more). */
int ol_pyramid_init(ol_pyramid *p, uint32_t n_leads, int32_t lead_i, int32_t lead_ii, uint32_t width);

/* Take frames in microvolts; what is no number is not there. `off`: a byte a frame, bit k for lead k, or NULL.
 * Returns how many frames were taken: fewer than `n` when there is no room for a bucket. */
size_t ol_pyramid_push(ol_pyramid *p, const float *frames_uv, const uint8_t *off, size_t n, ol_pyramid_out *out);

/* The same of a recording's integers: microvolt = count * scale_uv[lead]. */
size_t ol_pyramid_push_counts(ol_pyramid *p, const int32_t *counts, const float *scale_uv, const uint8_t *off, size_t n,
                              ol_pyramid_out *out);

/* Frames that are missing. Returns how many were taken. */
uint64_t ol_pyramid_gap(ol_pyramid *p, uint64_t n_missing, ol_pyramid_out *out);

/* Give the bucket that is not full, if there is one. OL_OK, or OL_E_ROOM. */
int ol_pyramid_end(ol_pyramid *p, ol_pyramid_out *out);

/* Four buckets to one, the last of fewer. Returns how many `out` got; it may be `in`. */
size_t ol_pyramid_fold(const ol_pyramid_bucket *in, size_t n, ol_pyramid_bucket *out);

/* One trace of `n` buckets as pairs of 16-bit integers, microvolt = zero + step * integer, low and high rounded outwards by
 * less than a step; (32767, -32768) where nothing is there. The step is `least_step_uv` (above 0), or coarser
 * if the range needs it. */
void ol_pyramid_pack(const ol_pyramid_bucket *in, size_t n, uint32_t trace, float least_step_uv, float *zero_uv,
                     float *step_uv, int16_t *pairs);

/* The way back: sets low and high of one trace. */
void ol_pyramid_unpack(const int16_t *pairs, size_t n, uint32_t trace, float zero_uv, float step_uv, ol_pyramid_bucket *out);

#endif
