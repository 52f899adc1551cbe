/* Calls on graphs and on the context: writes, walks, hooks, modes, texts, stale handles, training. */
#include <math.h>
#include <string.h>

#include "api.h"

void api_write(api *a)
{
    ct_tensor *x = api_pick(a), *value = api_pick(a);
    ct_scope scope = ct_scope_begin(a->cx);
    if (fuzz_take(&a->in, 3))
        ct_no_grad(a->cx);
    switch (fuzz_take(&a->in, 6)) {
    case 0: ct_assign(x, value); break;
    case 1: ct_assign_add(x, 0.5, value); break;
    case 2: ct_fill(x, fuzz_take(&a->in, 5) - 2); break;
    case 3: ct_set(x, CT_INDEX(fuzz_take(&a->in, 5) - 2, fuzz_take(&a->in, 5) - 2), 1.5); break;
    case 4: { /* the first element, in C */
        void *data = x && ct_count(x) > 0 ? ct_data_mutable(x) : NULL;
        if (data)
            memset(data, 0, ct_dtype_size(ct_dtype_of(x)));
        break;
    }
    default: ct_add_gradient(x, value);
    }
    ct_scope_end(a->cx, scope);
}

void api_walk(api *a)
{
    ct_tensor *y = api_pick(a), *x[3] = { api_pick(a), api_pick(a), api_pick(a) }, *g[3] = { 0 };
    int n = 1 + fuzz_take(&a->in, 3);
    unsigned flags = (unsigned)fuzz_take(&a->in, 8);
    if (fuzz_take(&a->in, 4))
        y = ct_sum(y);
    switch (fuzz_take(&a->in, 6)) {
    case 0: ct_backward(y); break;
    case 1: ct_backward_from(y, ct_randn(a->cx, ct_dtype_of(y), ct_shape(y), ct_ndim(y))); break;
    case 2:
        if (ct_grad(y, NULL, x, n, flags, g) != CT_OK)
            for (int i = 0; i < n; i++)
                MUST(!g[i]);
        api_put(a, g[n - 1]);
        break;
    case 3: api_put(a, ct_tangent(y, x, (ct_tensor *[]){ x[0], NULL, x[2] }, n, flags & 1)); break;
    case 4: {
        ct_tensor *had = ct_gradient(x[0]);
        api_put(a, had ? ct_scale(had, 2) : NULL);
        break;
    }
    default: ct_zero_grad(x[0]);
    }
}

/* -- Hooks: user is the context, or what they do */
static ct_tensor *pass(ct_tensor *gy, void *user)
{
    (void)user;
    return gy;
}

static ct_tensor *twice(ct_tensor *gy, void *user)
{
    (void)user;
    return ct_scale(gy, 2);
}

static ct_tensor *fail(ct_tensor *gy, void *user)
{
    (void)gy, (void)user;
    return NULL;
}

static ct_tensor *walks(ct_tensor *gy, void *user)
{
    ct_tensor *x = ct_variable(ct_ones_like(gy)), *g = NULL;
    (void)user;
    return x && ct_grad(ct_sum(x), NULL, &x, 1, 0, &g) == CT_OK ? ct_mul(gy, g) : NULL;
}

static ct_tensor *oversteps(ct_tensor *gy, void *user)
{
    api *a = user;
    ct_context_free(a->cx);
    ct_scope_end(a->cx, a->scopes[a->depth]);
    MUST(ct_error(a->cx) != CT_OK);
    ct_scope_begin(a->cx);
    return gy;
}

static ct_tensor *keeps(ct_tensor *gy, void *user)
{
    api_slot *s = user;
    if (!s->x && ct_retain(gy))
        *s = (api_slot){ .x = gy, .retained = true };
    return gy;
}

void api_hook(api *a)
{
    static const ct_hook hooks[] = { pass, twice, fail, walks, oversteps, keeps };
    int which = fuzz_take(&a->in, 6);
    ct_on_cotangent(api_pick(a), hooks[which], which == 5 ? (void *)&a->slots[0] : a);
}

