/* SPDX-License-Identifier: Apache-2.0 */
/* Joins the parts: seconds to the detector at once, to classes and waves when the detector has decided beyond. */
#include "ol_analysis.h"
#include "ol_error.h"

#include <math.h>
#include <string.h>

#define AHEAD_MS 3000 /* beats that classes and waves know beyond the second they are given */

static int has(const ol_analysis *a, uint32_t stage) {
    return (a->settings.stages & stage) != 0;
}

int ol_analysis_init(ol_analysis *a, const ol_analysis_settings *settings) {
    memset(a, 0, sizeof *a);
    a->settings = *settings;
    const uint32_t n_leads = settings->n_leads;
    int status = ol_ahead_init(&a->ahead, settings->fs_hz, n_leads, settings->rail_uv);
    if (status == OL_OK && has(a, OL_ANALYSIS_DETECT)) {
        status = ol_qrs_init(&a->qrs, n_leads);
    }
    if (status == OL_OK && has(a, OL_ANALYSIS_CLASSIFY)) {
        status = ol_beats_init(&a->beats, n_leads, settings->channels);
    }
    if (status == OL_OK && has(a, OL_ANALYSIS_DELINEATE)) {
        status = ol_waves_init(&a->waves, n_leads, settings->lead_i, settings->lead_ii);
    }
    return status;
}

static double *told(ol_analysis *a, int64_t number) {
    return &a->told[number % OL_ANALYSIS_TOLD];
}

static int64_t least(int64_t x, int64_t y) {
    return x < y ? x : y;
}

/* The oldest beat of which something is still to come. */
static int64_t oldest_open(const ol_analysis *a) {
    const int64_t records = has(a, OL_ANALYSIS_CLASSIFY) ? a->n_records : a->n_handed;
    const int64_t waves = has(a, OL_ANALYSIS_DELINEATE) ? a->n_waves : a->n_handed;
    return least(a->n_handed, least(records, waves));
}

static double to_frame(const ol_analysis *a, double at_ms) {
    return (double)a->origin + at_ms * a->settings.fs_hz / 1000;
}

static double to_ms(const ol_analysis *a, double frame) {
    return (frame - (double)a->origin) * 1000 / a->settings.fs_hz;
}

int ol_analysis_tell(ol_analysis *a, double frame) {
    const int is_later = frame >= 0 && frame < 1e18 && !(a->n_put && frame <= *told(a, a->n_put - 1));
    if (has(a, OL_ANALYSIS_DETECT) || !is_later) {
        return OL_E_ARGUMENT;
    }
    if (a->n_put - oldest_open(a) >= OL_ANALYSIS_TOLD) {
        return OL_E_ROOM;
    }
    *told(a, a->n_put++) = frame;
    return OL_OK;
}

int ol_analysis_tell_all(ol_analysis *a, const double *frames, size_t n) {
    for (size_t k = 0; k < n; k++) {
        const int status = ol_analysis_tell(a, frames[k]);
        if (status != OL_OK) {
            return status == OL_E_ROOM ? (int)k : status;
        }
    }
    return (int)n;
}

static int has_room(const ol_analysis_found *f) {
    const size_t most = f->room < OL_ANALYSIS_ROOM ? 0 : f->room - OL_ANALYSIS_ROOM;
    return f->room >= OL_ANALYSIS_ROOM && f->n_beats <= most && f->n_spans <= most && f->n_seconds <= most &&
           f->n_records <= most && f->n_waves <= most;
}

static void take_beats(ol_analysis *a, ol_analysis_found *f) {
    ol_qrs_beat beats[64];
    for (size_t n; (n = ol_qrs_beats(&a->qrs, beats, 64)) > 0;) {
        for (size_t i = 0; i < n; i++) {
            const double last = (double)(a->end_frame - 1);
            const double frame = fmin(fmax(to_frame(a, beats[i].at_ms), (double)a->origin), last);
            const int fits = f->n_beats < f->room && a->n_put - oldest_open(a) < OL_ANALYSIS_TOLD;
            if (fits && !(a->n_put && frame <= *told(a, a->n_put - 1))) {
                *told(a, a->n_put++) = frame;
                f->beats[f->n_beats++] = (ol_beat){llround(frame), frame, beats[i].score, beats[i].size_uv};
            }
        }
    }
}

