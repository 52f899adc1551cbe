/* The pool, its statistics, and limits. */
#define _POSIX_C_SOURCE 200809L
#include "support.h"

static ct_memory stats(const ct_context *c)
{
    ct_memory memory;
    ct_memory_stats(c, &memory);
    return memory;
}

static void step(ct_context *c, ct_tensor *x)
{
    ct_scope scope = ct_scope_begin(c);
    ct_backward(ct_sum(ct_square(ct_sin(x))));
    ct_zero_grad(x);
    ct_scope_end(c, scope);
}

START_TEST(a_loop_allocates_once)
{
    ct_context_options options = pooled_options();
    ct_context *c = ct_context_new(&options);
    ct_tensor *x = ct_variable(ct_randn(c, CT_F32, CT_SHAPE(100, 30)));
    step(c, x);
    ct_memory first = stats(c);
    for (int i = 0; i < 1000; i++)
        step(c, x);
    ct_memory last = stats(c);
    ck_assert_int_eq(last.allocations, first.allocations);
    ck_assert_int_eq(last.deallocations, first.deallocations);
    ck_assert_int_eq(last.live_bytes, first.live_bytes);
    ck_assert_int_gt(last.pool_bytes, 0);
    ct_memory_trim(c);
    ck_assert_int_lt(stats(c).pool_bytes, last.pool_bytes);
    ck_assert_int_gt(stats(c).deallocations, last.deallocations);
    step(c, x); /* and all works after it */
    ck_assert_int_eq(ct_error(c), CT_OK);
    ct_context_free(c);
}
END_TEST

START_TEST(the_pool_is_capped)
{
    ct_context_options options = { .pool_bytes = 1 << 20 };
    ct_context *c = ct_context_new(&options);
    for (int i = 0; i < 20; i++) {
        ct_scope scope = ct_scope_begin(c);
        for (int k = 0; k < 4000; k++)
            ct_scalar(c, CT_F64, k);
        ct_empty(c, CT_F64, CT_SHAPE(1 << 18));
        ct_scope_end(c, scope);
        ck_assert_int_le(stats(c).pool_bytes, (1 << 20) + (1 << 18));
    }
    ct_context_free(c);
}
END_TEST

START_TEST(without_a_pool_each_block_is_a_call)
{
    ct_context *c = ct_context_new(&(ct_context_options){ .pool_bytes = -1 });
    int64_t before = stats(c).allocations;
    ct_scope scope = ct_scope_begin(c);
    ct_zeros(c, CT_F64, CT_SHAPE(1000));
    ct_scope_end(c, scope);
    ck_assert_int_eq(stats(c).allocations - before, 3); /* scope, tensor and buffer, data */
    ck_assert_int_eq(stats(c).deallocations, 3);
    ck_assert_int_eq(stats(c).pool_bytes, 0);
    ck_assert_int_eq(stats(c).live_bytes, 0);
    ct_context_free(c);
}
END_TEST

START_TEST(data_are_aligned)
{
    for (int64_t n = 1; n < 3000; n = n * 3 / 2 + 1) {
        ct_tensor *x = ct_empty(cx, CT_F32, CT_SHAPE(n));
        ck_assert_int_eq((int64_t)((uintptr_t)ct_data(x) % (n > 4 ? 64 : 16)), 0);
    }
}
END_TEST

START_TEST(limited)
{
    ct_context *other = cx;
    cx = ct_context_new(&(ct_context_options){ .max_bytes = 1 << 20 });
    ck_assert_ptr_null(ct_zeros(cx, CT_F64, CT_SHAPE(1 << 18)));
    expect_error(CT_ERROR_MEMORY, "out of memory", NULL);
    ck_assert_ptr_nonnull(ct_zeros(cx, CT_F64, CT_SHAPE(1 << 16)));
    expect_ok();
    ck_assert_ptr_null(ct_zeros(cx, CT_F64, CT_SHAPE(1 << 16)));
    expect_error(CT_ERROR_MEMORY, NULL);
    ct_context_free(cx);
    cx = other;
}
END_TEST

/* an operator that takes as much scratch as it is told */
static ct_status scratch_forward(ct_call *call)
{
    const size_t *bytes = ct_call_attributes(call);
    for (int i = 0; i < 2 && bytes[i] > 0; i++) {
        char *scratch = ct_call_scratch(call, bytes[i]);
        if (!scratch)
            return CT_ERROR_MEMORY;
        memset(scratch, 1, bytes[i]);
    }
    *(double *)ct_data_mutable(ct_call_y(call, 0)) = 1;
    return CT_OK;
}

static const ct_op scratch_op = { .name = "scratch", .flags = CT_OP_CONSTANT,
                                  .attributes_size = 2 * sizeof(size_t), .infer = ct_infer_same,
                                  .forward = scratch_forward };

/* a call that takes scratch of both sizes; 0: once */
static ct_tensor *take_two(ct_context *c, size_t kilobytes, size_t others)
{
    size_t bytes[2] = { kilobytes << 10, others << 10 };
    ct_scope scope = ct_scope_begin(c);
    ct_tensor *x = ct_scalar(c, CT_F64, 0), *y = ct_apply(&scratch_op, bytes, &x, 1);
    ct_scope_end(c, scope);
    return y;
}

static ct_tensor *take_scratch(ct_context *c, size_t kilobytes)
{
    return take_two(c, kilobytes, 0);
}

