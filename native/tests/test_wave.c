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

#define FS 500
#define N_BEATS 24
#define RR 400
#define N_FRAMES (N_BEATS * RR + 3 * FS)
#define FIRST 450

static float frames[N_FRAMES * 8];
static uint64_t beats[N_BEATS];
static ol_wave_beat whole[N_BEATS], pieces[N_BEATS];
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

static void make(uint32_t n_leads, double p_uv) {
    uint32_t random = 1;
    memset(frames, 0, sizeof frames);
    for (size_t b = 0; b < N_BEATS; b++) {
        beats[b] = FIRST + b * RR;
    }
    for (size_t i = 0; i < N_FRAMES; i++) {
        const double phase = fmod((double)i + RR - (double)(FIRST % RR) + RR / 2.0, RR) - RR / 2.0;
        const double t_ms = phase * 1000.0 / FS;
        const double uv = ecg(t_ms, p_uv) + ecg(t_ms + RR * 1000.0 / FS, p_uv) + ecg(t_ms - RR * 1000.0 / FS, p_uv);
        for (uint32_t k = 0; k < n_leads; k++) {
            random = random * 1664525u + 1013904223u;
            frames[i * n_leads + k] = (float)(uv * (0.6 + 0.1 * k) + (random >> 8) / 16777216.0 * 10);
        }
    }
}

static void measure(uint32_t n_leads, uint32_t good) {
    assert_int_equal(ol_waves_init(&state, FS, n_leads, 0, n_leads > 1 ? 1 : -1), OL_OK);
    assert_int_equal(ol_waves_run(&state, frames, N_FRAMES, good, beats, NULL, N_BEATS, whole), N_BEATS);
}

static void assert_near_ms(int32_t offset, double ms, double tolerance_ms) {
    assert_true(offset != OL_WAVE_ABSENT);
    assert_true(fabs(offset * 1000.0 / FS - ms) <= tolerance_ms);
}

static void assert_waves(const ol_wave_set *waves) {
    assert_near_ms(waves->p.peak, -160, 15);
    assert_near_ms(waves->p.on, -210, 40);
    assert_near_ms(waves->p.off, -110, 40);
    assert_near_ms(waves->qrs.on, -45, 25);
    assert_near_ms(waves->qrs.off, 50, 25);
    assert_near_ms(waves->t.peak, 280, 20);
    assert_near_ms(waves->t.off, 380, 60);
    assert_true(waves->p.confidence > 0.5f && waves->p.confidence <= 1);
}

static void finds_the_waves_where_they_were_put(void **unused) {
    (void)unused;
    make(8, 120);
    measure(8, 0xff);
    for (size_t b = 2; b + 2 < N_BEATS; b++) {
        assert_waves(&whole[b].all_leads);
        for (size_t k = 0; k < 8; k++) {
            assert_waves(&whole[b].lead[k]);
        }
        assert_int_equal(whole[b].good_leads, 0xff);
        assert_true(fabs((double)whole[b].rr_ms - 800) < 0.01);
        assert_true(fabs((double)(whole[b].qtc_fridericia_ms - whole[b].qt_ms / cbrtf(0.8f))) < 0.1);
        assert_true(fabs((double)(whole[b].qtc_framingham_ms - whole[b].qt_ms) - 154 * 0.2) < 0.1);
        assert_true(fabs((double)(whole[b].qtc_hodges_ms - whole[b].qt_ms) - 1.75 * 15) < 0.1);
        assert_true(fabsf(whole[b].st_j80_uv[7]) < 150);
    }
}

static void says_that_p_is_absent(void **unused) {
    (void)unused;
    make(8, 0);
    measure(8, 0xff);
    for (size_t b = 2; b + 2 < N_BEATS; b++) {
        assert_int_equal(whole[b].all_leads.p.on, OL_WAVE_ABSENT);
        assert_int_equal(whole[b].all_leads.p.peak, OL_WAVE_ABSENT);
        assert_true(isnan(whole[b].pr_ms));
        assert_near_ms(whole[b].all_leads.t.peak, 280, 20);
    }
}

static void gives_the_same_in_any_pieces(void **unused) {
    (void)unused;
    make(3, 120);
    measure(3, 7);
    const size_t sizes[] = {1, 7, 128, 499, 5000};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t added = 0, n = 0;
        memset(pieces, 0, sizeof pieces);
        assert_int_equal(ol_waves_init(&state, FS, 3, 0, 1), OL_OK);
        for (size_t done = 0; done < N_FRAMES;) {
            const size_t end = done + sizes[s] < N_FRAMES ? done + sizes[s] : N_FRAMES;
            for (; added < N_BEATS && beats[added] < end; added++) {
                assert_int_equal(ol_waves_add_beat(&state, beats[added], 0), OL_OK);
            }
            done += ol_waves_push(&state, frames + done * 3, end - done, 7);
            while (ol_waves_next(&state, &pieces[n])) {
                n++;
            }
        }
        ol_waves_flush(&state);
        while (ol_waves_next(&state, &pieces[n])) {
            n++;
        }
        assert_int_equal(n, N_BEATS);
        assert_memory_equal(whole, pieces, sizeof whole);
    }
}

