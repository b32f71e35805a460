/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first byte chooses the rules; every span handed out must lie within the line. */
#include "smtp/command.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void within(struct span line, struct span s)
{
    if (s.n && (s.p < line.p || s.p + s.n > line.p + line.n))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span line = span_of(data + (size > 0), size - (size > 0));
    struct smtp_command_rules rules = {0};
    struct smtp_command cmd;
    enum smtp_command_got got;

    if (size) {
        rules.any_path = data[0] & 1;
        rules.utf8 = data[0] & 2;
        rules.ext = data[0] & 4 ? 0 : ~0u;
    }
    got = smtp_command_parse(line, &rules, &cmd);
    within(line, cmd.word);
    within(line, cmd.arg);
    within(line, cmd.path_text);
    within(line, cmd.path.domain);
    within(line, cmd.params.orcpt);
    if (!smtp_command_fault(got, &cmd).text)
        abort();
    return 0;
}
