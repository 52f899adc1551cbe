/* json.c, summary.c, reverse.c: ct_graph_json says what the library computes. */
#include "support.h"

#ifdef HAVE_JANSSON
#include <jansson.h>
#endif

static ct_tensor *named(double value, const char *name)
{
    return ct_named(ct_variable(ct_scalar(cx, CT_F64, value)), name);
}

/* (a + b) b, the smallest graph in which a tensor has two uses */
static ct_tensor *two_uses(void)
{
    ct_tensor *a = named(2, "a"), *b = named(3, "b");
    return ct_mul(ct_named(ct_add(a, b), "s"), b);
}

static const char *json(ct_tensor *y, const ct_graph_options *options)
{
    const char *text = ct_graph_json(y, options);
    ck_assert_msg(text != NULL, "%s", ct_error_text(cx));
    return text;
}

static void expect_part(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part) != NULL, "no %s in %s", part, text);
}

#define NUMBER(x) "{\"rows\":1,\"columns\":1,\"cells\":[" #x "]}"
#define RESULT(x, g) ",\"dtype\":\"f64\",\"shape\":[],\"value\":" NUMBER(x) ",\"cotangent\":" NUMBER(g)
#define INPUT(i, g) "{\"vertex\":" #i ",\"cotangent\":" NUMBER(g) "}"

START_TEST(every_byte)
{
    const char *text = json(two_uses(), NULL);
    expect_part(text, "\n{\"name\":\"mul\",\"formula\":\"y = a b\",\"derivative\":\"ga = g b, gb = g a\"}]");
    ck_assert_str_eq(strstr(text, "\"vertices\""),
        "\"vertices\":[\n"
        "{\"kind\":\"variable\",\"name\":\"a\"" RESULT(2, 3) ",\"inputs\":[]},\n"
        "{\"kind\":\"variable\",\"name\":\"b\"" RESULT(3, 8) ",\"inputs\":[]},\n"
        "{\"kind\":\"operator\",\"operator\":0,\"name\":\"s\"" RESULT(5, 3)
            ",\"inputs\":[" INPUT(0, 3) "," INPUT(1, 3) "]},\n"
        "{\"kind\":\"operator\",\"operator\":1,\"name\":\"\"" RESULT(15, 1)
            ",\"inputs\":[" INPUT(2, 3) "," INPUT(1, 5) "]}],\n"
        "\"left_out\":0,\"backward\":true}\n");
}
END_TEST

/* Kernels might add to a cotangent that is pending, or write gx where gy was: not in this walk. */
START_TEST(what_each_use_brings)
{
    ct_tensor *x = named(0, "x"), *y = ct_add(ct_exp(x), ct_neg(ct_tanh(x)));
    const char *text = json(y, NULL);
    expect_part(text, "\"inputs\":[" INPUT(0, 1) "]");  /* of exp */
    expect_part(text, "\"inputs\":[" INPUT(0, -1) "]"); /* of tanh */
    expect_part(text, "\"inputs\":[" INPUT(2, -1) "]"); /* of neg */
    expect_part(text, "\"name\":\"x\"" RESULT(0, 0));
    ck_assert_ptr_null(strstr(text, "\"cotangent\":null"));
}
END_TEST

START_TEST(without_a_walk)
{
    const char *text = json(two_uses(), &(ct_graph_options){ .no_cotangents = true });
    expect_part(text, "\"backward\":false");
    expect_part(text, "\"cotangent\":null");
    ck_assert_ptr_null(strstr(text, "\"cotangent\":{"));
    text = json(ct_scalar(cx, CT_F32, 0.1), NULL); /* no operator at all */
    expect_part(text, "{\"kind\":\"constant\",\"name\":\"\",\"dtype\":\"f32\"");
    expect_part(text, "\"cells\":[0.1]");
    expect_part(text, "\"backward\":false");
    text = json(named(1, "x"), NULL);
    expect_part(text, "\"cotangent\":" NUMBER(1));
}
END_TEST

