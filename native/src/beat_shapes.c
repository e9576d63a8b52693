/* SPDX-License-Identifier: Apache-2.0 */
/* Second pass: the ordinary QRS and P wave of each time, and how each beat compares with them. */
#include "beat_match.h"
#include "beat_review.h"
#include "lanes.h"

#include <math.h>
#include <string.h>

enum {
    T_AT = OL_BEAT_GRID_R + 32, /* T window: 160 to 400 ms */
    T_SAMPLES = 48,
    P_EDGES = OL_BEAT_P_SAMPLES - 2,
    P_SHIFT = 5,  /* samples of 10 ms a P wave is looked for beside its place */
    Q_SHIFT = 2,
    P_ENOUGH = 8, /* beats that make a mean P wave */
    QUIET = 60,   /* noise up to which they take part */
    REACH = 5,    /* the greater of both shifts */
    PAD = 8,      /* zeros around samples that are shifted */
    WIDTH = 32,   /* samples compared, zeros at the end */
};

/* Distance of the T windows beside the size of both QRS. */
static float t_distance(const ol_beat_template *a, const ol_beat_template *b) {
    float difference = 0.0f, power = 1e-3f;
    for (int k = 0; k < OL_BEAT_LANES; k++) {
        if (a->energy[k] <= 0.0f || b->energy[k] <= 0.0f) {
            continue;
        }
        float mean = 0.0f;
        for (int i = T_AT; i < T_AT + T_SAMPLES; i++) {
            mean += (a->wave[i][k] - b->wave[i][k]) / (float)T_SAMPLES;
        }
        for (int i = T_AT; i < T_AT + T_SAMPLES; i++) {
            const float d = a->wave[i][k] - b->wave[i][k] - mean;
            difference += d * d;
        }
        power += a->energy[k] + b->energy[k];
    }
    return difference / power;
}

static void compare_templates(beat_review *r) {
    for (uint32_t i = 0; i < r->beats->n_clusters; i++) {
        for (uint32_t j = 0; j < r->beats->n_clusters; j++) {
            const ol_beat_template *a = &r->beats->clusters[i], *b = &r->beats->clusters[j];
            r->distance[i][j] = i == j ? 0.0f : beat_template_distance(a, b);
            r->t_distance[i][j] = i == j ? 0.0f : t_distance(a, b);
        }
    }
}

/* Weight of a beat as a witness for its cluster being the ordinary one. */
static float witness(const beat_review *r, size_t i) {
    return (review_is_early(&r->work[i]) ? -1.0f : 1.0f) * (r->list[i].width_2ms > 65 ? 0.6f : 1.0f);
}

/* The ordinary cluster around beats `from` to `to`: most beats, few of them early; the whole recording has a say. */
static uint32_t ordinary_cluster(const beat_review *r, size_t from, size_t to, const float *whole) {
    float score[OL_BEAT_CLUSTERS];
    const size_t first = review_first(from, REVIEW_REACH), last = review_last(to, REVIEW_REACH, r->n);
    memcpy(score, whole, sizeof score);
    for (size_t i = first; i <= last; i++) {
        score[r->work[i].slot] += witness(r, i) / (float)(last - first + 1);
    }
    uint32_t best = 0;
    for (uint32_t s = 1; s < r->beats->n_clusters; s++) {
        best = score[s] > score[best] ? s : best;
    }
    return best;
}

typedef struct likeness {
    float cross, own, other;
} likeness;

static float correlation(likeness l) {
    return l.cross / sqrtf(l.own * l.other);
}

/* Samples with zeros around, and their sums and sums of squares without the first k, or for k < 0 the last -k. */
typedef struct series {
    float x[PAD + WIDTH + PAD];
    float sum[2 * REACH + 1], square[2 * REACH + 1];
    int n;
} series;

