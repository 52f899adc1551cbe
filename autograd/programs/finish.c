/* Finishing a plan that has been noted: which steps are done, in which order, and where what they
 * use lies. */
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
static inline void use(ct__slot *s, bool written, int number)
{
    if (!written)
        s->needed = true;
    s->uses++;
    s->first = number;
    if (!s->last)
        s->last = number;
}

static void see_use(ct__slot *s, bool written, void *number)
{
    use(s, written, *(const int *)number);
}

static void use_all(const ct__step *s, int number)
{
    if (s->act != CT__KERNEL)
        ct__each_slot(s, see_use, &number);
    for (int k = s->act == CT__KERNEL ? s->operands - 1 : -1; k >= 0; k--)
        use(((ct__spot *)s->data[k])->slot, k == 0, number);
}

/* Steps, in order; each has the number of its place, from 1 on. Those before `first` are none. */
typedef struct order {
    ct__step **all;
    int first, end;
} order;

/* Those that are done; constants that stay what they are need no loading. The slots get to know
 * which steps use them. */
static order steps_in_use(ct__plan *p)
{
    size_t room = (size_t)p->length + (size_t)p->result_count; /* these may come on top */
    ct__step **all = ct__plan_take_aside(p, (room + 1) * sizeof *all);
    int n = 0, first;
    for (ct__step *s = all ? p->steps : NULL; s; s = s->next)
        if (s->act != CT__LOAD || s->slot->kind != CT__CONSTANT)
            all[n++] = s;
    first = n;
    for (int i = n - 1; i >= 0; i--)
        if (!is_idle(all[i])) {
            all[--first] = all[i];
            use_all(all[i], first + 1);
        }
    return (order){ all, first, n };
}

/* -- Small results that many steps use */
/* a header over `to` as h is over another slot */
static ct_tensor *moved(ct__plan *p, const ct_tensor *h, ct__slot *to)
{
    size_t bytes = sizeof(ct__place) + sizeof *h + 2 * (size_t)h->ndim * sizeof h->dims[0];
    ct__place *place = ct__plan_take(p, bytes);
    if (!place)
        return NULL;
    memcpy(place, ct__place_of(h), bytes);
    place->slot = to;
    ct_tensor *new = (ct_tensor *)(void *)(place + 1);
    new->link = to->headers;
    return to->headers = new;
}

/* A result is a new tensor, so each run would write its address wherever it is used, and the plan
 * would remember where that is. If this takes more memory than the result, it is made in the arena,
 * and handed over by a last step, which is returned; else NULL. */
static ct__step *hand_over(ct__plan *p, ct__slot *s, int number)
{
    const size_t bytes = offsetof(ct__step, y);
    if (s->kind != CT__FRESH || s->graded || s->bytes > s->uses * (int64_t)sizeof(ct__patch))
        return NULL;
    ct__step *step = ct__plan_take_words(p, bytes);
    ct__slot *to = step ? ct__slot_new(p, CT__FRESH, s->bytes) : NULL;
    for (int i = 0; to && i < p->result_count; i++)
        if (ct__place_of(p->results[i])->slot == s) {
            p->results[i] = moved(p, p->results[i], to);
            if (!p->results[i])
                return NULL;
            to->as = to->as ? to->as : p->results[i];
        }
    if (!to)
        return NULL;
    s->kind = CT__ARENA;
    s->last = number;
    step->act = CT__HAND;
    step->slot = s;
    step->to = &to->spot;
    step->bytes = (size_t)s->bytes;
    return step;
}

static void hand_all(ct__plan *p, order *steps)
{
    for (int i = 0; i < p->result_count && !p->failed; i++) {
        ct__step *step = hand_over(p, ct__place_of(p->results[i])->slot, steps->end + 1);
        if (step)
            steps->all[steps->end++] = step;
    }
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
    ct__slot *s = spot->slot;
    if (s->data || s->local) {
        *at = s->local ? s->data : s->data + spot->offset;
        return;
    }
    ct__patch *patch = ct__plan_take_words(p, sizeof *patch);
    *at = s;
    if (!patch)
        return;
    *patch = (ct__patch){ s->stays->patches, at, spot->offset };
    s->stays->patches = patch;
}

static void point_step(ct__plan *p, ct__step *s)
{
    if (s->act == CT__LOAD) {
        point(p, &s->to, &s->slot->spot);
    } else if (s->act == CT__HAND) {
        s->from = s->slot->data;
        point(p, &s->to, s->to);
    } else if (s->act == CT__SET_GRAD) {
        s->slot = s->slot->stays;
    } else if (s->act == CT__RUN && s->spare) {
        s->spare = ((ct__slot *)s->spare)->data;
    } else if (s->act == CT__KERNEL) {
        for (int k = 0; k < s->operands; k++)
            point(p, &s->data[k], s->data[k]);
    } else if (s->act == CT__GROUP) {
        for (ct__step *member = s->members; member; member = member->next)
            point_step(p, member);
    }
}

static void note_constant(ct__plan *p, const ct__slot *s)
{
    ct__constant *c = ct__plan_take_words(p, sizeof *c);
    if (!c)
        return;
    *c = (ct__constant){ p->constants, s->data, s->bytes };
    p->constants = c;
}

/* Headers and what they lead to, and the copy of a slot that stays. */
static void point_slot(ct__plan *p, ct__slot *s)
{
    ct__slot *copy = stays(s) ? ct__plan_take_words(p, sizeof *s) : NULL;
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
    s->stays = copy;
    s->data = data;
    if (s->kind == CT__CONSTANT)
        note_constant(p, s);
    for (ct_tensor *h = s->headers; h; h = h->link) {
        h->buffer = buffer;
        h->data = data ? data + ct__place_of(h)->offset : NULL;
        if (copy)
            ct__place_of(h)->slot = copy;
    }
    if (copy) {
        memcpy(copy, s, CT__SLOT);
        copy->own = buffer;
    }
}

static void point_all(ct__plan *p)
{
    int n = 0;
    ct__slot **outer = ct__plan_take(p, (size_t)p->outer_count * sizeof(ct__slot *));
    p->own.refs = CT__PROGRAM;
    for (int i = 0; i < p->count && !p->failed; i++) {
        ct__slot *s = ct__slot_at(p, i);
        point_slot(p, s);
        if (stays(s) && !p->failed)
            outer[n++] = s->stays;
    }
    for (ct__step *s = p->steps; s && !p->failed; s = s->next)
        point_step(p, s);
    if (p->failed)
        return;
    p->outer = outer;
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
    for (int i = 0; i < p->count; i++) {
        ct__slot *s = ct__slot_at(p, i);
        if (s->kind == CT__CONSTANT && s->written) {
            s->kind = CT__ARENA;
            s->offset = 0;
        }
        if (is_lent(s))
            s->kind = CT__LENT;
        s->needed = stays(s);
        p->outer_count += s->needed;
    }
    order steps = steps_in_use(p);
    hand_all(p, &steps);
    bool grouped = !p->failed && ct__plan_group(p, steps.all + steps.first,
                                                steps.end - steps.first);
    for (int i = 0; i < p->count && grouped; i++) {
        ct__slot *s = ct__slot_at(p, i);
        memset(s->mark, 0, sizeof *s->mark);
        s->first = s->last = 0;
    }
    if (grouped)
        ct__plan_remake(p);
    for (ct__step *s = grouped ? p->steps : NULL; s; s = s->next)
        if (s->act == CT__GROUP)
            ct__plan_furnish(s);
    ct__arena_place(p);
    if (!p->failed)
        point_all(p);
    p->changes = p->cx->changes;
    p->gone = p->cx->gone;
}
