/* Running a C function on variables of our own, and handing results out. */
#include <string.h>

#include "stage.h"

/* -- Arguments */
static ct_status check_one(const ct__stage *s, const char *name, int i, const ct_tensor *t)
{
    if (!t)
        return ct_fail(s->cx, CT_ERROR_NULL, "%s: %s%d is NULL", s->who, name, i);
    if (!ct__usable(t, s->who))
        return CT_ERROR_STALE;
    if (t->cx != s->cx)
        return ct_fail(s->cx, CT_ERROR_CONTEXT, "%s: %s%d is of another context", s->who, name, i);
    return CT_OK;
}

ct_status ct__check_arguments(const ct__stage *s, ct_function f, ct_tensor *const *x,
                              ct_tensor *const *v)
{
    if (!s->cx || !f || s->n < 0 || (s->n > 0 && !x))
        return ct_fail(s->cx, CT_ERROR_NULL, "%s: the function or its inputs are NULL", s->who);
    for (int i = 0; i < s->n; i++) {
        ct_status status = check_one(s, "x", i, x[i]);
        if (status == CT_OK && v)
            status = check_one(s, "v", i, v[i]);
        if (status != CT_OK)
            return status;
        if (v && (v[i]->dtype != x[i]->dtype || !ct__same_shape(v[i], x[i])))
            return ct_fail(s->cx, CT_ERROR_SHAPE, "%s: v%d is not of x%d's dtype and shape", s->who,
                           i, i);
    }
    return CT_OK;
}

/* -- Results */
ct_status ct__failed(const ct_context *cx)
{
    ct_status status = ct_error(cx);
    return status != CT_OK ? status : CT_ERROR_CALLBACK;
}

void ct__set_null(ct_tensor **out, int n)
{
    for (int i = 0; out && i < n; i++)
        out[i] = NULL;
}

/* The scope alone has t, which it got last, and t has no history. So no one else knows it. */
static bool is_new(const ct_tensor *t)
{
    return t == t->cx->scope->tensors && t->handles == 1 && t->holds == 0 && t->saves == 0 &&
           !t->extra && !t->op && !(t->flags & CT__REQUIRES_GRAD);
}

ct_status ct__put_result(ct_tensor **slot, ct_tensor *t)
{
    if (!slot)
        return CT_OK;
    *slot = is_new(t) ? t : ct_detach(t);
    if (!*slot)
        return ct__failed(t->cx);
    ct__handle(*slot);
    return CT_OK;
}

void ct__hand_over(ct_status status, ct_tensor **out, int n)
{
    for (int i = 0; out && i < n; i++) {
        ct_tensor *t = out[i];
        if (status == CT_OK)
            ct__to_scope(t);
        else
            out[i] = NULL;
        ct__unhandle(t);
    }
}

ct_tensor **ct__stage_room(const ct__stage *s)
{
    return (void *)ct__scope_chars(s->cx, ((size_t)s->n + 1) * sizeof(ct_tensor *));
}

ct_status ct__one_number(const ct__stage *s, const ct_tensor *y)
{
    char text[200];
    if (y->count == 1)
        return CT_OK;
    ct__tensor_print(text, sizeof text, y, true);
    return ct_fail(s->cx, CT_ERROR_SHAPE,
                   "%s: the function's value must be one number, and has %lld elements: %s", s->who,
                   (long long)y->count, text);
}

/* -- Running f */
ct_tensor *ct__evaluate(ct_context *cx, const char *who, ct_function f, void *user,
                   ct_tensor *const *x, int n)
{
    ct_tensor *y = f(cx, x, n, user);
    if (!y)
        return ct_fail(cx, CT_ERROR_CALLBACK, "%s: the function failed without saying why", who),
               NULL;
    if (!ct__usable(y, who))
        return NULL;
    if (y->cx == cx)
        return y;
    return ct_fail(cx, CT_ERROR_CONTEXT, "%s: the function's value is of another context", who),
           NULL;
}

