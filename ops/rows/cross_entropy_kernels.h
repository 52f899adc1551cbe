/* Kernels of cross_entropy.c, for one type and one kind of processor: ranges of examples. */
#include "row_kernels.h"

/* 1 read from memory, 1 write where exponentials are kept; 1 exponential per logit */
static void K(forward)(int64_t begin, int64_t end, void *arg)
{
    const examples *e = arg;
    for (int64_t i = begin; i < end; i++) {
        const REAL *x = (const REAL *)e->x + i * e->c;
        REAL *kept = e->e ? (REAL *)e->e + i * e->c : NULL, max = K(row_max)(x, e->c), own = 0;
        int64_t label = e->label[i];
        double others = K(exp_row_but)(kept, x, e->c, max, label, &own);
        e->loss[i] = log_of_one_and(others + ((double)own - 1)) -
                     ((double)x[label] - (double)max);
        if (kept) {
            kept[label] = (REAL)-others;
            ((REAL *)e->share)[i] = (REAL)(1 / (others + (double)own));
        }
    }
}

/* 1 read, 1 write, 1 multiplication per logit */
static void K(backward)(int64_t begin, int64_t end, void *arg)
{
    const examples *e = arg;
    int64_t c = e->c;
    for (int64_t i = begin; i < end; i++) {
        const REAL *restrict kept = (const REAL *)e->e + i * c;
        REAL *restrict gx = (REAL *)e->gx + i * c;
        REAL g = ((const REAL *)e->gy)[e->mean ? 0 : i] / (e->mean ? (REAL)e->n : 1);
        REAL scale = g * ((const REAL *)e->share)[i];
        if (e->adds)
            for (int64_t j = 0; j < c; j++)
                gx[j] += scale * kept[j];
        else
            for (int64_t j = 0; j < c; j++)
                gx[j] = scale * kept[j];
    }
}

static const cross_entropy_kernels K(kernels) = { K(forward), K(backward) };
