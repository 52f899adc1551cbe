/* Runs the examples of op.h and kernels.h, which test_examples.sh takes from these headers. */
#include <cotangent.h>
#include <stdio.h>

#include "op_examples.h"
#include "softsign.h"

static ct_status infer_rows(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    return ct_call_set_y(call, 0, ct_dtype_of(x), ct_shape(x), 1);
}

int main(void)
{
    static const ct_op product = { .name = "product", .infer = ct_infer_broadcast,
                                   .forward = product_forward };
    static const ct_op softsign = { .name = "softsign", .infer = ct_infer_same,
                                    .forward = softsign_forward };
    static const ct_op square_sum = { .name = "square_sum", .infer = infer_rows,
                                      .forward = square_sum_forward };
    ct_context *cx = ct_context_new(NULL);
    ct_tensor *x = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 2), CT_DOUBLES(1, 2, 3, 4));
    ct_tensor *row = ct_from_doubles(cx, CT_F64, CT_SHAPE(2), CT_DOUBLES(3, 4));
    ct_tensor *z = ct_from_doubles(cx, CT_F32, CT_SHAPE(3), CT_DOUBLES(-1, 0, 3));
    puts(ct_text(ct_apply(&product, NULL, CT_TENSORS(x, row))));
    puts(ct_text(ct_apply(&softsign, NULL, CT_TENSORS(z))));
    puts(ct_text(ct_apply(&square_sum, NULL, CT_TENSORS(x))));
    ct_context_free(cx);
    return 0;
}
