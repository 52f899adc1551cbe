/* Ranks: their beginning and end, and memory that MPI reads and writes.
 *
 * A collective call that has begun cannot be taken back: where ranks are broken, MPI may write
 * later to what it was given. So it is given memory of MPI_Alloc_mem only, which is then given up:
 * it is never freed. */
#include <stdio.h>
#include <string.h>

#include "ranks.h"

static bool mpi_is_there(void)
{
    int begun = 0, ended = 0;
    return MPI_Initialized(&begun) == MPI_SUCCESS && begun &&
           MPI_Finalized(&ended) == MPI_SUCCESS && !ended;
}

/* -- Memory: a front, whose first byte says whether it is given up, and what is used */
enum { FRONT = 64 };

void *ct__mpi_take(ct_mpi *m, size_t bytes)
{
    char *front = NULL;
    if (!ct__mpi_good(m, MPI_Alloc_mem((MPI_Aint)bytes + FRONT, MPI_INFO_NULL, &front),
                      "MPI_Alloc_mem"))
        return NULL;
    return (char *)memset(front, 0, bytes + FRONT) + FRONT;
}

static void give_back(void *data, void *user)
{
    char *front = (char *)data - FRONT;
    (void)user;
    if (!*front && mpi_is_there())
        MPI_Free_mem(front);
}

void ct__mpi_give_up(void *data)
{
    if (data)
        *((char *)data - FRONT) = 1;
}

void ct__mpi_give_back(const ct_mpi *m, void *data)
{
    if (data && !m->broken)
        give_back(data, NULL);
}

ct_tensor *ct__mpi_memory(ct_mpi *m, ct_dtype dtype, int64_t n, void **data)
{
    *data = ct__mpi_take(m, (size_t)n * ct_dtype_size(dtype));
    if (!*data)
        return NULL;
    ct_scope scope = ct_scope_begin(m->cx);
    ct_tensor *x = scope ? ct_borrow(m->cx, dtype, CT_SHAPE(n), *data,
                                     &(ct_borrow_options){ .release = give_back }) : NULL;
    if (!x) {
        give_back(*data, NULL);
        *data = NULL;
    }
    ct_retain(x);
    ct_scope_end(m->cx, scope);
    return x;
}

MPI_Datatype ct__mpi_type(ct_dtype dtype)
{
    return dtype == CT_F32 ? MPI_FLOAT : MPI_DOUBLE;
}

/* -- The end */
/* Others may wait for a rank that left its loop for an error. */
void ct__mpi_leave(ct_mpi *m)
{
    char text[CT__TEXT];
    snprintf(text, sizeof text, "rank %d: %.200s", m->rank, ct_error_text(m->cx));
    m->step++; /* it has done its part of the last call */
    if (!m->broken)
        ct__mpi_break(m, text);
}

static void finish(void *object)
{
    ct_mpi *m = object;
    if (!mpi_is_there())
        return;
    if (ct_error(m->cx) != CT_OK && !m->known)
        ct__mpi_leave(m);
    ct__mpi_give_back(m, m->mine);
    ct__mpi_give_back(m, m->piece);
    for (int k = 0; k < 2; k++)
        if (m->records[k] != MPI_DATATYPE_NULL)
            MPI_Type_free(&m->records[k]);
    if (m->merge != MPI_OP_NULL)
        MPI_Op_free(&m->merge);
    MPI_Comm *const all[] = { &m->exchange, &m->comm, &m->control };
    for (int k = 0; k < 3 && !m->broken; k++)
        if (*all[k] != MPI_COMM_NULL)
            MPI_Comm_free(all[k]);
}

bool ct__mpi_alive(const ct_mpi *m, const char *who)
{
    return ct_object_alive(m, finish, who);
}

void ct_mpi_free(ct_mpi *m)
{
    if (!ct__mpi_alive(m, "mpi_free"))
        return;
    ct_object_free(m->shared);
    ct_object_free(m->heard);
    ct_object_free(m);
}

