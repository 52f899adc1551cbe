/* tensors/dlpack.c: who owns what, and when it goes; what is refused. tests/peers exchanges tensors
 * with NumPy and PyTorch. */
#include <cotangent/dlpack.h>

#include "support.h"

static int deleted;

static void count_legacy(ct_dl_managed *m)
{
    (void)m;
    deleted++;
}

static void count(ct_dl_managed_versioned *m)
{
    (void)m;
    deleted++;
}

static float numbers[6] = { 1, 2, 3, 4, 5, 6 };
static int64_t shape[8] = { 2, 3, 1, 1, 1, 1, 1, 1 }, strides[8] = { 1, 2, 1, 1, 1, 1, 1, 1 };

static ct_dl_managed_versioned right(void)
{
    deleted = 0;
    return (ct_dl_managed_versioned){
        .version = { 1, 7 }, .deleter = count,
        .tensor = { .data = numbers, .device = { CT_DL_CPU, 3 }, .ndim = 2,
                    .dtype = { CT_DL_FLOAT, 32, 1 }, .shape = shape } };
}

START_TEST(their_memory_is_a_tensor)
{
    ct_dl_managed_versioned m = right();
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *x = ct_from_dlpack(cx, &m);
    expect_values(x, CT_DOUBLES(1, 2, 3, 4, 5, 6), 0);
    ck_assert_ptr_eq(ct_data(x), numbers);
    ct_tensor *row = ct_retain(ct_slice(x, 0, 1, 2, 1));
    ck_assert_int_eq(ct_set(x, CT_INDEX(1, 0), 40), CT_OK);
    ck_assert(numbers[3] == 40);
    numbers[3] = 4;
    ct_scope_end(cx, scope);
    ck_assert_int_eq(deleted, 0);
    expect_values(row, CT_DOUBLES(4, 5, 6), 0);
    ct_release(row); /* the last one over that memory */
    ck_assert_int_eq(deleted, 1);
    expect_ok();
}
END_TEST

START_TEST(strides_offset_and_flag)
{
    static ct_dl_managed_versioned m;
    m = right();
    m.tensor.strides = strides; /* column by column */
    m.flags = CT_DL_READ_ONLY;
    ct_tensor *x = ct_from_dlpack(cx, &m);
    expect_values(x, CT_DOUBLES(1, 3, 5, 2, 4, 6), 0);
    ck_assert_int_eq(ct_set(x, CT_INDEX(0, 0), 9), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "read-only", NULL);
    ct_dl_managed_versioned *again = ct_to_dlpack(x);
    ck_assert(again->flags == CT_DL_READ_ONLY);
    again->deleter(again);
    ck_assert_ptr_null(ct_to_dlpack_legacy(x));
    expect_error(CT_ERROR_VALUE, "to_dlpack_legacy", "read-only", NULL);
    static int64_t one = 4, back = -1; /* they live as long as the context */
    static ct_dl_managed old = { .tensor = { .data = numbers, .device = { CT_DL_CPU, 0 }, .ndim = 1,
                                      .dtype = { CT_DL_FLOAT, 32, 1 }, .shape = &one,
                                      .strides = &back, .byte_offset = 16 } };
    expect_values(ct_from_dlpack_legacy(cx, &old), CT_DOUBLES(5, 4, 3, 2), 0); /* no deleter */
}
END_TEST

START_TEST(the_context_gives_back_what_it_holds)
{
    ct_context *other = ct_context_new(NULL);
    ct_dl_managed_versioned m = right();
    ct_dl_managed old = { .tensor = m.tensor, .deleter = count_legacy };
    ct_from_dlpack(other, &m);
    ct_retain(ct_from_dlpack_legacy(other, &old));
    ct_context_free(other);
    ck_assert_int_eq(deleted, 2);
}
END_TEST

