/* MPI's profiling interface: each function that the library calls can be made to fail. */
#include "parts.h"

const char *fail_name;
long fail_at, fail_seen;

static int counts(const char *name)
{
    if (!fail_name || strcmp(fail_name, name) != 0 || ++fail_seen != fail_at)
        return MPI_SUCCESS;
    return MPI_ERR_OTHER;
}

long spoil_at;
bool spoil_alone;
static float *spoiled; /* in a moment */

/* y, whose first number may be another one */
static void *spoil(const void *x, void *y)
{
    if (rank > 0 || x != MPI_IN_PLACE || spoil_at == 0 || --spoil_at > 0)
        return y;
    if (spoil_alone)
        spoiled = y;
    else
        *(float *)y += 1;
    return y;
}

#define WRAP(name, parameters, arguments)                                                       \
    int MPI_##name parameters;                                                                  \
    int MPI_##name parameters                                                                   \
    {                                                                                           \
        int code = counts(#name);                                                               \
        return code == MPI_SUCCESS ? PMPI_##name arguments : code;                              \
    }

WRAP(Comm_dup, (MPI_Comm a, MPI_Comm *b), (a, b))
WRAP(Comm_set_errhandler, (MPI_Comm a, MPI_Errhandler b), (a, b))
WRAP(Type_contiguous, (int n, MPI_Datatype t, MPI_Datatype *to), (n, t, to))
WRAP(Type_commit, (MPI_Datatype *t), (t))
WRAP(Op_create, (MPI_User_function *f, int c, MPI_Op *op), (f, c, op))
WRAP(Alloc_mem, (MPI_Aint n, MPI_Info i, void *p), (n, i, p))
WRAP(Iallreduce, (const void *x, void *y, int n, MPI_Datatype t, MPI_Op op, MPI_Comm c,
                  MPI_Request *r), (x, spoil(x, y), n, t, op, c, r))
WRAP(Ibcast, (void *x, int n, MPI_Datatype t, int root, MPI_Comm c, MPI_Request *r),
     (x, n, t, root, c, r))
WRAP(Iallgather, (const void *x, int n, MPI_Datatype t, void *y, int m, MPI_Datatype u, MPI_Comm c,
                  MPI_Request *r), (x, n, t, y, m, u, c, r))
WRAP(Ialltoall, (const void *x, int n, MPI_Datatype t, void *y, int m, MPI_Datatype u, MPI_Comm c,
                 MPI_Request *r), (x, n, t, y, m, u, c, r))

int MPI_Testall(int n, MPI_Request *r, int *flag, MPI_Status *s)
{
    int code = counts("Testall") == MPI_SUCCESS ? PMPI_Testall(n, r, flag, s) : MPI_ERR_OTHER;
    if (spoiled && code == MPI_SUCCESS && *flag) {
        *spoiled += 1;
        spoiled = NULL;
    }
    return code;
}

WRAP(Iprobe, (int from, int tag, MPI_Comm c, int *flag, MPI_Status *s), (from, tag, c, flag, s))
