/* SPDX-License-Identifier: Apache-2.0 */
/* Waves of the ECG: onset, peak and end of P, QRS and T, lead by lead and over all leads, and what is measured on them.
 *
 *     ol_waves_init(w, fs_hz, n_leads, lead_i, lead_ii);
 *     for each piece of signal: add the beats known, then
 *         for (done = 0; done < n;) {
 *             done += ol_waves_push(w, frames + done * n_leads, n - done, good);
 *             while (ol_waves_next(w, &beat)) ...
 *         }
 *     ol_waves_flush(w); while (ol_waves_next(w, &beat)) ...
 *
 * A beat is measured when the signal has gone OL_WAVE_LATENCY_MS beyond it; its successor, if it is within that time,
 * must be added by then. Under this rule the results do not depend on how the signal is cut. A detector that decides
 * later than that needs its frames held back as long: a beat added when the scores around it have left the ring of eight
 * seconds comes out with all its waves absent.
 */
#ifndef OL_WAVE_H
#define OL_WAVE_H

#include "ol_error.h"
#include <stddef.h>
#include <stdint.h>

/* Signal needed after a beat before it is measured, and more than that for the filters' delay. */
#define OL_WAVE_LATENCY_MS 3000
enum ol_wave_offset { OL_WAVE_ABSENT = -2147483647 }; /* a wave, or one of its boundaries, that is not there or cannot be told */
#define OL_WAVE_MAX_EXTRA_P 4
#define OL_WAVE_LEADS 8
#define OL_WAVE_MIN_FS_HZ 100
#define OL_WAVE_MAX_FS_HZ 2000

/* Shape of the network: see src/wave_net.c. */
#define OL_WAVE_TAPS 24
#define OL_WAVE_A 16
#define OL_WAVE_B 16
#define OL_WAVE_C 24
#define OL_WAVE_N_MID 4
#define OL_WAVE_N_BOUNDARIES 8
#define OL_WAVE_BLOCK 128
#define OL_WAVE_STEPS 32
#define OL_WAVE_DIFF_HISTORY 13
#define OL_WAVE_SKIP 60
#define OL_WAVE_COARSE_ROWS 1488 /* (4 * (1 + 2 + 4 + 8) + 16 * 4 steps) * 12, less the last one's history */
#define OL_WAVE_RING_ROWS 1024   /* scores, 125 Hz */
#define OL_WAVE_SIGNAL_ROWS 2048 /* signal, 250 Hz */
#define OL_WAVE_INPUT_ROWS 512
#define OL_WAVE_PHASES 64
#define OL_WAVE_MAX_REACH 49
#define OL_WAVE_QUEUE 64

/* Frames from the beat's frame; OL_WAVE_ABSENT where there is none. */
typedef struct ol_wave_mark {
    int32_t on, peak, off;
    float confidence; /* probability that the wave is there, 0 to 1 */
} ol_wave_mark;

typedef struct ol_wave_set {
    ol_wave_mark p, qrs, t;
} ol_wave_set;

/* NaN where a number cannot be told. */
typedef struct ol_wave_beat {
    uint64_t frame;
    uint32_t beat_class;
    uint32_t good_leads; /* a bit for each lead that was good from P to T */
    ol_wave_set all_leads;
    ol_wave_set lead[8];
    uint32_t n_extra_p; /* P waves that no QRS followed, between the beat before and this one's P */
    int32_t extra_p[4];
    float rr_ms, pr_ms, qrs_ms, qt_ms;
    float qtc_bazett_ms, qtc_fridericia_ms, qtc_framingham_ms, qtc_hodges_ms;
    float axis_deg;
    float baseline_uv[8]; /* of the PR segment; ST is measured from it */
    float st_j60_uv[8], st_j80_uv[8], st_slope_uv_per_s[8];
} ol_wave_beat;

/* cdef: opaque */
typedef struct ol_wave_net {
    int32_t diff[OL_WAVE_DIFF_HISTORY + OL_WAVE_BLOCK / 2][8];
    int32_t patch[(4 + OL_WAVE_STEPS) * OL_WAVE_B / 2][8];
    int32_t fine[(OL_WAVE_SKIP + OL_WAVE_STEPS) * OL_WAVE_B / 2][8];
    int32_t coarse[OL_WAVE_COARSE_ROWS + OL_WAVE_STEPS * OL_WAVE_C / 4][8];
    int32_t merged[(4 + OL_WAVE_STEPS) * OL_WAVE_B / 2][8];
    int32_t last[OL_WAVE_STEPS * OL_WAVE_B / 2][8];
} ol_wave_net;

/* cdef: opaque */
typedef struct ol_wave_pending {
    uint64_t frame;
    uint32_t beat_class;
} ol_wave_pending;

/* cdef: opaque */
typedef struct ol_waves {
    double fs_hz, frames_per_row; /* of 250 Hz */
    uint32_t n_leads;
    int32_t lead_i, lead_ii;
    uint32_t reach; /* of the resampling filter, input frames to each side */
    int flushed;
    uint64_t n_frames; /* taken */
    uint64_t n_needed; /* for the next row */
    uint64_t n_rows;   /* of 250 Hz, made */
    uint64_t n_blocks; /* of the network, run */
    uint64_t previous_frame;
    int has_previous;
    uint32_t n_input; /* rows in input */
    uint32_t good;    /* over the block that is being filled */
    uint32_t queue_first, queue_n;
    ol_wave_pending queue[OL_WAVE_QUEUE];
    float filter[OL_WAVE_PHASES + 1][2 * OL_WAVE_MAX_REACH];
    float input[OL_WAVE_INPUT_ROWS][8];
    uint8_t input_good[OL_WAVE_INPUT_ROWS];
    float last_row[8];
    float signal[OL_WAVE_SIGNAL_ROWS][8];
    float score[OL_WAVE_RING_ROWS][OL_WAVE_N_BOUNDARIES][8];
    uint8_t block_good[OL_WAVE_RING_ROWS * 2 / OL_WAVE_BLOCK];
    ol_wave_net net;
} ol_waves;

/* lead_i and lead_ii: columns of these leads, -1 if there is none. OL_OK or OL_E_ARGUMENT. */
int ol_waves_init(ol_waves *w, double fs_hz, uint32_t n_leads, int32_t lead_i, int32_t lead_ii);

/* Add a beat, in rising order. OL_OK, OL_E_ARGUMENT (not after the last one) or OL_E_ROOM (64 wait already). */
int ol_waves_add_beat(ol_waves *w, uint64_t frame, uint32_t beat_class);

/* Take frames of microvolt; bit k of `good` says that lead k may be used. A value that is not finite, or beyond a
 * volt, counts as a bad lead. Returns how many were taken: it stops where a beat is ready. */
size_t ol_waves_push(ol_waves *w, const float *frames, size_t n_frames, uint32_t good);

/* The signal ends: all beats added become ready. */
void ol_waves_flush(ol_waves *w);

/* Returns 1 and the next beat that is ready, or 0. */
int ol_waves_next(ol_waves *w, ol_wave_beat *beat);

/* A whole signal at once; results has room for n_beats. Returns how many it wrote, or an error. */
int64_t ol_waves_run(ol_waves *w, const float *frames, size_t n_frames, uint32_t good, const uint64_t *beats,
                     const uint32_t *classes, size_t n_beats, ol_wave_beat *results);

#endif
