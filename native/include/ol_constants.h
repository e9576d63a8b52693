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
#define OL_FLAG_ENCRYPTED 2 /* the body is enciphered, see 3.4; a reader without the key refuses it by name */
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
#define OL_FAULT_REGISTER 3 /* a register read back differently when the session stopped, or the converter ran at another rate than was set */
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

/* struct body_counter */
#define OL_BODY_COUNTER_SIZE 16
#define OL_BODY_COUNTER_BLOCK_NUMBER 0 /* 4 bytes */
#define OL_BODY_COUNTER_N_FRAMES 4 /* 2 bytes */
#define OL_BODY_COUNTER_IMAGE 6 /* 1 bytes */
#define OL_BODY_COUNTER_RESERVED 7 /* 5 bytes */
#define OL_BODY_COUNTER_COUNTER 12 /* 4 bytes */

/* constants link */
#define OL_LINK_VERSION 1 /* both sides must name the same */
#define OL_LINK_NONCE_BYTES 16 /* of each side */
#define OL_LINK_PROOF_BYTES 16 /* HMAC-SHA256, its first bytes */
#define OL_LINK_TAG_BYTES 8 /* of each sealed packet */
#define OL_LINK_OVERHEAD 14 /* bytes of a sealed packet that are not message: kind 1, counter 4, head 1, tag 8 */
#define OL_LINK_PACKET_BYTES 244 /* largest packet over BLE; never more than the MTU less 3 */
#define OL_LINK_USB_PACKET_BYTES 2048 /* largest packet over USB */
#define OL_LINK_REQUEST_BYTES 256 /* largest request, fragments joined */
#define OL_LINK_ANSWER_BYTES 4096 /* largest answer or notice, fragments joined */
#define OL_LINK_BLOCK_BYTES 16390 /* largest message on channel BLOCK */
#define OL_LINK_COUNTER_LIMIT 0x3fffffffu /* counters stay below: a session ends before (twelve days at 1000 packets a second) */
#define OL_LINK_REQUESTS_WAITING 8 /* requests that may wait for their answer */
#define OL_LINK_FREE_PROOFS 3 /* wrong proofs without a wait */
#define OL_LINK_MAX_WAIT_S 3600 /* longest wait of the lock-out */

/* constants uuids */
#define OL_LINK_SERVICE_UUID "\x4f\x4c\x00\x01\x6c\x65\x4a\x44\x9e\x0c\x0c\x70\x1e\xad\x00\x01" /* most significant byte first */
#define OL_LINK_IN_UUID "\x4f\x4c\x00\x02\x6c\x65\x4a\x44\x9e\x0c\x0c\x70\x1e\xad\x00\x01" /* host to recorder */
#define OL_LINK_OUT_UUID "\x4f\x4c\x00\x03\x6c\x65\x4a\x44\x9e\x0c\x0c\x70\x1e\xad\x00\x01" /* recorder to host */

/* enum packet */
#define OL_PACKET_HELLO 1 /* host: u8 version, bytes[16] *Nh* at random */
#define OL_PACKET_CHALLENGE 2 /* recorder: u8 offset, then from that offset on: u8 version, bytes[16] *Nd* at random, bytes[8] device id, bytes[16] proof of the recorder */
#define OL_PACKET_PROOF 3 /* host: bytes[16] proof of the host */
#define OL_PACKET_READY 4 /* recorder, sealed with counter 0: the proof was right; its plaintext has no byte, not even a head */
#define OL_PACKET_SEALED 5 /* either: everything after that */
#define OL_PACKET_REFUSED 6

/* enum refusal */
#define OL_REFUSAL_VERSION 1 /* another version of the link is spoken */
#define OL_REFUSAL_LOCKED 2 /* too many wrong proofs: wait */
#define OL_REFUSAL_NOT_PROVISIONED 3 /* the recorder has no key yet */
#define OL_REFUSAL_BUSY 4 /* another host has a session, and goes before */

