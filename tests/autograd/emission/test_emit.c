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
    char text[8192], again[8192], word[32];
    const float weights[] = { 1, -2 };
    uint64_t bits;
    memcpy(&bits, weights, sizeof bits); /* as it lies in this machine's memory */
    snprintf(word, sizeof word, "0x%016llx,", (unsigned long long)bits);
    ct_tensor *w = ct_from_doubles(cx, CT_F32, CT_SHAPE(2, 1), CT_DOUBLES(1, -2));
    make_folder();
    ct_program *p = run_of(product, w, ct_ones(cx, CT_F32, CT_SHAPE(1, 2)));
    ck_assert_int_eq(ct_program_emit(p, in_folder("tiny.c")), CT_OK);
    read_text("tiny.c", text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "int tiny_run(tiny *s, const float *x0 /* 2 */, float *y0 /* 1 */)\n{"));
    ck_assert_ptr_nonnull(strstr(text, word));
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

/* A run with all kinds of steps: a checkpoint that draws, calls of rules, elements in a group, with
 * their sum behind it, single kernels and constants. */
static ct_tensor *drop_some(ct_context *c, ct_tensor *const *x, int n, void *w)
{
    (void)c, (void)n;
    return ct_dropout(ct_matmul(x[0], w), 0.5);
}

static ct_status many_steps(ct_context *c, ct_tensor *const *x, int n, ct_tensor **y, void *w)
{
    ct_tensor *h = ct_checkpoint(c, drop_some, w, x, n);
    y[0] = ct_mean(ct_square(ct_tanh(ct_scale(h, 3))));
    ct_backward(y[0]);
    y[1] = ct_scale(ct_gradient(w), 1);
    ct_zero_grad(w);
    return ct_error(c);
}

static void emit_many_steps(char *text, size_t room)
{
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(100, 3)), *y[2];
    ct_tensor *w = ct_variable(ct_ones(cx, CT_F32, CT_SHAPE(3, 100)));
    make_folder();
    ct_program *p = ct_program_new_all(cx, many_steps, 2, w, NULL);
    ck_assert_int_eq(ct_program_run_all(p, &x, 1, y), CT_OK);
    ck_assert_int_eq(ct_program_emit(p, in_folder("p.c")), CT_OK);
    read_text("p.c", text, room);
    unlink(in_folder("p.c"));
    remove_folder();
}

START_TEST(all_kinds_of_steps_as_c)
{
    static const char *const parts[] = {
        "    e->stream[1] = e->cx->draws;\n    if (!ct__emitted_call(e, &(ct_call){ .op = "
            "&ct__matmul_op, .n = 2, .outputs = 1, .aux_count = 0,\n            .recording = 1,",
        "    e->cx->draws = e->stream[1];\n", "    e->cx->draws = e->stream[0];\n",
        "{ .op = &ct__dropout_op, .n = 1, .outputs = 1, .aux_count = 1,", ".aux = { h[5] } }",
        "{ .op = &ct__copy_op, .n = 1, .outputs = 1, .aux_count = 0,\n            .recording = 0,",
        "static const _Alignas(64) uint32_t emitted_a1[] = {\n    0x3f800000,\n};", /* 1 */
        "    memcpy(at[0] + ", ", emitted_a1, 4);\n",
        "    {\n        ct__emitted_step g[] = {\n{ .act = CT__KERNEL, .operands = 2, .n = 10000, "
            ".kernel = ct__scale_op.kernels[0].by[1][simd],\n            .data = { (void *)0, at[",
        " }, .arg = emitted_a2, .next = &g[1] },\n",
        ".kernel = ct__gather,\n            .data = { (void *)0, at[0] + ",
        ".kernel = ct__scale_op.kernels[1].by[1][simd],\n            .data = { at[0] + ",
        " },\n        };\n        if (ct__run_group(&(ct__emitted_step){ .n = 10000, .size = 4, "
            ".members = g, .sum = &(ct__emitted_step){ .call = { .op = &ct_sum_to_op, .n = 1,",
        " } }, e->cx) != CT_OK)\n            return ct_error(e->cx);\n    }\n",
        "    return CT_OK;\n}\n",
    };
    char text[16384];
    emit_many_steps(text, sizeof text);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        ck_assert_msg(strstr(text, parts[i]), "no %s", parts[i]);
}
END_TEST

