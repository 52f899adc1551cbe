/* Loading modules from archives. All that the archive lists is checked when it is opened. Then
 * every tensor is read into one of its own, and only then they are given to those that wait for
 * them: all or nothing. */
#include <string.h>

#include "tensors.h"

/* -- Names */
/* whether the name matches the pattern, in which one * stands for any text. That text is at *rest
   then, n bytes of it */
static bool matches(const char *pattern, const char *name, const char **rest, size_t *n)
{
    const char *star = strchr(pattern, '*');
    *rest = "";
    *n = 0;
    if (!star)
        return strcmp(pattern, name) == 0;
    size_t before = (size_t)(star - pattern), after = strlen(star + 1), all = strlen(name);
    if (all < before + after || strncmp(name, pattern, before) != 0 ||
        strcmp(name + all - after, star + 1) != 0)
        return false;
    *rest = name + before;
    *n = all - before - after;
    return true;
}

/* The module's name for a name of the archive, written to room if it is another. NULL: it is to be
   passed over. "": it does not fit into the room, and so is no name of a module. */
static const char *renamed(const ct__tensors *t, const char *name, char room[CT__TENSOR_NAME])
{
    const char *rest = name;
    size_t n = 0;
    int i = 0;
    while (i < t->rename_count && !matches(t->renames[i].from, name, &rest, &n))
        i++;
    if (i == t->rename_count)
        return name;
    const char *to = t->renames[i].to, *star = to ? strchr(to, '*') : NULL;
    if (!star)
        return to;
    size_t before = (size_t)(star - to), after = strlen(star + 1);
    if (before + n + after >= CT__TENSOR_NAME)
        return "";
    memcpy(room, to, before);
    memcpy(room + before, rest, n);
    memcpy(room + before + n, star + 1, after + 1);
    return room;
}

static ct_status check_renames(ct_context *cx, const ct_rename *renames, int n)
{
    if (n < 0 || (n > 0 && !renames))
        return ct_fail(cx, CT_ERROR_VALUE, "module_load_from: no list of renames");
    for (int i = 0; i < n; i++) {
        const char *from = renames[i].from, *to = renames[i].to;
        const char *star = from ? strchr(from, '*') : NULL, *other = to ? strchr(to, '*') : NULL;
        if (!from)
            return ct_fail(cx, CT_ERROR_NULL, "module_load_from: a rename begins with NULL");
        if ((star && strchr(star + 1, '*')) || (other && (!star || strchr(other + 1, '*'))))
            return ct_fail(cx, CT_ERROR_VALUE, "module_load_from: '%.100s' to '%.100s' must have "
                           "one * each at most, and none on the right alone", from, to ? to : "");
    }
    return CT_OK;
}

/* the tensor of that name; it is most often at that place. NULL: there is none */
static ct__named *find(const ct__tensors *t, const char *name, int64_t place)
{
    for (int i = 0; i < t->n; i++) {
        ct__named *named = &t->all[(place + i) % t->n];
        if (strcmp(named->name, name) == 0)
            return named;
    }
    return NULL;
}

/* -- Which tensors go where */
/* a load while it runs: the tensor that each piece is for, or NULL */
typedef struct loading {
    ct__tensors *t;
    ct_archive *a;
    ct__file file;      /* for messages */
    ct__named **places; /* for each piece; an object of the context */
    bool *passed;       /* pieces that a rename passes over; likewise */
    bool *filled;       /* tensors that get a value; likewise */
} loading;

static ct_status place_all(loading *l)
{
    char room[CT__TENSOR_NAME];
    for (int64_t i = 0; i < l->a->count; i++) {
        const char *name = renamed(l->t, l->a->pieces[i].name, room);
        ct__named *named = name ? find(l->t, name, i) : NULL;
        l->passed[i] = !name;
        l->places[i] = named;
        if (!named)
            continue;
        if (l->filled[named - l->t->all])
            return ct__file_fail(&l->file, CT_ERROR_VALUE, "two of its tensors become '%.200s'",
                                 named->name);
        l->filled[named - l->t->all] = true;
    }
    return CT_OK;
}

/* whether tensor i has no place in the module; and whether tensor i of that has no value */
static bool is_extra(const loading *l, int64_t i)
{
    return !l->places[i] && !l->passed[i];
}

static bool is_missing(const loading *l, int64_t i)
{
    return !l->filled[i];
}

static const char *name_of_piece(const loading *l, int64_t i)
{
    return l->a->pieces[i].name;
}

static const char *name_of_tensor(const loading *l, int64_t i)
{
    return l->t->all[i].name;
}

