/* Numbers of what a file names: places and headers. */
#include "emission.h"

/* -- Regions */
static ct__region *region_new(ct__emission *e, const void *begin, int64_t bytes)
{
    e->regions = ct__emit_room(e, e->regions, e->region_count, sizeof *e->regions);
    if (e->failed)
        return NULL;
    e->regions[e->region_count] = (ct__region){ .begin = begin, .bytes = bytes, .argument = -1 };
    return &e->regions[e->region_count++];
}

static void add_leaf(ct__emission *e, const ct__buffer *leaf, bool written)
{
    ct__region *r = region_new(e, leaf->data, leaf->bytes);
    if (!r)
        return;
    r->leaf = leaf;
    r->filled = true;
    r->written = written;
}

static void add_outer(ct__emission *e, ct__slot *s)
{
    if (s->kind == CT__LEAF) {
        add_leaf(e, s->at, s->written);
    } else if (s->kind == CT__HELD) {
        ct__emit_fail(e, CT_ERROR_UNSUPPORTED, "the run adds to a gradient from before it");
    } else if (s->kind != CT__LENT) { /* which lies in the arena */
        char *block = ct_object_new(e->cx, (size_t)s->bytes + 1, NULL);
        ct__region *r = block ? region_new(e, block, s->bytes) : NULL;
        e->failed = e->failed || !r;
        if (!r) {
            ct_object_free(block);
            return;
        }
        r->block = r->written = true;
        if (s->kind == CT__ARGUMENT) {
            r->argument = (int)s->argument;
            r->written = s->written;
        }
        ct__slot_point(s, &e->plan->own, block);
    }
}

void ct__emit_regions(ct__emission *e)
{
    ct__region *arena = region_new(e, e->plan->arena, e->plan->arena_bytes);
    if (arena)
        arena->used = arena->written = true;
    for (int i = 0; i < e->plan->outer_count && !e->failed; i++)
        add_outer(e, e->plan->outer[i]);
    for (const ct__constant *c = e->plan->constants; c && !e->failed; c = c->next) {
        ct__region *r = region_new(e, c->content, c->bytes);
        if (r)
            r->filled = true;
    }
}

void ct__emit_forget(ct__emission *e)
{
    for (int i = 0; i < e->known_count; i++)
        e->known[i]->pending = 0;
    for (int i = 0; i < e->region_count; i++)
        if (e->regions[i].block)
            ct_object_free((void *)(uintptr_t)e->regions[i].begin);
    ct_object_free(e->known);
    ct_object_free(e->regions);
}

static int find(const ct__emission *e, const char *data)
{
    for (int i = e->region_count - 1; i >= 0; i--) {
        const ct__region *r = &e->regions[i];
        if (r->begin && data >= r->begin && (data < r->begin + r->bytes || data == r->begin))
            return i;
    }
    return -1;
}

int ct__emit_place(ct__emission *e, const void *data, int64_t *offset)
{
    int i = e->failed ? -1 : find(e, data);
    if (i < 0) {
        ct__emit_fail(e, CT_ERROR_UNSUPPORTED, "an operand lies nowhere");
        return i;
    }
    e->regions[i].used = true;
    *offset = (const char *)data - e->regions[i].begin;
    return i;
}

void ct__emit_places(ct__emission *e)
{
    ct__emit(e, CT__PLACES, "static const ct__emitted_place emitted_places[] = {\n");
    for (int i = 0; i < e->region_count && !e->failed; i++) {
        const ct__region *r = &e->regions[i];
        int array = r->filled && r->used ? ct__emit_array(e, r->begin, (size_t)r->bytes) : -1;
        if (array >= 0)
            ct__emit(e, CT__PLACES, "    { emitted_a%d, %lld, %d },\n", array,
                     (long long)r->bytes, r->written);
        else
            ct__emit(e, CT__PLACES, "    { NULL, %lld, 1 },\n",
                     r->used && r->argument < 0 ? (long long)r->bytes : -1);
    }
    ct__emit(e, CT__PLACES, "};\n");
}

/* -- Headers */
/* A tensor of the context's: a leaf that the file writes, or a gradient that was lent. */
static void see_leaf(ct__emission *e, const ct_tensor *t)
{
    int i = find(e, t->buffer->data);
    if (i < 0)
        add_leaf(e, t->buffer, true);
    else
        e->regions[i].written = true;
}

int ct__emit_header(ct__emission *e, ct_tensor *t)
{
    const unsigned kept = CT__READ_ONLY | CT__CONTIGUOUS | CT__ZERO | CT__REQUIRES_GRAD |
                          CT__IN_WALK;
    int place = -1;
    int64_t offset = 0;
    if (!e->asking && t->pending)
        return (int)t->pending - 1;
    if (e->asking)
        see_leaf(e, t);
    if (t->buffer && t->count == 0)
        place = 0;
    else if (t->buffer && ct__in_room(t->data))
        offset = (int64_t)(uintptr_t)t->data;
    else if (t->buffer)
        place = ct__emit_place(e, t->data, &offset);
    ct__emit(e, CT__HEADERS, "    { %d, %lld, %lld, %d, %d, %u, %u, { ", place, (long long)offset,
             (long long)t->count, t->dtype, t->ndim, t->flags & kept,
             e->asking ? 0 : (unsigned)t->mark);
    for (int d = 0; d < 2 * t->ndim; d++)
        ct__emit(e, CT__HEADERS, "%lld, ", (long long)t->dims[d]);
    ct__emit(e, CT__HEADERS, "0 } },\n");
    if (!e->asking)
        e->known = ct__emit_room(e, e->known, e->known_count, sizeof(ct_tensor *));
    if (e->failed)
        return -1;
    if (!e->asking) {
        t->pending = (uint32_t)e->header_count + 1;
        e->known[e->known_count++] = t;
    }
    return e->header_count++;
}
