/* Batches. Each epoch shuffles the numbers of the rows (Fisher and Yates: swap each place with one
 * drawn from those not yet fixed), and each call copies the next `size` rows into a tensor that is
 * kept for this. There are two such tensors for x and two for y, since the last batch of an epoch
 * may be shorter. */
#include <string.h>

#include "batches.h"
#include "checks.h"

typedef struct rows {
    ct_tensor *all;     /* contiguous */
    ct_tensor *out[2];  /* for full batches, and for the short one */
    size_t bytes;       /* of one row */
} rows;

struct ct_batches {
    ct_context *cx;
    rows x, y;          /* y.all is NULL where there are no targets */
    int64_t count, size, at;
    ct_stream stream;   /* where the random stream was when the epoch began */
    bool in_order, drop_last;
    int64_t order[];
};

static void finish(void *object)
{
    ct_batches *b = object;
    rows *both[] = { &b->x, &b->y };
    for (int i = 0; i < 2; i++) {
        ct_release(both[i]->all);
        ct_release(both[i]->out[0]);
        ct_release(both[i]->out[1]);
    }
}

static bool is_alive(const ct_batches *b, const char *who)
{
    return ct_object_alive(b, finish, who);
}

/* uniform on [0, n). A draw among the last 2^64 mod n of the 2^64 values is repeated */
static int64_t below(ct_context *cx, int64_t n)
{
    uint64_t range = (uint64_t)n, spare = (UINT64_MAX % range + 1) % range, draw;
    do
        draw = ct_random_u64(cx);
    while (draw > UINT64_MAX - spare);
    return (int64_t)(draw % range);
}

static void begin_epoch(ct_batches *b)
{
    b->stream = ct_random_stream(b->cx);
    for (int64_t i = 0; i < b->count; i++)
        b->order[i] = i;
    for (int64_t i = b->count - 1; i > 0 && !b->in_order; i--) {
        int64_t j = below(b->cx, i + 1), moved = b->order[i];
        b->order[i] = b->order[j];
        b->order[j] = moved;
    }
}

static size_t row_bytes(const ct_tensor *x)
{
    int64_t rows = ct_size(x, 0);
    return rows > 0 ? ct_dtype_size(ct_dtype_of(x)) * (size_t)(ct_count(x) / rows) : 0;
}

static bool keep_rows(rows *r, ct_tensor *x)
{
    ct_tensor *all = ct_contiguous(x);
    if (!all || ct_keep(&r->all, all) != CT_OK)
        return false;
    r->bytes = row_bytes(all);
    return true;
}

static bool fits(ct_context *cx, const ct_tensor *x, const ct_tensor *y)
{
    char a[CT_SHAPE_TEXT], b[CT_SHAPE_TEXT];
    if (y && ct_context_of(y) != cx)
        ct_fail(cx, CT_ERROR_CONTEXT, "batches_new: x and y must be of one context");
    else if (ct_ndim(x) < 1 || (y && ct_ndim(y) < 1))
        ct_fail(cx, CT_ERROR_SHAPE, "batches_new: x and y must have rows; a 0-d tensor has none");
    else if (y && ct_size(x, 0) != ct_size(y, 0))
        ct_fail(cx, CT_ERROR_SHAPE, "batches_new: x and y must have the same number of rows, got "
                "%s and %s", ct_shape_text(x, a), ct_shape_text(y, b));
    else if (ct_requires_grad(x) || (y && ct_requires_grad(y)))
        ct_fail(cx, CT_ERROR_GRAPH,
                "batches_new: x or y requires grad, and must not: rows are copied unrecorded");
    else
        return true;
    return false;
}

