/* Lists of tensors with names. */
#include "tensors.h"

#include <stdio.h>
#include <string.h>

#include "utf8.h"

ct_status ct__tensors_room(ct__tensors *t, int n)
{
    t->all = ct_object_new(t->cx, ((size_t)n + 1) * sizeof *t->all, NULL);
    t->room = t->all ? n : 0;
    t->n = 0;
    return t->all ? CT_OK : ct_error(t->cx);
}

void ct__tensors_free(ct__tensors *t)
{
    ct_object_free(t->all);
    t->all = NULL;
}

void ct__tensors_add(ct__tensors *t, const char *before, const char *name, ct_tensor *x)
{
    ct__named *named = &t->all[t->n++];
    snprintf(named->room, sizeof named->room, "%s%s", before, name);
    named->name = named->room;
    named->x = x;
}

int ct__tensors_below(const ct_module *m)
{
    int n = 0;
    for (ct__entries w = { .root = m }; ct__entries_next(&w);)
        n++;
    return n;
}

ct_status ct__tensors_add_module(ct__tensors *t, const char *before, const ct_module *m)
{
    char room[CT__PATH];
    for (ct__entries w = { .root = m }; ct__entries_next(&w);) {
        const char *path = ct__path(m, w.m, w.entry, room);
        if (!path)
            return ct_error(t->cx);
        ct__tensors_add(t, before, path, w.entry->tensor);
    }
    return CT_OK;
}

ct_status ct__tensors_take(const ct__tensors *t)
{
    for (int i = 0; i < t->n; i++)
        if (t->all[i].fresh && !ct_data_mutable(t->all[i].x))
            return ct_error(t->cx);
    ct_status status = CT_OK;
    for (int i = 0; i < t->n && status == CT_OK; i++)
        if (t->all[i].fresh)
            status = ct_assign(t->all[i].x, t->all[i].fresh);
    return status;
}

/* -- What a caller wants to write */
bool ct__is_utf8(const char *text)
{
    uint32_t code;
    for (int n; *text; text += n)
        if ((n = ct__utf8(text, &code)) == 0)
            return false;
    return true;
}

/* notes a name or key; an error unless it is of UTF-8 and new */
static ct_status note(const ct__tensors *t, ct__words *words, const char *text)
{
    if (!text)
        return ct_fail(t->cx, CT_ERROR_NULL, "%s: a name or key is NULL", t->who);
    if (!ct__is_utf8(text))
        return ct_fail(t->cx, CT_ERROR_VALUE, "%s: a name or key is not UTF-8", t->who);
    if (ct__words_find(words, text) >= 0)
        return ct_fail(t->cx, CT_ERROR_VALUE, "%s: '%.100s' is there twice", t->who, text);
    return ct__words_add(t->cx, words, text) < 0 ? ct_error(t->cx) : CT_OK;
}

ct_status ct__tensors_add_options(ct__tensors *t, const ct_archive_options *options)
{
    ct__words keys = { .n = 0 };
    ct_status status = CT_OK;
    if (!options)
        return CT_OK;
    if (!ct__options_zeroed(t->cx, t->who, options->reserved))
        return CT_ERROR_VALUE;
    if (options->n < 0 || (options->n > 0 && !options->texts))
        return ct_fail(t->cx, CT_ERROR_VALUE, "%s: no list of texts", t->who);
    for (int i = 0; i < options->n && status == CT_OK; i++) {
        status = note(t, &keys, options->texts[i].key);
        if (status == CT_OK && (!options->texts[i].text || !ct__is_utf8(options->texts[i].text)))
            status = ct_fail(t->cx, CT_ERROR_VALUE, "%s: the text of '%.100s' is NULL or not "
                             "UTF-8", t->who, options->texts[i].key);
    }
    if (status == CT_OK && options->shard_bytes < 0)
        status = ct_fail(t->cx, CT_ERROR_VALUE, "%s: shard_bytes is %lld", t->who,
                         (long long)options->shard_bytes);
    t->shard_bytes = options->shard_bytes;
    t->texts = options->texts;
    t->text_count = options->n;
    ct__words_free(&keys);
    return status;
}

static ct_status list(ct__tensors *t, const char *const *names, ct_tensor *const *tensors, int n)
{
    ct__words words = { .n = 0 };
    ct_status status = ct__tensors_room(t, n);
    for (int i = 0; i < n && status == CT_OK; i++) {
        status = note(t, &words, names[i]);
        if (status == CT_OK && !tensors[i])
            status = ct_fail(t->cx, CT_ERROR_NULL, "%s: '%.100s' is NULL", t->who, names[i]);
        else if (status == CT_OK && !ct_usable(tensors[i], t->who))
            status = CT_ERROR_STALE;
        else if (status == CT_OK && ct_context_of(tensors[i]) != t->cx)
            status = ct_fail(t->cx, CT_ERROR_CONTEXT, "%s: '%.100s' is of another context", t->who,
                             names[i]);
        if (status == CT_OK)
            t->all[t->n++] = (ct__named){ .name = names[i], .x = tensors[i] };
    }
    ct__words_free(&words);
    return status;
}

ct_status ct__tensors_list(ct__tensors *t, const char *const *names, ct_tensor *const *tensors,
                           int n, const ct_archive_options *options)
{
    if (!t->cx)
        return CT_ERROR_NULL;
    if (!t->path || (n > 0 && (!names || !tensors)))
        return ct_fail(t->cx, CT_ERROR_NULL, "%s: %s is NULL", t->who,
                       !t->path ? "the path" : "a list");
    if (n < 0)
        return ct_fail(t->cx, CT_ERROR_VALUE, "%s: %d tensors", t->who, n);
    ct_status status = ct__tensors_add_options(t, options);
    if (status == CT_OK)
        status = list(t, names, tensors, n);
    if (status != CT_OK)
        ct__tensors_free(t);
    return status;
}
