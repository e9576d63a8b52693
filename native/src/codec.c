/* SPDX-License-Identifier: Apache-2.0 */
/* The codec of each id, and decoding of whole blocks. */
#include "ol_codec.h"

#include "raw24.h"

static int layout_is_sound(const ol_layout *layout) {
    return layout->n_leads >= 1 && layout->n_leads <= OL_MAX_LEADS && layout->rate_mhz != 0;
}

/* The codec's own number of each lead that it knows: I, II, V1 to V6. */
static void adaptive_leads(const ol_layout *layout, uint8_t *leads) {
    static const uint8_t known[] = {OL_LEAD_I,  OL_LEAD_II, OL_LEAD_V1, OL_LEAD_V2,
                                    OL_LEAD_V3, OL_LEAD_V4, OL_LEAD_V5, OL_LEAD_V6};
    for (size_t i = 0; i < layout->n_leads; i++) {
        leads[i] = OL_ADAPTIVE_UNKNOWN;
        for (uint8_t k = 0; k < sizeof known; k++) {
            if (layout->lead_ids[i] == known[k]) {
                leads[i] = k;
            }
        }
    }
}

void ol_decoder_init(ol_decoder *decoder) {
    ol_adaptive_tables_init(&decoder->adaptive);
}

static int decode_adaptive(const ol_decoder *decoder, const ol_layout *layout, const uint8_t *payload,
                           size_t payload_bytes, size_t n_frames, int32_t *out) {
    uint8_t leads[OL_MAX_LEADS];
    adaptive_leads(layout, leads);
    return ol_adaptive_decode(&decoder->adaptive, payload, payload_bytes, layout->n_leads, leads, layout->rate_mhz,
                              (uint32_t)n_frames, out);
}

int ol_payload_decode(const ol_decoder *decoder, int codec_id, const ol_layout *layout, const uint8_t *payload,
                      size_t payload_bytes, size_t n_frames, int32_t *out) {
    if (!layout_is_sound(layout) || n_frames > OL_MAX_FRAMES_PER_BLOCK) {
        return OL_E_ARGUMENT;
    }
    switch (codec_id) {
    case OL_CODEC_RAW24:
        return ol_raw24_decode(payload, payload_bytes, n_frames * layout->n_leads, out);
    case OL_CODEC_ADAPTIVE:
        return decode_adaptive(decoder, layout, payload, payload_bytes, n_frames, out);
    default:
        return OL_E_CODEC;
    }
}

static int begin_adaptive(ol_encoder *encoder, size_t chunk_frames) {
    uint8_t leads[OL_MAX_LEADS];
    adaptive_leads(&encoder->layout, leads);
    return ol_adaptive_begin(&encoder->adaptive, encoder->layout.n_leads, leads, encoder->layout.rate_mhz,
                             (uint32_t)chunk_frames, encoder->payload, encoder->room);
}

int ol_encoder_init(ol_encoder *encoder, int codec_id, const ol_layout *layout, uint8_t *payload, size_t room) {
    if (!layout_is_sound(layout)) {
        return OL_E_ARGUMENT;
    }
    encoder->layout = *layout;
    encoder->codec_id = codec_id;
    encoder->payload = payload;
    encoder->room = room;
    encoder->used = 0;
    encoder->n_frames = 0;
    switch (codec_id) {
    case OL_CODEC_RAW24:
        encoder->room &= ~(size_t)3; /* so that there is room to fill up with zeros */
        return OL_OK;
    case OL_CODEC_ADAPTIVE:
        return begin_adaptive(encoder, OL_ADAPTIVE_CHUNK_FRAMES);
    default:
        return OL_E_CODEC;
    }
}

int ol_encoder_set_chunk(ol_encoder *encoder, size_t frames) {
    if (frames < 1 || frames > OL_ADAPTIVE_CHUNK_FRAMES || encoder->n_frames != 0) {
        return OL_E_ARGUMENT;
    }
    return encoder->codec_id == OL_CODEC_ADAPTIVE ? begin_adaptive(encoder, frames) : OL_OK;
}

