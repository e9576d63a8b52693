/* SPDX-License-Identifier: Apache-2.0 */
#include "raw24.h"

#include "ol_error.h"

#define VALUE_BYTES 3
#define SIGN 0x800000
#define MASK 0xffffffu

/* The payload is exact, or filled with zeros to a multiple of 4. */
static int length_is_sound(const uint8_t *payload, size_t payload_bytes, size_t used) {
    if (payload_bytes < used || (payload_bytes > used && payload_bytes != ((used + 3) & ~(size_t)3))) {
        return 0;
    }
    uint8_t rest = 0;
    for (size_t i = used; i < payload_bytes; i++) {
        rest |= payload[i];
    }
    return rest == 0;
}

int ol_raw24_decode(const uint8_t *payload, size_t payload_bytes, size_t n_values, int32_t *out) {
    if (!length_is_sound(payload, payload_bytes, VALUE_BYTES * n_values)) {
        return OL_E_PAYLOAD;
    }
    for (size_t i = 0; i < n_values; i++, payload += VALUE_BYTES) {
        int32_t bits = payload[0] | payload[1] << 8 | payload[2] << 16;
        out[i] = (bits ^ SIGN) - SIGN;
    }
    return OL_OK;
}

int ol_raw24_encode(const int32_t *values, size_t n_values, uint8_t *payload) {
    uint32_t over = 0;
    for (size_t i = 0; i < n_values; i++, payload += VALUE_BYTES) {
        uint32_t bits = (uint32_t)values[i];
        over |= (bits + SIGN) & ~MASK;
        payload[0] = (uint8_t)bits;
        payload[1] = (uint8_t)(bits >> 8);
        payload[2] = (uint8_t)(bits >> 16);
    }
    return over == 0 ? OL_OK : OL_E_RANGE;
}
