/* Finishing a plan that has been noted: which steps are done, in which order, and where what they
 * use lies. */
#include <limits.h>
#include <string.h>

#include "programs.h"

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

/* -- Addresses */
static bool stays(const ct__slot *s) /* a copy of it, with the plan */
{
    return s->kind != CT__ARENA && s->kind != CT__CONSTANT;
}

static char *address(const ct__plan *p, const ct__slot *s)
{
    return s->kind == CT__LEAF       ? s->at->data
           : s->kind == CT__CONSTANT ? s->content
           : !ct__is_placed(s)       ? NULL /* another one in each run */
           : s->local                ? (char *)(uintptr_t)s->offset
                                     : (char *)p->arena + s->offset;
}

/* *at becomes the address of the spot, now or in each run; until then it is one that no other spot
 * has. */
static void point(ct__plan *p, void **at, const ct__spot *spot)
{
    const ct__slot *s = spot->slot;
    char *data = address(p, s);
    bool moves = stays(s) && s->kind != CT__LEAF && s->kind != CT__LENT;
    ct__patch *patch = moves ? ct__plan_take(p, sizeof *patch) : NULL;
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
    } else if (s->act == CT__RUN && s->spare) {
        s->spare = address(p, s->spare);
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
    ct__plan_tidy(p);
}

/* Small ones are not worth it. */
static bool is_lent(const ct__slot *s)
{
    return s->kind == CT__FRESH && !s->kept && s->bytes >= 1024 && ct__shows_all(s->as, s);
}

void ct__plan_finish(ct__plan *p)
{
    int count = 0;
    for (int i = 0; i < p->count; i++) {
        ct__slot *s = p->slots[i];
        if (s->kind == CT__CONSTANT && s->written)
            s->kind = CT__ARENA;
        if (is_lent(s))
            s->kind = CT__LENT;
        s->needed = stays(s);
    }
    ct__step **all = steps_in_use(p, &count);
    bool grouped = all && ct__plan_group(p, all, count);
    for (int i = 0; i < p->count && grouped; i++) {
        ct__slot *s = p->slots[i];
        memset(s->group, 0, sizeof s->group);
        s->first = s->last = s->users = s->many = 0;
    }
    if (grouped)
        ct__plan_remake(p);
    for (ct__step *s = grouped ? p->steps : NULL; s; s = s->next)
        if (s->act == CT__GROUP)
            ct__plan_furnish(s);
    for (int i = 0; i < p->count; i++) { /* groups are made: now these have their place */
        if (p->slots[i]->kind == CT__LENT)
            p->slots[i]->last = INT_MAX;
        p->slots[i]->own = NULL;
        p->slots[i]->stays = NULL;
        p->slots[i]->patches = NULL;
        p->slots[i]->patched = NULL;
        p->slots[i]->now = NULL;
    }
    ct__arena_place(p);
    if (!p->failed)
        point_all(p);
    p->changes = p->cx->changes;
    p->gone = p->cx->gone;
}
