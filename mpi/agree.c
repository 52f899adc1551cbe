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
    ct_call_once(m->cx, "a call of MPI"); /* but for an operator's, which a program calls too */
    m->what = what;
    m->step++;
    m->known = false;
    return true;
}

ct_status ct__mpi_spread(ct_mpi *m, int root)
{
    ct__letter letter = { .code = ct_error(m->cx) };
    if (m->rank == root)
        snprintf(letter.text, sizeof letter.text, "%.*s", CT__TEXT - 1, ct_error_text(m->cx));
    if (!ct__mpi_pass(m, root, &letter, sizeof letter))
        return CT_ERROR_CALLBACK;
    letter.text[CT__TEXT - 1] = '\0';
    m->known = true;
    bool known = letter.code > CT_OK && letter.code <= CT_ERROR_UNSUPPORTED;
    ct_status code = known ? (ct_status)letter.code : CT_ERROR_CALLBACK;
    if (m->rank != root)
        ct_fail(m->cx, code, "rank %d: %s", root, letter.text);
    return code;
}

/* false: the ranks are in different calls */
static bool same_call(ct_mpi *m, bool same)
{
    char text[CT__TEXT];
    if (same)
        return true;
    snprintf(text, sizeof text, "rank %d: the ranks do not make the same calls", m->rank);
    ct__mpi_break(m, text);
    return false;
}

ct_status ct__mpi_agree(ct_mpi *m, int64_t *examples, ct__slot *slots, int n)
{
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
    if (!same_call(m, m->all[LOW] == m->all[HIGH]))
        return CT_ERROR_CALLBACK;
    if (m->all[FAILED] != INT64_MAX)
        return ct__mpi_spread(m, (int)m->all[FAILED]);
    if (examples)
        *examples = m->all[EXAMPLES];
    for (int i = 0; i < n; i++)
        slots[i].present = (uint64_t)m->all[BITS + i / 64] >> i % 64 & 1;
    return CT_OK;
}

/* -- Numbers */
typedef struct numbers {
    double number, weight, code, call;
} numbers;

/* those of all ranks; NULL and an error */
static const numbers *gather(ct_mpi *m, ct__what what, double value, double weight)
{
    if (!ct__mpi_begin(m, what))
        return NULL;
    const numbers mine = { value, weight, ct_error(m->cx), (double)call_of(m) };
    const numbers *all = ct__mpi_gather(m, &mine, sizeof mine);
    for (int rank = 0; all && rank < m->size; rank++)
        if (!same_call(m, all[rank].call == mine.call))
            return NULL;
    for (int rank = 0; all && rank < m->size; rank++)
        if (all[rank].code != 0)
            return ct__mpi_spread(m, rank), NULL;
    return all;
}

double ct_mpi_sum(ct_mpi *m, double value)
{
    double sum = 0;
    const numbers *all = ct__mpi_alive(m, "mpi_sum") ? gather(m, CT__MPI_SUM, value, 0) : NULL;
    for (int rank = 0; all && rank < m->size; rank++)
        sum += all[rank].number;
    return all ? sum : NAN;
}

double ct_mpi_max(ct_mpi *m, double value)
{
    double max = -INFINITY;
    const numbers *all = ct__mpi_alive(m, "mpi_max") ? gather(m, CT__MPI_MAX, value, 0) : NULL;
    for (int rank = 0; all && rank < m->size; rank++)
        max = isnan(max) || all[rank].number <= max ? max : all[rank].number;
    return all ? max : NAN;
}

double ct_mpi_mean(ct_mpi *m, double value, double weight)
{
    double sum = 0, weights = 0;
    if (!ct__mpi_alive(m, "mpi_mean"))
        return NAN;
    if (!(weight >= 0 && isfinite(weight)))
        ct_fail(m->cx, CT_ERROR_VALUE, "mpi_mean: the weight must be finite and not negative, got "
                "%g", weight);
    const numbers *all = gather(m, CT__MPI_MEAN, value, weight);
    for (int rank = 0; all && rank < m->size; rank++) {
        sum += all[rank].weight != 0 ? all[rank].weight * all[rank].number : 0;
        weights += all[rank].weight;
    }
    if (!all || weights > 0)
        return all ? sum / weights : NAN;
    return ct_fail(m->cx, CT_ERROR_VALUE, "mpi_mean: the weights of all ranks are 0"), NAN;
}