START_TEST(a_cotangent_is_given)
{
    ct_tensor *x = ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(2), CT_DOUBLES(1, 2)));
    ct_tensor *y = ct_square(x), *gy = ct_from_doubles(cx, CT_F64, CT_SHAPE(2), CT_DOUBLES(5, 7));
    expect_part(json(y, NULL), "\"cotangent\":{\"rows\":1,\"columns\":2,\"cells\":[2,4]");
    expect_part(json(y, &(ct_graph_options){ .gy = gy }), "\"cells\":[10,28]");
    ck_assert_ptr_null(ct_graph_json(y, &(ct_graph_options){ .gy = ct_ones(cx, CT_F64, NULL, 0) }));
    expect_error(CT_ERROR_SHAPE, "graph_json", "cotangent", NULL);
}
END_TEST

static ct_tensor *count_calls(ct_tensor *gy, void *user)
{
    ++*(int *)user;
    return gy;
}

START_TEST(nothing_of_the_user_changes)
{
    int calls = 0;
    ct_tensor *x = ct_variable(ct_randn(cx, CT_F32, CT_SHAPE(5, 3)));
    ct_tensor *h = ct_mul(ct_tanh(x), x), *y = ct_sum(ct_add(h, ct_exp(h)));
    ck_assert_int_eq(ct_on_cotangent(h, count_calls, &calls), CT_OK);
    ck_assert_int_eq(ct_backward(y), CT_OK);
    ck_assert_int_eq(calls, 1);
    ct_tensor *copy = ct_scale(ct_gradient(x), 1), *twice = ct_scale(copy, 2);
    ct_find_nonfinite(cx, true);
    ct_scope scope = ct_scope_begin(cx);
    const char *text = json(y, NULL);
    expect_part(text, "\"hooks\":true");
    ck_assert_str_eq(text, json(y, NULL));
    ck_assert(ct_is_recording(cx));
    ct_scope_end(cx, scope);
    ck_assert_int_eq(calls, 1);
    ck_assert_double_eq(ct_max_difference(ct_gradient(x), copy), 0);
    ck_assert_ptr_null(ct_log(ct_scalar(cx, CT_F64, -1))); /* it is still on */
    expect_error(CT_ERROR_VALUE, "log", NULL);
    ck_assert_int_eq(ct_backward(y), CT_OK);
    ck_assert_int_eq(calls, 2);
    ck_assert_double_eq(ct_max_difference(ct_gradient(x), twice), 0);
}
END_TEST

START_TEST(what_is_not_finite)
{
    const double values[] = { 0, -2, NAN, 2, INFINITY, 0 };
    ct_tensor *x = ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(3, 2), values, 6));
    ct_find_nonfinite(cx, false);
    const char *text = json(ct_neg(x), NULL);
    expect_part(text, "\"value\":{\"rows\":3,\"columns\":2,\"cells\":[0,-2,\"nan\",2,\"inf\",0],"
                      "\"min\":-2,\"max\":2,\"mean\":0,\"deviation\":1.4142135623730951,"
                      "\"zeros\":2,\"nans\":1,\"infinities\":1}");
    expect_part(text, "\"cells\":[-0,2,\"nan\",-2,\"-inf\",-0]");
    ct_tensor *nan = ct_full(cx, CT_F32, CT_SHAPE(2), NAN);
    expect_part(json(nan, NULL), "\"min\":null,\"max\":null,\"mean\":null,\"deviation\":null");
}
END_TEST

START_TEST(large_numbers_and_no_elements)
{
    double big = 1.5e308, values[] = { big, big, -big, -big };
    expect_part(json(ct_from_doubles(cx, CT_F64, CT_SHAPE(4), values, 4), NULL),
                "\"mean\":0,\"deviation\":1.5e+308");
    expect_part(json(ct_full(cx, CT_F64, CT_SHAPE(3), 5e-324), NULL),
                "\"mean\":4.94065645841247e-324,\"deviation\":0");
    expect_part(json(ct_zeros(cx, CT_I64, CT_SHAPE(3, 0)), NULL),
                "\"shape\":[3,0],\"value\":{\"rows\":0,\"columns\":0,\"cells\":[]}");
    expect_part(json(ct_full(cx, CT_F32, CT_SHAPE(2), 0.1), NULL), "\"min\":0.1,\"max\":0.1");
}
END_TEST

