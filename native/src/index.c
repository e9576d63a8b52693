/* SPDX-License-Identifier: Apache-2.0 */
/* Walking a range of blocks; docs/SPEC.md, sections 2 and 5. */
#include "ol_index.h"

#include <string.h>

#define ALIGNMENT 4
#define MAX_FINDINGS_A_STEP 2

static void add_damage(const ol_index *index, ol_index_page *page, size_t at, size_t length, int kind) {
    ol_damage *damage = &page->damage[page->n_damage++];
    damage->offset = at;
    damage->length = length;
    damage->kind = kind;
    damage->reserved = 0;
    ol_block_explain(index->bytes + at, index->n_bytes - at, kind, &damage->expected, &damage->got);
}

static void add_entry(ol_index_page *page, size_t at, const ol_block_header *header, int body_error) {
    ol_index_entry *entry = &page->entries[page->n_entries++];
    entry->offset = at;
    entry->header = *header;
    entry->body_error = body_error;
    entry->reserved = 0;
}

/* Is there a block at `at` of which no byte lies beyond `room` bytes? */
static int probe(const ol_index *index, size_t at, size_t room, ol_block_header *header) {
    int error = ol_block_parse(index->bytes + at, room, header);
    if (error != OL_OK) {
        return error;
    }
    return header->block_bytes > room ? OL_E_SHORT : OL_OK;
}

static size_t find_magic(const ol_index *index, size_t from, size_t end) {
    uint32_t magic;
    memcpy(&magic, OL_BLOCK_MAGIC, sizeof magic);
    for (size_t at = from; at < end && end - at >= sizeof magic; at += ALIGNMENT) {
        uint32_t word;
        memcpy(&word, index->bytes + at, sizeof word);
        if (word == magic) {
            return at;
        }
    }
    return end;
}

/* The first sound block that begins before `end`, or `end`. */
static size_t find_block(const ol_index *index, size_t from, size_t end) {
    ol_block_header header;
    size_t at = find_magic(index, from, end);
    while (at < end && probe(index, at, index->n_bytes - at, &header) != OL_OK) {
        at = find_magic(index, at + ALIGNMENT, end);
    }
    return at;
}

/* The body at `at` is damaged: report it, and go on at a block inside the bytes it claims, or behind them. */
static void leave_damaged_body(ol_index *index, ol_index_page *page, size_t at, size_t block_bytes) {
    index->at = find_block(index, at + ALIGNMENT, at + block_bytes);
    index->doubtful_bytes = 0;
    add_damage(index, page, at, index->at - at, OL_E_BODY_CRC);
}

/* Readable and, if asked for, undamaged? Damage goes before refusal: it is the more useful thing to know. */
static int judge_body(const ol_index *index, size_t at, const ol_block_header *header) {
    if (index->check_bodies) {
        int error = ol_block_check_body(index->bytes + at, index->n_bytes - at, header);
        if (error != OL_OK) {
            return error;
        }
    }
    return ol_block_readable(header);
}

static void take_block(ol_index *index, ol_index_page *page, const ol_block_header *header) {
    size_t at = index->at;
    int body_error = judge_body(index, at, header);
    add_entry(page, at, header, body_error);
    if (body_error == OL_E_BODY_CRC) {
        leave_damaged_body(index, page, at, header->block_bytes);
        return;
    }
    index->at = at + header->block_bytes;
    index->doubtful_at = at;
    index->doubtful_bytes = index->check_bodies ? 0 : header->block_bytes;
}

/* No block stands where the one before says that it ends. Is that one sound? 1 if the walk goes on inside it. */
static int doubt_block_before(ol_index *index, ol_index_page *page) {
    ol_block_header header;
    size_t at = index->doubtful_at;
    size_t end = index->at;
    if (index->doubtful_bytes == 0) {
        return 0;
    }
    index->doubtful_bytes = 0;
    if (ol_block_parse(index->bytes + at, index->n_bytes - at, &header) != OL_OK ||
        ol_block_check_body(index->bytes + at, index->n_bytes - at, &header) == OL_OK) {
        return 0;
    }
    leave_damaged_body(index, page, at, header.block_bytes);
    return index->at != end;
}

/* Pass over what is no block, up to the next magic. */
static void pass_over(ol_index *index, ol_index_page *page, int error, const ol_block_header *header) {
    size_t at = index->at;
    size_t left = index->n_bytes - at;
    size_t length = left;
    if (error == OL_E_VERSION) {
        length = header->block_bytes < left ? header->block_bytes : left;
    } else if (left > ALIGNMENT) {
        length = find_magic(index, at + ALIGNMENT, index->n_bytes) - at;
    }
    add_damage(index, page, at, length, error);
    index->at = at + length;
}

static void step_back_to_back(ol_index *index, ol_index_page *page) {
    ol_block_header header;
    int error = probe(index, index->at, index->n_bytes - index->at, &header);
    if (error == OL_OK) {
        take_block(index, page, &header);
    } else if (!doubt_block_before(index, page)) {
        pass_over(index, page, error, &header);
    }
}

static void read_slot(const ol_index *index, ol_index_page *page, size_t room) {
    ol_block_header header;
    int error = probe(index, index->at, room, &header);
    if (error == OL_E_MAGIC) {
        return;
    }
    if (error != OL_OK) {
        add_damage(index, page, index->at, room, error);
        return;
    }
    int body_error = judge_body(index, index->at, &header);
    add_entry(page, index->at, &header, body_error);
    if (body_error == OL_E_BODY_CRC) {
        add_damage(index, page, index->at, header.block_bytes, body_error);
    }
}

static void step_slot(ol_index *index, ol_index_page *page) {
    size_t left = index->n_bytes - index->at;
    size_t room = left < index->stride ? left : index->stride;
    read_slot(index, page, room);
    index->at += room;
}

int ol_index_init(ol_index *index, const uint8_t *bytes, size_t n_bytes, size_t stride, size_t first,
                  int check_bodies) {
    int stride_is_sound = stride == 0 || (stride >= OL_BLOCK_HEADER_SIZE && stride <= OL_MAX_BLOCK_BYTES);
    if (!stride_is_sound || first > n_bytes || (stride == 0 && first % ALIGNMENT != 0)) {
        return OL_E_ARGUMENT;
    }
    memset(index, 0, sizeof *index);
    index->bytes = bytes;
    index->n_bytes = n_bytes;
    index->stride = stride;
    index->at = first;
    index->check_bodies = check_bodies;
    return OL_OK;
}

int ol_index_walk(ol_index *index, ol_index_page *page) {
    page->n_entries = 0;
    page->n_damage = 0;
    if (page->entries_room < 1 || page->damage_room < MAX_FINDINGS_A_STEP) {
        return OL_E_ARGUMENT;
    }
    while (index->at < index->n_bytes) {
        if (page->n_entries == page->entries_room || page->damage_room - page->n_damage < MAX_FINDINGS_A_STEP) {
            return 1;
        }
        if (index->stride != 0) {
            step_slot(index, page);
        } else {
            step_back_to_back(index, page);
        }
    }
    return 0;
}
