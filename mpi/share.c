/* What is trained: the same on all ranks, with rank 0's values, and its places in the buckets.
 *
 * Backward completes the last parameters first, and so they come into the first bucket. Each bucket
 * has one dtype. */
#include <cotangent/op.h>
#include <stdio.h>
#include <string.h>

#include "ranks.h"

/* what is given: the parameters, and whatever else gets rank 0's values */
typedef struct given {
    ct_tensor *const *w, **rest;
    int n, others;
    const char *who;
} given;

static const char *const dtypes[CT_BOOL + 1] = { "?", "f32", "f64", "i64", "bool" };

static ct_tensor *tensor_of(const given *g, int i)
{
    return i < g->n ? g->w[i] : g->rest[i - g->n];
}

/* -- Are they the same? */
typedef char card[512]; /* a tensor as it is compared between ranks: f32 (2,3) 'fc.weight' */

static void fill_card(card c, const ct_tensor *x)
{
    char shape[CT_SHAPE_TEXT];
    memset(c, 0, sizeof(card));
    if (x)
        snprintf(c, sizeof(card), "%s %s '%s'", dtypes[ct_dtype_of(x)], ct_shape_text(x, shape),
                 ct_name(x));
}

/* Each rank compares its own with rank 0's. One that differs has an error, and goes on, so that all
 * make the same calls; false: broken */
static bool compare(ct_mpi *m, const given *g)
{
    int64_t counts[2] = { g->n, g->others };
    if (!ct__mpi_pass(m, 0, counts, sizeof counts))
        return false;
    if (ct_error(m->cx) == CT_OK && (counts[0] != g->n || counts[1] != g->others))
        ct_fail(m->cx, CT_ERROR_VALUE, "%s: there are %d parameters and %d other tensors, and on "
                "rank 0 there are %lld and %lld", g->who, g->n, g->others, (long long)counts[0],
                (long long)counts[1]);
    for (int64_t i = 0; i < counts[0] + counts[1]; i++) {
        card mine, first;
        fill_card(mine, i < g->n + g->others ? tensor_of(g, (int)i) : NULL);
        memcpy(first, mine, sizeof first);
        if (!ct__mpi_pass(m, 0, first, sizeof first))
            return false;
        first[sizeof first - 1] = '\0';
        if (ct_error(m->cx) == CT_OK && strcmp(mine, first) != 0)
            ct_fail(m->cx, CT_ERROR_VALUE, "%s: number %lld is %.80s, and on rank 0 it is %.80s",
                    g->who, (long long)i, mine, first);
    }
    return true;
}

/* -- The same values */
static bool broadcast(ct_mpi *m, const given *g)
{
    for (int i = 0; i < g->n + g->others; i++) {
        ct_tensor *x = tensor_of(g, i);
        if (!ct__mpi_pass(m, 0, ct_data_mutable(x),
                          (size_t)ct_count(x) * ct_dtype_size(ct_dtype_of(x))))
            return false;
    }
    return true;
}

void ct__mpi_draw_apart(ct_mpi *m, ct_stream stream)
{
    if (m->rank > 0)
        stream.seed = ct_random_at(~stream.seed, (uint64_t)m->rank);
    ct_random_resume(m->cx, stream);
}

/* rank 0 goes on with its own stream; that of others comes from it */
static bool draw_apart(ct_mpi *m)
{
    ct_stream stream = ct_random_stream(m->cx);
    if (!ct__mpi_pass(m, 0, &stream, sizeof stream))
        return false;
    ct__mpi_draw_apart(m, stream);
    return true;
}

/* -- Buckets */
static void finish(void *object)
{
    ct__shared *s = object;
    for (int i = 0; i < s->n; i++) {
        ct_release(s->slots[i].view);
        ct_release(s->slots[i].w);
        s->posts[i].shared = NULL;
    }
    for (int b = 0; b < s->buckets; b++) {
        if (s->m->broken) {
            ct__mpi_give_up(s->bucket[b].data);
            ct__mpi_give_up(s->bucket[b].others);
        }
        ct_release(s->bucket[b].all);
        ct_release(s->bucket[b].gathered);
    }
}

