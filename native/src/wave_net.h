/* SPDX-License-Identifier: Apache-2.0 */
/* The network that scores wave boundaries: its shape, its tables, one block of its work. */
#ifndef OL_WAVE_NET_H
#define OL_WAVE_NET_H

#include "ol_wave.h"

/* Activations are Q9, at most 32767. The generator of the tables sees to it that no sum leaves 32 bits. */
/* Scores come this many steps of 16 ms late: filters centred on what they judge. */
#define OL_WAVE_DELAY 66
/* One unit of the differences over 8 ms, in microvolt: 1 / (10 * 512) of a millivolt. */
#define OL_WAVE_DIFF_PER_UV 5.12f
/* Scores are logarithms to the base of 2, Q9. */
#define OL_WAVE_SCORE_BITS 9

/* Weights are pairs of 16 bits, two input channels in one word. */
typedef struct ol_wave_dense {
    uint32_t n_in, n_out;
    int32_t shift;
    const int32_t *weight, *bias;
} ol_wave_dense;

typedef struct ol_wave_block {
    uint32_t dilation;
    ol_wave_dense pw;
    const int32_t *taps; /* five a pair, Q15 */
    const int32_t *mix;  /* of the mean over leads; may be absent */
} ol_wave_block;

/* The lanes of the pooled scores in which the boundaries lie, by ol_wave_boundary. */
extern const uint8_t ol_wave_pooled_lane[OL_WAVE_N_BOUNDARIES];

void ol_wave_net_init(ol_wave_net *net);

/* Takes OL_WAVE_STEPS steps of 16 ms, a vector of differences each in net->diff after its history, and gives as many rows
 * of scores of P and T, and twice as many of QRS, from `step` of the rings on. `good` has a bit for each lead that may
 * speak for the others. */
void ol_wave_net_run(ol_wave_net *net, uint32_t good, ol_wave_scores *scores, uint32_t step);

#endif
