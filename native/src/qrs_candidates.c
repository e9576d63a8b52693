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
#define SHIFTS 5
#define NEIGHBOUR_SHARE 0.55f /* of the level of signal */
#define NOISE_LEVEL 2.7f      /* log of signal over noise below which prior odds are raised */
#define NOISE_SHARE 0.04f
#define ECHO_NONE (-3.0f)
enum { PEAK_REACH = FRAMES(70), LIKE_REACH = FRAMES(100), ECHO_REACH = FRAMES(32) };
enum { NEIGHBOUR_LEAST = FRAMES(200), NEIGHBOUR_MOST = FRAMES(5000) };

typedef struct {
    float *values;
    int n;
} feature_list;

static void add(feature_list *f, float value, float least, float most) {
    f->values[f->n++] = value < least ? least : value > most ? most : value;
}

static float level(float uv) {
    return quick_log(uv + 0.5f);
}

static float env_at(const ol_qrs *q, int64_t i) {
    return i < 0 || i >= q->n_env || i < q->n_env - OL_QRS_RING ? 0 : q->env[i & RING_MASK];
}

/* The highest of `ring` from detection frame `from` to before `to`. */
OL_INLINE float highest(const ol_qrs *q, const float *ring, int64_t from, int64_t to) {
    const int64_t oldest = q->n_env > OL_QRS_RING ? q->n_env - OL_QRS_RING : 0;
    from = from > oldest ? from : oldest;
    to = to < q->n_env ? to : q->n_env;
    const float *at = ring + (from & RING_MASK);
    float most = 0;
    int64_t left = to - from;
    if (left >= 8) {
        lanes eight = load8(at);
        for (; left >= 16; left -= 8) {
            at += 8;
            eight = lanes_max(eight, load8(at));
        }
        eight = lanes_max(eight, load8(at + left - 8)); /* the last eight, in part once more */
        for (int k = 0; k < 8; k++) {
            most = larger(most, eight[k]);
        }
        return most;
    }
    for (; left > 0; left--) {
        most = larger(most, *at++);
    }
    return most;
}

static int is_peak(const ol_qrs *q, int64_t i) {
    const float *e = q->env + (i & RING_MASK) + (i & RING_MASK ? 0 : OL_QRS_RING);
    if (e[0] < LEAST_UV || (i > 0 && e[0] < e[-1]) || e[0] < e[1]) {
        return 0;
    }
    int peak = 1;
    for (int64_t k = 1; k <= PEAK_REACH && peak; k++) {
        peak = e[0] > env_at(q, i - k) && e[0] >= env_at(q, i + k);
    }
    return peak;
}

OL_INLINE float band_energy(const ol_qrs *q, int64_t i) {
    const lanes b = load8(q->band[i & RING_MASK]);
    return lanes_sum(b * b);
}

/* Where the even wavelet is strongest: the middle of the main deflection; between frames by a parabola. */
OL_CLONES static double middle(const ol_qrs *q, int64_t at) {
    const int64_t reach = FRAMES(MIDDLE_REACH_MS);
    int64_t found = at;
    float most = 0;
    for (int64_t i = at - reach > 0 ? at - reach : 0; i <= at + reach; i++) {
        const float energy = band_energy(q, i);
        if (energy > most) {
            most = energy;
            found = i;
        }
    }
    const float before = found > 0 ? band_energy(q, found - 1) : 0, after = band_energy(q, found + 1);
    const float bend = before - 2 * most + after;
    const float shift = bend < 0 ? 0.5f * (before - after) / bend : 0;
    return (double)found + (double)smaller(0.5f, larger(-0.5f, shift));
}

OL_CLONES static float norm(const ol_qrs *q, int64_t at) {
    lanes sum = {0};
    for (int64_t i = at - LIKE_REACH; i <= at + LIKE_REACH; i++) {
        const lanes b = load8(q->band[i & RING_MASK]);
        sum += b * b;
    }
    return sqrtf(lanes_sum(sum));
}

OL_INLINE void add_candidate(ol_qrs *q, int64_t at) {
    ol_qrs_candidate *c = candidate_at(q, q->n_found++);
    c->at = at;
    c->middle = middle(q, at);
    c->size_uv = q->env[at & RING_MASK];
    c->logit = 0;
    c->norm = norm(q, at);
    c->stands = c->size_uv >= highest(q, q->env, at - STAND_REACH, at + STAND_REACH);
}

/* No two are nearer than PEAK_REACH, so that those not yet decided always have room. */
OL_CLONES static void find_candidates(ol_qrs *q) {
    for (; q->peak_at + STAND_REACH < q->n_env; q->peak_at++) {
        if (is_peak(q, q->peak_at)) {
            add_candidate(q, q->peak_at);
        }
    }
}

void qrs_find_candidates(ol_qrs *q) {
    find_candidates(q);
}

/* Of the seconds around one, from five before to four after it, as far as they are known: the level that `fraction` of
 * them are below. */
