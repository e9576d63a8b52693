/* SPDX-License-Identifier: Apache-2.0 */
/* The block (docs/SPEC.md, section 3): header, checks, events, sealing. */
#ifndef OL_BLOCK_H
#define OL_BLOCK_H

#include "ol_constants.h"
#include "ol_error.h"
#include <stddef.h>
#include <stdint.h>

/* The fields of the header, widest first so that there are no holes; names and units are the page's. */
typedef struct ol_block_header {
    uint64_t first_frame;
    uint64_t step_nv_num;
    uint64_t anchor_frame;
    int64_t anchor_utc_us;
    uint8_t device_id[8];
    uint8_t session_id[8];
    uint8_t lead_ids[OL_MAX_LEADS];
    uint8_t chain_tag[16];
    uint32_t block_number;
    uint32_t rate_mhz;
    uint32_t ring_seq;
    uint32_t step_nv_den;
    uint32_t anchor_uncertainty_ms;
    uint32_t frames_lost;
    uint32_t calibration_id;
    uint32_t body_crc32;
    uint32_t header_crc32;
    uint16_t header_bytes;
    uint16_t block_bytes;
    uint16_t flags;
    uint16_t n_frames;
    uint16_t lead_off;
    uint16_t battery_mv;
    int16_t temperature_cdeg;
    uint16_t write_last_ms;
    uint16_t write_max_ms;
    uint16_t payload_bytes;
    uint16_t ring_tag;
    uint8_t version_major;
    uint8_t version_minor;
    uint8_t n_leads;
    uint8_t codec_id;
    uint8_t gain;
    uint8_t shift;
    uint8_t signal_source;
    uint8_t slot_sectors;
    uint8_t saturated;
    uint8_t inputs;
} ol_block_header;

/* One event; `data` points into the block. */
typedef struct ol_event {
    const uint8_t *data;
    uint16_t frame_offset;
    uint8_t type;
    uint8_t length;
} ol_event;

/* Parse the header at `bytes`, of which `n` are there (the body need not be), and check all that makes it a block.
 * OL_OK, or the kind of the first rule broken. After OL_E_VERSION `out` holds header_bytes and block_bytes (skip them),
 * after any other error nothing. */
int ol_block_parse(const uint8_t *bytes, size_t n, ol_block_header *out);

/* What the rule named by `error` asked for and what stands at `bytes`, for a message: 0 and 0 where there is no number.
 * A slow path: CRCs are computed again. */
void ol_block_explain(const uint8_t *bytes, size_t n, int error, uint64_t *expected, uint64_t *got);

/* May this reader look into the body? OL_OK, OL_E_FLAGS, OL_E_ENCRYPTED or OL_E_CODEC. */
int ol_block_readable(const ol_block_header *header);

/* Are the body's bytes those that were sealed? OL_OK, OL_E_SHORT or OL_E_BODY_CRC. */
int ol_block_check_body(const uint8_t *block, size_t n, const ol_block_header *header);

/* Where the events of the block begin. */
size_t ol_block_events_at(const ol_block_header *header);

/* The event at `*at`, which moves on; events end at `end`. 1 for an event, 0 at the end of the list, OL_E_EVENT. */
int ol_event_next(const uint8_t *bytes, size_t end, size_t *at, ol_event *out);

/* Seal the block at `block`, which has room for `capacity` bytes, and whose payload (`payload_bytes`) stands at its
 * place already, 144 bytes in: write the header, copy the events behind the payload, pad, write both CRCs.
 * header_bytes, block_bytes, payload_bytes, the version and the CRCs of `header` are not looked at.
 * Returns the block's bytes, or OL_E_ARGUMENT, OL_E_RANGE (a field or the events break a rule) or OL_E_ROOM. */
int ol_block_seal(const ol_block_header *header, uint8_t *block, size_t capacity, size_t payload_bytes,
                  const uint8_t *events, size_t events_bytes);

#endif
