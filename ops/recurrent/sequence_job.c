/* Sequences as a job: what the call gives, how it is cut, and weights packed once for all steps.
 *
 * Sequences are cut into parts, one for each thread but none too small, and a part runs all steps.
 * What becomes of a sequence does not depend on how many others are in its part. */
#include "sequence_job.h"

enum { PART = 16, MOST_PARTS = 8, LEAST_STEPS = 4 };
#define GRAIN 1e5 /* multiply-adds in all steps: fewer are left to one thread */

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

ct__job ct__job_of(const ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, CT__X), *h = ct_call_x(call, CT__H0);
    const ct__sequence *a = ct_call_attributes(call);
    ct__job j = { .call = call, .cell = ct__sequence_cell(call),
                  .in = ct__sequence_inputs_of(call), .cx = ct_call_context(call),
                  .dtype = ct_dtype_of(x), .steps = ct_size(x, 0), .n = ct_size(x, 1),
                  .k = ct_size(x, 2), .h = ct_size(h, 1), .reverse = a->reverse };
    j.simd = ct_simd_of(j.cx);
    j.size = (int64_t)ct_dtype_size(j.dtype);
    j.wide = j.cell->gates * j.h;
    j.lengths = job_data_of(&j, j.in.lengths);
    j.y = (char *)(uintptr_t)ct_data(ct_call_y(call, 0));
    if (j.cell->keeps) {
        j.gates = (char *)(uintptr_t)ct_data(ct_call_aux(call, 0));
        j.kept = (char *)(uintptr_t)ct_data(ct_call_aux(call, 1));
    }
    return j;
}

static ct__gemm product_of(const ct__job *j, int i, int64_t m)
{
    ct__gemm g = j->product[i];
    g.m = m;
    return g;
}

/* Packs weights for all steps; where a part has few sequences, copies w_hh transposed. */
static ct_status pack(ct__job *j, int i)
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

ct_status ct__job_plan(ct__job *j, int64_t own)
{
    double work = (double)j->n * (double)j->steps * (double)j->h * (double)j->wide;
    int64_t threads = work < GRAIN ? 1 : job_least(ct_threads_of(j->cx), MOST_PARTS);
    int64_t parts = job_least(job_even(j->n, PART), threads);
    j->rows = job_even(j->n, parts);
    j->parts = job_even(j->n, j->rows);
    size_t most = 0;
    ct_status status = CT_OK;
    for (int i = 0; i < j->products && status == CT_OK; i++) {
        status = pack(j, i);
        ct__gemm whole = product_of(j, i, j->rows);
        ct__gemm last = product_of(j, i, j->n - (j->parts - 1) * j->rows);
        most = larger(most, larger(ct__gemm_plan_for(&whole), ct__gemm_plan_for(&last)));
    }
    j->room = job_whole_lines((size_t)(j->rows * own * j->size)) + job_whole_lines(most);
    j->scratch = status == CT_OK ? ct_call_scratch(j->call, (size_t)j->parts * j->room) : NULL;
    return j->scratch ? CT_OK : CT_ERROR_MEMORY;
}

ct__job_part ct__job_part_of(const ct__job *j, int64_t p, int64_t own)
{
    ct__job_part w = { .first = p * j->rows, .rows = job_least(j->n - p * j->rows, j->rows),
               .own = j->scratch + (size_t)p * j->room };
    w.gemm = w.own + job_whole_lines((size_t)(j->rows * own * j->size));
    for (int i = 0; i < j->products; i++) {
        w.g[i] = product_of(j, i, w.rows);
        ct__gemm_plan_for(&w.g[i]);
    }
    return w;
}
