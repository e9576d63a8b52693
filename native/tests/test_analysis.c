/* SPDX-License-Identifier: Apache-2.0 */
/* ol_analysis.h: any chunking gives the same bytes, gaps, beats that are told, seconds made apart, bad input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ecg.h"
#include "ol_analysis.h"
#include "ol_error.h"

#include <string.h>

enum { ROOM = 1024, FS_HZ = 250, N_LEADS = 2, N_FRAMES = 40 * FS_HZ, N_BEATS = 50, EVERYTHING = 7 };

typedef struct {
    ol_beat beats[ROOM];
    ol_span spans[ROOM];
    ol_quality_second seconds[ROOM];
    ol_beat_record records[ROOM];
    ol_wave_beat waves[ROOM];
    ol_analysis_found found;
} result;

static ol_analysis analysis;
static float frames[N_FRAMES * N_LEADS];

static const ol_analysis_settings *settings_of(uint32_t stages) {
    static ol_analysis_settings s;
    s = (ol_analysis_settings){.fs_hz = FS_HZ, .n_leads = N_LEADS, .stages = stages,
                               .channels = {0, 1}, .lead_i = -1, .lead_ii = 0};
    return &s;
}

static void begin(result *r, uint32_t stages) {
    memset(r, 0, sizeof *r);
    r->found = (ol_analysis_found){.room = ROOM, .beats = r->beats, .spans = r->spans, .seconds = r->seconds,
                                   .records = r->records, .waves = r->waves};
    assert_int_equal(ol_analysis_init(&analysis, settings_of(stages)), OL_OK);
}

static int make_frames(void **state) {
    unsigned seed = 7;
    (void)state;
    for (size_t i = 0; i < N_FRAMES * N_LEADS; i++) {
        frames[i] = 15 * test_noise(&seed);
    }
    for (int beat = 0; beat < N_BEATS; beat++) {
        for (size_t lead = 0; lead < N_LEADS; lead++) {
            add_beat(frames, N_FRAMES, N_LEADS, lead, FS_HZ, 0.5 + 0.8 * beat, lead ? 700 : 1000);
        }
    }
    return 0;
}

static void push(size_t first, size_t after, size_t chunk, result *r) {
    for (size_t at = first; at < after;) {
        const size_t some = after - at < chunk ? after - at : chunk;
        at += ol_analysis_push(&analysis, frames + at * N_LEADS, NULL, some, &r->found);
    }
}

static void run(size_t chunk, result *r) {
    begin(r, EVERYTHING);
    push(0, 4001, chunk, r);
    assert_int_equal(ol_analysis_gap(&analysis, 8, &r->found), OL_OK); /* 32 ms: bridged */
    push(4001, 6060, chunk, r);
    assert_int_equal(ol_analysis_gap(&analysis, 700, &r->found), OL_OK);
    push(6060, N_FRAMES, chunk, r);
    assert_int_equal(ol_analysis_gap(&analysis, 0, &r->found), OL_OK);
}

static void any_chunking_gives_the_same_bytes(void **state) {
    static result whole, parts;
    static const size_t chunks[] = {1, 17, 250, 3333};
    (void)state;
    run(N_FRAMES, &whole);
    assert_int_equal(whole.found.n_beats, N_BEATS);
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        run(chunks[i], &parts);
        assert_memory_equal(&whole, &parts, offsetof(result, found));
    }
}

static void records_and_waves_are_one_a_beat_over_a_gap(void **state) {
    static result r;
    (void)state;
    run(100, &r);
    assert_int_equal(r.found.n_records, r.found.n_beats);
    assert_int_equal(r.found.n_waves, r.found.n_beats);
    for (size_t i = 0; i < r.found.n_beats; i++) {
        assert_int_equal(r.records[i].frame, r.beats[i].frame);
        assert_int_equal(r.waves[i].frame, r.beats[i].frame);
        assert_false(r.beats[i].frame >= 6068 && r.beats[i].frame < 6768);
    }
    assert_int_equal(r.found.n_spans, 1);
    assert_int_equal(r.spans[0].first_frame, 6068);
    assert_int_equal(r.spans[0].end_frame, 6768);
    assert_int_equal(r.spans[0].kind, OL_SPAN_GAP);
}

static void beats_told_are_the_beats_measured(void **state) {
    static result r;
    (void)state;
    begin(&r, OL_ANALYSIS_CLASSIFY | OL_ANALYSIS_DELINEATE);
    for (int beat = 0; beat < N_BEATS; beat++) {
        assert_int_equal(ol_analysis_tell(&analysis, (0.5 + 0.8 * beat) * FS_HZ), OL_OK);
    }
    push(0, N_FRAMES, 333, &r);
    assert_int_equal(ol_analysis_gap(&analysis, 0, &r.found), OL_OK);
    assert_int_equal(r.found.n_beats, 0);
    assert_int_equal(r.found.n_records, N_BEATS);
    assert_int_equal(r.found.n_waves, N_BEATS);
    assert_int_equal(r.waves[10].frame, 125 + 10 * 200);
    assert_true(r.waves[10].qrs_ms > 40 && r.waves[10].qrs_ms < 160);
}

