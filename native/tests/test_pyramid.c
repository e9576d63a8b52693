/* SPDX-License-Identifier: Apache-2.0 */
/* ol_pyramid.h */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "ol_error.h"
#include "ol_pyramid.h"
#include <math.h>
#include <string.h>

#define FRAMES 1000
#define ROOM 80
#define WIDTH 16

static int32_t counts[FRAMES][3];
static float microvolts[FRAMES][3];
static uint8_t off[FRAMES];
static const float scale[3] = {2.5f, 2.5f, 2.5f};
static ol_pyramid_bucket whole[ROOM], pieces[ROOM];

static void fill(void) {
    uint32_t seed = 7;
    for (size_t i = 0; i < FRAMES; i++) {
        for (size_t k = 0; k < 3; k++) {
            seed = seed * 1664525u + 1013904223u;
            counts[i][k] = (int32_t)(seed >> 20) - 2048 + 40000 * (int32_t)k;
            microvolts[i][k] = (float)counts[i][k] * scale[k];
        }
        off[i] = i >= 100 && i < 110 ? 4 : 0;
    }
}

/* 600 frames, 70 that are missing, and the rest, in chunks, with room for one bucket at a time. */
static size_t run(ol_pyramid_bucket *to, size_t chunk, int as_counts) {
    ol_pyramid p;
    ol_pyramid_out out = {to, chunk == FRAMES ? ROOM : 1, 0};
    assert_int_equal(ol_pyramid_init(&p, 3, 0, 1, WIDTH), OL_OK);
    for (size_t at = 0; at < FRAMES;) {
        const size_t end = at < 600 ? 600 : FRAMES, n = end - at < chunk ? end - at : chunk;
        const size_t done = as_counts ? ol_pyramid_push_counts(&p, counts[at], scale, off + at, n, &out)
                                      : ol_pyramid_push(&p, microvolts[at], off + at, n, &out);
        at += done;
        if (at == 600 && done > 0) {
            for (uint64_t left = 70; left > 0; out.room = out.n + 1) {
                left -= ol_pyramid_gap(&p, left, &out);
            }
        }
        out.room = chunk == FRAMES ? ROOM : out.n + 1;
    }
    assert_int_equal(ol_pyramid_end(&p, &out), OL_OK);
    return out.n;
}

static void same_in_any_chunks_as_numbers_or_counts(void **state) {
    (void)state;
    static const size_t chunks[] = {1, 3, 16, 17, 250};
    fill();
    assert_int_equal(run(whole, FRAMES, 0), (FRAMES + 70 + WIDTH - 1) / WIDTH);
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        for (int as_counts = 0; as_counts < 2; as_counts++) {
            memset(pieces, 0, sizeof pieces);
            const size_t n = run(pieces, chunks[i], as_counts);
            assert_memory_equal(pieces, whole, n * sizeof *pieces);
        }
    }
}

static void extremes_of_each_lead_and_of_the_derived_ones(void **state) {
    (void)state;
    float low[12], high[12];
    fill();
    run(whole, FRAMES, 1);
    for (int k = 0; k < 12; k++) {
        low[k] = INFINITY, high[k] = -INFINITY;
    }
    for (size_t i = 32; i < 48; i++) { /* the third bucket */
        const float *f = microvolts[i], one = f[0], two = f[1];
        const float trace[7] = {one, two, f[2], two - one, -(one + two) / 2, one - two / 2, two - one / 2};
        for (int k = 0; k < 7; k++) {
            const int to = k < 3 ? k : k + 5;
            low[to] = fminf(low[to], trace[k]);
            high[to] = fmaxf(high[to], trace[k]);
        }
    }
    for (int k = 0; k < 12; k++) {
        assert_true(whole[2].low[k] == low[k]);
        assert_true(whole[2].high[k] == high[k]);
    }
}

