/* SPDX-License-Identifier: Apache-2.0 */
/* Second pass: the numbers a beat is judged by. All are relative to the person and the time: none is a plain RR, a
 * plain amplitude or a lead. Their order is that of tools/train_beats.py. */
#include "beat_review.h"

#include <math.h>

static float least(const float *x) {
    return x[0] < x[1] ? x[0] : x[1];
}

static float most(const float *x) {
    return x[0] > x[1] ? x[0] : x[1];
}

static float by_p_size(const ol_beat_context *w, const float *x) {
    return (x[0] * w->p_weight[0] + x[1] * w->p_weight[1]) / (w->p_weight[0] + w->p_weight[1] + 1e-3f);
}

static float *rhythm_features(const beat_review *r, size_t i, float *f) {
    const ol_beat_context *w = &r->work[i], *before = review_near(r, i, -1), *next = review_near(r, i, 1);
    const float rr = review_ratio(w->rr_s, w->ordinary_s);
    *f++ = rr;                                                        /* 0 */
    *f++ = rr / (w->spread + 0.03f);                                  /* 1 */
    *f++ = review_ratio(w->rr_s, w->long_s);                          /* 2 */
    *f++ = review_ratio(next->rr_s, w->ordinary_s);                   /* 3 */
    *f++ = review_ratio(w->rr_s, before->rr_s);                       /* 4 */
    *f++ = review_ratio(next->rr_s, w->rr_s);                         /* 5 */
    *f++ = review_ratio(before->rr_s, w->ordinary_s);                 /* 6 */
    *f++ = review_ratio(review_near(r, i, -2)->rr_s, w->ordinary_s);  /* 7 */
    *f++ = review_ratio(review_near(r, i, 2)->rr_s, w->ordinary_s);   /* 8 */
    *f++ = review_ratio(w->rr_s + next->rr_s, 2.0f * w->ordinary_s);  /* 9 */
    *f++ = review_ratio(w->ordinary_s, w->long_s);                    /* 10 */
    *f++ = w->irregular;                                              /* 11 */
    *f++ = w->p_steady;                                               /* 12 */
    *f++ = w->run;                                                    /* 13 */
    *f++ = w->onset;                                                  /* 14 */
    return f;
}

static float *p_features(const beat_review *r, size_t i, float *f) {
    const ol_beat_context *w = &r->work[i];
    *f++ = review_p(w);                                               /* 15 */
    *f++ = review_p(w) - w->p_steady;                                 /* 16 */
    *f++ = review_p(review_near(r, i, -1)) - w->p_steady;             /* 17 */
    *f++ = review_p(review_near(r, i, 1)) - w->p_steady;              /* 18 */
    *f++ = fmaxf(w->p_best[0] - w->p_edge[0], w->p_best[1] - w->p_edge[1]); /* 19 */
    *f++ = by_p_size(w, w->p);                                        /* 20 */
    *f++ = by_p_size(w, w->p_gain);                                   /* 21 */
    return f;
}

static float *shape_features(const beat_review *r, size_t i, float *f) {
    const ol_beat_context *w = &r->work[i];
    const ol_beat_record *x = &r->list[i];
    const cluster_facts *o = &r->cluster[w->ordinary];
    *f++ = w->distance;                                               /* 22 */
    *f++ = least(w->shape);                                           /* 23 */
    *f++ = most(w->shape);                                            /* 24 */
    *f++ = logf(least(w->gain) + 0.01f);                              /* 25 */
    *f++ = logf(most(w->gain) + 0.01f);                               /* 26 */
    *f++ = (float)x->width_2ms * 2.0f;                                /* 27 */
    *f++ = (float)x->width_2ms * 2.0f - o->width;                     /* 28 */
    *f++ = review_ratio((float)x->area_2ms * 2.0f, o->area);          /* 29 */
    *f++ = x->noise;                                                  /* 30 */
    *f++ = x->distance;                                               /* 31 */
    return f;
}

static float *cluster_features(const beat_review *r, size_t i, float *f) {
    const ol_beat_context *w = &r->work[i], *before = review_near(r, i, -1), *next = review_near(r, i, 1);
    const cluster_facts *c = &r->cluster[w->slot], *o = &r->cluster[w->ordinary];
    *f++ = r->distance[w->ordinary][w->slot];                         /* 32 */
    *f++ = r->t_distance[w->ordinary][w->slot];                       /* 33 */
    *f++ = c->early;                                                  /* 34 */
    *f++ = c->rr;                                                     /* 35 */
    *f++ = c->rr_next;                                                /* 36 */
    *f++ = c->width - o->width;                                       /* 37 */
    *f++ = c->p - o->p;                                               /* 38 */
    *f++ = before->distance;                                          /* 39 */
    *f++ = next->distance;                                            /* 40 */
    *f++ = logf(c->n);                                                /* 41 */
    *f++ = logf(c->n / (o->n + 1.0f));                                /* 42 */
    *f++ = before->slot == w->slot ? 1.0f : 0.0f;                     /* 43 */
    *f++ = next->slot == w->slot ? 1.0f : 0.0f;                       /* 44 */
    *f++ = (float)r->list[i].area_2ms * 2.0f;                         /* 45 */
    *f++ = w->spread;                                                 /* 46 */
    *f++ = w->af;                                                     /* 47 */
    return f;
}

/* What counts only together: early and different, early and without its P wave ... */
static void joint_features(const float *all, float lost, float *f) {
    const float early = review_clamp(-2.0f * all[0], 0.0f, 1.0f), fast = review_clamp(-2.0f * all[2], 0.0f, 1.0f);
    const float pause = review_clamp(2.0f * all[3], 0.0f, 1.0f), sharp = review_clamp(-all[14], 0.0f, 1.0f);
    const float no_p = review_clamp(-all[16], 0.0f, 1.0f), regular = 1.0f - all[47];
    const float away = review_clamp(all[22], 0.0f, 0.6f), wider = review_clamp(all[28] / 60.0f, 0.0f, 1.0f);
    const float cluster_away = review_clamp(all[32], 0.0f, 0.6f);
    *f++ = early * away;                                              /* 48 */
    *f++ = fast * away;                                               /* 49 */
    *f++ = all[34] * cluster_away;                                    /* 50 */
    *f++ = early * wider;                                             /* 51 */
    *f++ = early * no_p;                                              /* 52 */
    *f++ = fast * no_p;                                               /* 53 */
    *f++ = away * wider;                                              /* 54 */
    *f++ = all[34] * wider;                                           /* 55 */
    *f++ = no_p * away;                                               /* 56 */
    *f++ = early * pause;                                             /* 57 */
    *f++ = no_p * regular;                                            /* 58 */
    *f++ = early * regular;                                           /* 59 */
    *f++ = sharp * no_p;                                              /* 60 */
    *f++ = sharp * fast;                                              /* 61 */
    *f++ = sharp * fast * review_clamp(0.1f * all[13], 0.0f, 1.0f) * review_clamp(2.0f - 20.0f * all[11], 0.0f, 1.0f); /* 62 */
    *f++ = lost;                                                      /* 63 */
    *f++ = lost * review_clamp(2.0f - 40.0f * all[11], 0.0f, 1.0f);   /* 64 */
}

void review_features(const beat_review *r, size_t i, float *f) {
    float *at = rhythm_features(r, i, f);
    at = p_features(r, i, at);
    at = shape_features(r, i, at);
    at = cluster_features(r, i, at);
    const ol_beat_context *w = &r->work[i];
    joint_features(f, review_clamp(r->cluster[w->ordinary].p - w->p_steady, 0.0f, 1.0f), at);
}
