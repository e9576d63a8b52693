/* SPDX-License-Identifier: Apache-2.0 */
/* Waves: a synthetic ECG, whose waves are where they were put. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "ol_wave.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RR_MS 800
#define N_BEATS 24
#define FIRST_MS 900
#define SECONDS (N_BEATS * RR_MS / 1000 + 3)

static ol_second seconds[SECONDS];
static ol_wave_beat whole[N_BEATS], again[OL_WAVE_QUEUE];
static ol_waves state;

static double bump(double t, double at, double width) {
    const double u = (t - at) / width;
    return exp(-0.5 * u * u);
}

/* P 160 ms before R (sd 18 ms), QRS sd 10 ms, T 280 ms after it (sd 40 ms), and a little noise. */
static double ecg(double t_ms, double p_uv) {
    return p_uv * bump(t_ms, -160, 18) - 120 * bump(t_ms, -24, 8) + 1000 * bump(t_ms, 0, 10) - 250 * bump(t_ms, 26, 9) +
           280 * bump(t_ms, 280, 40);
}

static double beat_ms(size_t b) {
    return FIRST_MS + (double)b * RR_MS;
}

static double ecg_at(double ms, double p_uv) {
    const double t_ms = fmod(ms - FIRST_MS + RR_MS * 2.5, RR_MS) - RR_MS * 0.5;
    return ecg(t_ms, p_uv) + ecg(t_ms + RR_MS, p_uv) + ecg(t_ms - RR_MS, p_uv);
}

/* A second of 250 rows; lead k is 0.6 + 0.1 k times as high, all stand on an electrode's offset. */
static void make(uint32_t n_leads, double p_uv) {
    uint32_t random = 1;
    memset(seconds, 0, sizeof seconds);
    for (int64_t s = 0; s < SECONDS; s++) {
        seconds[s].first_row = s * OL_ROW_HZ;
        seconds[s].n_rows = OL_ROW_HZ;
        for (int64_t i = 0; i < OL_ROW_HZ; i++) {
            const double uv = ecg_at((double)((s * OL_ROW_HZ + i) * OL_ROW_MS), p_uv);
            for (uint32_t k = 0; k < n_leads; k++) {
                random = random * 1664525u + 1013904223u;
                seconds[s].rows[i][k] = (float)(uv * (0.6 + 0.1 * k) + (random >> 8) / 16777216.0 * 10 + 20000 * k);
            }
        }
    }
}

/* Tells the beats up to three seconds ahead, as the analysis does; returns how many came out. */
static size_t take_all(ol_wave_beat *out, size_t room) {
    size_t told = 0, n = 0;
    for (size_t s = 0; s < SECONDS; s++) {
        for (; told < N_BEATS && beat_ms(told) < (double)(s + 4) * 1000; told++) {
            assert_int_equal(ol_waves_tell(&state, beat_ms(told)), OL_OK);
        }
        n += ol_waves_take(&state, &seconds[s], out + n, room - n);
    }
    return n + ol_waves_end(&state, out + n, room - n);
}

static void measure(uint32_t n_leads) {
    assert_int_equal(ol_waves_init(&state, n_leads, 0, n_leads > 1 ? 1 : -1), OL_OK);
    assert_int_equal(take_all(whole, N_BEATS), N_BEATS);
}

static void make_bad(uint32_t lead, size_t first, size_t end) {
    for (size_t s = first; s < end; s++) {
        seconds[s].quality.flags[lead] = OL_QUALITY_UNUSABLE;
    }
}

static void assert_near(float found, double ms, double tolerance_ms) {
    assert_true(fabs((double)found - ms) <= tolerance_ms); /* false if it is NaN */
}

static void assert_waves(const ol_wave_set *waves) {
    assert_near(waves->p.peak_ms, -160, 15);
    assert_near(waves->p.on_ms, -210, 40);
    assert_near(waves->p.off_ms, -110, 40);
    assert_near(waves->qrs.on_ms, -45, 25);
    assert_near(waves->qrs.off_ms, 50, 25);
    assert_near(waves->t.peak_ms, 280, 20);
    assert_near(waves->t.off_ms, 380, 60);
    assert_true(waves->p.confidence > 0.5f && waves->p.confidence <= 1);
}

static void finds_the_waves_where_they_were_put(void **unused) {
    (void)unused;
    make(8, 120);
    measure(8);
    assert_true(isnan(whole[0].rr_ms) && isnan(whole[0].qtc_hodges_ms));
    for (size_t b = 2; b + 2 < N_BEATS; b++) {
        const ol_wave_beat *beat = &whole[b];
        assert_waves(&beat->all_leads);
        for (size_t k = 0; k < 8; k++) {
            assert_waves(&beat->lead[k]);
        }
        assert_int_equal(beat->good_leads, 0xff);
        assert_near(beat->rr_ms, 800, 0.01);
        assert_near(beat->qt_ms, (double)(beat->all_leads.t.off_ms - beat->all_leads.qrs.on_ms), 0.01);
        assert_near(beat->qtc_fridericia_ms, (double)beat->qt_ms / cbrt(0.8), 0.1);
        assert_near(beat->qtc_bazett_ms, (double)beat->qt_ms / sqrt(0.8), 0.1);
        assert_near(beat->qtc_framingham_ms, (double)beat->qt_ms + 154 * 0.2, 0.1);
        assert_near(beat->qtc_hodges_ms, (double)beat->qt_ms + 1.75 * 15, 0.1);
        assert_near(beat->st_j80_uv[7], 0, 150);
    }
}

