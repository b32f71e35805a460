/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Replays a fuzz corpus under any compiler: every file of the folders named on the command line
 * goes through the target once, then once cut at each of a few prefixes, so that a crash once found
 * stays a test for ever. A folder that is missing or empty is an error: a replay that fed nothing
 * has shown nothing.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REPLAY_MAX = 1 << 20 };

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(REPLAY_MAX);

    if (!f || !data) {
        fprintf(stderr, "%s: cannot read\n", path);
        free(data);
        if (f)
            fclose(f);
        return -1;
    }
    size_t n = fread(data, 1, REPLAY_MAX, f);
    fclose(f);
    /* A copy of the exact size lets the address sanitizer see a read one past the end. */
    for (size_t cut = 0; cut <= 8; cut++) {
        size_t m = n - n * cut / 8;
        uint8_t *exact = malloc(m ? m : 1);

        if (!exact)
            abort();
        memcpy(exact, data, m);
        LLVMFuzzerTestOneInput(exact, m);
        free(exact);
    }
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    unsigned files = 0;

    for (int i = 1; i < argc; i++) {
        DIR *dir = opendir(argv[i]);
        struct dirent *e;

        if (!dir) {
            fprintf(stderr, "%s: no such corpus folder\n", argv[i]);
            return 1;
        }
        while ((e = readdir(dir))) {
            char path[4096];

            if (e->d_name[0] == '.')
                continue;
            snprintf(path, sizeof(path), "%s/%s", argv[i], e->d_name);
            if (replay_file(path) < 0)
                return 1;
            files++;
        }
        closedir(dir);
    }
    printf("%u corpus files replayed\n", files);
    return files ? 0 : 1;
}
