/* SPDX-License-Identifier: Apache-2.0 */
/* Measure the beat in ol_beats.window into `out`. Returns by how many samples of 5 ms its template lies beside the
 * window's fiducial point. */
#ifndef OL_BEAT_MEASURE_H
#define OL_BEAT_MEASURE_H

#include "ol_beat.h"

enum {
    BEAT_SPAN = OL_BEAT_GRID + 2 * OL_BEAT_MARGIN,
    BEAT_BEFORE = OL_BEAT_GRID_R + OL_BEAT_MARGIN, /* samples of the window before the fiducial point */
};

int beat_measure(ol_beats *b, ol_beat_record *out);

/* Row `at` of the ring, the nearest one outside. */
const float *beat_ring_row(const ol_beats *b, int64_t at);

/* Set `spike` of the beat whose fiducial point is at row `centre` of the ring. */
void beat_spike(const ol_beats *b, int64_t centre, ol_beat_record *out);

#endif
