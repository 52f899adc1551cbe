/* Plans: their memory, the headers of their tensors, and where in the arena buffers lie. */
#include <string.h>

#include "programs.h"

/* -- Memory: chunks that go with the plan */
typedef struct ct__chunk {
    struct ct__chunk *next;
    size_t bytes, used;
    char room[];
} chunk;

static void *take(ct__plan *p, chunk **chunks, size_t bytes)
{
    size_t least = 16384;
    bytes = (bytes + 16) / 16 * 16; /* nothing is something, too */
    if (!*chunks || (*chunks)->bytes - (*chunks)->used < bytes) {
        size_t all = sizeof(chunk) + 16 + (bytes > least ? bytes : least);
        chunk *c = ct__take_quietly(p->cx, all);
        if (!c) {
            p->failed = true;
            return NULL;
        }
        *c = (chunk){ *chunks, all - sizeof *c, 0 };
        c->used = (size_t)(-(uintptr_t)c->room & 15);
        *chunks = c;
    }
    char *block = (*chunks)->room + (*chunks)->used;
    (*chunks)->used += bytes;
    return memset(block, 0, bytes);
}

void *ct__plan_take(ct__plan *p, size_t bytes)
{
    return take(p, &p->chunks, bytes);
}

void *ct__plan_take_aside(ct__plan *p, size_t bytes)
{
    return take(p, &p->aside, bytes);
}

static void give_back(ct__plan *p, chunk *chunks)
{
    for (chunk *c; (c = chunks);) {
        chunks = c->next;
        ct__give_back(p->cx, c, sizeof *c + c->bytes);
    }
}

ct_tensor *ct__plan_header(ct__plan *p, ct__slot *slot, const ct_tensor *t, bool wanted)
{
    const uint16_t kept = CT__READ_ONLY | CT__CONTIGUOUS | CT__ZERO | CT__REQUIRES_GRAD;
    uint16_t flags = (uint16_t)((t->flags & kept) | (wanted ? CT__IN_WALK : 0));
    size_t dims = 2 * (size_t)t->ndim * sizeof t->dims[0];
    int64_t offset = slot ? t->data - (char *)t->buffer->data : 0;
    for (ct_tensor *h = slot ? slot->headers : NULL; h; h = h->link)
        if (h->dtype == t->dtype && h->ndim == t->ndim && h->flags == flags &&
            ct__place_of(h)->offset == offset && memcmp(h->dims, t->dims, dims) == 0)
            return h;
    ct__place *place = ct__plan_take(p, sizeof *place + sizeof *t + dims);
    if (!place)
        return NULL;
    *place = (ct__place){ slot, offset };
    ct_tensor *h = (ct_tensor *)(void *)(place + 1);
    h->cx = p->cx;
    h->count = t->count;
    h->dtype = t->dtype;
    h->ndim = t->ndim;
    h->flags = flags;
    h->mark = wanted; /* the vertex has 1 */
    memcpy(h->dims, t->dims, dims);
    h->link = slot ? slot->headers : NULL;
    if (slot)
        slot->headers = h;
    return h;
}

ct__plan *ct__plan_new(ct_context *cx, ct_tensor *const *x, int n)
{
    ct__plan *p = ct__take_quietly(cx, sizeof *p);
    if (!p)
        return NULL;
    *p = (ct__plan){ .cx = cx, .n = n, .recording = cx->recording, .inference = cx->inference,
                     .changes = cx->changes };
    p->end = &p->steps;
    p->arguments = ct__plan_take(p, (size_t)(n + 1) * sizeof(ct_tensor *));
    p->same = ct__plan_take(p, (size_t)(n + 1) * sizeof(ct_tensor *));
    for (int i = 0; p->arguments && p->same && i < n; i++) {
        p->arguments[i] = ct__plan_header(p, NULL, x[i], false);
        if (p->arguments[i])
            p->arguments[i]->data = x[i]->data;
        p->same[i] = x[i]->flags & CT__REQUIRES_GRAD && !x[i]->op ? x[i] : NULL;
    }
    p->vertex = ct__plan_take(p, sizeof(ct_tensor));
    if (p->vertex)
        p->vertex->mark = 1;
    return p;
}

void ct__plan_free(ct__plan *p)
{
    ct_context *cx = p->cx;
    for (int i = 0; i < p->count; i++)
        if (p->slots[i]->kind == CT__LEAF) {
            p->slots[i]->at->refs -= CT__PROGRAM - 1;
            ct__buffer_drop(cx, p->slots[i]->at);
        }
    for (ct__graded *g = p->graded; g; g = g->next) {
        g->x->handles -= CT__PROGRAM - 1;
        ct__unhandle(g->x);
    }
    ct__give_back(cx, p->arena, (size_t)p->arena_bytes);
    give_back(p, p->chunks);
    give_back(p, p->aside);
    ct__give_back(cx, p, sizeof *p);
}

/* -- The arena */
typedef struct hole {
    struct hole *next;
    int64_t at, bytes;
} hole;

/* the smallest hole that is large enough, or the end */
static void place(ct__slot *s, hole **holes, int64_t *end)
{
    int64_t bytes = (s->bytes + 63) / 64 * 64;
    hole **best = NULL;
    for (hole **h = holes; *h && !(best && (*best)->bytes == bytes); h = &(*h)->next)
        if ((*h)->bytes >= bytes && (!best || (*h)->bytes < (*best)->bytes))
            best = h;
    s->offset = best ? (*best)->at : *end;
    if (!best) {
        *end += bytes;
        return;
    }
    (*best)->at += bytes;
    (*best)->bytes -= bytes;
    if ((*best)->bytes == 0)
        *best = (*best)->next;
}

