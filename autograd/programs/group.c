/* Groups: kernels over tensors with as many elements, which are run one after the other for a piece
 * of the elements, and then for the next piece, so that what one writes and another reads stays in
 * the first cache. A buffer that only a group uses has room for a piece, and no more. At its end a
 * group may have a sum, which then asks for the pieces in its own order (reduce.c).
 *
 * A kernel may join a group if it reads and writes, of what the group writes, the same elements for
 * each piece. Steps between its members are done before the group if they use nothing of it, and
 * else after it; then a member must not use what they write. */
#include <string.h>

#include "programs.h"

enum {
    PIECE = CT__PIECE,
    PIECES = CT__PIECES,
    SHORT = 8,          /* elements of a row whose sum is too small a matter for a group */
    LATER = 64          /* steps that are put off at most */
};

typedef struct grouping {
    int number;         /* of the group */
    uint32_t n, size;
    ct__step *members, **end, *sum;
    ct__step *later[LATER];
    int later_count;
    bool good;          /* what a visitor found */
} grouping;

static bool is_large(const ct__step *s)
{
    return s->act == CT__KERNEL && (int64_t)s->n * s->size > CT__ALONE;
}

static bool has(const grouping *g, const ct__slot *s, int what)
{
    return s->mark->group[what] == g->number;
}

/* What is not the plan's own may be reached in other ways, too: as an argument and as a leaf. */
static bool is_own(const ct__slot *s)
{
    return ct__is_placed(s) || s->kind == CT__FRESH;
}

/* -- What may join */
static bool may_join(const grouping *g, const ct__step *s)
{
    if (!is_large(s) || s->n != g->n || s->size != g->size)
        return false;
    for (int k = 0; k < s->operands; k++) {
        const ct__spot *at = s->data[k];
        const ct__slot *slot = at->slot;
        bool same = slot->mark->group_offset == at->offset && s->kernel != ct__gather;
        if (has(g, slot, CT__WRITTEN_LATER) || (has(g, slot, CT__WRITES) && !same))
            return false;
        if (k == 0 && (has(g, slot, CT__READ_LATER) || has(g, slot, CT__GATHERS) ||
                       (has(g, slot, CT__USES) && !same) || !is_own(slot)))
            return false;
    }
    return true;
}

static void join(grouping *g, ct__step *s)
{
    for (int k = s->operands - 1; k >= 0; k--) {
        ct__spot *at = s->data[k];
        bool gathers = k == 1 && s->kernel == ct__gather;
        if (has(g, at->slot, CT__USES) && at->slot->mark->group_offset != at->offset)
            gathers = true; /* in two ways: so nobody may write it */
        at->slot->mark->group[CT__USES] = g->number;
        at->slot->mark->group_offset = at->offset;
        if (gathers)
            at->slot->mark->group[CT__GATHERS] = g->number;
        if (k == 0)
            at->slot->mark->group[CT__WRITES] = g->number;
    }
    *g->end = s;
    g->end = &s->next;
}

/* -- The sum */
/* Sums all numbers, or those of each row, of a tensor that the group has used? */
static bool may_sum(const grouping *g, const ct__step *s)
{
    if (g->sum || s->act != CT__RUN || s->gx || s->call.op != &ct_sum_to_op)
        return false;
    const ct_tensor *x = s->call.x[0], *y = s->call.y[0];
    const ct__slot *from = ct__place_of(x)->slot, *to = ct__place_of(y)->slot;
    return x->count == g->n && x->count >= SHORT * y->count && !(x->flags & CT__ZERO) &&
           has(g, from, CT__USES) && from->mark->group_offset == ct__place_of(x)->offset &&
           !has(g, from, CT__WRITTEN_LATER) && is_own(to) && !has(g, to, CT__USES) &&
           !has(g, to, CT__READ_LATER) && !has(g, to, CT__WRITTEN_LATER) &&
           ct__reduces_rows(x, ct__summed_axes(&s->call));
}

