/* A thread that runs one job at a time. */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "runner.h"

struct ct__runner {
    void (*body)(void *arg);
    void *arg;
    bool has_thread;
    pid_t process;          /* a child after fork() has this memory, but not the thread */
    pthread_t thread;
    pthread_mutex_t lock;   /* of what follows */
    pthread_cond_t changed;
    enum { IDLE, ASKED, DONE } state;
    bool stop;
};

static void *work(void *runner)
{
    ct__runner *r = runner;
    pthread_mutex_lock(&r->lock);
    for (;;) {
        while (r->state != ASKED && !r->stop)
            pthread_cond_wait(&r->changed, &r->lock);
        if (r->state != ASKED)
            break;
        pthread_mutex_unlock(&r->lock);
        r->body(r->arg);
        pthread_mutex_lock(&r->lock);
        r->state = DONE;
        pthread_cond_broadcast(&r->changed);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

static bool is_here(const ct__runner *r)
{
    return r->has_thread && r->process == getpid();
}

static void finish(void *runner)
{
    ct__runner *r = runner;
    if (!is_here(r))
        return;
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
}

ct__runner *ct__runner_new(ct_context *cx, void (*body)(void *arg), void *arg)
{
    ct__runner *r = ct_object_new(cx, sizeof *r, finish);
    if (!r)
        return NULL;
    r->body = body;
    r->arg = arg;
    r->process = getpid();
    if (pthread_mutex_init(&r->lock, NULL) != 0)
        return r;
    if (pthread_cond_init(&r->changed, NULL) != 0)
        return pthread_mutex_destroy(&r->lock), r;
    sigset_t all, old; /* the thread blocks all signals, which are the host's business */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    r->has_thread = pthread_create(&r->thread, NULL, work, r) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (!r->has_thread) {
        pthread_cond_destroy(&r->changed);
        pthread_mutex_destroy(&r->lock);
    }
    return r;
}

void ct__runner_begin(ct__runner *r)
{
    if (!is_here(r))
        return;
    pthread_mutex_lock(&r->lock);
    r->state = ASKED;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

void ct__runner_wait(ct__runner *r)
{
    if (!is_here(r)) {
        r->body(r->arg);
        return;
    }
    pthread_mutex_lock(&r->lock);
    while (r->state != DONE)
        pthread_cond_wait(&r->changed, &r->lock);
    r->state = IDLE;
    pthread_mutex_unlock(&r->lock);
}
