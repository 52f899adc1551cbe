/* The arena: where in it the slots lie. Large slots are placed first, the largest of all at first,
 * each as far in front as the slots that live with it allow. Behind them is a row of blocks, each
 * taken by a slot or free. A slot takes the block that fits best among those that are found
 * quickly, or the end. */
#include <limits.h>
#include <stdlib.h>

#include "programs.h"

enum {
    UNIT = 64,     /* bytes */
    EXACT = 32,    /* bins for blocks of 1, 2, 3 ... units; then one for each power of two */
    BINS = EXACT + 64,
    LOOKS = 32,    /* at so many blocks of a bin */
    SHORT = 256    /* steps of a plan that takes no time */
};

/* Ways to place slots. From so many bytes on one is large. To place n of these takes n^2: where
 * there are more than `most`, they are as the others. Of these the last one of a step may be the
 * first to be placed. */
typedef struct way {
    int64_t bytes;
    int most;
    bool last_first;
} way;

static const way ways[] = {
    { 65536, 2048, false }, { 65536, 2048, true }, { 4096, 256, false }, { 512, 256, false }
};
enum { WAYS = sizeof ways / sizeof ways[0] };

typedef struct ct__hole {
    struct ct__hole *before, *after; /* beside it */
    struct ct__hole *next, **prev;   /* of the same bin; prev is NULL: it is taken */
    int64_t at, units;
} block;

typedef struct arena {
    ct__plan *p;
    int steps;
    int64_t live, most;  /* bytes of slots; the most at once, less than which no arena has */
    int64_t large, row;  /* slots of so many bytes are large; where the row begins */
    block *last;         /* the row's */
    block *bin[BINS];
    block *unused;       /* through next */
    block *tiny;         /* places of 16 bytes, behind the row; those that are free, through next */
    int64_t tinies;      /* all */
    ct__slot **at;       /* at[step]: those that it is the first to use, then the last; through
                            `stays` */
} arena;

static int bin_of(int64_t units)
{
    int bin = units < EXACT ? (int)units : EXACT;
    for (int64_t more = units / EXACT; more > 1; more /= 2)
        bin++;
    return bin;
}

static block *block_new(arena *a, int64_t at, int64_t units)
{
    block *b = a->unused;
    if (b)
        a->unused = b->next;
    else
        b = ct__plan_take_aside(a->p, sizeof *b);
    if (b)
        *b = (block){ .at = at, .units = units };
    return b;
}

static void unlink_free(block *b)
{
    *b->prev = b->next;
    if (b->next)
        b->next->prev = b->prev;
    b->prev = NULL;
}

static void link_free(arena *a, block *b)
{
    block **bin = &a->bin[bin_of(b->units)];
    b->next = *bin;
    b->prev = bin;
    if (*bin)
        (*bin)->prev = &b->next;
    *bin = b;
}

static void put_behind(arena *a, block *b, block *before)
{
    b->before = before;
    b->after = before ? before->after : NULL;
    if (before)
        before->after = b;
    if (b->after)
        b->after->before = b;
    else
        a->last = b;
}

/* a free block of so many units, or more; NULL: none was found */
static block *find(const arena *a, int64_t units)
{
    block *best = NULL;
    for (int bin = bin_of(units); bin < BINS && !best; bin++) {
        int looks = 0;
        for (block *b = a->bin[bin]; b && looks < LOOKS; b = b->next, looks++)
            if (b->units >= units && (!best || b->units < best->units))
                best = b;
    }
    return best;
}

static block *take(arena *a, int64_t units)
{
    block *b = find(a, units);
    if (!b && a->last && a->last->prev) { /* the last one is free, and grows */
        b = a->last;
        unlink_free(b);
        b->units = units;
    } else if (!b) {
        b = block_new(a, a->last ? a->last->at + a->last->units : 0, units);
        if (b)
            put_behind(a, b, a->last);
    } else {
        unlink_free(b);
    }
    if (b && b->units > units) {
        block *rest = block_new(a, b->at + units, b->units - units);
        if (!rest)
            return NULL;
        b->units = units;
        put_behind(a, rest, b);
        link_free(a, rest);
    }
    return b;
}