START_TEST(blocks_of_a_large_tensor)
{
    ct_tensor *x = ct_zeros(cx, CT_F64, CT_SHAPE(200, 100));
    ct_set(x, CT_INDEX(199, 0), -7);
    ct_set(x, CT_INDEX(0, 99), NAN);
    ct_set(x, CT_INDEX(1, 99), INFINITY); /* in the same block */
    ct_set(x, CT_INDEX(0, 0), 1);
    const char *text = json(ct_transpose(x), &(ct_graph_options){ .max_values = 8 });
    expect_part(text, "\"rows\":2,\"columns\":2,\"cells\":[1,-7,\"nan\",0],\"min\":-7,\"max\":1,");
    expect_part(text, "\"zeros\":19996,\"nans\":1,\"infinities\":1,"
                      "\"histogram\":[1,0,0,0,0,0,0,0,0,0,0,0,0,0,19996,1]");
    expect_part(json(x, NULL), "\"rows\":32,\"columns\":32,"); /* 1,024 at most */
}
END_TEST

START_TEST(parts_of_a_large_graph)
{
    ct_tensor *x = named(0.5, "x"), *y = x;
    for (int i = 0; i < 10100; i++)
        y = ct_add(y, x);
    const char *text = json(y, &(ct_graph_options){ .max_vertices = 3 });
    expect_part(text, "\"left_out\":1,");
    expect_part(text, "\"vertex\":null");
    text = json(y, NULL);
    expect_part(text, "\"left_out\":1,");
    int64_t vertices = 0;
    for (const char *c = text; *c; c++) /* a sanitizer's strstr measures the text each time */
        vertices += strncmp(c, "\"kind\"", 6) == 0;
    ck_assert_int_eq(vertices, 10000);
    ck_assert(strlen(text) < 4000000);
    text = json(y, &(ct_graph_options){ .max_vertices = INT64_MAX });
    expect_part(text, "\"left_out\":0,");
    expect_part(text, "\"cotangent\":" NUMBER(10101)); /* x's */
}
END_TEST

START_TEST(several_results)
{
    ct_tensor *x = ct_named(ct_variable(ct_eye(cx, CT_F64, 2)), "x"), *q, *r;
    ck_assert_int_eq(ct_qr(x, &q, &r), CT_OK);
    const char *text = json(ct_sum(ct_square(r)), NULL);
    expect_part(text, "{\"kind\":\"output\",\"index\":1,\"name\":\"\",\"dtype\":\"f64\","
                      "\"shape\":[2,2]");
    expect_part(text, "\"operator\":0,\"name\":\"\",\"inputs\":[{\"vertex\":0,\"cotangent\":{");
}
END_TEST

START_TEST(data_that_are_gone)
{
    ct_tensor *x = named(2, "x");
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *y = ct_scope_return(cx, scope, ct_neg(ct_named(ct_neg(x), "inner")));
    expect_part(json(y, NULL), "\"name\":\"inner\",\"dtype\":\"f64\",\"shape\":[],\"value\":null,"
                               "\"cotangent\":" NUMBER(-1));
}
END_TEST

START_TEST(verdicts)
{
    ct_gradcheck_options check = { .quick = true };
    ct_graph_options options = { .check = &check };
    const char *text = json(two_uses(), &options);
    for (int i = 0; i < 2; i++, text++) {
        text = strstr(text, "\"check\":{\"verdict\":\"PASS\",\"diagnosis\":\"\"}");
        ck_assert_ptr_nonnull(text);
    }
    options.max_vertices = 2;
    ck_assert_ptr_null(strstr(json(two_uses(), &options), "\"check\""));
}
END_TEST

