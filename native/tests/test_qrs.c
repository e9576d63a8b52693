/* SPDX-License-Identifier: Apache-2.0 */
/* ol_qrs.h, behind ol_front.h */
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
static ol_front front;
static ol_qrs detector;
static ol_second second;
static ol_qrs_beat beats[1000];
static ol_qrs_span spans[100];
static size_t n_beats, n_spans;
static double decided_ms;

static void drain(void) {
    const size_t before = n_beats;
    n_beats += ol_qrs_beats(&detector, beats + n_beats, 1000 - n_beats);
    n_spans += ol_qrs_spans(&detector, spans + n_spans, 100 - n_spans);
    for (size_t i = before; i < n_beats; i++) {
        assert_true(beats[i].at_ms >= decided_ms);
        assert_true(beats[i].at_ms < ol_qrs_decided_ms(&detector) + 1000);
    }
    decided_ms = ol_qrs_decided_ms(&detector);
}

static void begin(double fs_hz, uint32_t n_leads) {
    n_beats = n_spans = 0;
    decided_ms = 0;
    assert_int_equal(ol_front_init(&front, fs_hz, n_leads, 0), OL_OK);
    assert_int_equal(ol_qrs_init(&detector, n_leads), OL_OK);
}

static void push(const float *from, size_t n, const uint8_t *off) {
    for (size_t at = 0; at < n;) {
        int is_full = 0;
        at += ol_front_push(&front, from + at * front.n_leads, off ? off + at : NULL, n - at, &second, &is_full);
        if (is_full) {
            ol_qrs_take(&detector, &second);
            drain();
        }
    }
}

static void end(void) {
    while (ol_front_end(&front, &second)) {
        ol_qrs_take(&detector, &second);
        drain();
    }
    ol_front_skip(&front, 0);
    ol_qrs_end(&detector);
    drain();
    decided_ms = 0;
}

static void find(double fs_hz, uint32_t n_leads, size_t n, const uint8_t *off) {
    begin(fs_hz, n_leads);
    push(frames, n, off);
    end();
}

/* Noise of so many microvolts in every lead. */
static size_t make_noise(double fs_hz, size_t n_leads, double seconds_long, double noise_uv) {
    unsigned seed = 1;
    memset(frames, 0, sizeof frames);
    const size_t n = (size_t)(seconds_long * fs_hz);
    assert_true(n * n_leads <= MOST * 8);
    for (size_t i = 0; i < n * n_leads; i++) {
        frames[i] = (float)noise_uv * test_noise(&seed);
    }
    return n;
}

/* Beats every 0.8 s from 0.15 s on, in every lead. */
static size_t make(double fs_hz, size_t n_leads, double seconds_long, double noise_uv) {
    const size_t n = make_noise(fs_hz, n_leads, seconds_long, noise_uv);
    for (double t = 0.15; t < seconds_long - 0.1; t += 0.8) {
        for (size_t k = 0; k < n_leads; k++) {
            add_beat(frames, n, n_leads, k, fs_hz, t, k % 3 == 1 ? -600 : 1000);
        }
    }
    return n;
}

static void expect_beats(double from_s, size_t n, double within_ms) {
    assert_int_equal(n_beats, n);
    for (size_t i = 0; i < n; i++) {
        assert_true(fabs(beats[i].at_ms - 1000 * (from_s + 0.8 * (double)i)) < within_ms);
    }
}

static void finds_every_beat_from_the_first_at_every_rate(void **state) {
    (void)state;
    static const double rates_hz[] = {100, 128, 200, 250, 257.3, 299, 300, 360, 499, 500, 999, 1000, 2000};
    for (size_t i = 0; i < sizeof rates_hz / sizeof *rates_hz; i++) {
        find(rates_hz[i], 1, make(rates_hz[i], 1, 24, 10), NULL);
        expect_beats(0.15, 30, 12);
    }
}

