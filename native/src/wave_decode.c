/* SPDX-License-Identifier: Apache-2.0 */
/* The waves of a beat, out of where their boundaries are.
 *
 * "All together" is the logarithmic pool of the good leads: one bad lead is outvoted, where the usual earliest onset and
 * latest end would follow it.
 */
#include "wave_decode.h"

#include "wave_net.h"
#include "wave_window.h"

#include <math.h>
#include <string.h>

#define ALL OL_WAVE_LEADS
#define PRESENT 0.55f
#define PRESENT_EXTRA 0.6f
#define MIN_LIKELY 0.1f

/* Where a boundary was found in each lead, and in all together. */
typedef struct wave_found {
    float ms[OL_WAVE_LEADS + 1], likely[OL_WAVE_LEADS + 1];
} wave_found;

typedef struct wave_span {
    double from_ms, to_ms;
} wave_span;

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
static ol_wave_mark join(const wave_found *found, uint32_t lane) {
    const wave_found *on = found, *peak = found + 1, *off = found + 2;
    ol_wave_mark mark = absent;
    mark.confidence = (on->likely[lane] + peak->likely[lane] + off->likely[lane]) / 3;
    if (mark.confidence > PRESENT) {
        const float first = fminf(on->ms[lane], off->ms[lane]), last = fmaxf(on->ms[lane], off->ms[lane]);
        mark.on_ms = told(first, on->likely[lane]);
        mark.peak_ms = told(fminf(fmaxf(peak->ms[lane], first), last), peak->likely[lane]);
        mark.off_ms = told(last, off->likely[lane]);
    }
    return mark;
}

/* A beat has a QRS: only how sure its bounds are may be in doubt. */
static ol_wave_mark join_qrs(const wave_found *found, uint32_t lane) {
    ol_wave_mark mark = absent;
    mark.confidence = (found[0].likely[lane] + found[1].likely[lane]) / 2;
    mark.on_ms = found[0].likely[lane] > 0 ? found[0].ms[lane] : NAN;
    mark.off_ms = found[1].likely[lane] > 0 ? found[1].ms[lane] : NAN;
    return mark;
}

/* Where the waves of a beat may be, ms from it. A P wave may precede by half a second, a T wave end 0.72 s later. */
static wave_span span_of(const wave_place *place, enum wave_boundary which) {
    const double before = place->before_ms - place->at_ms, after = place->after_ms - place->at_ms;
    switch (which) {
    case P_ON:
    case P_PEAK:
    case P_OFF:
        return (wave_span){fmax(-520, before + 200), 20};
    case QRS_ON:
        return (wave_span){fmax(-200, before + 150), 50};
    case QRS_OFF:
        return (wave_span){-50, fmin(260, after - 60)};
    default:
        return (wave_span){60, fmin(720, after - 20)};
    }
}

static void find_in_leads(const ol_waves *w, const wave_place *place, enum wave_boundary which, wave_found *found) {
    const wave_span span = span_of(place, which);
    wave_window v;
    wave_lanes lanes;
    wave_open(w, which, 0, place->at_ms, span.from_ms, span.to_ms, &v);
    wave_seek(&v, which, &lanes);
    memcpy(found->ms, lanes.ms, sizeof lanes.ms);
    memcpy(found->likely, lanes.likely, sizeof lanes.likely);
}

/* Boundaries first to last share a window and a rate. */
static void find_in_all(const ol_waves *w, const wave_place *place, enum wave_boundary first, enum wave_boundary last,
                        wave_found *found) {
    const wave_span span = span_of(place, first);
    wave_window v;
    wave_lanes lanes;
    wave_open(w, first, 1, place->at_ms, span.from_ms, span.to_ms, &v);
    for (enum wave_boundary b = first; b <= last; b++) {
        wave_seek(&v, b, &lanes);
        found[b].ms[ALL] = lanes.ms[ol_wave_pooled_lane[b]];
        found[b].likely[ALL] = lanes.likely[ol_wave_pooled_lane[b]];
    }
}

void wave_decode(const ol_waves *w, const wave_place *place, ol_wave_beat *beat) {
    wave_found found[OL_WAVE_N_BOUNDARIES];
    beat->good_leads = good_leads(w, place->at_ms);
    for (enum wave_boundary b = P_ON; b <= T_OFF; b++) {
        find_in_leads(w, place, b, &found[b]);
    }
    find_in_all(w, place, P_ON, P_OFF, found);
    find_in_all(w, place, QRS_ON, QRS_ON, found);
    find_in_all(w, place, QRS_OFF, QRS_OFF, found);
    find_in_all(w, place, T_ON, T_OFF, found);
    for (uint32_t lane = 0; lane <= ALL; lane++) {
        const int there = lane == ALL ? beat->good_leads != 0 : lane < w->n_leads;
        *mark_of(beat, lane, 0) = there ? join(&found[P_ON], lane) : absent;
        *mark_of(beat, lane, 1) = there ? join_qrs(&found[QRS_ON], lane) : absent;
        *mark_of(beat, lane, 2) = there ? join(&found[T_ON], lane) : absent;
    }
}

/* A P wave with its peak between two times, by all leads together; returns how likely it is. */
static float seek_p(const ol_waves *w, double at_ms, double from_ms, double to_ms, float *peak_ms) {
    wave_window v;
    wave_lanes lanes;
    float likely = 0;
    wave_open(w, P_PEAK, 1, at_ms, from_ms, to_ms, &v);
    for (enum wave_boundary b = P_ON; b <= P_OFF; b++) {
        wave_seek(&v, b, &lanes);
        likely += lanes.likely[ol_wave_pooled_lane[b]] / 3;
        *peak_ms = b == P_PEAK ? lanes.ms[ol_wave_pooled_lane[b]] : *peak_ms;
    }
    return likely;
}

void wave_extra_p(const ol_waves *w, const wave_place *place, ol_wave_beat *beat) {
    const double reach_ms = 3600, width_ms = 504, step_ms = 352, refractory_ms = 240;
    const double end = -520;
    double from = fmax(place->before_ms - place->at_ms, -reach_ms) + 200;
    while (beat->good_leads && end - from > 70 && beat->n_extra_p < OL_WAVE_MAX_EXTRA_P) {
        const double to = fmin(end, from + width_ms);
        float peak_ms = 0;
        if (seek_p(w, place->at_ms, from, to + 64, &peak_ms) > PRESENT_EXTRA && (double)peak_ms < to - 16) {
            beat->extra_p_ms[beat->n_extra_p++] = peak_ms;
            from = (double)peak_ms + refractory_ms;
        } else {
            from += step_ms;
        }
    }
}
