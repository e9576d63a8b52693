/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of a beat out of its waves.
 *
 * Intervals are those of all leads together: PR from the onset of P to that of QRS, QT from the onset of QRS to the end of
 * T. QTc: Bazett 1920 (QT / sqrt RR), Fridericia 1920 (QT / cube root of RR), Framingham (Sagie 1992,
 * doi:10.1016/0002-9149(92)90562-D: QT + 154 ms (1 - RR)), Hodges 1983 (QT + 1.75 ms (rate - 60)); RR in seconds, of the
 * interval before the beat. Axis: atan2 of the areas of QRS in aVF and I, aVF on the scale of the Goldberger leads
 * (2 II - I) / sqrt 3. ST: mean of three samples of 4 ms at J + 60 and J + 80 ms less the mean of the 16 ms before QRS,
 * J of all leads together; slope by least squares from J + 20 to J + 80 ms. A number whose signal is not all there is NaN.
 */
#include "lanes.h"
#include "wave_decode.h"

#include <math.h>

#define SLOPE_ROWS 16

static int64_t row_at(const wave_place *place, float ms) {
    return llround((place->at_ms + (double)ms) / OL_ROW_MS);
}

static int is_kept(const ol_waves *w, int64_t first, int64_t end) {
    return first >= 0 && first >= w->n_fed - OL_WAVE_SIGNAL_ROWS && end <= w->n_rows;
}

OL_INLINE lanes signal_at(const ol_waves *w, int64_t row) {
    return load8(w->signal[(size_t)row % OL_WAVE_SIGNAL_ROWS]);
}

OL_INLINE lanes mean_of(const ol_waves *w, int64_t first, int32_t n) {
    lanes sum = {0};
    for (int32_t k = 0; k < n; k++) {
        sum += signal_at(w, first + k);
    }
    return sum / (float)n;
}

/* Rows of a lead's QRS, counted from `base`; NaN where it is not known. */
typedef struct qrs_rows {
    int64_t base;
    int32_t n;
    float from[8], to[8], level[8], peak[8];
} qrs_rows;

/* In each lead, the row of the largest departure from where its QRS began. */
OL_CLONES static void seek_peaks(const ol_waves *w, qrs_rows *q) {
    const lanes from = load8(q->from), to = load8(q->to), level = load8(q->level);
    lanes top = {0}, at = from;
    top -= 1.0f;
    for (int32_t k = 0; k < q->n; k++) {
        const lanes zero = {0}, here = zero + (float)k, height = lanes_abs(signal_at(w, q->base + k) - level);
        const lane_mask better = (height > top) & (here >= from) & (here <= to);
        top = lanes_choose(better, height, top);
        at = lanes_choose(better, here, at);
    }
    store8(q->peak, at);
}

/* The rows from the first onset to the last end, of what is kept of the signal. */
static void find_rows(const ol_waves *w, const wave_place *place, const ol_wave_beat *beat, qrs_rows *q) {
    int64_t first = w->n_rows, end = 0;
    for (uint32_t k = 0; k < w->n_leads; k++) {
        const ol_wave_mark *qrs = &beat->lead[k].qrs;
        if (isfinite(qrs->on_ms) && isfinite(qrs->off_ms)) {
            const int64_t on = row_at(place, qrs->on_ms), off = row_at(place, qrs->off_ms);
            first = on < first ? on : first;
            end = off >= end ? off + 1 : end;
        }
    }
    q->base = first;
    q->n = is_kept(w, first, end) && end > first ? (int32_t)(end - first) : 0;
}

static void measure_peaks(const ol_waves *w, const wave_place *place, ol_wave_beat *beat) {
    qrs_rows q;
    find_rows(w, place, beat, &q);
    for (uint32_t k = 0; k < OL_WAVE_LEADS; k++) {
        const ol_wave_mark *qrs = &beat->lead[k].qrs;
        const int is_known = q.n && k < w->n_leads && isfinite(qrs->on_ms) && isfinite(qrs->off_ms);
        const int64_t on = is_known ? row_at(place, qrs->on_ms) : 0;
        q.from[k] = is_known ? (float)(on - q.base) : NAN;
        q.to[k] = is_known ? (float)(row_at(place, qrs->off_ms) - q.base) : NAN;
        q.level[k] = is_known ? w->signal[on % OL_WAVE_SIGNAL_ROWS][k] : 0;
    }
    seek_peaks(w, &q);
    for (uint32_t k = 0; k < w->n_leads; k++) {
        beat->lead[k].qrs.peak_ms = (float)((double)(q.base * OL_ROW_MS) - place->at_ms) + q.peak[k] * OL_ROW_MS;
    }
    const ol_wave_mark *all = &beat->all_leads.qrs;
    beat->all_leads.qrs.peak_ms = isfinite(all->on_ms) && isfinite(all->off_ms) ? 0 : NAN;
}

