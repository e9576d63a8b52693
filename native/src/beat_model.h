/* SPDX-License-Identifier: Apache-2.0 */
/* Two logistic regressions over the features and their hinges. */
#ifndef OL_BEAT_MODEL_H
#define OL_BEAT_MODEL_H

#include "ol_beat.h"

/* Log odds of a beat being ectopic (S or V), and of an ectopic beat being V. */
void beat_odds(const float *features, float *ectopic, float *ventricular);

#endif
