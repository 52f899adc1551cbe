/* What the operators compute, once more: by plain loops over arrays of long double. The elementwise
 * functions of exact.def are not here: they are compared with MPFR (test_reference.c). */
#ifndef REFERENCE_H
#define REFERENCE_H
#include <cotangent.h>
#include <math.h>
#include <string.h>

typedef long double real;
#ifdef UNDER_VALGRIND
/* valgrind computes with doubles, so that infinity is not above the largest long double */
#undef isinf
#undef isfinite
#define isinf(x)    __builtin_isinf((double)(x))
#define isfinite(x) __builtin_isfinite((double)(x))
#endif

/* row-major */
typedef struct array {
    ct_dtype dtype;
    int ndim;
    int64_t shape[CT_MAX_DIMS], n;
    real *at;
} array;

/* An application: its inputs, and its outputs, which hold what came out and have room for what
 * should. An operator that writes into its inputs has these as outputs. */
enum { TASK_INPUTS = 16 };
typedef struct task {
    const void *attributes;
    uint64_t seed;          /* of the random stream, whose first draws are taken */
    int n, outputs;
    array x[TASK_INPUTS], y[TASK_INPUTS];
    bool singular;          /* a reference sets it where rounding decides what comes out */
} task;

typedef struct reference {
    const char *name;       /* of the operator, or of the function that is made of others */
    void (*compute)(task *t);
} reference;

/* each ends with a name that is NULL */
extern const reference elementwise_references[], row_references[], shape_references[],
    index_references[], product_references[], matrix_references[], update_references[],
    convolution_references[], recurrent_references[];
/* NULL: there is none */
const reference *reference_of(const char *name);

/* -- What references are made of */
/* index, which has a's dimensions, becomes the next one in row-major order */
void advance(const array *a, int64_t *index);
/* i, a variable of its own, is every index of a */
#define EACH(a, i)                                                                              \
    for (int64_t i[CT_MAX_DIMS] = { 0 }, i##_left = (a)->n; i##_left > 0;                       \
         i##_left--, advance(a, i))
/* the element of a at an index; at an index of so many dimensions, to which a is broadcast */
real *element(const array *a, const int64_t *index);
real *broadcast(const array *a, const int64_t *index, int ndim);
/* a number from 0 to ndim - 1, and the same for an index among n */
int axis_of(int64_t axis, int ndim);
int64_t index_of(real index, int64_t n);
/* draw number i of the task's stream, uniform bits */
uint64_t bits_of(const task *t, int64_t i);

/* y_i = f(x_i of each input, all broadcast) */
void elementwise(task *t, real (*f)(const real *x, const void *attributes));
/* A line of x along an axis, and that of each y in its place; y may lack the axis. */
typedef struct line {
    int64_t n, m;           /* of x and of y0 */
    real *x, *y[3];
    const void *attributes;
} line;
void along(task *t, int axis, void (*f)(const line *l));
/* y0 = f(the n elements of x0 along the axes whose bits are set) */
void reduce(task *t, unsigned axes, real (*f)(int64_t n, real *x, const void *attributes));

/* the number of matrices in a, and matrix i of those of y, to which a's leading axes are broadcast;
 * `tail` axes of y are those of its matrices */
real *matrix_of(const array *a, const array *y, int tail, int64_t i);
#endif
