/* The arena: where in it the slots lie. Large slots are placed first, the largest of all at first,
 * each as far in front as the slots that live with it allow. Behind them is a row of blocks, each
 * taken by a slot or free. A slot takes the block that fits best among those that are found
 * quickly, or the end. */
#include <stdlib.h>

#include "programs.h"

enum {
    UNIT = 64,     /* bytes */
    EXACT = 32,    /* bins for blocks of 1, 2, 3 ... units; then one for each power of two */
    BINS = EXACT + 64,
    LOOKS = 32,    /* at so many blocks of a bin */
    SHORT = 256    /* steps of a plan that takes no time */
};

/* From so many bytes on a slot is large. To place n takes n^2: where there are more than `most`,
 * they are as the others. */
static const struct { int64_t bytes; int most; } large[] = {
    { 65536, 2048 }, { 4096, 256 }, { 512, 256 }
};
enum { LARGE = sizeof large / sizeof large[0] };

typedef struct ct__hole {
    struct ct__hole *before, *after; /* beside it */
    struct ct__hole *next, **prev;   /* of the same bin; prev is NULL: it is taken */
    int64_t at, units;
} block;

typedef struct arena {
    ct__plan *p;
    int step;
    int64_t large, row;  /* slots of so many bytes are large; where the row begins */
    block *last;         /* the row's */
    block *bin[BINS];
    block *unused;       /* through next */
    block *tiny;         /* places of 16 bytes, behind the row; those that are free, through next */
    int64_t tinies;      /* all */
    ct__slot *dead;      /* after this step, through `stays` */
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

static bool is_large(const arena *a, const ct__slot *s)
{
    return ct__is_placed(s) && !s->local && s->first > 0 && s->bytes >= a->large;
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

static void place_large(arena *a, int most)
{
    ct__plan *p = a->p;
    int n = 0;
    for (int i = 0; i < p->count; i++)
        n += is_large(a, ct__slot_at(p, i));
    ct__slot **all = ct__plan_take_aside(p, (size_t)(2 * n + 1) * sizeof *all), **placed = all + n;
    if (n > most || !all) {
        a->large = INT64_MAX;
        return;
    }
    n = 0;
    for (int i = 0; i < p->count; i++)
        if (is_large(a, ct__slot_at(p, i)))
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

static void see(ct__slot *s, bool written, void *arg)
{
    arena *a = arg;
    (void)written;
    if (!ct__is_placed(s) || s->last < 0 || is_large(a, s))
        return;
    if (s->first == a->step && !s->block) {
        int64_t units = (s->bytes + UNIT - 1) / UNIT;
        a->p->apart_bytes += !s->written ? 0 : is_tiny(s) ? 16 : units * UNIT;
        if (!s->local && !(s->block = is_tiny(s) ? take_tiny(a) : take(a, units)))
            return;
        if (!s->local)
            s->offset = a->row + s->block->at * (is_tiny(s) ? 1 : UNIT);
    }
    if (s->last == a->step) {
        s->last = -1;
        s->stays = a->dead;
        a->dead = s;
    }
}

static void bury(arena *a)
{
    for (ct__slot *s = a->dead, *next; s; s = next) {
        next = s->stays;
        s->stays = NULL;
        s->last = a->step;
        if (s->block && !is_tiny(s)) {
            let_go(a, s->block);
        } else if (s->block) {
            s->block->next = a->tiny;
            a->tiny = s->block;
        }
    }
    a->dead = NULL;
}

static void recycle(block **unused, block *b)
{
    b->next = *unused;
    *unused = b;
}

/* the bytes of an arena whose large slots are those of large[k] */
static int64_t place_all(ct__plan *p, int k, block **unused)
{
    arena a = { .p = p, .large = large[k].bytes, .unused = *unused };
    p->apart_bytes = 0;
    for (int i = 0; i < p->count; i++)
        if (ct__is_placed(ct__slot_at(p, i)))
            ct__slot_at(p, i)->block = NULL;
    place_large(&a, large[k].most);
    for (const ct__step *s = p->steps; s && !p->failed; s = s->next) {
        a.step++;
        ct__each_slot(s, see, &a);
        bury(&a);
    }
    int64_t end = a.last ? (a.last->at + a.last->units) * UNIT : 0;
    int64_t bytes = a.row + end + 16 * a.tinies + UNIT;
    for (int i = 0; i < p->count; i++) {
        ct__slot *s = ct__slot_at(p, i);
        if (ct__is_placed(s) && s->block && is_tiny(s))
            s->offset += end;
    }
    for (block *b = a.last, *before; b; b = before) {
        before = b->before;
        recycle(&a.unused, b);
    }
    *unused = a.unused;
    return bytes;
}

/* A short plan is placed in each way, and then in the best one. */
void ct__arena_place(ct__plan *p)
{
    int best = 0;
    block *unused = NULL;
    p->arena_bytes = place_all(p, best, &unused);
    for (int k = 1; k < LARGE && p->length <= SHORT; k++) {
        int64_t bytes = place_all(p, k, &unused);
        best = bytes < p->arena_bytes ? k : best;
        p->arena_bytes = bytes < p->arena_bytes ? bytes : p->arena_bytes;
    }
    if (p->length <= SHORT)
        place_all(p, best, &unused);
    p->arena = p->failed ? NULL : ct__take_quietly(p->cx, (size_t)p->arena_bytes);
    p->failed = !p->arena;
}
