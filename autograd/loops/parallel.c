/* Threads. Work goes to the host's own pool if the host gave us one (parallel_for of the context's
 * options). Else it goes to a pool of the context, which starts when it is first needed.
 *
 * The caller opens a job, works on it too, closes it, and waits for the workers that joined. A
 * worker counts itself as active before it looks whether the job is open: so the caller cannot miss
 * it, and a worker that wakes late finds the job closed. So a job never waits for a parked thread.
 *
 * Workers spin for about 200 us before they park, because waking one costs more than many kernels
 * take, and a training step has gaps between its large kernels. After the first 10 us they yield to
 * other threads. The caller waits for its workers in the same way. Where the machine has more to do
 * than it has cores, a thread that yields comes back late: so the 200 us are those of the clock. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "loops.h"

enum {
    MOST = 64, SPINS = 1000, PATIENCE = 200, /* microseconds */
    MOST_ROOM = 64 << 20                     /* bytes of the memory of all slots but one */
};

/* The part of a job that one thread begins with. It is the same part each time that the same job
 * comes again, so that the thread finds its data in its cache. A thread that is done helps others.
 * */
typedef struct share {
    _Alignas(64) atomic_int_least64_t next;
    int64_t end;
} share;

/* deals 0..n to the threads */
static void deal(share *shares, int64_t count, int64_t n)
{
    int64_t each = n / count, more = n % count, at = 0;
    for (int64_t k = 0; k < count; k++) {
        atomic_store(&shares[k].next, at);
        shares[k].end = at += each + (k < more);
    }
}

/* What the thread of that number does next: the next of its own share, or, when *turn shares are
 * used up, of another's. -1: nothing is left */
static int64_t take_next(share *shares, int64_t count, int64_t number, int64_t *turn)
{
    for (; *turn < count; ++*turn) {
        share *s = &shares[(number + *turn) % count];
        int64_t i = atomic_fetch_add(&s->next, 1);
        if (i < s->end)
            return i;
    }
    return -1;
}

typedef struct seat {
    struct ct__threads *threads;
    int number; /* the caller has number 0 */
} seat;

struct ct__threads {
    share shares[MOST];
    seat seats[MOST];
    pthread_t id[MOST];
    int count;
    pid_t process; /* a child after fork() has this memory, but not the threads */
    bool has_locks;
    pthread_mutex_t lock;
    pthread_cond_t wake, done; /* for parked workers; for the caller */
    atomic_uint_least64_t begun; /* number of the newest job */
    atomic_uint_least64_t open;  /* number of the job that may be joined; 0: none */
    atomic_int active, parked;
    atomic_bool stop, waits; /* waits: the caller, for `active` to become 0 */
    void (*body)(int64_t i, void *arg);
    void *arg;
};

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* A wait that has begun: it spins, then yields, and is over when its time is */
typedef struct patience {
    int spins;
    struct timespec begun;
} patience;

/* false: the wait has taken too long, and should go on asleep */
static bool spin(patience *p)
{
    struct timespec now;
    relax();
    if (++p->spins < SPINS || p->spins % 64 > 0)
        return true;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (p->spins < SPINS + 64)
        p->begun = now;
    sched_yield();
    return (now.tv_sec - p->begun.tv_sec) * 1000000 + (now.tv_nsec - p->begun.tv_nsec) / 1000 <
           PATIENCE;
}

static void work(ct__threads *t, int number)
{
    for (int64_t i, turn = 0; (i = take_next(t->shares, t->count + 1, number, &turn)) >= 0;)
        t->body(i, t->arg);
}

/* Waits for a job newer than `seen`, and returns its number; 0: the pool stops. */
static uint64_t await(ct__threads *t, uint64_t seen)
{
    patience p = { 0 };
    do {
        uint64_t job = atomic_load(&t->begun);
        if (job != seen || atomic_load(&t->stop))
            return atomic_load(&t->stop) ? 0 : job;
    } while (spin(&p));
    pthread_mutex_lock(&t->lock);
    atomic_fetch_add(&t->parked, 1);
    while (atomic_load(&t->begun) == seen && !atomic_load(&t->stop))
        pthread_cond_wait(&t->wake, &t->lock);
    atomic_fetch_sub(&t->parked, 1);
    pthread_mutex_unlock(&t->lock);
    return atomic_load(&t->stop) ? 0 : atomic_load(&t->begun);
}

static void leave(ct__threads *t)
{
    if (atomic_fetch_sub(&t->active, 1) > 1 || !atomic_load(&t->waits))
        return;
    pthread_mutex_lock(&t->lock);
    pthread_cond_signal(&t->done);
    pthread_mutex_unlock(&t->lock);
}

static void *worker(void *seat_of_it)
{
    const seat *own = seat_of_it;
    ct__threads *t = own->threads;
    for (uint64_t job = 0; (job = await(t, job)) != 0;) {
        atomic_fetch_add(&t->active, 1);
        if (atomic_load(&t->open) == job)
            work(t, own->number);
        leave(t);
    }
    return NULL;
}

static void wake_parked(ct__threads *t)
{
    if (atomic_load(&t->parked) == 0)
        return;
    pthread_mutex_lock(&t->lock);
    pthread_cond_broadcast(&t->wake);
    pthread_mutex_unlock(&t->lock);
}

static int wanted(const ct_context *cx)
{
    int threads = cx->options.threads;
    return threads > MOST ? MOST : threads;
}

int ct_threads_of(const ct_context *cx)
{
    int threads = cx ? wanted(cx) : 1;
    bool unknown = cx && cx->options.parallel_for && threads < 1;
    return unknown ? MOST : threads > 1 ? threads : 1;
}

