/* SPDX-License-Identifier: Apache-2.0 */
/* Measure the beat in ol_beats.window into `out`. Returns by how many samples of 5 ms its template lies beside the
 * window's fiducial point. */
#ifndef OL_BEAT_MEASURE_H
#define OL_BEAT_MEASURE_H

#include "ol_beat.h"

enum {
    BEAT_SPAN = OL_BEAT_GRID + 2 * OL_BEAT_MARGIN,
    BEAT_BEFORE = OL_BEAT_GRID_R + OL_BEAT_MARGIN, /* samples of the window before the fiducial point */
    /* The fiducial point lies up to 45 rows beside what was told; the window begins 97 before it and ends 117 after. */
    BEAT_ROWS_BEFORE = 144,
    BEAT_ROWS_AFTER = 164,
    BEAT_ROWS = BEAT_ROWS_BEFORE + BEAT_ROWS_AFTER
};

/* Rows around a beat; that nearest to what was told is row[BEAT_ROWS_BEFORE]. */
typedef struct beat_piece {
    float row[BEAT_ROWS][OL_BEAT_LANES];
} beat_piece;

/* `good` are the leads whose second is usable. */
int beat_measure(ol_beats *b, uint8_t good, ol_beat_record *out);

/* Set `spike` of the beat whose fiducial point is at row `centre`. */
void beat_spike(const ol_beats *b, const beat_piece *p, int centre, ol_beat_record *out);

#endif
