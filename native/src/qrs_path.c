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
#define RHYTHM_WEIGHT 0.5f
#ifndef BIAS
#define BIAS 1.5f /* a candidate's prior odds are lower in the noisy records of the training set than in life */
#endif
#define SPREAD_LEAST 0.1f
#define SPREAD_WIDE 0.5f
#define SHARE_WIDE 0.3f
#define WORST (-6.0f)
#define FORBIDDEN (-1e9f)
#define LOOK_BACK 32

/* What is known of the rhythm: median interval, 0 if unknown, and its spread as a ratio. */
typedef struct {
    float rr_s, spread;
} rhythm;

typedef struct {
    int64_t first; /* number of the first undecided candidate */
    int n;
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
    return brief + larger(WORST, RHYTHM_WEIGHT * quick_log((bells + 1e-3f) * 0.4f * r->rr_s / s));
}

/* The best path that ends at candidate `j`: the best one before it that it can follow. */
static void extend(ol_qrs *q, search *s, const rhythm *r, int j) {
    const ol_qrs_candidate *c = candidate_at(q, s->first + j);
    float best = interval_score(r, (c->middle - q->last_beat) / RATE_HZ);
    s->before[j] = -1;
    for (int k = j - 1; k >= 0 && k > j - LOOK_BACK; k--) {
        const double apart_s = (c->middle - candidate_at(q, s->first + k)->middle) / RATE_HZ;
        const float score = s->sum[k] + interval_score(r, apart_s);
        if (score > best) {
            best = score;
            s->before[j] = k;
        }
    }
    s->sum[j] = best + c->logit + BIAS;
}

static void find_path(ol_qrs *q, search *s, const rhythm *r) {
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

/* The last eight intervals decided, and those of the path at hand. */
static rhythm measure(ol_qrs *q, const search *s) {
    float v[8 + 48];
    int n = 0;
    rhythm r = {0, 0};
    double from = q->last_beat;
    for (; n < 8 && n < (int)q->n_rr; n++) {
        v[n] = q->rr_s[n];
    }
    for (int i = s->n_chain - 1; i >= 0 && n < 40; i--) {
        const double to = candidate_at(q, s->first + s->chain[i])->middle;
        if (from > NO_BEAT) {
            v[n++] = (float)((to - from) / RATE_HZ);
        }
        from = to;
    }
    if (n < 4) {
        return r;
    }
    r.rr_s = smaller(2.0f, larger(0.25f, quantile(v, n, 0.5)));
    for (int i = 0; i < n; i++) {
        v[i] = fabsf(quick_log(v[i] / r.rr_s));
    }
    r.spread = 1.5f * quantile(v, n, 0.6) + 0.5f * SPREAD_LEAST;
    r.spread = smaller(SPREAD_WIDE, larger(SPREAD_LEAST, r.spread));
    return r;
}

static void emit(ol_qrs *q, const ol_qrs_candidate *c) {
    const double rr_s = (c->middle - q->last_beat) / RATE_HZ, at_ms = to_ms(c->middle);
    if (rr_s < 4) {
        q->rr_s[q->n_rr++ % 8] = (float)rr_s;
    }
    q->last_beat = c->middle;
    const int there = at_ms >= 0 && at_ms < (double)q->n_rows * OL_ROW_MS;
    if (there && !qrs_in_vf(q, c->at) && q->n_beats < OL_QRS_QUEUE) {
        q->beats[q->n_beats++] = (ol_qrs_beat){at_ms, c->logit, c->size_uv};
    }
}

void qrs_decide(ol_qrs *q, int is_last) {
    const int64_t until = is_last ? INT64_MAX : q->n_env - FRAMES(PATH_DELAY_MS);
    search s = {.first = q->n_decided, .n = (int)(q->n_known - q->n_decided)};
    rhythm r = {0, 0};
    find_path(q, &s, &r);
    r = measure(q, &s);
    if (r.rr_s > 0) {
        find_path(q, &s, &r);
    }
    for (int i = s.n_chain - 1; i >= 0 && candidate_at(q, s.first + s.chain[i])->at < until; i--) {
        emit(q, candidate_at(q, s.first + s.chain[i]));
    }
    while (q->n_decided < q->n_known && candidate_at(q, q->n_decided)->at < until) {
        q->n_decided++;
    }
    const double decided_ms = to_ms((double)(until - FRAMES(MIDDLE_REACH_MS) - 1));
    q->decided_ms = decided_ms > q->decided_ms ? decided_ms : q->decided_ms;
}
