/* SPDX-License-Identifier: Apache-2.0 */
/* From scores to boundaries.
 *
 * Within the window where a boundary may be, exp(score) / (1 + sum of exp(score)) is the probability of each place, and
 * what is missing to 1 that there is no such boundary: the network was trained under just this reading. A boundary is
 * put where most of the probability lies within a tolerance, and there at its centre of mass, which is what the
 * scores by tolerance (CSE Working Party 1985, doi:10.1093/oxfordjournals.eurheartj.a061773) ask for. The lane "all
 * together" is the logarithmic pool of the good leads: one bad lead is outvoted, where the usual earliest onset and
 * latest end would follow it.
 */
#include "wave_decode.h"

#include "wave_net.h"

#include <math.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wpsabi"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define CLONES __attribute__((target_clones("avx2", "default")))
#else
#define CLONES
#endif
#define INLINE static inline __attribute__((always_inline))

typedef float lanes __attribute__((vector_size(32), aligned(4), may_alias));
typedef int32_t ilanes __attribute__((vector_size(32), aligned(4), may_alias));

#define ALL OL_WAVE_LEADS
#define PRESENT 0.5f
#define MIN_LIKELY 0.1f
#define PRESENT_EXTRA 0.6f
#define MAX_SCORE 20.0f

/* Half of the tolerance, in rows of 8 ms. */
static const int32_t half_width[OL_WAVE_N_BOUNDARIES] = {4, 3, 4, 2, 3, 6, 3, 6};

INLINE lanes choose(ilanes mask, lanes yes, lanes no) {
    return (lanes)(((ilanes)yes & mask) | ((ilanes)no & ~mask));
}

/* exp for |x| <= 20, relative error below 1e-6: 2^n times a polynomial (Cephes expf). */
INLINE lanes exp_lanes(lanes x) {
    const lanes zero = {0};
    x = choose(x > zero + MAX_SCORE, zero + MAX_SCORE, x);
    x = choose(x < zero - MAX_SCORE, zero - MAX_SCORE, x);
    const ilanes n = __builtin_convertvector(x * 1.44269504f + 64.5f, ilanes) - 64;
    const lanes whole = __builtin_convertvector(n, lanes);
    const lanes r = x - whole * 0.693359375f + whole * 2.12194440e-4f;
    lanes y = r * 1.9875691500e-4f + 1.3981999507e-3f;
    y = y * r + 8.3334519073e-3f;
    y = y * r + 4.1665795894e-2f;
    y = y * r + 1.6666665459e-1f;
    y = y * r + 5.0000001201e-1f;
    y = y * r * r + r + 1.0f;
    return y * (lanes)((n + 127) << 23);
}

/* One window: running sums of exp(score), [row + 1][lane]; the mean score of the good leads aside. */
typedef struct wave_window {
    int32_t n;
    float sum[MAX_WINDOW + 1][OL_WAVE_LEADS];
    float pooled[MAX_WINDOW + 8]; /* padded to whole vectors */
    float pooled_sum[MAX_WINDOW + 1];
} wave_window;

CLONES static void accumulate(const ol_waves *w, int64_t first, uint32_t which, uint32_t good, wave_window *v) {
    lanes share = {0}, sum = {0};
    const float part = 1.0f / (float)(good ? __builtin_popcount(good) : 1);
    for (int k = 0; k < OL_WAVE_LEADS; k++) {
        share[k] = good >> k & 1 ? part : 0;
    }
    memset(v->sum[0], 0, sizeof v->sum[0]);
    for (int32_t t = 0; t < v->n; t++) {
        const lanes z = *(const lanes *)(const void *)w->score[(first + t) % OL_WAVE_RING_ROWS][which];
        const lanes weighted = z * share;
        float s[OL_WAVE_LEADS];
        memcpy(s, &weighted, sizeof s);
        v->pooled[t] = ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
        sum += exp_lanes(z);
        memcpy(v->sum[t + 1], &sum, sizeof sum);
    }
    for (int32_t t = 0; t < v->n; t += 8) {
        lanes *z = (lanes *)(void *)(v->pooled + t);
        *z = exp_lanes(*z);
    }
    v->pooled_sum[0] = 0;
    for (int32_t t = 0; t < v->n; t++) {
        v->pooled_sum[t + 1] = v->pooled_sum[t] + v->pooled[t];
    }
}

static int32_t low_of(int32_t t, int32_t half) {
    return t > half ? t - half : 0;
}

static int32_t high_of(int32_t t, int32_t half, int32_t n) {
    return t + half + 1 < n ? t + half + 1 : n;
}

