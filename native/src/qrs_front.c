/* SPDX-License-Identifier: Apache-2.0 */
/* From leads to envelopes. Each lead is filtered by the second and the third derivative of a Gaussian, an even and an
 * odd wavelet tuned to one frequency, and the two squared and added give the squared envelope of that band with no
 * delay but the filter's half length: Martinez et al., "A wavelet-based ECG delineator", IEEE TBME 51 (2004) 570,
 * doi:10.1109/TBME.2003.821031. Departures: Gaussian derivatives in place of the quadratic spline, a pair of them in
 * place of one, so that a QRS gives one peak whatever its shape, and three bands (5, 11, 22 Hz) in place of dyadic
 * scales. Leads are added as energies, each over its own background: the best linear combination of envelopes where
 * backgrounds are independent. */
#include "lanes.h"
#include "qrs_parts.h"
#include <math.h>

#define TWO_PI 6.283185307179586
#define BACKGROUND_UV 5.0f
#define RANGE_UV 20000.0f
#define FLAT_UV 2.0f
enum { LOW_STRIDE = 4 };
enum { MAIN_EVEN, MAIN_ODD, LOW_EVEN, LOW_ODD, HIGH_EVEN, HIGH_ODD }; /* of q->taps */
enum { MAIN_HALF = 12, LOW_HALF = 25, HIGH_HALF = 6 };
static const double main_hz = 11, low_hz = 5, high_hz = 22;

static double derivative(int order, double u) {
    return (order == 2 ? 1 - u * u : 3 * u - u * u * u) * exp(-0.5 * u * u);
}

/* Taps 0..half of one side; unit gain at f_hz. Order 2 is freed of its mean, which cutting it off left. */
static void design(double f_hz, int order, float *taps, int half) {
    const double width = sqrt((double)order) / (TWO_PI * f_hz) * RATE_HZ, w = TWO_PI * f_hz / RATE_HZ;
    double mean = 0, bell = 0, gain = 0;
    for (int k = 0; k <= half && order == 2; k++) {
        const double u = k / width, twice = k ? 2 : 1;
        mean += twice * derivative(2, u);
        bell += twice * exp(-0.5 * u * u);
    }
    const double part = order == 2 ? mean / bell : 0;
    for (int k = 0; k <= half; k++) {
        const double u = k / width, tap = derivative(order, u) - part * exp(-0.5 * u * u);
        gain += (k ? 2 : 1) * tap * (order == 2 ? cos(w * k) : sin(w * k));
        taps[k] = (float)tap;
    }
    for (int k = 0; k <= half; k++) {
        taps[k] /= (float)fabs(gain);
    }
}

void qrs_design(ol_qrs *q) {
    design(main_hz, 2, q->taps[MAIN_EVEN], MAIN_HALF);
    design(main_hz, 3, q->taps[MAIN_ODD], MAIN_HALF);
    design(low_hz, 2, q->taps[LOW_EVEN], LOW_HALF);
    design(low_hz, 3, q->taps[LOW_ODD], LOW_HALF);
    design(high_hz, 2, q->taps[HIGH_EVEN], HIGH_HALF);
    design(high_hz, 3, q->taps[HIGH_ODD], HIGH_HALF);
}

typedef struct {
    lanes even, energy;
} wavelet;

/* even[n] = e0 x[n] + sum e_k (x[n+k] + x[n-k]);  odd[n] = sum o_k (x[n+k] - x[n-k]);  energy = even^2 + odd^2.
 * Two neighbours at once, which share the taps. */
OL_INLINE void envelope(const float (*x)[8], const float *even_taps, const float *odd_taps, int half, wavelet *out) {
    lanes even0 = load8(x[0]) * even_taps[0], even1 = load8(x[1]) * even_taps[0], odd0 = {0}, odd1 = {0};
    for (int k = 1; k <= half; k++) {
        const lanes ahead0 = load8(x[k]), ahead1 = load8(x[k + 1]), behind0 = load8(x[-k]), behind1 = load8(x[1 - k]);
        even0 += (ahead0 + behind0) * even_taps[k];
        even1 += (ahead1 + behind1) * even_taps[k];
        odd0 += (ahead0 - behind0) * odd_taps[k];
        odd1 += (ahead1 - behind1) * odd_taps[k];
    }
    out[0] = (wavelet){even0, even0 * even0 + odd0 * odd0};
    out[1] = (wavelet){even1, even1 * even1 + odd1 * odd1};
}

/* The same for one. */
OL_INLINE lanes envelope_of_one(const float (*x)[8], const float *even_taps, const float *odd_taps, int half) {
    lanes even = load8(x[0]) * even_taps[0], odd = {0};
    for (int k = 1; k <= half; k++) {
        const lanes ahead = load8(x[k]), behind = load8(x[-k]);
        even += (ahead + behind) * even_taps[k];
        odd += (ahead - behind) * odd_taps[k];
    }
    return even * even + odd * odd;
}

OL_INLINE float fuse(lanes energy, lanes weights) {
    return sqrtf(lanes_sum(energy * weights));
}

/* The part of a heartbeat's time in which a lead is still: the lower quartile of its energy over the last blocks, here
 * the fourth lowest of 16. */
