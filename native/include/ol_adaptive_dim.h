/* SPDX-License-Identifier: Apache-2.0 */
/* Made from docs/codec1_tables.json by tools/codec_tables_gen.py. Do not edit. */
#ifndef OL_ADAPTIVE_DIM_H
#define OL_ADAPTIVE_DIM_H

#define OL_D_TAPS 5
#define OL_E_TAPS 3
#define OL_HIST 64
#define OL_N_TABLES 28
#define OL_FREQ_BITS 10
#define OL_SYM_HALF 47
#define OL_N_SYMBOLS 96

#endif