static void put_span(ol_analysis_found *f, int64_t first_frame, int64_t end_frame, int32_t kind) {
    if (end_frame > first_frame && f->n_spans < f->room) {
        f->spans[f->n_spans++] = (ol_span){first_frame, end_frame, kind, 0};
    }
}

static void take_spans(ol_analysis *a, ol_analysis_found *f) {
    ol_qrs_span spans[64];
    for (size_t n; (n = ol_qrs_spans(&a->qrs, spans, 64)) > 0;) {
        for (size_t i = 0; i < n; i++) {
            const int64_t end_frame = least(llround(to_frame(a, spans[i].to_ms)), a->end_frame);
            put_span(f, llround(to_frame(a, spans[i].from_ms)), end_frame, spans[i].kind);
        }
    }
}

/* The frames of records and waves are those of the beats told, in order. */
static void name_records(ol_analysis *a, ol_analysis_found *f, size_t n) {
    for (; n > 0; n--) {
        f->records[f->n_records++].frame = (uint64_t)llround(*told(a, a->n_records++));
    }
}

static void name_waves(ol_analysis *a, ol_analysis_found *f, size_t n) {
    for (; n > 0; n--) {
        f->waves[f->n_waves++].frame = (uint64_t)llround(*told(a, a->n_waves++));
    }
}

static void hand_on(ol_analysis *a, double until_ms) {
    for (; a->n_handed < a->n_put; a->n_handed++) {
        const double at_ms = to_ms(a, *told(a, a->n_handed));
        if (at_ms >= until_ms) {
            break;
        }
        if ((has(a, OL_ANALYSIS_CLASSIFY) && ol_beats_tell(&a->beats, at_ms) != OL_OK) ||
            (has(a, OL_ANALYSIS_DELINEATE) && ol_waves_tell(&a->waves, at_ms) != OL_OK)) {
            break;
        }
    }
}

static double end_ms(const ol_second *s) {
    return (double)(s->first_row + s->n_rows) * OL_ROW_MS;
}

/* Classes and waves get the oldest second of the lag. */
static void follow(ol_analysis *a, ol_analysis_found *f) {
    const ol_second *s = &a->lag[a->n_out++ % OL_ANALYSIS_LAG];
    a->n_followed++;
    hand_on(a, end_ms(s) + AHEAD_MS);
    if (has(a, OL_ANALYSIS_CLASSIFY)) {
        name_records(a, f, ol_beats_take(&a->beats, s, f->records + f->n_records, f->room - f->n_records));
    }
    if (has(a, OL_ANALYSIS_DELINEATE)) {
        name_waves(a, f, ol_waves_take(&a->waves, s, f->waves + f->n_waves, f->room - f->n_waves));
    }
}

static int may_follow(const ol_analysis *a) {
    const ol_second *s = &a->lag[a->n_out % OL_ANALYSIS_LAG];
    return a->n_out < a->n_in && (!has(a, OL_ANALYSIS_DETECT) || a->n_in - a->n_out == OL_ANALYSIS_LAG ||
                                  ol_qrs_decided_ms(&a->qrs) >= end_ms(s) + AHEAD_MS);
}

static void drain(ol_analysis *a, ol_analysis_found *f) {
    if (has(a, OL_ANALYSIS_DETECT)) {
        take_beats(a, f);
        take_spans(a, f);
    }
    while (may_follow(a)) {
        follow(a, f);
    }
}

/* The newest of the lag. */
static void take_second(ol_analysis *a, ol_analysis_found *f) {
    const ol_second *s = &a->lag[a->n_in++ % OL_ANALYSIS_LAG];
    a->origin = s->origin;
    a->end_frame = s->quality.first_frame + s->quality.n_frames;
    f->seconds[f->n_seconds++] = s->quality;
    if (has(a, OL_ANALYSIS_DETECT)) {
        ol_qrs_take(&a->qrs, s);
    }
    drain(a, f);
}