/* For each lane, the row around which most of the probability lies. */
CLONES static void best_rows(const wave_window *v, int32_t half, int32_t *best) {
    lanes top = {0};
    ilanes at = {0};
    for (int32_t t = 0; t < v->n; t++) {
        const lanes high = *(const lanes *)(const void *)v->sum[high_of(t, half, v->n)];
        const lanes mass = high - *(const lanes *)(const void *)v->sum[low_of(t, half)];
        const ilanes better = mass > top;
        top = choose(better, mass, top);
        at = (at & ~better) | ((at - at + t) & better);
    }
    memcpy(best, &at, sizeof at);
}

static int32_t best_pooled(const wave_window *v, int32_t half) {
    int32_t best = 0;
    float top = 0;
    for (int32_t t = 0; t < v->n; t++) {
        const float mass = v->pooled_sum[high_of(t, half, v->n)] - v->pooled_sum[low_of(t, half)];
        best = mass > top ? t : best;
        top = mass > top ? mass : top;
    }
    return best;
}

/* Centre of mass within the tolerance, out of running sums `stride` floats apart, in rows. */
static float centre(const float *sum, size_t stride, int32_t best, int32_t half, int32_t n) {
    const int32_t low = low_of(best, half), high = high_of(best, half, n);
    float mass = 0, moment = 0;
    for (int32_t t = low; t < high; t++) {
        const float p = sum[(size_t)(t + 1) * stride] - sum[(size_t)t * stride];
        mass += p;
        moment += p * (float)(t - low);
    }
    return (float)low + (mass > 0 ? moment / mass : 0);
}

/* The rows of a window that are kept, at most MAX_WINDOW; returns how many. */
static int32_t clip_rows(const ol_waves *w, double from_ms, double to_ms, int64_t *first) {
    const int64_t made = w->n_blocks * OL_WAVE_STEPS * 2, end = w->n_rows / 2 + OL_WAVE_DELAY;
    const int64_t kept = made - OL_WAVE_RING_ROWS > OL_WAVE_DELAY ? made - OL_WAVE_RING_ROWS : OL_WAVE_DELAY;
    int64_t last = (int64_t)floor(to_ms / SCORE_MS - 0.5) + OL_WAVE_DELAY;
    *first = (int64_t)ceil(from_ms / SCORE_MS - 0.5) + OL_WAVE_DELAY;
    *first = *first < kept ? kept : *first;
    last = last >= made ? made - 1 : last;
    last = last >= end ? end - 1 : last; /* after the stretch there is nothing */
    last = last > *first + MAX_WINDOW - 1 ? *first + MAX_WINDOW - 1 : last;
    return last - *first < 2 ? 0 : (int32_t)(last - *first + 1);
}

void wave_find(const ol_waves *w, enum wave_boundary which, const wave_span *span, uint32_t good, wave_found *found) {
    wave_window v;
    int64_t first;
    memset(found, 0, sizeof *found);
    v.n = clip_rows(w, span->at_ms + span->from_ms, span->at_ms + span->to_ms, &first);
    if (!v.n) {
        return;
    }
    memset(v.pooled, 0, sizeof v.pooled);
    accumulate(w, first, which, good, &v);
    int32_t best[OL_WAVE_LEADS];
    const int32_t half = half_width[which];
    best_rows(&v, half, best);
    const float origin = (float)(((double)(first - OL_WAVE_DELAY) + 0.5) * SCORE_MS - span->at_ms);
    for (int k = 0; k < OL_WAVE_LEADS; k++) {
        found->ms[k] = origin + centre(&v.sum[0][k], OL_WAVE_LEADS, best[k], half, v.n) * (float)SCORE_MS;
        found->likely[k] = v.sum[v.n][k] / (1 + v.sum[v.n][k]);
    }
    found->ms[ALL] = origin + centre(v.pooled_sum, 1, best_pooled(&v, half), half, v.n) * (float)SCORE_MS;
    found->likely[ALL] = good ? v.pooled_sum[v.n] / (1 + v.pooled_sum[v.n]) : 0;
}

/* Leads that were good from half a second before the beat to half a second after it. */
static uint32_t good_leads(const ol_waves *w, double at_ms) {
    uint32_t good = (1u << w->n_leads) - 1;
    double end_ms = (double)(w->n_rows * OL_ROW_MS);
    for (int64_t k = w->n_seconds - 1; k >= 0 && k >= w->n_seconds - OL_WAVE_SECONDS; k--) {
        const double first_ms = (double)(w->second_row[k % OL_WAVE_SECONDS] * OL_ROW_MS);
        if (first_ms < at_ms + 500 && end_ms > at_ms - 500) {
            good &= w->second_good[k % OL_WAVE_SECONDS];
        }
        end_ms = first_ms;
    }
    return good;
}

static ol_wave_mark *mark_of(ol_wave_beat *beat, uint32_t lane, int wave) {
    ol_wave_set *set = lane == ALL ? &beat->all_leads : &beat->lead[lane];
    return wave == 0 ? &set->p : wave == 1 ? &set->qrs : &set->t;
}

