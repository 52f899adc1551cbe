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
/* the only float one of n outputs of op, or a random combination of all of them */
ct_tensor *ct__combined(ct_context *cx, const ct_op *op, uint64_t seed, ct_tensor *const *y, int n);
/* the same with the output `used` alone; zeros: the others are in it too, with weights of 0 */
ct_tensor *ct__combined_one(ct_context *cx, uint64_t seed, ct_tensor *const *y, int n, int used,
                            bool zeros);
/* applies the operator; returns its only float output, or one number made of all of them. y: the
 * outputs. The attributes are made anew for each application, which takes them over */
ct_tensor *ct__trial_outputs(ct_context *cx, const ct__trial *t, ct_tensor *const *x, int n,
                             ct_tensor *y[CT__TRIAL_OUTPUTS]);
ct_tensor *ct__trial_apply(ct_context *cx, ct_tensor *const *x, int n, void *trial);

/* -- layout.c: where the elements of a tensor lie */
typedef enum ct__form {
    CT__ROWS,     /* row-major */
    CT__GAPS,     /* with an unused element, a NaN, after each */
    CT__COLUMNS,  /* the first axis fastest, with gaps */
    CT__REVERSED, /* every axis backward */
    CT__REPEATED, /* every element along one axis is the first one: a stride of 0 */
    CT__FORMS,
    CT__DRAWN = CT__FORMS, /* each tensor has one of these, drawn at random */
    CT__FRESH              /* of a cotangent: row-major, and nobody else sees it (CT_OP_IN_PLACE) */
} ct__form;
const char *ct__form_text(ct__form form); /* "reversed" */
/* the address of element k, counted in row-major order */
char *ct__element_at(const ct_tensor *x, int64_t k);
/* a copy of x; of CT__REPEATED, the values are x's first ones along an axis. NULL: INVALID */
ct_tensor *ct__laid_out(ct__check *c, const ct_tensor *x, ct_dtype dtype, ct__form form);

/* -- what a run is */
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

/* what a run gives as g: n numbers for n entries of the inputs */
typedef enum ct__result {
    CT__GRADIENT,        /* <u, J e_k>, by the rules for cotangents */
    CT__TANGENTS,        /* the same, by a tangent for each entry */
    CT__ALONG,           /* <u, J v>, which is one number, by a tangent */
    CT__GRADIENT_ALONG,  /* the derivatives of <J^T u, v>, a sum of gradients */
    CT__TANGENT_GRADIENT /* the same, as those of <u, J v>, a tangent */
} ct__result;

typedef struct ct__variant {
    const char *wrong;         /* what it means if the variant differs from the plain run */
    ct__result result;
    bool recorded;             /* so are the tangents */
    const double *v;           /* the direction */
    const ct_op *op;           /* another operator in place of the trial's */
    ct__form x, gy;            /* the layouts of inputs and cotangent */
    uint64_t draw;             /* which layouts are drawn */
    bool flat;                 /* the same values, but row-major in memory */
    bool twice;                /* of y + y: the second cotangent is added to the first */
    bool quiet;                /* nothing is recorded: there is a value, and no gradient */
    int only;                  /* 1 + the input that alone requires grad; 0: all do */
    int same;                  /* 1 + the input that is the same tensor as input `as`; 0: none */
    int as;
    int used;                  /* 1 + the output that alone is used; 0: all are */
    ct_dtype dtype;            /* of float inputs; 0: f64 */
    const double *u;           /* the cotangent */
    double relative, absolute; /* the tolerance; 0: for rounding only */
    double size;               /* absolute is in units of this, or of the largest plain number */
    ct__target target;
} ct__variant;

typedef struct ct__runs {
    ct__check *c;
    const ct__trial *t;
    int64_t entries, outputs;
    double *u;       /* the plain run's cotangent */
    double *y, *g;   /* its value and its gradient */
    double *y2, *g2; /* those of a variant */
    double *g3;      /* those of what a variant is compared with, if that is not the plain run */
    bool skipped;    /* there is nothing to compare: the variant does not exist */
} ct__runs;

/* -- tangents.c */
/* g of a run whose result is no plain gradient: y depends on n inputs that require grad */
bool ct__run_forward(ct__runs *s, const ct__variant *v, ct_tensor *y, ct_tensor *const *x, int n,
                     double *g);

/* -- variant.c */
bool ct__runs_begin(ct__runs *s, ct__check *c, const ct__trial *t); /* makes the plain run */
bool ct__run(ct__runs *s, const ct__variant *v, double *y, double *g);
/* the plain run gives the same gradient again, to the last bit: to be asked before one that differs
 * is blamed on a variant. It changes y2 and g3 */
bool ct__runs_steady(ct__runs *s);
/* the first of n numbers of a variant that is not the plain run's within its tolerance; -1: none */
int64_t ct__run_differs(const ct__variant *v, const double *a, const double *plain, int64_t n);

/* -- forward.c: compares tangents with the gradient */
bool ct__check_forward(ct__runs *s);

/* -- unsaved.c, product.c, structure.c: each compares variants with the plain run */
bool ct__check_unsaved(ct__check *c, const ct__trial *trial);
bool ct__check_product(ct__runs *s);
bool ct__check_structure(ct__check *c, const ct__trial *trial);
#endif
