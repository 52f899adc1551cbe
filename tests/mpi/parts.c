#include "parts.h"

net make_net(ct_dtype dtype, uint64_t seed)
{
    net a = { NULL, NULL, 0 };
    ct_seed(cx, seed);
    a.module = ct_mlp_new(cx, dtype, CT_SIZES(IN, 5, OUT), CT_TANH, NULL);
    ct_module_add_parameter(a.module, "scale", ct_ones(cx, dtype, NULL, 0));
    a.w = ct_module_parameters(a.module, &a.n);
    CHECK(a.n == 5);
    return a;
}

static ct_tensor *numbers(ct_dtype dtype, int64_t first, int64_t n, int64_t width, double by)
{
    ct_tensor *i = ct_reshape(ct_range(cx, CT_F64, n * width), CT_SHAPE(n, width));
    ct_tensor *at = ct_add(i, ct_scalar(cx, CT_F64, (double)(first * width)));
    return ct_cast(ct_sin(ct_scale(at, by)), dtype);
}

ct_tensor *examples_x(ct_dtype dtype, int64_t first, int64_t n)
{
    return numbers(dtype, first, n, IN, 1.7);
}

ct_tensor *examples_y(ct_dtype dtype, int64_t first, int64_t n)
{
    return numbers(dtype, first, n, OUT, 0.9);
}

ct_tensor *loss_of(net *a, int64_t first, int64_t n)
{
    ct_dtype dtype = ct_dtype_of(a->w[0]);
    return ct_mse(ct_module_forward(a->module, examples_x(dtype, first, n)),
                  examples_y(dtype, first, n));
}

int64_t part_of(int64_t all, int r)
{
    return all * r / ranks;
}

bool same_everywhere(ct_tensor *const *x, int n)
{
    bool same = true;
    for (int i = 0; i < n; i++) {
        const int bytes = (int)((size_t)ct_count(x[i]) * ct_dtype_size(ct_dtype_of(x[i])));
        char *first = malloc((size_t)bytes + 1);
        memcpy(first, ct_data(x[i]), (size_t)bytes);
        MPI_Bcast(first, bytes, MPI_BYTE, 0, MPI_COMM_WORLD);
        same = same && memcmp(first, ct_data(x[i]), (size_t)bytes) == 0;
        free(first);
    }
    int mine = same, all = 0;
    MPI_Allreduce(&mine, &all, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
    return all;
}

void expect(ct_status code, const char *text)
{
    CHECK_MSG(ct_error(cx) == code, "the error is %d, %s", ct_error(cx), ct_error_text(cx));
    CHECK_MSG(strstr(ct_error_text(cx), text), "'%s' is not in '%s'", text, ct_error_text(cx));
    ct_error_clear(cx);
}
