/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Evidence of relay attempts on disk: one file a day, bounded, the oldest removed. */
#ifndef POSTERN_CMD_GATE_EVIDENCE_FILE_H
#define POSTERN_CMD_GATE_EVIDENCE_FILE_H

#include "gate/evidence.h"

struct evidence_file;

/* dir is copied and made if it is not there; NULL: evidence is not kept (*ret is NULL). -errno. */
int evidence_file_open(const char *dir, struct evidence_file **ret);
void evidence_file_close(struct evidence_file **f);
/* Appends a line. False when it could not be kept (said in the log once) or f is NULL. */
bool evidence_file_add(struct evidence_file *f, const struct evidence *e);

#endif
