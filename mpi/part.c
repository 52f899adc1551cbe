/* States of optimizers, shared out: each rank keeps those of its part of the parameters, steps
 * these, and gives their new values to all.
 *
 * A parameter goes, whole, to the rank that has the least so far. So no rank has more than 1 / N of
 * all bytes and one parameter. */
#include "ranks.h"

static bool has_shared(ct_mpi *m, const char *who)
{
    if (m->shared)
        return true;
    ct_fail(m->cx, CT_ERROR_VALUE, "%s: there are no parameters (ct_mpi_add_module)", who);
    return false;
}

void ct__mpi_share_out(ct__shared *s)
{
    const int size = s->m->size;
    for (int i = s->n - 1; i >= 0; i--) { /* in the order in which they were given */
        int64_t least = INT64_MAX;
        ct__slot *slot = &s->slots[i];
        for (int r = 0; r < size; r++) {
            int64_t bytes = 0;
            for (int k = s->n - 1; k > i; k--)
                if (s->slots[k].owner == r)
                    bytes += ct_count(s->slots[k].w) *
                             (int64_t)ct_dtype_size(ct_dtype_of(s->slots[k].w));
            if (bytes < least) {
                least = bytes;
                slot->owner = r;
            }
        }
        if (slot->owner == s->m->rank)
            s->part[s->parts++] = slot->w;
    }
}

ct_tensor *const *ct_mpi_part(const ct_mpi *m, int *n)
{
    *n = 0;
    if (!ct__mpi_alive(m, "mpi_part") || !has_shared((ct_mpi *)(uintptr_t)m, "mpi_part"))
        return NULL;
    *n = m->shared->parts;
    return m->shared->part;
}

/* this rank's part; whether it fails the context's error says */
static void step(ct__shared *s, ct_optimizer *o)
{
    bool ready = false;
    for (int i = 0; i < s->parts; i++)
        ready = ready || ct_gradient(s->part[i]);
    if (ready && !o)
        ct_fail(s->m->cx, CT_ERROR_NULL, "mpi_step: the optimizer of this rank's part is NULL");
    else if (ready && ct_error(s->m->cx) == CT_OK)
        ct_optimizer_step(o);
}

/* every parameter that has stepped goes from its owner to all, by way of its place in the bucket */
static bool pass_round(ct__shared *s)
{
    ct_mpi *m = s->m;
    for (int i = 0; i < s->n; i++) {
        const ct__slot *slot = &s->slots[i];
        const ct_dtype dtype = ct_dtype_of(slot->w);
        s->requests[i] = MPI_REQUEST_NULL;
        if (!slot->present)
            continue;
        if (slot->owner == m->rank)
            ct_assign(slot->view, slot->w);
        if (!ct__mpi_good(m, MPI_Ibcast(ct_data_mutable(slot->view), (int)ct_count(slot->w),
                                        ct__mpi_type(dtype), slot->owner, m->exchange,
                                        &s->requests[i]), "MPI_Ibcast"))
            return false;
    }
    return ct__mpi_wait(m, s->requests, s->n);
}

ct_status ct_mpi_step(ct_mpi *m, ct_optimizer *o)
{
    const char *who = "mpi_step";
    if (!ct__mpi_alive(m, who))
        return m ? CT_ERROR_STALE : CT_ERROR_NULL;
    if (!ct__mpi_begin(m, CT__MPI_STEP))
        return CT_ERROR_CALLBACK;
    if (!has_shared(m, who)) /* on all ranks */
        return ct__mpi_agree(m, NULL, NULL, 0);
    ct__shared *s = m->shared;
    for (int i = 0; i < s->n; i++)
        s->slots[i].present = ct_gradient(s->slots[i].w) != NULL;
    ct_scope scope = ct_scope_begin(m->cx);
    ct_no_grad(m->cx);
    step(s, o);
    ct_status status = ct__mpi_agree(m, NULL, s->slots, s->n);
    if (status != CT_OK) /* some parts have stepped */
        ct__mpi_break(m, ct_error_text(m->cx));
    else if (!pass_round(s))
        status = CT_ERROR_CALLBACK;
    for (int i = 0; i < s->n && status == CT_OK; i++)
        if (s->slots[i].present) {
            status = ct_assign(s->slots[i].w, s->slots[i].view);
            ct_zero_grad(s->slots[i].w);
        }
    ct_scope_end(m->cx, scope);
    return status;
}
