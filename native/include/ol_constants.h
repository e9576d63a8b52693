/* SPDX-License-Identifier: Apache-2.0 */
/* Made from docs/SPEC.md by tools/spec_gen.py. Do not edit: change the page and run `make spec`. */
#ifndef OL_CONSTANTS_H
#define OL_CONSTANTS_H

/* constants format */
#define OL_VERSION_MAJOR 1 /* a reader refuses, by name, blocks of a newer major version */
#define OL_VERSION_MINOR 0 /* a reader reads newer minor versions, and ignores what it does not know */
#define OL_SECTOR_BYTES 512 /* unit of the card */
#define OL_MAX_BLOCK_BYTES 16384 /* largest block, and largest slot */
#define OL_MIN_SLOT_BYTES 4096 /* smallest slot */
#define OL_DEFAULT_SLOT_BYTES 8192 /* slot size unless a session says otherwise */
#define OL_MAX_FRAMES_PER_BLOCK 16384 /* bounds a reader's memory */
#define OL_MAX_LEADS 8 /* leads in a block */
#define OL_CHECKPOINT_MS 2500 /* an open block is checkpointed at least this often */
#define OL_CRC_CHECK 0xcbf43926u
#define OL_BLOCK_MAGIC "\x8f\x4f\x4c\x42" /* first bytes of a block; compare as bytes */
#define OL_SEGMENT_MAGIC "\x8f\x4f\x4c\x53" /* first bytes of a segment file */

/* struct segment_header */
#define OL_SEGMENT_HEADER_SIZE 64
#define OL_SEGMENT_HEADER_MAGIC 0 /* 4 bytes */
#define OL_SEGMENT_HEADER_VERSION_MAJOR 4 /* 1 bytes */
#define OL_SEGMENT_HEADER_VERSION_MINOR 5 /* 1 bytes */
#define OL_SEGMENT_HEADER_HEADER_BYTES 6 /* 2 bytes */
#define OL_SEGMENT_HEADER_RING_ID 8 /* 8 bytes */
#define OL_SEGMENT_HEADER_DEVICE_ID 16 /* 8 bytes */
#define OL_SEGMENT_HEADER_SEGMENT_INDEX 24 /* 2 bytes */
#define OL_SEGMENT_HEADER_SEGMENT_COUNT 26 /* 2 bytes */
#define OL_SEGMENT_HEADER_SLOT_BYTES 28 /* 4 bytes */
#define OL_SEGMENT_HEADER_SLOTS_PER_SEGMENT 32 /* 4 bytes */
#define OL_SEGMENT_HEADER_RESERVED 36 /* 24 bytes */
#define OL_SEGMENT_HEADER_HEADER_CRC32 60 /* 4 bytes */

