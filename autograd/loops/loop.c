/* Loops over strided operands, for all kernels. Shapes are broadcast together, dimensions of size 1
 * are dropped, and dimensions that continue each other in memory are merged. The kernel then gets
 * one run along the last dimension at a time. So a contiguous call is one flat loop, and a kernel
 * knows strides but no dimensions.
 *
 * Words: a line is the elements along the last dimension of the plan, and the kernel runs over it.
 *
 * A large loop is cut into ranges of lines for the threads. If there is only one line, it is cut
 * into pieces. In two cases several lines form a group, and operands are copied for the group:
 *
 *   ACROSS  An operand that is read is transposed: neighbors in a line are far apart in memory, and
 *           each of them costs a cache line. The group's part of the operand is copied first, in
 *           the order in which it lies in memory.
 *   SHORT   Lines are so short that starting the kernel costs more than running it. The group
 *           becomes one run. An operand whose next line does not begin where the last one ended (a
 *           row that is repeated, say) is copied first, so that it continues. */
#include <stdlib.h>
#include <string.h>

#include "loops.h"

enum { MOST = 8, GRAIN = CT__GRAIN, CACHE_LINE = 64 };
enum {
    FETCHED = 4,      /* at most so many operands are copied for a group */
    ROWS = 16,        /* lines of a group */
    COLUMNS = 64,     /* elements of each line that are copied at once */
    SHORT_LINE = 128, /* lines with fewer elements are short */
    FEW = 8           /* fewer columns than this are copied one by one */
};

typedef struct plan {
    int ndim, n;
    void *data[MOST];
    int64_t shape[CT_MAX_DIMS];
    int64_t strides[CT_MAX_DIMS][MOST]; /* per dimension, in elements */
    size_t size[MOST];
} plan;

/* Do steps along the plan's last dimension and along this one make up one evenly spaced row? */
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

/* Moves all pointers by `steps` along dimension d. */
static void move(const plan *p, void **data, int d, int64_t steps)
{
    for (int k = 0; k < p->n; k++)
        data[k] = (char *)data[k] + steps * p->strides[d][k] * (int64_t)p->size[k];
}

/* Runs the kernel over the lines begin..end-1; there is at least one. No pointer is moved beyond
 * the last one. */
static void run_lines(const plan *p, int64_t begin, int64_t end, ct_loop_body body, const void *arg)
{
    static const int64_t none[MOST];
    int inner = p->ndim - 1, outer = inner - 1, d;
    int64_t index[CT_MAX_DIMS] = { 0 }, rest = begin, step[MOST];
    void *data[MOST];
    memcpy(data, p->data, sizeof data);
    if (inner < 1) { /* there is one line only */
        body(inner < 0 ? 1 : p->shape[0], data, inner < 0 ? none : p->strides[0], arg);
        return;
    }
    for (d = outer; d >= 0 && rest > 0; d--) {
        index[d] = rest % p->shape[d];
        rest /= p->shape[d];
        move(p, data, d, index[d]);
    }
    for (int k = 0; k < p->n; k++)
        step[k] = p->strides[outer][k] * (int64_t)p->size[k];
    for (;;) {
        int64_t rows = p->shape[outer] - index[outer];
        rows = rows < end - begin ? rows : end - begin;
        for (int64_t r = 1;; r++) {
            body(p->shape[inner], data, p->strides[inner], arg);
            if (r == rows)
                break;
            for (int k = 0; k < p->n; k++)
                data[k] = (char *)data[k] + step[k];
        }
        begin += rows;
        if (begin == end)
            return;
        index[outer] += rows - 1;
        for (d = outer; index[d] == p->shape[d] - 1; d--) { /* the odometer */
            move(p, data, d, -index[d]);
            index[d] = 0;
        }
        move(p, data, d, 1);
        index[d]++;
    }
}

