/* How tensors come and go: memory, scopes, handles. The second half of node.h, which includes it;
 * what every operator comes by is inlined. */
#ifndef COTANGENT_LIFE_H
#define COTANGENT_LIFE_H
#include "node.h"

/* -- memory.c */
void *ct__take_slowly(ct_context *cx, size_t bytes);
void *ct__take_quietly(ct_context *cx, size_t bytes); /* NULL, where that is no error */
void ct__give_back_slowly(ct_context *cx, void *block, size_t bytes);

static inline int ct__small_class(size_t bytes)
{
    return bytes ? (int)((bytes - 1) / CT__STEP) : 0;
}

/* NULL and CT_ERROR_MEMORY. Here only the common case: a small block that was used before, below
 * the peak (so that no limit is passed and no statistic but one changes) */
static inline void *ct__take(ct_context *cx, size_t bytes)
{
    if (bytes > CT__SMALL)
        return ct__take_slowly(cx, bytes);
    int class = ct__small_class(bytes);
    int64_t live = cx->memory.live_bytes + (class + 1) * CT__STEP;
    void *p = cx->pool.free[class];
    if (!p || live > cx->memory.peak_bytes)
        return ct__take_slowly(cx, bytes);
    memcpy(&cx->pool.free[class], p, sizeof p);
    cx->memory.live_bytes = live;
    return p;
}

static inline void ct__give_back(ct_context *cx, void *block, size_t bytes)
{
    if (!block)
        return;
    int class = bytes <= CT__SMALL ? ct__small_class(bytes) : -1;
    int64_t live = cx->memory.live_bytes - (class + 1) * CT__STEP;
    if (class < 0 || cx->pool.held - live > cx->pool.most) {
        ct__give_back_slowly(cx, block, bytes);
        return;
    }
    memcpy(block, &cx->pool.free[class], sizeof(void *));
    cx->pool.free[class] = block;
    cx->memory.live_bytes = live;
}
void ct__objects_free(ct_context *cx);
/* NULL: no memory, or half an allocator */
ct_context *ct__context_take(const ct_context_options *options);
void ct__context_give_back(ct_context *cx);

/* -- scope.c */
void ct__scope_empty(ct_context *cx, ct__scope *scope); /* and those inside it */
void ct__scopes_free(ct_context *cx);
void ct__kept_free(ct_context *cx);
const char *ct__scope_text(ct_context *cx, const char *format, ...) CT_PRINTF(2, 3);
char *ct__scope_chars(ct_context *cx, size_t bytes); /* room for a text, the scope's */

/* -- shape.c */
/* elements, or -1 and an error: too many dimensions, a negative size, or more bytes than count */
int64_t ct__shape_count(ct_context *cx, const char *who, ct_dtype dtype, const int64_t *shape,
                        int ndim);
static inline size_t ct__dtype_size(ct_dtype dtype) /* 0: no dtype */
{
    return dtype == CT_F32 ? 4 : dtype == CT_F64 || dtype == CT_I64 ? 8 : dtype == CT_BOOL;
}
const char *ct__dtype_text(ct_dtype dtype); /* "f32"; "?" */
static inline bool ct__is_float(ct_dtype dtype)
{
    return dtype == CT_F32 || dtype == CT_F64;
}
static inline void ct__row_major(const int64_t *shape, int ndim, int64_t *strides)
{
    int64_t stride = 1;
    for (int d = ndim - 1; d >= 0; d--) { /* multiplied out as if sizes of 0 were 1 */
        strides[d] = stride;
        stride *= shape[d] > 1 ? shape[d] : 1;
    }
}
bool ct__is_row_major(const int64_t *shape, const int64_t *strides, int ndim);
bool ct__broadcast(int64_t *shape, int *ndim, const int64_t *with, int with_ndim);
/* "(3,4)", with the name before and the dtype if asked; "NULL"; returns what snprintf would */
int ct__shape_print(char *out, size_t room, const int64_t *shape, int ndim);
int ct__tensor_print(char *out, size_t room, const ct_tensor *t, bool dtype);

/* the lists that tensors are in: a scope's, or the context's of kept ones */
static inline void ct__link(ct_tensor *t, ct_tensor **list)
{
    t->next = *list;
    t->prev = list;
    if (*list)
        (*list)->prev = &t->next;
    *list = t;
}

static inline void ct__unlink(ct_tensor *t)
{
    *t->prev = t->next;
    if (t->next)
        t->next->prev = t->prev;
}

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

/* -- tensor.c: making and letting go. A new tensor has no handle: give it one, or free it */
typedef struct ct__layout {
    ct_dtype dtype;
    int ndim;
    const int64_t *shape, *strides; /* strides NULL: row-major */
    uint32_t inputs;
    size_t attributes;
} ct__layout;
ct_tensor *ct__tensor_new(ct_context *cx, const ct__layout *layout);  /* with its own buffer */
ct_tensor *ct__tensor_over(ct_context *cx, const ct__layout *layout); /* without one */
/* with a buffer for data that lie elsewhere */
ct_tensor *ct__tensor_around(ct_context *cx, const ct__layout *layout, void *data);
/* of x's dtype and shape, row-major, with its own buffer */
ct_tensor *ct__tensor_like(const ct_tensor *x, uint32_t inputs, size_t attributes);
ct_tensor *ct__alias(ct_tensor *x); /* a leaf over the same data */
void ct__buffer_free(ct_context *cx, ct__buffer *buffer);
static inline void ct__buffer_drop(ct_context *cx, ct__buffer *buffer)
{
    bool last = buffer && --buffer->refs == 0;
    if (last && (buffer->data != buffer->tiny || buffer->orphan))
        ct__buffer_free(cx, buffer);
}
void ct__drop(ct_tensor *t);        /* free it if nothing keeps it */
/* One handle more, one less. The lists follow the handles: a tensor is in its scope's while that
 * has one, among the kept ones else */
static inline void ct__handle(ct_tensor *t)
{
    if (t->handles++ == 0)
        ct__link(t, &t->cx->kept);
}

static inline void ct__unhandle(ct_tensor *t) /* NULL does nothing */
{
    if (!t)
        return;
    t->handles--;
    if (t->handles > 0 && t->flags & CT__IN_SCOPE)
        return;
    ct__unlink(t);
    if (t->handles > 0)
        ct__link(t, &t->cx->kept);
    else
        ct__drop(t);
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

ct__extra *ct__extra_of(ct_tensor *t); /* made at need; NULL and an error */
/* NULL (no error: there is no context), stale, or without data: an error that names `who` */
CT__COLD bool ct__explain(const ct_tensor *t, const char *who, bool needs_data);
static inline bool ct__usable(const ct_tensor *t, const char *who)
{
    return (t && t->buffer) || ct__explain(t, who, true); /* the dead have no buffer */
}
static inline bool ct__alive(const ct_tensor *t, const char *who) /* but the data may be gone */
{
    return (t && !(t->flags & CT__DEAD)) || ct__explain(t, who, false);
}
static inline bool ct__same_shape(const ct_tensor *a, const ct_tensor *b)
{
    if (a->ndim != b->ndim || a->count != b->count)
        return false;
    for (int d = 0; d < a->ndim; d++)
        if (a->dims[d] != b->dims[d])
            return false;
    return true;
}
#endif
