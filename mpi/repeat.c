/* Are the sums of this MPI the same each time? A trial at the start, in the largest bucket.
 *
 * MPI may add in another order each time: as messages arrive, or as it cuts what it is given. So
 * the same numbers, of many sizes, are summed three times: as backward does; again, while the ranks
 * come in the opposite order; and turned round, in two parts, so that they lie in other places.
 * What comes out is compared by a hash of all its bits, and with that of rank 0.
 *
 * That nothing differs is evidence, not proof: MPI may choose otherwise under load. */
#include <cotangent/op.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "ranks.h"

enum { MOST = 1 << 20 }; /* numbers */
enum { AS_IT_IS, OPPOSITE, TURNED, TRIALS };
enum { VARY = 1, MOVE = 2, APART = 4 }; /* what a rank has seen */

/* of this rank: from -1 to 1, times a power of two from 2^-8 to 2^7 */
static double number(const ct_mpi *m, int64_t i)
{
    const uint64_t bits = ct_random_at((uint64_t)m->rank, (uint64_t)i);
    return ldexp((double)(int64_t)bits, -63 + (int)(bits & 15) - 8);
}

static int64_t place(const ct__bucket *b, int trial, int64_t i)
{
    return trial == TURNED ? (i + b->count / 3) % b->count : i;
}

static void fill(const ct_mpi *m, const ct__bucket *b, int trial)
{
    for (int64_t i = 0; i < b->count; i++) {
        const double x = number(m, i);
        if (b->dtype == CT_F32)
            ((float *)b->data)[place(b, trial, i)] = (float)x;
        else
            ((double *)b->data)[place(b, trial, i)] = x;
    }
}

/* it does not depend on the places */
static uint64_t hash(const ct__bucket *b, int trial)
{
    uint64_t sum = 0;
    const size_t size = ct_dtype_size(b->dtype);
    for (int64_t i = 0; i < b->count; i++) {
        uint64_t bits = 0;
        memcpy(&bits, (char *)b->data + (size_t)place(b, trial, i) * size, size);
        sum += ct_random_at(bits, (uint64_t)i);
    }
    return sum;
}

/* who comes first has the others' numbers later */
static void pause(const ct_mpi *m, int trial)
{
    const int turn = trial == OPPOSITE ? m->size - m->rank : m->rank;
    const struct timespec nap = { 0, 500000L * turn / m->size };
    nanosleep(&nap, NULL);
}

static bool sum(ct_mpi *m, const ct__bucket *b, int trial)
{
    MPI_Request requests[2] = { MPI_REQUEST_NULL, MPI_REQUEST_NULL };
    const int all = (int)b->count, first = trial == TURNED ? all / 2 : all;
    const MPI_Datatype type = ct__mpi_type(b->dtype);
    char *rest = (char *)b->data + (size_t)first * ct_dtype_size(b->dtype);
    return ct__mpi_good(m, MPI_Iallreduce(MPI_IN_PLACE, b->data, first, type, MPI_SUM, m->exchange,
                                          &requests[0]), "MPI_Iallreduce") &&
           (first == all ||
            ct__mpi_good(m, MPI_Iallreduce(MPI_IN_PLACE, rest, all - first, type, MPI_SUM,
                                           m->exchange, &requests[1]), "MPI_Iallreduce")) &&
           ct__mpi_wait(m, requests, 2);
}

static ct_status judge(ct_mpi *m, const uint64_t *mine, const char *who)
{
    uint64_t first[TRIALS], seen = 0;
    memcpy(first, mine, sizeof first);
    if (!ct__mpi_pass(m, 0, first, sizeof first))
        return CT_ERROR_CALLBACK;
    seen |= mine[OPPOSITE] != mine[AS_IT_IS] ? VARY : 0;
    seen |= mine[TURNED] != mine[AS_IT_IS] ? MOVE : 0;
    seen |= memcmp(first, mine, sizeof first) != 0 ? APART : 0;
    const uint64_t *all = ct__mpi_gather(m, &seen, sizeof seen);
    for (int rank = 0; all && rank < m->size; rank++)
        seen |= all[rank];
    if (all && seen & APART)
        return ct_fail(m->cx, CT_ERROR_UNSUPPORTED, "%s: MPI gives the ranks sums with different "
                       "bits, so their parameters would not stay equal; the option `ordered` "
                       "prevents it", who);
    m->shared->sums = seen & VARY ? CT_MPI_VARY : seen & MOVE ? CT_MPI_REPEAT : CT_MPI_ALIKE;
    return all ? CT_OK : CT_ERROR_CALLBACK;
}

ct_status ct__mpi_try_sums(ct_mpi *m, const char *who)
{
    uint64_t hashes[TRIALS];
    ct__bucket b = m->shared->bucket[0];
    m->shared->sums = m->options.ordered ? CT_MPI_ORDERED : CT_MPI_ALIKE;
    if (m->options.ordered || m->size == 1 || m->shared->buckets == 0)
        return CT_OK;
    for (int k = 1; k < m->shared->buckets; k++)
        b = m->shared->bucket[k].count > b.count ? m->shared->bucket[k] : b;
    b.count = b.count < MOST ? b.count : MOST;
    for (int trial = 0; trial < TRIALS; trial++) {
        fill(m, &b, trial);
        pause(m, trial);
        if (!sum(m, &b, trial))
            return CT_ERROR_CALLBACK;
        hashes[trial] = hash(&b, trial);
    }
    return judge(m, hashes, who);
}

ct_mpi_sums ct_mpi_sums_of(const ct_mpi *m)
{
    return ct__mpi_alive(m, "mpi_sums_of") && m->shared ? m->shared->sums : CT_MPI_UNTRIED;
}