/* struct sealed_head */
#define OL_SEALED_HEAD_SIZE 5
#define OL_SEALED_HEAD_KIND 0 /* 1 bytes */
#define OL_SEALED_HEAD_COUNTER 1 /* 4 bytes */

/* enum channel */
#define OL_CHANNEL_REQUEST 1
#define OL_CHANNEL_ANSWER 2
#define OL_CHANNEL_NOTICE 3
#define OL_CHANNEL_LIVE 4 /* recorder: live frames (6.6); always one fragment; may be left out */
#define OL_CHANNEL_BLOCK 5 /* recorder: a block (6.7) */
#define OL_CHANNEL_CREDIT 6 /* host: u8 channel (LIVE or BLOCK), u16 packets more that may be sent on it */

/* enum command */
#define OL_COMMAND_STATUS 1
#define OL_COMMAND_START 2
#define OL_COMMAND_STOP 3 /* → u64 frames */
#define OL_COMMAND_MARK 4 /* UTF-8 text, at most 200 bytes → u64 frame */
#define OL_COMMAND_SET_TIME 5 /* i64 UTC in µs, u32 uncertainty in ms → u64 frame, or 2^64 - 1 while none is counted */
#define OL_COMMAND_RANGE 6
#define OL_COMMAND_FETCH 7
#define OL_COMMAND_CANCEL 8 /* end FETCH → nothing */
#define OL_COMMAND_LIVE 9 /* u8 leads (a bit each; 0: off), u8 divisor of the rate (1, 2 or 4) → u8 step shift. Packets too small for a frame of so many leads are BAD_ARGUMENT */
#define OL_COMMAND_SETTINGS 10 /* UTF-8 JSON object of what is to change, or nothing → UTF-8 JSON object of all (6.5.1) */
#define OL_COMMAND_SELF_TEST 11 /* → UTF-8 JSON (6.5.2) */
#define OL_COMMAND_ERASE 12 /* bytes[8] session id of the newest session on the card (zeros when there is none), to show that it is meant → nothing (6.5.3) */
#define OL_COMMAND_IDENTITY 13 /* → UTF-8 JSON: device id, board, firmware, calibration id */
#define OL_COMMAND_PING 14 /* any bytes → the same */
#define OL_COMMAND_CALIBRATION 15

/* enum answer */
#define OL_ANSWER_OK 0
#define OL_ANSWER_UNKNOWN_COMMAND 1
#define OL_ANSWER_BAD_ARGUMENT 2
#define OL_ANSWER_WRONG_STATE 3 /* such as STOP while nothing is recorded */
#define OL_ANSWER_CARD 4 /* the card is missing, full of other things, or failed */
#define OL_ANSWER_NOT_THERE 5 /* such blocks were never written, or are overwritten by now */
#define OL_ANSWER_BUSY 6 /* something else must end first */
#define OL_ANSWER_REFUSED 7 /* the owner's settings do not allow it */
#define OL_ANSWER_FAILED 8 /* an internal error; the words say which */

