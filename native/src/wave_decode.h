/* SPDX-License-Identifier: Apache-2.0 */
/* From scores to waves, and from waves to numbers. */
#ifndef OL_WAVE_DECODE_H
#define OL_WAVE_DECODE_H

#include "ol_wave.h"

#define STEP_MS 16.0

/* The beats around one, in ms of the stretch; what is not there is far away. */
typedef struct wave_place {
    double at_ms, before_ms, after_ms;
} wave_place;

/* All of a beat, without measurements. */
void wave_decode(const ol_waves *w, const wave_place *place, ol_wave_beat *beat);

/* P waves without QRS between the beat before and this one's P. */
void wave_extra_p(const ol_waves *w, const wave_place *place, ol_wave_beat *beat);

/* Peaks of QRS, intervals, axis, ST. */
void wave_measure(const ol_waves *w, const wave_place *place, ol_wave_beat *beat);

#endif
