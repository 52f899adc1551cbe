/* bits [SIMD [numbers]]: a line for each sample of each operator, in f64 and in f32, with a hash of
 * the bits of y and of all gradients, or with their numbers. Two builds that agree bit for bit print
 * the same; agree.py says how far apart others are. SIMD is the widest kind of kernels, a ct_simd. */
#include <cotangent.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t hash;
static bool numbers;

static void print(const ct_tensor *x)
{
    int64_t n = x ? ct_count(x) : 0;
    double *values = calloc((size_t)n + 1, sizeof *values);
    if (values && ct_to_doubles(x, values, n) == CT_OK)
        for (int64_t i = 0; i < n; i++)
            printf("%.17g ", values[i]);
    printf("; ");
    free(values);
}

static void take(ct_tensor *x)
{
    if (numbers) {
        print(x);
        return;
    }
    x = ct_contiguous(x);
    const unsigned char *bytes = ct_data(x);
    size_t size = ct_dtype_of(x) == CT_BOOL ? 1 : ct_dtype_of(x) == CT_F32 ? 4 : 8;
    for (size_t i = 0; bytes && i < (size_t)ct_count(x) * size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
}

static bool is_float(ct_tensor *x)
{
    return x && (ct_dtype_of(x) == CT_F32 || ct_dtype_of(x) == CT_F64);
}

/* false: there is no such sample */
static bool sample(ct_context *cx, const ct_op *op, int k, ct_dtype dtype)
{
    _Alignas(16) unsigned char attributes[4096] = { 0 };
    ct_tensor *x[8] = { 0 };
    int n = op->attributes_size > sizeof attributes ? 0 : op->sample(cx, k, x, attributes);
    if (n <= 0)
        return false;
    hash = UINT64_C(14695981039346656037);
    if (numbers)
        printf("%s %d %s : ", op->name, k, dtype == CT_F32 ? "f32" : "f64");
    for (int i = 0; i < n; i++)
        if (is_float(x[i]))
            x[i] = ct_variable(ct_cast(x[i], dtype));
    ct_tensor *y = ct_apply(op, attributes, x, n);
    take(y);
    if (y && ct_requires_grad(y))
        ct_backward(ct_sum(ct_mul(y, ct_randn(cx, ct_dtype_of(y), ct_shape(y), ct_ndim(y)))));
    for (int i = 0; i < n; i++)
        if (x[i] && ct_gradient(x[i]))
            take(ct_gradient(x[i]));
    if (numbers)
        printf("%s\n", ct_status_text(ct_error(cx)));
    else
        printf("%s %d %s %016llx %s\n", op->name, k, dtype == CT_F32 ? "f32" : "f64",
               (unsigned long long)hash, ct_status_text(ct_error(cx)));
    ct_error_clear(cx);
    return true;
}

int main(int argc, char **argv)
{
    int n;
    const ct_op *const *all = ct_op_list(&n);
    numbers = argc > 2;
    ct_context_options options = { .simd = argc > 1 ? (ct_simd)atoi(argv[1]) : CT_SIMD_AVX512 };
    for (int i = 0; i < n; i++) {
        ct_context *cx = ct_context_new(&options);
        for (int k = 0; all[i]->sample && sample(cx, all[i], k, CT_F64); k++)
            sample(cx, all[i], k, CT_F32);
        ct_context_free(cx);
    }
    return 0;
}