/* Those of the first n that are `counted`: how many they are, the first of them, and all of them as
   a text of the scope, if `lines` is not NULL. False and an error for lack of memory */
static bool gather(const loading *l, int64_t n, bool (*counted)(const loading *, int64_t),
                   const char *(*name)(const loading *, int64_t), int *count, const char **first,
                   const char **lines)
{
    size_t bytes = 0;
    *count = 0;
    *first = "";
    for (int64_t i = 0; i < n; i++)
        if (counted(l, i)) {
            bytes += strlen(name(l, i)) + 1;
            *first = *count == 0 ? name(l, i) : *first;
            ++*count;
        }
    if (!lines)
        return true;
    ct_tensor *text = ct_zeros(l->t->cx, CT_BOOL, CT_SHAPE((int64_t)bytes + 1));
    char *out = text ? ct_data_mutable(text) : NULL;
    *lines = out ? out : "";
    for (int64_t i = 0; i < n && out; i++)
        if (counted(l, i)) {
            size_t length = strlen(name(l, i));
            memcpy(out, name(l, i), length);
            out += length;
            *out++ = '\n';
        }
    return out;
}

/* fills in the report, and compares it with what the flags allow */
static ct_status compare(const loading *l)
{
    ct_load_report unseen, *r = l->t->report ? l->t->report : &unseen;
    const bool told = r != &unseen;
    const char *extra, *missing;
    if (!gather(l, l->a->count, is_extra, name_of_piece, &r->extra, &extra,
                told ? &r->extra_names : NULL) ||
        !gather(l, l->t->n, is_missing, name_of_tensor, &r->missing, &missing,
                told ? &r->missing_names : NULL))
        return ct_error(l->t->cx);
    r->loaded = l->t->n - r->missing;
    if (r->extra > 0 && !(l->t->flags & CT_ALLOW_EXTRA))
        return r->extra == 1
                   ? ct__file_fail(&l->file, CT_ERROR_VALUE, "'%.100s' is not in the module", extra)
                   : ct__file_fail(&l->file, CT_ERROR_VALUE, "'%.100s' and %d more are not in the "
                                   "module", extra, r->extra - 1);
    if (r->missing > 0 && !(l->t->flags & CT_ALLOW_MISSING))
        return r->missing == 1
                   ? ct__file_fail(&l->file, CT_ERROR_VALUE, "'%.200s' is missing in it", missing)
                   : ct__file_fail(&l->file, CT_ERROR_VALUE, "'%.200s' and %d more are missing in "
                                   "it", missing, r->missing - 1);
    return CT_OK;
}

/* -- Reading */
static bool same_shape(const ct__piece *p, const ct_tensor *x)
{
    if (p->ndim != ct_ndim(x))
        return false;
    for (int i = 0; i < p->ndim; i++)
        if (p->shape[i] != ct_size(x, i))
            return false;
    return true;
}

/* floats of fewer bits than 32 go into both dtypes of floats */
static bool same_dtype(const ct__piece *p, const ct_tensor *x)
{
    ct_dtype dtype = ct__element_dtype(p->element);
    bool small = p->element.kind == 'h' || p->element.kind == 'q' ||
                 (p->element.kind == 'f' && p->element.bytes == 2);
    return dtype == ct_dtype_of(x) || (small && ct_dtype_of(x) == CT_F64);
}

static ct_status read_piece(const loading *l, const ct__piece *p, ct__named *named)
{
    char shape[CT_SHAPE_TEXT];
    ct_status status = ct__piece_readable(l->a, p);
    if (status != CT_OK)
        return status;
    if (!same_dtype(p, named->x))
        return ct__file_fail(&l->file, CT_ERROR_DTYPE, "'%.100s' is %s, and must be %s as in the "
                             "module", p->name, p->dtype, ct__dtype_name(ct_dtype_of(named->x)));
    if (!same_shape(p, named->x))
        return ct__file_fail(&l->file, CT_ERROR_SHAPE, "'%.100s' must have the module's shape %s",
                             p->name, ct_shape_text(named->x, shape));
    named->fresh = ct__piece_read(l->a, p, ct_dtype_of(named->x));
    return named->fresh ? CT_OK : ct_error(l->t->cx);
}

/* reads all, and gives it to those that wait for it */
static ct_status read_all(const loading *l)
{
    ct_status status = CT_OK;
    ct_scope scope = ct_scope_begin(l->t->cx);
    if (!scope)
        return ct_error(l->t->cx);
    ct_no_grad(l->t->cx);
    for (int64_t i = 0; i < l->a->count && status == CT_OK; i++)
        if (l->places[i])
            status = read_piece(l, &l->a->pieces[i], l->places[i]);
    if (status == CT_OK)
        status = ct__tensors_take(l->t);
    ct_scope_end(l->t->cx, scope);
    return status;
}

