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
    size_t least = p->taken < 2048 ? 1024 : p->taken < 65536 ? p->taken / 2 : 32768;
    bytes = bytes > 0 ? (bytes + 15) / 16 * 16 : 16; /* nothing is something, too */
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
        p->taken += all;
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

static void give_back(ct__plan *p, chunk **chunks)
{
    for (chunk *c; (c = *chunks);) {
        *chunks = c->next;
        ct__give_back(p->cx, c, sizeof *c + c->bytes);
    }
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
    for (int d = 0; d < 2 * t->ndim; d++)
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
    ct__slot **slots = p->outer ? p->outer : p->slots;
    for (int i = 0; i < (p->outer ? p->outer_count : p->count); i++)
        if (slots[i]->kind == CT__LEAF) {
            slots[i]->at->refs -= CT__PROGRAM - 1;
            ct__buffer_drop(p->from, slots[i]->at);
        }
    for (ct__graded *g = p->graded; g; g = g->next) {
        g->x->handles -= CT__PROGRAM - 1;
        ct__unhandle(g->x);
    }
    ct__give_back(cx, p->arena, (size_t)p->arena_bytes);
    give_back(p, &p->chunks);
    give_back(p, &p->aside);
    ct__give_back(cx, p, sizeof *p);
}

/* -- Finishing: which steps are done, in which order, and where what they use lies */
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

/* Are all results in the arena, and read by nobody? Only kernels, and sums, may be left out. */
static bool is_idle(const ct__step *s)
{
    if (s->act == CT__KERNEL) {
        const ct__slot *y = ((ct__spot *)s->data[0])->slot;
        return y->kind == CT__ARENA && !y->needed;
    }
    if (s->act != CT__RUN || s->gx || s->call.op != &ct_sum_to_op)
        return false;
    const ct__slot *y = ct__place_of(s->call.y[0])->slot;
    return y->kind == CT__ARENA && !y->needed;
}

/* a use by the step of that number; steps are visited from the last one to the first */
static void use(ct__slot *s, bool written, void *arg)
{
    s->needed = s->needed || !written;
    s->first = *(const int *)arg;
    s->last = s->last ? s->last : s->first;
}

/* Those in order that are done; constants that stay what they are need no loading. The slots get to
 * know which steps use them. */
static ct__step **steps_in_use(ct__plan *p, int *count)
{
    int room = p->length, first = room;
    ct__step **all = ct__plan_take_aside(p, (size_t)(room + 1) * sizeof *all);
    int n = 0;
    for (ct__step *s = all ? p->steps : NULL; s; s = s->next)
        if (s->act != CT__LOAD || s->slot->kind != CT__CONSTANT)
            all[n++] = s;
    first = n;
    for (int i = n - 1; i >= 0; i--)
        if (!is_idle(all[i])) {
            all[--first] = all[i];
            ct__each_slot(all[i], use, &(int){ first + 1 });
        }
    for (int i = 0; i < p->count; i++)
        if (p->slots[i]->first) /* so that the first step is number 1 */
            p->slots[i]->first -= first, p->slots[i]->last -= first;
    *count = n - first;
    return all ? all + first : NULL;
}

static void use_again(ct__slot *s, bool written, void *arg)
{
    int step = *(const int *)arg;
    (void)written;
    s->first = s->first ? s->first : step;
    s->last = step;
}

/* -- Addresses */
static bool stays(const ct__slot *s)
{
    return s->kind != CT__ARENA && s->kind != CT__CONSTANT;
}

static char *address(const ct__plan *p, const ct__slot *s)
{
    return s->kind == CT__LEAF       ? s->at->data
           : s->kind == CT__CONSTANT ? s->content
           : s->kind != CT__ARENA    ? NULL /* another one in each run */
           : s->local                ? (char *)(uintptr_t)s->offset
                                     : (char *)p->arena + s->offset;
}

/* *at becomes the address of the spot, now or in each run; until then it is one that no other spot
 * has. */
