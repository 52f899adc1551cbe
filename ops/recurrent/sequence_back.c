/* Backward of one direction of one layer. It goes the other way through the steps; with e_t the
 * cotangent of a_t (sequence.c), h gets e_t w_hh for the step before, and
 *
 *   gx = e w_ih,  gw_ih = e^T x,  gw_hh = the sum of e_t^T h_{t-1},  gb = the sum of the rows of e.
 *
 * Where x and h have sums of their own (gru), e is a pair. The steps are cut into pieces, so that e
 * is still in the cache when these products read it, and each of them is one product over all steps
 * of a piece. */
#include <string.h>

#include "sequence_job.h"

enum {
    E_BYTES = 512 << 10,  /* of e in a piece */
    PIECES = 32           /* at most: so many sums are added up one after another */
};

static void step_backward(const ct__job *j, const ct__job_part *w, int64_t t)
{
    void (*cell)(const ct__cell_row_back *) = j->cell->backward[j->dtype][j->simd];
    const void *seen = j->cell->has_c ? j->kept : j->y;
    for (int64_t i = 0; i < w->rows; i++) {
        int64_t at = w->first + i, here = t * j->n + at, row = here - j->low * j->n;
        int64_t before = here + (j->reverse ? j->n : -j->n);
        char *e = job_row_of(j, j->e, row, j->wide), *er = job_row_of(j, j->er, row, j->wide);
        if (job_has_ended(j, t, at)) {
            memset(e, 0, (size_t)(j->wide * j->size));
            if (er)
                memset(er, 0, (size_t)(j->wide * j->size));
            continue;
        }
        cell(&(ct__cell_row_back){
            .units = j->h, .gates = job_row_of(j, j->gates, here, j->wide),
            .kept = job_row_of(j, j->kept, here, j->h), .y = job_row_of(j, j->y, here, j->h),
            .before = job_begins(j, t, at)
                          ? job_row_of(j, j->cell->has_c ? j->c0 : j->h0, at, j->h)
                          : job_row_of(j, seen, before, j->h),
            .gy = j->gy ? job_row_of(j, j->gy, here, j->h) : j->zeros,
            .gh = job_row_of(j, j->gh, at, j->h), .gc = job_row_of(j, j->gc, at, j->h), .e = e,
            .er = er });
        if (job_begins(j, t, at))
            memcpy(job_row_of(j, j->first, at, j->wide), er ? er : e, (size_t)(j->wide * j->size));
    }
}

/* gh += e w_hh. Where sequences may have ended, the product has a place of its own: the gh of these
 * stays as it is, whatever 0 times their weights may be. */
static void multiply_e(const ct__job *j, ct__job_part *w, int64_t t)
{
    char *gh = job_row_of(j, j->gh, w->first, j->h);
    int64_t row = (t - j->low) * j->n + w->first;
    w->g[0].a.data = job_row_of(j, j->er ? j->er : j->e, row, j->wide);
    w->g[0].c = j->lengths ? w->own : gh;
    ct__gemm_run(&w->g[0], w->gemm);
    for (int64_t i = 0; i < w->rows && j->lengths; i++)
        if (!job_has_ended(j, t, w->first + i))
            ct__cell_put(ct_call_x(j->call, CT__X), j->h, job_row_of(j, gh, i, j->h),
                         job_row_of(j, w->own, i, j->h), true);
}

static int64_t own_back(const ct__job *j)
{
    return j->lengths ? j->h : 0;
}

static void run_backward(int64_t p, void *arg)
{
    const ct__job *j = arg;
    ct__job_part w = ct__job_part_of(j, p, own_back(j));
    for (int64_t s = j->to - 1; s >= j->from; s--) {
        int64_t t = j->reverse ? j->steps - 1 - s : s;
        step_backward(j, &w, t);
        multiply_e(j, &w, t);
    }
}

