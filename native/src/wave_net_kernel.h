/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of the network of wave_net.c, included once for each kind of processor, which says how two 16-bit
 * products are summed: madd(acc, x, w), how a Q15 product is rounded: mulhrs(x, w), how two channels are packed and
 * clamped, and how scores are stored. All are exact integers, so every processor gives the same bits. */

/* Four output channels at two times; weights are [output / 4][pair][4]. */
#define TILE 4

INLINE void NAME(tile)(const v8i *x0, const v8i *x1, uint32_t n_pairs, const int32_t *w, v8i *acc0, v8i *acc1) {
    STAY_IN_MEMORY(x0);
    STAY_IN_MEMORY(x1);
    STAY_IN_MEMORY(w);
    v8i a0 = acc0[0], a1 = acc0[1], a2 = acc0[2], a3 = acc0[3];
    v8i b0 = acc1[0], b1 = acc1[1], b2 = acc1[2], b3 = acc1[3];
    for (uint32_t p = 0; p < n_pairs; p++, w += TILE) {
        const v8i x = x0[p], y = x1[p];
        a0 = NAME(madd)(a0, x, w[0]);
        b0 = NAME(madd)(b0, y, w[0]);
        a1 = NAME(madd)(a1, x, w[1]);
        b1 = NAME(madd)(b1, y, w[1]);
        a2 = NAME(madd)(a2, x, w[2]);
        b2 = NAME(madd)(b2, y, w[2]);
        a3 = NAME(madd)(a3, x, w[3]);
        b3 = NAME(madd)(b3, y, w[3]);
    }
    acc0[0] = a0, acc0[1] = a1, acc0[2] = a2, acc0[3] = a3;
    acc1[0] = b0, acc1[1] = b1, acc1[2] = b2, acc1[3] = b3;
}

INLINE void NAME(start)(const int32_t *bias, v8i *acc) {
    const v8i zero = {0};
    for (int o = 0; o < TILE; o++) {
        acc[o] = zero + bias[o];
    }
}

/* ReLU, and two channels packed into one vector. */
INLINE void NAME(finish)(const v8i *acc, int32_t shift, v8i *out) {
    for (int o = 0; o < TILE; o += 2) {
        out[o / 2] = NAME(relu)(NAME(pack)(acc[o] >> shift, acc[o + 1] >> shift));
    }
}

/* The five taps of a channel pair, `step` vectors apart, at two times; weights Q15, sum of magnitudes at most 1. */
INLINE void NAME(depthwise)(const int32_t *weight, const v8i *x, size_t step, uint32_t n_pairs, v8i *out0, v8i *out1) {
    const v8i zero = {0};
    STAY_IN_MEMORY(weight);
    for (uint32_t p = 0; p < n_pairs; p++, x++, weight += 5) {
        v16s sum0 = (v16s)zero, sum1 = (v16s)zero;
        for (size_t k = 0; k < 5; k++) {
            const v8i w = zero + weight[k];
            sum0 += (v16s)NAME(mulhrs)(x[k * step], w);
            sum1 += (v16s)NAME(mulhrs)(x[k * step + n_pairs], w);
        }
        out0[p] = (v8i)sum0;
        out1[p] = (v8i)sum1;
    }
}

/* Adds x << shift to the sums of its two channels. */
INLINE void NAME(add_residual)(const v8i *x, int32_t shift, v8i *acc) {
    for (int o = 0; o < TILE; o += 2) {
        acc[o] = NAME(madd)(acc[o], x[o / 2], 1 << shift);
        acc[o + 1] = NAME(madd)(acc[o + 1], x[o / 2], 1 << (shift + 16));
    }
}

/* What the mean over the good leads adds to every output channel; weights are [output / 8][pair][8]. */
INLINE void NAME(mix)(const ol_wave_block *block, const v8i *x, v8i share, int32_t *bias) {
    v8i part[OL_WAVE_COARSE / 2];
    int32_t mean[OL_WAVE_COARSE / 2];
    for (uint32_t p = 0; p < OL_WAVE_COARSE / 2; p++) {
        part[p] = NAME(mulhrs)(x[p], share);
    }
    NAME(lane_sums)(part, mean);
    for (uint32_t o = 0; o < OL_WAVE_COARSE; o += 8) {
        v8i acc, w;
        memcpy(&acc, block->pw.bias + o, sizeof acc);
        for (uint32_t p = 0; p < OL_WAVE_COARSE / 2; p++) {
            memcpy(&w, block->mix + (o * OL_WAVE_COARSE / 2 + p * 8), sizeof w);
            acc = NAME(madd)(acc, w, mean[p]);
        }
        memcpy(bias + o, &acc, sizeof acc);
    }
}

