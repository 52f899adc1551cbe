/* Scopes from the inside. */
#ifndef COTANGENT_SCOPE_H
#define COTANGENT_SCOPE_H
#include "tensor.h"

/* -- free.c */
void ct__scope_empty(ct_context *cx, ct__scope *scope); /* ends those inside it */
void ct__scope_end(ct_context *cx, const ct__scope *scope); /* and those inside it */
void ct__scopes_free(ct_context *cx);
void ct__kept_free(ct_context *cx);

/* -- scope.c */
/* Does the caller run inside a callback of this context? Then the context cannot be freed. */
bool ct__in_callback(const ct_context *cx);
const char *ct__scope_text(ct_context *cx, const char *format, ...) CT_PRINTF(2, 3);
char *ct__scope_chars(ct_context *cx, size_t bytes); /* room for a text; the scope frees it */
void *ct__scope_room(ct_context *cx, size_t bytes);  /* the same, aligned to 64 bytes */

static inline void ct__scope_open(ct_context *cx, ct__scope *scope, ct_scope id)
{
    scope->outer = cx->scope;
    scope->id = id;
    scope->tensors = NULL;
    scope->texts = NULL;
    scope->fence = id == 0;
    scope->recording = cx->recording;
    scope->inference = cx->inference;
    cx->scope = scope;
}

/* the engine's own scope, on the C stack */
static inline void ct__scope_push(ct_context *cx, ct__scope *scope)
{
    ct__scope_open(cx, scope, 0);
}

static inline void ct__scope_pop(ct_context *cx, ct__scope *scope)
{
    if (cx->scope != scope || scope->tensors || scope->texts)
        ct__scope_empty(cx, scope);
    cx->recording = scope->recording;
    cx->inference = scope->inference;
    cx->scope = scope->outer;
}

static inline ct_tensor *ct__to_scope(ct_tensor *t) /* NULL passes through */
{
    if (!t || t->flags & CT__IN_SCOPE)
        return t;
    if (t->handles > 0)
        ct__unlink(t);
    ct__link(t, &t->cx->scope->tensors);
    t->flags |= CT__IN_SCOPE;
    t->handles++;
    return t;
}

#endif
