/* Checks the derivatives of every operator at its samples, and prints a table. A row has the worst
 * entry's error, |analytic - numeric|, beside the bar, which says how far the numeric value may be
 * off. The whole report follows a row that did not pass. */
#include <cotangent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

typedef struct row {
    const ct_op *op;
    const char *dtype, *direction;
    ct_gradcheck_options how;
    ct_gradcheck_report report;
} row;

typedef struct table {
    ct_context *cx;
    const char *only; /* the name of the one operator that is wanted; NULL: all are */
    FILE *json;       /* or NULL */
    int rows, failed, without;
} table;

/* -- Output */
static double error_of(const ct_gradcheck_report *r)
{
    return fabs(r->analytic - r->numeric);
}

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

static void put_json(const table *t, const row *w)
{
    const ct_gradcheck_report *r = &w->report;
    FILE *out = t->json;
    fprintf(out, "%s{\"order\":%d", t->rows ? ",\n" : "", w->how.order);
    put_text(out, "operator", w->op->name);
    put_text(out, "dtype", w->dtype);
    put_text(out, "direction", w->direction);
    put_number(out, "entries", (double)r->compared);
    put_number(out, "error", error_of(r));
    put_number(out, "bar", r->bar);
    put_text(out, "verdict", ct_verdict_text(r->verdict));
    put_text(out, "diagnosis", r->diagnosis);
    putc('}', out);
}

static void put_row(const table *t, const row *w)
{
    const ct_gradcheck_report *r = &w->report;
    printf("%-22s %-5s %5d  %-9s %7lld %12.1e %9.1e  %s\n", w->op->name, w->dtype, w->how.order,
           w->direction, (long long)r->compared, error_of(r), r->bar, ct_verdict_text(r->verdict));
    if (r->verdict != CT_GRADCHECK_PASS)
        puts(ct_gradcheck_text(t->cx, r));
    fflush(stdout);
}

/* -- The checks */
static void check(table *t, row *w)
{
    ct_scope scope = ct_scope_begin(t->cx);
    bool passed = ct_gradcheck_op(t->cx, w->op, &w->how, &w->report) == CT_GRADCHECK_PASS;
    put_row(t, w);
    if (t->json)
        put_json(t, w);
    t->rows++;
    t->failed += !passed;
    ct_error_clear(t->cx);
    ct_scope_end(t->cx, scope);
}

static void check_operator(table *t, const ct_op *op)
{
    if (op->flags & (CT_OP_CONSTANT | CT_OP_UPDATE)) {
        t->without++;
        return;
    }
    for (int order = 1; order <= 2; order++) {
        row w = { .op = op, .dtype = "f64", .direction = "reverse", .how = { .order = order } };
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