ct_batches *ct_batches_new(ct_tensor *x, ct_tensor *y, int64_t size,
                           const ct_batches_options *options)
{
    const ct_batches_options o = options ? *options : (ct_batches_options){ 0 };
    if (!ct__none_stale("batches_new", (const ct_tensor *const[]){ x, y }, 2))
        return NULL;
    ct_context *cx = ct_context_of(x ? x : y);
    if (!x)
        return ct_fail(cx, CT_ERROR_NULL, "batches_new: x is NULL"), NULL;
    if ((!y && ct_error(cx)) || !fits(cx, x, y)) /* while an error is pending, y NULL has failed */
        return NULL;
    if (!ct__options_zeroed(cx, "batches_new", o.reserved))
        return NULL;
    int64_t count = ct_size(x, 0);
    if (size < 1 || count < 1 || (o.drop_last && size > count))
        return ct_fail(cx, CT_ERROR_RANGE,
                       "batches_new: there must be one batch or more: %lld rows, batches of %lld%s",
                       (long long)count, (long long)size,
                       o.drop_last ? ", and a short last one is dropped" : ""),
               NULL;
    if (count > PTRDIFF_MAX / (int64_t)sizeof(int64_t) / 2) /* rows without elements may be many */
        return ct_fail(cx, CT_ERROR_MEMORY, "batches_new: out of memory: %lld rows",
                       (long long)count), NULL;
    ct_scope scope = ct_scope_begin(cx);
    if (!scope)
        return NULL;
    ct_batches *b = ct_object_new(cx, sizeof *b + (size_t)count * sizeof b->order[0], finish);
    if (b) {
        b->cx = cx;
        b->count = count;
        b->size = size;
        b->in_order = o.in_order;
        b->drop_last = o.drop_last;
        if (!keep_rows(&b->x, x) || (y && !keep_rows(&b->y, y))) {
            ct_object_free(b);
            b = NULL;
        }
    }
    ct_scope_end(cx, scope);
    return b;
}

/* the tensor in which batches of n rows are given out; NULL and an error */
static ct_tensor *tensor_for(ct_batches *b, rows *r, int64_t n)
{
    ct_tensor **out = &r->out[n < b->size];
    if (*out)
        return *out;
    int64_t shape[CT_MAX_DIMS] = { n };
    for (int i = 1; i < ct_ndim(r->all); i++)
        shape[i] = ct_size(r->all, i);
    ct_scope scope = ct_scope_begin(b->cx);
    if (!scope)
        return NULL;
    *out = ct_retain(ct_empty(b->cx, ct_dtype_of(r->all), shape, ct_ndim(r->all)));
    ct_scope_end(b->cx, scope);
    return *out;
}

/* copies the next n rows into their tensor; NULL and an error */
static ct_tensor *gather(ct_batches *b, rows *r, int64_t n)
{
    ct_tensor *out = tensor_for(b, r, n);
    const char *from = ct_data(r->all);
    char *to = ct_data_mutable(out);
    if (!from || !to)
        return NULL;
    for (int64_t i = 0; i < n; i++)
        memcpy(to + (size_t)i * r->bytes, from + (size_t)b->order[b->at + i] * r->bytes, r->bytes);
    return out;
}

bool ct_batches_next(ct_batches *b, ct_tensor **x, ct_tensor **y)
{
    ct_tensor *bx = NULL, *by = NULL;
    bool given = false;
    if (is_alive(b, "batches_next") && !ct_error(b->cx)) {
        int64_t left = b->count - b->at, n = left < b->size ? left : b->size;
        if (b->at == 0)
            begin_epoch(b);
        if (n == 0 || (b->drop_last && n < b->size)) {
            b->at = 0;
        } else {
            bx = gather(b, &b->x, n);
            by = b->y.all ? gather(b, &b->y, n) : NULL;
            given = bx && (by || !b->y.all);
            b->at += given ? n : 0;
        }
    }
    if (x)
        *x = given ? bx : NULL;
    if (y)
        *y = given ? by : NULL;
    return given;
}

/* -- The place in the epoch */
ct__place ct__batches_place(const ct_batches *b)
{
    return (ct__place){ b->at, b->count, b->stream };
}

void ct__batches_resume(ct_batches *b, const ct__place *place)
{
    ct_random_resume(b->cx, place->stream);
    if (place->at > 0)
        begin_epoch(b);
    b->at = place->at;
}

bool ct__batches_alive(const ct_batches *b, const char *who)
{
    return is_alive(b, who);
}

ct_context *ct__batches_context(const ct_batches *b)
{
    return b->cx;
}

int64_t ct__batches_size(const ct_batches *b)
{
    return b->size;
}

int64_t ct_batches_count(const ct_batches *b)
{
    if (!is_alive(b, "batches_count"))
        return -1;
    return b->drop_last ? b->count / b->size : (b->count - 1) / b->size + 1;
}

void ct_batches_free(ct_batches *b)
{
    if (is_alive(b, "batches_free"))
        ct_object_free(b);
}
