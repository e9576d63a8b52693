/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the samples, rate, gaps, chunks and beats told:
 *   - every call returns, and nothing outside the caller's memory is read or written;
 *   - beats come in rising order, within the frames pushed; records and waves are one a beat, with the beats' frames;
 *   - spans have a known kind and end after they begin;
 *   - labels are of a known class;
 *   - another chunking gives the same bytes.
 * Bytes 0-4: rate, leads, how long a sample is held, chunk, stages. Then two bytes a sample; 0x8000 is no number, 0x7fff
 * begins a gap, 0x7ffe tells a beat where beats are told. */
#include "held.h"
#include "ol_analysis.h"
#include "ol_error.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 4096 };

typedef struct {
    ol_beat beats[ROOM];
    ol_span spans[ROOM];
    ol_quality_second seconds[ROOM];
    ol_beat_record records[ROOM];
    ol_wave_beat waves[ROOM];
    ol_analysis_found found;
} result;

static ol_analysis analysis;

static void begin(result *r) {
    memset(r, 0, sizeof *r);
    r->found = (ol_analysis_found){.room = ROOM, .beats = r->beats, .spans = r->spans, .seconds = r->seconds,
                                   .records = r->records, .waves = r->waves};
}

static void push(const float *frames, uint32_t n_leads, size_t n, size_t chunk, result *r) {
    for (size_t at = 0; at < n;) {
        const size_t some = n - at < chunk ? n - at : chunk;
        const size_t taken = ol_analysis_push(&analysis, frames + at * n_leads, NULL, some, &r->found);
        require(taken > 0 && taken <= some);
        at += taken;
    }
}

/* Each sample is held for a tenth of a second or so, so that a short input says something. Returns the frames pushed. */
static int64_t run(const uint8_t *bytes, size_t n, size_t chunk, result *r) {
    const double fs_hz = 100 + bytes[0] * 7.4;
    const uint32_t n_leads = 1 + bytes[1] % 8, held = (uint32_t)(fs_hz / (1 + bytes[2] % 20));
    const ol_analysis_settings settings = {.fs_hz = fs_hz, .n_leads = n_leads, .stages = bytes[4] & 7, .rail_uv = 0,
                                           .channels = {0, (uint8_t)(n_leads - 1)}, .lead_i = 0,
                                           .lead_ii = (int32_t)n_leads - 1};
    int64_t pushed = 0;
    begin(r);
    require(ol_analysis_init(&analysis, &settings) == OL_OK);
    float *frames = malloc(held * n_leads * sizeof *frames);
    for (size_t i = 5; i + 1 < n; i += 2) {
        const int16_t v = (int16_t)(bytes[i] | bytes[i + 1] << 8);
        if (v == 0x7fff) {
            require(ol_analysis_gap(&analysis, bytes[3], &r->found) == OL_OK);
            pushed += bytes[3];
        } else if (v == 0x7ffe) {
            ol_analysis_tell(&analysis, (double)(pushed + bytes[3]));
        } else {
            for (uint32_t k = 0; k < held * n_leads; k++) {
                frames[k] = v == -32768 ? NAN : (float)v * (k % n_leads == 1 ? 300.0f : 1) * (k < n_leads * held / 4 ? 1 : 0);
            }
            push(frames, n_leads, held, chunk, r);
            pushed += held;
        }
    }
    require(ol_analysis_gap(&analysis, 0, &r->found) == OL_OK);
    free(frames);
    return pushed;
}

static void check_labels(const result *r, double fs_hz) {
    static ol_beat_context work[ROOM];
    static ol_beat_label labels[ROOM];
    require(ol_beats_label(ol_analysis_beats(&analysis), fs_hz, r->records, r->found.n_records, work, labels) == OL_OK);
    for (size_t i = 0; i < r->found.n_records; i++) {
        require(labels[i].beat_class <= OL_BEAT_PACED && labels[i].confidence <= 100);
    }
}

static void check(const result *r, int64_t pushed, uint32_t stages, double fs_hz) {
    const ol_analysis_found *f = &r->found;
    for (size_t i = 0; i < f->n_beats; i++) {
        require(f->beats[i].frame >= 0 && f->beats[i].frame < pushed);
        require(i == 0 || f->beats[i].frame > f->beats[i - 1].frame);
        require(!(stages & OL_ANALYSIS_CLASSIFY) || f->records[i].frame == (uint64_t)f->beats[i].frame);
        require(!(stages & OL_ANALYSIS_DELINEATE) || f->waves[i].frame == (uint64_t)f->beats[i].frame);
    }
    if (stages & OL_ANALYSIS_DETECT) {
        require(!(stages & OL_ANALYSIS_CLASSIFY) || f->n_records == f->n_beats);
        require(!(stages & OL_ANALYSIS_DELINEATE) || f->n_waves == f->n_beats);
    }
    for (size_t i = 0; i < f->n_spans; i++) {
        require(f->spans[i].kind >= OL_SPAN_VF && f->spans[i].kind <= OL_SPAN_GAP);
        require(f->spans[i].end_frame > f->spans[i].first_frame);
    }
    if (stages & OL_ANALYSIS_CLASSIFY) {
        check_labels(r, fs_hz);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static result whole, parts;
    if (n < 7 || n > 2000) {
        return 0;
    }
    const int64_t pushed = run(data, n, 100000, &whole);
    check(&whole, pushed, data[4] & 7, 100 + data[0] * 7.4);
    run(data, n, 1 + data[3] % 97, &parts);
    require(memcmp(&whole, &parts, offsetof(result, found)) == 0);
    return 0;
}
