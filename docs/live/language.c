/* Reads a text in the language of language.h, and computes while it reads. */
#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "language.h"

enum { DEEP = 64, ELEMENTS = 400, SHOWN = 16 };

typedef struct reader {
    const char *start, *at;
    live_program *program;
    int brackets; /* how many are open: inside them a line may end */
    int depth;    /* of the calls below */
} reader;

/* -- Errors: only the first counts. Every function below returns NULL after one */
static void *fail(reader *r, const char *at, const char *format, ...) CT_PRINTF(3, 4);
static void *fail(reader *r, const char *at, const char *format, ...)
{
    live_program *p = r->program;
    if (*p->error)
        return NULL;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(p->error, sizeof p->error, format, arguments);
    va_end(arguments);
    p->line = 1, p->column = 1, p->at = 0;
    for (const char *c = r->start; c < at; c++) {
        bool character = ((unsigned char)*c & 0xc0) != 0x80; /* of UTF-8, its first byte */
        p->at += character;
        p->column = *c == '\n' ? 1 : p->column + character;
        p->line += *c == '\n';
    }
    return NULL;
}

/* what stands at r->at, for a message */
static const char *found(const reader *r, char room[SHOWN + 8])
{
    int n = 1;
    if (!*r->at || *r->at == '\n')
        return *r->at ? "the end of the line" : "the end";
    if (isalnum((unsigned char)*r->at) || *r->at == '_')
        while (n < SHOWN && (isalnum((unsigned char)r->at[n]) || r->at[n] == '_'))
            n++;
    else
        while (((unsigned char)r->at[n] & 0xc0) == 0x80)
            n++;
    snprintf(room, SHOWN + 8, "'%.*s'", n, r->at);
    return room;
}

static void *expected(reader *r, const char *what)
{
    char room[SHOWN + 8];
    return fail(r, r->at, "expected %s, got %s", what, found(r, room));
}

/* an operator's result; if it failed, the library has said why */
static ct_tensor *result(reader *r, const char *at, ct_tensor *y)
{
    if (!y && ct_error(r->program->cx))
        return fail(r, at, "%s", ct_error_text(r->program->cx));
    return y;
}

/* -- Characters */
static char next(reader *r)
{
    for (;; r->at++) {
        if (*r->at == '#')
            while (r->at[1] && r->at[1] != '\n')
                r->at++;
        else if (!strchr(" \t\r", *r->at) && !(*r->at == '\n' && r->brackets))
            return *r->at;
        else if (!*r->at)
            return '\0';
    }
}

static bool take(reader *r, char c)
{
    if (next(r) != c)
        return false;
    r->at++;
    r->brackets += c == '(' || c == '[';
    r->brackets -= c == ')' || c == ']';
    return true;
}

static bool take_name(reader *r, char name[LIVE_NAME])
{
    int n = 0;
    next(r);
    if (!isalpha((unsigned char)*r->at) && *r->at != '_')
        return false;
    while (isalnum((unsigned char)r->at[n]) || r->at[n] == '_')
        n++;
    if (n >= LIVE_NAME)
        return fail(r, r->at, "a name has at most %d characters", LIVE_NAME - 1);
    memcpy(name, r->at, (size_t)n);
    name[n] = '\0';
    r->at += n;
    return true;
}

/* strtod would also take "inf", "nan" and hexadecimal numbers */
static bool take_number(reader *r, double *value)
{
    const char *digits = *r->at == '.' ? r->at + 1 : r->at;
    if (!isdigit((unsigned char)*digits))
        return false;
    if (*r->at == '0' && (r->at[1] == 'x' || r->at[1] == 'X')) {
        expected(r, "a decimal number");
        return false;
    }
    char *end;
    *value = strtod(r->at, &end);
    r->at = end;
    return true;
}

/* -- Names */
static live_name *find(live_program *p, const char *name)
{
    for (int i = 0; i < p->names; i++)
        if (strcmp(p->name[i].name, name) == 0)
            return &p->name[i];
    return NULL;
}

static ct_tensor *softmax(ct_tensor *x) { return ct_softmax(x, -1); }

static const live_function functions[] = {
#define ONE(name) { #name, ct_##name, NULL }
#define TWO(name) { #name, NULL, ct_##name }
    ONE(abs),      ONE(acos),    ONE(acosh),     ONE(asin),     ONE(asinh),    ONE(atan),
    ONE(atanh),    ONE(cbrt),    ONE(ceil),      ONE(cos),      ONE(cosh),     ONE(digamma),
    ONE(erf),      ONE(erfc),    ONE(exp),       ONE(expm1),    ONE(floor),    ONE(gelu),
    ONE(lgamma),   ONE(log),     ONE(log10),     ONE(log1p),    ONE(log2),     ONE(mean),
    ONE(neg),      ONE(relu),    ONE(round),     ONE(sigmoid),  ONE(sign),     ONE(silu),
    ONE(sin),      ONE(sinc),    ONE(sinh),      ONE(softplus), ONE(sqrt),     ONE(square),
    ONE(sum),      ONE(tan),     ONE(tanh),      ONE(transpose),
    TWO(atan2),    TWO(fmod),    TWO(hypot),     TWO(logaddexp), TWO(matmul),  TWO(maximum),
    TWO(minimum),  TWO(pow),     { "max", NULL, ct_maximum },   { "min", NULL, ct_minimum },
    { "softmax", softmax, NULL },
#undef ONE
#undef TWO
};