/* f must use its arguments, and not the caller's tensors that these were made from: a derivative by
 * an argument would be 0 without a word. To find out, the caller's tensors require grad while f
 * runs, so that what is made from them is on the graph, and has edges to them. */
static ct_status make_variables(ct__stage *s, ct_tensor *const *x)
{
    bool few = s->n <= CT__FEW;
    s->x = few ? s->few : ct__stage_room(s);
    ct__own *own = few ? s->few_own : (void *)ct__scope_chars(s->cx, (size_t)s->n * sizeof *own);
    if (!s->x || !own)
        return CT_ERROR_MEMORY;
    for (int i = 0; i < s->n; i++) {
        s->x[i] = ct_detach(x[i]);
        if (!s->x[i])
            return CT_ERROR_MEMORY;
        if (s->cx->recording && ct__is_float(x[i]->dtype))
            ct_variable(s->x[i]);
    }
    s->own = own;
    for (int i = 0; i < s->n; i++) {
        ct__handle(x[i]); /* f may release it */
        own[i] = (ct__own){ x[i], x[i]->holds, s->x[i]->flags & ~x[i]->flags & CT__REQUIRES_GRAD };
        if (own[i].marked)
            x[i]->flags |= CT__REQUIRES_GRAD;
    }
    return CT_OK;
}

static void unmark(ct__stage *s)
{
    for (int i = 0; s->own && i < s->n; i++) {
        if (s->own[i].marked)
            s->own[i].x->flags &= (uint16_t)~CT__REQUIRES_GRAD;
        ct__unhandle(s->own[i].x);
    }
    s->own = NULL;
}

/* Does y depend on the caller's x_i, and not on the argument that was made from it? Few functions
 * have an edge to the caller's own tensors; for the others there is nothing to search. */
static bool goes_past(const ct__stage *s, ct_tensor *y, int i)
{
    ct_tensor *own = s->own[i].x, *argument = s->x[i];
    if (!(own->flags & CT__REQUIRES_GRAD) || !(y->flags & CT__REQUIRES_GRAD) ||
        (own->holds == s->own[i].holds && y != own) || own->flags & CT__IN_WALK)
        return false;
    ct__walk w = ct__walk_begin(y, s->who);
    own->flags |= CT__TARGET;
    argument->flags |= CT__TARGET;
    bool past = ct__discover(&w, y) == CT_OK && ct__needs(&w, own) && !ct__needs(&w, argument);
    own->flags &= (uint16_t)~CT__TARGET;
    argument->flags &= (uint16_t)~CT__TARGET;
    ct__walk_end(&w, y);
    return past;
}

static ct_status check_arguments_used(const ct__stage *s, ct_tensor *y)
{
    char text[200];
    for (int i = 0; i < s->n; i++) {
        if (!goes_past(s, y, i))
            continue;
        ct__tensor_print(text, sizeof text, s->own[i].x, true);
        return ct_fail(s->cx, CT_ERROR_GRAPH,
                       "%s: the function's value depends on the caller's x%d, %s, and not on the "
                       "argument x[%d] that stands for it: use the arguments in the function",
                       s->who, i, text, i);
    }
    return CT_OK;
}

ct_tensor *ct__stage_begin(ct__stage *s, ct_function f, void *user, ct_tensor *const *x,
                           bool record)
{
    ct__scope_push(s->cx, &s->scope);
    s->cx->recording = record;
    s->own = NULL;
    if (make_variables(s, x) != CT_OK)
        return NULL;
    ct_tensor *y = ct__evaluate(s->cx, s->who, f, user, s->x, s->n);
    ct_status status = y && record ? check_arguments_used(s, y) : CT_OK;
    unmark(s);
    return status == CT_OK ? y : NULL;
}

void ct__stage_end(ct__stage *s)
{
    ct__scope_pop(s->cx, &s->scope);
}
