/* SPDX-License-Identifier: Apache-2.0 */
/* Templates and classes of synthetic beats whose class is known by construction. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "ol_beat.h"
#include "ol_error.h"

#include <math.h>
#include <string.h>

enum { FS = 250, BEATS = 400, ROOM = 64, FRAMES = FS * 340 };

typedef struct plan {
    uint64_t frame[BEATS];
    uint8_t beat_class[BEATS];
} plan;

static float signal[FRAMES][8];
static ol_beats beats;
static ol_beat_record records[BEATS];
static ol_beat_context work[BEATS];
static ol_beat_label labels[BEATS];

static float bump(double t, double at, double width) {
    return (float)exp(-0.5 * (t - at) * (t - at) / (width * width));
}

/* P 160 ms before R (not before V, 60 ms earlier and upside down before S), QRS, T. */
static float beat_at(double t, int beat_class, int lead) {
    const float size = 1.0f - 0.15f * (float)lead;
    if (beat_class == OL_BEAT_V) {
        return size * (-1400.0f * bump(t, 0.0, 0.035) + 700.0f * bump(t, 0.075, 0.03) + 400.0f * bump(t, 0.3, 0.05));
    }
    const float p = beat_class == OL_BEAT_S ? -90.0f * bump(t, -0.11, 0.02) : 120.0f * bump(t, -0.16, 0.022);
    return size * (p - 100.0f * bump(t, -0.025, 0.008) + 1000.0f * bump(t, 0.0, 0.011) - 200.0f * bump(t, 0.027, 0.009) +
                   250.0f * bump(t, 0.28, 0.045));
}

static void make_plan(plan *p) {
    double t = 1.0;
    for (int i = 0; i < BEATS; i++) {
        p->beat_class[i] = (uint8_t)(i % 23 == 17 ? OL_BEAT_V : i % 23 == 7 ? OL_BEAT_S : OL_BEAT_N);
        const int after = i ? p->beat_class[i - 1] : OL_BEAT_N;
        t += p->beat_class[i] == OL_BEAT_V ? 0.52 : p->beat_class[i] == OL_BEAT_S ? 0.56 : after == OL_BEAT_V ? 1.12 : 0.82;
        t += 0.01 * sin(i * 0.7);
        p->frame[i] = (uint64_t)(t * FS + 0.5);
    }
}

static void draw(const plan *p, int n_leads) {
    memset(signal, 0, sizeof signal);
    float *out = &signal[0][0];
    uint32_t noise = 1;
    for (int i = 0; i < BEATS; i++) {
        for (int64_t f = (int64_t)p->frame[i] - FS / 2; f < (int64_t)p->frame[i] + FS / 2; f++) {
            for (int k = 0; f >= 0 && f < FRAMES && k < n_leads; k++) {
                noise = noise * 1664525u + 1013904223u;
                const double t = (double)(f - (int64_t)p->frame[i]) / FS;
                out[f * n_leads + k] += beat_at(t, p->beat_class[i], k) + (float)(noise >> 24) * 0.05f;
            }
        }
    }
}

static size_t collect(size_t n, size_t got) {
    assert_true(n + got <= BEATS);
    return n + got;
}

/* Feed in chunks of the given size. */
static size_t run(const plan *p, uint32_t n_leads, size_t chunk) {
    const uint8_t channels[2] = {0, (uint8_t)(n_leads > 1)};
    size_t n = 0, told = 0, taken = 0;
    assert_int_equal(ol_beats_init(&beats, FS, n_leads, channels), OL_OK);
    for (size_t at = 0; at < FRAMES; at += taken) {
        const size_t end = at + chunk < FRAMES ? at + chunk : FRAMES;
        for (; told < BEATS && p->frame[told] < end; told++) {
            assert_int_equal(ol_beats_tell(&beats, p->frame[told]), OL_OK);
        }
        n = collect(n, ol_beats_push(&beats, &signal[0][0] + at * n_leads, end - at, &taken, records + n, BEATS - n + 1));
    }
    while (n < BEATS) {
        const size_t got = ol_beats_flush(&beats, records + n, BEATS - n);
        assert_true(got > 0);
        n = collect(n, got);
    }
    assert_int_equal(ol_beats_label(&beats, records, n, work, labels), OL_OK);
    return n;
}

