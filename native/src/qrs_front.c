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
enum { MAIN, LOW, HIGH, LOW_STRIDE = 4, HIGH_STRIDE = 2 };
static const double band_hz[3] = {11, 5, 22};

static double derivative(int order, double u) {
    return (order == 2 ? 1 - u * u : 3 * u - u * u * u) * exp(-0.5 * u * u);
}

/* Taps 0..half of one side; unit gain at band_hz. Order 2 is freed of its mean, which cutting it off left. */
static void design(double rate_hz, double f_hz, int order, float *taps, uint32_t half) {
    const double width = sqrt((double)order) / (TWO_PI * f_hz) * rate_hz, w = TWO_PI * f_hz / rate_hz;
    double mean = 0, bell = 0, gain = 0;
    for (uint32_t k = 0; k <= half && order == 2; k++) {
        const double u = k / width, twice = k ? 2 : 1;
        mean += twice * derivative(2, u);
        bell += twice * exp(-0.5 * u * u);
    }
    const double part = order == 2 ? mean / bell : 0;
    for (uint32_t k = 0; k <= half; k++) {
        const double u = k / width, tap = derivative(order, u) - part * exp(-0.5 * u * u);
        gain += (k ? 2 : 1) * tap * (order == 2 ? cos(w * k) : sin(w * k));
        taps[k] = (float)tap;
    }
    for (uint32_t k = 0; k <= half; k++) {
        taps[k] /= (float)fabs(gain);
    }
}

void qrs_design(ol_qrs *q) {
    for (int b = 0; b < 3; b++) {
        const double half = ceil(3.6 * sqrt(3.0) / (TWO_PI * band_hz[b]) * q->rate_hz);
        q->half[b] = half < OL_QRS_HALF ? (uint32_t)half : OL_QRS_HALF;
        design(q->rate_hz, band_hz[b], 2, q->even[b], q->half[b]);
        design(q->rate_hz, band_hz[b], 3, q->odd[b], q->half[b]);
    }
}

/* even[n] = e0 x[n] + sum e_k (x[n+k] + x[n-k]);  odd[n] = sum o_k (x[n+k] - x[n-k]);  returns even^2 + odd^2. */
OL_INLINE lanes envelope(const ol_qrs *q, int b, uint32_t n, lanes *even_out) {
    const float (*x)[8] = q->x + OL_QRS_HALF + n;
    lanes even = load8(x[0]) * q->even[b][0], odd = {0};
    for (uint32_t k = 1; k <= q->half[b]; k++) {
        const lanes ahead = load8(x[k]), behind = load8(*(x - k));
        even += (ahead + behind) * q->even[b][k];
        odd += (ahead - behind) * q->odd[b][k];
    }
    *even_out = even;
    return even * even + odd * odd;
}

OL_INLINE float fuse(lanes energy, lanes weights) {
    return sqrtf(lanes_sum(energy * weights));
}

/* The part of a heartbeat's time in which a lead is still: the lower quartile of its energy over the last blocks. */
static float background(const ol_qrs *q, uint32_t lead) {
    float values[OL_QRS_HISTORY];
    const int n = q->n_energy < OL_QRS_HISTORY ? (int)q->n_energy : OL_QRS_HISTORY;
    for (int i = 0; i < n; i++) {
        values[i] = q->energy[i][lead];
    }
    return n ? quantile(values, n, 0.25) : 0;
}

/* The swing of each lead in all that the filters see of it now. */
OL_CLONES static void swing(const ol_qrs *q, float *out) {
    lanes low = load8(q->x[0]), high = low;
    for (uint32_t i = 1; i < 2 * OL_QRS_HALF + OL_QRS_BLOCK; i++) {
        const lanes v = load8(q->x[i]);
        low = lanes_min(low, v);
        high = lanes_max(high, v);
    }
    store8(out, high - low);
}

/* Weights that add to one; all zero where no lead can be used now. A lead is left out while it swings as no heart does
 * or does not move. */
static void weigh(ol_qrs *q) {
    float total = 0, swings[8];
    swing(q, swings);
    for (uint32_t k = 0; k < q->n_leads; k++) {
        const int usable = swings[k] > FLAT_UV && swings[k] < RANGE_UV;
        q->weights[k] = usable ? q->seconds_score[k] / (background(q, k) + BACKGROUND_UV * BACKGROUND_UV) : 0;
        total += q->weights[k];
    }
    for (uint32_t k = 0; k < q->n_leads; k++) {
        q->weights[k] = total > 0 ? q->weights[k] / total : 0;
    }
}

OL_CLONES static void filter(ol_qrs *q) {
    const lanes weights = load8(q->weights);
    lanes sum = {0}, even;
    float low = 0, high = 0;
    for (uint32_t i = 0; i < OL_QRS_BLOCK; i++) {
        const int64_t n = q->n_env & RING_MASK;
        const lanes energy = envelope(q, MAIN, i, &even);
        store8(q->band[n], even);
        q->env[n] = fuse(energy, weights);
        sum += energy;
        if (i % LOW_STRIDE == 0) {
            low = fuse(envelope(q, LOW, i, &even), weights);
        }
        if (i % HIGH_STRIDE == 0) {
            high = fuse(envelope(q, HIGH, i, &even), weights);
        }
        q->low[n] = low;
        q->high[n] = high;
        q->n_env++;
    }
    store8(q->energy[q->n_energy++ % OL_QRS_HISTORY], sum / (float)OL_QRS_BLOCK);
}

/* One slot a second: the highest envelope, its mean, that of its stillest quarter, and the highest of the low band. */
static void note_slots(ol_qrs *q) {
    const int64_t n = q->slot_frames;
    for (; (q->n_slots + 1) * n <= q->n_env; q->n_slots++) {
        const int64_t first = q->n_slots * n, slot = q->n_slots % OL_QRS_SLOTS;
        float peak = 0, mean = 0, quiet = 1e30f, low = 0;
        for (int64_t quarter = 0; quarter < 4; quarter++) {
            const int64_t from = first + quarter * n / 4, to = first + (quarter + 1) * n / 4;
            float sum = 0;
            for (int64_t i = from; i < to; i++) {
                sum += q->env[i & RING_MASK];
                peak = larger(peak, q->env[i & RING_MASK]);
                low = larger(low, q->low[i & RING_MASK]);
            }
            mean += sum / (float)n;
            quiet = smaller(quiet, sum / (float)(to - from));
        }
        q->slot_peak[slot] = peak, q->slot_mean[slot] = mean, q->slot_quiet[slot] = quiet, q->slot_low[slot] = low;
    }
}

void qrs_filter_block(ol_qrs *q) {
    weigh(q);
    filter(q);
    memmove(q->x, q->x + OL_QRS_BLOCK, sizeof *q->x * 2 * OL_QRS_HALF);
    note_slots(q);
}
