/* Scopes: a stack of lists of tensors and texts. Tensors are threaded through their own headers, so
 * that giving one to a scope and ending a scope allocate nothing and cannot fail. free.c empties
 * them. */
#include <stdarg.h>
#include <stdio.h>

#include "base.h"

bool ct__in_callback(const ct_context *cx)
{
    for (const ct__scope *s = cx->scope; s != &cx->root; s = s->outer)
        if (s->fence)
            return true;
    return cx->allocating;
}

/* An allocator runs at moments when scopes cannot change. */
static bool may_change(ct_context *cx, const char *who)
{
    if (cx && cx->allocating)
        ct_fail(cx, CT_ERROR_VALUE, "%s: called inside the context's allocator", who);
    return cx && !cx->allocating;
}

ct_scope ct_scope_begin(ct_context *cx)
{
    ct__scope *scope = may_change(cx, "scope_begin") ? ct__take(cx, sizeof *scope) : NULL;
    if (!scope)
        return 0;
    ct__scope_open(cx, scope, cx->scope_serial);
    cx->scope_serial += 2; /* it stays odd, so it is never 0 */
    cx->memory.scopes++;
    return scope->id;
}

ct_scope ct_scope_begin_callback(ct_context *cx)
{
    ct_scope id = ct_scope_begin(cx);
    if (id)
        cx->scope->fence = true;
    return id;
}

/* the open scope of that id, if the caller may end it; else NULL, and an error if it is open */
static ct__scope *find(ct_context *cx, ct_scope id, const char *who)
{
    if (!id || !may_change(cx, who))
        return NULL;
    bool outside = false;
    for (ct__scope *s = cx->scope; s != &cx->root; s = s->outer) {
        if (s->id == id && !outside)
            return s;
        if (s->id == id) {
            ct_fail(cx, CT_ERROR_VALUE, "%s: that scope was begun outside this callback", who);
            return NULL;
        }
        outside = outside || s->fence;
    }
    return NULL;
}

void ct_scope_end(ct_context *cx, ct_scope id)
{
    ct__scope *scope = find(cx, id, "scope_end");
    if (scope)
        ct__scope_end(cx, scope);
}

ct_tensor *ct_scope_return(ct_context *cx, ct_scope id, ct_tensor *x)
{
    ct__scope *scope = find(cx, id, "scope_return");
    bool usable = x && ct__alive(x, "scope_return");
    if (usable && cx && x->cx != cx) {
        ct_fail(cx, CT_ERROR_CONTEXT, "scope_return: the tensor is of another context");
        usable = false;
    }
    if (!scope)
        return usable ? x : NULL;
    ct__scope *outer = scope->outer;
    if (usable)
        ct__handle(x); /* it outlives its scope ... */
    ct_scope_end(cx, id);
    if (!usable)
        return NULL;
    if (!(x->flags & CT__IN_SCOPE)) { /* ... and goes to the next, if that was the one that ended */
        ct__unlink(x);
        ct__link(x, &outer->tensors);
        x->flags |= CT__IN_SCOPE;
        x->handles++;
    }
    x->handles--;
    return x;
}

ct_tensor *ct_retain(ct_tensor *x)
{
    if (!x || !ct__alive(x, "retain"))
        return NULL;
    if (x->retains == UINT32_MAX / 2) {
        ct_fail(x->cx, CT_ERROR_RANGE, "retain: retained too often");
        return NULL;
    }
    ct__tell_retained(x, 1);
    if (x->retains++ == 0)
        x->cx->memory.retained++;
    ct__handle(x);
    return x;
}

void ct_release(ct_tensor *x)
{
    if (!x || !ct__alive(x, "release"))
        return;
    if (x->retains == 0) {
        ct_fail(x->cx, CT_ERROR_VALUE, "release: this tensor was not retained");
        return;
    }
    ct__tell_retained(x, -1);
    ct__tell_changed(x);
    if (--x->retains == 0)
        x->cx->memory.retained--;
    ct__unhandle(x);
}

ct_status ct_keep(ct_tensor **slot, ct_tensor *x)
{
    if (!slot)
        return ct_fail(x ? x->cx : NULL, CT_ERROR_NULL, "keep: the slot is NULL");
    if (!x)
        return ct_fail(*slot ? (*slot)->cx : NULL, CT_ERROR_NULL, "keep: the tensor is NULL");
    ct_tensor *old = *slot;
    if (!ct__alive(x, "keep") || (old && !ct__alive(old, "keep")))
        return CT_ERROR_STALE;
    if (!ct_retain(x))
        return ct_error(x->cx);
    *slot = x;
    ct_release(old);
    return CT_OK;
}

char *ct__scope_chars(ct_context *cx, size_t bytes)
{
    size_t all = sizeof(ct__text) + bytes;
    ct__text *text = cx ? ct__take_room(cx, &all) : NULL;
    if (!text)
        return NULL;
    text->next = cx->scope->texts;
    text->bytes = all - sizeof *text;
    cx->scope->texts = text;
    return text->text;
}

void *ct__scope_room(ct_context *cx, size_t bytes)
{
    char *room = ct__scope_chars(cx, bytes + 64);
    return room ? (void *)(((uintptr_t)room + 63) & ~(uintptr_t)63) : NULL;
}

const char *ct__scope_text(ct_context *cx, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int n = vsnprintf(NULL, 0, format, arguments);
    char *out = n < 0 ? NULL : ct__scope_chars(cx, (size_t)n + 1);
    if (out) {
        vsnprintf(out, (size_t)n + 1, format, again);
        ct__drop_nan_signs(out);
    }
    va_end(again);
    va_end(arguments);
    return out;
}