/* struct block_header */
#define OL_BLOCK_HEADER_SIZE 144
#define OL_BLOCK_HEADER_MAGIC 0 /* 4 bytes */
#define OL_BLOCK_HEADER_VERSION_MAJOR 4 /* 1 bytes */
#define OL_BLOCK_HEADER_VERSION_MINOR 5 /* 1 bytes */
#define OL_BLOCK_HEADER_HEADER_BYTES 6 /* 2 bytes */
#define OL_BLOCK_HEADER_BLOCK_BYTES 8 /* 2 bytes */
#define OL_BLOCK_HEADER_FLAGS 10 /* 2 bytes */
#define OL_BLOCK_HEADER_BLOCK_NUMBER 12 /* 4 bytes */
#define OL_BLOCK_HEADER_FIRST_FRAME 16 /* 8 bytes */
#define OL_BLOCK_HEADER_N_FRAMES 24 /* 2 bytes */
#define OL_BLOCK_HEADER_N_LEADS 26 /* 1 bytes */
#define OL_BLOCK_HEADER_CODEC_ID 27 /* 1 bytes */
#define OL_BLOCK_HEADER_RATE_MHZ 28 /* 4 bytes */
#define OL_BLOCK_HEADER_DEVICE_ID 32 /* 8 bytes */
#define OL_BLOCK_HEADER_SESSION_ID 40 /* 8 bytes */
#define OL_BLOCK_HEADER_RING_SEQ 48 /* 4 bytes */
#define OL_BLOCK_HEADER_STEP_NV_DEN 52 /* 4 bytes */
#define OL_BLOCK_HEADER_STEP_NV_NUM 56 /* 8 bytes */
#define OL_BLOCK_HEADER_LEAD_IDS 64 /* 8 bytes */
#define OL_BLOCK_HEADER_ANCHOR_FRAME 72 /* 8 bytes */
#define OL_BLOCK_HEADER_ANCHOR_UTC_US 80 /* 8 bytes */
#define OL_BLOCK_HEADER_ANCHOR_UNCERTAINTY_MS 88 /* 4 bytes */
#define OL_BLOCK_HEADER_GAIN 92 /* 1 bytes */
#define OL_BLOCK_HEADER_SHIFT 93 /* 1 bytes */
#define OL_BLOCK_HEADER_SIGNAL_SOURCE 94 /* 1 bytes */
#define OL_BLOCK_HEADER_SLOT_SECTORS 95 /* 1 bytes */
#define OL_BLOCK_HEADER_LEAD_OFF 96 /* 2 bytes */
#define OL_BLOCK_HEADER_SATURATED 98 /* 1 bytes */
#define OL_BLOCK_HEADER_INPUTS 99 /* 1 bytes */
#define OL_BLOCK_HEADER_BATTERY_MV 100 /* 2 bytes */
#define OL_BLOCK_HEADER_TEMPERATURE_CDEG 102 /* 2 bytes */
#define OL_BLOCK_HEADER_WRITE_LAST_MS 104 /* 2 bytes */
#define OL_BLOCK_HEADER_WRITE_MAX_MS 106 /* 2 bytes */
#define OL_BLOCK_HEADER_FRAMES_LOST 108 /* 4 bytes */
#define OL_BLOCK_HEADER_CALIBRATION_ID 112 /* 4 bytes */
#define OL_BLOCK_HEADER_CHAIN_TAG 116 /* 16 bytes */
#define OL_BLOCK_HEADER_PAYLOAD_BYTES 132 /* 2 bytes */
#define OL_BLOCK_HEADER_RING_TAG 134 /* 2 bytes */
#define OL_BLOCK_HEADER_BODY_CRC32 136 /* 4 bytes */
#define OL_BLOCK_HEADER_HEADER_CRC32 140 /* 4 bytes */

/* constants sentinels */
#define OL_ANCHOR_UNKNOWN (-9223372036854775807LL - 1)
#define OL_UNCERTAINTY_UNKNOWN 0xffffffffu
#define OL_TEMPERATURE_UNKNOWN (-32768)

/* flags block_flags */
#define OL_FLAG_CHECKPOINT 1 /* image of an open block, superseded by the sealed one */
#define OL_FLAG_ENCRYPTED 2 /* the body is enciphered; a reader without the key refuses it by name */
#define OL_FLAG_CHAINED 4
#define OL_FLAG_LAST 256 /* last block of a session that was stopped in order */

/* enum codec */
#define OL_CODEC_RAW24 0 /* section 4.1 */
#define OL_CODEC_ADAPTIVE 1 /* section 4.2 */

/* enum lead */
#define OL_LEAD_NONE 0 /* unused place */
#define OL_LEAD_I 1 /* LA - RA */
#define OL_LEAD_II 2 /* LL - RA */
#define OL_LEAD_III 3 /* LL - LA */
#define OL_LEAD_AVR 4 /* RA - (LA + LL) / 2 */
#define OL_LEAD_AVL 5 /* LA - (RA + LL) / 2 */
#define OL_LEAD_AVF 6 /* LL - (RA + LA) / 2 */
#define OL_LEAD_V1 7 /* V1 - Wilson terminal */
#define OL_LEAD_V2 8
#define OL_LEAD_V3 9
#define OL_LEAD_V4 10
#define OL_LEAD_V5 11
#define OL_LEAD_V6 12
#define OL_LEAD_MLI 13 /* modified limb lead */
#define OL_LEAD_MLII 14 /* modified limb lead */
#define OL_LEAD_MLIII 15 /* modified limb lead */
#define OL_LEAD_X 16 /* Frank */
#define OL_LEAD_Y 17 /* Frank */
#define OL_LEAD_Z 18 /* Frank */
#define OL_LEAD_ECG1 32 /* unnamed channel 1; 33 to 39 are ECG2 to ECG8 */
#define OL_LEAD_ECG2 33
#define OL_LEAD_ECG3 34
#define OL_LEAD_ECG4 35
#define OL_LEAD_ECG5 36
#define OL_LEAD_ECG6 37
#define OL_LEAD_ECG7 38
#define OL_LEAD_ECG8 39

