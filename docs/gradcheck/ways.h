/* The ways in which the derivatives of an operator are checked: each makes a row of the table. */
#ifndef WAYS_H
#define WAYS_H
#include <cotangent.h>

typedef struct row {
    const ct_op *op;
    ct_dtype dtype;
    bool forward;
    int order;
    int64_t entries;   /* that were compared */
    double error, bar; /* of the worst entry: how far it is off, and how far it may be */
    ct_verdict verdict;
    char text[2000];   /* why it did not pass, in several lines */
    char diagnosis[160];
} row;

/* The row's dtype, direction and order are set, and its verdict is PASS. Errors are cleared. False:
 * there is no such row, as the operator does not take f32 or has first derivatives only. */
bool check_row(ct_context *cx, row *w);
#endif
