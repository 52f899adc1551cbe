/* What is made again. A tensor that one group writes, and later ones read, costs memory, a write,
 * and a read for each of them. Where its kernel takes less time than memory does, as that of a
 * linear operator and what ct_kernels says so of, and what it reads is there in the later groups,
 * too, these make their pieces of it once more. */
#include <string.h>

#include "programs.h"

enum { DEPTH = 3 }; /* kernels for one tensor: a row is spread, and then added */

typedef struct remake {
    ct__plan *p;
    ct__step **at;  /* by number: at[1] is the first */
    int step, doubt; /* from step `doubt` on, what others reach may have changed: what is not the
                        plan's own, and gradients */
} remake;

/* -- What steps use */
static void put_use(ct__slot *s, int step)
{
    int i = 0;
    while (i < s->mark->users && s->mark->user[i] != step)
        i++;
    if (i == s->mark->users && i < CT__USERS)
        s->mark->user[s->mark->users++] = step;
    s->mark->many = s->mark->many || (i == CT__USERS);
    s->first = s->first && s->first < step ? s->first : step;
    s->last = s->last > step ? s->last : step;
}

static void see(ct__slot *s, bool written, void *arg)
{
    remake *r = arg;
    put_use(s, r->step);
    if (!written)
        return;
    s->mark->writes++;
    s->mark->last_write = r->step;
    if (!ct__is_placed(s) && s->kind != CT__FRESH && r->step < r->doubt)
        r->doubt = r->step;
}

static bool uses(const ct__step *group, const ct__slot *s)
{
    for (const ct__step *m = group->members; m; m = ct__next_kernel(m))
        for (int k = 0; k < m->operands; k++)
            if (((const ct__spot *)m->data[k])->slot == s)
                return true;
    return false;
}

static bool is_whole(const ct__slot *s, const ct__step *group)
{
    return s->kind == CT__ARENA && !s->spot.next && s->mark->writes == 1 &&
           s->bytes == (int64_t)group->n * group->size;
}

/* the kernel of the group that writes the whole slot; NULL: there is none, or it is no cheap one */
static const ct__step *maker_of(const ct__step *group, const ct__spot *spot)
{
    const ct__step *m = is_whole(spot->slot, group) ? group->members : NULL;
    while (m && m->data[0] != &spot->slot->spot)
        m = ct__next_kernel(m);
    return m && m->cheap ? m : NULL;
}

/* -- Whether it pays */
/* Will the spot be, in step `to`, what step `from` found there? What is older than that step may
 * live longer, in place of what is made of it. */
static bool holds(const remake *r, const ct__spot *spot, int from, int to)
{
    const ct__slot *s = spot->slot;
    if (s->mark->last_write > from || (s->mark->last_write == from && s->mark->writes > 1))
        return false;
    if (s->graded && to >= r->doubt)
        return false;
    if (ct__is_placed(s))
        return s->last >= to || s->first < from;
    return s->kind == CT__FRESH || s->kind == CT__CONSTANT || to < r->doubt;
}

/* Can step[1] do what the kernel did in step[0]? Adds to *reads the tensors that step[1] does not
 * read otherwise; what is gathered is small. */
static bool can_make(const remake *r, const ct__step *maker, const int step[2], int depth,
                     int *reads)
{
    for (int k = 1; k < maker->operands; k++) {
        const ct__spot *x = maker->data[k];
        const ct__step *other = NULL;
        if (holds(r, x, step[0], step[1]))
            *reads += maker->kernel != ct__gather && !uses(r->at[step[1]], x->slot);
        else if (depth == 1 || !(other = maker_of(r->at[step[0]], x)) ||
                 !can_make(r, other, step, depth - 1, reads))
            return false;
    }
    return true;
}

/* Does each step that uses s, but its maker's, read it piece by piece? */
static bool is_read_by_groups(const remake *r, const ct__slot *s, const ct__step *from)
{
    for (int i = 1; i < s->mark->users; i++) {
        const ct__step *group = r->at[s->mark->user[i]];
        if (group->act != CT__GROUP || group->n != from->n || group->size != from->size ||
            (group->sum && ct__place_of(group->sum->call.x[0])->slot == s))
            return false;
        for (const ct__step *m = group->members; m; m = ct__next_kernel(m))
            if (m->kernel == ct__gather && ((ct__spot *)m->data[1])->slot == s)
                return false;
    }
    return true;
}

