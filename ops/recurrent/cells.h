/* Cells: what a recurrent layer does with one sequence at one step, apart from products. */
#ifndef CT__CELLS_H
#define CT__CELLS_H
#include <cotangent/op.h>

/* One sequence at one step: `units` numbers each, but where said. */
typedef struct ct__cell_row {
    int64_t units;
    void *gates;            /* for each gate: in, the sums of products; out, the gate */
    const void *recurrent;  /* of gru: h w_hh^T + b_hh, for each gate */
    void *h, *c;            /* the state: in, before this step; out, after it. c of lstm */
    void *kept;             /* of lstm: c after this step; of gru: the candidate's part of
                               `recurrent` */
    void *y;                /* out: h after this step */
} ct__cell_row;

/* The same backward; `gates`, `kept` and `y` are as they were left. */
typedef struct ct__cell_row_back {
    int64_t units;
    const void *gates, *kept, *y;
    const void *before;     /* of lstm: c before this step; of gru: h before it */
    const void *gy;         /* the cotangent of y */
    void *gh;               /* in: of h after this step; out: of h before it, without what comes
                               through the product with w_hh */
    void *gc;               /* of lstm, in: of c after this step; out: of c before it */
    void *e;                /* out, for each gate: the cotangent of its sum */
    void *er;               /* of gru, out, for each gate: the cotangent of `recurrent` */
} ct__cell_row_back;

typedef struct ct__cell {
    int gates;
    bool has_c;             /* the state is h and c */
    bool splits;            /* x w_ih^T and h w_hh^T are not added up: `recurrent`, er */
    bool keeps;             /* there is `kept` */
    void (*const (*forward)[CT_SIMDS])(const ct__cell_row *r);
    void (*const (*backward)[CT_SIMDS])(const ct__cell_row_back *r);
} ct__cell;
extern const ct__cell ct__cell_lstm, ct__cell_gru, ct__cell_tanh, ct__cell_relu;

/* to = from, or to += from; n numbers of x's dtype */
void ct__cell_put(const ct_tensor *x, int64_t n, void *to, const void *from, bool adds);
/* to = a + b */
void ct__cell_add(const ct_tensor *x, int64_t n, void *to, const void *a, const void *b);
#endif
