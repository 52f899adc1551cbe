#include "system.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/types.h>
#include <unistd.h>

static int calls, bad;
static system_way how;

ssize_t __real_write(int file, const void *data, size_t bytes);
int __real_fsync(int file);
int __real_renameat(int from, const char *old, int to, const char *name);
ssize_t __wrap_write(int file, const void *data, size_t bytes);
int __wrap_fsync(int file);
int __wrap_renameat(int from, const char *old, int to, const char *name);

void system_at(int n, system_way way)
{
    calls = 0;
    bad = n;
    how = way;
}

int system_calls(void)
{
    return calls;
}

static int fails(void)
{
    if (how == SYSTEM_KILLS)
        raise(SIGKILL);
    errno = ENOSPC;
    return -1;
}

ssize_t __wrap_write(int file, const void *data, size_t bytes)
{
    if (++calls != bad)
        return __real_write(file, data, bytes);
    (void)!__real_write(file, data, bytes / 2);
    return fails();
}

int __wrap_fsync(int file)
{
    return ++calls == bad ? fails() : __real_fsync(file);
}

int __wrap_renameat(int from, const char *old, int to, const char *name)
{
    return ++calls == bad ? fails() : __real_renameat(from, old, to, name);
}
