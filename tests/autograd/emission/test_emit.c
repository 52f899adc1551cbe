/* autograd/emission/: what is written as C, and what is refused. tests/install/emit.c has programs
 * that are compiled and run. */
#include <cotangent/program.h>

#include "files.h"

static ct_tensor *double_it(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_add(x[0], x[0]);
}

static ct_tensor *product(ct_context *c, ct_tensor *const *x, int n, void *w)
{
    (void)c, (void)n;
    return ct_tanh(ct_matmul(x[0], w));
}

static ct_program *run_of(ct_function f, void *user, ct_tensor *x)
{
    ct_program *p = ct_program_new(cx, f, user, NULL);
    ck_assert_ptr_nonnull(ct_program_run(p, &x, 1));
    return p;
}

static void read_text(const char *name, char *text, size_t room)
{
    FILE *f = fopen(in_folder(name), "rb");
    ck_assert_ptr_nonnull(f);
    text[fread(text, 1, room - 1, f)] = '\0';
    fclose(f);
}

START_TEST(a_program_as_c)
{
    char text[8192], again[8192];
    ct_tensor *w = ct_from_doubles(cx, CT_F32, CT_SHAPE(2, 1), CT_DOUBLES(1, -2));
    make_folder();
    ct_program *p = run_of(product, w, ct_ones(cx, CT_F32, CT_SHAPE(1, 2)));
    ck_assert_int_eq(ct_program_emit(p, in_folder("tiny.c")), CT_OK);
    read_text("tiny.c", text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "int tiny_run(tiny *s, const float *x0 /* 2 */, float *y0 /* 1 */)\n{"));
    ck_assert_ptr_nonnull(strstr(text, "0xc00000003f800000,")); /* 1 and -2 */
    ck_assert_ptr_nonnull(strstr(text, "&ct__matmul_op"));
    ck_assert_ptr_nonnull(strstr(text, ".n = 1, .kernel = ct__tanh_op.kernels[0].by[1][simd],"));
    ck_assert_int_eq(ct_program_emit(p, in_folder("tiny.c")), CT_OK); /* nothing was changed */
    read_text("tiny.c", again, sizeof again);
    ck_assert_str_eq(text, again);
    ct_tensor *x = ct_full(cx, CT_F32, CT_SHAPE(1, 2), 3);
    expect_values(ct_program_run(p, &x, 1), CT_DOUBLES(tanh(-3)), 1e-6);
    unlink(in_folder("tiny.c"));
    remove_folder();
}
END_TEST

/* -- Refused */
static void refused(ct_program *p, ct_status code, const char *why)
{
    ck_assert_int_eq(ct_program_emit(p, in_folder("p.c")), code);
    expect_error(code, "program_emit", why, NULL);
    ck_assert(access(in_folder("p.c"), F_OK) != 0);
}

START_TEST(paths_that_are_refused)
{
    static const char *const names[] = { "p", "p.h", ".c", "2p.c", "p-q.c", "p q.c",
        "a_name_that_is_longer_than_what_there_is_room_for_in_a_file_of_c.c" };
    make_folder();
    ct_program *p = run_of(double_it, NULL, ct_ones(cx, CT_F32, CT_SHAPE(2)));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ck_assert_int_eq(ct_program_emit(p, in_folder(names[i])), CT_ERROR_VALUE);
        expect_error(CT_ERROR_VALUE, "identifier", NULL);
    }
    ck_assert_int_eq(ct_program_emit(p, in_folder("none/p.c")), CT_ERROR_FILE);
    expect_error(CT_ERROR_FILE, "program_emit", "none/p.c", NULL);
    ck_assert_int_eq(ct_program_emit(p, NULL), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "path", NULL);
    ck_assert_int_eq(ct_program_emit(NULL, "p.c"), CT_ERROR_NULL);
    ck_assert_int_eq(ct_program_emit_with(p, in_folder("p.c"), NULL), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "function", NULL);
    remove_folder();
}
END_TEST

static ct_tensor *reader(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_scale(x[0], ct_item(ct_sum(x[0])));
}

static ct_tensor *drawing(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)n, (void)user;
    return ct_add(x[0], ct_randn(c, CT_F32, CT_SHAPE(2)));
}

static ct_tensor *leaving(ct_context *c, ct_tensor *const *x, int n, void *w)
{
    ct_tensor *y = ct_sum(ct_mul(x[0], w));
    (void)c, (void)n;
    ct_backward(y);
    return y;
}

static ct_tensor *averaging(ct_context *c, ct_tensor *const *x, int n, void *average)
{
    (void)c, (void)n;
    ct_average_update(average);
    return ct_square(x[0]);
}

static ct_tensor *training(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    struct { ct_tensor *w; ct_optimizer *o; } *all = user;
    ct_tensor *y = ct_sum(ct_mul(x[0], all->w));
    (void)c, (void)n;
    ct_backward(y);
    ct_optimizer_step(all->o);
    return y;
}

static ct_tensor *own_name(ct_context *c, ct_tensor *const *x, int n, void *op)
{
    (void)c, (void)n;
    return ct_apply(op, NULL, x, 1);
}

static ct_status fill_ones(ct_call *call)
{
    ct_tensor *y = ct_call_y(call, 0);
    for (int64_t i = 0; i < ct_count(y); i++)
        ((float *)ct_data_mutable(y))[i] = 1;
    return CT_OK;
}

