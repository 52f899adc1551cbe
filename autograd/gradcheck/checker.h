/* What the files of the gradient checker share.
 *
 * A check compares one function F from entries to values with its derivative, both flat arrays:
 *
 *   order 1   the entries of x                  -> those of f(x); weights: a random cotangent u
 *   order 2   the entries of x, and those of u  -> those of the gradient of <u, f(x)>; weights: v
 *
 * For each entry (or direction) the slope of <weights, F> by differences is held against that entry
 * of the derivative, analytic. A function here that returns false has said why: the verdict is
 * INVALID and the report's diagnosis is written. */
#ifndef COTANGENT_CHECKER_H
#define COTANGENT_CHECKER_H
#include <cotangent/gradcheck.h>

#include "difference.h"
#include "walk.h"

/* a tensor whose entries are moved: a float input of f, or at order 2 the cotangent u */
typedef struct ct__part {
    ct_tensor *x;         /* what f gets: the caller's, or an f64 copy */
    int input;
    bool copied, marked;  /* marked: requires grad for the while of the check only */
    int64_t first, count; /* its entries among all */
    double scale;         /* root mean square */
} ct__part;

typedef struct ct__check {
    ct_context *cx;
    ct_function f;
    void *user;
    ct_tensor *const *given;
    ct_tensor **x; /* f's inputs */
    int n, order;
    ct_gradcheck_options options;
    ct_gradcheck_report *report;
    ct_verdict verdict; /* the worst so far, and how bad */
    double score;
    ct_status pending;  /* the caller's error */
    char pending_text[512];
    bool find_nonfinite;
    ct__scope scope;    /* round one function at one point */
    uint64_t user_seed, user_draws; /* the caller's stream, as it was */
    uint64_t seed, draws;           /* to which it is rewound for each evaluation */
    uint64_t drawn;                 /* from ours */

    ct__part *parts;
    ct_tensor **targets;  /* their tensors */
    int part_count, inputs; /* inputs: without u */
    int64_t entries, outputs;
    ct_tensor *u, **v;
    bool connected; /* f's value depends on a part, as recorded */
    double *start, *analytic, *numeric, *direction; /* per entry */
    signed char *verdicts; /* ... -1: not compared */
    double *y, *weights, *noise, *plus, *minus, *work; /* per value */
    double *aside; /* room for start, analytic and y while the point is another */
    bool *moved;
    double all_noise; /* of the last probe, had every value moved */
} ct__check;

/* -- gradcheck.c. A check is opened, compares one function or several, and is closed */
bool ct__check_open(ct__check *c, ct_context *cx, const ct_gradcheck_options *options,
                    ct_gradcheck_report *report);
ct_verdict ct__check_close(ct__check *c);
/* f with inputs x, at that point */
bool ct__check_begin(ct__check *c, ct_tensor *const *x, int n);
bool ct__check_all(ct__check *c);
void ct__check_end(ct__check *c); /* in any case */
bool ct__check_invalid(ct__check *c, const char *format, ...) CT_PRINTF(2, 3);
void *ct__check_room(ct__check *c, int64_t count, size_t size); /* zeroed; NULL: it is INVALID */
double ct__check_random(ct__check *c); /* of either sign, magnitude from 1/4 to 1; fits an f32 */

/* -- gradcheck_values.c */
double *ct__check_entry(const ct__part *part, int64_t k);  /* where it lies */
const ct__part *ct__check_part(const ct__check *c, int64_t entry);
double ct__check_size(const ct__check *c, int64_t entry);  /* what is large for it; not 0 */
void ct__check_aim(ct__check *c);                  /* a random direction, of those sizes */
void ct__check_move(const ct__check *c, double t); /* to start + t direction; 0: back, bit by bit */
ct_tensor *ct__check_run(ct__check *c);            /* f(x), recorded, with the stream rewound */
bool ct__check_values(ct__check *c, double *out);
bool ct__check_derive(ct__check *c); /* analytic */
bool ct__check_f32(ct__check *c);    /* f32 inputs as they are: do they give the same gradient? */

/* -- gradcheck_prepare.c */
bool ct__check_prepare(ct__check *c); /* y, weights, noise; that f is a function at all */

/* -- gradcheck_slope.c */
typedef struct ct__aim {
    int64_t entry;    /* or -1: along `whole`, cut down to the entries in [from, to) */
    int64_t from, to;
    const double *whole;
} ct__aim;
typedef struct ct__finding {
    double analytic;
    ct__slope slope;
    ct_verdict verdict;
} ct__finding;
bool ct__check_one(ct__check *c, const ct__aim *aim, ct__finding *found);
double ct__check_tolerance(const ct__check *c, double analytic, double numeric);

/* -- gradcheck_compare.c */
bool ct__check_entries(ct__check *c);

/* -- gradcheck_op.c: an operator at one of its samples */
typedef struct ct__trial {
    const ct_op *op;
    int sample;
    uint64_t seed;
} ct__trial;
ct_tensor *ct__trial_apply(ct_context *cx, ct_tensor *const *x, int n, void *trial);

/* -- gradcheck_structure.c: what must hold of it beside a right derivative */
bool ct__check_structure(ct__check *c, const ct__trial *trial);

/* -- gradcheck_combine.c: sum of weights * elements of n tensors, 0-d, to any order */
ct_tensor *ct__combine(ct_tensor *const *x, int n, const double *weights);

/* -- gradcheck_report.c */
void ct__check_place(ct__check *c, int64_t entry); /* the report's input and index are its */
void ct__check_diagnose(ct__check *c);             /* a failure */
int ct__check_severity(ct_verdict verdict);
#endif