/* how many steps a piece has: as many as the cache holds the e of, and at most PIECES of them */
static int64_t piece_of(const ct__job *j)
{
    int64_t step = j->n * j->wide * j->size, most = step > 0 ? E_BYTES / step : j->steps;
    int64_t least_steps = job_even(j->steps, PIECES);
    return job_least(j->steps, most > least_steps ? most : least_steps);
}

/* e, er, sums, and the cotangents of the states, which begin with those of the last ones */
static ct_status make_room(ct__job *j, ct_tensor *const *gy)
{
    size_t all = job_whole_lines((size_t)(piece_of(j) * j->n * j->wide * j->size));
    size_t used = (size_t)(j->n * j->h * j->size), state = job_whole_lines(used);
    size_t row = job_whole_lines((size_t)(j->h * j->size));
    size_t wide = job_whole_lines((size_t)(j->wide * j->size));
    size_t first = job_whole_lines((size_t)(j->n * j->wide * j->size));
    char *room = ct_call_scratch(j->call, (j->cell->splits ? 2 : 1) * all + 2 * state + row +
                                          2 * wide + first);
    if (!room)
        return CT_ERROR_MEMORY;
    memset(room, 0, 2 * state + row + 2 * wide);
    j->gh = room;
    if (j->cell->has_c)
        j->gc = room + state;
    j->zeros = room + 2 * state;
    j->sums = room + 2 * state + row;
    j->sums_r = j->cell->splits ? j->sums + wide : j->sums;
    j->first = j->sums + 2 * wide;
    j->e = j->first + first;
    j->er = j->cell->splits ? j->e + all : NULL;
    j->gy = gy[0] ? ct_data(gy[0]) : NULL;
    if (gy[1])
        memcpy(j->gh, ct_data(gy[1]), used);
    if (j->gc && gy[2])
        memcpy(j->gc, ct_data(gy[2]), used);
    return CT_OK;
}

static ct_status multiply(ct__job *j, ct__gemm g)
{
    g.dtype = j->dtype, g.simd = j->simd, g.cx = j->cx;
    size_t bytes = ct__gemm_plan_for(&g);
    if (bytes > j->spare_bytes) {
        j->spare = ct_call_scratch(j->call, bytes);
        j->spare_bytes = j->spare ? bytes : 0;
    }
    if (bytes > j->spare_bytes)
        return CT_ERROR_MEMORY;
    ct__gemm_run(&g, j->spare);
    return CT_OK;
}

/* gx_i = e^T x, rows of e and x being `rows` */
static ct_status weight_gradient(ct__job *j, ct_tensor *const *gx, int i, const void *e,
                                 const void *x, int64_t rows)
{
    int64_t k = ct_size(gx[i], 1);
    bool adds = j->adds[i];
    j->adds[i] = true;
    return multiply(j, (ct__gemm){
        .m = j->wide, .n = k, .k = rows, .a = { e, 1, j->wide }, .b = { x, k, 1 },
        .c = ct_data_mutable(gx[i]), .c_row = k, .adds = adds });
}

/* The states before the steps of a piece are in y, but those before the first steps: where y is 0
 * since a sequence had ended, it had its first step in reverse, or e is 0. */
static ct_status recurrent_gradient(ct__job *j, ct_tensor *const *gx)
{
    const char *e = j->er ? j->er : j->e;
    int64_t t = j->low, steps = j->to - j->from;
    if (j->from == 0 && !j->reverse)
        t++, e = job_row_of(j, e, j->n, j->wide);
    if (j->from == 0)
        steps--;
    if (steps == 0)
        return CT_OK;
    return weight_gradient(j, gx, j->in.w_hh, e,
                           job_row_of(j, j->y, (j->reverse ? t + 1 : t - 1) * j->n, j->h),
                           steps * j->n);
}