static float around(const ol_qrs *q, int64_t slot, const float *slots, double fraction) {
    const int64_t from = slot > 5 ? slot - 5 : 0, to = slot + 5 < q->n_slots ? slot + 5 : q->n_slots;
    float values[10];
    int n = 0;
    for (int64_t i = from; i < to; i++) {
        values[n++] = slots[i % OL_QRS_SLOTS];
    }
    return n ? quantile(values, n, fraction) : 0;
}

static const ol_qrs_levels *levels_at(ol_qrs *q, int64_t at) {
    const int64_t slot = at / RATE_HZ;
    ol_qrs_levels *l = &q->levels;
    const int64_t n_slots = slot + 5 < q->n_slots ? slot + 5 : q->n_slots;
    if (l->slot != slot || l->n_slots != n_slots) {
        l->slot = slot, l->n_slots = n_slots;
        l->signal = around(q, slot, q->slot_peak, 0.6);
        l->noise = level(around(q, slot, q->slot_quiet, 0.5));
        l->mean = level(around(q, slot, q->slot_mean, 0.5));
        l->low = level(around(q, slot, q->slot_low, 0.6));
        l->high = level(around(q, slot, q->slot_peak, 0.9));
    }
    return l;
}

static void add_levels(const ol_qrs_candidate *c, const ol_qrs_levels *l, feature_list *f) {
    const float e = level(c->size_uv), signal = level(l->signal);
    add(f, e - signal, -3, 2);
    add(f, e - l->noise, -2, 5);
    add(f, e - l->mean, -2, 4);
    add(f, signal - l->noise, 0, 5);
}

OL_INLINE void add_shape(const ol_qrs *q, const ol_qrs_candidate *c, feature_list *f) {
    static const int edge[N_RINGS + 1] = {FRAMES(80),  FRAMES(130), FRAMES(200), FRAMES(280),
                                          FRAMES(360), FRAMES(500), FRAMES(750), FRAMES(1200)};
    const float e = level(c->size_uv);
    const int64_t side = FRAMES(50);
    add(f, level(q->low[c->at & RING_MASK]) - e, -3, 3);
    add(f, level(q->high[c->at & RING_MASK]) - e, -3, 3);
    add(f, 0.5f * (level(env_at(q, c->at - side)) + level(env_at(q, c->at + side))) - e, -3, 0);
    for (int i = 0; i < N_RINGS; i++) {
        add(f, level(highest(q, q->env, c->at - edge[i + 1], c->at - edge[i])) - e, -3, 2);
        add(f, level(highest(q, q->env, c->at + edge[i], c->at + edge[i + 1])) - e, -3, 2);
    }
}

/* Cosine of the band's waveform within 100 ms of a and of b, all leads together, at the best of five shifts. */
OL_CLONES static float likeness(const ol_qrs *q, const ol_qrs_candidate *a, const ol_qrs_candidate *b) {
    lanes sum[SHIFTS] = {{0}};
    for (int64_t k = -LIKE_REACH; k <= LIKE_REACH; k++) {
        const lanes y = load8(q->band[(b->at + k) & RING_MASK]);
        for (int shift = 0; shift < SHIFTS; shift++) {
            sum[shift] += load8(q->band[(a->at + k + shift - SHIFTS / 2) & RING_MASK]) * y;
        }
    }
    float best = lanes_sum(sum[0]);
    for (int shift = 1; shift < SHIFTS; shift++) {
        best = larger(best, lanes_sum(sum[shift]));
    }
    return best / (a->norm * b->norm + 1e-6f);
}

/* The nearest that stand out on each side, nearest first: sure beats, mostly. */
typedef struct {
    const ol_qrs_candidate *all[2 * NEIGHBOURS];
    int n, n_before;
} neighbours;

static int list_side(ol_qrs *q, int64_t number, int direction, float least_uv, const ol_qrs_candidate **list) {
    const int64_t at = candidate_at(q, number)->at;
    const int64_t oldest = q->n_found > OL_QRS_CANDIDATES ? q->n_found - OL_QRS_CANDIDATES : 0;
    int n = 0;
    for (int64_t k = number + direction; n < NEIGHBOURS && k >= oldest && k < q->n_found; k += direction) {
        const ol_qrs_candidate *c = candidate_at(q, k);
        const int64_t apart = llabs(c->at - at);
        if (apart > NEIGHBOUR_MOST) {
            break;
        }
        if (apart >= NEIGHBOUR_LEAST && c->stands && c->size_uv > least_uv) {
            list[n++] = c;
        }
    }
    return n;
}

static neighbours list_neighbours(ol_qrs *q, int64_t number, const ol_qrs_levels *l) {
    neighbours b;
    b.n_before = list_side(q, number, -1, NEIGHBOUR_SHARE * l->signal, b.all);
    b.n = b.n_before + list_side(q, number, 1, NEIGHBOUR_SHARE * l->signal, b.all + b.n_before);
    return b;
}