START_TEST(what_is_refused_stays_the_callers)
{
    int64_t large[2] = { (int64_t)1 << 40, (int64_t)1 << 40 }, far[2] = { INT64_MAX / 2, 1 },
            negative[2] = { -1, 2 };
    for (int i = 0; i < 17; i++) {
        ct_status code = CT_ERROR_DTYPE;
        ct_dl_managed_versioned m = right();
        ct_dl_tensor *t = &m.tensor;
        switch (i) {
        case 0: t->dtype = (ct_dl_dtype){ CT_DL_FLOAT, 16, 1 }; break;
        case 1: t->dtype = (ct_dl_dtype){ CT_DL_FLOAT, 32, 2 }; break;
        case 2: t->dtype = (ct_dl_dtype){ CT_DL_INT, 32, 1 }; break;
        case 3: t->dtype = (ct_dl_dtype){ 1, 64, 1 }; break; /* without a sign */
        case 4: t->dtype = (ct_dl_dtype){ CT_DL_BOOL, 1, 1 }; break;
        case 5: t->dtype = (ct_dl_dtype){ 4, 32, 1 }; break;
        case 6: t->dtype = (ct_dl_dtype){ CT_DL_FLOAT, 0, 0 }; break;
        case 7: t->device.type = 2, code = CT_ERROR_UNSUPPORTED; break; /* CUDA */
        case 8: m.version.major = 2, code = CT_ERROR_UNSUPPORTED; break;
        case 9: t->ndim = 9, code = CT_ERROR_RANGE; break;
        case 10: t->ndim = -1, code = CT_ERROR_RANGE; break;
        case 11: t->shape = NULL, code = CT_ERROR_NULL; break;
        case 12: t->shape = large, code = CT_ERROR_SHAPE; break;
        case 13: t->shape = negative, code = CT_ERROR_SHAPE; break;
        case 14: t->strides = far, code = CT_ERROR_RANGE; break;
        case 15: t->byte_offset = UINT64_MAX, code = CT_ERROR_RANGE; break;
        case 16: t->byte_offset = 1, code = CT_ERROR_VALUE; break; /* not aligned */
        }
        ck_assert_ptr_null(ct_from_dlpack(cx, &m));
        ck_assert_msg(ct_error(cx) == code, "number %d: %s", i, ct_error_text(cx));
        ct_error_clear(cx);
        ck_assert_int_eq(deleted, 0);
    }
    static ct_dl_managed_versioned m; /* it lives as long as the context */
    m = right();
    m.tensor.data = NULL;
    ck_assert_ptr_null(ct_from_dlpack(cx, &m));
    expect_error(CT_ERROR_NULL, "NULL", NULL);
    m.tensor.ndim = 1;
    m.tensor.shape = (int64_t[]){ 0 };
    ck_assert_int_eq(ct_count(ct_from_dlpack(cx, &m)), 0); /* of nothing there need be nothing */
    unsigned char bytes[2] = { 1, 2 };
    ct_dl_managed old = { .tensor = m.tensor };
    old.tensor.data = bytes;
    old.tensor.shape = shape;
    old.tensor.dtype = (ct_dl_dtype){ CT_DL_BOOL, 8, 1 };
    ck_assert_ptr_null(ct_from_dlpack_legacy(cx, &old));
    expect_error(CT_ERROR_VALUE, "bool", NULL);
    ck_assert_ptr_null(ct_from_dlpack(cx, NULL));
    expect_error(CT_ERROR_NULL, "from_dlpack", NULL);
    ck_assert_ptr_null(ct_from_dlpack_legacy(cx, NULL));
    expect_error(CT_ERROR_NULL, "from_dlpack_legacy", NULL);
    ck_assert_ptr_null(ct_from_dlpack(NULL, &m));
}
END_TEST

START_TEST(our_memory_lasts_as_long_as_theirs)
{
    ct_memory before, after;
    ct_memory_stats(cx, &before);
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *x = ct_range(cx, CT_F64, 1000), *small = ct_scalar(cx, CT_F32, 7);
    ct_tensor *even = ct_slice(x, 0, 0, 1000, 2);
    const double *data = ct_data(x);
    ct_dl_managed_versioned *a = ct_to_dlpack(even), *c = ct_to_dlpack(small);
    ct_dl_managed *b = ct_to_dlpack_legacy(x);
    ct_scope_end(cx, scope);
    ck_assert(a->version.major == 1 && a->flags == 0 && a->tensor.device.type == CT_DL_CPU);
    ck_assert(a->tensor.ndim == 1 && a->tensor.shape[0] == 500 && a->tensor.strides[0] == 2);
    ck_assert(a->tensor.data == data && b->tensor.data == data && b->tensor.shape[0] == 1000);
    ck_assert(a->tensor.dtype.code == CT_DL_FLOAT && a->tensor.dtype.bits == 64);
    scope = ct_scope_begin(cx);
    ct_zeros(cx, CT_F64, CT_SHAPE(1000)); /* it does not get that memory */
    ct_scope_end(cx, scope);
    b->deleter(b);
    ck_assert(((const double *)a->tensor.data)[999] == 999);
    ck_assert(*(const float *)c->tensor.data == 7);
    a->deleter(a);
    c->deleter(c);
    ct_memory_stats(cx, &after);
    ck_assert_int_eq(after.live_bytes, before.live_bytes);
    expect_ok();
}
END_TEST

