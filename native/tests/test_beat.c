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

enum { FS = OL_ROW_HZ, BEATS = 400, ROOM = 64, SECONDS = 340, FRAMES = FS * SECONDS };

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
    uint32_t noise = 1;
    for (int i = 0; i < BEATS; i++) {
        for (int64_t f = (int64_t)p->frame[i] - FS / 2; f < (int64_t)p->frame[i] + FS / 2; f++) {
            for (int k = 0; f >= 0 && f < FRAMES && k < n_leads; k++) {
                noise = noise * 1664525u + 1013904223u;
                const double t = (double)(f - (int64_t)p->frame[i]) / FS;
                signal[f][k] += beat_at(t, p->beat_class[i], k) + (float)(noise >> 24) * 0.05f;
            }
        }
    }
}

static const ol_second *second_at(int number, int first) {
    static ol_second s;
    memset(&s, 0, sizeof s);
    s.first_row = (int64_t)(number - first) * FS;
    s.n_rows = FS;
    memcpy(s.rows, signal[number * FS], FS * sizeof signal[0]);
    return &s;
}

static size_t end(size_t n) {
    for (size_t got; (got = ol_beats_end(&beats, records + n, BEATS - n)) > 0;) {
        n += got;
    }
    return n;
}

/* Feed all, each beat told `ahead_s` seconds before its second is taken; frames are milliseconds. */
static size_t run(const plan *p, uint32_t n_leads, int ahead_s) {
    const uint8_t channels[2] = {0, (uint8_t)(n_leads > 1)};
    size_t n = 0, told = 0;
    assert_int_equal(ol_beats_init(&beats, n_leads, channels), OL_OK);
    for (int i = 0; i < SECONDS; i++) {
        for (; told < BEATS && (int64_t)p->frame[told] < (int64_t)(i + 1 + ahead_s) * FS; told++) {
            assert_int_equal(ol_beats_tell(&beats, (double)p->frame[told] * OL_ROW_MS), OL_OK);
        }
        n += ol_beats_take(&beats, second_at(i, 0), records + n, BEATS - n);
    }
    for (; told < BEATS; told++) {
        assert_int_equal(ol_beats_tell(&beats, (double)p->frame[told] * OL_ROW_MS), OL_OK);
    }
    n = end(n);
    for (size_t i = 0; i < n; i++) {
        records[i].frame = p->frame[i];
    }
    assert_int_equal(ol_beats_label(&beats, FS, records, n, work, labels), OL_OK);
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
        assert_int_equal(run(&p, (uint32_t)n_leads, 0), BEATS);
        assert_true(share_right(&p, OL_BEAT_N) >= 99);
        assert_true(share_right(&p, OL_BEAT_V) >= 99);
        assert_true(share_right(&p, OL_BEAT_S) >= 90);
    }
}

/* Forty beats at 130 a minute, begun at once, with a P wave of their own: not one of them looks early to its neighbours. */
static void a_long_run_is_compared_with_the_rhythm_before_it(void **state) {
    (void)state;
    static plan p;
    double t = 1.0;
    for (int i = 0; i < BEATS; i++) {
        p.beat_class[i] = (uint8_t)(i >= 200 && i < 240 ? OL_BEAT_S : OL_BEAT_N);
        t += p.beat_class[i] == OL_BEAT_S ? 0.46 : 0.84 + 0.01 * sin(i * 0.7);
        p.frame[i] = (uint64_t)(t * FS + 0.5);
    }
    draw(&p, 2);
    run(&p, 2, 0);
    assert_true(share_right(&p, OL_BEAT_S) >= 90);
    assert_true(share_right(&p, OL_BEAT_N) >= 99);
}

static void keeps_the_reasons(void **state) {
    (void)state;
    static plan p;
    make_plan(&p);
    draw(&p, 2);
    run(&p, 2, 0);
    const uint32_t v = labels[17 + 23].reasons, s = labels[7 + 23].reasons, n = labels[12].reasons;
    assert_int_equal(v & (OL_BEAT_PREMATURE | OL_BEAT_WIDE | OL_BEAT_DIFFERENT | OL_BEAT_COMPENSATED),
                     OL_BEAT_PREMATURE | OL_BEAT_WIDE | OL_BEAT_DIFFERENT | OL_BEAT_COMPENSATED);
    assert_int_equal(s & (OL_BEAT_PREMATURE | OL_BEAT_WIDE | OL_BEAT_DIFFERENT), OL_BEAT_PREMATURE);
    assert_true(s & (OL_BEAT_P_ABSENT | OL_BEAT_P_MOVED));
    assert_int_equal(n, 0);
}

static void told_ahead_or_five_seconds_late_is_the_same(void **state) {
    (void)state;
    static plan p;
    static ol_beat_record expected[BEATS];
    make_plan(&p);
    draw(&p, 2);
    run(&p, 2, 0);
    memcpy(expected, records, sizeof expected);
    for (int ahead_s = -5; ahead_s <= 60; ahead_s += 13) {
        memset(records, 0, sizeof records);
        assert_int_equal(run(&p, 2, ahead_s), BEATS);
        assert_memory_equal(records, expected, sizeof expected);
    }
}

