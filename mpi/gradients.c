/* Gradients: exchanged while backward runs, and kept when all ranks have agreed.
 *
 * With n_r examples on rank r and g_r the gradient of its mean loss, the gradient of the mean over
 * all examples is
 *
 *   g = (sum_r n_r g_r) / (sum_r n_r)
 *
 * The walk's hook on a parameter puts g_r into its place in a bucket. A bucket whose parameters are
 * complete is multiplied by n_r, and its sum over ranks begins, after those before it have begun.
 * The walk's end completes what is missing by zeros. The last agreement brings sum_r n_r, and says
 * which parameters have a gradient at all.
 *
 * In order: each rank gets one part of every bucket from all ranks (MPI_Ialltoall), adds these in
 * the order of ranks, and all parts go to all ranks (MPI_Iallgather). As in a sum by a ring, each
 * rank sends 2 (N - 1) / N times the bucket.
 *
 * A rank that fails goes on making these calls, with whatever its buckets hold, so that no rank
 * waits for it; the agreement then refuses the step. */
#include <stdio.h>
#include <string.h>

#include "ranks.h"

/* -- Loops over a bucket */
static void scale(const ct__bucket *b, double weight, double divisor)
{
    if (b->dtype == CT_F32) {
        float *x = b->data, by = (float)weight, over = (float)divisor;
        for (int64_t i = 0; i < b->count; i++)
            x[i] = x[i] * by / over;
    } else {
        double *x = b->data;
        for (int64_t i = 0; i < b->count; i++)
            x[i] = x[i] * weight / divisor;
    }
}

void ct__mpi_add(ct_dtype dtype, void *y, const void *x, int64_t n)
{
    if (dtype == CT_F32)
        for (int64_t i = 0; i < n; i++)
            ((float *)y)[i] += ((const float *)x)[i];
    else
        for (int64_t i = 0; i < n; i++)
            ((double *)y)[i] += ((const double *)x)[i];
}

/* the first of the `size` parts of n elements each becomes the sum of all, in their order */
static void add_parts(const ct__bucket *b, int64_t n, int size)
{
    const size_t bytes = (size_t)n * ct_dtype_size(b->dtype);
    for (int k = 1; k < size; k++)
        ct__mpi_add(b->dtype, b->others, (char *)b->others + (size_t)k * bytes, n);
}

/* -- The exchange */
/* the sum of the next bucket begins */
static void start(ct__shared *s)
{
    ct_mpi *m = s->m;
    ct__bucket *b = &s->bucket[s->next];
    MPI_Request *request = &s->requests[s->next++];
    const MPI_Datatype type = ct__mpi_type(b->dtype);
    const int part = (int)(b->room / m->size);
    if (m->broken)
        return;
    if (m->weight != 1)
        scale(b, m->weight, 1);
    m->report.bytes += b->room * (int64_t)ct_dtype_size(b->dtype);
    if (m->options.ordered)
        ct__mpi_good(m, MPI_Ialltoall(b->data, part, type, b->others, part, type, m->exchange,
                                      request), "MPI_Ialltoall");
    else
        ct__mpi_good(m, MPI_Iallreduce(MPI_IN_PLACE, b->data, (int)b->count, type, MPI_SUM,
                                       m->exchange, request), "MPI_Iallreduce");
}

ct_tensor *ct__mpi_hook(ct_tensor *gy, void *user)
{
    const ct__post *post = user;
    ct__shared *s = post->shared;
    if (!s || !s->m->walking)
        return gy;
    ct__slot *slot = &s->slots[post->slot];
    if (slot->present || ct_assign(slot->view, gy) != CT_OK)
        return NULL;
    slot->present = true;
    s->bucket[slot->bucket].unfinished--;
    if (!s->m->options.late)
        while (s->next < s->buckets && s->bucket[s->next].unfinished == 0)
            start(s);
    ct__mpi_poke(s->m, s->requests, s->next);
    return s->m->broken ? NULL : slot->view;
}

/* the sums of all buckets are there on all ranks; false: broken */
static bool complete(ct__shared *s)
{
    ct_mpi *m = s->m;
    while (s->next < s->buckets)
        start(s);
    for (int k = 0; k < s->buckets && m->options.ordered; k++) {
        const ct__bucket *b = &s->bucket[k];
        const MPI_Datatype type = ct__mpi_type(b->dtype);
        const int part = (int)(b->room / m->size);
        if (!ct__mpi_wait(m, &s->requests[k], 1))
            return false;
        add_parts(b, part, m->size);
        if (!ct__mpi_good(m, MPI_Iallgather(b->others, part, type, b->data, part, type, m->exchange,
                                            &s->requests[k]), "MPI_Iallgather"))
            return false;
    }
    return ct__mpi_wait(m, s->requests, s->buckets);
}

