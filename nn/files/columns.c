/* Fields of CSV as columns of numbers. Two passes over the fields: one finds the kinds that nobody
 * stated, one reads the values. */
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"

/* -- A field */
static const char *skip_spaces(const char *at)
{
    return at + strspn(at, " \t");
}

static const char *skip_digits(const char *at)
{
    return at + strspn(at, "0123456789");
}

static bool is_one_of(const char *field, const char *const *words, size_t n)
{
    field = skip_spaces(field);
    size_t length = strlen(field);
    while (length > 0 && (field[length - 1] == ' ' || field[length - 1] == '\t'))
        length--;
    for (size_t i = 0; i < n; i++)
        if (strlen(words[i]) == length && memcmp(field, words[i], length) == 0)
            return true;
    return false;
}

/* ?digits, point, digits, exponent: how long that is; 0: there is no number */
static size_t number_length(const char *field)
{
    const char *at = field + (*field == '+' || *field == '-');
    const char *whole = skip_digits(at), *end = *whole == '.' ? skip_digits(whole + 1) : whole;
    if (end - at - (*whole == '.') < 1)
        return 0;
    if (*end == 'e' || *end == 'E') {
        const char *power = end + 1 + (end[1] == '+' || end[1] == '-');
        const char *after = skip_digits(power);
        end = after > power ? after : end;
    }
    return (size_t)(end - field);
}

/* strtod expects the point of the locale */
static double parsed(const char *number, size_t length)
{
    char copy[512];
    const char *point = localeconv()->decimal_point;
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
        if (number[i] != '.')
            copy[n++] = number[i];
        for (const char *p = point; number[i] == '.' && *p; p++)
            copy[n++] = *p;
    }
    copy[n] = '\0';
    return strtod(copy, NULL);
}

bool ct__parse_float(const char *field, double *out)
{
    static const char *const infinite[] = { "inf", "Inf", "INF", "infinity", "Infinity" };
    const size_t longest = 500;
    const char *at = skip_spaces(field);
    size_t length = number_length(at);
    if (length > 0 && length <= longest && *skip_spaces(at + length) == '\0')
        return *out = parsed(at, length), true;
    bool minus = *at == '-';
    at += minus || *at == '+';
    return *out = minus ? -HUGE_VAL : HUGE_VAL, (*at | 32) == 'i' && is_one_of(at, infinite, 5);
}