static ct_status copy(ct_call *call)
{
    return ct_assign(ct_call_y(call, 0), ct_call_x(call, 0));
}

static ct_status pass_on(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    (void)call;
    gx[0] = gy[0];
    return CT_OK;
}

/* with a long name, and no formulas */
START_TEST(an_operator_of_a_user)
{
    static char name[701];
    char line[800];
    memset(name, 'n', 700);
    name[700] = '\0';
    static const ct_op op = { .name = name, .inputs = 1, .infer = ct_infer_same,
                              .forward = copy, .vjp = pass_on };
    ct_tensor *x = named(2, "x"), *y = ct_apply(&op, NULL, &x, 1);
    snprintf(line, sizeof line, "#0 %s -> f64 (): [variable x f64 ()]\n", name);
    ck_assert_str_eq(ct_graph_text(y), line);
    snprintf(line, sizeof line, "{\"name\":\"%s\",\"formula\":null,\"derivative\":null}", name);
    expect_part(json(y, NULL), line);
}
END_TEST

/* a page is asked for while a walk is under way: that cannot be, and is said */
static ct_tensor *ask(ct_tensor *gy, void *user)
{
    ck_assert_ptr_null(ct_graph_json(user, NULL));
    expect_error(CT_ERROR_GRAPH, "graph_json: a walk is already under way", NULL);
    ck_assert_ptr_nonnull(ct_graph_dot(user, NULL));
    ck_assert_ptr_nonnull(ct_graph_text(user));
    return gy;
}

START_TEST(errors)
{
    ct_tensor *y = two_uses();
    ck_assert_ptr_null(ct_graph_json(NULL, NULL));
    expect_ok();
    ck_assert_ptr_null(ct_graph_json(y, &(ct_graph_options){ .max_vertices = -1 }));
    expect_error(CT_ERROR_VALUE, "graph_json: max_vertices", "negative", NULL);
    ck_assert_ptr_null(ct_graph_json(y, &(ct_graph_options){ .reserved = { 0, 0, 0, 1 } }));
    expect_error(CT_ERROR_VALUE, "graph_json: reserved", NULL);
    ct_tensor *x = named(2, "x"), *z = ct_mul(x, x);
    ck_assert_int_eq(ct_on_cotangent(z, ask, z), CT_OK);
    ck_assert_int_eq(ct_backward(z), CT_OK);
    ct_no_grad(cx);
    ct_fill(x, 4);
    ck_assert_ptr_null(ct_graph_json(z, NULL));
    expect_error(CT_ERROR_STALE, "graph_json", "mul", "fill", NULL);
    expect_part(json(z, &(ct_graph_options){ .no_cotangents = true }), "\"cells\":[4]");
}
END_TEST

static void everything(ct_context *c)
{
    ct_tensor *x = ct_named(ct_variable(ct_eye(c, CT_F64, 2)), "x"), *q, *r;
    ct_qr(x, &q, &r);
    ct_tensor *y = ct_sum(ct_mul(ct_exp(r), r));
    for (int i = 0; i < 70; i++)
        y = ct_neg(y);
    if (!y)
        return;
    const char *text = ct_graph_json(y, NULL);
    ck_assert_msg(text ? strstr(text, "\"backward\":true}\n") != NULL : ct_error(c) == CT_ERROR_MEMORY,
                  "%s: %s", text ? text : "no text", ct_error_text(c));
    ct_graph_text(y);
    ct_graph_dot(y, NULL);
}

static void checked(ct_context *c)
{
    ct_gradcheck_options check = { .quick = true };
    ct_tensor *few = ct_neg(ct_square(ct_variable(ct_scalar(c, CT_F64, 3))));
    ct_graph_json(few, &(ct_graph_options){ .check = &check });
}

START_TEST(every_allocation_fails_once)
{
    for_some_failing_allocations(everything, 5);
    for_some_failing_allocations(checked, 19);
}
END_TEST

#ifdef HAVE_JANSSON
static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *all = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    ck_assert_msg(all != NULL, "line %d: %s", error.line, error.text);
    return all;
}

