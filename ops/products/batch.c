/* Products along leading axes, as few as there can be: where B is the same for all and the rows of
 * A and C follow each other, many products are one with more rows; where all are summed into one C
 * and the columns of A and rows of B follow each other, they are one of more depth. The others are
 * computed side by side, or, if they are summed, one after another.
 *
 * A sum of r products is taken in groups of sqrt r, of which each is summed alone: so its error
 * grows with the root of their number. */
#include "batch.h"

#include <math.h>
#include <string.h>

#include "copy.h"
#include "gemm.h"

/* Do the leading axes go on where an axis of that size and stride ends? Then they make it
 * longer. */
static bool continues(const ct__batch *p, const ct__matrices *x, int64_t size, int64_t stride)
{
    int64_t next = size * stride;
    for (int d = p->ndim - 1; d >= 0; d--) {
        if (p->leading[d] != 1 && x->strides[d] != next)
            return false;
        next *= p->leading[d];
    }
    return true;
}

static bool summed(const ct__batch *p, int d)
{
    return p->leading[d] != 1 && p->c.strides[d] == 0;
}

/* is it the same matrix for every leading index? */
static bool repeats(const ct__batch *p, const ct__matrices *x)
{
    for (int d = 0; d < p->ndim; d++)
        if (p->leading[d] != 1 && x->strides[d] != 0)
            return false;
    return true;
}

/* how many products there are, or how many go into each C */
static int64_t products(const ct__batch *p, bool only_summed)
{
    int64_t count = 1;
    for (int d = 0; d < p->ndim; d++)
        count *= only_summed && !summed(p, d) ? 1 : p->leading[d];
    return count;
}

/* Are there no products, or only such of matrices without elements? There may be more of these than
 * can be counted. */
static bool adds_nothing(const ct__batch *p)
{
    for (int d = 0; d < p->ndim; d++)
        if (p->leading[d] == 0)
            return true;
    return p->a.columns == 0;
}

static bool sums(const ct__batch *p)
{
    for (int d = 0; d < p->ndim; d++)
        if (summed(p, d))
            return true;
    return false;
}

static void merge(ct__batch *p)
{
    int64_t count = products(p, false);
    if (!sums(p) && repeats(p, &p->b) && continues(p, &p->a, p->a.rows, p->a.row) &&
        continues(p, &p->c, p->c.rows, p->c.row)) {
        p->a.rows *= count;
        p->c.rows *= count;
        p->ndim = 0;
    } else if (repeats(p, &p->c) && continues(p, &p->a, p->a.columns, p->a.column) &&
               continues(p, &p->b, p->b.rows, p->b.row)) {
        p->a.columns *= count;
        p->b.rows *= count;
        p->ndim = 0;
    }
}

/* -- Products that remain: ranges of them, with scratch in each slot */
typedef struct run {
    const ct__batch *p;
    ct__gemm gemm;
    void *c;
    char *scratch;
    size_t room;
    int64_t count, grain;
} run;

/* the matrix for product i */
static void *matrix(const run *r, void *data, const ct__matrices *x, int64_t i)
{
    int64_t at = 0;
    for (int d = r->p->ndim - 1; d >= 0; d--) {
        at += i % r->p->leading[d] * x->strides[d];
        i /= r->p->leading[d];
    }
    return (char *)data + at * (int64_t)ct_dtype_size(r->gemm.dtype);
}

static void run_some(const run *r, int64_t begin, int64_t end, char *scratch)
{
    const ct__batch *p = r->p;
    for (int64_t i = begin; i < end; i++) {
        ct__gemm g = r->gemm;
        g.a.data = matrix(r, p->a.data, &p->a, i);
        g.b.data = matrix(r, p->b.data, &p->b, i);
        g.c = matrix(r, r->c, &p->c, i);
        ct__gemm_run(&g, scratch);
    }
}

static void run_range(int64_t i, int64_t slot, void *arg)
{
    const run *r = arg;
    int64_t begin = i * r->grain, rest = r->count - begin;
    run_some(r, begin, begin + (rest < r->grain ? rest : r->grain),
             r->scratch ? r->scratch + (size_t)slot * r->room : NULL);
}

