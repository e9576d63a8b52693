/* SPDX-License-Identifier: Apache-2.0 */
/* Each feature x becomes z = (x - low) / (high - low), kept within -0.2 and 1.2, and max(0, z - knot) for five knots:
 * a line with five bends each, whose sum is the log odds. tools/train_beats.py writes the weights. */
#include "beat_model.h"

#include "beat_weights.h"
#include "lanes.h"

#define KNOTS (sizeof BEAT_KNOT / sizeof *BEAT_KNOT)
#define PADDED (sizeof BEAT_LOW / sizeof *BEAT_LOW)
_Static_assert(PADDED == (OL_BEAT_FEATURES + 7) / 8 * 8, "eight features at a time");

OL_CLONES void beat_odds(const float *features, float *ectopic, float *ventricular) {
    float x[PADDED] = {0};
    const lanes none = {0}, low = none - 0.2f, high = none + 1.2f;
    lanes e = none, v = none;
    memcpy(x, features, OL_BEAT_FEATURES * sizeof *features);
    for (size_t i = 0; i < PADDED; i += 8) {
        const lanes z = lanes_min(lanes_max((load8(x + i) - load8(BEAT_LOW + i)) * load8(BEAT_SCALE + i), low), high);
        e += load8(BEAT_WEIGHT[0][0] + i) * z;
        v += load8(BEAT_WEIGHT[1][0] + i) * z;
        for (size_t k = 0; k < KNOTS; k++) {
            const lanes bend = lanes_max(z - load8(BEAT_KNOT[k] + i), none);
            e += load8(BEAT_WEIGHT[0][k + 1] + i) * bend;
            v += load8(BEAT_WEIGHT[1][k + 1] + i) * bend;
        }
    }
    *ectopic = lanes_sum(e) + BEAT_BIAS[0];
    *ventricular = lanes_sum(v) + BEAT_BIAS[1];
}
