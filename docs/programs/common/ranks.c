/* A program on several processes, if it says that it can be so: `parallel`. Only rank 0 speaks. */
#include "ranks.h"

#include <math.h>
#include <stdio.h>

#ifdef HAVE_MPI
#include <cotangent/mpi.h>

static bool begin(program *p, const char **why)
{
    int size = 0;
    *why = "--ranks N needs N processes: mpirun -n N, or ./run";
    if (MPI_Init(NULL, NULL) != MPI_SUCCESS || MPI_Comm_size(MPI_COMM_WORLD, &size) != MPI_SUCCESS
        || size != p->ranks)
        return false;
    MPI_Comm_rank(MPI_COMM_WORLD, &p->rank);
    return p->rank == 0 || freopen("/dev/null", "w", stdout);
}

bool program_share(program *p, ct_module *net)
{
    static const char *const sums[] = { "are not known", "vary from run to run",
                                        "repeat in the same buckets", "repeat", "repeat" };
    if (p->ranks <= 1)
        return true;
    bool first = !p->mpi;
    ct_mpi_free(p->mpi); /* it has trained another network */
    p->mpi = ct_mpi_new(p->cx, MPI_COMM_WORLD, NULL);
    if (!p->mpi || ct_mpi_add_module(p->mpi, net) != CT_OK)
        return false;
    if (first)
        report_setting(p, "Processes", "%d; the bits of their sums %s", p->ranks,
                       sums[ct_mpi_sums_of(p->mpi)]);
    return true;
}

double program_mean(program *p, double value, double weight)
{
    return p->ranks > 1 ? ct_mpi_mean(p->mpi, value, weight) : value;
}

static double step(program *p, ct_module *net, ct_optimizer *o, ct_module_loss loss,
                   ct_tensor *const *x)
{
    const int64_t examples = ct_size(x[0], 0); /* there may be none */
    ct_tensor *j = examples > 0 ? loss(net, (void *)(uintptr_t)x) : NULL;
    if (ct_mpi_backward(p->mpi, j, examples) == CT_OK)
        ct_optimizer_step(o);
    return program_mean(p, j ? ct_item(j) : 0, (double)examples);
}

static void end(program *p)
{
    if (p->status == EXIT_FAILED)
        MPI_Abort(MPI_COMM_WORLD, EXIT_FAILED);
    ct_mpi_free(p->mpi);
    MPI_Finalize();
}
#else
static bool begin(program *p, const char **why)
{
    (void)p;
    *why = "--ranks: this was built without MPI";
    return false;
}

bool program_share(program *p, ct_module *net)
{
    (void)p, (void)net;
    return true;
}

double program_mean(program *p, double value, double weight)
{
    (void)p, (void)weight;
    return value;
}

static double step(program *p, ct_module *net, ct_optimizer *o, ct_module_loss loss,
                   ct_tensor *const *x)
{
    (void)p, (void)net, (void)o, (void)loss, (void)x;
    return NAN;
}

static void end(program *p)
{
    (void)p;
}
#endif

const struct ranks program_ranks = { begin, end, step };

ct_batches *program_batches(const program *p, ct_tensor *x, ct_tensor *labels, int64_t size,
                            const ct_batches_options *options)
{
    ct_batches_options o = options ? *options : (ct_batches_options){ 0 };
    if (p->ranks > 1)
        o.rank = p->rank, o.ranks = p->ranks, o.seed = (uint64_t)p->seed;
    return ct_batches_new(x, labels, size, &o);
}

ct_tensor *program_part(const program *p, ct_tensor *x)
{
    const int64_t n = ct_size(x, 0);
    return ct_slice(x, 0, n * p->rank / p->ranks, n * (p->rank + 1) / p->ranks, 1);
}
