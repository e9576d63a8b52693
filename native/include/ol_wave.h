/* SPDX-License-Identifier: Apache-2.0 */
/* Waves of the ECG: onset, peak and end of P, QRS and T, lead by lead and over all leads, and what is measured on them.
 *
 *     ol_waves_init(w, n_leads, lead_i, lead_ii);
 *     for each second of a stretch: tell the beats up to three seconds beyond it, then
 *         n = ol_waves_take(w, &second, out, OL_WAVE_QUEUE);
 *     where the stretch ends: n = ol_waves_end(w, out, OL_WAVE_QUEUE);
 *
 * Times are milliseconds since the first row of the stretch. A beat comes out, in order, within two and a half seconds of
 * signal after it. One told later than that may find the scores around it gone, and then has no waves.
 */
#ifndef OL_WAVE_H
#define OL_WAVE_H

#include "ol_error.h"
#include "ol_front.h"

#define OL_WAVE_MAX_EXTRA_P 4
#define OL_WAVE_LEADS 8

/* Shape of the network: see src/wave_net.c. A step is 16 ms. */
#define OL_WAVE_TAPS 14
#define OL_WAVE_FINE 12
#define OL_WAVE_COARSE 16
#define OL_WAVE_N_MID 4
#define OL_WAVE_N_BOUNDARIES 8
#define OL_WAVE_STEPS 32 /* in a block */
#define OL_WAVE_STEP_ROWS 4
#define OL_WAVE_BLOCK (OL_WAVE_STEPS * OL_WAVE_STEP_ROWS)
#define OL_WAVE_DIFF_HISTORY 7
#define OL_WAVE_SKIP 60
#define OL_WAVE_COARSE_ROWS 992  /* (4 * (1 + 2 + 4 + 8) + 16 * 4 steps) * 8, and the last one's 16 */
#define OL_WAVE_SCORE_STEPS 320  /* scores kept, whole blocks */
#define OL_WAVE_SIGNAL_ROWS 1024 /* signal kept, 250 Hz */
#define OL_WAVE_QUEUE 64
#define OL_WAVE_SECONDS 8

/* Milliseconds from the beat as told; NaN where there is none, or none can be told. */
typedef struct ol_wave_mark {
    float on_ms, peak_ms, off_ms;
    float confidence; /* probability that the wave is there, 0 to 1 */
} ol_wave_mark;

typedef struct ol_wave_set {
    ol_wave_mark p, qrs, t;
} ol_wave_set;

/* NaN where a number cannot be told. */
typedef struct ol_wave_beat {
    uint64_t frame;      /* the caller's: 0 here */
    uint32_t good_leads; /* a bit for each lead that was good from half a second before the beat to half a second after */
    ol_wave_set all_leads;
    ol_wave_set lead[8];
    uint32_t n_extra_p; /* P waves that no QRS followed, between the beat before and this one's P; peaks below */
    float extra_p_ms[4];
    float rr_ms; /* of the interval before the beat; of it come the QTc below */
    float pr_ms, qrs_ms, qt_ms;
    float qtc_bazett_ms, qtc_fridericia_ms, qtc_framingham_ms, qtc_hodges_ms;
    float axis_deg;
    float baseline_uv[8]; /* of the PR segment; ST is measured from it */
    float st_j60_uv[8], st_j80_uv[8], st_slope_uv_per_s[8];
} ol_wave_beat;

/* cdef: opaque */
typedef struct ol_wave_net {
    int32_t diff[OL_WAVE_DIFF_HISTORY + OL_WAVE_STEPS][8];
    int32_t fine[(OL_WAVE_SKIP + OL_WAVE_STEPS) * OL_WAVE_FINE / 2][8];
    int32_t coarse[OL_WAVE_COARSE_ROWS + OL_WAVE_STEPS * OL_WAVE_COARSE / 4][8];
    int32_t merged[(4 + OL_WAVE_STEPS) * OL_WAVE_FINE / 2][8];
    int32_t last[OL_WAVE_STEPS * OL_WAVE_FINE / 2][8];
} ol_wave_net;

/* Of P on, peak, off, T on, peak, off each step, and of QRS on and off twice a step, eight leads; after them those of all
 * leads together, a lane a boundary. cdef: opaque */
typedef struct ol_wave_scores {
    int16_t slow[7][OL_WAVE_SCORE_STEPS][8];
    int16_t fast[3][2 * OL_WAVE_SCORE_STEPS][8];
} ol_wave_scores;

/* cdef: opaque */
typedef struct ol_waves {
    uint32_t n_leads;
    int32_t lead_i, lead_ii;
    int64_t n_rows;   /* of the stretch, 250 Hz */
    int64_t n_fed;    /* with those that stand for what would come after its end */
    int64_t n_blocks; /* of the network, run */
    int64_t n_seconds;
    int64_t second_row[OL_WAVE_SECONDS]; /* first of the last seconds, and the leads good in them */
    uint8_t second_good[OL_WAVE_SECONDS];
    double previous_ms;
    int has_previous, is_padded;
    uint32_t good; /* leads, over the block that is being filled */
    uint32_t queue_first, queue_n;
    double queue_ms[OL_WAVE_QUEUE];
    float last_odd[8]; /* row, of which the next difference is taken */
    float signal[OL_WAVE_SIGNAL_ROWS][8];
    ol_wave_scores scores;
    ol_wave_net net;
} ol_waves;

/* lead_i and lead_ii: columns of these leads, -1 if there is none. OL_OK or OL_E_ARGUMENT. */
int ol_waves_init(ol_waves *w, uint32_t n_leads, int32_t lead_i, int32_t lead_ii);

/* A beat of the stretch, in rising order. OL_OK, OL_E_ARGUMENT (not after the last one, or no number) or OL_E_ROOM (64
 * wait already). */
int ol_waves_tell(ol_waves *w, double at_ms);

/* Take the next second; one whose first_row is 0 begins a stretch, and beats that still wait are then of the new one.
 * Returns how many beats were measured, at most `room`; those for which there was none come next time. */
size_t ol_waves_take(ol_waves *w, const ol_second *s, ol_wave_beat *out, size_t room);

/* The stretch ends: all beats told are measured. Returns how many were, at most `room`; call again while it is `room`. */
size_t ol_waves_end(ol_waves *w, ol_wave_beat *out, size_t room);

#endif
