/* SPDX-License-Identifier: Apache-2.0 */
/* Codec 0 (docs/SPEC.md, 4.1). */
#ifndef OL_RAW24_H
#define OL_RAW24_H

#include <stddef.h>
#include <stdint.h>

int ol_raw24_decode(const uint8_t *payload, size_t payload_bytes, size_t n_values, int32_t *out);

/* Writes 3 * n_values bytes. OL_OK, or OL_E_RANGE if a value takes more than 24 bits. */
int ol_raw24_encode(const int32_t *values, size_t n_values, uint8_t *payload);

#endif