/* makes a hole of the slot, joined with those beside it */
static bool vacate(ct__plan *p, const ct__slot *s, hole **holes)
{
    int64_t bytes = (s->bytes + 63) / 64 * 64;
    hole **h = holes, *last = NULL;
    for (; *h && (*h)->at < s->offset; h = &(*h)->next)
        last = *h;
    if (bytes == 0)
        return true;
    hole *next = *h, *own = last && last->at + last->bytes == s->offset ? last : NULL;
    if (own)
        own->bytes += bytes;
    else if (!(own = ct__plan_take_aside(p, sizeof *own)))
        return false;
    else
        *own = (hole){ next, s->offset, bytes }, *h = own;
    if (next && own->at + own->bytes == next->at) {
        own->bytes += next->bytes;
        own->next = next->next;
    }
    return true;
}

/* Slots are in the order of their first steps. A buffer makes room after its last step. */
static bool place_all(ct__plan *p)
{
    hole *holes = NULL;
    int64_t end = 0;
    ct__slot **dying = ct__plan_take_aside(p, (size_t)(p->length + 2) * sizeof(ct__slot *));
    for (int step = 0, next = 0; dying && step <= p->length; step++) {
        for (; next < p->count && p->slots[next]->first <= step; next++) {
            ct__slot *s = p->slots[next];
            if (s->kind != CT__ARENA || s->last == 0)
                continue;
            place(s, &holes, &end);
            p->apart_bytes += (s->bytes + 63) / 64 * 64;
            s->dies = dying[s->last];
            dying[s->last] = s;
        }
        for (ct__slot *s = dying[step]; s; s = s->dies)
            if (!vacate(p, s, &holes))
                return false;
    }
    p->arena_bytes = (end + 64) / 64 * 64;
    p->arena = dying ? ct__take_quietly(p->cx, (size_t)p->arena_bytes) : NULL;
    return p->arena != NULL;
}

static void point_all(ct__plan *p)
{
    p->own.refs = CT__PROGRAM;
    for (int i = 0; i < p->count; i++) {
        ct__slot *s = p->slots[i];
        s->own.refs = CT__PROGRAM;
        s->own.bytes = s->bytes;
        s->own.data = s->kind == CT__LEAF ? s->at->data
                      : s->kind == CT__CONSTANT ? s->content
                                                : (char *)p->arena + s->offset;
        ct__buffer *buffer = s->kind == CT__LEAF       ? s->at
                             : s->kind == CT__ARGUMENT ? &s->own
                                                       : &p->own; /* all in one: they are many */
        for (ct_tensor *h = s->headers; h; h = h->link) {
            h->buffer = buffer;
            h->data = (char *)s->own.data + ct__place_of(h)->offset;
        }
    }
}

void ct__plan_finish(ct__plan *p)
{
    for (int i = 0; i < p->count; i++)
        if (p->slots[i]->kind == CT__CONSTANT && p->slots[i]->written)
            p->slots[i]->kind = CT__ARENA;
    for (ct__step **s = &p->steps; *s;) /* constants that stay so need no loading */
        if ((*s)->act == CT__LOAD && (*s)->slot->kind == CT__CONSTANT)
            *s = (*s)->next;
        else
            s = &(*s)->next;
    p->outer = ct__plan_take(p, (size_t)(p->count + 1) * sizeof(ct__slot *));
    for (int i = 0; p->outer && i < p->count; i++)
        if (p->slots[i]->kind != CT__ARENA && p->slots[i]->kind != CT__CONSTANT)
            p->outer[p->outer_count++] = p->slots[i];
    if (p->outer && place_all(p))
        point_all(p);
    else
        p->failed = true;
    p->changes = p->cx->changes;
    p->gone = p->cx->gone;
}

/* -- Does a plan fit? */
bool ct__plan_fits(const ct__plan *p, ct_tensor *const *x, int n)
{
    const uint16_t kept = CT__READ_ONLY | CT__CONTIGUOUS | CT__ZERO | CT__REQUIRES_GRAD;
    if (p->n != n || p->recording != p->cx->recording || p->inference != p->cx->inference)
        return false;
    for (int i = 0; i < n; i++) {
        const ct_tensor *h = p->arguments[i];
        ct_tensor *same = x[i]->flags & CT__REQUIRES_GRAD && !x[i]->op ? x[i] : NULL;
        if (same != p->same[i] || (same && h->data != same->data) || h->dtype != x[i]->dtype ||
            h->ndim != x[i]->ndim || h->flags != (x[i]->flags & kept) ||
            memcmp(h->dims, x[i]->dims, 2 * (size_t)h->ndim * sizeof h->dims[0]) != 0)
            return false;
    }
    for (const ct__graded *g = p->why[0] ? NULL : p->graded; g; g = g->next) {
        const ct_tensor *gradient = g->x->extra ? g->x->extra->grad : NULL;
        if ((g->first_set && gradient) || (g->held && !(gradient && ct__whole(gradient))))
            return false;
    }
    return true;
}

bool ct__plan_alive(const ct__plan *p)
{
    if (p->why[0])
        return true;
    if (p->calls && p->gone != p->cx->gone)
        return false;
    for (int i = 0; i < p->outer_count; i++) {
        const ct__buffer *b = p->outer[i]->kind == CT__LEAF ? p->outer[i]->at : NULL;
        if (b && (b->refs % CT__PROGRAM == 0 || (b->changed && p->changes != p->cx->changes)))
            return false;
    }
    for (const ct__graded *g = p->graded; g; g = g->next)
        if (g->x->handles % CT__PROGRAM == 0 || !(g->x->flags & CT__REQUIRES_GRAD))
            return false;
    return true;
}
