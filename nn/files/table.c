/* Tables: columns that were read from CSV. */
#include <stdio.h>
#include <string.h>

#include "checks.h"
#include "csv.h"

struct ct_table {
    ct_context *cx;
    int64_t rows;
    char *text, *numbers;  /* what names and categories are parts of: objects, or NULL */
    ct__columns *columns;
};

static void finish(void *table)
{
    (void)table;
}

void ct_table_free(ct_table *t)
{
    if (!ct_object_alive(t, finish, "table_free"))
        return;
    ct__columns_free(t->columns);
    ct_object_free(t->numbers);
    ct_object_free(t->text);
    ct_object_free(t);
}

/* -- Reading */
/* the names of all columns in the file, an object: the first record, or "0", "1", ...; `after` is
   where the rows begin */
static const char **names_of(ct_table *t, const ct__csv *c, bool header, const char **after)
{
    enum { NUMBER = 12 };
    const size_t width = (size_t)c->width;
    const char **names = ct_object_new(t->cx, width * sizeof *names, NULL);
    t->numbers = names && !header ? ct_object_new(t->cx, width * NUMBER, NULL) : NULL;
    if (!names || (!header && !t->numbers))
        return ct_object_free(names), NULL;
    *after = t->text;
    for (int k = 0; k < c->width; k++) {
        names[k] = header ? *after : t->numbers + k * NUMBER;
        if (header)
            *after = ct__csv_after(*after);
        else
            snprintf(t->numbers + k * NUMBER, NUMBER, "%d", k);
    }
    return names;
}

static ct_status check_size(const ct__csv *c, const ct_csv_options *o, int64_t rows, int64_t limit)
{
    int64_t columns = o->columns ? o->n : c->width;
    if (columns == 0 || rows <= limit / 8 / columns)
        return CT_OK;
    return ct__file_fail(&c->file, CT_ERROR_MEMORY, "%lld rows of %lld columns take more than "
                         "max_bytes, %lld", (long long)rows, (long long)columns, (long long)limit);
}

static ct_status read_table(ct_table *t, ct__csv *c, const ct_csv_options *o, int64_t limit)
{
    const char *first = NULL, **names;
    c->text = t->text = ct__read_whole(&c->file, limit, &c->bytes);
    ct_status status = t->text ? ct__csv_split(c) : ct_error(t->cx);
    t->rows = c->records - !o->no_header;
    if (status == CT_OK)
        status = check_size(c, o, t->rows, limit);
    if (status != CT_OK)
        return status;
    names = names_of(t, c, !o->no_header, &first);
    t->columns = names ? ct__columns_new(c, o, names) : NULL;
    ct_object_free(names);
    return t->columns ? ct__columns_read(t->columns, c, o, first, t->rows) : ct_error(t->cx);
}

static bool options_fit(ct_context *cx, const ct_csv_options *o)
{
    const char c = o->separator;
    if (!ct__options_zeroed(cx, "read_csv", o->reserved))
        return false;
    if (c == '"' || c == '\n' || c == '\r')
        return ct_fail(cx, CT_ERROR_VALUE, "read_csv: the separator must be neither a quote nor a "
                       "line break"), false;
    if (o->n < 0 || (o->n > 0 && !o->columns))
        return ct_fail(cx, CT_ERROR_NULL, "read_csv: there must be n columns in the list, n is %d "
                       "and the list is %s", o->n, o->columns ? "there" : "NULL"), false;
    return true;
}

ct_table *ct_read_csv(ct_context *cx, const char *path, const ct_csv_options *options)
{
    const ct_csv_options o = options ? *options : (ct_csv_options){ 0 };
    const ct_read_options sizes = { .max_bytes = o.max_bytes };
    int64_t limit = ct__read_limit(cx, "read_csv", path, &sizes);
    if (limit < 0 || !options_fit(cx, &o))
        return NULL;
    ct_scope scope = ct_scope_begin(cx);
    ct_table *t = scope ? ct_object_new(cx, sizeof *t, finish) : NULL;
    if (t) {
        ct__csv c = { .file = { .cx = cx, .who = "read_csv", .path = path },
                      .separator = o.separator ? o.separator : ',' };
        t->cx = cx;
        if (read_table(t, &c, &o, limit) != CT_OK) {
            ct_table_free(t);
            t = NULL;
        }
    }
    ct_scope_end(cx, scope);
    return t;
}

/* -- Asking */
int64_t ct_table_rows(const ct_table *t)
{
    return ct_object_alive(t, finish, "table_rows") ? t->rows : -1;
}

int ct_table_width(const ct_table *t)
{
    return ct_object_alive(t, finish, "table_width") ? t->columns->n : -1;
}

const char *ct_table_name(const ct_table *t, int column)
{
    if (!ct_object_alive(t, finish, "table_name"))
        return NULL;
    if (column >= 0 && column < t->columns->n)
        return t->columns->all[column].name;
    ct_fail(t->cx, CT_ERROR_RANGE, "table_name: the column must be in 0 ... %d, got %d",
            t->columns->n - 1, column);
    return NULL;
}

/* NULL and an error: there is no such column */
static const ct__column *find(const ct_table *t, const char *who, const char *name)
{
    if (!ct_object_alive(t, finish, who))
        return NULL;
    for (int i = 0; name && i < t->columns->n; i++)
        if (strcmp(t->columns->all[i].name, name) == 0)
            return &t->columns->all[i];
    ct_fail(t->cx, name ? CT_ERROR_VALUE : CT_ERROR_NULL, "%s: there is no column '%.100s'", who,
            name ? name : "(null)");
    return NULL;
}

ct_tensor *ct_table_column(const ct_table *t, const char *name)
{
    const ct__column *column = find(t, "table_column", name);
    return column ? column->values : NULL;
}

const char *ct_table_category(const ct_table *t, const char *name, int64_t i)
{
    const ct__column *column = find(t, "table_category", name);
    if (!column || i < 0 || i >= column->words.n)
        return NULL;
    return column->words.text[i];
}

static ct_tensor *matrix(const ct_table *t, ct_dtype dtype, const char *const *names, int n)
{
    int count = names ? n : t->columns->n, used = 0;
    ct_tensor **all = ct_object_new(t->cx, ((size_t)count + 1) * sizeof *all, NULL), *y = NULL;
    for (int i = 0; all && i < count; i++) {
        const ct__column *column = names ? find(t, "table_matrix", names[i]) : &t->columns->all[i];
        if (!names && column->kind == CT_COLUMN_CATEGORY)
            continue;
        all[used] = column ? ct_cast(column->values, dtype) : NULL;
        if (!all[used++])
            return ct_object_free(all), NULL;
    }
    if (all && used == 0)
        ct_fail(t->cx, CT_ERROR_VALUE, "table_matrix: there must be one column or more");
    else if (all)
        y = ct_stack(all, used, 1);
    ct_object_free(all);
    return y;
}

ct_tensor *ct_table_matrix(const ct_table *t, ct_dtype dtype, const char *const *names, int n)
{
    if (!ct_object_alive(t, finish, "table_matrix"))
        return NULL;
    ct_scope scope = ct_scope_begin(t->cx);
    return scope ? ct_scope_return(t->cx, scope, matrix(t, dtype, names, n)) : NULL;
}
