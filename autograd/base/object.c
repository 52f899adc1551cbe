/* Objects: memory that libraries on top hang on a context, in one list, newest first.
 *
 * Each object has a header before it. A freed header keeps its seal until the block is used again,
 * since the pool writes to the first word of a free block only. So it is found when an object is
 * freed twice, or used after that, as long as the pool keeps the block. The seal is mixed with the
 * address of the context beside it: if one of the two was overwritten, they do not fit. */
#include <string.h>

#include "base.h"

struct ct__object {
    _Alignas(64) ct__object *next; /* the pool writes here; what follows the header is aligned */
    ct__object **prev;
    ct_context *cx;
    uint64_t seal;                 /* ALIVE or FREED, mixed with the context's address */
    size_t bytes;                  /* of the block */
    void (*finish)(void *object);
    bool called;                   /* by a program */
};

static const uint64_t ALIVE = 0x9e3779b97f4a7c15, FREED = 0xd1b54a32d192ed03;

static uint64_t sealed(const ct_context *cx, uint64_t state)
{
    return state ^ (uint64_t)(uintptr_t)cx;
}

void *ct_object_new(ct_context *cx, size_t bytes, void (*finish)(void *object))
{
    if (!cx)
        return NULL;
    if (bytes > PTRDIFF_MAX)
        return ct_fail(cx, CT_ERROR_MEMORY, "out of memory: an object of %zu bytes", bytes), NULL;
    bytes = (bytes + sizeof(ct__object) + 63) / 64 * 64; /* classes of 64 are aligned to 64 */
    ct__object *object = ct__take(cx, bytes);
    if (!object)
        return NULL;
    memset(object, 0, bytes);
    *object = (ct__object){ .next = cx->objects, .prev = &cx->objects, .cx = cx, .bytes = bytes,
                            .seal = sealed(cx, ALIVE), .finish = finish };
    if (object->next)
        object->next->prev = &object->next;
    cx->objects = object;
    return object + 1;
}

bool ct_object_alive(const void *user_object, void (*finish)(void *object), const char *who)
{
    if (!user_object)
        return false;
    const ct__object *object = (const ct__object *)user_object - 1;
    ct_context *cx = object->cx;
    bool alive = object->seal == sealed(cx, ALIVE);
    if (alive && object->finish == finish)
        return true;
    if (alive || object->seal == sealed(cx, FREED))
        ct_fail(cx, CT_ERROR_STALE, "%s: this object was freed before", who);
    return false;
}

void ct__object_called(void *user_object)
{
    ((ct__object *)user_object - 1)->called = true;
}

static void let_go(ct__object *object)
{
    *object->prev = object->next;
    if (object->next)
        object->next->prev = object->prev;
    object->seal = sealed(object->cx, FREED);
    object->cx->gone += object->called;
    if (object->finish) {
        ct__scope scope;
        ct__scope_push(object->cx, &scope);
        object->finish(object + 1);
        ct__scope_pop(object->cx, &scope);
    }
    ct__give_back(object->cx, object, object->bytes);
}

void ct_object_free(void *user_object)
{
    if (!user_object)
        return;
    ct__object *object = (ct__object *)user_object - 1;
    if (ct_object_alive(user_object, object->finish, "object_free"))
        let_go(object);
}

void ct__objects_free(ct_context *cx)
{
    while (cx->objects)
        let_go(cx->objects);
}
