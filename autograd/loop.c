/* Loops over strided operands. What all kernels share: shapes are broadcast, dimensions of size 1
 * dropped, neighbours that lie one behind another merged, and the innermost run is the kernel's. So
 * a contiguous call is one flat loop, and a kernel knows strides but no dimensions.
 *
 * A large loop is cut for the threads: into ranges of lines (runs along the last dimension), or, if
 * there is one line only, into pieces of it. Where an operand that is read lies across the runs, as
 * a transposed one does, each element of a run is in a cache line of its own: then the runs of ROWS
 * lines go together in pieces, for which its elements are fetched line by line first. */
#include <string.h>

#include "node.h"

enum { MOST = 8, GRAIN = CT__GRAIN, CACHE_LINE = 64, ROWS = 16, COLUMNS = 64, ACROSS = 2 };

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

/* -- Across the runs */
static int64_t step(const plan *p, int d, int k)
{
    int64_t stride = p->strides[d][k];
    return (stride < 0 ? -stride : stride) * (int64_t)p->size[k];
}

static void swap_dimensions(plan *p, int d, int e)
{
    int64_t shape = p->shape[d], strides[MOST];
    p->shape[d] = p->shape[e];
    p->shape[e] = shape;
    memcpy(strides, p->strides[d], sizeof strides);
    memcpy(p->strides[d], p->strides[e], sizeof strides);
    memcpy(p->strides[e], strides, sizeof strides);
}

/* the dimension along which operand k moves least, where it jumps along the last */
static int nearest(const plan *p, int k)
{
    int best = p->ndim - 1;
    for (int d = p->ndim - 2; d >= 0 && step(p, p->ndim - 1, k) >= CACHE_LINE; d--)
        if (p->shape[d] >= ROWS / 4 && step(p, d, k) > 0 && step(p, d, k) < step(p, best, k))
            best = d;
    return best;
}

static bool lies_across(const plan *p, int k)
{
    int last = p->ndim - 1;
    return step(p, last, k) >= CACHE_LINE && step(p, last - 1, k) > 0 &&
           step(p, last - 1, k) < step(p, last, k);
}

/* Runs go along what is written; the lines that go together, along the first operand that lies
 * across. Whether one does. The order of what is computed is free here */
static bool arrange(plan *p)
{
    int last = p->ndim - 1;
    if (p->ndim < 2)
        return false;
    swap_dimensions(p, nearest(p, 0), last);
    for (int k = 1; k < p->n; k++) {
        int d = nearest(p, k);
        if (d == last || p->shape[last] < ROWS / 4)
            continue;
        swap_dimensions(p, d, last - 1);
        return true;
    }
    return false;
}

static inline void fetch(char *to, const char *from, int64_t size, const int64_t count[2],
                         const int64_t step[2])
{
    for (int64_t c = 0; c < count[1]; c++)
        for (int64_t r = 0; r < count[0]; r++)
            memcpy(to + (r * COLUMNS + c) * size, from + r * step[0] + c * step[1], (size_t)size);
}

/* `rows` lines from data on */
static void run_rows(const plan *p, void *const *data, int64_t rows, ct_loop_body body,
                     const void *arg)
{
    _Alignas(64) char room[ACROSS][ROWS * COLUMNS * 8];
    int last = p->ndim - 1, across[MOST], fetched = 0;
    int64_t strides[MOST];
    for (int k = 0; k < p->n; k++) {
        bool fetches = k > 0 && fetched < ACROSS && lies_across(p, k);
        across[k] = fetches ? fetched++ : -1;
        strides[k] = fetches ? 1 : p->strides[last][k];
    }
    for (int64_t at = 0, n; at < p->shape[last]; at += n) {
        n = p->shape[last] - at < COLUMNS ? p->shape[last] - at : COLUMNS;
        void *piece[MOST];
        memcpy(piece, data, sizeof piece);
        move(p, piece, last, at);
        for (int k = 0; k < p->n; k++) {
            int64_t size = (int64_t)p->size[k], count[] = { rows, n };
            int64_t steps[] = { p->strides[last - 1][k] * size, p->strides[last][k] * size };
            if (across[k] < 0)
                continue;
            if (size == 4) /* a constant, as the compiler sees it */
                fetch(room[across[k]], piece[k], 4, count, steps);
            else if (size == 8)
                fetch(room[across[k]], piece[k], 8, count, steps);
            else
                fetch(room[across[k]], piece[k], size, count, steps);
        }
        for (int64_t r = 0; r < rows; r++) {
            void *line[MOST];
            memcpy(line, piece, sizeof line);
            move(p, line, last - 1, r);
            for (int k = 0; k < p->n; k++)
                if (across[k] >= 0)
                    line[k] = room[across[k]] + r * COLUMNS * (int64_t)p->size[k];
            body(n, line, strides, arg);
        }
    }
}

/* -- Shared out */
typedef struct job {
    const plan *p;
    ct_loop_body body;
    const void *arg;
} job;

static int64_t groups_of(const plan *p)
{
    return (p->shape[p->ndim - 2] + ROWS - 1) / ROWS;
}

static void some_groups(int64_t begin, int64_t end, void *arg)
{
    const job *j = arg;
    const plan *p = j->p;
    int64_t groups = groups_of(p), all = p->shape[p->ndim - 2];
    for (int64_t g = begin; g < end; g++) {
        void *data[MOST];
        int64_t rest = g / groups, first = g % groups * ROWS;
        memcpy(data, p->data, sizeof data);
        move(p, data, p->ndim - 2, first);
        for (int d = p->ndim - 3; d >= 0; d--) {
            move(p, data, d, rest % p->shape[d]);
            rest /= p->shape[d];
        }
        run_rows(p, data, all - first < ROWS ? all - first : ROWS, j->body, j->arg);
    }
}

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

void ct__loop_shared(ct_context *cx, const int64_t *shape, int ndim, const ct_operand *operands,
                     int n, ct_loop_body body, const void *arg)
{
    plan p;
    job j = { &p, body, arg };
    if (!make_plan(&p, shape, ndim, operands, n))
        return;
    bool across = arrange(&p);
    int64_t line = p.ndim > 0 ? p.shape[p.ndim - 1] : 1;
    if (p.ndim == 1)
        ct_parallel_ranges(cx, line, GRAIN, some_elements, &j);
    else if (across)
        ct_parallel_ranges(cx, lines_of(&p) / p.shape[p.ndim - 2] * groups_of(&p),
                           GRAIN / ROWS / line, some_groups, &j);
    else
        ct_parallel_ranges(cx, lines_of(&p), GRAIN / line, some_lines, &j);
}

static void loop_any(ct_tensor *const *operands, int n, ct_loop_body body, const void *arg)
{
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
    ct__loop_shared(operands[0]->cx, shape, ndim, over, n, body, arg);
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
