/* Slots and steps of a plan that is being noted. A buffer is known by a number that is written into
 * it; one whose content nobody accounts for ends the noting. */
#include <stdio.h>
#include <string.h>

#include "programs.h"

void ct__stay_eager(ct__plan *p, const char *who)
{
    if (!p->why[0])
        snprintf(p->why, sizeof p->why, "%s", who);
}

/* -- Slots */
static bool more_blocks(ct__plan *p)
{
    int room = 2 * p->room + 4;
    char **more = ct__plan_take_aside(p, (size_t)room * sizeof *more);
    if (more && p->room > 0)
        memcpy(more, p->slots, (size_t)p->room * sizeof *more);
    p->slots = more ? more : p->slots;
    p->room = more ? room : p->room;
    return more;
}

ct__slot *ct__slot_new(ct__plan *p, ct__kind kind, int64_t bytes)
{
    int block = p->count / CT__BLOCK;
    if (p->count % CT__BLOCK == 0) {
        if (block == p->room && !more_blocks(p))
            return NULL;
        p->slots[block] = ct__plan_take_aside(p, (size_t)CT__BLOCK * CT__SLOT);
    }
    if (!p->slots[block])
        return NULL;
    ct__slot *s = ct__slot_at(p, p->count);
    s->spot.slot = s;
    s->kind = (uint8_t)kind;
    s->bytes = bytes;
    s->number = p->count++;
    if (p->count == 0x7ffffff)
        ct__stay_eager(p, "too many tensors");
    return s;
}

ct__slot *ct__slot_for(ct__plan *p, ct__kind kind, ct__buffer *buffer)
{
    ct__slot *s = ct__slot_new(p, kind, buffer->bytes);
    if (!s)
        return NULL;
    s->at = buffer;
    buffer->noted = (uint32_t)p->count & 0x7ffffff;
    return s;
}

ct__slot *ct__slot_known(const ct__plan *p, const ct__buffer *b)
{
    int number = (int)b->noted;
    ct__slot *s = number > 0 && number <= p->count ? ct__slot_at(p, number - 1) : NULL;
    return s && s->at == b ? s : NULL;
}

/* a tensor that was there before the run */
static ct__slot *leaf_of(ct__plan *p, const ct_tensor *t)
{
    if (t->buffer->gradient)
        ct__stay_eager(p, "a gradient from before the run");
    else if (t->op)
        ct__stay_eager(p, "a recorded result from before the run");
    else if (t->buffer->refs > 100u * CT__PROGRAM)
        ct__stay_eager(p, "a tensor that too many programs read");
    else if (t->flags & CT__ZERO)
        ct__stay_eager(p, "a tensor that was known to be zero");
    ct__slot *s = ct__is_over(p) ? NULL : ct__slot_for(p, CT__LEAF, t->buffer);
    if (!s)
        return NULL;
    if (t->buffer->refs < CT__PROGRAM)
        t->buffer->changed = false;
    t->buffer->refs += CT__PROGRAM;
    return s;
}

void ct__gathered_forget(ct__plan *p, const ct__slot *s)
{
    for (unsigned i = 0; i < CT__LOOKS && i < p->gathers; i++)
        if (p->gathered[i].from && (!s || p->gathered[i].from->slot == s))
            p->gathered[i].from = NULL;
}

static ct__slot *new_slot_of(ct__plan *p, const ct_tensor *t, int use)
{
    if (!t->buffer->heard)
        return leaf_of(p, t);
    if (use == CT__WRITTEN)
        return ct__slot_for(p, CT__ARENA, t->buffer);
    ct__stay_eager(p, "a tensor that no operator wrote");
    return NULL;
}

ct__slot *ct__slot_of(ct__plan *p, const ct_tensor *t, int use)
{
    if (t->cx != p->from)
        ct__stay_eager(p, "a tensor of another context");
    if (ct__is_over(p))
        return NULL;
    ct__slot *s = ct__slot_known(p, t->buffer);
    if (!s && !(s = new_slot_of(p, t, use)))
        return NULL;
    if (use & CT__WRITTEN) {
        s->written = true;
        ct__gathered_forget(p, s->kind == CT__ARENA ? s : NULL); /* others may be the same memory */
    }
    return s;
}

/* -- Steps */
void ct__mix_bytes(const ct__plan *p, uint64_t *hash, const void *bytes, size_t n)
{
    for (size_t i = 0; p->compared && i < n; i += 8) {
        uint64_t word = 0;
        memcpy(&word, (const char *)bytes + i, n - i < 8 ? n - i : 8);
        ct__mix_word(hash, word);
    }
}

void ct__step_close(ct__plan *p)
{
    if (!p->compared)
        return;
    if (p->newest) /* of the highest bits, to which all others carry */
        p->newest->hash = (uint16_t)(p->step_hash * 0x9e3779b97f4a7c15 >> 48);
    ct__mix_word(&p->hash, p->step_hash);
    p->newest = NULL;
    p->step_hash = 0;
}

ct__step *ct__step_new(ct__plan *p, ct__act act, size_t bytes)
{
    ct__step *s = ct__is_over(p) ? NULL : ct__plan_take_words(p, bytes);
    if (!s)
        return NULL;
    ct__step_close(p);
    p->newest = s;
    ct__mix(p, act);
    s->act = (unsigned)act & 63;
    *p->end = s;
    p->end = &s->next;
    p->length++;
    return s;
}
