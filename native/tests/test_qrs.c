/* SPDX-License-Identifier: Apache-2.0 */
/* ol_qrs.h */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "ecg.h"
#include "ol_error.h"
#include "ol_qrs.h"
#include <string.h>

#define MOST 60000
static float frames[MOST * 8];
static ol_qrs detector;
static ol_beat beats[1000];
static ol_span spans[100];
static ol_quality_second seconds[1000];
static size_t n_beats, n_spans, n_seconds;

static void clear(void) {
    memset(frames, 0, sizeof frames);
    n_beats = n_spans = n_seconds = 0;
}

static void drain(void) {
    n_beats += ol_qrs_beats(&detector, beats + n_beats, 1000 - n_beats);
    n_spans += ol_qrs_spans(&detector, spans + n_spans, 100 - n_spans);
    n_seconds += ol_qrs_seconds(&detector, seconds + n_seconds, 1000 - n_seconds);
}

static void push(const float *from, size_t n, const uint8_t *off) {
    for (size_t at = 0; at < n;) {
        at += ol_qrs_push(&detector, from + at * detector.n_leads, off ? off + at : NULL, n - at);
        drain();
    }
}

static void finish(void) {
    assert_int_equal(ol_qrs_finish(&detector), OL_OK);
    drain();
}

/* Beats every 0.8 s from 0.15 s on, in every lead, over `seconds_long`. */
static size_t make(double fs_hz, size_t n_leads, double seconds_long, double noise_uv) {
    unsigned seed = 1;
    clear();
    const size_t n = (size_t)(seconds_long * fs_hz);
    assert_true(n * n_leads <= MOST * 8);
    for (size_t i = 0; i < n * n_leads; i++) {
        frames[i] = (float)noise_uv * test_noise(&seed);
    }
    for (double t = 0.15; t < seconds_long - 0.1; t += 0.8) {
        for (size_t k = 0; k < n_leads; k++) {
            add_beat(frames, n, n_leads, k, fs_hz, t, k % 3 == 1 ? -600 : 1000);
        }
    }
    return n;
}

static void expect_beats(double fs_hz, double from_s, size_t from, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const double error_s = (double)beats[from + i].frame / fs_hz - (from_s + 0.8 * (double)i);
        assert_true(fabs(error_s) < 0.025);
    }
}

static void finds_every_beat_from_the_first_at_every_rate(void **state) {
    (void)state;
    static const double rates_hz[] = {100, 128, 200, 250, 299, 300, 360, 499, 500, 999, 1000, 2000};
    for (size_t i = 0; i < sizeof rates_hz / sizeof *rates_hz; i++) {
        const size_t n = make(rates_hz[i], 1, 24, 10);
        assert_int_equal(ol_qrs_init(&detector, rates_hz[i], 1, 0), OL_OK);
        push(frames, n, NULL);
        finish();
        assert_int_equal(n_beats, 30);
        expect_beats(rates_hz[i], 0.15, 0, 30);
    }
}

static void any_chunking_gives_the_same(void **state) {
    (void)state;
    static ol_beat first[1000];
    const size_t n = make(500, 8, 14, 30);
    ol_qrs_init(&detector, 500, 8, 0);
    push(frames, n, NULL);
    finish();
    const size_t n_first = n_beats;
    memcpy(first, beats, sizeof first);
    for (size_t chunk = 1; chunk < 400; chunk = chunk * 2 + 1) {
        n_beats = n_spans = n_seconds = 0;
        ol_qrs_init(&detector, 500, 8, 0);
        for (size_t at = 0; at < n; at += chunk) {
            push(frames + at * 8, n - at < chunk ? n - at : chunk, NULL);
        }
        finish();
        assert_int_equal(n_beats, n_first);
        assert_memory_equal(beats, first, n_first * sizeof *beats);
    }
}

static void a_lead_that_is_off_is_left_out(void **state) {
    (void)state;
    static uint8_t off[MOST];
    unsigned seed = 5;
    const size_t n = make(250, 2, 40, 10);
    for (size_t i = 2000; i < 6000; i++) {
        frames[2 * i + 1] = 3000 * test_noise(&seed);
        off[i] = 2;
    }
    ol_qrs_init(&detector, 250, 2, 0);
    push(frames, n, off);
    finish();
    assert_in_range(n_beats, 49, 51);
    assert_int_equal(seconds[12].flags[1] & OL_QUALITY_LEAD_OFF, OL_QUALITY_LEAD_OFF);
    assert_true(seconds[12].score[1] == 0 && seconds[12].score[0] > 0.9f);
}