OL_INLINE void know_sums(series *s, int reach) {
    const float *x = s->x + PAD;
    float sum = 0.0f, square = 0.0f;
    for (int i = 0; i < s->n; i++) {
        sum += x[i];
        square += x[i] * x[i];
    }
    s->sum[REACH] = sum;
    s->square[REACH] = square;
    for (int k = 0; k < reach; k++) {
        const float first = x[k], last = x[s->n - 1 - k];
        s->sum[REACH + k + 1] = s->sum[REACH + k] - first;
        s->square[REACH + k + 1] = s->square[REACH + k] - first * first;
        s->sum[REACH - k - 1] = s->sum[REACH - k] - last;
        s->square[REACH - k - 1] = s->square[REACH - k] - last * last;
    }
}

OL_INLINE void take_bytes(series *s, const int8_t *from, int n, int reach) {
    *s = (series){.n = n};
    for (int i = 0; i < n; i++) {
        s->x[PAD + i] = (float)from[i];
    }
    know_sums(s, reach);
}

OL_INLINE void take_floats(series *s, const float *from, int n, int reach) {
    *s = (series){.n = n};
    memcpy(s->x + PAD, from, (size_t)n * sizeof *from);
    know_sums(s, reach);
}

OL_INLINE float positive(float x) {
    return x > 0.0f ? x : 0.0f;
}

/* x, of `unit` microvolt, against t at a shift; the mean of the part that overlaps is left out. */
OL_INLINE likeness compare(const series *x, const series *t, int shift, float unit) {
    lanes cross = {0};
    for (int i = 0; i < WIDTH; i += 8) {
        cross += load8(x->x + PAD + shift + i) * load8(t->x + PAD + i);
    }
    const float part = 1.0f / (float)(t->n - (shift < 0 ? -shift : shift));
    const float sx = x->sum[REACH + shift], st = t->sum[REACH - shift];
    return (likeness){unit * (lanes_sum(cross) - sx * st * part),
                      positive(unit * unit * (x->square[REACH + shift] - sx * sx * part)) + 1e-3f,
                      positive(t->square[REACH - shift] - st * st * part) + 1e-3f};
}

OL_CLONES static void compare_qrs(const beat_review *r, size_t i, const series *q) {
    ol_beat_context *w = &r->work[i];
    const ol_beat_record *x = &r->list[i];
    float best = 3.0f;
    series own[2];
    for (int c = 0; c < 2; c++) {
        take_bytes(&own[c], x->q[c], OL_BEAT_Q_SAMPLES, Q_SHIFT);
    }
    for (int shift = -Q_SHIFT; shift <= Q_SHIFT; shift++) {
        likeness l[2];
        float cross = 0.0f, power = 1e-3f;
        for (int c = 0; c < 2; c++) {
            l[c] = compare(&own[c], &q[c], shift, (float)x->q_scale[c] / 100.0f);
            cross += l[c].cross;
            power += x->q_scale[c] ? l[c].own + l[c].other : 0.0f;
        }
        const float d = 1.0f - 2.0f * cross / power;
        if (d >= best) {
            continue;
        }
        best = w->distance = d;
        for (int c = 0; c < 2; c++) {
            w->shape[c] = correlation(l[c]);
            w->gain[c] = sqrtf(l[c].own / l[c].other);
        }
    }
    for (int c = 0; c < 2; c++) { /* a channel that is not usable says what the other says */
        w->shape[c] = w->shape[x->q_scale[c] ? c : 1 - c];
        w->gain[c] = w->gain[x->q_scale[c] ? c : 1 - c];
    }
}

OL_CLONES static void take_ordinary_qrs(const beat_review *r, uint32_t slot, series *q) {
    for (int c = 0; c < 2; c++) {
        float x[OL_BEAT_Q_SAMPLES];
        for (int k = 0; k < OL_BEAT_Q_SAMPLES; k++) {
            x[k] = r->beats->clusters[slot].wave[OL_BEAT_QRS_AT + 2 * k][r->beats->channel[c]];
        }
        take_floats(&q[c], x, OL_BEAT_Q_SAMPLES, Q_SHIFT);
    }
}

static void ordinary_shapes(beat_review *r) {
    float whole[OL_BEAT_CLUSTERS] = {0};
    series q[2];
    for (size_t i = 0; i < r->n; i++) {
        whole[r->work[i].slot] += 0.35f * witness(r, i) / (float)r->n;
    }
    for (size_t from = 0; from < r->n; from += REVIEW_BLOCK) {
        const size_t to = review_last(from, REVIEW_BLOCK - 1, r->n);
        const uint32_t slot = ordinary_cluster(r, from, to, whole);
        take_ordinary_qrs(r, slot, q);
        for (size_t i = from; i <= to; i++) {
            compare_qrs(r, i, q);
            r->work[i].ordinary = (uint8_t)slot;
        }
    }
}

