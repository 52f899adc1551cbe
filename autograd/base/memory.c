/* Memory: every block the library uses comes from here.
 *
 * Freed blocks wait in a list per size class, and what was freed last is used first, while it is in
 * the cache: the common case is the few instructions in memory.h. Blocks of up to 1 KiB are cut
 * from slabs of 64 KiB, aligned to their size, so that a block finds its slab by masking its
 * address; larger ones have eight classes per doubling (12.5 % lost at most) and are the
 * allocator's one by one. Scratch comes in many large sizes and is soon free again, so the largest
 * block of it waits for all of them. With the pool off each block is one call to the allocator, and
 * of no more than the bytes that are asked for, so that a sanitizer sees it and where it ends. */
#if defined(__linux__)
#define _DEFAULT_SOURCE /* madvise */
#include <sys/mman.h>
#endif
#include <stdlib.h>
#include <string.h>

#include "base.h"

enum { SLAB = 65536, SLAB_HEAD = 64, LARGE_ROOM = 65536 };

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
    ct__slab *next;
    uint32_t block; /* the size of its blocks, in bytes */
    uint32_t cut;   /* how many blocks were cut from it so far */
    uint32_t free;  /* how many of them are free, as a sweep counts them */
};

/* Blocks of 4 MiB and more get pages of 2 MiB. There are fewer page faults, so that writing a fresh
 * block is about 5 times as fast. */
static void *system_allocate(size_t bytes, size_t alignment, void *user)
{
    const size_t page = (size_t)2 << 20;
    bool large = bytes >= 2 * page;
    (void)user;
    void *p = NULL;
    if (posix_memalign(&p, large && alignment < page ? page : alignment, bytes) != 0)
        return NULL;
#ifdef MADV_HUGEPAGE
    if (large)
        (void)madvise(p, bytes / page * page, MADV_HUGEPAGE); /* no matter if it cannot */
#endif
    return p;
}

static void system_deallocate(void *p, size_t bytes, void *user)
{
    (void)bytes, (void)user;
    free(p);
}

/* The class of a block of `bytes` bytes, and the size that is really taken. -1: no machine has so
 * much memory. */
static int class_of(const ct_context *cx, size_t bytes, size_t *rounded)
{
    if (cx->pool.off) {
        *rounded = bytes > 0 ? bytes : 1;
        return bytes > PTRDIFF_MAX / 2 ? -1 : 0;
    }
    if (bytes <= CT__SMALL) {
        int class = ct__small_class(bytes);
        *rounded = (size_t)(class + 1) * CT__STEP;
        return class;
    }
    if (bytes > PTRDIFF_MAX / 2)
        return -1;
    int top = 63 - __builtin_clzll((unsigned long long)bytes - 1); /* 2^top < bytes <= 2^(top+1) */
    size_t step = (size_t)1 << (top - 3);
    size_t steps = (bytes + step - 1) / step; /* 9 to 16 */
    *rounded = steps * step;
    return CT__SMALL_CLASSES + (top - 10) * 8 + (int)steps - 9;
}

static size_t bytes_of_large(int class)
{
    int place = class - CT__SMALL_CLASSES;
    return (size_t)(place % 8 + 9) << (place / 8 + 10 - 3);
}

static void *pop(void **list)
{
    void *p = *list;
    if (p)
        memcpy(list, p, sizeof *list);
    return p;
}

static void push(void **list, void *p)
{
    memcpy(p, list, sizeof *list);
    *list = p;
}

/* -- The allocator. While it runs, it cannot use the context: see ct__take_quietly, scope.c */
static void *allocate(ct_context *cx, size_t bytes, size_t alignment)
{
    const ct_allocator *allocator = &cx->options.allocator;
    cx->allocating = true;
    cx->memory.allocations++;
    void *block = allocator->allocate(bytes, alignment, allocator->user);
    cx->allocating = false;
    return block;
}