typedef struct header {
    long long count;
    unsigned flags, mark;
} header;

/* header k of the file */
static header header_in(const char *text, int k)
{
    header h = { .count = -1 };
    const char *at = strstr(text, "emitted_headers[] = {\n");
    for (int i = 0; at && i <= k; i++)
        at = strchr(at + 1, '\n');
    ck_assert(at && sscanf(at, " { %*d, %*d, %lld, %*d, %*d, %u, %u, {", &h.count, &h.flags,
                           &h.mark) == 3);
    return h;
}

/* matmul's rule is called for the gradient of its second input alone, which is marked */
START_TEST(rules_are_told_what_is_wanted)
{
    enum { IN_WALK = 64 };
    char text[16384];
    int x, w, gw;
    emit_many_steps(text, sizeof text);
    const char *rule = text;
    for (const char *at = text; (at = strstr(at + 1, "&ct__matmul_op"));)
        rule = at;
    rule = strstr(rule, ".x = (");
    ck_assert(rule && sscanf(rule, ".x = (ct_tensor *[]){ h[%d], h[%d] }", &x, &w) == 2);
    rule = strstr(rule, "(ct_tensor *[]){ NULL, ");
    ck_assert(rule && sscanf(rule, "(ct_tensor *[]){ NULL, h[%d] }))", &gw) == 1);
    const header in[] = { header_in(text, x), header_in(text, w), header_in(text, gw) };
    ck_assert(in[0].mark == 0 && !(in[0].flags & IN_WALK));
    ck_assert(in[1].mark == 1 && in[1].flags & IN_WALK);
    ck_assert(in[1].count == 300 && in[2].count == 300);
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
    run_of(leaving, w, x);
    refused(run_of(leaving, w, x), CT_ERROR_UNSUPPORTED, "adds to a gradient from before it");
    ct_scope scope = ct_scope_begin(cx);
    p = run_of(product, ct_ones(cx, CT_F32, CT_SHAPE(2, 1)), ct_ones(cx, CT_F32, CT_SHAPE(1, 2)));
    ct_scope_end(cx, scope);
    refused(p, CT_ERROR_VALUE, "a leaf is not what it was");
    ct_context *other = ct_context_new(NULL);
    p = run_of(double_it, NULL, x);
    ck_assert_int_eq(ct_program_emit(ct_program_clone(p, other), in_folder("p.c")),
                     CT_ERROR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(ct_error_text(other), "clone"));
    ct_context_free(other);
    remove_folder();
}
END_TEST

/* -- In the run itself, and when the program is gone */
static ct_tensor *emitting(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n;
    refused(*(ct_program **)user, CT_ERROR_VALUE, "the program runs");
    return ct_square(x[0]);
}

static void emit_freed(void)
{
    ct_program *p = run_of(double_it, NULL, ct_ones(cx, CT_F32, CT_SHAPE(2)));
    ct_program_free(p);
    ck_assert_int_eq(ct_program_emit(p, in_folder("p.c")), CT_ERROR_STALE);
    expect_error(CT_ERROR_STALE, "program_emit", NULL);
}

START_TEST(a_program_that_runs_or_is_gone)
{
    ct_program *p;
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(2));
    make_folder();
    p = ct_program_new(cx, emitting, &p, NULL);
    ck_assert_ptr_nonnull(ct_program_run(p, &x, 1));
    with_pool(emit_freed);
    remove_folder();
}
END_TEST

/* -- Calls in each run that are no updates */
enum { RETAINS, FILLS, MAKES, COMPUTES, ASKS, GRADES, CALLS, CHECKPOINTS, FAILS, FAILS_SILENTLY };

typedef struct caller {
    int what;
    ct_tensor *t, *variable;
    int calls;
} caller;

static ct_status do_nothing(void *object)
{
    (void)object;
    return CT_OK;
}