static void says_that_p_is_absent(void **unused) {
    (void)unused;
    make(8, 0);
    measure(8);
    for (size_t b = 2; b + 2 < N_BEATS; b++) {
        assert_true(isnan(whole[b].all_leads.p.on_ms) && isnan(whole[b].all_leads.p.peak_ms));
        assert_true(isnan(whole[b].pr_ms));
        assert_near(whole[b].all_leads.t.peak_ms, 280, 20);
    }
}

static void a_bad_lead_does_not_speak_for_the_others(void **unused) {
    (void)unused;
    make(8, 120);
    make_bad(2, 0, SECONDS);
    for (size_t i = 0; i < SECONDS * OL_ROW_HZ; i++) {
        seconds[i / OL_ROW_HZ].rows[i % OL_ROW_HZ][2] = (float)((i * 7919) % 2000) - 1000;
    }
    measure(8);
    for (size_t b = 2; b + 2 < N_BEATS; b++) {
        assert_int_equal(whole[b].good_leads, 0xff & ~(1u << 2));
        assert_waves(&whole[b].all_leads);
        assert_true(isnan(whole[b].st_j60_uv[2]) && isnan(whole[b].st_slope_uv_per_s[2]));
    }
}

static void a_lead_is_bad_for_beats_beside_its_bad_seconds_only(void **unused) {
    (void)unused;
    make(8, 120);
    make_bad(5, 8, 9);
    measure(8);
    for (size_t b = 0; b < N_BEATS; b++) {
        const double at = beat_ms(b);
        const int is_bad = at > 8000 - 500 && at < 9000 + 500;
        assert_int_equal(whole[b].good_leads >> 5 & 1, !is_bad);
        assert_int_equal(isnan(whole[b].baseline_uv[5]), is_bad);
    }
}

static void no_good_lead_means_no_waves(void **unused) {
    (void)unused;
    make(2, 120);
    make_bad(0, 0, SECONDS);
    make_bad(1, 0, SECONDS);
    measure(2);
    for (size_t b = 0; b < N_BEATS; b++) {
        assert_true(isnan(whole[b].all_leads.qrs.on_ms) && isnan(whole[b].qt_ms));
    }
}

static void refuses_what_makes_no_sense(void **unused) {
    (void)unused;
    assert_int_equal(ol_waves_init(&state, 0, -1, -1), OL_E_ARGUMENT);
    assert_int_equal(ol_waves_init(&state, 9, -1, -1), OL_E_ARGUMENT);
    assert_int_equal(ol_waves_init(&state, 2, 0, 2), OL_E_ARGUMENT);
    assert_int_equal(ol_waves_init(&state, 2, 0, 1), OL_OK);
    assert_int_equal(ol_waves_tell(&state, 100), OL_OK);
    assert_int_equal(ol_waves_tell(&state, 100), OL_E_ARGUMENT);
    assert_int_equal(ol_waves_tell(&state, (double)NAN), OL_E_ARGUMENT);
    assert_int_equal(ol_waves_tell(&state, (double)INFINITY), OL_E_ARGUMENT);
    for (uint32_t k = 1; k < OL_WAVE_QUEUE; k++) {
        assert_int_equal(ol_waves_tell(&state, 100 + k), OL_OK);
    }
    assert_int_equal(ol_waves_tell(&state, 1000), OL_E_ROOM);
}

static void little_room_delays_beats_and_loses_none(void **unused) {
    (void)unused;
    make(3, 120);
    measure(3);
    assert_int_equal(ol_waves_init(&state, 3, 0, 1), OL_OK);
    size_t n = 0;
    for (size_t b = 0; b < N_BEATS; b++) {
        assert_int_equal(ol_waves_tell(&state, beat_ms(b)), OL_OK);
    }
    for (size_t s = 0; s < SECONDS; s++) {
        n += ol_waves_take(&state, &seconds[s], again + n, s % 2 * 4);
    }
    while (ol_waves_end(&state, again + n, 1)) {
        n++;
    }
    assert_int_equal(n, N_BEATS);
    assert_memory_equal(whole, again, sizeof whole);
}

/* A stretch that ends begins anew, and so does one that was never ended. */
static void a_stretch_knows_nothing_of_the_one_before(void **unused) {
    (void)unused;
    make(2, 120);
    measure(2);
    assert_int_equal(take_all(again, N_BEATS), N_BEATS);
    assert_memory_equal(whole, again, sizeof whole);
    assert_int_equal(ol_waves_take(&state, &seconds[0], again, N_BEATS), 0);
    assert_int_equal(ol_waves_take(&state, &seconds[1], again, N_BEATS), 0);
    assert_int_equal(take_all(again, N_BEATS), N_BEATS);
    assert_memory_equal(whole, again, sizeof whole);
}

