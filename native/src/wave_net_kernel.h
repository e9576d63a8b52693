/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of the network of wave_net.c, included once for each kind of processor, which says how
 * two 16-bit products are summed: madd(acc, x, w), and how a Q15 product is rounded: mulhrs(x, w).
 * Both are exact integers, so every processor gives the same bits. */

/* out = clamp((bias + sum over pairs of x * w) >> shift), two output channels packed into one vector. */
INLINE v8i NAME(pack)(v8i even, v8i odd) {
    return (even & 0xffff) | (odd << 16);
}

INLINE v8i NAME(clamp)(v8i x) {
    const v8i zero = {0};
    const v8i top = zero + OL_WAVE_TOP;
    const v8i over = x > top;
    return (over & top) | (~over & x & (x > zero));
}

/* Four output channels at two times; weights are [output / 4][pair][4]. */
#define TILE 4

INLINE void NAME(tile)(const v8i *x0, const v8i *x1, uint32_t n_pairs, const int32_t *w, v8i *acc0, v8i *acc1) {
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

INLINE void NAME(finish)(const v8i *acc, int32_t shift, v8i *out) {
    for (int o = 0; o < TILE; o += 2) {
        out[o / 2] = NAME(pack)(NAME(clamp)(acc[o] >> shift), NAME(clamp)(acc[o + 1] >> shift));
    }
}

/* A dense layer: two times in, two times out, ReLU. x0, x1: n_in / 2 pairs each; out likewise. */
INLINE void NAME(dense2)(const ol_wave_dense *layer, const v8i *x0, const v8i *x1, v8i *out0, v8i *out1) {
    const uint32_t n_pairs = layer->n_in / 2;
    v8i a[TILE], b[TILE];
    for (uint32_t o = 0; o < layer->n_out; o += TILE) {
        NAME(start)(layer->bias + o, a);
        NAME(start)(layer->bias + o, b);
        NAME(tile)(x0, x1, n_pairs, layer->weight + o * n_pairs, a, b);
        NAME(finish)(a, layer->shift, out0 + o / 2);
        NAME(finish)(b, layer->shift, out1 + o / 2);
    }
}

/* The five taps of a channel pair, `step` vectors apart; weights Q15, sum of magnitudes at most 1. */
INLINE void NAME(depthwise)(const int32_t *weight, const v8i *x, size_t step, uint32_t n_pairs, v8i *out) {
    for (uint32_t p = 0; p < n_pairs; p++, x++, weight += 5) {
        v8i sum = NAME(mulhrs)(x[0], weight[0]);
        for (size_t k = 1; k < 5; k++) {
            sum = NAME(add16)(sum, NAME(mulhrs)(x[k * step], weight[k]));
        }
        out[p] = sum;
    }
}

INLINE void NAME(add_residual)(const v8i *x, int32_t shift, v8i *acc) {
    for (int o = 0; o < TILE; o += 2) {
        acc[o] += ((x[o / 2] << 16) >> 16) << shift;
        acc[o + 1] += (x[o / 2] >> 16) << shift;
    }
}

/* The mean over the good leads of each channel, packed in pairs; `share` is 2^14 by their number. */
INLINE void NAME(lead_mean)(const v8i *x, uint32_t n_pairs, v8i mask, int32_t share, int32_t *mean) {
    for (uint32_t p = 0; p < n_pairs; p++) {
        const v8i even = ((x[p] << 16) >> 16) & mask, odd = (x[p] >> 16) & mask;
        int32_t sum0 = 0, sum1 = 0;
        for (int k = 0; k < 8; k++) {
            sum0 += even[k];
            sum1 += odd[k];
        }
        mean[p] = (sum0 * share >> 14) | (sum1 * share >> 14) << 16;
    }
}

/* What the mean over leads adds to every output channel; weights are [output / 8][pair][8]. */
INLINE void NAME(mix)(const ol_wave_block *block, const int32_t *mean, int32_t *bias) {
    const uint32_t n_pairs = block->pw.n_in / 2;
    for (uint32_t o = 0; o < block->pw.n_out; o += 8) {
        v8i acc, w;
        memcpy(&acc, block->pw.bias + o, sizeof acc);
        for (uint32_t p = 0; p < n_pairs; p++) {
            memcpy(&w, block->mix + (o * n_pairs + p * 8), sizeof w);
            acc = NAME(madd)(acc, w, mean[p]);
        }
        memcpy(bias + o, &acc, sizeof acc);
    }
}

INLINE void NAME(block_bias)(const ol_wave_block *block, const v8i *x, v8i mask, int32_t share, int32_t *bias) {
    int32_t mean[OL_WAVE_MAX_CHANNELS / 2];
    if (block->mix) {
        NAME(lead_mean)(x, block->pw.n_in / 2, mask, share, mean);
        NAME(mix)(block, mean, bias);
    } else {
        memcpy(bias, block->pw.bias, block->pw.n_out * sizeof *bias);
    }
}

/* A residual block over n times (even): five taps a channel, dense, plus what came in, ReLU. x[0] is the oldest
 * of the taps of the first output. */
INLINE void NAME(block)(const ol_wave_block *block, const v8i *x, uint32_t n, v8i mask, int32_t share, v8i *out) {
    const uint32_t n_pairs = block->pw.n_in / 2, centre = 2 * block->dilation * n_pairs;
    const size_t step = (size_t)block->dilation * n_pairs;
    v8i d0[OL_WAVE_MAX_CHANNELS / 2], d1[OL_WAVE_MAX_CHANNELS / 2], a[TILE], b[TILE];
    int32_t bias0[OL_WAVE_MAX_CHANNELS], bias1[OL_WAVE_MAX_CHANNELS];
    for (uint32_t t = 0; t < n; t += 2, x += 2 * n_pairs, out += 2 * n_pairs) {
        const v8i *c0 = x + centre, *c1 = c0 + n_pairs;
        NAME(depthwise)(block->taps, x, step, n_pairs, d0);
        NAME(depthwise)(block->taps, x + n_pairs, step, n_pairs, d1);
        NAME(block_bias)(block, c0, mask, share, bias0);
        NAME(block_bias)(block, c1, mask, share, bias1);
        for (uint32_t o = 0; o < block->pw.n_out; o += TILE) {
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

/* a / (1 + |a|) of the sum over the patch, Q13. Division is exact to rounding, the same everywhere. */
INLINE v8i NAME(softsign)(v8i acc) {
    const v8f a = __builtin_convertvector(acc, v8f) * ol_wave_patch_scale;
    const v8f magnitude = (v8f)((v8i)a & 0x7fffffff);
    return __builtin_convertvector(a / (magnitude + 1.0f) * 8192.0f, v8i);
}

/* Patches of 24 differences, one each 16 ms, and the layer above them. */
INLINE void NAME(patches)(const v8i *diff, v8i *out) {
    enum { N_PAIRS = OL_WAVE_TAPS / 2, N = OL_WAVE_A };
    v8i a[TILE], b[TILE], s0[N / 2], s1[N / 2];
    for (uint32_t t = 0; t < OL_WAVE_STEPS; t += 2, diff += 4, out += OL_WAVE_B) {
        for (uint32_t o = 0; o < N; o += TILE) {
            NAME(start)(ol_wave_patch_bias + o, a);
            NAME(start)(ol_wave_patch_bias + o, b);
            NAME(tile)(diff, diff + 2, N_PAIRS, ol_wave_patch + o * N_PAIRS, a, b);
            for (uint32_t k = 0; k < TILE; k += 2) {
                s0[(o + k) / 2] = NAME(pack)(NAME(softsign)(a[k]), NAME(softsign)(a[k + 1]));
                s1[(o + k) / 2] = NAME(pack)(NAME(softsign)(b[k]), NAME(softsign)(b[k + 1]));
            }
        }
        NAME(dense2)(&ol_wave_inp, s0, s1, out, out + OL_WAVE_B / 2);
    }
}

/* Two steps of 16 ms make one of 32 ms. */
INLINE void NAME(down)(const v8i *x, v8i *out) {
    for (uint32_t t = 0; t < OL_WAVE_STEPS / 2; t += 2, x += 2 * OL_WAVE_B, out += OL_WAVE_C) {
        NAME(dense2)(&ol_wave_down, x, x + OL_WAVE_B, out, out + OL_WAVE_C / 2);
    }
}

/* One step of 32 ms makes two of 16 ms, added to those that went down. */
INLINE void NAME(up)(const v8i *x, const v8i *skip, v8i *out) {
    enum { N_PAIRS = OL_WAVE_C / 2, HALF = OL_WAVE_B / 2 };
    v8i a[TILE], b[TILE];
    for (uint32_t t = 0; t < OL_WAVE_STEPS / 2; t += 2, x += 2 * N_PAIRS, skip += 4 * HALF, out += 4 * HALF) {
        for (uint32_t o = 0; o < 2 * OL_WAVE_B; o += TILE) {
            NAME(start)(ol_wave_up.bias + o, a);
            NAME(start)(ol_wave_up.bias + o, b);
            NAME(add_residual)(skip + o / 2, ol_wave_up.shift, a);
            NAME(add_residual)(skip + 2 * HALF + o / 2, ol_wave_up.shift, b);
            NAME(tile)(x, x + N_PAIRS, N_PAIRS, ol_wave_up.weight + o * N_PAIRS, a, b);
            NAME(finish)(a, ol_wave_up.shift, out + o / 2);
            NAME(finish)(b, ol_wave_up.shift, out + 2 * HALF + o / 2);
        }
    }
}

/* Scores: [step][phase][boundary], a vector of leads each, in natural units. */
INLINE void NAME(head)(const v8i *x, v8f *out) {
    enum { N_PAIRS = OL_WAVE_B / 2, N = 2 * OL_WAVE_N_BOUNDARIES };
    v8i a[TILE], b[TILE];
    for (uint32_t t = 0; t < OL_WAVE_STEPS; t += 2, x += 2 * N_PAIRS, out += 2 * N) {
        for (uint32_t o = 0; o < N; o += TILE) {
            NAME(start)(ol_wave_head.bias + o, a);
            NAME(start)(ol_wave_head.bias + o, b);
            NAME(tile)(x, x + N_PAIRS, N_PAIRS, ol_wave_head.weight + o * N_PAIRS, a, b);
            for (uint32_t k = 0; k < TILE; k++) {
                out[o + k] = __builtin_convertvector(a[k], v8f) * ol_wave_head_scale;
                out[N + o + k] = __builtin_convertvector(b[k], v8f) * ol_wave_head_scale;
            }
        }
    }
}

#define ROWS(buffer) ((v8i *)(void *)(buffer))

/* The mask comes by reference: vectors have no calling convention common to processors with and without AVX. */
TARGET static void NAME(forward)(ol_wave_net *net, const int32_t *lanes, int32_t share, float *result) {
    v8i mask;
    memcpy(&mask, lanes, sizeof mask);
    v8f *scores = (v8f *)(void *)result;
    v8i *skip = ROWS(net->fine) + OL_WAVE_SKIP * (OL_WAVE_B / 2);
    NAME(patches)(ROWS(net->diff), ROWS(net->patch) + 4 * (OL_WAVE_B / 2));
    NAME(block)(&ol_wave_b1, ROWS(net->patch), OL_WAVE_STEPS, mask, share, skip);
    v8i *in = ROWS(net->coarse);
    NAME(down)(skip, in + 4 * ol_wave_mid[0].dilation * (OL_WAVE_C / 2));
    for (uint32_t k = 0; k < OL_WAVE_N_MID; k++) {
        const uint32_t history = 4 * ol_wave_mid[k].dilation;
        const uint32_t next = k + 1 < OL_WAVE_N_MID ? 4 * ol_wave_mid[k + 1].dilation : 0;
        v8i *out = in + (history + OL_WAVE_STEPS / 2) * (OL_WAVE_C / 2);
        NAME(block)(&ol_wave_mid[k], in, OL_WAVE_STEPS / 2, mask, share, out + next * (OL_WAVE_C / 2));
        in = out;
    }
    NAME(up)(in, ROWS(net->fine), ROWS(net->merged) + 4 * (OL_WAVE_B / 2));
    NAME(block)(&ol_wave_b2, ROWS(net->merged), OL_WAVE_STEPS, mask, share, ROWS(net->last));
    NAME(head)(ROWS(net->last), scores);
}

#undef ROWS
#undef TILE
