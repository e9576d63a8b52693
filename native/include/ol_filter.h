/* SPDX-License-Identifier: Apache-2.0 */
/* Filters over interleaved frames of one to eight leads, streaming and in place if wished. Each takes a frame and gives
 * one; what stands at output frame n belongs to input frame n - delay. Before the first frame lies that frame repeated,
 * so that an electrode's offset is no step. Any chunking gives the same. */
#ifndef OL_FILTER_H
#define OL_FILTER_H

#include <stddef.h>
#include <stdint.h>

#define OL_FILTER_HALF 160  /* taps on one side of the longest low-pass */
#define OL_FILTER_SPAN 2336 /* frames of the longest moving average */

/* 0.05 Hz, causal: what a monitor shows. -3 dB at 0.05 Hz, no delay; a step falls to 1/e in 3.2 s. cdef: opaque */
typedef struct ol_highpass {
    uint32_t n_leads;
    int started;
    double keep, before[8], out[8];
} ol_highpass;

/* Linear phase: 0.5 or 0.67 Hz for analysis. The delay is exact and the same for all frequencies; taken off, the
 * filter has zero phase. A step is answered over twice the delay, half of it before. cdef: opaque */
typedef struct ol_baseline {
    uint32_t n_leads, span, at;
    int started;
    double sum[2][8];
    float ring[2][OL_FILTER_SPAN][8];
} ol_baseline;

/* Mains, tracked as one phasor per lead that holds still through QRS. No delay. cdef: opaque */
typedef struct ol_mains {
    uint32_t n_leads;
    int started;
    double turn_re, turn_im, re, im; /* of the oscillator */
    float rate;
    float before[8], a[8], b[8], way[8];
    uint32_t hold[8], hold_frames, n;
} ol_mains;

/* Linear-phase FIR: 40, 100 or 150 Hz. cdef: opaque */
typedef struct ol_lowpass {
    uint32_t n_leads, half, at;
    int started;
    float taps[OL_FILTER_HALF + 1];
    float ring[2 * (2 * OL_FILTER_HALF + 1)][8]; /* every frame twice, so that a window lies in one piece */
} ol_lowpass;

/* Each init: OL_OK or OL_E_ARGUMENT (100 to 2000 Hz, 1 to 8 leads, a cutoff below 0.45 of the rate). */
int ol_highpass_init(ol_highpass *f, double fs_hz, uint32_t n_leads);
int ol_baseline_init(ol_baseline *f, double fs_hz, uint32_t n_leads, double cutoff_hz);
int ol_mains_init(ol_mains *f, double fs_hz, uint32_t n_leads, double mains_hz);
int ol_lowpass_init(ol_lowpass *f, double fs_hz, uint32_t n_leads, double cutoff_hz);

/* Delay in frames. */
uint32_t ol_baseline_delay(const ol_baseline *f);
uint32_t ol_lowpass_delay(const ol_lowpass *f);

/* Filter `n` frames from `in` to `out`, which may be the same. */
void ol_highpass_run(ol_highpass *f, const float *in, float *out, size_t n);
void ol_baseline_run(ol_baseline *f, const float *in, float *out, size_t n);
void ol_mains_run(ol_mains *f, const float *in, float *out, size_t n);
void ol_lowpass_run(ol_lowpass *f, const float *in, float *out, size_t n);

/* Amplitude of the mains in a lead as it is tracked now, in microvolts. */
float ol_mains_amplitude(const ol_mains *f, uint32_t lead);

#endif
