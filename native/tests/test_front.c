/* SPDX-License-Identifier: Apache-2.0 */
/* ol_front.h */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "ecg.h"
#include "ol_error.h"
#include "ol_front.h"
#include <string.h>

#define PI 3.14159265358979323846
#define MOST_SECONDS 40

static ol_front front;
static ol_second seconds[MOST_SECONDS];
static int n_seconds;

static void push(const float *frames, const uint8_t *off, size_t n_leads, size_t n, size_t chunk) {
    for (size_t at = 0; at < n;) {
        int is_full = 0;
        const size_t some = n - at < chunk ? n - at : chunk;
        at += ol_front_push(&front, frames + at * n_leads, off ? off + at : NULL, some, &seconds[n_seconds], &is_full);
        n_seconds += is_full;
    }
}

static void end(int64_t n_missing) {
    while (ol_front_end(&front, &seconds[n_seconds])) {
        n_seconds++;
    }
    ol_front_skip(&front, n_missing);
}

static float sine[2000 * 10];

/* Ten seconds of 5 Hz, 1 mV, on an electrode's offset of 200 mV. */
static size_t fill_sine(double fs_hz) {
    const size_t n = (size_t)(10 * fs_hz);
    for (size_t i = 0; i < n; i++) {
        sine[i] = (float)(200000 + 1000 * sin(2 * PI * 5 * (double)i / fs_hz));
    }
    return n;
}

static void rows_are_where_they_say_at_any_rate(void **state) {
    (void)state;
    static const double rates[] = {100, 128, 200, 250, 257.3, 360, 500, 1000, 2000};
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
        const size_t n = fill_sine(rates[r]);
        n_seconds = 0;
        assert_int_equal(ol_front_init(&front, rates[r], 1, 0), OL_OK);
        push(sine, NULL, 1, n, 77);
        end(0);
        int64_t row = 0;
        for (int s = 0; s < n_seconds; s++) {
            assert_int_equal(seconds[s].first_row, row);
            for (int32_t i = 0; i < seconds[s].n_rows; i++, row++) {
                const float expected = (float)(200000 + 1000 * sin(2 * PI * 5 * (double)row / OL_ROW_HZ));
                const int inside = row > 25 && row < 2400;
                assert_true(!inside || fabsf(seconds[s].rows[i][0] - expected) < 6);
            }
        }
        assert_in_range(row, 2498, 2501);
    }
}

static void any_chunking_gives_the_same(void **state) {
    (void)state;
    static ol_second whole[MOST_SECONDS];
    const size_t n = fill_sine(500), chunks[] = {1, 13, 499, 500, 501, 1777};
    memset(seconds, 0, sizeof seconds);
    n_seconds = 0;
    ol_front_init(&front, 500, 1, 0);
    push(sine, NULL, 1, n - 123, n);
    end(0);
    memcpy(whole, seconds, sizeof whole);
    for (size_t c = 0; c < sizeof chunks / sizeof *chunks; c++) {
        memset(seconds, 0, sizeof seconds);
        n_seconds = 0;
        ol_front_init(&front, 500, 1, 0);
        push(sine, NULL, 1, n - 123, chunks[c]);
        end(0);
        assert_int_equal(n_seconds, 10);
        assert_memory_equal(seconds, whole, sizeof whole);
    }
}

static void a_gap_begins_a_stretch_at_its_frame(void **state) {
    (void)state;
    const size_t n = fill_sine(500);
    n_seconds = 0;
    ol_front_init(&front, 500, 1, 0);
    end(40);
    assert_int_equal(n_seconds, 0);
    push(sine, NULL, 1, 1200, n);
    end(300);
    assert_int_equal(n_seconds, 3);
    assert_int_equal(seconds[0].origin, 40);
    assert_int_equal(seconds[2].n_rows, 100);
    push(sine, NULL, 1, 700, n);
    end(0);
    assert_int_equal(n_seconds, 5);
    assert_int_equal(seconds[3].origin, 1540);
    assert_int_equal(seconds[3].first_row, 0);
    assert_int_equal(seconds[3].quality.first_frame, 1540);
    assert_int_equal(seconds[4].n_rows, 100);
}

static void no_number_repeats_the_one_before_and_its_lead_is_off(void **state) {
    (void)state;
    static float two[1000][2];
    static uint8_t off[1000];
    for (size_t i = 0; i < 1000; i++) {
        two[i][0] = i > 600 && i < 800 ? (float)NAN : 500;
        two[i][1] = (float)(i % 2);
        off[i] = i == 200 ? 2 : 0;
    }
    n_seconds = 0;
    ol_front_init(&front, 500, 2, 0);
    push(two[0], off, 2, 1000, 1000);
    end(0);
    assert_int_equal(n_seconds, 2);
    assert_int_equal(seconds[0].quality.flags[1] & OL_QUALITY_LEAD_OFF, OL_QUALITY_LEAD_OFF);
    assert_int_equal(seconds[0].quality.flags[0] & OL_QUALITY_LEAD_OFF, 0);
    assert_int_equal(seconds[1].quality.flags[0] & OL_QUALITY_LEAD_OFF, OL_QUALITY_LEAD_OFF);
    for (int i = 0; i < 250; i++) {
        assert_true(fabsf(seconds[1].rows[i][0] - 500) < 0.01f);
    }
}

static void refuses_rates_and_leads_out_of_range(void **state) {
    (void)state;
    assert_int_equal(ol_front_init(&front, 99, 1, 0), OL_E_ARGUMENT);
    assert_int_equal(ol_front_init(&front, 2001, 1, 0), OL_E_ARGUMENT);
    assert_int_equal(ol_front_init(&front, 500, 0, 0), OL_E_ARGUMENT);
    assert_int_equal(ol_front_init(&front, 500, 9, 0), OL_E_ARGUMENT);
    assert_int_equal(ol_front_init(&front, (double)NAN, 1, 0), OL_E_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_where_they_say_at_any_rate),
        cmocka_unit_test(any_chunking_gives_the_same),
        cmocka_unit_test(a_gap_begins_a_stretch_at_its_frame),
        cmocka_unit_test(no_number_repeats_the_one_before_and_its_lead_is_off),
        cmocka_unit_test(refuses_rates_and_leads_out_of_range),
    };
    return cmocka_run_group_tests_name("front", tests, NULL, NULL);
}
