/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of a beat out of its waves.
 *
 * QTc: Bazett 1920 (QT / sqrt RR), Fridericia 1920 (QT / cube root of RR), Framingham (Sagie 1992,
 * doi:10.1016/0002-9149(92)90562-D: QT + 154 ms (1 - RR)), Hodges 1983 (QT + 1.75 ms (rate - 60)); RR in seconds, of the
 * interval before the beat. Axis: atan2 of the areas of QRS in aVF and I, aVF on the scale of the Goldberger leads
 * (2 II - I) / sqrt 3. ST: mean of three samples of 4 ms at J + 60 and J + 80 ms less the mean of the 16 ms before QRS,
 * J of all leads together; slope by least squares from J + 20 to J + 80 ms.
 */
#include "wave_decode.h"

#include <math.h>

static float sample(const ol_waves *w, int64_t row, uint32_t lead) {
    if (row < 0 || row >= w->n_rows || row < w->n_fed - OL_WAVE_SIGNAL_ROWS) {
        return NAN;
    }
    return w->signal[row % OL_WAVE_SIGNAL_ROWS][lead];
}

static int64_t row_at(const wave_place *place, float ms) {
    return llround((place->at_ms + (double)ms) / OL_ROW_MS);
}

static float mean_of(const ol_waves *w, int64_t row, int64_t n, uint32_t lead) {
    float sum = 0;
    for (int64_t k = 0; k < n; k++) {
        sum += sample(w, row + k, lead);
    }
    return sum / (float)n;
}

/* The largest departure from where QRS began. */
static float qrs_peak(const ol_waves *w, const wave_place *place, const ol_wave_mark *qrs, uint32_t lead) {
    const int64_t first = row_at(place, qrs->on_ms), last = row_at(place, qrs->off_ms);
    const float level = sample(w, first, lead);
    int64_t best = first;
    float top = -1;
    for (int64_t row = first; row <= last; row++) {
        const float height = fabsf(sample(w, row, lead) - level);
        if (height > top) {
            top = height;
            best = row;
        }
    }
    return (float)((double)(best * OL_ROW_MS) - place->at_ms);
}

static void find_peaks(const ol_waves *w, const wave_place *place, ol_wave_beat *beat) {
    for (uint32_t lead = 0; lead < w->n_leads; lead++) {
        ol_wave_mark *qrs = &beat->lead[lead].qrs;
        if (isfinite(qrs->on_ms) && isfinite(qrs->off_ms)) {
            qrs->peak_ms = qrs_peak(w, place, qrs, lead);
        }
    }
    if (isfinite(beat->all_leads.qrs.on_ms) && isfinite(beat->all_leads.qrs.off_ms)) {
        beat->all_leads.qrs.peak_ms = 0;
    }
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

static float qrs_area(const ol_waves *w, int64_t first, int64_t last, uint32_t lead, float level) {
    float sum = 0;
    for (int64_t row = first; row <= last; row++) {
        sum += sample(w, row, lead) - level;
    }
    return sum;
}

static void measure_axis(const ol_waves *w, int64_t first, int64_t last, ol_wave_beat *beat) {
    if (w->lead_i < 0 || w->lead_ii < 0) {
        return;
    }
    const uint32_t i = (uint32_t)w->lead_i, ii = (uint32_t)w->lead_ii;
    if (!(beat->good_leads >> i & 1) || !(beat->good_leads >> ii & 1)) {
        return;
    }
    const float x = qrs_area(w, first, last, i, beat->baseline_uv[i]);
    const float y = (2 * qrs_area(w, first, last, ii, beat->baseline_uv[ii]) - x) / sqrtf(3);
    beat->axis_deg = x * x + y * y > 0 ? atan2f(y, x) * (float)(180 / 3.14159265358979323846) : NAN;
}

static void measure_st(const ol_waves *w, int64_t j, uint32_t lead, ol_wave_beat *beat) {
    const float level = beat->baseline_uv[lead];
    beat->st_j60_uv[lead] = mean_of(w, j + 14, 3, lead) - level;
    beat->st_j80_uv[lead] = mean_of(w, j + 19, 3, lead) - level;
    float moment = 0, weight = 0;
    for (int64_t k = -7; k <= 8; k++) { /* 16 samples around J + 50 ms */
        const float t = ((float)k - 0.5f) * (OL_ROW_MS / 1000.0f);
        moment += t * sample(w, j + 12 + k, lead);
        weight += t * t;
    }
    beat->st_slope_uv_per_s[lead] = moment / weight;
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
    find_peaks(w, place, beat);
    measure_intervals(beat);
    const ol_wave_mark *qrs = &beat->all_leads.qrs;
    if (!isfinite(qrs->on_ms) || !isfinite(qrs->off_ms)) {
        return;
    }
    const int64_t on = row_at(place, qrs->on_ms), j = row_at(place, qrs->off_ms);
    for (uint32_t lead = 0; lead < w->n_leads; lead++) {
        if (beat->good_leads >> lead & 1) {
            beat->baseline_uv[lead] = mean_of(w, on - 4, 4, lead);
            measure_st(w, j, lead, beat);
        }
    }
    measure_axis(w, on, j, beat);
}