/* -- */
void api_ask(api *a)
{
    ct_tensor *x = api_pick(a), *y = api_pick(a);
    char room[CT_SHAPE_TEXT];
    switch (fuzz_take(&a->in, 11)) {
    case 0: ct_text(x); break;
    case 1: ct_graph_text(x); break;
    case 2: ct_graph_json(x, NULL); break;
    case 3: ct_graph_dot(x, NULL); break;
    case 4: ct_item(x); break;
    case 5: ct_at(x, CT_INDEX(fuzz_take(&a->in, 4) - 2, 0)); break;
    case 6: ct_max_difference(x, y); break;
    case 7: ct_named(x, ct_shape_text(y, room)); break;
    case 8: ct_same_shape(x, y); break;
    case 9: api_put(a, ct_detach(x)); break;
    default: ct_variable(x);
    }
}

void api_mode(api *a)
{
    switch (fuzz_take(&a->in, 9)) {
    case 0: ct_find_nonfinite(a->cx, true); break;
    case 1: ct_find_nonfinite(a->cx, false); break;
    case 2: ct_seed(a->cx, 3); break;
    case 3: ct_random_u64(a->cx); break;
    case 4:
        if (a->depth > 0)
            ct_no_grad(a->cx);
        break;
    case 5:
        if (a->depth > 0)
            ct_inference(a->cx);
        break;
    case 6: ct_memory_trim(a->cx); break;
    case 7: ct_constant(api_pick(a)); break;
    default: ct_scope_end(a->cx, 0);
    }
}

/* A handle whose scope has ended, while its memory waits in the pool: each call is an error. */
void api_stale(api *a)
{
    ct_tensor *old, *good = api_pick(a);
    ct_scope scope = ct_scope_begin(a->cx);
    if (!a->pooled || !scope || !good || a->memory.fails_after >= 0)
        return;
    ct_error_clear(a->cx);
    old = fuzz_take(&a->in, 2) ? ct_scale(good, 3) : ct_reshape(good, CT_SHAPE(-1));
    bool made = old && old != good && ct_error(a->cx) == CT_OK;
    ct_scope_end(a->cx, scope);
    ct_error_clear(a->cx);
    if (!made)
        return;
    switch (fuzz_take(&a->in, 7)) {
    case 0: MUST(!ct_add(good, old)); break;
    case 1: MUST(ct_backward(old) != CT_OK); break;
    case 2: MUST(!ct_retain(old)); break;
    case 3: ct_release(old); break;
    case 4: MUST(ct_assign(good, old) != CT_OK); break;
    case 5: MUST(isnan(ct_item(old))); break;
    default: MUST(!ct_reshape(old, CT_SHAPE(1)));
    }
    MUST(ct_error(a->cx) != CT_OK);
    ct_error_clear(a->cx);
}

/* -- A network and its optimizer, each of which may go first */
static void make_optimizer(api *a)
{
    ct_tensor *w[8];
    int n = a->net ? ct_module_tensors(a->net, w, 8) : 0;
    if (!a->optimizer && n > 0 && n <= 8)
        a->optimizer = ct_optimizer_new(w, n, 0.01, &(ct_update_options){
            .rule = (ct_update_rule)(CT_SGD + fuzz_take(&a->in, 9)),
            .momentum = fuzz_take(&a->in, 2) * 0.9 });
}

void api_train(api *a)
{
    switch (fuzz_take(&a->in, 8)) {
    case 0:
        ct_module_free(a->net);
        a->net = ct_mlp_new(a->cx, CT_F64, CT_SIZES(4, 3, 1), CT_TANH, NULL);
        break;
    case 1:
        ct_optimizer_free(a->optimizer);
        a->optimizer = NULL;
        break;
    case 2:
        ct_module_free(a->net);
        a->net = NULL;
        break;
    case 3: {
        ct_module *other = a->net ? ct_module_clone(a->net, CT_F32) : NULL;
        ct_module_free(other);
        break;
    }
    case 4: make_optimizer(a); break;
    case 5: ct_optimizer_step(a->optimizer); break;
    default: api_put(a, a->net ? ct_module_forward(a->net, api_pick(a)) : NULL);
    }
}