static void a_pause_is_asystole_and_a_dead_lead_is_not(void **state) {
    (void)state;
    unsigned seed = 9;
    size_t n = make(250, 1, 40, 10);
    for (size_t i = 2600; i < 5000; i++) {
        frames[i] = 12 * test_noise(&seed);
    }
    ol_qrs_init(&detector, 250, 1, 0);
    push(frames, n, NULL);
    finish();
    assert_int_equal(n_spans, 1);
    assert_int_equal(spans[0].kind, OL_SPAN_ASYSTOLE);
    assert_in_range(spans[0].end_frame - spans[0].first_frame, 2300, 2800);
    n = make(250, 1, 40, 10);
    memset(frames + 2600, 0, 2400 * sizeof *frames);
    ol_qrs_init(&detector, 250, 1, 0);
    push(frames, n, NULL);
    finish();
    assert_int_equal(n_spans, 1);
    assert_int_equal(spans[0].kind, OL_SPAN_UNUSABLE);
}

static void fibrillation_is_flagged_and_not_counted(void **state) {
    (void)state;
    const size_t n = make(250, 1, 40, 10);
    for (size_t i = 3750; i < 7500; i++) {
        frames[i] = (float)(400 * sin(6.2831853 * (4.5 * (double)i / 250 + 0.3 * sin(0.011 * (double)i))));
    }
    ol_qrs_init(&detector, 250, 1, 0);
    push(frames, n, NULL);
    finish();
    assert_true(n_spans >= 1);
    assert_int_equal(spans[0].kind, OL_SPAN_VF);
    assert_in_range(spans[0].end_frame - spans[0].first_frame, 2000, 4500);
    for (size_t i = 0; i < n_beats; i++) {
        assert_true(beats[i].frame <= spans[0].first_frame + 250 || beats[i].frame >= spans[0].end_frame - 250);
    }
}

static void a_gap_shifts_what_follows_and_a_short_one_is_bridged(void **state) {
    (void)state;
    const size_t n = make(250, 1, 40, 10);
    ol_qrs_init(&detector, 250, 1, 0);
    push(frames, 5000, NULL); /* 20 s: the beat at 20.15 s is cut */
    assert_int_equal(ol_qrs_gap(&detector, 1000000), OL_OK);
    drain();
    push(frames + 5000, n - 5000, NULL);
    assert_int_equal(ol_qrs_gap(&detector, 8), OL_OK);
    finish();
    assert_int_equal(n_spans, 1);
    assert_int_equal(spans[0].kind, OL_SPAN_GAP);
    assert_int_equal(spans[0].first_frame, 5000);
    assert_int_equal(spans[0].end_frame, 1005000);
    assert_in_range(n_beats, 49, 50);
    assert_true(beats[n_beats - 1].frame > 1009000);
    assert_int_equal(ol_qrs_gap(&detector, -1), OL_E_ARGUMENT);
}

static void what_is_no_signal_gives_no_beats(void **state) {
    (void)state;
    static const float values[] = {0, 1e9f, -3e5f, NAN, INFINITY, 2147483648.0f, -32768};
    for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
        for (size_t i = 0; i < 5000; i++) {
            frames[i] = values[k];
        }
        n_beats = n_spans = n_seconds = 0;
        ol_qrs_init(&detector, 250, 1, 0);
        push(frames, 5000, NULL);
        finish();
        assert_int_equal(n_beats, 0);
    }
    ol_qrs_init(&detector, 250, 8, 0);
    finish(); /* nothing at all */
    push(frames, 1, NULL);
    finish();
    assert_int_equal(n_beats, 0);
}

static void refuses_what_it_cannot_do(void **state) {
    (void)state;
    assert_int_equal(ol_qrs_init(&detector, 99, 1, 0), OL_E_ARGUMENT);
    assert_int_equal(ol_qrs_init(&detector, 2001, 1, 0), OL_E_ARGUMENT);
    assert_int_equal(ol_qrs_init(&detector, NAN, 1, 0), OL_E_ARGUMENT);
    assert_int_equal(ol_qrs_init(&detector, 500, 0, 0), OL_E_ARGUMENT);
    assert_int_equal(ol_qrs_init(&detector, 500, 9, 0), OL_E_ARGUMENT);
    assert_int_equal(ol_qrs_init(&detector, 500, 8, -1), OL_E_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_every_beat_from_the_first_at_every_rate),
        cmocka_unit_test(any_chunking_gives_the_same),
        cmocka_unit_test(a_lead_that_is_off_is_left_out),
        cmocka_unit_test(a_pause_is_asystole_and_a_dead_lead_is_not),
        cmocka_unit_test(fibrillation_is_flagged_and_not_counted),
        cmocka_unit_test(a_gap_shifts_what_follows_and_a_short_one_is_bridged),
        cmocka_unit_test(what_is_no_signal_gives_no_beats),
        cmocka_unit_test(refuses_what_it_cannot_do),
    };
    return cmocka_run_group_tests_name("qrs", tests, NULL, NULL);
}