void *ct__allocate(ct_context *cx, size_t bytes, size_t alignment)
{
    void *block = allocate(cx, bytes, alignment);
    if (block || cx->pool.held == cx->memory.live_bytes)
        return block;
    ct_memory_trim(cx); /* what the pool keeps may be what is missing */
    return allocate(cx, bytes, alignment);
}

void ct__deallocate(ct_context *cx, void *block, size_t bytes)
{
    const ct_allocator *allocator = &cx->options.allocator;
    bool before = cx->allocating;
    cx->allocating = true;
    cx->memory.deallocations++;
    allocator->deallocate(block, bytes, allocator->user);
    cx->allocating = before;
}

static void system_free(ct_context *cx, void *block, size_t bytes)
{
    cx->pool.held -= (int64_t)bytes;
    ct__deallocate(cx, block, bytes);
}

static void *system_take(ct_context *cx, size_t bytes, size_t alignment)
{
    void *block = ct__allocate(cx, bytes, alignment);
    if (block)
        cx->pool.held += (int64_t)bytes;
    return block;
}

/* Cuts a new block of a small class from the newest slab of that class. */
static void *cut(ct_context *cx, int class)
{
    ct__slab *slab = cx->pool.newest[class];
    uint32_t block = (uint32_t)(class + 1) * CT__STEP;
    if (!slab || SLAB_HEAD + (slab->cut + 1) * block > SLAB) {
        slab = system_take(cx, SLAB, SLAB);
        if (!slab)
            return NULL;
        *slab = (ct__slab){ .next = cx->pool.slabs, .block = block };
        cx->pool.slabs = cx->pool.newest[class] = slab;
    }
    return (char *)slab + SLAB_HEAD + slab->cut++ * block;
}

static void *take(ct_context *cx, int class, size_t bytes)
{
    if (cx->pool.off)
        return system_take(cx, bytes, 64);
    void *p = pop(&cx->pool.free[class]);
    if (p)
        return p;
    return class < CT__SMALL_CLASSES ? cut(cx, class) : system_take(cx, bytes, 64);
}

void *ct__take_quietly(ct_context *cx, size_t bytes)
{
    size_t rounded = 0;
    int class = class_of(cx, bytes, &rounded);
    int64_t live = cx->memory.live_bytes, most = cx->options.max_bytes;
    if (class < 0 || (most > 0 && (int64_t)rounded > most - live) || cx->allocating)
        return NULL;
    void *p = take(cx, class, rounded);
    if (!p)
        return NULL;
    live = cx->memory.live_bytes + (int64_t)rounded;
    cx->memory.live_bytes = live;
    if (live > cx->memory.peak_bytes)
        cx->memory.peak_bytes = live;
    return p;
}

/* -- Giving back to the allocator */
static ct__slab *slab_of(void *block)
{
    return (ct__slab *)((uintptr_t)block & ~(uintptr_t)(SLAB - 1));
}

static bool is_idle(const ct__slab *slab)
{
    return slab->free == slab->cut;
}

/* Gives back the slabs of which every block is free: it counts the free blocks of each slab, takes
 * those of idle slabs out of the lists, and frees these slabs. */
static void sweep(ct_context *cx)
{
    for (ct__slab *slab = cx->pool.slabs; slab; slab = slab->next)
        slab->free = 0;
    for (int class = 0; class < CT__SMALL_CLASSES; class++)
        for (void *p = cx->pool.free[class]; p; memcpy(&p, p, sizeof p))
            slab_of(p)->free++;
    for (int class = 0; class < CT__SMALL_CLASSES; class++) {
        void *all = cx->pool.free[class];
        void *kept = NULL;
        for (void *p; (p = pop(&all));)
            if (!is_idle(slab_of(p)))
                push(&kept, p);
        cx->pool.free[class] = kept;
        if (cx->pool.newest[class] && is_idle(cx->pool.newest[class]))
            cx->pool.newest[class] = NULL;
    }
    for (ct__slab **place = &cx->pool.slabs, *slab; (slab = *place);) {
        if (!is_idle(slab)) {
            place = &slab->next;
            continue;
        }
        *place = slab->next;
        system_free(cx, slab, SLAB);
    }
}