/* to += the sum of e's rows, as a row of ones times e */
static ct_status sum_rows(ct__job *j, const char *e, char *to)
{
    static const float one_f32 = 1;
    static const double one_f64 = 1;
    const void *one = j->dtype == CT_F32 ? (const void *)&one_f32 : &one_f64;
    return multiply(j, (ct__gemm){
        .m = 1, .n = j->wide, .k = (j->to - j->from) * j->n, .a = { one, 0, 0 },
        .b = { e, j->wide, 1 }, .c = to, .c_row = j->wide, .adds = true });
}

static ct_status piece_gradients(ct__job *j, ct_tensor *const *gx)
{
    const ct__sequence_inputs *in = &j->in;
    int64_t rows = (j->to - j->from) * j->n, first = j->low * j->n;
    ct_status status = CT_OK;
    if (gx[CT__X])
        status = multiply(j, (ct__gemm){
            .m = rows, .n = j->k, .k = j->wide, .a = { j->e, j->wide, 1 },
            .b = { job_data_of(j, in->w_ih), j->k, 1 },
            .c = job_row_of(j, ct_data_mutable(gx[CT__X]), first, j->k), .c_row = j->k,
            .adds = j->adds[CT__X] });
    if (gx[in->w_ih] && status == CT_OK)
        status = weight_gradient(j, gx, in->w_ih, j->e,
                                 job_row_of(j, job_data_of(j, CT__X), first, j->k), rows);
    if (gx[in->w_hh] && status == CT_OK)
        status = recurrent_gradient(j, gx);
    bool biased = in->b_ih >= 0 && (gx[in->b_ih] || gx[in->b_hh]);
    if (biased && status == CT_OK)
        status = sum_rows(j, j->e, j->sums);
    return biased && j->er && status == CT_OK ? sum_rows(j, j->er, j->sums_r) : status;
}

/* what the pieces leave: the states before the first steps, and the biases */
static ct_status last_gradients(ct__job *j, ct_tensor *const *gx)
{
    const ct__sequence_inputs *in = &j->in;
    for (int i = CT__H0; i < in->w_ih; i++)
        if (gx[i])
            ct__cell_put(gx[i], j->n * j->h, ct_data_mutable(gx[i]),
                         i == CT__H0 ? j->gh : j->gc, j->adds[i]);
    for (int i = in->b_ih; i >= 0 && i <= in->b_hh; i++)
        if (gx[i])
            ct__cell_put(gx[i], j->wide, ct_data_mutable(gx[i]),
                         i == in->b_ih ? j->sums : j->sums_r, j->adds[i]);
    return gx[in->w_hh] ? weight_gradient(j, gx, in->w_hh, j->first, j->h0, j->n) : CT_OK;
}

static ct_status run_pieces(ct__job *j, ct_tensor *const *gx)
{
    int64_t piece = piece_of(j);
    ct_status status = j->n * j->h > 0 ? ct__job_plan(j, own_back(j)) : CT_OK;
    for (j->to = j->steps; j->to > 0 && status == CT_OK; j->to = j->from) {
        j->from = j->to > piece ? j->to - piece : 0;
        j->low = j->reverse ? j->steps - j->to : j->from;
        ct_parallel_for(j->cx, j->parts, run_backward, j);
        status = piece_gradients(j, gx);
    }
    return status == CT_OK ? last_gradients(j, gx) : status;
}

ct_status ct__sequence_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    ct__job j = ct__job_of(call);
    ct_status status = make_room(&j, gy);
    if (status != CT_OK)
        return status;
    for (int i = 0; i < ct_call_inputs(call); i++)
        j.adds[i] = gx[i] && ct_call_adds(call, i);
    j.h0 = job_data_of(&j, CT__H0);
    j.c0 = j.cell->has_c ? job_data_of(&j, CT__C0) : NULL;
    j.products = 1;
    j.product[0] = (ct__gemm){ .n = j.h, .k = j.wide, .a = { NULL, j.wide, 1 },
                               .b = { job_data_of(&j, j.in.w_hh), j.h, 1 }, .c_row = j.h,
                               .adds = !j.lengths };
    return run_pieces(&j, gx);
}