/* struct link_status */
#define OL_LINK_STATUS_SIZE 64
#define OL_LINK_STATUS_STATE 0 /* 1 bytes */
#define OL_LINK_STATUS_BATTERY_PERCENT 1 /* 1 bytes */
#define OL_LINK_STATUS_BATTERY_MV 2 /* 2 bytes */
#define OL_LINK_STATUS_ELECTRODES_OFF 4 /* 2 bytes */
#define OL_LINK_STATUS_LEADS_SATURATED 6 /* 1 bytes */
#define OL_LINK_STATUS_LEVEL 7 /* 1 bytes */
#define OL_LINK_STATUS_SESSION_ID 8 /* 8 bytes */
#define OL_LINK_STATUS_FRAME 16 /* 8 bytes */
#define OL_LINK_STATUS_RATE_MHZ 24 /* 4 bytes */
#define OL_LINK_STATUS_FRAMES_LOST 28 /* 4 bytes */
#define OL_LINK_STATUS_RING_SEQ 32 /* 4 bytes */
#define OL_LINK_STATUS_MARKS 36 /* 4 bytes */
#define OL_LINK_STATUS_FAULTS 40 /* 4 bytes */
#define OL_LINK_STATUS_HEART_RATE_BPM 44 /* 2 bytes */
#define OL_LINK_STATUS_TEMPERATURE_CDEG 46 /* 2 bytes */
#define OL_LINK_STATUS_UTC_US 48 /* 8 bytes */
#define OL_LINK_STATUS_UTC_UNCERTAINTY_MS 56 /* 4 bytes */
#define OL_LINK_STATUS_CARD_SLOTS 60 /* 4 bytes */

/* enum recorder_state */
#define OL_RECORDER_STATE_IDLE 0
#define OL_RECORDER_STATE_RECORDING 1
#define OL_RECORDER_STATE_STOPPING 2
#define OL_RECORDER_STATE_FAULT 3 /* see the words of the status */

/* struct link_range */
#define OL_LINK_RANGE_SIZE 24
#define OL_LINK_RANGE_RING_ID 0 /* 8 bytes */
#define OL_LINK_RANGE_OLDEST_SEQ 8 /* 4 bytes */
#define OL_LINK_RANGE_NEXT_SEQ 12 /* 4 bytes */
#define OL_LINK_RANGE_N_SLOTS 16 /* 4 bytes */
#define OL_LINK_RANGE_SLOT_BYTES 20 /* 4 bytes */

/* enum notice */
#define OL_NOTICE_MARK 1
#define OL_NOTICE_LEAD_OFF 2 /* u16 electrodes off from this frame on */
#define OL_NOTICE_BATTERY 3
#define OL_NOTICE_CARD 4 /* UTF-8 words */
#define OL_NOTICE_STARTED 5 /* bytes[8] session id */
#define OL_NOTICE_STOPPED 6
#define OL_NOTICE_SEALED 7 /* u32 ring_seq of a block that was just sealed */
#define OL_NOTICE_RATE 8
#define OL_NOTICE_PAUSE 9
#define OL_NOTICE_FAULT 10
#define OL_NOTICE_BLOCKS_DONE 11 /* u32 ring_seq: FETCH has come this far and ended */

/* struct calibration */
#define OL_CALIBRATION_SIZE 244
#define OL_CALIBRATION_MAGIC 0 /* 4 bytes */
#define OL_CALIBRATION_VERSION_MAJOR 4 /* 1 bytes */
#define OL_CALIBRATION_VERSION_MINOR 5 /* 1 bytes */
#define OL_CALIBRATION_RECORD_BYTES 6 /* 2 bytes */
#define OL_CALIBRATION_CALIBRATION_ID 8 /* 4 bytes */
#define OL_CALIBRATION_DEVICE_ID 12 /* 8 bytes */
#define OL_CALIBRATION_MADE_UTC_US 20 /* 8 bytes */
#define OL_CALIBRATION_GAIN 28 /* 1 bytes */
#define OL_CALIBRATION_N_LEADS 29 /* 1 bytes */
#define OL_CALIBRATION_TEMPERATURE_CDEG 30 /* 2 bytes */
#define OL_CALIBRATION_RATE_ERROR_PPB 32 /* 4 bytes */
#define OL_CALIBRATION_RATE_U_PPB 36 /* 4 bytes */
#define OL_CALIBRATION_LEADS 40 /* 128 bytes */
#define OL_CALIBRATION_OPERATOR 168 /* 20 bytes */
#define OL_CALIBRATION_REFERENCE 188 /* 24 bytes */
#define OL_CALIBRATION_REPORT_SHA256 212 /* 16 bytes */
#define OL_CALIBRATION_SIGNATURE 228 /* 16 bytes */

