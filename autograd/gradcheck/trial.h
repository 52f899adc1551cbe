/* How an operator is checked: trials of it at its samples, and runs of a trial in variants.
 *
 * As in checker.h, what returns false has made the verdict INVALID, and the files are listed from
 * the ground up. */
#ifndef COTANGENT_TRIAL_H
#define COTANGENT_TRIAL_H
#include "checker.h"

/* -- combine.c */
/* the sum of weights * elements over n tensors, 0-d, with derivatives of any order */
ct_tensor *ct__combine(ct_tensor *const *x, int n, const double *weights);

/* -- trial.c */
enum { CT__TRIAL_INPUTS = 16, CT__TRIAL_OUTPUTS = 8 }; /* a trial has at most so many */

typedef struct ct__trial {
    const ct_op *op;
    int sample;
    uint64_t seed;
} ct__trial;
static inline int ct__trial_output_count(const ct_op *op)
{
    int n = op->outputs > 1 ? op->outputs : 1;
    return n < CT__TRIAL_OUTPUTS ? n : CT__TRIAL_OUTPUTS;
}
/* the sample's inputs and attributes, the same ones each time; returns what `sample` returned */
int ct__trial_draw(ct_context *cx, const ct__trial *t, ct_tensor **x, void *attributes);
/* drops attributes that no application took over; n: what ct__trial_draw returned */
void ct__trial_drop(const ct__trial *t, void *attributes, int n);
/* applies the operator; returns its only float output, or one number made of all of them. y: the
 * outputs. The attributes are made anew for each application, which takes them over */
ct_tensor *ct__trial_outputs(ct_context *cx, const ct__trial *t, ct_tensor *const *x, int n,
                             ct_tensor *y[CT__TRIAL_OUTPUTS]);
ct_tensor *ct__trial_apply(ct_context *cx, ct_tensor *const *x, int n, void *trial);

/* -- variant.c */
enum { CT__FILLS = 4 }; /* the ways in which data are overwritten */

typedef enum ct__kind {
    CT__NOTHING,
    CT__INPUT,
    CT__OUTPUT,
    CT__AUXILIARY
} ct__kind;
/* data that are overwritten after `forward`, without a new version, and before the rule runs */
typedef struct ct__target {
    ct__kind kind;
    int index; /* among those of this kind */
    int fill;  /* the way, below CT__FILLS */
} ct__target;

typedef struct ct__variant {
    const char *wrong;         /* what it means if the variant differs from the plain run */
    const ct_op *op;           /* another operator in place of the trial's */
    bool strided;              /* inputs and cotangent are not contiguous */
    bool twice;                /* of y + y: the second cotangent is added to the first */
    int only;                  /* 1 + the input that alone requires grad; 0: all do */
    ct_dtype dtype;            /* of float inputs; 0: f64 */
    const double *u;           /* the cotangent */
    double relative, absolute; /* the tolerance; 0: for rounding only */
    ct__target target;
} ct__variant;

typedef struct ct__runs {
    ct__check *c;
    const ct__trial *t;
    int64_t entries, outputs;
    double *u;       /* the plain run's cotangent */
    double *y, *g;   /* its value and its gradient */
    double *y2, *g2; /* those of a variant */
    bool skipped;    /* there is nothing to compare: the variant does not exist */
} ct__runs;
bool ct__runs_begin(ct__runs *s, ct__check *c, const ct__trial *t); /* makes the plain run */
bool ct__run(ct__runs *s, const ct__variant *v, double *y, double *g);
/* the first of n numbers of a variant that is not the plain run's within its tolerance; -1: none */
int64_t ct__run_differs(const ct__variant *v, const double *a, const double *plain, int64_t n);

/* -- unsaved.c, structure.c: each compares variants with the plain run */
bool ct__check_unsaved(ct__check *c, const ct__trial *trial);
bool ct__check_structure(ct__check *c, const ct__trial *trial);
#endif