/* the cells of a summary are the elements of t, bit by bit */
static void expect_cells(const json_t *summary, const ct_tensor *t)
{
    const json_t *cells = json_object_get(summary, "cells");
    ck_assert_int_eq((int64_t)json_array_size(cells), ct_count(t));
    double values[64];
    ck_assert_int_eq(ct_to_doubles(t, values, ct_count(t)), CT_OK);
    for (size_t i = 0; i < json_array_size(cells); i++) {
        double got = json_number_value(json_array_get(cells, i));
        if (ct_dtype_of(t) == CT_F32)
            got = (float)got;
        ck_assert_msg(got == values[i], "%.17g for %.17g", got, values[i]);
    }
}

static const json_t *vertex_named(const json_t *all, const char *name)
{
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(all, "vertices"), i, v)
        if (strcmp(json_string_value(json_object_get(v, "name")), name) == 0)
            return v;
    ck_abort_msg("no vertex %s", name);
    return NULL;
}

static void expect_numbers(ct_dtype dtype)
{
    ct_tensor *x = ct_named(ct_variable(ct_randn(cx, dtype, CT_SHAPE(4, 3))), "x");
    ct_tensor *w = ct_named(ct_variable(ct_randn(cx, dtype, CT_SHAPE(3, 5))), "w");
    ct_tensor *h = ct_named(ct_tanh(ct_matmul(x, w)), "h");
    ct_tensor *u = ct_named(ct_mul(ct_exp(h), h), "u"); /* h has three uses */
    ct_tensor *y = ct_named(ct_sum(ct_add(u, ct_transpose(ct_transpose(h)))), "y");
    ct_tensor *t[] = { x, w, h, u, y }, *g[5];
    ck_assert_int_eq(ct_grad(y, NULL, t, 5, 0, g), CT_OK);
    json_t *all = parse(json(y, NULL));
    for (int i = 0; i < 5; i++) {
        const json_t *v = vertex_named(all, ct_name(t[i]));
        expect_cells(json_object_get(v, "value"), t[i]);
        expect_cells(json_object_get(v, "cotangent"), g[i]);
    }
    json_decref(all);
}

START_TEST(numbers_are_those_of_ct_grad)
{
    expect_numbers(CT_F64);
    expect_numbers(CT_F32);
}
END_TEST

START_TEST(any_name)
{
    const char *name = "\"\\</script>\n\t\x7f \xc3\xa4 \xff\xc3(\xed\xa0\x80\xf0\x9f\x98\x80\xe2\x82";
    ct_tensor *y = ct_neg(ct_named(ct_variable(ct_scalar(cx, CT_F64, 1)), name));
    const char *text = json(y, NULL);
    ck_assert_ptr_null(strchr(text, '<'));
    json_t *all = parse(text);
    const char *back = json_string_value(json_object_get(
        json_array_get(json_object_get(all, "vertices"), 0), "name"));
    ck_assert_str_eq(back, "\"\\</script>\n\t\x7f \xc3\xa4 \xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd"
                           "\xef\xbf\xbd\xf0\x9f\x98\x80\xef\xbf\xbd\xef\xbf\xbd");
    json_decref(all);
}
END_TEST
#else
START_TEST(numbers_are_those_of_ct_grad)
{
    skip("this build has no jansson");
}
END_TEST
#define any_name numbers_are_those_of_ct_grad
#endif

Suite *graph_json_suite(void);
Suite *graph_json_suite(void)
{
    return make_suite("autograd/graph_json", (const TTest *[]){
        every_byte, what_each_use_brings, without_a_walk, a_cotangent_is_given, nothing_of_the_user_changes,
        what_is_not_finite, large_numbers_and_no_elements, blocks_of_a_large_tensor,
        parts_of_a_large_graph, several_results, data_that_are_gone, verdicts,
        an_operator_of_a_user, errors, every_allocation_fails_once,
        numbers_are_those_of_ct_grad, any_name, NULL });
}