/* enum electrode */
#define OL_ELECTRODE_RA 0
#define OL_ELECTRODE_LA 1
#define OL_ELECTRODE_LL 2
#define OL_ELECTRODE_V1 3
#define OL_ELECTRODE_V2 4
#define OL_ELECTRODE_V3 5
#define OL_ELECTRODE_V4 6
#define OL_ELECTRODE_V5 7
#define OL_ELECTRODE_V6 8
#define OL_ELECTRODE_RL 9 /* right-leg drive */

/* enum signal_source */
#define OL_SIGNAL_SOURCE_ELECTRODES 0 /* the person */
#define OL_SIGNAL_SOURCE_TEST_SIGNAL 1 /* the converter's internal square wave */
#define OL_SIGNAL_SOURCE_SHORTED 2 /* inputs shorted (noise measurement) */
#define OL_SIGNAL_SOURCE_REFERENCE 3 /* an external calibration source */
#define OL_SIGNAL_SOURCE_IMPORTED 4 /* another maker's record, converted on the desk */

/* flags inputs */
#define OL_INPUT_BUTTON 1 /* patient button held down */
#define OL_INPUT_USB_POWER 2 /* powered over USB */

/* struct event_header */
#define OL_EVENT_HEADER_SIZE 4
#define OL_EVENT_HEADER_TYPE 0 /* 1 bytes */
#define OL_EVENT_HEADER_LENGTH 1 /* 1 bytes */
#define OL_EVENT_HEADER_FRAME_OFFSET 2 /* 2 bytes */

/* enum event */
#define OL_EVENT_END 0 /* padding */
#define OL_EVENT_MARK 1
#define OL_EVENT_LEAD_OFF 2 /* u16 electrodes off from this frame on */
#define OL_EVENT_SATURATED 3 /* u8 leads at the converter's limit from this frame on */
#define OL_EVENT_GAP 4
#define OL_EVENT_ANCHOR 5 /* i64 UTC in µs, u32 uncertainty in ms: a time observation at this frame */
#define OL_EVENT_LEAD_SCALE 6 /* u8 lead index, u8 reserved, i32 zero, u64 step_nv_num, u32 step_nv_den; offset 0, in every block of a session that needs it */
#define OL_EVENT_SOURCE 7
#define OL_EVENT_BUTTON 8 /* u8 1 pressed, 0 released */
#define OL_EVENT_FAULT 9
#define OL_EVENT_NOTE 10
#define OL_EVENT_START 11
#define OL_EVENT_STOP 12

/* enum mark_origin */
#define OL_MARK_ORIGIN_PATIENT 0 /* the button */
#define OL_MARK_ORIGIN_REMOTE 1 /* over BLE or USB */
#define OL_MARK_ORIGIN_OBSERVER 2 /* added on the desk or by a program */

/* enum gap_cause */
#define OL_GAP_CAUSE_UNKNOWN 0
#define OL_GAP_CAUSE_OVERFLOW 1 /* the frame ring was full (the card stalled for longer than it holds) */
#define OL_GAP_CAUSE_SLIP 2 /* frames whose status nibble was not 1100b */
#define OL_GAP_CAUSE_FRONT_END 3 /* the converter was reset or stopped answering */
#define OL_GAP_CAUSE_CARD 4 /* the card did not take the block */
#define OL_GAP_CAUSE_PAUSE 5 /* asked for */

/* enum fault */
#define OL_FAULT_OVERFLOW 1 /* frame ring overflows */
#define OL_FAULT_SLIP 2 /* frames with a wrong status nibble */
#define OL_FAULT_REGISTER 3 /* a register read back differently */
#define OL_FAULT_CARD_WRITE 4 /* card writes that had to be repeated */
#define OL_FAULT_CHECKPOINT_SKIPPED 5 /* checkpoints left out to save the record */
#define OL_FAULT_BUTTON 6 /* changes of the button that were not kept, for too many waited */

/* enum start_reason */
#define OL_START_REASON_COMMAND 0 /* asked for */
#define OL_START_REASON_POWER_ON 1 /* started by itself */
#define OL_START_REASON_RESUMED 2 /* started by itself after a session without a clean stop */
#define OL_START_REASON_WATCHDOG 3 /* started by itself after the watchdog had reset the recorder */

/* enum stop_reason */
#define OL_STOP_REASON_COMMAND 0 /* asked for */
#define OL_STOP_REASON_BATTERY 1 /* supply too low */
#define OL_STOP_REASON_CARD 2 /* the card failed */
#define OL_STOP_REASON_COMPLETE 3 /* the set time was over, or the source ended */
#define OL_STOP_REASON_FAULT 4 /* an internal error */

#endif
