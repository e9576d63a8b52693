/* SPDX-License-Identifier: Apache-2.0 */
/* A stretch of scores in which a boundary is sought, eight lanes at once. */
#ifndef OL_WAVE_WINDOW_H
#define OL_WAVE_WINDOW_H

#include "ol_wave.h"

enum wave_boundary { P_ON, P_PEAK, P_OFF, QRS_ON, QRS_OFF, T_ON, T_PEAK, T_OFF };

#define WAVE_MAX_ROWS 48

/* Where a boundary was found in each lane: ms from the beat, and how likely it is there at all. */
typedef struct wave_lanes {
    float ms[8], likely[8];
} wave_lanes;

/* Running sums of the likelihood of each place, and of its moment. */
typedef struct wave_window {
    int32_t n;
    float row_ms, origin_ms; /* of row 0, from the beat */
    float sum[WAVE_MAX_ROWS + 1][8], moment[WAVE_MAX_ROWS + 1][8];
} wave_window;

/* From `from_ms` to `to_ms`, both from the beat at `at_ms`: scores of one boundary in all leads, or those that all leads
 * have together of all boundaries at its rate. */
void wave_open(const ol_waves *w, enum wave_boundary which, int is_pooled, double at_ms, double from_ms, double to_ms,
               wave_window *v);

/* Where in the window the boundary is, in each lane. */
void wave_seek(const wave_window *v, enum wave_boundary which, wave_lanes *found);

#endif