/* Where the next second goes. */
static ol_seconds next_second(ol_analysis *a) {
    return (ol_seconds){.second = &a->lag[a->n_in % OL_ANALYSIS_LAG], .room = 1, .n = 0};
}

size_t ol_analysis_push(ol_analysis *a, const float *frames_uv, const uint8_t *lead_off, size_t n,
                        ol_analysis_found *found) {
    size_t taken = 0;
    while (taken < n && has_room(found)) {
        ol_seconds next = next_second(a);
        const float *at = frames_uv + taken * a->settings.n_leads;
        taken += ol_ahead_push(&a->ahead, at, lead_off ? lead_off + taken : NULL, n - taken, &next);
        if (next.n) {
            take_second(a, found);
        }
    }
    return taken;
}

size_t ol_analysis_push_counts(ol_analysis *a, const int32_t *counts, const float *scale_uv, const uint8_t *lead_off,
                               size_t n, ol_analysis_found *found) {
    size_t taken = 0;
    while (taken < n && has_room(found)) {
        ol_seconds next = next_second(a);
        const int32_t *at = counts + taken * a->settings.n_leads;
        const uint8_t *off = lead_off ? lead_off + taken : NULL;
        taken += ol_ahead_push_counts(&a->ahead, at, scale_uv, off, n - taken, &next);
        if (next.n) {
            take_second(a, found);
        }
    }
    return taken;
}

size_t ol_analysis_push_seconds(ol_analysis *a, const ol_second *seconds, size_t n, ol_analysis_found *found) {
    size_t taken = 0;
    for (; taken < n && has_room(found); taken++) {
        memcpy(next_second(a).second, &seconds[taken], sizeof *seconds);
        take_second(a, found);
    }
    return taken;
}

/* Where the next frame pushed lies, whoever makes the seconds. */
static int64_t place(const ol_analysis *a) {
    const int64_t ahead = ol_ahead_end_frame(&a->ahead);
    return ahead > a->end_frame ? ahead : a->end_frame;
}

/* `next` is the frame at which the stretch after this one begins: beats told in the gap belong to this one. */
static void end_stretch(ol_analysis *a, int64_t next, ol_analysis_found *f) {
    while (ol_ahead_end(&a->ahead, next_second(a).second)) {
        take_second(a, f);
    }
    if (has(a, OL_ANALYSIS_DETECT)) {
        ol_qrs_end(&a->qrs);
    }
    drain(a, f);
    while (a->n_out < a->n_in) {
        follow(a, f);
    }
    hand_on(a, to_ms(a, (double)next));
    if (has(a, OL_ANALYSIS_CLASSIFY)) {
        name_records(a, f, ol_beats_end(&a->beats, f->records + f->n_records, f->room - f->n_records));
    }
    if (has(a, OL_ANALYSIS_DELINEATE)) {
        name_waves(a, f, ol_waves_end(&a->waves, f->waves + f->n_waves, f->room - f->n_waves));
    }
    a->n_in = a->n_out = 0;
}

static void bridge(ol_analysis *a, int64_t n_missing, ol_analysis_found *f) {
    float frame[8];
    memcpy(frame, a->ahead.front.last, sizeof frame);
    while (n_missing-- > 0) {
        ol_analysis_push(a, frame, NULL, 1, f);
    }
}

int ol_analysis_gap(ol_analysis *a, int64_t n_missing, ol_analysis_found *found) {
    const int64_t at = place(a);
    if (n_missing < 0 || n_missing > INT64_MAX / 4 - at) {
        return OL_E_ARGUMENT;
    }
    if (!has_room(found)) {
        return OL_E_ROOM;
    }
    if (ol_ahead_bridges(&a->ahead, n_missing)) {
        bridge(a, n_missing, found);
        return OL_OK;
    }
    end_stretch(a, at + n_missing, found);
    put_span(found, at, at + n_missing, OL_SPAN_GAP);
    ol_ahead_skip(&a->ahead, n_missing);
    a->origin = a->end_frame = at + n_missing;
    return OL_OK;
}

int64_t ol_analysis_followed(const ol_analysis *a) {
    return a->n_followed;
}

const ol_beats *ol_analysis_beats(const ol_analysis *a) {
    return &a->beats;
}