/* struct calibration_lead */
#define OL_CALIBRATION_LEAD_SIZE 16
#define OL_CALIBRATION_LEAD_GAIN_ERROR_PPB 0 /* 4 bytes */
#define OL_CALIBRATION_LEAD_OFFSET_NV 4 /* 4 bytes */
#define OL_CALIBRATION_LEAD_SKEW_NS 8 /* 4 bytes */
#define OL_CALIBRATION_LEAD_GAIN_U_PPM 12 /* 2 bytes */
#define OL_CALIBRATION_LEAD_OFFSET_U_NV 14 /* 2 bytes */

/* constants calibration_format */
#define OL_OLC_MAGIC "\x8f\x4f\x4c\x43" /* first bytes of a calibration */
#define OL_RATE_U_UNKNOWN 0xffffffffu

/* struct live_head */
#define OL_LIVE_HEAD_SIZE 12
#define OL_LIVE_HEAD_FIRST_FRAME 0 /* 8 bytes */
#define OL_LIVE_HEAD_LEADS 8 /* 1 bytes */
#define OL_LIVE_HEAD_DIVISOR 9 /* 1 bytes */
#define OL_LIVE_HEAD_N_FRAMES 10 /* 1 bytes */
#define OL_LIVE_HEAD_SHIFT 11 /* 1 bytes */

/* constants radio */
#define OL_RADIO_MTU 247 /* ATT MTU the recorder asks for: a packet, and 3 bytes of ATT */
#define OL_RADIO_ADVERTISE_MS 250 /* from one advertisement to the next */
#define OL_RADIO_UNPROVEN_PACKETS 32 /* packets a connection may write without a session; one more ends the connection */
#define OL_RADIO_UNPROVEN_S 30 /* seconds a connection may last without a session and without a subscription to the heart rate */
#define OL_RADIO_NAME_BYTES 17 /* longest name that is advertised */
#define OL_ATT_DATABASE_BYTES 512 /* all that BTstack has for attributes on the stock Pico 2 W */

/* constants gatt */
#define OL_GATT_HEART_RATE 6157 /* service */
#define OL_GATT_HEART_RATE_MEASUREMENT 10807 /* notify: u8 flags, u8 or u16 rate in 1/min (0 not known), up to 8 × u16 RR in 1/1024 s, oldest first. Flags: bit 0 the rate has 16 bits, bit 1 contact, bit 2 contact is detected (always set), bit 4 RR follow. Once a second */
#define OL_GATT_BODY_SENSOR_LOCATION 10808 /* read: u8 1, chest */
#define OL_GATT_BATTERY 6159 /* service */
#define OL_GATT_BATTERY_LEVEL 10777 /* read, notify: u8 %; no byte while it is not known */
#define OL_GATT_DEVICE_INFORMATION 6154 /* service */
#define OL_GATT_MANUFACTURER_NAME 10793
#define OL_GATT_MODEL_NUMBER 10788 /* read: the board */
#define OL_GATT_SERIAL_NUMBER 10789 /* read: device id in hexadecimal */
#define OL_GATT_FIRMWARE_REVISION 10790 /* read */
#define OL_GATT_CURRENT_TIME_SERVICE 6149 /* service */
#define OL_GATT_CURRENT_TIME 10795 /* read: u16 year, u8 month, day, hour, minute, second, weekday (1 Monday), 1/256 s (0), reason (0); UTC, renewed once a second, all zeros while it is not known */

/* struct device_identity */
#define OL_DEVICE_IDENTITY_SIZE 41
#define OL_DEVICE_IDENTITY_IDENTITY_VERSION 0 /* 1 bytes */
#define OL_DEVICE_IDENTITY_DEVICE_ID 1 /* 8 bytes */
#define OL_DEVICE_IDENTITY_DEVICE_KEY 9 /* 32 bytes */

#endif
