/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzz targets over seconds share: a promise that ends the run where it does not hold, and rows made of values. */
#ifndef OL_FUZZ_HELD_H
#define OL_FUZZ_HELD_H

#include "ol_front.h"
#include <stdlib.h>

static inline void require(int holds) {
    if (!holds) {
        abort();
    }
}

static inline float held_value(int v) {
    return v == 0x7ffd ? 1e7f : v == 0x7ffc ? -1e7f : (float)v;
}

/* Add `n_rows` rows of one value to `second`, so that a short input says something; each full second is taken. */
static inline void hold(ol_second *second, int v, int n_rows, int per_second, uint32_t n_leads, void (*take)(void)) {
    for (int i = 0; i < n_rows; i++) {
        float *row = second->rows[second->n_rows++];
        for (uint32_t k = 0; k < 8; k++) {
            row[k] = k >= n_leads ? 0 : held_value(v) * (k == 1 ? 0.3f : 1);
        }
        if (second->n_rows == per_second) {
            take();
        }
    }
}

#endif