/* Nobody in the group writes what is summed, or uses the sum, from now on. */
static void put_sum(grouping *g, ct__step *s)
{
    ct__place_of(s->call.x[0])->slot->mark->group[CT__GATHERS] = g->number;
    ct__place_of(s->call.y[0])->slot->mark->group[CT__WRITTEN_LATER] = g->number;
    g->sum = s;
}

/* -- What is in between */
/* Does the step use nothing that is written by the group, or later? */
static void see_before(ct__slot *s, bool written, void *arg)
{
    grouping *g = arg;
    if (has(g, s, CT__WRITES) || has(g, s, CT__WRITTEN_LATER) ||
        (written && (has(g, s, CT__USES) || has(g, s, CT__READ_LATER) || !is_own(s))))
        g->good = false;
}

static bool may_go_before(grouping *g, const ct__step *s)
{
    g->good = s->act == CT__LOAD || (s->act == CT__KERNEL && !is_large(s));
    if (g->good)
        ct__each_slot(s, see_before, g);
    return g->good;
}

static void see_after(ct__slot *s, bool written, void *arg)
{
    grouping *g = arg;
    g->good = g->good && (!written || is_own(s));
}

static void mark_later(ct__slot *s, bool written, void *arg)
{
    const grouping *g = arg;
    s->mark->group[written ? CT__WRITTEN_LATER : CT__READ_LATER] = g->number;
}

static bool may_go_after(grouping *g, const ct__step *s)
{
    g->good = g->later_count < LATER && (s->act == CT__LOAD || s->act == CT__KERNEL ||
                                         s->act == CT__RUN || s->act == CT__FILL);
    if (g->good)
        ct__each_slot(s, see_after, g);
    return g->good;
}

/* -- Grouping */
static void append(ct__plan *p, ct__step *s)
{
    *p->end = s;
    p->end = &s->next;
}

/* Makes a group that begins with steps[0]. Returns how many steps are done with; the next ones in
 * `steps` are those that were put off. */
static int make_group(ct__plan *p, ct__step **steps, int count, int number)
{
    grouping g = { .number = number, .n = steps[0]->n, .size = steps[0]->size };
    ct__step *group = ct__plan_take_words(p, offsetof(ct__step, sum) + sizeof group->sum);
    int i = 0;
    if (!group)
        return count;
    if (!may_join(&g, steps[0])) {
        append(p, steps[0]);
        return 1;
    }
    g.end = &g.members;
    for (; i < count; i++) {
        ct__step *s = steps[i];
        if (may_join(&g, s)) {
            join(&g, s);
        } else if (may_sum(&g, s)) {
            put_sum(&g, s);
        } else if (may_go_before(&g, s)) {
            append(p, s);
        } else if (may_go_after(&g, s)) {
            g.later[g.later_count++] = s;
            ct__each_slot(s, mark_later, &g);
        } else {
            break;
        }
    }
    *g.end = g.sum;
    if (g.sum)
        g.sum->next = NULL;
    group->sum = g.sum;
    group->act = CT__GROUP;
    group->n = g.n;
    group->size = g.size & 15;
    group->members = g.members;
    append(p, group);
    memcpy(steps + i - g.later_count, g.later, (size_t)g.later_count * sizeof *steps);
    return i - g.later_count;
}

bool ct__plan_group(ct__plan *p, ct__step **steps, int count)
{
    int number = 0, large = 0;
    while (large < count && !is_large(steps[large]))
        large++;
    ct__mark *marks = NULL;
    if (large < count)
        marks = ct__plan_take_aside(p, (size_t)p->count * sizeof *marks);
    for (int i = 0; marks && i < p->count; i++)
        ct__slot_at(p, i)->mark = &marks[i];
    p->end = &p->steps;
    for (int i = 0; i < count && !p->failed;)
        if (!is_large(steps[i]))
            append(p, steps[i++]);
        else
            i += make_group(p, steps + i, count - i, ++number);
    *p->end = NULL;
    return number > 0 && !p->failed;
}

/* -- The room */
/* A slot of the arena is written wholly by the first step that uses it. So if only this group does,
 * a member writes all of it, and has as many elements. */
static bool is_local(const ct__slot *s)
{
    return s->kind == CT__ARENA && s->first == s->last;
}