static void measure_intervals(ol_wave_beat *beat) {
    const ol_wave_set *all = &beat->all_leads;
    beat->pr_ms = all->qrs.on_ms - all->p.on_ms;
    beat->qrs_ms = all->qrs.off_ms - all->qrs.on_ms;
    beat->qt_ms = all->t.off_ms - all->qrs.on_ms;
    const float rr_s = beat->rr_ms / 1000, qt = beat->qt_ms;
    beat->qtc_bazett_ms = qt / sqrtf(rr_s);
    beat->qtc_fridericia_ms = qt / cbrtf(rr_s);
    beat->qtc_framingham_ms = qt + 154 * (1 - rr_s);
    beat->qtc_hodges_ms = qt + 1.75f * (60 / rr_s - 60);
}

/* Lanes of leads that are not good, or not there, become NaN. */
static void put(const ol_waves *w, const ol_wave_beat *beat, const float *from, float *to) {
    for (uint32_t k = 0; k < OL_WAVE_LEADS; k++) {
        to[k] = k < w->n_leads && beat->good_leads >> k & 1 ? from[k] : NAN;
    }
}

OL_CLONES static void measure_st(const ol_waves *w, int64_t on, int64_t j, ol_wave_beat *beat) {
    float base_uv[8], uv[8];
    const lanes level = mean_of(w, on - 4, 4);
    store8(base_uv, level);
    put(w, beat, base_uv, beat->baseline_uv);
    store8(uv, mean_of(w, j + 14, 3) - level);
    put(w, beat, uv, beat->st_j60_uv);
    store8(uv, mean_of(w, j + 19, 3) - level);
    put(w, beat, uv, beat->st_j80_uv);
    lanes moment = {0};
    float weight = 0;
    for (int32_t k = 0; k < SLOPE_ROWS; k++) {
        const float t_s = ((float)k - 0.5f * (SLOPE_ROWS - 1)) * (OL_ROW_MS / 1000.0f);
        moment += (signal_at(w, j + 5 + k) - level) * t_s;
        weight += t_s * t_s;
    }
    store8(uv, moment / weight);
    put(w, beat, uv, beat->st_slope_uv_per_s);
}

OL_CLONES static void qrs_areas(const ol_waves *w, int64_t first, int64_t last, float *area) {
    const lanes level = mean_of(w, first - 4, 4);
    lanes sum = {0};
    for (int64_t row = first; row <= last; row++) {
        sum += signal_at(w, row) - level;
    }
    store8(area, sum);
}

static void measure_axis(const ol_waves *w, int64_t first, int64_t last, ol_wave_beat *beat) {
    if (w->lead_i < 0 || w->lead_ii < 0 || !(beat->good_leads >> w->lead_i & 1) ||
        !(beat->good_leads >> w->lead_ii & 1)) {
        return;
    }
    float area[8];
    qrs_areas(w, first, last, area);
    const float x = area[w->lead_i], y = (2 * area[w->lead_ii] - x) / sqrtf(3);
    beat->axis_deg = x * x + y * y > 0 ? atan2f(y, x) * (float)(180 / 3.14159265358979323846) : NAN;
}

static void clear(ol_wave_beat *beat) {
    beat->axis_deg = NAN;
    for (uint32_t lead = 0; lead < OL_WAVE_LEADS; lead++) {
        beat->baseline_uv[lead] = beat->st_j60_uv[lead] = NAN;
        beat->st_j80_uv[lead] = beat->st_slope_uv_per_s[lead] = NAN;
    }
}

void wave_measure(const ol_waves *w, const wave_place *place, ol_wave_beat *beat) {
    clear(beat);
    measure_peaks(w, place, beat);
    measure_intervals(beat);
    const ol_wave_mark *qrs = &beat->all_leads.qrs;
    if (!isfinite(qrs->on_ms) || !isfinite(qrs->off_ms)) {
        return;
    }
    const int64_t on = row_at(place, qrs->on_ms), j = row_at(place, qrs->off_ms);
    if (is_kept(w, on - 4, j + 1)) {
        measure_axis(w, on, j, beat);
    }
    if (is_kept(w, on - 4, j + 22)) {
        measure_st(w, on, j, beat);
    }
}
