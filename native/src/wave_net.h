/* SPDX-License-Identifier: Apache-2.0 */
/* The network that scores wave boundaries: its shape, its tables, one block of its work. */
#ifndef OL_WAVE_NET_H
#define OL_WAVE_NET_H

#include "ol_wave.h"

/* Largest activation, Q9: 32. The generator of the tables sees to it that no sum leaves 32 bits. */
#define OL_WAVE_TOP 16383
#define OL_WAVE_MAX_CHANNELS 32
/* Scores come this many rows of 125 Hz late: filters centred on what they judge. */
#define OL_WAVE_DELAY 136
/* One unit of the differences, in microvolt: 1 / (20 * 512) of a millivolt. */
#define OL_WAVE_DIFF_PER_UV 10.24f

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

void ol_wave_net_init(ol_wave_net *net);

/* Takes OL_WAVE_BLOCK differences of 8 leads, one vector for each two of them in net->diff after its history, and gives
 * OL_WAVE_BLOCK / 2 rows of OL_WAVE_N_BOUNDARIES x 8 scores of 125 Hz, OL_WAVE_DELAY rows late. `good` has a bit for
 * each lead that may speak for the others. */
void ol_wave_net_run(ol_wave_net *net, uint32_t good, float *scores);

#endif
