/* Checks the derivatives of every operator at its samples, and prints a table: in f64 and f32, to
 * first and second order, in reverse and forward mode (ways.c). A row has the worst entry's error
 * beside its bar, which says how far it may be off. The whole report follows a row that did not
 * pass. */
#include <cotangent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ways.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

typedef struct table {
    ct_context *cx;
    const char *only; /* the name of the one operator that is wanted; NULL: all are */
    FILE *json;       /* or NULL */
    int rows, failed, without;
} table;

/* -- Output */
/* JSON has no infinities and no NaN */
static void put_number(FILE *out, const char *name, double value)
{
    if (isfinite(value))
        fprintf(out, ",\"%s\":%.17g", name, value);
    else
        fprintf(out, ",\"%s\":null", name);
}

static void put_text(FILE *out, const char *name, const char *text)
{
    fprintf(out, ",\"%s\":\"", name);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putc('\\', out);
        putc((unsigned char)*text < ' ' ? ' ' : *text, out);
    }
    putc('"', out);
}

static const char *dtype_text(const row *w)
{
    return w->dtype == CT_F32 ? "f32" : "f64";
}

static const char *direction_text(const row *w)
{
    return w->forward ? "forward" : "reverse";
}

static void put_json(const table *t, const row *w)
{
    FILE *out = t->json;
    fprintf(out, "%s{\"order\":%d", t->rows ? ",\n" : "", w->order);
    put_text(out, "operator", w->op->name);
    put_text(out, "dtype", dtype_text(w));
    put_text(out, "direction", direction_text(w));
    put_number(out, "entries", (double)w->entries);
    put_number(out, "error", w->error);
    put_number(out, "bar", w->bar);
    put_text(out, "verdict", ct_verdict_text(w->verdict));
    put_text(out, "diagnosis", w->diagnosis);
    putc('}', out);
}

static void put_row(const row *w)
{
    printf("%-22s %-5s %5d  %-9s %7lld %12.1e %9.1e  %s\n", w->op->name, dtype_text(w), w->order,
           direction_text(w), (long long)w->entries, w->error, w->bar, ct_verdict_text(w->verdict));
    if (w->verdict != CT_GRADCHECK_PASS)
        puts(w->text);
    fflush(stdout);
}

/* -- The checks */
static void check(table *t, row *w)
{
    w->verdict = CT_GRADCHECK_PASS;
    if (!check_row(t->cx, w))
        return;
    put_row(w);
    if (t->json)
        put_json(t, w);
    t->rows++;
    t->failed += w->verdict != CT_GRADCHECK_PASS;
}

static void check_operator(table *t, const ct_op *op)
{
    static const row rows[] = { { .dtype = CT_F64, .order = 1 },
                                { .dtype = CT_F64, .order = 2 },
                                { .dtype = CT_F64, .order = 1, .forward = true },
                                { .dtype = CT_F64, .order = 2, .forward = true },
                                { .dtype = CT_F32, .order = 1 },
                                { .dtype = CT_F32, .order = 1, .forward = true } };
    if (op->flags & (CT_OP_CONSTANT | CT_OP_UPDATE)) {
        t->without++;
        return;
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        row w = rows[i];
        w.op = op;
        check(t, &w);
    }
}

static void check_all(table *t)
{
    int n;
    const ct_op *const *list = ct_op_list(&n);
    printf("%-22s %-5s %5s  %-9s %7s %12s %9s  %s\n", "operator", "dtype", "order", "direction",
           "entries", "worst error", "bar", "verdict");
    if (t->json)
        fputs("[", t->json);
    for (int i = 0; i < n; i++)
        if (!t->only || strcmp(t->only, list[i]->name) == 0)
            check_operator(t, list[i]);
    if (t->json)
        fputs("]\n", t->json);
    printf("%d checks, %d of them did not pass; %d operators have no derivative\n", t->rows,
           t->failed, t->without);
}

/* -- The command line */
static int refuse(const char *what, const char *why)
{
    fprintf(stderr, "gradcheck: %s %s\nusage: gradcheck [--op NAME] [--json FILE]\n", what, why);
    return EXIT_USAGE;
}

static int run(table *t, const char *json)
{
    if (t->only && !ct_op_find(t->only))
        return refuse(t->only, "is not an operator of the list");
    if (json && !(t->json = fopen(json, "w")))
        return refuse(json, "cannot be written");
    check_all(t);
    bool written = !t->json || (fflush(t->json) == 0 && !ferror(t->json));
    if (t->json)
        written &= fclose(t->json) == 0;
    if (!written)
        return refuse(json, "cannot be written");
    return t->failed ? EXIT_FAILED : 0;
}

int main(int argc, char **argv)
{
    table t = { 0 };
    const char *json = NULL;
    for (int i = 1; i < argc; i += 2) {
        const char **place = strcmp(argv[i], "--op") == 0     ? &t.only
                             : strcmp(argv[i], "--json") == 0 ? &json
                                                              : NULL;
        if (!place || i + 1 == argc)
            return refuse(argv[i], place ? "needs a value" : "is not an option");
        *place = argv[i + 1];
    }
    t.cx = ct_context_new(NULL);
    if (!t.cx)
        return refuse("the context", "cannot be made: there is no memory");
    int status = run(&t, json);
    ct_context_free(t.cx);
    return status;
}
