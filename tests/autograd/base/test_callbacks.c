/* What a callback may do to the scopes around it: covers free.c, status.c, object.c and the callers
 * of every other kind of callback. Each callback does each deed, with the pool on and off. */
#include "support.h"

#include <stdio.h>

typedef enum deed {
    NOTHING, END_OUTER, RETURN_OUTER, END_ITS_OWN, LEAVE_OPEN, MAKE, SET_MODES, FAIL, CLEAR,
    RELEASE_ARGUMENT, RETAIN_ARGUMENT, FREE_CONTEXT, TRIM, WALK, DEEDS
} deed;

static const char *const names[] = {
    "nothing", "ends an outer scope", "returns from an outer scope", "ends a scope of its own",
    "leaves a scope open", "makes tensors", "sets modes", "fails", "clears the error",
    "releases its argument", "retains its argument", "frees the context", "trims", "walks" };

static deed now;
static ct_scope outer;
static int deeds; /* done */
static ct_tensor *outside; /* of the outer scope, a variable */
static bool spared; /* a callback that is running already: it does nothing more */

static void do_deed(ct_tensor *argument)
{
    ct_scope own;
    ct_tensor *g;
    switch (now) {
    case END_OUTER:
        ct_scope_end(cx, outer);
        break;
    case RETURN_OUTER:
        ct_scope_return(cx, outer, outside);
        break;
    case END_ITS_OWN:
        own = ct_scope_begin(cx);
        ct_scope_begin(cx);
        ct_exp(outside);
        ct_scope_end(cx, own);
        break;
    case LEAVE_OPEN:
        ct_scope_begin(cx);
        ct_scope_begin(cx);
        ct_text(ct_add(outside, outside));
        break;
    case MAKE:
        for (int i = 0; i < 10; i++)
            ct_text(ct_square(ct_ones(cx, CT_F64, CT_SHAPE(3, 4))));
        break;
    case SET_MODES:
        ct_no_grad(cx);
        ct_inference(cx);
        break;
    case FAIL:
        ct_fail(cx, CT_ERROR_VALUE, "from inside");
        break;
    case CLEAR:
        ct_error_clear(cx);
        break;
    case RELEASE_ARGUMENT:
        ct_release(argument);
        break;
    case RETAIN_ARGUMENT:
        ct_retain(argument);
        break;
    case FREE_CONTEXT:
        ct_context_free(cx);
        break;
    case TRIM:
        ct_memory_trim(cx);
        break;
    case WALK:
        ct_grad(ct_square(outside), NULL, &outside, 1, 0, &g);
        break;
    case NOTHING:
    case DEEDS:
        break;
    }
}

static void act(ct_tensor *argument)
{
    if (spared)
        return;
    spared = true;
    deeds++;
    do_deed(argument);
    spared = false;
}

/* -- Callbacks of every kind */
static void release(void *data, void *user)
{
    (void)data, (void)user;
    act(NULL);
}

static void finish(void *object)
{
    (void)object;
    act(NULL);
}

static void tell(ct_status code, const char *text, void *user)
{
    (void)code, (void)text, (void)user;
    act(NULL);
}

static void parallel_for(int64_t n, void (*body)(int64_t i, void *), void *arg, void *user)
{
    (void)user;
    act(NULL);
    for (int64_t i = 0; i < n; i++)
        body(i, arg);
}

static ct_tensor *hook(ct_tensor *gy, void *user)
{
    (void)user;
    act(gy);
    return ct_scale(gy, 2);
}

static ct_tensor *function(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    ct_tensor *y = ct_square(x[0]);
    act(x[0]);
    return y;
}

static ct_tensor *module_forward(ct_module *self, ct_tensor *x, void *user)
{
    (void)self, (void)user;
    ct_tensor *y = ct_square(x);
    act(x);
    return y;
}

enum { INFER = 1, FORWARD, VJP, BACKWARD, DROP, SAMPLE };

typedef struct knobs {
    int where;
} knobs;

static void act_in(const ct_call *call, int where)
{
    if (((const knobs *)ct_call_attributes(call))->where == where)
        act(ct_call_x(call, 0));
}

static ct_status infer(ct_call *call)
{
    act_in(call, INFER);
    return ct_infer_same(call);
}

static ct_status forward(ct_call *call)
{
    ct_status status = ct_assign(ct_call_y(call, 0), ct_call_x(call, 0));
    act_in(call, FORWARD);
    return status;
}

static ct_status vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    gx[0] = ct_scale(gy[0], 1);
    act_in(call, VJP);
    return CT_OK;
}

static ct_status backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    ct_status status = ct_assign(gx[0], gy[0]);
    act_in(call, BACKWARD);
    return ct_call_adds(call, 0) ? CT_ERROR_CALLBACK : status;
}

static void drop(void *attributes)
{
    if (((const knobs *)attributes)->where == DROP)
        act(NULL);
}

static int sample(ct_context *c, int k, ct_tensor **x, void *attributes)
{
    if (k >= 2)
        return 0;
    ((knobs *)attributes)->where = 0;
    x[0] = ct_randn(c, CT_F64, CT_SHAPE(3));
    act(NULL);
    return 1;
}

