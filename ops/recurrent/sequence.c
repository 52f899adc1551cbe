/* One direction of one layer over whole sequences: with a_t = x_t w_ih^T + b_ih + h w_hh^T + b_hh
 * for all gates, a cell makes of a_t and the state the next one (cells_kernels.h).
 *
 * Products with w_hh, 2 gates H^2 operations for each sequence and step, come one after another, so
 * w_hh is packed once for all of them. Products with x need no state. Of few sequences there is one
 * for all steps; of more, there is one for each step, with w_ih packed, and its sums are still in
 * the cache when those of h are added. Backward goes the other way through the steps, with e_t the cotangent of a_t:
 *
 *   h gets e_t w_hh for the step before; and after all steps
 *   gx = e w_ih,  gw_ih = e^T x,  gw_hh = the sum of e_t^T h_{t-1},  gb = the sum of the rows of e,
 *
 * each one product over all steps. Where x and h have sums of their own (gru), e is a pair.
 *
 * A sequence that has ended is left as it is: y is 0, and its state stays. So in reverse it begins
 * with its own last step.
 *
 * Sequences are cut into parts, one for each thread but none too small, and a part runs all steps.
 * What becomes of a sequence does not depend on how many others are in its part. */
#include "sequence.h"

#include <string.h>

#include "gemm.h"