/* an object with room for n slots, and as many buckets; NULL and an error */
static ct__shared *shared_new(ct_mpi *m, int n)
{
    /* the posts come first: objects that are forgotten go in the opposite order */
    ct__post *posts = ct_object_new(m->cx, (size_t)n * sizeof *posts, NULL);
    ct__shared *s = NULL;
    const size_t each = sizeof(ct__slot) + sizeof(ct__bucket) + 2 * sizeof(ct_tensor *) +
                        sizeof(MPI_Request);
    if (posts)
        s = ct_object_new(m->cx, sizeof *s + (size_t)n * each, finish);
    if (!s)
        return NULL;
    s->m = m;
    s->posts = posts;
    s->slots = (ct__slot *)(void *)(s + 1);
    s->bucket = (ct__bucket *)(void *)(s->slots + n);
    s->w = (ct_tensor **)(void *)(s->bucket + n);
    s->gx = s->w + n;
    s->requests = (MPI_Request *)(void *)(s->gx + n);
    return s;
}

/* the size of buckets: small networks too have several, so that there is something to hide */
static int64_t bucket_bytes(const ct_mpi *m, const given *g)
{
    enum { MOST = 4 << 20, PARTS = 4 };
    int64_t all = 0;
    for (int i = 0; i < g->n; i++)
        all += ct_count(g->w[i]) * (int64_t)ct_dtype_size(ct_dtype_of(g->w[i]));
    if (m->options.bucket_bytes > 0)
        return m->options.bucket_bytes;
    return all / PARTS < MOST ? all / PARTS : MOST;
}

/* the last bucket takes parameter i too, or a new one does */
static void assign(ct__shared *s, int i, int64_t most)
{
    ct_tensor *w = s->slots[i].w;
    const int64_t size = (int64_t)ct_dtype_size(ct_dtype_of(w)), count = ct_count(w);
    ct__bucket *b = s->buckets > 0 ? &s->bucket[s->buckets - 1] : NULL;
    if (!b || b->dtype != ct_dtype_of(w) ||
        (b->count > 0 && (b->count + count) * size > most)) {
        b = &s->bucket[s->buckets++];
        *b = (ct__bucket){ .dtype = ct_dtype_of(w), .first = i };
    }
    s->slots[i].bucket = s->buckets - 1;
    b->n++;
    b->count += count;
}

/* memory for a bucket, and the places of its parameters; false and an error */
static bool make_bucket(ct__shared *s, ct__bucket *b)
{
    ct_mpi *m = s->m;
    int64_t at = 0;
    b->room = (b->count + m->size - 1) / m->size * m->size;
    b->all = ct__mpi_memory(m, b->dtype, b->room, &b->data);
    if (!b->all)
        return false;
    if (m->options.ordered)
        b->gathered = ct__mpi_memory(m, b->dtype, b->room, &b->others);
    if (m->options.ordered && !b->gathered)
        return false;
    ct_scope scope = ct_scope_begin(m->cx);
    bool made = scope != 0;
    for (int i = b->first; i < b->first + b->n && made; i++) {
        ct__slot *slot = &s->slots[i];
        const int64_t n = ct_count(slot->w);
        ct_tensor *view = ct_reshape(ct_slice(b->all, 0, at, at + n, 1), ct_shape(slot->w),
                                     ct_ndim(slot->w));
        slot->view = ct_retain(view);
        made = view != NULL;
        at += n;
    }
    ct_scope_end(m->cx, scope);
    return made;
}

/* everything that the gradients need; false and an error */
static bool make_shared(ct_mpi *m, const given *g)
{
    ct__shared *s = m->shared = shared_new(m, g->n);
    const int64_t most = bucket_bytes(m, g);
    if (!s || !ct__mpi_agreement_room(m, g->n))
        return false;
    for (s->n = 0; s->n < g->n; s->n++) { /* from the last parameter to the first */
        ct_tensor *w = g->w[g->n - 1 - s->n];
        s->slots[s->n].w = s->w[s->n] = ct_retain(w);
        assign(s, s->n, most);
    }
    for (int b = 0; b < s->buckets; b++)
        s->requests[b] = MPI_REQUEST_NULL;
    ct__mpi_share_out(s);
    for (int b = 0; b < s->buckets; b++)
        if (!make_bucket(s, &s->bucket[b]))
            return false;
    for (int i = 0; i < s->n; i++) {
        s->posts[i] = (ct__post){ s, i };
        if (ct_on_cotangent(s->slots[i].w, ct__mpi_hook, &s->posts[i]) != CT_OK)
            return false;
    }
    return true;
}