static ct_status call_it(void *object)
{
    caller *a = object;
    ct_context *c = ct_context_of(a->t);
    a->calls++;
    switch (a->what) {
    case RETAINS: ct_retain(a->t); ct_release(a->t); break;
    case FILLS: return ct_fill(a->t, 5);
    case MAKES: ct_ones(c, CT_F32, CT_SHAPE(2)); break;
    case COMPUTES: ct_square(a->t); break;
    case ASKS: ct_at(a->t, CT_INDEX(0)); break;
    case GRADES: ct_zero_grad(a->variable); return ct_backward_from(a->variable, a->t);
    case CALLS: return ct_call_again(c, do_nothing, a);
    case CHECKPOINTS: ct_checkpoint(c, double_it, NULL, &a->variable, 1); break;
    case FAILS: return a->calls > 1 ? ct_fail(c, CT_ERROR_RANGE, "no more") : CT_OK;
    case FAILS_SILENTLY: return a->calls > 1 ? CT_ERROR_RANGE : CT_OK;
    }
    return ct_error(c);
}

static ct_tensor *calling(ct_context *c, ct_tensor *const *x, int n, void *object)
{
    (void)n;
    return ct_call_again(c, call_it, object) == CT_OK ? ct_square(x[0]) : NULL;
}

START_TEST(what_is_called_in_each_run)
{
    static const char *const why[] = {
        [FILLS] = "a tensor is filled", [MAKES] = "a tensor is made", [COMPUTES] = "square",
        [ASKS] = "at", [GRADES] = "copy", [CALLS] = "another such call",
        [CHECKPOINTS] = "checkpoint",
    };
    char text[100];
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(2));
    make_folder();
    for (int what = RETAINS; what <= FAILS_SILENTLY; what++) {
        caller *a = ct_object_new(cx, sizeof *a, NULL);
        *a = (caller){ .what = what, .t = ct_ones(cx, CT_F32, CT_SHAPE(2)),
                       .variable = ct_variable(ct_ones(cx, CT_F32, CT_SHAPE(2))) };
        ct_program *p = run_of(calling, a, x);
        if (what == RETAINS) {
            ck_assert_int_eq(ct_program_emit(p, in_folder("p.c")), CT_OK);
            unlink(in_folder("p.c"));
        } else if (what == FAILS) {
            ck_assert_int_eq(ct_program_emit(p, in_folder("p.c")), CT_ERROR_RANGE);
            expect_error(CT_ERROR_RANGE, "no more", NULL);
        } else if (what == FAILS_SILENTLY) {
            refused(p, CT_ERROR_CALLBACK, "what is called in each run failed");
        } else {
            snprintf(text, sizeof text, "more than update: %s", why[what]);
            refused(p, CT_ERROR_UNSUPPORTED, text);
        }
        ck_assert_int_eq(a->calls, 2); /* in the run, and asked */
    }
    remove_folder();
}
END_TEST

/* -- Kernels of a user */
static void thrice_f32(int64_t n, void *y, void *const *in, const void *attributes)
{
    (void)attributes;
    for (int64_t i = 0; i < n; i++)
        ((float *)y)[i] = 3 * ((const float *)in[0])[i];
}

static const ct_kernels thrice = { .by = { [CT_F32] = { NULL, thrice_f32, thrice_f32,
                                                        thrice_f32 } } };

static ct_status thrice_forward(ct_call *call)
{
    ct_loop_kernel(call, CT_TENSORS(ct_call_y(call, 0), ct_call_x(call, 0)), &thrice, false);
    return CT_OK;
}

static const ct_op thrice_op = { .name = "thrice", .inputs = 1, .flags = CT_OP_KERNELS,
                                 .infer = ct_infer_same, .forward = thrice_forward };

static const ct_op *find_thrice(const char *name)
{
    return strcmp(name, "thrice") == 0 ? &thrice_op : ct_op_find(name);
}

START_TEST(kernels_without_a_name)
{
    make_folder();
    ct_program *p = run_of(own_name, (void *)(uintptr_t)&thrice_op,
                           ct_ones(cx, CT_F32, CT_SHAPE(2)));
    refused(p, CT_ERROR_UNSUPPORTED, "the operator 'thrice' has no name in C");
    ck_assert_int_eq(ct_program_emit_with(p, in_folder("p.c"), find_thrice), CT_ERROR_UNSUPPORTED);
    expect_error(CT_ERROR_UNSUPPORTED, "a kernel of 'thrice' has no name in C", NULL);
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
        a_program_as_c, all_kinds_of_steps_as_c, rules_are_told_what_is_wanted,
        paths_that_are_refused, programs_that_are_refused, a_program_that_runs_or_is_gone,
        what_is_called_in_each_run, kernels_without_a_name, optimizers,
        every_allocation_may_fail, names_of_operators, NULL });
}
