/* SPDX-License-Identifier: Apache-2.0 */
/* Which candidates are beats: the sequence of them with the highest sum of log odds and of log densities of the
 * intervals between, by dynamic programming. Where a detector's search-back lowers a threshold after a long interval,
 * and its refractory time forbids a short one, here both are one density, and the interval after counts like the one
 * before. The idea of a most likely path through candidates is that of Clavier et al. and of Coast et al., "An
 * approach to cardiac arrhythmia analysis using hidden Markov models", IEEE TBME 37 (1990) 826, doi:10.1109/10.58593;
 * departure: states are candidates, not waves. */
#include "qrs_parts.h"
#include <math.h>

#define REFRACTORY_S 0.2
#define SHORT_S 0.36
#define BIAS 1.8f       /* a candidate's prior odds are lower in the noisy records of the training set than in life */
#define BIAS_NOISE 3.0f /* and more so in noise: there a beat missed is dearer than one too many */
#define SURE 2.5f       /* log odds above which a beat says something of the rhythm */
#define SPREAD_LEAST 0.08f
#define SPREAD_WIDE 0.5f
#define SHARE_WIDE 0.3f
#define WORST (-4.0f)
#define FORBIDDEN (-1e9f)
#define CUT_MS 48 /* nearer to the end a cut wave looks like a beat */
#define LIKELY_LEAST (-5.0f)
#define LOOK_BACK 16
#define PATH_RR 32

/* What is known of the rhythm: median interval, 0 if unknown, its spread as a ratio, and how much it counts: the more
 * regular it is. */
typedef struct {
    float rr_s, spread, weight;
} rhythm;

/* The candidates not yet decided that may be beats. */
typedef struct {
    int n;
    const ol_qrs_candidate *all[OL_QRS_CANDIDATES];
    float sum[OL_QRS_CANDIDATES];
    int before[OL_QRS_CANDIDATES];
    int chain[OL_QRS_CANDIDATES], n_chain; /* the best path, last first */
} search;

/* Log density of an interval: two bells about the median on a log scale, one as wide as the rhythm, one wide. */
static float interval_score(const rhythm *r, double interval_s) {
    if (interval_s < REFRACTORY_S) {
        return FORBIDDEN;
    }
    const float s = (float)interval_s;
    const float brief = interval_s < SHORT_S ? (s - (float)SHORT_S) / (float)(SHORT_S - REFRACTORY_S) * 3 : 0;
    if (r->rr_s <= 0) {
        return brief;
    }
    const float u = quick_log(s / r->rr_s), a = u / r->spread, b = u / SPREAD_WIDE;
    const float bells =
        (1 - SHARE_WIDE) / r->spread * quick_exp(-0.5f * a * a) + SHARE_WIDE / SPREAD_WIDE * quick_exp(-0.5f * b * b);
    return brief + larger(WORST, r->weight * quick_log((bells + 1e-3f) * 0.4f * r->rr_s / s));
}

static float prior(const ol_qrs_candidate *c) {
    return BIAS + BIAS_NOISE * c->noise;
}

/* The best path that ends at candidate `j`: the best one before it that it can follow. */
static void extend(const ol_qrs *q, search *s, const rhythm *r, int j) {
    const ol_qrs_candidate *c = s->all[j];
    float best = interval_score(r, (c->middle - q->last_beat) / RATE_HZ);
    s->before[j] = -1;
    for (int k = j - 1; k >= 0 && k > j - LOOK_BACK; k--) {
        const double apart_s = (c->middle - s->all[k]->middle) / RATE_HZ;
        const float score = s->sum[k] + interval_score(r, apart_s);
        if (score > best) {
            best = score;
            s->before[j] = k;
        }
    }
    s->sum[j] = best + c->logit + prior(c);
}

static void find_path(const ol_qrs *q, search *s, const rhythm *r) {
    int end = -1;
    float most = 0;
    for (int j = 0; j < s->n; j++) {
        extend(q, s, r, j);
        if (s->sum[j] > most) {
            most = s->sum[j];
            end = j;
        }
    }
    for (s->n_chain = 0; end >= 0; end = s->before[end]) {
        s->chain[s->n_chain++] = end;
    }
}