const live_function *live_functions(int *n)
{
    *n = (int)(sizeof functions / sizeof *functions);
    return functions;
}

/* -- Expressions */
static ct_tensor *sum(reader *r);
static ct_tensor *signed_one(reader *r);

static ct_tensor *number(reader *r, double value)
{
    return result(r, r->at, ct_scalar(r->program->cx, CT_F64, value));
}

static ct_tensor *call(reader *r, const char *name, const char *at)
{
    ct_tensor *x[2] = { NULL, NULL };
    const live_function *f = functions, *end = f + sizeof functions / sizeof *functions;
    int n = 0;
    while (f < end && strcmp(f->name, name) != 0)
        f++;
    if (f == end)
        return fail(r, at, "there is no function %s", name);
    int wanted = f->one ? 1 : 2;
    do {
        ct_tensor *y = sum(r);
        if (!y)
            return NULL;
        if (n < 2)
            x[n] = y;
        n++;
    } while (take(r, ','));
    if (!take(r, ')'))
        return expected(r, "an operator, ',' or ')'");
    if (n != wanted)
        return fail(r, at, "%s takes %s, got %d", name,
                    wanted == 1 ? "1 argument" : "2 arguments", n);
    return result(r, at, f->one ? f->one(x[0]) : f->two(x[0], x[1]));
}

static ct_tensor *name_or_call(reader *r)
{
    char name[LIVE_NAME];
    next(r);
    const char *at = r->at;
    if (!take_name(r, name))
        return NULL;
    if (take(r, '('))
        return call(r, name, at);
    const live_name *known = find(r->program, name);
    if (known)
        return known->value;
    if (strcmp(name, "pi") == 0)
        return number(r, acos(-1));
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strcmp(name, functions[i].name) == 0)
            return expected(r, "'(' after a function's name");
    return fail(r, at, "%s has no value; give it one in a line before: %s = 2", name, name);
}

/* -- Vectors and matrices: [1, 2], [[1, 2], [3, 4]] */
typedef struct elements {
    double value[ELEMENTS];
    int64_t count, columns, rows; /* rows 0: a vector */
} elements;

static bool row(reader *r, elements *e)
{
    int64_t before = e->count;
    do {
        bool minus = take(r, '-');
        if (!minus)
            take(r, '+');
        next(r);
        if (e->count == ELEMENTS)
            return fail(r, r->at, "a matrix has at most %d elements here", ELEMENTS);
        if (!take_number(r, &e->value[e->count]))
            return expected(r, "a number");
        if (minus)
            e->value[e->count] = -e->value[e->count];
        e->count++;
    } while (take(r, ','));
    if (!take(r, ']'))
        return expected(r, "',' or ']'");
    int64_t n = e->count - before;
    if (before && n != e->columns)
        return fail(r, r->at - 1, "this row has %d numbers, and the first has %d", (int)n,
                    (int)e->columns);
    e->columns = n;
    return true;
}

static ct_tensor *matrix(reader *r)
{
    elements e = { .count = 0 };
    if (next(r) != '[') {
        if (!row(r, &e))
            return NULL;
    } else {
        do {
            if (!take(r, '['))
                return expected(r, "'[', the next row");
            if (!row(r, &e))
                return NULL;
            e.rows++;
        } while (take(r, ','));
        if (!take(r, ']'))
            return expected(r, "',' or ']'");
    }
    int64_t shape[] = { e.rows, e.columns };
    int skip = e.rows ? 0 : 1;
    return result(r, r->at, ct_from_doubles(r->program->cx, CT_F64, shape + skip, 2 - skip, e.value,
                                            e.count));
}

static ct_tensor *primary(reader *r)
{
    double value;
    char c = next(r);
    if (isalpha((unsigned char)c) || c == '_')
        return name_or_call(r);
    if (take_number(r, &value))
        return number(r, value);
    if (take(r, '['))
        return matrix(r);
    if (!take(r, '('))
        return expected(r, "a number, a name, '(', '[' or '-'");
    ct_tensor *y = sum(r);
    if (y && !take(r, ')'))
        return expected(r, "an operator or ')'");
    return y;
}

/* a constant power 2 is the operator square, which is a learner's x^2 */
static ct_tensor *to_the_power(ct_tensor *x, ct_tensor *power)
{
    bool two = ct_ndim(power) == 0 && !ct_requires_grad(power) && ct_item(power) == 2;
    return two ? ct_square(x) : ct_pow(x, power);
}

