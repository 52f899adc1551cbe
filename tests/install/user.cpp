// The same library from C++11.
#include <cotangent.h>
#include <cstdio>

static ct_tensor *rosenbrock(ct_context *, ct_tensor *const *x, int, void *)
{
    ct_tensor *a = ct_select(x[0], 0, 0), *b = ct_select(x[0], 0, 1);
    ct_tensor *valley = ct_square(ct_sub(b, ct_square(a)));
    return ct_add(ct_square(ct_rsub(1, a)), ct_scale(valley, 100));
}

static int calls;

static ct_tensor *counted(ct_context *cx)
{
    calls++;
    return ct_ones(cx, CT_F32, CT_SHAPE(2));
}

int main()
{
    ct_context *cx = ct_context_new(nullptr);
    double x[] = { -1, 2 }, gradient[2];
    double value = ct_value_and_gradient(cx, rosenbrock, nullptr, x, 2, gradient);
    std::printf("%g (%g, %g)\n", value, gradient[0], gradient[1]);
    ct_tensor *t = ct_from_doubles(cx, CT_F32, CT_SHAPE(2, 2), CT_DOUBLES(1, 2, 3, 4));
    std::printf("%s\n", ct_text(ct_matmul(t, t)));
    t = ct_concat(CT_TENSORS(counted(cx), counted(cx)), 0);
    std::printf("%d calls, %d elements\n", calls, (int)ct_count(t));
    bool failed = ct_error(cx) != CT_OK;
    if (failed)
        std::fprintf(stderr, "%s\n", ct_error_text(cx));
    ct_context_free(cx);
    return failed;
}
