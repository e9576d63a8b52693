/* SPDX-License-Identifier: Apache-2.0 */
/* Second pass: what the clusters are like, and how steady rhythm and P waves around a beat are. */
#include "beat_review.h"

#include <math.h>
#include <string.h>

enum { ENOUGH = 6, ENOUGH_RR = 4 }; /* beats that allow a statement */

float review_p(const ol_beat_context *w) {
    const float weight = w->p_weight[0] + w->p_weight[1] + 1e-3f;
    return (w->p_edge[0] * w->p_weight[0] + w->p_edge[1] * w->p_weight[1]) / weight;
}

int review_is_ordinary(const ol_beat_context *w) {
    return !w->burst && w->distance < 0.2f && w->rr_s > 0.85f * w->median_s && w->rr_s < 1.25f * w->median_s;
}

static void ordinary_rr(beat_review *r) {
    for (size_t i = 0; i < r->n; i++) {
        float rr[REVIEW_MOST];
        int n = 0;
        if (i % REVIEW_SHARE) {
            r->work[i].ordinary_s = r->work[i - 1].ordinary_s;
            continue;
        }
        for (size_t j = review_first(i, REVIEW_AROUND); j <= review_last(i, REVIEW_AROUND, r->n); j++) {
            if (review_is_ordinary(&r->work[j])) {
                rr[n++] = r->work[j].rr_s;
            }
        }
        const float before = i && r->work[i].burst ? r->work[i - 1].ordinary_s : r->work[i].median_s;
        r->work[i].ordinary_s = n >= ENOUGH_RR ? review_median(rr, n) : before;
    }
}

static void know_clusters(beat_review *r) {
    memset(r->cluster, 0, sizeof r->cluster);
    for (size_t i = 0; i < r->n; i++) {
        const ol_beat_context *w = &r->work[i];
        cluster_facts *f = &r->cluster[w->slot];
        f->n += 1.0f;
        f->early += review_is_early(w) ? 1.0f : 0.0f;
        f->rr += review_ratio(w->rr_s, w->ordinary_s);
        f->rr_next += review_ratio(review_near(r, i, 1)->rr_s, w->ordinary_s);
        f->width += r->list[i].width_2ms * 2.0f;
        f->area += r->list[i].area_2ms * 2.0f;
        f->p += review_p(w);
    }
    for (int s = 0; s < OL_BEAT_CLUSTERS; s++) {
        cluster_facts *f = &r->cluster[s];
        const float part = f->n > 0.0f ? 1.0f / f->n : 0.0f;
        f->early *= part;
        f->rr *= part;
        f->rr_next *= part;
        f->width *= part;
        f->area *= part;
        f->p *= part;
    }
}

/* RR between two beats of the ordinary shape around beat i: from ordinary_s, and from one to the next. */
static void steady_rr(const beat_review *r, size_t i) {
    float off[REVIEW_MOST], change[REVIEW_MOST];
    int m = 0, k = 0;
    ol_beat_context *w = &r->work[i];
    for (size_t j = review_first(i, REVIEW_AROUND); j <= review_last(i, REVIEW_AROUND, r->n); j++) {
        const ol_beat_context *x = &r->work[j];
        if (!j || x->rr_s <= 0.0f || x->distance >= 0.25f || x[-1].distance >= 0.25f) {
            continue;
        }
        if (!x->burst) {
            off[m++] = fabsf(review_ratio(x->rr_s, w->ordinary_s));
        }
        if (x[-1].rr_s > 0.0f) {
            change[k++] = fabsf(review_ratio(x->rr_s, x[-1].rr_s));
        }
    }
    w->spread = m >= ENOUGH ? review_median(off, m) : i ? w[-1].spread : 0.03f;
    w->irregular = k >= ENOUGH ? review_median(change, k) : 0.03f;
}

static void steady_p(const beat_review *r, size_t i) {
    float p[REVIEW_MOST];
    int n = 0;
    ol_beat_context *w = &r->work[i];
    for (size_t j = review_first(i, REVIEW_AROUND); j <= review_last(i, REVIEW_AROUND, r->n); j++) {
        if (review_is_ordinary(&r->work[j])) {
            p[n++] = review_p(&r->work[j]);
        }
    }
    w->p_steady = n >= ENOUGH ? review_median(p, n) : i ? w[-1].p_steady : r->cluster[w->ordinary].p;
}

void review_context(beat_review *r) {
    ordinary_rr(r);
    know_clusters(r);
    for (size_t i = 0; i < r->n; i++) {
        ol_beat_context *w = &r->work[i];
        if (i % REVIEW_SHARE == 0) { /* forty beats change little from one to the next */
            steady_rr(r, i);
            steady_p(r, i);
        } else {
            w->spread = w[-1].spread;
            w->irregular = w[-1].irregular;
            w->p_steady = w[-1].p_steady;
        }
        /* Atrial fibrillation has both irregular RR and no P wave that comes back; frequent ectopy only the first. */
        w->af = review_clamp((w->irregular - 0.06f) / 0.05f, 0.0f, 1.0f) * review_clamp((0.7f - w->p_steady) / 0.2f, 0.0f, 1.0f);
    }
}
