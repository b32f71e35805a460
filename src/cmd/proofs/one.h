/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One proof with what the store knows of its probe, and the ways of showing it. */
#ifndef POSTERN_CMD_PROOFS_ONE_H
#define POSTERN_CMD_PROOFS_ONE_H

#include "cmd/common/view.h"

struct one {
    json_t *doc; /* owned; all of it, texts in the form of escape_text */
    int64_t id;
    int64_t received_wall;
    uint64_t seen;
    enum store_what what;
};

/* Gathers everything into one document. 0 or a negative errno; deinit only after 0. */
int one_read(struct store *store, const struct store_proof *proof, struct one *ret);
void one_deinit(struct one *one);

void one_table_head(struct buf *out);
void one_table_line(const struct one *one, const struct report_style *style, struct buf *out);
void one_full(const struct one *one, const struct report_style *style, struct buf *out);
/* 0 or a negative errno. */
int one_json(const struct one *one, struct buf *out);

#endif
