/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A setting, then names and answers by it. */
#include "gate/score.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ip ip = {.family = IP_V4};
    char err[SCORE_ERROR_MAX], name[SCORE_NAME_MAX];
    struct score_zone z;

    if (!score_zone_parse(span_of(data, n), n & 1, &z, err)) {
        assert(strlen(err) < SCORE_ERROR_MAX);
        return 0;
    }
    for (enum score_point p = 0; p < SCORE_POINTS; p++) {
        score_name(&z, score_point_ip(p), name);
        assert(strlen(name) > strlen(z.zone) && strlen(name) <= 253);
    }
    memcpy(ip.b, data, n < 4 ? n : 4);
    if (score_read(&z, &ip, 1) == SCORE_LISTED)
        assert(ip.b[0] == 127 && !(ip.b[1] == 255 && ip.b[2] == 255));
    return 0;
}