static void add_likeness(const ol_qrs *q, const ol_qrs_candidate *own, const neighbours *b, feature_list *f) {
    float found[2 * NEIGHBOURS] = {0}, sum = 0;
    for (int i = 0; i < b->n; i++) {
        found[i] = likeness(q, own, b->all[i]);
        sum += found[i];
    }
    if (b->n) {
        quantile(found, b->n, 0);
    }
    add(f, b->n ? found[b->n - 1] : 0, -1, 1);
    add(f, b->n > 2 ? found[b->n - 3] : found[0], -1, 1);
    add(f, b->n ? sum / (float)b->n : 0, -1, 1);
    add(f, (float)b->n / 10, 0, 1);
    add(f, level(own->size_uv) - level(20), -2, 1);
}

/* How far the nearest neighbour on one side is, and how high; as far as can be and as high if there is none. */
static void add_nearest(const ol_qrs_candidate *own, const ol_qrs_candidate *nearest, feature_list *f) {
    const float apart = nearest ? (float)llabs(own->at - nearest->at) / RATE_HZ : 5;
    add(f, quick_log(apart), -2, 1.7f);
    add(f, nearest ? level(own->size_uv) - level(nearest->size_uv) : 0, -3, 2);
}

/* Is it a part of its neighbour, a T or P wave? Then the other beats have as much as far from them. Adds the median and
 * the upper quintile of what they have; if there is no neighbour so near, the least. */
OL_INLINE void add_echo(const ol_qrs *q, const ol_qrs_candidate *own, const neighbours *b, int first, int end,
                        int64_t most, feature_list *f) {
    const int64_t lag = first < end ? own->at - b->all[first]->at : most + 1;
    float found[2 * NEIGHBOURS];
    int n = 0;
    for (int i = 0; i < b->n && llabs(lag) <= most; i++) {
        const int64_t at = b->all[i]->at + lag;
        if (i != first && llabs(at - own->at) > ECHO_REACH) {
            found[n++] = highest(q, q->env, at - ECHO_REACH, at + ECHO_REACH + 1);
        }
    }
    const float e = level(own->size_uv);
    add(f, n ? level(quantile(found, n, 0.5)) - e : ECHO_NONE, ECHO_NONE, 1);
    add(f, n ? level(found[(int)(0.8 * (n - 1) + 0.5)]) - e : ECHO_NONE, ECHO_NONE, 1);
}

/* Wide beats: the low band here, over its level and beside it. */
OL_INLINE void add_low_band(const ol_qrs *q, const ol_qrs_candidate *c, const ol_qrs_levels *l, feature_list *f) {
    enum { OWN = FRAMES(60), NEAR = FRAMES(120), MID = FRAMES(250), FAR = FRAMES(400) };
    const float low = level(highest(q, q->low, c->at - OWN, c->at + OWN + 1));
    add(f, low - l->low, -3, 2);
    add(f, level(highest(q, q->low, c->at - MID, c->at - NEAR)) - low, -3, 2);
    add(f, level(highest(q, q->low, c->at + NEAR, c->at + MID)) - low, -3, 2);
    add(f, level(highest(q, q->low, c->at - FAR, c->at - MID)) - low, -3, 2);
    add(f, level(highest(q, q->low, c->at + MID, c->at + FAR)) - low, -3, 2);
    add(f, l->high - level(l->signal), 0, 2);
}

/* Noise in which beats may hide: nearly as high as all else here, and not small beside the beats there were. */
static float noise_of(const ol_qrs *q, const ol_qrs_levels *l) {
    const int could_hide = q->beat_uv > 0 && l->noise > level(NOISE_SHARE * q->beat_uv);
    return could_hide ? smaller(1, larger(0, NOISE_LEVEL - (level(l->signal) - l->noise))) : 0;
}

OL_CLONES static void weigh_candidate(ol_qrs *q, int64_t number) {
    ol_qrs_candidate *c = candidate_at(q, number);
    const ol_qrs_levels *l = levels_at(q, c->at);
    float values[OL_QRS_FEATURES];
    feature_list f = {values, 0};
    add_levels(c, l, &f);
    add_shape(q, c, &f);
    const neighbours b = list_neighbours(q, number, l);
    add_likeness(q, c, &b, &f);
    add_low_band(q, c, l, &f);
    add_echo(q, c, &b, 0, b.n_before, FRAMES(600), &f);
    add_echo(q, c, &b, b.n_before, b.n, FRAMES(400), &f);
    add_nearest(c, b.n_before ? b.all[0] : NULL, &f);
    add_nearest(c, b.n > b.n_before ? b.all[b.n_before] : NULL, &f);
    c->logit = qrs_net(values);
    c->noise = noise_of(q, l);
#ifdef OL_QRS_TRACE /* tools/train_qrs.py looks in */
    OL_QRS_TRACE(c, values);
#endif
}

void qrs_weigh_candidates(ol_qrs *q, int is_last) {
    for (; q->n_known < q->n_found; q->n_known++) {
        if (!is_last && q->n_env - candidate_at(q, q->n_known)->at < FRAMES(FEATURE_DELAY_MS)) {
            break;
        }
        weigh_candidate(q, q->n_known);
    }
}
