/* Numbers of all ranks, which each rank gets: by way of one piece of memory, which goes with m. */
#include <string.h>

#include "ranks.h"

enum { PIECE = 1 << 18, EACH = 64 }; /* bytes; and as many more for each rank */

bool ct__mpi_piece(ct_mpi *m)
{
    m->piece_bytes = PIECE + EACH * ((size_t)m->size + 1);
    m->piece = ct__mpi_take(m, m->piece_bytes);
    return m->piece != NULL;
}

bool ct__mpi_pass(ct_mpi *m, int root, void *data, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += PIECE) {
        const size_t n = bytes - at < PIECE ? bytes - at : PIECE;
        char *here = data ? (char *)data + at : NULL;
        MPI_Request request = MPI_REQUEST_NULL;
        if (m->rank == root)
            memcpy(m->piece, here, n);
        if (!ct__mpi_good(m, MPI_Ibcast(m->piece, (int)n, MPI_BYTE, root, m->comm, &request),
                          "MPI_Ibcast") || !ct__mpi_wait(m, &request, 1))
            return false;
        if (m->rank != root && here)
            memcpy(here, m->piece, n);
    }
    return true;
}

const void *ct__mpi_gather(ct_mpi *m, const void *mine, size_t bytes)
{
    char *all = m->piece + bytes;
    MPI_Request request = MPI_REQUEST_NULL;
    memcpy(m->piece, mine, bytes);
    if (!ct__mpi_good(m, MPI_Iallgather(m->piece, (int)bytes, MPI_BYTE, all, (int)bytes, MPI_BYTE,
                                        m->comm, &request), "MPI_Iallgather") ||
        !ct__mpi_wait(m, &request, 1))
        return NULL;
    return all;
}

/* -- Sums */
static bool add_in_order(ct_mpi *m, void *data, ct_dtype dtype, int64_t n)
{
    const size_t bytes = (size_t)n * ct_dtype_size(dtype);
    const char *all = ct__mpi_gather(m, data, bytes);
    if (!all)
        return false;
    memcpy(data, all, bytes);
    for (int k = 1; k < m->size; k++)
        ct__mpi_add(dtype, data, all + (size_t)k * bytes, n);
    return true;
}

static bool add(ct_mpi *m, void *data, ct_dtype dtype, int64_t n)
{
    const size_t bytes = (size_t)n * ct_dtype_size(dtype);
    MPI_Request request = MPI_REQUEST_NULL;
    memcpy(m->piece, data, bytes);
    if (!ct__mpi_good(m, MPI_Iallreduce(MPI_IN_PLACE, m->piece, (int)n, ct__mpi_type(dtype),
                                        MPI_SUM, m->comm, &request), "MPI_Iallreduce") ||
        !ct__mpi_wait(m, &request, 1))
        return false;
    memcpy(data, m->piece, bytes);
    return true;
}

bool ct__mpi_sums(ct_mpi *m, void *data, ct_dtype dtype, int64_t n)
{
    const size_t size = ct_dtype_size(dtype), parts = m->options.ordered ? (size_t)m->size + 1 : 1;
    const int64_t most = (int64_t)(m->piece_bytes / parts / size);
    for (int64_t at = 0; at < n; at += most) {
        const int64_t count = n - at < most ? n - at : most;
        char *here = (char *)data + (size_t)at * size;
        if (!(m->options.ordered ? add_in_order : add)(m, here, dtype, count))
            return false;
    }
    return true;
}