/* A residual block over n times (even): five taps a channel, dense, plus what came in, ReLU. x[0] is the oldest
 * of the taps of the first output. `n_pairs` is the block's own, said again so that loops are unrolled. */
INLINE void NAME(block)(const ol_wave_block *block, uint32_t n_pairs, const v8i *x, uint32_t n, v8i share, v8i *out) {
    const size_t step = (size_t)block->dilation * n_pairs;
    v8i d0[OL_WAVE_COARSE / 2], d1[OL_WAVE_COARSE / 2], a[TILE], b[TILE];
    int32_t mixed0[OL_WAVE_COARSE], mixed1[OL_WAVE_COARSE];
    for (uint32_t t = 0; t < n; t += 2, x += 2 * n_pairs, out += 2 * n_pairs) {
        const v8i *c0 = x + 2 * step, *c1 = c0 + n_pairs;
        const int32_t *bias0 = block->pw.bias, *bias1 = block->pw.bias;
        NAME(depthwise)(block->taps, x, step, n_pairs, d0, d1);
        if (block->mix) {
            NAME(mix)(block, c0, share, mixed0);
            NAME(mix)(block, c1, share, mixed1);
            bias0 = mixed0, bias1 = mixed1;
        }
        for (uint32_t o = 0; o < 2 * n_pairs; o += TILE) {
            NAME(start)(bias0 + o, a);
            NAME(start)(bias1 + o, b);
            NAME(add_residual)(c0 + o / 2, block->pw.shift, a);
            NAME(add_residual)(c1 + o / 2, block->pw.shift, b);
            NAME(tile)(d0, d1, n_pairs, block->pw.weight + o * n_pairs, a, b);
            NAME(finish)(a, block->pw.shift, out + o / 2);
            NAME(finish)(b, block->pw.shift, out + n_pairs + o / 2);
        }
    }
}

/* Straight in three pieces: a up to 1, and a quarter and a sixteenth of it likewise. In and out Q11, 16 bits. */
INLINE v8i NAME(compress)(v8i x) {
    const v16s a = (v16s)NAME(clamp16)(x, -2048, 2048), b = (v16s)NAME(clamp16)((v8i)((v16s)x >> 2), -2048, 2048);
    return (v8i)(a + b + ((v16s)x >> 4));
}

INLINE void NAME(finish_patch)(const v8i *acc, v8i *out) {
    for (int o = 0; o < TILE; o += 2) {
        out[o / 2] = NAME(compress)(NAME(pack)(acc[o] >> ol_wave_patch_shift, acc[o + 1] >> ol_wave_patch_shift));
    }
}

/* Patches of 14 differences of 8 ms, one each 16 ms. */
INLINE void NAME(patches)(const v8i *diff, v8i *out) {
    enum { N_PAIRS = OL_WAVE_TAPS / 2, HALF = OL_WAVE_FINE / 2 };
    v8i a[TILE], b[TILE];
    for (uint32_t t = 0; t < OL_WAVE_STEPS; t += 2, diff += 2, out += 2 * HALF) {
        for (uint32_t o = 0; o < OL_WAVE_FINE; o += TILE) {
            NAME(start)(ol_wave_patch_bias + o, a);
            NAME(start)(ol_wave_patch_bias + o, b);
            NAME(tile)(diff, diff + 1, N_PAIRS, ol_wave_patch + o * N_PAIRS, a, b);
            NAME(finish_patch)(a, out + o / 2);
            NAME(finish_patch)(b, out + HALF + o / 2);
        }
    }
}

/* Two steps of 16 ms make one of 32 ms. */
INLINE void NAME(down)(const v8i *x, v8i *out) {
    enum { N_PAIRS = OL_WAVE_FINE, HALF = OL_WAVE_COARSE / 2 };
    v8i a[TILE], b[TILE];
    for (uint32_t t = 0; t < OL_WAVE_STEPS / 2; t += 2, x += 2 * N_PAIRS, out += 2 * HALF) {
        for (uint32_t o = 0; o < OL_WAVE_COARSE; o += TILE) {
            NAME(start)(ol_wave_down.bias + o, a);
            NAME(start)(ol_wave_down.bias + o, b);
            NAME(tile)(x, x + N_PAIRS, N_PAIRS, ol_wave_down.weight + o * N_PAIRS, a, b);
            NAME(finish)(a, ol_wave_down.shift, out + o / 2);
            NAME(finish)(b, ol_wave_down.shift, out + HALF + o / 2);
        }
    }
}

