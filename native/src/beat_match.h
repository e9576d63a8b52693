/* SPDX-License-Identifier: Apache-2.0 */
/* Put the beat in ol_beats.window into its cluster, beginning one if need be; sets cluster and distance of `out`.
 * Returns by how many samples of 5 ms the window must be read later to lie on the template. */
#ifndef OL_BEAT_MATCH_H
#define OL_BEAT_MATCH_H

#include "ol_beat.h"

int beat_match(ol_beats *b, ol_beat_record *out);

/* Distance of two templates over the leads both have, at the best shift. */
float beat_template_distance(const ol_beat_template *a, const ol_beat_template *b);

#endif
