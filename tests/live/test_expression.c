/* docs/live: the language of the pages, and what they say about a function. */
#include <unistd.h>

#include "live.h"
#include "support.h"

/* the number after `key` in the answer, from `from` on */
static double number_after(const char *from, const char *key)
{
    const char *at = strstr(from, key);
    ck_assert_msg(at, "%s is not in %s", key, from);
    return strtod(at + strlen(key), NULL);
}

/* the first number of `kind` that the answer has for this name */
static double of_name(const char *answer, const char *name, const char *kind)
{
    char key[80];
    snprintf(key, sizeof key, "\"name\": \"%s\"", name);
    const char *at = strstr(answer, key);
    ck_assert_msg(at, "%s is not in %s", name, answer);
    snprintf(key, sizeof key, "\"%s\": [", kind);
    return number_after(at, key);
}

static void says(const char *text, const char *error, int line, int column)
{
    char want[600];
    snprintf(want, sizeof want, "{\"error\": \"%s\", \"line\": %d, \"column\": %d,", error, line,
             column);
    const char *answer = live_expression(text);
    ck_assert_msg(strncmp(answer, want, strlen(want)) == 0, "%s: %s, not %s", text, answer, want);
}

static double value_of(const char *text)
{
    return number_after(live_expression(text), "\"value\": ");
}

