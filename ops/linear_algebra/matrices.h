/* Operators on matrices: an operand's last axes are a matrix, and its leading axes say which one.
 * Each matrix is computed by itself, in f64 whatever the dtype is, so that an f32 result is right
 * to its last rounding wherever the problem allows. */
#ifndef CT__MATRICES_H
#define CT__MATRICES_H
#include <cotangent/op.h>

/* the matrices of one operand, which is contiguous; a vector is one row, a number is 1 x 1 */
typedef struct ct__stack {
    void *data;
    bool f32;
    int64_t rows, columns;
    int64_t strides[CT_MAX_DIMS]; /* along each leading axis of the job, counted in matrices */
} ct__stack;

/* what is wrong with a matrix: the pivot that shows it, and its value */
typedef struct ct__fault {
    int64_t pivot;
    double value;
} ct__fault;

typedef struct ct__job ct__job;
/* computes matrix i with scratch of its own, aligned to 64 bytes; false: it has that fault */
typedef bool (*ct__job_body)(const ct__job *job, int64_t i, double *scratch, ct__fault *fault);

struct ct__job {
    const ct_call *call;
    int ndim;                     /* of the leading axes, which the outputs have */
    int64_t leading[CT_MAX_DIMS], count;
    ct__stack x[2], y[3];
    int outputs;
    unsigned flags;               /* the operator's own */
    const void *user;             /* the operator's own */
    int64_t room;                 /* how many doubles of scratch a matrix needs */
    double operations;            /* that a matrix takes, about */
    ct__job_body body;
};

/* Sets the leading axes to those of y, the last `trailing` of whose axes are the matrix. If no
 * result has elements, `count` is 0, and so are all sizes of stacks. */
void ct__job_begin(ct__job *job, const ct_call *call, const ct_tensor *y, int trailing);
/* t's matrices. Where t lacks a leading axis or has size 1 there, its matrices are repeated. */
ct__stack ct__stack_of(const ct__job *job, const ct_tensor *t, int trailing);
/* Computes all matrices, perhaps on several threads. The first one at fault is an error: "matrix 3
 * is singular: pivot 1 is 0", where `wrong` is "is singular". */
ct_status ct__job_run(ct__job *job, const char *wrong);

/* -- Inside a body. Matrices are row-major, without gaps. Loading returns false if an element is
 * not finite; then ct__matrix_store_nan makes all results of matrix i NaN, and the body is done */
bool ct__matrix_load(const ct__job *job, const ct__stack *x, int64_t i, double *to);
bool ct__matrix_load_transposed(const ct__job *job, const ct__stack *x, int64_t i, double *to);
/* Loads a symmetric matrix: from its lower triangle alone, or as the mean of both triangles. */
bool ct__matrix_load_symmetric(const ct__job *job, const ct__stack *x, int64_t i, bool lower,
                               double *to);
void ct__matrix_store(const ct__job *job, const ct__stack *y, int64_t i, const double *from);
void ct__matrix_store_transposed(const ct__job *job, const ct__stack *y, int64_t i,
                                 const double *from);
bool ct__matrix_store_nan(const ct__job *job, int64_t i); /* returns true */

/* -- In infer */
/* Checks that all inputs are f32 or f64, alike, and that x0 is a stack of matrices. */
ct_status ct__infer_matrices(ct_call *call);
/* The same, and that the matrices are square. */
ct_status ct__infer_square(ct_call *call);

/* -- In derivatives */
/* x, element by element, times a number that depends on the triangle that it is in. A number of 0
 * takes out NaN and infinities. */
ct_tensor *ct__weigh(ct_tensor *x, double below, double diagonal, double above);
ct_tensor *ct__symmetric_part(ct_tensor *x);                    /* (x + x^T) / 2 */
ct_tensor *ct__scale_columns(ct_tensor *x, ct_tensor *s);       /* x diag(s) */
/* k / gap, element by element. Where |gap| <= least, the quotient is not defined: it is NaN if
 * `cause` is not 0 there, and 0 if it is. */
ct_tensor *ct__over_gaps(ct_tensor *k, ct_tensor *cause, ct_tensor *gap, ct_tensor *least);
/* How far rounding may move s, a row of numbers for each matrix: n roundings of the largest one.
 * It has shape (...,1,1). s is not empty. */
ct_tensor *ct__rounding_of(ct_tensor *s, int64_t n);

/* -- Several results */
/* Applies op to a, and hands output k to *y[k] unless y[k] is NULL. On failure all are NULL. */
ct_status ct__apply_outputs(const ct_op *op, const void *attributes, ct_tensor *a,
                            ct_tensor **const *y);

/* -- In samples */
/* random matrices plus `shift` times the identity */
ct_tensor *ct__sample_matrices(ct_context *cx, const int64_t *shape, int ndim, double shift);
#endif
