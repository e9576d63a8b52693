/* SPDX-License-Identifier: Apache-2.0 */
/* From scores to waves, and from waves to numbers. */
#ifndef OL_WAVE_DECODE_H
#define OL_WAVE_DECODE_H

#include "ol_wave.h"

#define SCORE_MS 8.0
#define MAX_WINDOW 96

/* The beats around one, in ms of the signal; what is not there is far away. */
typedef struct wave_place {
    double at_ms, before_ms, after_ms;
} wave_place;

/* A window, ms from a beat. */
typedef struct wave_span {
    double at_ms, from_ms, to_ms;
} wave_span;

/* Where a boundary was found in each lane (eight leads, then all together): ms from the beat, and how likely. */
typedef struct wave_found {
    float ms[OL_WAVE_LEADS + 1];
    float likely[OL_WAVE_LEADS + 1];
} wave_found;

enum wave_boundary { P_ON, P_PEAK, P_OFF, QRS_ON, QRS_OFF, T_ON, T_PEAK, T_OFF };

/* Look for one boundary in a window; `good` leads speak for all together. */
void wave_find(const ol_waves *w, enum wave_boundary which, const wave_span *span, uint32_t good, wave_found *found);

/* All of a beat, without measurements. */
void wave_decode(const ol_waves *w, const wave_place *place, ol_wave_beat *beat);

/* P waves without QRS between the beat before and this one's P. */
void wave_extra_p(const ol_waves *w, const wave_place *place, ol_wave_beat *beat);

/* Peaks of QRS, intervals, axis, ST. */
void wave_measure(const ol_waves *w, const wave_place *place, ol_wave_beat *beat);

#endif
