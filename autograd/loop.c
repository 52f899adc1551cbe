/* Loops over strided operands. What all kernels share: shapes are broadcast, dimensions of size 1
 * dropped, neighbours that lie one behind another merged, and the innermost run is the kernel's. So
 * a contiguous call is one flat loop, and a kernel knows strides but no dimensions. */
#include <string.h>

#include "node.h"

enum { MOST = 8 };

typedef struct plan {
    int ndim, n;
    int64_t shape[CT_MAX_DIMS];
    int64_t strides[CT_MAX_DIMS][MOST]; /* per dimension, in elements */
    size_t size[MOST];
} plan;

/* does dimension `d` of the operands continue the plan's last one? */
static bool continues(const plan *p, int64_t size, const int64_t *strides)
{
    const int64_t *last = p->strides[p->ndim - 1];
    for (int k = 0; k < p->n; k++)
        if (last[k] != strides[k] * size)
            return false;
    return true;
}

static void add_dimension(plan *p, int64_t size, const int64_t *strides)
{
    if (size == 1)
        return;
    if (p->ndim > 0 && continues(p, size, strides))
        p->shape[p->ndim - 1] *= size;
    else
        p->shape[p->ndim++] = size;
    memcpy(p->strides[p->ndim - 1], strides, sizeof *p->strides);
}

static void run(const plan *p, void **data, ct_loop_body body, const void *arg)
{
    static const int64_t none[MOST];
    int outer = p->ndim - 1;
    int64_t index[CT_MAX_DIMS] = { 0 };
    for (;;) {
        body(outer < 0 ? 1 : p->shape[outer], data, outer < 0 ? none : p->strides[outer], arg);
        int d = outer - 1;
        for (; d >= 0; d--) { /* the odometer */
            bool more = ++index[d] < p->shape[d];
            int64_t steps = more ? 1 : 1 - p->shape[d];
            for (int k = 0; k < p->n; k++)
                data[k] = (char *)data[k] + steps * p->strides[d][k] * (int64_t)p->size[k];
            if (more)
                break;
            index[d] = 0;
        }
        if (d < 0)
            return;
    }
}

void ct_loop_over(const int64_t *shape, int ndim, const ct_operand *operands, int n,
                  ct_loop_body body, const void *arg)
{
    plan p;
    void *data[MOST];
    p.ndim = 0;
    p.n = n;
    for (int k = 0; k < n; k++) {
        data[k] = operands[k].data;
        p.size[k] = operands[k].size;
    }
    for (int d = 0; d < ndim; d++) {
        int64_t strides[MOST] = { 0 };
        if (shape[d] == 0)
            return;
        for (int k = 0; k < n; k++)
            strides[k] = operands[k].strides[d];
        add_dimension(&p, shape[d], strides);
    }
    run(&p, data, body, arg);
}

/* all contiguous and of one shape: one run */
static bool is_flat(ct_tensor *const *operands, int n)
{
    for (int k = 0; k < n; k++)
        if (!(operands[k]->flags & CT__CONTIGUOUS) || !ct__same_shape(operands[k], operands[0]))
            return false;
    return true;
}

void ct_loop(ct_tensor *const *operands, int n, ct_loop_body body, const void *arg)
{
    static const int64_t ones[MOST] = { 1, 1, 1, 1, 1, 1, 1, 1 };
    if (is_flat(operands, n)) {
        void *data[MOST];
        for (int k = 0; k < n; k++)
            data[k] = operands[k]->data;
        if (operands[0]->count > 0)
            body(operands[0]->count, data, ones, arg);
        return;
    }
    int64_t shape[CT_MAX_DIMS], strides[MOST][CT_MAX_DIMS];
    ct_operand over[MOST];
    int ndim = 0;
    for (int k = 0; k < n; k++)
        ct__broadcast(shape, &ndim, ct__shape(operands[k]), operands[k]->ndim);
    for (int k = 0; k < n; k++) {
        const ct_tensor *t = operands[k];
        for (int d = 0, own = t->ndim - ndim; d < ndim; d++, own++)
            strides[k][d] = own < 0 || ct__shape(t)[own] == 1 ? 0 : ct__strides(t)[own];
        over[k] = (ct_operand){ t->data, ct__dtype_size(t->dtype), strides[k] };
    }
    ct_loop_over(shape, ndim, over, n, body, arg);
}
