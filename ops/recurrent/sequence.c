/* One direction of one layer over whole sequences: with a_t = x_t w_ih^T + b_ih + h w_hh^T + b_hh
 * for all gates, a cell makes of a_t and the state the next one (cells_kernels.h).
 *
 * Products with w_hh, 2 gates H^2 operations for each sequence and step, come one after another, so
 * w_hh is packed once for all of them. Products with x need no state. With few sequences there is
 * one for all steps. With more there is one for each step, with w_ih packed as well: its sums are
 * still in the cache when those of h are added.
 *
 * A sequence that has ended is left as it is: y is 0, and its state stays. So in reverse it begins
 * with its own last step. */
#include <string.h>

#include "sequence_job.h"

enum { MANY = 16 }; /* sequences: for so many, products with x are made step by step */

static int64_t own_of(const ct__job *j)
{
    return j->cell->splits ? j->wide : 0;
}

static void step_forward(const ct__job *j, const ct__job_part *w, int64_t t)
{
    void (*cell)(const ct__cell_row *) = j->cell->forward[j->dtype][j->simd];
    for (int64_t i = 0; i < w->rows; i++) {
        int64_t at = w->first + i;
        char *y = job_row_of(j, j->y, t * j->n + at, j->h);
        if (job_has_ended(j, t, at))
            memset(y, 0, (size_t)(j->h * j->size));
        else
            cell(&(ct__cell_row){
                .units = j->h, .gates = job_row_of(j, j->gates, t * j->n + at, j->wide),
                .recurrent = job_row_of(j, w->own, i, j->wide),
                .h = job_row_of(j, j->state_h, at, j->h), .c = job_row_of(j, j->state_c, at, j->h),
                .kept = job_row_of(j, j->kept, t * j->n + at, j->h), .y = y });
    }
}

static void run_forward(int64_t p, void *arg)
{
    const ct__job *j = arg;
    ct__job_part w = ct__job_part_of(j, p, own_of(j));
    char *sums = j->gates ? j->gates : j->y;
    for (int64_t s = 0; s < j->steps; s++) {
        int64_t t = j->reverse ? j->steps - 1 - s : s;
        char *sum = job_row_of(j, sums, t * j->n + w.first, j->wide);
        if (j->products > 1) {
            w.g[1].a.data = job_row_of(j, job_data_of(j, CT__X), t * j->n + w.first, j->k);
            w.g[1].c = sum;
            ct__gemm_run(&w.g[1], w.gemm);
        }
        w.g[0].a.data = job_row_of(j, j->state_h, w.first, j->h);
        w.g[0].c = j->cell->splits ? w.own : sum;
        ct__gemm_run(&w.g[0], w.gemm);
        step_forward(j, &w, t);
    }
}

static ct_status check_lengths(const ct__job *j)
{
    for (int64_t i = 0; j->lengths && i < j->n; i++)
        if (j->lengths[i] < 1 || j->lengths[i] > j->steps)
            return ct_call_fail(j->call, CT_ERROR_RANGE, "the length of sequence %lld must be from "
                                "1 to %lld, got %lld", (long long)i, (long long)j->steps,
                                (long long)j->lengths[i]);
    return CT_OK;
}

/* x w_ih^T + b: for all steps at once, or made ready for each. b_hh comes along, unless h has sums
 * of its own. What is chosen depends on the number of all sequences, not on that of threads. */
static ct_status multiply_x(ct__job *j)
{
    const void *bias = job_data_of(j, j->in.b_ih);
    if (bias && !j->cell->splits) {
        void *both = ct_call_scratch(j->call, (size_t)(j->wide * j->size));
        if (!both)
            return CT_ERROR_MEMORY;
        ct__cell_add(ct_call_x(j->call, CT__X), j->wide, both, bias, job_data_of(j, j->in.b_hh));
        bias = both;
    }
    ct__gemm g = { .dtype = j->dtype, .m = j->n, .n = j->wide, .k = j->k,
                   .a = { job_data_of(j, CT__X), j->k, 1 },
                   .b = { job_data_of(j, j->in.w_ih), 1, j->k },
                   .c = j->gates ? j->gates : j->y, .c_row = j->wide, .bias = bias };
    if (j->n >= MANY && ct__gemm_packs(&g)) {
        j->product[j->products++] = g;
        return CT_OK;
    }
    g.m *= j->steps;
    return ct__gemm_call(j->call, &g);
}

ct_status ct__sequence_forward(ct_call *call)
{
    ct__job j = ct__job_of(call);
    size_t bytes = (size_t)(j.n * j.h * j.size);
    ct_status status = check_lengths(&j);
    if (status != CT_OK || bytes == 0)
        return status;
    j.y = ct_data_mutable(ct_call_y(call, 0));
    j.state_h = ct_data_mutable(ct_call_y(call, 1));
    memcpy(j.state_h, job_data_of(&j, CT__H0), bytes);
    if (j.cell->has_c) {
        j.state_c = ct_data_mutable(ct_call_y(call, 2));
        memcpy(j.state_c, job_data_of(&j, CT__C0), bytes);
    }
    j.products = 1;
    j.product[0] = (ct__gemm){ .n = j.wide, .k = j.h, .a = { NULL, j.h, 1 },
                               .b = { job_data_of(&j, j.in.w_hh), 1, j.h }, .c_row = j.wide,
                               .adds = !j.cell->splits,
                               .bias = j.cell->splits ? job_data_of(&j, j.in.b_hh) : NULL };
    status = multiply_x(&j);
    if (status == CT_OK)
        status = ct__job_plan(&j, own_of(&j));
    if (status == CT_OK)
        ct_parallel_for(j.cx, j.parts, run_forward, &j);
    return status;
}