static void point(ct__plan *p, void **at, const ct__spot *spot)
{
    const ct__slot *s = spot->slot;
    char *data = address(p, s);
    ct__patch *patch = stays(s) && s->kind != CT__LEAF ? ct__plan_take(p, sizeof *patch) : NULL;
    *at = data ? data + spot->offset : s->local ? NULL : (void *)s;
    if (!patch)
        return;
    *patch = (ct__patch){ s->stays->patches, at, spot->offset };
    s->stays->patches = patch;
}

static void point_step(ct__plan *p, ct__step *s)
{
    if (s->act == CT__LOAD) {
        s->from = s->slot->content;
        s->bytes = (size_t)s->slot->bytes;
        point(p, &s->to, &s->slot->spot);
    } else if (s->act == CT__SET_GRAD) {
        s->slot = s->slot->stays;
    } else if (s->act == CT__KERNEL) {
        for (int k = 0; k < s->operands; k++)
            point(p, &s->data[k], s->data[k]);
    } else if (s->act == CT__GROUP) {
        for (ct__step *member = s->members; member; member = member->next)
            point_step(p, member);
    }
}

/* Headers and what they lead to, and the copy of a slot that stays. */
static void point_slot(ct__plan *p, ct__slot *s)
{
    ct__slot *copy = stays(s) ? ct__plan_take(p, sizeof *s) : NULL;
    bool own = s->kind == CT__ARGUMENT || (s->kind == CT__LEAF && p->from != p->cx);
    ct__buffer *buffer = own                   ? ct__plan_take(p, sizeof *buffer)
                         : s->kind == CT__LEAF ? s->at
                                               : &p->own; /* all in one: they are many */
    char *data = address(p, s);
    if (p->failed)
        return;
    if (own) {
        buffer->refs = CT__PROGRAM;
        buffer->bytes = s->bytes;
        buffer->data = data;
    }
    s->own = buffer;
    s->stays = copy;
    for (ct_tensor *h = s->headers; h; h = h->link) {
        h->buffer = buffer;
        h->data = data ? data + ct__place_of(h)->offset : NULL;
        if (copy)
            ct__place_of(h)->slot = copy;
    }
    if (copy)
        *copy = *s;
}

static void point_all(ct__plan *p)
{
    int n = 0;
    ct__slot **outer = ct__plan_take(p, (size_t)(p->count + 1) * sizeof(ct__slot *));
    p->own.refs = CT__PROGRAM;
    for (int i = 0; i < p->count && !p->failed; i++) {
        point_slot(p, p->slots[i]);
        if (stays(p->slots[i]) && !p->failed)
            outer[n++] = p->slots[i]->stays;
    }
    for (ct__step *s = p->steps; s && !p->failed; s = s->next)
        point_step(p, s);
    if (p->failed)
        return;
    p->outer = outer;
    p->outer_count = n;
    p->slots = NULL;
    p->count = 0;
    give_back(p, &p->aside);
}

void ct__plan_finish(ct__plan *p)
{
    int count = 0, step = 0;
    for (int i = 0; i < p->count; i++) {
        ct__slot *s = p->slots[i];
        if (s->kind == CT__CONSTANT && s->written)
            s->kind = CT__ARENA;
        s->needed = stays(s);
    }
    ct__step **all = steps_in_use(p, &count);
    bool grouped = all && ct__plan_group(p, all, count);
    for (int i = 0; i < p->count && grouped; i++)
        p->slots[i]->first = 0;
    for (ct__step *s = grouped ? p->steps : NULL; s; s = s->next)
        step++, ct__each_slot(s, use_again, &step);
    for (ct__step *s = grouped ? p->steps : NULL; s; s = s->next)
        if (s->act == CT__GROUP)
            ct__plan_furnish(s);
    for (int i = 0; i < p->count; i++) { /* groups are made: now these have their place */
        p->slots[i]->own = NULL;
        p->slots[i]->stays = NULL;
        p->slots[i]->patches = NULL;
        p->slots[i]->now = NULL;
    }
    ct__arena_place(p);
    if (!p->failed)
        point_all(p);
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
