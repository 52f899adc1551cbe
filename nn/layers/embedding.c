/* Embeddings: rows of a table, taken by their numbers. */
#include "layers.h"

typedef struct embedding {
    bool pads;
    int64_t padding;
} embedding;

/* the rows of the padding keep their value and get no gradient */
static ct_tensor *embedding_forward(ct_module *self, ct_tensor *x, void *user)
{
    const embedding *a = user;
    ct_tensor *y = ct_embedding(x, self->entries->tensor);
    if (!y || !a->pads)
        return y;
    ct_tensor *padding = ct_scalar(self->cx, CT_I64, (double)a->padding);
    return ct_where(ct_unsqueeze(ct_eq(x, padding), -1), ct_detach(y), y);
}

/* a standard normal table, with zeros for the padding */
static bool add_table(ct_module *m, ct_dtype dtype, int64_t n, int64_t size, const embedding *a)
{
    ct_tensor *w = ct_randn(m->cx, dtype, CT_SHAPE(n, size)), *zero = ct_scalar(m->cx, dtype, 0);
    return w && zero &&
           (!a->pads || ct_assign(ct_select(w, 0, a->padding), zero) == CT_OK) &&
           ct_module_add_parameter(m, "weight", w);
}

ct_module *ct_embedding_new(ct_context *cx, ct_dtype dtype, int64_t n, int64_t size,
                            const ct_embedding_options *options)
{
    const ct_embedding_options o = options ? *options : (ct_embedding_options){ 0 };
    embedding a = { o.pads, o.padding };
    if (!ct__options_zeroed(cx, "embedding_new", o.reserved) ||
        !ct__parameters_float(cx, "embedding_new", dtype))
        return NULL;
    if (n < 1 || size < 1 || n > INT64_MAX / (int64_t)sizeof(double) / size)
        return ct_fail(cx, CT_ERROR_RANGE, "embedding_new: the table must have 1 row and 1 column "
                       "or more, and fit into memory, got %lld and %lld", (long long)n,
                       (long long)size), NULL;
    if (o.pads && (o.padding < -n || o.padding >= n))
        return ct_fail(cx, CT_ERROR_RANGE, "embedding_new: the padding must be one of %lld rows, "
                       "got %lld", (long long)n, (long long)o.padding), NULL;
    a.padding += o.padding < 0 ? n : 0;
    ct_scope scope = ct_scope_begin(cx);
    if (!scope)
        return NULL;
    ct_module *m = ct__module_with(cx, "embedding", embedding_forward, &a, sizeof a);
    if (m && !add_table(m, dtype, n, size, &a)) {
        ct_module_free(m);
        m = NULL;
    }
    ct_scope_end(cx, scope);
    return m;
}
