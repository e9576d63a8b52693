/* SPDX-License-Identifier: Apache-2.0 */
/* What goes ahead of the analysis and needs nothing of it: frames in, seconds at 250 Hz out, mains taken away where it is
 * heard. It may run in a thread of its own; its seconds go to ol_analysis_push_seconds in their order.
 *
 *     ol_ahead_init(h, fs_hz, n_leads, rail_uv);
 *     for (done = 0; done < n;) {
 *         hand on and empty `out` when it is full;
 *         done += ol_ahead_push_counts(h, counts + done * n_leads, scale_uv, off + done, n - done, &out);
 *     }
 *     where frames are missing and at the end, with OL_AHEAD_ROOM places free:
 *     if (ol_ahead_gap(h, n_missing, &out) == 1) hand on `out`, then ol_analysis_gap(a, n_missing, &found)
 */
#ifndef OL_AHEAD_H
#define OL_AHEAD_H

#include "ol_filter.h"
#include "ol_front.h"

enum ol_ahead_size {
    OL_AHEAD_ROOM = 4, /* seconds a gap may complete */
};

/* cdef: opaque */
typedef struct ol_ahead {
    ol_front front;
    double mains_hz; /* that is being removed, or 0 */
    ol_mains mains;
} ol_ahead;

/* An array of `room` seconds, the first `n` of them filled. */
typedef struct ol_seconds {
    ol_second *second;
    size_t room, n;
} ol_seconds;

/* As ol_front_init. */
int ol_ahead_init(ol_ahead *h, double fs_hz, uint32_t n_leads, float rail_uv);

/* As ol_front_push; stops where `out` is full. Returns how many frames were taken. */
size_t ol_ahead_push(ol_ahead *h, const float *frames_uv, const uint8_t *lead_off, size_t n, ol_seconds *out);

/* As ol_front_push_counts. */
size_t ol_ahead_push_counts(ol_ahead *h, const int32_t *counts, const float *scale_uv, const uint8_t *lead_off, size_t n,
                            ol_seconds *out);

/* Whether so few frames are missing that the one before them may stand for them: up to 40 ms. */
int ol_ahead_bridges(const ol_ahead *h, int64_t n_missing);

/* `n_missing` frames are missing, or the recording ends: 0 if they were bridged, 1 if the stretch has ended, OL_E_ROOM if
 * fewer than OL_AHEAD_ROOM places are free, OL_E_ARGUMENT. */
int ol_ahead_gap(ol_ahead *h, int64_t n_missing, ol_seconds *out);

/* The two parts of a gap that is not bridged: seconds that are left, one by one, and 0; then the frames missing. */
int ol_ahead_end(ol_ahead *h, ol_second *second);
void ol_ahead_skip(ol_ahead *h, int64_t n_missing);

/* The frame after the last one pushed, gaps counted. */
int64_t ol_ahead_end_frame(const ol_ahead *h);

#endif