static int64_t pool_limit(const ct_context *cx)
{
    int64_t floor = (int64_t)64 << 20, peak = cx->memory.peak_bytes + cx->memory.peak_bytes / 4;
    if (cx->options.pool_bytes > 0)
        return cx->options.pool_bytes;
    return peak > floor ? peak : floor;
}

/* A block that leaves more than `most` unused: a large one is not kept, small ones are swept, but
 * not again before a sixteenth more has gathered. */
void ct__give_back_slowly(ct_context *cx, void *block, size_t bytes)
{
    size_t rounded = 0;
    int class = class_of(cx, bytes, &rounded);
    cx->memory.live_bytes -= (int64_t)rounded;
    if (cx->pool.off) {
        system_free(cx, block, rounded);
        return;
    }
    int64_t limit = pool_limit(cx), unused = cx->pool.held - cx->memory.live_bytes;
    if (class >= CT__SMALL_CLASSES && unused > limit) {
        system_free(cx, block, rounded);
        return;
    }
    push(&cx->pool.free[class], block);
    if (unused > limit && unused > cx->pool.most) {
        sweep(cx);
        unused = cx->pool.held - cx->memory.live_bytes;
    }
    cx->pool.most = unused > limit ? unused + unused / 16 : limit;
}

/* -- Rooms */
static void free_room(ct_context *cx)
{
    if (cx->pool.room)
        system_free(cx, cx->pool.room, cx->pool.room_bytes);
    cx->pool.room = NULL;
}

void *ct__kept_room(ct_context *cx, size_t *bytes)
{
    size_t rounded, room = cx->pool.room_bytes;
    int64_t live = cx->memory.live_bytes + (int64_t)room, most = cx->options.max_bytes;
    void *block = cx->pool.room;
    if (*bytes <= LARGE_ROOM || cx->pool.off || class_of(cx, *bytes, &rounded) < 0)
        return NULL;
    if (!block || rounded > room || (most > 0 && live > most)) {
        free_room(cx);
        *bytes = rounded;
        return NULL;
    }
    cx->pool.room = NULL;
    cx->memory.live_bytes = live;
    if (live > cx->memory.peak_bytes)
        cx->memory.peak_bytes = live;
    *bytes = room;
    return block;
}

void ct__give_back_room(ct_context *cx, void *block, size_t bytes)
{
    int64_t unused = cx->pool.held - cx->memory.live_bytes + (int64_t)bytes;
    bool keeps = bytes > LARGE_ROOM && !cx->pool.off && unused <= pool_limit(cx);
    if (!keeps || (cx->pool.room && cx->pool.room_bytes >= bytes)) {
        ct__give_back(cx, block, bytes);
        return;
    }
    if (cx->pool.room) { /* two were in use at once: the smaller one serves its own size */
        cx->memory.live_bytes += (int64_t)cx->pool.room_bytes;
        ct__give_back(cx, cx->pool.room, cx->pool.room_bytes);
    }
    (void)class_of(cx, bytes, &cx->pool.room_bytes);
    cx->memory.live_bytes -= (int64_t)cx->pool.room_bytes;
    cx->pool.room = block;
}

void ct_memory_trim(ct_context *cx)
{
    if (!cx)
        return;
    sweep(cx);
    free_room(cx);
    for (int class = CT__SMALL_CLASSES; class < CT__CLASSES; class++)
        for (void *p; (p = pop(&cx->pool.free[class]));)
            system_free(cx, p, bytes_of_large(class));
}

void ct_memory_stats(const ct_context *cx, ct_memory *out)
{
    if (!out)
        return;
    *out = cx ? cx->memory : (ct_memory){ 0 };
    out->pool_bytes = cx ? cx->pool.held - cx->memory.live_bytes : 0;
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
