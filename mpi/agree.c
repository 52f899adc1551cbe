/* Agreements: at the end of a call that all ranks make, each learns whether all have done their
 * part. So a step is taken by all ranks or by none.
 *
 * An agreement is a record of whole numbers, which one MPI_Iallreduce merges: the sum of examples,
 * the smallest and largest of what the ranks call (which must be the same), the first rank that has
 * failed, and bits for parameters, which are or-ed. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ranks.h"

enum { EXAMPLES, LOW, HIGH, FAILED, BITS };
enum { NUMBER, WEIGHT, CODE, CALL, NUMBERS }; /* of a rank, in m->numbers */

static int64_t call_of(const ct_mpi *m)
{
    return m->step * CT__MPI_CALLS + m->what;
}

/* an MPI_User_function: `count` records */
static void merge(void *from, void *to, int *count, MPI_Datatype *type)
{
    int bytes = 0;
    MPI_Type_size(*type, &bytes);
    const int words = bytes / (int)sizeof(int64_t);
    for (int k = 0; k < *count; k++) {
        const int64_t *a = (const int64_t *)from + k * words;
        int64_t *b = (int64_t *)to + k * words;
        b[EXAMPLES] += a[EXAMPLES];
        b[LOW] = a[LOW] < b[LOW] ? a[LOW] : b[LOW];
        b[HIGH] = a[HIGH] > b[HIGH] ? a[HIGH] : b[HIGH];
        b[FAILED] = a[FAILED] < b[FAILED] ? a[FAILED] : b[FAILED];
        for (int i = BITS; i < words; i++)
            b[i] |= a[i];
    }
}

static int words_of(int n)
{
    return BITS + (n + 63) / 64;
}

/* There are two kinds of records: those without bits, on which ranks agree before they know that
 * they have the same parameters, and those with. */
bool ct__mpi_agreement_room(ct_mpi *m, int n)
{
    const int words = words_of(n);
    int64_t *room = ct__mpi_take(m, (size_t)words * 2 * sizeof *room);
    MPI_Datatype *record = &m->records[n > 0];
    if (!room)
        return false;
    ct__mpi_give_back(m, m->mine);
    m->mine = room;
    m->all = room + words;
    if (*record != MPI_DATATYPE_NULL)
        MPI_Type_free(record);
    return ct__mpi_good(m, MPI_Type_contiguous(words, MPI_INT64_T, record),
                        "MPI_Type_contiguous") &&
           ct__mpi_good(m, MPI_Type_commit(record), "MPI_Type_commit") &&
           (m->merge != MPI_OP_NULL ||
            ct__mpi_good(m, MPI_Op_create(merge, 1, &m->merge), "MPI_Op_create"));
}

bool ct__mpi_begin(ct_mpi *m, ct__what what)
{
    m->broken = m->broken || m->doomed;
    if (m->broken) {
        ct_fail(m->cx, CT_ERROR_CALLBACK, "%s", m->text);
        return false;
    }
    m->what = what;
    m->step++;
    m->known = false;
    return true;
}

ct_status ct__mpi_spread(ct_mpi *m, int root)
{
    ct__letter *letter = m->letter;
    MPI_Request request = MPI_REQUEST_NULL;
    if (m->rank == root) {
        memset(letter, 0, sizeof *letter);
        letter->code = ct_error(m->cx);
        snprintf(letter->text, sizeof letter->text, "%.*s", CT__TEXT - 1, ct_error_text(m->cx));
    }
    if (!ct__mpi_good(m, MPI_Ibcast(letter, sizeof *letter, MPI_BYTE, root, m->comm, &request),
                      "MPI_Ibcast") || !ct__mpi_wait(m, &request, 1))
        return CT_ERROR_CALLBACK;
    letter->text[CT__TEXT - 1] = '\0';
    m->known = true;
    bool known = letter->code > CT_OK && letter->code <= CT_ERROR_UNSUPPORTED;
    ct_status code = known ? (ct_status)letter->code : CT_ERROR_CALLBACK;
    if (m->rank != root)
        ct_fail(m->cx, code, "rank %d: %s", root, letter->text);
    return code;
}

