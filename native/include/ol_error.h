/* SPDX-License-Identifier: Apache-2.0 */
/* One negative code per kind of error. The column "a reader, when it is wrong" of docs/SPEC.md says what each means. */
#ifndef OL_ERROR_H
#define OL_ERROR_H

enum ol_error {
    OL_OK = 0,
    /* called wrongly */
    OL_E_ARGUMENT = -1,
    OL_E_ROOM = -2,  /* the caller's memory is too small for the result */
    OL_E_RANGE = -3, /* a value does not fit the codec, or a field of a header to be written breaks a rule */
    /* no block here */
    OL_E_MAGIC = -10,
    OL_E_SHORT = -11, /* the bytes end before the header or the block does */
    OL_E_HEADER_BYTES = -12,
    OL_E_BLOCK_BYTES = -13,
    OL_E_HEADER_CRC = -14,
    OL_E_N_FRAMES = -15,
    OL_E_N_LEADS = -16,
    OL_E_RATE = -17,
    OL_E_STEP = -18,
    OL_E_PAYLOAD_BYTES = -19,
    /* a sound header whose block is refused by name */
    OL_E_VERSION = -30, /* newer major version: only block_bytes of the header is filled */
    OL_E_FLAGS = -31,   /* an unknown bit of 0-7 */
    OL_E_ENCRYPTED = -32,
    OL_E_CODEC = -33,
    /* a sound header whose body is damaged */
    OL_E_BODY_CRC = -40,
    OL_E_PAYLOAD = -41, /* the codec cannot read the payload */
    OL_E_EVENT = -42    /* an event runs past the block; those before it are sound */
};

#endif