static const ol_wave_mark absent = {NAN, NAN, NAN, 0};

/* A boundary that is all but certainly not there, of a wave that is: the signal ends before it. */
static float told(float ms, float likely) {
    return likely < MIN_LIKELY ? NAN : ms;
}

/* A wave of three boundaries that were sought apart: put in order, or absent. */
static ol_wave_mark join(const wave_found *on, const wave_found *peak, const wave_found *off, uint32_t lane) {
    const float likely = (on->likely[lane] + peak->likely[lane] + off->likely[lane]) / 3;
    ol_wave_mark mark = absent;
    mark.confidence = likely;
    if (likely > PRESENT) {
        const float first = fminf(on->ms[lane], off->ms[lane]), last = fmaxf(on->ms[lane], off->ms[lane]);
        mark.on_ms = told(first, on->likely[lane]);
        mark.peak_ms = told(fminf(fmaxf(peak->ms[lane], first), last), peak->likely[lane]);
        mark.off_ms = told(last, off->likely[lane]);
    }
    return mark;
}

/* Where the waves of a beat may be, ms from it. A P wave may precede by half a second, a T wave end 0.72 s later. */
static wave_span span_of(const wave_place *place, enum wave_boundary which) {
    const double before = place->before_ms - place->at_ms, after = place->after_ms - place->at_ms;
    wave_span span = {place->at_ms, 60, fmin(720, after - 20)};
    if (which <= P_OFF) {
        span.from_ms = fmax(-520, before + 200);
        span.to_ms = 20;
    } else if (which == QRS_ON) {
        span.from_ms = fmax(-200, before + 150);
        span.to_ms = 50;
    } else if (which == QRS_OFF) {
        span.from_ms = -50;
        span.to_ms = fmin(260, after - 60);
    }
    return span;
}

void wave_decode(const ol_waves *w, const wave_place *place, ol_wave_beat *beat) {
    wave_found found[OL_WAVE_N_BOUNDARIES];
    beat->good_leads = good_leads(w, place->at_ms);
    for (int b = 0; b < OL_WAVE_N_BOUNDARIES; b++) {
        const wave_span span = span_of(place, (enum wave_boundary)b);
        wave_find(w, (enum wave_boundary)b, &span, beat->good_leads, &found[b]);
    }
    for (uint32_t lane = 0; lane <= ALL; lane++) {
        const int there = lane == ALL ? beat->good_leads != 0 : lane < w->n_leads;
        *mark_of(beat, lane, 0) = there ? join(&found[P_ON], &found[P_PEAK], &found[P_OFF], lane) : absent;
        *mark_of(beat, lane, 2) = there ? join(&found[T_ON], &found[T_PEAK], &found[T_OFF], lane) : absent;
        ol_wave_mark *qrs = mark_of(beat, lane, 1);
        *qrs = absent;
        if (there) {
            qrs->confidence = (found[QRS_ON].likely[lane] + found[QRS_OFF].likely[lane]) / 2;
            qrs->on_ms = found[QRS_ON].likely[lane] > 0 ? found[QRS_ON].ms[lane] : NAN;
            qrs->off_ms = found[QRS_OFF].likely[lane] > 0 ? found[QRS_OFF].ms[lane] : NAN;
        }
    }
}

void wave_extra_p(const ol_waves *w, const wave_place *place, ol_wave_beat *beat) {
    const double reach_ms = 4000, width_ms = 504, step_ms = 352, refractory_ms = 240;
    const double before = fmax(place->before_ms - place->at_ms, -reach_ms), end = -520;
    wave_span span = {place->at_ms, before + 200, 0};
    while (end - span.from_ms > 70 && beat->n_extra_p < OL_WAVE_MAX_EXTRA_P) {
        wave_found on, peak, off;
        const double from = span.from_ms;
        span.to_ms = fmin(end, from + width_ms);
        wave_find(w, P_PEAK, &span, beat->good_leads, &peak);
        wave_span wide = {span.at_ms, from - 64, span.to_ms};
        wave_find(w, P_ON, &wide, beat->good_leads, &on);
        wide = (wave_span){span.at_ms, from, span.to_ms + 64};
        wave_find(w, P_OFF, &wide, beat->good_leads, &off);
        const float likely = (on.likely[ALL] + peak.likely[ALL] + off.likely[ALL]) / 3;
        if (likely > PRESENT_EXTRA && (double)peak.ms[ALL] < span.to_ms - 16) {
            beat->extra_p_ms[beat->n_extra_p++] = peak.ms[ALL];
            span.from_ms = (double)peak.ms[ALL] + refractory_ms;
        } else {
            span.from_ms = from + step_ms;
        }
    }
}