/* The signal ends `after_ms` after the beat. */
static void end_after(double after_ms) {
    const int64_t n_rows = (int64_t)((beat_ms(5) + after_ms) / OL_ROW_MS);
    assert_int_equal(ol_waves_init(&state, 8, 0, 1), OL_OK);
    for (size_t b = 0; b <= 5; b++) {
        assert_int_equal(ol_waves_tell(&state, beat_ms(b)), OL_OK);
    }
    size_t n = 0;
    for (size_t s = 0; (int64_t)s * OL_ROW_HZ < n_rows; s++) {
        ol_second last = seconds[s];
        const int64_t left = n_rows - last.first_row;
        last.n_rows = left < OL_ROW_HZ ? (int32_t)left : OL_ROW_HZ;
        n += ol_waves_take(&state, &last, again + n, OL_WAVE_QUEUE - n);
    }
    assert_int_equal(n + ol_waves_end(&state, again + n, OL_WAVE_QUEUE - n), 6);
}

static void a_stretch_may_end_within_a_beat(void **unused) {
    (void)unused;
    make(8, 120);
    end_after(700);
    assert_waves(&again[5].all_leads);
    end_after(250); /* within T */
    assert_near(again[5].all_leads.p.peak_ms, -160, 15);
    assert_near(again[5].all_leads.qrs.off_ms, 50, 25);
    assert_true(isnan(again[5].all_leads.t.off_ms) || again[5].all_leads.t.off_ms <= 260);
    end_after(0);
    assert_true(isnan(again[5].st_j80_uv[0]));
    assert_true(isnan(again[5].all_leads.t.on_ms));
}

/* No signal, one row, extreme values, no beats, beats too early, too late and too close: a defined answer. */
static void survives_anything(void **unused) {
    (void)unused;
    const double odd[] = {-3000, 0, 200, 400, 600, 5000, 5000.5, 90000};
    const size_t n_odd = sizeof odd / sizeof *odd;
    make(2, 120);
    for (size_t i = 0; i < SECONDS * OL_ROW_HZ; i++) {
        seconds[i / OL_ROW_HZ].rows[i % OL_ROW_HZ][0] = i / 100 % 2 ? 1e7f : -1e7f;
    }
    assert_int_equal(ol_waves_init(&state, 2, 0, 1), OL_OK);
    assert_int_equal(ol_waves_end(&state, again, OL_WAVE_QUEUE), 0);
    for (size_t k = 0; k < n_odd; k++) {
        assert_int_equal(ol_waves_tell(&state, odd[k]), OL_OK);
    }
    assert_int_equal(ol_waves_end(&state, again, OL_WAVE_QUEUE), n_odd);
    assert_true(isnan(again[1].all_leads.qrs.on_ms));
    for (size_t k = 0; k < n_odd; k++) {
        assert_int_equal(ol_waves_tell(&state, odd[k]), OL_OK);
    }
    size_t n = 0;
    for (size_t s = 0; s < SECONDS; s++) {
        n += ol_waves_take(&state, &seconds[s], again + n, OL_WAVE_QUEUE - n);
    }
    assert_int_equal(n + ol_waves_end(&state, again + n, OL_WAVE_QUEUE - n), n_odd);
    ol_second row = seconds[0];
    row.n_rows = 1;
    assert_int_equal(ol_waves_tell(&state, 0), OL_OK);
    assert_int_equal(ol_waves_take(&state, &row, again, OL_WAVE_QUEUE), 0);
    assert_int_equal(ol_waves_end(&state, again, OL_WAVE_QUEUE), 1);
    assert_true(isnan(again[0].st_j60_uv[0]));
}

static void a_beat_told_too_late_has_no_waves(void **unused) {
    (void)unused;
    make(2, 120);
    assert_int_equal(ol_waves_init(&state, 2, 0, 1), OL_OK);
    for (size_t s = 0; s < SECONDS; s++) {
        assert_int_equal(ol_waves_take(&state, &seconds[s], again, OL_WAVE_QUEUE), 0);
    }
    assert_int_equal(ol_waves_tell(&state, 100), OL_OK);
    assert_int_equal(ol_waves_end(&state, again, OL_WAVE_QUEUE), 1);
    assert_true(isnan(again[0].lead[0].t.on_ms) && isnan(again[0].st_j60_uv[0]));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_waves_where_they_were_put),
        cmocka_unit_test(says_that_p_is_absent),
        cmocka_unit_test(a_bad_lead_does_not_speak_for_the_others),
        cmocka_unit_test(a_lead_is_bad_for_beats_beside_its_bad_seconds_only),
        cmocka_unit_test(no_good_lead_means_no_waves),
        cmocka_unit_test(refuses_what_makes_no_sense),
        cmocka_unit_test(little_room_delays_beats_and_loses_none),
        cmocka_unit_test(a_stretch_knows_nothing_of_the_one_before),
        cmocka_unit_test(a_stretch_may_end_within_a_beat),
        cmocka_unit_test(survives_anything),
        cmocka_unit_test(a_beat_told_too_late_has_no_waves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
