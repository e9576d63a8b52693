/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32 by slicing-by-8: eight bytes a step, one table look-up each (Kounavis and Berry, 2008,
 * doi:10.1109/TC.2008.85), and the choice of the processor's own instructions where crc_x86.c has them. */
#include "ol_crc.h"

#include "bytes.h"
#include "crc_x86.h"

/* The CRC is linear over GF(2): the entry for byte n is the XOR of the entries for its bits. These are the entries for
 * one bit; the compiler makes the tables of 256 from them. BASIS_k is BASIS_0 moved k zero bytes further. */
#define BASIS_0 0x77073096u, 0xee0e612cu, 0x076dc419u, 0x0edb8832u, 0x1db71064u, 0x3b6e20c8u, 0x76dc4190u, 0xedb88320u
#define BASIS_1 0x191b3141u, 0x32366282u, 0x646cc504u, 0xc8d98a08u, 0x4ac21251u, 0x958424a2u, 0xf0794f05u, 0x3b83984bu
#define BASIS_2 0x01c26a37u, 0x0384d46eu, 0x0709a8dcu, 0x0e1351b8u, 0x1c26a370u, 0x384d46e0u, 0x709a8dc0u, 0xe1351b80u
#define BASIS_3 0xb8bc6765u, 0xaa09c88bu, 0x8f629757u, 0xc5b428efu, 0x5019579fu, 0xa032af3eu, 0x9b14583du, 0xed59b63bu
#define BASIS_4 0x3d6029b0u, 0x7ac05360u, 0xf580a6c0u, 0x30704bc1u, 0x60e09782u, 0xc1c12f04u, 0x58f35849u, 0xb1e6b092u
#define BASIS_5 0xcb5cd3a5u, 0x4dc8a10bu, 0x9b914216u, 0xec53826du, 0x03d6029bu, 0x07ac0536u, 0x0f580a6cu, 0x1eb014d8u
#define BASIS_6 0xa6770bb4u, 0x979f1129u, 0xf44f2413u, 0x33ef4e67u, 0x67de9cceu, 0xcfbd399cu, 0x440b7579u, 0x8816eaf2u
#define BASIS_7 0xccaa009eu, 0x4225077du, 0x844a0efau, 0xd3e51bb5u, 0x7cbb312bu, 0xf9766256u, 0x299dc2edu, 0x533b85dau

#define BIT(n, k, word) ((((unsigned)(n) >> (k)) & 1u) ? (word) : 0u)
#define MIX(n, b0, b1, b2, b3, b4, b5, b6, b7)                                                                       \
    (BIT(n, 0, b0) ^ BIT(n, 1, b1) ^ BIT(n, 2, b2) ^ BIT(n, 3, b3) ^ BIT(n, 4, b4) ^ BIT(n, 5, b5) ^ BIT(n, 6, b6) ^ \
     BIT(n, 7, b7))
#define MIX_LIST(n, ...) MIX(n, __VA_ARGS__)
#define ENTRY(n, slice) MIX_LIST(n, BASIS_##slice)
#define ROW4(n, s) ENTRY(n, s), ENTRY((n) + 1, s), ENTRY((n) + 2, s), ENTRY((n) + 3, s)
#define ROW16(n, s) ROW4(n, s), ROW4((n) + 4, s), ROW4((n) + 8, s), ROW4((n) + 12, s)
#define ROW64(n, s) ROW16(n, s), ROW16((n) + 16, s), ROW16((n) + 32, s), ROW16((n) + 48, s)
#define TABLE(s) {ROW64(0, s), ROW64(64, s), ROW64(128, s), ROW64(192, s)}

static const uint32_t slices[8][256] = {TABLE(0), TABLE(1), TABLE(2), TABLE(3), TABLE(4), TABLE(5), TABLE(6), TABLE(7)};

static uint32_t eight_bytes(uint32_t state, const uint8_t *p) {
    uint32_t low = state ^ ol_get32(p);
    uint32_t high = ol_get32(p + 4);
    return slices[7][low & 255] ^ slices[6][low >> 8 & 255] ^ slices[5][low >> 16 & 255] ^ slices[4][low >> 24] ^
           slices[3][high & 255] ^ slices[2][high >> 8 & 255] ^ slices[1][high >> 16 & 255] ^ slices[0][high >> 24];
}

uint32_t ol_crc32_portable(uint32_t crc, const uint8_t *bytes, size_t n) {
    uint32_t state = ~crc;
    for (; n >= 8; n -= 8, bytes += 8) {
        state = eight_bytes(state, bytes);
    }
    for (; n > 0; n--, bytes++) {
        state = state >> 8 ^ slices[0][(state ^ *bytes) & 255];
    }
    return ~state;
}

#ifdef OL_CRC_X86

uint32_t ol_crc32(uint32_t crc, const uint8_t *bytes, size_t n) {
    if (n >= OL_CRC_X86_MIN_BYTES && ol_crc_x86_available()) {
        size_t folded = n & ~(size_t)15;
        crc = ol_crc_x86_fold(crc, bytes, folded);
        bytes += folded;
        n -= folded;
    }
    return ol_crc32_portable(crc, bytes, n);
}

#else

uint32_t ol_crc32(uint32_t crc, const uint8_t *bytes, size_t n) {
    return ol_crc32_portable(crc, bytes, n);
}

#endif
