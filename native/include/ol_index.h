/* SPDX-License-Identifier: Apache-2.0 */
/* Walk a range of blocks, back to back (an .olr file) or slot by slot (a segment file), by their headers. */
#ifndef OL_INDEX_H
#define OL_INDEX_H

#include "ol_block.h"

/* A block that was found. `body_error` is what ol_block_readable or the check of the body said. */
typedef struct ol_index_entry {
    uint64_t offset;
    ol_block_header header;
    int32_t body_error;
    uint32_t reserved;
} ol_index_entry;

/* Bytes that are not a sound block. `kind` is the error code of what stands at `offset`. */
typedef struct ol_damage {
    uint64_t offset;
    uint64_t length;
    uint64_t expected;
    uint64_t got;
    int32_t kind;
    uint32_t reserved;
} ol_damage;

/* A walk under way. `bytes` stay the caller's and must not move while it lasts. */
typedef struct ol_index {
    const uint8_t *bytes;
    size_t n_bytes;
    size_t stride;
    size_t at;
    size_t doubtful_at;    /* the last block whose body was not checked, and ... */
    size_t doubtful_bytes; /* ... its length; 0 if there is none */
    int check_bodies;
} ol_index;

/* Where a call of ol_index_walk puts what it finds. */
typedef struct ol_index_page {
    ol_index_entry *entries;
    size_t entries_room; /* at least 1 */
    size_t n_entries;
    ol_damage *damage;
    size_t damage_room; /* at least 2 */
    size_t n_damage;
} ol_index_page;

/* Begin at `first`. `stride` 0: back to back, `first` a multiple of 4; else the slot's size in bytes. */
int ol_index_init(ol_index *index, const uint8_t *bytes, size_t n_bytes, size_t stride, size_t first, int check_bodies);

/* Fill `page` (its counts start from 0). 1 if it ran full and the walk goes on with the next call, 0 at the end.
 *
 * Back to back: where no block stands, the next is looked for at multiples of 4, and what was passed over is reported,
 * a finding for each magic met on the way. A block that is cut, or whose body is damaged, may hide the next one inside
 * the bytes it claims (bytes were lost): those are searched too.
 *
 * Slots: a slot without the magic is nothing, and not reported; one with it that is not a sound block is. */
int ol_index_walk(ol_index *index, ol_index_page *page);

#endif