static void absorb(arena *a, block *b, block *other) /* which is behind it */
{
    unlink_free(other);
    b->units += other->units;
    b->after = other->after;
    if (b->after)
        b->after->before = b;
    else
        a->last = b;
    other->next = a->unused;
    a->unused = other;
}

static void let_go(arena *a, block *b)
{
    if (b->after && b->after->prev)
        absorb(a, b, b->after);
    if (b->before && b->before->prev) {
        block *before = b->before;
        unlink_free(before);
        before->units += b->units;
        before->after = b->after;
        if (b->after)
            b->after->before = before;
        else
            a->last = before;
        b->next = a->unused;
        a->unused = b;
        b = before;
    }
    link_free(a, b);
}

/* -- Large slots */
static int64_t rounded(const ct__slot *s)
{
    return (s->bytes + UNIT - 1) / UNIT * UNIT;
}

static bool has_place(const ct__slot *s)
{
    return ct__is_placed(s) && !s->local && s->first > 0;
}

/* What lives to the end comes first, so that nothing of a short life keeps a hole below it open. */
static int larger_first(const void *a, const void *b)
{
    const ct__slot *s = *(ct__slot *const *)a, *t = *(ct__slot *const *)b;
    if (s->kind != t->kind)
        return s->kind == CT__LENT ? -1 : 1;
    return s->bytes != t->bytes ? (s->bytes < t->bytes) - (s->bytes > t->bytes)
                                : (s->number > t->number) - (s->number < t->number);
}

/* Places s among n slots, which are in the order of their places, and puts it on the list. */
static void place(ct__slot *s, ct__slot **placed, int n)
{
    int at = 0;
    for (; at < n; at++) {
        const ct__slot *t = placed[at];
        if (t->last < s->first || s->last < t->first)
            continue;
        if (t->offset >= s->offset + rounded(s))
            break;
        if (t->offset + rounded(t) > s->offset)
            s->offset = t->offset + rounded(t);
    }
    for (at = n; at > 0 && placed[at - 1]->offset > s->offset; at--)
        placed[at] = placed[at - 1];
    placed[at] = s;
}

/* There are `count` large ones. */
static void place_large(arena *a, int count)
{
    ct__plan *p = a->p;
    ct__slot **all = ct__plan_take_aside(p, 2 * (size_t)count * sizeof *all);
    if (!all)
        return;
    ct__slot **placed = all + count;
    int n = 0;
    for (int i = 0; i < p->count; i++)
        if (has_place(ct__slot_at(p, i)) && ct__slot_at(p, i)->bytes >= a->large)
            all[n++] = ct__slot_at(p, i);
    qsort(all, (size_t)n, sizeof(ct__slot *), larger_first);
    for (int i = 0; i < n; i++) {
        ct__slot *s = all[i];
        s->offset = 0;
        place(s, placed, i);
        p->apart_bytes += rounded(s);
        a->row = s->offset + rounded(s) > a->row ? s->offset + rounded(s) : a->row;
    }
}

/* -- Slots */
static bool is_tiny(const ct__slot *s)
{
    return s->bytes <= 16;
}

static block *take_tiny(arena *a)
{
    block *b = a->tiny;
    if (!b)
        return block_new(a, 16 * a->tinies++, 1);
    a->tiny = b->next;
    return b;
}

static int64_t units_of(const ct__slot *s)
{
    return (s->bytes + UNIT - 1) / UNIT;
}

static void put_on_list(arena *a, ct__slot *s, int step)
{
    s->stays = a->at[step];
    a->at[step] = s;
}

/* All but those of groups' rooms, each where its life begins. */
static void list_all(arena *a, bool last_first)
{
    int n = a->p->count;
    for (int i = 0; i < n; i++) {
        ct__slot *s = ct__slot_at(a->p, last_first ? i : n - 1 - i);
        if (!ct__is_placed(s))
            continue;
        s->block = NULL;
        if (s->first == 0)
            continue;
        if (s->local || s->bytes < a->large)
            a->p->apart_bytes += !s->written ? 0 : is_tiny(s) ? 16 : units_of(s) * UNIT;
        if (!s->local)
            put_on_list(a, s, s->first);
    }
}

