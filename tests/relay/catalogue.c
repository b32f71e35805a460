/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every sender and recipient form of the catalogue, filled in, for tests/relay/differ.py:
 *
 *     relay-catalogue OWN-DOMAIN TARGET FILE...
 *
 * prints "sender|recipient ID FAMILY HEX" a form. The target's name is mx.OWN-DOMAIN.
 */
#include "probe/catalogue.h"
#include "io/file.h"

#include <stdio.h>
#include <string.h>

static void print(const struct form *form, const struct expand_values *values)
{
    struct buf out = BUF_INIT(EXPAND_MAX);
    enum expand_var missing = EXPAND_U;

    if (form->kind != FORM_SENDER && form->kind != FORM_RECIPIENT)
        return;
    if (expand_form(span_str(form->form), values, &out, &missing) == EXPAND_OK) {
        printf("%s %s %s ", form_kind_name(form->kind), form->id, form->family);
        for (size_t i = 0; i < out.n; i++)
            printf("%02x", (unsigned char)out.p[i]);
        printf("\n");
    } else {
        printf("missing %s %s\n", form->id, expand_var_name(missing));
    }
    buf_deinit(&out);
}

int main(int argc, char **argv)
{
    struct catalogue c;
    struct catalogue_error err;
    char host[300];
    struct expand_values values = {
        .u_token = "abcdefghijklmnopqrstuvwxyz0123456789",
        .s_token = "zyxwvutsrqponmlkjihgfedcba9876543210",
        .domain = "probe.example",
        .local_domain = argc > 1 ? argv[1] : NULL,
        .target_host = host,
        .helo = "tester.probe.example",
        .tester = "tester.probe.example",
        .rand = "nowhere",
        .mx_label = "mx.probe.example",
        .partner = "partner.example",
        .account = "user",
        .password = "secret",
    };
    char mailbox[300];

    if (argc < 4 || !ip_parse(span_str(argv[2]), &values.target))
        return 64;
    snprintf(host, sizeof(host), "mx.%s", argv[1]);
    snprintf(mailbox, sizeof(mailbox), "user@%s", argv[1]);
    values.mailbox = mailbox;
    ip_parse(SPAN_LIT("198.51.100.1"), &values.mine);
    catalogue_init(&c);
    for (int i = 3; i < argc; i++) {
        struct buf text = BUF_INIT(1 << 20);

        if (file_read(argv[i], &text) < 0 ||
            catalogue_load(&c, buf_span(&text), argv[i], &err) < 0) {
            fprintf(stderr, "%s: can't be read\n", argv[i]);
            return 1;
        }
        buf_deinit(&text);
    }
    for (size_t i = 0; i < c.count; i++)
        print(c.forms[i], &values);
    catalogue_deinit(&c);
    return 0;
}