static void seconds_made_apart_give_the_same_bytes(void **state) {
    static result whole, apart;
    static ol_ahead ahead;
    static ol_second seconds[64];
    ol_seconds out = {.second = seconds, .room = 64, .n = 0};
    (void)state;
    begin(&whole, EVERYTHING);
    push(0, N_FRAMES, 999, &whole);
    assert_int_equal(ol_analysis_gap(&analysis, 0, &whole.found), OL_OK);
    begin(&apart, EVERYTHING);
    assert_int_equal(ol_ahead_init(&ahead, FS_HZ, N_LEADS, 0), OL_OK);
    assert_int_equal(ol_ahead_push(&ahead, frames, NULL, N_FRAMES, &out), N_FRAMES);
    assert_int_equal(ol_ahead_gap(&ahead, 0, &out), 1);
    assert_int_equal(ol_analysis_push_seconds(&analysis, seconds, out.n, &apart.found), out.n);
    assert_int_equal(ol_analysis_gap(&analysis, 0, &apart.found), OL_OK);
    assert_int_equal(ol_analysis_followed(&analysis), out.n);
    assert_memory_equal(&whole, &apart, offsetof(result, found));
}

static void bad_input_has_a_defined_answer(void **state) {
    static result r;
    ol_analysis_settings s = *settings_of(EVERYTHING);
    (void)state;
    for (s.fs_hz = 99; s.fs_hz < 3000; s.fs_hz += 1902) { /* 99, 2001 */
        assert_int_equal(ol_analysis_init(&analysis, &s), OL_E_ARGUMENT);
    }
    s.fs_hz = NAN;
    assert_int_equal(ol_analysis_init(&analysis, &s), OL_E_ARGUMENT);
    s.fs_hz = FS_HZ;
    for (s.n_leads = 0; s.n_leads <= 9; s.n_leads += 9) {
        assert_int_equal(ol_analysis_init(&analysis, &s), OL_E_ARGUMENT);
    }
    begin(&r, EVERYTHING);
    assert_int_equal(ol_analysis_tell(&analysis, 5), OL_E_ARGUMENT); /* the detector is on */
    assert_int_equal(ol_analysis_gap(&analysis, -1, &r.found), OL_E_ARGUMENT);
    assert_int_equal(ol_analysis_gap(&analysis, INT64_MAX, &r.found), OL_E_ARGUMENT);
    r.found.room = OL_ANALYSIS_ROOM - 1;
    assert_int_equal(ol_analysis_push(&analysis, frames, NULL, 10, &r.found), 0);
    assert_int_equal(ol_analysis_gap(&analysis, 0, &r.found), OL_E_ROOM);
    begin(&r, OL_ANALYSIS_CLASSIFY);
    assert_int_equal(ol_analysis_tell(&analysis, 100), OL_OK);
    assert_int_equal(ol_analysis_tell(&analysis, 100), OL_E_ARGUMENT);
    assert_int_equal(ol_analysis_tell(&analysis, NAN), OL_E_ARGUMENT);
}

static void nothing_and_one_frame_and_a_recording_of_one_gap_end(void **state) {
    static result r;
    (void)state;
    begin(&r, EVERYTHING);
    assert_int_equal(ol_analysis_gap(&analysis, 0, &r.found), OL_OK);
    assert_int_equal(r.found.n_seconds, 0);
    push(0, 1, 1, &r);
    assert_int_equal(ol_analysis_gap(&analysis, 90LL * 3600 * FS_HZ, &r.found), OL_OK);
    assert_int_equal(ol_analysis_gap(&analysis, 0, &r.found), OL_OK);
    assert_int_equal(r.found.n_beats, 0);
    assert_int_equal(r.found.n_seconds, 1);
    assert_int_equal(r.spans[r.found.n_spans - 1].end_frame, 1 + 90LL * 3600 * FS_HZ);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_chunking_gives_the_same_bytes),
        cmocka_unit_test(records_and_waves_are_one_a_beat_over_a_gap),
        cmocka_unit_test(beats_told_are_the_beats_measured),
        cmocka_unit_test(seconds_made_apart_give_the_same_bytes),
        cmocka_unit_test(bad_input_has_a_defined_answer),
        cmocka_unit_test(nothing_and_one_frame_and_a_recording_of_one_gap_end),
    };
    return cmocka_run_group_tests(tests, make_frames, NULL);
}