bool ct__parse_int(const char *field, int64_t *out)
{
    const char *at = skip_spaces(field);
    const bool minus = *at == '-';
    at += minus || *at == '+';
    const char *end = skip_digits(at);
    const uint64_t most = (uint64_t)INT64_MAX + minus;
    uint64_t value = 0;
    if (end == at || *skip_spaces(end) != '\0')
        return false;
    for (; at < end; at++) {
        unsigned digit = (unsigned)(*at - '0');
        if (value > (most - digit) / 10)
            return false;
        value = 10 * value + digit;
    }
    *out = minus ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

bool ct__parse_bool(const char *field, bool *out)
{
    static const char *const words[] = { "true", "True", "TRUE", "false", "False", "FALSE" };
    *out = is_one_of(field, words, 3);
    return *out || is_one_of(field, words + 3, 3);
}

static bool is_missing(const char *field, const ct_csv_options *o)
{
    static const char *const words[] = { "", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null",
                                         "None" };
    return is_one_of(field, words, sizeof words / sizeof *words) ||
           (o->missing && is_one_of(field, &o->missing, 1));
}

/* -- Which columns there are */
static void finish_columns(void *object)
{
    ct__columns *columns = object;
    for (int i = 0; i < columns->n; i++)
        ct_release(columns->all[i].values);
}

void ct__columns_free(ct__columns *columns)
{
    for (int i = 0; columns && i < columns->n; i++)
        ct__words_free(&columns->all[i].words);
    if (columns)
        ct_object_free(columns->of);
    ct_object_free(columns);
}

/* the number of the column of that name in the file; -1 and an error */
static int64_t find(const ct__csv *c, const ct__words *header, const char *name)
{
    int64_t k = name ? ct__words_find(header, name) : -1;
    if (k < 0)
        ct__file_fail(&c->file, CT_ERROR_VALUE, "there is no column '%.100s'",
                      name ? name : "(null)");
    return k;
}

static bool choose(ct__columns *columns, const ct__csv *c, const ct_csv_options *o,
                   const char *const *names)
{
    ct__words header = { .n = 0 };
    bool good = true;
    for (int k = 0; k < c->width && good; k++) {
        columns->of[k] = o->columns ? -1 : k;
        int64_t number = ct__words_add(c->file.cx, &header, names[k]);
        good = number == k;
        if (!good && number >= 0)
            ct__file_fail(&c->file, CT_ERROR_FORMAT, "two columns are called '%.100s'", names[k]);
    }
    for (int i = 0; i < columns->n && good; i++) {
        int64_t k = o->columns ? find(c, &header, o->columns[i].name) : i;
        good = k >= 0 && (!o->columns || columns->of[k] < 0);
        if (!good && k >= 0)
            ct__file_fail(&c->file, CT_ERROR_VALUE, "the options name the column '%.100s' twice",
                          names[k]);
        if (good)
            columns->of[k] = i;
        columns->all[i] = (ct__column){ .name = good ? names[k] : "", .bools = true, .ints = true,
                                        .floats = true,
                                        .kind = o->columns ? o->columns[i].kind : CT_COLUMN_ANY };
        if ((unsigned)columns->all[i].kind > CT_COLUMN_CATEGORY)
            good = ct__file_fail(&c->file, CT_ERROR_VALUE, "no such kind of a column: %d",
                                 (int)columns->all[i].kind) == CT_OK;
    }
    ct__words_free(&header);
    return good;
}

ct__columns *ct__columns_new(const ct__csv *c, const ct_csv_options *o, const char *const *names)
{
    ct_context *cx = c->file.cx;
    const size_t n = (size_t)(o->columns ? o->n : c->width), width = (size_t)c->width;
    ct__columns *columns = ct_object_new(cx, sizeof *columns + n * sizeof(ct__column),
                                         finish_columns);
    if (columns) {
        columns->n = (int)n;
        columns->width = c->width;
        columns->of = ct_object_new(cx, width * sizeof(int), NULL);
        if (columns->of && choose(columns, c, o, names))
            return columns;
    }
    ct__columns_free(columns);
    return NULL;
}

/* -- Their kinds */
static void look(ct__column *column, const char *field, const ct_csv_options *o)
{
    int64_t whole;
    double number;
    bool truth;
    if (is_missing(field, o)) {
        column->missing = true;
        return;
    }
    column->any = true;
    column->bools = column->bools && ct__parse_bool(field, &truth);
    column->ints = column->ints && ct__parse_int(field, &whole);
    column->floats = column->floats && (column->ints || ct__parse_float(field, &number));
}

static ct_column_kind kind_of(const ct__column *column)
{
    if (column->kind != CT_COLUMN_ANY)
        return column->kind;
    if (column->any && !column->missing && (column->bools || column->ints))
        return column->bools ? CT_COLUMN_BOOL : CT_COLUMN_INT;
    return column->floats ? CT_COLUMN_FLOAT : CT_COLUMN_CATEGORY;
}

/* -- Their values */
static ct_status refuse(const ct__csv *c, const ct__column *column, const char *field,
                        const char *what)
{
    return ct__file_fail(&c->file, CT_ERROR_FORMAT, "line %lld, column '%.60s': %s, got '%.60s'",
                         (long long)ct__csv_line(c, field), column->name, what, field);
}

static ct_status read_missing(const ct__csv *c, ct__column *column, const char *field, int64_t row)
{
    if (column->kind == CT_COLUMN_FLOAT)
        return ((double *)column->out)[row] = NAN, CT_OK;
    if (column->kind == CT_COLUMN_CATEGORY)
        return ((int64_t *)column->out)[row] = -1, CT_OK;
    return refuse(c, column, field, "a value is missing, and only floats and categories may lack "
                                    "one");
}

static ct_status read_value(const ct__csv *c, ct__column *column, const char *field, int64_t row)
{
    int64_t whole;
    switch (column->kind) {
    case CT_COLUMN_FLOAT:
        return ct__parse_float(field, &((double *)column->out)[row])
                   ? CT_OK : refuse(c, column, field, "it must be a number");
    case CT_COLUMN_INT:
        return ct__parse_int(field, &((int64_t *)column->out)[row])
                   ? CT_OK : refuse(c, column, field, "it must be a whole number that fits an i64");
    case CT_COLUMN_BOOL:
        if (ct__parse_bool(field, &((bool *)column->out)[row]))
            return CT_OK;
        if (!ct__parse_int(field, &whole) || (whole != 0 && whole != 1))
            return refuse(c, column, field, "it must be true, false, 1 or 0");
        return ((bool *)column->out)[row] = whole == 1, CT_OK;
    default:
        whole = ct__words_add(c->file.cx, &column->words, field);
        return ((int64_t *)column->out)[row] = whole, whole >= 0 ? CT_OK : CT_ERROR_MEMORY;
    }
}

static bool make_tensors(ct__columns *columns, ct_context *cx, int64_t rows)
{
    static const ct_dtype dtypes[] = { [CT_COLUMN_BOOL] = CT_BOOL, [CT_COLUMN_INT] = CT_I64,
                                       [CT_COLUMN_FLOAT] = CT_F64, [CT_COLUMN_CATEGORY] = CT_I64 };
    for (int i = 0; i < columns->n; i++) {
        ct__column *column = &columns->all[i];
        column->kind = kind_of(column);
        ct_tensor *values = ct_empty(cx, dtypes[column->kind], CT_SHAPE(rows));
        if (!values || ct_keep(&column->values, values) != CT_OK)
            return false;
        column->out = ct_data_mutable(values);
        if (!column->out)
            return false;
    }
    return true;
}

ct_status ct__columns_read(ct__columns *columns, const ct__csv *c, const ct_csv_options *o,
                           const char *first, int64_t rows)
{
    const char *field = first;
    for (int64_t i = 0; i < rows; i++)
        for (int k = 0; k < c->width; k++, field = ct__csv_after(field)) {
            int at = columns->of[k];
            if (at >= 0 && columns->all[at].kind == CT_COLUMN_ANY)
                look(&columns->all[at], field, o);
        }
    if (!make_tensors(columns, c->file.cx, rows))
        return ct_error(c->file.cx);
    field = first;
    for (int64_t i = 0; i < rows; i++)
        for (int k = 0; k < c->width; k++, field = ct__csv_after(field)) {
            ct__column *column = columns->of[k] >= 0 ? &columns->all[columns->of[k]] : NULL;
            if (!column)
                continue;
            bool missing = is_missing(field, o);
            if (missing && o->missing_fails)
                return refuse(c, column, field, "a value is missing");
            ct_status status = missing ? read_missing(c, column, field, i)
                                       : read_value(c, column, field, i);
            if (status != CT_OK)
                return status;
        }
    return CT_OK;
}
