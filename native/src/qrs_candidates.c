/* SPDX-License-Identifier: Apache-2.0 */
/* Candidates are the peaks of the envelope; each is weighed by 32 features into the log of the odds that it is a beat.
 *
 * The features are those that detectors decide by one after another: height over signal and noise levels (Hamilton
 * and Tompkins 1986, doi:10.1109/TBME.1986.325695), width and slope by band ratios, what stands beside it (T waves),
 * and likeness to its neighbours (cross-correlation, in place of a kept template, looks both ways). A small network
 * (qrs_net.h) weighs all of them at once. Every feature but one is a ratio: the gain does not matter. */
#include "lanes.h"
#include "qrs_net.h"
#include "qrs_parts.h"
#include <math.h>
#include <stdlib.h>

#define LEAST_UV 4.0f
#define N_RINGS 7
#define NEIGHBOURS 5
#define NEIGHBOUR_S 5.0

typedef struct {
    float *values;
    int n;
} feature_list;

static void add(feature_list *f, float value, float least, float most) {
    f->values[f->n++] = value < least ? least : value > most ? most : value;
}

static float level(float uv) {
    return logf(uv + 0.5f);
}

static float env_at(const ol_qrs *q, int64_t i) {
    return i < 0 || i >= q->n_env || i < q->n_env - OL_QRS_RING ? 0 : q->env[i & RING_MASK];
}

/* The highest of `ring` from detection frame `from` to before `to`. */
static float highest(const ol_qrs *q, const float *ring, int64_t from, int64_t to) {
    const int64_t oldest = q->n_env > OL_QRS_RING ? q->n_env - OL_QRS_RING : 0;
    float most = 0;
    to = to < q->n_env ? to : q->n_env;
    for (int64_t i = from > oldest ? from : oldest; i < to; i++) {
        most = ring[i & RING_MASK] > most ? ring[i & RING_MASK] : most;
    }
    return most;
}

static int is_peak(const ol_qrs *q, int64_t i, int64_t reach) {
    const float e = q->env[i & RING_MASK];
    int peak = e >= LEAST_UV && e >= env_at(q, i - 1) && e >= env_at(q, i + 1);
    for (int64_t k = 1; k <= reach && peak; k++) {
        peak = e > env_at(q, i - k) && e >= env_at(q, i + k);
    }
    return peak;
}

/* Where the even wavelet is strongest: the middle of the main deflection. */
static int64_t fiducial(const ol_qrs *q, int64_t at) {
    const int64_t reach = in_frames(q, 0.06);
    int64_t found = at;
    float most = 0;
    for (int64_t i = at - reach > 0 ? at - reach : 0; i <= at + reach; i++) {
        float energy = 0;
        for (uint32_t k = 0; k < q->n_leads; k++) {
            const float b = q->band[i & RING_MASK][k];
            energy += b * b * q->weights[k];
        }
        if (energy > most) {
            most = energy;
            found = i;
        }
    }
    return found;
}

void qrs_find_candidates(ol_qrs *q) {
    const int64_t reach = in_frames(q, 0.07);
    for (; q->peak_at + reach < q->n_env; q->peak_at++) {
        if (!is_peak(q, q->peak_at, reach) || q->n_found - q->n_decided >= OL_QRS_CANDIDATES - 80) {
            continue;
        }
        ol_qrs_candidate *c = candidate_at(q, q->n_found++);
        memset(c, 0, sizeof *c);
        c->at = q->peak_at;
        c->size_uv = q->env[q->peak_at & RING_MASK];
        c->fiducial = fiducial(q, c->at);
    }
}

/* The seconds around `at`: from five before to four after the one it is in, as far as they are known. */
static int around(const ol_qrs *q, int64_t at, const float *slots, float *values) {
    const int64_t slot = at / q->slot_frames;
    const int64_t from = slot > 5 ? slot - 5 : 0, to = slot + 5 < q->n_slots ? slot + 5 : q->n_slots;
    int n = 0;
    for (int64_t i = from; i < to; i++) {
        values[n++] = slots[i % OL_QRS_SLOTS];
    }
    return n;
}

static float around_quantile(const ol_qrs *q, int64_t at, const float *slots, double fraction) {
    float values[16];
    const int n = around(q, at, slots, values);
    return n ? quantile(values, n, fraction) : 0;
}

static void add_levels(const ol_qrs *q, const ol_qrs_candidate *c, feature_list *f) {
    const float e = level(c->size_uv), signal = level(around_quantile(q, c->at, q->slot_peak, 0.6));
    const float noise = level(around_quantile(q, c->at, q->slot_quiet, 0.5));
    add(f, e - signal, -3, 2);
    add(f, e - noise, -2, 5);
    add(f, e - level(around_quantile(q, c->at, q->slot_mean, 0.5)), -2, 4);
    add(f, signal - noise, 0, 5);
}

static void add_shape(const ol_qrs *q, const ol_qrs_candidate *c, feature_list *f) {
    static const double edge_s[N_RINGS + 1] = {0.08, 0.13, 0.2, 0.28, 0.36, 0.5, 0.75, 1.2};
    const float e = level(c->size_uv);
    const int64_t side = in_frames(q, 0.05);
    add(f, level(q->low[c->at & RING_MASK]) - e, -3, 3);
    add(f, level(q->high[c->at & RING_MASK]) - e, -3, 3);
    add(f, 0.5f * (level(env_at(q, c->at - side)) + level(env_at(q, c->at + side))) - e, -3, 0);
    for (int i = 0; i < N_RINGS; i++) {
        const int64_t near = (int64_t)(edge_s[i] * q->rate_hz), far = (int64_t)(edge_s[i + 1] * q->rate_hz);
        add(f, level(highest(q, q->env, c->at - far, c->at - near)) - e, -3, 2);
        add(f, level(highest(q, q->env, c->at + near, c->at + far)) - e, -3, 2);
    }
}

