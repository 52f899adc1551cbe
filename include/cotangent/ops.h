/* Operators: the conventions that hold for all of them. The headers below ops/ state each one.
 *
 * Each returns a new tensor and is differentiable to any order, unless its comment says otherwise.
 * They broadcast as NumPy does: shapes are aligned at their last axes, and a size 1 is repeated;
 * the cotangent of what was repeated is the sum over it. The operands of one call have the same
 * dtype, f32 or f64 unless the comment allows others; else the error names ct_cast. A negative
 * `axis` counts from the end. Numbers take the tensor's dtype. NaN in is NaN out.
 *
 * Each comment states the value y and the derivative. g is the cotangent of y, gx that of x, ga and
 * gb those of a and b. [p] is 1 where p holds and 0 elsewhere, and g [p] is 0 where p does not
 * hold, even if g is infinite. log is the natural logarithm, and Phi and phi are the distribution
 * function and the density of the standard normal distribution. "derivative: none" means that y
 * never requires grad.
 *
 * Both texts are in the operator too: ct_op_find("tanh")->formula and ->derivative (see op.h). The
 * C functions of most operators are made by macros from the row of a table, so a search for ct_tanh
 * finds no definition. `grep -rn '(tanh,' ops` finds the row, here CURVE(tanh, ...) in
 * ops/elementwise/unary.def; `grep -rn '"softmax"' ops` finds an operator that has no row.
 *
 * At infinities, values and gradients are the limits where those exist. Elementwise functions and
 * their gradients are right to a few roundings of the result, relative, over all of f32 and f64,
 * except where said below and where a factor of the result underflows (silu and mish below -87 in
 * f32 and -708 in f64). Gradients that are recorded (CT_CREATE_GRAPH) are the same to a few
 * roundings.
 *
 * Where a piece of a function does not depend on x (relu below 0, clamp outside), and at the kink
 * of abs, gx is 0, even if g is infinite or NaN. Where x is NaN, functions of linear pieces (relu,
 * leaky_relu, clamp, hardtanh, hardsigmoid, softshrink) give it g, maximum and minimum give g to
 * the NaN, and functions that are not linear make NaN of it.
 *
 * Where NumPy and PyTorch disagree:
 *                           NumPy            PyTorch            here
 *   var, divisor            n                n - 1              n; CT_UNBIASED: n - 1
 *   std, where it is 0      (no gradient)    gradient NaN       gradient 0
 *   axes: an empty list     reduces none     reduces all        reduces all
 *   max over axes, ties     (no gradient)    max: to one,       shared equally
 *                                            amax: shared
 *   cummax, ties            (no gradient)    to the last        to the last
 *   median of 2 n           mean of 2        the lower          mean of 2
 *   sort, descending        (none)           NaN first          NaN first
 *   unique, several NaN     one              each               one
 *   i64 / i64               f64              f32                error: ct_cast
 *   operands' dtypes differ promoted         promoted           error: ct_cast
 *   transpose, no axes said reverses all     (error)            swaps the last two
 *   an index below 0        from the end     error              from the end
 *   scatter, a place twice  (none)           any of them        the last one
 *   x[i] = v, a place twice the last one     any of them        the last one
 *   nonzero                 a list per axis  (count,ndim)       (count,ndim)
 *   one_hot                 (none)           i64                the given dtype
 *   slice, step below 0     walks backward   error              walks backward
 *   repeat                  each element     the whole (tile)   each element
 *   split: what is given    places to cut    sizes              sizes
 *   meshgrid, order         xy               ij                 ij
 *   flip                    a view           a copy             a view
 *   diagonal                read-only        a view             a view
 *   pad wider than x        goes on          error              goes on
 *   solve, b less one axis  a column if 1-d  columns            a column if 1-d
 *   triangle with a 0       (error)          infinite           error
 *   qr, signs               LAPACK's         LAPACK's           r_ii >= 0
 *   lstsq, rank deficient   shortest y       shortest y         error
 *   float to i64, too large undefined        undefined          error
 *   floor ceil round trunc  (no gradient)    gradient 0         y requires no grad
 *   atan2, hypot at (0, 0)  (no gradient)    gradient NaN       gradient 0
 *   heaviside               (no gradient)    (error)            gradient by its second operand
 *   nan_to_num              defaults         defaults           all numbers are given */
#ifndef COTANGENT_OPS_H
#define COTANGENT_OPS_H
#include <cotangent/ops/elementwise.h>
#include <cotangent/ops/reductions.h>
#include <cotangent/ops/normalization.h>
#include <cotangent/ops/scans.h>
#include <cotangent/ops/sorting.h>
#include <cotangent/ops/products.h>
#include <cotangent/ops/convolution.h>
#include <cotangent/ops/recurrent.h>
#include <cotangent/ops/attention.h>
#include <cotangent/ops/linear_algebra.h>
#include <cotangent/ops/shapes.h>
#include <cotangent/ops/indexing.h>
#include <cotangent/ops/random.h>
#include <cotangent/ops/updates.h>
CT_API_BEGIN

/* -- The list of all operators, for tests and tools */
struct ct_op;
const struct ct_op *ct_op_find(const char *name);       /* by name: "tanh"; NULL: none */
const struct ct_op *const *ct_op_list(int *n);          /* all, *n of them; n may be NULL */

CT_API_END
#endif
