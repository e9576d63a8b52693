/* SPDX-License-Identifier: Apache-2.0 */
/* ol_filter.h: frequency points, steps, impulses, delays. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "ecg.h"
#include "ol_error.h"
#include "ol_filter.h"
#include <string.h>

#define N 20000
#define PI2 6.283185307179586
static float in[N], out[N];
static ol_highpass highpass;
static ol_baseline baseline;
static ol_mains mains;
static ol_lowpass lowpass;

static void sine(double fs_hz, double f_hz) {
    for (size_t i = 0; i < N; i++) {
        in[i] = (float)(1000 * sin(PI2 * f_hz * (double)i / fs_hz));
    }
}

/* Gain over the second half; with `delay`, of the part in phase once the delay is taken off. */
static double gain(double fs_hz, double f_hz, size_t delay) {
    double re = 0, im = 0;
    for (size_t i = N / 2; i < N; i++) {
        const double angle = PI2 * f_hz * ((double)i - (double)delay) / fs_hz;
        re += (double)out[i] * sin(angle);
        im += (double)out[i] * cos(angle);
    }
    assert_true(delay == 0 || fabs(im) < 0.01 * N / 4 * 1000);
    return sqrt(re * re + im * im) / (N / 4 * 1000.0);
}

static double lowpass_gain(double fs_hz, double cutoff_hz, double f_hz) {
    assert_int_equal(ol_lowpass_init(&lowpass, fs_hz, 1, cutoff_hz), OL_OK);
    sine(fs_hz, f_hz);
    ol_lowpass_run(&lowpass, in, out, N);
    return gain(fs_hz, f_hz, ol_lowpass_delay(&lowpass));
}

static void low_pass_takes_three_decibels_at_its_cutoff_and_keeps_the_phase(void **state) {
    (void)state;
    static const double rates_hz[] = {250, 500, 1000, 2000};
    for (int r = 0; r < 4; r++) {
        for (double cutoff_hz = 40; cutoff_hz < 0.4 * rates_hz[r] && cutoff_hz <= 150;
             cutoff_hz += cutoff_hz < 100 ? 60 : 50) {
            assert_true(fabs(lowpass_gain(rates_hz[r], cutoff_hz, cutoff_hz) - 0.707) < 0.005);
            assert_true(fabs(lowpass_gain(rates_hz[r], cutoff_hz, cutoff_hz / 2) - 1) < 0.01);
            assert_true(fabs(lowpass_gain(rates_hz[r], cutoff_hz, 5) - 1) < 0.005);
            const double stop_hz = cutoff_hz + fmin(30, cutoff_hz * 2 / 3);
            assert_true(stop_hz > 0.48 * rates_hz[r] || lowpass_gain(rates_hz[r], cutoff_hz, stop_hz) < 0.01);
        }
    }
}

static void low_pass_answers_an_impulse_symmetrically(void **state) {
    (void)state;
    ol_lowpass_init(&lowpass, 500, 1, 100);
    const size_t delay = ol_lowpass_delay(&lowpass);
    memset(in, 0, sizeof in);
    in[1000] = 1000;
    ol_lowpass_run(&lowpass, in, out, 3000);
    for (size_t k = 0; k <= delay; k++) {
        assert_true(fabsf(out[1000 + delay - k] - out[1000 + delay + k]) < 1e-3f);
        assert_true(out[1000 + delay] >= out[1000 + delay + k]);
    }
    assert_true(out[999] == 0 && out[1001 + 2 * delay] == 0);
}

static double baseline_gain(double fs_hz, double cutoff_hz, double f_hz) {
    assert_int_equal(ol_baseline_init(&baseline, fs_hz, 1, cutoff_hz), OL_OK);
    sine(fs_hz, f_hz);
    ol_baseline_run(&baseline, in, out, N);
    return gain(fs_hz, f_hz, ol_baseline_delay(&baseline));
}

static void baseline_takes_three_decibels_at_its_cutoff_and_keeps_the_phase(void **state) {
    (void)state;
    for (double fs_hz = 125; fs_hz <= 500; fs_hz *= 2) {
        assert_true(fabs(baseline_gain(fs_hz, 0.5, 0.5) - 0.707) < 0.02);
        assert_true(fabs(baseline_gain(fs_hz, 0.67, 0.67) - 0.707) < 0.02);
        assert_true(baseline_gain(fs_hz, 0.5, 0.1) < 0.06);
        assert_true(fabs(baseline_gain(fs_hz, 0.5, 5) - 1) < 0.01);
    }
}

static void offsets_are_no_step_and_steps_pass(void **state) {
    (void)state;
    for (size_t i = 0; i < N; i++) {
        in[i] = i < 5000 ? 300000.0f : 301000.0f;
    }
    ol_baseline_init(&baseline, 500, 1, 0.5);
    ol_baseline_run(&baseline, in, out, N);
    const size_t delay = ol_baseline_delay(&baseline);
    assert_true(fabsf(out[4000]) < 0.1f && fabsf(out[5000 + 2 * delay + 2]) < 0.1f);
    assert_true(fabsf(out[5000 + delay] - out[5000 + delay - 1] - 1000) < 5);
    ol_highpass_init(&highpass, 500, 1);
    ol_highpass_run(&highpass, in, out, N);
    assert_true(out[4999] == 0);
    assert_true(fabsf(out[5000] - 1000) < 1);
    assert_true(fabs((double)out[5000 + 1592] - 1000 * exp(-1)) < 2); /* 1 / (2 pi 0.05 Hz) = 3.183 s */
}

