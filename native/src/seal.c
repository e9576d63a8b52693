/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing a block: the strict side of docs/SPEC.md, section 3. */
#include "bytes.h"
#include "ol_block.h"
#include "ol_crc.h"
#include "rules.h"
#include <string.h>

static int all_zero(const uint8_t *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] != 0) {
            return 0;
        }
    }
    return 1;
}

/* The places in use are named, the others zero. */
static int leads_are_sound(const ol_block_header *h) {
    if (h->n_leads < 1 || h->n_leads > OL_MAX_LEADS) {
        return 0;
    }
    for (size_t i = 0; i < h->n_leads; i++) {
        if (h->lead_ids[i] == OL_LEAD_NONE) {
            return 0;
        }
    }
    return all_zero(h->lead_ids + h->n_leads, (size_t)(OL_MAX_LEADS - h->n_leads));
}

static int header_is_sound(const ol_block_header *h) {
    int tag_fits = (h->flags & OL_FLAG_CHAINED) || all_zero(h->chain_tag, sizeof h->chain_tag);
    return leads_are_sound(h) && tag_fits && h->n_frames <= OL_MAX_FRAMES_PER_BLOCK && h->rate_mhz != 0 &&
           h->step_nv_num != 0 && h->step_nv_den != 0 && h->codec_id <= OL_LAST_CODEC &&
           (h->flags & ~OL_KNOWN_FLAGS) == 0;
}

static int offset_is_sound(const ol_event *event, unsigned n_frames) {
    int at_end = event->frame_offset == n_frames && (n_frames == 0 || event->type == OL_EVENT_STOP);
    return event->frame_offset < n_frames || at_end;
}

/* Whole, in order of frame, within the block. */
static int events_are_sound(const uint8_t *events, size_t n, unsigned n_frames) {
    size_t at = 0;
    unsigned last = 0;
    ol_event event;
    int found;
    while ((found = ol_event_next(events, n, &at, &event)) > 0) {
        if (event.frame_offset < last || !offset_is_sound(&event, n_frames)) {
            return 0;
        }
        last = event.frame_offset;
    }
    return found == 0 && at == n;
}

static void write_place(uint8_t *p, const ol_block_header *h, size_t block_bytes, size_t payload_bytes) {
    memcpy(p, OL_BLOCK_MAGIC, 4);
    p[OL_BLOCK_HEADER_VERSION_MAJOR] = OL_VERSION_MAJOR;
    p[OL_BLOCK_HEADER_VERSION_MINOR] = OL_VERSION_MINOR;
    ol_put16(p + OL_BLOCK_HEADER_HEADER_BYTES, OL_BLOCK_HEADER_SIZE);
    ol_put16(p + OL_BLOCK_HEADER_BLOCK_BYTES, (uint16_t)block_bytes);
    ol_put16(p + OL_BLOCK_HEADER_FLAGS, h->flags);
    ol_put32(p + OL_BLOCK_HEADER_BLOCK_NUMBER, h->block_number);
    ol_put64(p + OL_BLOCK_HEADER_FIRST_FRAME, h->first_frame);
    ol_put16(p + OL_BLOCK_HEADER_N_FRAMES, h->n_frames);
    memcpy(p + OL_BLOCK_HEADER_DEVICE_ID, h->device_id, sizeof h->device_id);
    memcpy(p + OL_BLOCK_HEADER_SESSION_ID, h->session_id, sizeof h->session_id);
    ol_put32(p + OL_BLOCK_HEADER_RING_SEQ, h->ring_seq);
    p[OL_BLOCK_HEADER_SLOT_SECTORS] = h->slot_sectors;
    memcpy(p + OL_BLOCK_HEADER_CHAIN_TAG, h->chain_tag, sizeof h->chain_tag);
    ol_put16(p + OL_BLOCK_HEADER_PAYLOAD_BYTES, (uint16_t)payload_bytes);
    ol_put16(p + OL_BLOCK_HEADER_RING_TAG, h->ring_tag);
}

