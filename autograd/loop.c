/* Loops over strided operands. What all kernels share: shapes are broadcast, dimensions of size 1
 * dropped, neighbours that lie one behind another merged, and the innermost run is the kernel's. So
 * a contiguous call is one flat loop, and a kernel knows strides but no dimensions.
 *
 * A large loop is cut for the threads: into ranges of lines (runs along the last dimension), or, if
 * there is one line only, into pieces of it. */
#include <string.h>

#include "node.h"

enum { MOST = 8, GRAIN = CT__GRAIN };

typedef struct plan {
    int ndim, n;
    void *data[MOST];
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

static int64_t lines_of(const plan *p)
{
    int64_t lines = 1;
    for (int d = 0; d < p->ndim - 1; d++)
        lines *= p->shape[d];
    return lines;
}

/* by `steps` along dimension d */
static void move(const plan *p, void **data, int d, int64_t steps)
{
    for (int k = 0; k < p->n; k++)
        data[k] = (char *)data[k] + steps * p->strides[d][k] * (int64_t)p->size[k];
}

static void run_lines(const plan *p, int64_t begin, int64_t end, ct_loop_body body, const void *arg)
{
    static const int64_t none[MOST];
    int inner = p->ndim - 1;
    int64_t index[CT_MAX_DIMS] = { 0 }, rest = begin;
    void *data[MOST];
    memcpy(data, p->data, sizeof data);
    for (int d = inner - 1; d >= 0 && rest > 0; d--) {
        index[d] = rest % p->shape[d];
        rest /= p->shape[d];
        move(p, data, d, index[d]);
    }
    for (int64_t line = begin; line < end; line++) {
        body(inner < 0 ? 1 : p->shape[inner], data, inner < 0 ? none : p->strides[inner], arg);
        for (int d = inner - 1; d >= 0; d--) { /* the odometer */
            bool more = ++index[d] < p->shape[d];
            move(p, data, d, more ? 1 : 1 - p->shape[d]);
            if (more)
                break;
            index[d] = 0;
        }
    }
}

/* false: there is nothing to do */
static bool make_plan(plan *p, const int64_t *shape, int ndim, const ct_operand *operands, int n)
{
    p->ndim = 0;
    p->n = n;
    for (int k = 0; k < n; k++) {
        p->data[k] = operands[k].data;
        p->size[k] = operands[k].size;
    }
    for (int d = 0; d < ndim; d++) {
        int64_t strides[MOST] = { 0 };
        if (shape[d] == 0)
            return false;
        for (int k = 0; k < n; k++)
            strides[k] = operands[k].strides[d];
        add_dimension(p, shape[d], strides);
    }
    return true;
}

void ct_loop_over(const int64_t *shape, int ndim, const ct_operand *operands, int n,
                  ct_loop_body body, const void *arg)
{
    plan p;
    if (make_plan(&p, shape, ndim, operands, n))
        run_lines(&p, 0, lines_of(&p), body, arg);
}

/* -- The same, shared out */
typedef struct job {
    const plan *p;
    ct_loop_body body;
    const void *arg;
} job;

static void some_lines(int64_t begin, int64_t end, void *arg)
{
    const job *j = arg;
    run_lines(j->p, begin, end, j->body, j->arg);
}

static void some_elements(int64_t begin, int64_t end, void *arg)
{
    const job *j = arg;
    void *data[MOST];
    memcpy(data, j->p->data, sizeof data);
    move(j->p, data, 0, begin);
    j->body(end - begin, data, j->p->strides[0], j->arg);
}

static void share_out(ct_context *cx, const plan *p, ct_loop_body body, const void *arg)
{
    job j = { p, body, arg };
    if (p->ndim == 1) {
        ct_parallel_ranges(cx, p->shape[0], GRAIN, some_elements, &j);
        return;
    }
    int64_t grain = p->ndim > 0 ? GRAIN / p->shape[p->ndim - 1] : 1;
    ct_parallel_ranges(cx, lines_of(p), grain, some_lines, &j);
}

static void loop_any(ct_tensor *const *operands, int n, ct_loop_body body, const void *arg)
{
    plan p;
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
    if (make_plan(&p, shape, ndim, over, n))
        share_out(operands[0]->cx, &p, body, arg);
}

void ct_loop(ct_tensor *const *operands, int n, ct_loop_body body, const void *arg)
{
    static const int64_t ones[MOST] = { 1, 1, 1, 1, 1, 1, 1, 1 };
    void *data[MOST];
    int64_t count = ct__flat(operands, n, data);
    if (count < 0)
        loop_any(operands, n, body, arg);
    else if (count > 0)
        body(count, data, ones, arg);
}
