/* Sequential modules, and the one that ct_mlp_new builds. A linear layer and the activation behind
 * it are one call: fused, it saves a pass over the layer's output each way; so are batch norm and a
 * ReLU. Max pooling behind a ReLU is done before it: the largest of max(x, 0) is max(0, the largest
 * x), and the gradient goes to the same x, but the ReLU has a quarter of the numbers or fewer. The
 * modules and their names stay those of PyTorch. */
#include <stdio.h>

#include "layers.h"

static bool is_relu(const ct_module *m)
{
    return m->forward == ct__activation_forward && *(const ct_activation *)m->user == CT_RELU;
}

/* x through the layer of entry e, or that and the one behind it; *next: the one after */
static ct_tensor *through(const ct__entry *e, ct_tensor *x, const ct__entry **next)
{
    ct_module *here = e->child, *behind = *next ? (*next)->child : NULL;
    bool activates = behind && here->forward == ct__linear_forward &&
                     behind->forward == ct__activation_forward;
    bool pools = behind && is_relu(here) && behind->forward == ct__max_pool_forward;
    bool normalizes = behind && here->forward == ct__batch_norm_forward && is_relu(behind);
    if (activates || pools || normalizes)
        *next = ct__table_next(*next);
    if (activates)
        return ct__linear_activated(here, x, *(const ct_activation *)behind->user);
    if (normalizes)
        return ct__batch_norm_relu(here, x);
    return ct_module_forward(here, pools ? ct_module_forward(behind, x) : x);
}

/* Only the last layer's y is kept: one before it goes when the next has read it, unless its rule
 * or the next one's saves it. *kept is retained, or NULL: there are no layers */
static ct_status run(ct_module *self, ct_tensor *x, ct_tensor **kept)
{
    const ct__entry *next;
    unsigned removals = self->removals;
    for (const ct__entry *e = self->entries; e; e = next) {
        next = ct__table_next(e);
        if (!e->child)
            continue;
        ct_scope scope = ct_scope_begin(self->cx);
        if (!scope)
            return CT_ERROR_MEMORY;
        x = through(e, x, &next);
        if (x && self->removals != removals)
            x = (ct_fail(self->cx, CT_ERROR_STALE, "sequential: a layer was freed while it ran"),
                 NULL);
        ct_status status = x ? ct_keep(kept, x) : ct_error(self->cx);
        ct_scope_end(self->cx, scope);
        if (status != CT_OK)
            return status;
    }
    return CT_OK;
}

static ct_tensor *sequential_forward(ct_module *self, ct_tensor *x, void *user)
{
    (void)user;
    ct_tensor *kept = NULL;
    ct_status status = run(self, x, &kept);
    ct_scope scope = status == CT_OK && kept ? ct_scope_begin(self->cx) : 0;
    if (kept)
        x = scope ? ct_scope_return(self->cx, scope, kept) : NULL;
    ct_release(kept);
    return status == CT_OK ? x : NULL;
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