static bool make_locks(ct__threads *t)
{
    if (pthread_mutex_init(&t->lock, NULL) != 0)
        return false;
    bool can_wake = pthread_cond_init(&t->wake, NULL) == 0;
    if (can_wake && pthread_cond_init(&t->done, NULL) == 0)
        return true;
    if (can_wake)
        pthread_cond_destroy(&t->wake);
    pthread_mutex_destroy(&t->lock);
    return false;
}

/* The pool, started if need be. NULL, or a pool without workers: the caller works alone. */
static ct__threads *start(ct_context *cx)
{
    if (cx->threads && cx->threads->process == getpid())
        return cx->threads;
    if (!cx->threads)
        cx->threads = ct__allocate(cx, sizeof *cx->threads, 64);
    ct__threads *t = cx->threads;
    if (!t)
        return NULL;
    memset(t, 0, sizeof *t);
    t->process = getpid();
    t->has_locks = make_locks(t);
    if (!t->has_locks)
        return t; /* without workers */
    sigset_t all, old; /* workers block all signals, which are the host's business */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    while (t->count < wanted(cx) - 1) {
        seat *next = &t->seats[t->count];
        *next = (seat){ t, t->count + 1 };
        if (pthread_create(&t->id[t->count], NULL, worker, next) != 0)
            break;
        t->count++;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return t;
}

static void await_workers(ct__threads *t)
{
    patience p = { 0 };
    do {
        if (atomic_load(&t->active) == 0)
            return;
    } while (spin(&p));
    pthread_mutex_lock(&t->lock);
    atomic_store(&t->waits, true);
    while (atomic_load(&t->active) > 0)
        pthread_cond_wait(&t->done, &t->lock);
    atomic_store(&t->waits, false);
    pthread_mutex_unlock(&t->lock);
}

static void run_job(ct__threads *t, int64_t n, void (*body)(int64_t i, void *arg), void *arg)
{
    t->body = body;
    t->arg = arg;
    deal(t->shares, t->count + 1, n);
    uint64_t job = atomic_load(&t->begun) + 1;
    atomic_store(&t->open, job);
    atomic_store(&t->begun, job);
    wake_parked(t);
    work(t, 0);
    atomic_store(&t->open, 0);
    await_workers(t);
}

void ct_parallel_for(ct_context *cx, int64_t n, void (*body)(int64_t i, void *arg), void *arg)
{
    if (!cx || !body || n <= 0)
        return;
    if (n > 1 && cx->options.parallel_for) {
        ct__scope scope;
        ct__scope_push(cx, &scope);
        cx->options.parallel_for(n, body, arg, cx->options.user);
        ct__scope_pop(cx, &scope);
        return;
    }
    ct__threads *t = n > 1 && wanted(cx) > 1 ? start(cx) : NULL;
    if (t && t->count > 0) {
        run_job(t, n, body, arg);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        body(i, arg);
}

typedef struct ranges {
    int64_t n, grain;
    void (*body)(int64_t begin, int64_t end, void *arg);
    void *arg;
} ranges;

static void run_range(int64_t i, void *arg)
{
    const ranges *r = arg;
    int64_t begin = i * r->grain, rest = r->n - begin;
    r->body(begin, rest < r->grain ? r->n : begin + r->grain, r->arg);
}

void ct_parallel_ranges(ct_context *cx, int64_t n, int64_t grain,
                        void (*body)(int64_t begin, int64_t end, void *arg), void *arg)
{
    ranges r = { n, grain > 0 ? grain : 1, body, arg };
    if (body && n > 0)
        ct_parallel_for(cx, (n - 1) / r.grain + 1, run_range, &r);
}

/* -- Slots: each is an index of a loop that takes what is left to do */
typedef struct slots {
    share shares[MOST];
    int64_t count;
    void (*body)(int64_t i, int64_t slot, void *arg);
    void *arg;
} slots;

static void run_slot(int64_t slot, void *arg)
{
    slots *s = arg;
    for (int64_t i, turn = 0; (i = take_next(s->shares, s->count, slot, &turn)) >= 0;)
        s->body(i, slot, s->arg);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void ct_parallel_slots(ct_context *cx, int64_t n, int64_t count,
                       void (*body)(int64_t i, int64_t slot, void *arg), void *arg)
{
    slots s = { .count = least(least(count, n), MOST), .body = body, .arg = arg };
    if (!body || s.count <= 0)
        return;
    deal(s.shares, s.count, n);
    ct_parallel_for(cx, s.count, run_slot, &s);
}

int64_t ct_slots_of(const ct_context *cx, int64_t n, size_t bytes)
{
    int64_t room = 1 + (int64_t)(MOST_ROOM / (bytes + 1));
    int64_t count = least(least(n, ct_threads_of(cx)), room);
    return count > 1 ? count : 1;
}

void ct__threads_free(ct_context *cx)
{
    ct__threads *t = cx->threads;
    if (t && t->process == getpid() && t->has_locks) {
        pthread_mutex_lock(&t->lock);
        atomic_store(&t->stop, true);
        pthread_cond_broadcast(&t->wake);
        pthread_mutex_unlock(&t->lock);
        for (int i = 0; i < t->count; i++)
            pthread_join(t->id[i], NULL);
        pthread_cond_destroy(&t->wake);
        pthread_cond_destroy(&t->done);
        pthread_mutex_destroy(&t->lock);
    }
    if (t)
        ct__deallocate(cx, t, sizeof *t);
}
