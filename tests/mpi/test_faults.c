/* mpi/: ranks that fail, are slow, or leave; and every allocation and call of MPI that fails. */
#define _POSIX_C_SOURCE 200809L
#include "parts.h"

#include <math.h>
#include <signal.h>
#include <time.h>

static void rest(double seconds)
{
    struct timespec t = { (time_t)seconds, (long)((seconds - floor(seconds)) * 1e9) };
    nanosleep(&t, NULL);
}

static double now(void)
{
    return MPI_Wtime();
}

/* one of so many faults is tried: all of them in ./run slow mpi */
static int step(void)
{
    const char *text = getenv("MPI_FAULTS_STEP");
    return text ? atoi(text) : 1;
}

static int last(void)
{
    return ranks - 1;
}

/* two steps, and a number; it may fail anywhere. Returns the module */
static ct_module *work(ct_context *c, const ct_mpi_options *o)
{
    ct_scope scope = ct_scope_begin(c);
    ct_module *m = ct_mlp_new(c, CT_F32, CT_SIZES(2, 3, 1), CT_TANH, NULL);
    ct_mpi *all = ct_mpi_new(c, MPI_COMM_WORLD, o);
    int n = 0;
    ct_tensor *x = ct_ones(c, CT_F32, CT_SHAPE(4, 2));
    if (all && ct_mpi_add_module(all, m) == CT_OK) {
        ct_tensor *const *w = ct_module_parameters(m, &n);
        ct_optimizer *s = ct_sgd_new(w, n, 0.1, NULL);
        for (int i = 0; i < 2; i++)
            if (ct_mpi_backward(all, ct_mean(ct_square(ct_module_forward(m, x))), 4) == CT_OK)
                ct_optimizer_step(s);
        ct_mpi_sum(all, 1);
    }
    ct_scope_end(c, scope);
    ct_mpi_free(all);
    return m;
}

/* -- Allocations */
typedef struct fault {
    long live, count, at;
    bool for_ever, failed;
} fault;

static void *allocate(size_t bytes, size_t alignment, void *user)
{
    fault *f = user;
    void *p = NULL;
    f->count++;
    if (f->at && (f->count == f->at || (f->for_ever && f->count > f->at)))
        return f->failed = true, NULL;
    if (posix_memalign(&p, alignment, bytes) != 0)
        return NULL;
    f->live++;
    return p;
}

static void deallocate(void *p, size_t bytes, void *user)
{
    (void)bytes;
    free(p);
    ((fault *)user)->live--;
}

static bool on_any(bool mine)
{
    int in = mine, out = 0;
    MPI_Allreduce(&in, &out, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    return out;
}

/* allocation n of the last rank fails: an error of all ranks. false: it has no n-th allocation */
static bool allocation_fails(long n, bool for_ever, const ct_mpi_options *o)
{
    fault f = { .for_ever = for_ever };
    const ct_context_options options = { .pool_bytes = -1,
                                         .allocator = { allocate, deallocate, &f } };
    ct_context *c = ct_context_new(&options);
    f.at = rank == last() ? f.count + n : 0;
    work(c, o);
    f.at = 0;
    const bool failed = on_any(f.failed);
    CHECK_MSG((ct_error(c) != CT_OK) == failed, "allocation %ld, %s: %s", n,
              failed ? "failed" : "did not fail", ct_error_text(c));
    CHECK_MSG(!f.failed || ct_error(c) == CT_ERROR_MEMORY, "%s", ct_error_text(c));
    ct_context_free(c);
    CHECK_MSG(f.live == 0, "allocation %ld failed: %ld blocks leaked", n, f.live);
    return failed;
}

static void every_allocation_may_fail(void)
{
    for (int k = 0; k < 3; k++) {
        ct_mpi_options o = { .bucket_bytes = 16, .ordered = k == 1, .timeout = 60 };
        long n = 1;
        while (allocation_fails(n, k == 2, &o))
            n += step();
        CHECK_MSG(n > 50, "%ld allocations", n);
    }
}

/* -- Calls of MPI */
/* call n of that function fails on the last rank, or, before ranks can tell each other, on all */
static bool call_fails(const char *name, long n, const ct_mpi_options *o)
{
    const bool setup = strncmp(name, "Comm_", 5) == 0;
    const bool waiting = strcmp(name, "Testall") == 0 || strcmp(name, "Iprobe") == 0;
    ct_context *c = ct_context_new(NULL);
    fail_name = setup || rank == last() ? name : NULL;
    fail_at = n;
    fail_seen = 0;
    ct_module *m = work(c, o);
    fail_name = NULL;
    const bool failed = on_any(fail_seen >= n);
    /* who waits may not see that the others have what it waits for */
    CHECK_MSG((ct_error(c) != CT_OK) == failed || (failed && waiting), "%s, call %ld, %s: %s", name,
              n, failed ? "failed" : "did not fail", ct_error_text(c));
    if (fail_seen >= n) {
        char text[60];
        snprintf(text, sizeof text, "rank %d: MPI_%s: ", rank, name);
        CHECK_MSG(strstr(ct_error_text(c), setup ? strchr(text, ':') : text), "%s",
                  ct_error_text(c));
    }
    int count;
    ct_tensor *const *w = ct_module_parameters(m, &count);
    CHECK_MSG(waiting || same_everywhere(w, count), "%s, call %ld: parameters differ", name, n);
    ct_context_free(c);
    return failed;
}

static void every_call_of_mpi_may_fail(void)
{
    static const char *const names[] = { "Comm_dup", "Comm_set_errhandler", "Type_contiguous",
        "Type_commit", "Op_create", "Alloc_mem", "Iallreduce", "Ibcast", "Iallgather", "Ialltoall",
        "Testall", "Iprobe" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ct_mpi_options o = { .bucket_bytes = 16, .ordered = strcmp(names[i], "Ialltoall") == 0,
                             .timeout = 60 };
        long n = 1, most = strcmp(names[i], "Testall") == 0 ? 40 : 100;
        while (n < most && call_fails(names[i], n, &o))
            n += n < 3 ? 1 : step();
        CHECK_MSG(n > 1 || strcmp(names[i], "Iprobe") == 0, "MPI_%s is not called", names[i]);
    }
}

/* -- Ranks that do not come */
static void a_rank_that_leaves_tells_the_others(void)
{
    ct_mpi *m = ct_mpi_new(cx, MPI_COMM_WORLD, NULL);
    ct_tensor *w = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(2)));
    CHECK(ct_mpi_add_parameters(m, &w, 1) == CT_OK);
    if (rank == last()) {
        ct_fail(cx, CT_ERROR_FILE, "no such file");
        ct_mpi_free(m);
        expect(CT_ERROR_FILE, "no such file");
        return;
    }
    char text[40];
    snprintf(text, sizeof text, "rank %d: no such file", last());
    CHECK(ct_mpi_backward(m, ct_sum(w), 1) == CT_ERROR_CALLBACK && !ct_gradient(w));
    expect(CT_ERROR_CALLBACK, text);
    CHECK(isnan(ct_mpi_sum(m, 1))); /* and for ever */
    expect(CT_ERROR_CALLBACK, text);
}