ct_status ct__mpi_agree(ct_mpi *m, int64_t *examples, ct__slot *slots, int n)
{
    char text[CT__TEXT];
    MPI_Request request = MPI_REQUEST_NULL;
    memset(m->mine, 0, (size_t)words_of(n) * sizeof *m->mine);
    m->mine[EXAMPLES] = examples ? *examples : 0;
    m->mine[LOW] = m->mine[HIGH] = call_of(m);
    m->mine[FAILED] = ct_error(m->cx) != CT_OK ? m->rank : INT64_MAX;
    for (int i = 0; i < n; i++)
        m->mine[BITS + i / 64] |= (int64_t)((uint64_t)slots[i].present << i % 64);
    const MPI_Datatype record = m->records[n > 0];
    if (!ct__mpi_good(m, MPI_Iallreduce(m->mine, m->all, 1, record, m->merge, m->comm, &request),
                      "MPI_Iallreduce") || !ct__mpi_wait(m, &request, 1))
        return CT_ERROR_CALLBACK;
    if (m->all[LOW] != m->all[HIGH]) {
        snprintf(text, sizeof text, "rank %d: the ranks do not make the same calls", m->rank);
        ct__mpi_break(m, text);
        return CT_ERROR_CALLBACK;
    }
    if (m->all[FAILED] != INT64_MAX)
        return ct__mpi_spread(m, (int)m->all[FAILED]);
    if (examples)
        *examples = m->all[EXAMPLES];
    for (int i = 0; i < n; i++)
        slots[i].present = (uint64_t)m->all[BITS + i / 64] >> i % 64 & 1;
    return CT_OK;
}

/* -- Numbers */
/* all ranks' numbers are in m->numbers; false and an error */
static bool gather(ct_mpi *m, ct__what what, double value, double weight)
{
    if (!ct__mpi_begin(m, what))
        return false;
    MPI_Request request = MPI_REQUEST_NULL;
    double *all = m->numbers, *mine = all + m->size * NUMBERS;
    mine[NUMBER] = value, mine[WEIGHT] = weight, mine[CODE] = ct_error(m->cx);
    mine[CALL] = (double)call_of(m);
    if (!ct__mpi_good(m, MPI_Iallgather(mine, NUMBERS, MPI_DOUBLE, all, NUMBERS, MPI_DOUBLE,
                                        m->comm, &request), "MPI_Iallgather") ||
        !ct__mpi_wait(m, &request, 1))
        return false;
    for (int rank = 0; rank < m->size; rank++)
        if (all[rank * NUMBERS + CALL] != mine[CALL]) {
            char text[CT__TEXT];
            snprintf(text, sizeof text, "rank %d: the ranks do not make the same calls", m->rank);
            ct__mpi_break(m, text);
            return false;
        }
    for (int rank = 0; rank < m->size; rank++)
        if (all[rank * NUMBERS + CODE] != 0)
            return ct__mpi_spread(m, rank), false;
    return true;
}

double ct_mpi_sum(ct_mpi *m, double value)
{
    double sum = 0;
    if (!ct__mpi_alive(m, "mpi_sum") || !gather(m, CT__MPI_SUM, value, 0))
        return NAN;
    for (int rank = 0; rank < m->size; rank++)
        sum += m->numbers[rank * NUMBERS + NUMBER];
    return sum;
}

double ct_mpi_max(ct_mpi *m, double value)
{
    double max = -INFINITY;
    if (!ct__mpi_alive(m, "mpi_max") || !gather(m, CT__MPI_MAX, value, 0))
        return NAN;
    for (int rank = 0; rank < m->size; rank++) {
        double one = m->numbers[rank * NUMBERS + NUMBER];
        max = isnan(max) || one <= max ? max : one;
    }
    return max;
}

double ct_mpi_mean(ct_mpi *m, double value, double weight)
{
    double sum = 0, weights = 0;
    if (!ct__mpi_alive(m, "mpi_mean"))
        return NAN;
    if (!(weight >= 0 && isfinite(weight)))
        ct_fail(m->cx, CT_ERROR_VALUE, "mpi_mean: the weight must be finite and not negative, got "
                "%g", weight);
    if (!gather(m, CT__MPI_MEAN, value, weight))
        return NAN;
    for (int rank = 0; rank < m->size; rank++) {
        const double *one = m->numbers + rank * NUMBERS;
        sum += one[WEIGHT] != 0 ? one[WEIGHT] * one[NUMBER] : 0;
        weights += one[WEIGHT];
    }
    if (weights > 0)
        return sum / weights;
    return ct_fail(m->cx, CT_ERROR_VALUE, "mpi_mean: the weights of all ranks are 0"), NAN;
}
