/* The list of an archive: its tensors and texts, as the formats fill it in. */
#include "archive.h"

#include <string.h>

ct__file ct__archive_file(const ct_archive *a)
{
    ct__file f = a->file;
    f.path = a->path;
    return f;
}

ct_status ct__archive_bad(const ct_archive *a, const char *name, const char *why)
{
    return ct__file_fail(&a->file, CT_ERROR_FORMAT, "'%.100s' %s", name, why);
}

const char *ct__archive_keep(ct_archive *a, const char *text, size_t n)
{
    ct__kept *kept = ct_object_new(a->cx, sizeof *kept + n + 1, NULL);
    if (!kept)
        return NULL;
    memcpy(kept->text, text, n);
    kept->next = a->kept;
    a->kept = kept;
    return kept->text;
}

/* *list, which has `used` elements of that size, gets room for one more */
static bool grow(ct_context *cx, void **list, int64_t used, int64_t *room, size_t size)
{
    if (used < *room)
        return true;
    int64_t more = 2 * *room + 16;
    void *larger = ct_object_new(cx, (size_t)more * size, NULL);
    if (!larger)
        return false;
    if (used > 0)
        memcpy(larger, *list, (size_t)used * size);
    ct_object_free(*list);
    *list = larger;
    *room = more;
    return true;
}

ct_status ct__archive_add(ct_archive *a, const ct__piece *p)
{
    void *list = a->pieces;
    if (ct__words_find(&a->names, p->name) >= 0)
        return ct__archive_bad(a, p->name, "is the name of two tensors");
    if (a->count == INT32_MAX)
        return ct__archive_bad(a, p->name, "is one of too many tensors");
    if (!grow(a->cx, &list, a->count, &a->room, sizeof *p))
        return ct_error(a->cx);
    a->pieces = list;
    if (ct__words_add(a->cx, &a->names, p->name) < 0)
        return ct_error(a->cx);
    a->pieces[a->count++] = *p;
    return CT_OK;
}

ct_status ct__archive_add_text(ct_archive *a, const char *key, const char *text)
{
    void *list = a->pairs;
    if (ct__words_find(&a->keys, key) >= 0 || a->texts == INT32_MAX)
        return CT_OK;
    if (!grow(a->cx, &list, a->texts, &a->text_room, sizeof *a->pairs))
        return ct_error(a->cx);
    a->pairs = list;
    ct_pair *pair = &a->pairs[a->texts];
    pair->key = ct__archive_keep(a, key, strlen(key));
    pair->text = pair->key ? ct__archive_keep(a, text, strlen(text)) : NULL;
    if (!pair->text || ct__words_add(a->cx, &a->keys, pair->key) < 0)
        return ct_error(a->cx);
    a->texts++;
    return CT_OK;
}

const ct__piece *ct__archive_find(const ct_archive *a, const char *name)
{
    int64_t i = ct__words_find(&a->names, name);
    return i >= 0 ? &a->pieces[i] : NULL;
}

int64_t ct__piece_count(const ct__piece *p)
{
    int64_t n = 1;
    for (int i = 0; i < p->ndim; i++)
        n *= p->shape[i];
    return n;
}
