/* Memory: every block the library uses comes from here.
 *
 * Blocks of up to 1 KiB are cut from slabs of 64 KiB, aligned to their size, so that a block finds
 * its slab by masking its address; larger ones are kept in a list per size class, eight classes per
 * doubling (12.5 % lost at most). What was freed last is used first, while it is in the cache. With
 * the pool off each block is one call to the allocator, so that a sanitizer sees every one. */
#include <stdlib.h>
#include <string.h>

#include "node.h"

enum { SLAB = 65536, SLAB_HEAD = 64 };

/* A pool that was always on would hide errors from AddressSanitizer. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#if !defined(CT_POOL_OFF) && defined(SANITIZED)
#define CT_POOL_OFF 1
#endif

struct ct__slab {
    ct__slab *next, **prev; /* among those of its class with room */
    void *free;             /* threaded through the blocks */
    uint32_t block, live;
    uint32_t fresh;         /* where the never used part begins */
};

static void *system_allocate(size_t bytes, size_t alignment, void *user)
{
    (void)user;
    void *p = NULL;
    return posix_memalign(&p, alignment, bytes) == 0 ? p : NULL;
}

static void system_deallocate(void *p, size_t bytes, void *user)
{
    (void)bytes, (void)user;
    free(p);
}

/* the class of a block of more than CT__SMALL bytes, and the bytes that class has */
static int large_class(size_t bytes, size_t *rounded)
{
    int top = 63 - __builtin_clzll((unsigned long long)bytes - 1); /* 2^top < bytes <= 2^(top+1) */
    size_t step = (size_t)1 << (top - 3);
    size_t steps = (bytes + step - 1) / step;                      /* 9 to 16 */
    *rounded = steps * step;
    return CT__SMALL_CLASSES + (top - 10) * 8 + (int)steps - 9;
}

static int64_t pool_limit(const ct_context *cx)
{
    int64_t floor = (int64_t)64 << 20;
    if (cx->options.pool_bytes > 0)
        return cx->options.pool_bytes;
    return cx->memory.peak_bytes > floor ? cx->memory.peak_bytes : floor;
}

static void system_free(ct_context *cx, void *block, size_t bytes)
{
    cx->memory.deallocations++;
    cx->options.allocator.deallocate(block, bytes, cx->options.allocator.user);
}

static void *system_take(ct_context *cx, size_t bytes, size_t alignment)
{
    const ct_allocator *allocator = &cx->options.allocator;
    cx->memory.allocations++;
    void *block = allocator->allocate(bytes, alignment, allocator->user);
    if (!block && cx->memory.pool_bytes > 0) { /* what is kept for reuse may be what is missing */
        ct_memory_trim(cx);
        cx->memory.allocations++;
        block = allocator->allocate(bytes, alignment, allocator->user);
    }
    return block;
}

static void slab_unlink(ct__slab *slab)
{
    *slab->prev = slab->next;
    if (slab->next)
        slab->next->prev = slab->prev;
}

static void slab_link(ct__slab *slab, ct__slab **list)
{
    slab->next = *list;
    slab->prev = list;
    if (*list)
        (*list)->prev = &slab->next;
    *list = slab;
}

static bool slab_is_full(const ct__slab *slab)
{
    return !slab->free && slab->fresh + slab->block > SLAB;
}

static void *small_take(ct_context *cx, int class)
{
    ct__slab *slab = cx->pool.slabs[class];
    if (!slab) {
        slab = system_take(cx, SLAB, SLAB);
        if (!slab)
            return NULL;
        uint32_t block = (uint32_t)(class + 1) * CT__STEP;
        *slab = (ct__slab){ .block = block, .fresh = SLAB_HEAD };
        slab_link(slab, &cx->pool.slabs[class]);
        cx->memory.pool_bytes += SLAB;
    }
    void *p = slab->free;
    if (p) {
        memcpy(&slab->free, p, sizeof(void *));
    } else {
        p = (char *)slab + slab->fresh;
        slab->fresh += slab->block;
    }
    slab->live++;
    cx->memory.pool_bytes -= slab->block;
    if (slab_is_full(slab))
        slab_unlink(slab);
    return p;
}

static void slab_free(ct_context *cx, ct__slab *slab)
{
    slab_unlink(slab);
    cx->memory.pool_bytes -= SLAB;
    system_free(cx, slab, SLAB);
}

static void small_give_back(ct_context *cx, void *p, int class)
{
    ct__slab *slab = (ct__slab *)((uintptr_t)p & ~(uintptr_t)(SLAB - 1));
    if (slab_is_full(slab))
        slab_link(slab, &cx->pool.slabs[class]);
    memcpy(p, &slab->free, sizeof(void *));
    slab->free = p;
    slab->live--;
    cx->memory.pool_bytes += slab->block;
    if (slab->live == 0 && cx->memory.pool_bytes > pool_limit(cx))
        slab_free(cx, slab);
}

static void *large_take(ct_context *cx, int class, size_t bytes)
{
    void *p = cx->pool.free[class];
    if (!p)
        return system_take(cx, bytes, 64);
    memcpy(&cx->pool.free[class], p, sizeof(void *));
    cx->memory.pool_bytes -= (int64_t)bytes;
    return p;
}

static void large_give_back(ct_context *cx, void *p, int class, size_t bytes)
{
    if (cx->memory.pool_bytes + (int64_t)bytes > pool_limit(cx)) {
        system_free(cx, p, bytes);
        return;
    }
    memcpy(p, &cx->pool.free[class], sizeof(void *));
    cx->pool.free[class] = p;
    cx->memory.pool_bytes += (int64_t)bytes;
}

