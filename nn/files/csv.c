/* The fields of CSV (RFC 4180). They are unquoted in place: what is written is never longer than
 * what was read, since each field gives up a separator or a line break for its zero byte. */
#include <string.h>

#include "csv.h"

typedef struct place {
    const ct__file *file;
    char *in, *out, *end;
    char separator;
    int64_t line;
} place;

const char *ct__csv_after(const char *field)
{
    return field + strlen(field) + 1;
}

int64_t ct__csv_line(const ct__csv *c, const char *field)
{
    int64_t line = 1;
    int k = 0;
    for (const char *at = c->text; at < field; at = ct__csv_after(at)) {
        for (const char *p = at; *p; p++)
            line += *p == '\n';
        k = k + 1 == c->width ? 0 : k + 1;
        line += k == 0;
    }
    return line;
}

static bool fail(const place *p, int64_t line, const char *what)
{
    ct__file_fail(p->file, CT_ERROR_FORMAT, "line %lld: %s", (long long)line, what);
    return false;
}

static bool at_break(const place *p)
{
    return *p->in == '\n' || (*p->in == '\r' && p->in[1] == '\n');
}

/* behind the opening quote, up to behind the closing one */
static bool take_quoted(place *p)
{
    const int64_t begin = p->line;
    for (; p->in < p->end; p->in++) {
        if (*p->in == '"' && *++p->in != '"')
            return true;
        p->line += *p->in == '\n';
        if (*p->in == '\0')
            return fail(p, p->line, "it holds a zero byte");
        *p->out++ = *p->in;
    }
    return fail(p, begin, "a quote opens here and is never closed");
}

static bool take_plain(place *p)
{
    for (; p->in < p->end && *p->in != p->separator && !at_break(p); p->in++) {
        if (*p->in == '\0')
            return fail(p, p->line, "it holds a zero byte");
        if (*p->in == '"')
            return fail(p, p->line, "a field with a quote in it must be in quotes, and the quote "
                        "must be there twice");
        *p->out++ = *p->in;
    }
    return true;
}

/* takes a field and what ends it; *last: that is no separator */
static bool take_field(place *p, bool *last)
{
    const bool quoted = *p->in == '"' && p->in < p->end;
    p->in += quoted;
    if (quoted ? !take_quoted(p) : !take_plain(p))
        return false;
    *last = p->in == p->end || *p->in != p->separator;
    if (p->in < p->end) {
        if (*last && !at_break(p))
            return fail(p, p->line, "a closing quote must end its field");
        p->line += *last;
        p->in += *last && *p->in == '\r' ? 2 : 1;
    }
    *p->out++ = '\0';
    return true;
}

/* empty lines at the end of the file are no records, except of one field */
static bool at_end(const ct__csv *c, const place *p)
{
    return p->in == p->end ||
           (c->width != 1 && p->in + strspn(p->in, "\r\n") == p->end);
}

static ct_status split_records(ct__csv *c, place *p)
{
    while (!at_end(c, p)) {
        const int64_t line = p->line;
        int width = 0;
        for (bool last = false; !last; width++) {
            if (width == INT32_MAX)
                return ct__file_fail(p->file, CT_ERROR_FORMAT, "too many columns");
            if (!take_field(p, &last))
                return CT_ERROR_FORMAT;
        }
        if (c->records++ == 0)
            c->width = width;
        else if (width != c->width)
            return ct__file_fail(p->file, CT_ERROR_FORMAT, "line %lld has %d fields, and the first "
                                 "line has %d", (long long)line, width, c->width);
    }
    return c->records > 0 ? CT_OK : ct__file_fail(p->file, CT_ERROR_FORMAT, "it is empty");
}

ct_status ct__csv_split(ct__csv *c)
{
    const size_t mark = strncmp(c->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* of UTF-8 */
    place p = { .file = &c->file, .in = c->text + mark, .out = c->text,
                .end = c->text + c->bytes, .separator = c->separator, .line = 1 };
    return split_records(c, &p);
}
