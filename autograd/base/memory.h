/* Blocks of memory from the context's pool. The common case is inlined. */
#ifndef COTANGENT_MEMORY_H
#define COTANGENT_MEMORY_H
#include <string.h>

#include "context.h"

void *ct__take_slowly(ct_context *cx, size_t bytes);  /* status.c: NULL and CT_ERROR_MEMORY */
void *ct__take_quietly(ct_context *cx, size_t bytes); /* NULL and no error */
void ct__give_back_slowly(ct_context *cx, void *block, size_t bytes);
/* past the pool: memory that is no tensor's, and does not count as live */
void *ct__allocate(ct_context *cx, size_t bytes, size_t alignment); /* NULL and no error */
void ct__deallocate(ct_context *cx, void *block, size_t bytes);

static inline int ct__small_class(size_t bytes)
{
    return bytes ? (int)((bytes - 1) / CT__STEP) : 0;
}

/* A block, or NULL and CT_ERROR_MEMORY. Only the common case is here: a small block that was used
 * before, while fewer bytes are live than at the peak. So no limit can be passed, and live_bytes is
 * the only statistic that changes. */
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

/* Blocks for a short while, such as scratch: of the large ones the pool keeps one for all sizes.
 * *bytes becomes what the block has, with which it is given back. NULL and CT_ERROR_MEMORY */
void *ct__kept_room(ct_context *cx, size_t *bytes); /* NULL: it is none, or too small */
void ct__give_back_room(ct_context *cx, void *block, size_t bytes);

static inline void *ct__take_room(ct_context *cx, size_t *bytes)
{
    void *kept = ct__kept_room(cx, bytes);
    return kept ? kept : ct__take(cx, *bytes);
}

void ct__objects_free(ct_context *cx);
void ct__object_called(void *object); /* a program calls it: its end is counted */
/* NULL: no memory, or half an allocator */
ct_context *ct__context_take(const ct_context_options *options);
void ct__context_give_back(ct_context *cx);

#endif
