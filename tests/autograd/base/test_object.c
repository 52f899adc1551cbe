/* Objects of a context: their end, and handles that are stale. */
#include "support.h"

static int finished[3], count;

static void finish(void *object)
{
    if (count < 3)
        finished[count] = *(int *)object;
    count++;
}

START_TEST(objects_end_in_reverse)
{
    ct_context *c = ct_context_new(NULL);
    count = 0;
    for (int i = 0; i < 3; i++) {
        int *object = ct_object_new(c, 5000, finish);
        ck_assert_int_eq(object[1000], 0);
        ck_assert_int_eq((int)((uintptr_t)object % 64), 0);
        *object = i;
        if (i == 1)
            ct_object_free(object);
    }
    ck_assert_int_eq(count, 1);
    ct_context_free(c);
    ck_assert_int_eq(count, 3);
    ck_assert_int_eq(finished[0], 1);
    ck_assert_int_eq(finished[1], 2);
    ck_assert_int_eq(finished[2], 0);
    ct_object_free(NULL);
    ck_assert_ptr_null(ct_object_new(NULL, 1, NULL));
    ck_assert_ptr_null(ct_object_new(cx, SIZE_MAX - 10, NULL));
    expect_error(CT_ERROR_MEMORY, NULL);
}
END_TEST

static void of_many_sizes(void)
{
    for (size_t bytes = 1; bytes < 2000; bytes += 40)
        ck_assert_uint_eq((uintptr_t)ct_object_new(cx, bytes, NULL) % 64, 0);
}

START_TEST(objects_of_all_sizes_are_aligned)
{
    with_pool(of_many_sizes);
}
END_TEST

static void free_twice(void)
{
    ct_memory before, after;
    count = 0;
    for (size_t bytes = 8; bytes <= 100000; bytes *= 50) {
        ct_memory_stats(cx, &before);
        int *object = ct_object_new(cx, bytes, finish);
        ck_assert(ct_object_alive(object, finish, "test"));
        ct_object_free(object);
        expect_ok();
        ct_object_free(object);
        expect_error(CT_ERROR_STALE, "object_free", "freed before", NULL);
        ck_assert(!ct_object_alive(object, finish, "test"));
        expect_error(CT_ERROR_STALE, "test", NULL);
        ct_memory_stats(cx, &after);
        ck_assert_int_eq(after.live_bytes, before.live_bytes);
    }
    ck_assert_int_eq(count, 3); /* each once */
}

START_TEST(freeing_twice_is_an_error)
{
    with_pool(free_twice);
}
END_TEST

static void other_finish(void *object)
{
    (void)object;
}

static void use_again(void)
{
    void *first = ct_object_new(cx, 40, finish);
    ct_object_free(first);
    void *second = ct_object_new(cx, 40, other_finish);
    ck_assert_ptr_eq(first, second); /* last freed, first used */
    ck_assert(!ct_object_alive(first, finish, "test"));
    expect_error(CT_ERROR_STALE, "test", NULL);
    ck_assert(ct_object_alive(second, other_finish, "test"));
    ct_object_free(second);
    memset(ct_data_mutable(ct_empty(cx, CT_F32, CT_SHAPE(40))), 0x5a, 160); /* over all of it */
    ck_assert(!ct_object_alive(first, finish, "test"));
    ct_object_free(first); /* which cannot be told from anything else, and is left alone */
    ck_assert(!ct_object_alive(NULL, finish, "test"));
}

START_TEST(memory_that_is_used_again_is_not_the_object)
{
    with_pool(use_again);
}
END_TEST

static void free_itself(void *object)
{
    count++;
    ct_object_free(object);
}

static void ends_itself(void)
{
    count = 0;
    ct_object_free(ct_object_new(cx, 8, free_itself));
    expect_error(CT_ERROR_STALE, "object_free", NULL);
    ct_object_new(cx, 8, free_itself); /* at the end of the context */
}

START_TEST(a_finish_that_frees_its_object_runs_once)
{
    with_pool(ends_itself);
    ck_assert_int_eq(count, 2);
}
END_TEST

Suite *object_suite(void);
Suite *object_suite(void)
{
    return make_suite("autograd/object", (const TTest *[]){
        objects_end_in_reverse, objects_of_all_sizes_are_aligned, freeing_twice_is_an_error,
        memory_that_is_used_again_is_not_the_object, a_finish_that_frees_its_object_runs_once,
        NULL });
}