/* Mean P window of the ordinary beats around a block; too few leave `p` as it was. Returns whether it is known. */
static int mean_p(const beat_review *r, size_t from, size_t to, int c, int known, float *p) {
    float sum[OL_BEAT_P_SAMPLES] = {0};
    int n = 0;
    for (size_t i = review_first(from, REVIEW_REACH); i <= review_last(to, REVIEW_REACH, r->n); i++) {
        const ol_beat_record *x = &r->list[i];
        const ol_beat_context *w = &r->work[i];
        if (!review_is_ordinary(w) || !x->p_scale[c] || (i && review_is_early(w - 1)) || x->noise > QUIET) {
            continue;
        }
        for (int k = 0; k < OL_BEAT_P_SAMPLES; k++) {
            sum[k] += (float)x->p[c][k] * ((float)x->p_scale[c] / 100.0f);
        }
        n++;
    }
    for (int k = 0; n >= P_ENOUGH && k < OL_BEAT_P_SAMPLES; k++) {
        p[k] = sum[k] / (float)n;
    }
    return known || n >= P_ENOUGH;
}

/* The ordinary P window, and its slopes. */
typedef struct p_pattern {
    series wave, slope;
} p_pattern;

OL_CLONES static void take_pattern(p_pattern *pattern, const float *p) {
    float slope[P_EDGES];
    for (int k = 0; k < P_EDGES; k++) {
        slope[k] = p[k + 2] - p[k];
    }
    take_floats(&pattern->wave, p, OL_BEAT_P_SAMPLES, 0);
    take_floats(&pattern->slope, slope, P_EDGES, P_SHIFT);
}

OL_CLONES static void compare_p(ol_beat_context *w, const ol_beat_record *x, int c, const p_pattern *p) {
    const float unit = (float)x->p_scale[c] / 100.0f;
    int8_t edge[P_EDGES];
    series wave, slope;
    for (int k = 0; k < P_EDGES; k++) {
        edge[k] = (int8_t)((x->p[c][k + 2] - x->p[c][k]) / 2);
    }
    take_bytes(&wave, x->p[c], OL_BEAT_P_SAMPLES, 0);
    take_bytes(&slope, edge, P_EDGES, P_SHIFT);
    const likeness l = compare(&wave, &p->wave, 0, unit);
    w->p[c] = correlation(l);
    w->p_gain[c] = review_clamp(l.cross / l.other, -3.0f, 3.0f);
    w->p_weight[c] = sqrtf(l.other / OL_BEAT_P_SAMPLES);
    w->p_best[c] = -1.0f;
    for (int shift = -P_SHIFT; shift <= P_SHIFT; shift++) {
        const float value = correlation(compare(&slope, &p->slope, shift, unit));
        w->p_edge[c] = shift ? w->p_edge[c] : value;
        w->p_shift[c] = value > w->p_best[c] ? (int8_t)shift : w->p_shift[c];
        w->p_best[c] = value > w->p_best[c] ? value : w->p_best[c];
    }
}

void review_p_waves(beat_review *r) {
    float p[2][OL_BEAT_P_SAMPLES] = {{0}};
    int known[2] = {0};
    for (size_t from = 0; from < r->n; from += REVIEW_BLOCK) {
        const size_t to = review_last(from, REVIEW_BLOCK - 1, r->n);
        for (int c = 0; c < 2; c++) {
            p_pattern pattern;
            known[c] = mean_p(r, from, to, c, known[c], p[c]);
            take_pattern(&pattern, p[c]);
            for (size_t i = from; i <= to; i++) {
                if (known[c] && r->list[i].p_scale[c]) {
                    compare_p(&r->work[i], &r->list[i], c, &pattern);
                }
            }
        }
    }
}

void review_shapes(beat_review *r) {
    compare_templates(r);
    ordinary_shapes(r);
}