/* -- The step */
static void prepare(ct__shared *s, int64_t examples)
{
    s->next = 0;
    s->m->weight = s->m->size > 1 ? (double)examples : 1;
    for (int b = 0; b < s->buckets; b++)
        s->bucket[b].unfinished = s->bucket[b].n;
    for (int i = 0; i < s->n; i++)
        s->slots[i].present = s->slots[i].created = false;
}

/* backward on this rank. Whether it fails the context's error says */
static void walk(ct__shared *s, ct_tensor *loss, int64_t examples)
{
    ct_mpi *m = s->m;
    if (examples < 0)
        ct_fail(m->cx, CT_ERROR_RANGE, "mpi_backward: there cannot be %lld examples",
                (long long)examples);
    else if (examples > 0 && !loss)
        ct_fail(m->cx, CT_ERROR_NULL, "mpi_backward: the loss is NULL");
    if (examples <= 0 || ct_error(m->cx) != CT_OK)
        return;
    m->walking = true;
    ct_grad(loss, NULL, s->w, s->n, 0, s->gx);
    m->walking = false;
}

/* What can fail is done before the agreement: parameters without a gradient get one. */
static void create(ct__shared *s)
{
    for (int i = 0; i < s->n && ct_error(s->m->cx) == CT_OK; i++)
        if (!ct_gradient(s->slots[i].w))
            s->slots[i].created = ct_add_gradient(s->slots[i].w, s->slots[i].view) == CT_OK;
}

/* the gradients that were made for nothing go again */
static void discard(ct__shared *s, bool all)
{
    for (int i = 0; i < s->n; i++)
        if (s->slots[i].created && (all || !s->slots[i].present))
            ct_zero_grad(s->slots[i].w);
}

static ct_status commit(ct__shared *s, int64_t examples)
{
    for (int b = 0; b < s->buckets && s->m->size > 1; b++)
        scale(&s->bucket[b], 1, (double)examples);
    for (int i = 0; i < s->n; i++) {
        ct__slot *slot = &s->slots[i];
        ct_tensor *g = slot->present ? ct_gradient(slot->w) : NULL;
        ct_status status = !g ? CT_OK : slot->created ? ct_assign(g, slot->view)
                                                      : ct_add_gradient(slot->w, slot->view);
        if (status != CT_OK)
            return status;
    }
    discard(s, false);
    s->m->report.steps++;
    return CT_OK;
}

/* what the exchange needs of a rank, whether it has failed or not */
static ct_status exchange(ct__shared *s, int64_t *examples)
{
    ct_mpi *m = s->m;
    for (int i = 0; i < s->n; i++)
        if (!s->slots[i].present && s->slots[i].bucket >= s->next)
            ct_fill(s->slots[i].view, 0);
    const double begun = ct__seconds();
    if (!complete(s))
        return CT_ERROR_CALLBACK;
    m->report.waited += ct__seconds() - begun;
    create(s);
    *examples = *examples > 0 ? *examples : 0;
    return ct__mpi_agree(m, examples, s->slots, s->n);
}

/* Others may wait for this rank in a sum of the graph (ct_mpi_total): there it does not come. */
static ct_status refuse(ct_mpi *m)
{
    char text[CT__TEXT];
    if (ct_error(m->cx) == CT_OK)
        ct_fail(m->cx, CT_ERROR_VALUE, "mpi_backward: with sums over ranks in the graph, each rank "
                "must have an example");
    snprintf(text, sizeof text, "rank %d: %.200s", m->rank, ct_error_text(m->cx));
    ct__mpi_break(m, text);
    return CT_ERROR_CALLBACK;
}

ct_status ct_mpi_backward(ct_mpi *m, ct_tensor *loss, int64_t examples)
{
    if (!ct__mpi_alive(m, "mpi_backward"))
        return m ? CT_ERROR_STALE : CT_ERROR_NULL;
    if (!ct__mpi_begin(m, CT__MPI_BACKWARD))
        return CT_ERROR_CALLBACK;
    ct__shared *s = m->shared;
    if (!s) { /* on all ranks: they were refused together */
        ct_fail(m->cx, CT_ERROR_VALUE, "mpi_backward: there are no parameters (ct_mpi_add_module)");
        return ct__mpi_agree(m, NULL, NULL, 0);
    }
    if (m->synchronized && (ct_error(m->cx) != CT_OK || examples < 1))
        return refuse(m);
    const double begun = ct__seconds();
    ct_scope scope = ct_scope_begin(m->cx);
    prepare(s, examples);
    walk(s, loss, examples);
    if (m->synchronized && ct_error(m->cx) != CT_OK && !m->broken)
        ct__mpi_leave(m);
    m->report.backward += ct__seconds() - begun;
    ct_status status = exchange(s, &examples);
    if (status == CT_OK && examples == 0) /* on all ranks */
        status = ct_fail(m->cx, CT_ERROR_VALUE, "mpi_backward: no rank has an example");
    if (status == CT_OK)
        status = commit(s, examples);
    else
        discard(s, true);
    ct_scope_end(m->cx, scope);
    return status;
}
