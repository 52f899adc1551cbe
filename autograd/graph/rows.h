/* Gradients by rows: what walks and variables ask of rows.c. */
#ifndef COTANGENT_ROWS_H
#define COTANGENT_ROWS_H
#include "graph.h"

enum { CT__FEW = 4 }; /* a list of more than a quarter of all rows saves nothing */

void ct__rows_drop(ct_tensor *g); /* any row of g may differ from 0 from now on */
void ct__rows_open(ct_tensor *g); /* so it is, unless the kernel that adds to g names its rows */
/* Takes over the handle on `grad`, the gradient that x had: zeroes its rows and keeps it for the
   next walk over x, or frees it. */
void ct__rows_zero(ct_tensor *x, ct_tensor *grad);
void ct__rows_forget(ct_tensor *x);      /* frees what was kept */
ct_tensor *ct__rows_take(ct_tensor *x);  /* what was kept, zeros, and the handle; NULL: nothing */
#endif