START_TEST(values)
{
    static const struct { const char *text; double value; } cases[] = {
        { "x = 2; x", 2 }, { "x = 2; 1 + 2 * x - 6 / 3 / x", 4 }, { "x = 2; -x^2", -4 },
        { "x = 2; 2^x^3", 256 }, { "x = 2; x^-1", 0.5 }, { "x = 2; (1 + x) * -x", -6 },
        { "x = 1e-3; x", 1e-3 }, { "x = .5; 2. * x", 1 }, { "x = [1, 2]; sum(x)", 3 },
        { "x = [[1, 2], [3, -4]]; sum(x @ [1, 10])", 21 - 37 }, { "x = 3; max(x, 2)", 3 },
        { "x = -3 ; y = abs(x)", 3 }, { "\n\nx = 2 # a comment ; 7\n ( x\n + 1)\n\n", 3 },
        { "x = 1; x - -1", 2 }, { "pi = 3; pi", 3 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double value = value_of(cases[i].text);
        ck_assert_msg(value == cases[i].value, "%s is %g", cases[i].text, value);
    }
    ck_assert(fabs(value_of("x = 1; x * pi") - acos(-1)) == 0);
}
END_TEST

START_TEST(derivatives)
{
    ct_tensor *x = ct_variable(ct_scalar(cx, CT_F64, 2));
    ct_tensor *y = ct_variable(ct_scalar(cx, CT_F64, 3));
    ct_tensor *p = ct_mul(x, y), *z = ct_mul(p, ct_sin(x)), *g[3];
    ck_assert(ct_grad(z, NULL, CT_TENSORS(x, y, p), 0, g) == CT_OK);
    const char *answer = live_expression("x = 2\ny = 3\np = x * y\nz = p * sin(x)");
    ck_assert(number_after(answer, "\"value\": ") == ct_item(z));
    ck_assert(of_name(answer, "x", "gradient") == ct_item(g[0]));
    ck_assert(of_name(answer, "y", "gradient") == ct_item(g[1]));
    ck_assert(of_name(answer, "p", "gradient") == ct_item(g[2]));
    ck_assert(of_name(answer, "z", "gradient") == 1);
    ck_assert(fabs(of_name(answer, "x", "difference") - ct_item(g[0])) < 1e-8);
    ck_assert(strstr(answer, "#0 mul -\\u003e z f64 ()"));
}
END_TEST

/* a name that nothing uses has zeros, and each element of a matrix its own difference */
START_TEST(matrices)
{
    const char *answer = live_expression("W = [[1, 2, 3], [4, 5, 6]]; u = [7, 8]; sum(W^3)");
    ck_assert_msg(strstr(answer, "\"shape\": \"(2,3)\", \"value\": [1,2,3,4,5,6], "
                                 "\"gradient\": [3,12,27,48,75,108]"), "%s", answer);
    ck_assert_msg(strstr(answer, "\"value\": [7,8], \"gradient\": [0,0], \"difference\": [0,0]"),
                  "%s", answer);
    const char *at = strstr(answer, "\"difference\": [");
    char *end = (char *)at + strlen("\"difference\": [") - 1;
    for (int i = 1; i <= 6; i++)
        ck_assert(fabs(strtod(end + 1, &end) - 3 * i * i) < 1e-7);
    ck_assert(strstr(live_expression("x = 1; y = x - 2; sqrt(y)"), "{\"value\": \"nan\""));
}
END_TEST

START_TEST(errors)
{
    says("", "expected a line such as x = 2, or an expression, got the end", 1, 1);
    says("x = 2\ny = 3\nx ** y", "expected a number, a name, '(', '[' or '-', got '*'", 3, 4);
    says("x = 2; 3x", "expected an operator (products are written with *) or the end of the line, "
         "got 'x'", 1, 9);
    says("y", "y has no value; give it one in a line before: y = 2", 1, 1);
    says("x = 1", "the last line depends on no variable: lines before it give names a value, such "
         "as x = 2", 1, 1);
    says("x = 1; x = 2", "x has a value already", 1, 8);
    says("x = [1, 2]\nx * 2", "the last line has shape (2), and what is differentiated is one "
         "number: sum(...) or mean(...) makes one", 2, 1);
    says("x = [1, 2]\nsum(x + [1, 2, 3])", "add: shapes do not broadcast: x (2) x (3)", 2, 7);
    says("W = [[1, 2], [3]]; sum(W)", "this row has 1 numbers, and the first has 2", 1, 16);
    says("x = [1, y]; sum(x)", "expected a number, got 'y'", 1, 9);
    says("x = 2; max(x)", "max takes 2 arguments, got 1", 1, 8);
    says("x = 2; sin(x, x)", "sin takes 1 argument, got 2", 1, 8);
    says("x = 2; foo(x)", "there is no function foo", 1, 8);
    says("x = 2; sin x", "expected '(' after a function's name, got 'x'", 1, 12);
    says("x = 2; (x", "expected an operator or ')', got the end", 1, 10);
    says("x = 2 +\nx", "expected a number, a name, '(', '[' or '-', got the end of the line", 1, 8);
    says("x = 0x10; x", "expected a decimal number, got '0x10'", 1, 5);
    says("# \xc3\xa9\xc3\xa9\n\xc3\xa9 = 2", "expected a number, a name, '(', '[' or '-', got "
         "'\xc3\xa9'", 2, 1);
    says("a234567890123456789012345678901234567890 = 1", "a name has at most 31 characters", 1, 1);
}
END_TEST

START_TEST(limits)
{
    char text[2000] = "x = 1; ";
    memset(text + 7, '(', 70);
    says(text, "this is nested more than 64 deep", 1, 72);
    for (int k = 0; k < 70; k++)
        sprintf(text + 8 * k, "x%02d = 1;", k);
    says(text, "there are at most 64 names", 1, 64 * 8 + 1);
    strcpy(text, "x = [1");
    for (int k = 0; k < 400; k++)
        strcat(text, ",1");
    says(strcat(text, "]; sum(x)"), "a matrix has at most 400 elements here", 1, 6 + 2 * 400);
}
END_TEST

START_TEST(page)
{
    char name[] = "/tmp/live-XXXXXX";
    close(mkstemp(name));
    ck_assert_str_eq(live_page("x = 2; y = sin(x)", name), "{}");
    char begin[16] = "";
    FILE *file = fopen(name, "r");
    ck_assert(file && fread(begin, 1, 15, file) == 15);
    ck_assert_str_eq(begin, "<!doctype html>");
    fclose(file);
    remove(name);
    ck_assert(strstr(live_page("x = 2; y = sin(x)", "/nowhere/at/all"),
                     "{\"error\": \"graph_page: /nowhere/at/all: cannot "));
    ck_assert(strstr(live_page("x = ", name), "\"line\": 1, \"column\": 5"));
    ck_assert(strstr(live_function_names(), "\"tanh\""));
    ck_assert_str_eq(live_version(), ct_version());
    live_forget_text();
}
END_TEST

Suite *live_expression_suite(void);
Suite *live_expression_suite(void)
{
    return make_suite("live/expression", (const TTest *[]){
        values, derivatives, matrices, errors, limits, page, NULL });
}