static void templates_are_the_mean_of_their_beats(void **state) {
    (void)state;
    static plan p;
    static float wave[OL_BEAT_GRID][OL_BEAT_LANES];
    make_plan(&p);
    draw(&p, 2);
    run(&p, 2, 0);
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
    assert_int_equal(ol_beats_init(&beats, 0, channels), OL_E_ARGUMENT);
    assert_int_equal(ol_beats_init(&beats, 9, channels), OL_E_ARGUMENT);
    assert_int_equal(ol_beats_init(&beats, 2, wrong), OL_E_ARGUMENT);
    assert_int_equal(ol_beats_init(&beats, 2, channels), OL_OK);
    assert_int_equal(ol_beats_tell(&beats, (double)NAN), OL_E_ARGUMENT);
    assert_int_equal(ol_beats_tell(&beats, (double)INFINITY), OL_E_ARGUMENT);
    assert_int_equal(ol_beats_label(&beats, FS, NULL, 0, NULL, NULL), OL_OK);
    assert_int_equal(ol_beats_label(&beats, 0.0, NULL, 0, NULL, NULL), OL_E_ARGUMENT);
    assert_int_equal(ol_beats_label(&beats, FS, NULL, 1, work, labels), OL_E_ARGUMENT);
}

static void no_more_wait_than_there_is_room_for(void **state) {
    (void)state;
    static const uint8_t channels[2] = {0, 0};
    assert_int_equal(ol_beats_init(&beats, 1, channels), OL_OK);
    for (int i = 0; i < OL_BEAT_PENDING; i++) {
        assert_int_equal(ol_beats_tell(&beats, i * 300.0), OL_OK);
    }
    assert_int_equal(ol_beats_tell(&beats, 1e6), OL_E_ROOM);
    assert_int_equal(end(0), OL_BEAT_PENDING);
    assert_int_equal(ol_beats_tell(&beats, 1e6), OL_OK);
}

/* Whatever the rows and wherever the beats are said to be, each beat told comes back once, in order. */
static void survives_any_signal(void **state) {
    (void)state;
    static const float values[] = {0.0f, 1e7f, -1e7f, 32767.0f, 1e-30f, -3.0f, 3.0f};
    static const double steps_ms[] = {0.0, 1.0, 150.0, 700.0, 1e11};
    static const uint8_t channels[2] = {0, 2};
    static ol_second s;
    uint32_t seed = 5;
    for (size_t k = 0; k < 5; k++) {
        size_t n = 0;
        assert_int_equal(ol_beats_init(&beats, 3, channels), OL_OK);
        for (int i = 0; i < ROOM; i++) {
            assert_int_equal(ol_beats_tell(&beats, (i - 3) * steps_ms[k]), OL_OK);
        }
        memset(&s, 0, sizeof s);
        for (int i = 0; i < ROOM; i++, s.first_row += s.n_rows) {
            s.n_rows = i % OL_FRONT_ROWS;
            s.quality.flags[1] = (uint8_t)(seed >> 24);
            for (int c = 0; c < 3 * OL_FRONT_ROWS; c++) {
                seed = seed * 1664525u + 1013904223u;
                s.rows[c / 3][c % 3] = values[(seed >> 16) % (k + 3)];
            }
            n += ol_beats_take(&beats, &s, records + n, BEATS - n);
        }
        n = end(n);
        assert_int_equal(n, ROOM);
        assert_int_equal(ol_beats_label(&beats, 1000.0, records, n, work, labels), OL_OK);
        for (size_t i = 0; i < n; i++) {
            assert_true(labels[i].confidence <= 100 && labels[i].beat_class <= OL_BEAT_PACED);
        }
    }
}

/* More shapes than there is room for: each beat still has a template, and all of them beats. */
static void every_beat_of_another_shape(void **state) {
    (void)state;
    static const uint8_t channels[2] = {0, 1};
    static ol_second s;
    static float wave[OL_BEAT_GRID][OL_BEAT_LANES];
    uint32_t seed = 9, all = 0;
    size_t n = 0;
    assert_int_equal(ol_beats_init(&beats, 2, channels), OL_OK);
    for (int i = 0; i < 200; i++, s.first_row += FS) {
        s.n_rows = FS;
        memset(s.rows, 0, sizeof s.rows);
        for (int row = 100; row < 150; row += 5) {
            for (int k = 0; k < 10; k++) {
                seed = k % 5 ? seed : seed * 1664525u + 1013904223u;
                s.rows[row + k % 5][k / 5] = (float)(seed >> 20) - 2048.0f;
            }
        }
        assert_int_equal(ol_beats_tell(&beats, i * 1000.0 + 500.0), OL_OK);
        n += ol_beats_take(&beats, &s, records + n, BEATS - n);
    }
    assert_int_equal(end(n), 200);
    assert_int_equal(ol_beats_label(&beats, 1.0, records, 200, work, labels), OL_OK);
    for (uint32_t slot = 0; slot < OL_BEAT_CLUSTERS; slot++) {
        all += ol_beats_template(&beats, slot, &wave[0][0]);
    }
    assert_int_equal(all, 200);
    for (int i = 0; i < 200; i++) {
        assert_true(ol_beats_template(&beats, labels[i].cluster, &wave[0][0]) > 0);
    }
}