static void a_bad_lead_does_not_speak_for_the_others(void **unused) {
    (void)unused;
    make(8, 120);
    for (size_t i = 0; i < N_FRAMES; i++) {
        frames[i * 8 + 2] = i % 3 ? NAN : INFINITY;
        frames[i * 8 + 5] = (float)((i * 7919) % 2000) - 1000;
    }
    measure(8, 0xff & ~(1u << 5));
    for (size_t b = 2; b + 2 < N_BEATS; b++) {
        assert_int_equal(whole[b].good_leads, 0xff & ~(1u << 5 | 1u << 2));
        assert_waves(&whole[b].all_leads);
        assert_true(isnan(whole[b].st_j60_uv[2]) && isnan(whole[b].st_j60_uv[5]));
    }
}

static void no_good_lead_means_no_waves(void **unused) {
    (void)unused;
    make(2, 120);
    measure(2, 0);
    for (size_t b = 0; b < N_BEATS; b++) {
        assert_int_equal(whole[b].all_leads.qrs.on, OL_WAVE_ABSENT);
        assert_true(isnan(whole[b].qt_ms));
    }
}

static void refuses_what_makes_no_sense(void **unused) {
    (void)unused;
    assert_int_equal(ol_waves_init(&state, 99, 1, -1, -1), OL_E_ARGUMENT);
    assert_int_equal(ol_waves_init(&state, 2001, 1, -1, -1), OL_E_ARGUMENT);
    assert_int_equal(ol_waves_init(&state, (double)NAN, 1, -1, -1), OL_E_ARGUMENT);
    assert_int_equal(ol_waves_init(&state, 500, 0, -1, -1), OL_E_ARGUMENT);
    assert_int_equal(ol_waves_init(&state, 500, 9, -1, -1), OL_E_ARGUMENT);
    assert_int_equal(ol_waves_init(&state, 500, 2, 0, 2), OL_E_ARGUMENT);
    assert_int_equal(ol_waves_init(&state, 500, 2, 0, 1), OL_OK);
    assert_int_equal(ol_waves_add_beat(&state, 100, 0), OL_OK);
    assert_int_equal(ol_waves_add_beat(&state, 100, 0), OL_E_ARGUMENT);
    for (uint64_t k = 1; k < OL_WAVE_QUEUE; k++) {
        assert_int_equal(ol_waves_add_beat(&state, 100 + k, 0), OL_OK);
    }
    assert_int_equal(ol_waves_add_beat(&state, 1000, 0), OL_E_ROOM);
}

/* One frame, none at all, extreme values, every rate, beats too early, too late and too close: a defined answer. */
static void survives_anything(void **unused) {
    (void)unused;
    const double rates[] = {100, 128, 200, 360, 1000, 2000};
    const uint64_t odd[] = {0, 1, 2, 3000, 3001, 9000};
    for (size_t i = 0; i < N_FRAMES * 2; i++) {
        frames[i] = i / 1000 % 2 ? 3e38f : -32768;
    }
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
        assert_int_equal(ol_waves_init(&state, rates[r], 2, 0, 1), OL_OK);
        assert_int_equal(ol_waves_run(&state, frames, N_FRAMES, 3, odd, NULL, 6, whole), 6);
    }
    assert_int_equal(ol_waves_init(&state, 500, 2, 0, 1), OL_OK);
    assert_int_equal(ol_waves_run(&state, frames, 1, 3, odd, NULL, 1, whole), 1);
    assert_int_equal(ol_waves_init(&state, 500, 2, 0, 1), OL_OK);
    ol_waves_flush(&state);
    assert_int_equal(ol_waves_next(&state, whole), 0);
    assert_int_equal(ol_waves_push(&state, frames, 10, 3), 0);
    assert_int_equal(ol_waves_init(&state, 500, 2, 0, 1), OL_OK);
    assert_int_equal(ol_waves_push(&state, frames, N_FRAMES, 3), N_FRAMES);
    assert_int_equal(ol_waves_add_beat(&state, 10, 0), OL_OK); /* long gone */
    assert_int_equal(ol_waves_next(&state, whole), 1);
    assert_int_equal(whole[0].lead[0].t.on, OL_WAVE_ABSENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_waves_where_they_were_put),
        cmocka_unit_test(says_that_p_is_absent),
        cmocka_unit_test(gives_the_same_in_any_pieces),
        cmocka_unit_test(a_bad_lead_does_not_speak_for_the_others),
        cmocka_unit_test(no_good_lead_means_no_waves),
        cmocka_unit_test(refuses_what_makes_no_sense),
        cmocka_unit_test(survives_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
