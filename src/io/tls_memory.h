/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where OpenSSL's short-lived buffers lie. While hands are shaken, and for each record, it takes
 * buffers of 16 to 22 kB and gives them back. On the common heap each leaves a hole between two
 * sessions that stay, and a program with thousands of them pays for the holes: they lie in a pool
 * of their own here, and what of it is not in use goes back to the kernel.
 */
#ifndef POSTERN_IO_TLS_MEMORY_H
#define POSTERN_IO_TLS_MEMORY_H

#include <stdbool.h>

enum {
    TLS_MEMORY_FROM = 12 * 1024, /* octets: smaller pieces lie on the heap, */
    TLS_MEMORY_SLOT = 24 * 1024, /* larger ones too */
    TLS_MEMORY_SLOTS = 4096,     /* at a time; what is over lies on the heap. Address space only */
    TLS_MEMORY_WARM = 16,        /* free slots that keep their pages for the next */
};

/*
 * First thing in main(), before anything asks OpenSSL. False: too late, or no address space;
 * OpenSSL goes on with the heap, and all is well but for the size.
 */
bool tls_memory_init(void);
/* Slots in use now. */
unsigned tls_memory_used(void);

#endif
