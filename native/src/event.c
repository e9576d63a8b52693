/* SPDX-License-Identifier: Apache-2.0 */
/* The events of a block; docs/SPEC.md, section 3.2. */
#include "bytes.h"
#include "ol_block.h"

int ol_event_next(const uint8_t *bytes, size_t end, size_t *at, ol_event *out) {
    if (*at >= end || bytes[*at] == OL_EVENT_END) {
        return 0;
    }
    size_t left = end - *at;
    const uint8_t *p = bytes + *at;
    if (left < OL_EVENT_HEADER_SIZE || left - OL_EVENT_HEADER_SIZE < p[OL_EVENT_HEADER_LENGTH]) {
        return OL_E_EVENT;
    }
    out->type = p[OL_EVENT_HEADER_TYPE];
    out->length = p[OL_EVENT_HEADER_LENGTH];
    out->frame_offset = ol_get16(p + OL_EVENT_HEADER_FRAME_OFFSET);
    out->data = p + OL_EVENT_HEADER_SIZE;
    *at += OL_EVENT_HEADER_SIZE + (size_t)out->length;
    return 1;
}
