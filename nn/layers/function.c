/* Functions as modules, and modules of modules. */
#include <stdio.h>

#include "layers.h"

/* -- Functions */
typedef struct function {
    ct_tensor *(*of_one)(ct_tensor *x);
    ct_tensor *(*of_number)(ct_tensor *x, double c);
    ct_tensor *(*along)(ct_tensor *x, int axis);
    double c;
    int axis;
} function;

static ct_tensor *function_forward(ct_module *self, ct_tensor *x, void *user)
{
    const function *f = user;
    (void)self;
    if (f->of_one)
        return f->of_one(x);
    return f->of_number ? f->of_number(x, f->c) : f->along(x, f->axis);
}

static ct_module *function_new(ct_context *cx, const char *who, const char *kind, function f)
{
    if (!kind || (!f.of_one && !f.of_number && !f.along))
        return ct_fail(cx, CT_ERROR_NULL, "%s: the %s is NULL", who, kind ? "function" : "kind"),
               NULL;
    return ct__module_with(cx, kind, function_forward, &f, sizeof f);
}

ct_module *ct_function_new(ct_context *cx, const char *kind, ct_tensor *(*f)(ct_tensor *x))
{
    return function_new(cx, "function_new", kind, (function){ .of_one = f });
}

ct_module *ct_function_of_number_new(ct_context *cx, const char *kind,
                                     ct_tensor *(*f)(ct_tensor *x, double c), double c)
{
    return function_new(cx, "function_of_number_new", kind, (function){ .of_number = f, .c = c });
}

ct_module *ct_function_along_new(ct_context *cx, const char *kind,
                                 ct_tensor *(*f)(ct_tensor *x, int axis), int axis)
{
    return function_new(cx, "function_along_new", kind, (function){ .along = f, .axis = axis });
}

/* -- Residual */
static ct_tensor *residual_forward(ct_module *self, ct_tensor *x, void *user)
{
    (void)user;
    const ct__entry *body = self->entries, *shortcut = ct__table_next(body);
    ct_module *around = shortcut ? shortcut->child : NULL;
    unsigned removals = self->removals;
    ct_tensor *y = ct_module_forward(body->child, x);
    if (self->removals != removals)
        return ct_fail(self->cx, CT_ERROR_STALE, "residual: a child was freed while it ran"), NULL;
    return ct_add(y, around ? ct_module_forward(around, x) : x);
}

/* ct_module_add frees a child that it refuses, also where m is NULL for lack of memory */
ct_module *ct_residual_new(ct_context *cx, ct_module *body, ct_module *shortcut)
{
    const char *who = "residual_new";
    bool whole = shortcut || ct_error(cx) == CT_OK; /* a NULL shortcut may have failed */
    if (!body || body == shortcut) {
        ct_fail(cx, body ? CT_ERROR_VALUE : CT_ERROR_NULL, "%s: the body is %s", who,
                body ? "the shortcut too" : "NULL");
        whole = false;
    }
    ct_module *m = ct__module_with(cx, "residual", residual_forward, NULL, 0);
    whole = body && ct_module_add(m, "body", body) && whole;
    if (shortcut && shortcut != body)
        whole = ct_module_add(m, "shortcut", shortcut) && whole;
    if (whole)
        return m;
    ct_module_free(m);
    return NULL;
}

/* -- Parallel */
static ct_tensor *parallel_forward(ct_module *self, ct_tensor *x, void *user)
{
    int n = 0;
    for (const ct__entry *e = self->entries; e; e = ct__table_next(e))
        n += e->child != NULL;
    ct_tensor **y = ct_object_new(self->cx, ((size_t)n + 1) * sizeof *y, NULL), *all = NULL;
    unsigned removals = self->removals;
    bool whole = y != NULL;
    n = 0;
    for (const ct__entry *e = self->entries; whole && e; e = ct__table_next(e)) {
        if (!e->child)
            continue;
        whole = (y[n++] = ct_module_forward(e->child, x)) != NULL;
        if (self->removals != removals) {
            ct_fail(self->cx, CT_ERROR_STALE, "parallel: a child was freed while it ran");
            whole = false;
        }
    }
    if (whole)
        all = ct_concat(y, n, *(const int *)user);
    ct_object_free(y);
    return all;
}

ct_module *ct_parallel_new(ct_context *cx, ct_module *const *children, int n, int axis)
{
    if (n < 1 || !children)
        return ct_fail(cx, CT_ERROR_NULL, "parallel_new: there must be one child or more"), NULL;
    return ct__module_of_children(cx, "parallel_new", children, n,
                                  ct__module_with(cx, "parallel", parallel_forward, &axis,
                                                  sizeof axis));
}