START_TEST(programs_that_are_refused)
{
    static const ct_op own = { .name = "matmul", .inputs = 1, .infer = ct_infer_same,
                               .forward = fill_ones };
    make_folder();
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(2)), *more = ct_ones(cx, CT_F32, CT_SHAPE(3));
    ct_program *p = ct_program_new(cx, double_it, NULL, NULL);
    refused(p, CT_ERROR_VALUE, "was not run");
    ct_program_run(p, &x, 1);
    ct_program_run(p, &more, 1);
    refused(p, CT_ERROR_VALUE, "2 plans");
    refused(run_of(reader, NULL, x), CT_ERROR_UNSUPPORTED, "eager: item");
    refused(run_of(drawing, NULL, x), CT_ERROR_UNSUPPORTED, "is filled");
    refused(run_of(own_name, (void *)(uintptr_t)&own, x), CT_ERROR_UNSUPPORTED, "'matmul'");
    ct_tensor *w = ct_variable(ct_ones(cx, CT_F32, CT_SHAPE(2)));
    p = run_of(leaving, w, x);
    refused(p, CT_ERROR_VALUE, "ct_zero_grad");
    ct_zero_grad(w);
    refused(p, CT_ERROR_UNSUPPORTED, "stays behind");
    ct_average *average = ct_average_new(&w, 1, 0.9);
    refused(run_of(averaging, average, x), CT_ERROR_UNSUPPORTED, "in each run");
    ct_tensor *turned = ct_transpose(ct_ones(cx, CT_F32, CT_SHAPE(2, 3)));
    refused(run_of(double_it, NULL, turned), CT_ERROR_VALUE, "x0");
    ct_tensor *leaf = ct_retain(ct_ones(cx, CT_F32, CT_SHAPE(2, 1)));
    p = run_of(product, leaf, ct_ones(cx, CT_F32, CT_SHAPE(1, 2)));
    ct_release(leaf);
    ct_context *other = ct_context_new(NULL);
    p = run_of(double_it, NULL, x);
    ck_assert_int_eq(ct_program_emit(ct_program_clone(p, other), in_folder("p.c")),
                     CT_ERROR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(ct_error_text(other), "clone"));
    ct_context_free(other);
    remove_folder();
}
END_TEST

START_TEST(optimizers)
{
    struct { ct_tensor *w; ct_optimizer *o; } all;
    char text[8192];
    make_folder();
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(2));
    ct_tensor *v = ct_variable(ct_ones(cx, CT_F32, CT_SHAPE(2)));
    all.w = ct_variable(ct_ones(cx, CT_F32, CT_SHAPE(2)));
    all.o = ct_adam_new(&all.w, 1, 0.5, NULL);
    ct_program *p = run_of(training, &all, x);
    expect_values(all.w, CT_DOUBLES(0.5, 0.5), 1e-5);
    ck_assert_int_eq(ct_program_emit(p, in_folder("p.c")), CT_OK);
    expect_values(all.w, CT_DOUBLES(0.5, 0.5), 1e-5); /* it was asked, and did nothing */
    ck_assert_ptr_null(ct_gradient(all.w));
    read_text("p.c", text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "&ct__update_adam_op"));
    ct_program_run(p, &x, 1); /* it goes on as it would have */
    expect_values(all.w, CT_DOUBLES(0, 0), 1e-5);
    unlink(in_folder("p.c"));
    ct_optimizer_add_group(all.o, &v, 1, 0.1, 0);
    refused(p, CT_ERROR_UNSUPPORTED, "for each parameter");
    ct_optimizer_free(all.o);
    ct_program_emit(p, in_folder("p.c"));
    expect_error(CT_ERROR_VALUE, "run the program again", NULL);
    remove_folder();
}
END_TEST

/* -- */
static void emit_in(ct_context *c)
{
    struct { ct_tensor *w; ct_optimizer *o; } all;
    ct_tensor *x = ct_ones(c, CT_F32, CT_SHAPE(2));
    all.w = ct_variable(ct_ones(c, CT_F32, CT_SHAPE(2)));
    all.o = ct_adam_new(&all.w, 1, 0.5, NULL);
    ct_program *p = ct_program_new(c, training, &all, NULL);
    const char *plans = ct_program_run(p, &x, 1) ? ct_program_text(p) : NULL;
    if (plans && !strchr(plans, ':')) /* where a plan lacks memory, the run says nothing */
        ct_fail(c, CT_ERROR_MEMORY, "there is no plan");
    if (ct_error(c) != CT_OK)
        return;
    if (ct_program_emit(p, in_folder("p.c")) != CT_OK)
        ck_assert(access(in_folder("p.c"), F_OK) != 0);
    unlink(in_folder("p.c"));
}

START_TEST(every_allocation_may_fail)
{
    make_folder();
    for_each_failing_allocation(emit_in);
    remove_folder();
}
END_TEST

/* the names of operators are those of their objects in C, which emitted files use */
START_TEST(names_of_operators)
{
    static const char *const names[] = {
#define X(name) #name,
#include "list.def"
#undef X
    };
    int n;
    const ct_op *const *all = ct_op_list(&n);
    for (int i = 0; i < n; i++)
        ck_assert_ptr_eq(ct_op_find(all[i]->name), all[i]);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        ck_assert_msg(ct_op_find(names[i]), "no operator is called %s", names[i]);
}
END_TEST

Suite *emit_suite(void);
Suite *emit_suite(void)
{
    return make_suite("autograd/emit", (const TTest *[]){
        a_program_as_c, paths_that_are_refused, programs_that_are_refused, optimizers,
        every_allocation_may_fail, names_of_operators, NULL });
}
