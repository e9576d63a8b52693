/* SPDX-License-Identifier: Apache-2.0 */
/* Second pass: RR of each beat and the rhythm around it. */
#include "beat_review.h"

#include <math.h>
#include <string.h>

enum { ENOUGH_RR = 4 };

static const float MOST_RR_S = 3.0f;  /* longer ones count as this in means */
static const float FAST = 0.9f;       /* of the long mean RR: beats of a run */
static const float MOST_BEFORE = 1.05f, SHARP = -0.2f, STEADY = 0.12f;
static const float UNKNOWN_S = 0.8f;

float review_ratio(float a, float b) {
    return a > 0.0f && b > 0.0f ? review_clamp(logf(a / b), -2.0f, 2.0f) : 0.0f;
}

float review_median(float *x, int n) {
    for (int i = 1; i < n; i++) {
        const float value = x[i];
        int j = i;
        for (; j && x[j - 1] > value; j--) {
            x[j] = x[j - 1];
        }
        x[j] = value;
    }
    return n ? (n % 2 ? x[n / 2] : 0.5f * (x[n / 2 - 1] + x[n / 2])) : 0.0f;
}

const ol_beat_context *review_near(const beat_review *r, size_t i, int by) {
    static const ol_beat_context none;
    if ((by < 0 && i < (size_t)-by) || (by > 0 && i + (size_t)by >= r->n)) {
        return &none;
    }
    return &r->work[by < 0 ? i - (size_t)-by : i + (size_t)by];
}

int review_is_early(const ol_beat_context *w) {
    return w->rr_s > 0.0f && w->rr_s < 0.87f * w->median_s;
}

static void time_beats(beat_review *r) {
    for (size_t i = 0; i < r->n; i++) {
        ol_beat_context *w = &r->work[i];
        memset(w, 0, sizeof *w);
        w->time_s = (double)r->list[i].frame / r->fs_hz + r->list[i].fiducial_ms / 1000.0;
        w->slot = (uint8_t)ol_beats_slot(r->beats, r->list[i].cluster);
        const int known = i && !(r->list[i].flags & OL_BEAT_GAP_BEFORE);
        w->rr_s = known ? review_clamp((float)(w->time_s - w[-1].time_s), 0.02f, 10.0f) : 0.0f;
    }
}

/* Mean RR of the beats around, by blocks. */
static void long_rr(beat_review *r) {
    for (size_t from = 0; from < r->n; from += REVIEW_BLOCK) {
        const size_t to = review_last(from, REVIEW_BLOCK - 1, r->n);
        float sum = 0.0f, n = 0.0f;
        for (size_t i = review_first(from, 2 * REVIEW_REACH); i <= review_last(to, 2 * REVIEW_REACH, r->n); i++) {
            sum += fminf(r->work[i].rr_s, MOST_RR_S);
            n += r->work[i].rr_s > 0.0f ? 1.0f : 0.0f;
        }
        for (size_t i = from; i <= to; i++) {
            r->work[i].long_s = n > 0.0f ? sum / n : UNKNOWN_S;
        }
    }
}

/* Where a beat stands in a run of beats faster than the wider rhythm: how sharply it began, how long it is by now. The
 * pause after an early beat makes no run sharp: what comes before counts as the long mean at most. */
static void runs(beat_review *r) {
    float before = 0.0f;
    for (size_t i = 0; i < r->n; i++) {
        ol_beat_context *w = &r->work[i];
        if (w->rr_s <= 0.0f || w->rr_s >= FAST * w->long_s) {
            continue;
        }
        const int begins = !i || w[-1].run <= 0.0f;
        w->run = begins ? 1.0f : w[-1].run + 1.0f;
        before = begins ? fminf(review_near(r, i, -1)->rr_s, MOST_BEFORE * w->long_s) : before;
        w->unsteady = begins ? 0.0f : w[-1].unsteady + fabsf(review_ratio(w->rr_s, w[-1].rr_s));
        const float sharp = w->run <= 3.0f ? review_ratio(w->rr_s, before) : 0.0f;
        w->onset = fminf(begins ? 0.0f : w[-1].onset, sharp);
    }
}

/* Beats of a steady run of three or more that began at once are no part of the ordinary rhythm. */
static void mark_bursts(beat_review *r) {
    int in_burst = 0;
    for (size_t i = r->n; i-- > 0;) {
        ol_beat_context *w = &r->work[i];
        if (review_near(r, i, 1)->run <= w->run) { /* the last of its run */
            in_burst = w->run >= 3.0f && w->onset < SHARP && w->unsteady < STEADY * (w->run - 1.0f);
        }
        w->burst = (uint8_t)(in_burst && w->run > 0.0f);
    }
}

/* Where bursts are all there is around, the median is that of before. */
static void median_rr(beat_review *r) {
    for (size_t i = 0; i < r->n; i++) {
        float rr[REVIEW_MOST];
        int n = 0;
        if (i % REVIEW_SHARE) {
            r->work[i].median_s = r->work[i - 1].median_s;
            continue;
        }
        for (size_t j = review_first(i, REVIEW_AROUND); j <= review_last(i, REVIEW_AROUND, r->n); j++) {
            if (r->work[j].rr_s > 0.0f && !r->work[j].burst) {
                rr[n++] = r->work[j].rr_s;
            }
        }
        r->work[i].median_s = n >= ENOUGH_RR ? review_median(rr, n) : i ? r->work[i - 1].median_s : r->work[i].long_s;
    }
}

void review_rhythm(beat_review *r) {
    time_beats(r);
    long_rr(r);
    runs(r);
    mark_bursts(r);
    median_rr(r);
}
