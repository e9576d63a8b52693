/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing and checking a block; docs/SPEC.md, section 3, column "a reader, when it is wrong". */
#include "ol_block.h"

#include "bytes.h"
#include "ol_crc.h"
#include "rules.h"
#include <string.h>

#define FIXED_BYTES 12 /* what a newer major version may not change ... */
#define CRC_BYTES 4    /* ... beside the CRC at the header's end */
#define MUST_UNDERSTAND 0xff

static size_t header_bytes_of(const uint8_t *bytes) {
    return ol_get16(bytes + OL_BLOCK_HEADER_HEADER_BYTES);
}

static size_t block_bytes_of(const uint8_t *bytes) {
    return ol_get16(bytes + OL_BLOCK_HEADER_BLOCK_BYTES);
}

static size_t smallest_header(const uint8_t *bytes) {
    int ours = bytes[OL_BLOCK_HEADER_VERSION_MAJOR] == OL_VERSION_MAJOR;
    return ours ? OL_BLOCK_HEADER_SIZE : FIXED_BYTES + CRC_BYTES;
}

static uint32_t stored_header_crc(const uint8_t *bytes) {
    return ol_get32(bytes + header_bytes_of(bytes) - CRC_BYTES);
}

static uint32_t computed_header_crc(const uint8_t *bytes) {
    return ol_crc32(0, bytes, header_bytes_of(bytes) - CRC_BYTES);
}

static uint32_t computed_body_crc(const uint8_t *bytes) {
    return ol_crc32(0, bytes + header_bytes_of(bytes), block_bytes_of(bytes) - header_bytes_of(bytes));
}

/* Magic and lengths: after OL_OK the whole header can be read. */
static int check_frame(const uint8_t *bytes, size_t n) {
    if (memcmp(bytes, OL_BLOCK_MAGIC, n < 4 ? n : 4) != 0) {
        return OL_E_MAGIC;
    }
    if (n < FIXED_BYTES) {
        return OL_E_SHORT;
    }
    size_t header_bytes = header_bytes_of(bytes);
    size_t block_bytes = block_bytes_of(bytes);
    if (header_bytes < smallest_header(bytes) || header_bytes % 4 != 0 || header_bytes > block_bytes) {
        return OL_E_HEADER_BYTES;
    }
    if (block_bytes % 4 != 0 || block_bytes > OL_MAX_BLOCK_BYTES) {
        return OL_E_BLOCK_BYTES;
    }
    return n < header_bytes ? OL_E_SHORT : OL_OK;
}

static int check_fields(const ol_block_header *h) {
    if (h->n_frames > OL_MAX_FRAMES_PER_BLOCK) {
        return OL_E_N_FRAMES;
    }
    if (h->n_leads < 1 || h->n_leads > OL_MAX_LEADS) {
        return OL_E_N_LEADS;
    }
    if (h->rate_mhz == 0) {
        return OL_E_RATE;
    }
    if (h->step_nv_num == 0 || h->step_nv_den == 0) {
        return OL_E_STEP;
    }
    return h->payload_bytes > h->block_bytes - h->header_bytes ? OL_E_PAYLOAD_BYTES : OL_OK;
}

static void read_place(const uint8_t *p, ol_block_header *out) {
    out->version_major = p[OL_BLOCK_HEADER_VERSION_MAJOR];
    out->version_minor = p[OL_BLOCK_HEADER_VERSION_MINOR];
    out->header_bytes = ol_get16(p + OL_BLOCK_HEADER_HEADER_BYTES);
    out->block_bytes = ol_get16(p + OL_BLOCK_HEADER_BLOCK_BYTES);
    out->flags = ol_get16(p + OL_BLOCK_HEADER_FLAGS);
    out->block_number = ol_get32(p + OL_BLOCK_HEADER_BLOCK_NUMBER);
    out->first_frame = ol_get64(p + OL_BLOCK_HEADER_FIRST_FRAME);
    out->n_frames = ol_get16(p + OL_BLOCK_HEADER_N_FRAMES);
    memcpy(out->device_id, p + OL_BLOCK_HEADER_DEVICE_ID, sizeof out->device_id);
    memcpy(out->session_id, p + OL_BLOCK_HEADER_SESSION_ID, sizeof out->session_id);
    out->ring_seq = ol_get32(p + OL_BLOCK_HEADER_RING_SEQ);
    out->slot_sectors = p[OL_BLOCK_HEADER_SLOT_SECTORS];
    memcpy(out->chain_tag, p + OL_BLOCK_HEADER_CHAIN_TAG, sizeof out->chain_tag);
    out->payload_bytes = ol_get16(p + OL_BLOCK_HEADER_PAYLOAD_BYTES);
    out->ring_tag = ol_get16(p + OL_BLOCK_HEADER_RING_TAG);
    out->body_crc32 = ol_get32(p + OL_BLOCK_HEADER_BODY_CRC32);
    out->header_crc32 = stored_header_crc(p);
}