static const ct_op by_rule = { .name = "by_rule", .inputs = 1, .attributes_size = sizeof(knobs),
                               .drop = drop, .infer = infer, .forward = forward, .vjp = vjp,
                               .sample = sample };
static const ct_op by_kernel = { .name = "by_kernel", .inputs = 1, .infer = infer,
                                 .attributes_size = sizeof(knobs), .drop = drop,
                                 .forward = forward, .backward = backward };

/* -- The occasions on which they are called */
static ct_tensor *borrowed(void)
{
    static double memory[4] = { 1, 2, 3, 4 };
    return ct_borrow(cx, CT_F64, CT_SHAPE(4), memory, &(ct_borrow_options){ .release = release });
}

static void release_at_scope_end(void)
{
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *x = ct_variable(borrowed());
    ct_add(ct_reshape(x, CT_SHAPE(2, 2)), ct_scalar(cx, CT_F64, 1));
    borrowed();
    ct_scope_end(cx, scope);
}

static void release_by_release(void)
{
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *x = ct_retain(borrowed());
    ct_scope_end(cx, scope);
    ct_release(x);
}

static void release_by_return(void)
{
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *x = ct_sum(borrowed());
    ct_scope_return(cx, scope, x);
}

static void release_by_keep(void)
{
    ct_tensor *slot = NULL;
    ct_scope scope = ct_scope_begin(cx);
    ct_keep(&slot, borrowed());
    ct_scope_end(cx, scope);
    ct_keep(&slot, outside);
    ct_release(slot);
}

static ct_tensor *borrow_in_hook(ct_tensor *gy, void *user)
{
    (void)user;
    return ct_mul(gy, borrowed());
}

static void release_in_a_walk(void)
{
    ct_tensor *x = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(4))), *y = ct_square(x);
    ct_on_cotangent(y, borrow_in_hook, NULL);
    ct_backward(ct_sum(y));
}

static void drop_at_once(void)
{
    ct_apply(&by_rule, &(knobs){ DROP }, &(ct_tensor *){ ct_detach(outside) }, 1);
}

static void drop_of_a_graph(void)
{
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *x = outside;
    for (int i = 0; i < 3; i++)
        x = ct_apply(&by_rule, &(knobs){ DROP }, &x, 1);
    ct_scope_end(cx, scope);
}

static void walk_over(const ct_op *op, int where)
{
    ct_tensor *y = ct_apply(op, &(knobs){ where }, &outside, 1), *g;
    if (y)
        ct_grad(ct_sum(y), NULL, &outside, 1, 0, &g);
}

static void in_infer(void) { walk_over(&by_rule, INFER); }
static void in_forward(void) { walk_over(&by_rule, FORWARD); }
static void in_vjp(void) { walk_over(&by_rule, VJP); }
static void in_backward(void) { walk_over(&by_kernel, BACKWARD); }

static void in_a_hook(void)
{
    ct_tensor *x = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(4))), *y = ct_square(x);
    ct_on_cotangent(y, hook, NULL);
    ct_on_cotangent(y, hook, NULL);
    ct_backward(ct_sum(y));
}

static void in_functions(void)
{
    double x = 3, gx;
    ct_tensor *one = ct_ones(cx, CT_F64, CT_SHAPE(1)), *y, *g;
    ct_vjp(cx, function, NULL, &one, 1, NULL, &y, &g);
    ct_jvp(cx, function, NULL, &one, &one, 1, &y, &g);
    ct_hvp(cx, function, NULL, &one, &one, 1, &y, &g);
    ct_jacobian(cx, function, NULL, one);
    ct_hessian(cx, function, NULL, one);
    double value = ct_value_and_gradient(cx, function, NULL, &x, 1, &gx);
    ck_assert(isnan(value) || (value == 9 && gx == 6));
}

static void in_gradcheck(void)
{
    ct_gradcheck_report report;
    ct_tensor *x = ct_ones(cx, CT_F64, CT_SHAPE(2));
    ct_gradcheck(cx, function, NULL, &x, 1, NULL, &report);
    ct_gradcheck(cx, function, NULL, &x, 1, &(ct_gradcheck_options){ .order = 2 }, NULL);
}

static void in_sample(void)
{
    ct_gradcheck_op(cx, &by_rule, NULL, NULL);
}

static void in_finish(void)
{
    void *first = ct_object_new(cx, 10, finish);
    ct_object_new(cx, 10, finish); /* until the end of the context */
    ct_object_free(first);
}

static void in_on_error(void)
{
    ct_item(ct_ones(cx, CT_F64, CT_SHAPE(3))); /* outside of any scope of the library's */
}

static void in_parallel_for(void)
{
    ct_rand(cx, CT_F64, CT_SHAPE(300000));
}

static void in_a_module(void)
{
    ct_module *m = ct_module_new(cx, "custom", module_forward, NULL);
    ct_module *both[] = { m, ct_module_new(cx, "custom", module_forward, NULL) };
    ct_module_forward(ct_sequential_new(cx, both, 2), outside);
}