enum { PART = 16, MOST_PARTS = 8, LEAST_STEPS = 4 };
#define GRAIN 1e5 /* multiply-adds in all steps: fewer are left to one thread */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t even(int64_t n, int64_t parts)
{
    return (n + parts - 1) / parts;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t whole_lines(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/* -- What forward and backward work with */
typedef struct job {
    const ct_call *call;
    const ct__cell *cell;
    ct__sequence_inputs in;
    ct_context *cx;
    ct_dtype dtype;
    ct_simd simd;
    int64_t size;               /* of an element, in bytes */
    int64_t steps, n, h, wide;  /* sequences; units; gates h */
    int64_t k;                  /* elements of x */
    bool reverse;
    const int64_t *lengths;     /* or NULL */
    char *gates, *kept;         /* what the cell left; NULL: nothing */
    ct__gemm product[2];        /* with w_hh, and with w_ih, without m and what differs from step to
                                   step */
    int products;               /* how many of them there are */
    int64_t rows, parts;        /* sequences in a part */
    char *scratch;
    size_t room;                /* of a part */
    /* forward */
    char *y, *state_h, *state_c;
    /* backward */
    const char *gy, *zeros, *h0, *c0;
    char *gh, *gc, *e, *er;
} job;

static const void *data_of(const job *j, int i)
{
    return i < 0 ? NULL : ct_data(ct_call_x(j->call, i));
}

/* element `i` of an array of rows of `width` numbers each; NULL of NULL */
static char *row_of(const job *j, const void *data, int64_t i, int64_t width)
{
    return data ? (char *)(uintptr_t)data + i * width * j->size : NULL;
}

static bool has_ended(const job *j, int64_t t, int64_t i)
{
    return j->lengths && t >= j->lengths[i];
}

/* is t the first step of sequence i in the order in which they are taken? */
static bool begins(const job *j, int64_t t, int64_t i)
{
    return t == (!j->reverse ? 0 : j->lengths ? j->lengths[i] - 1 : j->steps - 1);
}

static job job_of(const ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, CT__X), *h = ct_call_x(call, CT__H0);
    const ct__sequence *a = ct_call_attributes(call);
    job j = { .call = call, .cell = ct__sequence_cell(call), .in = ct__sequence_inputs_of(call),
              .cx = ct_call_context(call), .dtype = ct_dtype_of(x), .steps = ct_size(x, 0),
              .n = ct_size(x, 1), .k = ct_size(x, 2), .h = ct_size(h, 1),
              .reverse = a->reverse };
    j.simd = ct_simd_of(j.cx);
    j.size = (int64_t)ct_dtype_size(j.dtype);
    j.wide = j.cell->gates * j.h;
    j.lengths = data_of(&j, j.in.lengths);
    j.y = (char *)(uintptr_t)ct_data(ct_call_y(call, 0));
    if (j.cell->keeps) {
        j.gates = (char *)(uintptr_t)ct_data(ct_call_aux(call, 0));
        j.kept = (char *)(uintptr_t)ct_data(ct_call_aux(call, 1));
    }
    return j;
}

/* -- Products with w_hh, and parts */
static ct__gemm product_of(const job *j, int i, int64_t m)
{
    ct__gemm g = j->product[i];
    g.m = m;
    return g;
}

/* weights packed for all steps, or, where a part has few sequences, the columns of w_hh made rows */
static ct_status pack(job *j, int i)
{
    ct__gemm *g = &j->product[i];
    g->dtype = j->dtype, g->simd = j->simd, g->m = j->rows;
    if (ct__gemm_packs(g)) {
        void *room = ct_call_scratch(j->call, ct__gemm_pack_bytes(g));
        if (!room)
            return CT_ERROR_MEMORY;
        ct__gemm_pack(g, room);
    } else if (g->b.col != 1 && j->steps >= LEAST_STEPS) {
        ct_tensor *w = ct_contiguous(ct_transpose(ct_call_x(j->call, j->in.w_hh)));
        if (!w)
            return CT_ERROR_MEMORY;
        g->b = (ct__matrix){ ct_data(w), g->n, 1 };
    }
    return CT_OK;
}

/* Cuts the sequences into parts. `own` is how many numbers of scratch a part needs for each of its
 * sequences. */
static ct_status plan(job *j, int64_t own)
{
    double work = (double)j->n * (double)j->steps * (double)j->h * (double)j->wide;
    int64_t threads = work < GRAIN ? 1 : least(ct_threads_of(j->cx), MOST_PARTS);
    int64_t parts = least(even(j->n, PART), threads);
    j->rows = even(j->n, parts);
    j->parts = even(j->n, j->rows);
    size_t most = 0;
    ct_status status = CT_OK;
    for (int i = 0; i < j->products && status == CT_OK; i++) {
        status = pack(j, i);
        ct__gemm whole = product_of(j, i, j->rows);
        ct__gemm last = product_of(j, i, j->n - (j->parts - 1) * j->rows);
        most = larger(most, larger(ct__gemm_plan_for(&whole), ct__gemm_plan_for(&last)));
    }
    j->room = whole_lines((size_t)(j->rows * own * j->size)) + whole_lines(most);
    j->scratch = status == CT_OK ? ct_call_scratch(j->call, (size_t)j->parts * j->room) : NULL;
    return j->scratch ? CT_OK : CT_ERROR_MEMORY;
}

/* sequences of part p */
typedef struct part {
    int64_t first, rows;
    ct__gemm g[2];
    char *own, *gemm;       /* its scratch, and that of the product */
} part;

static part part_of(const job *j, int64_t p, int64_t own)
{
    part w = { .first = p * j->rows, .rows = least(j->n - p * j->rows, j->rows),
               .own = j->scratch + (size_t)p * j->room };
    w.gemm = w.own + whole_lines((size_t)(j->rows * own * j->size));
    for (int i = 0; i < j->products; i++) {
        w.g[i] = product_of(j, i, w.rows);
        ct__gemm_plan_for(&w.g[i]);
    }
    return w;
}

/* -- Forward */
static int64_t own_of(const job *j)
{
    return j->cell->splits ? j->wide : 0;
}

static void step_forward(const job *j, const part *w, int64_t t)
{
    void (*cell)(const ct__cell_row *) = j->cell->forward[j->dtype][j->simd];
    for (int64_t i = 0; i < w->rows; i++) {
        int64_t at = w->first + i;
        char *y = row_of(j, j->y, t * j->n + at, j->h);
        if (has_ended(j, t, at))
            memset(y, 0, (size_t)(j->h * j->size));
        else
            cell(&(ct__cell_row){
                .units = j->h, .gates = row_of(j, j->gates, t * j->n + at, j->wide),
                .recurrent = row_of(j, w->own, i, j->wide),
                .h = row_of(j, j->state_h, at, j->h), .c = row_of(j, j->state_c, at, j->h),
                .kept = row_of(j, j->kept, t * j->n + at, j->h), .y = y });
    }
}

static void run_forward(int64_t p, void *arg)
{
    const job *j = arg;
    part w = part_of(j, p, own_of(j));
    char *sums = j->gates ? j->gates : j->y;
    for (int64_t s = 0; s < j->steps; s++) {
        int64_t t = j->reverse ? j->steps - 1 - s : s;
        char *sum = row_of(j, sums, t * j->n + w.first, j->wide);
        if (j->products > 1) {
            w.g[1].a.data = row_of(j, data_of(j, CT__X), t * j->n + w.first, j->k);
            w.g[1].c = sum;
            ct__gemm_run(&w.g[1], w.gemm);
        }
        w.g[0].a.data = row_of(j, j->state_h, w.first, j->h);
        w.g[0].c = j->cell->splits ? w.own : sum;
        ct__gemm_run(&w.g[0], w.gemm);
        step_forward(j, &w, t);
    }
}

static ct_status check_lengths(const job *j)
{
    for (int64_t i = 0; j->lengths && i < j->n; i++)
        if (j->lengths[i] < 1 || j->lengths[i] > j->steps)
            return ct_call_fail(j->call, CT_ERROR_RANGE, "the length of sequence %lld must be from "
                                "1 to %lld, got %lld", (long long)i, (long long)j->steps,
                                (long long)j->lengths[i]);
    return CT_OK;
}

/* x w_ih^T + b: for all steps at once, or made ready for each. b_hh comes along, unless h has sums of
 * its own. What is chosen depends on the number of all sequences, not on that of threads. */
static ct_status multiply_x(job *j)
{
    const void *bias = data_of(j, j->in.b_ih);
    if (bias && !j->cell->splits) {
        void *both = ct_call_scratch(j->call, (size_t)(j->wide * j->size));
        if (!both)
            return CT_ERROR_MEMORY;
        ct__cell_add(ct_call_x(j->call, CT__X), j->wide, both, bias, data_of(j, j->in.b_hh));
        bias = both;
    }
    ct__gemm g = { .dtype = j->dtype, .m = j->n, .n = j->wide, .k = j->k,
                   .a = { data_of(j, CT__X), j->k, 1 }, .b = { data_of(j, j->in.w_ih), 1, j->k },
                   .c = j->gates ? j->gates : j->y, .c_row = j->wide, .bias = bias };
    if (j->n >= PART && ct__gemm_packs(&g)) {
        j->product[j->products++] = g;
        return CT_OK;
    }
    g.m *= j->steps;
    return ct__gemm_call(j->call, &g);
}

ct_status ct__sequence_forward(ct_call *call)
{
    job j = job_of(call);
    size_t bytes = (size_t)(j.n * j.h * j.size);
    ct_status status = check_lengths(&j);
    if (status != CT_OK || bytes == 0)
        return status;
    j.y = ct_data_mutable(ct_call_y(call, 0));
    j.state_h = ct_data_mutable(ct_call_y(call, 1));
    memcpy(j.state_h, data_of(&j, CT__H0), bytes);
    if (j.cell->has_c) {
        j.state_c = ct_data_mutable(ct_call_y(call, 2));
        memcpy(j.state_c, data_of(&j, CT__C0), bytes);
    }
    j.products = 1;
    j.product[0] = (ct__gemm){ .n = j.wide, .k = j.h, .a = { NULL, j.h, 1 },
                               .b = { data_of(&j, j.in.w_hh), 1, j.h }, .c_row = j.wide,
                               .adds = !j.cell->splits,
                               .bias = j.cell->splits ? data_of(&j, j.in.b_hh) : NULL };
    status = multiply_x(&j);
    if (status == CT_OK)
        status = plan(&j, own_of(&j));
    if (status == CT_OK)
        ct_parallel_for(j.cx, j.parts, run_forward, &j);
    return status;
}

/* -- Backward */
static void step_backward(const job *j, const part *w, int64_t t)
{
    void (*cell)(const ct__cell_row_back *) = j->cell->backward[j->dtype][j->simd];
    const void *seen = j->cell->has_c ? j->kept : j->y;
    for (int64_t i = 0; i < w->rows; i++) {
        int64_t at = w->first + i, here = t * j->n + at;
        int64_t before = here + (j->reverse ? j->n : -j->n);
        char *e = row_of(j, j->e, here, j->wide), *er = row_of(j, j->er, here, j->wide);
        if (has_ended(j, t, at)) {
            memset(e, 0, (size_t)(j->wide * j->size));
            if (er)
                memset(er, 0, (size_t)(j->wide * j->size));
            continue;
        }
        cell(&(ct__cell_row_back){
            .units = j->h, .gates = row_of(j, j->gates, here, j->wide),
            .kept = row_of(j, j->kept, here, j->h), .y = row_of(j, j->y, here, j->h),
            .before = begins(j, t, at) ? row_of(j, j->cell->has_c ? j->c0 : j->h0, at, j->h)
                                       : row_of(j, seen, before, j->h),
            .gy = j->gy ? row_of(j, j->gy, here, j->h) : j->zeros,
            .gh = row_of(j, j->gh, at, j->h), .gc = row_of(j, j->gc, at, j->h), .e = e,
            .er = er });
    }
}

/* gh += e w_hh. Where sequences may have ended, the product has a place of its own: the gh of these
 * stays as it is, whatever 0 times their weights may be. */
static void multiply_e(const job *j, part *w, int64_t t)
{
    char *gh = row_of(j, j->gh, w->first, j->h);
    w->g[0].a.data = row_of(j, j->er ? j->er : j->e, t * j->n + w->first, j->wide);
    w->g[0].c = j->lengths ? w->own : gh;
    ct__gemm_run(&w->g[0], w->gemm);
    for (int64_t i = 0; i < w->rows && j->lengths; i++)
        if (!has_ended(j, t, w->first + i))
            ct__cell_put(ct_call_x(j->call, CT__X), j->h, row_of(j, gh, i, j->h),
                         row_of(j, w->own, i, j->h), true);
}

static int64_t own_back(const job *j)
{
    return j->lengths ? j->h : 0;
}

static void run_backward(int64_t p, void *arg)
{
    const job *j = arg;
    part w = part_of(j, p, own_back(j));
    for (int64_t s = j->steps - 1; s >= 0; s--) {
        int64_t t = j->reverse ? j->steps - 1 - s : s;
        step_backward(j, &w, t);
        multiply_e(j, &w, t);
    }
}

/* e, er, and the cotangents of the states, which begin with those of the last ones */
static ct_status make_room(job *j, ct_tensor *const *gy)
{
    size_t all = whole_lines((size_t)(j->steps * j->n * j->wide * j->size));
    size_t state = whole_lines((size_t)(j->n * j->h * j->size));
    size_t row = whole_lines((size_t)(j->h * j->size)), used = (size_t)(j->n * j->h * j->size);
    char *room = ct_call_scratch(j->call, (j->cell->splits ? 2 : 1) * all + 2 * state + row);
    if (!room)
        return CT_ERROR_MEMORY;
    j->gh = room;
    memset(room, 0, 2 * state + row);
    if (j->cell->has_c)
        j->gc = room + state;
    j->zeros = room + 2 * state;
    j->e = room + 2 * state + row;
    j->er = j->cell->splits ? j->e + all : NULL;
    j->gy = gy[0] ? ct_data(gy[0]) : NULL;
    if (gy[1])
        memcpy(j->gh, ct_data(gy[1]), used);
    if (j->gc && gy[2])
        memcpy(j->gc, ct_data(gy[2]), used);
    return CT_OK;
}

/* gw = e^T x, rows of e and x being `rows` */
static ct_status weight_gradient(const job *j, ct_tensor *gw, const void *e, const void *x,
                                 int64_t rows, bool adds)
{
    int64_t k = ct_size(gw, 1);
    return ct__gemm_call(j->call, &(ct__gemm){
        .dtype = j->dtype, .m = j->wide, .n = k, .k = rows, .a = { e, 1, j->wide },
        .b = { x, k, 1 }, .c = ct_data_mutable(gw), .c_row = k, .adds = adds });
}

/* e at the first step of each sequence */
static const char *first_e(const job *j, const char *e)
{
    if (!j->reverse || !j->lengths)
        return j->reverse ? row_of(j, e, (j->steps - 1) * j->n, j->wide) : e;
    char *first = ct_call_scratch(j->call, (size_t)(j->n * j->wide * j->size));
    for (int64_t i = 0; first && i < j->n; i++)
        memcpy(row_of(j, first, i, j->wide),
               row_of(j, e, (j->lengths[i] - 1) * j->n + i, j->wide),
               (size_t)(j->wide * j->size));
    return first;
}

/* The states before the first steps are h0, and those before the others are in y; where y is 0
 * since a sequence had ended, it had its first step in reverse, or e is 0. */
static ct_status recurrent_gradient(const job *j, ct_tensor *gw)
{
    const char *e = j->er ? j->er : j->e, *first = first_e(j, e);
    if (!first)
        return CT_ERROR_MEMORY;
    ct_status status = weight_gradient(j, gw, first, data_of(j, CT__H0), j->n,
                                       ct_call_adds(j->call, j->in.w_hh));
    int64_t rows = (j->steps - 1) * j->n;
    if (status == CT_OK && rows > 0)
        status = weight_gradient(j, gw, j->reverse ? e : row_of(j, e, j->n, j->wide),
                                 j->reverse ? row_of(j, j->y, j->n, j->h) : j->y, rows, true);
    return status;
}

/* gb_i = the sum of e's rows, as a row of ones times e; the other bias has the same, unless er */
static ct_status bias_gradients(const job *j, ct_tensor *const *gx)
{
    static const float one_f32 = 1;
    static const double one_f64 = 1;
    const void *one = j->dtype == CT_F32 ? (const void *)&one_f32 : &one_f64;
    void *sums = ct_call_scratch(j->call, (size_t)(j->wide * j->size));
    ct_status status = sums ? CT_OK : CT_ERROR_MEMORY;
    bool summed = false;
    for (int i = j->in.b_ih; i <= j->in.b_hh && status == CT_OK; i++) {
        if (!gx[i])
            continue;
        if (!summed || j->er)
            status = ct__gemm_call(j->call, &(ct__gemm){
                .dtype = j->dtype, .m = 1, .n = j->wide, .k = j->steps * j->n,
                .a = { one, 0, 0 }, .b = { j->er && i == j->in.b_hh ? j->er : j->e, j->wide, 1 },
                .c = sums, .c_row = j->wide });
        summed = true;
        if (status == CT_OK)
            ct__cell_put(gx[i], j->wide, ct_data_mutable(gx[i]), sums,
                         ct_call_adds(j->call, i));
    }
    return status;
}

static ct_status gradients(const job *j, ct_tensor *const *gx)
{
    const ct__sequence_inputs *in = &j->in;
    ct_status status = CT_OK;
    if (gx[CT__X])
        status = ct__gemm_call(j->call, &(ct__gemm){
            .dtype = j->dtype, .m = j->steps * j->n, .n = j->k, .k = j->wide,
            .a = { j->e, j->wide, 1 }, .b = { data_of(j, in->w_ih), j->k, 1 },
            .c = ct_data_mutable(gx[CT__X]), .c_row = j->k,
            .adds = ct_call_adds(j->call, CT__X) });
    for (int i = CT__H0; i < in->w_ih; i++)
        if (gx[i])
            ct__cell_put(gx[i], j->n * j->h, ct_data_mutable(gx[i]),
                         i == CT__H0 ? j->gh : j->gc, ct_call_adds(j->call, i));
    if (gx[in->w_ih] && status == CT_OK)
        status = weight_gradient(j, gx[in->w_ih], j->e, data_of(j, CT__X), j->steps * j->n,
                                 ct_call_adds(j->call, in->w_ih));
    if (gx[in->w_hh] && status == CT_OK)
        status = recurrent_gradient(j, gx[in->w_hh]);
    if (in->b_ih >= 0 && (gx[in->b_ih] || gx[in->b_hh]) && status == CT_OK)
        status = bias_gradients(j, gx);
    return status;
}

ct_status ct__sequence_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    job j = job_of(call);
    ct_status status = make_room(&j, gy);
    if (status != CT_OK)
        return status;
    j.h0 = data_of(&j, CT__H0);
    j.c0 = j.cell->has_c ? data_of(&j, CT__C0) : NULL;
    if (j.n * j.h > 0) {
        j.products = 1;
        j.product[0] = (ct__gemm){ .n = j.h, .k = j.wide, .a = { NULL, j.wide, 1 },
                                   .b = { data_of(&j, j.in.w_hh), j.h, 1 }, .c_row = j.h,
                                   .adds = !j.lengths };
        status = plan(&j, own_back(&j));
        if (status == CT_OK)
            ct_parallel_for(j.cx, j.parts, run_backward, &j);
    }
    return status == CT_OK ? gradients(&j, gx) : status;
}
