#include "system.h"

#include <errno.h>
#include <pthread.h>
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

/* -- */
static struct {
    int asked, refused;
    bool after;
} others[SYSTEM_COUNT];

ssize_t __real_read(int file, void *data, size_t bytes);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *),
                          void *arg);
int __real_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *how);
int __real_pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *how);
ssize_t __wrap_read(int file, void *data, size_t bytes);
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
    return n > 0 && (k == n || (k > n && others[call].after));
}

ssize_t __wrap_read(int file, void *data, size_t bytes)
{
    if (!refused(SYSTEM_READ))
        return __real_read(file, data, bytes);
    errno = EIO;
    return -1;
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