/* -- The calls */
static bool fits(ct_mpi *m, const given *g, int i)
{
    const ct_tensor *x = tensor_of(g, i);
    if (!x)
        ct_fail(m->cx, CT_ERROR_NULL, "%s: parameter %d is NULL", g->who, i);
    else if (!ct_usable(x, g->who))
        return false;
    else if (ct_context_of(x) != m->cx)
        ct_fail(m->cx, CT_ERROR_CONTEXT, "%s: parameter %d is of another context", g->who, i);
    else if (i < g->n && !ct_requires_grad(x))
        ct_fail(m->cx, CT_ERROR_GRAPH, "%s: parameter %d must be a variable", g->who, i);
    else if (!ct_is_contiguous(x) || ct_count(x) > INT32_MAX - m->size)
        ct_fail(m->cx, CT_ERROR_VALUE, "%s: the elements of '%s' must lie one after another, and "
                "be fewer than 2^31", g->who, ct_name(x));
    else
        return ct_data_mutable((ct_tensor *)(uintptr_t)x) != NULL;
    return false;
}

/* what can be found without the other ranks is an error of this one */
static bool check(ct_mpi *m, const given *g)
{
    if (m->shared)
        return ct_fail(m->cx, CT_ERROR_VALUE, "%s: parameters were given before", g->who), false;
    for (int i = 0; i < g->n + g->others; i++)
        if (!fits(m, g, i))
            return false;
    return ct_error(m->cx) == CT_OK;
}

static ct_status add(ct_mpi *m, given *g)
{
    if (!ct__mpi_begin(m, CT__MPI_ADD))
        return CT_ERROR_CALLBACK;
    const bool fresh = !m->shared;
    ct_scope scope = ct_scope_begin(m->cx);
    ct_no_grad(m->cx);
    ct_status status = CT_ERROR_CALLBACK;
    if (check(m, g))
        make_shared(m, g);
    if (compare(m, g))
        status = ct__mpi_agree(m, NULL, NULL, 0);
    if (status == CT_OK && !(broadcast(m, g) && draw_apart(m)))
        status = CT_ERROR_CALLBACK;
    if (status == CT_OK)
        status = ct__mpi_try_sums(m, g->who);
    ct_scope_end(m->cx, scope);
    if (status != CT_OK && fresh) {
        ct_object_free(m->shared);
        m->shared = NULL;
    }
    return status;
}

ct_status ct_mpi_add_parameters(ct_mpi *m, ct_tensor *const *parameters, int n)
{
    given g = { .w = parameters, .n = n, .who = "mpi_add_parameters" };
    if (!ct__mpi_alive(m, g.who))
        return m ? CT_ERROR_STALE : CT_ERROR_NULL;
    if (n < 0 || (n > 0 && !parameters)) {
        ct_fail(m->cx, CT_ERROR_NULL, "%s: there is no list of parameters", g.who);
        g.n = 0;
    }
    return add(m, &g);
}

/* everything of the module that is not one of the n parameters */
static void find_rest(given *g, ct_tensor **all, int count)
{
    for (int i = 0; i < count; i++) {
        bool known = false;
        for (int k = 0; k < g->n && !known; k++)
            known = g->w[k] == all[i];
        if (!known)
            all[g->others++] = all[i];
    }
    g->rest = all;
}

ct_status ct_mpi_add_module(ct_mpi *m, ct_module *module)
{
    given g = { .who = "mpi_add_module" };
    if (!ct__mpi_alive(m, g.who))
        return m ? CT_ERROR_STALE : CT_ERROR_NULL;
    int count = module ? ct_module_tensors(module, NULL, 0) : -1;
    ct_tensor **all = count < 0 ? NULL : ct_object_new(m->cx, (size_t)count * sizeof *all, NULL);
    ct_tensor *const *w = all ? ct_module_parameters(module, &g.n) : NULL;
    if (!module)
        ct_fail(m->cx, CT_ERROR_NULL, "%s: the module is NULL", g.who);
    if (w) {
        g.w = w;
        ct_module_tensors(module, all, count);
        find_rest(&g, all, count);
    }
    ct_status status = add(m, &g);
    ct_object_free(all);
    return status;
}
