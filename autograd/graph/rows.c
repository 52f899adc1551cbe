/* Gradients of which few rows differ from 0, as those of an embedding. The tensor is a full one,
 * and with it goes a list of the rows that were touched: all others are zeros. Zeroing such a
 * gradient zeroes these rows alone, and the variable keeps it for the next walk, which need not
 * clear it.
 *
 * The list is in doubt as soon as anything else may have written. A kernel that adds leaves it open
 * until it says which rows it touched; a write by a function changes the buffer's version; and an
 * addition of the engine's drops the list. In doubt the gradient is an ordinary one. */
#include "rows.h"

#include <string.h>

#include "walk.h"

static bool has_list(const ct_tensor *g)
{
    return g->extra && g->extra->rows && !g->extra->open &&
           g->extra->rows_version == g->buffer->version;
}

void ct__rows_drop(ct_tensor *g)
{
    if (g->extra) {
        ct__unhandle(g->extra->rows);
        g->extra->rows = NULL;
    }
}

void ct__rows_open(ct_tensor *g)
{
    if (!g->extra || !g->extra->rows)
        return;
    if (has_list(g))
        g->extra->open = true;
    else
        ct__rows_drop(g);
}

/* -- Which rows were touched */
/* one bit for each row */
static bool mark(unsigned char *bits, int64_t row)
{
    unsigned char bit = (unsigned char)(1 << row % 8), before = bits[row / 8] & bit;
    bits[row / 8] |= bit;
    return !before;
}

/* marks the first `count` elements of the list, which name rows of n; notes those that were not
   marked, and returns how many these are */
static int64_t mark_all(unsigned char *bits, const ct_tensor *list, int64_t count, int64_t n,
                        int64_t *to)
{
    const int64_t *at = (const void *)list->data, step = count > 0 ? ct__strides(list)[0] : 0;
    int64_t found = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t row = at[i * step] < 0 ? at[i * step] + n : at[i * step];
        if (mark(bits, row))
            to[found++] = row;
    }
    return found;
}

ct_status ct_call_touched(const ct_call *call, int i, ct_tensor *gx, const ct_tensor *index)
{
    ct_tensor *before = ct_call_adds(call, i) && gx->extra ? gx->extra->rows : NULL;
    bool is_leaf = call->vertex && (uint32_t)i < call->vertex->input_count &&
                   !ct__inputs(call->vertex)[i]->op; /* in a replay no vertex has inputs */
    int64_t n = gx->ndim > 0 ? ct__shape(gx)[0] : 0;
    if ((ct_call_adds(call, i) && !before) || !is_leaf || index->count > n / CT__FEW)
        return CT_OK;
    size_t bytes = (size_t)n / 8 + 1;
    unsigned char *bits = ct_call_scratch(call, bytes);
    ct__extra *extra = ct__extra_of(gx);
    int64_t old = before ? extra->row_count : 0;
    ct_tensor *list = ct_empty(call->cx, CT_I64, CT_SHAPE(old + index->count));
    if (!bits || !extra || !list)
        return CT_ERROR_MEMORY;
    memset(bits, 0, bytes);
    int64_t *to = (int64_t *)(void *)list->data;
    int64_t count = before ? mark_all(bits, before, old, n, to) : 0;
    count += mark_all(bits, index, index->count, n, to + count);
    list->dims[0] = list->count = count; /* nobody else has seen it */
    list->flags |= CT__READ_ONLY;
    ct__handle(list);
    ct__unhandle(before);
    extra->rows = list;
    extra->row_count = count;
    extra->rows_version = gx->buffer->version;
    extra->open = false;
    return CT_OK;
}

ct_tensor *ct_touched_rows(const ct_tensor *g)
{
    return ct__usable(g, "touched_rows") && has_list(g) ? g->extra->rows : NULL;
}

/* -- A gradient that is kept for the next walk */
static void clear_rows(ct_tensor *g)
{
    const int64_t *row = (const void *)g->extra->rows->data;
    size_t bytes = (size_t)(g->count / ct__shape(g)[0]) * ct_dtype_size((ct_dtype)g->dtype);
    for (int64_t i = 0; i < g->extra->row_count; i++)
        memset(g->data + (size_t)row[i] * bytes, 0, bytes);
    g->extra->row_count = 0;
}

void ct__rows_zero(ct_tensor *x, ct_tensor *grad)
{
    if (!grad || !has_list(grad) || !ct__exclusive(grad) || grad->count == 0) {
        ct__unhandle(grad);
        return;
    }
    clear_rows(grad);
    grad->buffer->gradient = false;
    ct__rows_forget(x);
    x->extra->spare = grad;
}

void ct__rows_forget(ct_tensor *x)
{
    if (x->extra) {
        ct__unhandle(x->extra->spare);
        x->extra->spare = NULL;
    }
}

ct_tensor *ct__rows_take(ct_tensor *x)
{
    ct_tensor *spare = x->extra ? x->extra->spare : NULL;
    if (!spare)
        return NULL;
    x->extra->spare = NULL;
    bool free = !x->cx->listener; /* a program's gradients are ordinary ones */
    if (free && has_list(spare) && ct__exclusive(spare))
        return spare;
    ct__unhandle(spare);
    return NULL;
}
