/* What the files of the gradient checker share.
 *
 * A check compares one function F, from entries to values, with its derivative. Both are flat
 * arrays:
 *
 *   order 1   F maps the entries of x to the values of f(x). The weights are a random cotangent u
 *   order 2   F maps the entries of x and of u to the gradient of <u, f(x)> by x. The weights are
 *             random numbers v
 *
 * For each entry (or direction) the slope of <weights, F> is found by differences, and compared
 * with that entry of the derivative, `analytic`.
 *
 * A function here that returns false has made the verdict INVALID and has written the report's
 * diagnosis. The files are listed from the ground up: each calls only those above it here. */
#ifndef COTANGENT_CHECKER_H
#define COTANGENT_CHECKER_H
#include <cotangent/gradcheck.h>

#include "scan.h"
#include "walk.h"

/* a tensor whose entries are moved: a float input of f, or at order 2 the cotangent u */
typedef struct ct__part {
    ct_tensor *x;         /* the tensor that f gets: the caller's, or an f64 copy */
    int input;            /* its number among f's inputs */
    bool copied;          /* x is an f64 copy */
    bool marked;          /* x requires grad only while the check runs */
    int64_t first, count; /* its entries among all entries */
    double scale;         /* the root mean square of its entries */
    double largest;       /* the largest magnitude of its derivative */
} ct__part;

typedef struct ct__check ct__check;
struct ct__check {
    ct_context *cx;
    ct_function f;
    void *user;
    ct_tensor *const *given; /* f's inputs as the caller gave them */
    ct_tensor **x;           /* f's inputs as f gets them */
    int n, order;
    ct_gradcheck_options options;
    ct_gradcheck_report *report;
    ct_verdict verdict; /* the worst so far */
    double score;       /* how bad the finding is that the report describes */
    bool absolute;      /* the caller gave atol; else it shrinks with the slopes */
    bool named;         /* a wrong entry is named: others are looked at for a pattern alone */
    int closely;        /* how many of these were looked at closely */
    int unclear;        /* entries in succession about which no step could tell */

    /* Is what seems wrong only where several kinks meet? Then each operator in f's graph is right
     * by itself, and one is on a kink. NULL: not to be asked, as f is one operator */
    bool (*explain)(ct__check *c, bool *kinks);
    enum { CT__UNKNOWN, CT__KINKS, CT__NO_KINKS } explained; /* what the answer was */

    /* the caller's state, which is given back at the end */
    ct_status pending;
    char pending_text[512];
    bool find_nonfinite, repeating;
    uint64_t user_seed, user_draws;

    ct__scope scope;      /* is open while one function is checked at one point */
    uint64_t seed, draws; /* the stream is rewound to here before each evaluation */
    uint64_t drawn;       /* random numbers that the check has taken for itself */

    ct__part *parts;
    ct_tensor **targets;  /* the tensors of the parts */
    int part_count;
    int inputs;           /* parts that are inputs: at order 2, all but u */
    int64_t entries, outputs;
    ct_tensor *u, **v;
    bool connected;       /* as recorded, f's value depends on a part */
    bool remembered;      /* `start` holds the point */
    bool noisy;           /* some value is rounded more coarsely than an f64 */

    double *start, *analytic, *numeric, *bars, *direction; /* one number for each entry */
    double *again;                                  /* likewise: a derivative taken once more */
    double *recorded;                               /* likewise, from order 1 on: what it gave */
    signed char *verdicts;                          /* likewise; -1: not compared */
    double *y, *weights, *noise, *plus, *minus, *work; /* one number for each value */
    bool *moved;      /* likewise: a step has changed this value */
    double *aside;    /* room for start, analytic and y while the point is another one */
    double all_noise; /* the noise of the last probe if every value had moved */
};