/* Returns false if there are no elements. */
static bool make_plan(plan *p, const int64_t *shape, int ndim, const ct_operand *operands, int n)
{
    for (int d = 0; d < ndim; d++)
        if (shape[d] == 0)
            return false;
    p->ndim = 0;
    p->n = n;
    for (int k = 0; k < n; k++) {
        p->data[k] = operands[k].data;
        p->size[k] = operands[k].size;
    }
    for (int d = 0; d < ndim; d++) {
        int64_t strides[MOST] = { 0 };
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

/* The dimension along which operand k has the smallest step, if it has a large one along the last
 * dimension; else the last dimension. */
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

/* Chooses the order of the dimensions, which is free. The last one becomes the one along which
 * operand 0, which is written, has the smallest step. If an operand that is read is transposed, its
 * densest dimension becomes the last but one, and the result is true. */
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

/* -- Lines that go together */
typedef enum grouping { ALONE, ACROSS, SHORT } grouping;

/* Does each line of operand k begin where the line before it ends? */
static bool follows(const plan *p, int k)
{
    int last = p->ndim - 1;
    return p->strides[last - 1][k] == p->shape[last] * p->strides[last][k];
}

/* Is operand k copied for a group? */
static bool is_fetched(const plan *p, int k, grouping g)
{
    return k > 0 && (g == SHORT ? !follows(p, k) : lies_across(p, k));
}

/* Are lines short, and is no operand transposed in a way that a group of lines does not cover? */
static bool is_short(const plan *p)
{
    int last = p->ndim - 1, fetched = 0;
    if (p->ndim < 2 || p->shape[last] >= SHORT_LINE || !follows(p, 0))
        return false;
    for (int k = 1; k < p->n; k++) {
        fetched += is_fetched(p, k, SHORT);
        if (nearest(p, k) < last - 1)
            return false;
    }
    return fetched <= FETCHED;
}

static grouping grouping_of(plan *p)
{
    return is_short(p) ? SHORT : arrange(p) ? ACROSS : ALONE;
}

static int64_t rows_of(int64_t line, grouping g)
{
    return g == SHORT ? ROWS * COLUMNS / line : ROWS;
}

/* A rectangle of elements: how many, and the bytes from one row or column to the next. */
typedef struct grid {
    int64_t rows, columns, row, column;
} grid;

/* Copies a rectangle to `to`, where rows are `pitch` elements apart. The order follows the memory
 * of `from`: column by column if there are few columns or if a column's elements are nearer to each
 * other than a row's, else row by row. If all rows are the same, one is copied, and the rest from
 * it. `size` is a constant wherever this is inlined. */
static inline void fetch_sized(char *to, int64_t pitch, const char *from, const grid *g,
                               size_t size)
{
    int64_t rows = g->row == 0 ? 1 : g->rows, step = (int64_t)size;
    if (g->columns < FEW || llabs(g->row) < llabs(g->column)) {
        for (int64_t c = 0; c < g->columns; c++)
            for (int64_t r = 0; r < rows; r++)
                memcpy(to + (r * pitch + c) * step, from + r * g->row + c * g->column, size);
    } else {
        for (int64_t r = 0; r < rows; r++)
            ct__copy_row(to + r * pitch * step, from + r * g->row, g->columns, g->column, size);
    }
    for (int64_t done = rows, more; done < g->rows; done += more) {
        more = done < g->rows - done ? done : g->rows - done;
        memcpy(to + done * pitch * step, to, (size_t)(more * pitch * step));
    }
}

static void fetch(char *to, int64_t pitch, const char *from, const grid *g, size_t size)
{
    if (size == 4)
        fetch_sized(to, pitch, from, g, 4);
    else if (size == 8)
        fetch_sized(to, pitch, from, g, 8);
    else
        fetch_sized(to, pitch, from, g, 1);
}

/* Is operand k the same in every line? */
static bool repeats(const plan *p, int k)
{
    for (int d = 0; d < p->ndim - 1; d++)
        if (p->strides[d][k] != 0)
            return false;
    return true;
}

/* -- Shared out */
typedef struct job {
    const plan *p;
    ct_loop_body body;
    const void *arg;
    grouping grouping;
    int64_t rows; /* lines of a group */
} job;

/* What a thread has copied: operand k lies in room[of[k]]; of[k] is -1 if it is not copied. */
typedef struct fetched {
    _Alignas(64) char room[FETCHED][ROWS * COLUMNS * 8];
    int of[MOST];
    int64_t strides[MOST]; /* the kernel's, for each operand */
    bool first;            /* operands that are the same in every line are not copied yet */
} fetched;

static void begin_fetched(fetched *f, const job *j)
{
    const plan *p = j->p;
    int count = 0;
    f->first = true;
    for (int k = 0; k < p->n; k++) {
        bool fetches = count < FETCHED && is_fetched(p, k, j->grouping);
        f->of[k] = fetches ? count++ : -1;
        f->strides[k] = fetches ? 1 : p->strides[p->ndim - 1][k];
    }
}

static grid grid_of(const plan *p, int k, int64_t rows, int64_t columns)
{
    int last = p->ndim - 1;
    int64_t size = (int64_t)p->size[k];
    return (grid){ rows, columns, p->strides[last - 1][k] * size, p->strides[last][k] * size };
}

/* SHORT: `rows` lines that begin at `data`, as one run. */
static void run_short(const job *j, fetched *f, void *const *data, int64_t rows)
{
    const plan *p = j->p;
    int64_t n = p->shape[p->ndim - 1];
    void *run[MOST];
    for (int k = 0; k < p->n; k++) {
        run[k] = data[k];
        if (f->of[k] < 0)
            continue;
        bool repeated = repeats(p, k); /* then one copy serves all groups */
        grid g = grid_of(p, k, repeated ? j->rows : rows, n);
        run[k] = f->room[f->of[k]];
        if (f->first || !repeated)
            fetch(run[k], n, data[k], &g, p->size[k]);
    }
    f->first = false;
    j->body(rows * n, run, f->strides, j->arg);
}

/* ACROSS: `rows` lines that begin at `data`, in pieces of COLUMNS elements. */
static void run_across(const job *j, fetched *f, void *const *data, int64_t rows)
{
    const plan *p = j->p;
    int last = p->ndim - 1;
    for (int64_t at = 0, n; at < p->shape[last]; at += n) {
        n = p->shape[last] - at < COLUMNS ? p->shape[last] - at : COLUMNS;
        void *piece[MOST], *line[MOST];
        memcpy(piece, data, sizeof piece);
        move(p, piece, last, at);
        for (int k = 0; k < p->n; k++) {
            grid g = grid_of(p, k, rows, n);
            if (f->of[k] >= 0)
                fetch(f->room[f->of[k]], COLUMNS, piece[k], &g, p->size[k]);
        }
        for (int64_t r = 0; r < rows; r++) {
            memcpy(line, piece, sizeof line);
            move(p, line, last - 1, r);
            for (int k = 0; k < p->n; k++)
                if (f->of[k] >= 0)
                    line[k] = f->room[f->of[k]] + r * COLUMNS * (int64_t)p->size[k];
            j->body(n, line, f->strides, j->arg);
        }
    }
}

/* How many groups there are along the last dimension but one. */
static int64_t groups_of(const job *j)
{
    return (j->p->shape[j->p->ndim - 2] + j->rows - 1) / j->rows;
}

static void some_groups(int64_t begin, int64_t end, void *arg)
{
    const job *j = arg;
    const plan *p = j->p;
    int64_t groups = groups_of(j), all = p->shape[p->ndim - 2];
    fetched f;
    begin_fetched(&f, j);
    for (int64_t g = begin; g < end; g++) {
        void *data[MOST];
        int64_t rest = g / groups, first = g % groups * j->rows;
        int64_t rows = all - first < j->rows ? all - first : j->rows;
        memcpy(data, p->data, sizeof data);
        move(p, data, p->ndim - 2, first);
        for (int d = p->ndim - 3; d >= 0; d--) {
            move(p, data, d, rest % p->shape[d]);
            rest /= p->shape[d];
        }
        if (j->grouping == SHORT)
            run_short(j, &f, data, rows);
        else
            run_across(j, &f, data, rows);
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
    job j = { .p = &p, .body = body, .arg = arg };
    if (!make_plan(&p, shape, ndim, operands, n))
        return;
    j.grouping = grouping_of(&p);
    int64_t line = p.ndim > 0 ? p.shape[p.ndim - 1] : 1;
    if (p.ndim == 1) {
        ct_parallel_ranges(cx, line, GRAIN, some_elements, &j);
    } else if (j.grouping == ALONE) {
        ct_parallel_ranges(cx, lines_of(&p), GRAIN / line, some_lines, &j);
    } else {
        j.rows = rows_of(line, j.grouping);
        ct_parallel_ranges(cx, lines_of(&p) / p.shape[p.ndim - 2] * groups_of(&j),
                           GRAIN / j.rows / line, some_groups, &j);
    }
}

static void loop_any(ct_tensor *const *operands, int n, ct_loop_body body, const void *arg)
{
    int64_t shape[CT_MAX_DIMS], strides[MOST][CT_MAX_DIMS];
    ct_operand over[MOST];
    int ndim = 0;
    for (int k = 0; k < n; k++)
        ct_broadcast_shape(shape, &ndim, ct__shape(operands[k]), operands[k]->ndim);
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
