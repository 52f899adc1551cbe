/* Plans: their memory, the headers of their tensors, what their steps use, and when they fit. */
#include <string.h>

#include "programs.h"

/* -- Memory: chunks that go with the plan */
typedef struct ct__chunk {
    struct ct__chunk *next;
    size_t bytes, used;
    char room[];
} chunk;

static CT__APART chunk *chunk_new(ct__plan *p, chunk **chunks, size_t bytes)
{
    size_t least = p->taken < 4096 ? 512 : p->taken < 262144 ? p->taken / 8 : 32768;
    size_t all = sizeof(chunk) + 16 + (bytes > least ? bytes : least);
    chunk *c = ct__take_quietly(p->cx, all);
    if (!c) {
        p->failed = true;
        return NULL;
    }
    memset(c, 0, all);
    c->next = *chunks;
    c->bytes = all - sizeof *c;
    c->used = (size_t)(-(uintptr_t)c->room & 15);
    *chunks = c;
    p->taken += all;
    return c;
}

/* nothing is something, too */
static inline void *take(ct__plan *p, chunk **chunks, size_t bytes, size_t unit)
{
    chunk *c = *chunks;
    size_t at = c ? c->used + ((size_t)-((uintptr_t)c->room + c->used) & (unit - 1)) : 0;
    bytes = bytes > 0 ? bytes + (-bytes & 7) : 8;
    if (!c || c->bytes < at + bytes) {
        c = chunk_new(p, chunks, bytes);
        if (!c)
            return NULL;
        at = c->used;
    }
    c->used = at + bytes;
    return c->room + at;
}

void *ct__plan_take(ct__plan *p, size_t bytes)
{
    return take(p, &p->chunks, bytes, 16);
}

void *ct__plan_take_words(ct__plan *p, size_t bytes)
{
    return take(p, &p->chunks, bytes, 8);
}

void *ct__plan_take_aside(ct__plan *p, size_t bytes)
{
    return take(p, &p->aside, bytes, 8);
}

static void give_back(ct__plan *p, chunk **chunks)
{
    for (chunk *c; (c = *chunks);) {
        *chunks = c->next;
        ct__give_back(p->cx, c, sizeof *c + c->bytes);
    }
}

void ct__plan_tidy(ct__plan *p)
{
    give_back(p, &p->aside);
}

ct_tensor *ct__plan_header(ct__plan *p, ct__slot *slot, const ct_tensor *t, bool wanted)
{
    const uint16_t kept = CT__READ_ONLY | CT__CONTIGUOUS | CT__ZERO | CT__REQUIRES_GRAD;
    uint16_t flags = (uint16_t)((t->flags & kept) | (wanted ? CT__IN_WALK : 0));
    size_t dims = 2 * (size_t)t->ndim * sizeof t->dims[0];
    int64_t offset = slot ? t->data - (char *)t->buffer->data : 0;
    if (slot)
        ct__mix_place(p, slot, offset);
    ct__mix(p, (uint64_t)t->dtype << 32 | (uint64_t)t->ndim << 16 | flags);
    for (int d = 0; d < 2 * t->ndim && p->compared; d++)
        ct__mix(p, (uint64_t)t->dims[d]);
    int looks = 0;
    for (ct_tensor *h = slot ? slot->headers : NULL; h && looks < CT__LOOKS; h = h->link, looks++)
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
    *p = (ct__plan){ .cx = cx, .from = cx, .n = n, .recording = cx->recording,
                     .inference = cx->inference, .changes = cx->changes };
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
    for (int i = 0; i < (p->outer ? p->outer_count : p->count); i++) {
        const ct__slot *s = p->outer ? p->outer[i] : ct__slot_at(p, i);
        if (s->kind == CT__LEAF) {
            s->at->refs -= CT__PROGRAM - 1;
            ct__buffer_drop(p->from, s->at);
        }
    }
    for (ct__graded *g = p->graded; g; g = g->next) {
        g->x->handles -= CT__PROGRAM - 1;
        ct__unhandle(g->x);
    }
    ct__give_back(cx, p->arena, (size_t)p->arena_bytes);
    give_back(p, &p->chunks);
    ct__plan_tidy(p);
    ct__give_back(cx, p, sizeof *p);
}

/* -- What steps use */
static void see_all(ct_tensor *const *t, int n, bool written, ct__visitor *visit, void *arg)
{
    for (int i = 0; t && i < n; i++)
        if (t[i] && ct__place_of(t[i])->slot)
            visit(ct__place_of(t[i])->slot, written, arg);
}

void ct__each_slot(const ct__step *s, ct__visitor *visit, void *arg)
{
    const ct_call *c = &s->call;
    switch ((ct__act)s->act) {
    case CT__RUN:
        see_all(c->x, c->n, !s->gx && c->outputs == 0, visit, arg);
        see_all(c->y, c->outputs, !s->gx, visit, arg);
        see_all(c->aux, c->aux_count, !s->gx, visit, arg);
        see_all(s->gy, c->outputs, false, visit, arg);
        see_all(s->gx, c->n, true, visit, arg);
        if (s->spare)
            visit(s->spare, true, arg);
        break;
    case CT__KERNEL:
        for (int k = s->operands - 1; k >= 0; k--)
            visit(((ct__spot *)s->data[k])->slot, k == 0, arg);
        break;
    case CT__GROUP:
        for (const ct__step *member = s->members; member; member = member->next)
            ct__each_slot(member, visit, arg);
        break;
    case CT__FILL:
        see_all(&s->x, 1, false, visit, arg);
        see_all(&s->y, 1, true, visit, arg);
        break;
    default:
        if (s->slot)
            visit(s->slot, s->act == CT__LOAD, arg);
    }
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
