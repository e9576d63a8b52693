/* SPDX-License-Identifier: Apache-2.0 */
#include "ol_scale.h"

#include "ol_constants.h"

/* Eight frames at a time, so that the inner loop runs over plain arrays whatever the number of leads. */
#define GROUP_FRAMES 8
#define GROUP_VALUES (GROUP_FRAMES * OL_MAX_LEADS)

typedef struct pattern {
    double zero[GROUP_VALUES];
    double step_uv[GROUP_VALUES];
} pattern;

static void scale_group(const int32_t *restrict stored, const pattern *restrict lead, size_t n, float *restrict out) {
    for (size_t i = 0; i < n; i++) {
        out[i] = (float)((stored[i] - lead->zero[i]) * lead->step_uv[i]);
    }
}

int ol_to_microvolt(const int32_t *stored, size_t n_frames, size_t n_leads, const int32_t *zero, const double *step_uv,
                    float *out) {
    pattern lead;
    if (n_leads < 1 || n_leads > OL_MAX_LEADS) {
        return OL_E_ARGUMENT;
    }
    size_t group = GROUP_FRAMES * n_leads;
    for (size_t i = 0; i < group; i++) {
        lead.zero[i] = zero[i % n_leads];
        lead.step_uv[i] = step_uv[i % n_leads];
    }
    size_t left = n_frames * n_leads;
    for (; left >= group; left -= group, stored += group, out += group) {
        scale_group(stored, &lead, group, out);
    }
    scale_group(stored, &lead, left, out);
    return OL_OK;
}