/* what a request of `bytes` really takes, and its class; -1: more than any machine has */
static int class_of(size_t bytes, size_t *rounded)
{
    if (bytes <= CT__SMALL) {
        int class = bytes ? (int)((bytes - 1) / CT__STEP) : 0;
        *rounded = (size_t)(class + 1) * CT__STEP;
        return class;
    }
    if (bytes > (size_t)1 << 62)
        return -1;
    return large_class(bytes, rounded);
}

void *ct__take_quietly(ct_context *cx, size_t bytes)
{
    size_t rounded = 0;
    int class = class_of(bytes, &rounded);
    int64_t live = cx->memory.live_bytes, most = cx->options.max_bytes;
    void *p = NULL;
    if (class < 0 || (most > 0 && (int64_t)rounded > most - live))
        return NULL;
    if (cx->pool.off)
        p = system_take(cx, rounded, 64);
    else if (class < CT__SMALL_CLASSES)
        p = small_take(cx, class);
    else
        p = large_take(cx, class, rounded);
    if (!p)
        return NULL;
    live += (int64_t)rounded;
    cx->memory.live_bytes = live;
    if (live > cx->memory.peak_bytes)
        cx->memory.peak_bytes = live;
    return p;
}

void *ct__take(ct_context *cx, size_t bytes)
{
    void *p = ct__take_quietly(cx, bytes);
    if (!p)
        ct_fail(cx, CT_ERROR_MEMORY, "out of memory: %zu bytes more, with %lld live", bytes,
                (long long)cx->memory.live_bytes);
    return p;
}

void ct__give_back(ct_context *cx, void *block, size_t bytes)
{
    if (!block)
        return;
    size_t rounded = 0;
    int class = class_of(bytes, &rounded);
    cx->memory.live_bytes -= (int64_t)rounded;
    if (cx->pool.off)
        system_free(cx, block, rounded);
    else if (class < CT__SMALL_CLASSES)
        small_give_back(cx, block, class);
    else
        large_give_back(cx, block, class, rounded);
}

void ct_memory_trim(ct_context *cx)
{
    if (!cx)
        return;
    for (int class = 0; class < CT__SMALL_CLASSES; class++)
        for (ct__slab *slab = cx->pool.slabs[class], *next; slab; slab = next) {
            next = slab->next;
            if (slab->live == 0)
                slab_free(cx, slab);
        }
    for (int class = CT__SMALL_CLASSES; class < CT__CLASSES; class++)
        for (void *p = cx->pool.free[class]; p; p = cx->pool.free[class]) {
            int place = class - CT__SMALL_CLASSES;
            size_t bytes = (size_t)(place % 8 + 9) << (place / 8 + 10 - 3);
            memcpy(&cx->pool.free[class], p, sizeof(void *));
            cx->memory.pool_bytes -= (int64_t)bytes;
            system_free(cx, p, bytes);
        }
}

void ct_memory_stats(const ct_context *cx, ct_memory *out)
{
    if (out)
        *out = cx ? cx->memory : (ct_memory){ 0 };
}

/* -- Objects */
struct ct__object {
    ct__object *next, **prev;
    ct_context *cx;
    size_t bytes;
    void (*finish)(void *object);
    uint64_t padding[3]; /* to 64 bytes: what follows is aligned */
};

void *ct_object_new(ct_context *cx, size_t bytes, void (*finish)(void *object))
{
    if (!cx)
        return NULL;
    if (bytes > SIZE_MAX - sizeof(ct__object))
        return ct_fail(cx, CT_ERROR_MEMORY, "out of memory: an object of %zu bytes", bytes), NULL;
    bytes = (bytes + sizeof(ct__object) + 63) / 64 * 64; /* classes of 64 are aligned to 64 */
    ct__object *object = ct__take(cx, bytes);
    if (!object)
        return NULL;
    memset(object, 0, bytes);
    *object = (ct__object){ .next = cx->objects, .prev = &cx->objects, .cx = cx, .bytes = bytes,
                            .finish = finish };
    if (object->next)
        object->next->prev = &object->next;
    cx->objects = object;
    return object + 1;
}

void ct_object_free(void *user_object)
{
    if (!user_object)
        return;
    ct__object *object = (ct__object *)user_object - 1;
    *object->prev = object->next;
    if (object->next)
        object->next->prev = object->prev;
    if (object->finish)
        object->finish(user_object);
    ct__give_back(object->cx, object, object->bytes);
}

void ct__objects_free(ct_context *cx)
{
    while (cx->objects)
        ct_object_free(cx->objects + 1);
}

/* -- With the context */
static const ct_allocator *chosen(const ct_context_options *options)
{
    static const ct_allocator standard = { system_allocate, system_deallocate, NULL };
    const ct_allocator *own = &options->allocator;
    if (!own->allocate && !own->deallocate)
        return own->user ? NULL : &standard;
    return own->allocate && own->deallocate ? own : NULL;
}

ct_context *ct__context_take(const ct_context_options *options)
{
    const ct_allocator *allocator = chosen(options);
    ct_context *cx = NULL;
    if (allocator)
        cx = allocator->allocate(sizeof *cx, 64, allocator->user);
    if (!cx)
        return NULL;
    memset(cx, 0, sizeof *cx);
    cx->options = *options;
    cx->options.allocator = *allocator;
    cx->memory.allocations = 1;
    cx->pool.off = options->pool_bytes < 0;
#ifdef CT_POOL_OFF
    if (options->pool_bytes == 0)
        cx->pool.off = true;
#endif
    return cx;
}

void ct__context_give_back(ct_context *cx)
{
    ct_allocator allocator = cx->options.allocator;
    ct_memory_trim(cx);
    allocator.deallocate(cx, sizeof *cx, allocator.user);
}