/* What is summed gets the last pieces of the room, for all elements that are summed at once.
 * Returns a bit for each piece. */
static uint32_t furnish_sum(const ct__step *group)
{
    ct__slot *x = group->sum ? ct__place_of(group->sum->call.x[0])->slot : NULL;
    int pieces = CT__MADE * group->size / PIECE;
    if (!x || !is_local(x))
        return 0;
    x->local = true;
    x->offset = (PIECES - pieces) * PIECE;
    x->mark->group_offset = -1; /* they are not given back */
    return ~(uint32_t)0 << (PIECES - pieces);
}

/* A piece belongs to a slot from the member that first uses it to the last one. Where all are
 * taken, the slot lies in the arena. */
void ct__plan_furnish(const ct__step *group)
{
    enum { REFUSED = -1 };
    int number = 0;
    for (const ct__step *s = group->members; s; s = ct__next_kernel(s), number++)
        for (int k = 0; k < s->operands; k++)
            ((ct__spot *)s->data[k])->slot->mark->group_offset = number; /* the last one wins */
    uint32_t taken = furnish_sum(group);
    number = 0;
    for (const ct__step *s = group->members; s; s = ct__next_kernel(s), number++) {
        for (int k = s->operands - 1; k >= 0; k--) {
            ct__slot *slot = ((ct__spot *)s->data[k])->slot;
            int *mark = &slot->mark->group[CT__USES], place = 0;
            if (slot->local || *mark == REFUSED || !is_local(slot))
                continue;
            while (place < PIECES && taken >> place & 1)
                place++;
            slot->local = place < PIECES;
            if (!slot->local) {
                *mark = REFUSED;
                continue;
            }
            slot->offset = place * PIECE;
            taken |= 1u << place;
        }
        for (int k = 0; k < s->operands; k++) {
            const ct__slot *slot = ((ct__spot *)s->data[k])->slot;
            if (slot->local && slot->mark->group_offset == number)
                taken &= ~(1u << slot->offset / PIECE);
        }
    }
}

/* -- A run */
/* where the operand's element `at` is, in a run of elements from `begin` on */
static char *find(const ct__step *group, void *data, int64_t begin, int64_t at, char *room)
{
    if (!ct__in_room(data))
        return (char *)data + at * group->size;
    bool summed = group->sum && data == group->sum->call.x[0]->data;
    return room + (uintptr_t)data + (summed ? (at - begin) * group->size : 0);
}

static void run_pieces(const ct__step *group, int64_t begin, int64_t end, char *room)
{
    int64_t piece = PIECE / group->size;
    for (int64_t at = begin; at < end; at += piece)
        for (const ct__step *s = group->members; s; s = ct__next_kernel(s)) {
            void *data[CT__OPERANDS];
            int64_t n = end - at < piece ? end - at : piece;
            for (int k = 0; k < s->operands; k++)
                data[k] = find(group, s->data[k], begin, at, room);
            if (s->kernel == ct__gather)
                ct__gather_from(at, n, data[0], s->data[1], s->arg);
            else
                s->kernel(n, data[0], data + 1, s->arg);
        }
}

static void run_range(int64_t begin, int64_t end, void *group)
{
    _Alignas(64) char room[PIECES * PIECE];
    run_pieces(group, begin, end, room);
}

static void sum_range(const ct_fold *fold, int64_t m, int64_t n, void *kept, int64_t at, void *arg)
{
    const ct__step *group = arg;
    _Alignas(64) char room[PIECES * PIECE];
    run_pieces(group, at, at + m * n, room);
    fold->fold(m, n, kept, find(group, group->sum->call.x[0]->data, at, at, room), n, 1);
}

ct_status ct__run_group(const ct__step *group, ct_context *cx)
{
    void *arg = (void *)(uintptr_t)group;
    const ct_call *sum = group->sum ? &group->sum->call : NULL;
    if (sum)
        return ct__reduce_made(sum->x[0], sum->y[0], ct__summed_axes(sum),
                               ct__sum_fold(cx, sum->x[0]->dtype), sum_range, arg);
    ct_parallel_ranges(cx, group->n, CT__GRAIN, run_range, arg);
    return CT_OK;
}