/* Ranges for the threads, by sizes alone: of 1e6 operations or more. Products are one range where
 * each is large enough to be cut into parts itself, or where they are summed. */
static void cut(run *r)
{
    const ct__gemm *g = &r->gemm;
    double operations = 2.0 * (double)g->m * (double)g->n * (double)g->k + 1;
    r->grain = r->count;
    if (sums(r->p) || operations > 16e6 || r->count < 2)
        return;
    r->gemm.cx = NULL;
    if (operations * (double)r->count > 2e6) {
        double least = 1e6 / operations;
        r->grain = (r->count + 15) / 16;
        if ((double)r->grain < least)
            r->grain = (int64_t)least;
    }
}

/* -- Sums */
static void swap(int64_t *list, int d)
{
    int64_t first = list[d];
    list[d] = list[d + 1];
    list[d + 1] = first;
}

/* the order of the leading axes is free: with the summed ones first, all C are met in turn */
static void put_summed_axes_first(ct__batch *p)
{
    for (int moved = 1; moved < p->ndim; moved++)
        for (int d = moved - 1; d >= 0 && !summed(p, d) && summed(p, d + 1); d--) {
            swap(p->leading, d);
            swap(p->a.strides, d);
            swap(p->b.strides, d);
            swap(p->c.strides, d);
        }
}

/* at least so many products are added to C as they come, which few of them do not notice */
enum { FEW = 64 };

/* each group into zeros, which are then added to C */
static ct_status run_groups(run *r, ct_tensor *c, int64_t each)
{
    static const int64_t ones[] = { 1, 1 };
    int64_t group = r->count / each * (int64_t)ceil(sqrt((double)each));
    size_t bytes = (size_t)ct_count(c) * ct_dtype_size(ct_dtype_of(c));
    void *all = r->p->c.data;
    if (!(r->c = ct_call_scratch(r->p->call, bytes)))
        return CT_ERROR_MEMORY;
    for (int64_t i = 0; i < r->count; i += group) {
        memset(r->c, 0, bytes);
        run_some(r, i, r->count - i < group ? r->count : i + group, r->scratch);
        ct__adding(ct_dtype_of(c))(ct_count(c), (void *[]){ all, r->c }, ones, NULL);
    }
    return CT_OK;
}

static ct_status run_all(const ct__batch *p, const ct__gemm *one, ct_tensor *c)
{
    run r = { .p = p, .gemm = *one, .c = p->c.data, .count = products(p, false) };
    int64_t each = products(p, true);
    r.gemm.cx = ct_call_context(p->call);
    r.gemm.simd = ct_simd_of(r.gemm.cx);
    if (r.count == 0)
        return CT_OK;
    cut(&r);
    r.room = ct__gemm_plan_for(&r.gemm);
    bool groups = each > FEW && ct_count(c) > 0;
    int64_t ranges = (r.count - 1) / r.grain + 1;
    int64_t slots = groups ? 1 : ct_slots_of(ct_call_context(p->call), ranges, r.room);
    if (r.room > 0 && !(r.scratch = ct_call_scratch(p->call, r.room * (size_t)slots)))
        return CT_ERROR_MEMORY;
    if (groups)
        return run_groups(&r, c, each);
    ct_parallel_slots(ct_call_context(p->call), ranges, slots, run_range, &r);
    return CT_OK;
}

ct_status ct__batch_multiply(ct__batch *p, ct_tensor *c)
{
    ct_dtype dtype = ct_dtype_of(c);
    if (ct_count(c) == 0)
        return CT_OK; /* of however many products */
    if (adds_nothing(p)) {
        if (!p->adds)
            ct__clear(c);
        return CT_OK;
    }
    if (p->ndim > 0)
        merge(p);
    if (sums(p)) {
        put_summed_axes_first(p);
        if (!p->adds)
            ct__clear(c);
        p->adds = true;
    }
    ct__gemm g = { .dtype = dtype, .m = p->a.rows, .n = p->b.columns, .k = p->a.columns,
                   .a = { p->a.data, p->a.row, p->a.column },
                   .b = { p->b.data, p->b.row, p->b.column },
                   .c = p->c.data, .c_row = p->c.row, .adds = p->adds };
    return p->ndim > 0 ? run_all(p, &g, c) : ct__gemm_call(p->call, &g);
}
