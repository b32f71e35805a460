/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes are read as an acl, or refused with a remark. */
#include "listfile/rbl.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rbl_options options = {.loose_cidr = size % 2};
    struct rbl_file file = {"fuzz", span_of(data, size), 0};
    struct zone_remarks remarks = {0};
    struct zone_acl *acl = zone_acl_new();

    assert(acl);
    int r = rbl_read_acl(&file, 1, &options, acl, &remarks);

    assert(r == RBL_OK || r == RBL_REFUSED);
    assert((r == RBL_REFUSED) == (remarks.refused > 0));
    assert(zone_acl_seal(acl, NULL) == 0);
    zone_acl_free(acl);
    zone_remarks_deinit(&remarks);
    return 0;
}