static int share_right(const plan *p, int beat_class) {
    int right = 0, all = 0;
    for (int i = 5; i < BEATS - 2; i++) {
        all += p->beat_class[i] == beat_class;
        right += p->beat_class[i] == beat_class && labels[i].beat_class == beat_class;
    }
    return 100 * right / all;
}

static void tells_ordinary_early_and_ventricular_beats_apart(void **state) {
    (void)state;
    static plan p;
    make_plan(&p);
    for (int n_leads = 1; n_leads <= 8; n_leads += n_leads < 3 ? 1 : 5) {
        draw(&p, n_leads);
        assert_int_equal(run(&p, (uint32_t)n_leads, 5000), BEATS);
        assert_true(share_right(&p, OL_BEAT_N) >= 99);
        assert_true(share_right(&p, OL_BEAT_V) >= 99);
        assert_true(share_right(&p, OL_BEAT_S) >= 90);
    }
}

static void keeps_the_reasons(void **state) {
    (void)state;
    static plan p;
    make_plan(&p);
    draw(&p, 2);
    run(&p, 2, 5000);
    const uint32_t v = labels[17 + 23].reasons, s = labels[7 + 23].reasons, n = labels[12].reasons;
    assert_int_equal(v & (OL_BEAT_PREMATURE | OL_BEAT_WIDE | OL_BEAT_DIFFERENT | OL_BEAT_COMPENSATED),
                     OL_BEAT_PREMATURE | OL_BEAT_WIDE | OL_BEAT_DIFFERENT | OL_BEAT_COMPENSATED);
    assert_int_equal(s & (OL_BEAT_PREMATURE | OL_BEAT_WIDE | OL_BEAT_DIFFERENT), OL_BEAT_PREMATURE);
    assert_true(s & (OL_BEAT_P_ABSENT | OL_BEAT_P_MOVED));
    assert_int_equal(n, 0);
}

static void any_chunking_gives_the_same(void **state) {
    (void)state;
    static plan p;
    static ol_beat_record expected[BEATS];
    static const size_t chunks[] = {1, 7, 333, 4999, FRAMES / 4};
    make_plan(&p);
    draw(&p, 2);
    run(&p, 2, 1000);
    memcpy(expected, records, sizeof expected);
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        run(&p, 2, chunks[i]);
        assert_memory_equal(records, expected, sizeof expected);
    }
}

static void templates_are_the_mean_of_their_beats(void **state) {
    (void)state;
    static plan p;
    static float wave[OL_BEAT_GRID][OL_BEAT_LANES];
    make_plan(&p);
    draw(&p, 2);
    run(&p, 2, 5000);
    assert_int_not_equal(labels[10].cluster, labels[17].cluster);
    assert_true(ol_beats_template(&beats, labels[10].cluster, &wave[0][0]) > BEATS / 2);
    float peak = 0.0f;
    for (int i = 0; i < OL_BEAT_GRID; i++) {
        peak = fmaxf(peak, wave[i][0]);
    }
    assert_true(peak > 700.0f && peak < 1100.0f);
    assert_int_equal(ol_beats_template(&beats, OL_BEAT_CLUSTERS, &wave[0][0]), 0);
}