OL_INLINE lanes background(const ol_qrs *q) {
    const uint32_t n = q->n_energy < OL_QRS_HISTORY ? q->n_energy : OL_QRS_HISTORY;
    const uint32_t place = n ? (n - 1 + 2) / 4 : 0; /* 0 to 4 */
    lanes lowest[5];
    for (int i = 0; i < 5; i++) {
        lowest[i] = (lanes){0} + (n ? 3.0e38f : 0);
    }
    for (uint32_t i = 0; i < n; i++) {
        lanes v = load8(q->energy[i]);
        for (int k = 0; k < 5; k++) {
            const lanes less = lanes_min(v, lowest[k]);
            v = lanes_max(v, lowest[k]);
            lowest[k] = less;
        }
    }
    return lowest[place];
}

/* The swing of each lead in all that the filters see of it now. */
OL_INLINE lanes swing(const ol_qrs *q) {
    lanes low = load8(q->x[0]), high = low;
    for (uint32_t i = 1; i < 2 * OL_QRS_HALF + OL_QRS_BLOCK; i++) {
        const lanes v = load8(q->x[i]);
        low = lanes_min(low, v);
        high = lanes_max(high, v);
    }
    return high - low;
}

/* The quality of each lead in all seconds that the filters see now, or, where that leaves none, in the block's own. */
OL_INLINE lanes quality(const ol_qrs *q) {
    const lanes before = load8(q->score[0]), now = load8(q->score[1]);
    const int64_t first = q->n_env - OL_QRS_HALF, end = q->n_env + OL_QRS_BLOCK + OL_QRS_HALF;
    const lanes both = first >= q->score_from ? now : end <= q->score_from ? before : lanes_min(before, now);
    const lanes own = q->n_env + OL_QRS_BLOCK / 2 < q->score_from ? before : now;
    return lanes_sum(both) > 0 ? both : own;
}

/* Weights that add to one; all zero where no lead can be used now. A lead is left out while it swings as no heart does
 * or does not move. */
OL_INLINE void weigh(ol_qrs *q) {
    const lanes swings = swing(q);
    const lanes usable = lanes_one_if((swings > FLAT_UV) & (swings < RANGE_UV));
    const lanes weights = usable * quality(q) / (background(q) + BACKGROUND_UV * BACKGROUND_UV);
    const float total = lanes_sum(weights);
    store8(q->weights, weights * (total > 0 ? 1 / total : 0));
}

OL_INLINE lanes root(lanes v) {
    for (int k = 0; k < 8; k++) {
        v[k] = sqrtf(v[k]);
    }
    return v;
}

/* The envelopes of a frame, each kept twice, so that any stretch of the ring lies in one piece. */
OL_INLINE void keep(float *ring, int64_t n, float value) {
    ring[n] = ring[n + OL_QRS_RING] = value;
}

OL_INLINE void filter(ol_qrs *q) {
    const lanes weights = load8(q->weights), roots = root(weights);
    lanes sum = {0};
    float low = 0;
    for (uint32_t i = 0; i < OL_QRS_BLOCK; i += 2) {
        const float (*x)[8] = (const float (*)[8])q->x + OL_QRS_HALF + i;
        wavelet main[2], high[2];
        if (i % LOW_STRIDE == 0) {
            low = fuse(envelope_of_one(x, q->taps[LOW_EVEN], q->taps[LOW_ODD], LOW_HALF), weights);
        }
        envelope(x, q->taps[MAIN_EVEN], q->taps[MAIN_ODD], MAIN_HALF, main);
        envelope(x, q->taps[HIGH_EVEN], q->taps[HIGH_ODD], HIGH_HALF, high);
        for (int k = 0; k < 2; k++) {
            const int64_t n = q->n_env++ & RING_MASK;
            store8(q->band[n], main[k].even * roots);
            keep(q->env, n, fuse(main[k].energy, weights));
            keep(q->low, n, low);
            q->high[n] = fuse(high[k].energy, weights);
            sum += main[k].energy;
        }
    }
    store8(q->energy[q->n_energy++ % OL_QRS_HISTORY], sum / (float)OL_QRS_BLOCK);
}

/* One slot a second: the highest envelope, its mean, that of its stillest quarter, and the highest of the low band. */
static void note_slot(ol_qrs *q) {
    const int64_t first = q->n_slots * RATE_HZ & RING_MASK, slot = q->n_slots % OL_QRS_SLOTS;
    float peak = 0, mean = 0, quiet = 1e30f, low = 0;
    for (int64_t quarter = 0; quarter < 4; quarter++) {
        const int64_t from = first + quarter * RATE_HZ / 4, to = first + (quarter + 1) * RATE_HZ / 4;
        float sum = 0;
        for (int64_t i = from; i < to; i++) {
            sum += q->env[i];
            peak = larger(peak, q->env[i]);
            low = larger(low, q->low[i]);
        }
        mean += sum / RATE_HZ;
        quiet = smaller(quiet, sum / (float)(to - from));
    }
    q->slot_peak[slot] = peak, q->slot_mean[slot] = mean, q->slot_quiet[slot] = quiet, q->slot_low[slot] = low;
    q->n_slots++;
}

OL_CLONES static void filter_block(ol_qrs *q) {
    weigh(q);
    filter(q);
}

void qrs_filter_block(ol_qrs *q) {
    filter_block(q);
    memmove(q->x, q->x + OL_QRS_BLOCK, sizeof *q->x * 2 * OL_QRS_HALF);
    while ((q->n_slots + 1) * RATE_HZ <= q->n_env) {
        note_slot(q);
    }
}
