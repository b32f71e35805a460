/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files of Windows and NetWare servers, side by side. */
#include "audit/try_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"/x/ims.reg",     "/x/hm.sql",   "/x/notes.ini",
                                        "/x/mercury.ini", "/x/gwia.cfg", "/x/document.txt"};

    return try_fuzz(names, 6, NULL, data, size);
}