static void places_beats_between_its_frames(void **state) {
    (void)state;
    const size_t n = make_noise(500, 1, 24, 0);
    double t[20];
    for (size_t i = 0; i < 20; i++) {
        t[i] = 1 + 1.0013 * (double)i;
        add_beat(frames, n, 1, 0, 500, t[i], 1000);
    }
    find(500, 1, n, NULL);
    assert_int_equal(n_beats, 20);
    for (size_t i = 1; i < 20; i++) { /* all are as far off as the first is */
        assert_true(fabs(beats[i].at_ms - beats[0].at_ms - 1000 * (t[i] - t[0])) < 1.5);
    }
}

static void one_beat_is_found(void **state) {
    (void)state;
    const size_t n = make_noise(250, 1, 3, 5);
    add_beat(frames, n, 1, 0, 250, 1.5, 1000);
    find(250, 1, n, NULL);
    assert_int_equal(n_beats, 1);
    assert_true(fabs(beats[0].at_ms - 1500) < 12);
}

static void a_lead_that_is_off_is_left_out(void **state) {
    (void)state;
    static uint8_t off[MOST];
    unsigned seed = 5;
    const size_t n = make(250, 2, 40, 10);
    memset(off, 0, sizeof off);
    for (size_t i = 2000; i < 6000; i++) {
        frames[2 * i + 1] = 3000 * test_noise(&seed);
        off[i] = 2;
    }
    find(250, 2, n, off);
    expect_beats(0.15, 50, 25);
}

/* In every 6 s one lead is off for 4: the one and the other by turns. */
static void leads_come_and_go(void **state) {
    (void)state;
    static uint8_t off[MOST];
    const size_t n = make(250, 2, 40, 10);
    for (size_t i = 0; i < n; i++) {
        const size_t gone = i / 1500 % 2;
        off[i] = (uint8_t)(i % 1500 < 1000 ? 1u << gone : 0u);
        frames[2 * i + gone] = off[i] ? 200000 : frames[2 * i + gone];
    }
    find(250, 2, n, off);
    expect_beats(0.15, 50, 25);
    assert_int_equal(n_spans, 0);
}

static void steps_of_amplitude_lose_no_beat(void **state) {
    (void)state;
    const size_t n = make_noise(250, 1, 60, 10);
    for (size_t i = 0; i < 74; i++) {
        add_beat(frames, n, 1, 0, 250, 0.5 + 0.8 * (double)i, i < 25 ? 1000 : i < 50 ? 200 : 2000);
    }
    find(250, 1, n, NULL);
    expect_beats(0.5, 74, 12);
}

/* A pulse of 2 ms and a wide beat after it, as pacing gives. */
static void a_paced_rhythm_is_found(void **state) {
    (void)state;
    const size_t n = make_noise(500, 1, 40, 10);
    for (size_t i = 0; i < 49; i++) {
        const double at_s = 0.5 + 0.8 * (double)i;
        frames[(size_t)(at_s * 500)] += 5000;
        for (size_t k = (size_t)(at_s * 500); k < (size_t)((at_s + 0.6) * 500) && k < n; k++) {
            const double u = ((double)k / 500 - at_s - 0.08) / 0.03, v = ((double)k / 500 - at_s - 0.36) / 0.06;
            frames[k] += (float)(-1200 * exp(-0.5 * u * u) + 400 * exp(-0.5 * v * v));
        }
    }
    find(500, 1, n, NULL);
    assert_in_range(n_beats, 49, 49);
    for (size_t i = 0; i < 49; i++) {
        assert_true(beats[i].at_ms > 490 + 800 * (double)i && beats[i].at_ms < 610 + 800 * (double)i);
    }
}

/* Beats to 10 s and from 20 s on. */
static size_t make_pause(void) {
    const size_t n = make_noise(250, 1, 40, 10);
    for (double t = 0.5; t < 39.5; t += 0.8) {
        if (t < 10 || t > 20) {
            add_beat(frames, n, 1, 0, 250, t, 1000);
        }
    }
    return n;
}