static void a_rank_that_calls_nothing_is_named(void)
{
    ct_mpi *m = ct_mpi_new(cx, MPI_COMM_WORLD, &(ct_mpi_options){ .timeout = 0.2 });
    ct_tensor *w = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(2)));
    char text[40];
    CHECK(ct_mpi_add_parameters(m, &w, 1) == CT_OK);
    const double begun = now();
    snprintf(text, sizeof text, "rank %d has made no call for", last());
    if (rank == last())
        rest(1);
    CHECK(ct_mpi_backward(m, ct_sum(w), 1) == CT_ERROR_CALLBACK);
    CHECK_MSG(rank == last() || now() - begun < 10, "it took %g s", now() - begun);
    expect(CT_ERROR_CALLBACK, text);
}

/* a slow rank is no error if it comes before the others give up, which is after 2 seconds */
static void a_slow_rank_is_waited_for(void)
{
    ct_mpi *m = ct_mpi_new(cx, MPI_COMM_WORLD, &(ct_mpi_options){ .timeout = 1 });
    if (rank == last())
        rest(1.1);
    CHECK(ct_mpi_sum(m, 1) == ranks);
}

static void different_calls_are_found(void)
{
    for (int k = 0; k < 2; k++) {
        ct_mpi *m = ct_mpi_new(cx, MPI_COMM_WORLD, &(ct_mpi_options){ .timeout = 0.2 });
        ct_tensor *w = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(2)));
        CHECK_MSG(ct_mpi_add_parameters(m, &w, 1) == CT_OK, "%s", ct_error_text(cx));
        if (k == 0)
            CHECK(isnan(rank == 0 ? ct_mpi_sum(m, 1) : ct_mpi_max(m, 1)));
        else if (rank == 0)
            CHECK(isnan(ct_mpi_mean(m, 1, 1)));
        else
            CHECK(ct_mpi_backward(m, ct_sum(w), 1) == CT_ERROR_CALLBACK);
        CHECK(ct_error(cx) == CT_ERROR_CALLBACK);
        CHECK_MSG(strstr(ct_error_text(cx), "the same calls"), "%s", ct_error_text(cx));
        ct_error_clear(cx);
    }
}

/* rank 0 writes a file again and again, and the last rank is killed: test_killed.sh looks at it */
static void killed(void)
{
    net a = make_net(CT_F32, 1);
    ct_mpi *m = ct_mpi_new(cx, MPI_COMM_WORLD, NULL);
    ct_mpi_add_module(m, a.module);
    for (int i = 0; i < 100000 && !ct_error(cx); i++) {
        ct_scope scope = ct_scope_begin(cx);
        ct_mpi_backward(m, loss_of(&a, i, 2), 2);
        ct_module_zero_grad(a.module);
        if (rank == 0)
            ct_module_save(a.module, "killed.safetensors");
        if (rank == last() && i == 20) {
            FILE *when = fopen("killed-at", "w");
            if (when)
                fclose(when);
            raise(SIGKILL);
        }
        ct_scope_end(cx, scope);
    }
}

/* what killed left: a whole file */
static void left(void)
{
    net a = make_net(CT_F32, 1);
    if (ct_module_load(a.module, "killed.safetensors", 0) != CT_OK)
        CHECK_MSG(ct_error(cx) == CT_ERROR_UNSUPPORTED, "%s", ct_error_text(cx));
    ct_error_clear(cx);
}

const test fault_tests[] = {
    { "every_allocation_may_fail", every_allocation_may_fail, ALONE },
    { "every_call_of_mpi_may_fail", every_call_of_mpi_may_fail, ALONE },
    { "a_rank_that_leaves_tells_the_others", a_rank_that_leaves_tells_the_others, 2 },
    { "a_rank_that_calls_nothing_is_named", a_rank_that_calls_nothing_is_named, 2 },
    { "a_slow_rank_is_waited_for", a_slow_rank_is_waited_for, 1 },
    { "different_calls_are_found", different_calls_are_found, 2 },
    { "killed", killed, ALONE },
    { "left", left, ALONE },
    { NULL, NULL, 0 }
};
