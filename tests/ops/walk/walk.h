/* The walk: every operator of the list, and every function of composed.def, with one oddity after
 * another. Each walk_... is one oddity. It returns false if an operator is wrong, and walk_text then
 * says how. The operators' own samples say which inputs they take; an oddity changes these, and
 * what the operator then refuses, with an error, is right. */
#ifndef WALK_H
#define WALK_H
#include <cotangent/op.h>

#include "reference.h"
#include "support.h"

/* an operator, or a function that is made of others, and inputs for it */
typedef struct sample {
    const char *name;
    const ct_op *op;                                    /* NULL: a function */
    bool (*call)(ct_tensor *const *x, ct_tensor **y);   /* the function */
    const reference *reference;
    const void *attributes;
    int n, outputs;
    ct_tensor *x[TASK_INPUTS];
} sample;

extern char walk_text[1000];
/* false; walk_text says which sample is wrong, and how */
bool wrong(const sample *s, const char *format, ...) CT_PRINTF(2, 3);

/* Sample k of the operator, in the context; false: there is none. `attributes` has room for those
 * of any operator. */
enum { ATTRIBUTES = 1024 };
bool sample_of(sample *s, ct_context *c, const ct_op *op, int k, void *attributes);
/* the functions of composed.def */
extern const int composed_count;
bool sample_of_function(sample *s, ct_context *c, int k);

bool is_float(const ct_tensor *x);
/* The n inputs of a sample of op become large enough for several threads, as the code says: it has a
 * digit of base 3 for each, as it is, repeated along the first axis, along the last one. Whether op
 * takes them is not known. Codes are less than codes_of(n), and of 0 all stay as they are */
void enlarge(const ct_op *op, ct_tensor **x, int n, int code);
int codes_of(int n);
/* x is y's x, and the outputs: of an operator that writes into its inputs these */
ct_status apply(const sample *s, ct_tensor *const *x, ct_tensor **y);
/* The value is the reference's, and gradients by kernels are those by rules; or the operator refuses
 * the inputs. */
bool is_right(const sample *s, const char *oddity);

/* Asks for all that there is: forward, backward by kernel, backward by rule, and twice, a tangent */
void walk_ask(const sample *s);

/* -- The oddities: at one sample, in its own dtype and in f32 */
bool walk_values(const sample *s);   /* nothing odd */
bool walk_layouts(const sample *s);  /* gaps, transposed, reversed, repeated; the same tensor twice */
bool walk_numbers(const sample *s);  /* +-0, +-inf, NaN, subnormals */
bool walk_shapes(const sample *s);   /* 0-d, 0-size, 8-d */
bool walk_missing(const sample *s);  /* NULL, other dtypes, other numbers of inputs */
/* -- of an operator */
bool walk_derivatives(const ct_op *op); /* central differences, both orders; and forward mode */
bool walk_inputs(const ct_op *op);      /* inputs of any dtypes and shapes */
bool walk_places(const ct_op *op);      /* an element alone gives what it gives among others */
bool walk_endless(const ct_op *op);     /* no elements, but an axis of 2^40 places */
bool walk_faults(const ct_op *op);      /* each allocation fails; NULL: in the functions */
bool walk_threads(const ct_op *op);     /* the same bits twice, and for any number of threads */
#endif
