/* SPDX-License-Identifier: Apache-2.0 */
/* Stored values to microvolt (docs/SPEC.md, 3.1). */
#ifndef OL_SCALE_H
#define OL_SCALE_H

#include "ol_error.h"
#include <stddef.h>
#include <stdint.h>

/* out = (stored - zero[lead]) * step_uv[lead], computed in double, rounded once to float. OL_OK or OL_E_ARGUMENT. */
int ol_to_microvolt(const int32_t *stored, size_t n_frames, size_t n_leads, const int32_t *zero, const double *step_uv,
                    float *out);

#endif
