#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

/* -- Counts */
static int faults[FAULT_COUNT];
static pid_t counts_of; /* this process: a child has its parent's, which writes them itself */

void write_faults(void)
{
    if (counts_of != getpid())
        return;
    const char *path = getenv("TEST_FAULTS");
    FILE *file = path ? fopen(path, "a") : NULL;
    for (int kind = 0; kind < FAULT_COUNT; kind++) {
        if (file && faults[kind])
            fprintf(file, "%d %d\n", kind, faults[kind]);
        faults[kind] = 0;
    }
    if (file)
        fclose(file);
}

void count_fault(fault_kind kind)
{
    static bool known;
    if (!known)
        atexit(write_faults);
    known = true;
    if (counts_of != getpid())
        memset(faults, 0, sizeof faults);
    counts_of = getpid();
    faults[kind]++;
}

/* -- Files that are replaced */
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
    count_fault(FAULT_WRITE);
    if (how == SYSTEM_KILLS) {
        bad = 0;
        write_faults();
        raise(SIGKILL);
    }
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

/* -- Other calls */
static struct {
    int asked, refused;
    bool after;
} others[SYSTEM_COUNT];

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *),
                          void *arg);
int __real_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *how);
int __real_pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *how);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *),
                          void *arg);
int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *how);
int __wrap_pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *how);

void system_refuses(system_call call, int n, bool after)
{
    others[call].asked = 0;
    others[call].refused = n;
    others[call].after = after;
}

int system_asked(system_call call)
{
    return others[call].asked;
}

static bool refused(system_call call)
{
    int n = others[call].refused, k = ++others[call].asked;
    if (n > 0 && k == n)
        count_fault((fault_kind)(FAULT_FILE + (int)call));
    return n > 0 && (k == n || (k > n && others[call].after));
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *),
                          void *arg)
{
    return refused(SYSTEM_THREAD) ? EAGAIN : __real_pthread_create(thread, how, run, arg);
}

int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *how)
{
    return refused(SYSTEM_LOCK) ? ENOMEM : __real_pthread_mutex_init(mutex, how);
}

int __wrap_pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *how)
{
    return refused(SYSTEM_LOCK) ? ENOMEM : __real_pthread_cond_init(condition, how);
}

/* -- Files. Each of these calls returns -1 where it fails */
#define FILE_CALL(type, name, parameters, ...) \
    type __real_##name parameters; \
    type __wrap_##name parameters; \
    type __wrap_##name parameters \
    { \
        if (!refused(SYSTEM_FILE)) \
            return __real_##name(__VA_ARGS__); \
        errno = EIO; \
        return -1; \
    }
/* the mode is there if a file may be made */
#define OPEN_CALL(name, parameters, ...) \
    int __real_##name parameters; \
    int __wrap_##name parameters; \
    int __wrap_##name parameters \
    { \
        va_list more; \
        va_start(more, flags); \
        mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0; \
        va_end(more); \
        if (!refused(SYSTEM_FILE)) \
            return __real_##name(__VA_ARGS__, flags, mode); \
        errno = EIO; \
        return -1; \
    }
FILE_CALL(ssize_t, read, (int file, void *data, size_t bytes), file, data, bytes)
FILE_CALL(ssize_t, readlinkat, (int folder, const char *name, char *out, size_t bytes), folder, name,
          out, bytes)
FILE_CALL(int, flock, (int file, int how), file, how)
FILE_CALL(int, fchown, (int file, uid_t owner, gid_t group), file, owner, group)
FILE_CALL(int, fchmod, (int file, mode_t mode), file, mode)

/* those whose names in glibc end with 64 where sizes of files have 64 bits */
#define SIZED_CALLS(bits) \
    FILE_CALL(off_t, lseek##bits, (int file, off_t at, int from), file, at, from) \
    FILE_CALL(int, fstat##bits, (int file, struct stat *about), file, about) \
    FILE_CALL(int, fstatat##bits, (int folder, const char *name, struct stat *about, int flags), \
              folder, name, about, flags) \
    OPEN_CALL(open##bits, (const char *path, int flags, ...), path) \
    OPEN_CALL(openat##bits, (int folder, const char *path, int flags, ...), folder, path)
SIZED_CALLS()
#ifdef __GLIBC__
SIZED_CALLS(64)
#endif
