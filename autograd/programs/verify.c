/* What verify compares: a plan with another one that was noted of the same function. */
#include <string.h>

#include "programs.h"

/* Which buffers become results is seen at the end. */
static bool same_slot(const ct__slot *s, const ct__slot *t)
{
    bool outer = s->kind == CT__LEAF || s->kind == CT__ARGUMENT || s->kind == CT__HELD;
    return s->number == t->number && s->bytes == t->bytes &&
           (outer ? s->kind == t->kind && s->argument == t->argument &&
                        (s->kind != CT__LEAF || s->at == t->at) &&
                        (s->kind != CT__HELD || s->as == t->as)
                  : t->kind != CT__LEAF && t->kind != CT__ARGUMENT && t->kind != CT__HELD);
}

/* the same shape and dtype, in the same place of a buffer with the same number */
static bool same_operand(const ct_tensor *a, const ct_tensor *b)
{
    if (!a || !b || a == b)
        return a == b;
    const ct__slot *s = ct__place_of(a)->slot, *t = ct__place_of(b)->slot;
    return a->dtype == b->dtype && a->ndim == b->ndim && a->flags == b->flags &&
           memcmp(a->dims, b->dims, 2 * (size_t)a->ndim * sizeof a->dims[0]) == 0 && !s == !t &&
           ct__place_of(a)->offset == ct__place_of(b)->offset &&
           (!s || same_slot(s, t));
}

static bool same_operands(ct_tensor *const *a, ct_tensor *const *b, int n)
{
    bool same = !a == !b;
    for (int i = 0; a && i < n && same; i++)
        same = same_operand(a[i], b[i]);
    return same;
}

static bool same_call(const ct_call *a, const ct_call *b)
{
    return a->op == b->op && a->n == b->n && a->recording == b->recording && a->adds == b->adds &&
           a->outputs == b->outputs && a->aux_count == b->aux_count &&
           memcmp(a->attributes, b->attributes, a->op->attributes_size) == 0 &&
           same_operands(a->x, b->x, a->n) && same_operands(a->y, b->y, a->outputs) &&
           same_operands(a->aux, b->aux, a->aux_count);
}

static bool same_step(const ct__step *a, const ct__step *b)
{
    if (a->act != b->act)
        return false;
    if (a->act == CT__RUN)
        return same_call(&a->call, &b->call) && same_operands(a->gy, b->gy, a->call.outputs) &&
               same_operands(a->gx, b->gx, a->call.n);
    if (a->act == CT__FILL)
        return a->fill == b->fill && a->bytes == b->bytes && same_operand(a->y, b->y) &&
               memcmp(a->attributes, b->attributes, a->bytes) == 0 && same_operand(a->x, b->x);
    return !a->slot == !b->slot && (!a->slot || a->slot->number == b->slot->number) &&
           a->x == b->x && a->again == b->again && a->user == b->user &&
           a->recording == b->recording && !a->stream == !b->stream;
}

static const char *name(const ct__step *s)
{
    static const char *const names[] = { [CT__LOAD] = "a constant", [CT__ZERO_GRAD] = "zero_grad",
        [CT__SET_GRAD] = "a gradient", [CT__AGAIN] = "a step of an optimizer",
        [CT__FILL] = "a draw or an assignment", [CT__KEEP_STREAM] = "a checkpoint",
        [CT__TAKE_STREAM] = "a checkpoint" };
    return !s ? "the end" : s->act == CT__RUN ? s->call.op->name : names[s->act];
}

const char *ct__plans_differ(const ct__plan *a, const ct__plan *b)
{
    if (b->why[0])
        return b->why;
    for (int i = 0; i < a->count && i < b->count; i++) /* numbers of the text that no step loads */
        if (a->slots[i]->content && b->slots[i]->content &&
            a->slots[i]->bytes == b->slots[i]->bytes &&
            memcmp(a->slots[i]->content, b->slots[i]->content, (size_t)a->slots[i]->bytes) != 0)
            return "a constant";
    const ct__step *s = a->steps, *t = b->steps;
    while (s && t && same_step(s, t))
        s = s->next, t = t->next;
    return s || t                                                          ? name(t ? t : s)
           : same_operands(a->results, b->results, a->result_count) ? NULL
                                                                     : "the result";
}