START_TEST(scratch_of_all_sizes_takes_one_block)
{
    static const size_t sizes[] = { 100, 300, 200, 900, 70, 500 };
    ct_context_options options = pooled_options();
    ct_context *c = ct_context_new(&options);
    ct_memory before = stats(c), first = before;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 6; i++)
            ck_assert_ptr_nonnull(take_scratch(c, sizes[i]));
        ck_assert_int_le(stats(c).pool_bytes, (900 + 200) << 10);
        ck_assert_int_eq(stats(c).live_bytes, before.live_bytes);
        if (round == 0)
            first = stats(c);
    }
    ck_assert_int_eq(stats(c).allocations, first.allocations);
    ct_memory_trim(c);
    ck_assert_int_lt(stats(c).pool_bytes, 200 << 10);
    ck_assert_ptr_nonnull(take_scratch(c, 500));
    ct_context_free(c);
}
END_TEST

/* the smaller one is kept, too, whichever comes first */
START_TEST(scratch_that_is_taken_twice_is_kept)
{
    for (int larger = 0; larger < 2; larger++) {
        ct_context_options options = pooled_options();
        ct_context *c = ct_context_new(&options);
        ct_memory first = { 0 };
        for (int round = 0; round < 5; round++) {
            ck_assert_ptr_nonnull(take_two(c, larger ? 900 : 300, larger ? 300 : 900));
            if (round == 1)
                first = stats(c);
        }
        ck_assert_int_eq(stats(c).allocations, first.allocations);
        ck_assert_int_eq(stats(c).live_bytes, first.live_bytes);
        ct_context_free(c);
    }
}
END_TEST

/* what is kept is larger than what may still be taken: it goes, and a smaller one is taken */
START_TEST(kept_scratch_is_no_reason_to_fail)
{
    ct_context *c = ct_context_new(&(ct_context_options){ .pool_bytes = 1 << 30,
                                                          .max_bytes = 2 << 20 });
    ck_assert_ptr_nonnull(take_scratch(c, 1500));
    ck_assert_ptr_nonnull(ct_zeros(c, CT_F64, CT_SHAPE(1 << 17)));
    ck_assert_ptr_nonnull(take_scratch(c, 500));
    ck_assert_ptr_null(take_scratch(c, 1500));
    ck_assert_int_eq(ct_error(c), CT_ERROR_MEMORY);
    ck_assert_int_le(stats(c).peak_bytes, 2 << 20);
    ct_context_free(c);
}
END_TEST

static void take_too_much(void)
{
    const size_t sizes[] = { SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 2 - 200, SIZE_MAX / 4 + 1 };
    for (int i = 0; i < 4; i++) {
        ct_tensor *x = ct_named(ct_scalar(cx, CT_F64, 0), "x"); /* in one of the least blocks */
        ck_assert_ptr_null(ct_apply(&scratch_op, (size_t[]){ sizes[i], 0 }, &x, 1));
        expect_error(CT_ERROR_MEMORY, NULL);
    }
}

START_TEST(scratch_that_no_machine_has_is_an_error)
{
    take_too_much();
    with_pool(take_too_much);
}
END_TEST

/* an allocator with room for a megabyte */
static size_t out;

static void *small_allocate(size_t bytes, size_t alignment, void *user)
{
    void *p = NULL;
    (void)user;
    if (out + bytes > 1 << 20 || posix_memalign(&p, alignment, bytes) != 0)
        return NULL;
    out += bytes;
    return p;
}

static void small_deallocate(void *p, size_t bytes, void *user)
{
    (void)user;
    out -= bytes;
    free(p);
}

START_TEST(a_failing_allocator_gets_the_pool_back_first)
{
    ct_context_options options = pooled_options();
    options.allocator = (ct_allocator){ small_allocate, small_deallocate, NULL };
    ct_context *c = ct_context_new(&options);
    for (int i = 1; i < 5; i++) { /* all together they would not fit */
        ct_scope scope = ct_scope_begin(c);
        ck_assert_ptr_nonnull(ct_empty(c, CT_F64, CT_SHAPE(20000 * i)));
        ct_scope_end(c, scope);
    }
    ck_assert_ptr_null(ct_empty(c, CT_F64, CT_SHAPE(200000)));
    ck_assert_int_eq(ct_error(c), CT_ERROR_MEMORY);
    ct_context_free(c);
    ck_assert_uint_eq(out, 0);
}
END_TEST

START_TEST(a_hundred_contexts)
{
    long long blocks = 0;
    for (int i = 0; i < 100; i++) {
        ct_context *c = ct_context_new(&(ct_context_options){
            .allocator = counting_allocator(&blocks), .pool_bytes = i % 2 ? -1 : 1 << 24 });
        ct_tensor *x = ct_retain(ct_variable(ct_randn(c, CT_F64, CT_SHAPE(7))));
        ct_scope_begin(c);
        ct_backward(ct_sum(ct_exp(x)));
        ct_named(x, "x");
        ct_text(x);
        ct_object_new(c, 100, NULL);
        ct_context_free(c);
        ck_assert_int_eq(blocks, 0);
    }
}
END_TEST

Suite *memory_suite(void);
Suite *memory_suite(void)
{
    return make_suite("autograd/memory", (const TTest *[]){
        a_loop_allocates_once, the_pool_is_capped, without_a_pool_each_block_is_a_call,
        data_are_aligned, limited, scratch_of_all_sizes_takes_one_block,
        scratch_that_is_taken_twice_is_kept, kept_scratch_is_no_reason_to_fail,
        scratch_that_no_machine_has_is_an_error, a_failing_allocator_gets_the_pool_back_first,
        a_hundred_contexts, NULL });
}