static void for_a_new_block(void)
{
    ct_zeros(cx, CT_F64, CT_SHAPE(100000));
}

static void for_an_old_block(void)
{
    ct_scope scope = ct_scope_begin(cx);
    ct_zeros(cx, CT_F64, CT_SHAPE(50000));
    ct_scope_end(cx, scope);
    ct_memory_trim(cx);
}

typedef struct occasion {
    const char *name;
    void (*run)(void);
} occasion;

#define OCCASION(name) { #name, name }
static const occasion occasions[] = {
    OCCASION(release_at_scope_end), OCCASION(release_by_release), OCCASION(release_by_return),
    OCCASION(release_by_keep), OCCASION(release_in_a_walk), OCCASION(drop_at_once),
    OCCASION(drop_of_a_graph), OCCASION(in_infer), OCCASION(in_forward), OCCASION(in_vjp),
    OCCASION(in_backward), OCCASION(in_a_hook), OCCASION(in_functions), OCCASION(in_gradcheck),
    OCCASION(in_sample), OCCASION(in_finish), OCCASION(in_on_error), OCCASION(in_parallel_for),
    OCCASION(in_a_module), OCCASION(for_a_new_block), OCCASION(for_an_old_block),
};
enum { OCCASIONS = sizeof occasions / sizeof *occasions };

/* -- An allocator that counts, and is itself a callback */
static bool allocator_acts;

static void *allocate(size_t bytes, size_t alignment, void *user)
{
    void *p = NULL;
    if (allocator_acts)
        act(NULL);
    if (posix_memalign(&p, alignment, bytes) != 0)
        return NULL;
    ++*(int *)user;
    return p;
}

static void deallocate(void *p, size_t bytes, void *user)
{
    (void)bytes;
    if (allocator_acts)
        act(NULL);
    free(p);
    --*(int *)user;
}

/* -- Each deed on each occasion */
static void check_outside(const occasion *o, const ct_memory *before)
{
    ct_memory after;
    ct_memory_stats(cx, &after);
    ck_assert_msg(after.scopes == before->scopes, "%s, where it %s: %d scopes are open, not %d",
                  o->name, names[now], (int)after.scopes, (int)before->scopes);
    ck_assert_msg(after.tensors == before->tensors || now == RETAIN_ARGUMENT,
                  "%s, where it %s: %d tensors, not %d", o->name, names[now], (int)after.tensors,
                  (int)before->tensors);
    ck_assert_msg(ct_is_recording(cx) && !ct_is_inference(cx), "%s, where it %s: modes", o->name,
                  names[now]);
    ck_assert_double_eq(ct_at(outside, CT_INDEX(3)), 1);
}

static void check_error(const occasion *o)
{
    bool refused = now == END_OUTER || now == RETURN_OUTER || now == FREE_CONTEXT;
    bool failed = refused || now == FAIL;
    const char *want = now == FAIL ? "from inside" : now == FREE_CONTEXT ? "inside a callback"
                                                                           : "outside this";
    if (o->run == in_on_error) /* the first error stays */
        want = "item";
    else if (allocator_acts && refused)
        want = now == FREE_CONTEXT ? "inside a callback" : "allocator";
    else if (!failed)
        return;
    ck_assert_msg(strstr(ct_error_text(cx), want) != NULL, "%s, where it %s, says: %s", o->name,
                  names[now], ct_error_text(cx));
}

static void try_deed(const occasion *o, int64_t pool)
{
    int blocks = 0;
    ct_context_options options = { .pool_bytes = pool, .allocator = { allocate, deallocate,
                                                                       &blocks } };
    if (o->run == in_on_error)
        options.on_error = tell;
    if (o->run == in_parallel_for)
        options.parallel_for = parallel_for;
    cx = ct_context_new(&options);
    outer = ct_scope_begin(cx);
    outside = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(4)));
    ct_memory before;
    ct_memory_stats(cx, &before);
    ct_scope scope = ct_scope_begin(cx);
    deeds = 0;
    allocator_acts = o->run == for_a_new_block || o->run == for_an_old_block;
    o->run();
    ck_assert_msg(deeds > 0, "%s: no callback was called", o->name);
    check_error(o);
    allocator_acts = false;
    ct_scope_end(cx, scope);
    check_outside(o, &before);
    ct_context_free(cx);
    ck_assert_msg(blocks == 0, "%s, where it %s: %d blocks are left", o->name, names[now], blocks);
}

START_TEST(each_deed_in_each_callback)
{
    ct_context *other = cx;
    for (int i = 0; i < OCCASIONS; i++)
        for (now = NOTHING; now < DEEDS; now++)
            for (int on = 0; on < 2; on++)
                try_deed(&occasions[i], on ? 1 << 30 : -1);
    cx = other;
}
END_TEST

Suite *callbacks_suite(void);
Suite *callbacks_suite(void)
{
    return make_suite("autograd/callbacks", (const TTest *[]){ each_deed_in_each_callback, NULL });
}