static int push_raw24(ol_encoder *encoder, const int32_t *frames, size_t n_frames) {
    size_t frame_bytes = (size_t)3 * encoder->layout.n_leads;
    size_t fit = (encoder->room - encoder->used) / frame_bytes;
    size_t taken = fit < n_frames ? fit : n_frames;
    int error = ol_raw24_encode(frames, taken * encoder->layout.n_leads, encoder->payload + encoder->used);
    if (error != OL_OK) {
        return error;
    }
    encoder->used += taken * frame_bytes;
    return (int)taken;
}

int ol_encoder_push(ol_encoder *encoder, const int32_t *frames, size_t n_frames) {
    size_t left = OL_MAX_FRAMES_PER_BLOCK - encoder->n_frames;
    size_t most = n_frames < left ? n_frames : left;
    int taken = encoder->codec_id == OL_CODEC_RAW24 ? push_raw24(encoder, frames, most)
                                                    : (int)ol_adaptive_push(&encoder->adaptive, frames, most);
    if (taken > 0) {
        encoder->n_frames += (size_t)taken;
    }
    return taken;
}

static size_t finish_raw24(ol_encoder *encoder) {
    while (encoder->used % 4 != 0) {
        encoder->payload[encoder->used++] = 0;
    }
    return encoder->used;
}

int ol_encoder_finish(ol_encoder *encoder) {
    size_t n = encoder->codec_id == OL_CODEC_RAW24 ? finish_raw24(encoder) : ol_adaptive_finish(&encoder->adaptive);
    return (int)n;
}

static ol_layout layout_of(const ol_block_header *header) {
    ol_layout layout = {.rate_mhz = header->rate_mhz, .n_leads = header->n_leads};
    for (int i = 0; i < OL_MAX_LEADS; i++) {
        layout.lead_ids[i] = header->lead_ids[i];
    }
    return layout;
}

/* Everything that can be wrong with a block but its payload. */
static int open_block(const uint8_t *block, size_t n, ol_block_header *header) {
    int error = ol_block_parse(block, n, header);
    if (error == OL_OK) {
        error = ol_block_check_body(block, n, header);
    }
    return error != OL_OK ? error : ol_block_readable(header);
}

static int decode_body(const ol_decoder *decoder, const uint8_t *block, const ol_block_header *header, int32_t *out,
                       size_t out_room) {
    if ((size_t)header->n_frames * header->n_leads > out_room) {
        return OL_E_ROOM;
    }
    ol_layout layout = layout_of(header);
    int error = ol_payload_decode(decoder, header->codec_id, &layout, block + header->header_bytes,
                                  header->payload_bytes, header->n_frames, out);
    return error != OL_OK ? error : header->n_frames;
}

int ol_block_decode(const ol_decoder *decoder, const uint8_t *block, size_t n, int32_t *out, size_t out_room) {
    ol_block_header header;
    int error = open_block(block, n, &header);
    return error != OL_OK ? error : decode_body(decoder, block, &header, out, out_room);
}

/* Where a range of blocks is decoded to. */
typedef struct range_out {
    int32_t *values;
    size_t n_frames;
    int n_leads;
} range_out;

static int decode_at(const ol_decoder *decoder, const uint8_t *block, size_t n, const range_out *out, uint64_t place) {
    ol_block_header header;
    int error = open_block(block, n, &header);
    if (error != OL_OK) {
        return error;
    }
    if (header.n_leads != out->n_leads) {
        return OL_E_N_LEADS;
    }
    if (place > out->n_frames) {
        return OL_E_ROOM;
    }
    size_t first = (size_t)place * header.n_leads;
    return decode_body(decoder, block, &header, out->values + first, out->n_frames * header.n_leads - first);
}

size_t ol_blocks_decode(const ol_decoder *decoder, const uint8_t *bytes, size_t n_bytes, const uint64_t *offsets,
                        const uint64_t *places, size_t n_blocks, int n_leads, int32_t *out, size_t out_frames,
                        int32_t *status) {
    const range_out range = {out, out_frames, n_leads};
    size_t n_errors = 0;
    for (size_t i = 0; i < n_blocks; i++) {
        status[i] = OL_E_ARGUMENT;
        if (offsets[i] < n_bytes) {
            size_t at = (size_t)offsets[i];
            status[i] = decode_at(decoder, bytes + at, n_bytes - at, &range, places[i]);
        }
        n_errors += status[i] < 0;
    }
    return n_errors;
}
