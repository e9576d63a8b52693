/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32/ISO-HDLC (docs/SPEC.md, 1.3). */
#ifndef OL_CRC_H
#define OL_CRC_H

#include <stddef.h>
#include <stdint.h>

/* CRC of `bytes`, going on from `crc`, the CRC of what came before (0 for nothing). */
uint32_t ol_crc32(uint32_t crc, const uint8_t *bytes, size_t n);

/* The same without instructions of a particular processor; ol_crc32 uses it where there are none. */
uint32_t ol_crc32_portable(uint32_t crc, const uint8_t *bytes, size_t n);

#endif
