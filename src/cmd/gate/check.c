/* SPDX-License-Identifier: GPL-3.0-or-later */
/* postern gate check: reads everything as the service would, and says what it found. */
#include "cmd/gate/door.h"
#include "cmd/gate/gate.h"

#include <stdio.h>

int gate_check(struct gate_args *args, struct conf *conf)
{
    struct buf messages = BUF_INIT(POLICY_MESSAGES_MAX);
    struct door *door = NULL;
    int status = door_open(args, conf, &door, &messages);

    fwrite(buf_str(&messages), 1, messages.n, stderr);
    buf_deinit(&messages);
    if (status == 0)
        printf("configuration: right\n");
    door_free(&door);
    return status;
}