/* Cosine of the band's waveform within 100 ms of a and of b, all leads together, at the best of five shifts. */
OL_CLONES static float likeness(const ol_qrs *q, int64_t a, int64_t b) {
    const int64_t reach = (int64_t)(0.1 * q->rate_hz);
    const lanes weights = load8(q->weights);
    lanes ab[5] = {{0}}, aa = {0}, bb = {0};
    for (int64_t k = -reach; k <= reach; k++) {
        const lanes x = load8(q->band[(a + k) & RING_MASK]), y = load8(q->band[(b + k) & RING_MASK]) * weights;
        aa += x * x * weights;
        bb += y * load8(q->band[(b + k) & RING_MASK]);
        for (int64_t shift = 0; shift < 5; shift++) {
            ab[shift] += load8(q->band[(a + k + shift - 2) & RING_MASK]) * y;
        }
    }
    float best = lanes_sum(ab[0]);
    for (int shift = 1; shift < 5; shift++) {
        best = larger(best, lanes_sum(ab[shift]));
    }
    return best / (sqrtf(lanes_sum(aa) * lanes_sum(bb)) + 1e-6f);
}

static int is_strong(const ol_qrs *q, ol_qrs_candidate *c) {
    if (c->strong == 0) {
        const int64_t reach = (int64_t)(0.2 * q->rate_hz);
        const int high = c->size_uv > 0.55f * around_quantile(q, c->at, q->slot_peak, 0.6);
        c->strong = high && c->size_uv >= highest(q, q->env, c->at - reach, c->at + reach) ? 1 : -1;
    }
    return c->strong > 0;
}

/* Likeness to the nearest strong candidates on one side; appends to `found`. */
static int likenesses(ol_qrs *q, int64_t number, int direction, float *found) {
    const int64_t at = candidate_at(q, number)->at;
    const int64_t oldest = q->n_found > OL_QRS_CANDIDATES ? q->n_found - OL_QRS_CANDIDATES + 1 : 0;
    int n = 0;
    for (int64_t k = number + direction; n < NEIGHBOURS && k >= oldest && k < q->n_found; k += direction) {
        ol_qrs_candidate *c = candidate_at(q, k);
        const int64_t apart = llabs(c->at - at);
        if ((double)apart > NEIGHBOUR_S * q->rate_hz) {
            break;
        }
        if (apart >= (int64_t)(0.2 * q->rate_hz) && is_strong(q, c)) {
            found[n++] = likeness(q, at, c->at);
        }
    }
    return n;
}

static void add_likeness(ol_qrs *q, int64_t number, feature_list *f) {
    float found[2 * NEIGHBOURS] = {0}, sum = 0;
    int n = likenesses(q, number, -1, found);
    n += likenesses(q, number, 1, found + n);
    for (int i = 0; i < n; i++) {
        sum += found[i];
    }
    if (n) {
        quantile(found, n, 0);
    }
    add(f, n ? found[n - 1] : 0, -1, 1);
    add(f, n > 2 ? found[n - 3] : n ? found[0] : 0, -1, 1);
    add(f, n ? sum / (float)n : 0, -1, 1);
    add(f, (float)n / 10, 0, 1);
    add(f, level(candidate_at(q, number)->size_uv) - level(20), -2, 1);
}

/* Wide beats: the low band here, over its level and beside it. */
static void add_low_band(const ol_qrs *q, const ol_qrs_candidate *c, feature_list *f) {
    const int64_t own = (int64_t)(0.06 * q->rate_hz), near = (int64_t)(0.12 * q->rate_hz);
    const int64_t mid = (int64_t)(0.25 * q->rate_hz), far = (int64_t)(0.4 * q->rate_hz);
    const float low = level(highest(q, q->low, c->at - own, c->at + own + 1));
    add(f, low - level(around_quantile(q, c->at, q->slot_low, 0.6)), -3, 2);
    add(f, level(highest(q, q->low, c->at - mid, c->at - near)) - low, -3, 2);
    add(f, level(highest(q, q->low, c->at + near, c->at + mid)) - low, -3, 2);
    add(f, level(highest(q, q->low, c->at - far, c->at - mid)) - low, -3, 2);
    add(f, level(highest(q, q->low, c->at + mid, c->at + far)) - low, -3, 2);
    const float high = level(around_quantile(q, c->at, q->slot_peak, 0.9));
    add(f, high - level(around_quantile(q, c->at, q->slot_peak, 0.6)), 0, 2);
}

void qrs_weigh_candidates(ol_qrs *q, int is_last) {
    for (; q->n_known < q->n_found; q->n_known++) {
        ol_qrs_candidate *c = candidate_at(q, q->n_known);
        if (!is_last && (double)(q->n_env - c->at) < FEATURE_DELAY_S * q->rate_hz) {
            break;
        }
        float values[OL_QRS_FEATURES];
        feature_list f = {values, 0};
        add_levels(q, c, &f);
        add_shape(q, c, &f);
        add_likeness(q, q->n_known, &f);
        add_low_band(q, c, &f);
        c->logit = qrs_net(values);
#ifdef OL_QRS_TRACE /* tools/train_qrs.py looks in */
        OL_QRS_TRACE(q, c, values);
#endif
    }
}
