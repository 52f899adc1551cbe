/* Sharded states of optimizers: each rank steps its part of the parameters, and gives their new
 * values to all. An optimizer makes the states of a parameter at its first step; so a rank that
 * steps only its part has the states of that part.
 *
 * A parameter goes, whole, to the rank that has the least so far. So no rank has more than 1 / N of
 * all bytes and one parameter. */
#include "ranks.h"

void ct__mpi_share_out(ct__shared *s)
{
    int64_t *bytes = (int64_t *)(void *)s->m->piece; /* of each rank */
    for (int r = 0; r < s->m->size; r++)
        bytes[r] = 0;
    for (int i = s->n - 1; i >= 0; i--) { /* in the order in which they were given */
        ct__slot *slot = &s->slots[i];
        for (int r = 1; r < s->m->size; r++)
            if (bytes[r] < bytes[slot->owner])
                slot->owner = r;
        bytes[slot->owner] += ct_count(slot->w) * (int64_t)ct_dtype_size(ct_dtype_of(slot->w));
    }
}

/* -- The step */
/* this rank's part; whether it fails the context's error says */
static void step(ct__shared *s, ct_optimizer *o)
{
    bool ready = false;
    if (!o)
        ct_fail(s->m->cx, CT_ERROR_NULL, "mpi_step: the optimizer is NULL");
    for (int i = 0; i < s->n; i++) {
        ct__slot *slot = &s->slots[i];
        slot->present = ct_gradient(slot->w) != NULL;
        if (slot->owner != s->m->rank)
            ct_zero_grad(slot->w);
        else
            ready = ready || slot->present;
    }
    s->stepped = true;
    ct__mpi_forget_states(s->m, o);
    if (ready && ct_error(s->m->cx) == CT_OK)
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
    if (!ct__mpi_alive(m, "mpi_step"))
        return m ? CT_ERROR_STALE : CT_ERROR_NULL;
    if (!ct__mpi_begin(m, CT__MPI_STEP))
        return CT_ERROR_CALLBACK;
    ct__shared *s = m->shared;
    if (!s) { /* on all ranks */
        ct_fail(m->cx, CT_ERROR_VALUE, "mpi_step: there are no parameters (ct_mpi_add_module)");
        return ct__mpi_agree(m, NULL, NULL, 0);
    }
    ct_scope scope = ct_scope_begin(m->cx);
    ct_no_grad(m->cx);
    step(s, o);
    ct_status status = ct__mpi_agree(m, NULL, s->slots, s->n);
    if (status != CT_OK) { /* some parts have stepped, as all ranks know */
        m->told = m->known;
        ct__mpi_break(m, ct_error_text(m->cx));
    } else if (!pass_round(s))
        status = CT_ERROR_CALLBACK;
    for (int i = 0; i < s->n && status == CT_OK; i++)
        if (s->slots[i].present) {
            status = ct_assign(s->slots[i].w, s->slots[i].view);
            ct_zero_grad(s->slots[i].w);
        }
    ct_scope_end(m->cx, scope);
    return status;
}

/* -- In files, which have the states of all parameters */
static bool sharded(const ct_mpi *m, const ct_optimizer *o)
{
    return m->shared && m->shared->stepped && o;
}

void ct__mpi_make_states(ct_mpi *m, ct_optimizer *o)
{
    ct_tensor *states[CT_UPDATE_STATES];
    for (int i = 0; sharded(m, o) && i < m->shared->n && ct_error(m->cx) == CT_OK; i++)
        if (m->rank == 0 || m->rank == m->shared->slots[i].owner)
            ct_optimizer_states(o, m->shared->slots[i].w, states);
}

bool ct__mpi_collect_states(ct_mpi *m, ct_optimizer *o)
{
    for (int i = 0; sharded(m, o) && i < m->shared->n; i++) {
        ct_tensor *states[CT_UPDATE_STATES] = { NULL };
        const ct__slot *slot = &m->shared->slots[i];
        const int n = ct_optimizer_states(o, slot->w, NULL);
        if (m->rank == 0 || m->rank == slot->owner)
            ct_optimizer_states(o, slot->w, states);
        for (int k = 0; k < n && slot->owner != 0; k++) {
            int64_t bytes = !states[k] ? 0 : ct_count(states[k]) *
                                             (int64_t)ct_dtype_size(ct_dtype_of(states[k]));
            if (!ct__mpi_pass(m, slot->owner, &bytes, sizeof bytes) ||
                !ct__mpi_pass(m, slot->owner, states[k] ? ct_data_mutable(states[k]) : NULL,
                              (size_t)bytes))
                return false;
        }
    }
    return true;
}

void ct__mpi_forget_states(ct_mpi *m, ct_optimizer *o)
{
    for (int i = 0; sharded(m, o) && i < m->shared->n; i++)
        if (m->shared->slots[i].owner != m->rank)
            ct_optimizer_forget(o, m->shared->slots[i].w);
}
