/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32 by folding with PCLMULQDQ: V. Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
 * Instruction", Intel, 2009. The constants are x^k mod P of its section 6, bit-reflected. */
#include "crc_x86.h"

#ifdef OL_CRC_X86

#include <immintrin.h>

#define FOLDING __attribute__((target("pclmul,sse4.1")))

int ol_crc_x86_available(void) {
    return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
}

FOLDING static __m128i load(const uint8_t *p) {
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* Move `x` as far as `keys` says and add `next`. */
FOLDING static __m128i fold(__m128i x, __m128i keys, __m128i next) {
    __m128i low = _mm_clmulepi64_si128(x, keys, 0x00);
    __m128i high = _mm_clmulepi64_si128(x, keys, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

/* 128 bits to 32: fold to 64, then Barrett's reduction. */
FOLDING static uint32_t reduce(__m128i x, __m128i keys_16) {
    const __m128i key_64 = _mm_set_epi64x(0, 0x163cd6124);
    const __m128i barrett = _mm_set_epi64x(0x1f7011641, 0x1db710641);
    const __m128i mask = _mm_set_epi32(0, -1, 0, -1);
    x = _mm_xor_si128(_mm_srli_si128(x, 8), _mm_clmulepi64_si128(x, keys_16, 0x10));
    x = _mm_xor_si128(_mm_srli_si128(x, 4), _mm_clmulepi64_si128(_mm_and_si128(x, mask), key_64, 0x00));
    __m128i q = _mm_clmulepi64_si128(_mm_and_si128(x, mask), barrett, 0x10);
    q = _mm_clmulepi64_si128(_mm_and_si128(q, mask), barrett, 0x00);
    return (uint32_t)_mm_extract_epi32(_mm_xor_si128(x, q), 1);
}

FOLDING uint32_t ol_crc_x86_fold(uint32_t crc, const uint8_t *bytes, size_t n) {
    const __m128i keys_64 = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
    const __m128i keys_16 = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
    __m128i x0 = _mm_xor_si128(load(bytes), _mm_cvtsi32_si128((int)~crc));
    __m128i x1 = load(bytes + 16);
    __m128i x2 = load(bytes + 32);
    __m128i x3 = load(bytes + 48);
    for (bytes += 64, n -= 64; n >= 64; bytes += 64, n -= 64) {
        x0 = fold(x0, keys_64, load(bytes));
        x1 = fold(x1, keys_64, load(bytes + 16));
        x2 = fold(x2, keys_64, load(bytes + 32));
        x3 = fold(x3, keys_64, load(bytes + 48));
    }
    x0 = fold(fold(fold(x0, keys_16, x1), keys_16, x2), keys_16, x3);
    for (; n >= 16; bytes += 16, n -= 16) {
        x0 = fold(x0, keys_16, load(bytes));
    }
    return ~reduce(x0, keys_16);
}

#else

typedef int ol_crc_x86_is_empty;

#endif