static void what_is_missing_stays_missing(void **state) {
    (void)state;
    fill();
    const size_t n = run(whole, FRAMES, 0);
    assert_int_equal(whole[6].flags, 4);                   /* frames 100 to 109: lead 2 off */
    assert_int_equal(whole[37].flags, OL_PYRAMID_PARTLY);  /* frames 592 to 607 */
    assert_true(whole[37].low[0] <= whole[37].high[0]);
    assert_int_equal(whole[39].flags, OL_PYRAMID_PARTLY);  /* nothing is there */
    assert_true(whole[39].low[0] > whole[39].high[0]);
    assert_int_equal(whole[43].flags, 0);
    assert_int_equal(ol_pyramid_fold(whole, n, whole), (n + 3) / 4);
    assert_int_equal(whole[1].flags, 4);
    assert_int_equal(whole[9].flags, OL_PYRAMID_PARTLY);
    assert_true(whole[9].low[0] <= whole[9].high[0]);
}

static void what_is_no_number_is_not_there(void **state) {
    (void)state;
    ol_pyramid p;
    ol_pyramid_out out = {whole, 1, 0};
    const float frames[2][2] = {{NAN, 5}, {INFINITY, 3}};
    assert_int_equal(ol_pyramid_init(&p, 2, 0, 1, 2), OL_OK);
    assert_int_equal(ol_pyramid_push(&p, frames[0], NULL, 2, &out), 2);
    assert_true(whole[0].low[0] > whole[0].high[0]);
    assert_true(whole[0].low[1] == 3 && whole[0].high[1] == 5);
    assert_true(whole[0].low[8] > whole[0].high[8]); /* III has no I */
    assert_int_equal(ol_pyramid_push(&p, frames[0], NULL, 1, &out), 0);
}

static void pack_rounds_outwards_and_by_less_than_a_step(void **state) {
    (void)state;
    static const float least[] = {2.5f, 0.001f}; /* the second cannot hold the range */
    int16_t pairs[ROOM][2];
    float zero, step;
    fill();
    const size_t n = run(whole, FRAMES, 0);
    for (int i = 0; i < 2; i++) {
        ol_pyramid_pack(whole, n, 1, least[i], &zero, &step, pairs[0]);
        assert_true(i == 0 ? step == 2.5f : step > 0.1f);
        ol_pyramid_unpack(pairs[0], n, 1, zero, step, pieces);
        for (size_t j = 0; j < n; j++) {
            assert_true((pieces[j].low[1] > pieces[j].high[1]) == (whole[j].low[1] > whole[j].high[1]));
            if (whole[j].low[1] <= whole[j].high[1]) {
                assert_true(pieces[j].low[1] <= whole[j].low[1] + 0.03f * step && pieces[j].low[1] > whole[j].low[1] - step * 1.01f);
                assert_true(pieces[j].high[1] >= whole[j].high[1] - 0.03f * step && pieces[j].high[1] < whole[j].high[1] + step * 1.01f);
                assert_true(i == 1 || pieces[j].low[1] == whole[j].low[1]);
            }
        }
    }
}

static void refuses_what_is_not_possible(void **state) {
    (void)state;
    ol_pyramid p;
    assert_int_equal(ol_pyramid_init(&p, 0, -1, -1, 4), OL_E_ARGUMENT);
    assert_int_equal(ol_pyramid_init(&p, 9, -1, -1, 4), OL_E_ARGUMENT);
    assert_int_equal(ol_pyramid_init(&p, 2, 2, 1, 4), OL_E_ARGUMENT);
    assert_int_equal(ol_pyramid_init(&p, 2, -1, -1, 0), OL_E_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_in_any_chunks_as_numbers_or_counts),
        cmocka_unit_test(extremes_of_each_lead_and_of_the_derived_ones),
        cmocka_unit_test(what_is_missing_stays_missing),
        cmocka_unit_test(what_is_no_number_is_not_there),
        cmocka_unit_test(pack_rounds_outwards_and_by_less_than_a_step),
        cmocka_unit_test(refuses_what_is_not_possible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
