/* Scans: what operators share that go along an axis and carry something from element to element. */
#ifndef CT__SCAN_H
#define CT__SCAN_H
#include <cotangent/op.h>

/* The attributes of an operator that scans. */
typedef struct ct__scan {
    int axis;     /* may be negative */
    bool reverse; /* from the last element to the first */
} ct__scan;

/* What the body of a scan gets. data[k] + stride[k] j + first[k] is the element of operand k at
 * which line j begins, and step[k] leads to the next one. */
typedef struct ct__path {
    int64_t length, first[5], step[5];
    const void *user; /* the operator's */
    bool adds;
} ct__path;

/* -- For operators with a ct__scan as attributes */
ct_status ct__infer_scan(ct_call *call);
/* Calls body for the lines along the axis, on the way of the scan, or, if `back`, the other way.
 * The operands have one shape; there are at most 5. */
void ct__scan_lines(const ct_call *call, ct_tensor *const *operands, int n, ct_loop_body body,
                    bool back);
/* The axis of x0 that the attributes name, 0 or more; -1 and an error. */
int ct__scan_axis(const ct_call *call);
/* Samples with a ct__scan as attributes: of each axis and way. */
int ct__sample_scan(ct_context *cx, int k, ct_tensor **x, void *attributes);

/* -- What rules are made of */
/* x moved one place along the way of the scan: y_i = x_(i-1), and y_0 = fill. */
ct_tensor *ct__moved_on(ct_tensor *x, ct__scan s, double fill);
/* y_0 = b_0, y_i = a_i y_(i-1) + b_i */
ct_tensor *ct__recurrence(ct_tensor *a, ct_tensor *b, ct__scan s);
/* y_i = x_0 ... x_i */
ct_tensor *ct__products(ct_tensor *x, ct__scan s);

/* Powers of 2 that keep products near 1. scale has one for each element: every product of
 * neighbors in x * scale lies between 1/2 and 2, or is 0, infinite or NaN, unless an x is
 * subnormal, and then it is not far from there. x_0 ... x_i is that product times
 * first_i * second_i. */
typedef struct ct__balance {
    ct_tensor *scale, *first, *second;
} ct__balance;
/* False, with an error, when memory fails. */
bool ct__balance_of(ct__balance *b, ct_tensor *x, ct__scan s);
#endif
