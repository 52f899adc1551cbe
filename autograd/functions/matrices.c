/* Jacobian and Hessian of a C function. Row k is the vjp with the k-th unit vector of y. Column k
 * is the jvp with the k-th unit vector of x. All go over the one graph of f, and rows go in batches
 * where its operators take them (batch.c). */
#include <string.h>

#include "arrays.h"

enum {
    FEW = 4,      /* so many rows take no longer one by one */
    MANY = 16,    /* of so many rows in a batch ... */
    MANY_COST = 4 /* ... so many cost as much as one column */
};

/* zeros, of shape(y) + shape(x) */
static ct_tensor *empty_matrix(const ct__stage *s, const ct_tensor *y, const ct_tensor *x)
{
    int64_t shape[2 * CT_MAX_DIMS];
    int ndim = y->ndim + x->ndim;
    memcpy(shape, ct__shape(y), y->ndim * sizeof *shape);
    memcpy(shape + y->ndim, ct__shape(x), x->ndim * sizeof *shape);
    if (y->dtype != x->dtype)
        return ct_fail(s->cx, CT_ERROR_DTYPE, "%s: x is %s, y is %s", s->who,
                       ct__dtype_text(x->dtype), ct__dtype_text(y->dtype)),
               NULL;
    bool fits = ct__shape_count(s->cx, s->who, x->dtype, shape, ndim) >= 0;
    return fits ? ct_zeros(s->cx, x->dtype, shape, ndim) : NULL;
}

/* the k-th unit vector of t's shape */
static ct_tensor *unit(ct_tensor *t, int64_t k)
{
    ct_tensor *e = ct_zeros_like(t);
    if (e)
        ct__store(e->data + (size_t)k * ct__dtype_size(t->dtype), t->dtype, 1);
    return ct__tell_made(e);
}

/* row k by a vjp, or column k by a jvp; contiguous, in the scope */
static ct_tensor *make_line(const ct__stage *s, ct_tensor *y, int64_t k, bool row)
{
    ct_tensor *x = s->x[0], *e = unit(row ? y : x, k), *line = NULL;
    ct__how how = { s->who, row ? CT_ZERO_PATH : 0 };
    ct_status status = !e    ? CT_ERROR_MEMORY
                       : row ? ct__grad_as(&how, y, e, &x, 1, &line)
                             : ct__tangents(&how, &y, 1, &(ct__along){ &x, &e, 1 }, &line);
    return status == CT_OK ? ct__contiguous(line) : NULL;
}

/* n of t's elements, from `first` on, each `step` behind the one before */
static ct_tensor *part(ct_tensor *t, int64_t first, int64_t n, int64_t step)
{
    ct_tensor *some = ct__tensor_over(t->cx, &(ct__layout){ .dtype = t->dtype, .ndim = 1,
                                                            .shape = &n, .strides = &step });
    if (!some)
        return NULL;
    some->buffer = t->buffer;
    some->buffer->refs++;
    some->data = t->data + (size_t)first * ct__dtype_size(t->dtype);
    return ct__to_scope(some);
}

/* writes the elements of `line`, which is contiguous, there */
static ct_status set(ct_tensor *j, int64_t first, int64_t step, ct_tensor *line)
{
    ct_tensor *to = part(j, first, line->count, step), *from = part(line, 0, line->count, 1);
    return to && from ? ct_assign(to, from) : CT_ERROR_MEMORY;
}

/* A search for what is not finite goes by single rows, since `backward` names its operator. */
static int64_t batch_limit(const ct__stage *s, ct_tensor *y)
{
    return y->count > FEW && !s->cx->find_nonfinite ? ct__batch_limit(s->who, y, s->x[0]) : 0;
}

/* rows k to k + b - 1 of j by one walk */
static ct_status fill_batch(const ct__stage *s, ct_tensor *j, ct_tensor *y, int64_t k, int64_t b)
{
    const size_t size = ct__dtype_size(y->dtype);
    int64_t shape[CT_MAX_DIMS] = { b };
    memcpy(shape + 1, ct__shape(y), y->ndim * sizeof *shape);
    ct_tensor *units = ct_zeros(s->cx, y->dtype, shape, y->ndim + 1), *rows;
    if (!units)
        return CT_ERROR_MEMORY;
    for (int64_t i = 0; i < b; i++)
        ct__store(units->data + (size_t)(i * y->count + k + i) * size, y->dtype, 1);
    ct__tell_made(units);
    ct__how how = { s->who, CT__BATCH };
    ct_status status = ct__grad_as(&how, y, units, s->x, 1, &rows);
    if (status != CT_OK || !rows)
        return status;
    rows = ct__contiguous(rows);
    return rows ? set(j, k * s->x[0]->count, 1, rows) : CT_ERROR_MEMORY;
}