/* The intervals between sure beats that follow each other on the path at hand; appends to `rr_s`. Unsure ones are left
 * out: noise over a regular rhythm must not make it look irregular. */
static int path_intervals(const ol_qrs *q, const search *s, float *rr_s, int n) {
    double from = q->last_is_sure ? q->last_beat : NO_BEAT;
    const int most = n + PATH_RR;
    for (int i = s->n_chain - 1; i >= 0 && n < most; i--) {
        const ol_qrs_candidate *c = s->all[s->chain[i]];
        const int is_sure = c->logit > SURE;
        if (is_sure && from > NO_BEAT) {
            rr_s[n++] = (float)((c->middle - from) / RATE_HZ);
        }
        from = is_sure ? c->middle : NO_BEAT;
    }
    return n;
}

/* From the last intervals decided, and those of the path at hand. */
static rhythm measure(const ol_qrs *q, const search *s) {
    float v[OL_QRS_RR + PATH_RR];
    const int n_past = q->n_rr < OL_QRS_RR ? (int)q->n_rr : OL_QRS_RR;
    memcpy(v, q->rr_s, sizeof q->rr_s);
    const int n = path_intervals(q, s, v, n_past);
    rhythm r = {0, 0, 0};
    if (n < 4) {
        return r;
    }
    r.rr_s = smaller(2.0f, larger(0.25f, quantile(v, n, 0.5)));
    for (int i = 0; i < n; i++) {
        v[i] = fabsf(quick_log(v[i] / r.rr_s));
    }
    r.spread = smaller(SPREAD_WIDE, larger(SPREAD_LEAST, 1.5f * quantile(v, n, 0.6) + 0.5f * SPREAD_LEAST));
    r.weight = smaller(1.2f, larger(0.5f, 0.15f / r.spread));
    return r;
}

static void emit(ol_qrs *q, const ol_qrs_candidate *c) {
    const double rr_s = (c->middle - q->last_beat) / RATE_HZ, at_ms = to_ms(c->middle);
    const int is_sure = c->logit > SURE;
    if (rr_s < 4 && is_sure && q->last_is_sure) {
        q->rr_s[q->n_rr++ % OL_QRS_RR] = (float)rr_s;
    }
    q->last_beat = c->middle;
    q->last_is_sure = is_sure;
    if (is_sure) {
        q->beat_uv += (c->size_uv - q->beat_uv) * (q->beat_uv > 0 ? 0.1f : 1.0f);
    }
    const int there = at_ms >= 0 && at_ms < (double)q->n_rows * OL_ROW_MS - CUT_MS;
    if (there && !qrs_in_vf(q, c->at) && q->n_beats < OL_QRS_QUEUE) {
        q->beats[q->n_beats++] = (ol_qrs_beat){at_ms, c->logit, c->size_uv};
    }
}

/* What is this unlikely in itself is no beat, however well it would fit the rhythm. */
static void list_likely(ol_qrs *q, search *s) {
    s->n = 0;
    for (int64_t k = q->n_decided; k < q->n_known; k++) {
        const ol_qrs_candidate *c = candidate_at(q, k);
        if (c->logit + prior(c) > LIKELY_LEAST) {
            s->all[s->n++] = c;
        }
    }
}

void qrs_decide(ol_qrs *q, int is_last) {
    const int64_t until = is_last ? INT64_MAX : q->n_env - FRAMES(PATH_DELAY_MS);
    search s;
    list_likely(q, &s);
    rhythm r = {0, 0, 0};
    find_path(q, &s, &r);
    r = measure(q, &s);
    if (r.rr_s > 0) {
        find_path(q, &s, &r);
    }
    for (int i = s.n_chain - 1; i >= 0 && s.all[s.chain[i]]->at < until; i--) {
        emit(q, s.all[s.chain[i]]);
    }
    while (q->n_decided < q->n_known && candidate_at(q, q->n_decided)->at < until) {
        q->n_decided++;
    }
    const double decided_ms = to_ms((double)(until - FRAMES(MIDDLE_REACH_MS) - 1));
    q->decided_ms = decided_ms > q->decided_ms ? decided_ms : q->decided_ms;
}