START_TEST(our_memory_outlives_the_context)
{
    long long live = 0;
    ct_dl_managed_versioned borrowed = right();
    ct_context *other = ct_context_new(&(ct_context_options){
        .allocator = counting_allocator(&live) });
    ct_tensor *x = ct_retain(ct_range(other, CT_I64, 5000));
    ct_dl_managed_versioned *a = ct_to_dlpack(x), *theirs = ct_to_dlpack(ct_from_dlpack(other, &borrowed));
    ct_dl_managed *b = ct_to_dlpack_legacy(ct_full(other, CT_BOOL, CT_SHAPE(3), 1));
    ct_context_free(other);
    ck_assert_int_gt(live, 0);
    ck_assert(((const int64_t *)a->tensor.data)[4999] == 4999);
    a->deleter(a);
    ck_assert(((const bool *)b->tensor.data)[2]);
    ck_assert_int_eq(deleted, 0);
    theirs->deleter(theirs);
    ck_assert_int_eq(deleted, 1);
    ck_assert_int_gt(live, 0);
    b->deleter(b);
    ck_assert_int_eq(live, 0);
}
END_TEST

START_TEST(there_and_back)
{
    ct_tensor *x = ct_range(cx, CT_F32, 6);
    ct_tensor *y = ct_from_dlpack(cx, ct_to_dlpack(ct_transpose(ct_reshape(x, CT_SHAPE(2, 3)))));
    expect_values(y, CT_DOUBLES(0, 3, 1, 4, 2, 5), 0);
    ck_assert_int_eq(ct_fill(y, 8), CT_OK);
    ck_assert_double_eq(ct_at(x, CT_INDEX(3)), 8);
    ct_tensor *empty = ct_from_dlpack_legacy(cx, ct_to_dlpack_legacy(
        ct_zeros(cx, CT_I64, CT_SHAPE(2, 0))));
    expect_shape(empty, CT_SHAPE(2, 0));
    ct_tensor *w = ct_variable(ct_ones(cx, CT_F32, CT_SHAPE(2)));
    ck_assert_ptr_null(ct_to_dlpack(w));
    expect_error(CT_ERROR_GRAPH, "to_dlpack", "ct_detach", NULL);
    ct_dl_managed *m = ct_to_dlpack_legacy(ct_detach(w));
    ck_assert_ptr_eq(m->tensor.data, ct_data(w));
    m->deleter(m);
    ck_assert_ptr_null(ct_to_dlpack(NULL));
    ck_assert_ptr_null(ct_to_dlpack_legacy(NULL));
    expect_ok();
}
END_TEST

static void give_and_take(ct_context *c)
{
    ct_tensor *x = ct_ones(c, CT_F32, CT_SHAPE(40));
    ct_dl_managed_versioned *a = x ? ct_to_dlpack(x) : NULL;
    if (a && !ct_from_dlpack(c, a))
        a->deleter(a); /* it is still ours */
}

START_TEST(every_allocation_may_fail)
{
    for_each_failing_allocation(give_and_take);
}
END_TEST

Suite *dlpack_suite(void);
Suite *dlpack_suite(void)
{
    return make_suite("autograd/dlpack", (const TTest *[]){
        their_memory_is_a_tensor, strides_offset_and_flag, the_context_gives_back_what_it_holds,
        what_is_refused_stays_the_callers, our_memory_lasts_as_long_as_theirs,
        our_memory_outlives_the_context, there_and_back, every_allocation_may_fail, NULL });
}