static void a_pause_is_asystole_and_a_dead_lead_is_not(void **state) {
    (void)state;
    static uint8_t off[MOST];
    const size_t n = make_pause();
    find(250, 1, n, NULL);
    assert_int_equal(n_spans, 1);
    assert_int_equal(spans[0].kind, OL_SPAN_ASYSTOLE);
    assert_true(fabs(spans[0].from_ms - 9300) < 20 && fabs(spans[0].to_ms - 20500) < 20);
    memset(off, 0, sizeof off);
    memset(off + 2500, 1, 2500);
    find(250, 1, make_pause(), off);
    assert_int_equal(n_spans, 1);
    assert_int_equal(spans[0].kind, OL_SPAN_UNUSABLE);
    assert_true(spans[0].from_ms == 10000 && spans[0].to_ms == 20000);
}

static void fibrillation_is_flagged_and_not_counted(void **state) {
    (void)state;
    const size_t n = make(250, 1, 40, 10);
    for (size_t i = 3750; i < 7500; i++) {
        frames[i] = (float)(400 * sin(6.2831853 * (4.5 * (double)i / 250 + 0.3 * sin(0.011 * (double)i))));
    }
    find(250, 1, n, NULL);
    assert_true(n_spans >= 1);
    assert_int_equal(spans[0].kind, OL_SPAN_VF);
    assert_true(spans[0].to_ms - spans[0].from_ms > 8000 && spans[0].to_ms - spans[0].from_ms < 18000);
    for (size_t i = 0; i < n_beats; i++) {
        assert_true(beats[i].at_ms <= spans[0].from_ms + 1000 || beats[i].at_ms >= spans[0].to_ms - 1000);
    }
}

static void a_new_stretch_has_a_time_of_its_own(void **state) {
    (void)state;
    const size_t n = make(250, 1, 40, 10);
    begin(250, 1);
    push(frames, 5000, NULL);
    end();
    const size_t first = n_beats;
    assert_int_equal(first, 25);
    push(frames + 5000, n - 5000, NULL);
    end();
    assert_int_equal(n_beats - first, 25);
    assert_true(fabs(beats[first].at_ms - 150) < 12);
    assert_int_equal(n_spans, 0);
}

static void what_is_no_signal_gives_no_beats(void **state) {
    (void)state;
    static const float values[] = {0, 1e9f, -3e5f, NAN, INFINITY, 2147483648.0f, -32768};
    for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
        for (size_t i = 0; i < 5000; i++) {
            frames[i] = values[k];
        }
        find(250, 1, 5000, NULL);
        assert_int_equal(n_beats, 0);
    }
    for (size_t i = 0; i < 5000; i++) {
        frames[i] = i & 8 ? 32767 : -32768;
    }
    find(250, 1, 5000, NULL);
    assert_int_equal(n_beats, 0);
}

static void a_stretch_may_be_empty_or_one_row(void **state) {
    (void)state;
    static const float one[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    begin(250, 8);
    ol_qrs_end(&detector);
    for (int i = 0; i < 3; i++) {
        push(one, 1, NULL);
        end();
    }
    ol_qrs_end(&detector);
    drain();
    assert_int_equal(n_beats, 0);
    assert_int_equal(ol_qrs_init(&detector, 0), OL_E_ARGUMENT);
    assert_int_equal(ol_qrs_init(&detector, 9), OL_E_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_every_beat_from_the_first_at_every_rate),
        cmocka_unit_test(places_beats_between_its_frames),
        cmocka_unit_test(one_beat_is_found),
        cmocka_unit_test(a_lead_that_is_off_is_left_out),
        cmocka_unit_test(leads_come_and_go),
        cmocka_unit_test(steps_of_amplitude_lose_no_beat),
        cmocka_unit_test(a_paced_rhythm_is_found),
        cmocka_unit_test(a_pause_is_asystole_and_a_dead_lead_is_not),
        cmocka_unit_test(fibrillation_is_flagged_and_not_counted),
        cmocka_unit_test(a_new_stretch_has_a_time_of_its_own),
        cmocka_unit_test(what_is_no_signal_gives_no_beats),
        cmocka_unit_test(a_stretch_may_be_empty_or_one_row),
    };
    return cmocka_run_group_tests_name("qrs", tests, NULL, NULL);
}