static ct_tensor *power(reader *r)
{
    ct_tensor *x = primary(r);
    if (!x || next(r) != '^')
        return x;
    const char *at = r->at++;
    ct_tensor *exponent = signed_one(r);
    return exponent ? result(r, at, to_the_power(x, exponent)) : NULL;
}

/* -x^2 is -(x^2), as in mathematics, and the minus of a number is a part of it */
static ct_tensor *signed_one(reader *r)
{
    ct_tensor *x = NULL;
    if (r->depth++ == DEEP)
        return fail(r, r->at, "this is nested more than %d deep", DEEP);
    char c = next(r);
    const char *at = r->at;
    if (c == '-' || c == '+')
        r->at++;
    x = c == '-' || c == '+' ? signed_one(r) : power(r);
    if (x && c == '-')
        x = result(r, at, ct_neg(x));
    r->depth--;
    return x;
}

static ct_tensor *product(reader *r)
{
    ct_tensor *x = signed_one(r);
    for (char c; x && ((c = next(r)) == '*' || c == '/' || c == '@');) {
        const char *at = r->at++;
        ct_tensor *b = signed_one(r);
        if (!b)
            return NULL;
        x = result(r, at, c == '*' ? ct_mul(x, b) : c == '/' ? ct_div(x, b) : ct_matmul(x, b));
    }
    return x;
}

static ct_tensor *sum(reader *r)
{
    ct_tensor *x = product(r);
    for (char c; x && ((c = next(r)) == '+' || c == '-');) {
        const char *at = r->at++;
        ct_tensor *b = product(r);
        x = b ? result(r, at, c == '+' ? ct_add(x, b) : ct_sub(x, b)) : NULL;
    }
    return x;
}

/* -- Lines */
/* A value that depends on no variable becomes one, and is moved if that was asked for. */
static ct_tensor *variable(reader *r, const char *at, ct_tensor *x)
{
    live_program *p = r->program;
    if (p->variables++ == p->moved) {
        double value[ELEMENTS];
        int64_t n = ct_count(x);
        if (n > ELEMENTS || ct_to_doubles(x, value, n) != CT_OK)
            return fail(r, at, "a variable has at most %d elements here", ELEMENTS);
        value[p->element] += p->by;
        x = ct_from_doubles(p->cx, CT_F64, ct_shape(x), ct_ndim(x), value, n);
    }
    return result(r, at, ct_variable(x));
}

static bool define(reader *r, const char *name, const char *at, ct_tensor *x)
{
    live_program *p = r->program;
    bool leaf = !ct_requires_grad(x);
    const char *end = r->at;
    next(r);
    bool last = !*r->at;
    r->at = end;
    if (leaf && !last)
        x = variable(r, at, ct_detach(x));
    if (!x)
        return false;
    if (!*ct_name(x))
        ct_named(x, name);
    p->name[p->names] = (live_name){ .value = x, .variable = leaf && !last };
    strcpy(p->name[p->names++].name, name);
    return true;
}

/* is this the beginning of NAME = ... ? */
static bool is_definition(const reader *r, char name[LIVE_NAME])
{
    reader look = *r;
    return take_name(&look, name) && next(&look) == '=';
}

static bool line(reader *r)
{
    char name[LIVE_NAME] = "";
    next(r);
    const char *at = r->at;
    if (is_definition(r, name)) {
        if (find(r->program, name))
            return fail(r, at, "%s has a value already", name);
        if (r->program->names == LIVE_NAMES)
            return fail(r, at, "there are at most %d names", LIVE_NAMES);
        take_name(r, name);
        take(r, '=');
    } else {
        *name = '\0';
    }
    ct_tensor *x = sum(r);
    if (!x)
        return false;
    char c = next(r);
    if (c && c != '\n' && c != ';')
        return expected(r, "an operator (products are written with *) or the end of the line");
    while (next(r) == '\n' || *r->at == ';')
        r->at++;
    r->program->result = x;
    r->program->last = at;
    return !*name || define(r, name, at, x);
}

bool live_read(live_program *p, const char *text)
{
    reader r = { .start = text, .at = text, .program = p };
    p->names = p->variables = 0;
    p->result = NULL;
    *p->error = '\0';
    while (next(&r) == '\n' || *r.at == ';')
        r.at++;
    if (!*r.at)
        return expected(&r, "a line such as x = 2, or an expression");
    while (*r.at)
        if (!line(&r))
            return false;
    if (ct_count(p->result) != 1) {
        char shape[CT_SHAPE_TEXT];
        return fail(&r, p->last, "the last line has shape %s, and what is differentiated is one "
                    "number: sum(...) or mean(...) makes one", ct_shape_text(p->result, shape));
    }
    if (!ct_requires_grad(p->result))
        return fail(&r, p->last, "the last line depends on no variable: lines before it give names "
                    "a value, such as x = 2");
    return true;
}