/* the kernel that makes s, if all others had better do it again */
static const ct__step *maker_for(const remake *r, const ct__slot *s)
{
    const ct__step *from = s->mark->users > 1 && !s->mark->many ? r->at[s->mark->user[0]] : NULL;
    const ct__step *maker = from && from->act == CT__GROUP ? maker_of(from, &s->spot) : NULL;
    int gain = s->mark->users; /* a write, and the reads */
    if (!maker || s->mark->user[0] != s->first || !is_read_by_groups(r, s, from))
        return NULL;
    for (int i = 1; i < s->mark->users; i++) {
        int reads = 0;
        if (!can_make(r, maker, (int[]){ s->first, s->mark->user[i] }, DEPTH, &reads))
            return NULL;
        gain -= reads;
    }
    return gain > 0 ? maker : NULL;
}

/* -- Making it again */
/* Puts a copy of the kernel, and before it of those whose results are not there, in front of *at.
 * Returns what it writes; NULL: no memory */
static ct__spot *make(remake *r, const ct__step *maker, const int step[2], ct__step ***at)
{
    size_t bytes = offsetof(ct__step, data) + maker->operands * sizeof(void *);
    ct__step *copy = ct__plan_take_words(r->p, bytes);
    ct__slot *y = copy ? ct__slot_new(r->p, CT__ARENA, ((ct__spot *)maker->data[0])->slot->bytes)
                       : NULL;
    if (!y || !(y->mark = ct__plan_take_aside(r->p, sizeof *y->mark)))
        return NULL;
    memcpy(copy, maker, bytes);
    copy->data[0] = &y->spot;
    y->mark->writes = 1;
    put_use(y, step[1]);
    for (int k = 1; k < copy->operands; k++) {
        ct__spot *x = copy->data[k];
        if (!holds(r, x, step[0], step[1]))
            x = make(r, maker_of(r->at[step[0]], x), step, at);
        if (!x)
            return NULL;
        copy->data[k] = x;
        put_use(x->slot, step[1]);
    }
    copy->remade = true;
    copy->next = **at;
    **at = copy;
    *at = &copy->next;
    return &y->spot;
}

static void make_in(remake *r, const ct__slot *s, const ct__step *maker, int number)
{
    ct__spot *now = NULL;
    for (ct__step **at = &r->at[number]->members; *at && (*at)->act == CT__KERNEL;
         at = &(*at)->next)
        for (int k = 1; k < (*at)->operands; k++) {
            if ((*at)->data[k] != &s->spot)
                continue;
            if (!now && !(now = make(r, maker, (int[]){ s->first, number }, &at)))
                return;
            (*at)->data[k] = now;
        }
}

/* Tensors that were made late come first: what they need may then be made again, too. */
void ct__plan_remake(ct__plan *p)
{
    remake r = { .p = p, .doubt = p->length + 1 };
    r.at = ct__plan_take_aside(p, (size_t)(p->length + 2) * sizeof *r.at);
    for (ct__step *s = r.at ? p->steps : NULL; s; s = s->next) {
        r.at[++r.step] = s;
        ct__each_slot(s, see, &r);
        if (r.step < r.doubt && s->act != CT__GROUP && s->act != CT__KERNEL && s->act != CT__RUN &&
            s->act != CT__LOAD && s->act != CT__FILL)
            r.doubt = r.step;
    }
    for (int i = p->count - 1; i >= 0 && !p->failed; i--) {
        ct__slot *s = ct__slot_at(p, i);
        const ct__step *maker = r.at ? maker_for(&r, s) : NULL;
        for (int k = 1; maker && k < s->mark->users; k++)
            make_in(&r, s, maker, s->mark->user[k]);
        if (maker)
            s->last = s->first;
    }
}
