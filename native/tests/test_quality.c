/* SPDX-License-Identifier: Apache-2.0 */
/* ol_quality.h */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "ecg.h"
#include "ol_error.h"
#include "ol_quality.h"
#include <string.h>

static float frames[500][8];
static ol_quality quality;
static ol_quality_second second;

/* Lanes: 0 an ECG, 1 flat, 2 at the rail, 3 white noise, 4 mains, 5 a step, 6 clipped, 7 an ECG on an offset. */
static void fill(double mains_hz) {
    unsigned seed = 3;
    memset(frames, 0, sizeof frames);
    add_beat(frames[0], 500, 8, 0, 500, 0.4, 1000);
    add_beat(frames[0], 500, 8, 7, 500, 0.6, 800);
    for (size_t i = 0; i < 500; i++) {
        float *f = frames[i];
        f[0] += 4 * test_noise(&seed);
        f[1] = 1234;
        f[2] = 400000;
        f[3] = 500 * test_noise(&seed);
        f[4] = (float)(200 * sin(6.283185307 * mains_hz * (double)i / 500));
        f[5] = i < 200 ? 0 : 60000;
        f[6] = (float)fmin(2000, fmax(-2000, 6000 * sin(0.03 * (double)i)));
        f[7] += 250000 + 4 * test_noise(&seed);
    }
}

static void run(size_t chunk) {
    int done = 0;
    for (size_t at = 0; at < 500; at += chunk) {
        const size_t n = 500 - at < chunk ? 500 - at : chunk;
        assert_int_equal(done, 0);
        done = ol_quality_push(&quality, (const float(*)[8])frames + at, NULL, n, &second);
    }
    assert_int_equal(done, 1);
}

/* Real converters of 5 uV give the same value twice very often: tall beats on a quiet baseline are no clipping. */
static void coarse_steps_are_no_clipping(void **state) {
    (void)state;
    unsigned seed = 5;
    int equal = 0;
    memset(frames, 0, sizeof frames);
    add_beat(frames[0], 500, 8, 0, 500, 0.4, 4000);
    for (size_t i = 0; i < 500; i++) {
        frames[i][0] = 5 * roundf((frames[i][0] + 4 * test_noise(&seed)) / 5);
        equal += i && frames[i][0] == frames[i - 1][0];
    }
    assert_true(equal > 50);
    assert_int_equal(ol_quality_init(&quality, 500, 1, 0), OL_OK);
    run(500);
    assert_int_equal(second.flags[0], 0);
}

static void names_what_is_wrong_with_each_lead(void **state) {
    (void)state;
    assert_int_equal(ol_quality_init(&quality, 500, 8, 390000), OL_OK);
    fill(50);
    run(500);
    assert_int_equal(second.n_frames, 500);
    assert_int_equal(second.flags[0], 0);
    assert_true(second.score[0] > 0.9f);
    assert_int_equal(second.flags[1], OL_QUALITY_FLAT | OL_QUALITY_UNUSABLE);
    assert_int_equal(second.flags[2] & OL_QUALITY_SATURATED, OL_QUALITY_SATURATED);
    assert_true(second.score[2] == 0);
    assert_int_equal(second.flags[3], OL_QUALITY_NOISE);
    assert_int_equal(second.flags[4] & OL_QUALITY_MAINS, OL_QUALITY_MAINS);
    assert_true(second.mains_hz == 50);
    assert_int_equal(second.flags[5], OL_QUALITY_NOISE | OL_QUALITY_SATURATED);
    assert_int_equal(second.flags[6], OL_QUALITY_SATURATED);
    assert_int_equal(second.flags[7], 0);
}

static void tells_60_from_50_hertz(void **state) {
    (void)state;
    ol_quality_init(&quality, 500, 8, 0);
    fill(60);
    run(500);
    assert_true(second.mains_hz == 60);
    assert_int_equal(second.flags[2], OL_QUALITY_FLAT | OL_QUALITY_UNUSABLE);
}

static void any_chunking_gives_the_same(void **state) {
    (void)state;
    fill(50);
    ol_quality_init(&quality, 500, 8, 390000);
    run(500);
    const ol_quality_second first = second;
    ol_quality_init(&quality, 500, 8, 390000);
    run(7);
    assert_memory_equal(&first, &second, sizeof first);
}

static void a_gap_ends_the_second(void **state) {
    (void)state;
    ol_quality_init(&quality, 500, 8, 0);
    assert_int_equal(ol_quality_end(&quality, &second), 0);
    ol_quality_skip(&quality, 100);
    ol_quality_push(&quality, (const float(*)[8])frames, NULL, 200, &second);
    assert_int_equal(ol_quality_end(&quality, &second), 1);
    ol_quality_skip(&quality, 1000);
    assert_int_equal(second.first_frame, 100);
    assert_int_equal(second.n_frames, 200);
    run(500);
    assert_int_equal(second.first_frame, 1300);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_what_is_wrong_with_each_lead),
        cmocka_unit_test(coarse_steps_are_no_clipping),
        cmocka_unit_test(tells_60_from_50_hertz),
        cmocka_unit_test(any_chunking_gives_the_same),
        cmocka_unit_test(a_gap_ends_the_second),
    };
    return cmocka_run_group_tests_name("quality", tests, NULL, NULL);
}
