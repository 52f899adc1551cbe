/* mpi-tests [NAME ...]: runs the tests of that name, or all but those that run alone, on all ranks.
 * Rank 0 prints "N passed, 0 failed, 0 skipped". */
#include "parts.h"

#include <stdarg.h>

int rank, ranks;
ct_context *cx;

void check_failed(const char *file, int line, const char *format, ...)
{
    va_list list;
    fprintf(stderr, "FAILED: %s:%d: rank %d of %d: ", file, line, rank, ranks);
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fprintf(stderr, "\n");
    MPI_Abort(MPI_COMM_WORLD, 1);
    abort();
}

static void *allocate(size_t bytes, size_t alignment, void *user)
{
    void *p = NULL;
    if (posix_memalign(&p, alignment, bytes) != 0)
        return NULL;
    ++*(long *)user;
    return p;
}

static void deallocate(void *p, size_t bytes, void *user)
{
    (void)bytes;
    free(p);
    --*(long *)user;
}

static void run(const test *t)
{
    long blocks = 0;
    const ct_context_options o = { .seed = 7 + (uint64_t)rank, .pool_bytes = -1,
                                   .allocator = { allocate, deallocate, &blocks } };
    if (getenv("CT_MPI_VERBOSE") && rank == 0)
        fprintf(stderr, "%s\n", t->name);
    cx = ct_context_new(&o);
    CHECK(cx != NULL);
    t->run();
    CHECK_MSG(ct_error(cx) == CT_OK, "%s: %s", t->name, ct_error_text(cx));
    ct_context_free(cx);
    CHECK_MSG(blocks == 0, "%s: %ld blocks leaked", t->name, blocks);
    MPI_Barrier(MPI_COMM_WORLD);
}

static int run_all(const test *t, int argc, char **argv)
{
    int count = 0;
    for (; t->name; t++) {
        bool wanted = argc == 1 && t->ranks <= ranks;
        for (int k = 1; k < argc; k++)
            wanted |= strcmp(argv[k], t->name) == 0;
        if (wanted)
            run(t);
        count += wanted;
    }
    return count;
}

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    int passed = run_all(rank_tests, argc, argv) + run_all(training_tests, argc, argv) +
                 run_all(fault_tests, argc, argv);
    CHECK_MSG(passed > 0, "there is no such test");
    if (rank == 0)
        printf("%d passed, 0 failed, 0 skipped\n", passed);
    MPI_Finalize();
    return 0;
}
