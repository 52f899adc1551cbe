/* What is left of the one file when every part is left out: operators and their derivatives. */
#include <cotangent.h>
#include <stdio.h>

int main(void)
{
    ct_context *cx = ct_context_new(NULL);
    ct_tensor *x = ct_variable(ct_scalar(cx, CT_F64, 2));
    ct_backward(ct_mul(x, ct_sin(x)));
    printf("d(x sin x)/dx at 2: %.6g\n", ct_item(ct_gradient(x)));
    int failed = ct_error(cx) != CT_OK;
    if (failed)
        fprintf(stderr, "%s\n", ct_error_text(cx));
    ct_context_free(cx);
    return failed;
}