static void highpass_takes_three_decibels_at_its_cutoff(void **state) {
    (void)state;
    ol_highpass_init(&highpass, 100, 1);
    sine(100, 0.05);
    ol_highpass_run(&highpass, in, out, N);
    assert_true(fabs(gain(100, 0.05, 0) - 0.7071) < 0.005);
}

/* Mains of 200 uV a little off its frequency, under beats: what is left, and what the beats lose. */
static void mains_goes_and_beats_stay(void **state) {
    (void)state;
    static float clean[N];
    for (double mains_hz = 50; mains_hz <= 60; mains_hz += 10) {
        memset(clean, 0, sizeof clean);
        for (double t = 0.5; t < 39; t += 0.8) {
            add_beat(clean, N, 1, 0, 500, t, 1500);
        }
        for (size_t i = 0; i < N; i++) {
            in[i] = clean[i] + 200000 + (float)(200 * sin(PI2 * (mains_hz + 0.05) * (double)i / 500));
        }
        assert_int_equal(ol_mains_init(&mains, 500, 1, mains_hz), OL_OK);
        ol_mains_run(&mains, in, out, N);
        for (size_t i = 2000; i < N; i++) {
            assert_true(fabsf(out[i] - 200000 - clean[i]) < 45);
        }
        assert_true(fabsf(ol_mains_amplitude(&mains, 0) - 200) < 20);
    }
}

static void mains_filter_leaves_a_clean_lead_alone(void **state) {
    (void)state;
    memset(in, 0, sizeof in);
    for (double t = 0.5; t < 39; t += 0.8) {
        add_beat(in, N, 1, 0, 500, t, 1500);
    }
    ol_mains_init(&mains, 500, 1, 50);
    ol_mains_run(&mains, in, out, N);
    for (size_t i = 5000; i < N; i++) {
        assert_true(fabsf(out[i] - in[i]) < 8);
    }
}

static void any_chunking_gives_the_same_and_no_number_is_passed_over(void **state) {
    (void)state;
    static float parts[N];
    unsigned seed = 3;
    for (size_t i = 0; i < N; i++) {
        in[i] = i % 977 == 3 ? NAN : 500 * test_noise(&seed);
    }
    for (size_t chunk = 1; chunk < 3000; chunk = 3 * chunk + 1) {
        ol_highpass_init(&highpass, 250, 8), ol_baseline_init(&baseline, 250, 8, 0.5);
        ol_mains_init(&mains, 250, 8, 50), ol_lowpass_init(&lowpass, 250, 8, 40);
        memcpy(parts, in, sizeof in);
        for (size_t at = 0; at < N / 8; at += chunk) {
            const size_t n = N / 8 - at < chunk ? N / 8 - at : chunk;
            ol_highpass_run(&highpass, parts + 8 * at, parts + 8 * at, n);
            ol_baseline_run(&baseline, parts + 8 * at, parts + 8 * at, n);
            ol_mains_run(&mains, parts + 8 * at, parts + 8 * at, n);
            ol_lowpass_run(&lowpass, parts + 8 * at, parts + 8 * at, n);
        }
        if (chunk == 1) {
            memcpy(out, parts, sizeof out);
        }
        assert_memory_equal(out, parts, sizeof out);
    }
    for (size_t i = 0; i < N; i++) {
        assert_true(isfinite(out[i]));
    }
}

static void refuses_what_it_cannot_do(void **state) {
    (void)state;
    assert_int_equal(ol_lowpass_init(&lowpass, 250, 1, 150), OL_E_ARGUMENT);
    assert_int_equal(ol_lowpass_init(&lowpass, 50, 1, 10), OL_E_ARGUMENT);
    assert_int_equal(ol_lowpass_init(&lowpass, 2000, 1, 5), OL_E_ARGUMENT);
    assert_int_equal(ol_baseline_init(&baseline, 500, 9, 0.5), OL_E_ARGUMENT);
    assert_int_equal(ol_baseline_init(&baseline, 2000, 8, 0.05), OL_E_ARGUMENT);
    assert_int_equal(ol_mains_init(&mains, 100, 8, 50), OL_E_ARGUMENT);
    assert_int_equal(ol_highpass_init(&highpass, 500, 0), OL_E_ARGUMENT);
    assert_int_equal(ol_baseline_init(&baseline, 2000, 8, 0.5), OL_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(low_pass_takes_three_decibels_at_its_cutoff_and_keeps_the_phase),
        cmocka_unit_test(low_pass_answers_an_impulse_symmetrically),
        cmocka_unit_test(baseline_takes_three_decibels_at_its_cutoff_and_keeps_the_phase),
        cmocka_unit_test(offsets_are_no_step_and_steps_pass),
        cmocka_unit_test(highpass_takes_three_decibels_at_its_cutoff),
        cmocka_unit_test(mains_goes_and_beats_stay),
        cmocka_unit_test(mains_filter_leaves_a_clean_lead_alone),
        cmocka_unit_test(any_chunking_gives_the_same_and_no_number_is_passed_over),
        cmocka_unit_test(refuses_what_it_cannot_do),
    };
    return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