static void read_signal(const uint8_t *p, ol_block_header *out) {
    out->n_leads = p[OL_BLOCK_HEADER_N_LEADS];
    out->codec_id = p[OL_BLOCK_HEADER_CODEC_ID];
    out->rate_mhz = ol_get32(p + OL_BLOCK_HEADER_RATE_MHZ);
    out->step_nv_den = ol_get32(p + OL_BLOCK_HEADER_STEP_NV_DEN);
    out->step_nv_num = ol_get64(p + OL_BLOCK_HEADER_STEP_NV_NUM);
    memcpy(out->lead_ids, p + OL_BLOCK_HEADER_LEAD_IDS, sizeof out->lead_ids);
    out->gain = p[OL_BLOCK_HEADER_GAIN];
    out->shift = p[OL_BLOCK_HEADER_SHIFT];
    out->signal_source = p[OL_BLOCK_HEADER_SIGNAL_SOURCE];
    out->calibration_id = ol_get32(p + OL_BLOCK_HEADER_CALIBRATION_ID);
}

static void read_state(const uint8_t *p, ol_block_header *out) {
    out->anchor_frame = ol_get64(p + OL_BLOCK_HEADER_ANCHOR_FRAME);
    out->anchor_utc_us = (int64_t)ol_get64(p + OL_BLOCK_HEADER_ANCHOR_UTC_US);
    out->anchor_uncertainty_ms = ol_get32(p + OL_BLOCK_HEADER_ANCHOR_UNCERTAINTY_MS);
    out->lead_off = ol_get16(p + OL_BLOCK_HEADER_LEAD_OFF);
    out->saturated = p[OL_BLOCK_HEADER_SATURATED];
    out->inputs = p[OL_BLOCK_HEADER_INPUTS];
    out->battery_mv = ol_get16(p + OL_BLOCK_HEADER_BATTERY_MV);
    out->temperature_cdeg = (int16_t)ol_get16(p + OL_BLOCK_HEADER_TEMPERATURE_CDEG);
    out->write_last_ms = ol_get16(p + OL_BLOCK_HEADER_WRITE_LAST_MS);
    out->write_max_ms = ol_get16(p + OL_BLOCK_HEADER_WRITE_MAX_MS);
    out->frames_lost = ol_get32(p + OL_BLOCK_HEADER_FRAMES_LOST);
}

int ol_block_parse(const uint8_t *bytes, size_t n, ol_block_header *out) {
    int error = check_frame(bytes, n);
    if (error != OL_OK) {
        return error;
    }
    if (stored_header_crc(bytes) != computed_header_crc(bytes)) {
        return OL_E_HEADER_CRC;
    }
    if (bytes[OL_BLOCK_HEADER_VERSION_MAJOR] != OL_VERSION_MAJOR) {
        out->header_bytes = ol_get16(bytes + OL_BLOCK_HEADER_HEADER_BYTES);
        out->block_bytes = ol_get16(bytes + OL_BLOCK_HEADER_BLOCK_BYTES);
        return OL_E_VERSION;
    }
    read_place(bytes, out);
    read_signal(bytes, out);
    read_state(bytes, out);
    return check_fields(out);
}

int ol_block_readable(const ol_block_header *header) {
    if (header->flags & MUST_UNDERSTAND & ~OL_KNOWN_FLAGS) {
        return OL_E_FLAGS;
    }
    if (header->flags & OL_FLAG_ENCRYPTED) {
        return OL_E_ENCRYPTED;
    }
    return header->codec_id > OL_LAST_CODEC ? OL_E_CODEC : OL_OK;
}

