/* A program on several processes, if it says that it can be so: `parallel`. Only rank 0 speaks. */
#include "ranks.h"

#include <stdio.h>

#ifdef HAVE_MPI
#include <cotangent/mpi.h>

bool ranks_begin(program *p, const char **why)
{
    int size = 0;
    if (p->ranks <= 1)
        return true;
    *why = "--ranks N needs N processes: mpirun -n N, or ./run";
    if (MPI_Init(NULL, NULL) != MPI_SUCCESS || MPI_Comm_size(MPI_COMM_WORLD, &size) != MPI_SUCCESS
        || size != p->ranks)
        return false;
    MPI_Comm_rank(MPI_COMM_WORLD, &p->rank);
    return p->rank == 0 || freopen("/dev/null", "w", stdout);
}

bool program_share(program *p, ct_module *net)
{
    if (p->ranks <= 1)
        return true;
    p->mpi = ct_mpi_new(p->cx, MPI_COMM_WORLD, NULL);
    return p->mpi && ct_mpi_add_module(p->mpi, net) == CT_OK;
}

ct_status program_backward(program *p, ct_tensor *loss, int64_t examples)
{
    return p->mpi ? ct_mpi_backward(p->mpi, loss, examples) : ct_backward(loss);
}

double program_mean(program *p, double value, double weight)
{
    return p->mpi ? ct_mpi_mean(p->mpi, value, weight) : value;
}

void ranks_end(program *p)
{
    if (p->ranks <= 1)
        return;
    if (p->status == EXIT_FAILED)
        MPI_Abort(MPI_COMM_WORLD, EXIT_FAILED);
    ct_mpi_free(p->mpi);
    MPI_Finalize();
}
#else
bool ranks_begin(program *p, const char **why)
{
    *why = "--ranks: this was built without MPI";
    return p->ranks <= 1;
}

bool program_share(program *p, ct_module *net)
{
    (void)p, (void)net;
    return true;
}

ct_status program_backward(program *p, ct_tensor *loss, int64_t examples)
{
    (void)p, (void)examples;
    return ct_backward(loss);
}

double program_mean(program *p, double value, double weight)
{
    (void)p, (void)weight;
    return value;
}

void ranks_end(program *p)
{
    (void)p;
}
#endif