/* -- The beginning */
static bool options_fit(ct_context *cx, const ct_mpi_options *o)
{
    if (o->reserved[0] | o->reserved[1] | o->reserved[2] | o->reserved[3])
        ct_fail(cx, CT_ERROR_VALUE, "mpi_new: the options must be zeroed before they are filled "
                "in, and `reserved` must stay zero");
    else if (o->bucket_bytes < 0 || !(o->timeout >= 0))
        ct_fail(cx, CT_ERROR_VALUE, "mpi_new: bucket_bytes and timeout must not be negative");
    else
        return true;
    return false;
}

/* a copy of the communicator whose functions return their errors */
static bool copy(ct_mpi *m, MPI_Comm from, MPI_Comm *to)
{
    return ct__mpi_good(m, MPI_Comm_dup(from, to), "MPI_Comm_dup") &&
           ct__mpi_good(m, MPI_Comm_set_errhandler(*to, MPI_ERRORS_RETURN),
                        "MPI_Comm_set_errhandler");
}

/* While there is no way to tell others, they are not told: m->told */
static bool connect(ct_mpi *m, MPI_Comm comm)
{
    m->told = true;
    if (!copy(m, comm, &m->control) ||
        !ct__mpi_good(m, MPI_Comm_rank(m->control, &m->rank), "MPI_Comm_rank") ||
        !ct__mpi_good(m, MPI_Comm_size(m->control, &m->size), "MPI_Comm_size"))
        return false;
    m->told = false;
    return copy(m, m->control, &m->comm) && copy(m, m->control, &m->exchange);
}

static bool complete(ct_mpi *m)
{
    m->heard = ct_object_new(m->cx, (size_t)m->size * sizeof *m->heard, NULL);
    return m->heard && ct__mpi_piece(m) && ct__mpi_agreement_room(m, 0);
}

/* An agreement needs memory. So a rank that has none can only tell the others that it is gone. */
static ct_mpi *make(const ct_mpi *first)
{
    ct_mpi *m = ct_object_new(first->cx, sizeof *m, finish), gone = *first;
    if (!m) {
        finish(&gone);
        return NULL;
    }
    *m = *first;
    if (complete(m) && ct__mpi_begin(m, CT__MPI_NEW) && ct__mpi_agree(m, NULL, NULL, 0) == CT_OK)
        return m;
    ct_mpi_free(m);
    return NULL;
}

ct_mpi *ct_mpi_new(ct_context *cx, MPI_Comm comm, const ct_mpi_options *options)
{
    const ct_mpi_options o = options ? *options : (ct_mpi_options){ 0 };
    if (!cx)
        return NULL;
    if (!mpi_is_there())
        return ct_fail(cx, CT_ERROR_VALUE, "mpi_new: MPI_Init must be called before, and "
                       "MPI_Finalize after"), NULL;
    if (comm == MPI_COMM_NULL)
        return ct_fail(cx, CT_ERROR_NULL, "mpi_new: the communicator is MPI_COMM_NULL"), NULL;
    ct_mpi m = { .cx = cx, .comm = MPI_COMM_NULL, .exchange = MPI_COMM_NULL,
                 .control = MPI_COMM_NULL, .size = 1, .options = o, .merge = MPI_OP_NULL,
                 .records = { MPI_DATATYPE_NULL, MPI_DATATYPE_NULL } };
    options_fit(cx, &o); /* if they do not, the agreement fails */
    if (connect(&m, comm))
        return make(&m);
    finish(&m);
    return NULL;
}

int ct_mpi_rank(const ct_mpi *m)
{
    return ct__mpi_alive(m, "mpi_rank") ? m->rank : -1;
}

int ct_mpi_size(const ct_mpi *m)
{
    return ct__mpi_alive(m, "mpi_size") ? m->size : -1;
}

ct_mpi_report ct_mpi_report_of(const ct_mpi *m)
{
    return ct__mpi_alive(m, "mpi_report_of") ? m->report : (ct_mpi_report){ 0 };
}
