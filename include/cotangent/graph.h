/* The recorded graph as a picture, for people and for programs.
 *
 *   ct_tensor *loss = ...;
 *   ct_graph_page(loss, "graph.html", NULL);        open it in a browser
 *
 * ct_graph_text (autograd.h) lists the operators in plain lines. These three show all vertices
 * behind y: variables, constants, and operators, each with the shape and the name (ct_named) of its
 * result. The JSON text and the page also hold values and cotangents. Cotangents of inner tensors
 * are gone after ct_backward, so these calls walk backward themselves. That walk changes no
 * gradient and calls no hook. It fails where ct_backward would fail.
 *
 * Call them after the forward pass, while the scope of the graph is open, and before
 * ct_optimizer_step writes the parameters. A tensor whose data are gone is shown without values. */
#ifndef COTANGENT_GRAPH_PICTURES_H
#define COTANGENT_GRAPH_PICTURES_H
#include <cotangent/gradcheck.h>
CT_API_BEGIN

/* What is shown; NULL: the defaults. */
typedef struct ct_graph_options {
    ct_tensor *gy;             /* the cotangent that y starts with; NULL: ones */
    bool no_cotangents;        /* no walk backward: values only */
    /* if it is not NULL, ct_gradcheck_graph runs with these options, and every operator shows its
       verdict. This takes long for large tensors; it is left out if vertices are left out */
    const ct_gradcheck_options *check;
    /* How many vertices are shown: those with the fewest operators between them and y. The text
       says how many inputs of these are left out. 0: 10,000 */
    int64_t max_vertices;
    /* How many numbers are written for all tensors together; each gets the same share, which is at
       least 1 and at most 1,024. A larger tensor is shown as a grid of blocks, each by its element
       of the largest size, and by statistics of all its elements. 0: 200,000 */
    int64_t max_values;
    uint64_t reserved[4];      /* must be 0 */
} ct_graph_options;

/* Writes one page to the file at `path`, for any browser: it asks nothing of a network, and works
   from a disk. The graph is drawn in layers.

   Arrow keys go through it forward, operator by operator, and then backward: with each operator's
   formula and derivative, the numbers that go along its edges, and the sum of cotangents where a
   tensor has several uses. A click shows a tensor: its elements by color, its histogram, its
   statistics.

   Values that are not finite, cotangents that vanish or explode, and wrong rules are marked.
   Operators that use the parameters of a module, which ct_name tells by its path
   ("encoder.0.weight"), or whose own name has a path, can be folded into one box, and so can long
   stretches of a large graph.

   The file is replaced in one step, as by ct_module_save: on failure it stays as it was. What is no
   regular file is refused. CT_ERROR_FILE: the file cannot be written. */
ct_status ct_graph_page(ct_tensor *y, const char *path, const ct_graph_options *options);

/* The graph for Graphviz: `dot -Tsvg`. It has no values, but a vertex whose value has a NaN or an
   infinity is drawn in red. Of the options only max_vertices counts. The scope owns the text */
const char *ct_graph_dot(const ct_tensor *y, const ct_graph_options *options);

/* The graph as one JSON object:
 *   "operators"   each kind once: "name", and "formula" and "derivative" as in ct_op, or null
 *   "vertices"    each after its inputs, y last:
 *     "kind"      "variable", "constant", "operator", or "output": one of several results of the
 *                 operator that is its input, namely number "index"
 *     "operator"  of an operator: its number in "operators"
 *     "name"      as ct_named said, or ""
 *     "dtype", "shape", "value", "cotangent"    of the result. An operator with several results
 *                 has none of its own. Where nothing is known the last two are null
 *     "inputs"    for each: "vertex", its number, or null if it is left out; and "cotangent", what
 *                 this use brings to it, or null. The input's own cotangent is the sum of these
 *     "hooks"     true: it has hooks, which were not called
 *     "check"     if options->check is given: "verdict", and "diagnosis" as in the report
 *   "left_out"    how many inputs of these vertices are not shown
 *   "backward"    true: there was a walk backward
 * A value or a cotangent has "rows", "columns" and "cells", a grid of elements, row by row. Its
 * columns go along the last axis. Each cell is one element or, in a larger tensor, shows a
 * block. With more than one element, "min", "max" (null where no element is finite), "mean",
 * "deviation" (of the population), "zeros", "nans" and "infinities" are those of all elements, and
 * where cells are blocks, "histogram" counts the finite ones in 16 equal steps from min to max.
 * Numbers have as many digits as it takes to read back the same; others are "nan", "inf", "-inf".
 * The same graph gives the same text. The scope owns it. NULL on failure. */
const char *ct_graph_json(ct_tensor *y, const ct_graph_options *options);

CT_API_END
#endif
