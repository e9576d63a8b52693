/* SPDX-License-Identifier: Apache-2.0 */
/* Little-endian integers at any address. Compilers make one load or store of each. */
#ifndef OL_BYTES_H
#define OL_BYTES_H

#include <stdint.h>

static inline uint16_t ol_get16(const uint8_t *p) {
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t ol_get32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t ol_get64(const uint8_t *p) {
    return ol_get32(p) | (uint64_t)ol_get32(p + 4) << 32;
}

static inline void ol_put16(uint8_t *p, uint16_t value) {
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
}

static inline void ol_put32(uint8_t *p, uint32_t value) {
    ol_put16(p, (uint16_t)value);
    ol_put16(p + 2, (uint16_t)(value >> 16));
}

static inline void ol_put64(uint8_t *p, uint64_t value) {
    ol_put32(p, (uint32_t)value);
    ol_put32(p + 4, (uint32_t)(value >> 32));
}

#endif