ct_status ct__tensors_read_pairs(ct__tensors *t, const ct_archive *a)
{
    for (int i = 0; i < t->count; i++) {
        ct__pair *pair = &t->pairs[i];
        int64_t k = ct__words_find(&a->keys, pair->key);
        const char *value = k >= 0 ? a->pairs[k].text : NULL;
        if (!value || strlen(value) >= sizeof pair->value)
            return ct__file_fail(&a->file, CT_ERROR_FORMAT, "its metadata must say '%s'%s",
                                 pair->key, value ? ", in a few characters" : "");
        memcpy(pair->value, value, strlen(value) + 1);
    }
    return CT_OK;
}

ct_status ct__tensors_load(ct__tensors *t, ct_archive *a)
{
    const size_t n = (size_t)a->count + 1;
    loading l = { .t = t, .a = a, .file = ct__archive_file(a) };
    l.places = ct_object_new(t->cx, n * sizeof *l.places, NULL);
    l.passed = ct_object_new(t->cx, n * sizeof *l.passed, NULL);
    l.filled = ct_object_new(t->cx, ((size_t)t->n + 1) * sizeof *l.filled, NULL);
    ct_status status = l.places && l.passed && l.filled ? place_all(&l) : ct_error(t->cx);
    if (status == CT_OK)
        status = compare(&l);
    if (status == CT_OK)
        status = read_all(&l);
    ct_object_free(l.places);
    ct_object_free(l.passed);
    ct_object_free(l.filled);
    return status;
}

/* -- The public functions */
static ct_status load(ct_module *m, ct__tensors *t, ct_archive *a)
{
    ct_status status = ct__tensors_room(t, ct__tensors_below(m));
    if (status == CT_OK)
        status = ct__tensors_add_module(t, "", m);
    if (status == CT_OK)
        status = ct__tensors_load(t, a);
    ct__tensors_free(t);
    return status;
}

static ct_status check_flags(ct_context *cx, const char *who, unsigned flags)
{
    if (flags & ~(unsigned)(CT_ALLOW_MISSING | CT_ALLOW_EXTRA))
        return ct_fail(cx, CT_ERROR_VALUE, "%s: no such flags: %u", who, flags);
    return CT_OK;
}

ct_status ct_module_load(ct_module *m, const char *path, unsigned flags)
{
    const char *who = "module_load";
    if (!ct__module_alive(m, who))
        return m ? CT_ERROR_STALE : CT_ERROR_NULL;
    if (!path)
        return ct_fail(m->cx, CT_ERROR_NULL, "module_load: the path is NULL");
    if (check_flags(m->cx, who, flags) != CT_OK)
        return CT_ERROR_VALUE;
    ct__tensors t = { .cx = m->cx, .who = who, .path = path, .flags = flags };
    ct_archive *a = ct__archive_open(m->cx, who, path, INT64_MAX);
    ct_status status = a ? load(m, &t, a) : ct_error(m->cx);
    ct__archive_close(a);
    return status;
}

ct_status ct_module_load_from(ct_module *m, ct_archive *a, const ct_load_options *options,
                              ct_load_report *report)
{
    static const ct_load_options defaults;
    const char *who = "module_load_from";
    const ct_load_options *o = options ? options : &defaults;
    if (!ct__module_alive(m, who))
        return m ? CT_ERROR_STALE : CT_ERROR_NULL;
    if (!a)
        return ct_fail(m->cx, CT_ERROR_NULL, "%s: the archive is NULL", who);
    if (!ct__archive_alive(a, who))
        return CT_ERROR_STALE;
    if (a->cx != m->cx)
        return ct_fail(m->cx, CT_ERROR_CONTEXT, "%s: the archive is of another context", who);
    if (!ct__options_zeroed(m->cx, who, o->reserved) || check_flags(m->cx, who, o->flags) != CT_OK)
        return CT_ERROR_VALUE;
    ct_status status = check_renames(m->cx, o->renames, o->n);
    if (status != CT_OK)
        return status;
    if (report)
        *report = (ct_load_report){ .missing_names = "", .extra_names = "" };
    return load(m, &(ct__tensors){ .cx = m->cx, .who = who, .path = a->path, .flags = o->flags,
                                   .renames = o->renames, .rename_count = o->n,
                                   .report = report }, a);
}