static void refuses_what_is_no_recording(void **state) {
    (void)state;
    static const uint8_t channels[2] = {0, 1}, wrong[2] = {0, 2};
    assert_int_equal(ol_beats_init(&beats, 99.0, 2, channels), OL_E_ARGUMENT);
    assert_int_equal(ol_beats_init(&beats, 2001.0, 2, channels), OL_E_ARGUMENT);
    assert_int_equal(ol_beats_init(&beats, (double)NAN, 2, channels), OL_E_ARGUMENT);
    assert_int_equal(ol_beats_init(&beats, 500.0, 0, channels), OL_E_ARGUMENT);
    assert_int_equal(ol_beats_init(&beats, 500.0, 9, channels), OL_E_ARGUMENT);
    assert_int_equal(ol_beats_init(&beats, 500.0, 2, wrong), OL_E_ARGUMENT);
    assert_int_equal(ol_beats_init(&beats, 500.0, 2, channels), OL_OK);
    assert_int_equal(ol_beats_label(&beats, NULL, 0, NULL, NULL), OL_OK);
}

/* Whatever the samples and wherever the beats are said to be, each beat told comes back once, in order. */
static void survives_any_signal(void **state) {
    (void)state;
    static const double rates[] = {100.0, 128.0, 360.0, 1000.0, 2000.0};
    static const float values[] = {0.0f, 1e30f, -1e30f, 32767.0f, (float)NAN, (float)INFINITY, 3.0f};
    static const uint8_t channels[2] = {0, 2};
    uint32_t seed = 5;
    for (size_t k = 0; k < 5; k++) {
        size_t n = 0, taken = 0;
        assert_int_equal(ol_beats_init(&beats, rates[k], 3, channels), OL_OK);
        for (uint64_t i = 0; i < ROOM; i++) {
            assert_int_equal(ol_beats_tell(&beats, i * 50), OL_OK);
        }
        for (int i = 0; i < ROOM * 50; i++) {
            float frame[3];
            for (int c = 0; c < 3; c++) {
                seed = seed * 1664525u + 1013904223u;
                frame[c] = values[(seed >> 16) % (k + 3)];
            }
            n += ol_beats_push(&beats, frame, 1, &taken, records + n, BEATS - n);
        }
        n += ol_beats_flush(&beats, records + n, BEATS - n);
        assert_int_equal(n, ROOM);
        assert_int_equal(ol_beats_label(&beats, records, n, work, labels), OL_OK);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(labels[i].frame, i * 50);
            assert_true(labels[i].confidence <= 100);
        }
    }
}

static void a_gap_ends_what_is_known_of_rr(void **state) {
    (void)state;
    static const uint8_t channels[2] = {0, 0};
    static float flat[FS * 2];
    size_t taken = 0;
    assert_int_equal(ol_beats_init(&beats, FS, 1, channels), OL_OK);
    assert_int_equal(ol_beats_tell(&beats, 100), OL_OK);
    assert_int_equal(ol_beats_push(&beats, flat, 120, &taken, records, 4), 0);
    assert_int_equal(ol_beats_gap(&beats, 100000), OL_E_ARGUMENT);
    assert_int_equal(ol_beats_flush(&beats, records, 4), 1);
    assert_int_equal(ol_beats_gap(&beats, 50), OL_E_ARGUMENT);
    assert_int_equal(ol_beats_gap(&beats, 100000), OL_OK);
    assert_int_equal(ol_beats_tell(&beats, 100100), OL_OK);
    ol_beats_push(&beats, flat, FS * 2, &taken, records + 1, 4);
    assert_int_equal(records[1].frame, 100100);
    assert_true(records[1].flags & OL_BEAT_GAP_BEFORE);
    assert_true(records[1].flags & OL_BEAT_NO_SIGNAL);
    assert_int_equal(ol_beats_label(&beats, records, 2, work, labels), OL_OK);
    assert_int_equal(labels[1].beat_class, OL_BEAT_Q);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_ordinary_early_and_ventricular_beats_apart),
        cmocka_unit_test(keeps_the_reasons),
        cmocka_unit_test(any_chunking_gives_the_same),
        cmocka_unit_test(templates_are_the_mean_of_their_beats),
        cmocka_unit_test(refuses_what_is_no_recording),
        cmocka_unit_test(survives_any_signal),
        cmocka_unit_test(a_gap_ends_what_is_known_of_rr),
    };
    return cmocka_run_group_tests_name("beat", tests, NULL, NULL);
}
