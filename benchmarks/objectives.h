/* Functions to differentiate: those of docs/examples, and three of the ADBench suite (F. Srajer,
 * Z. Kukelova, A. Fitzgibbon, A benchmark of selected algorithmic differentiation tools on some
 * problems in computer vision and machine learning, 2018). Each is written anew from its formula,
 * which its comment in objectives.c gives; the peers have the same in their words (peers/autodiff.*).
 * All data come from bench_uniform, so that all programs compute the same numbers. */
#ifndef OBJECTIVES_H
#define OBJECTIVES_H
#include <cotangent.h>

typedef struct objective {
    ct_context *cx;
    ct_tensor *x;              /* what to differentiate by: f64 (n) */
    ct_tensor *data[4];        /* constants */
    int64_t sizes[3];          /* as the objective says */
    /* of one element; or, where `columns` is set, row i of it depends on row i of x alone, and its
       Jacobian has a block for each row: then x is (rows,columns of x) */
    ct_tensor *(*f)(const struct objective *o, ct_tensor *x);
    int columns;
} objective;

/* "gmm 10 5 1000", as peers are asked; f is NULL if there is no such objective */
objective objective_make(ct_context *cx, const char *request);
/* numbers from 0 to 1 that are the same in every language: number i of stream `stream` */
double bench_uniform(int64_t stream, int64_t i);
#endif