int ol_block_check_body(const uint8_t *block, size_t n, const ol_block_header *header) {
    if (n < header->block_bytes) {
        return OL_E_SHORT;
    }
    size_t body_bytes = (size_t)header->block_bytes - header->header_bytes;
    uint32_t crc = ol_crc32(0, block + header->header_bytes, body_bytes);
    return crc == header->body_crc32 ? OL_OK : OL_E_BODY_CRC;
}

size_t ol_block_events_at(const ol_block_header *header) {
    return (size_t)header->header_bytes + header->payload_bytes;
}

/* How many bytes there should be, given that `n` are too few. */
static size_t bytes_wanted(const uint8_t *bytes, size_t n) {
    if (n < FIXED_BYTES) {
        return OL_BLOCK_HEADER_SIZE;
    }
    return n < header_bytes_of(bytes) ? header_bytes_of(bytes) : block_bytes_of(bytes);
}

static void explain_lengths(const uint8_t *bytes, size_t n, int error, uint64_t *expected, uint64_t *got) {
    switch (error) {
    case OL_E_SHORT:
        *expected = bytes_wanted(bytes, n);
        *got = n;
        break;
    case OL_E_HEADER_BYTES:
        *expected = smallest_header(bytes);
        *got = header_bytes_of(bytes);
        break;
    case OL_E_BLOCK_BYTES:
        *expected = OL_MAX_BLOCK_BYTES;
        *got = block_bytes_of(bytes);
        break;
    case OL_E_PAYLOAD_BYTES:
        *expected = block_bytes_of(bytes) - header_bytes_of(bytes);
        *got = ol_get16(bytes + OL_BLOCK_HEADER_PAYLOAD_BYTES);
        break;
    default:
        break;
    }
}

static void explain_fields(const uint8_t *bytes, int error, uint64_t *expected, uint64_t *got) {
    switch (error) {
    case OL_E_VERSION:
        *expected = OL_VERSION_MAJOR;
        *got = bytes[OL_BLOCK_HEADER_VERSION_MAJOR];
        break;
    case OL_E_N_FRAMES:
        *expected = OL_MAX_FRAMES_PER_BLOCK;
        *got = ol_get16(bytes + OL_BLOCK_HEADER_N_FRAMES);
        break;
    case OL_E_N_LEADS:
        *expected = OL_MAX_LEADS;
        *got = bytes[OL_BLOCK_HEADER_N_LEADS];
        break;
    case OL_E_FLAGS:
        *expected = OL_KNOWN_FLAGS;
        *got = ol_get16(bytes + OL_BLOCK_HEADER_FLAGS);
        break;
    case OL_E_CODEC:
        *expected = OL_LAST_CODEC;
        *got = bytes[OL_BLOCK_HEADER_CODEC_ID];
        break;
    default:
        break;
    }
}

static void explain_crc(const uint8_t *bytes, size_t n, int error, uint64_t *expected, uint64_t *got) {
    if (check_frame(bytes, n) != OL_OK) {
        return;
    }
    if (error == OL_E_HEADER_CRC) {
        *expected = stored_header_crc(bytes);
        *got = computed_header_crc(bytes);
    } else if (header_bytes_of(bytes) >= OL_BLOCK_HEADER_SIZE && n >= block_bytes_of(bytes)) {
        *expected = ol_get32(bytes + OL_BLOCK_HEADER_BODY_CRC32);
        *got = computed_body_crc(bytes);
    }
}

void ol_block_explain(const uint8_t *bytes, size_t n, int error, uint64_t *expected, uint64_t *got) {
    uint8_t head[OL_BLOCK_HEADER_SIZE] = {0};
    memcpy(head, bytes, n < sizeof head ? n : sizeof head);
    *expected = 0;
    *got = 0;
    if (error == OL_E_MAGIC) {
        *expected = ol_get32((const uint8_t *)OL_BLOCK_MAGIC);
        *got = ol_get32(head);
    } else if (error == OL_E_HEADER_CRC || error == OL_E_BODY_CRC) {
        explain_crc(bytes, n, error, expected, got);
    } else {
        explain_lengths(head, n, error, expected, got);
        explain_fields(head, error, expected, got);
    }
}