static void write_signal(uint8_t *p, const ol_block_header *h) {
    p[OL_BLOCK_HEADER_N_LEADS] = h->n_leads;
    p[OL_BLOCK_HEADER_CODEC_ID] = h->codec_id;
    ol_put32(p + OL_BLOCK_HEADER_RATE_MHZ, h->rate_mhz);
    ol_put32(p + OL_BLOCK_HEADER_STEP_NV_DEN, h->step_nv_den);
    ol_put64(p + OL_BLOCK_HEADER_STEP_NV_NUM, h->step_nv_num);
    memcpy(p + OL_BLOCK_HEADER_LEAD_IDS, h->lead_ids, sizeof h->lead_ids);
    p[OL_BLOCK_HEADER_GAIN] = h->gain;
    p[OL_BLOCK_HEADER_SHIFT] = h->shift;
    p[OL_BLOCK_HEADER_SIGNAL_SOURCE] = h->signal_source;
    ol_put32(p + OL_BLOCK_HEADER_CALIBRATION_ID, h->calibration_id);
}

static void write_state(uint8_t *p, const ol_block_header *h) {
    ol_put64(p + OL_BLOCK_HEADER_ANCHOR_FRAME, h->anchor_frame);
    ol_put64(p + OL_BLOCK_HEADER_ANCHOR_UTC_US, (uint64_t)h->anchor_utc_us);
    ol_put32(p + OL_BLOCK_HEADER_ANCHOR_UNCERTAINTY_MS, h->anchor_uncertainty_ms);
    ol_put16(p + OL_BLOCK_HEADER_LEAD_OFF, h->lead_off);
    p[OL_BLOCK_HEADER_SATURATED] = h->saturated;
    p[OL_BLOCK_HEADER_INPUTS] = h->inputs;
    ol_put16(p + OL_BLOCK_HEADER_BATTERY_MV, h->battery_mv);
    ol_put16(p + OL_BLOCK_HEADER_TEMPERATURE_CDEG, (uint16_t)h->temperature_cdeg);
    ol_put16(p + OL_BLOCK_HEADER_WRITE_LAST_MS, h->write_last_ms);
    ol_put16(p + OL_BLOCK_HEADER_WRITE_MAX_MS, h->write_max_ms);
    ol_put32(p + OL_BLOCK_HEADER_FRAMES_LOST, h->frames_lost);
}

static void write_crcs(uint8_t *p, size_t block_bytes) {
    uint32_t body = ol_crc32(0, p + OL_BLOCK_HEADER_SIZE, block_bytes - OL_BLOCK_HEADER_SIZE);
    ol_put32(p + OL_BLOCK_HEADER_BODY_CRC32, body);
    ol_put32(p + OL_BLOCK_HEADER_HEADER_CRC32, ol_crc32(0, p, OL_BLOCK_HEADER_HEADER_CRC32));
}

int ol_block_seal(const ol_block_header *header, uint8_t *block, size_t capacity, size_t payload_bytes,
                  const uint8_t *events, size_t events_bytes) {
    if (payload_bytes > OL_MAX_BLOCK_BYTES || events_bytes > OL_MAX_BLOCK_BYTES) {
        return OL_E_ROOM;
    }
    size_t used = OL_BLOCK_HEADER_SIZE + payload_bytes + events_bytes;
    size_t block_bytes = (used + 3) & ~(size_t)3;
    if (block_bytes > OL_MAX_BLOCK_BYTES || block_bytes > capacity) {
        return OL_E_ROOM;
    }
    int opaque = header->flags & OL_FLAG_ENCRYPTED;
    if (!header_is_sound(header) || (!opaque && !events_are_sound(events, events_bytes, header->n_frames))) {
        return OL_E_RANGE;
    }
    if (events_bytes > 0) {
        memmove(block + used - events_bytes, events, events_bytes);
    }
    memset(block + used, 0, block_bytes - used);
    write_place(block, header, block_bytes, payload_bytes);
    write_signal(block, header);
    write_state(block, header);
    write_crcs(block, block_bytes);
    return (int)block_bytes;
}