static bool place_one(arena *a, ct__slot *s)
{
    s->block = is_tiny(s) ? take_tiny(a) : take(a, units_of(s));
    if (s->block)
        s->offset = a->row + s->block->at * (is_tiny(s) ? 1 : UNIT);
    return s->block;
}

/* Those that begin with the step get a block, unless they are large; and then those that end with
 * it lose theirs. */
static void place_step(arena *a, int step)
{
    ct__slot *dead = NULL, *next = NULL;
    for (ct__slot *s = a->at[step]; s; s = next) {
        next = s->stays;
        if (s->first == step) {
            a->live += s->bytes;
            if (s->bytes < a->large && !place_one(a, s))
                return;
        }
        if (s->last == step) {
            s->stays = dead;
            dead = s;
        } else if (s->last <= a->steps) {
            put_on_list(a, s, s->last);
        }
    }
    a->most = a->live > a->most ? a->live : a->most;
    for (ct__slot *s = dead; s; s = s->stays) {
        a->live -= s->bytes;
        if (s->block && is_tiny(s)) {
            s->block->next = a->tiny;
            a->tiny = s->block;
        } else if (s->block) {
            let_go(a, s->block);
        }
    }
}

static void recycle(block **unused, block *b)
{
    b->next = *unused;
    *unused = b;
}

/* The bytes of an arena whose slots are placed in that way. *good: no other way can be much
 * better. */
static int64_t place_all(ct__plan *p, const way *w, block **unused, bool *good)
{
    arena a = { .p = p, .large = w->bytes, .unused = *unused };
    int large = 0;
    p->apart_bytes = 0;
    for (int i = 0; i < p->count; i++) {
        ct__slot *s = ct__slot_at(p, i);
        int last = s->last < INT_MAX ? s->last : s->first;
        a.steps = last > a.steps ? last : a.steps;
        if (s->kind == CT__LENT)
            s->last = INT_MAX; /* the run does not end its life */
        large += s->bytes >= a.large && has_place(s);
    }
    a.at = ct__plan_take_aside(p, (size_t)(a.steps + 1) * sizeof *a.at);
    if (!a.at)
        return 0;
    if (large > w->most)
        a.large = INT64_MAX;
    else if (large > 0)
        place_large(&a, large);
    list_all(&a, w->last_first);
    for (int step = 1; step <= a.steps && !p->failed; step++)
        place_step(&a, step);
    int64_t end = a.last ? (a.last->at + a.last->units) * UNIT : 0;
    int64_t bytes = a.row + end + 16 * a.tinies + UNIT;
    for (int i = 0; i < p->count && a.tinies > 0; i++) {
        ct__slot *s = ct__slot_at(p, i);
        if (is_tiny(s) && ct__is_placed(s) && s->block)
            s->offset += end;
    }
    for (block *b = a.last, *before; b; b = before) {
        before = b->before;
        recycle(&a.unused, b);
    }
    *unused = a.unused;
    *good = bytes - a.most <= a.most / 128 + 8 * UNIT;
    return bytes;
}

/* A short plan is placed in one way after the other until one is good, else in the best one. */
void ct__arena_place(ct__plan *p)
{
    int best = 0, k = 0;
    bool good = false;
    block *unused = NULL;
    p->arena_bytes = place_all(p, &ways[k], &unused, &good);
    while (!good && p->length <= SHORT && ++k < WAYS) {
        int64_t bytes = place_all(p, &ways[k], &unused, &good);
        best = bytes < p->arena_bytes ? k : best;
        p->arena_bytes = bytes < p->arena_bytes ? bytes : p->arena_bytes;
    }
    if (k > 0 && k != best)
        place_all(p, &ways[best], &unused, &good);
    p->arena = p->failed ? NULL : ct__take_quietly(p->cx, (size_t)p->arena_bytes);
    p->failed = !p->arena;
}