/* A lead that is off is no reason to begin another morphology; when all are off a beat is not judged. */
static void leads_that_come_and_go_are_left_out(void **state) {
    (void)state;
    static plan p;
    static ol_second s;
    static const uint8_t channels[2] = {0, 1};
    size_t n = 0;
    make_plan(&p);
    draw(&p, 3);
    assert_int_equal(ol_beats_init(&beats, 3, channels), OL_OK);
    for (int i = 0; i < SECONDS; i++) {
        const int from = i < 100 ? 3 : i < 200 ? i / 10 % 3 : 0; /* leads from this one on are well */
        s = *second_at(i, 0);
        for (int k = 0; k < 3; k++) {
            const int off = i >= 200 ? i < 210 : k == from;
            s.quality.flags[k] = off ? OL_QUALITY_UNUSABLE | OL_QUALITY_LEAD_OFF : 0;
            for (int row = 0; off && row < FS; row++) {
                s.rows[row][k] = row % 50 < 25 ? 5000.0f : -5000.0f;
            }
        }
        for (int k = 0; k < BEATS; k++) {
            if (p.frame[k] / FS == (uint64_t)i) {
                assert_int_equal(ol_beats_tell(&beats, (double)p.frame[k] * OL_ROW_MS), OL_OK);
            }
        }
        n += ol_beats_take(&beats, &s, records + n, BEATS - n);
    }
    assert_int_equal(end(n), BEATS);
    for (int i = 0; i < BEATS; i++) {
        records[i].frame = p.frame[i];
    }
    assert_int_equal(ol_beats_label(&beats, FS, records, BEATS, work, labels), OL_OK);
    int told_q = 0, wrong = 0;
    for (int i = 0; i < BEATS; i++) {
        const uint64_t second = p.frame[i] / FS;
        told_q += labels[i].beat_class == OL_BEAT_Q;
        assert_true(labels[i].beat_class != OL_BEAT_Q || (second >= 199 && second <= 210));
        wrong += p.beat_class[i] == OL_BEAT_V && labels[i].beat_class != OL_BEAT_V && labels[i].beat_class != OL_BEAT_Q;
    }
    assert_true(told_q >= 10);
    assert_true(wrong <= 1);
}

static void a_gap_ends_what_is_known_of_rr(void **state) {
    (void)state;
    static const uint8_t channels[2] = {0, 0};
    static const uint64_t frames[] = {100, 100100};
    memset(signal, 0, sizeof signal);
    assert_int_equal(ol_beats_init(&beats, 1, channels), OL_OK);
    assert_int_equal(ol_beats_tell(&beats, 400.0), OL_OK);
    assert_int_equal(ol_beats_take(&beats, second_at(0, 0), records, 4), 0);
    assert_int_equal(ol_beats_end(&beats, records, 4), 1);
    assert_int_equal(ol_beats_end(&beats, records + 1, 4), 0);
    assert_int_equal(ol_beats_tell(&beats, 500.0), OL_OK);
    assert_int_equal(ol_beats_take(&beats, second_at(1, 1), records + 1, 4), 0);
    assert_int_equal(ol_beats_take(&beats, second_at(2, 1), records + 1, 4), 1);
    assert_false(records[0].flags & OL_BEAT_GAP_BEFORE);
    assert_true(records[1].flags & OL_BEAT_GAP_BEFORE);
    assert_true(records[1].flags & OL_BEAT_NO_SIGNAL);
    records[0].frame = frames[0];
    records[1].frame = frames[1];
    assert_int_equal(ol_beats_label(&beats, FS, records, 2, work, labels), OL_OK);
    assert_int_equal(labels[1].frame, frames[1]);
    assert_int_equal(labels[1].beat_class, OL_BEAT_Q);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_ordinary_early_and_ventricular_beats_apart),
        cmocka_unit_test(a_long_run_is_compared_with_the_rhythm_before_it),
        cmocka_unit_test(keeps_the_reasons),
        cmocka_unit_test(every_beat_of_another_shape),
        cmocka_unit_test(told_ahead_or_five_seconds_late_is_the_same),
        cmocka_unit_test(templates_are_the_mean_of_their_beats),
        cmocka_unit_test(refuses_what_is_no_recording),
        cmocka_unit_test(no_more_wait_than_there_is_room_for),
        cmocka_unit_test(survives_any_signal),
        cmocka_unit_test(leads_that_come_and_go_are_left_out),
        cmocka_unit_test(a_gap_ends_what_is_known_of_rr),
    };
    return cmocka_run_group_tests_name("beat", tests, NULL, NULL);
}
