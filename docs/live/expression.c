/* Functions that a reader types: values, gradients, differences, and the page of the graph. */
#include <math.h>
#include <stdlib.h>

#include "language.h"
#include "live.h"

enum { MOST_DIFFERENCES = 64 };

/* what a reader types may not take more memory than a page should */
static ct_context *new_context(void)
{
    return ct_context_new(&(ct_context_options){ .max_bytes = 1 << 28 });
}

static const char *fail(live_program *p)
{
    live_begin();
    live_print("{\"error\": ");
    live_quote(*p->error ? p->error : ct_error_text(p->cx));
    if (*p->error)
        live_print(", \"line\": %d, \"column\": %d, \"at\": %d", p->line, p->column, p->at);
    live_print("}");
    return live_finish();
}

/* f of the text, with element `element` of variable `moved` larger by `by` */
static double moved(ct_context *cx, const char *text, int variable, int64_t element, double by)
{
    live_program *p = malloc(sizeof *p);
    ct_scope scope = ct_scope_begin(cx);
    double y = NAN;
    if (p) {
        *p = (live_program){ .cx = cx, .moved = variable, .element = element, .by = by };
        y = live_read(p, text) ? ct_item(p->result) : NAN;
    }
    ct_error_clear(cx);
    ct_scope_end(cx, scope);
    free(p);
    return y;
}

/* The step that balances rounding and truncation is about the third root of a rounding. */
static void print_differences(ct_context *cx, const char *text, int variable, const ct_tensor *x)
{
    live_print("[");
    for (int64_t i = 0; i < ct_count(x); i++) {
        double value = ct_ndim(x) == 2 ? ct_at(x, CT_INDEX(i / ct_size(x, 1), i % ct_size(x, 1)))
                     : ct_ndim(x) == 1 ? ct_at(x, CT_INDEX(i)) : ct_item(x);
        double h = ldexp(1, -17) * fmax(1, fabs(value));
        double above = moved(cx, text, variable, i, h), below = moved(cx, text, variable, i, -h);
        live_print(i ? "," : "");
        live_number((above - below) / (2 * h));
    }
    live_print("]");
}

static void print_name(const live_program *p, int i, const ct_tensor *gradient, int variable,
                       const char *text)
{
    const live_name *name = &p->name[i];
    char shape[CT_SHAPE_TEXT];
    live_print("%s{\"name\": ", i ? ", " : "");
    live_quote(name->name);
    live_print(", \"variable\": %s, \"shape\": \"%s\", \"value\": ",
               name->variable ? "true" : "false", ct_shape_text(name->value, shape));
    live_tensor(name->value);
    live_print(", \"gradient\": ");
    live_tensor(gradient);
    live_print(", \"difference\": ");
    if (variable >= 0)
        print_differences(p->cx, text, variable, name->value);
    else
        live_print("null");
    live_print("}");
}

static const char *report(live_program *p, const char *text)
{
    ct_tensor *x[LIVE_NAMES], *gx[LIVE_NAMES];
    int64_t elements = 0;
    for (int i = 0; i < p->names; i++) {
        x[i] = p->name[i].value;
        elements += p->name[i].variable ? ct_count(x[i]) : 0;
    }
    if (ct_grad(p->result, NULL, x, p->names, CT_ZERO_PATH, gx) != CT_OK)
        return fail(p);
    live_begin();
    live_print("{\"value\": ");
    live_number(ct_item(p->result));
    live_print(", \"names\": [");
    for (int i = 0, variable = 0; i < p->names; i++) {
        bool check = p->name[i].variable && elements <= MOST_DIFFERENCES;
        print_name(p, i, gx[i], check ? variable : -1, text);
        variable += p->name[i].variable;
    }
    live_print("], \"graph\": ");
    live_quote(ct_graph_text(p->result));
    live_print("}");
    return ct_error(p->cx) ? fail(p) : live_finish();
}

/* reads the text and calls `then` with the result, or says what is wrong */
static const char *read_text(const char *text, const char *path,
                             const char *(*then)(live_program *p, const char *argument))
{
    live_program *p = calloc(1, sizeof *p);
    ct_context *cx = p ? new_context() : NULL;
    const char *answer = "{\"error\": \"out of memory\"}";
    if (cx) {
        p->cx = cx;
        p->moved = -1;
        answer = live_read(p, text) ? then(p, path) : fail(p);
    }
    ct_context_free(cx);
    free(p);
    return answer;
}

static const char *page(live_program *p, const char *path)
{
    if (ct_graph_page(p->result, path, NULL) != CT_OK)
        return fail(p);
    live_begin();
    live_print("{}");
    return live_finish();
}

const char *live_expression(const char *text) { return read_text(text, text, report); }
const char *live_page(const char *text, const char *path) { return read_text(text, path, page); }

const char *live_function_names(void)
{
    int n;
    const live_function *f = live_functions(&n);
    live_begin();
    live_print("[");
    for (int i = 0; i < n; i++)
        live_print("%s\"%s\"", i ? ", " : "", f[i].name);
    live_print("]");
    return live_finish();
}

const char *live_version(void) { return ct_version(); }
