/* SPDX-License-Identifier: Apache-2.0 */
/* Each feature x becomes z = (x - low) / (high - low), kept within -0.2 and 1.2, and max(0, z - knot) for three knots:
 * a line with three bends each, whose sum is the log odds. tools/train_beats.py writes the weights. */
#include "beat_model.h"

#include "beat_weights.h"

#include <math.h>

void beat_odds(const float *features, float *ectopic, float *ventricular) {
    float e = BEAT_BIAS[0], v = BEAT_BIAS[1];
    for (int i = 0; i < OL_BEAT_FEATURES; i++) {
        const float z = fminf(fmaxf((features[i] - BEAT_LOW[i]) * BEAT_SCALE[i], -0.2f), 1.2f);
        e += BEAT_WEIGHT[0][i][0] * z;
        v += BEAT_WEIGHT[1][i][0] * z;
        for (int k = 0; k < 3; k++) {
            const float bend = fmaxf(0.0f, z - BEAT_KNOT[i][k]);
            e += BEAT_WEIGHT[0][i][k + 1] * bend;
            v += BEAT_WEIGHT[1][i][k + 1] * bend;
        }
    }
    *ectopic = e;
    *ventricular = v;
}
