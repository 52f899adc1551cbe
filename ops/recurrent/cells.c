/* Cells, by dtype and processor. */
#include "cells.h"

#include "double_math.h"
#include "tables.h"
#include "vector_math.h"

#define CT_KERNELS     "cells_kernels.h"
#define CT_KERNELS_F32 64
#define CT_KERNELS_F64 32
#include <cotangent/kernels.h>

typedef void forward_body(const ct__cell_row *r);
typedef void backward_body(const ct__cell_row_back *r);
typedef void put_body(int64_t n, void *to, const void *from, bool adds);
typedef void sum_body(int64_t n, void *to, const void *a, const void *b);

#define TABLES(name)                                                                            \
    static forward_body *const name##_forward[][CT_SIMDS] = CT_KERNEL_TABLE(name);              \
    static backward_body *const name##_backward[][CT_SIMDS] = CT_KERNEL_TABLE(name##_back);
TABLES(lstm)
TABLES(gru)
TABLES(tanh_cell)
TABLES(relu_cell)
static put_body *const puts_by[][CT_SIMDS] = CT_KERNEL_TABLE(put);
static sum_body *const sums_by[][CT_SIMDS] = CT_KERNEL_TABLE(sum);

const ct__cell ct__cell_lstm = { .gates = 4, .has_c = true, .keeps = true,
                                 .forward = lstm_forward, .backward = lstm_backward };
const ct__cell ct__cell_gru = { .gates = 3, .splits = true, .keeps = true,
                                .forward = gru_forward, .backward = gru_backward };
const ct__cell ct__cell_tanh = { .gates = 1, .forward = tanh_cell_forward,
                                 .backward = tanh_cell_backward };
const ct__cell ct__cell_relu = { .gates = 1, .forward = relu_cell_forward,
                                 .backward = relu_cell_backward };

void ct__cell_put(const ct_tensor *x, int64_t n, void *to, const void *from, bool adds)
{
    CT_KERNEL_OF(puts_by, x)(n, to, from, adds);
}

void ct__cell_add(const ct_tensor *x, int64_t n, void *to, const void *a, const void *b)
{
    CT_KERNEL_OF(sums_by, x)(n, to, a, b);
}