/* -- check.c */
/* the verdict is INVALID; the first diagnosis stays; returns false */
bool ct__check_invalid(ct__check *c, const char *format, ...) CT_PRINTF(2, 3);
/* likewise: "`what` failed: ", and the pending error, which is made if there is none */
bool ct__check_failed(ct__check *c, const char *what);
/* zeroed memory, the scope's; NULL if there is none, and the check is INVALID */
void *ct__check_room(ct__check *c, int64_t count, size_t size);
/* a random number of either sign and of magnitude 1/4 to 1, which is exact in f32 too */
double ct__check_random(ct__check *c);
ct__part *ct__check_part(const ct__check *c, int64_t entry);
void ct__check_place(ct__check *c, int64_t entry); /* into the report: its input and index */
/* the verdict is FAIL: the derivative at this entry is one number where another is wanted */
void ct__check_fail(ct__check *c, int64_t entry, double is, double wanted, const char *why);
void ct__check_fail_value(ct__check *c, const char *why); /* likewise: the value itself is wrong */
static inline bool ct__same_bits(const double *a, const double *b, int64_t n)
{
    return n == 0 || memcmp(a, b, (size_t)n * sizeof *a) == 0;
}

/* -- values.c */
double *ct__check_entry(const ct__part *part, int64_t k);  /* the address of its entry k */
double ct__check_size(const ct__check *c, int64_t entry);  /* its own magnitude; never 0 */
/* direction: a random one, each entry of its own size; `even`: of its tensor's, if that is more */
void ct__check_aim(ct__check *c, bool even);
/* the point is start + t direction; with t = 0 it is `start`, bit for bit */
void ct__check_move(const ct__check *c, double t);
ct_tensor *ct__check_run(ct__check *c); /* f(x), recorded, with the stream rewound */
bool ct__check_values(ct__check *c, double *out);
/* g[i]: the gradient of <u, y> by target i, or NULL where there is no path */
bool ct__check_gradient(ct__check *c, ct_tensor *y, unsigned flags, ct_tensor **g);
void ct__check_store(const ct_tensor *g, int64_t count, double *out); /* NULL: zeros */
/* no input and no cotangent was written to; what: "the function", "the rule" */
bool ct__check_untouched(ct__check *c, const char *what);

/* -- derive.c */
bool ct__check_derive(ct__check *c); /* sets `analytic` */
/* The same several times, with other memory in between: it must be the same to the last bit */
bool ct__check_derive_again(ct__check *c);
/* values and derivative are still what they were at first */
bool ct__check_unchanged(ct__check *c);
/* into `again`: how erratically the derivative moves as x is multiplied by numbers near to 1 */
enum { CT__WOBBLES = 8 };
bool ct__check_wobble(ct__check *c, int times);

/* -- f32.c */
/* the gradient by f32 inputs, computed in f32, is that by their f64 copies; else it is a FAIL */
bool ct__check_f32(ct__check *c);

/* -- prepare.c */
/* sets y, weights and noise; the function must be finite and give the same values twice */
bool ct__check_prepare(ct__check *c);

/* -- slope.c */
typedef struct ct__aim {
    int64_t entry;       /* -1: along `whole`, of which only the entries in [from, to) move */
    int64_t from, to;
    const double *whole;
} ct__aim;
typedef struct ct__finding {
    double analytic;
    double atol, largest; /* what is allowed, and the largest slope, by which it goes */
    double size, start;   /* of the entry; the first step */
    bool sure;            /* f is not noisy, and the verdict needed no scan */
    ct__slope slope;
    ct_verdict verdict;
} ct__finding;
double ct__check_tolerance(const ct__check *c, const ct__finding *found);
/* a first look, which is mistaken about functions that have structure finer than its steps */
bool ct__check_look(ct__check *c, const ct__aim *aim, ct__finding *found);
/* the same, and where it did not pass, a look at all steps down to the rounding of x */
bool ct__check_look_closely(ct__check *c, const ct__aim *aim, ct__finding *found);

/* -- beside.c */
/* the same, and where it seems wrong, looks at points nearby: may kinks explain it? */
bool ct__check_one(ct__check *c, const ct__aim *aim, ct__finding *found);

/* -- compare.c */
bool ct__check_entries(ct__check *c);

/* -- diagnose.c */
void ct__check_diagnose(ct__check *c); /* says what the wrong entries have in common */

/* -- point.c: a check is opened, looks at one function or at several, and is closed */
bool ct__check_open(ct__check *c, ct_context *cx, const ct_gradcheck_options *options,
                    ct_gradcheck_report *report);
bool ct__check_begin(ct__check *c, ct_tensor *const *x, int n); /* f at the point x */
bool ct__check_orders(ct__check *c); /* compares the derivatives of the orders asked for */
void ct__check_end(ct__check *c);    /* must follow begin, also one that failed */
ct_verdict ct__check_close(ct__check *c); /* must follow open, also one that failed */
#endif
