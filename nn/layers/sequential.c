/* Sequential modules, and the one that ct_mlp_new builds. A linear layer and the activation behind
 * it are one call: fused, it saves a pass over the layer's output each way, and the modules and
 * their names stay those of PyTorch. */
#include <stdio.h>

#include "layers.h"

static ct_tensor *sequential_forward(ct_module *self, ct_tensor *x, void *user)
{
    (void)user;
    const ct__entry *next;
    unsigned removals = self->removals;
    for (const ct__entry *e = self->entries; x && e; e = next) {
        next = ct__table_next(e);
        if (!e->child)
            continue;
        const ct_module *behind = next ? next->child : NULL;
        if (e->child->forward == ct__linear_forward && behind &&
            behind->forward == ct__activation_forward) {
            x = ct__linear_activated(e->child, x, *(const ct_activation *)behind->user);
            next = ct__table_next(next);
        } else {
            x = ct_module_forward(e->child, x);
        }
        if (self->removals != removals)
            return ct_fail(self->cx, CT_ERROR_STALE, "sequential: a layer was freed while it ran"),
                   NULL;
    }
    return x;
}

/* adds the child as "i" */
static bool append(ct_module *m, int i, ct_module *child)
{
    char name[16];
    snprintf(name, sizeof name, "%d", i);
    return ct_module_add(m, name, child) != NULL;
}

/* one of the children before i is the same module */
static bool given_before(ct_module *const *children, int i)
{
    int j = 0;
    while (children[j] != children[i])
        j++;
    return j < i;
}

ct_module *ct__module_of_children(ct_context *cx, const char *who, ct_module *const *children,
                                  int n, ct_module *m)
{
    bool whole = m != NULL;
    for (int i = 0; i < n; i++) {
        if (!children[i] || given_before(children, i)) {
            ct_fail(cx, children[i] ? CT_ERROR_VALUE : CT_ERROR_NULL, "%s: child %d is %s", who, i,
                    children[i] ? "the same as one before it" : "NULL");
            whole = false;
        } else if (!ct__module_alive(children[i], who)) {
            whole = false;
        } else {
            whole = append(m, i, children[i]) && whole; /* which frees the child on failure */
        }
    }
    if (whole)
        return m;
    ct_module_free(m);
    return NULL;
}

ct_module *ct_sequential_new(ct_context *cx, ct_module *const *children, int n)
{
    if (n < 0 || (n > 0 && !children))
        return ct_fail(cx, CT_ERROR_NULL, "sequential_new: the list of children is missing"), NULL;
    return ct__module_of_children(cx, "sequential_new", children, n,
                                  ct__module_with(cx, "sequential", sequential_forward, NULL, 0));
}

ct_module *ct_mlp_new(ct_context *cx, ct_dtype dtype, const int64_t *sizes, int n,
                      ct_activation hidden, const ct_layer_options *options)
{
    if (!sizes || n < 2)
        return ct_fail(cx, CT_ERROR_VALUE, "mlp_new: there must be two sizes or more"), NULL;
    if (!ct__is_activation(cx, "mlp_new", hidden))
        return NULL;
    ct_layer_options last = options ? *options : (ct_layer_options){ 0 }, inner = last;
    if (!inner.weight_init && (hidden == CT_RELU || hidden == CT_LEAKY_RELU))
        inner.weight_init = CT_HE_UNIFORM;
    ct_module *m = ct_sequential_new(cx, NULL, 0);
    bool whole = m != NULL;
    for (int i = 0; whole && i < n - 1; i++) {
        bool is_last = i == n - 2;
        whole = append(m, 2 * i, ct_linear_new(cx, dtype, sizes[i], sizes[i + 1],
                                               is_last ? &last : &inner)) &&
                (is_last || append(m, 2 * i + 1, ct_activation_new(cx, hidden)));
    }
    if (whole)
        return m;
    ct_module_free(m);
    return NULL;
}
