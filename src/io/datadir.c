/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One place for every "where": nothing else in Postern reads these variables. */
#include "io/datadir.h"

#include "io/file.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATE_SYSTEM "/var/lib/postern"

bool datadir_join(const char *folder, const char *name, char ret[DATADIR_PATH_MAX])
{
    int n = snprintf(ret, DATADIR_PATH_MAX, "%s/%s", folder, name);

    return n > 0 && n < DATADIR_PATH_MAX;
}

const char *datadir_exe(void)
{
    static char folder[DATADIR_PATH_MAX];
    ssize_t n;

    if (folder[0])
        return folder;
    n = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
    if (n <= 0) {
        folder[0] = '\0';
        return folder;
    }
    folder[n] = '\0';
    *strrchr(folder, '/') = '\0';
    return folder;
}

static bool readable(const char *folder, const char *name, char ret[DATADIR_PATH_MAX])
{
    return datadir_join(folder, name, ret) && access(ret, R_OK) == 0;
}

bool datadir_find(const char *name, char ret[DATADIR_PATH_MAX])
{
    const char *given = getenv("POSTERN_DATA");
    char beside[DATADIR_PATH_MAX];

    if (given && *given)
        return readable(given, name, ret);
    if (*datadir_exe() && datadir_join(datadir_exe(), "data", beside) &&
        readable(beside, name, ret))
        return true;
    return readable(POSTERN_DATADIR, name, ret);
}

static const char *home(void)
{
    const char *h = getenv("HOME");
    struct passwd *pw;

    if (h && *h == '/')
        return h;
    pw = getpwuid(getuid());
    return pw && pw->pw_dir && pw->pw_dir[0] == '/' ? pw->pw_dir : NULL;
}

static bool user_state(char ret[DATADIR_PATH_MAX])
{
    const char *xdg = getenv("XDG_STATE_HOME"), *h;

    if (xdg && *xdg == '/') /* the XDG specification: relative ones are to be ignored */
        return datadir_join(xdg, "postern", ret);
    h = home();
    return h && datadir_join(h, ".local/state/postern", ret);
}

int datadir_state(const char *flag, char ret[DATADIR_PATH_MAX])
{
    const char *given = flag ? flag : getenv("POSTERN_STATE");
    int r;

    if (given && *given) {
        r = snprintf(ret, DATADIR_PATH_MAX, "%s", given);
        return r < DATADIR_PATH_MAX ? file_mkdirs(ret, 0700) : -ENAMETOOLONG;
    }
    if (geteuid() == 0) {
        snprintf(ret, DATADIR_PATH_MAX, "%s", STATE_SYSTEM);
        if (file_mkdirs(ret, 0700) == 0 && access(ret, W_OK) == 0)
            return 0;
    }
    if (!user_state(ret)) {
        snprintf(ret, DATADIR_PATH_MAX, "~/.local/state/postern");
        return -ENOENT;
    }
    return file_mkdirs(ret, 0700);
}
