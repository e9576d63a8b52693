/* SPDX-License-Identifier: Apache-2.0 */
/* A heart to test with: bells for P, Q, R, S and T at given times. */
#ifndef OL_TEST_ECG_H
#define OL_TEST_ECG_H

#include <math.h>
#include <stddef.h>

/* Adds one beat with its R peak at `r_s` to lead `lead` of interleaved frames. */
static inline void add_beat(float *frames, size_t n_frames, size_t n_leads, size_t lead, double fs_hz, double r_s,
                            double size_uv) {
    static const double wave[5][3] = {/* s, s, share */
                                      {-0.16, 0.022, 0.12},
                                      {-0.028, 0.008, -0.12},
                                      {0, 0.011, 1},
                                      {0.03, 0.01, -0.25},
                                      {0.26, 0.045, 0.25}};
    const long first = (long)((r_s - 0.3) * fs_hz), last = (long)((r_s + 0.5) * fs_hz);
    for (long i = first > 0 ? first : 0; i < last && i < (long)n_frames; i++) {
        double sum = 0;
        for (size_t w = 0; w < 5; w++) {
            const double u = ((double)i / fs_hz - r_s - wave[w][0]) / wave[w][1];
            sum += wave[w][2] * exp(-0.5 * u * u);
        }
        frames[(size_t)i * n_leads + lead] += (float)(size_uv * sum);
    }
}

/* The same noise every time, -1 to 1. */
static inline float test_noise(unsigned *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return (float)(*seed >> 8) / 8388608.0f - 1.0f;
}

#endif