static ct_status fill_batches(const ct__stage *s, ct_tensor *j, ct_tensor *y, int64_t limit)
{
    ct_status status = CT_OK;
    for (int64_t k = 0; k < y->count && status == CT_OK; k += limit) {
        ct__scope scope;
        ct__scope_push(s->cx, &scope);
        status = fill_batch(s, j, y, k, y->count - k < limit ? y->count - k : limit);
        ct__scope_pop(s->cx, &scope);
    }
    return status;
}

static ct_status fill_lines(const ct__stage *s, ct_tensor *j, ct_tensor *y, bool rows)
{
    const int64_t lines = rows ? y->count : s->x[0]->count;
    for (int64_t k = 0; k < lines && ct_requires_grad(y); k++) {
        ct__scope scope;
        ct__scope_push(s->cx, &scope);
        ct_tensor *line = make_line(s, y, k, rows);
        ct_status status = !line  ? ct__failed(s->cx)
                           : rows ? set(j, k * line->count, 1, line)
                                  : set(j, k, lines, line);
        ct__scope_pop(s->cx, &scope);
        if (status != CT_OK)
            return status;
    }
    return CT_OK;
}

ct_status ct__matrix(const ct__stage *s, ct_tensor *y, ct_direction direction, ct_tensor **j)
{
    ct_tensor *x = s->x[0], *made = empty_matrix(s, y, x);
    if (!made)
        return ct__failed(s->cx);
    int64_t limit = direction == CT_BY_COLUMNS ? 0 : batch_limit(s, y);
    int64_t together = limit < y->count ? limit : y->count;
    bool columns = direction == CT_BY_SIZES
                       ? x->count * (together >= MANY ? MANY_COST : 1) < y->count
                       : direction == CT_BY_COLUMNS;
    ct_status status = limit && !columns ? fill_batches(s, made, y, limit)
                                         : fill_lines(s, made, y, !columns);
    return status == CT_OK ? ct__put_result(j, made) : status;
}

static ct_status check_matrix(const ct__stage *s, ct_function f, ct_tensor *x)
{
    ct_status status = ct__check_arguments(s, f, &x, NULL);
    if (status == CT_OK && !ct__is_float(x->dtype))
        status = ct_fail(s->cx, CT_ERROR_DTYPE, "%s: x is %s, not f32 or f64", s->who,
                         ct__dtype_text(x->dtype));
    return status;
}

ct_tensor *ct_jacobian_by(ct_context *cx, ct_function f, void *user, ct_tensor *x,
                          ct_direction direction)
{
    ct__stage s = { .cx = cx, .n = 1, .who = "jacobian" };
    ct_tensor *j = NULL;
    if (check_matrix(&s, f, x) != CT_OK)
        return NULL;
    if (direction < CT_BY_SIZES || direction > CT_BY_COLUMNS)
        return ct_fail(cx, CT_ERROR_VALUE, "jacobian: %d is no direction", (int)direction), NULL;
    ct_tensor *y = ct__stage_begin(&s, f, user, &x, true);
    ct_status status = y ? ct__matrix(&s, y, direction, &j) : ct__failed(cx);
    ct__stage_end(&s);
    ct__hand_over(status, &j, 1);
    return j;
}

ct_tensor *ct_jacobian(ct_context *cx, ct_function f, void *user, ct_tensor *x)
{
    return ct_jacobian_by(cx, f, user, x, CT_BY_SIZES);
}

ct_tensor *ct_hessian(ct_context *cx, ct_function f, void *user, ct_tensor *x)
{
    ct__stage s = { .cx = cx, .n = 1, .who = "hessian" };
    ct_tensor *h = NULL, *g;
    if (check_matrix(&s, f, x) != CT_OK)
        return NULL;
    ct_tensor *y = ct__stage_begin(&s, f, user, &x, true);
    ct_status status = y ? ct__one_number(&s, y) : ct__failed(cx);
    if (status == CT_OK)
        status = ct__grad_as(&(ct__how){ s.who, CT__RECORDED }, y, NULL, s.x, 1, &g);
    if (status == CT_OK)
        status = ct__matrix(&s, g, CT_BY_ROWS, &h);
    ct__stage_end(&s);
    ct__hand_over(status, &h, 1);
    return h;
}