/* One step of 32 ms makes two of 16 ms, added to those that went down, which are Q11. */
INLINE void NAME(up)(const v8i *x, const v8i *skip, v8i *out) {
    enum { N_PAIRS = OL_WAVE_COARSE / 2, HALF = OL_WAVE_FINE / 2 };
    v8i a[TILE], b[TILE];
    for (uint32_t t = 0; t < OL_WAVE_STEPS / 2; t += 2, x += 2 * N_PAIRS, skip += 4 * HALF, out += 4 * HALF) {
        for (uint32_t o = 0; o < 2 * OL_WAVE_FINE; o += TILE) {
            NAME(start)(ol_wave_up.bias + o, a);
            NAME(start)(ol_wave_up.bias + o, b);
            NAME(add_residual)(skip + o / 2, ol_wave_up.shift - 2, a);
            NAME(add_residual)(skip + 2 * HALF + o / 2, ol_wave_up.shift - 2, b);
            NAME(tile)(x, x + N_PAIRS, N_PAIRS, ol_wave_up.weight + o * N_PAIRS, a, b);
            NAME(finish)(a, ol_wave_up.shift, out + o / 2);
            NAME(finish)(b, ol_wave_up.shift, out + 2 * HALF + o / 2);
        }
    }
}

/* Where the scores of a step go: six of P and T, then two of QRS at each of two times. */
INLINE void NAME(places)(ol_wave_scores *s, uint32_t step, int16_t **to) {
    for (uint32_t b = 0; b < 6; b++) {
        to[b] = s->slow[b][step];
    }
    for (uint32_t b = 0; b < 4; b++) {
        to[6 + b] = s->fast[b % 2][2 * step + b / 2];
    }
}

INLINE void NAME(head)(const v8i *x, v8i share, ol_wave_scores *s, uint32_t step) {
    enum { N_PAIRS = OL_WAVE_FINE / 2, N = 12 };
    v8i a[N], b[N];
    int16_t *to[10];
    for (uint32_t t = 0; t < OL_WAVE_STEPS; t += 2, x += 2 * N_PAIRS, step += 2) {
        for (uint32_t o = 0; o < N; o += TILE) {
            NAME(start)(ol_wave_head.bias + o, a + o);
            NAME(start)(ol_wave_head.bias + o, b + o);
            NAME(tile)(x, x + N_PAIRS, N_PAIRS, ol_wave_head.weight + o * N_PAIRS, a + o, b + o);
        }
        NAME(places)(s, step, to);
        NAME(put_scores)(a, ol_wave_head.shift, share, to, s->slow[6][step], s->fast[2][2 * step]);
        NAME(places)(s, step + 1, to);
        NAME(put_scores)(b, ol_wave_head.shift, share, to, s->slow[6][step + 1], s->fast[2][2 * step + 2]);
    }
}

#define ROWS(buffer) ((v8i *)(void *)(buffer))

/* `shares`, Q14, come by reference: vectors have no calling convention common to processors with and without AVX. */
TARGET static void NAME(forward)(ol_wave_net *net, const int32_t *shares, ol_wave_scores *scores, uint32_t step) {
    v8i share;
    memcpy(&share, shares, sizeof share);
    const v8i share15 = NAME(pack)(share * 2, share * 2); /* one lead alone: 32767 */
    v8i *skip = ROWS(net->fine) + OL_WAVE_SKIP * (OL_WAVE_FINE / 2);
    NAME(patches)(ROWS(net->diff), skip);
    v8i *in = ROWS(net->coarse);
    NAME(down)(skip, in + 4 * ol_wave_mid[0].dilation * (OL_WAVE_COARSE / 2));
    for (uint32_t k = 0; k < OL_WAVE_N_MID; k++) {
        const uint32_t history = 4 * ol_wave_mid[k].dilation;
        const uint32_t next = k + 1 < OL_WAVE_N_MID ? 4 * ol_wave_mid[k + 1].dilation : 0;
        v8i *out = in + (history + OL_WAVE_STEPS / 2) * (OL_WAVE_COARSE / 2);
        NAME(block)(&ol_wave_mid[k], OL_WAVE_COARSE / 2, in, OL_WAVE_STEPS / 2, share15, out + next * (OL_WAVE_COARSE / 2));
        in = out;
    }
    NAME(up)(in, ROWS(net->fine), ROWS(net->merged) + 4 * (OL_WAVE_FINE / 2));
    NAME(block)(&ol_wave_b2, OL_WAVE_FINE / 2, ROWS(net->merged), OL_WAVE_STEPS, share15, ROWS(net->last));
    NAME(head)(ROWS(net->last), share, scores, step);
}

#undef ROWS
#undef TILE
