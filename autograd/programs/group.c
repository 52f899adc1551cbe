/* Groups: kernels over tensors with as many elements, which are run one after the other for a piece
 * of the elements, and then for the next piece, so that what one writes and another reads stays in
 * the first cache. A buffer that only a group uses has room for a piece, and no more.
 *
 * A kernel may join a group if it reads and writes, of what the group writes, the same elements for
 * each piece. Steps between its members are done before the group if they use nothing of it, and
 * else after it; then a member must not use what they write. */
#include <string.h>

#include "programs.h"

enum {
    ALONE = 8192,       /* bytes of a tensor that is no group's affair: it stays in the cache */
    PIECE = CT__PIECE,
    PIECES = CT__PIECES,
    LATER = 64          /* steps that are put off at most */
};

typedef struct grouping {
    int number;         /* of the group */
    uint32_t n, size;
    ct__step *members, **end;
    ct__step *later[LATER];
    int later_count;
    bool good;          /* what a visitor found */
} grouping;

static bool is_large(const ct__step *s)
{
    return s->act == CT__KERNEL && (int64_t)s->n * s->size > ALONE;
}

static bool has(const grouping *g, const ct__slot *s, int what)
{
    return s->group[what] == g->number;
}

/* What is not the plan's own may be reached in other ways, too: as an argument and as a leaf. */
static bool is_own(const ct__slot *s)
{
    return s->kind == CT__ARENA || s->kind == CT__FRESH;
}

/* -- What may join */
static bool may_join(const grouping *g, const ct__step *s)
{
    if (!is_large(s) || s->n != g->n || s->size != g->size)
        return false;
    for (int k = 0; k < s->operands; k++) {
        const ct__spot *at = s->data[k];
        const ct__slot *slot = at->slot;
        bool same = slot->group_offset == at->offset && s->kernel != ct__gather;
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
        if (has(g, at->slot, CT__USES) && at->slot->group_offset != at->offset)
            gathers = true; /* in two ways: so nobody may write it */
        at->slot->group[CT__USES] = g->number;
        at->slot->group_offset = at->offset;
        if (gathers)
            at->slot->group[CT__GATHERS] = g->number;
        if (k == 0)
            at->slot->group[CT__WRITES] = g->number;
    }
    *g->end = s;
    g->end = &s->next;
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
    s->group[written ? CT__WRITTEN_LATER : CT__READ_LATER] = g->number;
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
    ct__step *group = ct__plan_take(p, sizeof *group);
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
        } else if (may_go_before(&g, s)) {
            append(p, s);
        } else if (may_go_after(&g, s)) {
            g.later[g.later_count++] = s;
            ct__each_slot(s, mark_later, &g);
        } else {
            break;
        }
    }
    *g.end = NULL;
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
    int number = 0;
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
static bool is_local(const ct__slot *s, const ct__spot *at, const ct__step *group)
{
    return s->kind == CT__ARENA && s->first == s->last && at->offset == 0 && !s->spot.next &&
           s->bytes == (int64_t)group->n * group->size;
}

/* A piece belongs to a slot from the member that first uses it to the last one. Where all are
 * taken, the slot lies in the arena. */
void ct__plan_furnish(const ct__step *group)
{
    enum { REFUSED = -1 };
    uint32_t taken = 0;
    int number = 0;
    for (const ct__step *s = group->members; s; s = s->next, number++)
        for (int k = 0; k < s->operands; k++)
            ((ct__spot *)s->data[k])->slot->group_offset = number; /* the last one wins */
    number = 0;
    for (const ct__step *s = group->members; s; s = s->next, number++) {
        for (int k = s->operands - 1; k >= 0; k--) {
            const ct__spot *at = s->data[k];
            int *mark = &at->slot->group[CT__USES], place = 0;
            if (at->slot->local || *mark == REFUSED || !is_local(at->slot, at, group))
                continue;
            while (place < PIECES && taken >> place & 1)
                place++;
            at->slot->local = place < PIECES;
            if (!at->slot->local) {
                *mark = REFUSED;
                continue;
            }
            at->slot->offset = place * PIECE;
            taken |= 1u << place;
        }
        for (int k = 0; k < s->operands; k++) {
            const ct__slot *slot = ((ct__spot *)s->data[k])->slot;
            if (slot->local && slot->group_offset == number)
                taken &= ~(1u << slot->offset / PIECE);
        }
    }
}

/* -- A run */
static void run_piece(const ct__step *group, int64_t at, int64_t n, char *room)
{
    for (const ct__step *s = group->members; s; s = s->next) {
        void *data[CT__OPERANDS];
        bool gathers = s->kernel == ct__gather;
        for (int k = 0; k < s->operands; k++) {
            uintptr_t where = (uintptr_t)s->data[k];
            data[k] = ct__in_room(s->data[k]) ? room + where : (char *)s->data[k] + at * s->size;
        }
        if (gathers)
            ct__gather_from(at, n, data[0], s->data[1], s->arg);
        else
            s->kernel(n, data[0], data + 1, s->arg);
    }
}

static void run_pieces(int64_t begin, int64_t end, void *arg)
{
    const ct__step *group = arg;
    int64_t piece = PIECE / group->size;
    _Alignas(64) char room[PIECES * PIECE];
    for (int64_t at = begin; at < end; at += piece)
        run_piece(group, at, end - at < piece ? end - at : piece, room);
}

void ct__run_group(const ct__step *group, ct_context *cx)
{
    ct_parallel_ranges(cx, group->n, CT__GRAIN, run_pieces, (void *)(uintptr_t)group);
}
